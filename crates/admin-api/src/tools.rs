//! Tools: HTTP actions that an owner gives a chatbot.
//!
//! Invariant: a secret header is sealed before it is stored, is never shown, and never goes to another host than the one
//! it was given for.

mod secrets;
pub(crate) mod servers;

use crate::{
    AdminApi,
    caller::Seat,
    input::Input,
    page::Page,
    path::{ChatbotPath, ToolPath},
    problem::{Kind, Problem},
};
use ::tools::{HttpAction, Unfit, check_name};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ToolId};
use secrecy::SecretString;
use secrets::Headers;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::tools::{SECRETS_COLUMN, Saved};
use utoipa::ToSchema;
use uuid::Uuid;

/// A chatbot has no more.
const MOST_TOOLS: i64 = 64;

/// An HTTP action that a chatbot may call.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tool {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ToolId,
    /// As the model knows it.
    name: String,
    /// Whether it may be called.
    enabled: bool,
    /// What it does, as the model reads it.
    description: String,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    parameters: Value,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    method: String,
    /// The address, with places for arguments.
    url: String,
    /// Headers that are no secret.
    headers: BTreeMap<String, String>,
    /// Secret headers, with the last characters of each.
    secret_headers: BTreeMap<String, String>,
    /// How long a call may take.
    time_limit_seconds: u32,
    /// How much of the answer the model is shown.
    max_response_bytes: u32,
    /// It changes something: the visitor is asked first.
    changes: bool,
    /// What the visitor is asked; `null`: a usual question. Arguments without a place in it are added.
    confirm_text: Option<String>,
    /// The button, and the word, that says yes.
    confirm_yes: String,
    /// The button, and the word, that says no.
    confirm_no: String,
    /// Bumped by every change.
    version: i64,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// An HTTP action, whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolInput {
    /// As the model knows it: a letter, then letters, digits, `_` and `-`.
    #[schema(example = "find_order")]
    name: String,
    /// Whether it may be called; `true` when left out.
    enabled: Option<bool>,
    /// What it does and when to use it, as the model reads it.
    #[schema(example = "Finds an order by its number and says where it is.")]
    description: String,
    /// JSON Schema of its arguments, which are an object; without any when left out.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    #[schema(example = "GET")]
    method: String,
    /// The address, with places for arguments behind the host. What has no place goes into the body as JSON, or into the
    /// query of a `GET` and `DELETE`.
    #[schema(example = "https://api.example.com/orders/{order_id}")]
    url: String,
    /// Headers that are no secret.
    headers: Option<BTreeMap<String, String>>,
    /// Secret headers. `null` keeps the stored one, as long as the host stays; what is left out goes.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    secret_headers: Option<BTreeMap<String, Option<SecretString>>>,
    /// How long a call may take: 1 to 60 seconds, 10 by default.
    time_limit_seconds: Option<u32>,
    /// How much of the answer the model is shown: up to 262144 bytes, 16384 by default.
    max_response_bytes: Option<u32>,
    /// Whether it changes something, so that the visitor has to say yes first.
    changes: bool,
    /// What the visitor is asked, with places as in the address.
    #[schema(example = "Cancel order {order_id}?")]
    confirm_text: Option<String>,
    /// The button, and the word, that says yes.
    confirm_yes: Option<String>,
    /// The button, and the word, that says no.
    confirm_no: Option<String>,
}

/// A call to try a tool out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestInput {
    /// What it is called with.
    #[schema(value_type = Object)]
    arguments: Value,
}

/// What came of a call.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestOutcome {
    /// Whether it worked.
    ok: bool,
    /// The HTTP status, where an answer came.
    status: Option<u16>,
    /// Why it did not work.
    error: Option<String>,
    /// The answer, as the model would be shown it.
    content: String,
    /// How long it took.
    milliseconds: u64,
}

