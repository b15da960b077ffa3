//! One thing that is known of a lead: what may be written, and whether the widget's form asks for it.

use super::{Unfit, at_most, optional, text, unfit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const MOST_CHOICES: usize = 20;

/// One thing that is known of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name: `name` is the person's name, everything else is kept by it.
    pub name: String,
    /// What may be written.
    #[serde(rename = "type", default)]
    pub kind: FieldKind,
    /// What the visitor reads; `None`: the script's own word for the name.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether it may not stay empty in the form.
    #[serde(default)]
    pub required: bool,
    /// Of a choice: what is offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether the form asks for it. What it does not ask for is written down by members.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub ask: bool,
}

/// What may be written into a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Anything.
    #[default]
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// One of those that are offered.
    Choice,
}

const fn yes() -> bool {
    true
}

const fn is_yes(ask: &bool) -> bool {
    *ask
}

impl Field {
    pub(super) fn check(&self, place: &str) -> Result<(), Unfit> {
        let name = self.name.as_str();
        let fits = (1..=40).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !fits || name == "consent" {
            return Err(unfit(
                format!("{place}.name"),
                "has to be 1 to 40 small letters, digits or _, and not consent",
            ));
        }
        optional(&format!("{place}.label"), self.label.as_deref(), 100)?;
        let choices = format!("{place}.choices");
        at_most(&choices, self.choices.len(), MOST_CHOICES)?;
        for (i, choice) in self.choices.iter().enumerate() {
            text(&format!("{choices}[{i}]"), choice, 100)?;
        }
        let different: BTreeSet<&str> = self.choices.iter().map(|choice| choice.trim()).collect();
        if different.len() != self.choices.len() {
            return Err(unfit(choices, "has to name each choice once"));
        }
        if (self.kind == FieldKind::Choice) == self.choices.is_empty() {
            return Err(unfit(
                choices,
                "has to name what is offered where the type is choice, and only there",
            ));
        }
        Ok(())
    }

    /// What a text that was written has to be and is not; `None`: it fits.
    pub fn misfit(&self, text: &str) -> Option<String> {
        match self.kind {
            FieldKind::Email if !is_email(text) => {
                Some("has to be an e-mail address, like ada@example.com".to_owned())
            }
            FieldKind::Phone if !is_phone(text) => {
                Some("has to be a telephone number, like +44 20 7946 0018".to_owned())
            }
            FieldKind::Choice if !self.choices.iter().any(|choice| choice == text) => {
                Some(format!("has to be one of: {}", self.choices.join(", ")))
            }
            FieldKind::Text | FieldKind::Email | FieldKind::Phone | FieldKind::Choice => None,
        }
    }

    /// The field that every lead has under this name: an e-mail address or a telephone number.
    pub fn of_kind(name: &str, kind: FieldKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            label: None,
            required: false,
            choices: Vec::new(),
            ask: false,
        }
    }
}

/// Something at a domain with a dot. Whether somebody reads it shows when it is written to.
fn is_email(text: &str) -> bool {
    let Some((who, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let labels: Vec<&str> = domain.split('.').collect();
    !who.is_empty()
        && !who.contains('@')
        && !text.contains(|c: char| c.is_whitespace() || "<>\"(),;:".contains(c))
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty())
}

/// 6 to 15 digits (E.164 has no longer ones), with what people write between them.
fn is_phone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    (6..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " -()./".contains(c))
}
