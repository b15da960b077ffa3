//! From a question to an answer and the record of how it came to be.
//!
//! Invariant: every question ends in a text. What cannot be answered gets the bot's own words for that, and is listed as
//! unanswered; a model that fails is replaced by the best passage, where there is a good one.

use crate::{
    chain, cited, follow_up,
    handoff::HandingOver,
    links::{self, Allowed},
    purse::Purse,
};
use domain::{ConversationId, Direction, DocumentId, FallbackReason, Passage};
use knowledge::{KnowledgeError, Meaning, Reranked, Retriever, Searched};
use models::{Answer, Ask, Asked, Model, Models, PROMPT_VERSION, Said, Speaker};
use process::clock::Clock;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    Db, StoreError,
    budgets::{AtLimit, Spender},
    chatbots::Chatbot,
    conduct::Conduct,
    documents,
    turns::{self, AnswerRecord, Handoff, Waiting},
};
use vault::Keyring;

/// Earlier messages that a question may go on from.
const FOLLOWED: i64 = 6;

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
}

impl Answered {
    /// The bot says no more than that it hands over.
    pub fn handing_over(waiting: &[Waiting], handing: HandingOver) -> Self {
        let record = AnswerRecord {
            question: question(waiting),
            passages: json!([]),
            citations: json!([]),
            model: "none".to_owned(),
            fallback: None,
            prompt_version: PROMPT_VERSION,
            tokens_in: None,
            tokens_out: None,
            stages: json!({}),
            error: None,
            unanswered: false,
            calls: json!([]),
            removed_links: Vec::new(),
            path: json!([]),
            cost_micros: None,
        };
        let said = Self {
            text: String::new(),
            record,
            handoff: None,
        };
        said.instead(handing)
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

/// Retrieval, models and their limits.
pub struct Answerer {
    db: Db,
    keyring: Keyring,
    retriever: Retriever,
    models: Models,
    passages: usize,
    history: i64,
    clock: Clock,
}

/// An answer, and how it was come by.
struct Got {
    answer: Answer,
    error: Option<String>,
    /// The models that were asked for it.
    path: serde_json::Value,
    cost_micros: Option<i64>,
}

impl Answerer {
    pub const fn new(
        db: Db,
        keyring: Keyring,
        retriever: Retriever,
        models: Models,
        passages: usize,
        history: i64,
        clock: Clock,
    ) -> Self {
        Self {
            db,
            keyring,
            retriever,
            models,
            passages,
            history,
            clock,
        }
    }

    /// Answers the waiting messages as one question; told meanwhile to whoever listens. Only what a model writes is.
    pub async fn answer(
        &self,
        bot: &Chatbot,
        conduct: &Conduct,
        conversation: ConversationId,
        waiting: &[Waiting],
        listener: Option<Listener<'_>>,
    ) -> Result<Answered, AnswerError> {
        let question = question(waiting);
        let started = Instant::now();
        let (found, search_error) = self.search(bot, conversation, &question).await?;
        let retrieve = started.elapsed();

        let started = Instant::now();
        let passages = &found.passages;
        let mut got = match listener {
            None => self.ask(bot, conversation, &question, &found, None).await?,
            Some(listener) => {
                let allowed = self.allowed_links(bot, conduct, &question, passages).await?;
                let heard: Listener<'_> = &mut |text| listener(&links::shown(text, &allowed));
                self.ask(bot, conversation, &question, &found, Some(heard))
                    .await?
            }
        };
        let model = started.elapsed();
        metrics::histogram!("botsmith_stage_seconds", "stage" => "retrieve").record(retrieve.as_secs_f64());
        metrics::histogram!("botsmith_stage_seconds", "stage" => "model").record(model.as_secs_f64());
        got.error = got.error.or(search_error);
        let mut answered = assemble(bot, question, passages, got, retrieve, model);
        if links::has_any(&answered.text) {
            let asked = &answered.record.question;
            let allowed = self.allowed_links(bot, conduct, asked, passages).await?;
            let filtered = links::filter(&answered.text, &allowed);
            answered.text = filtered.text;
            answered.record.removed_links = filtered.removed;
        }
        Ok(answered)
    }

    async fn allowed_links(
        &self,
        bot: &Chatbot,
        conduct: &Conduct,
        question: &str,
        passages: &[Passage],
    ) -> Result<Allowed, StoreError> {
        let mut allowed = Allowed::of_owner(&conduct.link_hosts);
        for text in [bot.instructions.as_str(), bot.fallback_text.as_str(), question] {
            allowed.and_text(text);
        }
        if !passages.is_empty() {
            let documents: Vec<DocumentId> = passages.iter().map(|passage| passage.document).collect();
            for address in documents::addresses(&self.db, &documents).await? {
                allowed.and_source(&address);
            }
        }
        Ok(allowed)
    }

    /// Knowledge that cannot be searched now is no reason to say nothing; a database that is away is one to wait.
    async fn search(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
    ) -> Result<(Searched, Option<String>), AnswerError> {
        if question.trim().is_empty() {
            return Ok((Searched::default(), None));
        }
        let found = self.found(bot, conversation, question).await;
        match found {
            Ok(found) => {
                let problem = match (&found.meaning, &found.reranked) {
                    (Meaning::Failed(why), _) => Some(format!("searched by words alone: {why}")),
                    (_, Reranked::Failed(why)) => Some(format!("not ordered anew: {why}")),
                    (Meaning::None | Meaning::Compared(_), _) => None,
                };
                Ok((found, problem))
            }
            Err(KnowledgeError::Store(error)) => Err(AnswerError::Knowledge(error)),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the knowledge was not searched"
                );
                Ok((Searched::default(), Some(error.to_string())))
            }
        }
    }

