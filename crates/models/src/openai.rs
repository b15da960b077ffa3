//! Any endpoint that speaks OpenAI's chat completions.
//!
//! Invariants: an answer comes within the time limit or not at all, however slowly its bytes come; no more of it is
//! read than an answer can have; the key leaves in one header and nowhere else.

use crate::{
    answer::Answer,
    ask::Ask,
    citations, draft,
    error::{Detail, ModelError},
    prompt::{self, Message, NO_ANSWER, Prompt},
    sse::Events,
};
use bytes::Bytes;
use domain::FallbackReason;
use egress::{CheckedUrl, Client};
use futures_util::{Stream, StreamExt, stream};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// More is no answer.
const LARGEST_BODY: usize = 1024 * 1024;

/// What a request may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub time: Duration,
    pub answer_tokens: u32,
    pub prompt_tokens: usize,
}

/// One model of one endpoint. Cheap to clone.
#[derive(Clone)]
pub struct OpenAi {
    client: Client,
    url: CheckedUrl,
    model: Arc<str>,
    key: Option<SecretString>,
    limits: Limits,
    /// OpenAI's newer models refuse `max_tokens` and `temperature`; everybody else knows nothing newer.
    newer: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: &'a [Message],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "delta")]
    message: Content,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct Usage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureDetail,
}

/// OpenAI sends an object, some others plain text.
#[derive(Deserialize)]
#[serde(untagged)]
enum FailureDetail {
    Object { message: String },
    Text(String),
}

impl OpenAi {
    pub(crate) fn new(
        client: Client,
        url: CheckedUrl,
        model: &str,
        key: Option<SecretString>,
        limits: Limits,
    ) -> Self {
        Self {
            client,
            url,
            model: model.trim().into(),
            key,
            limits,
            newer: Arc::default(),
        }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.model
    }

    /// Asks and waits for the whole answer.
    pub async fn answer(&self, ask: &Ask<'_>) -> Result<Answer, ModelError> {
        let started = Instant::now();
        let outcome = self.complete(ask, started + self.limits.time).await;
        let word = outcome.as_ref().map_or_else(ModelError::name, |_| "answered");
        metrics::histogram!("botsmith_model_seconds", "outcome" => word)
            .record(started.elapsed().as_secs_f64());
        outcome
    }

