//! Accounts on platforms, attached to chatbots.

use crate::{
    AdminApi,
    caller::Seat,
    credentials::{self, Given, Prepared},
    difference,
    input::{self, Input, OptionalInput},
    page::{self, Page},
    path::{ChatbotPath, IntegrationPath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use channel::{ChannelHandle, CheckError, Connected, OpenCredentials};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, IntegrationId, IntegrationMode, IntegrationState, Platform};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{
    integration_logs::{self, Level, NewEntry},
    integrations::{self, NewIntegration},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// An integration.
#[derive(Serialize, ToSchema)]
pub(crate) struct Integration {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: IntegrationId,
    /// The chatbot that answers there.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// The platform.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// The account on the platform.
    account: String,
    /// What you call it.
    display_name: String,
    /// Whether it is switched on.
    enabled: bool,
    /// `pending`: not seen working yet. `connected`: it works. `error`: the platform refuses the credentials.
    #[schema(value_type = String, example = "connected")]
    state: IntegrationState,
    /// Why it does not work.
    state_reason: Option<String>,
    /// What may be shown of the credentials: of secrets the last four characters.
    #[schema(value_type = Object, example = json!({"account_sid": "AC0123", "auth_token": "••••cdef"}))]
    credentials: serde_json::Value,
    /// Secrets that were made up just now, for your own programs. Shown this once.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    made_up: BTreeMap<String, String>,
    /// Where the platform has to send what people write.
    webhook_url: String,
    /// How fast it sends at most.
    sends_per_second: f64,
    /// How messages come: `webhook`, or `connection` where BotSmith opens one and needs no public address.
    #[schema(value_type = String, example = "webhook")]
    mode: IntegrationMode,
    /// Whether an answer is shown while it is being written.
    streaming: bool,
    /// Bumped by every change.
    version: i64,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// An integration to be made, or changed where the chatbot has one on this platform.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntegrationInput {
    /// The platform; `GET /api/platforms` lists them.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// What you call it.
    display_name: Option<String>,
    /// Whether it is switched on.
    enabled: Option<bool>,
    /// How messages come: `webhook`, or `connection` where the platform knows both. Left out: as it was, at first the
    /// webhook.
    #[schema(value_type = Option<String>, example = "webhook")]
    mode: Option<IntegrationMode>,
    /// Whether an answer is shown while it is being written, where the platform can do that.
    streaming: Option<bool>,
    /// The platform's fields. Of an existing integration those left out stay; `null` takes an optional one away.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"account_sid": "AC…", "auth_token": "…", "from": "+14155550123"}))]
    credentials: Given,
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Toggle {
    /// Left out: the other way round.
    enabled: Option<bool>,
}

/// What the platform said to the credentials.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestResult {
    /// Whether they work.
    ok: bool,
    /// What the account is known by.
    name: Option<String>,
    /// What else the platform said of it.
    details: Vec<String>,
    /// Why they do not work.
    problem: Option<String>,
    /// The integration's state after the test.
    #[schema(value_type = String)]
    state: IntegrationState,
}

/// What came of pointing the platform's webhook at us.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectResult {
    /// Whether the platform now calls us.
    registered: bool,
    /// Where on the platform it was set.
    set_on: Option<String>,
    /// What is left for you to do.
    instructions: Option<String>,
    /// Where the platform has to send what people write.
    webhook_url: String,
}

/// Where the platform sends what people write, now.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// The address set on the platform.
    url: Option<String>,
    /// `GET` or `POST`.
    method: Option<String>,
    /// Where on the platform it is set.
    set_on: String,
    /// The address that should be set.
    expected: String,
    /// Whether the two are the same.
    points_here: bool,
}

/// What the account's phone number can do.
#[derive(Serialize, ToSchema)]
pub(crate) struct NumberView {
    /// The number.
    number: String,
    /// Text messages.
    sms: bool,
    /// Pictures and files.
    mms: bool,
    /// Calls.
    voice: bool,
}

/// An integration's figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    /// When a message last came or went.
    last_used_at: Option<DateTime<Utc>>,
    /// How many conversations it has.
    conversations: i64,
    /// Messages that came.
    messages_in: i64,
    /// Messages that were written to contacts.
    messages_out: i64,
    /// Parts that were not delivered, and errors in the log.
    errors: i64,
    /// Parts of messages that the platform refused, or that were given up.
    failed_parts: i64,
    /// When the last error in the log was.
    last_error_at: Option<DateTime<Utc>>,
}

