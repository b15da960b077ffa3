//! A fake Teams for tests, which checks every request it gets against Microsoft's own description of its API.

use crate::{
    Addresses, Credentials, Teams,
    keys::tests::{keys_of, test_keys},
    token::HEADER,
};
use channel::{OutboundContent, OutboundPart, WebhookKind, WebhookRequest};
use chrono::DateTime;
use domain::{PartId, Platform};
use http::{HeaderMap, Method};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path_regex},
};

pub(crate) const APP: &str = "00000000-1111-2222-3333-444444444444";
pub(crate) const APP_SECRET: &str = "canary-app-secret";
pub(crate) const TENANT: &str = "72f90000-0000-0000-0000-000000000001";
pub(crate) const SERVICE: &str = "https://smba.trafficmanager.net/emea/";
pub(crate) const ACCESS_TOKEN: &str = "canary-access-token";
/// When requests of tests come, in seconds.
pub(crate) const NOW: i64 = 1_763_800_000;
/// Signs what must be accepted, and what must not.
pub(crate) const KNOWN: &[u8] = include_bytes!("../fixtures/known.der");
pub(crate) const FOREIGN: &[u8] = include_bytes!("../fixtures/foreign.der");

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    let mut all = json!({"app_id": APP, "app_secret": APP_SECRET, "tenant_id": ""});
    all.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

pub(crate) fn addresses_at(address: &str) -> Addresses {
    let base: url::Url = address.parse().unwrap();
    Addresses {
        login: base.clone(),
        metadata: platform_api::under(&base, "v1/.well-known/openidconfiguration"),
        issuer: "https://api.botframework.com".to_owned(),
        service_hosts: vec!["smba.trafficmanager.net".to_owned()],
        government_service: base.clone(),
        file_hosts: vec!["sharepoint.com".to_owned()],
        simulator: Some(base),
    }
}

/// Our code, speaking to this address.
pub(crate) fn teams_at(address: &str) -> Teams {
    Teams::new(channel_testkit::client(), addresses_at(address))
}

/// Our code with the test's keys, which never needs to ask for them.
pub(crate) fn teams_with_keys() -> Teams {
    Teams {
        keys: keys_of(&test_keys()),
        ..teams_at("http://127.0.0.1:1")
    }
}

/// What Microsoft says in a token of a request.
pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://api.botframework.com", "aud": APP, "nbf": NOW - 60, "exp": NOW + 3600, "serviceurl": SERVICE,
    })
}

/// A token.
pub(crate) fn signed_by(key: &[u8], kid: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_rsa_der(key)).unwrap()
}

/// The request as Microsoft would prove it if it had this key.
pub(crate) fn signed(mut request: WebhookRequest, key: &[u8]) -> WebhookRequest {
    let token = signed_by(key, "known", &claims());
    request
        .headers
        .insert(HEADER, format!("Bearer {token}").parse().unwrap());
    request
}

/// A webhook with this body, not yet proven.
pub(crate) fn request(body: &Value) -> WebhookRequest {
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bot.acme.com/api/teams/webhook/1".to_owned(),
        headers: HeaderMap::new(),
        body: body.to_string().into(),
        received_at: DateTime::from_timestamp(NOW, 0).unwrap(),
    }
}

/// A message in a channel, as Teams sends it, with these fields otherwise.
pub(crate) fn message(changes: Value) -> Value {
    let bot = format!("28:{APP}");
    let mut all = json!({
        "type": "message", "id": "1763800000123", "timestamp": "2026-11-22T08:26:40.123Z", "serviceUrl": SERVICE,
        "channelId": "msteams",
        "from": {"id": "29:1XJK", "name": "Ann Example", "aadObjectId": "7faf8ab2-0000-0000-0000-000000000001"},
        "recipient": {"id": bot, "name": "Bot"},
        "conversation": {
            "id": "19:abc@thread.tacv2;messageid=1763799000000", "conversationType": "channel", "tenantId": TENANT,
            "isGroup": true,
        },
        "text": "<at>Bot</at> opening hours?", "textFormat": "plain", "locale": "en-US",
        "entities": [
            {"type": "mention", "mentioned": {"id": bot, "name": "Bot"}, "text": "<at>Bot</at>"},
            {"type": "clientInfo", "locale": "en-US"},
        ],
        "attachments": [{"contentType": "text/html", "content": "<p>opening hours?</p>"}],
        "channelData": {"tenant": {"id": TENANT}, "team": {"id": "19:team"}, "channel": {"id": "19:abc"}},
    });
    all.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    all
}

