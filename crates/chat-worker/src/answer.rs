//! From a question to an answer and the record of how it came to be.
//!
//! Invariant: every question ends in a text. What cannot be answered gets the bot's own words for that, and is listed as
//! unanswered; a model that fails is replaced by the best passage, where there is a good one.

use crate::{
    actions::{Calls, Hands, Kit, MOST_ROUNDS, Question},
    cited, follow_up,
    handoff::HandingOver,
    links::{self, Allowed},
};
use channel::Button;
use chrono::{DateTime, Utc};
use domain::{ConversationId, Direction, FallbackReason, Passage};
use knowledge::{KnowledgeError, Meaning, Reranked, Retriever, Searched};
use models::{Answer, Ask, Endpoint, Model, ModelError, Models, PROMPT_VERSION, Said, Speaker, Toolbox};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    Db, StoreError,
    chatbots::{Chatbot, MODEL_KEY_COLUMN},
    conduct::Conduct,
    tool_calls::Changes,
    turns::{self, AnswerRecord, Handoff, Waiting},
};
use tools::Tools;
use vault::{Keyring, Place};

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
    /// What the person may tap.
    pub buttons: Vec<Button>,
    /// What becomes of calls that the person was or is asked about.
    pub calls: Changes,
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
        };
        let said = Self {
            text: String::new(),
            record,
            handoff: None,
            buttons: Vec::new(),
            calls: Changes::default(),
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
    tools: Tools,
    passages: usize,
    history: i64,
}

/// What a bot is, beside its own row.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    pub conduct: &'a Conduct,
    pub kit: &'a Kit,
    pub now: DateTime<Utc>,
}

