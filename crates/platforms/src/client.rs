//! The HTTP clients: one that the platforms share, and one for addresses that are not the operator's choice.

use egress::{Guard, Timeouts};
use ipnet::IpNet;
use reqwest::{Client, redirect::Policy};
use std::time::Duration;

/// The client could not be made: TLS has no roots, or the proxy settings of the environment are wrong.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be made")]
pub struct ClientError(#[from] reqwest::Error);

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(15),
};

/// A client for addresses that owners type in: public ones, and the private ones that the operator allows.
pub(crate) fn guarded(allowed: &[IpNet]) -> Result<(Guard, egress::Client), ClientError> {
    let guard = Guard::new(allowed);
    let client = guard.client(TIMEOUTS)?;
    Ok((guard, client))
}

/// A client for platforms' APIs. It follows no redirect: credentials must not travel on by themselves, and what a
/// platform redirects to is checked by who asked.
pub fn client() -> Result<Client, ClientError> {
    Ok(Client::builder()
        .user_agent(concat!("BotSmith/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(TIMEOUTS.connect)
        .timeout(TIMEOUTS.total)
        .redirect(Policy::none())
        .referer(false)
        // Below what load balancers allow, so that we rarely write into a connection that is just being closed.
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(64)
        .tcp_keepalive(Duration::from_secs(30))
        .build()?)
}
