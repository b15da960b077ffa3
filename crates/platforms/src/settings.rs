//! Where the platforms are. The operator's choice, never a tenant's.

use channel_sender_twilio::Addresses;
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
    /// Where everything for [`crate::SIMULATED_TWILIO_ACCOUNT`] goes. Empty: that account cannot be used.
    #[serde(deserialize_with = "unless_empty")]
    pub twilio_simulator_url: Option<Url>,
    /// Hosts, with all below them, that Twilio's media addresses may redirect to.
    pub twilio_media_hosts: Vec<String>,
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
            twilio_media_hosts: ["twilio.com", "twiliocdn.com", "amazonaws.com"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

fn known(address: &str) -> Url {
    #[expect(
        clippy::expect_used,
        reason = "the addresses above are valid, and every test reads them"
    )]
    Url::parse(address).expect("a valid address")
}

impl Settings {
    pub(crate) fn twilio(&self) -> Addresses {
        Addresses {
            api: self.twilio_api_url.clone(),
            messaging: self.twilio_messaging_url.clone(),
            simulator: self.twilio_simulator_url.clone(),
            media_hosts: self.twilio_media_hosts.clone(),
        }
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
