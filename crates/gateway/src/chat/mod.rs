//! The chat API: programs and visitors' browsers speak to chatbots without another platform in between.
//!
//! Invariants:
//! - Accepted means durable: nobody hears 200 or 202 before the queue has confirmed the message.
//! - A conversation's name is no credential. An API key opens its own workspace; a visitor's token one conversation.
//! - What is read comes from the database, in the order of its numbers: live events only say when to look. A reader who
//!   comes back with the last number that it has misses nothing and gets nothing twice.
//! - Pages of other sites than the owner's get no answer that their browser would show them.

mod ask;
mod caller;
mod draft;
mod error;
mod feedback;
mod files;
mod hub;
mod identity;
mod input;
mod item;
mod lead;
mod limits;
mod messages;
mod multipart;
mod openai;
mod openapi;
mod origin;
mod place;
mod sessions;
mod stream;
mod token;
mod widget;

#[cfg(test)]
pub(crate) mod tests;

use crate::{Settings, body};
use accounts::{Account, Accounts, Age};
use actix_web::{HttpRequest, web};
use bytes::Bytes;
use channel::Hosting;
use domain::{ChatbotId, Platform};
use error::ChatError;
use hub::Hub;
use limits::Limits;
use queue::Queue;
use std::{ops::Deref, sync::Arc, time::Duration};
use store::Db;
use tokio_util::sync::CancellationToken;
use uploads::Addresses;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Chat(Arc<Shared>);

pub struct Shared {
    settings: Settings,
    /// This installation's own pages may always speak to it.
    own_origin: String,
    /// Where files are that we sent.
    addresses: Addresses,
    db: Db,
    queue: Queue,
    accounts: Accounts,
    hub: Hub,
    limits: Limits,
}

impl Deref for Chat {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Chat {
    /// Ready to be mounted by [`Chat::configure`]. What it follows ends with `stop`.
    pub fn new(
        settings: Settings,
        db: Db,
        queue: Queue,
        accounts: Accounts,
        stop: &CancellationToken,
    ) -> Self {
        let hub = Hub::start(&queue, stop.clone());
        let limits = Limits::new(&settings.chat);
        let own_origin = settings.public_url.origin().ascii_serialization();
        let addresses = Addresses::new(accounts.masters().clone(), settings.public_url.clone());
        Self(Arc::new(Shared {
            addresses,
            settings,
            own_origin,
            db,
            queue,
            accounts,
            hub,
            limits,
        }))
    }

    /// Mounts the chat API's addresses.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::new(self.clone()));
        let preflight = || web::method(actix_web::http::Method::OPTIONS).to(origin::preflight);
        config.service(
            web::resource("/api/chat/{chatbot_id}/messages")
                .route(web::post().to(messages::write))
                .route(web::get().to(messages::list))
                .route(preflight()),
        );
        config.service(
            web::resource("/api/chat/{chatbot_id}/messages/{message_id}/feedback")
                .route(web::put().to(feedback::rate))
                .route(web::delete().to(feedback::take_back))
                .route(web::method(actix_web::http::Method::OPTIONS).to(feedback::preflight)),
        );
        config.service(
            web::resource("/api/chat/{chatbot_id}/stream")
                .route(web::get().to(stream::listen))
                .route(preflight()),
        );
        config.service(
            web::resource("/api/chat/{chatbot_id}/sessions")
                .route(web::post().to(sessions::begin))
                .route(preflight()),
        );
        config.service(
            web::resource("/api/chat/{chatbot_id}/files")
                .route(web::post().to(files::upload))
                .route(preflight()),
        );
        config.service(
            web::resource("/api/chat/{chatbot_id}/widget")
                .route(web::get().to(widget::settings))
                .route(preflight()),
        );
        config
            .service(web::resource("/api/chat/{chatbot_id}/widget/logo").route(web::get().to(widget::logo)));
        config.route("/widget.js", web::get().to(widget::script));
        config.route("/api/chat/openapi.json", web::get().to(openapi::document));
        config.route("/v1/chat/completions", web::post().to(openai::complete));
        config.route("/v1/models", web::get().to(openai::models));
        config.route("/v1/models/{model}", web::get().to(openai::model));
    }

    /// The chatbot's integration on one of our own platforms.
    async fn account(
        &self,
        chatbot: ChatbotId,
        platform: &Platform,
        age: Age,
    ) -> Result<Arc<Account>, ChatError> {
        let account = self.accounts.of_chatbot(chatbot, platform, age).await?;
        let account = account.ok_or_else(|| ChatError::NotConnected(platform.clone()))?;
        if account.enabled {
            Ok(account)
        } else {
            Err(ChatError::Disabled)
        }
    }

    /// A request's body, within a limit.
    async fn body(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        limit: usize,
    ) -> Result<Bytes, ChatError> {
        let time_limit = Duration::from_secs(self.settings.body_timeout_seconds);
        Ok(body::read(request, payload, limit, time_limit).await?)
    }
}

/// Who may come in over an integration.
fn hosting(account: &Account) -> Result<Hosting, ChatError> {
    match account.channel.hosting(&account.credentials) {
        Some(hosting) => hosting.map_err(|error| ChatError::Account(error.into())),
        None => Err(ChatError::NotConnected(account.channel.platform())),
    }
}

fn chatbot_of(path: &str) -> Result<ChatbotId, ChatError> {
    path.parse()
        .map_err(|_| ChatError::UnknownChatbot(path.chars().take(64).collect()))
}
