//! One address for all accounts of an app: `/api/{platform}/webhook`.
//!
//! Some platforms let an app have one webhook, whichever accounts it serves. What the body says of accounts is a hint whom
//! to ask: every integration proves the whole request with its own secret and takes only what is its own.

use crate::{
    Gateway, GatewayError,
    webhook::{Refusal, accepted, answer, known_platform, prove, read, response},
};
use accounts::Account;
use actix_web::{HttpRequest, HttpResponse, web};
use channel::{ReceiveError, WebhookKind, WebhookRequest, WebhookResponse};
use domain::{ChatbotId, Platform, WorkspaceId};
use http::Method;
use queue::PublishError;

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
    let mut taken = Taken::default();
    for bot in bots {
        match take_for(gateway, bot, &platform, &webhook, &mut taken).await {
            Ok(()) => {}
            // The queue is away: it is away for the others too.
            Err(refusal)
                if matches!(
                    refusal.error,
                    GatewayError::Publish(PublishError::Unavailable { .. })
                ) =>
            {
                return Err(refusal.error);
            }
            // What is wrong with one integration must not keep the others' messages away.
            Err(refusal) => taken.refused.push(refusal),
        }
    }
    taken.answer(gateway, &webhook)
}

/// What came of a webhook so far.
#[derive(Default)]
struct Taken {
    answer: Option<WebhookResponse>,
    /// Accounts that have proven the webhook, and their workspaces.
    proven: Vec<(String, WorkspaceId)>,
    refused: Vec<Refusal>,
}

async fn take_for(
    gateway: &Gateway,
    bot: ChatbotId,
    platform: &Platform,
    webhook: &WebhookRequest,
    taken: &mut Taken,
) -> Result<(), Refusal> {
    let (account, received) = prove(gateway, bot, platform, webhook).await?;
    taken
        .proven
        .extend(name(&account).map(|name| (name, account.workspace)));
    if let Err(error) = accepted(gateway, &account, &received).await {
        return Err(Refusal {
            account: Some(account),
            error,
        });
    }
    taken.answer.get_or_insert(received.response);
    Ok(())
}

fn name(account: &Account) -> Option<String> {
    account.channel.account(&account.credentials).ok()
}

impl Taken {
    fn answer(self, gateway: &Gateway, webhook: &WebhookRequest) -> Result<HttpResponse, GatewayError> {
        for refusal in &self.refused {
            tracing::info!(
                error = &refusal.error as &dyn std::error::Error,
                "an integration does not take the webhook"
            );
            if !self.is_of_another_owner(refusal) {
                refusal.tell(gateway, webhook);
            }
        }
        let (again, never): (Vec<_>, Vec<_>) = self
            .refused
            .into_iter()
            .map(|refusal| refusal.error)
            .partition(is_worth_another_try);
        match (again.into_iter().next(), self.answer) {
            // The platform sends it again to all, and those who have it recognise it.
            (Some(error), _) => Err(error),
            (None, Some(answer)) => Ok(response(answer)),
            (None, None) => Err(never.into_iter().next().unwrap_or(GatewayError::UnknownAccounts)),
        }
    }

    /// When and how much somebody else's account is written to is not for whoever types in its name.
    fn is_of_another_owner(&self, refusal: &Refusal) -> bool {
        let Some(account) = &refusal.account else {
            return false;
        };
        let of_this_account = |(proven, _): &&(String, WorkspaceId)| Some(proven) == name(account).as_ref();
        let mut owners = self.proven.iter().filter(of_this_account).peekable();
        owners.peek().is_some() && owners.all(|(_, workspace)| *workspace != account.workspace)
    }
}

/// Whether an integration could not take it now, and will if it comes again.
fn is_worth_another_try(error: &GatewayError) -> bool {
    match error {
        GatewayError::Receive(ReceiveError::Unavailable(_))
        | GatewayError::Publish(PublishError::Unavailable { .. }) => true,
        GatewayError::Account(error) => error.is_transient(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