/// A line of an integration's log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogEntry {
    /// Sorts by time.
    id: Uuid,
    /// The integration.
    #[schema(value_type = Uuid)]
    integration_id: IntegrationId,
    /// Its platform.
    platform: String,
    /// When.
    at: DateTime<Utc>,
    /// `info`, `warning` or `error`.
    level: String,
    /// What happened: a stable name.
    event: String,
    /// What happened, in words.
    message: String,
    /// Ids and codes.
    #[schema(value_type = Object)]
    details: serde_json::Value,
}

/// Which lines of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    /// Of this integration only.
    integration_id: Option<Uuid>,
    /// `info`, `warning` or `error` only.
    #[param(value_type = Option<String>)]
    level: Option<LevelInput>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum LevelInput {
    Info,
    Warning,
    Error,
}

impl From<LevelInput> for Level {
    fn from(level: LevelInput) -> Self {
        match level {
            LevelInput::Info => Self::Info,
            LevelInput::Warning => Self::Warning,
            LevelInput::Error => Self::Error,
        }
    }
}

fn view(api: &AdminApi, integration: integrations::Integration) -> Result<Integration, Problem> {
    let webhook_url = api
        .webhook_url(&integration.platform, integration.chatbot)?
        .to_string();
    Ok(Integration {
        id: integration.id,
        chatbot_id: integration.chatbot,
        platform: integration.platform,
        account: integration.account,
        display_name: integration.display_name,
        enabled: integration.enabled,
        state: integration.state,
        state_reason: integration.state_reason,
        credentials: integration.credentials_shown,
        made_up: BTreeMap::new(),
        webhook_url,
        sends_per_second: integration.sends_per_second,
        mode: integration.mode,
        streaming: integration.streaming,
        version: integration.version,
        created_at: integration.created_at,
        updated_at: integration.updated_at,
    })
}

/// The integrations of a chatbot.
#[utoipa::path(get, path = "/api/integrations/{chatbot_id}", params(ChatbotPath), responses((status = 200, body = Page<Integration>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Page<Integration>>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let rows = integrations::list(&mut tx, path.chatbot_id).await?;
    let items = rows
        .into_iter()
        .map(|row| view(&api, row))
        .collect::<Result<_, _>>()?;
    Ok(Json(Page::whole(items)))
}

