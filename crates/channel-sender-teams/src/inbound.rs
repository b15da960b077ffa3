//! Reads activities that are proven: messages from people, pressed buttons, files.
//!
//! Everything else (people who join, reactions, edits, deletions, other bots) is acknowledged and answered by nobody.
//! Microsoft adds types and fields without notice, so what we do not know is ignored.

use crate::{
    activity::Activity,
    addresses::Addresses,
    card,
    credentials::Credentials,
    media,
    token::{refused, unproven},
};
use bytes::Bytes;
use channel::{
    Cause, ConversationKey, Diagnosis, InboundMessage, ReceiveError, Received, WebhookResponse, text,
};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

/// What the ids of bots begin with; those of people begin with `29:`.
pub(crate) const BOT: &str = "28:";

/// Reads an activity that [`crate::token::verify`] has proven.
pub(crate) fn read(
    activity: &Activity,
    addresses: &Addresses,
    credentials: &Credentials,
) -> Result<Received, ReceiveError> {
    belongs(activity, addresses, credentials)?;
    let mut received = Received::nothing(answer(activity));
    if let Some(said) = said(activity)
        && !from_a_bot(activity)
    {
        received.messages.push(message(activity, said, credentials)?);
    }
    Ok(received)
}

/// Whose an activity is that is not the integration's.
pub(crate) enum Foreign<'a> {
    App(&'a str),
    Tenant(&'a str),
    NoTenant,
}

/// The token says for which app a request is, and not from whose tenant.
pub(crate) fn foreign<'a>(activity: &'a Activity, credentials: &Credentials) -> Option<Foreign<'a>> {
    let recipient = activity.text_at("/recipient/id").unwrap_or_default();
    if let Some(app) = recipient.strip_prefix(BOT)
        && !app.eq_ignore_ascii_case(&credentials.app_id)
    {
        return Some(Foreign::App(app));
    }
    let expected = credentials.tenant_id.as_ref()?;
    let named = [
        activity.text_at("/channelData/tenant/id"),
        activity.text_at("/conversation/tenantId"),
    ];
    let other = named
        .into_iter()
        .flatten()
        .find(|tenant| !tenant.eq_ignore_ascii_case(expected));
    if named == [None, None] && matches!(activity.kind(), "message" | "invoke") {
        return Some(Foreign::NoTenant);
    }
    other.map(Foreign::Tenant)
}

fn belongs(
    activity: &Activity,
    addresses: &Addresses,
    credentials: &Credentials,
) -> Result<(), ReceiveError> {
    let given = match foreign(activity, credentials) {
        None => return answerable(activity, addresses, credentials).map_err(unproven),
        Some(Foreign::App(given) | Foreign::Tenant(given)) => given,
        Some(Foreign::NoTenant) => "of no tenant",
    };
    Err(ReceiveError::ForeignAccount {
        given: given.chars().take(40).collect(),
    })
}

/// Refuses what would be answered where no token may go.
pub(crate) fn answerable(
    activity: &Activity,
    addresses: &Addresses,
    credentials: &Credentials,
) -> Result<(), Diagnosis> {
    let service = activity.text_at("/serviceUrl").unwrap_or_default();
    if addresses.service(service, credentials).is_some() {
        return Ok(());
    }
    let host = Url::parse(service).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or("no host");
    Err(refused(
        Cause::Unproven,
        format!(
            "the message's service address is at {host}, which is not listed: if it is Microsoft's, ask the operator to add \
             it to `platforms.teams_service_hosts`"
        ),
    ))
}

fn from_a_bot(activity: &Activity) -> bool {
    activity.text_at("/from/id").is_some_and(|id| id.starts_with(BOT))
        || activity
            .text_at("/from/role")
            .is_some_and(|role| role.eq_ignore_ascii_case("bot"))
}

/// An `invoke` waits for a body, and shows an error to the person where none comes.
fn answer(activity: &Activity) -> WebhookResponse {
    let body = match (activity.kind(), activity.text_at("/name")) {
        ("invoke", Some("adaptiveCard/action")) => json!({
            "statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "✓",
        }),
        _ => json!({}),
    };
    WebhookResponse {
        status: StatusCode::OK,
        content_type: "application/json",
        body: Bytes::from(body.to_string()),
    }
}

/// What a person said: with words, files or a button.
struct Said {
    words: String,
    choice: Option<String>,
    media: Vec<channel::MediaRef>,
}

