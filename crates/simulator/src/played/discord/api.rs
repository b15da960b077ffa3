//! The REST API.

use super::{APPLICATION, BOT_USER, Discord, interaction, public_key, refusal, snowflake};
use crate::played::{
    About, Answer, Button, Call, Done, Kind, Operation, Outgoing, Person, Play, Played, next_number, serve,
    utf16,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

const TEXT: usize = 2_000;

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Discord.base());
    let (method, path) = call.route();
    let operation = match (method, path.as_slice()) {
        ("POST", ["channels", _, "typing"]) => Operation::Typing,
        ("POST", ["channels", _, "messages"] | ["webhooks", ..]) | ("PATCH", ["webhooks", ..]) => {
            Operation::Send
        }
        ("PATCH", ["channels", ..]) => Operation::Edit,
        _ => Operation::Other,
    };
    let conversation = match path.as_slice() {
        ["channels", channel, ..] => Some((*channel).to_owned()),
        ["webhooks", _, token, ..] => asked(&played, token).map(|person| Discord.conversation(&person)),
        _ => None,
    };
    let open = matches!(path.first(), Some(&("webhooks" | "interactions")));
    let refused =
        (!open && call.authorization("Bot").is_none()).then(|| refusal(401, 0, "401: Unauthorized"));
    let about = About::new(
        operation,
        format!("{method} {}", path.last().copied().unwrap_or_default()),
        conversation,
    );
    serve(&played, &Discord, &request, about, refused, async {
        act(&played, &call, method, &path)
    })
    .await
}

/// Who made an interaction, by its token.
fn asked(played: &Played, token: &str) -> Option<Person> {
    let mut heard = played.all_heard(&Discord, None).into_iter();
    heard.find(|person| interaction::token(person) == token)
}

fn act(played: &Played, call: &Call, method: &str, path: &[&str]) -> Result<Done, Answer> {
    let json = |body| Ok(Answer::json(200, body).into());
    match (method, path) {
        ("GET", ["users", "@me"]) => json(json!({"id": BOT_USER, "username": "simulated", "bot": true})),
        ("GET" | "PATCH", ["applications", "@me"]) => json(json!({
            "id": APPLICATION, "name": "Simulated", "verify_key": public_key(Discord.secret()), "flags": 1 << 19,
            "interactions_endpoint_url": call.json().unwrap_or_default()["interactions_endpoint_url"],
        })),
        ("POST" | "PUT", ["applications", _, "commands"]) => json(json!({"id": "1", "name": "ask"})),
        ("POST", ["channels", channel, "typing"]) => {
            played.accept(&Discord, Outgoing::new(&Discord, Kind::Typing, channel, ""));
            Ok(Answer::empty(204).into())
        }
        ("POST", ["channels", channel, "messages"]) => {
            if played.known(&Discord, channel).is_none() {
                return Err(refusal(404, 10_003, "Unknown Channel"));
            }
            let nonce = call.json().unwrap_or_default()["nonce"].clone();
            let mut sent = played.outbox().messages("discord", channel).into_iter();
            if let Some(known) = sent.find(|message| !nonce.is_null() && message.raw["nonce"] == nonce) {
                return json(shown(&known));
            }
            send(played, call, channel)
        }
        ("GET", ["channels", channel, "messages"]) => {
            let messages = played.outbox().messages("discord", channel);
            json(messages.iter().rev().map(shown).collect())
        }
        ("PATCH", ["channels", channel, "messages", id]) => {
            let mut outgoing = played
                .outbox()
                .message("discord", channel, id)
                .ok_or_else(|| refusal(404, 10_008, "Unknown Message"))?;
            fill(call, &mut outgoing)?;
            outgoing.kind = Kind::Edited;
            json(shown(&played.accept(&Discord, outgoing)))
        }
        // Until it was answered the original is what says that the bot is thinking.
        ("GET", ["webhooks", _, token, "messages", "@original"]) => {
            let person = asked(played, token).ok_or_else(|| refusal(404, 10_015, "Unknown Webhook"))?;
            let answered = played.note(&Discord, token).is_some();
            json(json!({
                "id": "1", "channel_id": Discord.conversation(&person), "content": "",
                "flags": if answered { 0 } else { 1 << 7 }, "author": {"id": BOT_USER, "bot": true},
            }))
        }
        ("PATCH", ["webhooks", _, token, "messages", "@original"]) | ("POST", ["webhooks", _, token]) => {
            let person = asked(played, token).ok_or_else(|| refusal(404, 10_015, "Unknown Webhook"))?;
            played.set_note(&Discord, *token, true.into());
            send(played, call, &Discord.conversation(&person))
        }
        ("POST", ["interactions", ..]) => Ok(Answer::empty(204).into()),
        _ => Err(refusal(404, 0, "404: Not Found")),
    }
}

fn fill(call: &Call, outgoing: &mut Outgoing) -> Result<(), Answer> {
    let body = call
        .json()
        .ok_or_else(|| refusal(400, 50_109, "The request body contains invalid JSON."))?;
    outgoing.text = body["content"].as_str().unwrap_or_default().to_owned();
    if outgoing.text.is_empty() && body["embeds"].as_array().is_none_or(Vec::is_empty) {
        return Err(refusal(400, 50_006, "Cannot send an empty message"));
    }
    if utf16(&outgoing.text) > TEXT {
        return Err(refusal(400, 50_035, "Invalid Form Body"));
    }
    let rows = body["components"].as_array().into_iter().flatten();
    outgoing.buttons = rows
        .flat_map(|row| row["components"].as_array().into_iter().flatten())
        .map(|button| Button {
            title: button["label"].as_str().unwrap_or_default().to_owned(),
            value: button["custom_id"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    outgoing.raw = body;
    Ok(())
}

fn send(played: &Played, call: &Call, channel: &str) -> Result<Done, Answer> {
    let mut outgoing = Outgoing::new(&Discord, Kind::Sent, channel, snowflake(next_number()));
    fill(call, &mut outgoing)?;
    let outgoing = played.accept(&Discord, outgoing);
    Ok(Done {
        answer: Answer::json(200, shown(&outgoing)),
        message: Some(outgoing),
    })
}

fn shown(message: &Outgoing) -> Value {
    json!({
        "id": message.id, "channel_id": message.conversation, "content": message.text, "nonce": message.raw["nonce"],
        "type": 0, "timestamp": message.at.to_rfc3339(), "author": {"id": BOT_USER, "username": "simulated", "bot": true},
        "components": [], "attachments": [],
    })
}
