//! `botsmith simulate server`

use crate::{
    Service, Settings,
    demo::{self, Demo},
    model::Behaviour,
    played,
    twilio::{Account, Callbacks},
};
use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Port to listen on, on 127.0.0.1; where the demo expects it when left out, else 4010
    #[arg(long)]
    port: Option<u16>,
    /// The account that may call the API; the demo's when left out
    #[arg(long, requires = "auth_token")]
    account_sid: Option<String>,
    /// Its token
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<SecretString>,
    /// A number that it owns; may be given several times. Without one it may send from every number
    #[arg(long)]
    number: Vec<String>,
    /// What the model says to everything; without it, it repeats what it was asked
    #[arg(long)]
    model_answer: Option<String>,
    /// Milliseconds that the model takes
    #[arg(long, default_value_t = 0)]
    model_latency_ms: u64,
    /// Report nothing of what becomes of the messages
    #[arg(long)]
    no_callbacks: bool,
}

pub(super) async fn run(arguments: Arguments, data_dir: &Path) -> anyhow::Result<()> {
    let demo = Demo::read(data_dir)?;
    let port_of = |demo: &Demo| {
        url::Url::parse(&demo.simulator_url)
            .ok()
            .and_then(|url| url.port())
    };
    let port = arguments
        .port
        .or_else(|| demo.as_ref().and_then(port_of))
        .unwrap_or(4010);
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        control_token: demo.as_ref().map(|demo| demo.simulator_token.clone()),
        ..Settings::default()
    };
    let service = Service::start(settings).await?;
    if let Some(demo) = &demo {
        let account = Account::new(&demo.account_sid, demo.auth_token.expose_secret());
        service.twilio().add_account(account.with_number(&demo.number));
    }
    if let Some(token) = &arguments.auth_token {
        let sid = arguments.account_sid.as_deref().unwrap_or(demo::ACCOUNT_SID);
        let account = Account::new(sid, token.expose_secret());
        let account = arguments
            .number
            .iter()
            .fold(account, |account, number| account.with_number(number));
        service.twilio().add_account(account);
    } else if demo.is_none() {
        anyhow::bail!(
            "no account may call: give `--auth-token`, or `--data-dir` of an installation with a demo"
        );
    }
    if arguments.no_callbacks {
        service.twilio().set_callbacks(Callbacks::none());
    }
    let latency_ms = arguments.model_latency_ms;
    let behaviour = match arguments.model_answer {
        Some(text) => Behaviour {
            latency_ms,
            ..Behaviour::fixed(text)
        },
        None => Behaviour::echo(Duration::from_millis(latency_ms)),
    };
    service.model().behave(behaviour);
    let url = service.url();
    println!("Twilio's API    {url}   (BOTSMITH__PLATFORMS__TWILIO_SIMULATOR_URL={url})");
    for play in played::ALL {
        let (name, base) = (play.name(), service.played().base(*play));
        println!(
            "{name:<15} {base}   (BOTSMITH__PLATFORMS__{}_SIMULATOR_URL={base})",
            name.to_uppercase()
        );
    }
    println!("Language model  {url}/v1");
    println!(
        "Strings to pull {url}/_simulator/  (messages, calls, counts, faults, callbacks: ?platform=; say, connect, connections, media, model)"
    );
    service.run(stopped()?).await
}

/// Ends with Ctrl-C, and with what supervisors send.
fn stopped() -> anyhow::Result<CancellationToken> {
    let mut terminated = signal(SignalKind::terminate()).context("listening for signals")?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}
