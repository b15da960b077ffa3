//! Slack's Events API and Web API, as docs.slack.dev describes them.

mod api;
mod content;
mod event;
mod files;
mod socket;

pub(crate) use socket::Sockets;

use super::{Answer, Held, Person, Play, Signed, Signing, hmac_sha256};
use actix_web::web;
use serde_json::json;

/// The workspace: none at Slack has this id.
pub const TEAM: &str = "T00000000SIM";
/// The bot's token.
pub const TOKEN: &str = "xoxb-simulated-bot-token";
/// The app-level token, which opens Socket Mode's connections.
pub const APP_TOKEN: &str = "xapp-1-A00000SIM-1-simulated";
/// The app.
pub const APP: &str = "A00000SIM";
/// The bot as a user, and as a bot.
pub const BOT_USER: &str = "U00000BOT";
/// See [`BOT_USER`].
pub const BOT_ID: &str = "B00000BOT";
/// What webhooks are signed with unless another secret is given.
pub const SIGNING_SECRET: &str = "simulated-slack-signing-secret-0";

/// Slack.
pub struct Slack;

impl Play for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn base(&self) -> &'static str {
        "/slack"
    }

    fn account(&self) -> &'static str {
        TEAM
    }

    fn secret(&self) -> &'static str {
        SIGNING_SECRET
    }

    fn credentials(&self, secret: &str) -> serde_json::Value {
        json!({"bot_token": TOKEN, "signing_secret": secret, "app_token": APP_TOKEN, "team_id": TEAM})
    }

    fn someone(&self) -> &'static str {
        "U0000ANN"
    }

    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.service(
            web::scope(self.base())
                .route("/link/", web::get().to(socket::open))
                .default_service(web::to(api::handle)),
        );
    }

    /// A person's own channel with the bot is named after them.
    fn conversation(&self, person: &Person) -> String {
        person
            .conversation
            .clone()
            .unwrap_or_else(|| format!("D{}", person.from.get(1..).unwrap_or_default()))
    }

    /// Seconds and microseconds.
    fn message_id(&self, person: &Person) -> String {
        ts(person.number)
    }

    fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed> {
        let (content_type, body) = event::body(person, &signing.base)?;
        let mut signed = signed(content_type, body, signing);
        if signing.attempt > 0 {
            signed = signed
                .with("X-Slack-Retry-Num", signing.attempt.to_string())
                .with("X-Slack-Retry-Reason", "http_error");
        }
        Ok(signed)
    }

    fn handshake(&self, signing: &Signing) -> Option<Signed> {
        let challenge = json!({"token": "deprecated", "challenge": CHALLENGE, "type": "url_verification"});
        Some(signed(
            "application/json",
            challenge.to_string().into_bytes(),
            signing,
        ))
    }

    fn held(&self) -> Option<&'static dyn Held> {
        Some(&Slack)
    }

    fn too_many(&self, retry_after: Option<u64>) -> Answer {
        Answer::json(429, json!({"ok": false, "error": "ratelimited"}))
            .with("Retry-After", retry_after.unwrap_or(1))
    }
}

/// What a webhook's address must repeat to prove itself.
const CHALLENGE: &str = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";

fn signed(content_type: &str, body: Vec<u8>, signing: &Signing) -> Signed {
    let timestamp = signing.at.timestamp().to_string();
    let signature = hmac_sha256(&signing.secret, &[b"v0:", timestamp.as_bytes(), b":", &body]);
    let mut signed = Signed::json(body)
        .with("X-Slack-Request-Timestamp", timestamp)
        .with("X-Slack-Signature", format!("v0={signature}"));
    content_type.clone_into(&mut signed.headers[0].1);
    signed
}

/// A number of ours as Slack's time of a message.
fn ts(number: u64) -> String {
    format!("{}.{:06}", number / 1_000_000, number % 1_000_000)
}
