//! The form of sealed bytes, and the one place that encrypts: `version | key id | nonce | ciphertext and tag`.
//!
//! Invariant: version, key id and what the caller binds to are all authenticated; none can be changed unnoticed.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Generate, Nonce, Payload},
};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// AES-256-GCM with a random nonce of 96 bits.
const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 12;
const HEADER: usize = 1 + KEY_ID;
const TAG: usize = 16;

/// 256 bits.
pub(crate) const KEY_BYTES: usize = 32;

/// Names a key without telling it: the beginning of a hash of its 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key, ready for use. Wiped from memory when dropped.
pub(crate) struct SealingKey {
    id: KeyId,
    cipher: Aes256Gcm,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

/// Why bytes do not open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// They are no sealed value of a version that we know.
    Format(String),
    /// Another key sealed them.
    OtherKey(KeyId),
    /// They were changed, or bound to something else.
    Refused,
}

/// The operating system gave no randomness, or the plain text is too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsealed;

/// New random key bytes.
pub(crate) fn random_key() -> Result<Zeroizing<[u8; KEY_BYTES]>, Unsealed> {
    <[u8; KEY_BYTES]>::try_generate()
        .map(Zeroizing::new)
        .map_err(|_| Unsealed)
}

impl SealingKey {
    pub(crate) fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let hash = Sha256::new()
            .chain_update(b"botsmith key id\0")
            .chain_update(bytes)
            .finalize();
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&hash[..KEY_ID]);
        Self {
            id: KeyId(id),
            cipher: Aes256Gcm::new(bytes.into()),
        }
    }

    pub(crate) const fn id(&self) -> KeyId {
        self.id
    }

    /// Seals so that only `open` with the same key and the same `bound_to` gives it back.
    pub(crate) fn seal(&self, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let nonce = Nonce::<Aes256Gcm>::try_generate().map_err(|_| Unsealed)?;
        let mut sealed = Vec::with_capacity(HEADER + NONCE + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id.0);
        let aad = [sealed.as_slice(), bound_to].concat();
        let ciphertext = self
            .cipher
            .encrypt(
                &nonce,
                Payload {
                    msg: plain,
                    aad: &aad,
                },
            )
            .map_err(|_| Unsealed)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what `seal` made.
    pub(crate) fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let (header, rest) = sealed
            .split_at_checked(HEADER)
            .filter(|(_, rest)| rest.len() >= NONCE + TAG)
            .ok_or_else(|| Unopened::Format(format!("it has only {} bytes", sealed.len())))?;
        if header[0] != VERSION {
            return Err(Unopened::Format(format!(
                "its version is {}, and this program knows {VERSION}",
                header[0]
            )));
        }
        if header[1..] != self.id.0 {
            let mut other = [0; KEY_ID];
            other.copy_from_slice(&header[1..]);
            return Err(Unopened::OtherKey(KeyId(other)));
        }
        let (nonce, ciphertext) = rest.split_at(NONCE);
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| Unopened::Refused)?;
        let aad = [header, bound_to].concat();
        self.cipher
            .decrypt(
                &nonce,
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| Unopened::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let key = SealingKey::new(&[7; KEY_BYTES]);
        let sealed = key.seal(b"here", b"auth token").unwrap();

        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);

            assert!(
                key.open(b"here", &flipped).is_err(),
                "bit {bit} was flipped and it opened"
            );
        }
        assert_eq!(key.open(b"here", &sealed).unwrap().as_slice(), b"auth token");
    }

    #[test]
    fn a_shortened_value_is_refused_and_never_panics() {
        let key = SealingKey::new(&[7; KEY_BYTES]);
        let sealed = key.seal(b"here", b"auth token").unwrap();

        for length in 0..sealed.len() {
            assert!(key.open(b"here", &sealed[..length]).is_err());
        }
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let key = SealingKey::new(&[7; KEY_BYTES]);

        assert_ne!(key.seal(b"", b"x").unwrap(), key.seal(b"", b"x").unwrap());
    }

    #[test]
    fn another_key_is_named_by_its_id() {
        let (ours, theirs) = (SealingKey::new(&[1; KEY_BYTES]), SealingKey::new(&[2; KEY_BYTES]));

        let error = ours.open(b"", &theirs.seal(b"", b"x").unwrap()).unwrap_err();

        assert_eq!(error, Unopened::OtherKey(theirs.id()));
    }

    #[test]
    fn a_debug_print_shows_the_keys_name_and_nothing_of_the_key() {
        let bytes = [0xAB; KEY_BYTES];
        let key = SealingKey::new(&bytes);

        assert_eq!(format!("{key:?}"), format!("SealingKey({})", key.id()));
        assert!(!format!("{key:?}").to_lowercase().contains("abab"));
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_opens_again(plain: Vec<u8>, place: Vec<u8>) {
            let key = SealingKey::new(&[7; KEY_BYTES]);

            let opened = key.open(&place, &key.seal(&place, &plain).unwrap()).unwrap();

            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }

        #[test]
        fn random_bytes_never_open(sealed: Vec<u8>) {
            prop_assert!(SealingKey::new(&[7; KEY_BYTES]).open(b"", &sealed).is_err());
        }
    }
}
