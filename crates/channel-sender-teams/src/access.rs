//! Tokens that an app may send with, kept until five minutes before they end.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
//!
//! Invariant: a token is only given to who has the very secret that bought it. An app's id is no secret.

use crate::{Teams, credentials::Credentials};
use channel::{CheckError, CredentialsError, MediaError, SendError};
use http::StatusCode;
use platform_api::{Answer, tidy};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use subtle::ConstantTimeEq;

/// A token is not used in its last minutes: what it is sent with takes time.
const SPARE: Duration = Duration::from_secs(300);
/// Slots beyond this are cleared of what has ended.
const MANY: usize = 1_000;

#[derive(Clone)]
struct Token {
    value: SecretString,
    until: Instant,
}

/// App, tenant, and the secret's hash.
type Owner = (String, String, [u8; 32]);
/// Locked while a token is asked for, so that it is asked for once.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of all apps.
#[derive(Default)]
pub(crate) struct AccessTokens {
    slots: Mutex<HashMap<Owner, Slot>>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// Microsoft cannot give one now.
    #[error("{reason}")]
    NotNow { reason: String, after: Option<Duration> },
    /// Microsoft gives none for these credentials.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl From<TokenError> for SendError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotNow { reason, after } => Self::Retry {
                after,
                rate_limited: false,
                reason,
            },
            TokenError::Refused(reason) => Self::Unauthorized { reason },
            TokenError::Credentials(error) => Self::BadCredentials(error),
        }
    }
}

impl From<TokenError> for CheckError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotNow { reason, .. } => Self::Unreachable(reason),
            TokenError::Refused(reason) => Self::Unauthorized(reason),
            TokenError::Credentials(error) => Self::BadCredentials(error),
        }
    }
}

impl From<TokenError> for MediaError {
    fn from(error: TokenError) -> Self {
        match error {
            // An owner can mend what is wrong with a secret.
            TokenError::NotNow { reason, .. } | TokenError::Refused(reason) => Self::Retry(reason),
            TokenError::Credentials(error) => Self::Refused(error.to_string()),
        }
    }
}

impl AccessTokens {
    /// A token for these credentials.
    pub(crate) async fn get(
        &self,
        teams: &Teams,
        credentials: &Credentials,
    ) -> Result<SecretString, TokenError> {
        let slot = self.slot(credentials);
        let mut kept = slot.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(token.value.clone());
        }
        let token = ask(teams, credentials).await?;
        Ok(kept.insert(token).value.clone())
    }

    /// Another token than the one that was refused.
    pub(crate) async fn renew(
        &self,
        teams: &Teams,
        credentials: &Credentials,
        refused: &SecretString,
    ) -> Result<SecretString, TokenError> {
        let slot = self.slot(credentials);
        let mut kept = slot.lock().await;
        let same = |token: &Token| {
            let (kept, refused) = (token.value.expose_secret(), refused.expose_secret());
            bool::from(kept.as_bytes().ct_eq(refused.as_bytes()))
        };
        // Somebody else may have renewed it already.
        if let Some(token) = kept
            .as_ref()
            .filter(|token| !same(token) && token.until > Instant::now())
        {
            return Ok(token.value.clone());
        }
        *kept = None;
        let token = ask(teams, credentials).await?;
        Ok(kept.insert(token).value.clone())
    }

    fn slot(&self, credentials: &Credentials) -> Slot {
        let secret = Sha256::digest(credentials.app_secret.expose_secret());
        let owner = (
            credentials.app_id.clone(),
            credentials.tenant().to_owned(),
            secret.into(),
        );
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MANY {
            let now = Instant::now();
            slots.retain(|_, slot| {
                slot.try_lock()
                    .map_or(true, |kept| kept.as_ref().is_some_and(|token| token.until > now))
            });
        }
        slots.entry(owner).or_default().clone()
    }
}

#[derive(Deserialize)]
struct Given {
    access_token: SecretString,
    #[serde(default)]
    expires_in: u64,
}

/// Asks for a token, whatever is kept.
pub(crate) async fn prove(teams: &Teams, credentials: &Credentials) -> Result<(), TokenError> {
    ask(teams, credentials).await.map(|_| ())
}

async fn ask(teams: &Teams, credentials: &Credentials) -> Result<Token, TokenError> {
    credentials.validate()?;
    let scope = format!("{}/.default", teams.addresses.issuer);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", credentials.app_id.as_str()),
        ("client_secret", credentials.app_secret.expose_secret()),
        ("scope", scope.as_str()),
    ];
    let not_now = |reason: String, after| TokenError::NotNow { reason, after };
    let asked = Instant::now();
    let request = teams.client.post(teams.addresses.token(credentials)?).form(&form);
    // A token that was made and did not come does no harm, so it does not matter whether Microsoft got this.
    let answer = platform_api::call("Microsoft's login", request)
        .await
        .map_err(|error| not_now(error.to_string(), None))?;
    if !answer.status.is_success() {
        return Err(refused(&answer));
    }
    let given: Given = answer
        .read()
        .ok_or_else(|| not_now("Microsoft's token cannot be read".to_owned(), None))?;
    let lasts = Duration::from_secs(given.expires_in).saturating_sub(SPARE);
    Ok(Token {
        value: given.access_token,
        until: asked.checked_add(lasts).unwrap_or(asked),
    })
}

#[derive(Deserialize)]
struct RefusalBody {
    error: Option<String>,
    error_description: Option<String>,
}

/// Codes that we have advice about.
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
const ADVICE: &[(&str, &str)] = &[
    (
        "AADSTS7000215",
        "the app secret is wrong: enter the value of a client secret, not its id",
    ),
    (
        "AADSTS7000222",
        "the app secret has expired: make a new one and enter its value",
    ),
    (
        "AADSTS700016",
        "there is no such app in this tenant: check the app id, and for a single-tenant bot the tenant id",
    ),
    ("AADSTS90002", "there is no such tenant: check the tenant id"),
    ("AADSTS7000112", "the app is switched off in Microsoft Entra"),
];

fn refused(answer: &Answer) -> TokenError {
    let body = answer.read::<RefusalBody>();
    let (error, description) = body.map_or((None, None), |body| (body.error, body.error_description));
    let reason = description.map_or_else(
        || {
            let error = error.as_deref().map(tidy);
            error.unwrap_or_else(|| format!("Microsoft's login answered {}", answer.status))
        },
        |words| in_short(&words),
    );
    let refuses = matches!(
        error.as_deref(),
        Some(
            "invalid_client"
                | "unauthorized_client"
                | "invalid_request"
                | "invalid_grant"
                | "invalid_scope"
                | "access_denied"
        )
    );
    if answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status.is_server_error() || !refuses {
        return TokenError::NotNow {
            reason,
            after: answer.retry_after(),
        };
    }
    TokenError::Refused(reason)
}

/// Microsoft's code, its first sentences, and advice. The numbers behind them are for Microsoft's support.
fn in_short(words: &str) -> String {
    let first = words.split("Trace ID:").next().unwrap_or_default().trim();
    let Some((code, rest)) = first
        .split_once(':')
        .filter(|(code, _)| code.starts_with("AADSTS") && code.len() < 20)
    else {
        return tidy(first);
    };
    let advice = ADVICE.iter().find(|(known, _)| *known == code);
    let advice = advice
        .map(|(_, advice)| format!(" ({advice})"))
        .unwrap_or_default();
    format!("{code}: {}{advice}", tidy(rest.trim()))
}

#[cfg(test)]
mod tests;
