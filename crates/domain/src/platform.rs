//! The name of a chat platform: text, not an enum, so that a new platform touches no lower layer.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// A platform's name: lower-case ASCII letters, digits and hyphens, 1 to 32 characters, as in URLs and the database.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform(Cow<'static, str>);

/// The given text cannot be a platform's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a platform's name is 1 to 32 lower-case letters, digits or hyphens, for example `twilio`; got {0:?}"
)]
pub struct PlatformError(String);

impl Platform {
    /// Programs that speak to us over the chat API.
    pub const REST: Self = Self::from_static("rest");
    /// Visitors' browsers, which speak to us over the chat API.
    pub const WEB: Self = Self::from_static("web");
    /// The platforms whose people and programs read here what we write.
    pub const OWN: [Self; 2] = [Self::REST, Self::WEB];

    /// Whether it is one of [`Self::OWN`].
    pub fn is_own(&self) -> bool {
        Self::OWN.contains(self)
    }

    /// A name known when the code was written. Checked where the platform is registered.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name, as in URLs and the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Platform {
    type Error = PlatformError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let fits = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(Cow::Owned(name)))
        } else {
            Err(PlatformError(name.chars().take(40).collect()))
        }
    }
}

impl TryFrom<&str> for Platform {
    type Error = PlatformError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        name.to_owned().try_into()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.0.into_owned()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slash_or_capitals_is_refused() {
        assert!(Platform::try_from("twilio").is_ok());
        assert!(Platform::try_from("Twilio").is_err());
        assert!(Platform::try_from("../etc").is_err());
        assert!(Platform::try_from("").is_err());
    }
}
