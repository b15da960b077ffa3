//! OpenAI's chat completions over our chatbots: a chatbot is a model
//! (<https://platform.openai.com/docs/api-reference/chat>).
//!
//! What differs from a bare model, and why:
//! - The last user message is the question. The chatbot answers it out of its own knowledge, by its owner's instructions:
//!   `system` and `developer` messages are not taken.
//! - A request is a conversation of its own, and the earlier messages that it carries are stored as what was said before.
//!   Requests cannot be told to belong together by their content alone without mixing up people who begin alike.
//! - With `metadata.conversation` the conversation is kept here, and only the last user message is taken from the request.
//! - Tools, sampling and everything else that is the model's business are the owner's, not the request's: not taken.
//! - What is streamed is a draft. Where the final answer is another one (the model failed on its way), it follows on a
//!   line of its own.

mod answer;
mod error;
mod request;

use super::{
    Chat,
    ask::{Asked, Question},
    caller::{self, Caller, Named},
    input,
    origin::Origin,
    place,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use chrono::Utc;
use domain::{ApiKeyId, Platform, Role};
use error::OpenAiError;
use request::Request;
use serde_json::{Value, json};
use store::chat::{self, Askable, Beginning};

/// `GET /v1/models`
pub async fn models(chat: web::Data<Chat>, request: HttpRequest) -> HttpResponse {
    let listed = async {
        let holder = caller::holder(&chat, &request, Role::Viewer).await?;
        let chatbots = chat::askable(&chat.db, holder.workspace, &Platform::REST).await?;
        let data: Vec<Value> = chatbots.iter().map(described).collect();
        Ok::<_, OpenAiError>(HttpResponse::Ok().json(json!({"object": "list", "data": data})))
    };
    listed.await.unwrap_or_else(|error| error.error_response())
}

/// `GET /v1/models/{model}`
pub async fn model(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    let found = async {
        let holder = caller::holder(&chat, &request, Role::Viewer).await?;
        let chatbots = chat::askable(&chat.db, holder.workspace, &Platform::REST).await?;
        let chatbot = named(&chatbots, &path)?;
        Ok::<_, OpenAiError>(HttpResponse::Ok().json(described(chatbot)))
    };
    found.await.unwrap_or_else(|error| error.error_response())
}

fn described(chatbot: &Askable) -> Value {
    json!({
        "id": chatbot.chatbot, "object": "model", "created": chatbot.created_at.timestamp(), "owned_by": "botsmith",
        "name": chatbot.name,
    })
}

/// The chatbot of this id, or the only one of this name.
fn named<'c>(chatbots: &'c [Askable], model: &str) -> Result<&'c Askable, OpenAiError> {
    if let Some(chatbot) = chatbots
        .iter()
        .find(|chatbot| chatbot.chatbot.to_string().eq_ignore_ascii_case(model))
    {
        return Ok(chatbot);
    }
    let mut of_this_name = chatbots.iter().filter(|chatbot| chatbot.name == model);
    match (of_this_name.next(), of_this_name.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(OpenAiError::unknown_model(model)),
        (Some(_), Some(_)) => Err(OpenAiError::invalid(
            "model",
            format!(
                "several chatbots are called {:?}: give the id of the one that you mean",
                shorten(model)
            ),
        )),
    }
}

fn shorten(model: &str) -> String {
    model.chars().take(100).collect()
}

/// `POST /v1/chat/completions`
pub async fn complete(chat: web::Data<Chat>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let started = std::time::Instant::now();
    let answered = completed(&chat, &request, payload).await;
    let outcome = answered.as_ref().map_or_else(OpenAiError::kind, |_| "ok");
    metrics::counter!("botsmith_chat_requests_total", "outcome" => outcome).increment(1);
    metrics::histogram!("botsmith_chat_seconds").record(started.elapsed().as_secs_f64());
    answered.unwrap_or_else(|error| error.error_response())
}

async fn completed(
    chat: &Chat,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, OpenAiError> {
    let holder = caller::holder(chat, request, Role::Agent).await?;
    let body = chat.body(request, payload, chat.settings.max_body_bytes).await?;
    let wanted = Request::read(&body)?;
    let chatbots = chat::askable(&chat.db, holder.workspace, &Platform::REST).await?;
    let chatbot = named(&chatbots, &wanted.model)?.chatbot;
    // The clients' own name for a request that they send again.
    let repeated = request
        .headers()
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .map(input::checked_id)
        .transpose()?;
    let caller = Caller::of(chat, chatbot, request, &Origin::None, Role::Agent).await?;
    let name = Named {
        conversation: wanted.conversation.as_deref(),
        user: wanted.user.as_deref(),
        identity: None,
    };
    let begin = |key: ApiKeyId, user: Option<&str>| {
        Ok(match repeated {
            Some(request) => place::conversation_of_request(key, user, request),
            None => place::new_conversation(),
        })
    };
    let (place, _) = caller.place(name, begin)?;
    if wanted.conversation.is_none() && !wanted.past.is_empty() {
        let beginning = Beginning {
            chatbot,
            integration: place.account.integration,
            contact_key: &place.contact,
            conversation_key: &place.key(),
            past: &wanted.past,
        };
        chat::begin(&chat.db, &beginning, Utc::now()).await?;
    }
    let question = Question {
        text: wanted.question.clone(),
        id: repeated.map(str::to_owned),
        ..Question::default()
    };
    let asked: Asked = chat.ask(place, question).await?;
    let limit = std::time::Duration::from_secs(chat.settings.chat.wait_seconds);
    if wanted.stream {
        Ok(answer::stream(wanted, asked, limit))
    } else {
        answer::whole(&wanted, asked, limit).await
    }
}
