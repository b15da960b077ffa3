//! `botsmith simulate whatsapp` and its like: the simulator that plays the platform posts the webhook and takes the reply.

use super::journey;
use crate::{
    demo::Demo,
    played::{Attachment, Outgoing, Person, find},
};
use anyhow::{Context, bail};
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to write to the chatbot
    text: String,
    /// The chatbot; the demo bot when left out
    #[arg(long)]
    bot: Option<String>,
    /// Who writes, as the platform names people; somebody made up when left out
    #[arg(long)]
    from: Option<String>,
    /// Their name
    #[arg(long)]
    name: Option<String>,
    /// The channel or group to write in; their own chat with the chatbot when left out
    #[arg(long)]
    conversation: Option<String>,
    /// The thread in it
    #[arg(long, requires = "conversation")]
    thread: Option<String>,
    /// Presses a button with this value instead; the text is its title
    #[arg(long)]
    choice: Option<String>,
    /// The message that has the button, or that is answered, by the platform's id
    #[arg(long)]
    about: Option<String>,
    /// A file to send with it
    #[arg(long, conflicts_with = "choice")]
    file: Option<PathBuf>,
    /// Tells it over the connection that BotSmith holds, in place of a webhook: for Telegram, Slack and Discord, where the
    /// chatbot's integration has the mode "connection"
    #[arg(long)]
    connection: bool,
    /// What the platform signs webhooks with; the demo bot's when left out
    #[arg(long, env = "BOTSMITH_SIMULATED_SECRET", hide_env_values = true)]
    secret: Option<SecretString>,
    /// Where BotSmith answers
    #[arg(long)]
    url: Option<String>,
    /// Where the platform is played
    #[arg(long)]
    simulator_url: Option<String>,
    /// A key of the API, for the journey
    #[arg(long, env = "BOTSMITH_API_KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// Seconds to wait for the reply
    #[arg(long, default_value_t = 30)]
    wait: u64,
}

/// What became of the message at first.
#[derive(Deserialize)]
struct Said {
    /// What the webhook was answered.
    status: Option<u16>,
    #[serde(default)]
    body: String,
    /// Whether it was told over a connection.
    told: Option<bool>,
    took_ms: f64,
    conversation: String,
    position: u64,
}

impl Said {
    /// What to print of it. An error where BotSmith does not have the message.
    fn outcome(&self, url: &str) -> anyhow::Result<String> {
        let took = journey::milliseconds(Duration::from_secs_f64(self.took_ms / 1000.0));
        match (self.told, self.status) {
            (Some(true), _) => Ok(format!("told over the connection after {took}")),
            (Some(false), _) => bail!(
                "nobody holds a connection: give the chatbot's integration the mode \"connection\", and run a listener \
                 (`botsmith all` has one)"
            ),
            (None, None) => {
                bail!("nothing answers at {url}. Is BotSmith running there? (`--url` says where)")
            }
            (None, Some(status @ 200..300)) => Ok(format!("accepted with {status} after {took}")),
            (None, Some(status)) => bail!("the webhook was refused with {status}: {}", self.body.trim()),
        }
    }
}

