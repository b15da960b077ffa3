//! `POST /api/chat/{chatbot_id}/files`: a file that will go with a message.
//!
//! Invariant: a file's kind is what its bytes say, whatever its name and its sender say; only who uploaded it can send it.

use super::{
    Chat,
    caller::{Caller, Named},
    chatbot_of,
    error::ChatError,
    input, multipart, origin,
    place::{self, Place},
};
use crate::GatewayError;
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use channel::MediaRef;
use chrono::{TimeDelta, Utc};
use domain::{ApiKeyId, BlobId, Role};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::chat::{self, FILE_SCHEME, NewFile};

/// What stands around a file in a form.
const AROUND: usize = 8 * 1_024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    conversation: Option<String>,
}

/// `POST /api/chat/{chatbot_id}/files`
pub async fn upload(
    chat: web::Data<Chat>,
    path: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        let chatbot = chatbot_of(&path)?;
        let caller = Caller::of(&chat, chatbot, &request, &origin, Role::Agent).await?;
        let whose: Whose = input::query(&request)?;
        let named = Named {
            conversation: whose.conversation.as_deref(),
            user: whose.user.as_deref(),
            identity: None,
        };
        let is_visitor = matches!(caller, Caller::Visitor { .. });
        let begin = |_: ApiKeyId, user: Option<&str>| match user {
            // A user's files may go into any of their conversations.
            Some(_) => Ok(place::new_conversation()),
            None => Err(ChatError::invalid(
                "user",
                "is missing: name the user or the conversation that the file is for",
            )),
        };
        let (place, _) = caller.place(named, begin)?;
        if is_visitor {
            let widget = store::widgets::load(&chat.db, chatbot).await?;
            if widget.is_some_and(|widget| !widget.settings.files) {
                return Err(ChatError::NoFiles);
            }
            chat.limits.files.take(&place.topic())?;
        }
        let limit = chat.settings.chat.max_file_bytes;
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let boundary = multipart::boundary(content_type).ok_or_else(|| {
            ChatError::invalid("body", "has to be multipart/form-data with one part, the file")
        })?;
        let body = chat.body(&request, payload, limit + AROUND).await?;
        let file = multipart::file(&body, &boundary)
            .ok_or_else(|| ChatError::invalid("body", "has no part with a file"))?;
        if file.bytes.len() > limit {
            return Err(GatewayError::TooLarge { limit }.into());
        }
        let content_type = uploads::kind::kind(file.bytes).ok_or(ChatError::FileKind)?;
        if is_visitor {
            within_the_day(&chat, &place, file.bytes.len()).await?;
        }
        let name = uploads::tidy(&file.name);
        let new = NewFile {
            workspace: place.account.workspace,
            integration: place.account.integration,
            contact_key: &place.contact,
            name: &name,
            content_type,
        };
        let id = chat::keep_file(&chat.db, &new, file.bytes).await?;
        Ok(HttpResponse::Created().json(json!({
            "id": id,
            "name": name,
            "content_type": content_type,
            "bytes": file.bytes.len(),
        })))
    })
    .await
}

async fn within_the_day(chat: &Chat, place: &Place, bytes: usize) -> Result<(), ChatError> {
    let since = Utc::now() - TimeDelta::days(1);
    let before = chat::uploaded_since(&chat.db, place.account.integration, &place.contact, since).await?;
    if before + bytes as i64 > chat.settings.chat.file_bytes_per_day {
        return Err(ChatError::TooFast {
            what: "bytes of files",
            after: Duration::from_secs(3_600),
        });
    }
    Ok(())
}

/// What goes with a message.
pub async fn of_message(chat: &Chat, place: &Place, ids: &[BlobId]) -> Result<Vec<MediaRef>, ChatError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let known = chat::files(&chat.db, place.account.integration, &place.contact, ids).await?;
    ids.iter()
        .map(|id| {
            let file = known.iter().find(|file| file.id == *id).ok_or_else(|| {
                ChatError::invalid(
                    "files",
                    format!("{id} is no file that was uploaded here for this user"),
                )
            })?;
            Ok(MediaRef {
                url: format!("{FILE_SCHEME}{id}"),
                content_type: file.content_type.clone(),
                name: Some(file.name.clone()),
            })
        })
        .collect()
}
