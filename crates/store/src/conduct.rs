//! How a chatbot conducts itself beside answering: when it hands a conversation over, and where it may link to.
//!
//! Without a row a chatbot has the usual rules: [`HandoffRules::default`], and no hosts beside its documents' own.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::ChatbotId;
use serde::{Deserialize, Serialize};

const MOST_PHRASES: usize = 100;
const LONGEST_PHRASE: usize = 80;
const LONGEST_TEXT: usize = 1_000;
const MOST_UNANSWERED: u32 = 20;
const LONGEST_SILENCE: u32 = 30 * 24 * 60;
const MOST_HOSTS: usize = 200;

/// Languages in which the usual ways to ask for a human are known.
pub const LANGUAGES: [&str; 2] = ["en", "de"];

/// When a chatbot hands a conversation over, and what it says then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandoffRules {
    /// Whether it does when the person asks for a human.
    pub on_request: bool,
    /// Languages whose usual ways to ask are listened for.
    pub languages: Vec<String>,
    /// Other ways to ask. Several words are found anywhere in a message, a single one where it stands alone.
    pub request_phrases: Vec<String>,
    /// Words on which it hands over wherever they stand.
    pub keywords: Vec<String>,
    /// After so many questions in a row that it could not answer.
    pub after_unanswered: Option<u32>,
    /// What it says; `None`: a usual sentence in the language in which it was asked.
    pub text: Option<String>,
    /// After so many minutes without a word of a human the bot has the conversation again; `None`: it does not by itself.
    pub hand_back_after_minutes: Option<u32>,
}

impl Default for HandoffRules {
    fn default() -> Self {
        Self {
            on_request: true,
            languages: LANGUAGES.map(str::to_owned).to_vec(),
            request_phrases: Vec::new(),
            keywords: Vec::new(),
            after_unanswered: None,
            text: None,
            hand_back_after_minutes: Some(60),
        }
    }
}

/// A setting that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Unfit {
    /// Where: `keywords[1]`.
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

impl HandoffRules {
    /// The first setting that does not fit.
    pub fn check(&self) -> Result<(), Unfit> {
        for (i, language) in self.languages.iter().enumerate() {
            if !LANGUAGES.contains(&language.as_str()) {
                let known = LANGUAGES.join(" and ");
                return Err(unfit(
                    format!("languages[{i}]"),
                    format!(
                        "usual phrases are known in {known}; write those of other languages as request_phrases"
                    ),
                ));
            }
        }
        phrases("request_phrases", &self.request_phrases)?;
        phrases("keywords", &self.keywords)?;
        if let Some(count) = self.after_unanswered
            && !(1..=MOST_UNANSWERED).contains(&count)
        {
            let problem =
                format!("has to be between 1 and {MOST_UNANSWERED}, or null for never; got {count}");
            return Err(unfit("after_unanswered", problem));
        }
        if let Some(text) = &self.text {
            let length = text.chars().count();
            if text.trim().is_empty() || length > LONGEST_TEXT || text.contains('\0') {
                let problem = format!(
                    "has to be 1 to {LONGEST_TEXT} characters, or null for the usual sentence; got {length}"
                );
                return Err(unfit("text", problem));
            }
        }
        if let Some(minutes) = self.hand_back_after_minutes
            && !(1..=LONGEST_SILENCE).contains(&minutes)
        {
            let problem = format!(
                "has to be between 1 and {LONGEST_SILENCE} minutes, or null for never; got {minutes}"
            );
            return Err(unfit("hand_back_after_minutes", problem));
        }
        Ok(())
    }
}

fn phrases(field: &str, phrases: &[String]) -> Result<(), Unfit> {
    if phrases.len() > MOST_PHRASES {
        return Err(unfit(field, format!("may have {MOST_PHRASES} entries at most")));
    }
    for (i, phrase) in phrases.iter().enumerate() {
        let length = phrase.chars().count();
        if !phrase.chars().any(char::is_alphanumeric)
            || length > LONGEST_PHRASE
            || phrase.chars().any(char::is_control)
        {
            let problem = format!(
                "has to be a word or a few, with letters, {LONGEST_PHRASE} characters at most; got {length}"
            );
            return Err(unfit(format!("{field}[{i}]"), problem));
        }
    }
    Ok(())
}

/// Brings hosts into one form, `example.com` or `*.example.com`, or names the one that is none.
pub fn hosts(given: &[String]) -> Result<Vec<String>, Unfit> {
    if given.len() > MOST_HOSTS {
        return Err(unfit("hosts", format!("may have {MOST_HOSTS} entries at most")));
    }
    let mut hosts = Vec::new();
    for (i, host) in given.iter().enumerate() {
        let written = host.trim().trim_end_matches('.').to_lowercase();
        let name = written.strip_prefix("*.").unwrap_or(&written);
        let fits = name.len() <= 253
            && name.contains('.')
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            });
        if !fits {
            return Err(unfit(
                format!("hosts[{i}]"),
                "has to be a host without scheme and path, like example.com, or *.example.com for every host below it",
            ));
        }
        if !hosts.contains(&written) {
            hosts.push(written);
        }
    }
    Ok(hosts)
}

