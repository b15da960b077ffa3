//! The keys that Microsoft signs requests with, kept for a day.
//!
//! Invariant: a request cannot make us ask for keys more often than once an hour while Microsoft answers, or once a minute
//! while it does not. Whoever waits for an answer waits for the same one.

use jsonwebtoken::DecodingKey;
use platform_api::{Answer, tidy};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, RwLock};
use url::Url;

/// Keys are asked for again after this, whoever comes.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// And after this, if a request names a key that we do not know: Microsoft's recommendation.
const ASKED_FOR_UNKNOWN: Duration = Duration::from_secs(3600);
/// A failure is not repeated sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// While Microsoft cannot be asked, keys are used for so long: as Microsoft's documentation allows.
const USABLE: Duration = Duration::from_secs(5 * 24 * 3600);

/// One key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) decoding: DecodingKey,
    /// The channels whose requests it may sign; none: it does not say.
    pub(crate) endorsements: Vec<String>,
}

/// All keys of one source.
#[derive(Default)]
pub(crate) struct Keys {
    known: RwLock<Known>,
    asking: Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, Arc<Key>>,
    fetched: Option<Instant>,
    failed: Option<(Instant, String)>,
}

impl Known {
    /// What can be said of a key without asking. `None`: Microsoft has to be asked.
    fn verdict(&self, kid: &str, now: Instant) -> Option<Result<Option<Arc<Key>>, String>> {
        let key = self.keys.get(kid);
        let fresh = if key.is_some() { KEPT } else { ASKED_FOR_UNKNOWN };
        if self.age(now).is_some_and(|age| age < fresh) {
            return Some(Ok(key.cloned()));
        }
        let (failed, reason) = self.failed.as_ref()?;
        (now.saturating_duration_since(*failed) < AFTER_FAILURE)
            .then(|| self.usable(kid, now).map(Some).ok_or_else(|| reason.clone()))
    }

    /// A key, even if it should be asked for again.
    fn usable(&self, kid: &str, now: Instant) -> Option<Arc<Key>> {
        self.age(now).filter(|age| *age < USABLE)?;
        self.keys.get(kid).cloned()
    }

    fn age(&self, now: Instant) -> Option<Duration> {
        self.fetched.map(|fetched| now.saturating_duration_since(fetched))
    }
}

impl Keys {
    /// The key of this id, as far as it can be said at once and without asking.
    pub(crate) fn known(&self, kid: &str) -> Option<Arc<Key>> {
        self.known.try_read().ok()?.keys.get(kid).cloned()
    }

    /// The key of this id, asked for at `metadata` if need be. `None`: Microsoft does not list it. The error says why
    /// Microsoft cannot be asked.
    pub(crate) async fn find(
        &self,
        kid: &str,
        client: &reqwest::Client,
        metadata: &Url,
        now: Instant,
    ) -> Result<Option<Arc<Key>>, String> {
        if let Some(verdict) = self.known.read().await.verdict(kid, now) {
            return verdict;
        }
        let _asking = match self.asking.try_lock() {
            Ok(asking) => asking,
            Err(_) => {
                if let Some(key) = self.known.read().await.usable(kid, now) {
                    return Ok(Some(key));
                }
                self.asking.lock().await
            }
        };
        // Somebody else may have asked while we waited.
        if let Some(verdict) = self.known.read().await.verdict(kid, now) {
            return verdict;
        }
        let fetched = fetch(client, metadata).await;
        let mut known = self.known.write().await;
        match fetched {
            Ok(keys) => {
                *known = Known {
                    keys,
                    fetched: Some(now),
                    failed: None,
                };
                Ok(known.keys.get(kid).cloned())
            }
            Err(reason) => {
                known.failed = Some((now, reason.clone()));
                known.usable(kid, now).map(Some).ok_or(reason)
            }
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    jwks_uri: Url,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    n: String,
    e: String,
    r#use: Option<String>,
    endorsements: Option<Vec<String>>,
}

async fn fetch(client: &reqwest::Client, metadata: &Url) -> Result<HashMap<String, Arc<Key>>, String> {
    let unreadable = |what: &str| format!("Microsoft's {what} cannot be read");
    let told: Metadata = get(client, metadata.clone())
        .await?
        .read()
        .ok_or_else(|| unreadable("OpenID configuration"))?;
    if !may_tell_keys(metadata, &told.jwks_uri) {
        return Err(format!(
            "Microsoft's OpenID configuration names keys at {}, which is neither encrypted nor where it lies itself",
            told.jwks_uri.host_str().unwrap_or("no host")
        ));
    }
    let set: KeySet = get(client, told.jwks_uri)
        .await?
        .read()
        .ok_or_else(|| unreadable("list of keys"))?;
    let keys = read(set.keys);
    if keys.is_empty() {
        return Err("Microsoft's list of keys has none that can be used".to_owned());
    }
    Ok(keys)
}

/// What came encrypted must not be continued in clear.
fn may_tell_keys(metadata: &Url, keys: &Url) -> bool {
    metadata.origin() == keys.origin() || (metadata.scheme() == "https" && keys.scheme() == "https")
}

async fn get(client: &reqwest::Client, url: Url) -> Result<Answer, String> {
    let answer = platform_api::call("Microsoft", client.get(url))
        .await
        .map_err(|error| tidy(&error.to_string()))?;
    if !answer.status.is_success() || !answer.complete {
        return Err(format!(
            "Microsoft answered {} when asked for its keys",
            answer.status
        ));
    }
    Ok(answer)
}

/// A key of a kind that we do not know is passed over.
fn read(keys: Vec<Value>) -> HashMap<String, Arc<Key>> {
    keys.into_iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter(|key| key.kty == "RSA" && key.r#use.as_deref() != Some("enc"))
        .filter_map(|key| {
            let decoding = DecodingKey::from_rsa_components(&key.n, &key.e).ok()?;
            let endorsements = key.endorsements.unwrap_or_default();
            Some((
                key.kid,
                Arc::new(Key {
                    decoding,
                    endorsements,
                }),
            ))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
