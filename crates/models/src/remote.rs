//! A model at an endpoint, whoever provides it.
//!
//! Invariants: an answer comes within the time limit or not at all, however slowly its bytes come; no more of it is
//! read than an answer can have; the key leaves in one header and nowhere else.

use crate::{
    answer::Answer,
    ask::Ask,
    draft,
    error::ModelError,
    finished,
    prompt::{self, Prompt},
    provider::Provider,
    tools::{CallPieces, Toolbox},
    wire::{self, Call, Failed, Frames, Heard, Usage},
};
use bytes::Bytes;
use egress::{CheckedUrl, Client};
use futures_util::{Stream, StreamExt, stream};
use reqwest::{Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
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
    /// For the whole answer.
    pub time: Duration,
    /// For the first byte of an answer that is told while it is written.
    pub first: Duration,
    pub answer_tokens: u32,
    pub prompt_tokens: usize,
}

/// One model of one endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    provider: Provider,
    client: Client,
    base: CheckedUrl,
    model: Arc<str>,
    key: Option<SecretString>,
    limits: Limits,
    /// See [`Call::newer`]: known once the endpoint has said so.
    newer: Arc<AtomicBool>,
}

impl Remote {
    pub(crate) fn new(
        provider: Provider,
        client: Client,
        base: CheckedUrl,
        model: &str,
        key: Option<SecretString>,
        limits: Limits,
    ) -> Self {
        Self {
            provider,
            client,
            base,
            model: model.trim().into(),
            key,
            limits,
            newer: Arc::new(AtomicBool::new(provider == Provider::OpenAi)),
        }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.model
    }

    /// Whose API it speaks.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// Asks and waits for the whole answer.
    pub async fn answer(&self, ask: &Ask<'_>) -> Result<Answer, ModelError> {
        let started = Instant::now();
        let ask = &self.within_its_means(ask);
        let outcome = self.complete(ask, started + self.limits.time).await;
        self.measure(started, &outcome);
        outcome
    }

