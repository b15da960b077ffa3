//! From a question to an answer and the record of how it came to be.
//!
//! Invariant: every question ends in a text. What cannot be answered gets the bot's own words for that, and is listed as
//! unanswered; a model that fails is replaced by the best passage, where there is a good one.

use crate::{chain, purse::Purse};
use domain::{Citation, ConversationId, Direction, FallbackReason, Passage};
use knowledge::{KnowledgeError, Retriever};
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
    turns::{self, AnswerRecord, Waiting},
};
use vault::Keyring;

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
}

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
        conversation: ConversationId,
        waiting: &[Waiting],
        listener: Option<Listener<'_>>,
    ) -> Result<Answered, AnswerError> {
        let question = question(waiting);
        let started = Instant::now();
        let (passages, search_error) = self.search(bot, &question).await?;
        let retrieve = started.elapsed();

        let started = Instant::now();
        let mut got = self
            .ask(bot, conversation, &question, &passages, listener)
            .await?;
        let model = started.elapsed();
        metrics::histogram!("botsmith_stage_seconds", "stage" => "retrieve").record(retrieve.as_secs_f64());
        metrics::histogram!("botsmith_stage_seconds", "stage" => "model").record(model.as_secs_f64());
        got.error = got.error.or(search_error);
        Ok(assemble(bot, question, &passages, got, retrieve, model))
    }

    /// Knowledge that cannot be searched now is no reason to say nothing; a database that is away is one to wait.
    async fn search(
        &self,
        bot: &Chatbot,
        question: &str,
    ) -> Result<(Vec<Passage>, Option<String>), AnswerError> {
        if question.trim().is_empty() {
            return Ok((Vec::new(), None));
        }
        let found = self
            .retriever
            .search(
                bot.workspace,
                bot.id,
                bot.knowledge_version,
                question,
                self.passages,
            )
            .await;
        match found {
            Ok(passages) => Ok((passages, None)),
            Err(KnowledgeError::Store(error)) => Err(AnswerError::Knowledge(error)),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the knowledge was not searched"
                );
                Ok((Vec::new(), Some(error.to_string())))
            }
        }
    }

    async fn ask(
        &self,
        bot: &Chatbot,
        conversation: ConversationId,
        question: &str,
        passages: &[Passage],
        listener: Option<Listener<'_>>,
    ) -> Result<Got, StoreError> {
        let sure = knowledge::confidence(passages).suffices();
        let to_quote = if sure { passages } else { &[] };
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
fn question(waiting: &[Waiting]) -> String {
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
        with_sources(&answer, &cited)
    };
    let fallback = answer
        .fallback
        .or(nothing_found.then_some(FallbackReason::NoKnowledge));
    let citations: Vec<Citation> = cited
        .iter()
        .map(|passage| Citation {
            chunk: passage.chunk,
            document: passage.document,
            title: passage.title.clone(),
        })
        .collect();
    let considered: Vec<_> = passages
        .iter()
        .map(|passage| {
            json!({
                "chunk": passage.chunk, "document": passage.document, "title": passage.title,
                "score": passage.score, "text": passage.text,
            })
        })
        .collect();
    let record = AnswerRecord {
        // A budget that is used up says nothing of the knowledge.
        unanswered: nothing_found && !question.is_empty() && fallback != Some(FallbackReason::BudgetUsedUp),
        question,
        passages: json!(considered),
        citations: json!(citations),
        model: answer.model,
        fallback: fallback.and_then(|reason| serde_json::to_value(reason).ok()?.as_str().map(str::to_owned)),
        prompt_version: PROMPT_VERSION,
        tokens_in: answer.tokens_in.and_then(|tokens| i32::try_from(tokens).ok()),
        tokens_out: answer.tokens_out.and_then(|tokens| i32::try_from(tokens).ok()),
        stages: json!({ "retrieve": milliseconds(retrieve), "model": milliseconds(model) }),
        error,
        path,
        cost_micros,
    };
    Answered { text, record }
}

/// A text message has no footnotes: the markers go, and what was quoted names its source.
fn with_sources(answer: &Answer, cited: &[&Passage]) -> String {
    let text = models::without_markers(&answer.text);
    let quoted = answer.model == Model::Extractive.name();
    match cited
        .first()
        .map(|passage| passage.title.trim())
        .filter(|title| quoted && !title.is_empty())
    {
        Some(title) => format!("{text}\n\n({title})"),
        None => text,
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
