//! MCP servers: connected by their owner, whose tools become a chatbot's as far as the owner allows them.

use super::{check_saved, refused, secrets::Headers, too_many};
use crate::{
    AdminApi,
    caller::Seat,
    input::Input,
    page::Page,
    path::{ChatbotPath, McpServerPath},
    problem::Problem,
};
use ::tools::{McpServer as Remote, RemoteTool, Secrets, check_name};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use domain::McpServerId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::mcp_servers::{self, SECRETS_COLUMN};
use utoipa::ToSchema;

const MOST_SERVERS: i64 = 10;

/// An MCP server.
#[derive(Serialize, ToSchema)]
pub(crate) struct McpServer {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: McpServerId,
    /// Its tools are called this, and then their own name.
    name: String,
    /// Its address.
    url: String,
    /// Whether its tools may be called.
    enabled: bool,
    /// Headers of every request, with the last characters of each.
    headers: BTreeMap<String, String>,
    /// What it offers.
    tools: Vec<Offered>,
    /// Why it was not reached when it was last asked, or which of its tools were left out.
    error: Option<String>,
    /// When it was last asked.
    listed_at: Option<DateTime<Utc>>,
    /// When it was connected.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// A tool of an MCP server.
#[derive(Serialize, ToSchema)]
pub(crate) struct Offered {
    /// Its name there.
    name: String,
    /// What it does, as the server says.
    description: String,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    parameters: Value,
    /// Whether it may change something: so unless the server says that it only reads.
    changes: bool,
    /// Whether the chatbot may call it.
    allowed: bool,
    /// Whether the visitor is asked first.
    confirm: bool,
}

/// An MCP server, to be connected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMcpServer {
    /// What its tools are called by: a letter, then letters, digits, `_` and `-`, 24 at most.
    #[schema(example = "shop")]
    name: String,
    /// Its address (streamable HTTP).
    #[schema(example = "https://mcp.example.com/mcp")]
    url: String,
    /// Headers of every request, kept sealed.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Option<BTreeMap<String, SecretString>>,
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpServerChange {
    /// Its address.
    url: Option<String>,
    /// Whether its tools may be called.
    enabled: Option<bool>,
    /// Headers of every request. `null` keeps the stored one, as long as the host stays; what is left out goes.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    headers: Option<BTreeMap<String, Option<SecretString>>>,
    /// The tools that the chatbot may call, by name, each with whether the visitor is asked first; `null` asks where the
    /// tool may change something, as its server says of it then.
    #[schema(value_type = Option<BTreeMap<String, Option<bool>>>, example = json!({"find_order": false, "cancel_order": true}))]
    allowed: Option<BTreeMap<String, Option<bool>>>,
}

impl McpServer {
    fn of(stored: mcp_servers::McpServer) -> Result<Self, Problem> {
        let listed: Vec<RemoteTool> = serde_json::from_value(stored.tools).map_err(Problem::internal)?;
        let tools = listed
            .into_iter()
            .map(|tool| {
                let allowed = stored.allowed.get(&tool.name);
                Offered {
                    allowed: allowed.is_some(),
                    confirm: allowed
                        .and_then(|allowed| allowed["confirm"].as_bool())
                        .unwrap_or(tool.changes),
                    name: tool.name,
                    description: tool.description,
                    parameters: tool.parameters,
                    changes: tool.changes,
                }
            })
            .collect();
        Ok(Self {
            id: stored.id,
            name: stored.name,
            url: stored.url,
            enabled: stored.enabled,
            headers: serde_json::from_value(stored.headers).map_err(Problem::internal)?,
            tools,
            error: stored.error,
            listed_at: stored.listed_at,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        })
    }
}

/// The MCP servers of a chatbot.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/mcp-servers", params(ChatbotPath), responses((status = 200, body = Page<McpServer>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Page<McpServer>>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let servers = mcp_servers::list(&mut tx, path.chatbot_id).await?;
    let items = servers
        .into_iter()
        .map(McpServer::of)
        .collect::<Result<_, Problem>>()?;
    Ok(Json(Page::whole(items)))
}

/// Connect an MCP server.
///
/// It is asked for its tools; none of them may be called before it is allowed.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/mcp-servers", params(ChatbotPath), request_body = NewMcpServer,
    responses((status = 201, body = McpServer))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<NewMcpServer>,
) -> Result<HttpResponse, Problem> {
    let (input, id, chatbot) = (input.0, McpServerId::new(), path.chatbot_id);
    let name = input.name.trim().to_owned();
    check_name(&name).map_err(refused)?;
    if name.len() > 24 {
        return Err(Problem::invalid("name", "name may have 24 characters at most"));
    }
    let url = input.url.trim().to_owned();
    let given = input.headers.unwrap_or_default();
    let given = given
        .into_iter()
        .map(|(name, value)| (name, Some(value)))
        .collect();
    let sealed = headers(id)
        .seal(&api, &seat, "headers", &url, given, None)
        .await?;
    let now = api.now();
    let mut server = mcp_servers::McpServer {
        id,
        chatbot,
        name,
        url,
        enabled: true,
        headers: json!(sealed.shown),
        secrets: sealed.sealed,
        tools: json!([]),
        allowed: json!({}),
        error: None,
        listed_at: None,
        created_at: now,
        updated_at: now,
    };
    ask(&api, &seat, &mut server).await?;
    let mut tx = seat.begin(&api).await?;
    match mcp_servers::insert(&mut tx, &server, MOST_SERVERS, now).await? {
        None => return Err(too_many("MCP servers", MOST_SERVERS)),
        Some(saved) => check_saved(saved)?,
    }
    let details = json!({ "chatbot": chatbot, "name": server.name });
    seat.did(&api, &mut tx, "mcp_server.create", id, details).await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(HttpResponse::Created().json(McpServer::of(server)?))
}

