//! The Web API's methods.

use super::{APP_TOKEN, BOT_ID, BOT_USER, Slack, TEAM, TOKEN, content, files, socket, ts};
use crate::played::{
    About, Answer, Call, Done, Kind, Operation, Outgoing, Params, Person, Play, Played, next_number, serve,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

/// Methods that read JSON; the others take forms only, and pass over what else they get.
const JSON: &[&str] = &[
    "assistant.threads.setStatus",
    "auth.test",
    "chat.delete",
    "chat.postMessage",
    "chat.update",
    "conversations.open",
    "files.completeUploadExternal",
];

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Slack.base());
    // Slack's own address of the API ends with /api.
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let path = match path.as_slice() {
        ["api", rest @ ..] => rest,
        path => path,
    };
    let method = path.join("/");
    let is_json = call.content_type() == "application/json";
    let params = if is_json && !JSON.contains(&method.as_str()) {
        Params::default()
    } else {
        call.params()
    };
    let operation = match method.as_str() {
        "chat.postMessage" | "files.completeUploadExternal" => Operation::Send,
        "chat.update" => Operation::Edit,
        "assistant.threads.setStatus" => Operation::Typing,
        _ => Operation::Other,
    };
    let channel = params.text("channel").or_else(|| params.text("channel_id"));
    let about = About::new(operation, &*method, channel);
    let token = call.authorization("Bearer").map(str::to_owned);
    let token = token.or_else(|| params.text("token"));
    // Connections are opened as the app, everything else is done as its bot.
    let opens = method == "apps.connections.open";
    let refused = match token.as_deref() {
        // A file's address stands for itself: it answers a page to sign in with.
        _ if matches!(path, ["files-pri" | "upload", ..]) => None,
        Some(APP_TOKEN) if opens => None,
        Some(TOKEN) if !opens => None,
        Some(APP_TOKEN | TOKEN) => Some(refusal("not_allowed_token_type")),
        Some(_) => Some(refusal("invalid_auth")),
        None => Some(refusal("not_authed")),
    };
    serve(&played, &Slack, &request, about, refused, async {
        match path {
            ["files-pri", _, key, ..] => files::download(&played, token.as_deref(), key),
            ["upload", key] => files::take(&played, &call, key),
            _ => act(&played, &call, &method, &params),
        }
    })
    .await
}

/// Slack refuses with 200.
pub(super) fn refusal(error: &str) -> Answer {
    Answer::json(200, json!({"ok": false, "error": error}))
}

pub(super) fn ok(mut body: Value) -> Done {
    body["ok"] = true.into();
    Answer::json(200, body).into()
}

fn act(played: &Played, call: &Call, method: &str, params: &Params) -> Result<Done, Answer> {
    match method {
        _ if call.method != "GET" && call.method != "POST" => Err(Answer::empty(405)),
        "auth.test" => Ok(Answer::json(
            200,
            json!({
                "ok": true, "url": "https://simulated.slack.com/", "team": "Simulated", "user": "simulated_bot",
                "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": false,
            }),
        )
        .with(
            "x-oauth-scopes",
            "app_mentions:read,channels:history,chat:write,files:read,files:write,groups:history,im:history,im:read,\
             im:write,users:read",
        )
        .into()),
        "apps.connections.open" => socket::ticket(played),
        "chat.postMessage" => post(played, params),
        "chat.update" => update(played, params),
        "chat.delete" => delete(played, params),
        "assistant.threads.setStatus" => status(played, params),
        "conversations.history" => history(played, params, None),
        "conversations.replies" => {
            let root = params.text("ts").ok_or_else(|| refusal("thread_not_found"))?;
            history(played, params, Some(&root))
        }
        "conversations.info" => {
            let id = channel(played, params, "channel")?;
            Ok(ok(json!({"channel": {"id": id, "is_im": id.starts_with('D'), "is_member": true}})))
        }
        "conversations.open" => open(played, params),
        "users.info" => {
            let user = params.text("user").filter(|user| user.starts_with(['U', 'W']));
            let user = user.ok_or_else(|| refusal("user_not_found"))?;
            Ok(ok(json!({"user": {"id": user, "team_id": TEAM, "name": "ann", "real_name": "Ann Example",
                                  "is_bot": user == BOT_USER, "deleted": false}})))
        }
        "bots.info" => Ok(ok(json!({"bot": {"id": BOT_ID, "user_id": BOT_USER, "name": "simulated_bot"}}))),
        "files.info" => files::info(played, params),
        "files.getUploadURLExternal" => files::begin(played, params),
        "files.completeUploadExternal" => files::complete(played, params),
        _ => Err(Answer::json(
            200,
            json!({"ok": false, "error": "unknown_method", "req_method": method}),
        )),
    }
}

/// The channel that a call is about. A person stands for their own channel with the bot.
pub(super) fn channel(played: &Played, params: &Params, name: &str) -> Result<String, Answer> {
    let given = params.text(name).ok_or_else(|| refusal("channel_not_found"))?;
    let channel = if given.starts_with(['U', 'W']) {
        Slack.conversation(&Person::new(given, ""))
    } else {
        given
    };
    played
        .known(&Slack, &channel)
        .map(|_| channel)
        .ok_or_else(|| refusal("channel_not_found"))
}

fn open(played: &Played, params: &Params) -> Result<Done, Answer> {
    let user = params.text("users").unwrap_or_default();
    if !user.starts_with(['U', 'W']) || user.contains(',') {
        return Err(refusal("user_not_found"));
    }
    let person = Person::new(user, "");
    let id = Slack.conversation(&person);
    played.open(&Slack, person);
    Ok(ok(json!({"channel": {"id": id}})))
}

