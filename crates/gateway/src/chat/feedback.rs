//! `PUT` and `DELETE /api/chat/{chatbot_id}/messages/{message_id}/feedback`: what a reader says of an answer.
//!
//! Invariant: only who may read a conversation rates its answers. Whose conversation it is comes from the token, or from
//! what a program names as with every other request; a message of another one is as unknown as one that never was.

use super::{
    Chat,
    caller::{Caller, Named},
    chatbot_of,
    error::ChatError,
    input,
    item::Said,
    messages::named_none,
    origin,
    place::Place,
};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use domain::{ChatbotId, MessageId, Rating, Role};
use queue::workspace_news::{self, WorkspaceNews};
use serde::Deserialize;
use store::feedback::{self, Feedback, MOST_COMMENT, Outcome, Rated};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opinion {
    rating: Rating,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    #[serde(default)]
    conversation: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

/// `PUT /api/chat/{chatbot_id}/messages/{message_id}/feedback`
pub async fn rate(
    chat: web::Data<Chat>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let (chatbot, message) = path.into_inner();
    origin::answered(&chat, &chatbot, &request, async |origin| {
        let caller = Caller::of(&chat, chatbot_of(&chatbot)?, &request, &origin, Role::Agent).await?;
        let limit = chat.settings.max_body_bytes;
        let body = chat.body(&request, payload, limit).await?;
        let place = place(&chat, chatbot_of(&chatbot)?, &request, caller).await?;
        let opinion: Opinion = input::json(&body)?;
        let feedback = Feedback {
            rating: opinion.rating,
            comment: opinion.comment.as_deref().map(comment).transpose()?.flatten(),
        };
        let key = place.key();
        let rated = rated(&place, &key, &message)?;
        let mut tx = chat.db.tenant(place.account.workspace).await?;
        let outcome = feedback::rate(&mut tx, rated, &feedback, Utc::now())
            .await?
            .ok_or(ChatError::UnknownAnswer)?;
        tx.commit().await?;
        tell(&chat, &place, outcome);
        Ok(HttpResponse::Ok().json(Said::from(feedback)))
    })
    .await
}

/// `DELETE /api/chat/{chatbot_id}/messages/{message_id}/feedback`
pub async fn take_back(
    chat: web::Data<Chat>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> HttpResponse {
    let (chatbot, message) = path.into_inner();
    origin::answered(&chat, &chatbot, &request, async |origin| {
        let caller = Caller::of(&chat, chatbot_of(&chatbot)?, &request, &origin, Role::Agent).await?;
        let place = place(&chat, chatbot_of(&chatbot)?, &request, caller).await?;
        let key = place.key();
        let rated = rated(&place, &key, &message)?;
        let mut tx = chat.db.tenant(place.account.workspace).await?;
        let outcome = feedback::take_back(&mut tx, rated, Utc::now())
            .await?
            .ok_or(ChatError::UnknownAnswer)?;
        tx.commit().await?;
        tell(&chat, &place, outcome);
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// `OPTIONS` of the same address.
pub async fn preflight(
    chat: web::Data<Chat>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> HttpResponse {
    origin::preflight(chat, web::Path::from(path.into_inner().0), request).await
}

/// The conversation that is meant. Visitors rate where the widget's owner asks for it, and not without end.
async fn place(
    chat: &Chat,
    chatbot: ChatbotId,
    request: &HttpRequest,
    caller: Caller,
) -> Result<Place, ChatError> {
    let whose: Whose = input::query(request)?;
    let named = Named {
        conversation: whose.conversation.as_deref(),
        user: whose.user.as_deref(),
        identity: None,
    };
    let is_visitor = matches!(caller, Caller::Visitor { .. });
    let (place, _) = caller.place(named, named_none)?;
    if is_visitor {
        let widget = store::widgets::load(&chat.db, chatbot).await?;
        if widget.is_some_and(|widget| !widget.settings.feedback) {
            return Err(ChatError::NoRatings);
        }
        chat.limits.ratings.take(&place.topic())?;
    }
    Ok(place)
}

fn rated<'p>(place: &Place, key: &'p str, message: &str) -> Result<Rated<'p>, ChatError> {
    let message: MessageId = message.parse().map_err(|_| ChatError::UnknownAnswer)?;
    Ok(Rated {
        integration: place.account.integration,
        conversation_key: key,
        message,
    })
}

/// A comment without what stands around it; none where nothing is left.
fn comment(given: &str) -> Result<Option<String>, ChatError> {
    let comment = given.replace("\r\n", "\n");
    let comment = comment.trim();
    let length = comment.chars().count();
    if length > MOST_COMMENT {
        let problem = format!("has {length} characters: {MOST_COMMENT} are the most that a comment may have");
        return Err(ChatError::invalid("comment", problem));
    }
    if comment.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ChatError::invalid(
            "comment",
            "has control characters, which no comment needs",
        ));
    }
    Ok((!comment.is_empty()).then(|| comment.to_owned()))
}

/// Members see it at once.
fn tell(chat: &Chat, place: &Place, outcome: Outcome) {
    if outcome.changed {
        let news = WorkspaceNews::Conversations {
            conversations: vec![outcome.conversation],
        };
        workspace_news::tell(&chat.queue, place.account.workspace, &news);
    }
}
