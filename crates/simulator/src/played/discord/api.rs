//! The REST API.

use super::{
    APPLICATION, BOT_USER, Discord, GUILD, TOKEN, content, gateway, interaction, message, ping, public_key,
    refusal, snowflake,
};
use crate::played::{
    About, Answer, Call, Done, Hook, Kind, Operation, Outgoing, Person, Play, Played, Signed, next_number,
    serve,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

/// How long after an interaction it may be answered.
const OPEN: TimeDelta = TimeDelta::minutes(15);
/// The flag of a message that says that the bot is thinking.
const LOADING: u32 = 1 << 7;
/// Where the Interactions Endpoint URL is noted.
const ENDPOINT: &str = "interactions_endpoint_url";

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Discord.base());
    let (method, path) = call.route();
    // Discord's own address of the API ends with /api/v10.
    let path = match path.as_slice() {
        ["api", "v10", rest @ ..] | ["v10", rest @ ..] | rest => rest,
    };
    let operation = match (method, path) {
        ("POST", ["channels", _, "typing"]) => Operation::Typing,
        ("POST", ["channels", _, "messages"] | ["webhooks", ..])
        | ("PATCH", ["webhooks", _, _, "messages", "@original"]) => Operation::Send,
        ("PATCH", ["channels" | "webhooks", ..]) => Operation::Edit,
        _ => Operation::Other,
    };
    let conversation = match path {
        ["channels", channel, ..] => Some((*channel).to_owned()),
        ["webhooks", _, token, ..] => interaction::named(token).map(|(channel, _)| channel.to_owned()),
        _ => None,
    };
    let about = About::new(
        operation,
        format!("{method} {}", path.last().copied().unwrap_or_default()),
        conversation,
    );
    let refused = refused(&call, path);
    serve(&played, &Discord, &request, about, refused, async {
        act(&played, &call, method, path).await
    })
    .await
}

/// Answers to interactions prove themselves by the token in their address, and attachments are everybody's.
fn refused(call: &Call, path: &[&str]) -> Option<Answer> {
    if path.first() == Some(&"attachments") {
        return None;
    }
    let agent = call.header("User-Agent").unwrap_or_default();
    if !agent.starts_with("DiscordBot (") {
        return Some(refusal(403, 40_333, "internal network error"));
    }
    let open = matches!(path.first(), Some(&("webhooks" | "interactions")));
    (!open && call.authorization("Bot") != Some(TOKEN)).then(|| refusal(401, 0, "401: Unauthorized"))
}

/// Who made an interaction, by its token.
fn asked(played: &Played, token: &str) -> Result<Person, Answer> {
    let named = interaction::named(token);
    let person = named.and_then(|(channel, id)| played.heard(&Discord, channel, id));
    let person = person.ok_or_else(|| refusal(404, 10_015, "Unknown Webhook"))?;
    if Utc::now() - person.at > OPEN {
        return Err(refusal(401, 50_027, "Invalid Webhook Token"));
    }
    Ok(person)
}

async fn act(played: &Played, call: &Call, method: &str, path: &[&str]) -> Result<Done, Answer> {
    let json = |body| Ok(Answer::json(200, body).into());
    match (method, path) {
        ("GET", ["gateway", "bot"]) => Ok(gateway::recommended(played).into()),
        ("GET", ["users", "@me"]) => json(json!({"id": BOT_USER, "username": "simulated", "bot": true})),
        ("GET", ["applications", "@me"]) => json(application(played)),
        ("PATCH", ["applications", "@me"]) => {
            let body = content::read(call)?;
            if let Some(address) = body[ENDPOINT].as_str() {
                prove(played, address).await?;
                played.set_note(&Discord, ENDPOINT, address.into());
                if let Some(hook) = played.hook("discord") {
                    let url = played.reached(address);
                    played.connect("discord", Hook { url, ..hook });
                }
            }
            json(application(played))
        }
        ("POST", ["applications", APPLICATION, "commands"]) => {
            let mut command = content::read(call)?;
            command["id"] = "1".into();
            command["application_id"] = APPLICATION.into();
            Ok(Answer::json(201, command).into())
        }
        ("PUT", ["applications", APPLICATION, "commands"]) => json(call.json().unwrap_or_default()),
        ("POST", ["users", "@me", "channels"]) => {
            let body = content::read(call)?;
            let person = body["recipient_id"].as_str().filter(|id| super::is_snowflake(id));
            let person = person.ok_or_else(|| refusal(400, 50_033, "Invalid Recipient(s)"))?;
            let person = Person::new(person, "");
            let id = Discord.conversation(&person);
            let recipient = json!({"id": person.from, "username": "ann"});
            played.open(&Discord, person);
            json(json!({"id": id, "type": 1, "recipients": [recipient]}))
        }
        ("GET", ["attachments", _, key, ..]) => {
            let media = played.media(key).ok_or_else(|| Answer::empty(404))?;
            Ok(Answer::bytes(200, media.about.content_type, media.bytes).into())
        }
        (_, ["channels", channel, rest @ ..]) => {
            if played.known(&Discord, channel).is_none() {
                return Err(refusal(404, 10_003, "Unknown Channel"));
            }
            in_channel(played, call, method, channel, rest)
        }
        (_, ["webhooks", APPLICATION, token, rest @ ..]) => in_place(played, call, method, token, rest),
        ("POST", ["interactions", id, token, "callback"]) => {
            let person = asked(played, token).ok();
            let person = person.filter(|person| Discord.message_id(person) == *id);
            let person = person.ok_or_else(|| refusal(404, 10_062, "Unknown interaction"))?;
            let body = content::read(call)?;
            if body["type"] == 4 {
                answer_at_once(played, &person, &body["data"]);
            }
            Ok(Answer::empty(204).into())
        }
        _ => Err(refusal(404, 0, "404: Not Found")),
    }
}

