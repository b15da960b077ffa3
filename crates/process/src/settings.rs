//! Settings: a commented defaults file, then a file of the operator's, then environment variables.
//!
//! Invariants: a setting that does not exist stops the process and is told apart from its nearest neighbour, for a
//! misspelt setting that is silently ignored is found in an incident; a secret's value is never part of an error.
//!
//! The defaults file is the list of what exists: a setting that may be left out has an empty text there and a serde
//! default in its struct, which does not see an empty text; an empty table takes any names; and `"=gateway.public_url"` means the same as that setting unless something else is given. `BOTSMITH__STORE__URL` is `store.url`. Only the prefix with two underscores is ours: for a
//! service named `botsmith` Kubernetes sets `BOTSMITH_PORT=tcp://…`. `DATABASE_URL` and `AMQP_URL`, which every host sets
//! alike, mean `store.url` and `queue.url`, and `BOTSMITH_WEIGHTS`, which `deploy/dev/weights.sh` reads too, `embeddings.weights`.

mod error;
mod known;

pub use error::SettingsError;

use config::{Config, FileFormat, Source, Value, ValueKind};
use known::Known;
use serde::de::DeserializeOwned;
use std::path::Path;

/// What an environment variable of ours begins with.
pub const PREFIX: &str = "BOTSMITH__";

/// Variables that mean a setting by convention, and yield to the variable with our prefix.
const CONVENTIONAL: &[(&str, &str)] = &[
    ("DATABASE_URL", "store.url"),
    ("AMQP_URL", "queue.url"),
    ("BOTSMITH_WEIGHTS", "embeddings.weights"),
];

/// Reads the settings. `env` is `std::env::vars()` outside of tests.
pub fn load<T: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<T, SettingsError> {
    let default_values = config::File::from_str(defaults, FileFormat::Toml);
    let known = Known::of(
        default_values
            .collect()
            .map_err(|error| SettingsError::defaults(&error))?,
    );
    let mut settings = Config::builder().add_source(default_values);
    if let Some(path) = file {
        let given = config::File::from(path).format(FileFormat::Toml);
        let values = given
            .collect()
            .map_err(|error| SettingsError::file(path, &error))?;
        known.check("", &values, &path.display().to_string())?;
        settings = settings.add_source(given);
    }
    for (setting, value) in from_environment(&known, env)? {
        settings = settings
            .set_override(setting, value)
            .map_err(|error| SettingsError::defaults(&error))?;
    }
    let given = settings
        .clone()
        .build()
        .map_err(|error| SettingsError::unusable(error, None))?;
    let mut followed = Vec::new();
    for (setting, same_as) in known.references() {
        if given
            .get_string(setting)
            .is_ok_and(|value| value.strip_prefix('=') == Some(same_as))
        {
            let value: Value = given
                .get(same_as)
                .map_err(|error| SettingsError::defaults(&error))?;
            settings = settings
                .set_override(setting, value)
                .map_err(|error| SettingsError::defaults(&error))?;
            followed.push((setting, same_as));
        }
    }
    let settings = settings
        .build()
        .map_err(|error| SettingsError::unusable(error, None))?;
    let mut values = settings
        .collect()
        .map_err(|error| SettingsError::unusable(error, None))?;
    known.leave_out_empty("", &mut values);
    Value::new(None, ValueKind::Table(values))
        .try_deserialize()
        .map_err(|error| match SettingsError::unusable(error, None) {
            // What is wrong was given under the other name.
            SettingsError::Invalid { setting, reason } => {
                let given = followed.iter().find(|(follows, _)| *follows == setting);
                SettingsError::Invalid {
                    setting: given.map_or(setting, |(_, same_as)| (*same_as).to_owned()),
                    reason,
                }
            }
            error => error,
        })
}