    async fn find(&self, bot: &Chatbot, question: &str) -> Result<Searched, KnowledgeError> {
        let version = bot.knowledge_version;
        self.retriever
            .search(bot.workspace, bot.id, version, question, self.passages)
            .await
    }

    /// What a question finds; one that means nothing alone, together with what was asked before it.
    async fn found(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
    ) -> Result<Searched, KnowledgeError> {
        let alone = self.find(bot, question).await?;
        if alone.suffices() || !follow_up::may_follow_up(question) {
            return Ok(alone);
        }
        // What it names itself has to be known here.
        if follow_up::names_something(question) && alone.confidence.signals.coverage < 0.5 {
            return Ok(alone);
        }
        let earlier = turns::history(&self.db, conversation, FOLLOWED).await?;
        let Some(condensed) = follow_up::condensed(question, &earlier) else {
            return Ok(alone);
        };
        let together = self.find(bot, &condensed).await?;
        Ok(if together.suffices() { together } else { alone })
    }

    async fn ask(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
        found: &Searched,
        listener: Option<Listener<'_>>,
    ) -> Result<Got, StoreError> {
        let passages = found.passages.as_slice();
        let to_quote = if found.suffices() { passages } else { &[] };
        let quote = async || {
            let ask = ask_of(bot, question, to_quote, &[]);
            Model::Extractive.answer_or_quote(&ask).await.0
        };
        let chain = chain::of(bot, &self.models, &self.keyring).await;
        if chain.is_empty() {
            return Ok(Got {
                answer: quote().await,
                error: None,
                path: json!([]),
                cost_micros: None,
            });
        }
        let history = self.said(conversation).await?;
        let ask = ask_of(bot, question, passages, &history);
        let spender = Spender {
            workspace: bot.workspace,
            chatbot: bot.id,
            conversation,
        };
        let purse = Purse::new(&self.db, &self.clock, spender);
        let asked = chain.ask(&ask, listener, &purse).await?;
        note_failures(&asked);
        let (path, cost_micros, error) = (json!(asked.path), asked.cost_micros(), asked.problem());
        let over_budget = asked.is_over_budget();
        let answer = match asked.answer {
            Some(answer) => answer,
            None if over_budget && purse.at_limit() == Some(AtLimit::FallbackText) => Answer {
                text: String::new(),
                citations: Vec::new(),
                fallback: Some(FallbackReason::BudgetUsedUp),
                ..quote().await
            },
            None => Answer {
                fallback: Some(if over_budget {
                    FallbackReason::BudgetUsedUp
                } else {
                    FallbackReason::ModelUnavailable
                }),
                ..quote().await
            },
        };
        Ok(Got {
            answer,
            error,
            path,
            cost_micros,
        })
    }

    async fn said(&self, conversation: ConversationId) -> Result<Vec<Said>, StoreError> {
        let earlier = turns::history(&self.db, conversation, self.history).await?;
        Ok(earlier
            .into_iter()
            .map(|message| Said {
                speaker: match message.direction {
                    Direction::Inbound => Speaker::Contact,
                    Direction::Outbound => Speaker::Bot,
                },
                text: message.text,
            })
            .collect())
    }
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

fn assemble(
    bot: &Chatbot,
    question: String,
    passages: &[Passage],
    got: Got,
    retrieve: Duration,
    model: Duration,
) -> Answered {
    let Got {
        answer,
        error,
        path,
        cost_micros,
    } = got;
    let cited: Vec<&Passage> = answer
        .citations
        .iter()
        .filter_map(|&cited| passages.get(cited))
        .collect();
    let nothing_found = answer.text.trim().is_empty();
    let text = if nothing_found {
        bot.fallback_text.clone()
    } else {
        cited::with_sources(&answer, &cited)
    };
    let fallback = answer
        .fallback
        .or(nothing_found.then_some(FallbackReason::NoKnowledge));
    let record = AnswerRecord {
        // A budget that is used up says nothing of the knowledge.
        unanswered: nothing_found && !question.is_empty() && fallback != Some(FallbackReason::BudgetUsedUp),
        question,
        passages: cited::considered(passages),
        citations: json!(cited::citations(&cited)),
        model: answer.model,
        fallback: fallback.and_then(|reason| serde_json::to_value(reason).ok()?.as_str().map(str::to_owned)),
        prompt_version: PROMPT_VERSION,
        tokens_in: answer.tokens_in.and_then(|tokens| i32::try_from(tokens).ok()),
        tokens_out: answer.tokens_out.and_then(|tokens| i32::try_from(tokens).ok()),
        stages: json!({ "retrieve": milliseconds(retrieve), "model": milliseconds(model) }),
        error,
        calls: json!([]),
        removed_links: Vec::new(),
        path,
        cost_micros,
    };
    Answered {
        text,
        record,
        handoff: None,
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// What the endpoints said is in the record, for the owner; not here.
fn note_failures(asked: &Asked) {
    let failed = asked.path.len() - usize::from(asked.answer.is_some());
    for tried in &asked.path[..failed] {
        tracing::warn!(
            provider = tried.provider.name(),
            model = tried.model,
            outcome = tried.outcome,
            "a model gave no answer"
        );
        metrics::counter!("botsmith_model_errors_total", "outcome" => tried.outcome).increment(1);
    }
}
