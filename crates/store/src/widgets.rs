//! How a chatbot's widget looks, what it says, and what it asks before anybody writes.
//!
//! Invariant: nothing is stored that [`WidgetSettings::check`] refuses: pages of other sites show it.

mod field;

pub use field::{Field, FieldKind};

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::ChatbotId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const MOST_SUGGESTIONS: usize = 6;
const MOST_FIELDS: usize = 20;
const MOST_ASKED: usize = 6;
const MOST_LANGUAGES: usize = 40;
/// A logo's most bytes.
pub const MOST_LOGO_BYTES: usize = 256 * 1024;

/// The words of the script that an owner may replace.
const TEXTS: [&str; 43] = [
    "title",
    "open",
    "close",
    "placeholder",
    "send",
    "attach",
    "remove",
    "you",
    "bot",
    "agent",
    "sources",
    "typing",
    "sending",
    "failed",
    "retry",
    "good",
    "bad",
    "why",
    "sendComment",
    "thanks",
    "notRated",
    "newMessage",
    "person",
    "unanswered",
    "offline",
    "reconnecting",
    "unavailable",
    "refused",
    "slow",
    "tooLong",
    "tooLarge",
    "tooMany",
    "fileKind",
    "fileFailed",
    "intro",
    "start",
    "name",
    "email",
    "phone",
    "required",
    "badEmail",
    "badPhone",
    "agree",
];

/// What an owner sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WidgetSettings {
    /// What stands above the conversation; `None`: the chatbot's name.
    pub name: Option<String>,
    /// Shown first, before anything is sent.
    pub welcome: Option<String>,
    /// What a visitor may ask with one press.
    pub suggestions: Vec<Suggestion>,
    /// The accent, as `#rrggbb`.
    pub colour: String,
    /// The side of the page.
    pub position: Position,
    /// Light or dark.
    pub theme: Theme,
    /// `None`: the page's language, then the browser's.
    pub language: Option<String>,
    /// The owner's words over the script's own, by language and name.
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
    /// What is known of a lead beside the conversation; what is to be asked is asked before the first message.
    pub pre_chat: Vec<Field>,
    /// What has to be agreed to where something is asked.
    pub consent: Option<String>,
    /// Whether visitors may attach files.
    pub files: bool,
    /// Whether answers show where they are from.
    pub citations: bool,
    /// Whether visitors may say what they think of answers.
    pub feedback: bool,
}

/// A question that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suggestion {
    /// What is shown.
    pub title: String,
    /// What is sent.
    pub value: String,
}

/// The side of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// At the right.
    #[default]
    Right,
    /// At the left.
    Left,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the visitor's system is.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Default for WidgetSettings {
    fn default() -> Self {
        Self {
            name: None,
            welcome: None,
            suggestions: Vec::new(),
            colour: "#0b6b4f".to_owned(),
            position: Position::Right,
            theme: Theme::Auto,
            language: None,
            texts: BTreeMap::new(),
            pre_chat: Vec::new(),
            consent: None,
            files: true,
            citations: true,
            feedback: true,
        }
    }
}

/// A setting that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Unfit {
    /// Where: `suggestions[1].title`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

fn unfit(field: impl Into<String>, problem: impl Into<String>) -> Unfit {
    Unfit {
        field: field.into(),
        problem: problem.into(),
    }
}

impl WidgetSettings {
    /// The first setting that does not fit.
    pub fn check(&self) -> Result<(), Unfit> {
        optional("name", self.name.as_deref(), 60)?;
        optional("welcome", self.welcome.as_deref(), 1_000)?;
        optional("consent", self.consent.as_deref(), 1_000)?;
        let digits = self.colour.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(unfit(
                "colour",
                "has to be # and six hexadecimal digits, like #0b6b4f",
            ));
        }
        if let Some(language) = &self.language {
            tag("language", language)?;
        }
        at_most("suggestions", self.suggestions.len(), MOST_SUGGESTIONS)?;
        for (i, suggestion) in self.suggestions.iter().enumerate() {
            text(&format!("suggestions[{i}].title"), &suggestion.title, 60)?;
            text(&format!("suggestions[{i}].value"), &suggestion.value, 500)?;
        }
        at_most("texts", self.texts.len(), MOST_LANGUAGES)?;
        for (language, words) in &self.texts {
            tag(&format!("texts.{}", shorten(language)), language)?;
            for (name, word) in words {
                let field = format!("texts.{language}.{}", shorten(name));
                if !TEXTS.contains(&name.as_str()) {
                    let problem = format!("is no text of the widget's; these are: {}", TEXTS.join(", "));
                    return Err(unfit(field, problem));
                }
                text(&field, word, 300)?;
            }
        }
        self.check_form()
    }

    fn check_form(&self) -> Result<(), Unfit> {
        at_most("pre_chat", self.pre_chat.len(), MOST_FIELDS)?;
        at_most("pre_chat", self.asked().count(), MOST_ASKED).map_err(|_| {
            let problem = format!("may have {MOST_ASKED} entries at most that are asked in the form");
            unfit("pre_chat", problem)
        })?;
        let mut names = BTreeSet::new();
        for (i, field) in self.pre_chat.iter().enumerate() {
            field.check(&format!("pre_chat[{i}]"))?;
            if !names.insert(field.name.as_str()) {
                let problem = format!("{} is there twice", field.name);
                return Err(unfit(format!("pre_chat[{i}].name"), problem));
            }
        }
        Ok(())
    }

    /// The fields that the form asks for.
    pub fn asked(&self) -> impl Iterator<Item = &Field> {
        self.pre_chat.iter().filter(|field| field.ask)
    }
}