impl Tool {
    fn of(stored: store::tools::Tool) -> Result<Self, Problem> {
        let action: HttpAction = serde_json::from_value(stored.definition).map_err(Problem::internal)?;
        Ok(Self {
            id: stored.id,
            name: stored.name,
            enabled: stored.enabled,
            description: action.description,
            parameters: action.parameters,
            method: json!(action.method).as_str().unwrap_or_default().to_owned(),
            url: action.url,
            headers: action.headers,
            secret_headers: action.secret_headers,
            time_limit_seconds: action.time_limit_seconds,
            max_response_bytes: action.max_response_bytes,
            changes: action.changes,
            confirm_text: action.confirm_text,
            confirm_yes: action.confirm_yes,
            confirm_no: action.confirm_no,
            version: stored.version,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        })
    }
}

impl ToolInput {
    /// The action without its secrets, and those.
    fn action(self) -> Result<(HttpAction, BTreeMap<String, Option<SecretString>>), Problem> {
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let method = self.method.trim().to_ascii_uppercase();
        if !methods.contains(&method.as_str()) {
            let detail = format!("method has to be one of {}", methods.join(", "));
            return Err(Problem::invalid("method", detail));
        }
        let mut given = json!({
            "description": self.description.trim(), "method": method, "url": self.url.trim(), "changes": self.changes,
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                given[name] = value;
            }
        };
        set("parameters", self.parameters);
        set("headers", self.headers.map(|headers| json!(headers)));
        set("time_limit_seconds", self.time_limit_seconds.map(Into::into));
        set("max_response_bytes", self.max_response_bytes.map(Into::into));
        set("confirm_text", self.confirm_text.map(Into::into));
        set("confirm_yes", self.confirm_yes.map(Into::into));
        set("confirm_no", self.confirm_no.map(Into::into));
        let action =
            serde_json::from_value(given).map_err(|error| Problem::new(Kind::Invalid, error.to_string()))?;
        Ok((action, self.secret_headers.unwrap_or_default()))
    }
}

/// The tools of a chatbot.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/tools", params(ChatbotPath), responses((status = 200, body = Page<Tool>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Page<Tool>>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let tools = store::tools::list(&mut tx, path.chatbot_id).await?;
    let items = tools.into_iter().map(Tool::of).collect::<Result<_, Problem>>()?;
    Ok(Json(Page::whole(items)))
}

/// Give a chatbot a tool.
///
/// Models that can use tools are told of it. What it returns is data to them; what changes something is called only after
/// the visitor has said yes to that very call.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/tools", params(ChatbotPath), request_body = ToolInput,
    responses((status = 201, body = Tool))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<ToolInput>,
) -> Result<HttpResponse, Problem> {
    let (id, chatbot) = (ToolId::new(), path.chatbot_id);
    let tool = prepared(&api, &seat, id, chatbot, input.0, None).await?;
    let mut tx = seat.begin(&api).await?;
    match store::tools::insert(&mut tx, &tool, MOST_TOOLS, api.now()).await? {
        None => return Err(too_many("tools", MOST_TOOLS)),
        Some(saved) => check_saved(saved)?,
    }
    seat.did(
        &api,
        &mut tx,
        "tool.create",
        id,
        json!({ "chatbot": chatbot, "name": tool.name }),
    )
    .await?;
    let stored = store::tools::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(HttpResponse::Created().json(Tool::of(stored)?))
}

/// One tool.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/tools/{tool_id}", params(ToolPath), responses((status = 200, body = Tool)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ToolPath>,
) -> Result<Json<Tool>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let stored = store::tools::get(&mut tx, path.chatbot_id, path.tool_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(Tool::of(stored)?))
}

/// Change a tool.
///
/// What is left out is as it was at first, but for secret headers: `null` keeps them.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/tools/{tool_id}", params(ToolPath), request_body = ToolInput,
    responses((status = 200, body = Tool))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ToolPath>,
    input: Input<ToolInput>,
) -> Result<Json<Tool>, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.tool_id);
    let mut tx = seat.begin(&api).await?;
    let stored = store::tools::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let tool = prepared(&api, &seat, id, chatbot, input.0, Some(stored)).await?;
    check_saved(store::tools::update(&mut tx, &tool, api.now()).await?)?;
    seat.did(
        &api,
        &mut tx,
        "tool.update",
        id,
        json!({ "chatbot": chatbot, "name": tool.name }),
    )
    .await?;
    let stored = store::tools::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(Json(Tool::of(stored)?))
}

