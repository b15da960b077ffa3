//! Calls to Discord's API: where to, as whom, and what came of them.

use crate::{Discord, credentials::Credentials};
use channel::CredentialsError;
use http::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue, USER_AGENT},
};
use platform_api::{Answer, CallError, tidy, under};
use reqwest::RequestBuilder;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, time::Duration};
use url::Url;

/// Without one of this form Discord's proxy may turn calls away
/// (<https://docs.discord.com/developers/reference#user-agent>).
pub(crate) const AGENT: &str = concat!(
    "DiscordBot (https://botsmith.example, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);
/// Faults of a form that are shown.
const MAX_FAULTS: usize = 5;

/// Where Discord is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `https://discord.com/api/v10`
    pub api: Url,
    /// Hosts, with all below them, that the Gateway may be at: `discord.gg`. The bot token is told there.
    pub gateway_hosts: Vec<String>,
    /// Hosts, with all below them, that attachments may lie at: `cdn.discordapp.com`, `media.discordapp.net`.
    pub media_hosts: Vec<String>,
    /// Where everything for [`crate::SIMULATED_APPLICATION`] goes, if anywhere.
    pub simulator: Option<Url>,
}

impl Addresses {
    /// The API's base for an application.
    pub(crate) fn base(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        if !credentials.is_simulated() {
            return Ok(&self.api);
        }
        // The simulated application never goes to Discord.
        self.simulator.as_ref().ok_or_else(|| CredentialsError {
            field: "application_id".to_owned(),
            problem: "is the simulated application's, and this installation has no simulator \
                      (`platforms.discord_simulator_url`)"
                .to_owned(),
        })
    }
}

/// Whether an address is at one of these hosts or below them, or at the host of the API itself, which may be a
/// simulator; and is encrypted, unless the API is not either.
pub(crate) fn is_at(url: &Url, hosts: &[String], base: &Url) -> bool {
    let is_listed = url.host_str().is_some_and(|host| {
        hosts.iter().any(|listed| {
            host.strip_suffix(listed.as_str())
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    });
    let is_plain = matches!(url.scheme(), "http" | "ws") && base.scheme() == "http";
    let has_no_user = url.username().is_empty() && url.password().is_none();
    has_no_user
        && (matches!(url.scheme(), "https" | "wss") || is_plain)
        && (is_listed || (base.scheme() == "http" && url.host() == base.host()))
}

/// One application's calls.
#[derive(Clone, Copy)]
pub(crate) struct App<'a> {
    pub(crate) discord: &'a Discord,
    pub(crate) credentials: &'a Credentials,
}

/// What came of a call that brought no result.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was not made.
    Credentials(CredentialsError),
    /// Nothing came back.
    Call(CallError),
    /// Discord said no.
    Refused(Refusal),
    /// Discord said yes, and what it said beside that cannot be read.
    Unreadable(StatusCode),
}

/// Why Discord refused, in its words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<u32>,
    /// It says so itself, in its form; else it is a proxy that speaks: Cloudflare, in HTML.
    pub(crate) is_discords: bool,
    /// The answer was read to its end.
    pub(crate) complete: bool,
    /// How long to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The limit is one that others use up too.
    pub(crate) is_shared_limit: bool,
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

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
    code: Option<u32>,
    errors: Option<Value>,
    retry_after: Option<f64>,
}

impl<'a> App<'a> {
    pub(crate) const fn new(discord: &'a Discord, credentials: &'a Credentials) -> Self {
        Self { discord, credentials }
    }

    /// A request as the bot. What the path is made of must be encoded already.
    pub(crate) fn as_bot(&self, method: Method, path: &str) -> Result<RequestBuilder, CredentialsError> {
        let mut token =
            HeaderValue::try_from(format!("Bot {}", self.credentials.token()?)).map_err(|_| {
                CredentialsError {
                    field: "bot_token".to_owned(),
                    problem: "cannot stand in a header: copy it again, alone and whole".to_owned(),
                }
            })?;
        token.set_sensitive(true);
        Ok(self.as_nobody(method, path)?.header(AUTHORIZATION, token))
    }

    /// A request that proves itself by an interaction's token, which stands in the path.
    pub(crate) fn as_nobody(&self, method: Method, path: &str) -> Result<RequestBuilder, CredentialsError> {
        let url = under(self.discord.addresses.base(self.credentials)?, path);
        Ok(self.discord.client.request(method, url).header(USER_AGENT, AGENT))
    }

