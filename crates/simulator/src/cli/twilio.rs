//! `botsmith simulate twilio`

use super::journey;
use crate::{
    demo::{self, Demo},
    twilio::{Inbound, Retries, WebhookSender},
};
use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{
    path::Path,
    time::{Duration, Instant},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to write to the chatbot
    text: String,
    /// The chatbot; the demo bot when left out
    #[arg(long)]
    bot: Option<String>,
    /// The number that writes, in E.164
    #[arg(long, default_value = "+14155550123")]
    from: String,
    /// The chatbot's number; the demo bot's when left out
    #[arg(long)]
    to: Option<String>,
    /// Where BotSmith answers
    #[arg(long)]
    url: Option<String>,
    /// The address that the webhook is signed for, when a reverse proxy stands before `--url`
    #[arg(long)]
    public_url: Option<String>,
    /// Where the API answers, when it is a process of its own
    #[arg(long)]
    api_url: Option<String>,
    /// The Twilio account that the chatbot is connected to; the simulated one when left out
    #[arg(long)]
    account_sid: Option<String>,
    /// That account's token
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<SecretString>,
    /// A key of the API, for the journey
    #[arg(long, env = "BOTSMITH_API_KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// Where the simulated Twilio takes the reply
    #[arg(long)]
    simulator_url: Option<String>,
    /// Seconds to wait for the reply
    #[arg(long, default_value_t = 30)]
    wait: u64,
}

/// Everything there is to know before a message can be sent.
struct Target {
    chatbot: String,
    account_sid: String,
    auth_token: SecretString,
    to: String,
    url: String,
    public_url: String,
    simulator: Option<Simulator>,
    api: Option<journey::Api>,
}

/// The simulated Twilio, in the process that plays it.
struct Simulator {
    url: String,
    token: Option<SecretString>,
    http: reqwest::Client,
}

/// A reply, as the simulated Twilio tells of it.
#[derive(Deserialize)]
struct Reply {
    seq: u64,
    sid: String,
    from: Option<String>,
    body: String,
    num_segments: u32,
    created_at: DateTime<Utc>,
}

pub(super) async fn run(arguments: Arguments, data_dir: &Path) -> anyhow::Result<()> {
    let (text, from) = (arguments.text.clone(), arguments.from.clone());
    let patience = Duration::from_secs(arguments.wait);
    anyhow::ensure!(
        is_e164(&from),
        "{from:?} is not a phone number in E.164: write --from as +<country code><number>, for example +14155550123"
    );
    let target = Target::find(arguments, data_dir)?;
    let inbound = Inbound::sms(&target.account_sid, &from, &target.to, &text);
    let newest = match &target.simulator {
        Some(simulator) => simulator.begin(&inbound).await?,
        None => 0,
    };

    println!("{from} → {}: {text}", target.to);
    let sender = WebhookSender::new(target.auth_token.clone(), &target.public_url, &target.url)?;
    let sent_at = Utc::now();
    let delivered = sender.deliver(&target.chatbot, &inbound, Retries::TWILIO).await;
    let Some(status) = delivered.status else {
        bail!(
            "nothing answers at {}. Is BotSmith running there? (`--url` says where)",
            target.url
        );
    };
    if !delivered.accepted() {
        bail!("the webhook was refused with {status}: {}", delivered.body.trim());
    }
    println!(
        "  accepted with {status} after {}\n",
        journey::milliseconds(delivered.took)
    );

    let Some(simulator) = &target.simulator else {
        println!(
            "The reply goes to Twilio itself, as account {} is not simulated.",
            target.account_sid
        );
        return Ok(());
    };
    let sought = journey::Sought {
        chatbot: &target.chatbot,
        platform: None,
        contact: Some(&inbound.from),
        text: &inbound.body,
        sent_at,
    };
    let Some(reply) = simulator.reply(&from, newest, patience).await? else {
        if let Some(api) = &target.api {
            api.print(&sought, None).await?;
        }
        bail!("no reply within {} s", patience.as_secs());
    };
    print_reply(&reply, &from);
    // Long replies come in several messages at once.
    let mut last = reply.seq;
    while let Some(more) = simulator.reply(&from, last, Duration::from_millis(300)).await? {
        print_reply(&more, &from);
        last = more.seq;
    }
    match &target.api {
        Some(api) => api.print(&sought, Some(reply.created_at)).await,
        None => {
            println!("\nGive `--api-key` to see the message's journey.");
            Ok(())
        }
    }
}

