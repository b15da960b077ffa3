//! What goes out.

use domain::{PartId, Platform};
use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;

/// A whole reply, in CommonMark, before a platform has cut it to its measure.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The text, in CommonMark.
    pub text: String,
    /// Public addresses of media to go with it.
    pub media: Vec<String>,
    /// What the person may answer with one tap. A platform without buttons, or with fewer, writes a numbered list.
    pub buttons: Vec<Button>,
    /// A form of words that the platform has approved, in place of everything above: for platforms that take nothing
    /// else outside their reply window.
    pub template: Option<TemplateUse>,
}

/// One answer that a person may tap.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    /// What the person reads.
    pub title: String,
    /// What comes back when it is pressed, as [`crate::InboundMessage::choice`].
    pub value: String,
}

/// An approved form of words, filled in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateUse {
    /// Its name on the platform.
    pub name: String,
    /// Its language, in the platform's form: `en_US`.
    pub language: String,
    /// What fills its places, in their order.
    #[serde(default)]
    pub parameters: Vec<String>,
}

/// What one call to the platform carries.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutboundContent {
    /// The text in the platform's dialect; may be empty where there is media.
    pub text: String,
    /// Public addresses of media to go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<String>,
    /// Buttons below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The template to send instead of all that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateUse>,
    /// What else the platform's own code wants to find again when it sends: formatting by position, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<serde_json::Value>,
}

/// One part of a reply, ready to be delivered.
#[derive(Clone)]
pub struct OutboundPart {
    /// Our id of it; comes back in status callbacks.
    pub id: PartId,
    /// The platform it goes to.
    pub platform: Platform,
    /// The person it goes to, as the platform names them.
    pub contact: String,
    /// The conversation it goes to, as the platform names it.
    pub conversation: String,
    /// What to deliver.
    pub content: OutboundContent,
    /// What the platform gave us with the message that this answers.
    pub reply_to: Option<serde_json::Value>,
    /// Where the platform shall report what became of it.
    pub status_callback: Option<Url>,
}

impl fmt::Debug for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Button(…)")
    }
}

impl fmt::Debug for TemplateUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TemplateUse({}, {}, {} parameters)",
            self.name,
            self.language,
            self.parameters.len()
        )
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Reply({} chars, {} media)",
            self.text.chars().count(),
            self.media.len()
        )
    }
}

impl fmt::Debug for OutboundContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OutboundContent({} chars, {} media)",
            self.text.chars().count(),
            self.media.len()
        )
    }
}

impl fmt::Debug for OutboundPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundPart")
            .field("id", &self.id)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// The platform has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The platform's id of the message.
    pub platform_message_id: String,
    /// Units of the platform's bill (SMS: segments), where it tells.
    pub segments: Option<i32>,
}
