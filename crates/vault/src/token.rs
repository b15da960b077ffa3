//! Random tokens: session cookies, API keys, one-time links.
//!
//! Invariant: 256 random bits each; what is stored is their SHA-256. They need no slow hash: nobody can guess them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A new token.
pub fn new(prefix: &str) -> SecretString {
    let bytes: [u8; 32] = rand::random();
    SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// A new secret for signing webhooks, as Standard Webhooks writes it.
pub fn signing_secret() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    SecretString::from(format!("whsec_{}", STANDARD.encode(bytes)))
}

/// What is stored of a token. `None` for what cannot be one: nothing, or far too much.
pub fn hash(token: &SecretString) -> Option<Vec<u8>> {
    (32..=128)
        .contains(&token.expose_secret().len())
        .then(|| digest(token))
}

/// What is stored of a token of ours.
pub fn digest(token: &SecretString) -> Vec<u8> {
    Sha256::digest(token.expose_secret().as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_differ_and_have_256_bits() {
        let (one, two) = (new("bs_"), new("bs_"));

        assert_ne!(one.expose_secret(), two.expose_secret());
        assert_eq!(
            URL_SAFE_NO_PAD.decode(&one.expose_secret()[3..]).unwrap().len(),
            32
        );
        assert!(!format!("{one:?}").contains(&one.expose_secret()[3..]));
    }

    #[test]
    fn s16_nothing_is_no_token() {
        assert!(hash(&SecretString::from("")).is_none());
        assert!(hash(&SecretString::from("x".repeat(10_000))).is_none());
    }
}
