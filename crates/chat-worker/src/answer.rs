//! From a question to an answer and the record of how it came to be.
//!
//! Invariant: every question ends in a text. What cannot be answered gets the bot's own words for that, and is listed as
//! unanswered; a model that fails is replaced by the best passage, where there is a good one.

use crate::{
    actions::{Calls, Hands, Kit},
    asking::{self, Spoken},
    chain,
    handoff::HandingOver,
    installation::Installation,
    links::{self, Allowed},
    looking::Looked,
    purse::Purse,
    record::{self, Took},
    trials::Trial,
};
use channel::Button;
use chrono::{DateTime, Utc};
use domain::{ConversationId, Passage};
use knowledge::{Retriever, Searched};
use models::{Ask, Models, Said, Task, Toolbox};
use process::clock::Clock;
use serde_json::json;
use std::{sync::Arc, time::Instant};
use store::{
    StoreError,
    budgets::Spender,
    chatbots::Chatbot,
    conduct::Conduct,
    tool_calls::Changes,
    turns::{AnswerRecord, Handoff, Waiting},
};

/// Hears what there is of an answer while it is written.
pub type Listener<'a> = &'a mut (dyn FnMut(&str) + Send);

/// A question that cannot be answered now, and will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the knowledge cannot be read")]
    Knowledge(#[source] Arc<StoreError>),
}

/// What a bot says, and why.
pub struct Answered {
    pub text: String,
    pub record: AnswerRecord,
    /// With it the conversation goes to a human.
    pub handoff: Option<Handoff>,
    /// What the person may tap.
    pub buttons: Vec<Button>,
    /// What becomes of calls that the person was or is asked about.
    pub calls: Changes,
}

impl Answered {
    /// The bot says no more than that it hands over.
    pub fn handing_over(waiting: &[Waiting], handing: HandingOver) -> Self {
        let said = Self {
            text: String::new(),
            record: record::of_nothing(question(waiting)),
            handoff: None,
            buttons: Vec::new(),
            calls: Changes::default(),
        };
        said.instead(handing)
    }

    /// The workspace's plan has no messages left: no model is asked, and the bot says its own words for that.
    pub fn over_plan(bot: &Chatbot, waiting: &[Waiting]) -> Self {
        let mut record = record::of_nothing(question(waiting));
        record.fallback = Some(PLAN_LIMIT_REACHED.to_owned());
        Self {
            text: bot.fallback_text.clone(),
            record,
            handoff: None,
            buttons: Vec::new(),
            calls: Changes::default(),
        }
    }

    /// The bot hands over instead of saying this; how it came to that stays in the record.
    pub fn instead(mut self, handing: HandingOver) -> Self {
        self.text = handing.text;
        self.record.fallback = Some(HANDED_OFF.to_owned());
        self.handoff = Some(handing.handoff);
        self
    }
}

/// Why a record's answer is not the model's own, when the bot handed over.
const HANDED_OFF: &str = "handed_off";
/// Why it is not, when the workspace's plan has no messages left.
const PLAN_LIMIT_REACHED: &str = "plan_limit_reached";

/// Retrieval, models and their limits. Cheap to clone.
#[derive(Clone)]
pub struct Answerer {
    pub(crate) hands: Hands,
    pub(crate) retriever: Retriever,
    pub(crate) installation: Installation,
    pub(crate) passages: usize,
    pub(crate) history: i64,
    pub(crate) clock: Clock,
    /// Nobody waits for the answer: nothing may be done for it that anybody but its reader notices.
    pub(crate) trial: Option<Trial>,
}

/// What a bot is, beside its own row.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    pub conduct: &'a Conduct,
    pub kit: &'a Kit,
    pub now: DateTime<Utc>,
}

impl Answerer {
    pub fn new(
        hands: Hands,
        retriever: Retriever,
        models: Models,
        passages: usize,
        history: i64,
        clock: Clock,
    ) -> Self {
        let installation = Installation::new(hands.db.clone(), hands.keyring.clone(), models);
        Self {
            hands,
            retriever,
            installation,
            passages,
            history,
            clock,
            trial: None,
        }
    }

    /// The same, for trying something out.
    pub fn trying(&self, trial: Trial) -> Self {
        Self {
            trial: Some(trial),
            ..self.clone()
        }
    }

