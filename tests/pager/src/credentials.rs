//! What an owner types in to connect a pager.

use channel::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::fmt;

/// The credentials of one pager.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The pager's number.
    pub(crate) pager: String,
    /// The API's token.
    pub(crate) token: SecretString,
    /// Proves webhooks.
    pub(crate) secret: SecretString,
}

/// Which pager, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.pager)
    }
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        let fields = [
            ("pager", self.pager.as_str()),
            ("token", self.token.expose_secret()),
            ("secret", self.secret.expose_secret()),
        ];
        match fields.iter().find(|(_, value)| value.is_empty()) {
            Some((field, _)) => Err(CredentialsError {
                field: (*field).to_owned(),
                problem: "is empty: Pager's settings show it".to_owned(),
            }),
            None => Ok(()),
        }
    }
}
