//! What an owner types in to let programs ask, and what can be said of it without calling anybody.

use crate::signature;
use channel::CredentialsError;
use egress::{CheckedUrl, Guard, UrlError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A shorter identity secret could be guessed from what is signed with it.
const SHORTEST_SECRET: usize = 32;

/// What programs and we have agreed on.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[serde(deserialize_with = "trimmed")]
    identity_secret: SecretString,
    /// Where answers are pushed; nowhere, where there is none.
    #[serde(default, deserialize_with = "given")]
    reply_url: Option<String>,
    #[serde(default, deserialize_with = "given_secret")]
    signing_secret: Option<SecretString>,
}

/// Where answers go, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials(pushes: {})", self.reply_url.is_some())
    }
}

fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let secret = SecretString::deserialize(deserializer)?;
    Ok(secret.expose_secret().trim().into())
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    Ok(given
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty()))
}

fn given_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(given(deserializer)?.map(SecretString::from))
}

impl Credentials {
    pub(crate) fn validate(&self, guard: &Guard) -> Result<(), CredentialsError> {
        if self.identity_secret.expose_secret().len() < SHORTEST_SECRET {
            return Err(wrong(
                "identity_secret",
                format!(
                    "has to have {SHORTEST_SECRET} characters at least; leave it empty and one is made up"
                ),
            ));
        }
        if self.address(guard)?.is_some() {
            self.signing_key()?;
        }
        Ok(())
    }

    pub(crate) const fn identity_secret(&self) -> &SecretString {
        &self.identity_secret
    }

    /// Where answers are pushed, as it was typed in.
    pub(crate) fn reply_url(&self) -> Option<&str> {
        self.reply_url.as_deref()
    }

    /// Where answers are pushed, if it may be reached.
    pub(crate) fn address(&self, guard: &Guard) -> Result<Option<CheckedUrl>, CredentialsError> {
        let Some(url) = &self.reply_url else {
            return Ok(None);
        };
        let checked = guard.check(url).map_err(|error| {
            let problem = match error {
                UrlError::Refused { host, refusal } => format!(
                    "{host} is {refusal}; the operator of this installation can allow it with \
                     platforms.rest_allowed_private_cidrs"
                ),
                error => error.to_string(),
            };
            wrong("reply_url", problem)
        })?;
        Ok(Some(checked))
    }

    /// What webhooks are signed with.
    pub(crate) fn signing_key(&self) -> Result<Vec<u8>, CredentialsError> {
        let Some(secret) = &self.signing_secret else {
            return Err(wrong(
                "signing_secret",
                "is required for pushing answers; leave it empty when you save and one is made up".to_owned(),
            ));
        };
        signature::key(secret.expose_secret()).ok_or_else(|| {
            wrong(
                "signing_secret",
                "is whsec_ and then 24 to 64 bytes in base64, as Standard Webhooks has it".to_owned(),
            )
        })
    }
}

fn wrong(field: &str, problem: String) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem,
    }
}
