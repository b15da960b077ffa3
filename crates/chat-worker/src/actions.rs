//! What a bot does beside answering: the calls that its model asks for, the visitor's yes to those that change something,
//! and the record of all of them.
//!
//! Invariant: nothing that changes something is called before the visitor has said yes to that very call, and a turn that
//! is run again calls under the same key, or not at all where the outcome is known.

mod consent;
mod kit;

pub(crate) use kit::Kit;

use crate::actions::{
    consent::Said,
    kit::{Entry, Kind},
};
use channel::Button;
use chrono::{DateTime, Utc};
use domain::{ConversationId, ToolCallId};
use models::{Round, ToolCall, ToolResult};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, time::Duration};
use store::{
    Db, StoreError,
    chatbots::Chatbot,
    mcp_servers,
    tool_calls::{self, Changes, Ending, NewCall, OpenCall, Run},
    tools as stored,
    turns::Waiting,
};
use tools::{McpServer, Outcome, Secrets, Tools};
use vault::{Keyring, Place};

/// How often a model may ask for calls before it has to answer.
pub(crate) const MOST_ROUNDS: usize = 4;
/// Calls that a model may ask for at once.
const MOST_AT_ONCE: usize = 8;

/// What became of a call to which the visitor said yes, where nobody was left to hear it.
const UNKNOWN: &str = "I do not know whether that was done.";
const UNKNOWN_TOLD: &str = "The visitor said yes, and the call was begun, but it is not known whether it was done. Tell them so. Do not \
     do it again unless they ask for it once more.";

/// What calls are made with.
#[derive(Clone)]
pub(crate) struct Hands {
    pub db: Db,
    pub keyring: Keyring,
    pub tools: Tools,
}

/// The calls of one turn.
pub(crate) struct Calls<'a> {
    hands: &'a Hands,
    bot: &'a Chatbot,
    kit: &'a Kit,
    /// Of the messages that are answered: calls of a turn that is run again bear the same key.
    seed: String,
    /// What was called, and what came of it, as the model is told.
    pub rounds: Vec<Round>,
    /// For the answer's record.
    pub record: Vec<Value>,
    /// For the commit.
    pub changes: Changes,
    /// Outcomes of this turn, by key.
    known: BTreeMap<String, Outcome>,
    /// What came of the call to which the visitor said yes, in our words.
    done: Option<&'static str>,
}

/// What the visitor is asked before something is done.
pub(crate) struct Question {
    pub text: String,
    pub buttons: Vec<Button>,
}

/// What became of a call to which the visitor said yes.
enum Ran {
    Known(Outcome),
    /// It was begun, so long ago that it must not be begun again.
    Unknown,
    /// Somebody else ended it: it was not made here.
    Ended,
}

/// An outcome, as it is kept until the turn is committed.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: Option<u16>,
    content: String,
    error: Option<String>,
    milliseconds: u64,
}

impl<'a> Calls<'a> {
    /// Begins the calls of a turn: first with the one that the visitor was asked about, where they were.
    pub async fn begin(
        hands: &'a Hands,
        bot: &'a Chatbot,
        kit: &'a Kit,
        conversation: ConversationId,
        waiting: &[Waiting],
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut calls = Self {
            hands,
            bot,
            kit,
            seed: waiting
                .last()
                .map(|message| message.id.to_string())
                .unwrap_or_default(),
            rounds: Vec::new(),
            record: Vec::new(),
            changes: Changes::default(),
            known: BTreeMap::new(),
            done: None,
        };
        if !kit.tools.is_empty()
            && let Some(open) = tool_calls::open(&hands.db, conversation).await?
        {
            calls.resume(open, waiting, now).await?;
        }
        Ok(calls)
    }

