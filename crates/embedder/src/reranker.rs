//! Any endpoint that says how well texts answer a question: Cohere's, Jina's and vLLM's way (with a model's name), or
//! text-embeddings-inference's (without one).
//! <https://docs.cohere.com/reference/rerank> <https://huggingface.github.io/text-embeddings-inference/>

use crate::{
    endpoint::{self, EndpointError},
    error::EmbedError,
};
use egress::{CheckedUrl, Client, Guard, Timeouts};
use futures_util::StreamExt;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// The most that one score takes as JSON, the text repeated by some included.
const LARGEST_SCORE: usize = 20_000;

/// One reranking model of one endpoint.
pub struct Reranker {
    client: Client,
    url: CheckedUrl,
    model: String,
    key: Option<SecretString>,
    time: Duration,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Named { results: Vec<Score> },
    Bare(Vec<Score>),
}

#[derive(Deserialize)]
struct Score {
    index: usize,
    #[serde(alias = "relevance_score")]
    score: f32,
}

impl Reranker {
    /// `base_url`: up to and without `/rerank`. `time`: for one request.
    pub fn new(
        guard: &Guard,
        base_url: &str,
        model: &str,
        key: Option<SecretString>,
        time: Duration,
    ) -> Result<Self, EndpointError> {
        let timeouts = Timeouts {
            connect: endpoint::CONNECT.min(time),
            total: time,
        };
        Ok(Self {
            url: guard.check(base_url)?.below("rerank"),
            client: guard.client(timeouts).map_err(EndpointError::Client)?,
            model: model.trim().to_owned(),
            key,
            time,
        })
    }

    /// How well each text answers the question, in their order; higher is better, comparable within one answer only.
    pub async fn rank(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let request = if self.model.is_empty() {
            json!({ "query": question, "texts": texts })
        } else {
            json!({ "model": self.model, "query": question, "documents": texts, "top_n": texts.len() })
        };
        let body = self.ask(&request, texts.len() * LARGEST_SCORE).await?;
        let bad = |why| endpoint::bad(StatusCode::OK, why);
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| bad("this is no list of scores"))?;
        let (Answer::Named { results } | Answer::Bare(results)) = answer;
        let mut scores = vec![None; texts.len()];
        for Score { index, score } in results {
            match scores.get_mut(index) {
                Some(place) if score.is_finite() => *place = Some(score),
                _ => return Err(bad("there are other scores than texts")),
            }
        }
        let scores: Option<Vec<f32>> = scores.into_iter().collect();
        scores.ok_or_else(|| bad("a text has no score"))
    }

    async fn ask(&self, request: &Value, largest: usize) -> Result<Vec<u8>, EmbedError> {
        let mut builder = self.client.post(&self.url).json(request);
        if let Some(key) = &self.key {
            builder = builder.bearer_auth(key.expose_secret());
        }
        let unreachable = |error: &reqwest::Error| endpoint::unreachable(error, self.time);
        let response = builder.send().await.map_err(|error| unreachable(&error))?;
        let response = endpoint::accepted(response)?;
        let mut pieces = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| unreachable(&error))?;
            if body.len() + piece.len() > largest {
                return Err(endpoint::bad(StatusCode::OK, "the answer is too large"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// Neither its key nor its whole address.
impl fmt::Debug for Reranker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reranker")
            .field("url", &self.url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_partial_json, method, path},
    };

    async fn ranked(model: &str, sent: Value, answer: Value) -> Result<Vec<f32>, EmbedError> {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/rerank"))
            .and(body_partial_json(sent))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
        let url = format!("{}/v1", server.uri());
        let reranker = Reranker::new(&Guard::open(), &url, model, None, Duration::from_secs(2));
        reranker.unwrap().rank("q", &["a", "b"]).await
    }

    #[tokio::test]
    async fn both_ways_of_asking_and_answering_are_spoken() {
        let named = ranked(
            "rerank-1",
            json!({"model": "rerank-1", "query": "q", "documents": ["a", "b"], "top_n": 2}),
            json!({"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}),
        );
        let bare = ranked(
            "",
            json!({"query": "q", "texts": ["a", "b"]}),
            json!([{"index": 0, "score": -2.5}, {"index": 1, "score": 3.0}]),
        );

        assert_eq!(named.await.unwrap(), [0.1, 0.9]);
        assert_eq!(bare.await.unwrap(), [-2.5, 3.0]);
    }

    #[tokio::test]
    async fn scores_that_are_not_those_of_the_texts_are_refused() {
        for (answer, why) in [
            (json!([{"index": 0, "score": 1.0}]), "no score"),
            (json!([{"index": 7, "score": 1.0}]), "other scores"),
            (json!({"error": "x"}), "no list"),
        ] {
            let error = ranked("", json!({}), answer).await.unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
