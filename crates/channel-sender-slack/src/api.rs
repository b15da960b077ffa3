//! Calls to Slack's Web API: where to, as whom, and what came of them.
//!
//! Every method takes a POST with a form, which is what Slack's own libraries send.
//! <https://docs.slack.dev/apis/web-api>

use crate::{Slack, credentials::Credentials};
use channel::CredentialsError;
use http::{HeaderMap, StatusCode};
use platform_api::{Answer, CallError, tidy, under};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use std::{fmt, time::Duration};
use url::Url;

/// Where Slack is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `https://slack.com/api`
    pub api: Url,
    /// Where everything for [`crate::SIMULATED_ACCOUNT`] goes, in place of `api`, if anywhere.
    pub simulator: Option<Url>,
    /// Hosts, with all below them, that keep Slack's files: the bot token goes there too. `files.slack.com`
    pub media_hosts: Vec<String>,
}

impl Addresses {
    /// The API's base for a workspace.
    pub(crate) fn base(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        if !credentials.is_simulated() {
            return Ok(&self.api);
        }
        self.simulator.as_ref().ok_or_else(|| CredentialsError {
            field: "team_id".to_owned(),
            problem: "is the simulated workspace's, and this installation has no simulator \
                      (`platforms.slack_simulator_url`)"
                .to_owned(),
        })
    }
}

/// What came of a call that brought no result.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was not made.
    Credentials(CredentialsError),
    /// Nothing came back.
    Call(CallError),
    /// Slack, or something before it, said no.
    Refused(Refusal),
    /// What came back cannot be read, and may have been a yes.
    Unreadable(StatusCode),
}

impl From<CredentialsError> for Failed {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}

impl Failed {
    /// Whether Slack refused with this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code.as_deref() == Some(code))
    }
}

/// Why Slack refused, in its words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Slack's error code. `None`: it may be a proxy that speaks.
    pub(crate) code: Option<String>,
    /// The answer was read to its end.
    pub(crate) complete: bool,
    /// How long to wait.
    pub(crate) retry_after: Option<Duration>,
    words: String,
}

impl Refusal {
    /// Whether it only came too soon.
    pub(crate) fn is_rate_limit(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || matches!(self.code.as_deref(), Some("ratelimited" | "rate_limited"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    error: Option<String>,
    needed: Option<String>,
    #[serde(default)]
    response_metadata: Option<Remarks>,
}

#[derive(Deserialize)]
struct Remarks {
    #[serde(default)]
    messages: Vec<String>,
}

/// What a call brought.
pub(crate) struct Brought<T> {
    pub(crate) result: T,
    pub(crate) headers: HeaderMap,
}

/// Calls a method with the bot's token.
pub(crate) async fn call<T: DeserializeOwned>(
    slack: &Slack,
    credentials: &Credentials,
    method: &str,
    form: &[(&str, &str)],
) -> Result<T, Failed> {
    call_as(slack, credentials, &credentials.bot_token, method, form)
        .await
        .map(|answer| answer.result)
}

/// Calls a method with this token.
pub(crate) async fn call_as<T: DeserializeOwned>(
    slack: &Slack,
    credentials: &Credentials,
    token: &SecretString,
    method: &str,
    form: &[(&str, &str)],
) -> Result<Brought<T>, Failed> {
    let url = under(slack.addresses.base(credentials)?, method);
    let request = slack
        .client
        .post(url)
        .bearer_auth(token.expose_secret())
        .form(form);
    let answer = platform_api::call("Slack", request).await.map_err(Failed::Call)?;
    read(answer)
}

fn read<T: DeserializeOwned>(answer: Answer) -> Result<Brought<T>, Failed> {
    match answer.read::<Verdict>() {
        Some(verdict) if verdict.ok && answer.status.is_success() => match answer.read() {
            Some(result) => Ok(Brought {
                result,
                headers: answer.headers,
            }),
            None => Err(Failed::Unreadable(answer.status)),
        },
        Some(verdict) => Err(Failed::Refused(refusal(&answer, Some(verdict)))),
        None if answer.status.is_success() => Err(Failed::Unreadable(answer.status)),
        None => Err(Failed::Refused(refusal(&answer, None))),
    }
}

fn refusal(answer: &Answer, verdict: Option<Verdict>) -> Refusal {
    let status = answer.status;
    let code = verdict
        .as_ref()
        .and_then(|verdict| verdict.error.as_deref().map(tidy));
    let mut words = code.clone().unwrap_or_else(|| format!("Slack answered {status}"));
    if let Some(verdict) = verdict {
        if let Some(needed) = verdict.needed {
            words.push_str(&format!(" (needed: {})", tidy(&needed)));
        }
        let remarks = verdict.response_metadata.map(|remarks| remarks.messages);
        for remark in remarks.unwrap_or_default().iter().take(3) {
            words.push_str(&format!("; {}", tidy(remark)));
        }
    }
    Refusal {
        status,
        code,
        complete: answer.complete,
        retry_after: answer.retry_after(),
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SIMULATED_ACCOUNT, fake, fake::FakeSlack};
    use serde_json::{Value, json};

    fn simulated() -> Credentials {
        fake::credentials_with(json!({"team_id": SIMULATED_ACCOUNT}))
    }

    #[tokio::test]
    async fn the_simulated_workspace_goes_to_the_simulator_and_never_to_slack() {
        let (slack, simulator) = (FakeSlack::start().await, FakeSlack::start().await);
        simulator.answers("auth.test", json!({"user": "bot"})).await;
        let mut ours = slack.slack();
        ours.addresses.simulator = simulator.server.uri().parse().ok();

        let answer: Value = call(&ours, &simulated(), "auth.test", &[]).await.unwrap();

        assert_eq!(answer["user"], "bot");
        assert!(slack.calls().await.is_empty());
    }

    #[tokio::test]
    async fn without_a_simulator_the_simulated_workspace_is_not_asked_of_anybody() {
        let fake = FakeSlack::start().await;

        let failed = call::<Value>(&fake.slack(), &simulated(), "auth.test", &[])
            .await
            .unwrap_err();

        assert!(
            matches!(failed, Failed::Credentials(error) if error.problem.contains("slack_simulator_url"))
        );
        assert!(fake.calls().await.is_empty());
    }

    #[tokio::test]
    async fn what_slack_says_of_a_refusal_is_kept() {
        let fake = FakeSlack::start().await;
        fake.says(
            "chat.postMessage",
            json!({"ok": false, "error": "missing_scope", "needed": "chat:write", "provided": "im:history",
                "response_metadata": {"messages": ["[ERROR] no way"]}}),
        )
        .await;

        let failed = call::<Value>(&fake.slack(), &fake::credentials(), "chat.postMessage", &[])
            .await
            .unwrap_err();

        assert!(failed.is("missing_scope"));
        let Failed::Refused(refusal) = failed else {
            panic!("it gave {failed:?}")
        };
        assert_eq!(
            refusal.to_string(),
            "missing_scope (needed: chat:write); [ERROR] no way"
        );
    }
}
