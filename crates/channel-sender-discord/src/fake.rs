//! A fake Discord for tests, which checks every call it gets against Discord's own description of its API.

use crate::{
    Addresses, Credentials, Discord,
    signature::tests::{hex, key},
    snowflake,
};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::shared;
use chrono::{TimeDelta, Utc};
use domain::{PartId, Platform};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) const APPLICATION: &str = "1100000000000000001";
pub(crate) const BOT: &str = "1100000000000000002";
pub(crate) const CHANNEL: &str = "1000000000000000002";
pub(crate) const PERSON: &str = "900000000000000001";
pub(crate) const TOKEN_OF_INTERACTION: &str = "aW50ZXI-canary_x";
/// Of the shared test vectors.
pub(crate) const PUBLIC_KEY: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
const TOKEN: &str = "canary.bot.token";

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    let mut all = json!({"bot_token": TOKEN, "public_key": PUBLIC_KEY, "application_id": APPLICATION});
    all.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

/// Credentials whose public key belongs to this secret; none for an empty one.
pub(crate) fn with_key_of(secret: &str) -> Credentials {
    let public = match secret {
        "" => String::new(),
        secret => hex(key(secret).verifying_key().as_bytes()),
    };
    credentials_with(json!({ "public_key": public }))
}

pub(crate) fn part(text: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("discord"),
        contact: PERSON.to_owned(),
        conversation: format!("{CHANNEL}/{PERSON}"),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: None,
        status_callback: None,
    }
}

/// A part of an answer to an interaction that was made two minutes ago.
pub(crate) fn answer_to_interaction(text: &str, first: bool) -> OutboundPart {
    let mut part = part(text);
    let id = snowflake::at(Utc::now() - TimeDelta::minutes(2)).to_string();
    part.reply_to = Some(
        json!({"interaction": {"id": id, "token": TOKEN_OF_INTERACTION, "application_id": APPLICATION}}),
    );
    part.content.extra = first.then(|| json!({"first": true}));
    part
}

/// A message as Discord gives it back.
pub(crate) fn message(id: &str, content: &str) -> Value {
    json!({"id": id, "channel_id": CHANNEL, "type": 0, "flags": 0, "content": content, "author": {"id": BOT, "bot": true}})
}

/// Our code, speaking to this address.
pub(crate) fn discord_at(address: &str) -> Discord {
    Discord::new(
        channel_testkit::client(),
        Addresses {
            api: address.parse().unwrap(),
            gateway_hosts: vec!["discord.gg".to_owned()],
            media_hosts: vec!["cdn.discordapp.com".to_owned(), "media.discordapp.net".to_owned()],
            simulator: None,
        },
    )
}

/// Recorded data of this name, if it is on this machine.
pub(crate) fn vectors(name: &str) -> Option<Vec<Value>> {
    let all: Value = serde_json::from_str(&shared("channels/vectors.json")?).unwrap();
    Some(all[name].as_array().unwrap().clone())
}

/// One call that was made.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    /// Whether the bot made it, and not whoever has an interaction's token.
    pub(crate) is_bots: bool,
}

pub(crate) struct FakeDiscord {
    pub(crate) server: MockServer,
}

impl FakeDiscord {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn discord(&self) -> Discord {
        discord_at(&self.server.uri())
    }

    async fn mount(&self, verb: &str, at: &str, answer: ResponseTemplate, times: Option<u64>) {
        let mock = Mock::given(method(verb))
            .and(path(format!("/{at}")))
            .respond_with(answer);
        match times {
            Some(times) => mock.up_to_n_times(times).mount(&self.server).await,
            None => mock.mount(&self.server).await,
        }
    }

    /// From now on, or once what was mounted before is used up.
    pub(crate) async fn answers(&self, verb: &str, at: &str, body: Value) {
        self.answers_with(verb, at, 200, body).await;
    }

    pub(crate) async fn answers_once(&self, verb: &str, at: &str, body: Value) {
        self.mount(verb, at, ResponseTemplate::new(200).set_body_json(body), Some(1))
            .await;
    }

