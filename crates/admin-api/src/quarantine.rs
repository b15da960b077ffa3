//! Webhooks that could not be verified: why, whether they could be now, and taking in what they say once they are.
//!
//! Invariant: nothing of a webhook is shown, and nothing that it says is taken in before the integration's present
//! credentials have proven it; then once.

use crate::{
    AdminApi,
    caller::Seat,
    page::{self, Page},
    path::{ChatbotPath, QuarantinePath},
    problem::{Kind, Problem},
};
use accounts::Account;
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use channel::{Consent, Diagnosis, ReceiveError, Received, WebhookRequest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{IntegrationId, Platform, QuarantineId, QuarantineState};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    TenantTx,
    integration_logs::{self, Level, NewEntry},
    integrations,
    quarantine::{self, Finding, Quarantined},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A webhook that could not be verified. What was written in it is never shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuarantinedWebhook {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: QuarantineId,
    /// The integration it was sent to.
    #[schema(value_type = Uuid)]
    integration_id: IntegrationId,
    /// The integration's platform.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// `inbound` and `shared`: what people write. `status`: what became of something that was sent.
    kind: String,
    /// When it came.
    received_at: DateTime<Utc>,
    /// When it is too old to be replayed, and goes.
    expires_at: DateTime<Utc>,
    /// How many bytes it has.
    size: i32,
    /// Why it was not verified when that was last tried in vain: `missing_proof`, `wrong_secret`, `other_url`, `clock`,
    /// `changed`, `other_account`, `unreadable` or `unproven`.
    #[schema(example = "other_url")]
    cause: String,
    /// The same in words, with what to do about it.
    words: String,
    /// `kept`, `replayed` or `discarded`.
    #[schema(value_type = String, example = "kept")]
    state: QuarantineState,
    /// When it was last checked.
    checked_at: Option<DateTime<Utc>>,
    /// Whether it was proven then.
    acceptable: Option<bool>,
    /// When it was replayed or discarded.
    settled_at: Option<DateTime<Utc>>,
}

impl From<Quarantined> for QuarantinedWebhook {
    fn from(webhook: Quarantined) -> Self {
        Self {
            expires_at: webhook.expires_at(),
            id: webhook.id,
            integration_id: webhook.integration,
            platform: webhook.platform,
            kind: webhook.kind,
            received_at: webhook.received_at,
            size: webhook.size,
            cause: webhook.cause,
            words: webhook.words,
            state: webhook.state,
            checked_at: webhook.checked_at,
            acceptable: webhook.acceptable,
            settled_at: webhook.settled_at,
        }
    }
}

/// Whether a webhook would be accepted now.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuarantineCheck {
    /// Whether it proves itself.
    acceptable: bool,
    /// Why not: a stable word.
    #[schema(example = "wrong_secret")]
    cause: Option<String>,
    /// The same in words, with what to do about it.
    words: String,
}

/// What was taken in.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuarantineReplay {
    /// Messages from people, which will be answered. What had come in another way meanwhile is recognised and not
    /// answered again.
    messages: usize,
    /// News of what was sent.
    statuses: usize,
}

/// Which webhooks to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineQuery {
    /// Of this integration only.
    integration_id: Option<Uuid>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// Webhooks that could not be verified, newest first.
///
/// Those that name the integration's own account are kept for 72 hours, sealed: the newest hundred of an integration, of
/// 5 MiB in all.
#[utoipa::path(
    get, path = "/api/integrations/{chatbot_id}/quarantine", params(ChatbotPath, QuarantineQuery),
    responses((status = 200, body = Page<QuarantinedWebhook>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<QuarantineQuery>,
) -> Result<Json<Page<QuarantinedWebhook>>, Problem> {
    let limit = page::limit(query.limit)?;
    let (integration, after) = (query.integration_id.map(Into::into), query.after.map(Into::into));
    let mut tx = seat.begin(&api).await?;
    let rows = quarantine::list(&mut tx, path.chatbot_id, integration, after, limit + 1, api.now()).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |webhook| webhook.id.as_uuid(),
        Into::into,
    )))
}