fn post(played: &Played, params: &Params) -> Result<Done, Answer> {
    let channel = channel(played, params, "channel")?;
    let mut outgoing = Outgoing::new(&Slack, Kind::Sent, &channel, ts(next_number()));
    content::fill(params, &mut outgoing)?;
    outgoing.thread = params.text("thread_ts");
    if outgoing.thread.as_deref().is_some_and(|thread| !is_ts(thread)) {
        return Err(refusal("invalid_thread_ts"));
    }
    let outgoing = played.accept(&Slack, outgoing);
    let body = json!({"ok": true, "channel": channel, "ts": outgoing.id, "message": shown(&outgoing, true)});
    Ok(Done::sent(outgoing, Answer::json(200, body)))
}

/// `1503435956.000247`
fn is_ts(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.')
        .is_some_and(|(seconds, rest)| digits(seconds) && rest.len() == 6 && digits(rest))
}

fn update(played: &Played, params: &Params) -> Result<Done, Answer> {
    let channel = channel(played, params, "channel")?;
    let id = params.text("ts").unwrap_or_default();
    if played.heard(&Slack, &channel, &id).is_some() {
        return Err(refusal("cant_update_message"));
    }
    let mut outgoing = played
        .outbox()
        .message("slack", &channel, &id)
        .ok_or_else(|| refusal("message_not_found"))?;
    outgoing.buttons.clear();
    outgoing.media.clear();
    content::fill(params, &mut outgoing)?;
    outgoing.kind = Kind::Edited;
    outgoing.at = chrono::Utc::now();
    let outgoing = played.accept(&Slack, outgoing);
    Ok(ok(json!({"channel": channel, "ts": id, "text": outgoing.text})))
}

fn delete(played: &Played, params: &Params) -> Result<Done, Answer> {
    let channel = channel(played, params, "channel")?;
    let id = params.text("ts").unwrap_or_default();
    if played.heard(&Slack, &channel, &id).is_some() {
        return Err(refusal("cant_delete_message"));
    }
    let found = played.outbox().message("slack", &channel, &id);
    let outgoing = found.ok_or_else(|| refusal("message_not_found"))?;
    played.accept(&Slack, outgoing.taken_back());
    Ok(ok(json!({"channel": channel, "ts": id})))
}

/// In a thread with the assistant it is shown that it is thinking.
fn status(played: &Played, params: &Params) -> Result<Done, Answer> {
    let channel = channel(played, params, "channel_id")?;
    let mut outgoing = Outgoing::new(&Slack, Kind::Typing, &channel, "");
    outgoing.thread = Some(
        params
            .text("thread_ts")
            .ok_or_else(|| refusal("invalid_thread_ts"))?,
    );
    outgoing.text = params.text("status").unwrap_or_default();
    outgoing.raw = params.raw();
    played.accept(&Slack, outgoing);
    Ok(ok(json!({})))
}

fn shown(message: &Outgoing, with_metadata: bool) -> Value {
    let mut shown = json!({
        "type": "message", "user": BOT_USER, "bot_id": BOT_ID, "text": message.text, "ts": message.id, "team": TEAM,
    });
    if let Some(thread) = &message.thread {
        shown["thread_ts"] = thread.clone().into();
    }
    if with_metadata && !message.raw["metadata"].is_null() {
        shown["metadata"] = message.raw["metadata"].clone();
    }
    shown
}

/// What the bot and people wrote in a channel, newest first; or in one of its threads, oldest first.
fn history(played: &Played, params: &Params, thread: Option<&str>) -> Result<Done, Answer> {
    let channel = channel(played, params, "channel")?;
    let (oldest, latest) = (params.text("oldest"), params.text("latest"));
    let inclusive = params.flag("inclusive");
    let within = |time: &str| {
        let is_edge = [&oldest, &latest].into_iter().flatten().any(|edge| edge == time);
        oldest.as_deref().is_none_or(|oldest| time >= oldest)
            && latest.as_deref().is_none_or(|latest| time <= latest)
            && (inclusive || !is_edge)
    };
    let with_metadata = params.flag("include_all_metadata");
    let ours = played.outbox().messages("slack", &channel);
    let mut messages: Vec<Value> = ours.iter().map(|message| shown(message, with_metadata)).collect();
    messages.extend(played.all_heard(&Slack, Some(&channel)).iter().map(|person| {
        let time = Slack.message_id(person);
        let mut shown =
            json!({"type": "message", "user": person.from, "text": person.text, "ts": time, "team": TEAM});
        if let Some(thread) = &person.thread {
            shown["thread_ts"] = thread.clone().into();
        }
        shown
    }));
    messages.retain(|message| {
        let (time, of) = (
            message["ts"].as_str().unwrap_or_default(),
            message["thread_ts"].as_str(),
        );
        within(time)
            && thread.map_or(of.is_none_or(|of| of == time), |thread| {
                thread == time || of == Some(thread)
            })
    });
    messages.sort_by(|a, b| a["ts"].as_str().cmp(&b["ts"].as_str()));
    if thread.is_none() {
        messages.reverse();
    }
    let limit = params
        .text("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(100_usize);
    let from = params
        .text("cursor")
        .and_then(|cursor| cursor.parse().ok())
        .unwrap_or(0_usize);
    let all = messages.len();
    let page: Vec<Value> = messages.into_iter().skip(from).take(limit).collect();
    let more = from + page.len() < all;
    let next = if more {
        (from + page.len()).to_string()
    } else {
        String::new()
    };
    Ok(ok(
        json!({"messages": page, "has_more": more, "response_metadata": {"next_cursor": next}}),
    ))
}
