//! Name resolution that hands out checked addresses only.

use crate::address::{Refusal, refusal};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

/// The addresses of a name, on their way.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a name.
pub trait Lookup: Send + Sync + 'static {
    /// All of them, as the resolver knows them now.
    fn lookup(&self, name: &str) -> Looking;
}

/// As this machine resolves names.
pub(crate) struct System;

impl Lookup for System {
    fn lookup(&self, name: &str) -> Looking {
        let name = name.to_owned();
        Box::pin(async move {
            Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|found| found.ip())
                .collect())
        })
    }
}

/// A name led only to addresses that are not reached.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {refusal}")]
pub(crate) struct RefusedName {
    pub name: String,
    pub refusal: Refusal,
}

/// What is given to the HTTP client: it connects to what comes out of here, and to nothing else.
pub(crate) struct CheckedResolver {
    pub lookup: Arc<dyn Lookup>,
    /// `None`: every address is reached.
    pub allowed: Option<Arc<[IpNet]>>,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, allowed, name) = (
            self.lookup.lookup(name.as_str()),
            self.allowed.clone(),
            name.as_str().to_owned(),
        );
        Box::pin(async move {
            let mut found = found.await?;
            if let Some(allowed) = allowed {
                let mut last = None;
                found.retain(|address| match refusal(*address, &allowed) {
                    None => true,
                    Some(refusal) => {
                        last = Some(refusal);
                        false
                    }
                });
                if let (true, Some(refusal)) = (found.is_empty(), last) {
                    return Err(RefusedName { name, refusal }.into());
                }
            }
            // Port 0 is replaced by the URL's.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
