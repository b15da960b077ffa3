//! The demo of a fresh installation: a bot of a made-up shop, connected to a Twilio that is played in this process.
//!
//! Invariants: it is made once, and only where nobody has set anything up; what its owner changes or removes afterwards
//! stays changed; its messages never leave the machine.

mod make;
mod shop;

use crate::{settings::Settings, shared::Shared};
use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use simulator::{
    Service,
    demo::{ACCOUNT_SID, Demo},
    twilio::Account,
};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The demo bot's number: Twilio's own for tests, which nobody has.
pub const NUMBER: &str = "+15005550006";

/// How many messages the played Twilio remembers.
const REMEMBERED: usize = 1_000;

/// Where the demo is played.
pub struct Place {
    simulator: Service,
    token: SecretString,
    data_dir: PathBuf,
}

impl Place {
    /// Starts to play Twilio on a free port of this machine, and points the simulated account there.
    pub async fn start(settings: &mut Settings, data_dir: &Path) -> anyhow::Result<Self> {
        let token = secret();
        let local = settings.local_url();
        let playing = simulator::Settings {
            keep: REMEMBERED,
            control_token: Some(token.clone()),
            callback_origin: Some(local.as_str().trim_end_matches('/').to_owned()),
            ..simulator::Settings::default()
        };
        let simulator = Service::start(playing).await.context("starting the simulator")?;
        settings.platforms.twilio_simulator_url = simulator.url().parse().context("the simulator's address")?;
        Ok(Self { simulator, token, data_dir: data_dir.to_owned() })
    }

    /// Makes the demo if this is the first start, and notes for `botsmith simulate` how to speak to it. `None`: there is
    /// none, or it is not ours any more.
    pub async fn settle(&self, shared: &Shared, local: &Url, public: &Url) -> anyhow::Result<Option<Demo>> {
        let known = Demo::read(&self.data_dir).unwrap_or_else(|error| {
            tracing::warn!("making a new file for the demo: {error:#}");
            None
        });
        let Some(made) = make::find_or_make(shared, known).await.context("making the demo bot")? else {
            return Ok(None);
        };
        let address = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let demo = Demo {
            url: address(local),
            public_url: address(public),
            api_url: address(local),
            chatbot_id: made.chatbot.to_string(),
            workspace_id: made.workspace.to_string(),
            number: NUMBER.to_owned(),
            account_sid: ACCOUNT_SID.to_owned(),
            auth_token: made.auth_token,
            api_key: made.api_key,
            simulator_url: self.simulator.url(),
            simulator_token: self.token.clone(),
        };
        demo.write(&self.data_dir)?;
        let account = Account::new(ACCOUNT_SID, demo.auth_token.expose_secret()).with_number(NUMBER);
        self.simulator.twilio().add_account(account);
        Ok(Some(demo))
    }

    /// Plays until told to stop.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        self.simulator.run(stop).await
    }
}

/// 244 random bits, as Twilio's own tokens look.
fn secret() -> SecretString {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()).into()
}