    /// Answers the waiting messages as one question; told meanwhile to whoever listens. Only what a model writes is.
    pub async fn answer(
        &self,
        bot: &Chatbot,
        manner: Manner<'_>,
        conversation: ConversationId,
        waiting: &[Waiting],
        listener: Option<Listener<'_>>,
    ) -> Result<Answered, AnswerError> {
        let question = question(waiting);
        let mut calls = Calls::begin(&self.hands, bot, manner.kit, conversation, waiting, manner.now).await?;
        let started = Instant::now();
        let looked = if calls.has_resumed() {
            Looked::default()
        } else {
            self.look(bot, conversation, &question).await?
        };
        let Looked {
            found,
            problem,
            searched_for,
            restating,
        } = looked;
        let passages = found.passages.as_slice();
        let restate = restating.as_ref().map(|(_, took)| *took);
        let retrieve = started.elapsed() - restate.unwrap_or_default();

        let started = Instant::now();
        let mut spoken = match listener {
            None => {
                self.ask(bot, conversation, &question, &found, &mut calls, None)
                    .await?
            }
            Some(listener) => {
                let allowed = allowed_links(bot, manner, &question, passages, &calls);
                let heard: Listener<'_> = &mut |text| listener(&links::shown(text, &allowed));
                self.ask(bot, conversation, &question, &found, &mut calls, Some(heard))
                    .await?
            }
        };
        let took = Took {
            restate,
            retrieve,
            model: started.elapsed(),
        };
        took.measure();
        spoken.error = spoken.error.or(problem);
        if let Some((restated, _)) = restating {
            spoken = spoken.after(restated);
        }
        let mut answered = record::assemble(bot, question, passages, spoken, took);
        answered.record.searched_for = searched_for;
        // A question names what would be sent, word for word: its links are escaped, and no word of it may be missing.
        if calls.changes.asked.is_none() && links::has_any(&answered.text) {
            let asked = &answered.record.question;
            let allowed = allowed_links(bot, manner, asked, passages, &calls);
            let filtered = links::filter(&answered.text, &allowed);
            answered.text = filtered.text;
            answered.record.removed_links = filtered.removed;
        }
        answered.record.calls = json!(calls.record);
        answered.calls = calls.changes;
        Ok(answered)
    }

    /// Says what the owner wrote for this question; otherwise asks the bot's models, or quotes where it has none.
    async fn ask(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
        found: &Searched,
        calls: &mut Calls<'_>,
        listener: Option<Listener<'_>>,
    ) -> Result<Spoken, StoreError> {
        let passages = found.passages.as_slice();
        let to_quote = if found.suffices() { passages } else { &[] };
        let to_quote = ask_of(bot, question, to_quote, &[]);
        if found.suffices()
            && !calls.has_resumed()
            && let Some(curated) = asking::curated(passages)
        {
            return Ok(curated);
        }
        let chain = chain::of(bot, &self.installation, &self.hands.keyring).await;
        if chain.is_empty() {
            return Ok(asking::quote(&to_quote, calls).await);
        }
        let history = self.said(conversation).await?;
        let ask = ask_of(bot, question, passages, &history);
        let purse = Purse::new(&self.hands.db, &self.clock, Self::spender(bot, conversation));
        asking::ask(chain, ask, &to_quote, &purse, calls, listener).await
    }

    pub(crate) const fn spender(bot: &Chatbot, conversation: ConversationId) -> Spender {
        Spender {
            workspace: bot.workspace,
            chatbot: bot.id,
            conversation,
            by_own_account: bot.model.is_some(),
        }
    }
}

/// Where an answer may link to.
fn allowed_links(
    bot: &Chatbot,
    manner: Manner<'_>,
    question: &str,
    passages: &[Passage],
    calls: &Calls<'_>,
) -> Allowed {
    let mut allowed = Allowed::of_owner(&manner.conduct.link_hosts);
    for address in calls.addresses() {
        allowed.and_source(address);
    }
    for text in [bot.instructions.as_str(), bot.fallback_text.as_str(), question] {
        allowed.and_text(text);
    }
    for address in passages.iter().filter_map(|passage| passage.url.as_deref()) {
        allowed.and_source(address);
    }
    allowed
}

const fn ask_of<'a>(
    bot: &'a Chatbot,
    question: &'a str,
    passages: &'a [Passage],
    history: &'a [Said],
) -> Ask<'a> {
    Ask {
        chatbot: bot.name.as_str(),
        instructions: bot.instructions.as_str(),
        passages,
        history,
        question,
        task: Task::Answer,
        toolbox: Toolbox {
            tools: &[],
            rounds: &[],
            no_more: false,
        },
    }
}

/// The waiting messages, one a line.
pub fn question(waiting: &[Waiting]) -> String {
    waiting
        .iter()
        .map(|message| message.text.trim())
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}
