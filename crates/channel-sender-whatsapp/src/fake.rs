//! A fake WhatsApp for tests, which checks every request it gets against Meta's own description of the API.

use crate::{Addresses, Credentials, WhatsApp};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::{SECRET, shared};
use domain::{PartId, Platform};
use serde_json::{Value, json};
use wiremock::{MockServer, Request};

pub(crate) const NUMBER: &str = "106540352242922";
pub(crate) const WABA: &str = "102290129340398";

pub(crate) fn credentials_json() -> Value {
    json!({"access_token": "canary-token", "app_secret": SECRET, "phone_number_id": NUMBER, "waba_id": WABA,
        "verify_token": "canary-verify"})
}

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    let mut all = credentials_json();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

pub(crate) fn part(text: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("whatsapp"),
        contact: "16505551234".to_owned(),
        conversation: format!("{NUMBER}/16505551234"),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: Some(json!({"message_id": "wamid.0"})),
        status_callback: None,
    }
}

/// Our code, speaking to this address.
pub(crate) fn whatsapp_at(address: &str) -> WhatsApp {
    WhatsApp::new(
        channel_testkit::client(),
        Addresses {
            graph: address.parse().unwrap(),
            version: "v25.0".to_owned(),
            simulator: None,
            media_hosts: vec!["fbsbx.com".to_owned()],
        },
    )
}

pub(crate) struct FakeWhatsApp {
    pub(crate) server: MockServer,
}

impl FakeWhatsApp {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn whatsapp(&self) -> WhatsApp {
        whatsapp_at(&self.server.uri())
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    pub(crate) async fn bodies(&self) -> Vec<Value> {
        self.requests()
            .await
            .iter()
            .filter(|request| !request.body.is_empty())
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect()
    }

    /// Every request so far is one that the description allows. There is at least one.
    pub(crate) async fn check_requests(&self) {
        let requests = self.requests().await;
        assert!(!requests.is_empty(), "nothing was asked");
        for request in requests {
            check(&request);
        }
    }

    /// The request at this place is.
    pub(crate) async fn check_request(&self, at: usize) {
        check(&self.requests().await[at]);
    }
}

fn check(request: &Request) {
    let token = request.headers["authorization"].to_str().unwrap();
    assert_eq!(token, "Bearer canary-token", "it is not the owner's token");
    if let Some(description) = shared("channels/specs/whatsapp_business_v23.reduced.json") {
        Description(serde_json::from_str(&description).unwrap()).check(request);
    }
}

/// Meta's OpenAPI file. It is of version 23, before people without a number (`recipient`).
struct Description(Value);

impl Description {
    fn check(&self, request: &Request) {
        let method = request.method.as_str().to_lowercase();
        let query: Vec<String> = request
            .url
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .filter(|name| name != "appsecret_proof")
            .collect();
        // A number and a file have addresses of one form; what is asked of them tells them apart.
        let operation = self.0["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(template, _)| matches(template, request.url.path()))
            .filter_map(|(_, operations)| operations.get(&method))
            .find(|operation| query.iter().all(|name| has_query_parameter(operation, name)))
            .unwrap_or_else(|| panic!("WhatsApp has no {method} {} with {query:?}", request.url.path()));
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert!(request.body.is_empty(), "it takes no body");
            return;
        }
        assert_eq!(request.headers["content-type"], "application/json");
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        if body["status"] == "read" {
            // Described by itself, and not among the messages.
            let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
            names.sort_unstable();
            assert_eq!(
                names,
                ["message_id", "messaging_product", "status", "typing_indicator"]
            );
            return;
        }
        if let Some(recipient) = body.as_object_mut().unwrap().remove("recipient") {
            assert!(body.get("to").is_none(), "somebody is addressed twice");
            body["to"] = recipient;
        }
        self.conforms(&body, schema, "body", true);
    }

