//! `POST /api/chat/{chatbot_id}/sessions`: a visitor is let in.
//!
//! Invariant: nobody gets into a conversation of somebody else's. Whoever is not vouched for gets one of their own, which
//! has no name that could be guessed.

use super::{
    Chat,
    caller::{Caller, Named},
    chatbot_of,
    error::ChatError,
    hosting,
    identity::{self, Person},
    input, lead, origin, place,
    token::{self, Visitor},
};
use accounts::Age;
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{ChatbotId, Platform, Role};
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeMap, net::IpAddr};
use store::leads::Lead;

/// The one conversation of somebody whom the owner vouches for.
const STANDING: &str = "standing";
/// How long the owner's word for somebody holds: a page that is loaded again brings it anew.
const VOUCHED: TimeDelta = TimeDelta::days(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSession {
    /// A JWT of the owner's.
    #[serde(default)]
    identity: Option<String>,
    /// Or a user's id, and the owner's HMAC of it.
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    user_hash: Option<String>,
    /// What a visitor says of themselves before the first message.
    #[serde(default)]
    lead: Option<BTreeMap<String, serde_json::Value>>,
}

/// `POST /api/chat/{chatbot_id}/sessions`
pub async fn begin(
    chat: web::Data<Chat>,
    path: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        origin.check()?;
        let chatbot = chatbot_of(&path)?;
        let who = client_address(&request, chat.settings.chat.trusted_proxies);
        chat.limits.sessions.take(&who)?;
        let limit = chat.settings.max_body_bytes;
        let body = chat.body(&request, payload, limit).await?;
        let asked: NewSession = input::json(&body)?;
        let account = chat.account(chatbot, &Platform::WEB, Age::Kept).await?;
        let secret = hosting(&account)?.identity_secret;
        let now = Utc::now();
        let person = match (&asked.identity, &asked.user, &asked.user_hash) {
            (Some(jwt), _, _) => Some(identity::of_jwt(jwt, &secret)?),
            (None, Some(user), Some(hash)) => Some(identity::of_hash(user, hash, &secret)?),
            (None, Some(_), None) => {
                return Err(ChatError::invalid(
                    "user_hash",
                    "is missing: a user is named with the owner's HMAC of their id, or with an identity",
                ));
            }
            (None, None, _) => None,
        };
        let mut begins = false;
        let vouched = person.is_some();
        let visitor = match person {
            Some(Person { user, name }) => Visitor {
                integration: account.integration,
                contact: place::known(&user),
                conversation: STANDING.to_owned(),
                // A visitor's own word is not the owner's.
                name,
                expires: (now + VOUCHED).timestamp(),
            },
            None => {
                let days = TimeDelta::days(chat.settings.chat.session_days);
                let kept = renewed(&chat, chatbot, &request, &origin).await;
                begins = kept.is_none();
                let conversation = kept.unwrap_or_else(place::new_conversation);
                Visitor {
                    integration: account.integration,
                    contact: place::anonymous(&conversation),
                    conversation,
                    name: None,
                    expires: (now + days).timestamp(),
                }
            }
        };
        let lead = lead_of(&chat, chatbot, asked.lead.as_ref(), begins, now).await?;
        let token = token::issue(&visitor, &secret)
            .ok_or_else(|| ChatError::invalid("identity", "has a name that is too long"))?;
        if let Some(lead) = lead {
            let (integration, contact) = (visitor.integration, &visitor.contact);
            store::leads::keep(&chat.db, integration, contact, &lead, vouched, now).await?;
        }
        let expires_at = DateTime::from_timestamp(visitor.expires, 0)
            .unwrap_or(now)
            .to_rfc3339_opts(SecondsFormat::Secs, true);
        Ok(HttpResponse::Created()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(json!({
                "token": token,
                "conversation": visitor.conversation,
                "user": visitor.contact.strip_prefix("user:"),
                "expires_at": expires_at,
            })))
    })
    .await
}

/// Who shows a token that still holds keeps their conversation.
async fn renewed(
    chat: &Chat,
    chatbot: ChatbotId,
    request: &HttpRequest,
    origin: &origin::Origin,
) -> Option<String> {
    let caller = Caller::of(chat, chatbot, request, origin, Role::Agent)
        .await
        .ok()?;
    let Caller::Visitor { .. } = &caller else {
        return None;
    };
    let (place, _) = caller.place(Named::default(), |_, _| Ok(String::new())).ok()?;
    // Somebody who is vouched for no more begins anew.
    place.user().is_none().then_some(place.conversation)
}

/// What a visitor said of themselves, if it is what the owner asks. Nobody new comes in without it; who is vouched for, or
/// comes back, need not say it again.
async fn lead_of(
    chat: &Chat,
    chatbot: ChatbotId,
    said: Option<&BTreeMap<String, serde_json::Value>>,
    begins: bool,
    now: DateTime<Utc>,
) -> Result<Option<Lead>, ChatError> {
    if said.is_none() && !begins {
        return Ok(None);
    }
    let widget = match store::widgets::load(&chat.db, chatbot).await {
        Ok(widget) => widget,
        // Who has nothing to say is let in while the database is away.
        Err(error) if said.is_none() && error.is_transient() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let asked = widget.map(|widget| widget.settings).unwrap_or_default();
    if said.is_none() && asked.asked().next().is_none() {
        return Ok(None);
    }
    let nothing = BTreeMap::new();
    let lead = lead::checked(said.unwrap_or(&nothing), &asked, now)?;
    Ok((lead != Lead::default()).then_some(lead))
}

/// With n proxies before us, the n-th entry from the right of X-Forwarded-For was written by the outermost of them; all
/// that is left of it is the caller's own invention. Of an IPv6 address the network counts: one customer has all of it.
fn client_address(request: &HttpRequest, trusted_proxies: usize) -> String {
    let forwarded: Vec<&str> = request
        .headers()
        .get_all(header::X_FORWARDED_FOR)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let named = (trusted_proxies > 0)
        .then(|| forwarded.len().checked_sub(trusted_proxies))
        .flatten()
        .and_then(|at| forwarded[at].parse::<IpAddr>().ok());
    match named.or_else(|| request.peer_addr().map(|address| address.ip())) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(address) => address.to_string(),
        None => "unknown".to_owned(),
    }
}
