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
use std::sync::Arc;

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
    let accounts = shared.accounts(&webhook);
    let mut taken = Taken::default();
    take_for_all(gateway, &platform, accounts, &webhook, &mut taken).await?;
    taken.answer(gateway, &webhook)
}

/// After a webhook to an integration's own address: what it says of the app's other accounts is theirs, whose own address
/// the platform does not know. Returns the answer to the platform.
pub(crate) async fn pass_on(
    gateway: &Gateway,
    platform: &Platform,
    webhook: &WebhookRequest,
    account: &Account,
    answer: WebhookResponse,
) -> Result<HttpResponse, GatewayError> {
    if account.channel.shared_webhook().is_none() {
        return Ok(response(answer));
    }
    let mut taken = Taken {
        answer: Some(answer),
        ..Taken::default()
    };
    let webhook = take_for_others(gateway, platform, webhook, account, &mut taken).await?;
    taken.answer(gateway, &webhook)
}

/// The same where nothing of it is the integration's own. Where it is nobody's, that is told to the integration's owner.
pub(crate) async fn pass_on_all(
    gateway: &Gateway,
    platform: &Platform,
    webhook: &WebhookRequest,
    account: Arc<Account>,
    error: GatewayError,
) -> Result<HttpResponse, GatewayError> {
    let mut taken = Taken::default();
    let for_others = take_for_others(gateway, platform, webhook, &account, &mut taken).await?;
    if taken.answer.is_none() && taken.refused.is_empty() {
        let refusal = Refusal {
            account: Some(account),
            error,
        };
        refusal.tell(gateway, webhook);
        return Err(refusal.error);
    }
    taken.answer(gateway, &for_others)
}

/// Returns the webhook as it was shown to the others.
async fn take_for_others(
    gateway: &Gateway,
    platform: &Platform,
    webhook: &WebhookRequest,
    account: &Account,
    taken: &mut Taken,
) -> Result<WebhookRequest, GatewayError> {
    let webhook = WebhookRequest {
        kind: WebhookKind::Shared,
        ..webhook.clone()
    };
    if let Some(shared) = account.channel.shared_webhook()
        && webhook.method == Method::POST
        && let Some(own) = name(account)
    {
        taken.proven.push((own.clone(), account.workspace));
        let mut others = shared.accounts(&webhook);
        others.retain(|other| *other != own);
        if !others.is_empty() {
            take_for_all(gateway, platform, others, &webhook, taken).await?;
        }
    }
    Ok(webhook)
}

/// Asks the integrations of these accounts. Fails where the platform has to deliver it all again.
async fn take_for_all(
    gateway: &Gateway,
    platform: &Platform,
    mut accounts: Vec<String>,
    webhook: &WebhookRequest,
    taken: &mut Taken,
) -> Result<(), GatewayError> {
    accounts.truncate(MOST_ACCOUNTS);
    let bots = gateway.accounts.bots_of_accounts(platform, &accounts).await?;
    for bot in bots {
        match take_for(gateway, bot, platform, webhook, taken).await {
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
    Ok(())
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
            // One that is switched off has proven it: that is an answer too.
            (None, None) => Err(never
                .into_iter()
                .min_by_key(|error| !matches!(error, GatewayError::Disabled(_)))
                .unwrap_or(GatewayError::UnknownAccounts)),
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
