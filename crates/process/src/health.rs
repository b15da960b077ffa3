//! Whether this process is alive (`/healthz`), can do its work (`/readyz`), and what it counts (`/metrics`).
//!
//! Services with HTTP of their own mount [`routes`]; the others run a [`Server`]. Reasons given for not being ready are
//! shown to whoever reaches the port: they name addresses and states, never a secret.

mod readiness;
mod server;

pub use readiness::{Flag, Readiness, Report};
pub use server::{Server, routes};