    /// `dispatch`: whether the value's own type chooses among the schema's kinds; not so within what is common to them.
    fn conforms(&self, value: &Value, schema: &Value, at: &str, dispatch: bool) {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.conforms(value, self.resolve(reference), at, dispatch);
        }
        if dispatch && let Some(kinds) = schema["discriminator"]["mapping"].as_object() {
            let kind = value["type"].as_str().unwrap_or_default();
            let kind = kinds
                .get(kind)
                .unwrap_or_else(|| panic!("{at} has no kind {kind:?}"));
            return self.conforms(value, self.resolve(kind.as_str().unwrap()), at, false);
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            self.conforms(value, all, at, false);
        }
        if let Some(one_of) = schema["oneOf"].as_array() {
            let fitting = one_of.iter().filter(|one| has_required(value, one)).count();
            assert_eq!(fitting, 1, "{at} is {value}: of which kind?");
            let one = one_of.iter().find(|one| has_required(value, one)).unwrap();
            self.conforms(value, one, at, true);
        }
        assert!(has_required(value, schema), "{at} needs {}", schema["required"]);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                self.conforms(value, property, &format!("{at}.{name}"), true);
            }
        }
        check_single(value, schema, at);
        let items = &schema["items"];
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if !items.is_null() {
                self.conforms(item, items, &format!("{at}[{index}]"), true);
            }
        }
    }

    fn resolve(&self, reference: &str) -> &Value {
        self.0
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("there is no {reference}"))
    }
}

/// `/{Version}/{Phone-Number-ID}/messages` matches `/v25.0/1/messages`.
fn matches(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template
            .split('/')
            .zip(path.split('/'))
            .all(|(expected, given)| expected.starts_with('{') || expected == given)
}

fn has_query_parameter(operation: &Value, name: &str) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters
        .into_iter()
        .flatten()
        .any(|parameter| parameter["in"] == "query" && parameter["name"] == name)
}

fn has_required(value: &Value, schema: &Value) -> bool {
    schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|name| value.get(name.as_str().unwrap()).is_some())
}

fn check_single(value: &Value, schema: &Value, at: &str) {
    match schema["type"].as_str() {
        Some("string") => assert!(value.is_string(), "{at} is {value}"),
        Some("array") => assert!(value.is_array(), "{at} is {value}"),
        Some("object") => assert!(value.is_object(), "{at} is {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at} is {value}"),
        _ => (),
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at} is {value}, not of {allowed:?}");
    }
    let within = |length: usize, least: &str, most: &str| {
        let length = length as u64;
        schema[least].as_u64().is_none_or(|least| length >= least)
            && schema[most].as_u64().is_none_or(|most| length <= most)
    };
    if let Some(text) = value.as_str() {
        let length = channel::text::utf16(text);
        assert!(
            within(length, "minLength", "maxLength"),
            "{at} has {length} characters"
        );
    }
    if let Some(items) = value.as_array() {
        assert!(
            within(items.len(), "minItems", "maxItems"),
            "{at} has {} items",
            items.len()
        );
    }
}

/// What the description does not allow fails the check.
#[test]
fn a_request_that_whatsapp_does_not_know_fails_the_check() {
    let Some(description) = shared("channels/specs/whatsapp_business_v23.reduced.json") else {
        return;
    };
    let description = Description(serde_json::from_str(&description).unwrap());
    let message = json!({"$ref": "#/components/schemas/Message"});
    let base = json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "1", "type": "interactive"});
    let button = |title: &str| json!({"type": "reply", "reply": {"id": "a", "title": title}});
    for (content, allowed) in [
        (
            json!({"type": "button", "body": {"text": "x"}, "action": {"buttons": [button("Red")]}}),
            true,
        ),
        (
            json!({"type": "button", "body": {"text": "x"}, "action": {"buttons": [button("A title of 21 letters")]}}),
            false,
        ),
        (
            json!({"type": "button", "body": {"text": "x".repeat(1025)}, "action": {"buttons": [button("Red")]}}),
            false,
        ),
        (
            json!({"type": "button", "body": {"text": "x"}, "action": {"buttons": vec![button("Red"); 4]}}),
            false,
        ),
        (json!({"type": "button", "body": {"text": "x"}}), false),
    ] {
        let mut body = base.clone();
        body["interactive"] = content.clone();

        let checked = std::panic::catch_unwind(|| description.conforms(&body, &message, "body", true));

        assert_eq!(checked.is_ok(), allowed, "{content}");
    }
}
