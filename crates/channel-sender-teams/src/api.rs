//! Calls to the Connector API: where to, with which token, and what Teams says when it refuses.
//! <https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference>

use crate::{Teams, credentials::Credentials};
use channel::SendError;
use http::{Method, StatusCode};
use platform_api::{Answer, tidy, under};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;
use url::Url;

/// Where an answer goes: what [`crate::inbound`] kept of the message.
#[derive(Deserialize)]
pub(crate) struct Place {
    service_url: String,
    /// The message that is answered.
    pub(crate) activity: Option<String>,
    bot: Option<String>,
    user: Option<String>,
    tenant: Option<String>,
    #[serde(default)]
    conversation: String,
}

impl Place {
    /// The place in a conversation that `reply_to` names.
    pub(crate) fn of(reply_to: Option<&Value>, conversation: &str) -> Result<Self, SendError> {
        let kept = reply_to.and_then(|kept| Self::deserialize(kept).ok());
        let kept = kept.ok_or_else(|| SendError::Rejected {
            code: None,
            reason: "this person has not written to the bot yet, so where Teams can be reached for them is not known"
                .to_owned(),
        })?;
        Ok(Self {
            conversation: conversation.to_owned(),
            ..kept
        })
    }

    /// Below the service's address: an activity of the conversation, or all of them.
    pub(crate) fn path(&self, activity: Option<&str>) -> String {
        let all = format!("v3/conversations/{}/activities", encoded(&self.conversation));
        match activity {
            Some(activity) => format!("{all}/{}", encoded(activity)),
            None => all,
        }
    }

    /// Writes on an activity from whom to whom it is.
    pub(crate) fn address(&self, activity: &mut Value) {
        activity["conversation"] = match &self.tenant {
            Some(tenant) => json!({"id": self.conversation, "tenantId": tenant}),
            None => json!({"id": self.conversation}),
        };
        for (field, id) in [("from", &self.bot), ("recipient", &self.user)] {
            if let Some(id) = id {
                activity[field] = json!({"id": id});
            }
        }
    }
}

/// One segment of a path.
fn encoded(segment: &str) -> String {
    segment
        .bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => char::from(b).to_string(),
            // Two of them alone would be another path.
            b'.' if !segment.trim_matches('.').is_empty() => ".".to_owned(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// Calls the service that serves a place. A token that has lost its force is renewed once; a bot of the government's
/// cloud is sent on to its host once. Both follow a refusal, so nothing is done twice. A body of `null` is none.
pub(crate) async fn call(
    teams: &Teams,
    credentials: &Credentials,
    method: Method,
    place: &Place,
    path: &str,
    body: &Value,
) -> Result<Answer, SendError> {
    credentials.validate()?;
    let mut service = teams
        .addresses
        .service(&place.service_url, credentials)
        .ok_or_else(|| SendError::Rejected {
            code: None,
            reason: "the conversation's service address is at a host that is not listed (`platforms.teams_service_hosts`)"
                .to_owned(),
        })?;
    let mut token = teams.access.get(teams, credentials).await?;
    let mut answer = ask(teams, &method, &service, path, &token, body).await?;
    if answer.status == StatusCode::UNAUTHORIZED {
        token = teams.access.renew(teams, credentials, &token).await?;
        answer = ask(teams, &method, &service, path, &token, body).await?;
    }
    let government = &teams.addresses.government_service;
    let elsewhere = answer.status == StatusCode::FORBIDDEN
        && refusal(&answer).code.as_deref() == Some("InvalidBotApiHost")
        && !credentials.is_simulated()
        && government.origin() != service.origin();
    if elsewhere {
        let mut moved = government.clone();
        moved.set_path(service.path());
        service = moved;
        answer = ask(teams, &method, &service, path, &token, body).await?;
    }
    Ok(answer)
}

async fn ask(
    teams: &Teams,
    method: &Method,
    service: &Url,
    path: &str,
    token: &SecretString,
    body: &Value,
) -> Result<Answer, SendError> {
    let request = teams
        .client
        .request(method.clone(), under(service, path))
        .bearer_auth(token.expose_secret());
    let request = if body.is_null() {
        request
    } else {
        request.json(body)
    };
    Ok(platform_api::call("Teams", request).await?)
}

/// Why Teams refused, in its words.
pub(crate) struct Refusal {
    pub(crate) code: Option<String>,
    words: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.words),
            None => f.write_str(&self.words),
        }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Option<ErrorWords>,
}

#[derive(Deserialize)]
struct ErrorWords {
    code: Option<String>,
    message: Option<String>,
}

/// What an answer other than success says.
pub(crate) fn refusal(answer: &Answer) -> Refusal {
    let error = answer.read::<ErrorBody>().and_then(|body| body.error);
    let (code, words) = error.map_or((None, None), |error| (error.code, error.message));
    Refusal {
        code: code.map(|code| tidy(&code)).filter(|code| !code.is_empty()),
        words: words.map_or_else(
            || format!("Teams answered {}", answer.status),
            |words| tidy(&words),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_id_leads_to_another_path() {
        assert_eq!(
            encoded("19:a@thread.tacv2;messageid=1"),
            "19%3Aa%40thread.tacv2%3Bmessageid%3D1"
        );
        assert_eq!(encoded("../../x?y#z"), "..%2F..%2Fx%3Fy%23z");
        assert_eq!(encoded(".."), "%2E%2E");
        assert_eq!(encoded("ü"), "%C3%BC");
    }
}
