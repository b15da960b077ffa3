//! Cuts replies into pages, and has them paged.

use crate::{Credentials, Pager};
use channel::{OutboundContent, OutboundPart, Reply, SendError, Sent, text};
use dialect::Plain;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// UTF-16 code units that one page may have.
pub(crate) const MAX_TEXT: usize = 240;

/// A pager shows text only: buttons are a numbered list, and media their addresses.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let markdown = dialect::numbered(&reply.text, reply.buttons.iter().map(|button| &button.title));
    let texts = dialect::compose(&markdown, &Plain, MAX_TEXT, text::utf16);
    let page = |text| OutboundContent {
        text,
        ..OutboundContent::default()
    };
    let media = reply.media.iter().map(|address| OutboundContent {
        media: vec![address.clone()],
        ..OutboundContent::default()
    });
    texts.into_iter().map(page).chain(media).collect()
}

#[derive(Deserialize)]
struct Paged {
    id: String,
}

pub(crate) async fn send(
    pager: &Pager,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let text = match part.content.media.first() {
        Some(address) => address,
        None => &part.content.text,
    };
    let page = json!({"to": part.conversation, "text": text});
    let request = pager.request(Method::POST, "pages", credentials).json(&page);
    let answer = platform_api::call("Pager", request).await?;
    let reason = format!("Pager answered {}", answer.status);
    match answer.status {
        StatusCode::CREATED => match answer.read::<Paged>() {
            Some(Paged { id }) => Ok(Sent {
                platform_message_id: id,
                segments: None,
            }),
            None => Err(SendError::Ambiguous { reason }),
        },
        StatusCode::UNAUTHORIZED => Err(SendError::Unauthorized { reason }),
        StatusCode::TOO_MANY_REQUESTS => Err(SendError::Retry {
            after: answer.retry_after(),
            rate_limited: true,
            reason,
        }),
        status if status.is_client_error() => Err(SendError::Rejected {
            code: Some(status.as_str().to_owned()),
            reason,
        }),
        _ => Err(SendError::Ambiguous { reason }),
    }
}
