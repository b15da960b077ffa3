//! A fake Slack for tests, which checks every request it gets against what is known of Slack's API.

use crate::{Addresses, Credentials, Slack};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::shared;
use domain::{PartId, Platform};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) const TEAM: &str = "T0001";
pub(crate) const BOT_TOKEN: &str = "xoxb-canary-bot-token";

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_json(changes: Value) -> Value {
    let mut all = json!({"bot_token": BOT_TOKEN, "signing_secret": "canary-signing-secret", "team_id": TEAM});
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    serde_json::from_value(credentials_json(changes)).unwrap()
}

/// A part of an answer in a direct message.
pub(crate) fn part(text: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("slack"),
        contact: "U0001".to_owned(),
        conversation: "U0001".to_owned(),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: Some(json!({"channel": "D0001"})),
        status_callback: None,
    }
}

/// Our code, speaking to this address.
pub(crate) fn slack_at(address: &str) -> Slack {
    Slack::new(
        channel_testkit::client(),
        Addresses {
            api: address.parse().unwrap(),
            simulator: None,
            media_hosts: vec!["127.0.0.1".to_owned(), "files.slack.com".to_owned()],
        },
    )
}

/// What auth.test answers for [`BOT_TOKEN`].
pub(crate) fn me(changes: Value) -> Value {
    let mut me = json!({
        "url": "https://acme.slack.com/", "team": "Acme", "team_id": TEAM, "user": "botsmith", "user_id": "U0BOT",
        "bot_id": "B0BOT", "is_enterprise_install": false,
    });
    for (name, value) in changes.as_object().unwrap() {
        me[name] = value.clone();
    }
    me
}

pub(crate) type Form = BTreeMap<String, String>;

pub(crate) struct FakeSlack {
    pub(crate) server: MockServer,
}

impl FakeSlack {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn slack(&self) -> Slack {
        slack_at(&self.server.uri())
    }

    fn method(name: &str) -> wiremock::MockBuilder {
        Mock::given(method("POST")).and(path(format!("/{name}")))
    }

    pub(crate) async fn mount(&self, name: &str, answer: ResponseTemplate) {
        Self::method(name).respond_with(answer).mount(&self.server).await;
    }

    /// Before what was mounted already, and once.
    pub(crate) async fn mount_once(&self, name: &str, answer: ResponseTemplate) {
        Self::method(name)
            .respond_with(answer)
            .up_to_n_times(1)
            .with_priority(1)
            .mount(&self.server)
            .await;
    }

    /// Exactly this, with 200.
    pub(crate) async fn says(&self, name: &str, body: Value) {
        self.mount(name, ResponseTemplate::new(200).set_body_json(body))
            .await;
    }

    pub(crate) async fn answers(&self, name: &str, mut body: Value) {
        body["ok"] = json!(true);
        self.says(name, body).await;
    }

    pub(crate) async fn answers_once(&self, name: &str, mut body: Value) {
        body["ok"] = json!(true);
        self.mount_once(name, ResponseTemplate::new(200).set_body_json(body))
            .await;
    }

    pub(crate) async fn refuses(&self, name: &str, code: &str) {
        self.says(name, json!({"ok": false, "error": code})).await;
    }

    /// The methods that were called, with what they were given.
    pub(crate) async fn calls(&self) -> Vec<(String, Form)> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .map(|request| (request.url.path()[1..].to_owned(), form(request)))
            .collect()
    }

    pub(crate) async fn forms(&self, name: &str) -> Vec<Form> {
        let calls = self.calls().await;
        calls
            .into_iter()
            .filter(|(called, _)| called == name)
            .map(|(_, form)| form)
            .collect()
    }

    /// Every request so far is one that Slack's API knows. There is at least one.
    pub(crate) async fn check_requests(&self) {
        let requests = self.server.received_requests().await.unwrap();
        assert!(!requests.is_empty(), "nothing was asked");
        let specification = Specification::load();
        for request in requests {
            check_shape(&request);
            if let Some(specification) = &specification {
                specification.check(&request.url.path()[1..], &form(&request));
            }
        }
    }
}

