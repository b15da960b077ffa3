//! `POST` and `GET /api/chat/{chatbot_id}/messages`: writing, and reading what was written.

use super::{
    Chat,
    ask::{Asked, Question, Step},
    caller::{Caller, Named},
    chatbot_of,
    error::ChatError,
    files, input,
    item::Item,
    origin, place,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::{ApiKeyId, BlobId, InboundState, MessageId, Role};
use process::sse::{self, Events, Gone};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use store::chat::{self, Outcome};
use tokio::time::Instant;

/// What a program may write at once, in characters.
const MOST_OF_A_PROGRAM: usize = 32_000;
/// How long whoever does not wait for the answer waits to be told the message's id, where it may have been sent before.
const STORED_WITHIN: Duration = Duration::from_millis(500);
const MOST_FILES: usize = 10;
const PAGE: i64 = 100;
const LONGEST_PAGE: i64 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    #[serde(default)]
    text: String,
    #[serde(default)]
    conversation: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    identity: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    choice: Option<String>,
    #[serde(default)]
    files: Vec<BlobId>,
    #[serde(default)]
    wait: Wait,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Wait {
    #[default]
    Answer,
    None,
    Stream,
}

/// What became of a message.
#[derive(Serialize)]
struct Accepted<'a> {
    message_id: MessageId,
    conversation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    /// Its place in the conversation, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    state: InboundState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Item>,
    /// Where the answer can be read later.
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<String>,
}

/// `POST /api/chat/{chatbot_id}/messages`
pub async fn write(
    chat: web::Data<Chat>,
    path: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        let chatbot = chatbot_of(&path)?;
        let caller = Caller::of(&chat, chatbot, &request, &origin, Role::Agent).await?;
        let limit = chat.settings.max_body_bytes;
        let body = chat.body(&request, payload, limit).await?;
        let message: NewMessage = input::json(&body)?;
        let wait = message.wait;
        let asked = ask(&chat, caller, message).await?;
        match wait {
            Wait::Answer => answer(&chat, &path, asked).await,
            Wait::None => accept(&path, asked).await,
            Wait::Stream => Ok(tell(&chat, &path, asked)),
        }
    })
    .await
}

async fn ask(chat: &Chat, caller: Caller, message: NewMessage) -> Result<Asked, ChatError> {
    let id = message.id.as_deref().map(input::checked_id).transpose()?;
    let is_visitor = matches!(caller, Caller::Visitor { .. });
    let most = if is_visitor {
        chat.settings.chat.most_characters
    } else {
        MOST_OF_A_PROGRAM
    };
    if message.text.chars().count() > most {
        let problem = format!("has more than {most} characters, the most that a message may have");
        return Err(ChatError::invalid("text", problem));
    }
    if message.text.trim().is_empty() && message.files.is_empty() {
        return Err(ChatError::invalid("text", "is empty, and there is no file"));
    }
    if message.choice.as_ref().is_some_and(|choice| choice.len() > 1_000) {
        return Err(ChatError::invalid("choice", "is longer than any button's value"));
    }
    if message.files.len() > MOST_FILES {
        let problem = format!("are more than {MOST_FILES}, the most that go with one message");
        return Err(ChatError::invalid("files", problem));
    }
    let named = Named {
        conversation: message.conversation.as_deref(),
        user: message.user.as_deref(),
        identity: message.identity.as_deref(),
    };
    let begin = |key: ApiKeyId, user: Option<&str>| {
        Ok(match id {
            Some(id) => place::conversation_of_request(key, user, id),
            None => place::new_conversation(),
        })
    };
    let (place, known_name) = caller.place(named, begin)?;
    if is_visitor {
        chat.limits.messages.take(&place.topic())?;
    }
    let name = message.name.as_deref().and_then(super::identity::line);
    let question = Question {
        text: message.text,
        choice: message.choice,
        media: files::of_message(chat, &place, &message.files).await?,
        id: id.map(str::to_owned),
        // What the owner vouches for is not overruled by what a visitor says.
        name: known_name.or(if is_visitor { None } else { name }),
    };
    chat.ask(place, question).await
}

async fn answer(chat: &Chat, chatbot: &str, mut asked: Asked) -> Result<HttpResponse, ChatError> {
    let limit = Duration::from_secs(chat.settings.chat.wait_seconds);
    let outcome = asked.until(limit, Outcome::is_final).await?;
    let reply = match &outcome {
        Some(outcome) => asked.replies(outcome).await?.pop(),
        None => None,
    };
    let is_answered = reply.is_some();
    let mut accepted = accepted(chatbot, &asked, outcome.as_ref());
    accepted.reply = reply;
    if is_answered {
        accepted.poll = None;
        return Ok(HttpResponse::Ok().json(accepted));
    }
    Ok(later(&accepted))
}

async fn accept(chatbot: &str, mut asked: Asked) -> Result<HttpResponse, ChatError> {
    let outcome = asked.until(STORED_WITHIN, |_| true).await?;
    Ok(later(&accepted(chatbot, &asked, outcome.as_ref())))
}

