//! The Graph API, below `/v25.0` or any other version.

use super::{ACCOUNT, Instagram, Messenger, WhatsApp, send};
use crate::played::{About, Answer, Call, Done, Operation, Play, Played, serve, utf16};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::json;

/// An error in Graph's words.
pub(super) fn refusal(status: u16, code: u64, message: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "simulated"}}),
    )
}

pub(super) async fn whatsapp(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    handle(&WhatsApp, request, played, body).await
}

pub(super) async fn messenger(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    handle(&Messenger, request, played, body).await
}

pub(super) async fn instagram(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
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
    let to = body["to"].as_str().or_else(|| body["recipient"]["id"].as_str());
    let about = About::new(
        operation,
        format!("{method} {}", path.last().copied().unwrap_or_default()),
        to.map(str::to_owned),
    );
    let token = call
        .authorization("Bearer")
        .or_else(|| call.query("access_token"));
    let refused = token
        .filter(|token| !token.is_empty())
        .is_none()
        .then(|| refusal(401, 190, "Invalid OAuth access token - Cannot parse access token"));
    serve(&played, play, &request, about, refused, async {
        act(&played, play, &call, method, &path)
    })
    .await
}

fn is_version(piece: &str) -> bool {
    piece
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('.'))
}

fn act(played: &Played, play: &dyn Play, call: &Call, method: &str, path: &[&str]) -> Result<Done, Answer> {
    let json = |body| Ok(Answer::json(200, body).into());
    match (method, path) {
        ("POST", [_, "messages"]) => match play.name() {
            "whatsapp" => send::whatsapp(played, play, call),
            "messenger" => send::messaging(played, play, call, |text| utf16(text) > 2_000, 2_018_278),
            _ => send::messaging(played, play, call, |text| text.len() > 1_000, 2_534_022),
        },
        ("POST", [_, "subscribed_apps" | "subscriptions"]) => json(json!({"success": true})),
        ("GET", [_, "subscribed_apps"]) => json(json!({"data": [{
            "id": "1", "name": "Simulated app", "whatsapp_business_api_data": {"id": "1", "name": "Simulated app"},
            "subscribed_fields": ["messages", "messaging_postbacks", "message_deliveries", "message_reads", "message_echoes",
                                  "messaging_seen"],
        }]})),
        ("GET", [_, "message_templates"]) => json(json!({"data": [{
            "id": "1", "name": "hello", "language": "en_US", "status": "APPROVED", "category": "UTILITY",
            "components": [{"type": "BODY", "text": "Hello {{1}}"}],
        }], "paging": {}})),
        ("GET", ["debug_token"]) => json(json!({"data": {"app_id": "1", "is_valid": true, "scopes": []}})),
        ("GET", ["media-bytes", key]) => {
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
        ("GET", [id]) => match played.media(id) {
            Some(media) => json(json!({
                "id": id, "messaging_product": "whatsapp", "mime_type": media.about.content_type,
                "file_size": media.about.size, "url": format!("{}/media-bytes/{id}", played.base(play)),
            })),
            None => Err(refusal(400, 100, "Unsupported get request.")),
        },
        _ => Err(refusal(400, 2500, "Unknown path components")),
    }
}
