//! The languages that BotSmith speaks to people who have accounts.

use serde::{Deserialize, Serialize};

/// A language of the dashboard and of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Language {
    /// As BCP 47 and the database have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The language of a tag such as `de-AT`, if it is one of ours.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        [Self::En, Self::De]
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }
}
