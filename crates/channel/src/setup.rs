//! What the dashboard draws a platform's form from, and what a platform says of an account.

use crate::media::MediaRule;
use serde::Serialize;
use std::time::Duration;

/// A platform, described for its owner's eyes.
#[derive(Debug, Clone, Serialize)]
pub struct Setup {
    /// The platform's name as people know it, e.g. `Twilio SMS`.
    pub title: &'static str,
    /// What the owner types in. Names are those of the credentials' JSON.
    pub fields: Vec<Field>,
    /// What the owner does on the platform, in order. `{webhook_url}` stands for this chatbot's address.
    pub steps: Vec<SetupStep>,
    /// What the platform bears.
    pub limits: Limits,
    /// What works on it.
    pub features: Features,
}

/// What works on a platform, for its owner's eyes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Features {
    /// Pictures and files from people are fetched and stored.
    pub media_in: bool,
    /// Pictures and files can be sent.
    pub media_out: bool,
    /// How many buttons a message bears; 0: they are written as a numbered list.
    pub buttons: usize,
    /// The person sees that an answer is being written.
    pub typing: bool,
    /// The platform reports that a message was delivered.
    pub delivered: bool,
    /// The platform reports that a message was read.
    pub read: bool,
    /// Approved forms of words can be sent outside the reply window.
    pub templates: bool,
    /// An answer can be shown while it is being written.
    pub streaming: bool,
    /// Messages can be read over a connection that we open, without a public address.
    pub connection: bool,
    /// Messages come by webhook.
    pub webhook: bool,
}

/// One field of the form.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Its name in the credentials' JSON.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What to type in and where it is found.
    pub help: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether we make up a random value where it is left out: a secret that the platform is told, not one that it gives.
    pub generated: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Shown as typed.
    Text,
    /// Hidden while typing; never shown again but for its last four characters.
    Secret,
    /// A phone number in E.164.
    Phone,
    /// Like [`Self::Secret`], in the form of Standard Webhooks: `whsec_` and base64.
    SigningSecret,
}

/// One thing to do on the platform.
#[derive(Debug, Clone, Serialize)]
pub struct SetupStep {
    /// What to do.
    pub title: &'static str,
    /// How.
    pub detail: &'static str,
    /// Text to paste there, as it is but for `{webhook_url}` and `{bot_name}`: an app's manifest.
    pub paste: Option<&'static str>,
}

/// What the platform bears.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Limits {
    /// Messages a second that one integration may send before the platform objects.
    pub sends_per_second: f64,
    /// How long to wait between two messages to one conversation.
    pub conversation_gap: Duration,
    /// How long after a contact's last message we may answer, where the platform limits that.
    pub reply_window: Option<Duration>,
    /// How long to wait for more before answering, so that several messages become one question.
    pub settle: Duration,
    /// What files it takes. Empty: all that we keep.
    pub media: &'static [MediaRule],
}

/// Whose credentials these are, in the platform's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// What the owner knows the account by: `+14155550123`, `@acme_help`.
    pub name: String,
    /// What else is worth knowing: `trial account`, `3 pages`.
    pub details: Vec<String>,
}

/// What came of connecting a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Connected {
    /// The platform now calls us.
    Registered {
        /// Where on the platform it was set, in words.
        set_on: String,
    },
    /// The platform's API does not allow it: this is what to paste where.
    Manual {
        /// Why not, and what to do.
        instructions: String,
    },
}
