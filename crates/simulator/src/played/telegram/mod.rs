//! Telegram's Bot API, as core.telegram.org/bots/api describes it.

mod api;
mod chat;
mod entities;
mod hook;
mod markup;
mod poll;
mod send;
mod update;

pub(crate) use poll::Updates;

use super::{Answer, Held, Person, Play, Signed, Signing};
use actix_web::web;
use serde_json::json;

/// The bot's token: no bot at Telegram has it.
pub const TOKEN: &str = "1000000001:SIMULATED_SIMULATED_SIMULATED_SIMUL";
/// The bot's id, the part of the token before the colon.
pub const BOT_ID: &str = "1000000001";
/// The bot's user name.
pub const USERNAME: &str = "simulated_bot";
/// The secret that comes back in `X-Telegram-Bot-Api-Secret-Token` until `setWebhook` says another.
pub const WEBHOOK_SECRET: &str = "simulated-webhook-secret";

/// Telegram.
pub struct Telegram;

impl Play for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn base(&self) -> &'static str {
        "/telegram"
    }

    fn account(&self) -> &'static str {
        BOT_ID
    }

    fn secret(&self) -> &'static str {
        WEBHOOK_SECRET
    }

    fn credentials(&self, secret: &str) -> serde_json::Value {
        json!({"bot_token": TOKEN, "webhook_secret": secret})
    }

    fn someone(&self) -> &'static str {
        "5550001"
    }

    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.service(web::scope(self.base()).default_service(web::to(api::handle)));
    }

    fn conversation(&self, person: &Person) -> String {
        person.conversation.clone().unwrap_or_else(|| person.from.clone())
    }

    fn message_id(&self, person: &Person) -> String {
        person.number.to_string()
    }

    fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed> {
        let update = update::update(person)?;
        Ok(Signed::json(update.to_string().into_bytes())
            .with("X-Telegram-Bot-Api-Secret-Token", &signing.secret)
            .with("Accept-Encoding", "gzip, deflate"))
    }

    fn held(&self) -> Option<&'static dyn Held> {
        Some(&Telegram)
    }

    fn too_many(&self, retry_after: Option<u64>) -> Answer {
        let seconds = retry_after.unwrap_or(1);
        Answer::json(
            429,
            json!({
                "ok": false,
                "error_code": 429,
                "description": format!("Too Many Requests: retry after {seconds}"),
                "parameters": {"retry_after": seconds},
            }),
        )
    }
}

/// A refusal in Telegram's words.
fn refusal(code: u16, description: &str) -> Answer {
    Answer::json(
        code,
        json!({"ok": false, "error_code": code, "description": description}),
    )
}