pub(super) async fn run(platform: &str, arguments: Arguments, data_dir: &Path) -> anyhow::Result<()> {
    let play = find(platform).with_context(|| format!("{platform} is not played here"))?;
    let demo = Demo::read(data_dir)?.with_context(|| {
        format!(
            "there is no demo in {} (`botsmith all` makes one); it says where the simulator is and how to speak to it",
            data_dir.display()
        )
    })?;
    let chatbot = arguments.bot.unwrap_or_else(|| demo.chatbot_id.clone());
    let url = arguments.url.unwrap_or_else(|| demo.url.clone());
    let simulator = arguments
        .simulator_url
        .unwrap_or_else(|| demo.simulator_url.clone());
    let secret = arguments.secret.unwrap_or_else(|| demo.auth_token.clone());
    let from = arguments.from.unwrap_or_else(|| play.someone().to_owned());
    let mut person = Person::new(from, arguments.text);
    person.name = arguments.name;
    person.conversation = arguments.conversation;
    person.thread = arguments.thread;
    person.choice = arguments.choice;
    person.about = arguments.about;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let control = |method, path: &str| {
        http.request(
            method,
            format!("{}/_simulator{path}", simulator.trim_end_matches('/')),
        )
        .bearer_auth(demo.simulator_token.expose_secret())
    };
    if let Some(file) = &arguments.file {
        person.media = Some(upload(&control, file).await?);
    }

    println!("{} → {platform}: {}", person.from, person.text);
    let sent_at = Utc::now();
    let hook = (!arguments.connection).then(|| {
        json!({
            "url": format!("{}/api/{platform}/webhook/{chatbot}", url.trim_end_matches('/')),
            "secret": secret.expose_secret(),
        })
    });
    let answer = control(reqwest::Method::POST, "/say")
        .json(&json!({"platform": platform, "person": person, "hook": hook, "wait_ms": arguments.wait.min(50) * 1000}))
        .send()
        .await
        .with_context(|| format!("the simulator does not answer at {simulator}"))?;
    if !answer.status().is_success() {
        bail!("{}", answer.text().await?);
    }
    let said: Said = answer.json().await?;
    println!("  {}\n", said.outcome(&url)?);
    let mut position = said.position;
    let mut patience = arguments.wait.min(50) * 1000;
    let mut replied_at = None;
    // Long replies come in several messages at once.
    while let Some(reply) = next(&control, platform, &said.conversation, position, patience).await? {
        println!(
            "{platform} → {}: {}",
            person.from,
            reply.text.replace('\n', "\n  ")
        );
        for media in &reply.media {
            println!("  {media}");
        }
        // What `--choice` and `--about` want, to press it.
        for button in &reply.buttons {
            println!("  [{}] {}", button.title, button.value);
        }
        println!("  {}", reply.id);
        replied_at.get_or_insert(reply.at);
        (position, patience) = (reply.position, 300);
    }
    let api_key = arguments.api_key.unwrap_or_else(|| demo.api_key.clone());
    let api = journey::Api::new(&demo.api_url, api_key)?;
    let contact = play.contact(&person);
    let sought = journey::Sought {
        chatbot: &chatbot,
        platform: Some(platform),
        contact: Some(&contact),
        text: &person.text,
        sent_at,
    };
    api.print(&sought, replied_at).await?;
    anyhow::ensure!(replied_at.is_some(), "no reply within {} s", arguments.wait);
    Ok(())
}

/// Hands a file to the simulator, which keeps it where the platform would.
async fn upload(
    control: &impl Fn(reqwest::Method, &str) -> reqwest::RequestBuilder,
    path: &Path,
) -> anyhow::Result<Attachment> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    let content_type = match end.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("mp3") => "audio/mpeg",
        Some("ogg") => "audio/ogg",
        Some("mp4") => "video/mp4",
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    };
    let request = control(reqwest::Method::POST, "/media").query(&[("name", &*name)]);
    let answer = request
        .header("Content-Type", content_type)
        .body(bytes)
        .send()
        .await;
    let answer = answer.context("the simulator does not answer")?;
    Ok(answer.error_for_status()?.json().await?)
}

async fn next(
    control: &impl Fn(reqwest::Method, &str) -> reqwest::RequestBuilder,
    platform: &str,
    conversation: &str,
    after: u64,
    wait_ms: u64,
) -> anyhow::Result<Option<Outgoing>> {
    let query = [
        ("platform", platform.to_owned()),
        ("conversation", conversation.to_owned()),
        ("after", after.to_string()),
        ("wait_ms", wait_ms.to_string()),
    ];
    let answer = control(reqwest::Method::GET, "/answer")
        .query(&query)
        .send()
        .await?
        .error_for_status()?;
    if answer.status() == reqwest::StatusCode::OK {
        return Ok(Some(answer.json().await?));
    }
    Ok(None)
}
