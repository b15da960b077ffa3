//! The addresses that platforms call.

use crate::{Gateway, GatewayError, body, publish};
use accounts::{Account, Age};
use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_TYPE, web};
use channel::{MalformedPart, ReceiveError, Received, WebhookKind, WebhookRequest};
use chrono::Utc;
use domain::{ChatbotId, PartId, Platform};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
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
    let started = std::time::Instant::now();
    let span = tracing::info_span!("webhook", platform, chatbot.id = chatbot);
    let result = async {
        let outcome = take(gateway, platform, chatbot, kind, request, payload).await;
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
    Ok(result.1)
}

async fn take(
    gateway: &Gateway,
    platform: &str,
    chatbot: &str,
    kind: WebhookKind,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, GatewayError> {
    let known = Platform::try_from(platform)
        .ok()
        .filter(|platform| gateway.accounts.channels().get(platform).is_some());
    let platform = known.ok_or_else(|| GatewayError::UnknownPlatform(shorten(platform)))?;
    let chatbot: ChatbotId = chatbot
        .parse()
        .map_err(|_| GatewayError::UnknownChatbot(shorten(chatbot)))?;
    let time_limit = Duration::from_secs(gateway.settings.body_timeout_seconds);
    let body = body::read(request, payload, gateway.settings.max_body_bytes, time_limit).await?;
    let webhook = WebhookRequest {
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
    };

    let (account, received) = receive(gateway, chatbot, &platform, &webhook).await?;
    for MalformedPart { position, problem } in &received.malformed {
        let message = format!("{position} was skipped: {problem}");
        gateway.log.warn(
            account.workspace,
            account.integration,
            "webhook.malformed_part",
            message,
        );
    }
    publish::publish(&gateway.queue, &gateway.accounts, &account, &received).await?;
    Ok(HttpResponse::build(
        actix_web::http::StatusCode::from_u16(received.response.status.as_u16())
            .unwrap_or(actix_web::http::StatusCode::OK),
    )
    .insert_header((CONTENT_TYPE, received.response.content_type))
    .body(received.response.body))
}

/// Verifies and reads. What is refused under kept credentials is tried once more under those of this moment: an owner
/// may just have changed them.
async fn receive(
    gateway: &Gateway,
    chatbot: ChatbotId,
    platform: &Platform,
    webhook: &WebhookRequest,
) -> Result<(Arc<Account>, Received), GatewayError> {
    let unknown = || GatewayError::UnknownChatbot(chatbot.to_string());
    let kept = gateway.accounts.of_chatbot(chatbot, platform, Age::Kept).await?;
    if let Some(account) = kept.filter(|account| account.enabled)
        && let Ok(received) = account.channel.receive(webhook, &account.credentials).await
    {
        return Ok((account, received));
    }
    let account = gateway
        .accounts
        .of_chatbot(chatbot, platform, Age::Now)
        .await?
        .ok_or_else(unknown)?;
    let refused = |error: GatewayError| {
        gateway.log.warn(
            account.workspace,
            account.integration,
            "webhook.refused",
            error.to_string(),
        );
        error
    };
    if !account.enabled {
        return Err(refused(GatewayError::Disabled));
    }
    match account.channel.receive(webhook, &account.credentials).await {
        Ok(received) => Ok((account, received)),
        Err(
            error @ (ReceiveError::BadSignature { .. }
            | ReceiveError::ForeignAccount { .. }
            | ReceiveError::Malformed(_)
            | ReceiveError::BadCredentials(_)),
        ) => Err(refused(error.into())),
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
