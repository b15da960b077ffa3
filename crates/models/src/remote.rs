//! A model at an endpoint, whoever provides it.
//!
//! Invariants: an answer comes within the time limit or not at all, however slowly its bytes come; no more of it is
//! read than an answer can have; the key leaves in one header and nowhere else.

use crate::{
    answer::Answer,
    ask::Ask,
    chain::Quote,
    draft,
    error::ModelError,
    finished,
    pieces::CallPieces,
    prompt::{self, Prompt},
    provider::Provider,
    tools::{ToolCall, Toolbox},
    wire::{self, Call, Failed, Frames, Heard, Usage},
};
use bytes::Bytes;
use egress::{CheckedUrl, Client};
use futures_util::{Stream, StreamExt, stream};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::VecDeque,
    fmt,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc, LazyLock,
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

impl Limits {
    /// The bytes of the longest answer, calls of tools included: more than any token stands for, and what every answer may
    /// have besides.
    fn most_written(&self) -> usize {
        usize::try_from(self.answer_tokens)
            .unwrap_or(usize::MAX)
            .saturating_mul(32)
            .saturating_add(64 * 1024)
            .min(LARGEST_BODY)
    }
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
    /// The model can call nothing: known once the endpoint has said so.
    toolless: Arc<AtomicBool>,
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
            toolless: Arc::default(),
        }
    }

    /// The same, with no more time than this.
    pub(crate) fn within(&self, time: Duration) -> Self {
        let mut hurried = self.clone();
        hurried.limits.time = hurried.limits.time.min(time);
        hurried
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.model
    }

    /// Whose API it speaks.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// What tells this endpoint, model and key from others in this process, and says nothing of the key.
    pub(crate) fn fingerprint(&self) -> u64 {
        static SALT: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let key = self.key.as_ref().map(|key| key.expose_secret());
        SALT.hash_one((self.provider, self.base.as_str(), &self.model, key))
    }

    /// What an answer may take at most.
    pub(crate) fn quote(&self, ask: &Ask<'_>) -> Quote<'_> {
        let prompt = prompt::assemble(ask, self.limits.prompt_tokens);
        Quote {
            provider: self.provider,
            model: &self.model,
            tokens_in: u32::try_from(prompt.tokens()).unwrap_or(u32::MAX),
            tokens_out: wire::most_written(self.provider, self.limits.answer_tokens),
        }
    }

    /// Asks and waits for the whole answer.
    pub async fn answer(&self, ask: &Ask<'_>) -> Result<Answer, ModelError> {
        let started = Instant::now();
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
        let outcome = self.aloud(ask, heard).await;
        self.measure(started, &outcome);
        outcome
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
        let calls = self.calls(calls, Round::of(ask.toolbox));
        finished::answer(&self.model, &heard.text, calls, prompt.passages, heard.usage)
    }

    /// The calls that are to be made: none, where the model was told so.
    fn calls(&self, pieces: CallPieces, round: Round) -> Vec<ToolCall> {
        if round.no_more {
            return Vec::new();
        }
        pieces.whole(round.number, self.fingerprint())
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
            round: Round::of(ask.toolbox),
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
        let (mut newer, mut toolless) = (
            self.newer.load(Ordering::Relaxed),
            self.toolless.load(Ordering::Relaxed),
        );
        loop {
            let offered = if toolless {
                toolbox.without_tools()
            } else {
                toolbox
            };
            let refused = match self.post_as(prompt, offered, stream, newer, until).await? {
                Ok(response) => return Ok(response),
                Err(refused) => refused,
            };
            let is_bad_request = refused.status == StatusCode::BAD_REQUEST;
            if is_bad_request && !newer && refused.failed.wants_newer() {
                newer = true;
                self.newer.store(true, Ordering::Relaxed);
            } else if is_bad_request && !offered.tools.is_empty() && refused.failed.knows_no_tools() {
                toolless = true;
                self.toolless.store(true, Ordering::Relaxed);
            } else {
                return Err(self.name_failure(refused.failed, refused.status, refused.after));
            }
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
            signer: self.fingerprint(),
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
        let again = builder.try_clone();
        let mut sent = self.send(builder, until).await;
        // What a server says of a connection that lay idle, or its end, may cross a request (RFC 9110, 15.5.9).
        let crossed = match &sent {
            Ok(response) => response.status() == StatusCode::REQUEST_TIMEOUT,
            Err(error) => matches!(error, ModelError::Unavailable),
        };
        if let Some(again) = again.filter(|_| crossed) {
            sent = self.send(again, until).await;
        }
        let response = sent?;
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

    async fn send(&self, request: RequestBuilder, until: Until) -> Result<Response, ModelError> {
        until
            .wait(request.send())
            .await?
            .map_err(|error| self.unreachable(&error, until))
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

/// Which of the rounds of a question it is.
#[derive(Clone, Copy)]
struct Round {
    number: usize,
    /// The last one.
    no_more: bool,
}

impl Round {
    const fn of(toolbox: Toolbox<'_>) -> Self {
        Self {
            number: toolbox.rounds.len(),
            no_more: toolbox.no_more,
        }
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
    round: Round,
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
            if self.text.len() + self.calls.bytes() > self.model.limits.most_written() {
                return Err(finished::bad(
                    self.status.as_u16(),
                    "the answer is far longer than the tokens that were asked for",
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
        let calls = self.model.calls(self.calls, self.round);
        finished::answer(&self.model.model, &self.text, calls, self.passages, self.usage)
    }

    /// How long the first piece took; `None` before it.
    #[cfg(test)]
    const fn first_after(&self) -> Option<Duration> {
        self.first_after
    }
}

#[cfg(test)]
mod tests;
