//! Posting webhooks, with a platform's patience.

use anyhow::Context;
use std::time::{Duration, Instant};

/// How often a webhook that was not taken is tried again. Twilio itself: once, and only without a connection; its
/// customers may set up to five, and add 4xx and 5xx.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Tries after the first.
    pub times: u32,
    /// Between tries, at least.
    pub pause: Duration,
    /// Also when the answer was not 2xx.
    pub on_any_failure: bool,
}

impl Retries {
    /// What Twilio does unless told otherwise.
    pub const TWILIO: Self = Self {
        times: 1,
        pause: Duration::from_millis(100),
        on_any_failure: false,
    };
    /// Never again.
    pub const NONE: Self = Self {
        times: 0,
        pause: Duration::ZERO,
        on_any_failure: false,
    };
    /// Until it is taken, for load generators: what is refused today comes again.
    pub const PATIENT: Self = Self {
        times: 600,
        pause: Duration::from_millis(250),
        on_any_failure: true,
    };
}

/// What became of a webhook.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// The last answer's status; `None` if there was none.
    pub status: Option<u16>,
    /// The last answer's `Content-Type`.
    pub content_type: String,
    /// The last answer's `Retry-After`.
    pub retry_after: Option<u64>,
    /// The last answer.
    pub body: String,
    /// How long the last try took.
    pub took: Duration,
    /// The slowest try.
    pub slowest: Duration,
    /// Tries.
    pub tries: u32,
    /// Tries answered with 503.
    pub unavailable: u32,
    /// Tries without an answer.
    pub unanswered: u32,
}

impl Delivered {
    /// Whether it was taken.
    pub fn accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A client for webhooks.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(1024)
        .no_proxy()
        .build()
        .context("the webhook sender's HTTP client")
}

/// Posts what `request` makes for each try, the first being 0, until it is taken or patience ends.
pub(crate) async fn post(retries: Retries, request: impl Fn(u32) -> reqwest::RequestBuilder) -> Delivered {
    let mut delivered = Delivered::default();
    loop {
        let began = Instant::now();
        let answer = request(delivered.tries).send().await;
        delivered.tries += 1;
        let failed = match answer {
            Ok(answer) => {
                let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
                delivered.status = Some(answer.status().as_u16());
                delivered.content_type = header("content-type").unwrap_or_default().to_owned();
                delivered.retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
                let text = answer.text().await;
                let complete = text.is_ok();
                delivered.body = text.unwrap_or_default();
                delivered.unavailable += u32::from(delivered.status == Some(503));
                // A head without its body is no answer.
                if !complete {
                    delivered.status = None;
                }
                !complete
            }
            Err(_) => {
                delivered.status = None;
                true
            }
        };
        delivered.took = began.elapsed();
        delivered.slowest = delivered.slowest.max(delivered.took);
        delivered.unanswered += u32::from(failed);
        let again = failed || (retries.on_any_failure && !delivered.accepted());
        if !again || delivered.tries > retries.times {
            return delivered;
        }
        tokio::time::sleep(retries.pause).await;
    }
}

/// The same path and query at another origin.
pub(crate) fn moved(url: &str, origin: &str) -> anyhow::Result<String> {
    let parsed = url::Url::parse(url).context("not an address")?;
    Ok(format!(
        "{}{}",
        origin.trim_end_matches('/'),
        &parsed[url::Position::BeforePath..]
    ))
}
