//! Trying the search of a chatbot's knowledge: what is found for a question, and why.

use crate::{
    AdminApi,
    caller::Seat,
    input::Input,
    knowledge::{RetrievalSettings, shown},
    path::ChatbotPath,
    problem::{Kind, Problem},
};
use ::knowledge::{KnowledgeError, Meaning, Reranked, Searched};
use actix_web::web::{Data, Json, Path};
use domain::{ChunkId, DocumentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MOST_QUESTION: usize = 2_000;

/// A question to try.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// As a visitor would ask it.
    question: String,
    /// In place of what is set, for this question only.
    #[serde(default)]
    retrieval: Option<RetrievalSettings>,
}

/// What was found, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    /// `words`, or `words_and_meaning`.
    searched_by: &'static str,
    /// By which model meanings were compared.
    model: Option<String>,
    /// Why they were not, although the knowledge has vectors, or why the passages were not ordered anew.
    problem: Option<String>,
    /// Whether a reranking model ordered the passages anew; `null` where there is none.
    reranked: Option<bool>,
    /// How much meaning counted against words: 0 to 1.
    dense_weight: f32,
    /// How sure one may be that the passages answer the question: 0 to 1.
    confidence: f32,
    /// Below this the chatbot says that it does not know.
    threshold: f32,
    /// Whether the question would be answered.
    answered: bool,
    /// What the confidence was made of.
    signals: Signals,
    /// The passages that the answer would rest on, the best first.
    passages: Vec<FoundPassage>,
    /// Passages that were left out because a better one says the same.
    left_out: Vec<LeftOut>,
}

/// What the confidence was made of: the best of the first three passages in each respect.
#[derive(Serialize, ToSchema)]
pub(crate) struct Signals {
    /// The share of the question's words in a passage, by their weight.
    coverage: f32,
    /// The share of them in the sentence that would be quoted.
    quote_coverage: f32,
    /// The share of the question's names and numbers in a passage.
    names: f32,
    /// The share of its neighbouring words that are neighbours in the quote.
    neighbours: f32,
    /// The score by words, as a share of what the best thinkable passage would reach.
    relative_score: f32,
    /// How near the meanings of question and passage are.
    cosine: Option<f32>,
    /// How near those of question and quote are.
    quote_cosine: Option<f32>,
}

/// One passage that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundPassage {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ChunkId,
    /// The document it was cut from.
    #[schema(value_type = Uuid)]
    document_id: DocumentId,
    /// The document's title.
    title: String,
    /// Of a page: its address.
    url: Option<String>,
    /// The headings above it.
    heading: String,
    /// Of a question with its answer: the question.
    question: Option<String>,
    /// What it says.
    text: String,
    /// What of it would be quoted.
    quote: String,
    /// Words and meaning together; by words alone it is BM25 itself.
    score: f32,
    /// The part of the words: BM25, comparable within this search only.
    words: f32,
    /// The part of the meaning: the cosine, -1 to 1.
    meaning: Option<f32>,
    /// The share of the question's words that it has, by their weight.
    coverage: f32,
    /// How likely the answer stands in the quote, comparable within this search only.
    quote_score: f32,
    /// How near the meanings of question and quote are.
    quote_meaning: Option<f32>,
}

/// A passage that was left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeftOut {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ChunkId,
    /// Its document's title.
    title: String,
    /// Its score.
    score: f32,
    /// The passage that says the same.
    #[schema(value_type = Uuid)]
    like: ChunkId,
}

impl From<Searched> for Found {
    fn from(searched: Searched) -> Self {
        let answered = searched.suffices();
        let (searched_by, model, problem) = match searched.meaning {
            Meaning::None => ("words", None, None),
            Meaning::Compared(model) => ("words_and_meaning", Some(shown(&model)), None),
            Meaning::Failed(why) => ("words", None, Some(why)),
        };
        let (reranked, problem) = match searched.reranked {
            Reranked::No => (None, problem),
            Reranked::Yes => (Some(true), problem),
            Reranked::Failed(why) => (Some(false), problem.or(Some(why))),
        };
        let signals = searched.confidence.signals;
        Self {
            searched_by,
            model,
            problem,
            reranked,
            dense_weight: searched.dense_weight,
            confidence: searched.confidence.value,
            threshold: searched.threshold,
            answered,
            signals: Signals {
                coverage: signals.coverage,
                quote_coverage: signals.quote_coverage,
                names: signals.names,
                neighbours: signals.neighbours,
                relative_score: signals.relative_score,
                cosine: signals.cosine,
                quote_cosine: signals.quote_cosine,
            },
            passages: searched
                .passages
                .into_iter()
                .map(|passage| FoundPassage {
                    id: passage.chunk,
                    document_id: passage.document,
                    quote: passage.quoted().to_owned(),
                    title: passage.title,
                    url: passage.url,
                    heading: passage.heading,
                    question: passage.question,
                    text: passage.text,
                    score: passage.score,
                    words: passage.signals.bm25,
                    meaning: passage.signals.cosine,
                    coverage: passage.signals.coverage,
                    quote_score: passage.quote_score,
                    quote_meaning: passage.signals.quote_cosine,
                })
                .collect(),
            left_out: searched
                .dropped
                .into_iter()
                .map(|dropped| LeftOut {
                    id: dropped.chunk,
                    title: dropped.title,
                    score: dropped.score,
                    like: dropped.like,
                })
                .collect(),
        }
    }
}

/// Try a search.
///
/// What a question finds in the chatbot's knowledge, with the parts of every score. Nothing is answered and nothing kept.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/search", params(ChatbotPath), request_body = Question,
    responses((status = 200, body = Found))
)]
pub(crate) async fn search(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<Question>,
) -> Result<Json<Found>, Problem> {
    let input = input.0;
    let question = crate::input::filled_block("question", &input.question, MOST_QUESTION)?;
    let tried = match &input.retrieval {
        Some(given) => given.checked()?,
        None => store::retrieval::Retrieval::default(),
    };
    let mut tx = seat.begin(&api).await?;
    let chatbot = store::chatbots::get(&mut tx, path.chatbot_id).await?;
    let chatbot = chatbot.ok_or_else(Problem::not_found)?;
    drop(tx);
    let (retriever, passages) = api
        .retriever()
        .ok_or_else(|| Problem::new(Kind::Unavailable, "this process cannot search knowledge"))?;
    let version = chatbot.knowledge_version;
    let found = retriever.search_as(
        chatbot.workspace,
        chatbot.id,
        version,
        &question,
        *passages,
        tried,
    );
    match found.await {
        Ok(searched) => Ok(Json(searched.into())),
        Err(KnowledgeError::NoChatbot) => Err(Problem::not_found()),
        Err(error) if error.is_transient() => Err(Problem::new(
            Kind::Unavailable,
            "the knowledge cannot be read now; try again in a moment",
        )),
        Err(error) => Err(Problem::internal(error)),
    }
}
