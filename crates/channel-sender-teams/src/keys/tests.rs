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
    serde_json::from_str(include_str!("../../fixtures/jwks.json")).unwrap()
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
    let may = |metadata: &str, keys: &str| may_tell_keys(&metadata.parse().unwrap(), &keys.parse().unwrap());

    assert!(may("https://a.example/m", "https://a.example/keys"));
    assert!(may("https://a.example/m", "https://b.example/keys"));
    assert!(may("http://127.0.0.1:9000/m", "http://127.0.0.1:9000/keys"));
    assert!(!may("https://a.example/m", "http://a.example/keys"));
    assert!(!may("http://127.0.0.1:9000/m", "http://10.0.0.1/keys"));
}
