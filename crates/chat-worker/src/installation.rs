//! The installation's own models, as administrators have them now, and what chatbots may do in it.
//!
//! Invariants: a change counts in every process within two seconds, without a restart; with the database away what was
//! read last goes on to serve.

use models::{Chain, Endpoint, Models, Provider};
use secrecy::SecretString;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{
    Db, StoreError,
    model_providers::{self, Place, Version},
};
use tokio::time::Instant;
use uuid::Uuid;
use vault::Keyring;

/// For how long what was read is not looked at again.
const FRESH: Duration = Duration::from_secs(2);

/// Reads what administrators set. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Installation {
    db: Db,
    keyring: Keyring,
    models: Models,
    kept: Arc<Mutex<Option<Kept>>>,
}

#[derive(Clone)]
struct Kept {
    looked_at: Instant,
    version: Version,
    order: Arc<Vec<Ready>>,
}

/// A model in its place.
enum Ready {
    /// Of the configuration file.
    Settings { provider: Provider, model: String },
    /// Of a provider that administrators set up.
    Provided(Provided),
    /// Cannot be asked, with the reason.
    Not {
        provider: Provider,
        model: String,
        why: String,
    },
}

struct Provided {
    endpoint: Endpoint,
    source: Arc<str>,
    keys: Vec<(Arc<str>, SecretString)>,
    /// Whose key's turn it is.
    turn: AtomicUsize,
}

impl Installation {
    pub(crate) fn new(db: Db, keyring: Keyring, models: Models) -> Self {
        Self {
            db,
            keyring,
            models,
            kept: Arc::default(),
        }
    }

    /// What asks endpoints.
    pub(crate) const fn models(&self) -> &Models {
        &self.models
    }

    /// The models of chatbots that name none, in their order.
    pub(crate) async fn chain(&self) -> Chain {
        let order = match self.order().await {
            Ok(order) => order,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the installation's models cannot be read"
                );
                Arc::default()
            }
        };
        if order.is_empty() {
            return self.models.chain_of_installation();
        }
        let mut chain = self.models.chain();
        for ready in order.iter() {
            match ready {
                Ready::Settings { provider, model } => {
                    self.models.extend_from_settings(&mut chain, *provider, model);
                }
                Ready::Provided(of) => {
                    let turn = of.turn.fetch_add(1, Ordering::Relaxed);
                    self.models
                        .extend_with_keys(&mut chain, &of.endpoint, &of.source, &of.keys, turn);
                }
                Ready::Not { provider, model, why } => chain.push_unusable(*provider, model, why.clone()),
            }
        }
        chain
    }

    /// As it was read last, if that is not long ago or nothing has changed since.
    async fn order(&self) -> Result<Arc<Vec<Ready>>, StoreError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.looked_at.elapsed() < FRESH) {
            return Ok(kept.order.clone());
        }
        let looked_at = Instant::now();
        // The version before the rest: what changes in between is read again.
        let (version, order) = match (self.read(kept.as_ref().map(|kept| kept.version)).await, kept) {
            (Ok((version, Some(order))), _) => (version, order),
            (Ok((version, None)), Some(kept)) => (version, kept.order),
            (Ok((version, None)), None) => (version, Arc::default()),
            (Err(error), Some(kept)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the installation's models cannot be looked at; those of before serve"
                );
                (kept.version, kept.order)
            }
            (Err(error), None) => return Err(error),
        };
        let now = Kept {
            looked_at,
            version,
            order: order.clone(),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(order)
    }

    /// `None`: as it is known.
    async fn read(&self, known: Option<Version>) -> Result<(Version, Option<Arc<Vec<Ready>>>), StoreError> {
        let version = model_providers::version(&self.db).await?;
        if known == Some(version) {
            return Ok((version, None));
        }
        let providers = model_providers::list(&self.db).await?;
        let mut order = Vec::new();
        for place in model_providers::order(&self.db).await? {
            if let Some(ready) = self.ready(&place, &providers).await {
                order.push(ready);
            }
        }
        // What cannot be opened now may be in a moment, although nothing changes.
        let unsure = order.iter().any(|ready| matches!(ready, Ready::Not { .. }));
        let version = if unsure { Version(-1) } else { version };
        Ok((version, Some(Arc::new(order))))
    }

    /// `None`: its provider is turned off.
    async fn ready(&self, place: &Place, providers: &[model_providers::Provider]) -> Option<Ready> {
        let not = |why: String| {
            Some(Ready::Not {
                provider: Provider::named(&place.kind).unwrap_or_default(),
                model: place.model.clone(),
                why,
            })
        };
        let Some(provider) = Provider::named(&place.kind) else {
            return not(format!("{:?} is no provider that this version knows", place.kind));
        };
        let Some(id) = place.provider else {
            return Some(Ready::Settings {
                provider,
                model: place.model.clone(),
            });
        };
        let stored = providers.iter().find(|stored| stored.id == id)?;
        if !stored.enabled {
            return None;
        }
        let mut keys = Vec::new();
        let mut unopened = None;
        for key in &stored.keys {
            match self.open(key.id, &key.sealed).await {
                Ok(secret) => keys.push((Arc::from(key.id.to_string()), secret)),
                Err(error) => unopened = Some(error.to_string()),
            }
        }
        if let Some(why) = unopened.filter(|_| keys.is_empty()) {
            return not(why);
        }
        Some(Ready::Provided(Provided {
            endpoint: Endpoint {
                provider,
                base_url: stored.base_url.clone(),
                model: place.model.clone(),
                time_limit_seconds: None,
                context_tokens: place.context_tokens.and_then(|tokens| tokens.try_into().ok()),
            },
            source: id.to_string().into(),
            keys,
            turn: AtomicUsize::new(0),
        }))
    }

    async fn open(&self, row: Uuid, sealed: &[u8]) -> Result<SecretString, vault::VaultError> {
        let place = vault::Place {
            row,
            column: model_providers::KEY_COLUMN,
        };
        self.keyring.open_text(vault::INSTALLATION, place, sealed).await
    }
}
