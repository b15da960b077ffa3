//! Visitors' tokens: they open one conversation of one integration, for a while.
//!
//! Invariant: a token is proven before anything of it is believed; one that was made for another integration, or with an
//! identity secret that has been changed, proves nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::IntegrationId;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// Makes tokens recognisable, for us and for scanners of leaked secrets.
pub const PREFIX: &str = "bsv_";
/// No token of ours is longer.
const LONGEST: usize = 2_048;
/// What the key is for: the identity secret signs other things too.
const PURPOSE: &[u8] = b"botsmith visitor token 1";

/// What a token says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// The integration.
    #[serde(rename = "i")]
    pub integration: IntegrationId,
    /// The person, as the database names them.
    #[serde(rename = "c")]
    pub contact: String,
    /// The conversation, as the person names it.
    #[serde(rename = "v")]
    pub conversation: String,
    /// What the person is called.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "e")]
    pub expires: i64,
}

/// Who somebody is is nobody's business in a log.
impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("integration", &self.integration)
            .finish_non_exhaustive()
    }
}

/// A token that says this.
pub fn issue(visitor: &Visitor, identity_secret: &SecretString) -> Option<String> {
    let said = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(visitor).ok()?);
    let proof = BASE64_URL_SAFE_NO_PAD.encode(mac(identity_secret, &said).finalize().into_bytes());
    Some(format!("{PREFIX}{said}.{proof}"))
}

/// What a token says, if it is one of this integration's and has not ended.
pub fn read(
    token: &str,
    integration: IntegrationId,
    identity_secret: &SecretString,
    now: DateTime<Utc>,
) -> Option<Visitor> {
    let (said, proof) = token
        .strip_prefix(PREFIX)
        .filter(|rest| rest.len() <= LONGEST)?
        .split_once('.')?;
    let proof = BASE64_URL_SAFE_NO_PAD.decode(proof).ok()?;
    // In constant time.
    mac(identity_secret, said).verify_slice(&proof).ok()?;
    let visitor: Visitor = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
    (visitor.integration == integration && visitor.expires > now.timestamp()).then_some(visitor)
}

fn mac(identity_secret: &SecretString, said: &str) -> Hmac<Sha256> {
    let key = keyed(identity_secret.expose_secret().as_bytes())
        .chain_update(PURPOSE)
        .finalize()
        .into_bytes();
    keyed(&key).chain_update(said.as_bytes())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    Hmac::<Sha256>::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(integration: IntegrationId, expires: i64) -> Visitor {
        Visitor {
            integration,
            contact: "visitor:c_1".to_owned(),
            conversation: "c_1".to_owned(),
            name: None,
            expires,
        }
    }

    #[test]
    fn a_token_reads_back_for_its_integration_and_secret_until_it_ends() {
        let (now, ours, theirs) = (Utc::now(), IntegrationId::new(), IntegrationId::new());
        let secret: SecretString = "s".repeat(32).into();
        let visitor = visitor(ours, now.timestamp() + 60);
        let token = issue(&visitor, &secret).unwrap();

        assert_eq!(read(&token, ours, &secret, now), Some(visitor));
        assert_eq!(read(&token, theirs, &secret, now), None);
        assert_eq!(read(&token, ours, &"t".repeat(32).into(), now), None);
        assert_eq!(
            read(&token, ours, &secret, now + chrono::TimeDelta::seconds(61)),
            None
        );
    }

    #[test]
    fn a_token_that_was_changed_anywhere_proves_nothing() {
        let (now, ours) = (Utc::now(), IntegrationId::new());
        let secret: SecretString = "s".repeat(32).into();
        let token = issue(&visitor(ours, now.timestamp() + 60), &secret).unwrap();

        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of base64 carries bits that mean nothing.
            if at + 1 < token.len() {
                assert_eq!(read(&changed, ours, &secret, now), None, "at {at}");
            }
        }
        for garbage in [
            "",
            "bsv_",
            "bsv_.",
            "bsv_a.b",
            &format!("bsv_{}", "x".repeat(10_000)),
        ] {
            assert_eq!(read(garbage, ours, &secret, now), None);
        }
    }
}
