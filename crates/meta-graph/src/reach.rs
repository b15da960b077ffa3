//! Whether Meta, out on the internet, can call an address of ours.

use std::net::{IpAddr, Ipv4Addr};
use url::{Host, Url};

/// Names that mean this machine or this network.
const PRIVATE_NAMES: [&str; 5] = ["localhost", "local", "internal", "lan", "home.arpa"];

/// Whether Meta can call an address, as far as can be told by looking at it: it calls with TLS only, and needs a
/// certificate that is not of one's own making.
pub fn can_be_called(url: &Url) -> bool {
    url.scheme() == "https" && is_public(url)
}

/// What an owner reads where Meta cannot call an address.
pub fn why_not_reached(webhook: &Url) -> String {
    format!(
        "Meta cannot call {webhook} from the internet. Set this installation's public address (`public_url`) to one that \
         begins with https and has a certificate of a known authority, then connect again."
    )
}

fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.')
                && !name.contains('_')
                && !PRIVATE_NAMES
                    .iter()
                    .any(|private| name.strip_suffix(private).is_some_and(|rest| rest.ends_with('.')))
        }
        Some(Host::Ipv4(address)) => is_public_v4(address),
        Some(Host::Ipv6(address)) => match IpAddr::V6(address).to_canonical() {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => {
                !address.is_loopback()
                    && !address.is_unspecified()
                    && !address.is_unique_local()
                    && !address.is_unicast_link_local()
            }
        },
        None => false,
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && b & 0b1100_0000 == 64;
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_inside_is_told_from_what_lies_outside() {
        for (url, expected) in [
            ("https://bot.acme.com/api", true),
            ("https://93.184.216.34:8443/", true),
            ("http://93.184.216.34:8080/", false),
            ("https://[2606:2800:220:1::1]/", true),
            ("https://localhost:8080/", false),
            ("https://bot.localhost/", false),
            ("https://bot.internal./", false),
            ("https://bot/", false),
            ("https://my_bot.acme.com/", false),
            ("https://127.0.0.1/", false),
            ("https://10.1.2.3/", false),
            ("https://192.168.1.5/", false),
            ("https://100.64.0.1/", false),
            ("https://169.254.169.254/", false),
            ("https://[::1]/", false),
            ("https://[fd00::1]/", false),
            ("https://[::ffff:10.0.0.1]/", false),
            ("ftp://bot.acme.com/", false),
        ] {
            assert_eq!(can_be_called(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