fn at_most(field: &str, found: usize, most: usize) -> Result<(), Unfit> {
    if found <= most {
        Ok(())
    } else {
        Err(unfit(field, format!("may have {most} entries at most")))
    }
}

fn optional(field: &str, value: Option<&str>, most: usize) -> Result<(), Unfit> {
    value.map_or(Ok(()), |value| text(field, value, most))
}

fn text(field: &str, value: &str, most: usize) -> Result<(), Unfit> {
    let length = value.chars().count();
    let control = value.chars().any(|c| c.is_control() && c != '\n');
    if value.trim().is_empty() || length > most || control {
        return Err(unfit(
            field,
            format!("has to be 1 to {most} characters without control characters"),
        ));
    }
    Ok(())
}

/// A language's tag (BCP 47), as far as its letters go.
fn tag(field: &str, value: &str) -> Result<(), Unfit> {
    let mut parts = value.split('-');
    let first = parts
        .next()
        .is_some_and(|part| (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase()));
    let rest =
        parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if first && rest && value.len() <= 35 {
        Ok(())
    } else {
        Err(unfit(field, "has to be a language's tag, like de or pt-BR"))
    }
}

fn shorten(name: &str) -> String {
    name.chars().take(40).collect()
}

/// A widget, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widget {
    /// The chatbot's name.
    pub chatbot_name: String,
    /// What its owner set.
    pub settings: WidgetSettings,
    /// The logo's version; `None`: there is no logo.
    pub logo: Option<String>,
}

/// A logo's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/png`, `image/jpeg` or `image/webp`.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its version.
    pub hash: String,
}

struct Row {
    chatbot_name: String,
    settings: Option<serde_json::Value>,
    logo_hash: Option<String>,
}

impl TryFrom<Row> for Widget {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            chatbot_name: row.chatbot_name,
            settings: row
                .settings
                .map(serde_json::from_value)
                .transpose()?
                .unwrap_or_default(),
            logo: row.logo_hash,
        })
    }
}

/// A chatbot's widget, for its owner. `None`: there is no such chatbot here.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<Widget>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select b.name as chatbot_name, w.settings as "settings?", w.logo_hash as "logo_hash?"
           from chatbots b left join widgets w on w.chatbot_id = b.id
           where b.workspace_id = $1 and b.id = $2"#,
        workspace,
        chatbot.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// A chatbot's widget, whosever it is: for visitors.
pub async fn load(db: &Db, chatbot: ChatbotId) -> Result<Option<Widget>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select b.name as chatbot_name, w.settings as "settings?", w.logo_hash as "logo_hash?"
           from chatbots b left join widgets w on w.chatbot_id = b.id
           where b.id = $1"#,
        chatbot.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Its logo, whosever it is: for visitors.
pub async fn load_logo(db: &Db, chatbot: ChatbotId) -> Result<Option<Logo>, StoreError> {
    Ok(sqlx::query_as!(
        Logo,
        r#"select logo_type as "content_type!", logo as "bytes!", logo_hash as "hash!"
           from widgets where chatbot_id = $1 and logo is not null"#,
        chatbot.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?)
}

/// Writes the settings; the logo stays. `false`: there is no such chatbot here.
pub async fn save(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    settings: &WidgetSettings,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "insert into widgets (chatbot_id, workspace_id, settings, updated_at)
         select id, workspace_id, $3, $4 from chatbots where workspace_id = $1 and id = $2
         on conflict (chatbot_id) do update set settings = excluded.settings, updated_at = excluded.updated_at",
        workspace,
        chatbot.as_uuid(),
        serde_json::to_value(settings)?,
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes the logo, or takes it away. `false`: there is no such chatbot here.
pub async fn save_logo(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    logo: Option<&Logo>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "insert into widgets (chatbot_id, workspace_id, logo, logo_type, logo_hash, updated_at)
         select id, workspace_id, $3, $4, $5, $6 from chatbots where workspace_id = $1 and id = $2
         on conflict (chatbot_id) do update set logo = excluded.logo, logo_type = excluded.logo_type,
             logo_hash = excluded.logo_hash, updated_at = excluded.updated_at",
        workspace,
        chatbot.as_uuid(),
        logo.map(|logo| logo.bytes.as_slice()),
        logo.map(|logo| logo.content_type.as_str()),
        logo.map(|logo| logo.hash.as_str()),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_setting_that_does_not_fit_is_named() {
        for (settings, field) in [
            (json!({"colour": "red"}), "colour"),
            (json!({"colour": "#0b6b4f;}"}), "colour"),
            (json!({"name": " "}), "name"),
            (json!({"welcome": "a\u{0}"}), "welcome"),
            (json!({"language": "German"}), "language"),
            (
                json!({"suggestions": [{"title": "", "value": "x"}]}),
                "suggestions[0].title",
            ),
            (json!({"texts": {"de": {"onload": "x"}}}), "texts.de.onload"),
            (json!({"pre_chat": [{"name": "consent"}]}), "pre_chat[0].name"),
            (
                json!({"pre_chat": [{"name": "a"}, {"name": "a"}]}),
                "pre_chat[1].name",
            ),
            (json!({"pre_chat": vec![json!({"name": "a"}); 7]}), "pre_chat"),
        ] {
            let settings: WidgetSettings = serde_json::from_value(settings).unwrap();
            assert_eq!(settings.check().unwrap_err().field, field);
        }
        let fits = json!({"language": "pt-BR", "texts": {"de": {"title": "Frag uns"}},
                          "pre_chat": [{"name": "email", "type": "email", "required": true}]});
        let fits: WidgetSettings = serde_json::from_value(fits).unwrap();
        assert_eq!(fits.check(), Ok(()));
        assert_eq!(WidgetSettings::default().check(), Ok(()));
    }
}