    /// What was written in a channel after this id, as the bot. The newest come first.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        after: u64,
        most: usize,
    ) -> Result<Vec<T>, Failed> {
        let query = [("after", after.to_string()), ("limit", most.to_string())];
        call(self.as_bot(Method::GET, path)?.query(&query)).await
    }

    /// Asks as the bot.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        call(self.as_bot(Method::GET, path)?).await
    }
}

impl From<CredentialsError> for Failed {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}

/// Makes a call whose answer is a result.
pub(crate) async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Failed> {
    let answer = perform(request).await?;
    answer.read().ok_or(Failed::Unreadable(answer.status))
}

/// Makes a call whose answer may be empty.
pub(crate) async fn perform(request: RequestBuilder) -> Result<Answer, Failed> {
    let answer = platform_api::call("Discord", request)
        .await
        .map_err(Failed::Call)?;
    if answer.status.is_success() {
        Ok(answer)
    } else {
        Err(Failed::Refused(refusal(&answer)))
    }
}

fn refusal(answer: &Answer) -> Refusal {
    let body = answer.read::<ErrorBody>();
    let asked_to_wait = body.as_ref().and_then(|body| body.retry_after);
    let scope = answer.headers.get("x-ratelimit-scope");
    Refusal {
        status: answer.status,
        // 0 is what Discord says where it has no code.
        code: body.as_ref().and_then(|body| body.code).filter(|&code| code != 0),
        is_discords: body.is_some(),
        complete: answer.complete,
        retry_after: asked_to_wait
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .or_else(|| answer.retry_after()),
        is_shared_limit: scope.is_some_and(|scope| scope == "shared"),
        words: body.map_or_else(
            || format!("Discord answered {}", answer.status),
            |body| tidy(&words(&body)),
        ),
    }
}

/// What is wrong with a form is said field by field, at any depth.
fn words(body: &ErrorBody) -> String {
    let mut faults = Vec::new();
    if let Some(errors) = &body.errors {
        collect(errors, String::new(), &mut faults);
    }
    if faults.is_empty() {
        body.message.clone()
    } else {
        faults.truncate(MAX_FAULTS);
        format!("{} ({})", body.message, faults.join("; "))
    }
}

fn collect(errors: &Value, path: String, faults: &mut Vec<String>) {
    for (name, below) in errors.as_object().into_iter().flatten() {
        if name == "_errors" {
            let messages = below.as_array().into_iter().flatten();
            faults.extend(
                messages
                    .filter_map(|fault| fault["message"].as_str())
                    .map(|message| format!("{path}: {message}")),
            );
        } else if path.is_empty() {
            collect(below, name.clone(), faults);
        } else {
            collect(below, format!("{path}.{name}"), faults);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_discords_are_told_from_others() {
        let hosts = ["discord.gg".to_owned()];
        let (real, local) = (
            "https://discord.com/api/v10".parse().unwrap(),
            "http://127.0.0.1:9000/discord".parse().unwrap(),
        );
        for (url, at_real, at_local) in [
            ("wss://gateway.discord.gg/", true, true),
            ("wss://gateway-us-east1-b.discord.gg/?v=10", true, true),
            ("ws://gateway.discord.gg/", false, true),
            ("wss://discord.gg.evil.example/", false, false),
            ("wss://evildiscord.gg/", false, false),
            ("wss://u@gateway.discord.gg/", false, false),
            ("ws://127.0.0.1:9001/", false, true),
            ("ftp://discord.gg/", false, false),
        ] {
            let url = url.parse().unwrap();

            assert_eq!(is_at(&url, &hosts, &real), at_real, "{url}");
            assert_eq!(is_at(&url, &hosts, &local), at_local, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_form_is_said_field_by_field() {
        let body = serde_json::from_value(serde_json::json!({
            "code": 50035, "message": "Invalid Form Body",
            "errors": {"embeds": {"0": {"url": {"_errors": [{"code": "X", "message": "Not a well formed URL."}]}}},
                       "content": {"_errors": [{"code": "Y", "message": "Must be 2000 or fewer in length."}]}},
        }))
        .unwrap();

        let words = words(&body);

        assert!(words.starts_with("Invalid Form Body ("), "{words}");
        assert!(words.contains("embeds.0.url: Not a well formed URL."), "{words}");
        assert!(
            words.contains("content: Must be 2000 or fewer in length."),
            "{words}"
        );
    }
}
