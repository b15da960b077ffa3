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

    /// How much behind a cut has to be read to know the secret that begins before it.
    pub(crate) fn longest(&self) -> usize {
        let lengths = self.0.values().map(|value| value.expose_secret().len());
        lengths.max().unwrap_or_default()
    }

    /// The beginning of a text of which at least [`Self::longest`] bytes more than `most` are there, if it has them:
    /// without a secret, and without the beginning of one that does not end before the cut.
    pub(crate) fn masked_beginning(&self, text: &str, most: usize, is_whole: bool) -> String {
        let text = text.replace('\0', "");
        if is_whole && text.len() <= most {
            return self.masked(&text);
        }
        let mut end = text.floor_char_boundary(most);
        while let Some(start) = self.straddling(&text, end) {
            end = start;
        }
        cut(self.masked(&text[..end]), usize::MAX, false)
    }

    /// Where the first secret begins that this place is in the middle of.
    fn straddling(&self, text: &str, place: usize) -> Option<usize> {
        self.hidden()
            .filter_map(|secret| {
                let near = text.floor_char_boundary(place.saturating_sub(secret.len()));
                let before = text.get(near..)?;
                let found = before.match_indices(secret).map(|(at, _)| near + at);
                let mut found = found.take_while(|&at| at < place);
                found.find(|at| at + secret.len() > place)
            })
            .min()
    }

    /// The text without any of them, whole or as the token behind a scheme such as `Bearer`, and without NUL, which cannot
    /// be stored.
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.replace('\0', "");
        for secret in self.hidden() {
            text = text.replace(secret, "••••");
        }
        text
    }

    /// What must be in no text.
    fn hidden(&self) -> impl Iterator<Item = &str> {
        let values = self.0.values().flat_map(|value| {
            let value = value.expose_secret().trim();
            let token = value.rsplit_once(' ').map_or("", |(_, token)| token);
            [value, token]
        });
        // Shorter ones are no secrets, and would tear words apart.
        values.filter(|secret| secret.len() >= 4)
    }
}

/// The beginning of a text, up to this many bytes and whole characters, and a word where something is missing.
pub(crate) fn cut(mut text: String, most: usize, is_whole: bool) -> String {
    if is_whole && text.len() <= most {
        return text;
    }
    text.truncate(text.floor_char_boundary(most));
    text.push_str("\n(cut off)");
    text
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

    #[test]
    fn no_cut_leaves_the_beginning_of_a_secret() {
        let values = BTreeMap::from([("Authorization".to_owned(), SecretString::from("Bearer c4nary"))]);
        let secrets = Secrets::new(values);
        let text = "ab Bearer c4nary c4nary de";

        for most in 0..=text.len() {
            let read = &text[..text.len().min(most + secrets.longest())];
            let is_whole = read.len() == text.len();
            let shown = secrets.masked_beginning(read, most, is_whole);
            let shown = shown.replace("\n(cut off)", "");
            assert!(!shown.contains("Be") && !shown.contains("c4"), "{most}: {shown}");
        }
        assert_eq!(
            secrets.masked_beginning(text, text.len(), true),
            "ab •••• •••• de"
        );
        assert_eq!(secrets.masked_beginning(text, 5, true), "ab \n(cut off)");
    }
}
