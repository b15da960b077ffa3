//! Which model answers.

use crate::{
    answer::Answer,
    ask::Ask,
    breaker::Breakers,
    chain::{Chain, Origin},
    endpoint::{Endpoint, EndpointError},
    error::ModelError,
    extractive,
    provider::Provider,
    remote::{Limits, Remote},
    settings::{FallbackSettings, Settings},
};
use domain::FallbackReason;
use egress::{Client, Guard, Timeouts};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// The models of an installation: its own, and the way to its chatbots' own. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    installation: Model,
    /// What the installation asks when its model fails.
    fallbacks: Vec<Model>,
    /// What the settings say of those models, in the same order.
    described: Vec<Described>,
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

/// A model of the configuration file, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Whose API it speaks.
    pub provider: Provider,
    /// Where that API is; empty: where it usually is.
    pub base_url: String,
    /// Its name there.
    pub model: String,
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
        let own = (!settings.quotes()).then(|| settings.endpoint());
        let described = own
            .into_iter()
            .chain(settings.fallbacks.iter().map(FallbackSettings::endpoint))
            .map(|endpoint| Described {
                provider: endpoint.provider,
                base_url: endpoint.base_url,
                model: endpoint.model,
            })
            .collect();
        Ok(Self {
            installation,
            fallbacks,
            described,
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
        for model in self.of_settings() {
            chain.push(model.clone(), Some(Origin::settings()));
        }
        chain
    }

    /// The models of the configuration file, in its order.
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    fn of_settings(&self) -> impl Iterator<Item = &Remote> {
        let all = [&self.installation].into_iter().chain(&self.fallbacks);
        all.filter_map(|model| match model {
            Model::Remote(model) => Some(model),
            Model::Extractive => None,
        })
    }

    /// Puts the configuration file's model of this name at the end of a chain, or that it has none.
    pub fn extend_from_settings(&self, chain: &mut Chain, provider: Provider, name: &str) {
        let found = self
            .of_settings()
            .find(|model| model.provider() == provider && model.name() == name);
        match found {
            Some(model) => chain.push(model.clone(), Some(Origin::settings())),
            None => chain.push_unusable(
                provider,
                name,
                "the configuration file has this model no more".to_owned(),
            ),
        }
    }

    /// Puts a model of a provider that administrators set up at the end of a chain: once with each key, beginning with the
    /// `turn`-th, so that they are used in turn; or why it cannot be asked. The provider's address obeys the rules that
    /// chatbots' own do.
    pub fn extend_with_keys(
        &self,
        chain: &mut Chain,
        endpoint: &Endpoint,
        source: &Arc<str>,
        keys: &[(Arc<str>, SecretString)],
        turn: usize,
    ) {
        let of_key = |key: Option<&(Arc<str>, SecretString)>| {
            let origin = Origin {
                source: source.clone(),
                key: key.map(|(id, _)| id.clone()),
            };
            let secret = key.map(|(_, secret)| secret.clone());
            self.of_chatbot(endpoint, secret).map(|model| (model, origin))
        };
        let mut shown: Vec<_> = if keys.is_empty() {
            vec![of_key(None)]
        } else {
            keys.iter().map(|key| of_key(Some(key))).collect()
        };
        let many = shown.len();
        shown.rotate_left(turn % many);
        let models: Result<Vec<_>, _> = shown.into_iter().collect();
        match models {
            Ok(models) => chain.push_keys(models.into_iter().filter_map(|(model, origin)| match model {
                Model::Remote(model) => Some((model, origin)),
                Model::Extractive => None,
            })),
            Err(error) => chain.push_unusable(endpoint.provider, &endpoint.model, error.to_string()),
        }
    }

    /// For a chatbot's own models.
    pub fn chain(&self) -> Chain {
        Chain::new(self.breakers.clone())
    }

    /// Puts a chatbot's own model at the end of its chain, or why it cannot be asked.
    pub fn extend(&self, chain: &mut Chain, endpoint: &Endpoint, api_key: Option<SecretString>) {
        match self.of_chatbot(endpoint, api_key) {
            Ok(Model::Remote(model)) => chain.push(model, None),
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
