//! The HTTP client that all platforms share.

use reqwest::{Client, redirect::Policy};
use std::time::Duration;

/// The client could not be made: TLS has no roots, or the proxy settings of the environment are wrong.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be made")]
pub struct ClientError(#[from] reqwest::Error);

/// A client for platforms' APIs. It follows no redirect: credentials must not travel on by themselves, and what a
/// platform redirects to is checked by who asked.
pub fn client() -> Result<Client, ClientError> {
    Ok(Client::builder()
        .user_agent(concat!("BotSmith/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .redirect(Policy::none())
        .referer(false)
        // Below what load balancers allow, so that we rarely write into a connection that is just being closed.
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(64)
        .tcp_keepalive(Duration::from_secs(30))
        .build()?)
}
