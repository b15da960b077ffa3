//! Settings of the gateway.

use secrecy::SecretString;
use serde::Deserialize;
use std::net::SocketAddr;
use url::Url;

/// Settings of the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the outside world reaches it: scheme and host, and a path if there is one. Platforms sign it.
    pub public_url: Url,
    /// The largest webhook, in bytes. A larger one is refused before anything is computed over it.
    pub max_body_bytes: usize,
    /// How long a client may take to send its body, in seconds.
    pub body_timeout_seconds: u64,
    /// Threads that serve HTTP.
    pub threads: usize,
    /// What a platform repeats in its handshake with `/api/{platform}/webhook`, the address for all accounts of an app.
    /// Empty: no such handshake succeeds.
    #[serde(default)]
    pub webhook_verify_token: SecretString,
    /// The chat API.
    #[serde(default)]
    pub chat: ChatSettings,
}

/// Settings of the chat API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChatSettings {
    /// Messages that a visitor may write in a minute.
    pub messages_per_minute: u32,
    /// Characters that a visitor's message may have.
    pub most_characters: usize,
    /// Files that a visitor may upload in a minute.
    pub files_per_minute: u32,
    /// The largest file, in bytes.
    pub max_file_bytes: usize,
    /// Bytes of files that a visitor may upload in a day.
    pub file_bytes_per_day: i64,
    /// How long a request waits for its answer, in seconds.
    pub wait_seconds: u64,
    /// How long a visitor's token opens their conversation, in days.
    pub session_days: i64,
    /// Conversations that may be begun from one address in a minute.
    pub sessions_per_minute: u32,
    /// Reverse proxies of the operator's that stand before the gateway and write X-Forwarded-For.
    pub trusted_proxies: usize,
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            messages_per_minute: 20,
            most_characters: 4_000,
            files_per_minute: 10,
            max_file_bytes: 10 * 1024 * 1024,
            file_bytes_per_day: 100 * 1024 * 1024,
            wait_seconds: 60,
            session_days: 30,
            sessions_per_minute: 60,
            trusted_proxies: 0,
        }
    }
}

impl Settings {
    /// The address a platform was told, for a request to `path_and_query`.
    pub fn public_address(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.public_origin())
    }

    /// The path and query that [`Self::public_address`] made an address of.
    pub fn path_and_query<'a>(&self, address: &'a str) -> &'a str {
        address.strip_prefix(self.public_origin()).unwrap_or(address)
    }

    fn public_origin(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_keeps_its_path_and_gets_no_double_slash() {
        let settings = |public_url: &str| Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: public_url.parse().unwrap(),
            max_body_bytes: 1,
            body_timeout_seconds: 1,
            threads: 1,
            webhook_verify_token: "".into(),
            chat: ChatSettings::default(),
        };

        assert_eq!(
            settings("https://bots.example").public_address("/api/x?y=1"),
            "https://bots.example/api/x?y=1"
        );
        let below = settings("https://a.example/bots/");
        let address = below.public_address("/api?x=/bots");
        assert_eq!(address, "https://a.example/bots/api?x=/bots");
        assert_eq!(below.path_and_query(&address), "/api?x=/bots");
    }
}