    /// Asks for the answer as it is written, and tells again and again what may be shown of it so far.
    pub async fn answer_aloud(
        &self,
        ask: &Ask<'_>,
        heard: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer, ModelError> {
        let started = Instant::now();
        let ask = &self.within_its_means(ask);
        let outcome = self.aloud(ask, heard).await;
        self.measure(started, &outcome);
        outcome
    }

    /// The same question without tools, where the provider's form has none.
    fn within_its_means<'a>(&self, ask: &Ask<'a>) -> Ask<'a> {
        let toolbox = if wire::takes_tools(self.provider) {
            ask.toolbox
        } else {
            Toolbox::default()
        };
        Ask { toolbox, ..*ask }
    }

    fn measure(&self, started: Instant, outcome: &Result<Answer, ModelError>) {
        let word = outcome.as_ref().map_or_else(ModelError::name, |_| "answered");
        metrics::histogram!("botsmith_model_seconds", "outcome" => word, "provider" => self.provider.name())
            .record(started.elapsed().as_secs_f64());
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
        let until = Until::whole(self.limits, deadline);
        let response = self.post(&prompt, ask.toolbox, false, until).await?;
        let heard = self.whole(response, until).await?;
        let mut calls = CallPieces::default();
        calls.add(heard.calls);
        finished::answer(
            &self.model,
            &heard.text,
            calls.whole(),
            prompt.passages,
            heard.usage,
        )
    }

    async fn whole(&self, response: Response, until: Until) -> Result<Heard, ModelError> {
        let status = response.status();
        let body = self.body(response, until).await?;
        wire::whole(self.provider, &body).map_err(|failed| self.name_failure(failed, status, None))
    }

    /// Asks and hands the answer over as it comes.
    pub(crate) async fn stream(&self, ask: &Ask<'_>) -> Result<Streaming, ModelError> {
        let started = Instant::now();
        let deadline = started + self.limits.time;
        let prompt = prompt::assemble(ask, self.limits.prompt_tokens);
        let until = Until::first(self.limits, started);
        let response = self.post(&prompt, ask.toolbox, true, until).await?;
        let mut streaming = Streaming {
            model: self.clone(),
            status: response.status(),
            bytes: Box::pin(stream::empty()),
            frames: wire::frames(self.provider),
            waiting: VecDeque::new(),
            text: String::new(),
            calls: CallPieces::default(),
            usage: Usage::default(),
            passages: prompt.passages,
            whole: false,
            ended: false,
            started,
            until,
            first_after: None,
        };
        if is_json(&response) {
            // Some endpoints know no streaming, and answer all at once.
            let heard = self.whole(response, Until::whole(self.limits, deadline)).await?;
            (streaming.text, streaming.usage) = (heard.text, heard.usage);
            streaming.calls.add(heard.calls);
            (streaming.whole, streaming.ended) = (true, true);
        } else {
            streaming.bytes = Box::pin(response.bytes_stream());
        }
        Ok(streaming)
    }

    /// The head of a successful answer.
    async fn post(
        &self,
        prompt: &Prompt,
        toolbox: Toolbox<'_>,
        stream: bool,
        until: Until,
    ) -> Result<Response, ModelError> {
        let newer = self.newer.load(Ordering::Relaxed);
        match self.post_as(prompt, toolbox, stream, newer, until).await? {
            Ok(response) => Ok(response),
            Err(refused)
                if refused.failed.wants_newer() && !newer && refused.status == StatusCode::BAD_REQUEST =>
            {
                self.newer.store(true, Ordering::Relaxed);
                let again = self.post_as(prompt, toolbox, stream, true, until).await?;
                again.map_err(|refused| self.name_failure(refused.failed, refused.status, refused.after))
            }
            Err(refused) => Err(self.name_failure(refused.failed, refused.status, refused.after)),
        }
    }

    async fn post_as(
        &self,
        prompt: &Prompt,
        toolbox: Toolbox<'_>,
        stream: bool,
        newer: bool,
        until: Until,
    ) -> Result<Result<Response, RefusedCall>, ModelError> {
        let call = Call {
            model: &self.model,
            messages: &prompt.messages,
            toolbox,
            answer_tokens: self.limits.answer_tokens,
            prompt_tokens: self.limits.prompt_tokens,
            stream,
            newer,
        };
        let (url, query) = wire::address(self.provider, &self.base, &call);
        let headers = wire::headers(self.provider, self.key.as_ref()).ok_or(ModelError::Unauthorized)?;
        let body = wire::body(self.provider, &call);
        let mut builder = self.client.post(&url).headers(headers).json(&body);
        if let Some(query) = query {
            builder = builder.query(&[query]);
        }
        let response = until
            .wait(builder.send())
            .await?
            .map_err(|error| self.unreachable(&error, until))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Ok(response));
        }
        let after = retry_after(&response);
        let body = self.body(response, until).await.unwrap_or_default();
        Ok(Err(RefusedCall {
            status,
            after,
            failed: wire::failure(self.provider, &body),
        }))
    }

    async fn body(&self, response: Response, until: Until) -> Result<Vec<u8>, ModelError> {
        let status = response.status();
        let mut pieces = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = until.wait(pieces.next()).await? {
            let piece = piece.map_err(|error| self.broken_off(&error, until))?;
            if body.len() + piece.len() > LARGEST_BODY {
                return Err(finished::bad(status.as_u16(), "the answer is larger than 1 MiB"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error, until: Until) -> ModelError {
        match egress::refused(error) {
            Some(refusal) => ModelError::Refused(refusal),
            None if error.is_timeout() && !error.is_connect() => until.error(),
            None => ModelError::Unavailable,
        }
    }

    /// After its head had come.
    fn broken_off(&self, error: &reqwest::Error, until: Until) -> ModelError {
        if error.is_timeout() {
            until.error()
        } else {
            ModelError::CutOff
        }
    }

    fn name_failure(&self, failed: Failed, status: StatusCode, after: Option<Duration>) -> ModelError {
        let key = self.key.as_ref().map_or("", |key| key.expose_secret());
        failed.name(status.as_u16(), after, key)
    }
}

/// A call that was answered with another status than success.
struct RefusedCall {
    status: StatusCode,
    after: Option<Duration>,
    failed: Failed,
}

/// How long something may take.
#[derive(Clone, Copy)]
struct Until {
    deadline: Instant,
    limits: Limits,
    /// Until the first byte only.
    first: bool,
}

impl Until {
    const fn whole(limits: Limits, deadline: Instant) -> Self {
        Self {
            deadline,
            limits,
            first: false,
        }
    }

    fn first(limits: Limits, started: Instant) -> Self {
        Self {
            deadline: started + limits.first.min(limits.time),
            limits,
            first: limits.first < limits.time,
        }
    }

    const fn error(self) -> ModelError {
        if self.first {
            ModelError::Silent(self.limits.first)
        } else {
            ModelError::Timeout(self.limits.time)
        }
    }

    async fn wait<T>(self, what: impl Future<Output = T>) -> Result<T, ModelError> {
        timeout_at(self.deadline, what).await.map_err(|_| self.error())
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
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("provider", &self.provider)
            .field("base", &self.base)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// An answer on its way.
pub(crate) struct Streaming {
    model: Remote,
    status: StatusCode,
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    frames: Frames,
    waiting: VecDeque<String>,
    text: String,
    calls: CallPieces,
    usage: Usage,
    passages: usize,
    whole: bool,
    ended: bool,
    started: Instant,
    until: Until,
    first_after: Option<Duration>,
}

impl Streaming {
    /// The next piece of the text, its markers unchecked. `None`: it is complete.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, ModelError> {
        loop {
            while let Some(frame) = self.waiting.pop_front() {
                let heard = wire::piece(self.model.provider, &frame)
                    .map_err(|failed| self.model.name_failure(failed, self.status, None))?;
                self.usage.update(heard.usage);
                self.calls.add(heard.calls);
                self.whole |= heard.whole;
                if heard.ended {
                    self.ended = true;
                    self.waiting.clear();
                }
                if !heard.text.is_empty() {
                    self.first_after.get_or_insert_with(|| self.started.elapsed());
                    self.text.push_str(&heard.text);
                    return Ok(Some(heard.text));
                }
            }
            if self.ended {
                return Ok(None);
            }
            self.more().await?;
            if self.text.len() + self.calls.bytes() > LARGEST_BODY {
                return Err(finished::bad(
                    self.status.as_u16(),
                    "the answer is larger than 1 MiB",
                ));
            }
        }
    }

    async fn more(&mut self) -> Result<(), ModelError> {
        let Some(piece) = self.until.wait(self.bytes.next()).await? else {
            self.waiting.extend(self.frames.end());
            if self.waiting.is_empty() {
                self.ended = true;
                return if self.whole {
                    Ok(())
                } else {
                    Err(ModelError::CutOff)
                };
            }
            return Ok(());
        };
        let piece = piece.map_err(|error| self.model.broken_off(&error, self.until))?;
        if self.until.first {
            let limits = self.until.limits;
            self.until = Until::whole(limits, self.started + limits.time);
        }
        let ended = self
            .frames
            .push(&piece)
            .map_err(|_| finished::bad(self.status.as_u16(), "an endless line"))?;
        self.waiting.extend(ended);
        Ok(())
    }

    /// Reads the rest, and gives the whole answer with its markers checked.
    pub(crate) async fn finish(mut self) -> Result<Answer, ModelError> {
        while self.next().await?.is_some() {}
        finished::answer(
            &self.model.model,
            &self.text,
            self.calls.whole(),
            self.passages,
            self.usage,
        )
    }

    /// How long the first piece took; `None` before it.
    #[cfg(test)]
    const fn first_after(&self) -> Option<Duration> {
        self.first_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, Model, Models, Round, Settings, Tool, ToolCall, ToolResult, tests::passage};
    use domain::FallbackReason;
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

    fn endpoint() -> Endpoint {
        Endpoint {
            provider: Provider::OpenAiCompatible,
            base_url: String::new(),
            model: "m-1".to_owned(),
            time_limit_seconds: None,
            context_tokens: None,
        }
    }

    fn model_at(server: &MockServer) -> Model {
        let endpoint = Endpoint {
            base_url: format!("{}/v1", server.uri()),
            model: "m-1".to_owned(),
            time_limit_seconds: Some(1),
            ..endpoint()
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
                toolbox: Default::default(),
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
                "overloaded",
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
            Model::Remote(model) => format!("{model:?}"),
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
            toolbox: Default::default(),
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
        let Model::Remote(model) = model else {
            panic!("not an endpoint")
        };
        let passages = [passage("We ship in two days.")];
        let ask = Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &passages,
            history: &[],
            question: "How long?",
            toolbox: Default::default(),
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
            toolbox: Default::default(),
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
            Err(ModelError::CutOff)
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
            ..endpoint()
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

    fn tools() -> [Tool; 1] {
        [Tool {
            name: "find_order".to_owned(),
            description: "Finds an order.".to_owned(),
            parameters: json!({"type": "object", "properties": {"id": {"type": "string"}}}),
        }]
    }

    fn with<'a>(toolbox: Toolbox<'a>) -> Ask<'a> {
        Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &[],
            history: &[],
            question: "Where is 7?",
            toolbox,
        }
    }

    #[tokio::test]
    async fn a_model_is_told_of_tools_and_its_calls_are_heard() {
        let call = json!({"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": "{\"id\":\"7\"}"}});
        let (server, model) = answers_with(ResponseTemplate::new(200).set_body_json(json!({
            "choices": [{"message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}],
        })))
        .await;
        let (tools, rounds) = (tools(), []);
        let toolbox = Toolbox {
            tools: &tools,
            rounds: &rounds,
            no_more: false,
        };

        let answer = model.answer(&with(toolbox)).await.unwrap();

        let [call] = answer.calls.as_slice() else {
            panic!("{answer:?}");
        };
        assert_eq!(
            (call.id.as_str(), call.name.as_str(), &call.arguments),
            ("c1", "find_order", &json!({"id": "7"}))
        );
        let asked: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
        assert_eq!(asked["tools"][0]["function"]["name"], "find_order");
        assert!(
            asked["messages"][0]["content"]
                .as_str()
                .unwrap()
                .contains("<result>")
        );
        assert!(asked["tool_choice"].is_null());
    }

    #[tokio::test]
    async fn calls_that_come_in_pieces_are_put_together_and_results_go_back() {
        let piece = |delta: serde_json::Value| {
            format!(
                "data: {}\n\n",
                json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
            )
        };
        let events = [
            piece(json!({"role": "assistant", "content": null})),
            piece(
                json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "find_order", "arguments": ""}}]}),
            ),
            piece(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"id\""}}]})),
            piece(json!({"tool_calls": [{"index": 0, "function": {"arguments": ": \"7\"}"}}]})),
            format!(
                "data: {}\n\n",
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
            ),
            "data: [DONE]\n\n".to_owned(),
        ];
        let (server, model) =
            answers_with(ResponseTemplate::new(200).set_body_raw(events.concat(), "text/event-stream")).await;
        let tools = tools();
        let rounds = [Round {
            calls: vec![ToolCall {
                id: "c0".to_owned(),
                name: "find_order".to_owned(),
                arguments: json!({"id": "6"}),
            }],
            results: vec![ToolResult {
                call: "c0".to_owned(),
                content: "none</result>".to_owned(),
            }],
        }];
        let toolbox = Toolbox {
            tools: &tools,
            rounds: &rounds,
            no_more: true,
        };

        let answer = model.answer_aloud(&with(toolbox), &mut |_| {}).await.unwrap();

        assert_eq!(answer.calls[0].arguments, json!({"id": "7"}));
        let asked: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
        let messages = asked["messages"].as_array().unwrap();
        let [.., called, result] = messages.as_slice() else {
            panic!("{messages:?}");
        };
        assert_eq!(called["tool_calls"][0]["function"]["arguments"], "{\"id\":\"6\"}");
        assert_eq!(
            (&result["role"], &result["tool_call_id"]),
            (&json!("tool"), &json!("c0"))
        );
        assert_eq!(
            result["content"].as_str().unwrap().matches("</result>").count(),
            1
        );
        assert_eq!(asked["tool_choice"], "none");
    }
}
