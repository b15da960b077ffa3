//! Proves that a request comes from Microsoft, for this app, about the service address that it names.
//!
//! The token signs neither body nor address of the request, so what matters in the body is held against it: the service
//! address, to which we shall send this app's own token, and the channel. Documentation: "Authenticate requests from the Bot
//! Connector service to your bot". Tokens of the Bot Framework Emulator, which the app's own secret can buy, prove nothing.

use crate::{
    Teams,
    activity::Activity,
    credentials::Credentials,
    keys::{Key, Keys},
};
use channel::{Cause, Diagnosis, ReceiveError, WebhookRequest};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use std::{collections::HashSet, time::Instant};

/// The header that carries the token.
pub(crate) const HEADER: &str = "authorization";
/// How far Microsoft's clock and ours may differ, in seconds.
const SKEW: f64 = 300.0;

#[derive(Deserialize)]
pub(crate) struct Claims {
    iss: Option<String>,
    pub(crate) aud: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    serviceurl: Option<String>,
}

/// A refusal in words for the log.
pub(crate) fn unproven(refusal: Diagnosis) -> ReceiveError {
    ReceiveError::BadSignature {
        reason: refusal.words,
    }
}

/// The activity in a request, proven.
pub(crate) async fn verify(
    teams: &Teams,
    request: &WebhookRequest,
    credentials: &Credentials,
) -> Result<Activity, ReceiveError> {
    credentials.validate()?;
    let token = bearer(request).map_err(unproven)?;
    let key = key(teams, token, credentials).await?;
    let claims = signed(token, &key).map_err(unproven)?;
    issued(&claims, &teams.addresses.issuer).map_err(unproven)?;
    in_time(&claims, request).map_err(unproven)?;
    is_for(&claims, credentials)?;
    let activity = Activity::parse(&request.body)?;
    covers(&claims, &key, &activity).map_err(unproven)?;
    Ok(activity)
}

pub(crate) fn refused(cause: Cause, words: impl Into<String>) -> Diagnosis {
    Diagnosis {
        cause,
        words: words.into(),
    }
}

pub(crate) fn bearer(request: &WebhookRequest) -> Result<&str, Diagnosis> {
    let missing = |words: String| refused(Cause::MissingProof, words);
    let given = request.headers.get_all(HEADER).iter().count();
    let header = request.only_header(HEADER).ok_or_else(|| {
        missing(match given {
            0 => "the Authorization header is missing: it does not come from Microsoft, or a proxy removed it; let the \
                  proxy pass it on"
                .to_owned(),
            1 => "the Authorization header is not text".to_owned(),
            many => format!("there are {many} Authorization headers, and Microsoft sends one"),
        })
    })?;
    match header.split(' ').collect::<Vec<_>>()[..] {
        ["Bearer", token] if !token.is_empty() => Ok(token),
        _ => Err(missing(
            "the Authorization header is not \"Bearer\" and a token: it does not come from Microsoft, or a proxy put \
             its own there; let the proxy pass it on"
                .to_owned(),
        )),
    }
}

/// The id of the key that a token says it is signed with.
pub(crate) fn kid(token: &str) -> Result<String, Diagnosis> {
    let other = |words: String| refused(Cause::Unreadable, words);
    let header = decode_header(token)
        .map_err(|_| other("the token is no JSON Web Token, or is of an unknown kind".to_owned()))?;
    if header.alg != Algorithm::RS256 {
        return Err(other(format!(
            "the token is signed with {:?}, not RS256",
            header.alg
        )));
    }
    if header.crit.is_some() {
        return Err(other(
            "the token demands extensions that are not known".to_owned(),
        ));
    }
    header
        .kid
        .ok_or_else(|| other("the token names no key".to_owned()))
}

/// What a token says, and nobody has proven. `None`: it cannot be read.
pub(crate) fn claimed(token: &str) -> Option<Claims> {
    jsonwebtoken::dangerous::insecure_decode(token)
        .ok()
        .map(|data| data.claims)
}

/// The keys that prove requests to an app.
pub(crate) const fn keys(teams: &Teams, is_simulated: bool) -> &Keys {
    if is_simulated {
        &teams.simulated_keys
    } else {
        &teams.keys
    }
}

