//! The models of an installation: the one that is wanted, and those whose vectors still serve until it has caught up.

use crate::{
    embedder::{Embedder, LOCAL_IDENTITY, Languages},
    endpoint::{Endpoint, EndpointError},
    reranker::Reranker,
    settings::Settings,
};
use egress::Guard;
use secrecy::{ExposeSecret, SecretString};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long it stays as it is that the model in this process cannot be had: who fetches it need not start us again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The models of an installation. Cheap to clone.
#[derive(Clone, Default)]
pub struct Embedders(Arc<Inner>);

#[derive(Default)]
struct Inner {
    local: Option<Local>,
    endpoint: Option<Embedder>,
    previous: Option<Embedder>,
    reranker: Option<Reranker>,
}

/// The model in this process, read when it is first needed.
struct Local {
    folder: PathBuf,
    state: Mutex<State>,
}

enum State {
    Unread,
    Ready(Embedder),
    /// Since when, and why.
    Absent(Instant, Absent),
}

/// There is no model: search goes by words alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Absent(pub String);

const NOT_SET: &str =
    "no embedding model is set (embeddings.weights or embeddings.base_url), so search goes by words alone";

impl Embedders {
    /// Reads nothing yet. An error: the settings cannot work.
    pub fn open(settings: &Settings) -> Result<Self, EndpointError> {
        let endpoint = |base_url: &str, model: &str, key: &SecretString| {
            if base_url.trim().is_empty() {
                return Ok(None);
            }
            let languages = if settings.many_languages {
                Languages::Many
            } else {
                Languages::English
            };
            let endpoint = Endpoint::new(
                &Guard::open(),
                base_url,
                model,
                given(key),
                Duration::from_secs(settings.time_limit_seconds.max(1)),
                languages,
            )?;
            Ok::<_, EndpointError>(Some(Embedder::endpoint(endpoint)))
        };
        let reranker = match settings.rerank_base_url.trim() {
            "" => None,
            base_url => Some(Reranker::new(
                &Guard::open(),
                base_url,
                &settings.rerank_model,
                given(&settings.rerank_api_key),
                Duration::from_secs(settings.time_limit_seconds.max(1)),
            )?),
        };
        Ok(Self(Arc::new(Inner {
            local: settings.weights.clone().map(|folder| Local {
                folder,
                state: Mutex::new(State::Unread),
            }),
            endpoint: endpoint(&settings.base_url, &settings.model, &settings.api_key)?,
            previous: endpoint(
                &settings.previous_base_url,
                &settings.previous_model,
                &settings.previous_api_key,
            )?,
            reranker,
        })))
    }

    /// No model: search goes by words alone.
    pub fn none() -> Self {
        Self::default()
    }

    /// Orders what was found anew, where there is such a model.
    pub fn reranker(&self) -> Option<&Reranker> {
        self.0.reranker.as_ref()
    }

    /// The one that new vectors are made with. The first call reads the model in this process, which takes a second.
    pub async fn wanted(&self) -> Result<Embedder, Absent> {
        if let Some(endpoint) = &self.0.endpoint {
            return Ok(endpoint.clone());
        }
        match &self.0.local {
            Some(local) => local.get().await,
            None => Err(Absent(NOT_SET.to_owned())),
        }
    }

    /// The one that makes vectors of this identity, where it can be had.
    pub async fn of(&self, identity: &str) -> Option<Embedder> {
        let elsewhere = [&self.0.endpoint, &self.0.previous];
        if let Some(found) = elsewhere
            .into_iter()
            .flatten()
            .find(|embedder| embedder.identity() == identity)
        {
            return Some(found.clone());
        }
        match &self.0.local {
            Some(local) if identity == LOCAL_IDENTITY => local.get().await.ok(),
            _ => None,
        }
    }
}

/// A key, if one was given.
fn given(key: &SecretString) -> Option<SecretString> {
    (!key.expose_secret().is_empty()).then(|| key.clone())
}

impl Local {
    async fn get(&self) -> Result<Embedder, Absent> {
        // Whoever comes while it is read waits for it.
        let mut state = self.state.lock().await;
        match &*state {
            State::Ready(embedder) => return Ok(embedder.clone()),
            State::Absent(since, why) if since.elapsed() < LOOK_AGAIN => return Err(why.clone()),
            State::Absent(..) | State::Unread => {}
        }
        let folder = self.folder.clone();
        let read = tokio::task::spawn_blocking(move || Embedder::local(&folder)).await;
        let read = match read {
            Ok(Ok(Ok(embedder))) => Ok(embedder),
            Ok(Ok(Err(missing))) => Err(Absent(missing.to_string())),
            Ok(Err(error)) => Err(Absent(format!("{error}; search goes by words alone until then"))),
            Err(_) => Err(Absent("reading the embedding model was interrupted".to_owned())),
        };
        *state = match &read {
            Ok(embedder) => State::Ready(embedder.clone()),
            Err(why) => State::Absent(Instant::now(), why.clone()),
        };
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            weights: None,
            base_url: String::new(),
            model: String::new(),
            api_key: SecretString::default(),
            time_limit_seconds: 5,
            many_languages: true,
            previous_base_url: String::new(),
            previous_model: String::new(),
            previous_api_key: SecretString::default(),
            rerank_base_url: String::new(),
            rerank_model: String::new(),
            rerank_api_key: SecretString::default(),
        }
    }

    #[tokio::test]
    async fn without_a_model_it_is_said_that_search_goes_by_words() {
        let unset = Embedders::open(&settings())
            .unwrap()
            .wanted()
            .await
            .err()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let missing = Embedders::open(&Settings {
            weights: Some(folder.path().to_owned()),
            ..settings()
        });
        let missing = missing.unwrap().wanted().await.err().unwrap();

        assert!(unset.0.contains("by words alone"), "{unset}");
        assert!(
            missing.0.contains("by words alone") && missing.0.contains("weights.sh"),
            "{missing}"
        );
    }

    #[tokio::test]
    async fn the_endpoint_of_before_is_still_found_by_its_identity() {
        let embedders = Embedders::open(&Settings {
            base_url: "https://new.example/v1".to_owned(),
            model: "new".to_owned(),
            previous_base_url: "https://old.example/v1".to_owned(),
            previous_model: "old".to_owned(),
            ..settings()
        })
        .unwrap();

        assert!(embedders.wanted().await.unwrap().identity().ends_with("new"));
        assert!(
            embedders
                .of("https://old.example/v1/embeddings old")
                .await
                .is_some()
        );
        assert!(embedders.of(LOCAL_IDENTITY).await.is_none());
    }

    #[test]
    fn an_endpoint_without_a_model_is_refused() {
        let open = Embedders::open(&Settings {
            base_url: "https://new.example/v1".to_owned(),
            ..settings()
        });

        assert!(matches!(open, Err(EndpointError::NoModel)));
    }
}