/// Whether interactions go to an address, and not over the Gateway.
pub(super) fn has_endpoint(played: &Played) -> bool {
    let endpoint = played.note(&Discord, ENDPOINT);
    endpoint.is_some_and(|endpoint| endpoint.as_str().is_some_and(|address| !address.is_empty()))
}

fn application(played: &Played) -> Value {
    let seed = played.signing(
        &Discord,
        &played.hook("discord").unwrap_or_else(|| Hook::new("")),
        0,
    );
    json!({
        "id": APPLICATION, "name": "Simulated", "verify_key": public_key(&seed.secret), "flags": 1 << 19,
        "interactions_endpoint_url": played.note(&Discord, ENDPOINT),
    })
}

/// An address must answer a ping, and refuse one with a bad signature. It is tried where it can be reached from here and
/// it was said what this application signs with.
async fn prove(played: &Played, address: &str) -> Result<(), Answer> {
    let (Some(reached), Some(hook)) = (played.reachable(address), played.hook("discord")) else {
        return Ok(());
    };
    let good = super::signed(ping().to_string(), &played.signing(&Discord, &hook, 0));
    let bad = Signed {
        headers: good
            .headers
            .iter()
            .map(|(name, value)| match *name {
                "X-Signature-Ed25519" => (*name, "0".repeat(value.len())),
                _ => (*name, value.clone()),
            })
            .collect(),
        ..good.clone()
    };
    let pong = played.post(&reached, &good).await;
    let refused = played.post(&reached, &bad).await;
    let says_pong = serde_json::from_str::<Value>(&pong.body).is_ok_and(|body| body["type"] == 1);
    if pong.accepted() && says_pong && refused.status == Some(401) {
        return Ok(());
    }
    Err(Answer::json(
        400,
        json!({"message": "Invalid Form Body", "code": 50_035, "errors": {"interactions_endpoint_url": {"_errors": [{
            "code": "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID",
            "message": "The specified interactions endpoint url could not be verified.",
        }]}}}),
    ))
}

fn in_channel(
    played: &Played,
    call: &Call,
    method: &str,
    channel: &str,
    path: &[&str],
) -> Result<Done, Answer> {
    let json = |body| Ok(Answer::json(200, body).into());
    let message = |id: &str| {
        let found = played.outbox().message("discord", channel, id);
        found.ok_or_else(|| refusal(404, 10_008, "Unknown Message"))
    };
    match (method, path) {
        ("GET", []) => json(about(played, channel)),
        ("POST", ["typing"]) => {
            played.accept(&Discord, Outgoing::new(&Discord, Kind::Typing, channel, ""));
            Ok(Answer::empty(204).into())
        }
        ("POST", ["messages"]) => {
            let body = content::read(call)?;
            let nonce = &body["nonce"];
            if body["enforce_nonce"] == true && !nonce.is_null() {
                let name = format!("nonce {channel} {nonce}");
                if let Some(known) = played.note(&Discord, &name) {
                    return json(shown(&message(known.as_str().unwrap_or_default())?));
                }
                let done = send(played, &body, channel)?;
                let id = done.message.as_ref().map(|message| message.id.clone());
                played.set_note(&Discord, name, id.into());
                return Ok(done);
            }
            send(played, &body, channel)
        }
        ("GET", ["messages"]) => json(list(played, call, channel)),
        ("GET", ["messages", id]) => json(shown(&message(id)?)),
        ("PATCH", ["messages", id]) => {
            if played.heard(&Discord, channel, id).is_some() {
                return Err(refusal(
                    403,
                    50_005,
                    "Cannot edit a message authored by another user",
                ));
            }
            json(edit(played, &content::read(call)?, message(id)?)?)
        }
        ("DELETE", ["messages", id]) => {
            played.accept(&Discord, message(id)?.taken_back());
            Ok(Answer::empty(204).into())
        }
        _ => Err(refusal(404, 0, "404: Not Found")),
    }
}

