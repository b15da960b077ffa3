//! Ports that are free at the moment.

use anyhow::Context;
use std::net::{Ipv4Addr, TcpListener};

/// A port on 127.0.0.1 that nobody listens on. All of one call differ.
pub fn free<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