/// A part that answers [`message`], whose service is at this address.
pub(crate) fn part(text: &str, service: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("teams"),
        contact: "7faf8ab2-0000-0000-0000-000000000001".to_owned(),
        conversation: "19:abc@thread.tacv2;messageid=1763799000000".to_owned(),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: Some(json!({
            "service_url": service, "activity": "1763800000123", "bot": format!("28:{APP}"), "user": "29:1XJK",
            "tenant": TENANT,
        })),
        status_callback: None,
    }
}

/// Microsoft's login and Teams' service, at one address.
pub(crate) struct FakeTeams {
    server: MockServer,
}

impl FakeTeams {
    pub(crate) async fn start() -> Self {
        let fake = Self::without_tokens().await;
        fake.token(ResponseTemplate::new(200).set_body_json(
            json!({"token_type": "Bearer", "access_token": ACCESS_TOKEN, "expires_in": 3599}),
        ))
        .await;
        fake
    }

    pub(crate) async fn without_tokens() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) async fn token(&self, answer: ResponseTemplate) {
        self.at("/oauth2/v2.0/token", answer).await;
    }

    pub(crate) async fn token_once(&self, answer: ResponseTemplate) {
        self.once("/oauth2/v2.0/token", answer).await;
    }

    /// What every activity hears.
    pub(crate) async fn activities(&self, answer: ResponseTemplate) {
        Mock::given(path_regex("/activities"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// What whoever asks at a path with this end hears.
    pub(crate) async fn at(&self, end: &str, answer: ResponseTemplate) {
        Mock::given(path_regex(format!("{end}$")))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// What the first who posts to a path with this end hears.
    pub(crate) async fn once(&self, end: &str, answer: ResponseTemplate) {
        Mock::given(method("POST"))
            .and(path_regex(format!("{end}$")))
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&self.server)
            .await;
    }

    /// The address that the service would name in a message.
    pub(crate) fn service(&self) -> String {
        format!("{}/emea/", self.server.uri())
    }

    pub(crate) fn teams(&self) -> Teams {
        self.teams_trusting(&[])
    }

    /// Our code, which takes this one and those for Teams.
    pub(crate) fn teams_trusting(&self, others: &[&str]) -> Teams {
        let hosts = std::iter::once(self.server.uri()).chain(others.iter().map(|&other| other.to_owned()));
        Teams::new(
            channel_testkit::client(),
            Addresses {
                service_hosts: hosts.collect(),
                simulator: None,
                ..addresses_at(&self.server.uri())
            },
        )
    }

    pub(crate) fn teams_with_government(&self, government: &Self) -> Teams {
        let teams = self.teams();
        Teams {
            addresses: Addresses {
                government_service: government.server.uri().parse().unwrap(),
                ..teams.addresses.clone()
            },
            ..teams
        }
    }

    /// Our code, for which this is the simulator, and Teams is somewhere else.
    pub(crate) fn teams_as_simulator(&self) -> Teams {
        teams_at(&self.server.uri())
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    pub(crate) async fn tokens_asked(&self) -> usize {
        self.requests()
            .await
            .iter()
            .filter(|request| is_token(request))
            .count()
    }

    /// Path and body of every activity that came, in order.
    pub(crate) async fn sent_activities(&self) -> Vec<(String, Value)> {
        let requests = self.requests().await;
        let activities = requests.iter().filter(|request| !is_token(request));
        activities
            .map(|request| {
                (
                    request.url.path().to_owned(),
                    request.body_json().unwrap_or_default(),
                )
            })
            .collect()
    }

    pub(crate) async fn only_activity(&self) -> (String, Value) {
        let mut activities = self.sent_activities().await;
        assert_eq!(activities.len(), 1);
        activities.remove(0)
    }

    /// Every request so far is one that Microsoft's description of the API allows, where that is at hand. There is at
    /// least one.
    pub(crate) async fn check_requests(&self) {
        let requests = self.requests().await;
        assert!(!requests.is_empty(), "nothing was asked");
        let Some(specification) = channel_testkit::shared("channels/specs/botframework_ConnectorAPI_v3.json")
        else {
            return;
        };
        let specification: Value = serde_json::from_str(&specification).unwrap();
        for request in requests.iter().filter(|request| !is_token(request)) {
            check(&specification, request);
        }
    }
}

fn is_token(request: &Request) -> bool {
    request.url.path().ends_with("/oauth2/v2.0/token")
}

fn check(specification: &Value, request: &Request) {
    let token = request.headers["authorization"].to_str().unwrap();
    assert!(
        token
            .strip_prefix("Bearer ")
            .is_some_and(|token| !token.is_empty()),
        "a call without a token"
    );
    let method = request.method.as_str().to_lowercase();
    let path = request.url.path().strip_prefix("/emea").unwrap();
    let operation = specification["paths"]
        .as_object()
        .unwrap()
        .iter()
        .find_map(|(template, operations)| is_of(template, path).then(|| operations.get(&method))?)
        .unwrap_or_else(|| panic!("the connector has no {method} {path}"));
    let parameters = operation["parameters"].as_array().unwrap();
    match parameters.iter().find(|parameter| parameter["in"] == "body") {
        Some(body) => conforms(
            specification,
            "body",
            &request.body_json().unwrap(),
            &body["schema"],
        ),
        None => assert!(request.body.is_empty(), "{method} {path} takes no body"),
    }
}

/// `/a/{b}` matches `/a/x`.
fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(expected, given)| expected == given || (expected.starts_with('{') && !given.is_empty()))
}

/// The description requires nothing, so what is checked is that every field has its name and kind.
fn conforms(specification: &Value, name: &str, value: &Value, schema: &Value) {
    if let Some(reference) = schema["$ref"].as_str() {
        let definition = specification.pointer(&reference[1..]).unwrap();
        return conforms(specification, name, value, definition);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = value.as_object().unwrap_or_else(|| panic!("{name} is no object"));
            // Without properties it may hold anything.
            if let Some(properties) = schema["properties"].as_object() {
                for (field, value) in fields {
                    let schema = properties
                        .get(field)
                        .unwrap_or_else(|| panic!("{name} has no field {field}"));
                    conforms(specification, field, value, schema);
                }
            }
        }
        Some("array") => {
            for item in value.as_array().unwrap_or_else(|| panic!("{name} is no list")) {
                conforms(specification, name, item, &schema["items"]);
            }
        }
        Some("string") => {
            let text = value.as_str().unwrap_or_else(|| panic!("{name} is no text"));
            let known = schema["enum"].as_array();
            assert!(
                known.is_none_or(|known| known.iter().any(|known| known == text)),
                "{name} is {text}"
            );
        }
        Some("boolean") => assert!(value.is_boolean(), "{name} is neither true nor false"),
        _ => (),
    }
}

#[tokio::test]
async fn a_request_that_the_connector_does_not_know_fails_the_check() {
    let Some(specification) = channel_testkit::shared("channels/specs/botframework_ConnectorAPI_v3.json")
    else {
        return;
    };
    let specification: Value = serde_json::from_str(&specification).unwrap();
    let activity = &specification["definitions"]["Activity"];

    for body in [
        json!({"typ": "message"}),
        json!({"type": "teleport"}),
        json!({"text": 7}),
        json!({"from": {"uid": "x"}}),
    ] {
        let outcome = std::panic::catch_unwind(|| conforms(&specification, "body", &body, activity));

        assert!(outcome.is_err(), "{body}");
    }
    conforms(
        &specification,
        "body",
        &json!({"type": "message", "text": "Hi"}),
        activity,
    );
}
