//! Calls to Twilio: where to, as whom, and what Twilio says when it refuses.

use crate::credentials::{Caller, Credentials};
use channel::CredentialsError;
use http::Method;
use platform_api::{Answer, CallError, tidy, under};
use reqwest::{Client, RequestBuilder};
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::fmt;
use url::Url;

/// Where Twilio is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `https://api.twilio.com`, or that of a region.
    pub api: Url,
    /// `https://messaging.twilio.com`
    pub messaging: Url,
    /// Where everything for [`crate::SIMULATED_ACCOUNT`] goes, if anywhere.
    pub simulator: Option<Url>,
    /// Hosts, with all below them, that Twilio's media addresses may redirect to.
    pub media_hosts: Vec<String>,
}

/// Why Twilio refused, in its words.
pub(crate) struct Refusal {
    pub(crate) code: Option<u32>,
    words: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{code}: {}", self.words),
            None => f.write_str(&self.words),
        }
    }
}

/// Both of Twilio's forms of errors: its own, and RFC 9457.
#[derive(Deserialize)]
struct ErrorBody {
    code: Option<u32>,
    message: Option<String>,
    detail: Option<String>,
    title: Option<String>,
}

impl Addresses {
    /// The API's base for an account.
    pub(crate) fn api(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        self.simulator(credentials).unwrap_or(Ok(&self.api))
    }

    /// The base of the API of Messaging Services for an account.
    pub(crate) fn messaging(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        self.simulator(credentials).unwrap_or(Ok(&self.messaging))
    }

    /// Only for the simulated account, which never goes to Twilio.
    fn simulator(&self, credentials: &Credentials) -> Option<Result<&Url, CredentialsError>> {
        credentials.is_simulated().then(|| {
            self.simulator.as_ref().ok_or_else(|| CredentialsError {
                field: "account_sid".to_owned(),
                problem: "is the simulated account, and this installation has no simulator (`platforms.twilio_simulator_url`)"
                    .to_owned(),
            })
        })
    }
}

/// Something of the account, e.g. `Messages.json`.
pub(crate) fn of_account(base: &Url, credentials: &Credentials, path: &str) -> Url {
    under(
        base,
        &format!("2010-04-01/Accounts/{}/{path}", credentials.account_sid),
    )
}

/// A request as this caller.
pub(crate) fn request(
    client: &Client,
    method: Method,
    url: Url,
    (user, password): Caller<'_>,
) -> RequestBuilder {
    client
        .request(method, url)
        .basic_auth(user, Some(password.expose_secret()))
}

/// Makes a call and reads all of the answer.
pub(crate) async fn call(request: RequestBuilder) -> Result<Answer, CallError> {
    platform_api::call("Twilio", request).await
}

/// What an answer other than success says.
pub(crate) fn refusal(answer: &Answer) -> Refusal {
    let body = answer.read::<ErrorBody>();
    let code = body.as_ref().and_then(|body| body.code);
    let words = body
        .and_then(|body| body.message.or(body.detail).or(body.title))
        .unwrap_or_else(|| format!("Twilio answered {}", answer.status));
    Refusal {
        code,
        words: tidy(&words),
    }
}
