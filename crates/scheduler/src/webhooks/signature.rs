//! The signature of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64, one for each secret that holds.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What makes a secret recognisable; what follows is base64.
const PREFIX: &str = "whsec_";

/// The value of `webhook-signature`. `None`: a secret is not one.
pub(super) fn sign(secrets: &[SecretString], id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let signatures: Option<Vec<String>> = secrets
        .iter()
        .map(|secret| {
            let key = BASE64_STANDARD
                .decode(secret.expose_secret().strip_prefix(PREFIX)?)
                .ok()?;
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            Some(format!(
                "v1,{}",
                BASE64_STANDARD.encode(mac.finalize().into_bytes())
            ))
        })
        .collect();
    Some(signatures?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries (standard-webhooks, `libraries/python/tests`).
    #[test]
    fn it_signs_as_the_reference_does() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        let signed = sign(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );

        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_two_secrets_hold_both_sign() {
        let [one, other] = ["whsec_AAAA", "whsec_BBBB"].map(SecretString::from);

        let both = sign(&[one.clone(), other.clone()], "id", 1, b"{}").unwrap();

        let [first, second] = [one, other].map(|secret| sign(&[secret], "id", 1, b"{}").unwrap());
        assert_ne!(first, second);
        assert_eq!(both, format!("{first} {second}"));
        assert!(sign(&[SecretString::from("no secret")], "id", 1, b"{}").is_none());
    }
}
