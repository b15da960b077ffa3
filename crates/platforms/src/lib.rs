//! The list of platforms, and the HTTP client they share.
//!
//! The only crate that names the platforms' crates. Adding a platform is one line in [`registry`], one dependency, and
//! its base addresses in [`Settings`].

mod addresses;
mod client;
mod settings;

pub use channel_sender_twilio::SIMULATED_ACCOUNT as SIMULATED_TWILIO_ACCOUNT;
pub use client::{ClientError, client};
pub use settings::Settings;

use channel::{ChannelHandle, Registry, RegistryError};
use channel_sender_discord::Discord;
use channel_sender_instagram::Instagram;
use channel_sender_messenger::Messenger;
use channel_sender_rest::Rest;
use channel_sender_slack::Slack;
use channel_sender_teams::Teams;
use channel_sender_telegram::Telegram;
use channel_sender_twilio::Twilio;
use channel_sender_web::Web;
use channel_sender_whatsapp::WhatsApp;

/// Why there are no platforms.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The list is wrong.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// All platforms, by name.
pub fn registry(settings: &Settings, client: reqwest::Client) -> Result<Registry, OpenError> {
    let (guard, guarded) = client::guarded(&settings.rest_allowed_private_cidrs)?;
    Ok(Registry::new([
        ChannelHandle::new(Twilio::new(client.clone(), settings.twilio())),
        ChannelHandle::new(WhatsApp::new(client.clone(), settings.whatsapp())),
        ChannelHandle::new(Telegram::new(client.clone(), settings.telegram())),
        ChannelHandle::new(Messenger::new(client.clone(), settings.messenger())),
        ChannelHandle::new(Instagram::new(client.clone(), settings.instagram())),
        ChannelHandle::new(Slack::new(client.clone(), settings.slack())),
        ChannelHandle::new(Discord::new(client.clone(), settings.discord())),
        ChannelHandle::new(Teams::new(client, settings.teams())),
        ChannelHandle::new(Rest::new(guard, guarded)),
        ChannelHandle::new(Web::new()),
        // one line a platform
    ])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_platform_is_listed_once_and_describes_itself() {
        let registry = registry(&Settings::default(), client().unwrap()).unwrap();

        let names: BTreeSet<String> = registry
            .iter()
            .map(|channel| channel.platform().to_string())
            .collect();
        let expected = [
            "discord",
            "instagram",
            "messenger",
            "rest",
            "slack",
            "teams",
            "telegram",
            "twilio",
            "web",
            "whatsapp",
        ];
        assert_eq!(names, expected.map(str::to_owned).into());
        for channel in registry.iter() {
            let setup = channel.setup();
            assert!(!setup.title.is_empty() && !setup.fields.is_empty() && !setup.steps.is_empty());
            assert!(
                channel.open(&"{}".into()).is_err(),
                "{} accepts empty credentials",
                channel.platform()
            );
        }
    }
}
