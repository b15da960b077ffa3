//! Reads webhooks that are proven: messages from people, and news of what we sent.
//!
//! A person is named by their number's digits (`wa_id`), and by a business-scoped user id (BSUID) since 2026, or by the
//! latter alone where the number is hidden. The number is the contact wherever it is told, so that nobody who has always
//! had both is two people; whoever hides their number later is a new contact from then on.
//!
//! See "WhatsApp Cloud API, Webhooks" and "Business-scoped user IDs".

use crate::{content, credentials::Credentials, errors};
use channel::{
    ConversationKey, InboundMessage, MalformedPart, ReceiveError, Received, StatusReport, WebhookRequest,
    text,
};
use domain::PartState;
use meta_graph::{Refusal, batch, handshake};
use serde::Deserialize;
use serde_json::{Value, json};

/// The field that carries conversations; all others are about the account, or what somebody wrote on the phone.
const MESSAGES: &str = "messages";

/// What all messages have, of any type.
#[derive(Deserialize)]
struct Message {
    id: String,
    r#type: String,
    from: Option<String>,
    from_user_id: Option<String>,
    group_id: Option<String>,
    #[serde(default, deserialize_with = "batch::number")]
    timestamp: Option<i64>,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Contact {
    wa_id: Option<String>,
    user_id: Option<String>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    name: Option<String>,
}

/// Reads a request that is proven.
pub(crate) fn read(request: &WebhookRequest, credentials: &Credentials) -> Result<Received, ReceiveError> {
    let body = batch::parse(&request.body)?;
    let mut received = Received::nothing(handshake::received());
    let mut ownership = batch::Ownership::default();
    for (position, entry) in batch::list(&body, "entry", "", &mut received.malformed) {
        for (position, change) in batch::list(entry, "changes", &position, &mut received.malformed) {
            let position = format!("{position}.value");
            let field = change["field"].as_str().unwrap_or_default();
            match (number_of(change), field) {
                (Some(number), _) if !ownership.is_ours(&number, &credentials.phone_number_id) => (),
                (Some(_), MESSAGES) => read_value(&change["value"], &position, credentials, &mut received),
                (None, MESSAGES) => batch::report(
                    position,
                    "it names no number: there is no metadata.phone_number_id",
                    &mut received.malformed,
                ),
                (Some(_), _) => (),
                // News of the account as a whole: of its templates, say.
                (None, _) => {
                    let account = batch::id(&entry["id"]).unwrap_or_default();
                    ownership.is_ours(&account, &credentials.waba_id);
                }
            }
        }
    }
    ownership.judge(request.kind)?;
    Ok(received)
}

/// The phone numbers, by Meta's ids, that a request speaks of. Not proven.
pub(crate) fn accounts(request: &WebhookRequest) -> Vec<String> {
    let Ok(body) = batch::parse(&request.body) else {
        return Vec::new();
    };
    let mut unread = Vec::new();
    let mut numbers: Vec<String> = batch::list(&body, "entry", "", &mut unread)
        .into_iter()
        .flat_map(|(_, entry)| batch::list(entry, "changes", "", &mut Vec::new()))
        .filter_map(|(_, change)| number_of(change))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn number_of(change: &Value) -> Option<String> {
    batch::id(&change["value"]["metadata"]["phone_number_id"])
}

fn read_value(value: &Value, position: &str, credentials: &Credentials, received: &mut Received) {
    // Names are no reason to lose a message.
    let contacts: Vec<Contact> = batch::list(value, "contacts", position, &mut Vec::new())
        .into_iter()
        .filter_map(|(_, contact)| Contact::deserialize(contact).ok())
        .collect();
    for (position, part) in batch::list(value, "messages", position, &mut received.malformed) {
        let message = message(part, &position, &contacts, credentials, &mut received.malformed);
        received.messages.extend(message);
    }
    for (position, part) in batch::list(value, "statuses", position, &mut received.malformed) {
        let status = batch::read::<Status>(part, &position, &mut received.malformed);
        received.statuses.extend(status.and_then(report));
    }
}

/// `None`: it cannot be read, and is reported; or it needs no answer.
fn message(
    part: &Value,
    position: &str,
    contacts: &[Contact],
    credentials: &Credentials,
    malformed: &mut Vec<MalformedPart>,
) -> Option<InboundMessage> {
    let message: Message = batch::read(part, position, malformed)?;
    let content = content::read(&message.r#type, &part[&message.r#type], position, malformed)?;
    let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    let Some(contact) = given(&message.from).or_else(|| given(&message.from_user_id)) else {
        batch::report(
            position.to_owned(),
            "it names nobody who wrote it: there is neither from nor from_user_id",
            malformed,
        );
        return None;
    };
    let our_side = &credentials.phone_number_id;
    Some(InboundMessage {
        account: our_side.clone(),
        conversation: match given(&message.group_id) {
            Some(group) => group_conversation(our_side, &group),
            None => conversation(our_side, &contact),
        },
        contact_name: name(contacts, &message),
        contact,
        text: text::without_nul(&content.text),
        choice: content.choice,
        media: content.media,
        order_key: message.timestamp,
        sent_at: batch::seconds(message.timestamp),
        reply_to: Some(json!({ "message_id": message.id })),
        dedupe_key: message.id,
        consent: None,
    })
}

fn name(contacts: &[Contact], message: &Message) -> Option<String> {
    let is_same = |told: &Option<String>, from: &Option<String>| told.is_some() && told == from;
    let found = contacts.iter().find(|contact| {
        is_same(&contact.wa_id, &message.from) || is_same(&contact.user_id, &message.from_user_id)
    });
    let name = found?.profile.as_ref()?.name.as_deref()?;
    Some(text::without_nul(name)).filter(|name| !name.is_empty())
}

/// WhatsApp has no threads: a conversation is one of our numbers and a person.
pub(crate) fn conversation(our_side: &str, contact: &str) -> ConversationKey {
    ConversationKey(format!("{our_side}/{contact}"))
}

const GROUP: &str = "/group:";

/// Or one of our numbers and a group.
fn group_conversation(our_side: &str, group: &str) -> ConversationKey {
    ConversationKey(format!("{our_side}{GROUP}{group}"))
}

/// The group that a conversation is with, if it is one.
pub(crate) fn group_of(conversation: &str) -> Option<&str> {
    conversation.split_once(GROUP).map(|(_, group)| group)
}

/// `None` for a status that says nothing we keep.
fn report(status: Status) -> Option<StatusReport> {
    let state = match status.status.as_str() {
        "accepted" => PartState::Queued,
        "sent" => PartState::Sent,
        "delivered" => PartState::Delivered,
        // A voice message that was listened to.
        "read" | "played" => PartState::Read,
        "failed" => PartState::Failed,
        _ => return None,
    };
    Some(StatusReport {
        part: batch::part(status.biz_opaque_callback_data.as_deref()),
        platform_message_id: status.id,
        state,
        error: (state == PartState::Failed).then(|| errors::delivery(&status.errors)),
    })
}

#[cfg(test)]
mod tests;