impl Answerer {
    pub const fn new(
        db: Db,
        keyring: Keyring,
        retriever: Retriever,
        models: Models,
        tools: Tools,
        passages: usize,
        history: i64,
    ) -> Self {
        Self {
            db,
            keyring,
            retriever,
            models,
            tools,
            passages,
            history,
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
        let hands = Hands {
            db: self.db.clone(),
            keyring: self.keyring.clone(),
            tools: self.tools.clone(),
        };
        let mut calls = Calls::begin(&hands, bot, manner.kit, conversation, waiting, manner.now).await?;
        let started = Instant::now();
        let (found, search_error) = if calls.has_resumed() {
            (Searched::default(), None)
        } else {
            self.search(bot, conversation, &question).await?
        };
        let passages = found.passages.as_slice();
        let retrieve = started.elapsed();

        let started = Instant::now();
        let said = match listener {
            None => {
                self.ask(bot, conversation, &question, &found, &mut calls, None)
                    .await?
            }
            Some(listener) => {
                let allowed = allowed_links(bot, manner, &question, passages, &calls);
                let mut told = String::new();
                let heard: Listener<'_> = &mut |text| {
                    let text = links::shown(text, &allowed);
                    // What a model says before it calls a tool is none of its answer.
                    if text.starts_with(&told) {
                        listener(&text);
                        told = text;
                    }
                };
                self.ask(bot, conversation, &question, &found, &mut calls, Some(heard))
                    .await?
            }
        };
        let model = started.elapsed();
        metrics::histogram!("botsmith_stage_seconds", "stage" => "retrieve").record(retrieve.as_secs_f64());
        metrics::histogram!("botsmith_stage_seconds", "stage" => "model").record(model.as_secs_f64());
        let error = said.error.or(search_error);
        let mut answered = assemble(bot, question, passages, said.answer, error, retrieve, model);
        if let Some(question) = said.question {
            answered.text = question.text;
            answered.buttons = question.buttons;
            answered.record.unanswered = false;
            answered.record.fallback = None;
        }
        if links::has_any(&answered.text) {
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
        calls: &mut Calls<'_>,
        mut listener: Option<Listener<'_>>,
    ) -> Result<Spoken, StoreError> {
        let passages = found.passages.as_slice();
        let to_quote = if found.suffices() { passages } else { &[] };
        let (model, error) = match self.model(bot).await {
            Ok(model) => (model, None),
            Err(problem) => (Model::Extractive, Some(problem)),
        };
        if matches!(model, Model::Extractive) {
            let (answer, _) = model.answer_or_quote(&ask_of(bot, question, to_quote, &[])).await;
            return Ok(Spoken::of(answer, error));
        }
        let history = self.said(conversation).await?;
        let ask = ask_of(bot, question, passages, &history);
        match with_tools(&model, ask, calls, &mut listener).await {
            Ok(spoken) => Ok(spoken),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    model = model.name(),
                    "the model failed"
                );
                metrics::counter!("botsmith_model_errors_total").increment(1);
                let (mut quoted, _) = Model::Extractive
                    .answer_or_quote(&ask_of(bot, question, to_quote, &[]))
                    .await;
                if let Some(done) = calls.in_our_words() {
                    quoted.text = done;
                    quoted.citations.clear();
                }
                let answer = Answer {
                    fallback: Some(FallbackReason::ModelUnavailable),
                    ..quoted
                };
                Ok(Spoken::of(answer, Some(describe(&error))))
            }
        }
    }

    async fn model(&self, bot: &Chatbot) -> Result<Model, String> {
        let Some(own) = &bot.model else {
            return Ok(self.models.of_installation());
        };
        let key = match &bot.model_key {
            None => None,
            Some(sealed) => {
                let place = Place {
                    row: bot.id.as_uuid(),
                    column: MODEL_KEY_COLUMN,
                };
                let key = self.keyring.open_text(bot.workspace, place, sealed).await;
                Some(key.map_err(|error| error.to_string())?)
            }
        };
        let endpoint = Endpoint {
            provider: models::Provider::default(),
            base_url: own.base_url.clone(),
            model: own.model.clone(),
            time_limit_seconds: Some(own.time_limit_seconds.into()),
            context_tokens: None,
        };
        self.models
            .of_chatbot(&endpoint, key)
            .map_err(|error| error.to_string())
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

/// What came of asking.
struct Spoken {
    answer: Answer,
    error: Option<String>,
    /// What the visitor has to be asked instead.
    question: Option<Question>,
}

impl Spoken {
    const fn of(answer: Answer, error: Option<String>) -> Self {
        Self {
            answer,
            error,
            question: None,
        }
    }
}

/// Asks the model, does what it wants called, and asks again with what came of it, until it answers.
async fn with_tools(
    model: &Model,
    ask: Ask<'_>,
    calls: &mut Calls<'_>,
    listener: &mut Option<Listener<'_>>,
) -> Result<Spoken, ModelError> {
    let (mut tokens_in, mut tokens_out) = (None, None);
    let mut rounds = 0;
    loop {
        let taken = calls.rounds.clone();
        let ask = Ask {
            toolbox: Toolbox {
                tools: calls.tools(),
                rounds: &taken,
                no_more: rounds == MOST_ROUNDS,
            },
            ..ask
        };
        let mut answer = match listener {
            None => model.answer(&ask).await?,
            Some(listener) => model.answer_aloud(&ask, &mut **listener).await?,
        };
        tokens_in = sum(tokens_in, answer.tokens_in);
        tokens_out = sum(tokens_out, answer.tokens_out);
        (answer.tokens_in, answer.tokens_out) = (tokens_in, tokens_out);
        if answer.calls.is_empty() || rounds == MOST_ROUNDS {
            return Ok(Spoken::of(answer, None));
        }
        rounds += 1;
        let wanted = std::mem::take(&mut answer.calls);
        if let Some(question) = calls.round(wanted).await {
            return Ok(Spoken {
                answer,
                error: None,
                question: Some(question),
            });
        }
    }
}

fn sum(before: Option<u32>, more: Option<u32>) -> Option<u32> {
    match (before, more) {
        (Some(before), Some(more)) => Some(before.saturating_add(more)),
        (before, more) => before.or(more),
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

fn assemble(
    bot: &Chatbot,
    question: String,
    passages: &[Passage],
    answer: Answer,
    error: Option<String>,
    retrieve: Duration,
    model: Duration,
) -> Answered {
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
        unanswered: nothing_found && !question.is_empty(),
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
    };
    Answered {
        text,
        record,
        handoff: None,
        buttons: Vec::new(),
        calls: Changes::default(),
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// For the owner's eyes: what the endpoint said is part of it.
fn describe(error: &ModelError) -> String {
    error.to_string()
}