/// Connect an account, or change it.
///
/// A chatbot has one integration on a platform. Credentials are checked for form here; `…/test` asks the platform.
#[utoipa::path(
    post, path = "/api/integrations/{chatbot_id}", params(ChatbotPath), request_body = IntegrationInput,
    responses((status = 200, description = "changed", body = Integration), (status = 201, description = "made", body = Integration))
)]
pub(crate) async fn save(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<IntegrationInput>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let channel = api
        .channel(&input.platform)
        .map_err(|problem| Problem::invalid("platform", problem.detail()))?;
    let display_name = input
        .display_name
        .as_deref()
        .map(|name| input::line("display_name", name, 100))
        .transpose()?;
    let setup = channel.setup();
    possible(&setup, &input)?;
    let now = api.now();

    let mut tx = seat.begin(&api).await?;
    let stored = integrations::on_platform(&mut tx, path.chatbot_id, &input.platform).await?;
    let id = stored
        .as_ref()
        .map_or_else(IntegrationId::new, |stored| stored.integration.id);
    let sealed = stored.as_ref().map(|stored| &stored.credentials);
    let Prepared {
        new: credentials,
        made_up,
    } = credentials::prepare(&api, seat.workspace, channel, id, input.credentials, sealed).await?;
    let action = match &stored {
        Some(stored) => {
            let name = display_name
                .as_deref()
                .unwrap_or(&stored.integration.display_name);
            let enabled = input.enabled.unwrap_or(stored.integration.enabled);
            let change = integrations::Change {
                display_name: name,
                enabled,
                mode: input.mode.unwrap_or(stored.integration.mode),
                streaming: input.streaming.unwrap_or(stored.integration.streaming),
                credentials: &credentials,
            };
            integrations::update(&mut tx, id, &change, now).await?;
            "integration.update"
        }
        None => {
            let new = NewIntegration {
                id,
                chatbot: path.chatbot_id,
                platform: input.platform.clone(),
                display_name: display_name.unwrap_or_default(),
                enabled: input.enabled.unwrap_or(true),
                sends_per_second: setup.limits.sends_per_second,
                conversation_gap: setup.limits.conversation_gap,
                mode: input.mode.unwrap_or(IntegrationMode::Webhook),
                streaming: input.streaming.unwrap_or(false),
                credentials,
            };
            integrations::insert(&mut tx, &new, now).await?;
            "integration.create"
        }
    };
    let details = serde_json::json!({ "platform": input.platform, "chatbot": path.chatbot_id });
    seat.did(&api, &mut tx, action, id, details).await?;
    let saved = integrations::get(&mut tx, path.chatbot_id, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.integration_changed(&input.platform, path.chatbot_id);

    let mut response = if stored.is_some() {
        HttpResponse::Ok()
    } else {
        HttpResponse::Created()
    };
    let mut answer = view(&api, saved.integration)?;
    if input.platform.is_own() {
        // Their owner's own programs need them, and cannot learn them anywhere else.
        answer.made_up = made_up
            .into_iter()
            .map(|(name, value)| (name, value.expose_secret().to_owned()))
            .collect();
    }
    Ok(response.json(answer))
}

/// Refuses what the platform cannot do.
fn possible(setup: &channel::Setup, input: &IntegrationInput) -> Result<(), Problem> {
    let can = match input.mode {
        Some(IntegrationMode::Connection) => setup.features.connection,
        // Of our own platforms neither is true, and nobody can choose.
        Some(IntegrationMode::Webhook) => setup.features.webhook || !setup.features.connection,
        None => true,
    };
    if !can {
        let problem = if setup.features.webhook {
            format!("{} sends messages to a webhook only", setup.title)
        } else {
            format!("{} is read over a connection only", setup.title)
        };
        return Err(Problem::invalid("mode", problem));
    }
    if input.streaming == Some(true) && !setup.features.streaming {
        let problem = format!("{} cannot show an answer while it is being written", setup.title);
        return Err(Problem::invalid("streaming", problem));
    }
    Ok(())
}

/// Switch an integration on or off.
#[utoipa::path(
    post, path = "/api/integrations/{chatbot_id}/{integration_id}/toggle", params(IntegrationPath), request_body = Option<Toggle>,
    responses((status = 200, body = Integration))
)]
pub(crate) async fn toggle(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
    input: OptionalInput<Toggle>,
) -> Result<Json<Integration>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let stored = integrations::get(&mut tx, path.chatbot_id, path.integration_id).await?;
    let stored = stored.ok_or_else(Problem::not_found)?.integration;
    let enabled = input
        .0
        .and_then(|toggle| toggle.enabled)
        .unwrap_or(!stored.enabled);
    integrations::set_enabled(&mut tx, stored.id, enabled, api.now()).await?;
    seat.did(
        &api,
        &mut tx,
        "integration.toggle",
        stored.id,
        difference::between(
            &serde_json::json!({ "enabled": stored.enabled }),
            &serde_json::json!({ "enabled": enabled }),
        ),
    )
    .await?;
    let now_stored = integrations::get(&mut tx, path.chatbot_id, stored.id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.integration_changed(&stored.platform, path.chatbot_id);
    if enabled {
        api.wake_senders(&stored.platform);
    }
    Ok(Json(view(&api, now_stored.integration)?))
}

/// Delete an integration.
///
/// Its conversations and messages go with it.
#[utoipa::path(delete, path = "/api/integrations/{chatbot_id}/{integration_id}", params(IntegrationPath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let stored = integrations::get(&mut tx, path.chatbot_id, path.integration_id).await?;
    let stored = stored.ok_or_else(Problem::not_found)?.integration;
    integrations::delete(&mut tx, path.chatbot_id, path.integration_id).await?;
    let details = serde_json::json!({ "platform": stored.platform, "chatbot": path.chatbot_id });
    seat.did(&api, &mut tx, "integration.delete", stored.id, details)
        .await?;
    tx.commit().await?;
    api.integration_changed(&stored.platform, path.chatbot_id);
    Ok(HttpResponse::NoContent().finish())
}

