//! Where platforms and browsers fetch a file: `/files/{workspace}/{blob}/{token}/{name}`.
//!
//! The token is the time at which it ends and the installation's signature over workspace, file and that time.

use crate::Reference;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BlobId, WorkspaceId};
use std::fmt;
use url::{Host, Url};
use vault::MasterKeys;

/// How long an address opens its file: platforms may take their time, and where the person gets it as a link it is clicked
/// days later.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);
const PURPOSE: &str = "file address 1";
const EXPIRY: usize = 8;

/// This installation cannot be reached by platforms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "platforms fetch uploaded files from this installation, and cannot reach it at {public_url}: {problem}. Set \
     gateway.public_url to a public https address (a tunnel will do), or give the file's own public address as `url`"
)]
pub struct Unreachable {
    public_url: String,
    problem: &'static str,
}

/// Makes and proves the addresses of files. Cheap to clone.
#[derive(Clone)]
pub struct Addresses {
    masters: MasterKeys,
    public_url: Url,
}

/// Nothing of the keys.
impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Addresses({})", self.public_url)
    }
}

impl Addresses {
    /// Under the address at which the outside world reaches the gateway.
    pub const fn new(masters: MasterKeys, public_url: Url) -> Self {
        Self { masters, public_url }
    }

    /// Where a file of this workspace is fetched, until then.
    pub fn of(&self, workspace: WorkspaceId, file: &Reference, until: DateTime<Utc>) -> String {
        let expiry = until.timestamp().to_be_bytes();
        let proof = self.masters.sign(PURPOSE, &said(workspace, file.blob, expiry));
        let token = BASE64_URL_SAFE_NO_PAD.encode([expiry.as_slice(), &proof].concat());
        let base = self.public_url.as_str().trim_end_matches('/');
        format!("{base}/files/{workspace}/{}/{token}/{}", file.blob, file.name())
    }

    /// Whether a token opens this file of this workspace now.
    pub fn opens(&self, workspace: WorkspaceId, blob: BlobId, token: &str, now: DateTime<Utc>) -> bool {
        let Ok(token) = BASE64_URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        let Some((expiry, proof)) = token.split_first_chunk::<EXPIRY>() else {
            return false;
        };
        self.masters
            .is_signed(PURPOSE, &said(workspace, blob, *expiry), proof)
            && i64::from_be_bytes(*expiry) > now.timestamp()
    }

    /// Whether platforms can reach this installation.
    pub fn reachable(&self) -> Result<(), Unreachable> {
        let problem = if self.public_url.scheme() != "https" {
            Some("it does not begin with https://")
        } else if is_private(&self.public_url) {
            Some("it is an address of a private network")
        } else {
            None
        };
        problem.map_or(Ok(()), |problem| {
            Err(Unreachable {
                public_url: self.public_url.to_string(),
                problem,
            })
        })
    }
}

fn said(workspace: WorkspaceId, blob: BlobId, expiry: [u8; EXPIRY]) -> Vec<u8> {
    let (workspace, blob) = (workspace.as_uuid(), blob.as_uuid());
    [workspace.as_bytes().as_slice(), blob.as_bytes(), &expiry].concat()
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.')
                || [".localhost", ".local", ".internal", ".lan", ".home.arpa"]
                    .iter()
                    .any(|ending| name.ends_with(ending))
        }
        Some(Host::Ipv4(ip)) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || {
                // Carriers' own (RFC 6598).
                let [first, second, ..] = ip.octets();
                first == 100 && (64..128).contains(&second)
            }
        }
        Some(Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;

    fn addresses(public_url: &str) -> Addresses {
        let masters = MasterKeys::load(&vault::Settings {
            master_key: BASE64_STANDARD.encode([7; 32]).into(),
            ..Default::default()
        });
        Addresses::new(masters.unwrap(), public_url.parse().unwrap())
    }

    fn token(address: &str) -> &str {
        address.rsplit('/').nth(1).unwrap()
    }

    #[test]
    fn a_token_opens_one_file_of_one_workspace_until_it_ends() {
        let (now, addresses) = (Utc::now(), addresses("https://bots.example/below/"));
        let (workspace, blob) = (WorkspaceId::new(), BlobId::new());
        let file = Reference::new(blob, "plan.pdf");
        let address = addresses.of(workspace, &file, now + TimeDelta::seconds(60));
        let token = token(&address);

        assert_eq!(
            address,
            format!("https://bots.example/below/files/{workspace}/{blob}/{token}/plan.pdf")
        );
        assert!(addresses.opens(workspace, blob, token, now));
        assert!(!addresses.opens(workspace, blob, token, now + TimeDelta::seconds(61)));
        assert!(!addresses.opens(WorkspaceId::new(), blob, token, now));
        assert!(!addresses.opens(workspace, BlobId::new(), token, now));
    }

    #[test]
    fn a_token_that_was_changed_anywhere_opens_nothing() {
        let (now, addresses) = (Utc::now(), addresses("https://bots.example"));
        let (workspace, blob) = (WorkspaceId::new(), BlobId::new());
        let address = addresses.of(workspace, &Reference::new(blob, "a.png"), now + LIFETIME);
        let token = token(&address);

        for at in 0..token.len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(!addresses.opens(workspace, blob, &changed, now), "at {at}");
        }
        for garbage in ["", "A", "AAAAAAAAAAA", &token[..40], &"A".repeat(10_000)] {
            assert!(!addresses.opens(workspace, blob, garbage, now), "{garbage}");
        }
    }

    #[test]
    fn only_a_public_https_address_is_reached_by_platforms() {
        for good in [
            "https://bots.example",
            "https://bots.example.com/x/",
            "https://93.184.216.34",
        ] {
            assert_eq!(addresses(good).reachable(), Ok(()), "{good}");
        }
        for bad in [
            "http://bots.example",
            "https://localhost",
            "https://box.local",
            "https://127.0.0.1",
            "https://10.1.2.3",
            "https://100.64.0.1",
            "https://[::1]",
            "https://[fd00::1]",
        ] {
            let said = addresses(bad).reachable().unwrap_err().to_string();
            assert!(
                said.contains("gateway.public_url") && said.contains(bad),
                "{said}"
            );
        }
    }
}