fn later(accepted: &Accepted<'_>) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    if let Some(poll) = &accepted.poll {
        response.insert_header((header::LOCATION, poll.clone()));
    }
    response.json(accepted)
}

fn accepted<'a>(chatbot: &str, asked: &'a Asked, outcome: Option<&Outcome>) -> Accepted<'a> {
    let cursor = outcome
        .and_then(|outcome| outcome.number)
        .map(|number| number.to_string());
    Accepted {
        message_id: asked.message(),
        conversation: &asked.place.conversation,
        user: asked.place.user(),
        state: outcome.map_or(InboundState::Waiting, |outcome| outcome.state),
        reason: outcome.and_then(|outcome| outcome.reason.clone()),
        reply: None,
        poll: Some(poll(chatbot, asked, cursor.as_deref())),
        cursor,
    }
}

fn poll(chatbot: &str, asked: &Asked, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("conversation", &asked.place.conversation);
    if let Some(user) = asked.place.user() {
        query.append_pair("user", user);
    }
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    format!("/api/chat/{chatbot}/messages?{}", query.finish())
}

/// The answer as it comes: `accepted`, then `typing`, `draft` and `state` as often as there is something to tell, the
/// `message`s of the answer, and `done`.
fn tell(chat: &Chat, chatbot: &str, asked: Asked) -> HttpResponse {
    let limit = Duration::from_secs(chat.settings.chat.wait_seconds);
    let chatbot = chatbot.to_owned();
    sse::respond(move |events| async move { tell_all(&chatbot, asked, limit, &events).await })
}

async fn tell_all(chatbot: &str, mut asked: Asked, limit: Duration, events: &Events) -> Result<(), Gone> {
    events
        .send("accepted", None, &accepted(chatbot, &asked, None))
        .await?;
    let deadline = Instant::now() + limit;
    let mut last = None;
    loop {
        let step = tokio::select! {
            step = asked.next(deadline) => step,
            () = events.gone() => return Err(Gone),
            () = tokio::time::sleep(sse::ALIVE_EVERY) => {
                events.alive().await?;
                continue;
            }
        };
        match step {
            Ok(Step::Typing) => events.send("typing", None, &json!({"on": true})).await?,
            Ok(Step::Draft(text)) => events.send("draft", None, &json!({"text": text})).await?,
            Ok(Step::Reached(outcome)) => {
                let state =
                    json!({"message_id": outcome.message, "state": outcome.state, "reason": outcome.reason});
                if last.as_ref() != Some(&outcome.state) {
                    last = Some(outcome.state);
                    events.send("state", None, &state).await?;
                }
                if outcome.is_final() {
                    for item in asked.replies(&outcome).await.unwrap_or_default() {
                        events.send("message", Some(&item.cursor), &item).await?;
                    }
                    let done = accepted(chatbot, &asked, Some(&outcome));
                    return events.send("done", None, &done).await;
                }
            }
            Ok(Step::TimeUp) | Err(_) => {
                return events.send("done", None, &accepted(chatbot, &asked, None)).await;
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    pub conversation: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub after: Option<String>,
    #[serde(default)]
    pub limit: Option<i64>,
}

impl Which {
    pub fn named(&self) -> Named<'_> {
        Named {
            conversation: self.conversation.as_deref(),
            user: self.user.as_deref(),
            identity: None,
        }
    }

    pub fn after(&self) -> Result<Option<i64>, ChatError> {
        self.after
            .as_deref()
            .filter(|after| !after.is_empty())
            .map(input::cursor)
            .transpose()
    }
}

/// A program that reads has to say what.
pub(super) fn named_none(_: ApiKeyId, _: Option<&str>) -> Result<String, ChatError> {
    Err(ChatError::invalid(
        "conversation",
        "is missing: name the conversation, and the user if it has one",
    ))
}

/// `GET /api/chat/{chatbot_id}/messages`
pub async fn list(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        let chatbot = chatbot_of(&path)?;
        let caller = Caller::of(&chat, chatbot, &request, &origin, Role::Viewer).await?;
        let which: Which = input::query(&request)?;
        let after = which.after()?;
        let limit = which.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let (place, _) = caller.place(which.named(), named_none)?;
        let integration = place.account.integration;
        // One more tells whether there is more, where one reads on.
        let entries = chat::entries(&chat.db, integration, &place.key(), after, limit + 1).await?;
        let surplus = entries.len().saturating_sub(limit as usize);
        let items: Vec<Item> = if after.is_some() {
            entries
                .into_iter()
                .take(limit as usize)
                .map(|entry| Item::of(entry, &place, &chat.addresses))
                .collect()
        } else {
            entries
                .into_iter()
                .skip(surplus)
                .map(|entry| Item::of(entry, &place, &chat.addresses))
                .collect()
        };
        let next = items
            .last()
            .map(|item| item.cursor.clone())
            .or_else(|| after.map(|after| after.to_string()));
        let more = after.is_some() && surplus > 0;
        Ok(HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(json!({"items": items, "next": next, "more": more})))
    })
    .await
}
