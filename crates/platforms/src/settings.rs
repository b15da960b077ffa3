//! Where the platforms are. The operator's choice, never a tenant's.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};
use url::Url;

/// Base addresses of the platforms. Each has the platform's own as default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Twilio's API; a region's is `https://api.<edge>.<region>.twilio.com`.
    pub twilio_api_url: Url,
    /// Twilio's API of Messaging Services.
    pub twilio_messaging_url: Url,
    /// Where everything for [`crate::SIMULATED_TWILIO_ACCOUNT`] goes. Empty: that account cannot be used. The same for
    /// the other platforms' simulated accounts below.
    #[serde(deserialize_with = "unless_empty")]
    pub twilio_simulator_url: Option<Url>,
    /// Hosts, with all below them, that Twilio's media addresses may redirect to.
    pub twilio_media_hosts: Vec<String>,
    /// Telegram's Bot API, or a Bot API server of one's own.
    pub telegram_api_url: Url,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub telegram_simulator_url: Option<Url>,
    /// Meta's Graph API: WhatsApp, Messenger, and Instagram with Facebook login.
    pub graph_url: Url,
    /// Meta's Graph API of Instagram with Instagram login.
    pub graph_instagram_url: Url,
    /// The version of Meta's Graph API. Meta takes each away after about two years.
    pub graph_version: String,
    /// Hosts, with all below them, that WhatsApp's media are fetched from, with the account's token.
    pub whatsapp_media_hosts: Vec<String>,
    /// Hosts, with all below them, that Messenger's and Instagram's media are fetched from, without one.
    pub meta_media_hosts: Vec<String>,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub whatsapp_simulator_url: Option<Url>,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub messenger_simulator_url: Option<Url>,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub instagram_simulator_url: Option<Url>,
    /// Slack's Web API.
    pub slack_api_url: Url,
    /// Hosts, with all below them, that Slack's files are fetched from, with the bot's token.
    pub slack_media_hosts: Vec<String>,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub slack_simulator_url: Option<Url>,
    /// Discord's API.
    pub discord_api_url: Url,
    /// Hosts, with all below them, of Discord's Gateway, which is told the bot's token.
    pub discord_gateway_hosts: Vec<String>,
    /// Hosts, with all below them, that Discord's files are fetched from.
    pub discord_media_hosts: Vec<String>,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub discord_simulator_url: Option<Url>,
    /// Gives Teams' tokens for sending.
    pub teams_login_url: Url,
    /// Tells the keys that Teams' messages are signed with.
    pub teams_metadata_url: Url,
    /// Who signs Teams' messages, and what a token for sending is for; a sovereign cloud has its own.
    pub teams_issuer: String,
    /// Hosts, or whole origins, that Teams may be answered at.
    pub teams_service_hosts: Vec<String>,
    /// Where Teams' bots of the government's cloud are.
    pub teams_government_service_url: Url,
    /// Hosts, with all below them, that Teams' files are fetched from.
    pub teams_file_hosts: Vec<String>,
    /// See [`Self::twilio_simulator_url`].
    #[serde(deserialize_with = "unless_empty")]
    pub teams_simulator_url: Option<Url>,
    /// Private networks to which answers of the REST API may be pushed. All others are refused.
    pub rest_allowed_private_cidrs: Vec<IpNet>,
}

fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?.filter(|address| !address.is_empty());
    given
        .map(|address| Url::parse(&address).map_err(D::Error::custom))
        .transpose()
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            twilio_api_url: known("https://api.twilio.com"),
            twilio_messaging_url: known("https://messaging.twilio.com"),
            twilio_simulator_url: None,
            twilio_media_hosts: hosts(&["twilio.com", "twiliocdn.com", "amazonaws.com"]),
            telegram_api_url: known("https://api.telegram.org"),
            telegram_simulator_url: None,
            graph_url: known("https://graph.facebook.com"),
            graph_instagram_url: known("https://graph.instagram.com"),
            graph_version: "v25.0".to_owned(),
            whatsapp_media_hosts: hosts(&["fbsbx.com"]),
            meta_media_hosts: hosts(&["fbcdn.net", "fbsbx.com", "cdninstagram.com"]),
            whatsapp_simulator_url: None,
            messenger_simulator_url: None,
            instagram_simulator_url: None,
            slack_api_url: known("https://slack.com/api"),
            slack_media_hosts: hosts(&["files.slack.com"]),
            slack_simulator_url: None,
            discord_api_url: known("https://discord.com/api/v10"),
            discord_gateway_hosts: hosts(&["discord.gg"]),
            discord_media_hosts: hosts(&["cdn.discordapp.com", "media.discordapp.net"]),
            discord_simulator_url: None,
            teams_login_url: known("https://login.microsoftonline.com"),
            teams_metadata_url: known("https://login.botframework.com/v1/.well-known/openidconfiguration"),
            teams_issuer: "https://api.botframework.com".to_owned(),
            teams_service_hosts: hosts(&["smba.trafficmanager.net", "smba.infra.gcc.teams.microsoft.com"]),
            teams_government_service_url: known("https://smba.infra.gcc.teams.microsoft.com"),
            teams_file_hosts: hosts(&["sharepoint.com", "sharepoint.us", "svc.ms"]),
            teams_simulator_url: None,
            rest_allowed_private_cidrs: Vec::new(),
        }
    }
}

fn hosts(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn known(address: &str) -> Url {
    #[expect(
        clippy::expect_used,
        reason = "the addresses above are valid, and every test reads them"
    )]
    Url::parse(address).expect("a valid address")
}

impl Settings {
    /// Lets a platform's simulated account be used, at this address, unless the operator has said where. Nothing for a
    /// platform that has no such account.
    pub fn simulate(&mut self, platform: &str, address: Url) {
        let simulator = match platform {
            "twilio" => &mut self.twilio_simulator_url,
            "telegram" => &mut self.telegram_simulator_url,
            "whatsapp" => &mut self.whatsapp_simulator_url,
            "messenger" => &mut self.messenger_simulator_url,
            "instagram" => &mut self.instagram_simulator_url,
            "slack" => &mut self.slack_simulator_url,
            "discord" => &mut self.discord_simulator_url,
            "teams" => &mut self.teams_simulator_url,
            _ => return,
        };
        simulator.get_or_insert(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_the_platforms_own() {
        let settings: Settings =
            serde_json::from_str(r#"{"twilio_simulator_url": "http://127.0.0.1:9000"}"#).unwrap();

        assert_eq!(settings.twilio_api_url.as_str(), "https://api.twilio.com/");
        assert_eq!(settings.twilio_simulator_url.unwrap().port(), Some(9000));
        let empty: Settings = serde_json::from_str(r#"{"twilio_simulator_url": ""}"#).unwrap();
        assert_eq!(empty.twilio_simulator_url, None);
        assert!(serde_json::from_str::<Settings>(r#"{"twilio_simulator_url": "127.0.0.1"}"#).is_err());
        assert!(serde_json::from_str::<Settings>(r#"{"twilio_api_uri": "http://x"}"#).is_err());
    }
}
