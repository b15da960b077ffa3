//! The widget: the script that pages load, and what it has to know before anybody writes.

use super::{Chat, chatbot_of, error::ChatError, origin};
use accounts::Age;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, EntityTag, IfNoneMatch},
    web,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Platform;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use store::widgets::Widget;

/// The script's version: whoever has it is not sent it again.
static SCRIPT_TAG: LazyLock<EntityTag> =
    LazyLock::new(|| EntityTag::new_strong(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(::widget::SCRIPT))));

/// `GET /widget.js`. For every page: what it may do is decided when it speaks.
pub async fn script(known: Option<web::Header<IfNoneMatch>>) -> HttpResponse {
    let is_known = known.is_some_and(|known| match known.into_inner() {
        IfNoneMatch::Any => false,
        IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(&SCRIPT_TAG)),
    });
    let mut answer = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header(header::ETag(SCRIPT_TAG.clone()))
        .content_type("text/javascript; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(if is_known { "" } else { ::widget::SCRIPT })
}

/// `GET /api/chat/{chatbot_id}/widget`: what its owner set, and nothing else of the chatbot.
pub async fn settings(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        origin.check()?;
        let chatbot = chatbot_of(&path)?;
        chat.account(chatbot, &Platform::WEB, Age::Kept).await?;
        let Widget {
            chatbot_name,
            settings,
            logo,
        } = store::widgets::load(&chat.db, chatbot)
            .await?
            .ok_or_else(|| ChatError::UnknownChatbot(chatbot.to_string()))?;
        let logo = logo.map(|hash| {
            let path = format!("/api/chat/{chatbot}/widget/logo?v={hash}");
            chat.settings.public_address(&path)
        });
        let limits = &chat.settings.chat;
        Ok(HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "public, max-age=60"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .json(json!({
                "name": settings.name.as_ref().unwrap_or(&chatbot_name),
                "welcome": settings.welcome,
                "suggestions": settings.suggestions,
                "colour": settings.colour,
                "position": settings.position,
                "theme": settings.theme,
                "logo": logo,
                "language": settings.language,
                "texts": settings.texts,
                "pre_chat": settings.asked().collect::<Vec<_>>(),
                "consent": settings.consent,
                "files": settings.files,
                "citations": settings.citations,
                "feedback": settings.feedback,
                "max_characters": limits.most_characters,
                "max_file_megabytes": limits.max_file_bytes / (1024 * 1024),
            })))
    })
    .await
}

/// `GET /api/chat/{chatbot_id}/widget/logo`. A picture in a page: browsers name no origin for it, and need none.
pub async fn logo(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |_| {
        let chatbot = chatbot_of(&path)?;
        chat.account(chatbot, &Platform::WEB, Age::Kept).await?;
        let Some(logo) = store::widgets::load_logo(&chat.db, chatbot).await? else {
            return Err(ChatError::NoLogo);
        };
        // The address names the version: another picture has another one.
        let named = request.query_string() == format!("v={}", logo.hash);
        let keep = if named {
            "public, max-age=31536000, immutable"
        } else {
            "public, max-age=60"
        };
        Ok(HttpResponse::Ok()
            .content_type(logo.content_type)
            .insert_header((header::CACHE_CONTROL, keep))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
            .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
            .body(logo.bytes))
    })
    .await
}
