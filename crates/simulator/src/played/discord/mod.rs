//! Discord: interactions over HTTP, and its REST API.

mod api;
mod interaction;

use super::{Answer, Person, Play, Signed, Signing, hex};
use actix_web::web;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The application: nobody's at Discord.
pub const APPLICATION: &str = "100000000000000001";
/// The bot as a user.
pub const BOT_USER: &str = "100000000000000002";

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
            "bot_token": "simulated.discord.bot-token", "application_id": APPLICATION, "public_key": public_key(secret),
        })
    }

    fn someone(&self) -> &'static str {
        "900000000000000001"
    }

    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.service(web::scope(self.base()).default_service(web::to(api::handle)));
    }

    /// The person's own channel with the bot.
    fn conversation(&self, person: &Person) -> String {
        person
            .conversation
            .clone()
            .unwrap_or_else(|| format!("5{}", person.from.get(1..).unwrap_or_default()))
    }

    fn message_id(&self, person: &Person) -> String {
        snowflake(person.number)
    }

    fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed> {
        let body = interaction::interaction(person).to_string().into_bytes();
        let timestamp = signing.at.timestamp().to_string();
        let signature = key(&signing.secret).sign(&[timestamp.as_bytes(), &body].concat());
        Ok(Signed::json(body)
            .with("X-Signature-Ed25519", hex(&signature.to_bytes()))
            .with("X-Signature-Timestamp", timestamp))
    }

    fn too_many(&self, retry_after: Option<u64>) -> Answer {
        let seconds = retry_after.unwrap_or(1);
        let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false});
        Answer::json(429, body).with("Retry-After", seconds)
    }
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