async fn key(
    teams: &Teams,
    token: &str,
    credentials: &Credentials,
) -> Result<std::sync::Arc<Key>, ReceiveError> {
    let kid = kid(token).map_err(unproven)?;
    let metadata = teams.addresses.metadata(credentials)?;
    keys(teams, credentials.is_simulated())
        .find(&kid, &teams.client, &metadata, Instant::now())
        .await
        .map_err(ReceiveError::Unavailable)?
        .ok_or_else(|| unproven(not_listed()))
}

pub(crate) fn not_listed() -> Diagnosis {
    refused(
        Cause::WrongSecret,
        "the token is signed with a key that Microsoft does not list. A key that is new is known within an hour: check it \
         again then",
    )
}

/// Claims that Microsoft's key has signed. When they hold is judged by [`in_time`], which knows when the request came.
pub(crate) fn signed(token: &str, key: &Key) -> Result<Claims, Diagnosis> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims = HashSet::new();
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode(token, &key.decoding, &validation)
        .map(|data| data.claims)
        .map_err(|_| {
            refused(
                Cause::WrongSecret,
                "the token's signature does not match Microsoft's key: it is forged, or was changed on its way; let no \
                 proxy change the Authorization header",
            )
        })
}

/// What Microsoft's tokens of other kinds are issued by.
const ENTRA: [&str; 2] = ["https://login.microsoftonline.com/", "https://sts.windows.net/"];
/// The clouds of governments and of China have issuers of their own.
const CLOUDS: [&str; 2] = ["https://api.botframework.us", "https://api.botframework.azure.cn"];

pub(crate) fn issued(claims: &Claims, issuer: &str) -> Result<(), Diagnosis> {
    let given = claims.iss.as_deref().unwrap_or_default();
    if given == issuer {
        return Ok(());
    }
    let more = if ENTRA.iter().any(|entra| given.starts_with(entra)) {
        ", but by Microsoft Entra, as the Bot Framework Emulator's are: write to the bot in Teams".to_owned()
    } else if CLOUDS.contains(&given) {
        format!(
            ", but by another of Microsoft's clouds: ask the operator to set `platforms.teams_issuer` to {given}, and the \
             other addresses of Teams to that cloud's"
        )
    } else {
        ": it does not come from Teams; set this address as messaging endpoint of an Azure Bot only"
            .to_owned()
    };
    Err(refused(
        Cause::Unproven,
        format!("the token is not issued by {issuer}{more}"),
    ))
}

pub(crate) fn in_time(claims: &Claims, request: &WebhookRequest) -> Result<(), Diagnosis> {
    let now = request.received_at.timestamp_millis() as f64 / 1000.0;
    let clock = |behind: f64, what: &str| {
        let seconds = behind as i64;
        refused(
            Cause::Clock { seconds },
            format!(
                "{what}, by {} seconds: if this happens to every message, it is this machine's clock; set it",
                seconds.unsigned_abs()
            ),
        )
    };
    let expires = claims
        .exp
        .ok_or_else(|| refused(Cause::Unproven, "the token does not say when it ends"))?;
    if expires + SKEW <= now {
        return Err(clock(now - expires, "the token has expired"));
    }
    match claims.nbf {
        Some(begins) if begins - SKEW > now => Err(clock(now - begins, "the token is not valid yet")),
        _ => Ok(()),
    }
}

fn is_for(claims: &Claims, credentials: &Credentials) -> Result<(), ReceiveError> {
    let audience = claims
        .aud
        .as_deref()
        .ok_or_else(|| unproven(refused(Cause::Unproven, "the token is for no app")))?;
    if audience != credentials.app_id {
        return Err(ReceiveError::ForeignAccount {
            given: audience.chars().take(40).collect(),
        });
    }
    Ok(())
}

pub(crate) fn covers(claims: &Claims, key: &Key, activity: &Activity) -> Result<(), Diagnosis> {
    let proven = claims
        .serviceurl
        .as_deref()
        .ok_or_else(|| refused(Cause::Unproven, "the token names no service address"))?;
    let given = activity.text_at("/serviceUrl").unwrap_or_default();
    if given.is_empty() || proven.trim_end_matches('/') != given.trim_end_matches('/') {
        return Err(refused(
            Cause::Changed,
            "the message's service address is not the one that the token names: it is forged, or was changed on its way; \
             let no proxy change bodies",
        ));
    }
    let channel = activity.text_at("/channelId").unwrap_or_default();
    if !key.endorsements.is_empty() && !key.endorsements.iter().any(|endorsed| endorsed == channel) {
        return Err(refused(
            Cause::Unproven,
            "the token's key may not sign for the message's channel: use the bot in Teams",
        ));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