    pub(crate) async fn answers_with(&self, verb: &str, at: &str, status: u16, body: Value) {
        self.mount(verb, at, ResponseTemplate::new(status).set_body_json(body), None)
            .await;
    }

    pub(crate) async fn refuses(&self, verb: &str, at: &str, status: u16, code: u32, words: &str) {
        self.answers_with(verb, at, status, json!({"code": code, "message": words}))
            .await;
    }

    pub(crate) async fn refuses_once(&self, verb: &str, at: &str, status: u16, code: u32, words: &str) {
        let answer = ResponseTemplate::new(status).set_body_json(json!({"code": code, "message": words}));
        self.mount(verb, at, answer, Some(1)).await;
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The calls so far, in order.
    pub(crate) async fn calls(&self) -> Vec<Call> {
        self.requests().await.iter().map(call).collect()
    }

    /// Every call so far is one that Discord's description of its API allows. There is at least one.
    pub(crate) async fn check_requests(&self) {
        let requests = self.requests().await;
        assert!(!requests.is_empty(), "nothing was asked");
        for request in &requests {
            check_head(request);
        }
        if let Some(specification) = Specification::load() {
            for request in &requests {
                specification.check(&call(request), request.url.query().unwrap_or_default());
            }
        }
    }
}

fn call(request: &Request) -> Call {
    Call {
        method: request.method.to_string(),
        path: request.url.path().trim_start_matches('/').to_owned(),
        body: serde_json::from_slice(&request.body).unwrap_or_default(),
        is_bots: request.headers.contains_key("authorization"),
    }
}

/// What the description does not say and the documentation does.
fn check_head(request: &Request) {
    let agent = request.headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("DiscordBot (https://"), "{agent}");
    let path = request.url.path();
    if path.starts_with("/webhooks/") || path.starts_with("/interactions/") {
        assert!(
            !request.headers.contains_key("authorization"),
            "the token is told needlessly"
        );
    } else {
        assert_eq!(request.headers["authorization"], format!("Bot {TOKEN}"));
    }
    if !request.body.is_empty() {
        assert_eq!(request.headers["content-type"], "application/json");
    }
}

/// Discord's OpenAPI file.
struct Specification(Value);

/// What the reduced file leaves out, as the documentation describes it.
const BESIDE: [(&str, &str, &[&str]); 2] = [
    ("get", "channels/{}/messages", &["after", "limit"]),
    (
        "post",
        "applications/{}/commands",
        &["name", "type", "description", "options"],
    ),
];

impl Specification {
    fn load() -> Option<Self> {
        let text = shared("channels/specs/discord_v10.reduced.json")?;
        Some(Self(serde_json::from_str(&text).unwrap()))
    }