    /// Asks for the answer as it is written, and tells again and again what may be shown of it so far.
    pub async fn answer_aloud(
        &self,
        ask: &Ask<'_>,
        heard: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer, ModelError> {
        let started = Instant::now();
        let outcome = self.aloud(ask, heard).await;
        let word = outcome.as_ref().map_or_else(ModelError::name, |_| "answered");
        metrics::histogram!("botsmith_model_seconds", "outcome" => word)
            .record(started.elapsed().as_secs_f64());
        outcome
    }

    async fn aloud(&self, ask: &Ask<'_>, heard: &mut (dyn FnMut(&str) + Send)) -> Result<Answer, ModelError> {
        let mut streaming = self.stream(ask).await?;
        while streaming.next().await?.is_some() {
            heard(&draft::shown(&streaming.text));
        }
        if let Some(first_after) = streaming.first_after {
            metrics::histogram!("botsmith_model_first_seconds").record(first_after.as_secs_f64());
        }
        streaming.finish().await
    }

    async fn complete(&self, ask: &Ask<'_>, deadline: Instant) -> Result<Answer, ModelError> {
        let prompt = prompt::assemble(ask, self.limits.prompt_tokens);
        let response = self.post(&prompt, false, deadline).await?;
        let (text, usage) = self.whole(response, deadline).await?;
        self.finish(&text, prompt.passages, usage)
    }

    async fn whole(&self, response: Response, deadline: Instant) -> Result<(String, Usage), ModelError> {
        let status = response.status();
        let body = self.body(response, deadline).await?;
        let completion: Completion =
            serde_json::from_slice(&body).map_err(|_| bad(status, "not a chat completion"))?;
        let text = completion
            .choices
            .into_iter()
            .find_map(|choice| choice.message.content)
            .unwrap_or_default();
        Ok((text, completion.usage.unwrap_or_default()))
    }

    /// Asks and hands the answer over as it comes.
    pub async fn stream(&self, ask: &Ask<'_>) -> Result<Streaming, ModelError> {
        let started = Instant::now();
        let deadline = started + self.limits.time;
        let prompt = prompt::assemble(ask, self.limits.prompt_tokens);
        let response = self.post(&prompt, true, deadline).await?;
        let mut streaming = Streaming {
            model: self.clone(),
            status: response.status(),
            bytes: Box::pin(stream::empty()),
            events: Events::default(),
            waiting: VecDeque::new(),
            text: String::new(),
            usage: Usage::default(),
            passages: prompt.passages,
            ended: false,
            started,
            deadline,
            first_after: None,
        };
        if is_json(&response) {
            // Some endpoints know no streaming, and answer all at once.
            (streaming.text, streaming.usage) = self.whole(response, deadline).await?;
            streaming.ended = true;
        } else {
            streaming.bytes = Box::pin(response.bytes_stream());
        }
        Ok(streaming)
    }

    /// The head of a successful answer.
    async fn post(&self, prompt: &Prompt, stream: bool, deadline: Instant) -> Result<Response, ModelError> {
        let newer = self.newer.load(Ordering::Relaxed);
        match self.post_as(prompt, stream, newer, deadline).await {
            Err(ModelError::BadResponse { status: 400, detail })
                if !newer && detail.as_str().contains("max_completion_tokens") =>
            {
                self.newer.store(true, Ordering::Relaxed);
                self.post_as(prompt, stream, true, deadline).await
            }
            outcome => outcome,
        }
    }

    async fn post_as(
        &self,
        prompt: &Prompt,
        stream: bool,
        newer: bool,
        deadline: Instant,
    ) -> Result<Response, ModelError> {
        let request = Request {
            model: &self.model,
            messages: &prompt.messages,
            max_tokens: (!newer).then_some(self.limits.answer_tokens),
            max_completion_tokens: newer.then_some(self.limits.answer_tokens),
            temperature: (!newer).then_some(0.2),
            stream,
            stream_options: stream.then_some(StreamOptions { include_usage: true }),
        };
        let mut builder = self.client.post(&self.url).json(&request);
        if let Some(key) = &self.key {
            builder = builder.bearer_auth(key.expose_secret());
        }
        let again = builder.try_clone();
        let mut sent = self.send(builder, deadline).await;
        // What a server says of a connection that lay idle, or its end, may cross a request (RFC 9110, 15.5.9).
        let crossed = match &sent {
            Ok(response) => response.status() == StatusCode::REQUEST_TIMEOUT,
            Err(error) => matches!(error, ModelError::Unavailable),
        };
        if let Some(again) = again.filter(|_| crossed) {
            sent = self.send(again, deadline).await;
        }
        let response = sent?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = retry_after(&response);
        let body = self.body(response, deadline).await.unwrap_or_default();
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ModelError::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => ModelError::RateLimited { after },
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                ModelError::Unavailable
            }
            status => bad_detail(status, self.detail(&body)),
        })
    }

    async fn send(&self, request: RequestBuilder, deadline: Instant) -> Result<Response, ModelError> {
        timeout_at(deadline, request.send())
            .await
            .map_err(|_| ModelError::Timeout(self.limits.time))?
            .map_err(|error| self.unreachable(&error))
    }

    async fn body(&self, response: Response, deadline: Instant) -> Result<Vec<u8>, ModelError> {
        let status = response.status();
        let mut pieces = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = timeout_at(deadline, pieces.next())
            .await
            .map_err(|_| ModelError::Timeout(self.limits.time))?
        {
            let piece = piece.map_err(|error| self.unreachable(&error))?;
            if body.len() + piece.len() > LARGEST_BODY {
                return Err(bad(status, "the answer is larger than 1 MiB"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        match egress::refused(error) {
            Some(refusal) => ModelError::Refused(refusal),
            None if error.is_timeout() && !error.is_connect() => ModelError::Timeout(self.limits.time),
            None => ModelError::Unavailable,
        }
    }

    fn detail(&self, body: &[u8]) -> Detail {
        let key = self.key.as_ref().map_or("", |key| key.expose_secret());
        match serde_json::from_slice(body) {
            Ok(Failure {
                error: FailureDetail::Object { message } | FailureDetail::Text(message),
            }) => Detail::of(&message, key),
            Err(_) => Detail::of(&String::from_utf8_lossy(&body[..body.len().min(4096)]), key),
        }
    }

    fn finish(&self, text: &str, passages: usize, usage: Usage) -> Result<Answer, ModelError> {
        let text = without_thoughts(text).trim();
        if text.is_empty() {
            return Err(bad(StatusCode::OK, "the answer is empty"));
        }
        let unknown = text.trim_matches(|c: char| !c.is_alphanumeric()) == NO_ANSWER;
        let (text, citations) = if unknown {
            Default::default()
        } else {
            citations::check(&text.replace(NO_ANSWER, ""), passages)
        };
        Ok(Answer {
            text,
            citations,
            model: self.model.to_string(),
            tokens_in: usage.prompt_tokens,
            tokens_out: usage.completion_tokens,
            fallback: unknown.then_some(FallbackReason::NoKnowledge),
        })
    }
}

/// Reasoning models served by small runtimes think aloud first.
fn without_thoughts(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map_or("", |(_, answer)| answer),
        None => text,
    }
}

fn bad(status: StatusCode, why: &str) -> ModelError {
    bad_detail(status, Detail::of(why, ""))
}

fn bad_detail(status: StatusCode, detail: Detail) -> ModelError {
    ModelError::BadResponse {
        status: status.as_u16(),
        detail,
    }
}

fn is_json(response: &Response) -> bool {
    let given = response.headers().get(header::CONTENT_TYPE);
    given.is_some_and(|given| given.as_bytes().starts_with(b"application/json"))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: f64 = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (0.0..=86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// Neither its key nor its whole address.
impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("url", &self.url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// An answer on its way.
pub struct Streaming {
    model: OpenAi,
    status: StatusCode,
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    events: Events,
    waiting: VecDeque<String>,
    text: String,
    usage: Usage,
    passages: usize,
    ended: bool,
    started: Instant,
    deadline: Instant,
    first_after: Option<Duration>,
}

impl Streaming {
    /// The next piece of the text, its markers unchecked. `None`: it is complete.
    pub async fn next(&mut self) -> Result<Option<String>, ModelError> {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                if event.trim() == "[DONE]" {
                    self.ended = true;
                    self.waiting.clear();
                    return Ok(None);
                }
                if let Some(piece) = self.read(&event)? {
                    self.first_after.get_or_insert_with(|| self.started.elapsed());
                    self.text.push_str(&piece);
                    return Ok(Some(piece));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let limit = self.model.limits.time;
            match timeout_at(self.deadline, self.bytes.next())
                .await
                .map_err(|_| ModelError::Timeout(limit))?
            {
                Some(piece) => {
                    let piece = piece.map_err(|error| self.model.unreachable(&error))?;
                    let ended = self
                        .events
                        .push(&piece)
                        .map_err(|_| bad(self.status, "an endless line"))?;
                    self.waiting.extend(ended);
                }
                // Cut off before its end: half an answer may say the opposite of the whole.
                None => return Err(ModelError::Unavailable),
            }
            if self.text.len() > LARGEST_BODY {
                return Err(bad(self.status, "the answer is larger than 1 MiB"));
            }
        }
    }

    fn read(&mut self, event: &str) -> Result<Option<String>, ModelError> {
        if let Ok(Failure { .. }) = serde_json::from_str(event) {
            return Err(bad_detail(self.status, self.model.detail(event.as_bytes())));
        }
        let chunk: Completion =
            serde_json::from_str(event).map_err(|_| bad(self.status, "not a chat completion chunk"))?;
        if let Some(usage) = chunk.usage {
            self.usage = usage;
        }
        let piece = chunk
            .choices
            .into_iter()
            .find_map(|choice| choice.message.content);
        Ok(piece.filter(|piece| !piece.is_empty()))
    }

    /// How long the first piece took; `None` before it.
    pub const fn first_after(&self) -> Option<Duration> {
        self.first_after
    }

    /// Reads the rest, and gives the whole answer with its markers checked.
    pub async fn finish(mut self) -> Result<Answer, ModelError> {
        while self.next().await?.is_some() {}
        self.model.finish(&self.text, self.passages, self.usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, Model, Models, Settings, tests::passage};
    use serde_json::json;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_partial_json, header, method, path},
    };

    const KEY: &str = "sk-very-secret-key";

    fn settings() -> Settings {
        serde_json::from_value(json!({
            "time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8"
        }))
        .unwrap()
    }

    fn model_at(server: &MockServer) -> Model {
        let endpoint = Endpoint {
            base_url: format!("{}/v1", server.uri()),
            model: "m-1".to_owned(),
            time_limit_seconds: Some(1),
        };
        Models::open(&settings())
            .unwrap()
            .of_chatbot(&endpoint, Some(KEY.into()))
            .unwrap()
    }

    async fn answers_with(template: ResponseTemplate) -> (MockServer, Model) {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/chat/completions"))
            .and(header("authorization", format!("Bearer {KEY}")))
            .respond_with(template)
            .mount(&server)
            .await;
        let model = model_at(&server);
        (server, model)
    }

    fn says(text: &str) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({
            "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 120, "completion_tokens": 9}
        }))
    }

    async fn ask(model: &Model) -> Result<Answer, ModelError> {
        let passages = [passage("We ship in two days."), passage("Returns are free.")];
        model
            .answer(&Ask {
                chatbot: "Helper",
                instructions: "",
                passages: &passages,
                history: &[],
                question: "How long?",
            })
            .await
    }

    #[tokio::test]
    async fn an_answer_comes_with_checked_citations_and_its_cost() {
        let (server, model) = answers_with(says("Two days [1]. Free [2][7].")).await;

        let answer = ask(&model).await.unwrap();

        assert_eq!(answer.text, "Two days [1]. Free [2].");
        assert_eq!(answer.citations, [0, 1]);
        assert_eq!((answer.tokens_in, answer.tokens_out), (Some(120), Some(9)));
        assert_eq!((answer.model.as_str(), answer.fallback), ("m-1", None));
        let sent: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
        assert_eq!(
            (&sent["model"], &sent["max_tokens"], &sent["stream"]),
            (&json!("m-1"), &json!(300), &json!(false))
        );
        assert!(
            sent["messages"][1]["content"]
                .as_str()
                .unwrap()
                .contains("We ship in two days.")
        );
    }

    #[tokio::test]
    async fn a_model_that_finds_no_answer_says_so() {
        let (_server, model) = answers_with(says("NO_ANSWER.")).await;

        let answer = ask(&model).await.unwrap();

        assert_eq!(
            (answer.fallback, answer.text.as_str()),
            (Some(FallbackReason::NoKnowledge), "")
        );
    }

    #[tokio::test]
    async fn each_failure_has_its_name() {
        let cases = [
            (ResponseTemplate::new(401), "unauthorized"),
            (ResponseTemplate::new(403), "unauthorized"),
            (
                ResponseTemplate::new(429).insert_header("retry-after", "7"),
                "rate_limited",
            ),
            (ResponseTemplate::new(500), "unavailable"),
            (
                ResponseTemplate::new(503).set_body_string("x".repeat(100_000)),
                "unavailable",
            ),
            (
                ResponseTemplate::new(404).set_body_json(json!({"error": {"message": "no such model"}})),
                "bad_response",
            ),
            (
                ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/"),
                "bad_response",
            ),
            (
                ResponseTemplate::new(200).set_body_string("<html>"),
                "bad_response",
            ),
            (
                ResponseTemplate::new(200).set_body_json(json!({"choices": []})),
                "bad_response",
            ),
            (says("  "), "bad_response"),
            (says("late [1]").set_delay(Duration::from_secs(3)), "timeout"),
            (says(&"x".repeat(LARGEST_BODY)), "bad_response"),
        ];
        for (template, name) in cases {
            let (_server, model) = answers_with(template).await;

            let error = ask(&model).await.unwrap_err();

            assert_eq!(error.name(), name, "{error}");
            if let ModelError::RateLimited { after } = error {
                assert_eq!(after, Some(Duration::from_secs(7)));
            }
        }
    }

    #[tokio::test]
    async fn s20_a_key_that_the_endpoint_repeats_is_in_no_error() {
        let said =
            json!({"error": {"message": format!("Key {KEY} may not\nuse this model. {}", "x".repeat(500))}});
        let (_server, model) = answers_with(ResponseTemplate::new(400).set_body_json(said)).await;

        let error = ask(&model).await.unwrap_err();

        let ModelError::BadResponse { status: 400, detail } = &error else {
            panic!("{error}")
        };
        assert!(detail.as_str().starts_with("Key … may not use this model."));
        assert_eq!(detail.as_str().chars().count(), 200);
        let model = match &model {
            Model::OpenAi(model) => format!("{model:?}"),
            Model::Extractive => unreachable!(),
        };
        assert!(
            !format!("{error} {error:?} {model}").contains("sk-"),
            "a key was printed"
        );
        assert!(
            !format!("{error:?}").contains("may not"),
            "the endpoint's words were printed"
        );
    }

    #[tokio::test]
    async fn an_endpoint_that_is_away_is_unavailable() {
        let server = MockServer::start().await;
        let model = model_at(&server);
        drop(server);

        // A dropped mock server may be reused by another test, which then answers 404.
        assert!(matches!(
            ask(&model).await.unwrap_err().name(),
            "unavailable" | "bad_response"
        ));
    }

    #[tokio::test]
    async fn a_request_that_crossed_the_end_of_an_idle_connection_is_sent_again_once() {
        let (crossed, always) = (MockServer::start().await, MockServer::start().await);
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(408))
            .up_to_n_times(1)
            .mount(&crossed)
            .await;
        Mock::given(method("POST"))
            .respond_with(says("Two days [1]."))
            .mount(&crossed)
            .await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(408))
            .expect(2)
            .mount(&always)
            .await;

        assert_eq!(ask(&model_at(&crossed)).await.unwrap().text, "Two days [1].");
        assert_eq!(ask(&model_at(&always)).await.unwrap_err().name(), "unavailable");
    }

    #[tokio::test]
    async fn a_model_that_wants_the_newer_parameters_gets_them() {
        let server = MockServer::start().await;
        let refusal = json!({"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}});
        Mock::given(body_partial_json(json!({"max_tokens": 300})))
            .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(body_partial_json(json!({"max_completion_tokens": 300})))
            .respond_with(says("Two days [1]."))
            .expect(2)
            .mount(&server)
            .await;
        let model = model_at(&server);

        assert_eq!(ask(&model).await.unwrap().text, "Two days [1].");
        assert_eq!(ask(&model).await.unwrap().text, "Two days [1].");
    }

    #[tokio::test]
    async fn when_the_model_fails_the_best_passage_is_quoted() {
        let (_server, model) = answers_with(ResponseTemplate::new(500)).await;
        let passages = [passage("We ship in two days.")];
        let ask = Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &passages,
            history: &[],
            question: "How long?",
        };

        let (answer, error) = model.answer_or_quote(&ask).await;

        assert_eq!(answer.text, "We ship in two days. [1]");
        assert_eq!(answer.fallback, Some(FallbackReason::ModelUnavailable));
        assert_eq!(error, Some(ModelError::Unavailable));
    }

    fn streamed(pieces: &[&str]) -> ResponseTemplate {
        let mut body = String::from(": connected\n\n");
        for piece in pieces {
            body.push_str(&format!(
                "data: {}\n\n",
                json!({"choices": [{"delta": {"content": piece}}]})
            ));
        }
        body.push_str("data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 2}}\n\ndata: [DONE]\n\n");
        ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
    }

    async fn stream(model: &Model) -> Result<Streaming, ModelError> {
        let Model::OpenAi(model) = model else {
            panic!("not an endpoint")
        };
        let passages = [passage("We ship in two days.")];
        let ask = Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &passages,
            history: &[],
            question: "How long?",
        };
        model.stream(&ask).await
    }

    #[tokio::test]
    async fn a_streamed_answer_comes_in_pieces_and_ends_checked() {
        let (_server, model) = answers_with(streamed(&["Two ", "days [1", "] [5]."])).await;

        let mut streaming = stream(&model).await.unwrap();
        let first = streaming.next().await.unwrap();
        let first_after = streaming.first_after();
        let answer = streaming.finish().await.unwrap();

        assert_eq!(first.as_deref(), Some("Two "));
        assert!(first_after.is_some());
        assert_eq!(answer.text, "Two days [1].");
        assert_eq!(
            (answer.citations.as_slice(), answer.tokens_in),
            (&[0][..], Some(5))
        );
    }

    #[tokio::test]
    async fn what_may_be_shown_is_told_while_the_answer_is_written() {
        let (_server, model) = answers_with(streamed(&["Two ", "days [1", "], free."])).await;
        let passages = [passage("We ship in two days.")];
        let ask = Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &passages,
            history: &[],
            question: "How long?",
        };
        let mut heard = Vec::new();

        let answer = model
            .answer_aloud(&ask, &mut |text| heard.push(text.to_owned()))
            .await
            .unwrap();

        assert_eq!(heard, ["Two", "Two days", "Two days, free."]);
        assert_eq!(answer.text, "Two days [1], free.");
    }

    #[tokio::test]
    async fn an_endpoint_that_knows_no_streaming_answers_all_the_same() {
        let (_server, model) = answers_with(says("Two days [1].")).await;

        let answer = stream(&model).await.unwrap().finish().await.unwrap();

        assert_eq!(
            (answer.text.as_str(), answer.tokens_in),
            ("Two days [1].", Some(120))
        );
    }

    #[tokio::test]
    async fn a_stream_that_is_cut_off_is_no_answer() {
        let whole = "data: {\"choices\": [{\"delta\": {\"content\": \"Never \"}}]}\n\n";
        let (_server, model) =
            answers_with(ResponseTemplate::new(200).set_body_raw(whole, "text/event-stream")).await;

        assert_eq!(
            stream(&model).await.unwrap().finish().await,
            Err(ModelError::Unavailable)
        );
    }

    #[tokio::test]
    async fn s7_a_chatbots_endpoint_cannot_point_inside_and_the_operators_can() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(says("Two days [1]."))
            .mount(&server)
            .await;
        let mut closed = settings();
        closed.allowed_private_cidrs.clear();
        closed.base_url = server.uri();
        closed.model = "m-1".to_owned();
        let models = Models::open(&closed).unwrap();
        let inside = Endpoint {
            base_url: server.uri(),
            model: "m-1".to_owned(),
            time_limit_seconds: None,
        };

        assert!(models.check(&inside).is_err() && models.of_chatbot(&inside, None).is_err());
        assert_eq!(ask(&models.of_installation()).await.unwrap().citations, [0]);
    }

    #[test]
    fn without_an_endpoint_passages_are_quoted() {
        assert!(matches!(
            Models::open(&settings()).unwrap().of_installation(),
            Model::Extractive
        ));
    }

    #[test]
    fn thoughts_are_not_part_of_the_answer() {
        assert_eq!(without_thoughts("<think>hm</think> Two days."), " Two days.");
        assert_eq!(without_thoughts("Two days."), "Two days.");
    }
}
