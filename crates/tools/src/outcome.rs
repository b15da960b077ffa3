//! What came of a call.

use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, fmt, time::Duration};

/// Secret headers, by name.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// Of these names and values.
    pub fn new(values: BTreeMap<String, SecretString>) -> Self {
        Self(values)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The text without any of them, whole or as the token behind a scheme such as `Bearer`, and without NUL, which cannot
    /// be stored.
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.replace('\0', "");
        for value in self.0.values() {
            let value = value.expose_secret().trim();
            let token = value.rsplit_once(' ').map_or("", |(_, token)| token);
            for secret in [value, token] {
                // Shorter ones are no secrets, and would tear words apart.
                if secret.len() >= 4 {
                    text = text.replace(secret, "••••");
                }
            }
        }
        text
    }
}

/// Nothing of their values.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What came of a call, without any secret.
#[derive(Clone, PartialEq)]
pub struct Outcome {
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// What the other side said, as a model may read it.
    pub content: String,
    /// Why it did not work; with a status that is no success, that.
    pub error: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// No call was made, or none was answered.
    pub fn failed(why: impl Into<String>, took: Duration) -> Self {
        Self {
            status: None,
            content: String::new(),
            error: Some(why.into()),
            took,
        }
    }

    /// As a model is told of it.
    pub fn told(&self) -> String {
        match &self.error {
            None => self.content.clone(),
            Some(error) if self.content.is_empty() => format!("It did not work: {error}"),
            Some(error) => format!("It did not work: {error}\n{}", self.content),
        }
    }
}

/// Nothing of its content: it is the visitor's business.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("status", &self.status)
            .field("error", &self.error)
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_whatever_repeats_them() {
        let values = BTreeMap::from([("Authorization".to_owned(), SecretString::from("Bearer c4nary"))]);
        let secrets = Secrets::new(values);

        let masked = secrets.masked("you sent Bearer c4n\0ary, token=c4nary");

        assert_eq!(masked, "you sent ••••, token=••••");
        assert!(!format!("{secrets:?}").contains("c4nary"));
    }
}