    /// What models are told of.
    pub fn tools(&self) -> &'a [models::Tool] {
        &self.kit.tools
    }

    /// Whether the visitor answered a question of ours: then there is nothing to search for.
    pub fn has_resumed(&self) -> bool {
        !self.rounds.is_empty()
    }

    async fn resume(
        &mut self,
        open: OpenCall,
        waiting: &[Waiting],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let entry = self.kit.find(&open.tool);
        let (yes, no) = entry.map_or(("Yes", "No"), Entry::labels);
        let said = if open.running {
            // They said yes in a turn that did not come to its end.
            Said::Yes
        } else if open.expires_at < now {
            Said::Other
        } else {
            consent::said(waiting, &open, yes, no)
        };
        let call = ToolCall {
            id: short_id(open.id),
            name: open.tool.clone(),
            arguments: open.arguments.clone(),
            signature: None,
        };
        let (ending, told) = match (said, entry) {
            (Said::Other, _) => {
                self.changes.ended = Some((open.id, Ending::Lapsed));
                return Ok(());
            }
            (Said::No, _) => {
                self.note(&call, "declined", None);
                (
                    Ending::Declined,
                    "The visitor said no: it was not done.".to_owned(),
                )
            }
            (Said::Yes, None) if !open.running => {
                self.note(&call, "declined", None);
                (
                    Ending::Declined,
                    "The visitor said yes, but it cannot be done any more: it was not done.".to_owned(),
                )
            }
            (Said::Yes, entry) => match self.run_once(entry, &open, now).await? {
                Ran::Known(outcome) => {
                    self.note(&call, state_of(&outcome), Some(&outcome));
                    self.done = Some(match outcome.error {
                        None => "That is done.",
                        Some(_) => "That did not work.",
                    });
                    let told = format!("The visitor said yes, and it was called.\n{}", outcome.told());
                    (Ending::Done, told)
                }
                Ran::Unknown => {
                    self.note(&call, "unknown", None);
                    self.done = Some(UNKNOWN);
                    (Ending::Done, UNKNOWN_TOLD.to_owned())
                }
                // Whoever ended it has told the visitor, or will.
                Ran::Ended => {
                    self.note(&call, "lapsed", None);
                    return Ok(());
                }
            },
        };
        self.changes.ended = Some((open.id, ending));
        self.rounds.push(Round {
            results: vec![ToolResult {
                call: call.id.clone(),
                content: told,
            }],
            calls: vec![call],
        });
        Ok(())
    }

    /// Calls what the visitor said yes to, unless an earlier run of this turn did, or it is too late for another. Whether
    /// it is still to be made is asked in the statement that says it is being made: what was read before may be old.
    async fn run_once(
        &self,
        entry: Option<&Entry>,
        open: &OpenCall,
        now: DateTime<Utc>,
    ) -> Result<Ran, StoreError> {
        if open.outcome.is_none() && open.running && (entry.is_none() || open.expires_at <= now) {
            return Ok(Ran::Unknown);
        }
        match (tool_calls::run(&self.hands.db, open.id, now).await?, entry) {
            (Run::Ended, _) => Ok(Ran::Ended),
            (Run::Made(kept), _) => Ok(match serde_json::from_value::<Kept>(kept) {
                Ok(kept) => Ran::Known(kept.into()),
                Err(_) => Ran::Unknown,
            }),
            (Run::Make, None) => Ok(Ran::Unknown),
            (Run::Make, Some(entry)) => {
                let outcome = self.call(entry, &open.arguments, &open.id.to_string()).await;
                let kept = serde_json::to_value(Kept::from(&outcome)).map_err(StoreError::from)?;
                tool_calls::record(&self.hands.db, open.id, &kept).await?;
                Ok(Ran::Known(outcome))
            }
        }
    }

    /// Does what a model asks for. `Some`: the visitor has to be asked first, and nothing was done.
    pub async fn round(&mut self, mut asked: Vec<ToolCall>) -> Option<Question> {
        asked.truncate(MOST_AT_ONCE);
        let mut results = Vec::new();
        for call in &asked {
            let (entry, problem) = match self.kit.find(&call.name) {
                None => (None, Some("there is no such tool".to_owned())),
                Some(entry) => (Some(entry), self.unfit(entry, &call.arguments)),
            };
            let outcome = match (entry, problem) {
                (_, Some(problem)) => Outcome::failed(problem, Duration::ZERO),
                (Some(entry), None) if entry.asks => return Some(self.ask_for(call, entry)),
                (Some(entry), None) => self.known_or_called(entry, call).await,
                (None, None) => continue,
            };
            self.note(call, state_of(&outcome), Some(&outcome));
            results.push(ToolResult {
                call: call.id.clone(),
                content: outcome.told(),
            });
        }
        self.rounds.push(Round {
            calls: asked,
            results,
        });
        None
    }

    /// Nobody is asked about what could not be called.
    fn unfit(&self, entry: &Entry, arguments: &Value) -> Option<String> {
        match &entry.kind {
            Kind::Http { action, .. } => {
                let fits = self.hands.tools.fits(action, arguments);
                fits.err()
                    .map(|problem| format!("the arguments do not fit: {problem}"))
            }
            Kind::Remote { .. } if !arguments.is_object() => Some("the arguments are no object".to_owned()),
            Kind::Remote { .. } => None,
        }
    }

    fn ask_for(&mut self, call: &ToolCall, entry: &Entry) -> Question {
        let id = ToolCallId::new();
        let (text, yes, no) = entry.question(&call.name, &call.arguments);
        let buttons = consent::buttons(id, yes, no);
        self.note(call, "asked", None);
        self.changes.asked = Some(NewCall {
            id,
            tool: call.name.clone(),
            arguments: call.arguments.clone(),
            question: text.clone(),
        });
        Question { text, buttons }
    }

    async fn known_or_called(&mut self, entry: &Entry, call: &ToolCall) -> Outcome {
        let key = self.key(call);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let outcome = self.call(entry, &call.arguments, &key).await;
        self.known.insert(key, outcome.clone());
        outcome
    }

    fn key(&self, call: &ToolCall) -> String {
        let named = format!("{}\n{}\n{}", self.seed, call.name, call.arguments);
        Sha256::digest(named.as_bytes())[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    async fn call(&self, entry: &Entry, arguments: &Value, key: &str) -> Outcome {
        let secrets = match self.secrets(entry).await {
            Ok(secrets) => secrets,
            Err(why) => return Outcome::failed(why, Duration::ZERO),
        };
        let tools = &self.hands.tools;
        let outcome = match &entry.kind {
            Kind::Http { action, .. } => tools.call(action, &secrets, arguments, key).await,
            Kind::Remote { server, tool } => {
                let server = McpServer {
                    url: server.url.clone(),
                    headers: secrets,
                };
                tools.call_remote(&server, tool, arguments, key).await
            }
        };
        let word = if outcome.error.is_none() { "done" } else { "failed" };
        metrics::histogram!("botsmith_tool_seconds", "outcome" => word).record(outcome.took.as_secs_f64());
        outcome
    }

    async fn secrets(&self, entry: &Entry) -> Result<Secrets, String> {
        let (sealed, row, column) = match &entry.kind {
            Kind::Http { stored, .. } => (&stored.secrets, stored.id.as_uuid(), stored::SECRETS_COLUMN),
            Kind::Remote { server, .. } => {
                (&server.secrets, server.id.as_uuid(), mcp_servers::SECRETS_COLUMN)
            }
        };
        let Some(sealed) = sealed else {
            return Ok(Secrets::default());
        };
        let opened = self
            .hands
            .keyring
            .open_text(self.bot.workspace, Place { row, column }, sealed)
            .await
            .map_err(|error| error.to_string())?;
        let values: BTreeMap<String, SecretString> = {
            use secrecy::ExposeSecret;
            serde_json::from_str(opened.expose_secret())
                .map_err(|_| "the secret headers cannot be read".to_owned())?
        };
        Ok(Secrets::new(values))
    }

    fn note(&mut self, call: &ToolCall, state: &str, outcome: Option<&Outcome>) {
        self.record.push(json!({
            "id": call.id, "tool": call.name, "arguments": call.arguments, "state": state,
            "status": outcome.and_then(|outcome| outcome.status),
            "milliseconds": outcome.map(|outcome| milliseconds(outcome.took)),
            "error": outcome.and_then(|outcome| outcome.error.as_deref()),
        }));
    }

    /// What to say of a call that was made when the model cannot say it.
    pub fn in_our_words(&self) -> Option<String> {
        self.done.map(str::to_owned)
    }

    /// Addresses that were called: answers may link to their hosts.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let called = self.rounds.iter().flat_map(|round| &round.calls);
        called.filter_map(|call| self.kit.find(&call.name).map(Entry::url))
    }
}

/// Of a call that the visitor was asked about. Some providers' models take nine letters and digits and nothing else.
fn short_id(id: ToolCallId) -> String {
    let simple = id.as_uuid().simple().to_string();
    simple.chars().rev().take(9).collect()
}

fn state_of(outcome: &Outcome) -> &'static str {
    if outcome.error.is_none() { "done" } else { "failed" }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

impl From<&Outcome> for Kept {
    fn from(outcome: &Outcome) -> Self {
        Self {
            status: outcome.status,
            content: outcome.content.clone(),
            error: outcome.error.clone(),
            milliseconds: milliseconds(outcome.took),
        }
    }
}

impl From<Kept> for Outcome {
    fn from(kept: Kept) -> Self {
        Self {
            status: kept.status,
            content: kept.content,
            error: kept.error,
            took: Duration::from_millis(kept.milliseconds),
        }
    }
}
