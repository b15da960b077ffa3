//! Calls to Twilio: where to, as whom, and what came back.
//!
//! Invariant: whether a call may have had an effect is never guessed. Only a connection that was not made is
//! [`CallError::NotSent`]; an answer that was cut short says so.

use crate::credentials::{Caller, Credentials};
use channel::CredentialsError;
use http::{Method, StatusCode, header::RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::{Deserialize, de::DeserializeOwned};
use std::{error::Error, fmt, time::Duration};
use url::Url;

/// More than Twilio ever answers; whatever answers more is not Twilio.
const MAX_ANSWER: usize = 4 << 20;
/// Twilio's words are short.
const MAX_WORDS: usize = 300;

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

/// What Twilio answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// Whether the whole body came.
    pub(crate) complete: bool,
    body: Vec<u8>,
}

/// Twilio answered nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// It cannot have had an effect: there was no connection.
    NotSent(String),
    /// It may have had an effect.
    Unknown(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(reason) | Self::Unknown(reason) => f.write_str(reason),
        }
    }
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

/// A base address with a path under it.
pub(crate) fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url
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
    let mut response = request.send().await.map_err(call_error)?;
    let mut answer = Answer {
        status: response.status(),
        retry_after: retry_after(&response),
        complete: true,
        body: Vec::new(),
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if answer.body.len() + chunk.len() <= MAX_ANSWER => {
                answer.body.extend_from_slice(&chunk)
            }
            Ok(None) => return Ok(answer),
            Ok(Some(_)) | Err(_) => {
                answer.complete = false;
                return Ok(answer);
            }
        }
    }
}

fn call_error(error: reqwest::Error) -> CallError {
    let not_sent = error.is_connect() || error.is_builder();
    let reason = words_of(error);
    if not_sent {
        CallError::NotSent(format!("no connection to Twilio: {reason}"))
    } else {
        CallError::Unknown(format!("Twilio did not answer: {reason}"))
    }
}

/// The root of an error, without the address: that may hold a secret.
pub(crate) fn words_of(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let error = error.without_url();
    let mut root: &dyn Error = &error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    (at.to_utc() - chrono::Utc::now()).to_std().ok()
}

impl Answer {
    /// The body of a successful answer. `None`: it is not what Twilio documents.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Why Twilio refused.
    pub(crate) fn refusal(&self) -> Refusal {
        let body = self.read::<ErrorBody>();
        let code = body.as_ref().and_then(|body| body.code);
        let words = body
            .and_then(|body| body.message.or(body.detail).or(body.title))
            .unwrap_or_else(|| format!("Twilio answered {}", self.status));
        Refusal {
            code,
            words: tidy(&words),
        }
    }
}

/// Words fit for a log: of any number only the last four digits, one line, not too long.
fn tidy(words: &str) -> String {
    let mut tidy = String::new();
    let mut digits = String::new();
    for c in words.chars().take(MAX_WORDS).chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if digits.len() >= 7 {
            tidy.truncate(tidy.trim_end_matches('+').len());
            tidy.push('…');
            digits.drain(..digits.len() - 4);
        }
        tidy.push_str(&std::mem::take(&mut digits));
        match c {
            '\0' => (),
            _ if c.is_control() => tidy.push(' '),
            _ => tidy.push(c),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilios_words_lose_the_number_they_name() {
        assert_eq!(
            tidy("The 'To' number +15005550001 is not a valid phone number (21211)\r\n."),
            "The 'To' number …0001 is not a valid phone number (21211)  ."
        );
        assert_eq!(tidy(&"x".repeat(5_000)).len(), MAX_WORDS);
        assert_eq!(tidy("ends with +14155550123"), "ends with …0123");
    }

    #[test]
    fn a_base_address_with_a_path_keeps_it() {
        let base = "http://127.0.0.1:9000/twilio/?x".parse().unwrap();

        assert_eq!(
            under(&base, "v1/Services").as_str(),
            "http://127.0.0.1:9000/twilio/v1/Services"
        );
    }
}
