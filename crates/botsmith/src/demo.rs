//! The demo of a fresh installation: a bot of a made-up shop, connected to every platform: to ours, and to all others as they
//! are played on this machine.
//!
//! Invariants: it is made once, and only where nobody has set anything up; what its owner changes or removes afterwards
//! stays changed; its messages never leave the machine.

mod make;
mod shop;

use crate::{banner::Banner, data_dir, settings::Settings, shared::Shared};
use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use simulator::{
    Service,
    demo::{ACCOUNT_SID, Demo},
    twilio::Account,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The demo bot's number: Twilio's own for tests, which nobody has.
pub const NUMBER: &str = "+15005550006";

/// How long its knowledge may take to be indexed before we go on without.
const INDEXING: Duration = Duration::from_secs(10);

/// How many messages the played Twilio remembers.
const REMEMBERED: usize = 1_000;

/// Twilio, played in this process.
pub struct Stage {
    simulator: Service,
    token: SecretString,
    data_dir: PathBuf,
}

/// Where the demo's parts answer, as reached from this machine.
struct Addresses {
    gateway: Url,
    api: Url,
    simulator: String,
    simulator_token: SecretString,
}

impl Stage {
    /// Starts to play on a free port of this machine, and points the simulated account there.
    pub async fn start(settings: &mut Settings, data_dir: &Path) -> anyhow::Result<Self> {
        let token = secret();
        let playing = simulator::Settings {
            keep: REMEMBERED,
            control_token: Some(token.clone()),
            callback_origin: Some(plain(&settings.local_url()?)),
            ..simulator::Settings::default()
        };
        let simulator = Service::start(playing).await.context("starting the simulator")?;
        settings.platforms.twilio_simulator_url =
            Some(simulator.url().parse().context("the simulator's address")?);
        for play in simulator::played::ALL {
            let address = simulator.played().base(*play);
            settings
                .platforms
                .simulate(play.name(), address.parse().context("the simulator's address")?);
        }
        Ok(Self {
            simulator,
            token,
            data_dir: data_dir.to_owned(),
        })
    }

    /// Makes the demo if this is the first start, notes for `botsmith simulate` how to speak to it, and plays its account.
    pub async fn settle(&self, settings: &Settings, shared: &Shared) -> anyhow::Result<Option<Demo>> {
        let here = settings.local_url()?;
        let addresses = Addresses {
            gateway: here.clone(),
            api: here,
            simulator: self.simulator.url(),
            simulator_token: self.token.clone(),
        };
        let demo = settle(settings, shared, &self.data_dir, addresses).await?;
        if let Some(demo) = &demo {
            let account = Account::new(ACCOUNT_SID, demo.auth_token.expose_secret()).with_number(NUMBER);
            self.simulator.twilio().add_account(account);
        }
        Ok(demo)
    }

    /// Plays until told to stop.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        self.simulator.run(stop).await
    }
}

/// `botsmith demo`: the demo of an installation whose roles are processes of their own.
pub async fn run(mut settings: Settings, data_dir: &Path, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(simulator) = settings.platforms.twilio_simulator_url.clone() else {
        bail!(
            "the setting platforms.twilio_simulator_url has to say, here and for the sender, where Twilio is played: \
             http://127.0.0.1:4010 for `botsmith simulate server`"
        );
    };
    data_dir::find_master_key(&mut settings, data_dir);
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let shared = Shared::open(&settings, &stop).await?;
    if !shared.schema().await? {
        return Ok(());
    }
    let known = Demo::read(data_dir).ok().flatten();
    let addresses = Addresses {
        gateway: settings.local_url()?,
        api: settings.api_url()?,
        simulator: plain(&simulator),
        simulator_token: known.map_or_else(secret, |demo| demo.simulator_token),
    };
    let demo = settle(&settings, &shared, data_dir, addresses).await?;
    shared.close().await;
    let Some(demo) = demo else {
        bail!(
            "this installation is in use, or its demo bot was given to something else: there is no demo to make"
        );
    };
    Banner {
        data_dir: data_dir::unusual(data_dir),
        demo: Some(&demo),
        ..Banner::default()
    }
    .print();
    Ok(())
}

/// Returns when the bot knows what it was given, so that the first question is answered from it.
pub async fn known(shared: &Shared, demo: &Demo, stop: &CancellationToken) {
    let ready = async {
        while !make::is_indexed(shared, demo).await.unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let _ = tokio::time::timeout(INDEXING, stop.run_until_cancelled(ready)).await;
}

/// Makes the demo or finds it, and writes its file. `None`: there is none, or it is not ours any more.
async fn settle(
    settings: &Settings,
    shared: &Shared,
    data_dir: &Path,
    addresses: Addresses,
) -> anyhow::Result<Option<Demo>> {
    let known = Demo::read(data_dir).unwrap_or_else(|error| {
        tracing::warn!("making a new file for the demo: {error:#}");
        None
    });
    let Some(made) = make::find_or_make(shared, known)
        .await
        .context("making the demo bot")?
    else {
        return Ok(None);
    };
    let demo = Demo {
        url: plain(&addresses.gateway),
        public_url: plain(&settings.gateway.public_url),
        api_url: plain(&addresses.api),
        chatbot_id: made.chatbot.to_string(),
        workspace_id: made.workspace.to_string(),
        number: NUMBER.to_owned(),
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: made.auth_token,
        api_key: made.api_key,
        simulator_url: addresses.simulator,
        simulator_token: addresses.simulator_token,
    };
    demo.write(data_dir)?;
    Ok(Some(demo))
}

fn plain(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// 244 random bits, looking like Twilio's own tokens.
fn secret() -> SecretString {
    format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    )
    .into()
}
