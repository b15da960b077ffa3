//! Any endpoint that speaks OpenAI's embeddings API.
//! <https://platform.openai.com/docs/api-reference/embeddings/create>
//!
//! Invariants: all vectors of one answer have the same number of dimensions, finite numbers and length 1; no more of an
//! answer is read than it can have; the key leaves in one header and nowhere else.

use crate::{embedder::Languages, error::EmbedError, normalise};
use egress::{CheckedUrl, Client, Guard, Timeouts, UrlError};
use futures_util::StreamExt;
use reqwest::{Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// How many texts one request has: what small servers take (text-embeddings-inference's default).
const BATCH: usize = 32;
/// The most that one vector takes as JSON: 4,096 numbers of 24 characters.
const LARGEST_VECTOR: usize = 100_000;
/// A connection that takes longer is none.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);

/// One embedding model of one endpoint.
pub struct Endpoint {
    client: Client,
    url: CheckedUrl,
    model: String,
    key: Option<SecretString>,
    time: Duration,
    languages: Languages,
}

/// Why an endpoint cannot be used. For the person who typed it.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Its address.
    #[error("base_url: {0}")]
    Url(#[from] UrlError),
    /// No model.
    #[error("model: the embedding model's name is missing")]
    NoModel,
    /// No HTTP client: TLS cannot be set up on this machine.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

impl Endpoint {
    /// `base_url`: up to and without `/embeddings`. `time`: for one request of up to 32 texts.
    pub fn new(
        guard: &Guard,
        base_url: &str,
        model: &str,
        key: Option<SecretString>,
        time: Duration,
        languages: Languages,
    ) -> Result<Self, EndpointError> {
        let model = model.trim();
        if model.is_empty() {
            return Err(EndpointError::NoModel);
        }
        let timeouts = Timeouts {
            connect: CONNECT.min(time),
            total: time,
        };
        Ok(Self {
            url: guard.check(base_url)?.below("embeddings"),
            client: guard.client(timeouts).map_err(EndpointError::Client)?,
            model: model.to_owned(),
            key,
            time,
            languages,
        })
    }

    /// The same for the same model at the same place.
    pub(crate) fn identity(&self) -> String {
        format!("{} {}", self.url, self.model)
    }

    pub(crate) const fn languages(&self) -> Languages {
        self.languages
    }

    pub(crate) async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.batch(batch).await?);
        }
        let dimensions = vectors.first().map_or(0, Vec::len);
        if vectors.iter().any(|vector| vector.len() != dimensions) {
            return Err(bad(StatusCode::OK, "vectors of different lengths"));
        }
        Ok(vectors)
    }

    async fn batch(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let request = Request {
            model: &self.model,
            input: texts,
            encoding_format: "float",
        };
        let mut builder = self.client.post(&self.url).json(&request);
        if let Some(key) = &self.key {
            builder = builder.bearer_auth(key.expose_secret());
        }
        let response = builder
            .send()
            .await
            .map_err(|error| unreachable(&error, self.time))?;
        let response = accepted(response)?;
        let status = response.status();
        let body = self.body(response, texts.len() * LARGEST_VECTOR).await?;
        let answer: Embeddings =
            serde_json::from_slice(&body).map_err(|_| bad(status, "this is no list of embeddings"))?;
        in_order(answer.data, texts.len()).map_err(|why| bad(status, why))
    }

    async fn body(&self, response: Response, largest: usize) -> Result<Vec<u8>, EmbedError> {
        let status = response.status();
        let mut pieces = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| unreachable(&error, self.time))?;
            if body.len() + piece.len() > largest {
                return Err(bad(status, "the answer is too large"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// Why there was no answer.
pub(crate) fn unreachable(error: &reqwest::Error, time: Duration) -> EmbedError {
    match egress::refused(error) {
        Some(refusal) => EmbedError::Refused(refusal),
        None if error.is_timeout() && !error.is_connect() => EmbedError::Timeout(time),
        None => EmbedError::Unavailable,
    }
}

/// The answer, where its status says that it is one.
pub(crate) fn accepted(response: Response) -> Result<Response, EmbedError> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(EmbedError::Unauthorized),
        StatusCode::TOO_MANY_REQUESTS => Err(EmbedError::RateLimited {
            after: retry_after(&response),
        }),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Err(EmbedError::Unavailable)
        }
        status @ StatusCode::NOT_FOUND => Err(bad(
            status,
            "there is no such model, or no such API at this address",
        )),
        status => Err(bad(status, "it does not take the request")),
    }
}