/// Change an MCP server, and allow its tools.
#[utoipa::path(
    patch, path = "/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}", params(McpServerPath), request_body = McpServerChange,
    responses((status = 200, body = McpServer))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<McpServerPath>,
    input: Input<McpServerChange>,
) -> Result<Json<McpServer>, Problem> {
    let (input, chatbot, id) = (input.0, path.chatbot_id, path.mcp_server_id);
    let mut tx = seat.begin(&api).await?;
    let mut server = mcp_servers::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let shown: BTreeMap<String, String> =
        serde_json::from_value(server.headers.clone()).map_err(Problem::internal)?;
    let before = server.url.clone();
    if let Some(url) = &input.url {
        server.url = url.trim().to_owned();
    }
    let given = input
        .headers
        .unwrap_or_else(|| shown.keys().map(|name| (name.clone(), None)).collect());
    if server.url != before {
        // Another server's tools, whatever they are called, are none that the owner has seen.
        (server.tools, server.allowed, server.listed_at) = (json!([]), json!({}), None);
    }
    let kept = (before, shown, server.secrets.clone());
    let sealed = headers(id)
        .seal(&api, &seat, "headers", &server.url, given, Some(kept))
        .await?;
    server.headers = json!(sealed.shown);
    server.secrets = sealed.sealed;
    api.tools().check_url("url", &server.url).map_err(refused)?;
    remote(&api, &seat, &server)
        .await?
        .check_headers()
        .map_err(refused)?;
    if let Some(enabled) = input.enabled {
        server.enabled = enabled;
    }
    if let Some(allowed) = input.allowed {
        server.allowed = allowed_of(&server, allowed)?;
    }
    mcp_servers::update(&mut tx, &server, api.now()).await?;
    let details = json!({ "chatbot": chatbot, "allowed": server.allowed });
    seat.did(&api, &mut tx, "mcp_server.update", id, details).await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(Json(McpServer::of(server)?))
}

/// Ask an MCP server for its tools again.
///
/// What was allowed stays allowed; a tool that is new is not.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}/refresh", params(McpServerPath),
    responses((status = 200, body = McpServer))
)]
pub(crate) async fn refresh(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<McpServerPath>,
) -> Result<Json<McpServer>, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.mcp_server_id);
    let mut tx = seat.begin(&api).await?;
    let mut asked = mcp_servers::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    ask(&api, &seat, &mut asked).await?;
    let mut tx = seat.begin(&api).await?;
    let mut server = mcp_servers::get(&mut tx, chatbot, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    (server.tools, server.error, server.listed_at) = (asked.tools, asked.error, asked.listed_at);
    mcp_servers::update(&mut tx, &server, api.now()).await?;
    seat.did(
        &api,
        &mut tx,
        "mcp_server.refresh",
        id,
        json!({ "chatbot": chatbot }),
    )
    .await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(Json(McpServer::of(server)?))
}

/// Disconnect an MCP server.
#[utoipa::path(
    delete, path = "/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}", params(McpServerPath), responses((status = 204))
)]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<McpServerPath>,
) -> Result<HttpResponse, Problem> {
    let (chatbot, id) = (path.chatbot_id, path.mcp_server_id);
    let mut tx = seat.begin(&api).await?;
    if !mcp_servers::delete(&mut tx, chatbot, id).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "mcp_server.delete",
        id,
        json!({ "chatbot": chatbot }),
    )
    .await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(HttpResponse::NoContent().finish())
}

const fn headers(id: McpServerId) -> Headers {
    Headers {
        row: id.as_uuid(),
        column: SECRETS_COLUMN,
    }
}

async fn remote(api: &AdminApi, seat: &Seat, server: &mcp_servers::McpServer) -> Result<Remote, Problem> {
    let values = headers(server.id)
        .open(api, seat, server.secrets.as_deref())
        .await?;
    Ok(Remote {
        url: server.url.clone(),
        headers: Secrets::new(values),
    })
}

/// Asks a server for its tools. One that does not answer is no reason to refuse it: the reason stands beside it.
async fn ask(api: &AdminApi, seat: &Seat, server: &mut mcp_servers::McpServer) -> Result<(), Problem> {
    api.tools().check_url("url", &server.url).map_err(refused)?;
    let remote = remote(api, seat, server).await?;
    remote.check_headers().map_err(refused)?;
    server.listed_at = Some(api.now());
    match api.tools().list(&remote).await {
        Ok(listed) => {
            server.error = listed.problem();
            server.tools = json!(listed.tools);
        }
        Err(why) => server.error = Some(why),
    }
    Ok(())
}

fn allowed_of(
    server: &mcp_servers::McpServer,
    given: BTreeMap<String, Option<bool>>,
) -> Result<Value, Problem> {
    let listed: Vec<RemoteTool> = serde_json::from_value(server.tools.clone()).map_err(Problem::internal)?;
    let mut allowed = json!({});
    for (name, confirm) in given {
        if !listed.iter().any(|tool| tool.name == name) {
            let known: Vec<&str> = listed.iter().map(|tool| tool.name.as_str()).collect();
            let detail = format!(
                "the server has no tool {:.64}; it has: {}. Refresh it if it has more by now",
                name,
                known.join(", ")
            );
            return Err(Problem::invalid("allowed", detail));
        }
        allowed[&name] = json!({ "confirm": confirm });
    }
    Ok(allowed)
}
