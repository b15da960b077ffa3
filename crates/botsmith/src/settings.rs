//! All settings: a section for each crate that has some, the defaults in `settings.default.toml`.

use anyhow::Context;
use serde::Deserialize;
use std::{net::SocketAddr, path::Path};

/// The defaults, and with them the list of every setting that exists.
pub const DEFAULTS: &str = include_str!("../settings.default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Webhooks.
    pub gateway: gateway::Settings,
    /// Intake and answers.
    pub chat_worker: chat_worker::Settings,
    /// Delivery.
    pub sender: channel_sender::Settings,
    /// Knowledge, as it is made.
    pub indexer: indexer::Settings,
    /// Knowledge, as it is searched.
    pub knowledge: knowledge::Settings,
    /// Language models.
    pub models: models::Settings,
    /// Housekeeping.
    pub scheduler: scheduler::Settings,
    /// The API.
    pub admin_api: admin_api::Settings,
    /// The platforms' addresses.
    pub platforms: platforms::Settings,
    /// The database.
    pub store: store::Settings,
    /// The queue.
    pub queue: queue::Settings,
    /// The master key.
    pub vault: vault::Settings,
    /// Health of roles without HTTP of their own.
    pub health: Health,
    /// Logs, traces, metrics.
    pub telemetry: process::telemetry::Settings,
}

/// Health of roles without HTTP of their own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Where they answer.
    pub listen: SocketAddr,
}

impl Settings {
    /// The defaults, then the file, then this process's environment.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::read(file, std::env::vars()).context("reading the settings")
    }

    fn read(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, process::settings::SettingsError> {
        let mut settings: Self = process::settings::load(DEFAULTS, file, env)?;
        settings.vault.master_key_file = settings.vault.master_key_file.filter(|path| !path.as_os_str().is_empty());
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn the_defaults_are_complete_and_name_nothing_that_does_not_exist() {
        let settings = Settings::read(None, []).unwrap();

        assert!(settings.store.url.expose_secret().is_empty(), "a private PostgreSQL is the default");
        assert!(settings.vault.master_key_file.is_none());
        assert!(settings.gateway.listen.ip().is_loopback(), "nothing is open to the world by itself");
    }

    #[test]
    fn every_default_is_explained() {
        let mut explained = false;
        for line in DEFAULTS.lines() {
            let line = line.trim();
            match line {
                "" => explained = false,
                comment if comment.starts_with('#') => explained = true,
                section if section.starts_with('[') => {}
                setting => assert!(explained, "nothing is said about {setting}"),
            }
        }
    }

    #[test]
    fn one_public_address_serves_all_roles() {
        let env = [("BOTSMITH__GATEWAY__PUBLIC_URL".to_owned(), "https://bots.example".to_owned())];

        let settings = Settings::read(None, env).unwrap();

        assert_eq!(settings.gateway.public_url.as_str(), "https://bots.example/");
        assert_eq!(settings.sender.public_url, settings.gateway.public_url);
    }
}
