//! What workspaces pay, and what they may use for it.
//!
//! Invariant: amounts are whole numbers of the currency's smallest unit (ISO 4217), from the form to the database and back.

pub(crate) mod coupons;
pub(crate) mod document;
pub(crate) mod figures;
pub(crate) mod invoices;
pub(crate) mod limits;
pub(crate) mod money;
pub(crate) mod plans;
pub(crate) mod stripe;
pub(crate) mod subscriptions;
pub(crate) mod usage;
