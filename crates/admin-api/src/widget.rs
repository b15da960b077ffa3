//! The widget: how it looks, what it says and asks, and the line that puts it on a page.
//!
//! Invariant: pages of other sites show what is kept here, so nothing is kept that does not fit; a logo is what its bytes
//! are, whatever it was called.

use crate::{
    AdminApi,
    caller::Seat,
    input::{Input, Upload},
    path::ChatbotPath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use domain::ChatbotId;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use store::{
    TenantTx,
    widgets::{self, Logo, MOST_LOGO_BYTES, WidgetSettings},
};
use utoipa::ToSchema;

/// How to put the widget on a page.
#[derive(Serialize, ToSchema)]
pub(crate) struct Snippet {
    /// The line for the page.
    html: String,
    /// What a page with a Content-Security-Policy has to allow.
    content_security_policy: String,
}

/// The widget's settings.
///
/// `name`, `welcome`, `suggestions`, `colour`, `position`, `theme`, `language`, `texts`, `pre_chat`, `consent`, `files`,
/// `citations` and `feedback` as `PUT` takes them, and `logo`: the address of the logo, or `null`.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/widget", params(ChatbotPath), responses((status = 200, body = Object)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Value>, Problem> {
    let mut tx = seat.begin(&api).await?;
    Ok(Json(shown(&api, &mut tx, path.chatbot_id).await?))
}

/// Set the widget's settings.
///
/// What is left out is as it was at first. `logo` has an address of its own and is passed over here, so that what was read
/// can be sent back. Pages see the change within a minute.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/widget", params(ChatbotPath), request_body = Object,
    responses((status = 200, body = Object))
)]
pub(crate) async fn save(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    let mut given = input.0;
    given.remove("logo");
    let settings: WidgetSettings = serde_json::from_value(Value::Object(given.clone()))
        .map_err(|error| unreadable(&given, &error.to_string()))?;
    settings
        .check()
        .map_err(|unfit| Problem::invalid(unfit.field.clone(), unfit.to_string()))?;
    let mut tx = seat.begin(&api).await?;
    if !widgets::save(&mut tx, path.chatbot_id, &settings, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "set": given.keys().collect::<Vec<_>>() });
    seat.did(&api, &mut tx, "widget.update", path.chatbot_id, details)
        .await?;
    let shown = shown(&api, &mut tx, path.chatbot_id).await?;
    tx.commit().await?;
    Ok(Json(shown))
}

/// Set the widget's logo.
///
/// The body is the picture: PNG, JPEG or WebP, 256 KiB at most.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/widget/logo", params(ChatbotPath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The picture's bytes."),
    responses((status = 200, body = Object))
)]
pub(crate) async fn save_logo(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    picture: Upload,
) -> Result<Json<Value>, Problem> {
    let logo = picture_of(&picture.0)?;
    let mut tx = seat.begin(&api).await?;
    if !widgets::save_logo(&mut tx, path.chatbot_id, Some(&logo), api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "content_type": logo.content_type, "bytes": logo.bytes.len() });
    seat.did(&api, &mut tx, "widget.set_logo", path.chatbot_id, details)
        .await?;
    let shown = shown(&api, &mut tx, path.chatbot_id).await?;
    tx.commit().await?;
    Ok(Json(shown))
}

/// Take the widget's logo away.
#[utoipa::path(delete, path = "/api/chatbots/{chatbot_id}/widget/logo", params(ChatbotPath), responses((status = 204)))]
pub(crate) async fn delete_logo(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !widgets::save_logo(&mut tx, path.chatbot_id, None, api.now()).await? {
        return Err(Problem::not_found());
    }
    seat.did(&api, &mut tx, "widget.delete_logo", path.chatbot_id, Value::Null)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The line that puts the widget on a page.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/widget/snippet", params(ChatbotPath), responses((status = 200, body = Snippet)))]
pub(crate) async fn snippet(
    api: Data<AdminApi>,
    _seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Snippet>, Problem> {
    let (base, chatbot) = (api.settings().origin(), path.chatbot_id);
    Ok(Json(Snippet {
        html: format!(r#"<script src="{base}/widget.js" data-bot="{chatbot}" async></script>"#),
        content_security_policy: format!("script-src {base}; connect-src {base}; img-src {base}"),
    }))
}

async fn shown(api: &AdminApi, tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Value, Problem> {
    let widget = widgets::get(tx, chatbot).await?.ok_or_else(Problem::not_found)?;
    let mut shown = serde_json::to_value(&widget.settings).map_err(Problem::internal)?;
    let origin = api.settings().origin();
    shown["logo"] = widget
        .logo
        .map(|hash| Value::from(format!("{origin}/api/chat/{chatbot}/widget/logo?v={hash}")))
        .unwrap_or_default();
    Ok(shown)
}

/// Which of the settings cannot be read: each is tried alone.
fn unreadable(given: &Map<String, Value>, error: &str) -> Problem {
    let field = given.iter().find_map(|(name, value)| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let refused = serde_json::from_value::<WidgetSettings>(Value::Object(alone)).err()?;
        Some((name.chars().take(40).collect::<String>(), refused.to_string()))
    });
    match field {
        Some((field, refused)) => {
            let detail = format!("{field}: {refused}");
            Problem::invalid(field, detail)
        }
        None => Problem::new(Kind::Invalid, error.to_owned()),
    }
}

fn picture_of(bytes: &[u8]) -> Result<Logo, Problem> {
    if bytes.len() > MOST_LOGO_BYTES {
        let detail = format!("a logo may have {MOST_LOGO_BYTES} bytes at most");
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    // <https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern>
    let content_type = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..).is_some_and(|rest| rest.starts_with(b"WEBPVP")) {
        "image/webp"
    } else {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "this is no picture that the widget shows; bring a PNG, JPEG or WebP",
        ));
    };
    let hash = Sha256::digest(bytes)[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(Logo {
        content_type: content_type.to_owned(),
        bytes: bytes.to_vec(),
        hash,
    })
}
