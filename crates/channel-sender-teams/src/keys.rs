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
pub(crate) mod tests {
    use super::*;
    use channel_testkit::client;
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

    /// As if these had just been fetched.
    pub(crate) fn keys_of(set: &Value) -> Keys {
        Keys {
            known: RwLock::new(Known {
                keys: read(set["keys"].as_array().unwrap().clone()),
                fetched: Some(Instant::now()),
                failed: None,
            }),
            asking: Mutex::new(()),
        }
    }

    pub(crate) fn test_keys() -> Value {
        serde_json::from_str(include_str!("../fixtures/jwks.json")).unwrap()
    }

    struct Microsoft(MockServer);

    impl Microsoft {
        async fn start() -> Self {
            let server = MockServer::start().await;
            let keys = format!("{}/keys", server.uri());
            Self(server).tells(&keys).await
        }

        async fn tells(self, jwks_uri: &str) -> Self {
            Mock::given(path("/metadata"))
                .respond_with(ResponseTemplate::new(200).set_body_json(json!({"jwks_uri": jwks_uri})))
                .mount(&self.0)
                .await;
            self
        }

        async fn lists(&self, keys: Value) {
            Mock::given(path("/keys"))
                .respond_with(ResponseTemplate::new(200).set_body_json(keys))
                .mount(&self.0)
                .await;
        }

        async fn find(&self, keys: &Keys, kid: &str, now: Instant) -> Result<bool, String> {
            let metadata: Url = format!("{}/metadata", self.0.uri()).parse().unwrap();
            keys.find(kid, &client(), &metadata, now)
                .await
                .map(|key| key.is_some())
        }

        async fn asked(&self) -> usize {
            let requests = self.0.received_requests().await.unwrap();
            requests
                .iter()
                .filter(|request| request.url.path() == "/metadata")
                .count()
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn keys_are_asked_for_once_a_day() {
        let (microsoft, keys, now) = (Microsoft::start().await, Keys::default(), Instant::now());
        microsoft.lists(test_keys()).await;

        for hours in [0, 1, 23] {
            assert_eq!(microsoft.find(&keys, "known", now + HOUR * hours).await, Ok(true));
        }
        assert_eq!(microsoft.asked().await, 1);
        assert_eq!(microsoft.find(&keys, "known", now + HOUR * 24).await, Ok(true));
        assert_eq!(microsoft.asked().await, 2);
    }

    #[tokio::test]
    async fn a_forged_key_id_makes_us_ask_at_most_once_an_hour() {
        let (microsoft, keys, now) = (Microsoft::start().await, Keys::default(), Instant::now());
        microsoft.lists(test_keys()).await;

        for second in 0..50 {
            let kid = format!("forged{second}");
            let found = microsoft
                .find(&keys, &kid, now + Duration::from_secs(second))
                .await;
            assert_eq!(found, Ok(false));
        }

        assert_eq!(microsoft.asked().await, 1);
        microsoft.find(&keys, "forged", now + HOUR).await.unwrap();
        assert_eq!(microsoft.asked().await, 2);
    }

    #[tokio::test]
    async fn a_key_that_microsoft_has_just_begun_to_use_is_found() {
        let (microsoft, keys) = (Microsoft::start().await, keys_of(&json!({"keys": []})));
        let now = Instant::now();
        microsoft.lists(test_keys()).await;

        let found = microsoft.find(&keys, "known", now + HOUR).await;

        assert_eq!(found, Ok(true));
    }

    #[tokio::test]
    async fn many_requests_at_once_ask_once() {
        let (microsoft, keys, now) = (
            Microsoft::start().await,
            Arc::new(Keys::default()),
            Instant::now(),
        );
        microsoft.lists(test_keys()).await;
        let metadata: Url = format!("{}/metadata", microsoft.0.uri()).parse().unwrap();

        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (keys, metadata) = (keys.clone(), metadata.clone());
                tokio::spawn(async move {
                    keys.find("known", &client(), &metadata, now)
                        .await
                        .unwrap()
                        .is_some()
                })
            })
            .collect();

        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(microsoft.asked().await, 1);
    }

    #[tokio::test]
    async fn while_microsoft_cannot_be_asked_nothing_is_called_forged_and_known_keys_serve_five_days() {
        let (microsoft, keys) = (Microsoft::start().await, keys_of(&test_keys()));
        let now = Instant::now();

        let unknown = microsoft.find(&keys, "other", now + HOUR).await;
        let known = microsoft.find(&keys, "known", now + HOUR * 100).await;
        let old = microsoft.find(&keys, "known", now + HOUR * 24 * 6).await;

        assert!(unknown.unwrap_err().contains("404"));
        assert_eq!(known, Ok(true));
        assert!(old.is_err());
    }

    #[tokio::test]
    async fn a_failure_is_repeated_at_most_once_a_minute() {
        let (microsoft, keys, now) = (Microsoft::start().await, Keys::default(), Instant::now());

        for second in 0..50 {
            let found = microsoft
                .find(&keys, "known", now + Duration::from_secs(second))
                .await;
            assert!(found.is_err());
        }
        assert_eq!(microsoft.asked().await, 1);
        microsoft.lists(test_keys()).await;
        let found = microsoft.find(&keys, "known", now + MINUTE).await;

        assert_eq!(found, Ok(true));
    }

    #[tokio::test]
    async fn keys_of_kinds_that_we_do_not_know_are_passed_over() {
        let (microsoft, keys) = (Microsoft::start().await, Keys::default());
        let mut set = test_keys();
        let list = set["keys"].as_array_mut().unwrap();
        list.extend([
            json!({"kid": "ec", "kty": "EC", "crv": "P-256", "x": "x", "y": "y"}),
            json!(7),
        ]);
        let mut encrypts = list[0].clone();
        encrypts["kid"] = json!("enc");
        encrypts["use"] = json!("enc");
        list.push(encrypts);
        microsoft.lists(set).await;

        for (kid, expected) in [("known", true), ("ec", false), ("enc", false)] {
            assert_eq!(
                microsoft.find(&keys, kid, Instant::now()).await,
                Ok(expected),
                "{kid}"
            );
        }
    }

    #[test]
    fn keys_are_not_asked_for_in_clear_where_the_configuration_came_encrypted() {
        let may =
            |metadata: &str, keys: &str| may_tell_keys(&metadata.parse().unwrap(), &keys.parse().unwrap());

        assert!(may("https://a.example/m", "https://a.example/keys"));
        assert!(may("https://a.example/m", "https://b.example/keys"));
        assert!(may("http://127.0.0.1:9000/m", "http://127.0.0.1:9000/keys"));
        assert!(!may("https://a.example/m", "http://a.example/keys"));
        assert!(!may("http://127.0.0.1:9000/m", "http://10.0.0.1/keys"));
    }
}