/// Check a webhook again.
///
/// With the integration's present credentials and this installation's present public address, as of the time when it
/// came. Nothing that it says is taken in.
#[utoipa::path(
    post, path = "/api/integrations/{chatbot_id}/quarantine/{quarantine_id}/check", params(QuarantinePath),
    responses((status = 200, body = QuarantineCheck))
)]
pub(crate) async fn check(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<QuarantinePath>,
) -> Result<Json<QuarantineCheck>, Problem> {
    let case = Case::open(&api, &seat, &path).await?;
    let verdict = case.verify().await?;
    case.note(&api, &seat, verdict.as_ref().err()).await?;
    Ok(Json(match verdict {
        Ok(_) => QuarantineCheck {
            acceptable: true,
            cause: None,
            words: "it proves itself now, and can be replayed".to_owned(),
        },
        Err(Diagnosis { cause, words }) => QuarantineCheck {
            acceptable: false,
            cause: Some(cause.as_str().to_owned()),
            words,
        },
    }))
}

/// Take in what a webhook says.
///
/// Once, and only if it proves itself now: as in a check. Messages bear the time at which they came, and are answered as
/// if they had come now; not after 72 hours, nor after the time within which the platform takes answers. A STOP still
/// counts then, a START does not.
#[utoipa::path(
    post, path = "/api/integrations/{chatbot_id}/quarantine/{quarantine_id}/replay", params(QuarantinePath),
    responses((status = 200, body = QuarantineReplay))
)]
pub(crate) async fn replay(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<QuarantinePath>,
) -> Result<Json<QuarantineReplay>, Problem> {
    let case = Case::open(&api, &seat, &path).await?;
    let mut received = match case.verify().await? {
        Ok(received) => received,
        Err(diagnosis) => {
            case.note(&api, &seat, Some(&diagnosis)).await?;
            let detail = format!("it still does not prove itself: {}", diagnosis.words);
            return Err(Problem::new(Kind::Conflict, detail));
        }
    };
    case.is_in_time(&api, &received)?;
    for message in &mut received.messages {
        message.sent_at = message.sent_at.or(Some(case.webhook.received_at));
        // They may have said STOP since then, and only a START after that takes it back.
        message.consent = message.consent.filter(|consent| *consent != Consent::OptIn);
    }

    let mut tx = seat.begin(&api).await?;
    accepts_webhooks(&mut tx, &path, &case.account).await?;
    // Whoever else replays it waits here until the queue has what it says. A crash after that and before the commit
    // leaves it kept, and what is replayed again is recognised as taken in.
    if !quarantine::settle(&mut tx, case.webhook.id, QuarantineState::Replayed, api.now()).await? {
        return Err(settled());
    }
    inlet::publish(api.queue(), api.accounts(), &case.account, &received).await?;
    let replayed = QuarantineReplay {
        messages: received.messages.len(),
        statuses: received.statuses.len(),
    };
    let details = serde_json::json!({ "messages": replayed.messages, "statuses": replayed.statuses });
    seat.did(&api, &mut tx, "quarantine.replay", case.webhook.id, details)
        .await?;
    tx.commit().await?;
    log_replay(&api, &seat, &case.webhook).await?;
    Ok(Json(replayed))
}

