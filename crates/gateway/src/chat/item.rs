//! A message, as its readers see it.

use super::place::Place;
use chrono::{DateTime, Utc};
use domain::{Direction, InboundState, MessageId, Rating, Sender};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use store::{chat::Entry, feedback::Feedback};
use uploads::{Addresses, LIFETIME, Reference};

/// A message.
#[derive(Debug, Serialize)]
pub struct Item {
    /// Its id.
    pub id: MessageId,
    /// Its place: what comes after it is what was not there before it.
    pub cursor: String,
    /// `inbound`: the visitor wrote it. `outbound`: we did.
    pub direction: Direction,
    /// Who wrote it, where we did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What it says; in CommonMark where we wrote it.
    pub text: String,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The id that its writer gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What has become of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<InboundState>,
    /// Pictures and files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Medium>,
    /// What it may be answered with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<channel::Button>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Cited>,
    /// What its reader says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Said>,
}

/// What a reader says of an answer.
#[derive(Debug, Serialize)]
pub struct Said {
    /// Whether it helped.
    pub rating: Rating,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl From<Feedback> for Said {
    fn from(feedback: Feedback) -> Self {
        Self {
            rating: feedback.rating,
            comment: feedback.comment,
        }
    }
}

/// A picture or file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Medium {
    /// Where it is, where we sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What kind it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Something that an answer rests on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cited {
    /// The document's title.
    pub title: String,
    /// Of a page: its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Item {
    /// An entry of a conversation. Files that we sent get an address that the reader can open for a while from now.
    pub fn of(entry: Entry, place: &Place, addresses: &Addresses) -> Self {
        let content: channel::OutboundContent = entry
            .content
            .and_then(|content| serde_json::from_value(content).ok())
            .unwrap_or_default();
        let is_ours = entry.direction == Direction::Outbound;
        let media = if is_ours {
            content
                .media
                .into_iter()
                .map(|url| Medium::sent(url, place, addresses))
                .collect()
        } else {
            read(entry.files)
        };
        let mut citations: Vec<Cited> = read(entry.citations);
        let mut titles = HashSet::new();
        citations.retain(|cited| !cited.title.is_empty() && titles.insert(cited.title.clone()));
        Self {
            id: entry.message,
            cursor: entry.number.to_string(),
            direction: entry.direction,
            sender: entry.sender,
            text: if is_ours { content.text } else { entry.text },
            at: entry.at,
            client_id: entry
                .dedupe_key
                .as_deref()
                .and_then(|key| place.client_id(key))
                .map(str::to_owned),
            state: entry.state,
            media,
            buttons: content.buttons,
            citations,
            feedback: entry.feedback.map(Into::into),
        }
    }
}

impl Medium {
    fn sent(url: String, place: &Place, addresses: &Addresses) -> Self {
        match Reference::of(&url) {
            Some(file) => Self {
                url: Some(addresses.of(place.account.workspace, &file, Utc::now() + LIFETIME)),
                content_type: uploads::kind::by_name(file.name()).map(str::to_owned),
                name: Some(file.name().to_owned()),
            },
            None => Self {
                url: Some(url),
                content_type: None,
                name: None,
            },
        }
    }
}

fn read<T: for<'de> Deserialize<'de>>(stored: Option<serde_json::Value>) -> Vec<T> {
    stored
        .and_then(|stored| serde_json::from_value(stored).ok())
        .unwrap_or_default()
}
