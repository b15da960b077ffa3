//! Calls to the Bot API: where to, and what came of them.

use crate::{Telegram, credentials::Credentials};
use channel::CredentialsError;
use http::{Method, StatusCode};
use platform_api::{Answer, CallError, tidy, under};
use reqwest::RequestBuilder;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, time::Duration};
use url::Url;

/// Where Telegram is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `https://api.telegram.org`, or that of a Bot API server of one's own.
    pub api: Url,
    /// Where everything for [`crate::SIMULATED_TOKEN`] goes, if anywhere.
    pub simulator: Option<Url>,
}

impl Addresses {
    /// The API's base for a bot.
    fn base(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        if !credentials.is_simulated() {
            return Ok(&self.api);
        }
        // The simulated bot never goes to Telegram.
        self.simulator.as_ref().ok_or_else(|| CredentialsError {
            field: "bot_token".to_owned(),
            problem: "is the simulated bot's, and this installation has no simulator (`platforms.telegram_simulator_url`)"
                .to_owned(),
        })
    }
}

/// One bot's calls.
#[derive(Clone, Copy)]
pub(crate) struct Bot<'a> {
    pub(crate) telegram: &'a Telegram,
    pub(crate) credentials: &'a Credentials,
}

/// What came of a call that brought no result.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was not made.
    Credentials(CredentialsError),
    /// Nothing came back.
    Call(CallError),
    /// Telegram said no.
    Refused(Refusal),
    /// Telegram said yes, and what it said beside that cannot be read.
    Unreadable(StatusCode),
}

/// Why Telegram refused, in its words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// It says so itself; else it may be a proxy that speaks.
    pub(crate) is_telegrams: bool,
    /// The answer was read to its end.
    pub(crate) complete: bool,
    words: String,
    /// How long to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The number that the group has now.
    pub(crate) migrate_to: Option<i64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Refusal {
    /// Whether Telegram's words have these, which are given in lower case, in them.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.words.to_ascii_lowercase().contains(words)
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    ok: bool,
    result: Option<T>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize, Default)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl<'a> Bot<'a> {
    pub(crate) const fn new(telegram: &'a Telegram, credentials: &'a Credentials) -> Self {
        Self {
            telegram,
            credentials,
        }
    }

    /// Calls a method of the Bot API.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &Value,
    ) -> Result<T, Failed> {
        result(self.request(method, parameters)?).await
    }

    /// The same, with a time of its own in place of the client's.
    pub(crate) async fn call_within<T: DeserializeOwned>(
        &self,
        time: Duration,
        method: &str,
        parameters: &Value,
    ) -> Result<T, Failed> {
        result(self.request(method, parameters)?.timeout(time)).await
    }

    fn request(&self, method: &str, parameters: &Value) -> Result<RequestBuilder, Failed> {
        let url = self.url("bot", method).map_err(Failed::Credentials)?;
        Ok(self.telegram.client.request(Method::POST, url).json(parameters))
    }

    /// A request for a file that getFile has named.
    pub(crate) fn file(&self, path: &str) -> Result<RequestBuilder, CredentialsError> {
        Ok(self.telegram.client.get(self.url("file/bot", path)?))
    }

    fn url(&self, kind: &str, path: &str) -> Result<Url, CredentialsError> {
        let base = self.telegram.addresses.base(self.credentials)?;
        Ok(under(
            base,
            &format!("{kind}{}/{path}", self.credentials.token()?),
        ))
    }
}

async fn result<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Failed> {
    let answer = platform_api::call("Telegram", request)
        .await
        .map_err(Failed::Call)?;
    if !answer.status.is_success() {
        return Err(Failed::Refused(refusal(&answer)));
    }
    match answer.read::<Envelope<T>>() {
        Some(Envelope {
            ok: true,
            result: Some(result),
        }) => Ok(result),
        Some(Envelope { ok: false, .. }) => Err(Failed::Refused(refusal(&answer))),
        _ => Err(Failed::Unreadable(answer.status)),
    }
}

fn refusal(answer: &Answer) -> Refusal {
    let body = answer.read::<ErrorBody>();
    let (code, words, parameters) = match body {
        Some(body) => (body.error_code, body.description, body.parameters),
        None => (None, None, None),
    };
    let parameters = parameters.unwrap_or_default();
    Refusal {
        // The two are always the same where it is Telegram that answers.
        status: code
            .and_then(|code| StatusCode::from_u16(code).ok())
            .unwrap_or(answer.status),
        is_telegrams: words.is_some(),
        complete: answer.complete,
        words: words.map_or_else(
            || format!("Telegram answered {}", answer.status),
            |words| tidy(&words),
        ),
        retry_after: parameters
            .retry_after
            .map(Duration::from_secs)
            .or_else(|| answer.retry_after()),
        migrate_to: parameters.migrate_to_chat_id,
    }
}
