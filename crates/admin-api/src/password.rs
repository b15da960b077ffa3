//! Passwords: Argon2id with 19 MiB, two passes, one lane.
//!
//! Invariant: an account that does not exist costs the same work as one that does.

use crate::problem::{Kind, Problem};
use actix_web::web;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Each takes 19 MiB and a core for some 20 ms; more at once would make all of them slow.
const AT_ONCE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(5);

const SHORTEST: usize = 10;
const LONGEST: usize = 256;

/// Hashes and verifies. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords(Arc<Inner>);

struct Inner {
    argon2: Argon2<'static>,
    /// Compared with when there is no account: of a password that nobody knows.
    nobody: SecretString,
    slots: Semaphore,
    computed: AtomicU64,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, argon2::password_hash::Error> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown: [u8; 32] = rand::random();
        let nobody: PasswordHash = argon2.hash_password(&unknown)?;
        Ok(Self(Arc::new(Inner {
            argon2,
            nobody: SecretString::from(nobody.to_string()),
            slots: Semaphore::new(AT_ONCE),
            computed: AtomicU64::new(0),
        })))
    }

    /// The hash to be stored, in PHC form.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, Problem> {
        self.compute(move |argon2| {
            let hash: PasswordHash = argon2.hash_password(password.expose_secret().as_bytes())?;
            Ok(hash.to_string())
        })
        .await?
        .map_err(|error: argon2::password_hash::Error| Problem::internal(error.to_string()))
    }

    /// Whether it is the password of this hash; `None` is nobody's hash and takes as long.
    pub(crate) async fn verify(
        &self,
        hash: Option<SecretString>,
        password: SecretString,
    ) -> Result<bool, Problem> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.0.nobody.clone());
        let same = self
            .compute(move |argon2| {
                let hash = PasswordHash::new(hash.expose_secret())?;
                argon2.verify_password(password.expose_secret().as_bytes(), &hash)
            })
            .await?
            .is_ok();
        Ok(known && same)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy =
            || Problem::new(Kind::Unavailable, "too many people sign in at once; try again").retry_after(2);
        let _slot = tokio::time::timeout(PATIENCE, self.0.slots.acquire())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        let inner = self.0.clone();
        web::block(move || work(&inner.argon2))
            .await
            .map_err(Problem::internal)
    }

    /// How often the expensive work was done.
    #[cfg(test)]
    pub(crate) fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }
}

/// Refuses passwords that are too short, too long, or easily guessed.
pub(crate) fn check(field: &'static str, password: &SecretString, email: &str) -> Result<(), Problem> {
    let text = password.expose_secret();
    let length = text.chars().count();
    if length < SHORTEST {
        return Err(Problem::invalid(
            field,
            format!("{field} must have {SHORTEST} characters or more"),
        ));
    }
    if length > LONGEST {
        return Err(Problem::invalid(
            field,
            format!("{field} may have {LONGEST} characters at most"),
        ));
    }
    let lower = text.to_lowercase();
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let name = email.split('@').next().unwrap_or_default().to_lowercase();
    let guessed = [
        "password", "passwort", "botsmith", "12345678", "qwertz", "qwerty", "iloveyou", "letmein",
    ];
    let easy = distinct.len() < 5
        || lower == email.to_lowercase()
        || (name.len() > 3 && lower.trim_matches(|c: char| !c.is_alphabetic()) == name)
        || guessed
            .iter()
            .any(|word| lower.replace(*word, "").chars().count() < 6 && lower.contains(word));
    if easy {
        return Err(Problem::invalid(
            field,
            format!("{field} is too easily guessed; a few unrelated words are better"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn s14_a_hash_says_argon2id_with_19_mib_two_passes_and_one_lane() {
        let passwords = Passwords::new().unwrap();

        let hash = passwords.hash("correct horse battery".into()).await.unwrap();

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let hash = SecretString::from(hash);
        assert!(
            passwords
                .verify(Some(hash.clone()), "correct horse battery".into())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(Some(hash), "correct horse batterz".into())
                .await
                .unwrap()
        );
    }

    #[actix_web::test]
    async fn s15_nobodys_password_is_never_right_and_takes_the_same_work() {
        let passwords = Passwords::new().unwrap();
        let before = passwords.computed();

        let right = passwords
            .verify(None, "correct horse battery".into())
            .await
            .unwrap();

        assert!(!right);
        assert_eq!(passwords.computed(), before + 1);
        assert!(
            passwords
                .0
                .nobody
                .expose_secret()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
    }

    #[test]
    fn easily_guessed_passwords_are_refused_and_long_ones_are_not() {
        let email = "margaret@acme.test";
        for bad in [
            "short",
            "aaaaaaaaaaaa",
            "password123",
            "margaret@acme.test",
            "margaret1234",
            "1234567890",
        ] {
            assert!(check("password", &bad.into(), email).is_err(), "{bad}");
        }
        assert!(check("password", &"correct horse battery".into(), email).is_ok());
        assert!(check("password", &"ü".repeat(3).repeat(30).into(), email).is_err());
        assert!(check("password", &"vögel fliegen südwärts".repeat(3).into(), email).is_ok());
    }
}