fn form(request: &Request) -> Form {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn check_shape(request: &Request) {
    let method = &request.url.path()[1..];
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(
        request.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    let token = request.headers["authorization"].to_str().unwrap();
    let kind = if method == "apps.connections.open" {
        "Bearer xapp-"
    } else {
        "Bearer xoxb-"
    };
    assert!(token.starts_with(kind), "{method} is called with another token");
    let form = form(request);
    assert!(!form.contains_key("token"), "a token in the form");
    if let Some(blocks) = form.get("blocks") {
        check_blocks(&serde_json::from_str(blocks).unwrap());
    }
    if let Some(metadata) = form.get("metadata") {
        let metadata: Value = serde_json::from_str(metadata).unwrap();
        assert!(metadata["event_type"].is_string() && metadata["event_payload"].is_object());
    }
    for (name, text) in [("text", 4_000), ("thread_ts", 17), ("ts", 17), ("oldest", 17)] {
        let length = form.get(name).map_or(0, |given| channel::text::utf16(given));
        assert!(length <= text, "{name} has {length}");
    }
}

/// <https://docs.slack.dev/reference/block-kit/blocks>
fn check_blocks(blocks: &Value) {
    let length = |text: &Value| channel::text::utf16(text.as_str().expect("a text"));
    let blocks = blocks.as_array().unwrap();
    assert!(blocks.len() <= 50);
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "section" => {
                assert_eq!(block["text"]["type"], "mrkdwn");
                assert!((1..=3_000).contains(&length(&block["text"]["text"])));
            }
            "image" => {
                assert!((1..=3_000).contains(&length(&block["image_url"])));
                assert!((1..=2_000).contains(&length(&block["alt_text"])));
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=25).contains(&elements.len()));
                let ids: BTreeSet<_> = elements
                    .iter()
                    .map(|element| element["action_id"].as_str().unwrap())
                    .collect();
                assert_eq!(ids.len(), elements.len(), "two buttons of one id");
                for element in elements {
                    assert_eq!(element["type"], "button");
                    assert_eq!(element["text"]["type"], "plain_text");
                    assert!((1..=75).contains(&length(&element["text"]["text"])));
                    assert!((1..=2_000).contains(&length(&element["value"])));
                }
            }
            other => panic!("a block that we do not send: {other}"),
        }
    }
}

/// What methods take, from both descriptions there are: an OpenAPI file of 2021, and the pages of 2026.
struct Specification {
    old: Value,
    new: Value,
}

/// What neither of the descriptions has, from docs.slack.dev. `conversations.history` is as `conversations.replies`.
const BESIDES: [(&str, &str); 2] = [("chat.postMessage", "metadata"), ("chat.update", "metadata")];

impl Specification {
    /// `None`: they are not on this machine.
    fn load() -> Option<Self> {
        let read = |name: &str| {
            let text = shared(&format!("channels/specs/{name}"))?;
            Some(serde_json::from_str(&text).unwrap())
        };
        Some(Self {
            old: read("slack_web_2021.reduced.json")?,
            new: read("slack_methods_2026.json")?,
        })
    }

    /// Name, and whether it is needed.
    fn arguments(&self, method: &str) -> BTreeMap<String, bool> {
        let described = match method {
            "conversations.history" => "conversations.replies",
            method => method,
        };
        let operations = self.old["paths"][format!("/{described}")].as_object();
        let old = operations
            .into_iter()
            .flatten()
            .flat_map(|(_, operation)| operation["parameters"].as_array().into_iter().flatten())
            .filter(|parameter| parameter["in"] != "header" && parameter["name"] != "token")
            .map(|parameter| (parameter["name"].as_str().unwrap(), parameter["required"] == true));
        let new = self.new[described]["args"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, argument)| (name.as_str(), argument["required"] == true));
        let besides = BESIDES
            .iter()
            .filter(|(of, _)| *of == method)
            .map(|(_, name)| (*name, false));
        let is_known =
            method == "apps.connections.open" || operations.is_some() || self.new.get(described).is_some();
        assert!(is_known, "Slack has no method {method}");
        let mut arguments = BTreeMap::new();
        for (name, required) in old.chain(new).chain(besides) {
            *arguments.entry(name.to_owned()).or_default() |= required;
        }
        if method == "conversations.history" {
            arguments.remove("ts");
        }
        arguments
    }

    fn check(&self, method: &str, form: &Form) {
        let arguments = self.arguments(method);
        for name in form.keys() {
            assert!(arguments.contains_key(name), "{method} has no argument {name}");
        }
        for (name, required) in arguments {
            assert!(!required || form.contains_key(&name), "{method} needs {name}");
        }
    }
}

async fn ask(fake: &FakeSlack, method: &str, form: &[(&str, &str)]) {
    let _ = crate::api::call::<Value>(&fake.slack(), &credentials(), method, form).await;
    fake.check_requests().await;
}

#[tokio::test]
#[should_panic(expected = "has no argument txt")]
async fn an_argument_that_slack_does_not_know_fails_the_check() {
    if Specification::load().is_none() {
        panic!("skipped: nobody knows that chat.postMessage has no argument txt");
    }
    ask(
        &FakeSlack::start().await,
        "chat.postMessage",
        &[("channel", "C0001"), ("txt", "hi")],
    )
    .await;
}

#[tokio::test]
#[should_panic(expected = "a block that we do not send")]
async fn a_block_that_is_not_one_fails_the_check() {
    let blocks = [("channel", "C0001"), ("blocks", r#"[{"type":"sektion"}]"#)];
    ask(&FakeSlack::start().await, "chat.postMessage", &blocks).await;
}