/// How a chatbot conducts itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conduct {
    /// When it hands over.
    pub handoff: HandoffRules,
    /// Where its answers may link to, beside its documents' own hosts.
    pub link_hosts: Vec<String>,
}

struct Row {
    handoff: Option<serde_json::Value>,
    link_hosts: Option<Vec<String>>,
}

impl TryFrom<Row> for Conduct {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            handoff: row
                .handoff
                .map(serde_json::from_value)
                .transpose()?
                .unwrap_or_default(),
            link_hosts: row.link_hosts.unwrap_or_default(),
        })
    }
}

/// A chatbot's conduct, for its owner. `None`: there is no such chatbot here.
pub async fn get(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Option<Conduct>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select c.handoff as "handoff?", c.link_hosts as "link_hosts?"
           from chatbots b left join conduct c on c.chatbot_id = b.id
           where b.workspace_id = $1 and b.id = $2"#,
        workspace,
        chatbot.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// A chatbot's conduct, whosever it is: for workers.
pub async fn load(db: &Db, chatbot: ChatbotId) -> Result<Conduct, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select handoff as "handoff?", link_hosts as "link_hosts?" from conduct where chatbot_id = $1"#,
        chatbot.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    row.map_or_else(|| Ok(Conduct::default()), TryInto::try_into)
}

/// Writes the rules of handing over. Conversations that a human has now go back to the bot by the new time of silence.
/// `false`: there is no such chatbot here.
pub async fn save_handoff(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    rules: &HandoffRules,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let done = sqlx::query!(
        "insert into conduct (chatbot_id, workspace_id, handoff, hand_back_minutes, updated_at)
         select id, workspace_id, $3, $4::int, $5 from chatbots where workspace_id = $1 and id = $2
         on conflict (chatbot_id) do update set handoff = excluded.handoff,
             hand_back_minutes = excluded.hand_back_minutes, updated_at = excluded.updated_at",
        workspace,
        chatbot.as_uuid(),
        serde_json::to_value(rules)?,
        rules
            .hand_back_after_minutes
            .and_then(|minutes| i32::try_from(minutes).ok()),
        now,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "update conversations v
         set hand_back_at = greatest(v.handed_off_at, (select max(m.accepted_at) from messages m
                                                       where m.conversation_id = v.id and m.sender = 'agent'))
                            + hand_back_after(v.chatbot_id)
         where v.workspace_id = $1 and v.chatbot_id = $2 and v.handler = 'human'",
        workspace,
        chatbot.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(true)
}

/// Writes the hosts to which answers may link, as [`hosts`] gives them. `false`: there is no such chatbot here.
pub async fn save_link_hosts(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    hosts: &[String],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let usual = HandoffRules::default();
    let done = sqlx::query!(
        "insert into conduct (chatbot_id, workspace_id, link_hosts, hand_back_minutes, updated_at)
         select id, workspace_id, $3, $4::int, $5 from chatbots where workspace_id = $1 and id = $2
         on conflict (chatbot_id) do update set link_hosts = excluded.link_hosts, updated_at = excluded.updated_at",
        workspace,
        chatbot.as_uuid(),
        hosts,
        usual
            .hand_back_after_minutes
            .and_then(|minutes| i32::try_from(minutes).ok()),
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
    fn a_rule_that_does_not_fit_is_named_with_what_would() {
        for (rules, field) in [
            (json!({"languages": ["en", "fr"]}), "languages[1]"),
            (json!({"request_phrases": ["a human", "…"]}), "request_phrases[1]"),
            (json!({"keywords": ["x".repeat(81)]}), "keywords[0]"),
            (json!({"keywords": vec!["refund"; 101]}), "keywords"),
            (json!({"after_unanswered": 0}), "after_unanswered"),
            (json!({"text": " "}), "text"),
            (
                json!({"hand_back_after_minutes": 50_000}),
                "hand_back_after_minutes",
            ),
        ] {
            let rules: HandoffRules = serde_json::from_value(rules).unwrap();
            assert_eq!(rules.check().unwrap_err().field, field);
        }
        assert_eq!(HandoffRules::default().check(), Ok(()));
    }

    #[test]
    fn hosts_come_in_one_form_and_addresses_are_none() {
        let given = ["Example.com.", "*.shop.example", "example.com", "bücher.example"].map(str::to_owned);

        assert_eq!(
            hosts(&given).unwrap(),
            ["example.com", "*.shop.example", "bücher.example"]
        );
        for bad in [
            "https://example.com",
            "example.com/path",
            "localhost",
            "*",
            "*.",
            "a..b",
            "-a.b",
        ] {
            assert_eq!(hosts(&[bad.to_owned()]).unwrap_err().field, "hosts[0]", "{bad}");
        }
    }
}
