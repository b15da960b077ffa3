//! All settings: a section for each crate that has some, the defaults in `settings.default.toml`.

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};
use url::Url;

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
    /// Connections that we open.
    pub listener: channel_listener::Settings,
    /// Knowledge, as it is made.
    pub indexer: indexer::Settings,
    /// Knowledge, as it is searched.
    pub knowledge: knowledge::Settings,
    /// Which model says what texts mean.
    pub embeddings: embedder::Settings,
    /// Language models.
    pub models: models::Settings,
    /// Tools of chatbots.
    pub tools: tools::Settings,
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
        let listen = settings.gateway.listen;
        if listen.port() != 0 {
            settings.listens_on(listen);
        }
        Ok(settings)
    }

    /// Whoever moves the address on which we listen and says nothing of a public one means the same machine; and who
    /// tries us there, over plain HTTP, has to be able to sign in.
    pub fn listens_on(&mut self, address: SocketAddr) {
        let local = local_url(address);
        for url in [
            &mut self.gateway.public_url,
            &mut self.sender.public_url,
            &mut self.scheduler.public_url,
            &mut self.admin_api.public_url,
        ] {
            if url.as_str() == UNSET_PUBLIC_URL
                && let Some(local) = &local
            {
                *url = local.clone();
            }
        }
        let public = &self.admin_api.public_url;
        let here = public
            .host_str()
            .is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host));
        if public.scheme() == "http" && here {
            self.admin_api.insecure_cookies = true;
        }
        self.gateway.listen = address;
    }

    /// Where this machine reaches the gateway.
    pub fn local_url(&self) -> anyhow::Result<Url> {
        local_url(self.gateway.listen).context("the address that the gateway listens on")
    }

    /// Where this machine reaches the API when that is a process of its own.
    pub fn api_url(&self) -> anyhow::Result<Url> {
        local_url(self.admin_api.listen).context("the address that the API listens on")
    }

    /// Where the queue is, without user and password, for messages.
    pub fn queue_address(&self) -> String {
        let url = self.queue.url.expose_secret();
        if url.is_empty() {
            return "the database".to_owned();
        }
        let Ok(url) = Url::parse(url) else {
            return "an address that cannot be read".to_owned();
        };
        let usual = if url.scheme() == "amqps" { 5671 } else { 5672 };
        format!(
            "{}:{}",
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(usual)
        )
    }
}

/// What `gateway.public_url` is unless somebody says otherwise.
const UNSET_PUBLIC_URL: &str = "http://127.0.0.1:8080/";

/// An address that listens everywhere is reached here by the loopback address.
fn local_url(mut address: SocketAddr) -> Option<Url> {
    match address {
        SocketAddr::V4(ref mut v4) if v4.ip().is_unspecified() => v4.set_ip(Ipv4Addr::LOCALHOST),
        SocketAddr::V6(ref mut v6) if v6.ip().is_unspecified() => v6.set_ip(Ipv6Addr::LOCALHOST),
        _ => {}
    }
    Url::parse(&format!("http://{address}/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete_and_name_nothing_that_does_not_exist() {
        let settings = Settings::read(None, []).unwrap();

        assert!(
            settings.store.url.expose_secret().is_empty(),
            "a private PostgreSQL is the default"
        );
        assert!(settings.vault.master_key_file.is_none());
        assert!(
            settings.gateway.listen.ip().is_loopback(),
            "nothing is open to the world by itself"
        );
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
    fn an_address_that_was_moved_takes_the_public_one_along_until_that_is_given() {
        let moved = [("BOTSMITH__GATEWAY__LISTEN".to_owned(), "0.0.0.0:9000".to_owned())];
        let given = [(
            "BOTSMITH__GATEWAY__PUBLIC_URL".to_owned(),
            "https://bots.example".to_owned(),
        )];

        let alone = Settings::read(None, moved.clone()).unwrap();
        let both = Settings::read(None, moved.into_iter().chain(given)).unwrap();

        assert_eq!(alone.sender.public_url.as_str(), "http://127.0.0.1:9000/");
        assert!(
            alone.admin_api.insecure_cookies,
            "one's own machine has no certificate"
        );
        assert_eq!(both.sender.public_url.as_str(), "https://bots.example/");
        assert!(!both.admin_api.insecure_cookies);
        assert_eq!(both.local_url().unwrap().as_str(), "http://127.0.0.1:9000/");
    }

    #[test]
    fn a_broker_is_named_without_its_password() {
        let address = |url: &str| {
            let env = [("AMQP_URL".to_owned(), url.to_owned())];
            Settings::read(None, env).unwrap().queue_address()
        };

        assert_eq!(address("amqp://ann:s3cret@mq.example/shop"), "mq.example:5672");
        assert_eq!(address("amqps://ann:s3cret@mq.example:7000"), "mq.example:7000");
        assert_eq!(address(""), "the database");
    }

    #[test]
    fn one_public_address_serves_all_roles() {
        let env = [(
            "BOTSMITH__GATEWAY__PUBLIC_URL".to_owned(),
            "https://bots.example".to_owned(),
        )];

        let settings = Settings::read(None, env).unwrap();

        assert_eq!(settings.gateway.public_url.as_str(), "https://bots.example/");
        assert_eq!(settings.sender.public_url, settings.gateway.public_url);
    }
}
