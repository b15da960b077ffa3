//! A fake Telegram for tests, which checks every call it gets against a description of the Bot API.

use crate::{Addresses, Credentials, Telegram};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::shared;
use domain::{PartId, Platform};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) const BOT_ID: &str = "987654321";
pub(crate) const TOKEN: &str = "987654321:canary_canary_canary_canary_canary-";

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    let mut all = json!({"bot_token": TOKEN, "webhook_secret": "canary_Secret-1"});
    all.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

pub(crate) fn part(text: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("telegram"),
        contact: "5550001".to_owned(),
        conversation: "5550001".to_owned(),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: None,
        status_callback: None,
    }
}

/// Our code, speaking to this address.
pub(crate) fn telegram_at(address: &str) -> Telegram {
    Telegram::new(
        channel_testkit::client(),
        Addresses {
            api: address.parse().unwrap(),
            simulator: None,
        },
    )
}

/// The recorded proofs, if they are on this machine.
pub(crate) fn vectors() -> Option<Vec<Value>> {
    let all: Value = serde_json::from_str(&shared("channels/vectors.json")?).unwrap();
    Some(all["telegram"].as_array().unwrap().clone())
}

pub(crate) struct FakeTelegram {
    pub(crate) server: MockServer,
}

impl FakeTelegram {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn telegram(&self) -> Telegram {
        telegram_at(&self.server.uri())
    }

    async fn mount(&self, name: &str, answer: ResponseTemplate, times: Option<u64>) {
        let mock = Mock::given(method("POST"))
            .and(path(format!("/bot{TOKEN}/{name}")))
            .respond_with(answer);
        match times {
            Some(times) => mock.up_to_n_times(times).mount(&self.server).await,
            None => mock.mount(&self.server).await,
        }
    }

    /// From now on, or once what was mounted before is used up.
    pub(crate) async fn answers(&self, name: &str, result: Value) {
        self.mount(name, yes(result), None).await;
    }

    pub(crate) async fn answers_once(&self, name: &str, result: Value) {
        self.mount(name, yes(result), Some(1)).await;
    }

    pub(crate) async fn refuses(&self, name: &str, status: u16, words: &str, parameters: Value) {
        self.mount(name, no(status, words, &parameters), None).await;
    }

    pub(crate) async fn refuses_once(&self, name: &str, status: u16, words: &str, parameters: Value) {
        self.mount(name, no(status, words, &parameters), Some(1)).await;
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The methods called, with their parameters, in order.
    pub(crate) async fn calls(&self) -> Vec<(String, Value)> {
        self.requests().await.iter().map(call).collect()
    }

    /// Every call so far is one that the Bot API's description allows. There is at least one.
    pub(crate) async fn check_requests(&self) {
        let requests = self.requests().await;
        assert!(!requests.is_empty(), "nothing was asked");
        let Some(specification) = Specification::load() else {
            return;
        };
        for request in requests.iter().filter(|request| request.method == "POST") {
            assert_eq!(request.headers["content-type"], "application/json");
            let (name, parameters) = call(request);
            specification.check(&name, &parameters);
        }
    }
}

fn yes(result: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"ok": true, "result": result}))
}

fn no(status: u16, words: &str, parameters: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(
        json!({"ok": false, "error_code": status, "description": words, "parameters": parameters}),
    )
}

fn call(request: &Request) -> (String, Value) {
    let name = request.url.path().rsplit('/').next().unwrap().to_owned();
    (name, serde_json::from_slice(&request.body).unwrap_or_default())
}

/// The methods and types of the Bot API.
struct Specification(Value);

impl Specification {
    fn load() -> Option<Self> {
        let text = shared("channels/specs/telegram_bot_api_10.1.reduced.json")?;
        Some(Self(serde_json::from_str(&text).unwrap()))
    }

    fn check(&self, name: &str, parameters: &Value) {
        let method = &self.0["methods"][name];
        assert!(method.is_object(), "Telegram has no method {name}");
        self.fields(name, &method["fields"], parameters);
    }

    fn fields(&self, what: &str, fields: &Value, given: &Value) {
        let fields: &[Value] = fields.as_array().map_or(&[], Vec::as_slice);
        let given = given.as_object().unwrap_or_else(|| panic!("{what} is {given}"));
        for (name, value) in given {
            let field = fields
                .iter()
                .find(|field| field["name"] == **name)
                .unwrap_or_else(|| panic!("{what} has no field {name}"));
            let types = field["types"].as_array().unwrap();
            assert!(
                types.iter().any(|kind| self.is(kind.as_str().unwrap(), value)),
                "{what}.{name} is {value}, not {types:?}"
            );
        }
        for field in fields.iter().filter(|field| field["required"] == true) {
            let name = field["name"].as_str().unwrap();
            assert!(given.contains_key(name), "{what} needs {name}");
        }
    }

    fn is(&self, kind: &str, value: &Value) -> bool {
        if let Some(of) = kind.strip_prefix("Array of ") {
            return value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| self.is(of, item)));
        }
        match kind {
            "Integer" => value.is_i64() || value.is_u64(),
            "Float" => value.is_number(),
            "Boolean" => value.is_boolean(),
            "String" => value.is_string(),
            "InputFile" => false,
            kind => {
                let object = &self.0["types"][kind];
                let fits = value.is_object() && object.is_object();
                // Of several types one must fit; what does not even have the field is another of them.
                let known = |name: &String| {
                    let fields = object["fields"].as_array().map_or(&[][..], Vec::as_slice);
                    fields.iter().any(|field| field["name"] == **name)
                };
                if !fits || !value.as_object().unwrap().keys().all(known) {
                    return false;
                }
                self.fields(kind, &object["fields"], value);
                true
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_the_bot_api_does_not_know_fails_the_check() {
    let Some(specification) = Specification::load() else {
        return;
    };
    specification.check(
        "sendMessage",
        &json!({"chat_id": 1, "text": "hi", "entities": [{"type": "bold", "offset": 0, "length": 1}]}),
    );
    for (name, parameters) in [
        ("sendMesage", json!({"chat_id": 1, "text": "hi"})),
        ("sendMessage", json!({"chat_id": 1, "txt": "hi"})),
        ("sendMessage", json!({"chat_id": 1})),
        ("sendMessage", json!({"chat_id": 1.5, "text": "hi"})),
        (
            "sendMessage",
            json!({"chat_id": 1, "text": "hi", "reply_to_message_id": 5}),
        ),
        (
            "sendMessage",
            json!({"chat_id": 1, "text": "hi", "entities": [{"type": "bold", "offset": 0}]}),
        ),
        (
            "sendMessage",
            json!({"chat_id": 1, "text": "hi", "reply_markup": {"inline_keyboard": [{"text": "x"}]}}),
        ),
    ] {
        let checked = std::panic::catch_unwind(|| specification.check(name, &parameters));

        assert!(checked.is_err(), "{name} {parameters} passes");
    }
}
