//! HTTP requests to addresses that tenants chose.
//!
//! Invariant: a connection is opened only to an address that was checked, and the check and the connection use the same
//! answer of the same name resolution. A name that is public when it is checked and private when it is used (DNS
//! rebinding) therefore gains nothing. Redirects are not followed, proxies of the environment are not used.
//!
//! Addresses written as numbers never reach a resolver, so they are checked in the URL: [`CheckedUrl`] is the only thing
//! that a [`Client`] accepts, and [`Guard::check`] the only way to make one.

mod address;
mod client;
mod resolve;

pub use address::{Refusal, refusal};
pub use client::{CheckedUrl, Client, Guard, Timeouts, UrlError, refused};
pub use ipnet::IpNet;
pub use resolve::{Looking, Lookup};