/// Our variables as settings, the conventional ones first so that ours win.
fn from_environment(
    known: &Known,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, Value)>, SettingsError> {
    let mut conventional = Vec::new();
    let mut ours = Vec::new();
    for (variable, text) in env {
        if let Some(name) = variable.strip_prefix(PREFIX) {
            let setting = name.to_lowercase().replace("__", ".");
            let value = known.read(&setting, &variable, &text)?;
            ours.push((setting, value));
        } else if let Some((_, setting)) = CONVENTIONAL.iter().find(|(name, _)| *name == variable)
            && known.has(setting)
            && !text.is_empty()
        {
            conventional.push((
                (*setting).to_owned(),
                Value::new(Some(&variable), ValueKind::String(text)),
            ));
        }
    }
    conventional.extend(ours);
    Ok(conventional)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::{ExposeSecret, SecretString};
    use serde::Deserialize;
    use std::{collections::BTreeMap, net::SocketAddr};

    const DEFAULTS: &str = r#"
        [gateway]
        listen = "127.0.0.1:8080"
        body_limit_bytes = 65536
        trust_proxy = false
        pace = 0.5
        origins = []

        [sender]
        listen = "=gateway.listen"

        [store]
        url = ""
        mirror = ""

        [queue]
        url = ""

        [platforms.base_urls]
    "#;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        gateway: Gateway,
        sender: Sender,
        store: Store,
        queue: Url,
        platforms: Platforms,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Gateway {
        listen: SocketAddr,
        body_limit_bytes: u32,
        trust_proxy: bool,
        pace: f64,
        origins: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sender {
        listen: SocketAddr,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Store {
        #[serde(default)]
        url: SecretString,
        mirror: Option<SocketAddr>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Url {
        #[serde(default)]
        url: SecretString,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Platforms {
        base_urls: BTreeMap<String, String>,
    }

    fn from_env(env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        load(
            DEFAULTS,
            None,
            env.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn from_file(text: &str) -> Result<Settings, SettingsError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(DEFAULTS, Some(file.path()), [])
    }

    #[test]
    fn a_misspelt_setting_stops_the_process() {
        let in_file = from_file("[gateway]\nlisten_ = \"127.0.0.1:1\"")
            .unwrap_err()
            .to_string();
        let in_env = from_env(&[("BOTSMITH__GATWAY__LISTEN", "127.0.0.1:1")])
            .unwrap_err()
            .to_string();
        let section = from_file("[gatewya]\nlisten = \"127.0.0.1:1\"")
            .unwrap_err()
            .to_string();

        assert!(in_file.contains("\"gateway.listen_\""), "{in_file}");
        assert!(in_file.ends_with("did you mean \"gateway.listen\""), "{in_file}");
        assert!(in_env.contains("BOTSMITH__GATWAY__LISTEN"), "{in_env}");
        assert!(
            in_env.ends_with("did you mean BOTSMITH__GATEWAY__LISTEN"),
            "{in_env}"
        );
        assert!(section.ends_with("did you mean \"gateway\""), "{section}");
    }

    #[test]
    fn variables_kubernetes_adds_are_not_ours() {
        let settings = from_env(&[
            ("BOTSMITH_PORT", "tcp://10.0.0.1:80"),
            ("BOTSMITH_SERVICE_HOST", "10.0.0.1"),
            ("GATEWAY_PORT", "tcp://10.0.0.1:80"),
            ("BOTSMITH_CRASH_AT", "gateway.before_publish"),
            ("BOTSMITH_SHARED", "/somewhere"),
        ])
        .unwrap();

        assert_eq!(settings.gateway.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[gateway]\nlisten = \"127.0.0.1:1\"\nbody_limit_bytes = 7",
        )
        .unwrap();
        let env = [
            ("BOTSMITH__GATEWAY__LISTEN", "127.0.0.1:2"),
            ("BOTSMITH__GATEWAY__TRUST_PROXY", "true"),
            ("BOTSMITH__GATEWAY__PACE", "2"),
            (
                "BOTSMITH__GATEWAY__ORIGINS",
                "https://a.example, https://b.example",
            ),
            ("BOTSMITH__PLATFORMS__BASE_URLS__TWILIO", "http://127.0.0.1:3"),
        ];

        let settings: Settings = load(
            DEFAULTS,
            Some(file.path()),
            env.map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
        .unwrap();

        assert_eq!(settings.gateway.listen.port(), 2);
        assert_eq!(settings.gateway.body_limit_bytes, 7);
        assert!(settings.gateway.trust_proxy);
        assert!((settings.gateway.pace - 2.0).abs() < f64::EPSILON);
        assert_eq!(
            settings.gateway.origins,
            ["https://a.example", "https://b.example"]
        );
        assert_eq!(settings.platforms.base_urls["twilio"], "http://127.0.0.1:3");
    }

    #[test]
    fn an_empty_text_is_a_setting_that_is_left_out() {
        let left_out = from_env(&[("BOTSMITH__STORE__MIRROR", "")]).unwrap();
        let given = from_env(&[("BOTSMITH__STORE__MIRROR", "127.0.0.1:5")]).unwrap();
        let required = from_env(&[("BOTSMITH__GATEWAY__LISTEN", "")])
            .unwrap_err()
            .to_string();

        assert_eq!(left_out.store.mirror, None);
        assert_eq!(given.store.mirror.map(|address| address.port()), Some(5));
        assert!(required.contains("gateway.listen"), "{required}");
    }

    #[test]
    fn a_setting_that_is_the_same_as_another_follows_it_until_it_is_given() {
        let follows = from_env(&[("BOTSMITH__GATEWAY__LISTEN", "127.0.0.1:2")]).unwrap();
        let own = from_env(&[("BOTSMITH__SENDER__LISTEN", "127.0.0.1:3")]).unwrap();

        assert_eq!(follows.sender.listen.port(), 2);
        assert_eq!((own.gateway.listen.port(), own.sender.listen.port()), (8080, 3));
    }

    #[test]
    fn the_urls_that_every_host_sets_are_settings_and_ours_win() {
        let hosted = from_env(&[("DATABASE_URL", "postgres://db"), ("AMQP_URL", "amqp://mq")]).unwrap();
        let both = from_env(&[
            ("BOTSMITH__STORE__URL", "postgres://ours"),
            ("DATABASE_URL", "postgres://db"),
        ])
        .unwrap();

        assert_eq!(hosted.store.url.expose_secret(), "postgres://db");
        assert_eq!(hosted.queue.url.expose_secret(), "amqp://mq");
        assert_eq!(both.store.url.expose_secret(), "postgres://ours");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_and_shown() {
        let in_env = from_env(&[("BOTSMITH__GATEWAY__BODY_LIMIT_BYTES", "64k")])
            .unwrap_err()
            .to_string();
        let in_file = from_file("[gateway]\ntrust_proxy = \"perhaps\"")
            .unwrap_err()
            .to_string();
        let out_of_range = from_env(&[("BOTSMITH__GATEWAY__BODY_LIMIT_BYTES", "-1")])
            .unwrap_err()
            .to_string();
        let unreadable = from_env(&[("BOTSMITH__GATEWAY__LISTEN", "localhost")])
            .unwrap_err()
            .to_string();
        let no_table = from_file("gateway = 1").unwrap_err().to_string();

        assert!(
            in_env.contains("BOTSMITH__GATEWAY__BODY_LIMIT_BYTES") && in_env.contains("\"64k\""),
            "{in_env}"
        );
        assert!(in_env.contains("a whole number"), "{in_env}");
        assert!(
            in_file.contains("gateway.trust_proxy") && in_file.contains("\"perhaps\""),
            "{in_file}"
        );
        assert!(
            out_of_range.contains("gateway.body_limit_bytes") && out_of_range.contains("-1"),
            "{out_of_range}"
        );
        assert!(unreadable.contains("gateway.listen"), "{unreadable}");
        assert!(
            no_table.contains("\"gateway\"") && no_table.contains("a section"),
            "{no_table}"
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let error = from_file("[store]\nurl = 424242").unwrap_err();

        assert!(error.to_string().contains("store.url"), "{error}");
        assert!(!format!("{error} {error:?}").contains("424242"), "{error:?}");
    }

    #[test]
    fn a_file_that_is_not_there_or_not_toml_is_named() {
        let absent = load::<Settings>(DEFAULTS, Some(Path::new("/nowhere/botsmith.toml")), [])
            .unwrap_err()
            .to_string();
        let garbled = from_file("[gateway").unwrap_err().to_string();

        assert!(absent.contains("/nowhere/botsmith.toml"), "{absent}");
        assert!(garbled.contains("cannot be read"), "{garbled}");
    }
}