/// `None`: nobody said anything.
fn said(activity: &Activity) -> Option<Said> {
    let pressed = match (activity.kind(), activity.text_at("/name")) {
        ("message", _) => card::pressed(activity.value()),
        ("invoke", Some("adaptiveCard/action")) => Some(card::pressed(&activity.value()["action"]["data"])?),
        _ => return None,
    };
    if let Some((title, choice)) = pressed {
        return Some(Said {
            words: text::without_nul(&title),
            choice: Some(text::without_nul(&choice)),
            media: Vec::new(),
        });
    }
    let media: Vec<_> = activity.attachments().filter_map(media::reference).collect();
    let mut words = activity.words();
    if words.is_empty() && media.is_empty() && activity.text_at("/text").is_none() {
        words = activity.words_of_html();
    }
    // Files in channels lie where only the person's own account may fetch them.
    for file in activity
        .attachments()
        .filter(|attachment| attachment.content_type == "reference")
    {
        if let Some(name) = file.name.filter(|name| !name.is_empty()) {
            let line = format!("📎 {}", text::without_nul(&name));
            words = if words.is_empty() {
                line
            } else {
                format!("{words}\n{line}")
            };
        }
    }
    (!words.is_empty() || !media.is_empty()).then_some(Said {
        words,
        choice: None,
        media,
    })
}

fn message(
    activity: &Activity,
    said: Said,
    credentials: &Credentials,
) -> Result<InboundMessage, ReceiveError> {
    let from = activity.from();
    let user = activity.required("/from/id")?;
    let conversation = conversation(activity)?;
    let sent_at = activity
        .text_at("/timestamp")
        .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
        .map(|time| time.to_utc());
    let id = activity.text_at("/id");
    let dedupe_key = match (id, sent_at) {
        (Some(id), _) => format!("{}/{id}", conversation.0),
        // Some activities have no id; one person does not send two of them in one millisecond.
        (None, Some(time)) => format!("{}/{user}/{}", conversation.0, time.timestamp_micros()),
        (None, None) => return Err(ReceiveError::Malformed("id and timestamp are missing".to_owned())),
    };
    Ok(InboundMessage {
        account: credentials.app_id.clone(),
        dedupe_key,
        contact: from
            .aad_object_id
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| user.to_owned()),
        contact_name: from.name.filter(|name| !name.is_empty()),
        text: said.words,
        choice: said.choice,
        media: said.media,
        order_key: id.and_then(milliseconds),
        sent_at,
        reply_to: Some(reply_to(activity, user, credentials)),
        conversation,
        consent: None,
    })
}

/// What [`crate::api::Place`] reads when the message is answered.
fn reply_to(activity: &Activity, user: &str, credentials: &Credentials) -> Value {
    let tenant = activity
        .text_at("/conversation/tenantId")
        .or(activity.text_at("/channelData/tenant/id"));
    json!({
        "service_url": activity.text_at("/serviceUrl"),
        "activity": activity.text_at("/id"),
        "bot": activity.text_at("/recipient/id").map_or_else(|| format!("{BOT}{}", credentials.app_id), str::to_owned),
        "user": user,
        "tenant": tenant,
    })
}

/// The chat, or in a channel the thread: `19:…@thread.tacv2;messageid=<its first message>`, which is also where an
/// answer is sent. Other parameters than the thread say nothing of where a message belongs.
fn conversation(activity: &Activity) -> Result<ConversationKey, ReceiveError> {
    let given = activity.required("/conversation/id")?;
    let mut parts = given.split(';');
    let chat = parts.next().unwrap_or_default();
    let is_channel = activity.text_at("/conversation/conversationType") == Some("channel");
    let root = parts
        .find_map(|part| part.strip_prefix("messageid="))
        .or_else(|| {
            let first = activity.text_at("/replyToId").or(activity.text_at("/id"));
            first.filter(|id| is_channel && milliseconds(id).is_some())
        });
    Ok(ConversationKey(match root {
        Some(root) => format!("{chat};messageid={root}"),
        None => chat.to_owned(),
    }))
}

/// Ids of messages are the time of their making, which grows within a conversation. Others are not.
fn milliseconds(id: &str) -> Option<i64> {
    let plausible = |time: &i64| DateTime::<Utc>::from_timestamp_millis(*time).is_some();
    (id.len() == 13 && id.bytes().all(|b| b.is_ascii_digit()))
        .then(|| id.parse().ok())
        .flatten()
        .filter(plausible)
}

#[cfg(test)]
mod tests;
