//! What is found for a question, and for one that rests on what was said before: put in full by the chatbot's model, or
//! together with the questions before it where there is none.
//!
//! Invariant: a question that finds enough by itself is searched for as it was written, and no model is asked about it.

use crate::{
    answer::{AnswerError, Answerer},
    chain, follow_up,
    purse::Purse,
};
use domain::{ConversationId, Direction};
use knowledge::{KnowledgeError, Meaning, Reranked, Searched};
use models::{Restated, Said, Speaker};
use std::time::{Duration, Instant};
use store::{
    StoreError,
    chatbots::Chatbot,
    turns::{self, Earlier},
};

/// Earlier messages that a question may go on from.
const FOLLOWED: i64 = 6;

/// What was found, and how.
#[derive(Default)]
pub(crate) struct Looked {
    pub found: Searched,
    /// What went wrong, for the owner's eyes.
    pub problem: Option<String>,
    /// What was searched for in the place of the question.
    pub searched_for: Option<String>,
    /// The models that were asked to put it in full, and how long that took.
    pub restating: Option<(Restated, Duration)>,
}

impl Looked {
    fn alone(found: Searched) -> Self {
        Self {
            found,
            ..Self::default()
        }
    }
}

/// Why nothing can be looked for now.
enum Failed {
    Knowledge(KnowledgeError),
    Store(StoreError),
}

impl From<KnowledgeError> for Failed {
    fn from(error: KnowledgeError) -> Self {
        Self::Knowledge(error)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Answerer {
    /// Knowledge that cannot be searched now is no reason to say nothing; a database that is away is one to wait.
    pub(crate) async fn look(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
    ) -> Result<Looked, AnswerError> {
        if question.trim().is_empty() {
            return Ok(Looked::default());
        }
        match self.found(bot, conversation, question).await {
            Ok(mut looked) => {
                looked.problem = match (&looked.found.meaning, &looked.found.reranked) {
                    (Meaning::Failed(why), _) => Some(format!("searched by words alone: {why}")),
                    (_, Reranked::Failed(why)) => Some(format!("not ordered anew: {why}")),
                    (Meaning::None | Meaning::Compared(_), _) => None,
                };
                Ok(looked)
            }
            Err(Failed::Store(error)) => Err(error.into()),
            Err(Failed::Knowledge(KnowledgeError::Store(error))) => Err(AnswerError::Knowledge(error)),
            Err(Failed::Knowledge(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the knowledge was not searched"
                );
                Ok(Looked {
                    problem: Some(error.to_string()),
                    ..Looked::default()
                })
            }
        }
    }

    async fn find(&self, bot: &Chatbot, question: &str) -> Result<Searched, KnowledgeError> {
        let version = bot.knowledge_version;
        let (workspace, chatbot, k) = (bot.workspace, bot.id, self.passages);
        let retriever = &self.retriever;
        match &self.trial {
            None => retriever.search(workspace, chatbot, version, question, k).await,
            Some(trial) => {
                let set = trial.retrieval;
                retriever
                    .search_set(workspace, chatbot, version, question, k, set)
                    .await
            }
        }
    }

    async fn earlier(&self, conversation: ConversationId, limit: i64) -> Result<Vec<Earlier>, StoreError> {
        match self.trial.as_ref().and_then(|trial| trial.before) {
            None => turns::history(&self.hands.db, conversation, limit).await,
            Some(message) => turns::history_before(&self.hands.db, conversation, message, limit).await,
        }
    }

    async fn found(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
    ) -> Result<Looked, Failed> {
        let alone = self.find(bot, question).await?;
        // Where nothing is known, nothing is found by another question.
        if alone.suffices() || alone.among == 0 || !follow_up::may_rest_on_others(question) {
            return Ok(Looked::alone(alone));
        }
        let earlier = self.earlier(conversation, FOLLOWED).await?;
        let asked_before = |message: &Earlier| message.direction == Direction::Inbound;
        if !earlier.iter().any(asked_before) {
            return Ok(Looked::alone(alone));
        }
        let restating = self.restate(bot, conversation, question, &earlier).await?;
        let in_full = restating
            .as_ref()
            .and_then(|(restated, _)| restated.question.clone());
        let looked = match in_full {
            // A model that reads the passages makes more of those that fit what was meant, whether they suffice or not.
            Some(in_full) => Looked {
                found: self.find(bot, &in_full).await?,
                searched_for: Some(in_full),
                ..Looked::default()
            },
            None => self.together(bot, question, &earlier, alone).await?,
        };
        Ok(Looked { restating, ..looked })
    }

    /// Has the chatbot's model put the question in full. `None`: it has no model.
    async fn restate(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
        earlier: &[Earlier],
    ) -> Result<Option<(Restated, Duration)>, StoreError> {
        let chain = chain::of(bot, &self.installation, &self.hands.keyring).await;
        if chain.is_empty() {
            return Ok(None);
        }
        let history: Vec<Said> = earlier.iter().map(said).collect();
        let purse = Purse::new(&self.hands.db, &self.clock, Self::spender(bot, conversation));
        let started = Instant::now();
        let restated = chain.restate(question, &history, &purse).await?;
        Ok(Some((restated, started.elapsed())))
    }

    /// Searches for the question together with those before it, where it seems to go on from them.
    async fn together(
        &self,
        bot: &Chatbot,
        question: &str,
        earlier: &[Earlier],
        alone: Searched,
    ) -> Result<Looked, KnowledgeError> {
        // What it names itself has to be known here.
        let names_unknown =
            || follow_up::names_something(question) && alone.confidence.signals.coverage < 0.5;
        if !follow_up::may_follow_up(question) || names_unknown() {
            return Ok(Looked::alone(alone));
        }
        let Some(condensed) = follow_up::condensed(question, earlier) else {
            return Ok(Looked::alone(alone));
        };
        let together = self.find(bot, &condensed).await?;
        Ok(if together.suffices() {
            Looked {
                found: together,
                searched_for: Some(condensed),
                ..Looked::default()
            }
        } else {
            Looked::alone(alone)
        })
    }

    pub(crate) async fn said(&self, conversation: ConversationId) -> Result<Vec<Said>, StoreError> {
        let earlier = self.earlier(conversation, self.history).await?;
        Ok(earlier.iter().map(said).collect())
    }
}

fn said(message: &Earlier) -> Said {
    Said {
        speaker: match message.direction {
            Direction::Inbound => Speaker::Contact,
            Direction::Outbound => Speaker::Bot,
        },
        text: message.text.clone(),
    }
}