fn print_reply(reply: &Reply, to: &str) {
    let segments = match reply.num_segments {
        1 => "1 segment".to_owned(),
        count => format!("{count} segments"),
    };
    let mut lines = reply.body.lines();
    println!(
        "{} → {to}: {}",
        reply.from.as_deref().unwrap_or("?"),
        lines.next().unwrap_or_default()
    );
    for line in lines {
        println!("{}", format!("  {line}").trim_end());
    }
    println!("  {} ({segments})", reply.sid);
}

fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

impl Target {
    fn find(arguments: Arguments, data_dir: &Path) -> anyhow::Result<Self> {
        let demo = Demo::read(data_dir)?;
        let is_demo = |demo: &Demo| {
            arguments.bot.as_ref().is_none_or(|bot| *bot == demo.chatbot_id)
                && arguments
                    .account_sid
                    .as_ref()
                    .is_none_or(|sid| *sid == demo.account_sid)
        };
        // Where it runs is the same for all of its bots; the credentials are the demo bot's alone.
        let place = demo.as_ref();
        let demo = demo.as_ref().filter(|demo| is_demo(demo));
        let missing = |what: &str| {
            format!(
                "{what} is missing: the demo bot of {} is not meant, or not there (`botsmith all` makes it). Give {what}, or \
                 the `--data-dir` of an installation with a demo bot",
                data_dir.display()
            )
        };
        let chatbot = arguments.bot.or_else(|| demo.map(|demo| demo.chatbot_id.clone()));
        let to = arguments.to.or_else(|| demo.map(|demo| demo.number.clone()));
        let token = arguments
            .auth_token
            .or_else(|| demo.map(|demo| demo.auth_token.clone()));
        let url = arguments.url.or_else(|| place.map(|demo| demo.url.clone()));
        let url = url.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        let account_sid = arguments
            .account_sid
            .unwrap_or_else(|| demo::ACCOUNT_SID.to_owned());
        let simulator_url = arguments
            .simulator_url
            .or_else(|| place.map(|demo| demo.simulator_url.clone()));
        let simulator = simulator_url.filter(|_| account_sid == demo::ACCOUNT_SID);
        let simulator = simulator
            .map(|url| Simulator::new(&url, place.map(|demo| demo.simulator_token.clone())))
            .transpose()?;
        let api_key = arguments
            .api_key
            .or_else(|| demo.map(|demo| demo.api_key.clone()));
        let api_url = arguments
            .api_url
            .or_else(|| place.map(|demo| demo.api_url.clone()))
            .unwrap_or_else(|| url.clone());
        Ok(Self {
            chatbot: chatbot.with_context(|| missing("`--bot`"))?,
            to: to.with_context(|| missing("`--to`"))?,
            auth_token: token.with_context(|| missing("`--auth-token`"))?,
            account_sid,
            public_url: arguments
                .public_url
                .or_else(|| place.map(|demo| demo.public_url.clone()))
                .unwrap_or_else(|| url.clone()),
            url,
            simulator,
            api: api_key.map(|key| journey::Api::new(&api_url, key)).transpose()?,
        })
    }
}

impl Simulator {
    fn new(url: &str, token: Option<SecretString>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("an HTTP client")?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            token,
            http,
        })
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}/_simulator{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    /// Tells it of the message; its newest message before any reply.
    async fn begin(&self, inbound: &Inbound) -> anyhow::Result<u64> {
        #[derive(Deserialize)]
        struct Counts {
            newest: u64,
        }
        let away = || format!("the simulated Twilio does not answer at {}", self.url);
        let told = self
            .request(reqwest::Method::POST, "/inbound")
            .json(&serde_json::json!({
                "sid": inbound.message_sid, "account": inbound.account_sid,
                "from": inbound.from, "to": inbound.to, "body": inbound.body,
            }));
        told.send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .with_context(away)?;
        let counts = self
            .request(reqwest::Method::GET, "/counts")
            .send()
            .await
            .with_context(away)?;
        Ok(counts.error_for_status()?.json::<Counts>().await?.newest)
    }

    async fn reply(&self, to: &str, after: u64, patience: Duration) -> anyhow::Result<Option<Reply>> {
        let began = Instant::now();
        loop {
            let left = patience.saturating_sub(began.elapsed());
            let query = [
                ("to", to.to_owned()),
                ("after", after.to_string()),
                (
                    "wait_ms",
                    left.min(Duration::from_secs(25)).as_millis().to_string(),
                ),
            ];
            let answer = self
                .request(reqwest::Method::GET, "/reply")
                .query(&query)
                .send()
                .await?
                .error_for_status()?;
            if answer.status() == reqwest::StatusCode::OK {
                return Ok(Some(answer.json().await?));
            }
            if left.is_zero() || began.elapsed() >= patience {
                return Ok(None);
            }
        }
    }
}
