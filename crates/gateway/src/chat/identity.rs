//! Who somebody is, as the owner's own server vouches for it with the identity secret.
//!
//! Invariant: a JWT is read with HS256 and nothing else, whatever its head says, and only until it ends.

use super::{error::ChatError, place};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

const LONGEST_NAME: usize = 100;

/// Somebody whom the owner vouches for.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    /// Their id in the owner's systems.
    pub user: String,
    /// What they are called.
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// The person in a JWT that the owner's server signed: `sub` and `exp`, and where they are known `name` and `email`.
pub fn of_jwt(token: &str, secret: &SecretString) -> Result<Person, ChatError> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims(&["exp", "sub"]);
    validation.validate_aud = false;
    validation.validate_nbf = true;
    let key = DecodingKey::from_secret(secret.expose_secret().as_bytes());
    let claims = decode::<Claims>(token, &key, &validation)
        .map_err(|_| {
            ChatError::Unauthenticated(
                "the identity is not valid: it is a JWT signed with HS256 and the integration's identity secret, with sub \
                 and with an exp that has not passed",
            )
        })?
        .claims;
    Ok(Person {
        user: place::checked_user("identity", &claims.sub)?.to_owned(),
        name: claims.name.or(claims.email).and_then(|name| line(&name)),
    })
}

/// The person whose id the owner's server signed: HMAC-SHA256 over the id, in hexadecimal.
pub fn of_hash(user: &str, hash: &str, secret: &SecretString) -> Result<Person, ChatError> {
    const WRONG: ChatError = ChatError::Unauthenticated(
        "the user_hash is not valid: it is the HMAC-SHA256 of the user's id with the integration's identity secret, in \
         hexadecimal",
    );
    let given = bytes(hash).ok_or(WRONG)?;
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("a key of any length");
    mac.chain_update(user.as_bytes())
        .verify_slice(&given)
        .map_err(|_| WRONG)?;
    Ok(Person {
        user: place::checked_user("user", user)?.to_owned(),
        name: None,
    })
}

/// A name on one line, not too long. `None`: nothing is left of it.
pub fn line(name: &str) -> Option<String> {
    line_up_to(name, LONGEST_NAME)
}

/// Any text on one line of so many characters at most. `None`: nothing is left of it.
pub fn line_up_to(text: &str, most: usize) -> Option<String> {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(most).collect();
    (!line.is_empty()).then_some(line)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn jwt(head: Value, claims: Value, secret: &str) -> String {
        let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let said = format!("{}.{}", part(head), part(claims));
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .unwrap()
            .chain_update(said.as_bytes());
        format!(
            "{said}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        )
    }

    fn soon() -> i64 {
        chrono::Utc::now().timestamp() + 600
    }

    #[test]
    fn a_person_whom_the_owner_vouches_for_is_known() {
        let head = json!({"alg": "HS256", "typ": "JWT"});
        let claims = json!({"sub": "42", "name": "Ada\nLovelace", "email": "ada@example.com", "exp": soon(), "aud": "x"});

        let person = of_jwt(&jwt(head, claims, SECRET), &SECRET.into()).unwrap();

        assert_eq!(person.user, "42");
        assert_eq!(person.name.as_deref(), Some("Ada Lovelace"));
    }

    #[test]
    fn nobody_else_is() {
        let head = || json!({"alg": "HS256"});
        let claims = || json!({"sub": "42", "exp": soon()});
        let unsigned = |alg: &str| {
            let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
            format!("{}.{}.", part(json!({"alg": alg})), part(claims()))
        };
        for forged in [
            jwt(head(), claims(), "another secret of thirty-two chars"),
            jwt(head(), json!({"sub": "42"}), SECRET),
            jwt(head(), json!({"exp": soon()}), SECRET),
            jwt(head(), json!({"sub": "42", "exp": 1_600_000_000}), SECRET),
            jwt(head(), json!({"sub": " ", "exp": soon()}), SECRET),
            jwt(json!({"alg": "HS512"}), claims(), SECRET),
            jwt(json!({"alg": "none"}), claims(), SECRET),
            unsigned("none"),
            unsigned("HS256"),
            String::new(),
            "a.b.c".to_owned(),
        ] {
            assert!(of_jwt(&forged, &SECRET.into()).is_err(), "{forged}");
        }
    }

    #[test]
    fn a_users_id_that_the_owner_signed_is_known() {
        // printf %s ada | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
            .unwrap()
            .chain_update(b"ada");
        let hash: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();

        assert_eq!(of_hash("ada", &hash, &SECRET.into()).unwrap().user, "ada");
        assert!(of_hash("ada", &hash.to_uppercase(), &SECRET.into()).is_ok());
        for (user, hash) in [
            ("eve", hash.as_str()),
            ("ada", ""),
            ("ada", "zz"),
            ("ada", &hash[1..]),
            ("ada", &hash[2..]),
        ] {
            assert!(of_hash(user, hash, &SECRET.into()).is_err(), "{user} {hash}");
        }
    }
}