    fn check(&self, call: &Call, query: &str) {
        let verb = call.method.to_lowercase();
        let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        for (beside, template, names) in BESIDE {
            if beside == verb && matches(template, &call.path) {
                let given = query
                    .iter()
                    .map(|(name, _)| name)
                    .chain(call.body.as_object().into_iter().flatten().map(|(name, _)| name));
                for name in given {
                    assert!(names.contains(&name.as_str()), "{template} has no {name}");
                }
                return;
            }
        }
        assert!(query.is_empty(), "{} has no query", call.path);
        let operation = self.0["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(template, _)| matches(template.trim_start_matches('/'), &call.path))
            .find_map(|(_, path)| path.get(&verb))
            .unwrap_or_else(|| panic!("Discord has no {verb} {}", call.path));
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (schema.is_null(), call.body.is_null()) {
            (true, no_body) => assert!(no_body, "{} takes no body", call.path),
            (false, _) => {
                if let Err(problem) = self.conforms(&call.path, schema, &call.body) {
                    panic!("{problem}");
                }
            }
        }
    }

    /// What JSON Schema says of a value, as far as Discord's file says it; and no property that it does not name.
    fn conforms(&self, at: &str, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            return self.conforms(
                at,
                self.0.pointer(pointer).ok_or(format!("no {reference}"))?,
                value,
            );
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            self.conforms(at, all, value)?;
        }
        for any in ["oneOf", "anyOf"] {
            if let Some(options) = schema[any].as_array() {
                let problems: Vec<String> = options
                    .iter()
                    .filter_map(|option| self.conforms(at, option, value).err())
                    .collect();
                if problems.len() == options.len() {
                    return Err(problems.join(" | "));
                }
            }
        }
        let is = |kind: &str| match kind {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            kind => panic!("a type that this check does not know: {kind}"),
        };
        let is_of_type = match &schema["type"] {
            Value::String(kind) => is(kind),
            Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
            _ => true,
        };
        let within = |length: usize, least: &str, most: &str| {
            let bound = |name: &str| schema[name].as_u64().map(|bound| bound as usize);
            bound(least).is_none_or(|least| length >= least) && bound(most).is_none_or(|most| length <= most)
        };
        let is_allowed = schema["enum"]
            .as_array()
            .is_none_or(|allowed| allowed.contains(value))
            && schema.get("const").is_none_or(|only| only == value);
        let fits = match value {
            Value::String(text) => {
                within(text.chars().count(), "minLength", "maxLength")
                    && (schema["format"] != "snowflake" || snowflake::is_one(text))
                    && (schema["format"] != "uri" || url::Url::parse(text).is_ok())
            }
            Value::Array(items) => within(items.len(), "minItems", "maxItems"),
            _ => true,
        };
        if !is_of_type || !is_allowed || !fits {
            return Err(format!("{at} is {value}"));
        }
        for (place, item) in value.as_array().into_iter().flatten().enumerate() {
            self.conforms(&format!("{at}[{place}]"), &schema["items"], item)?;
        }
        if let (Some(given), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
            for (name, value) in given {
                let property = known.get(name).ok_or(format!("{at} has no {name}"))?;
                self.conforms(&format!("{at}.{name}"), property, value)?;
            }
            for required in schema["required"].as_array().into_iter().flatten() {
                if !given.contains_key(required.as_str().unwrap()) {
                    return Err(format!("{at} needs {required}"));
                }
            }
        }
        Ok(())
    }
}

/// `a/{b}` matches `a/x`.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(expected, given)| expected.starts_with('{') || expected == given)
}

#[test]
fn a_call_that_discord_does_not_know_fails_the_check() {
    let Some(specification) = Specification::load() else {
        return;
    };
    let check = |method: &str, path: &str, body: &Value| {
        let call = Call {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.clone(),
            is_bots: true,
        };
        std::panic::catch_unwind(|| specification.check(&call, "")).is_ok()
    };
    let (messages, button) = (
        "channels/1/messages",
        json!({"type": 2, "style": 2, "label": "x", "custom_id": "y"}),
    );
    let row = |button: &Value| json!({"content": "hi", "components": [{"type": 1, "components": [button]}]});

    assert!(check(
        "POST",
        messages,
        &json!({"content": "hi", "nonce": "x", "enforce_nonce": true})
    ));
    assert!(check("POST", messages, &row(&button)));
    for (method, path, body) in [
        ("POST", "channels/1/mesages", json!({"content": "hi"})),
        ("PUT", messages, json!({"content": "hi"})),
        ("POST", messages, json!({"contents": "hi"})),
        ("POST", messages, json!({"content": 5})),
        ("POST", messages, json!({"content": "x".repeat(4001)})),
        (
            "POST",
            messages,
            json!({"content": "hi", "nonce": "x".repeat(26)}),
        ),
        (
            "POST",
            messages,
            json!({"content": "hi", "message_reference": {"message_id": "x"}}),
        ),
        (
            "POST",
            messages,
            json!({"content": "hi", "allowed_mentions": {"parse": ["all"]}}),
        ),
        (
            "POST",
            messages,
            row(&json!({"type": 2, "style": 2, "label": "x".repeat(81), "custom_id": "y"})),
        ),
        (
            "POST",
            messages,
            row(&json!({"type": 2, "label": "x", "custom_id": "y"})),
        ),
        ("POST", "channels/1/typing", json!({"content": "hi"})),
        ("PATCH", "webhooks/1/x/messages/@original", json!({"nonce": "x"})),
    ] {
        assert!(!check(method, path, &body), "{method} {path} {body} passes");
    }
}
