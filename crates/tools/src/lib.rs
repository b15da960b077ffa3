//! What a bot can do beside answering: HTTP actions that its owner wrote down, and the tools of MCP servers.
//!
//! Invariants:
//! - Nothing is called but what an owner wrote down, at the host that stands there, through the guard of [`egress`].
//! - Arguments are checked against their schema before anything is sent, and cannot leave the place they are put in.
//! - No secret is in an outcome, an error or a debug print, whatever the other side repeats.

mod action;
mod call;
mod mcp;
mod outcome;
mod schema;
mod settings;
mod template;

pub use action::{HttpAction, Method, Unfit, check_name, usual_question};
pub use call::Tools;
pub use mcp::{Listed, McpServer, RemoteTool};
pub use outcome::{Outcome, Secrets};
pub use settings::Settings;
