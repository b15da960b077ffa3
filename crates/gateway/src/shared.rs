//! One address for all accounts of an app: `/api/{platform}/webhook`.
//!
//! Some platforms let an app have one webhook, whichever accounts it serves. What the body says of accounts is a hint whom
//! to ask: every integration proves the whole request with its own secret and takes only what is its own.

use crate::{
    Gateway, GatewayError,
    webhook::{accepted, answer, known_platform, read, receive, response},
};
use actix_web::{HttpRequest, HttpResponse, web};
use channel::WebhookKind;
use http::Method;

/// An honest batch names fewer accounts.
const MOST_ACCOUNTS: usize = 1_000;

/// `GET` and `POST /api/{platform}/webhook`
pub async fn inbound(
    gateway: web::Data<Gateway>,
    path: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let platform = path.into_inner();
    let span = tracing::info_span!("webhook", platform);
    answer(span, take(&gateway, &platform, &request, payload)).await
}

async fn take(
    gateway: &Gateway,
    platform: &str,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, GatewayError> {
    let platform = known_platform(gateway, platform)?;
    let no_address = || GatewayError::NoSharedAddress(platform.clone());
    let channel = gateway
        .accounts
        .channels()
        .get(&platform)
        .ok_or_else(no_address)?;
    let shared = channel.shared_webhook().ok_or_else(no_address)?;
    let webhook = read(gateway, WebhookKind::Shared, request, payload).await?;
    if webhook.method == Method::GET {
        return shared
            .handshake(&webhook, &gateway.settings.webhook_verify_token)
            .map(response)
            .ok_or(GatewayError::Handshake);
    }
    let mut accounts = shared.accounts(&webhook);
    accounts.truncate(MOST_ACCOUNTS);
    let bots = gateway.accounts.bots_of_accounts(&platform, &accounts).await?;
    let mut answer = None;
    let mut refused = None;
    for &bot in bots.iter() {
        match receive(gateway, bot, &platform, &webhook).await {
            Ok((account, received)) => {
                accepted(gateway, &account, &received).await?;
                answer.get_or_insert(received.response);
            }
            // One whose secret is wrong must not keep the others' messages away; its own log says why.
            Err(error @ (GatewayError::Receive(_) | GatewayError::Disabled)) => {
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (answer, refused) {
        (Some(answer), _) => Ok(response(answer)),
        (None, Some(refused)) => Err(refused),
        (None, None) => Err(GatewayError::UnknownAccounts),
    }
}
