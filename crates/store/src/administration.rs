//! The installation across its workspaces: what its administrators look at.
//!
//! Everything here works in the system's role and is asked for by administrators only. What is in a conversation is read
//! as its workspace reads it, in a transaction of that workspace: see [`crate::inbox`] and [`crate::journey`].

pub mod chatbots;
pub mod conversations;
pub mod latency;
pub mod leads;
pub mod overview;
pub mod slow_queries;
pub mod system;
pub mod users;
