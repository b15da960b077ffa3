//! Whether Twilio, out on the internet, can call an address of ours.

use std::net::{IpAddr, Ipv4Addr};
use url::{Host, Url};

/// Names that mean this machine or this network.
const PRIVATE_NAMES: [&str; 5] = ["localhost", "local", "internal", "lan", "home.arpa"];

/// Whether an address can be called from the internet, as far as can be told by looking at it.
pub(crate) fn is_public(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && match url.host() {
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
            ("http://93.184.216.34:8080/", true),
            ("https://[2606:2800:220:1::1]/", true),
            ("http://localhost:8080/", false),
            ("http://bot.localhost/", false),
            ("http://bot.internal./", false),
            ("http://bot/", false),
            ("https://my_bot.acme.com/", false),
            ("http://127.0.0.1/", false),
            ("http://10.1.2.3/", false),
            ("http://192.168.1.5/", false),
            ("http://100.64.0.1/", false),
            ("http://169.254.169.254/", false),
            ("http://[::1]/", false),
            ("http://[fd00::1]/", false),
            ("http://[::ffff:10.0.0.1]/", false),
            ("ftp://bot.acme.com/", false),
        ] {
            assert_eq!(is_public(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
