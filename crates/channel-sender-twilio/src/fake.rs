//! A fake Twilio for tests, which checks every request it gets against Twilio's own description of its API.

use crate::{Addresses, Credentials, Twilio};
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::shared;
use domain::{PartId, Platform};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wiremock::{MockServer, Request};

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    let mut all =
        json!({"account_sid": ACCOUNT, "auth_token": "canary-auth-token", "phone_number": "+14155550100"});
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

pub(crate) fn part(text: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("twilio"),
        contact: "+14155550123".to_owned(),
        conversation: "+14155550100/+14155550123".to_owned(),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: None,
        status_callback: "https://bot.acme.com/api/twilio/status/1/2".parse().ok(),
    }
}

/// Our code, speaking to this address.
pub(crate) fn twilio_at(address: &str) -> Twilio {
    let base: url::Url = address.parse().unwrap();
    let media_hosts = vec!["127.0.0.1".to_owned(), "twiliocdn.com".to_owned()];
    Twilio::new(
        channel_testkit::client(),
        Addresses {
            api: base.clone(),
            messaging: base,
            simulator: None,
            media_hosts,
        },
    )
}

pub(crate) struct FakeTwilio {
    pub(crate) server: MockServer,
}

impl FakeTwilio {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn twilio(&self) -> Twilio {
        twilio_at(&self.server.uri())
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    pub(crate) async fn bodies(&self) -> Vec<String> {
        self.requests()
            .await
            .into_iter()
            .map(|request| String::from_utf8(request.body).unwrap())
            .collect()
    }

    pub(crate) async fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.requests()
            .await
            .iter()
            .map(|request| pairs(&request.body).into_iter().collect())
            .collect()
    }

    /// Who called, in order.
    pub(crate) async fn users(&self) -> Vec<String> {
        self.requests().await.iter().map(user).collect()
    }

    /// Every request so far is one that Twilio's API description allows. There is at least one.
    pub(crate) async fn check_requests(&self) {
        let (specification, requests) = (Specification::load(), self.requests().await);
        assert!(!requests.is_empty(), "nothing was asked");
        for request in requests {
            specification.check(&request);
        }
    }
}

fn user(request: &Request) -> String {
    let header = request.headers["authorization"]
        .to_str()
        .unwrap()
        .strip_prefix("Basic ")
        .unwrap();
    let decoded = String::from_utf8(BASE64_STANDARD.decode(header).unwrap()).unwrap();
    decoded.split_once(':').unwrap().0.to_owned()
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// Twilio's OpenAPI files: the shared ones, or else the extract that lies beside this crate.
struct Specification(Vec<Value>);

impl Specification {
    fn load() -> Self {
        let shared = ["api_v2010", "messaging_v1"]
            .map(|name| shared(&format!("channels/specs/twilio_{name}.reduced.json")));
        let read = |text: &str| serde_json::from_str(text).unwrap();
        match shared {
            [Some(api), Some(messaging)] => Self(vec![read(&api), read(&messaging)]),
            _ => Self(vec![read(include_str!(
                "../fixtures/twilio_openapi_extract.json"
            ))]),
        }
    }

    fn check(&self, request: &Request) {
        let method = request.method.as_str().to_lowercase();
        let (template, operation) = self
            .0
            .iter()
            .flat_map(|specification| specification["paths"].as_object().unwrap())
            .find_map(|(template, path)| {
                matches(template, request.url.path()).then(|| Some((template, path.get(&method)?)))?
            })
            .unwrap_or_else(|| panic!("Twilio has no {method} {}", request.url.path()));
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_place = |place: &str| -> BTreeMap<&str, &Value> {
            parameters
                .iter()
                .filter(|p| p["in"] == place)
                .map(|p| (p["name"].as_str().unwrap(), p))
                .collect()
        };
        let (in_path, in_query) = (in_place("path"), in_place("query"));
        for (name, value) in template.split('/').zip(request.url.path().split('/')) {
            if let Some(name) = placeholder(name) {
                let value = value.strip_suffix(".json").unwrap_or(value);
                conforms(name, value, &in_path[name]["schema"]);
            }
        }
        let query = pairs(request.url.query().unwrap_or_default().as_bytes());
        for (name, value) in &query {
            let parameter = in_query
                .get(name.as_str())
                .unwrap_or_else(|| panic!("{template} has no query parameter {name}"));
            conforms(name, value, &parameter["schema"]);
        }
        for (name, parameter) in in_query {
            let given = query.iter().any(|(given, _)| given == name);
            assert!(given || parameter["required"] != true, "{template} needs {name}");
        }
        user(request);
        if method == "get" {
            assert!(request.body.is_empty(), "a GET with a body");
        } else {
            check_form(template, request, operation);
        }
    }
}

fn check_form(template: &str, request: &Request, operation: &Value) {
    const FORM: &str = "application/x-www-form-urlencoded";
    assert_eq!(request.headers["content-type"], FORM);
    let schema = &operation["requestBody"]["content"][FORM]["schema"];
    let form = pairs(&request.body);
    for (name, value) in &form {
        let property = schema["properties"]
            .get(name)
            .unwrap_or_else(|| panic!("{template} has no form parameter {name}"));
        let repeated = form.iter().filter(|(given, _)| given == name).count() > 1;
        assert!(
            !repeated || property["type"] == "array",
            "{template} takes {name} once"
        );
        conforms(
            name,
            value,
            if property["type"] == "array" {
                &property["items"]
            } else {
                property
            },
        );
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            form.iter().any(|(name, _)| required == name),
            "{template} needs {required}"
        );
    }
}

