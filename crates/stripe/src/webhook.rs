//! Proves that an event comes from Stripe and was signed with the endpoint's secret just now.
//!
//! Invariants: the proof is over the raw body and its timestamp; the comparison takes the same time wherever texts differ;
//! without a secret nothing is ever proven.
//!
//! Source: <https://docs.stripe.com/webhooks/signature#verify-manually>

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header that carries the proof.
pub const HEADER: &str = "stripe-signature";
/// How far the signature's time may be from ours, in seconds: what Stripe's own libraries allow.
const WINDOW: u64 = 300;

/// Why an event is not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// There is no signature, or it cannot be read.
    #[error(
        "the Stripe-Signature header is missing or cannot be read: it does not come from Stripe, or a proxy removed it"
    )]
    Missing,
    /// It was made with another secret, or the body was changed.
    #[error(
        "the signature does not match: the signing secret is another endpoint's, or a proxy changed the body"
    )]
    Wrong,
    /// It is a repeat, or a clock is wrong.
    #[error("it was signed {0} seconds away from this machine's clock, and 300 are allowed")]
    Clock(i64),
}

/// Proves an event.
pub fn verify(header: &str, body: &[u8], secret: &SecretString, now: DateTime<Utc>) -> Result<(), Unproven> {
    let mut timestamp = None;
    let mut given = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => timestamp = Some(value),
            // While a secret is being replaced there is a signature with each.
            Some(("v1", value)) => given.push(value),
            _ => {}
        }
    }
    let timestamp = timestamp.ok_or(Unproven::Missing)?;
    let signed_at: i64 = timestamp.parse().map_err(|_| Unproven::Missing)?;
    if given.is_empty() || secret.expose_secret().is_empty() {
        return Err(Unproven::Missing);
    }
    let expected = signature(secret, timestamp, body);
    let mut same = subtle::Choice::from(0);
    for signature in given {
        same |= expected.as_bytes().ct_eq(signature.as_bytes());
    }
    if !bool::from(same) {
        return Err(Unproven::Wrong);
    }
    let behind = now.timestamp() - signed_at;
    if behind.unsigned_abs() > WINDOW {
        return Err(Unproven::Clock(behind));
    }
    Ok(())
}

/// The header that Stripe sends with this body: for whoever stands in for it.
pub fn sign(secret: &SecretString, body: &[u8], at: DateTime<Utc>) -> String {
    let timestamp = at.timestamp().to_string();
    format!("t={timestamp},v1={}", signature(secret, &timestamp, body))
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn signature(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id": "evt_1"}"#;

    fn secret() -> SecretString {
        "whsec_test".into()
    }

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    #[test]
    fn a_signature_is_over_the_time_and_the_raw_body() {
        // printf '1790000000.{"id": "evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let header = sign(&secret(), BODY, noon());

        assert_eq!(
            header,
            "t=1790000000,v1=b36f4c72cd593b9c0b21f15a9eadcc506bc56028839405b372888a01e8aa7aa1"
        );
        assert_eq!(verify(&header, BODY, &secret(), noon()), Ok(()));
        assert_eq!(
            verify(&header, br#"{"id":"evt_1"}"#, &secret(), noon()),
            Err(Unproven::Wrong)
        );
        assert_eq!(
            verify(&header, BODY, &"whsec_other".into(), noon()),
            Err(Unproven::Wrong)
        );
        let later = header.replace("t=1790000000", "t=1790000001");
        assert_eq!(verify(&later, BODY, &secret(), noon()), Err(Unproven::Wrong));
    }

    #[test]
    fn an_old_event_is_no_proof_and_neither_is_one_without_a_signature_or_a_secret() {
        let header = sign(&secret(), BODY, noon());

        let late = noon() + chrono::TimeDelta::seconds(301);
        assert_eq!(verify(&header, BODY, &secret(), late), Err(Unproven::Clock(301)));
        for bad in ["", "t=1790000000", "v1=00", "t=x,v1=00", "t=1790000000,v0=00"] {
            assert_eq!(
                verify(bad, BODY, &secret(), noon()),
                Err(Unproven::Missing),
                "{bad}"
            );
        }
        let empty = SecretString::from("");
        assert_eq!(
            verify(&sign(&empty, BODY, noon()), BODY, &empty, noon()),
            Err(Unproven::Missing)
        );
    }

    #[test]
    fn while_a_secret_is_replaced_either_signature_proves() {
        let (old, new) = (
            sign(&"whsec_old".into(), BODY, noon()),
            sign(&secret(), BODY, noon()),
        );
        let both = format!("{old},{}", new.split_once(',').unwrap().1);

        assert_eq!(verify(&both, BODY, &secret(), noon()), Ok(()));
    }
}
