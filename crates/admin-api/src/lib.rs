//! The API of owners, operators and administrators.
//!
//! Invariants:
//! - Deny by default. Every route is in one table (`routes.rs`) with who may use it, and a guard in front of every handler
//!   holds it; what is not in the table is not served.
//! - A caller without a place in a workspace hears the same 404 for what exists there and what does not.
//! - Everything done for a tenant is done in a transaction that sees only that tenant.
//! - Secrets go in and never come out, but for those shown once when they are made.

mod activity;
mod administration;
mod again;
mod analytics;
mod api_keys;
mod attachments;
mod budgets;
mod caller;
mod cell;
mod chatbots;
mod conduct;
mod conversations;
mod credentials;
mod dashboard;
mod dead_letters;
mod difference;
mod golden;
mod guard;
mod idempotency;
mod input;
mod integrations;
mod knowledge;
mod mcp;
mod members;
mod openapi;
mod page;
mod pages;
mod password;
mod path;
mod platforms;
mod prices;
mod problem;
mod quarantine;
mod revenue;
mod route;
mod routes;
mod search;
mod sending;
mod service;
mod sessions;
mod settings;
pub mod setup;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod tools;
mod transfer;
mod trials;
mod unanswered;
mod uploaded;
mod versions;
mod widget;
mod workspaces;

pub use api_keys::{IssuedKey, issue as issue_api_key};
pub use dashboard::otherwise;
pub use service::Service;
pub use settings::{Settings, SettingsError};

use ::knowledge::Retriever;
use ::tools::Tools;
use accounts::Accounts;
use actix_web::web::ServiceConfig;
use channel::{ChannelHandle, Registry};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, Platform};
use password::Passwords;
use process::clock::Clock;
use queue::{Queue, QueueName};
use std::sync::{Arc, OnceLock};
use store::Db;
use url::Url;
use vault::Keyring;

/// The API, ready to be mounted. Cheap to clone.
#[derive(Clone)]
pub struct AdminApi(Arc<Inner>);

struct Inner {
    settings: Settings,
    db: Db,
    queue: Queue,
    keyring: Keyring,
    accounts: Accounts,
    tools: Tools,
    clock: Clock,
    passwords: Passwords,
    openapi: String,
    stripe: stripe::Stripe,
    retriever: OnceLock<(Retriever, usize)>,
}

impl AdminApi {
    /// The API over these parts. Fails when the settings cannot work.
    pub fn new(
        settings: Settings,
        db: Db,
        queue: Queue,
        keyring: Keyring,
        accounts: Accounts,
        tools: Tools,
        clock: Clock,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let passwords = Passwords::new().map_err(|error| SettingsError::Passwords(error.to_string()))?;
        let openapi =
            openapi::json(&routes::table()).map_err(|error| SettingsError::OpenApi(error.to_string()))?;
        let stripe = stripe::Stripe::at(settings.stripe_api_url.clone())
            .map_err(|error| SettingsError::Stripe(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            stripe,
            settings,
            db,
            queue,
            keyring,
            accounts,
            tools,
            clock,
            passwords,
            openapi,
            retriever: OnceLock::new(),
        })))
    }

    /// Lets owners try the search of their chatbots' knowledge. `passages`: how many an answer usually rests on.
    pub fn with_retriever(self, retriever: Retriever, passages: usize) -> Self {
        // The first one stays: there is one in a process.
        let _ = self.0.retriever.set((retriever, passages));
        self
    }

    /// Mounts every route. Addresses that are not ours are left to whoever else is mounted; end the list of services with
    /// [`otherwise`] as the default.
    pub fn configure(&self, config: &mut ServiceConfig) {
        route::mount(self, config);
    }

    /// The OpenAPI document, for reading.
    pub fn described() -> Result<String, serde_json::Error> {
        openapi::document(&routes::table()).to_pretty_json()
    }

    /// The OpenAPI document, as it is served.
    pub fn openapi(&self) -> &str {
        &self.0.openapi
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    pub(crate) fn tools(&self) -> &Tools {
        &self.0.tools
    }

    pub(crate) fn stripe(&self) -> &stripe::Stripe {
        &self.0.stripe
    }

    pub(crate) fn channels(&self) -> &Registry {
        self.0.accounts.channels()
    }

    pub(crate) fn retriever(&self) -> Option<&(Retriever, usize)> {
        self.0.retriever.get()
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// A platform that this installation has.
    pub(crate) fn channel(&self, platform: &Platform) -> Result<&ChannelHandle, problem::Problem> {
        self.channels().get(platform).ok_or_else(|| {
            let known: Vec<_> = self
                .channels()
                .iter()
                .map(|channel| channel.platform().to_string())
                .collect();
            let detail = format!(
                "there is no platform {platform:?}; there are: {}",
                known.join(", ")
            );
            problem::Problem::new(problem::Kind::NotFound, detail)
        })
    }

    /// Where a platform reaches a chatbot.
    pub(crate) fn webhook_url(
        &self,
        platform: &Platform,
        chatbot: ChatbotId,
    ) -> Result<Url, problem::Problem> {
        self.settings()
            .public_url
            .join(&format!("api/{platform}/webhook/{chatbot}"))
            .map_err(problem::Problem::internal)
    }

    /// Tells every process to drop what it keeps of an integration.
    pub(crate) fn integration_changed(&self, platform: &Platform, chatbot: ChatbotId) {
        self.announce(&format!("integration.{platform}.{chatbot}"));
    }

    /// Tells every process to drop what it keeps of a chatbot.
    pub(crate) fn chatbot_changed(&self, chatbot: ChatbotId) {
        self.announce(&format!("chatbot.{chatbot}"));
    }

    /// Tells the chat-workers that a run of questions is due.
    pub(crate) fn trial_due(&self) {
        self.announce("trials");
    }

    fn announce(&self, topic: &str) {
        if let Err(error) = self.queue().live().publish(topic, Vec::new()) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                topic,
                "a change was not announced; caches end by age"
            );
        }
    }

    /// Wakes a platform's senders: a part is due.
    pub(crate) fn wake_senders(&self, platform: &Platform) {
        self.queue()
            .wake(&QueueName::Outbound(platform.clone()), self.wake_token());
    }

    /// Wakes the chat-workers: a conversation is due.
    pub(crate) fn wake_workers(&self) {
        self.queue().wake(&QueueName::Turns, self.wake_token());
    }

    fn wake_token(&self) -> Vec<u8> {
        wire::wake_token(self.now())
    }
}