/// `/a/{B}.json` matches `/a/x.json`.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(expected, given)| match placeholder(expected) {
                Some(_) => expected.ends_with(".json") == given.ends_with(".json"),
                None => expected == given,
            })
}

fn placeholder(segment: &str) -> Option<&str> {
    segment
        .strip_prefix('{')?
        .trim_end_matches(".json")
        .strip_suffix('}')
}

/// What the description says of a single value. An empty value takes something off, and is always allowed.
fn conforms(name: &str, value: &str, schema: &Value) {
    if value.is_empty() {
        return;
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let prefix = pattern
            .strip_prefix('^')
            .and_then(|pattern| pattern.strip_suffix("[0-9a-fA-F]{32}$"))
            .unwrap_or_else(|| panic!("a pattern that this check does not know: {pattern}"));
        // One prefix, or several as `(SM|MM)`.
        let mut prefixes = prefix.trim_matches(['(', ')']).split('|');
        let digits = prefixes
            .find_map(|prefix| value.strip_prefix(prefix))
            .unwrap_or_else(|| panic!("{name} {value} does not begin with {prefix}"));
        assert!(
            digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
            "{name} is {value}"
        );
    }
    match schema["type"].as_str() {
        Some("integer") => {
            let number: i64 = value
                .parse()
                .unwrap_or_else(|_| panic!("{name} is {value}, not a number"));
            assert!(
                schema["maximum"].as_i64().is_none_or(|maximum| number <= maximum),
                "{name} is {value}"
            );
        }
        Some("boolean") => assert!(matches!(value, "true" | "false"), "{name} is {value}"),
        _ => (),
    }
    match schema["format"].as_str() {
        Some("uri") => assert!(url::Url::parse(value).is_ok(), "{name} is {value}"),
        Some("http-method") => assert!(matches!(value, "GET" | "POST"), "{name} is {value}"),
        Some("phone-number") => assert!(value.starts_with('+'), "{name} is {value}"),
        _ => (),
    }
}

#[tokio::test]
#[should_panic(expected = "has no form parameter Bodyy")]
async fn a_request_that_twilio_does_not_know_fails_the_check() {
    let fake = FakeTwilio::start().await;
    let url = format!(
        "{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
        fake.server.uri()
    );
    let request = reqwest::Client::new()
        .post(url)
        .basic_auth("u", Some("p"))
        .form(&[("To", "+1"), ("Bodyy", "hi")]);
    request.send().await.unwrap();

    fake.check_requests().await;
}

#[tokio::test]
#[should_panic(expected = "AccountSid is AC1")]
async fn a_request_for_a_malformed_account_fails_the_check() {
    let fake = FakeTwilio::start().await;
    let url = format!("{}/2010-04-01/Accounts/AC1/Messages.json", fake.server.uri());
    reqwest::Client::new()
        .get(url)
        .basic_auth("u", Some("p"))
        .send()
        .await
        .unwrap();

    fake.check_requests().await;
}