/// Take a tool away.
#[utoipa::path(delete, path = "/api/chatbots/{chatbot_id}/tools/{tool_id}", params(ToolPath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ToolPath>,
) -> Result<HttpResponse, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.tool_id);
    let mut tx = seat.begin(&api).await?;
    if !store::tools::delete(&mut tx, chatbot, id).await? {
        return Err(Problem::not_found());
    }
    seat.did(&api, &mut tx, "tool.delete", id, json!({ "chatbot": chatbot }))
        .await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(HttpResponse::NoContent().finish())
}

/// Try a tool out.
///
/// It is really called, and does what it does.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/tools/{tool_id}/test", params(ToolPath), request_body = TestInput,
    responses((status = 200, body = TestOutcome))
)]
pub(crate) async fn test(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ToolPath>,
    input: Input<TestInput>,
) -> Result<Json<TestOutcome>, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.tool_id);
    let mut tx = seat.begin(&api).await?;
    let stored = store::tools::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    seat.did(&api, &mut tx, "tool.test", id, json!({ "chatbot": chatbot }))
        .await?;
    tx.commit().await?;
    let action: HttpAction = serde_json::from_value(stored.definition).map_err(Problem::internal)?;
    let headers = Headers {
        row: id.as_uuid(),
        column: SECRETS_COLUMN,
    };
    let secrets = headers.open(&api, &seat, stored.secrets.as_deref()).await?;
    let key = Uuid::now_v7().to_string();
    let outcome = api
        .tools()
        .call(&action, &::tools::Secrets::new(secrets), &input.0.arguments, &key)
        .await;
    Ok(Json(TestOutcome {
        ok: outcome.error.is_none(),
        status: outcome.status,
        error: outcome.error,
        content: outcome.content,
        milliseconds: u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
    }))
}

/// The tool as it is stored, its secrets sealed.
async fn prepared(
    api: &AdminApi,
    seat: &Seat,
    id: ToolId,
    chatbot: ChatbotId,
    input: ToolInput,
    stored: Option<store::tools::Tool>,
) -> Result<store::tools::Tool, Problem> {
    let name = input.name.trim().to_owned();
    check_name(&name).map_err(refused)?;
    let enabled = input.enabled.unwrap_or(true);
    let (mut action, given) = input.action()?;
    let kept = match &stored {
        None => None,
        Some(stored) => {
            let before: HttpAction =
                serde_json::from_value(stored.definition.clone()).map_err(Problem::internal)?;
            Some((before.url, before.secret_headers, stored.secrets.clone()))
        }
    };
    let headers = Headers {
        row: id.as_uuid(),
        column: SECRETS_COLUMN,
    };
    let sealed = headers
        .seal(api, seat, "secret_headers", &action.url, given, kept)
        .await?;
    action.secret_headers = sealed.shown;
    api.tools().check(&action).map_err(refused)?;
    let now = api.now();
    Ok(store::tools::Tool {
        id,
        chatbot,
        name,
        enabled,
        definition: serde_json::to_value(&action).map_err(Problem::internal)?,
        secrets: sealed.sealed,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

fn refused(unfit: Unfit) -> Problem {
    let detail = unfit.to_string();
    Problem::invalid(unfit.field, detail)
}

fn check_saved(saved: Saved) -> Result<(), Problem> {
    match saved {
        Saved::Done => Ok(()),
        Saved::NotFound => Err(Problem::not_found()),
        Saved::NameTaken => Err(Problem::new(
            Kind::Taken,
            "another one of this chatbot has this name; names have to be different",
        )),
    }
}

fn too_many(what: &str, most: i64) -> Problem {
    Problem::new(
        Kind::Conflict,
        format!("a chatbot may have {most} {what} at most; take one away first"),
    )
}