fn in_order(data: Vec<Embedding>, count: usize) -> Result<Vec<Vec<f32>>, &'static str> {
    let mut vectors = vec![Vec::new(); count];
    for Embedding { index, mut embedding } in data {
        if embedding.iter().any(|x| !x.is_finite()) {
            return Err("a vector has numbers that are none");
        }
        normalise(&mut embedding);
        match vectors.get_mut(index) {
            Some(place) => *place = embedding,
            None => return Err("there are more vectors than texts"),
        }
    }
    if vectors.iter().any(Vec::is_empty) {
        return Err("a text has no vector");
    }
    Ok(vectors)
}

pub(crate) const fn bad(status: StatusCode, why: &'static str) -> EmbedError {
    EmbedError::BadResponse {
        status: status.as_u16(),
        why,
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let given = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: f64 = given.trim().parse().ok()?;
    (0.0..=86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// Neither its key nor its whole address.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use wiremock::{
        Mock, MockServer, Request as Received, ResponseTemplate,
        matchers::{header, method, path},
    };

    const KEY: &str = "sk-very-secret-key";

    fn endpoint(server: &MockServer) -> Endpoint {
        let limit = Duration::from_secs(2);
        let url = format!("{}/v1", server.uri());
        Endpoint::new(
            &Guard::open(),
            &url,
            "e-1",
            Some(KEY.into()),
            limit,
            Languages::Many,
        )
        .unwrap()
    }

    async fn answers(respond: impl Fn(&Received) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/embeddings"))
            .and(header("authorization", format!("Bearer {KEY}")))
            .respond_with(respond)
            .mount(&server)
            .await;
        server
    }

    async fn error(template: ResponseTemplate) -> EmbedError {
        let server = answers(move |_| template.clone()).await;
        endpoint(&server).embed(&["a", "b"]).await.unwrap_err()
    }

    #[tokio::test]
    async fn every_text_gets_its_own_vector_of_length_one_however_many_there_are() {
        // Of each text its number, and in the wrong order.
        let server = answers(|request: &Received| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let texts = body["input"].as_array().unwrap();
            assert!(texts.len() <= BATCH && body["model"] == "e-1");
            let data: Vec<Value> = (0..texts.len())
                .rev()
                .map(|i| json!({"index": i, "embedding": [texts[i].as_str().unwrap().parse::<f32>().unwrap(), 1.0]}))
                .collect();
            ResponseTemplate::new(200).set_body_json(json!({ "data": data }))
        })
        .await;
        let texts: Vec<String> = (0..70).map(|i| i.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

        let vectors = endpoint(&server).embed(&texts).await.unwrap();

        assert_eq!(vectors.len(), 70);
        for (i, vector) in vectors.iter().enumerate() {
            assert!((vector[0] / vector[1] - i as f32).abs() < 1e-3, "{i}: {vector:?}");
            assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_apart() {
        assert!(matches!(
            error(ResponseTemplate::new(401)).await,
            EmbedError::Unauthorized
        ));
        assert!(matches!(
            error(ResponseTemplate::new(503)).await,
            EmbedError::Unavailable
        ));
        let limited = error(ResponseTemplate::new(429).insert_header("retry-after", "7")).await;
        assert!(limited.is_transient());
        assert!(matches!(limited, EmbedError::RateLimited { after: Some(after) } if after.as_secs() == 7));
        let missing = error(ResponseTemplate::new(404)).await;
        assert!(missing.to_string().contains("no such model") && !missing.is_transient());
    }

    #[tokio::test]
    async fn an_answer_that_is_no_whole_list_of_vectors_is_refused() {
        let data = |data: Value| ResponseTemplate::new(200).set_body_json(json!({ "data": data }));
        for (answer, why) in [
            (ResponseTemplate::new(200).set_body_string("hello"), "no list"),
            (data(json!([{"index": 0, "embedding": [1.0]}])), "no vector"),
            (data(json!([{"index": 9, "embedding": [1.0]}])), "more vectors"),
            (
                data(json!([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}])),
                "different lengths",
            ),
        ] {
            let error = error(answer).await;
            assert!(error.to_string().contains(why), "{error} for {why}");
        }
    }

    #[tokio::test]
    async fn s7_an_endpoint_inside_is_refused_and_the_key_is_not_shown() {
        let limit = Duration::from_secs(1);
        let new = |guard: Guard, url: &str, model: &str| {
            Endpoint::new(&guard, url, model, Some(KEY.into()), limit, Languages::Many)
        };

        assert!(matches!(
            new(Guard::new(&[]), "http://127.0.0.1:8080/v1", "m"),
            Err(EndpointError::Url(_))
        ));
        assert!(matches!(
            new(Guard::open(), "https://api.example.com/v1", " "),
            Err(EndpointError::NoModel)
        ));
        let endpoint = new(Guard::open(), "https://api.example.com/v1", "m").unwrap();
        assert!(!format!("{endpoint:?}").contains(KEY));
        assert_eq!(endpoint.identity(), "https://api.example.com/v1/embeddings m");
    }
}
