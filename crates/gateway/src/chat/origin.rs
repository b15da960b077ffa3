//! Which sites' pages may speak to a chatbot, and what their browsers have to hear (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! Invariant: an origin is answered exactly as it was allowed, never with a wildcard and never with credentials: nothing
//! that a browser sends by itself opens anything here.

use super::{Chat, chatbot_of, error::ChatError, hosting};
use accounts::Age;
use actix_web::{HttpRequest, HttpResponse, ResponseError, http::header, web};
use domain::Platform;
use tracing::Instrument;

/// How long a browser may remember what it was told, in seconds.
const REMEMBER: &str = "600";

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// No page of another site: a program, or a page that only reads its own site.
    None,
    /// A page that may speak to the chatbot.
    Allowed(String),
    /// Another one.
    Refused(String),
}

impl Origin {
    /// Of a request to a chatbot.
    async fn of(chat: &Chat, chatbot: &str, request: &HttpRequest) -> Result<Self, ChatError> {
        let mut given = request.headers().get_all(header::ORIGIN);
        let Some(origin) = given.next() else {
            return Ok(Self::None);
        };
        let origin = origin.to_str().unwrap_or("null").to_owned();
        if given.next().is_some() || origin == "null" {
            return Ok(Self::Refused("an unknown origin".to_owned()));
        }
        if origin == chat.own_origin {
            return Ok(Self::Allowed(origin));
        }
        for age in [Age::Kept, Age::Now] {
            let account = chat.account(chatbot_of(chatbot)?, &Platform::WEB, age).await;
            let account = match account {
                // A chatbot without visitors has no pages.
                Err(ChatError::NotConnected(_)) => return Ok(Self::Refused(shorten(&origin))),
                account => account?,
            };
            if hosting(&account)?.allowed_origins.contains(&origin) {
                return Ok(Self::Allowed(origin));
            }
        }
        Ok(Self::Refused(shorten(&origin)))
    }

    /// Refuses pages of other sites.
    pub fn check(&self) -> Result<(), ChatError> {
        match self {
            Self::None | Self::Allowed(_) => Ok(()),
            Self::Refused(origin) => Err(ChatError::Origin(origin.clone())),
        }
    }

    /// Lets the page read the answer.
    fn let_read(&self, response: &mut HttpResponse) {
        let headers = response.headers_mut();
        headers.append(header::VARY, header::HeaderValue::from_static("Origin"));
        if let Self::Allowed(origin) = self
            && let Ok(origin) = header::HeaderValue::from_str(origin)
        {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                header::HeaderValue::from_static("Retry-After"),
            );
        }
    }
}

/// A refusal repeats no more of a header than this.
fn shorten(origin: &str) -> String {
    origin.chars().take(100).collect()
}

/// Finds out where a request comes from, does its work, and lets the page read whatever came of it.
pub async fn answered<W, F>(chat: &Chat, chatbot: &str, request: &HttpRequest, work: W) -> HttpResponse
where
    W: FnOnce(Origin) -> F,
    F: Future<Output = Result<HttpResponse, ChatError>>,
{
    let span = tracing::info_span!("chat", chatbot.id = chatbot);
    let started = std::time::Instant::now();
    async {
        let origin = Origin::of(chat, chatbot, request).await;
        let (origin, outcome) = match origin {
            Ok(origin) => (origin.clone(), work(origin).await),
            Err(error) => (Origin::None, Err(error)),
        };
        let event = outcome.as_ref().map_or_else(ChatError::event, |_| "ok");
        // The answer to an error names the trace: it has to be made inside the span.
        let mut response = outcome.unwrap_or_else(|error| {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                reason = error.event(),
                "refused"
            );
            error.error_response()
        });
        origin.let_read(&mut response);
        metrics::counter!("botsmith_chat_requests_total", "outcome" => event).increment(1);
        metrics::histogram!("botsmith_chat_seconds").record(started.elapsed().as_secs_f64());
        response
    }
    .instrument(span)
    .await
}

/// `OPTIONS` of every address: a browser asks whether a page may.
pub async fn preflight(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    answered(&chat, &path, &request, async |origin: Origin| {
        origin.check()?;
        Ok(HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"))
            .insert_header((
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "Authorization, Content-Type, Last-Event-ID",
            ))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBER))
            .finish())
    })
    .await
}