/// A channel, with the id of what was written in it last.
fn about(played: &Played, channel: &str) -> Value {
    let ours = played.outbox().messages("discord", channel);
    let theirs = played.all_heard(&Discord, Some(channel));
    let ids = ours.into_iter().map(|message| message.id);
    let ids = ids.chain(theirs.iter().map(|person| Discord.message_id(person)));
    let last = ids.filter_map(|id| id.parse::<u64>().ok()).max();
    let known = played.known(&Discord, channel);
    let person = known.map(|known| known.person);
    let (kind, guild) = match person.filter(|person| person.conversation.is_some()) {
        Some(person) if person.thread.is_some() => (11, Some(GUILD)),
        Some(_) => (0, Some(GUILD)),
        None => (1, None),
    };
    json!({"id": channel, "type": kind, "guild_id": guild, "last_message_id": last.map(|id| id.to_string())})
}

/// What the bot and people wrote, newest first, after an id.
fn list(played: &Played, call: &Call, channel: &str) -> Value {
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let after = call.query("after").map(number).unwrap_or_default();
    let limit = call
        .query("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(50_usize);
    let ours = played.outbox().messages("discord", channel);
    let mut all: Vec<(u64, Value)> = ours
        .iter()
        .map(|message| (number(&message.id), shown(message)))
        .collect();
    let base = played.base(&Discord);
    for person in played.all_heard(&Discord, Some(channel)) {
        let id = Discord.message_id(&person);
        if played.note(&Discord, &message::note(&id)).is_some() {
            all.push((number(&id), message::written(&person, &base).body));
        }
    }
    all.retain(|(id, _)| *id > after);
    all.sort_by_key(|(id, _)| *id);
    let limit = limit.clamp(1, 100);
    // After an id, these are the oldest.
    if call.query("after").is_some() {
        all.truncate(limit);
    }
    all.into_iter()
        .rev()
        .take(limit)
        .map(|(_, shown)| shown)
        .collect()
}

/// In the place of an interaction's answer, and below it. The note says which message stands there.
fn in_place(played: &Played, call: &Call, method: &str, token: &str, path: &[&str]) -> Result<Done, Answer> {
    let channel = Discord.conversation(&asked(played, token)?);
    let json = |body| Ok(Answer::json(200, body).into());
    let original = played
        .note(&Discord, token)
        .and_then(|id| id.as_str().map(str::to_owned));
    let message = |id: &str| {
        let found = played.outbox().message("discord", &channel, id);
        found.ok_or_else(|| refusal(404, 10_008, "Unknown Message"))
    };
    match (method, path, original) {
        ("GET", ["messages", "@original"], Some(id)) => json(shown(&message(&id)?)),
        // Until it was answered the original is what says that the bot is thinking.
        ("GET", ["messages", "@original"], None) => json(json!({
            "id": "1", "channel_id": channel, "content": "", "flags": LOADING,
            "author": {"id": BOT_USER, "username": "simulated", "bot": true},
        })),
        ("PATCH", ["messages", "@original"], Some(id)) => {
            json(edit(played, &content::read(call)?, message(&id)?)?)
        }
        // The first message after a deferral takes the place of what says that the bot is thinking.
        ("PATCH", ["messages", "@original"], None) | ("POST", [], None) => {
            let done = send(played, &content::read(call)?, &channel)?;
            let id = done.message.as_ref().map(|message| message.id.clone());
            played.set_note(&Discord, token, id.into());
            Ok(done)
        }
        ("POST", [], Some(_)) => send(played, &content::read(call)?, &channel),
        ("PATCH", ["messages", id], _) => json(edit(played, &content::read(call)?, message(id)?)?),
        ("DELETE", ["messages", id], _) => {
            played.accept(&Discord, message(id)?.taken_back());
            Ok(Answer::empty(204).into())
        }
        _ => Err(refusal(404, 0, "404: Not Found")),
    }
}

/// An interaction was answered in the answer to its webhook.
pub(super) fn answer_at_once(played: &Played, person: &Person, data: &Value) {
    let channel = Discord.conversation(person);
    if let Ok(done) = send(played, data, &channel) {
        let id = done.message.map(|message| message.id);
        played.set_note(&Discord, interaction::token(person), id.into());
    }
}

fn send(played: &Played, body: &Value, channel: &str) -> Result<Done, Answer> {
    let mut outgoing = Outgoing::new(&Discord, Kind::Sent, channel, snowflake(next_number()));
    content::fill(body, &mut outgoing)?;
    let outgoing = played.accept(&Discord, outgoing);
    let shown = shown(&outgoing);
    gateway::sent(played, &outgoing, shown.clone());
    Ok(Done::sent(outgoing, Answer::json(200, shown)))
}

fn edit(played: &Played, body: &Value, mut outgoing: Outgoing) -> Result<Value, Answer> {
    content::fill(body, &mut outgoing)?;
    outgoing.kind = Kind::Edited;
    outgoing.at = Utc::now();
    Ok(shown(&played.accept(&Discord, outgoing)))
}

fn shown(message: &Outgoing) -> Value {
    let components = match &message.raw["components"] {
        Value::Null => json!([]),
        components => components.clone(),
    };
    json!({
        "id": message.id, "channel_id": message.conversation, "content": message.text, "nonce": message.raw["nonce"],
        "type": 0, "flags": 0, "timestamp": message.at.to_rfc3339(), "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "pinned": false, "embeds": [], "attachments": [],
        "author": {"id": BOT_USER, "username": "simulated", "bot": true}, "components": components,
    })
}
