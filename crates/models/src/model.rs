//! Which model answers.

use crate::{
    answer::Answer,
    ask::Ask,
    endpoint::{Endpoint, EndpointError},
    error::ModelError,
    extractive,
    openai::{Limits, OpenAi},
    settings::Settings,
};
use domain::FallbackReason;
use egress::{Client, Guard, Timeouts};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// The models of an installation: its own, and the way to its chatbots' own. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    installation: Model,
    guard: Guard,
    client: Client,
    limits: Limits,
}

/// One model, ready to be asked. Cheap to clone.
#[derive(Clone)]
pub enum Model {
    /// Quotes the best passage.
    Extractive,
    /// Asks an endpoint.
    OpenAi(OpenAi),
}

/// Why the models could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operator's endpoint.
    #[error("the setting models.{0}")]
    Endpoint(#[from] EndpointError),
    /// The HTTP client.
    #[error("the HTTP client cannot be made")]
    Client(#[from] reqwest::Error),
}

const CONNECT: Duration = Duration::from_secs(5);

impl Models {
    /// Reads the settings; connects to nothing.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let limits = Limits {
            time: Duration::from_secs(settings.time_limit_seconds),
            answer_tokens: settings.max_tokens,
            prompt_tokens: settings.prompt_tokens,
        };
        let timeouts = Timeouts {
            connect: CONNECT,
            total: Duration::from_secs(crate::endpoint::LONGEST_LIMIT),
        };
        let guard = Guard::new(&settings.allowed_private_cidrs);
        let installation = if settings.base_url.trim().is_empty() {
            Model::Extractive
        } else {
            let endpoint = Endpoint {
                base_url: settings.base_url.clone(),
                model: settings.model.clone(),
                time_limit_seconds: Some(settings.time_limit_seconds),
            };
            let open = Guard::open();
            let url = endpoint.check(&open)?;
            Model::OpenAi(OpenAi::new(
                open.client(timeouts)?,
                url,
                &endpoint.model,
                key(&settings.api_key),
                limits,
            ))
        };
        Ok(Self {
            installation,
            client: guard.client(timeouts)?,
            guard,
            limits,
        })
    }

    /// For chatbots without an endpoint of their own.
    pub fn of_installation(&self) -> Model {
        self.installation.clone()
    }

    /// A chatbot's own.
    pub fn of_chatbot(
        &self,
        endpoint: &Endpoint,
        api_key: Option<SecretString>,
    ) -> Result<Model, EndpointError> {
        let url = endpoint.check(&self.guard)?;
        let mut limits = self.limits;
        if let Some(seconds) = endpoint.time_limit_seconds {
            limits.time = Duration::from_secs(seconds);
        }
        let key = api_key.as_ref().and_then(key);
        Ok(Model::OpenAi(OpenAi::new(
            self.client.clone(),
            url,
            &endpoint.model,
            key,
            limits,
        )))
    }

    /// Whether a chatbot may be given this endpoint, before it is stored.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        endpoint.check(&self.guard).map(drop)
    }
}

fn key(given: &SecretString) -> Option<SecretString> {
    let key = given.expose_secret().trim();
    (!key.is_empty()).then(|| key.into())
}

impl Model {
    /// As answers record it.
    pub fn name(&self) -> &str {
        match self {
            Self::Extractive => extractive::NAME,
            Self::OpenAi(model) => model.name(),
        }
    }

    /// Answers, or says why not.
    pub async fn answer(&self, ask: &Ask<'_>) -> Result<Answer, ModelError> {
        match self {
            Self::Extractive => Ok(extractive::answer(ask)),
            Self::OpenAi(model) => model.answer(ask).await,
        }
    }

    /// Answers, or says why not, and tells meanwhile what may be shown of the answer so far.
    pub async fn answer_aloud(
        &self,
        ask: &Ask<'_>,
        heard: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer, ModelError> {
        match self {
            Self::Extractive => Ok(extractive::answer(ask)),
            Self::OpenAi(model) => model.answer_aloud(ask, heard).await,
        }
    }

    /// Answers in any case: when the model fails, with the best passage, and with what went wrong.
    pub async fn answer_or_quote(&self, ask: &Ask<'_>) -> (Answer, Option<ModelError>) {
        match self.answer(ask).await {
            Ok(answer) => (answer, None),
            Err(error) => {
                let quoted = extractive::answer(ask);
                let fallback = quoted.fallback.or(Some(FallbackReason::ModelUnavailable));
                (Answer { fallback, ..quoted }, Some(error))
            }
        }
    }
}