/// Ask the platform whether the credentials work.
///
/// Changes nothing on the platform. The integration becomes `connected`, or `error` where the platform refuses them.
#[utoipa::path(
    post, path = "/api/integrations/{chatbot_id}/{integration_id}/test", params(IntegrationPath), responses((status = 200, body = TestResult))
)]
pub(crate) async fn test(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
) -> Result<Json<TestResult>, Problem> {
    let (stored, channel, opened) = opened(&api, &seat, &path).await?;
    match channel.check(&opened).await {
        Ok(identity) => {
            seen_working(&api, &stored).await?;
            log(
                &api,
                &stored,
                Level::Info,
                "check.passed",
                &format!("the credentials work: {}", identity.name),
            )
            .await?;
            Ok(Json(TestResult {
                ok: true,
                name: Some(identity.name),
                details: identity.details,
                problem: None,
                state: IntegrationState::Connected,
            }))
        }
        Err(error) => {
            let state = note_failure(&api, &stored, "check.failed", &error).await?;
            Ok(Json(TestResult {
                ok: false,
                name: None,
                details: Vec::new(),
                problem: Some(error.to_string()),
                state,
            }))
        }
    }
}

/// Point the platform's webhook here.
///
/// Where the platform does not allow that over its API, the answer says what to do instead.
#[utoipa::path(
    post, path = "/api/integrations/{chatbot_id}/{integration_id}/connect", params(IntegrationPath),
    responses((status = 200, body = ConnectResult))
)]
pub(crate) async fn connect(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
) -> Result<Json<ConnectResult>, Problem> {
    let (stored, channel, opened) = opened(&api, &seat, &path).await?;
    let webhook = api.webhook_url(&stored.platform, stored.chatbot)?;
    let webhook_url = webhook.to_string();
    let connected = match channel.connect(&webhook, &opened).await {
        Ok(connected) => connected,
        Err(error) => {
            note_failure(&api, &stored, "connect.failed", &error).await?;
            return Err(error.into());
        }
    };
    let mut tx = seat.begin(&api).await?;
    let details = serde_json::json!({ "platform": stored.platform, "webhook": webhook_url });
    seat.did(&api, &mut tx, "integration.connect", stored.id, details)
        .await?;
    tx.commit().await?;
    Ok(Json(match connected {
        Connected::Registered { set_on } => {
            seen_working(&api, &stored).await?;
            log(
                &api,
                &stored,
                Level::Info,
                "connect.registered",
                &format!("the webhook was set on {set_on}"),
            )
            .await?;
            ConnectResult {
                registered: true,
                set_on: Some(set_on),
                instructions: None,
                webhook_url,
            }
        }
        Connected::Manual { instructions } => ConnectResult {
            registered: false,
            set_on: None,
            instructions: Some(instructions),
            webhook_url,
        },
    }))
}

/// Where the platform sends what people write, now.
#[utoipa::path(
    get, path = "/api/integrations/{chatbot_id}/{integration_id}/webhook", params(IntegrationPath), responses((status = 200, body = WebhookView))
)]
pub(crate) async fn webhook(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
) -> Result<Json<WebhookView>, Problem> {
    let (stored, channel, opened) = opened(&api, &seat, &path).await?;
    let expected = api.webhook_url(&stored.platform, stored.chatbot)?.to_string();
    let status = channel
        .webhook_status(&opened)
        .await
        .ok_or_else(|| cannot(&stored.platform, "say where its webhook points"))??;
    Ok(Json(WebhookView {
        points_here: status.url.as_deref() == Some(expected.as_str()),
        url: status.url,
        method: status.method,
        set_on: status.set_on,
        expected,
    }))
}

/// What the account's phone number can do.
#[utoipa::path(
    get, path = "/api/integrations/{chatbot_id}/{integration_id}/number", params(IntegrationPath), responses((status = 200, body = NumberView))
)]
pub(crate) async fn number(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
) -> Result<Json<NumberView>, Problem> {
    let (stored, channel, opened) = opened(&api, &seat, &path).await?;
    let number = channel
        .number(&opened)
        .await
        .ok_or_else(|| cannot(&stored.platform, "tell of phone numbers"))??;
    Ok(Json(NumberView {
        number: number.number,
        sms: number.sms,
        mms: number.mms,
        voice: number.voice,
    }))
}

