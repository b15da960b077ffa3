//! The addresses that platforms call.

use crate::{Gateway, GatewayError, body, shared};
use accounts::{Account, Age};
use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_TYPE, web};
use channel::{MalformedPart, ReceiveError, Received, WebhookKind, WebhookRequest, WebhookResponse};
use chrono::Utc;
use domain::{ChatbotId, PartId, Platform};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tracing::Instrument;

/// `GET` and `POST /api/{platform}/webhook/{chatbot_id}`
pub async fn inbound(
    gateway: web::Data<Gateway>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, GatewayError> {
    let (platform, chatbot) = path.into_inner();
    accept(
        &gateway,
        &platform,
        &chatbot,
        WebhookKind::Inbound,
        &request,
        payload,
    )
    .await
}

/// `GET` and `POST /api/{platform}/status/{chatbot_id}/{part_id}`
pub async fn status(
    gateway: web::Data<Gateway>,
    path: web::Path<(String, String, String)>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, GatewayError> {
    let (platform, chatbot, part) = path.into_inner();
    let part: PartId = part.parse().map_err(|_| GatewayError::UnknownPart)?;
    accept(
        &gateway,
        &platform,
        &chatbot,
        WebhookKind::Status { part },
        &request,
        payload,
    )
    .await
}

async fn accept(
    gateway: &Gateway,
    platform: &str,
    chatbot: &str,
    kind: WebhookKind,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, GatewayError> {
    let span = tracing::info_span!("webhook", platform, chatbot.id = chatbot);
    Ok(answer(span, take(gateway, platform, chatbot, kind, request, payload)).await)
}

/// Runs a webhook in its span, counts it, and makes an answer of whatever came of it.
pub(crate) async fn answer(
    span: tracing::Span,
    taken: impl Future<Output = Result<HttpResponse, GatewayError>>,
) -> HttpResponse {
    let started = std::time::Instant::now();
    let result = async {
        let outcome = taken.await;
        if let Err(error) = &outcome {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                reason = error.event(),
                "webhook refused"
            );
        }
        // The answer to an error names the trace: it has to be made inside the span.
        outcome.map_or_else(
            |error| (error.event(), actix_web::ResponseError::error_response(&error)),
            |ok| ("ok", ok),
        )
    }
    .instrument(span)
    .await;
    metrics::counter!("botsmith_webhooks_total", "outcome" => result.0).increment(1);
    metrics::histogram!("botsmith_webhook_seconds").record(started.elapsed().as_secs_f64());
    result.1
}

async fn take(
    gateway: &Gateway,
    platform: &str,
    chatbot: &str,
    kind: WebhookKind,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, GatewayError> {
    let platform = known_platform(gateway, platform)?;
    let chatbot: ChatbotId = chatbot
        .parse()
        .map_err(|_| GatewayError::UnknownChatbot(shorten(chatbot)))?;
    let webhook = read(gateway, kind, request, payload).await?;
    match prove(gateway, chatbot, &platform, &webhook).await {
        Ok((account, received)) => {
            accepted(gateway, &account, &received).await?;
            shared::pass_on(gateway, &platform, &webhook, &account, received.response).await
        }
        // Genuine, and news of others only: an app has one address, and theirs is this one.
        Err(Refusal {
            account: Some(account),
            error: error @ GatewayError::Receive(ReceiveError::ForeignAccount { .. }),
        }) => shared::pass_on_all(gateway, &platform, &webhook, account, error).await,
        Err(refusal) => {
            refusal.tell(gateway, &webhook);
            Err(refusal.error)
        }
    }
}

pub(crate) fn known_platform(gateway: &Gateway, platform: &str) -> Result<Platform, GatewayError> {
    Platform::try_from(platform)
        .ok()
        .filter(|platform| gateway.accounts.channels().get(platform).is_some())
        .ok_or_else(|| GatewayError::UnknownPlatform(shorten(platform)))
}

/// The request as it came in, its body within the limits.
pub(crate) async fn read(
    gateway: &Gateway,
    kind: WebhookKind,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<WebhookRequest, GatewayError> {
    let time_limit = Duration::from_secs(gateway.settings.body_timeout_seconds);
    let body = body::read(request, payload, gateway.settings.max_body_bytes, time_limit).await?;
    Ok(WebhookRequest {
        kind,
        method: Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or(Method::POST),
        url: gateway.settings.public_address(
            request
                .uri()
                .path_and_query()
                .map_or(request.path(), |path_and_query| path_and_query.as_str()),
        ),
        headers: headers(request),
        body,
        received_at: Utc::now(),
    })
}

/// Returns once everything that a webhook said is safely queued.
pub(crate) async fn accepted(
    gateway: &Gateway,
    account: &Account,
    received: &Received,
) -> Result<(), GatewayError> {
    for MalformedPart { position, problem } in &received.malformed {
        let message = format!("{position} was skipped: {problem}");
        gateway.log.warn(
            account.workspace,
            account.integration,
            "webhook.malformed_part",
            message,
            json!({}),
        );
    }
    process::crash_point!("gateway.before_publish");
    inlet::publish(&gateway.queue, &gateway.accounts, account, received).await?;
    process::crash_point!("gateway.after_publish");
    Ok(())
}

pub(crate) fn response(response: WebhookResponse) -> HttpResponse {
    HttpResponse::build(
        actix_web::http::StatusCode::from_u16(response.status.as_u16())
            .unwrap_or(actix_web::http::StatusCode::OK),
    )
    .insert_header((CONTENT_TYPE, response.content_type))
    .body(response.body)
}

/// Why an integration did not take a webhook.
pub(crate) struct Refusal {
    /// Which one, if there is one.
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) error: GatewayError,
}

impl From<GatewayError> for Refusal {
    fn from(error: GatewayError) -> Self {
        Self { account: None, error }
    }
}

impl Refusal {
    /// Tells its owner.
    pub(crate) fn tell(&self, gateway: &Gateway, webhook: &WebhookRequest) {
        if let Some(account) = &self.account {
            tell_owner(gateway, account, webhook, &self.error);
        }
    }
}

/// Verifies and reads. What is refused under kept credentials is tried once more under those of this moment: an owner
/// may just have changed them.
pub(crate) async fn prove(
    gateway: &Gateway,
    chatbot: ChatbotId,
    platform: &Platform,
    webhook: &WebhookRequest,
) -> Result<(Arc<Account>, Received), Refusal> {
    let found = async |age| {
        let found = gateway.accounts.of_chatbot(chatbot, platform, age).await;
        found.map_err(|error| Refusal::from(GatewayError::from(error)))
    };
    if let Some(account) = found(Age::Kept).await?.filter(|account| account.enabled)
        && let Ok(received) = account.channel.receive(webhook, &account.credentials).await
    {
        return Ok((account, received));
    }
    let account = found(Age::Now)
        .await?
        .ok_or_else(|| GatewayError::UnknownChatbot(chatbot.to_string()))?;
    let error = match account.channel.receive(webhook, &account.credentials).await {
        Ok(received) if account.enabled => return Ok((account, received)),
        // Whoever cannot prove it hears what they hear of any integration.
        Ok(received) => GatewayError::Disabled(received.response),
        Err(error) => error.into(),
    };
    Err(Refusal {
        account: Some(account),
        error,
    })
}

/// Tells the owner of a refusal. What could not be verified is looked into first, when the platform has its answer; where
/// too many wait for that, the refusal's own words have to do.
fn tell_owner(gateway: &Gateway, account: &Arc<Account>, webhook: &WebhookRequest, error: &GatewayError) {
    let is_seen = match error {
        GatewayError::Receive(ReceiveError::BadSignature { reason }) => {
            let path_and_query = gateway.settings.path_and_query(&webhook.url);
            gateway.doctor.see(account, webhook, path_and_query, reason)
        }
        _ => false,
    };
    let words = match error {
        GatewayError::Receive(ReceiveError::ForeignAccount { .. }) => {
            format!(
                "{error}: the integration's credentials are those of another account or app than the one that calls here"
            )
        }
        _ => error.to_string(),
    };
    if !is_seen {
        gateway.log.warn(
            account.workspace,
            account.integration,
            "webhook.refused",
            words,
            json!({ "cause": error.event() }),
        );
    }
}

fn headers(request: &HttpRequest) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_str().as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            headers.append(name, value);
        }
    }
    headers
}

fn shorten(given: &str) -> String {
    given.chars().take(64).collect()
}
