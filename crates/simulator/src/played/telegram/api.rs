//! The Bot API's methods.

use super::{TOKEN, Telegram, chat, hook, poll, refusal, send};
use crate::played::{About, Answer, Call, Done, Operation, Params, Play, Played, serve};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::json;

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Telegram.base());
    let is_file = call.path.first().is_some_and(|first| first == "file");
    let pieces = call.path.iter().map(String::as_str).skip(usize::from(is_file));
    let pieces: Vec<&str> = pieces.collect();
    let token = pieces.first().and_then(|first| first.strip_prefix("bot"));
    let method = match pieces.get(1) {
        _ if is_file => "file".to_owned(),
        Some(method) => method.to_ascii_lowercase(),
        None => String::new(),
    };
    let params = call.params();
    let operation = match method.as_str() {
        "sendchataction" | "sendmessagedraft" => Operation::Typing,
        name if name.starts_with("send") => Operation::Send,
        name if name.starts_with("editmessage") => Operation::Edit,
        _ => Operation::Other,
    };
    let about = About::new(operation, &*method, params.text("chat_id"));
    let refused = refused(token.unwrap_or_default());
    serve(&played, &Telegram, &request, about, refused, async {
        if method == "getupdates" {
            return poll::answer(&played, &request, &params).await;
        }
        act(&played, &call, &method, &params)
    })
    .await
}

/// A token that no bot could have is no address at all.
fn refused(token: &str) -> Option<Answer> {
    if token == TOKEN {
        return None;
    }
    let looks_right = token.split_once(':').is_some_and(|(id, rest)| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() >= 30
    });
    Some(if looks_right {
        refusal(401, "Unauthorized")
    } else {
        refusal(404, "Not Found")
    })
}

fn act(played: &Played, call: &Call, method: &str, params: &Params) -> Result<Done, Answer> {
    if call.method != "GET" && call.method != "POST" {
        return Err(refusal(405, "Method Not Allowed"));
    }
    match method {
        "getme" => {
            let mut bot = chat::bot();
            for (name, value) in [
                ("can_join_groups", true),
                ("can_read_all_group_messages", false),
                ("supports_inline_queries", false),
                ("can_connect_to_business", false),
                ("has_main_web_app", false),
                ("has_topics_enabled", false),
            ] {
                bot[name] = value.into();
            }
            Ok(send::ok(bot).into())
        }
        "getchat" => {
            let (_, writer) = send::chat_of(played, params)?;
            Ok(send::ok(chat::chat(&writer)).into())
        }
        "sendmessage" => send::message(played, params),
        "sendphoto" => send::file(played, params, "photo"),
        "senddocument" => send::file(played, params, "document"),
        "sendaudio" => send::file(played, params, "audio"),
        "sendvoice" => send::file(played, params, "voice"),
        "sendvideo" => send::file(played, params, "video"),
        "sendanimation" => send::file(played, params, "animation"),
        "sendsticker" => send::file(played, params, "sticker"),
        "sendmediagroup" => send::album(played, params),
        "sendchataction" => send::typing(played, params),
        "sendmessagedraft" => send::draft(played, params),
        "editmessagetext" => send::edit(played, params, "text"),
        "editmessagecaption" => send::edit(played, params, "caption"),
        "editmessagereplymarkup" => send::edit(played, params, "markup"),
        "deletemessage" => send::delete(played, params),
        "answercallbackquery" => send::answer_button(played, params),
        "getfile" => send::find_file(played, params),
        "file" => send::download(played, call),
        "setwebhook" => hook::set(played, params),
        "deletewebhook" => hook::remove(played),
        "getwebhookinfo" => Ok(hook::info(played)),
        "setmycommands" | "deletemycommands" => Ok(send::ok(true.into()).into()),
        "getmycommands" => Ok(send::ok(json!([])).into()),
        _ => Err(refusal(404, "Not Found")),
    }
}
