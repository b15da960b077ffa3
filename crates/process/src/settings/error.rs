//! What can be wrong with settings, in words for whoever has to mend them.

use config::ConfigError;
use std::path::Path;

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no such setting.
    #[error("unknown setting {given} in {origin}: did you mean {nearest}")]
    Unknown {
        /// The name given, quoted as in its origin.
        given: String,
        /// Where it was given.
        origin: String,
        /// The known setting whose name is nearest.
        nearest: String,
    },
    /// The value is of another type than the setting.
    #[error("setting {setting} in {origin} has to be {expected}, not {given}")]
    WrongType {
        /// The name of the setting.
        setting: String,
        /// Where it was given.
        origin: String,
        /// What is expected.
        expected: &'static str,
        /// What was given; only its type where it may be a secret.
        given: String,
    },
    /// The value is of the right type and still cannot be used.
    #[error("setting {setting:?} cannot be used: {reason}")]
    Invalid {
        /// The name of the setting.
        setting: String,
        /// Why not.
        reason: String,
    },
    /// The file of settings is not there, or not TOML.
    #[error("the settings in {path} cannot be read: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The defaults that come with the program do not fit it: a defect of ours.
    #[error("the built-in settings cannot be used: {0}")]
    Defaults(String),
}

impl SettingsError {
    pub(super) fn defaults(error: &ConfigError) -> Self {
        Self::Defaults(error.to_string())
    }

    /// TOML errors quote the line in which they are, which may hold a secret: only the position is kept.
    pub(super) fn file(path: &Path, error: &ConfigError) -> Self {
        let reason = match error {
            ConfigError::FileParse { cause, .. } => {
                let text = cause.to_string();
                let first = text.lines().next().unwrap_or_default().to_owned();
                let last = text
                    .lines()
                    .last()
                    .filter(|line| !line.contains(['|', '=']))
                    .unwrap_or_default();
                if last == first || last.is_empty() {
                    first
                } else {
                    format!("{first}: {last}")
                }
            }
            other => other.to_string(),
        };
        Self::File {
            path: path.display().to_string(),
            reason,
        }
    }

    /// Finds the setting an error of deserialisation is about.
    pub(super) fn unusable(error: ConfigError, setting: Option<String>) -> Self {
        match error {
            ConfigError::At { error, key, .. } => Self::unusable(*error, key.or(setting)),
            ConfigError::Type {
                origin,
                unexpected,
                expected,
                key,
            } => {
                let setting = key.or(setting).unwrap_or_default();
                let given = if is_secret(&setting) {
                    "this".to_owned()
                } else {
                    unexpected.to_string()
                };
                let origin = origin.unwrap_or_else(|| "the settings".to_owned());
                Self::WrongType {
                    setting: format!("{setting:?}"),
                    origin,
                    expected,
                    given,
                }
            }
            ConfigError::NotFound(key) => Self::Defaults(format!("{key} is missing")),
            error => match setting {
                Some(setting) if is_secret(&setting) => Self::Invalid {
                    setting,
                    reason: "its value is not of the form expected".to_owned(),
                },
                Some(setting) => Self::Invalid {
                    setting,
                    reason: error.to_string(),
                },
                None => Self::Defaults(error.to_string()),
            },
        }
    }
}

/// Whether the setting's name says that its value must not be shown. Addresses count: they may hold a password.
pub(super) fn is_secret(setting: &str) -> bool {
    const WORDS: &[&str] = &["key", "secret", "token", "password", "url"];
    let name = setting.rsplit('.').next().unwrap_or(setting);
    WORDS.iter().any(|word| name.contains(word))
}