/// An integration's figures.
#[utoipa::path(
    get, path = "/api/integrations/{chatbot_id}/{integration_id}/stats", params(IntegrationPath), responses((status = 200, body = Stats))
)]
pub(crate) async fn stats(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<IntegrationPath>,
) -> Result<Json<Stats>, Problem> {
    let mut tx = seat.begin(&api).await?;
    integrations::get(&mut tx, path.chatbot_id, path.integration_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let stats = integrations::stats(&mut tx, path.integration_id, chrono::Utc::now()).await?;
    Ok(Json(Stats {
        last_used_at: stats.last_used_at,
        conversations: stats.conversations,
        messages_in: stats.messages_in,
        messages_out: stats.messages_out,
        errors: stats.failed_parts + stats.logged_errors,
        failed_parts: stats.failed_parts,
        last_error_at: stats.last_error_at,
    }))
}

/// What happened to a chatbot's integrations, newest first.
#[utoipa::path(get, path = "/api/integrations/{chatbot_id}/logs", params(ChatbotPath, LogQuery), responses((status = 200, body = Page<LogEntry>)))]
pub(crate) async fn logs(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<LogQuery>,
) -> Result<Json<Page<LogEntry>>, Problem> {
    let limit = page::limit(query.limit)?;
    let filter = integration_logs::Filter {
        integration: query.integration_id.map(Into::into),
        level: query.level.map(Into::into),
    };
    let mut tx = seat.begin(&api).await?;
    let rows = integration_logs::list(&mut tx, path.chatbot_id, filter, query.after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |entry| entry.id,
        |entry| LogEntry {
            id: entry.id,
            integration_id: entry.integration,
            platform: entry.platform,
            at: entry.at,
            level: entry.level,
            event: entry.event,
            message: entry.message,
            details: entry.details,
        },
    )))
}

/// The integration of the path, its platform and its credentials. Holds no transaction: the platform is asked next.
async fn opened<'a>(
    api: &'a AdminApi,
    seat: &Seat,
    path: &IntegrationPath,
) -> Result<(integrations::Integration, &'a ChannelHandle, OpenCredentials), Problem> {
    let mut tx = seat.begin(api).await?;
    let stored = integrations::get(&mut tx, path.chatbot_id, path.integration_id).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    drop(tx);
    let channel = api.channel(&stored.integration.platform)?;
    let opened = credentials::open(
        api,
        seat.workspace,
        channel,
        stored.integration.id,
        &stored.credentials,
    )
    .await?;
    Ok((stored.integration, channel, opened))
}

async fn seen_working(api: &AdminApi, integration: &integrations::Integration) -> Result<(), Problem> {
    if integrations::mark_connected(api.db(), integration.id, integration.version, api.now()).await? {
        api.integration_changed(&integration.platform, integration.chatbot);
        api.wake_senders(&integration.platform);
    }
    Ok(())
}

/// Writes a failed check into the log. Only what the platform refuses makes the integration wait for its owner.
async fn note_failure(
    api: &AdminApi,
    integration: &integrations::Integration,
    event: &'static str,
    error: &CheckError,
) -> Result<IntegrationState, Problem> {
    let reason = error.to_string();
    match error {
        CheckError::Unauthorized(_) | CheckError::BadCredentials(_) => {
            log(api, integration, Level::Error, event, &reason).await?;
            if integrations::mark_error(api.db(), integration.id, integration.version, &reason, api.now())
                .await?
            {
                api.integration_changed(&integration.platform, integration.chatbot);
            }
            Ok(IntegrationState::Error)
        }
        CheckError::Misconfigured(_) | CheckError::Unreachable(_) => {
            log(api, integration, Level::Warning, event, &reason).await?;
            Ok(integration.state)
        }
    }
}

async fn log(
    api: &AdminApi,
    integration: &integrations::Integration,
    level: Level,
    event: &'static str,
    message: &str,
) -> Result<(), Problem> {
    let entry = NewEntry {
        workspace: integration.workspace,
        integration: integration.id,
        level,
        event,
        message,
        details: serde_json::Value::Null,
    };
    Ok(integration_logs::insert(api.db(), &entry, api.now()).await?)
}

fn cannot(platform: &Platform, what: &str) -> Problem {
    Problem::new(Kind::NotSupported, format!("{platform} cannot {what}"))
}
