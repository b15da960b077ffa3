//! The widget: the script that pages load, and what it has to know before anybody writes.

use super::{Chat, chatbot_of, origin};
use accounts::Age;
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::Platform;
use serde_json::json;

/// `GET /widget.js`. For every page: what it may do is decided when it speaks.
pub async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(::widget::SCRIPT)
}

/// `GET /api/chat/{chatbot_id}/widget`
pub async fn settings(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        origin.check()?;
        chat.account(chatbot_of(&path)?, &Platform::WEB, Age::Kept)
            .await?;
        let limits = &chat.settings.chat;
        Ok(HttpResponse::Ok().json(json!({
            "max_characters": limits.most_characters,
            "max_file_megabytes": limits.max_file_bytes / (1024 * 1024),
        })))
    })
    .await
}
