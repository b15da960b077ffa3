//! What an owner types in to let visitors write.

use channel::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;
use url::Url;

/// A shorter identity secret could be guessed from what is signed with it.
const SHORTEST_SECRET: usize = 32;

/// Who may write, and from where.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[serde(deserialize_with = "trimmed")]
    identity_secret: SecretString,
    /// Origins, separated by commas or white space.
    #[serde(default)]
    allowed_origins: Option<String>,
}

/// From where, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.allowed_origins)
    }
}

fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let secret = SecretString::deserialize(deserializer)?;
    Ok(secret.expose_secret().trim().into())
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        if self.identity_secret.expose_secret().len() < SHORTEST_SECRET {
            return Err(CredentialsError {
                field: "identity_secret".to_owned(),
                problem: format!(
                    "has to have {SHORTEST_SECRET} characters at least; leave it empty and one is made up"
                ),
            });
        }
        for given in self.given_origins() {
            origin(given).map_err(|problem| CredentialsError {
                field: "allowed_origins".to_owned(),
                problem: format!("{given:?} {problem}"),
            })?;
        }
        Ok(())
    }

    pub(crate) const fn identity_secret(&self) -> &SecretString {
        &self.identity_secret
    }

    /// As browsers send them.
    pub(crate) fn origins(&self) -> Vec<String> {
        self.given_origins()
            .filter_map(|given| origin(given).ok())
            .collect()
    }

    fn given_origins(&self) -> impl Iterator<Item = &str> {
        self.allowed_origins
            .as_deref()
            .unwrap_or_default()
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|given| !given.is_empty())
    }
}

/// An origin in the form in which browsers send it (<https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin>).
fn origin(given: &str) -> Result<String, &'static str> {
    const FORM: &str = "is no origin. Write scheme and host, and the port if it is not the usual one: https://www.shop.example";
    if given.contains('*') {
        return Err("has a wildcard: write every origin out, for example https://www.shop.example");
    }
    let url = Url::parse(given).map_err(|_| FORM)?;
    let only_an_origin = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !only_an_origin {
        return Err(FORM);
    }
    Ok(url.origin().ascii_serialization())
}
