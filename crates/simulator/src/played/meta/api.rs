//! The Graph API, below `/v25.0` or any other version.

use super::{ACCOUNT, Instagram, Messenger, TOKEN, WhatsApp, apps, messaging, template, whatsapp};
use crate::played::{About, Answer, Call, Done, Operation, Play, Played, serve};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

/// An error in Graph's words.
pub(super) fn refusal(status: u16, code: u64, message: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "simulated"}}),
    )
}

/// The same with a subcode.
pub(super) fn precisely(status: u16, code: u64, subcode: u64, message: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {"message": message, "type": "OAuthException", "code": code, "error_subcode": subcode,
                         "fbtrace_id": "simulated"}}),
    )
}

/// The same as the Cloud API words it.
pub(super) fn detailed(status: u16, code: u64, title: &str, details: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {
            "message": format!("(#{code}) {title}"), "type": "OAuthException", "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": details}, "fbtrace_id": "simulated",
        }}),
    )
}

pub(super) async fn for_whatsapp(
    request: HttpRequest,
    played: web::Data<Played>,
    body: Bytes,
) -> HttpResponse {
    handle(&WhatsApp, request, played, body).await
}

pub(super) async fn for_messenger(
    request: HttpRequest,
    played: web::Data<Played>,
    body: Bytes,
) -> HttpResponse {
    handle(&Messenger, request, played, body).await
}

pub(super) async fn for_instagram(
    request: HttpRequest,
    played: web::Data<Played>,
    body: Bytes,
) -> HttpResponse {
    handle(&Instagram, request, played, body).await
}

async fn handle(
    play: &'static dyn Play,
    request: HttpRequest,
    played: web::Data<Played>,
    body: Bytes,
) -> HttpResponse {
    let call = Call::read(&request, body, play.base());
    let (method, path) = call.route();
    // The version says nothing here.
    let path: Vec<&str> = path.into_iter().filter(|piece| !is_version(piece)).collect();
    let sends = method == "POST" && path.last() == Some(&"messages");
    let body = call.json().unwrap_or_default();
    let quiet = body["status"] == "read" || body["sender_action"].is_string();
    let operation = match (sends, quiet) {
        (true, true) => Operation::Typing,
        (true, false) => Operation::Send,
        _ => Operation::Other,
    };
    let about = About::new(
        operation,
        format!("{method} {}", path.last().copied().unwrap_or_default()),
        recipient(&body),
    );
    let refused = refused(&call, &path);
    serve(&played, play, &request, about, refused, async {
        act(&played, play, &call, method, &path).await
    })
    .await
}

/// Whom a message is to. On WhatsApp a business-scoped id stands for the number that it was made of.
pub(super) fn recipient(body: &Value) -> Option<String> {
    let number = body["to"].as_str().or_else(|| body["recipient"].as_str());
    if let Some(number) = number {
        let number = number.trim_start_matches('+');
        return Some(number.strip_prefix("US.").unwrap_or(number).to_owned());
    }
    body["recipient"]["id"].as_str().map(str::to_owned)
}

fn is_version(piece: &str) -> bool {
    piece
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('.'))
}

/// What lies at the CDN is everybody's. What belongs to an app is asked for with the app's own token, `id|secret`.
fn refused(call: &Call, path: &[&str]) -> Option<Answer> {
    if path.first() == Some(&"cdn") {
        return None;
    }
    let token = call
        .authorization("Bearer")
        .or_else(|| call.query("access_token"))
        .map(str::to_owned)
        .or_else(|| call.params().text("access_token"));
    let of_app = matches!(path, [_, "subscriptions"] | ["debug_token"]);
    match token.as_deref() {
        None | Some("") => Some(refusal(
            400,
            104,
            "An access token is required to request this resource.",
        )),
        Some(TOKEN) => None,
        Some(token)
            if of_app
                && token
                    .split_once('|')
                    .is_some_and(|(id, secret)| !id.is_empty() && !secret.is_empty()) =>
        {
            None
        }
        Some(_) => Some(refusal(
            401,
            190,
            "Invalid OAuth access token - Cannot parse access token",
        )),
    }
}

async fn act(
    played: &Played,
    play: &dyn Play,
    call: &Call,
    method: &str,
    path: &[&str],
) -> Result<Done, Answer> {
    let json = |body| Ok(Answer::json(200, body).into());
    match (method, path) {
        ("POST", [ACCOUNT | "me", "messages"]) => match play.name() {
            "whatsapp" => whatsapp::send(played, play, call),
            "messenger" => messaging::send(played, play, call, &messaging::MESSENGER),
            _ => messaging::send(played, play, call, &messaging::INSTAGRAM),
        },
        ("POST", [_, "subscriptions"]) => apps::subscribe_app(played, play, call).await,
        ("GET", [_, "subscriptions"]) => json(apps::subscriptions(played, play)),
        (_, [_, "subscribed_apps"]) => apps::subscribe_account(played, play, call, method),
        ("GET", [_, "message_templates"]) if play.name() == "whatsapp" => {
            json(json!({"data": template::all(), "paging": {}}))
        }
        ("GET", ["debug_token"]) => {
            let token = call.query("input_token").unwrap_or_default();
            // The app that asks is the app that the token is of.
            let own = call
                .authorization("Bearer")
                .or_else(|| call.query("access_token"));
            let app = own.and_then(|own| own.split_once('|')).map_or("1", |(id, _)| id);
            let mut data = json!({"app_id": app, "is_valid": token == TOKEN, "scopes": [], "expires_at": 0});
            if token != TOKEN {
                data["error"] = json!({"code": 190, "message": "Malformed access token"});
            }
            json(json!({"data": data}))
        }
        ("GET", ["refresh_access_token"]) if play.name() == "instagram" => json(json!({
            "access_token": TOKEN, "token_type": "bearer", "expires_in": 5_184_000,
        })),
        ("GET", ["media-bytes" | "cdn", key]) => {
            let media = played
                .media(key)
                .ok_or_else(|| refusal(404, 100, "Media not found"))?;
            Ok(Answer::bytes(200, media.about.content_type, media.bytes).into())
        }
        ("GET", [ACCOUNT | "me"]) => json(json!({
            "id": ACCOUNT, "user_id": ACCOUNT, "name": "Simulated page", "username": "simulated",
            "account_type": "BUSINESS", "display_phone_number": "+1 555-010-0000", "verified_name": "Simulated",
            "quality_rating": "GREEN", "status": "CONNECTED",
        })),
        ("GET", [id]) => thing(played, play, id),
        _ => Err(refusal(400, 2500, "Unknown path components")),
    }
}

/// A file on WhatsApp, or a person on the others.
fn thing(played: &Played, play: &dyn Play, id: &str) -> Result<Done, Answer> {
    let json = |body| Ok(Answer::json(200, body).into());
    match (played.media(id), played.known(play, id)) {
        (Some(media), _) => json(json!({
            "id": id, "messaging_product": "whatsapp", "mime_type": media.about.content_type,
            "file_size": media.about.size, "url": format!("{}/media-bytes/{id}", played.base(play)),
        })),
        (None, Some(known)) if play.name() != "whatsapp" => {
            let name = known.person.name();
            let (first, last) = name.split_once(' ').unwrap_or((name, ""));
            json(json!({"id": id, "name": name, "username": "ann", "first_name": first, "last_name": last}))
        }
        _ => Err(precisely(
            400,
            100,
            33,
            &format!("Unsupported get request. Object with ID '{id}' does not exist"),
        )),
    }
}
