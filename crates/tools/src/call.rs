//! Calling an HTTP action.

use crate::{
    action::{HttpAction, Unfit},
    outcome::{Outcome, Secrets},
    schema,
    settings::Settings,
    template::{Template, as_text},
};
use egress::{Client, Guard, Timeouts, UrlError};
use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response, header};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// Calls tools. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    pub(crate) guard: Guard,
    pub(crate) client: Client,
}

const CONNECT: Duration = Duration::from_secs(5);
/// No call is waited for longer, whatever its own limit.
const LONGEST: Duration = Duration::from_secs(65);

impl Tools {
    /// Under the operator's settings. Connects to nothing.
    pub fn open(settings: &Settings) -> Result<Self, reqwest::Error> {
        let guard = Guard::new(&settings.allowed_private_cidrs);
        let client = guard.client(Timeouts {
            connect: CONNECT,
            total: LONGEST,
        })?;
        Ok(Self { guard, client })
    }

    /// Whether an owner may have this action.
    pub fn check(&self, action: &HttpAction) -> Result<(), Unfit> {
        action.check()?;
        // Places stand behind the host, so any text does for them here.
        self.check_url("url", &action.url.replace(['{', '}'], ""))
    }

    /// Whether this address may be called. A name's addresses are checked when it is connected to.
    pub fn check_url(&self, field: &str, url: &str) -> Result<(), Unfit> {
        self.guard.check(url).map(drop).map_err(|error| {
            let problem = match error {
                UrlError::Refused { host, refusal } => format!(
                    "{host} is {refusal}; the operator of this installation can allow it with tools.allowed_private_cidrs"
                ),
                other => other.to_string(),
            };
            Unfit::new(field, problem)
        })
    }

    /// Whether the arguments fit the action.
    pub fn fits(&self, action: &HttpAction, arguments: &Value) -> Result<(), String> {
        schema::check(&schema::compile(&action.parameters)?, arguments)
    }

    /// Calls it. `key` names this one call: the other side knows a repeat by it.
    pub async fn call(
        &self,
        action: &HttpAction,
        secrets: &Secrets,
        arguments: &Value,
        key: &str,
    ) -> Outcome {
        let started = Instant::now();
        let request = match self.request(action, secrets, arguments, key) {
            Ok(request) => request,
            Err(why) => return Outcome::failed(why, started.elapsed()),
        };
        let limit = Duration::from_secs(action.time_limit_seconds.into());
        let most = usize::try_from(action.max_response_bytes).unwrap_or(usize::MAX);
        let answered = tokio::time::timeout(limit, async {
            let response = request.send().await.map_err(|error| unreachable(&error))?;
            let status = response.status();
            let body = beginning(response, most + secrets.longest())
                .await
                .map_err(|error| unreachable(&error))?;
            Ok::<_, String>((status, body))
        });
        let outcome = match answered.await {
            Err(_) => Err(format!(
                "no whole answer came within {} seconds",
                action.time_limit_seconds
            )),
            Ok(answered) => answered,
        };
        let took = started.elapsed();
        match outcome {
            Err(why) => Outcome::failed(secrets.masked(&why), took),
            Ok((status, (body, is_whole))) => {
                let text = String::from_utf8_lossy(&body);
                Outcome {
                    status: Some(status.as_u16()),
                    content: secrets.masked_beginning(&text, most, is_whole),
                    error: (!status.is_success()).then(|| format!("HTTP status {}", status.as_u16())),
                    took,
                }
            }
        }
    }

    fn request(
        &self,
        action: &HttpAction,
        secrets: &Secrets,
        arguments: &Value,
        key: &str,
    ) -> Result<RequestBuilder, String> {
        self.fits(action, arguments)
            .map_err(|problem| format!("the arguments do not fit: {problem}"))?;
        let template = Template::read(&action.url).map_err(|unfit| unfit.to_string())?;
        let none = Map::new();
        let (mut url, left) = template.fill(arguments.as_object().unwrap_or(&none))?;
        if !action.method.has_body() && !left.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&query(&left));
        }
        let url = self.guard.check(&url).map_err(|error| error.to_string())?;
        let mut request = self
            .client
            .request(action.method.of_http(), &url)
            .header(header::ACCEPT, "application/json, text/*;q=0.5")
            .header("Idempotency-Key", key);
        for (name, value) in &action.headers {
            request = request.header(name, value);
        }
        for (name, value) in secrets.iter() {
            let value = header::HeaderValue::try_from(value.expose_secret())
                .map_err(|_| format!("the secret header {name} has no value that can be sent"))?;
            request = request.header(name, value);
        }
        if action.method.has_body() {
            request = request.json(&left);
        }
        Ok(request)
    }
}

fn query(arguments: &Map<String, Value>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in arguments {
        match value {
            Value::Null => {}
            Value::Array(values) => {
                query.extend_pairs(values.iter().filter_map(as_text).map(|value| (name, value)));
            }
            value => {
                query.append_pair(name, &as_text(value).unwrap_or_else(|| value.to_string()));
            }
        }
    }
    query.finish()
}