/// Discard a webhook.
///
/// What it says is gone for good; that it was there is shown until its 72 hours are over.
#[utoipa::path(
    delete, path = "/api/integrations/{chatbot_id}/quarantine/{quarantine_id}", params(QuarantinePath), responses((status = 204))
)]
pub(crate) async fn discard(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<QuarantinePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let found = quarantine::get(&mut tx, path.chatbot_id, path.quarantine_id).await?;
    found.ok_or_else(Problem::not_found)?;
    if !quarantine::settle(&mut tx, path.quarantine_id, QuarantineState::Discarded, api.now()).await? {
        return Err(settled());
    }
    seat.did(
        &api,
        &mut tx,
        "quarantine.discard",
        path.quarantine_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A kept webhook, opened, with the integration as it is now.
struct Case {
    webhook: Quarantined,
    request: WebhookRequest,
    account: Arc<Account>,
}

impl Case {
    /// Holds no transaction: a platform's code may ask the platform for its keys next.
    async fn open(api: &AdminApi, seat: &Seat, path: &QuarantinePath) -> Result<Self, Problem> {
        let mut tx = seat.begin(api).await?;
        let found = quarantine::get(&mut tx, path.chatbot_id, path.quarantine_id).await?;
        let found = found.ok_or_else(Problem::not_found)?;
        let webhook = found.webhook;
        let stored = integrations::get(&mut tx, path.chatbot_id, webhook.integration).await?;
        let stored = stored.ok_or_else(Problem::not_found)?.integration;
        drop(tx);
        let sealed = found.sealed.ok_or_else(settled)?;
        if webhook.expires_at() <= api.now() {
            return Err(Problem::new(
                Kind::Conflict,
                "it is older than 72 hours: what it says is not taken in any more",
            ));
        }
        let accounts = api.accounts();
        let account = accounts.of_integration(stored.id, stored.version).await?;
        let content = accounts.open_webhook(seat.workspace, webhook.id, &sealed).await?;
        Ok(Self {
            request: content.request(&api.settings().public_url, webhook.received_at),
            webhook,
            account: account.ok_or_else(Problem::not_found)?,
        })
    }

    /// What it says, if it proves itself; else why it does not. A problem: that cannot be told now.
    async fn verify(&self) -> Result<Result<Received, Diagnosis>, Problem> {
        let Account {
            channel, credentials, ..
        } = &*self.account;
        match channel.receive(&self.request, credentials).await {
            Ok(received) => Ok(Ok(received)),
            Err(error @ ReceiveError::Unavailable(_)) => {
                Err(Problem::new(Kind::PlatformUnreachable, error.to_string()))
            }
            Err(
                error @ (ReceiveError::BadSignature { .. }
                | ReceiveError::ForeignAccount { .. }
                | ReceiveError::Malformed(_)
                | ReceiveError::BadCredentials(_)),
            ) => Ok(Err(channel.diagnose(&self.request, &error, credentials))),
        }
    }

    /// Writes down what came of verifying it again.
    async fn note(&self, api: &AdminApi, seat: &Seat, refused: Option<&Diagnosis>) -> Result<(), Problem> {
        let finding = refused.map(|diagnosis| Finding {
            cause: diagnosis.cause.as_str(),
            words: &diagnosis.words,
        });
        let mut tx = seat.begin(api).await?;
        if !quarantine::checked(&mut tx, self.webhook.id, finding, api.now()).await? {
            return Err(settled());
        }
        Ok(tx.commit().await?)
    }

    fn is_in_time(&self, api: &AdminApi, received: &Received) -> Result<(), Problem> {
        let age = api.now() - self.webhook.received_at;
        let window = self.account.channel.setup().limits.reply_window;
        let window = window.and_then(|window| TimeDelta::from_std(window).ok());
        match window {
            Some(window) if age >= window && !received.messages.is_empty() => Err(Problem::new(
                Kind::Conflict,
                format!(
                    "it came {} hours ago, and the platform takes an answer within {} hours only",
                    age.num_hours(),
                    window.num_hours()
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// A gateway would not take it either while the integration is switched off or its chatbot is archived.
async fn accepts_webhooks(
    tx: &mut TenantTx,
    path: &QuarantinePath,
    account: &Account,
) -> Result<(), Problem> {
    let chatbot = store::chatbots::get(tx, path.chatbot_id).await?;
    if chatbot.ok_or_else(Problem::not_found)?.archived_at.is_some() {
        return Err(Problem::new(
            Kind::Conflict,
            "the chatbot is archived; restore it first",
        ));
    }
    let stored = integrations::get(tx, path.chatbot_id, account.integration).await?;
    let stored = stored.ok_or_else(Problem::not_found)?.integration;
    if !stored.enabled {
        let detail = format!(
            "the {} integration is switched off; switch it on with POST /api/integrations/{}/{}/toggle",
            stored.platform, path.chatbot_id, stored.id
        );
        return Err(Problem::new(Kind::IntegrationNotUsable, detail));
    }
    Ok(())
}

fn settled() -> Problem {
    Problem::new(
        Kind::Conflict,
        "it is not kept any more: it has been replayed or discarded",
    )
}

async fn log_replay(api: &AdminApi, seat: &Seat, webhook: &Quarantined) -> Result<(), Problem> {
    let entry = NewEntry {
        workspace: seat.workspace,
        integration: webhook.integration,
        level: Level::Info,
        event: "webhook.replayed",
        message: &format!(
            "a webhook that was refused at {} has proven itself and was taken in",
            webhook.received_at.format("%F %T UTC")
        ),
        details: serde_json::json!({ "quarantine_id": webhook.id }),
    };
    Ok(integration_logs::insert(api.db(), &entry, api.now()).await?)
}
