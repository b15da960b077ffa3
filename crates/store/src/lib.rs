//! Everything BotSmith keeps: migrations, and one module per table with its queries as functions.
//!
//! The only crate that speaks SQL. Every query is checked against the schema when it is compiled. What a query must
//! always filter by is a parameter, so it cannot be left out; and row-level security holds it once more: see [`Db`].

mod db;
mod error;
#[cfg(test)]
mod fixtures;
pub mod holding;

pub mod activity_log;
pub mod administration;
pub mod analytics;
pub mod api_keys;
pub mod attachments;
pub mod blobs;
pub mod budgets;
pub mod canned_replies;
pub mod care;
pub mod channel_accounts;
pub mod chat;
pub mod chatbots;
pub mod chunks;
pub mod conduct;
pub mod conversations;
pub mod coupons;
pub mod credits;
pub mod data_jobs;
pub mod data_keys;
pub mod dead_letters;
pub mod documents;
pub mod drafts;
pub mod erasure;
pub mod golden;
pub mod idempotency_keys;
pub mod impersonations;
pub mod inbox;
pub mod installation;
pub mod instances;
pub mod intake;
pub mod integration_logs;
pub mod integrations;
pub mod invitations;
pub mod invoices;
pub mod jobs;
pub mod journey;
pub mod labels;
pub mod leads;
pub mod mail_settings;
pub mod mails;
pub mod mcp_servers;
pub mod meanings;
pub mod memberships;
pub mod model_providers;
pub mod moves;
pub mod notes;
pub mod one_time_tokens;
pub mod outbound;
pub mod outbound_files;
pub mod pages;
pub mod parts;
pub mod plans;
pub mod prices;
pub mod quarantine;
pub mod retrieval;
pub mod revenue;
pub mod scheduling;
pub mod second_factors;
pub mod sessions;
pub mod sign_in_failures;
pub mod sources;
pub mod statuses;
pub mod subscriptions;
pub mod switches;
pub mod tool_calls;
pub mod tools;
pub mod trials;
pub mod turns;
pub mod unanswered;
pub mod usage;
pub mod users;
pub mod versions;
pub mod webhooks;
pub mod widgets;
pub mod workspaces;

pub use db::{Db, Migration, Settings, SystemTx, TenantTx};
pub use error::StoreError;
