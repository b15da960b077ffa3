//! Proofs that this installation said something.
//!
//! Invariant: the key that signs is made of the master key and cannot be turned back into it; each purpose has its own.

use crate::sealed::KEY_BYTES;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Signs with a key that is made of a master key.
pub(crate) struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    pub(crate) fn new(master: &[u8; KEY_BYTES]) -> Self {
        let made = keyed(master).chain_update(b"botsmith signing key 1").finalize();
        Self(Zeroizing::new(made.into_bytes().into()))
    }

    pub(crate) fn sign(&self, purpose: &str, said: &[u8]) -> [u8; 32] {
        self.mac(purpose, said).finalize().into_bytes().into()
    }

    pub(crate) fn is_signed(&self, purpose: &str, said: &[u8], proof: &[u8]) -> bool {
        self.mac(purpose, said).verify_slice(proof).is_ok()
    }

    fn mac(&self, purpose: &str, said: &[u8]) -> Hmac<Sha256> {
        let key = Zeroizing::new(<[u8; 32]>::from(
            keyed(&*self.0)
                .chain_update(purpose.as_bytes())
                .finalize()
                .into_bytes(),
        ));
        keyed(&*key).chain_update(said)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    Hmac::<Sha256>::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests {
    use crate::{MasterKeys, Settings};
    use base64::{Engine, prelude::BASE64_STANDARD};

    fn masters(current: u8, previous: &[u8]) -> MasterKeys {
        let key = |byte: u8| BASE64_STANDARD.encode([byte; 32]).into();
        MasterKeys::load(&Settings {
            master_key: key(current),
            master_key_file: None,
            previous_master_keys: previous.iter().map(|&byte| key(byte)).collect(),
        })
        .unwrap()
    }

    #[test]
    fn what_is_signed_proves_itself_for_its_purpose_only_and_outlives_a_rotation() {
        let before = masters(1, &[]);
        let proof = before.sign("a", b"said");

        assert!(before.is_signed("a", b"said", &proof));
        assert!(!before.is_signed("b", b"said", &proof));
        assert!(!before.is_signed("a", b"other", &proof));
        assert!(!before.is_signed("a", b"said", &proof[..16]));
        assert!(masters(2, &[1]).is_signed("a", b"said", &proof));
        assert!(!masters(2, &[]).is_signed("a", b"said", &proof));
    }
}
