//! Which model answers.

use crate::{
    answer::Answer,
    ask::Ask,
    breaker::Breakers,
    chain::Chain,
    endpoint::{Endpoint, EndpointError},
    error::ModelError,
    extractive,
    remote::{Limits, Remote},
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
    /// What the installation asks when its model fails.
    fallbacks: Vec<Model>,
    breakers: Breakers,
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
    Remote(Remote),
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
            first: Duration::from_secs(settings.first_byte_seconds),
            answer_tokens: settings.max_tokens,
            prompt_tokens: settings.prompt_tokens,
        };
        let timeouts = Timeouts {
            connect: CONNECT,
            total: Duration::from_secs(crate::endpoint::LONGEST_LIMIT),
        };
        let guard = Guard::new(&settings.allowed_private_cidrs);
        let open = Guard::open();
        let open_client = open.client(timeouts)?;
        let installation = if settings.quotes() {
            Model::Extractive
        } else {
            let endpoint = settings.endpoint();
            remote(&open, &open_client, &endpoint, Some(&settings.api_key), limits)?
        };
        let fallbacks = settings
            .fallbacks
            .iter()
            .map(|fallback| {
                let endpoint = fallback.endpoint();
                remote(&open, &open_client, &endpoint, Some(&fallback.api_key), limits)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            installation,
            fallbacks,
            breakers: Breakers::default(),
            client: guard.client(timeouts)?,
            guard,
            limits,
        })
    }

    /// For chatbots without an endpoint of their own.
    pub fn of_installation(&self) -> Model {
        self.installation.clone()
    }

    /// The installation's models in their order; empty when it has none and quotes.
    pub fn chain_of_installation(&self) -> Chain {
        let mut chain = self.chain();
        for model in [&self.installation].into_iter().chain(&self.fallbacks) {
            if let Model::Remote(model) = model {
                chain.push(model.clone());
            }
        }
        chain
    }

    /// For a chatbot's own models.
    pub fn chain(&self) -> Chain {
        Chain::new(self.breakers.clone())
    }

    /// Puts a chatbot's own model at the end of its chain, or why it cannot be asked.
    pub fn extend(&self, chain: &mut Chain, endpoint: &Endpoint, api_key: Option<SecretString>) {
        match self.of_chatbot(endpoint, api_key) {
            Ok(Model::Remote(model)) => chain.push(model),
            Ok(Model::Extractive) => {}
            Err(error) => chain.push_unusable(endpoint.provider, &endpoint.model, error.to_string()),
        }
    }

    /// A chatbot's own.
    pub fn of_chatbot(
        &self,
        endpoint: &Endpoint,
        api_key: Option<SecretString>,
    ) -> Result<Model, EndpointError> {
        remote(&self.guard, &self.client, endpoint, api_key.as_ref(), self.limits)
    }

    /// Whether a chatbot may be given this endpoint, before it is stored.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        endpoint.check(&self.guard, self.limits.answer_tokens).map(drop)
    }
}

/// A model at an endpoint that the guard lets pass.
fn remote(
    guard: &Guard,
    client: &Client,
    endpoint: &Endpoint,
    api_key: Option<&SecretString>,
    mut limits: Limits,
) -> Result<Model, EndpointError> {
    let base = endpoint.check(guard, limits.answer_tokens)?;
    if let Some(seconds) = endpoint.time_limit_seconds {
        limits.time = Duration::from_secs(seconds);
    }
    if let Some(context) = endpoint.context_tokens {
        let room = context.saturating_sub(limits.answer_tokens as usize);
        limits.prompt_tokens = limits.prompt_tokens.min(room);
    }
    Ok(Model::Remote(Remote::new(
        endpoint.provider,
        client.clone(),
        base,
        &endpoint.model,
        api_key.and_then(key),
        limits,
    )))
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
            Self::Remote(model) => model.name(),
        }
    }

    /// Answers, or says why not.
    pub async fn answer(&self, ask: &Ask<'_>) -> Result<Answer, ModelError> {
        match self {
            Self::Extractive => Ok(extractive::answer(ask)),
            Self::Remote(model) => model.answer(ask).await,
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
            Self::Remote(model) => model.answer_aloud(ask, heard).await,
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
