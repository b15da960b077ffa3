//! `botsmith simulate rest` and `botsmith simulate web`: a program with an API key, and a visitor's browser, over the chat
//! API. They are platforms of BotSmith's own, so nothing is played but whoever asks.

use super::journey::{self, Sought};
use crate::demo::Demo;
use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Between two looks for an answer that was not there in time.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to write to the chatbot
    text: String,
    /// The chatbot; the demo bot when left out
    #[arg(long)]
    bot: Option<String>,
    /// Who writes: the name of a program's user, or what a visitor says that they are called
    #[arg(long, default_value = "ann")]
    from: String,
    /// Where BotSmith answers
    #[arg(long)]
    url: Option<String>,
    /// Where the API answers, when it is a process of its own
    #[arg(long)]
    api_url: Option<String>,
    /// A key of the API with the role agent, to ask as a program, and for the journey; the demo's when left out
    #[arg(long, env = "BOTSMITH_API_KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// Seconds to wait for the reply
    #[arg(long, default_value_t = 30)]
    wait: u64,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    Program,
    Visitor,
}

/// What became of a message.
#[derive(Deserialize)]
struct Accepted {
    reply: Option<Reply>,
    poll: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Reply {
    id: String,
    direction: String,
    text: String,
}

pub(super) async fn run(asker: Asker, arguments: Arguments, data_dir: &Path) -> anyhow::Result<()> {
    let demo = Demo::read(data_dir)?;
    let demo = demo.as_ref();
    let missing = |what: &str| {
        format!(
            "{what} is missing, and there is no demo in {} (`botsmith all` makes one)",
            data_dir.display()
        )
    };
    let chatbot = arguments.bot.or_else(|| demo.map(|demo| demo.chatbot_id.clone()));
    let chatbot = chatbot.with_context(|| missing("`--bot`"))?;
    let api_key = arguments
        .api_key
        .or_else(|| demo.map(|demo| demo.api_key.clone()));
    let api_key = api_key.with_context(|| missing("`--api-key`"))?;
    let url = arguments.url.or_else(|| demo.map(|demo| demo.url.clone()));
    let url = url.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let api_url = arguments
        .api_url
        .or_else(|| demo.map(|demo| demo.api_url.clone()));
    let patience = Duration::from_secs(arguments.wait);
    let gateway = Gateway {
        url: url.trim_end_matches('/').to_owned(),
        http: reqwest::Client::builder()
            .no_proxy()
            .timeout(patience + Duration::from_secs(5))
            .build()?,
    };
    let path = format!("/api/chat/{chatbot}");
    let mut body = json!({"text": arguments.text, "wait": "answer"});
    let (platform, token) = match asker {
        Asker::Program => {
            body["user"] = arguments.from.clone().into();
            ("rest", api_key.clone())
        }
        Asker::Visitor => {
            let session = gateway
                .post(&format!("{path}/sessions"), &json!({}), None)
                .await?;
            let token = session["token"].as_str().context("the session has no token")?;
            ("web", SecretString::from(token))
        }
    };

    println!("{} → {platform}: {}", arguments.from, arguments.text);
    let (sent_at, began) = (Utc::now(), Instant::now());
    let answer = gateway
        .post(&format!("{path}/messages"), &body, Some(&token))
        .await?;
    let accepted: Accepted = serde_json::from_value(answer).context("the answer cannot be read")?;
    if let Some(reason) = &accepted.reason {
        println!("  {reason}");
    }
    let reply = match (accepted.reply, accepted.poll) {
        (Some(reply), _) => Some(reply),
        (None, Some(poll)) => gateway.later(&poll, &token, began + patience).await?,
        (None, None) => None,
    };
    let replied_at: Option<DateTime<Utc>> = reply.as_ref().map(|_| Utc::now());
    if let Some(reply) = &reply {
        println!(
            "{platform} → {}: {}",
            arguments.from,
            reply.text.replace('\n', "\n  ")
        );
        println!("  {} after {}", reply.id, journey::milliseconds(began.elapsed()));
    }
    let contact = format!("user:{}", arguments.from);
    let sought = Sought {
        chatbot: &chatbot,
        platform: Some(platform),
        // A visitor is somebody new, whose name is made up by the gateway.
        contact: (asker == Asker::Program).then_some(contact.as_str()),
        text: &arguments.text,
        sent_at,
    };
    let api = journey::Api::new(api_url.as_deref().unwrap_or(&url), api_key)?;
    api.print(&sought, replied_at).await?;
    anyhow::ensure!(reply.is_some(), "no reply within {} s", arguments.wait);
    Ok(())
}

struct Gateway {
    url: String,
    http: reqwest::Client,
}

impl Gateway {
    async fn post(&self, path: &str, body: &Value, token: Option<&SecretString>) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).json(body);
        self.ask(match token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        })
        .await
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.send().await.with_context(|| {
            format!(
                "nothing answers at {}. Is BotSmith running there? (`--url` says where)",
                self.url
            )
        })?;
        let status = answer.status();
        let body: Value = answer
            .json()
            .await
            .with_context(|| format!("the gateway answered {status} without JSON"))?;
        if status.is_success() {
            return Ok(body);
        }
        let detail = body["detail"].as_str().unwrap_or_default();
        match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                bail!("refused with {status}: {detail}. `--api-key` gives a key with the role agent")
            }
            _ => bail!("refused with {status}: {detail}"),
        }
    }

    /// Looks where an answer was said to be, until it is there.
    async fn later(&self, poll: &str, token: &SecretString, until: Instant) -> anyhow::Result<Option<Reply>> {
        while Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            let request = self.http.get(format!("{}{poll}", self.url));
            let mut page = self.ask(request.bearer_auth(token.expose_secret())).await?;
            let items: Vec<Reply> = serde_json::from_value(page["items"].take())
                .context("the list of messages cannot be read")?;
            let answer = items.into_iter().find(|item| item.direction == "outbound");
            if answer.is_some() {
                return Ok(answer);
            }
        }
        Ok(None)
    }
}
