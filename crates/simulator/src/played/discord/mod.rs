//! Discord: interactions over HTTP, and its REST API.

mod api;
mod content;
mod gateway;
mod interaction;
mod message;
mod session;

pub(crate) use session::Sessions;

use super::{Answer, Held, Person, Play, Played, Signed, Signing, hex, next_number};
use crate::delivery::Delivered;
use actix_web::web;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The application: nobody's at Discord.
pub const APPLICATION: &str = "100000000000000001";
/// The bot's token: no bot at Discord has it.
pub const TOKEN: &str = "simulated.discord.bot-token";
/// The bot as a user.
pub const BOT_USER: &str = "100000000000000002";

/// The guild of every channel that is not a person's own with the bot.
const GUILD: &str = "100000000000000003";

/// Discord.
pub struct Discord;

impl Play for Discord {
    fn name(&self) -> &'static str {
        "discord"
    }

    fn base(&self) -> &'static str {
        "/discord"
    }

    fn account(&self) -> &'static str {
        APPLICATION
    }

    /// A seed: the key that signs is made of it.
    fn secret(&self) -> &'static str {
        "botsmith simulated discord"
    }

    fn credentials(&self, secret: &str) -> serde_json::Value {
        json!({
            "bot_token": TOKEN, "application_id": APPLICATION, "public_key": public_key(secret),
        })
    }

    fn someone(&self) -> &'static str {
        "900000000000000001"
    }

    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.service(
            web::scope(self.base())
                .route("/gateway/", web::get().to(gateway::open))
                .default_service(web::to(api::handle)),
        );
    }

    /// A thread is a channel of its own.
    fn conversation(&self, person: &Person) -> String {
        let channel = person.thread.as_ref().or(person.conversation.as_ref());
        channel.cloned().unwrap_or_else(|| own_channel(&person.from))
    }

    fn message_id(&self, person: &Person) -> String {
        snowflake(person.number)
    }

    fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed> {
        anyhow::ensure!(
            is_snowflake(&person.from),
            "{:?} is nobody on Discord: people's ids are numbers",
            person.from
        );
        Ok(signed(interaction::interaction(person).to_string(), signing))
    }

    /// A PING, as when the address is saved.
    fn handshake(&self, signing: &Signing) -> Option<Signed> {
        Some(signed(ping().to_string(), signing))
    }

    /// A message may stand in the answer itself.
    fn answered(&self, played: &Played, person: &Person, delivered: &Delivered) {
        let body: Value = serde_json::from_str(&delivered.body).unwrap_or_default();
        if delivered.accepted() && body["type"] == 4 {
            api::answer_at_once(played, person, &body["data"]);
        }
    }

    fn held(&self) -> Option<&'static dyn Held> {
        Some(&Discord)
    }

    fn too_many(&self, retry_after: Option<u64>) -> Answer {
        let seconds = retry_after.unwrap_or(1);
        let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false});
        Answer::json(429, body).with("Retry-After", seconds)
    }
}

fn ping() -> Value {
    json!({
        "id": snowflake(next_number()), "application_id": APPLICATION, "type": 1, "token": "simulated-ping", "version": 1,
    })
}

fn is_snowflake(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn signed(body: String, signing: &Signing) -> Signed {
    let body = body.into_bytes();
    let timestamp = signing.at.timestamp().to_string();
    let signature = key(&signing.secret).sign(&[timestamp.as_bytes(), &body].concat());
    Signed::json(body)
        .with("X-Signature-Ed25519", hex(&signature.to_bytes()))
        .with("X-Signature-Timestamp", timestamp)
}

/// A person's own channel with the bot.
fn own_channel(user: &str) -> String {
    format!("5{}", user.get(1..).unwrap_or_default())
}

fn key(seed: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(seed.as_bytes()).into())
}

/// What the owner of a bot is shown as its public key, for a seed.
pub fn public_key(seed: &str) -> String {
    hex(key(seed).verifying_key().as_bytes())
}

/// A number of ours (microseconds since 1970) as an id of Discord's, which holds the time since 2015.
fn snowflake(number: u64) -> String {
    let milliseconds = (number / 1_000).saturating_sub(1_420_070_400_000);
    ((milliseconds << 22) | (number % 1_000) << 12).to_string()
}

/// A refusal in Discord's words.
fn refusal(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, json!({"message": message, "code": code}))
}
