//! Which addresses are the public internet.
//!
//! From the IANA special-purpose address registries (RFC 6890 and its updates), and the addresses at which clouds serve
//! secrets to their machines. In IPv6 only global unicast is public; what carries an IPv4 address inside (mapped,
//! compatible, NAT64, 6to4, Teredo) is refused whatever is inside, because who translates it is not ours to know.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This machine.
    #[error("a loopback address")]
    Loopback,
    /// A private network, or one shared by a provider's customers.
    #[error("a private address")]
    Private,
    /// This network segment; also where clouds serve secrets to their machines.
    #[error("a link-local or cloud metadata address")]
    LinkLocal,
    /// An IPv6 address that stands for an IPv4 address.
    #[error("an address that carries another address inside")]
    Embedded,
    /// Reserved for protocols, documentation, tests or many receivers.
    #[error("a reserved address")]
    Reserved,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, d: u16, e: u16, f: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, 0, 0), length)
}

const REFUSED_V4: &[(Ipv4Net, Refusal)] = &[
    (v4(0, 0, 0, 0, 8), Refusal::Loopback), // "this host": Linux connects to itself
    (v4(127, 0, 0, 0, 8), Refusal::Loopback),
    (v4(10, 0, 0, 0, 8), Refusal::Private),
    (v4(100, 64, 0, 0, 10), Refusal::Private), // carrier-grade NAT; Alibaba's metadata is in it
    (v4(172, 16, 0, 0, 12), Refusal::Private),
    (v4(192, 168, 0, 0, 16), Refusal::Private),
    (v4(169, 254, 0, 0, 16), Refusal::LinkLocal),
    (v4(168, 63, 129, 16, 32), Refusal::LinkLocal), // Azure's wire server, a public number
    (v4(192, 0, 0, 0, 24), Refusal::Reserved),      // protocols; Oracle's metadata is in it
    (v4(192, 0, 2, 0, 24), Refusal::Reserved),
    (v4(192, 88, 99, 0, 24), Refusal::Embedded), // 6to4 relays
    (v4(198, 18, 0, 0, 15), Refusal::Reserved),
    (v4(198, 51, 100, 0, 24), Refusal::Reserved),
    (v4(203, 0, 113, 0, 24), Refusal::Reserved),
    (v4(224, 0, 0, 0, 4), Refusal::Reserved),
    (v4(240, 0, 0, 0, 4), Refusal::Reserved),
];

const REFUSED_V6: &[(Ipv6Net, Refusal)] = &[
    (v6(0, 0, 0, 0, 0, 0xffff, 96), Refusal::Embedded), // mapped
    (v6(0, 0, 0, 0, 0xffff, 0, 96), Refusal::Embedded), // translated (SIIT)
    (v6(0x64, 0xff9b, 0, 0, 0, 0, 96), Refusal::Embedded), // NAT64
    (v6(0x64, 0xff9b, 1, 0, 0, 0, 48), Refusal::Embedded), // NAT64, local
    (v6(0x2001, 0, 0, 0, 0, 0, 32), Refusal::Embedded), // Teredo
    (v6(0x2002, 0, 0, 0, 0, 0, 16), Refusal::Embedded), // 6to4
    (v6(0x2001, 0, 0, 0, 0, 0, 23), Refusal::Reserved), // protocols
    (v6(0x2001, 0xdb8, 0, 0, 0, 0, 32), Refusal::Reserved),
    (v6(0x3fff, 0, 0, 0, 0, 0, 20), Refusal::Reserved),
    (v6(0xfc00, 0, 0, 0, 0, 0, 7), Refusal::Private),
    (v6(0xfe80, 0, 0, 0, 0, 0, 10), Refusal::LinkLocal),
    (v6(0xfec0, 0, 0, 0, 0, 0, 10), Refusal::Private), // site-local, as it was
];

const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 0, 0, 0, 3);

/// Why this address is refused; `None` when it is public or on the allow-list.
pub fn refusal(address: IpAddr, allowed: &[IpNet]) -> Option<Refusal> {
    if allowed.iter().any(|net| net.contains(&address)) {
        return None;
    }
    match address {
        IpAddr::V4(address) => REFUSED_V4
            .iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, refusal)| *refusal),
        IpAddr::V6(address) if address.is_loopback() || address.is_unspecified() => Some(Refusal::Loopback),
        IpAddr::V6(address) => REFUSED_V6
            .iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, refusal)| *refusal)
            .or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some(Refusal::Reserved)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<Refusal> {
        refusal(address.parse().unwrap(), &[])
    }

    #[test]
    fn the_edges_of_private_networks_are_where_they_should_be() {
        for inside in [
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "100.64.0.0",
            "100.127.255.255",
        ] {
            assert_eq!(of(inside), Some(Refusal::Private), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
        ] {
            assert_eq!(of(outside), None, "{outside}");
        }
    }

    #[test]
    fn public_addresses_are_reached() {
        for address in [
            "1.1.1.1",
            "93.184.215.14",
            "168.63.129.15",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
        ] {
            assert_eq!(of(address), None, "{address}");
        }
    }

    #[test]
    fn ipv6_outside_global_unicast_is_refused() {
        for address in [
            "100::1",
            "4000::1",
            "5f00::1",
            "ff02::1",
            "::2",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(of(address).is_some(), "{address}");
        }
    }

    #[test]
    fn the_operators_allow_list_wins() {
        let allowed = ["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()];

        assert_eq!(refusal("10.1.2.3".parse().unwrap(), &allowed), None);
        assert_eq!(refusal("::1".parse().unwrap(), &allowed), None);
        assert_eq!(
            refusal("10.2.0.1".parse().unwrap(), &allowed),
            Some(Refusal::Private)
        );
    }
}
