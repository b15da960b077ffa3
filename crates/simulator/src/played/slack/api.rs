//! The Web API's methods.

use super::{BOT_ID, BOT_USER, Slack, TEAM, TOKEN, ts};
use crate::played::{
    About, Answer, Button, Call, Done, Kind, Operation, Outgoing, Params, Play, Played, next_number, serve,
    utf16,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

/// Above this Slack cuts a text without a word; a bot that sends so much has a mistake.
const TEXT: usize = 4_000;
/// In a section of blocks.
const BLOCK_TEXT: usize = 3_000;

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Slack.base());
    let method = call.path.join("/");
    let params = call.params();
    let operation = match method.as_str() {
        "chat.postMessage" => Operation::Send,
        "chat.update" => Operation::Edit,
        "assistant.threads.setStatus" => Operation::Typing,
        _ => Operation::Other,
    };
    let token = call
        .authorization("Bearer")
        .map(str::to_owned)
        .or_else(|| params.text("token"));
    let refused = match token.as_deref() {
        Some(TOKEN) => None,
        Some(_) => Some(refusal("invalid_auth")),
        None => Some(refusal("not_authed")),
    };
    let about = About::new(operation, &*method, params.text("channel"));
    serve(&played, &Slack, &request, about, refused, async {
        act(&played, &call, &method, &params)
    })
    .await
}

/// Slack refuses with 200.
fn refusal(error: &str) -> Answer {
    Answer::json(200, json!({"ok": false, "error": error}))
}

fn act(played: &Played, call: &Call, method: &str, params: &Params) -> Result<Done, Answer> {
    match method {
        "auth.test" => Ok(Answer::json(
            200,
            json!({
                "ok": true, "url": "https://simulated.slack.com/", "team": "Simulated", "user": "simulated_bot",
                "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": false,
            }),
        )
        .with(
            "x-oauth-scopes",
            "app_mentions:read,channels:history,chat:write,files:read,groups:history,im:history,im:read,im:write,users:read",
        )
        .into()),
        "chat.postMessage" => post(played, params),
        "chat.update" => update(played, params),
        "conversations.history" | "conversations.replies" => Ok(history(played, params)),
        "users.info" => {
            let user = params.text("user").ok_or_else(|| refusal("user_not_found"))?;
            Ok(ok(json!({"user": {"id": user, "name": "ann", "real_name": "Ann Example", "is_bot": false}})))
        }
        "conversations.open" => Ok(ok(json!({
            "channel": {"id": params.text("users").unwrap_or_default().replacen('U', "D", 1)}
        }))),
        _ if call.method == "GET" || call.method == "POST" => Err(refusal("unknown_method")),
        _ => Err(Answer::empty(405)),
    }
}

fn ok(mut body: Value) -> Done {
    body["ok"] = true.into();
    Answer::json(200, body).into()
}

/// The text and the buttons of a message, within Slack's limits.
fn content(params: &Params, outgoing: &mut Outgoing) -> Result<(), Answer> {
    outgoing.text = params
        .text("text")
        .or_else(|| params.text("markdown_text"))
        .unwrap_or_default();
    let blocks = params.list("blocks");
    if outgoing.text.is_empty() && blocks.is_empty() {
        return Err(refusal("no_text"));
    }
    if utf16(&outgoing.text) > TEXT {
        return Err(refusal("msg_too_long"));
    }
    for block in &blocks {
        if block["text"]["text"]
            .as_str()
            .is_some_and(|text| utf16(text) > BLOCK_TEXT)
        {
            return Err(refusal("invalid_blocks"));
        }
        for button in block["elements"].as_array().into_iter().flatten() {
            let (title, value) = (button["text"]["text"].as_str(), button["value"].as_str());
            let (Some(title), Some(value)) = (title, value) else {
                return Err(refusal("invalid_blocks"));
            };
            if utf16(title) > 75 || utf16(value) > 2_000 {
                return Err(refusal("invalid_blocks"));
            }
            outgoing.buttons.push(Button {
                title: title.to_owned(),
                value: value.to_owned(),
            });
        }
    }
    outgoing.raw = params.raw();
    Ok(())
}

fn post(played: &Played, params: &Params) -> Result<Done, Answer> {
    let channel = params.text("channel").unwrap_or_default();
    played
        .known(&Slack, &channel)
        .ok_or_else(|| refusal("channel_not_found"))?;
    let mut outgoing = Outgoing::new(&Slack, Kind::Sent, &channel, ts(next_number()));
    content(params, &mut outgoing)?;
    outgoing.thread = params.text("thread_ts");
    let outgoing = played.accept(&Slack, outgoing);
    let body = json!({"ok": true, "channel": channel, "ts": outgoing.id, "message": shown(&outgoing)});
    Ok(Done {
        answer: Answer::json(200, body),
        message: Some(outgoing),
    })
}

fn update(played: &Played, params: &Params) -> Result<Done, Answer> {
    let channel = params.text("channel").unwrap_or_default();
    let id = params.text("ts").unwrap_or_default();
    let mut outgoing = played
        .outbox()
        .message("slack", &channel, &id)
        .ok_or_else(|| refusal("message_not_found"))?;
    outgoing.buttons.clear();
    content(params, &mut outgoing)?;
    outgoing.kind = Kind::Edited;
    outgoing.at = chrono::Utc::now();
    let outgoing = played.accept(&Slack, outgoing);
    Ok(ok(json!({"channel": channel, "ts": id, "text": outgoing.text})))
}

fn shown(message: &Outgoing) -> Value {
    json!({
        "type": "message", "user": BOT_USER, "bot_id": BOT_ID, "text": message.text, "ts": message.id,
        "team": TEAM, "metadata": message.raw["metadata"],
    })
}

/// What the bot and people wrote in a channel, newest first.
fn history(played: &Played, params: &Params) -> Done {
    let channel = params.text("channel").unwrap_or_default();
    let within = |time: &str| {
        params.text("oldest").is_none_or(|oldest| time >= oldest.as_str())
            && params.text("latest").is_none_or(|latest| time <= latest.as_str())
    };
    let mut messages: Vec<Value> = played
        .outbox()
        .messages("slack", &channel)
        .iter()
        .map(shown)
        .collect();
    messages.extend(played.all_heard(&Slack, Some(&channel)).iter().map(|person| {
        json!({"type": "message", "user": person.from, "text": person.text, "ts": Slack.message_id(person), "team": TEAM})
    }));
    messages.retain(|message| message["ts"].as_str().is_some_and(within));
    messages.sort_by(|a, b| b["ts"].as_str().cmp(&a["ts"].as_str()));
    ok(json!({"messages": messages, "has_more": false}))
}