/// As much of a body as is wanted, and whether that is all of it. NUL is in no text and no JSON: it is passed over here, so
/// that nothing is longer than it looks.
pub(crate) async fn beginning(response: Response, most: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut pieces = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece: Vec<u8> = piece?.iter().copied().filter(|&byte| byte != 0).collect();
        let room = most - body.len();
        if piece.len() > room {
            body.extend_from_slice(&piece[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&piece);
    }
    Ok((body, true))
}

/// Why there is no answer, without the address.
pub(crate) fn unreachable(error: &reqwest::Error) -> String {
    match egress::refused(error) {
        Some(refusal) => format!("its host's name leads to {refusal}"),
        None if error.is_timeout() => "it was not reached in time".to_owned(),
        None if error.is_connect() => "it was not reached".to_owned(),
        None => "the connection ended before the whole answer had come".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;
    use serde_json::json;
    use std::collections::BTreeMap;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{any, body_json, header, method, path, query_param},
    };

    fn tools() -> Tools {
        Tools::open(&Settings {
            allowed_private_cidrs: vec!["127.0.0.0/8".parse().unwrap()],
        })
        .unwrap()
    }

    fn secrets() -> Secrets {
        Secrets::new(BTreeMap::from([(
            "Authorization".to_owned(),
            SecretString::from("Bearer c4nary"),
        )]))
    }

    fn action(server: &MockServer, verb: &str, address: &str) -> HttpAction {
        serde_json::from_value(json!({
            "description": "d", "method": verb, "url": format!("{}{address}", server.uri()), "changes": true,
            "parameters": {
                "type": "object", "required": ["id"],
                "properties": {"id": {"type": "string"}, "note": {"type": "string"}, "tags": {"type": "array"}},
            },
            "headers": {"X-Shop": "north"}, "secret_headers": {"Authorization": "…nary"}, "time_limit_seconds": 1,
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn what_has_no_place_goes_into_the_body_with_the_headers_and_the_key() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/orders/7"))
            .and(body_json(json!({"note": "late"})))
            .and(header("x-shop", "north"))
            .and(header("authorization", "Bearer c4nary"))
            .and(header("idempotency-key", "k1"))
            .respond_with(ResponseTemplate::new(201).set_body_string("done with Bearer c4nary"))
            .mount(&server)
            .await;
        let action = action(&server, "POST", "/orders/{id}");

        let outcome = tools()
            .call(&action, &secrets(), &json!({"id": "7", "note": "late"}), "k1")
            .await;

        assert_eq!((outcome.status, outcome.error.as_deref()), (Some(201), None));
        assert_eq!(outcome.content, "done with ••••");
    }

    #[tokio::test]
    async fn without_a_body_it_goes_into_the_query() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/orders/7"))
            .and(query_param("full", "1"))
            .and(query_param("note", "a&b=c"))
            .respond_with(ResponseTemplate::new(404).set_body_string("none"))
            .mount(&server)
            .await;
        let action = action(&server, "GET", "/orders/{id}?full=1");

        let outcome = tools()
            .call(&action, &secrets(), &json!({"id": "7", "note": "a&b=c"}), "k")
            .await;

        assert_eq!(outcome.told(), "It did not work: HTTP status 404\nnone");
    }

    #[tokio::test]
    async fn arguments_that_do_not_fit_are_not_sent() {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200))
            .expect(0)
            .mount(&server)
            .await;
        let action = action(&server, "POST", "/orders/{id}");

        for arguments in [json!({}), json!({"id": 7}), json!({"id": ".."}), json!("x")] {
            let outcome = tools().call(&action, &secrets(), &arguments, "k").await;
            assert!(outcome.status.is_none() && outcome.error.is_some(), "{arguments}");
        }
    }

    #[tokio::test]
    async fn slow_large_and_moved_answers_are_bounded() {
        let server = MockServer::start().await;
        Mock::given(path("/slow"))
            .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(5)))
            .mount(&server)
            .await;
        Mock::given(path("/large"))
            .respond_with(ResponseTemplate::new(200).set_body_string("x".repeat(100_000)))
            .mount(&server)
            .await;
        Mock::given(path("/moved"))
            .respond_with(ResponseTemplate::new(302).insert_header("location", "/large"))
            .mount(&server)
            .await;
        let call = async |address| {
            let mut action = action(&server, "POST", address);
            action.max_response_bytes = 10;
            tools().call(&action, &secrets(), &json!({"id": "7"}), "k").await
        };

        assert_eq!(
            call("/slow").await.error.as_deref(),
            Some("no whole answer came within 1 seconds")
        );
        assert_eq!(call("/large").await.content, "xxxxxxxxxx\n(cut off)");
        assert_eq!(call("/moved").await.status, Some(302));
    }

    #[tokio::test]
    async fn a_secret_that_is_repeated_at_the_cut_is_not_shown_in_part() {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_string("you sent Bearer c4nary"))
            .mount(&server)
            .await;
        let mut action = action(&server, "POST", "/echo");

        for most in 9..22 {
            action.max_response_bytes = most;
            let outcome = tools().call(&action, &secrets(), &json!({"id": "7"}), "k").await;
            assert_eq!(outcome.content, "you sent \n(cut off)", "{most}");
        }
    }

    #[tokio::test]
    async fn inner_addresses_are_refused_when_saved_and_when_called() {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200))
            .expect(0)
            .mount(&server)
            .await;
        let closed = Tools::open(&Settings::default()).unwrap();
        let action = action(&server, "POST", "/orders/{id}");

        let refused = closed.check(&action).unwrap_err();
        let outcome = closed.call(&action, &secrets(), &json!({"id": "7"}), "k").await;

        assert_eq!(refused.field, "url");
        assert!(
            refused.problem.contains("tools.allowed_private_cidrs"),
            "{refused}"
        );
        assert!(outcome.error.is_some() && outcome.status.is_none());
        assert_eq!(tools().check(&action), Ok(()));
    }
}
