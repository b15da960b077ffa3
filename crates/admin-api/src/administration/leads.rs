//! Leads of all workspaces, and forgetting one.

use super::noted;
use crate::{
    AdminApi,
    caller::{Facts, Person},
    input,
    page::{self, Page},
    path::AnyLeadPath,
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ConversationId, LeadId, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::administration::leads::{self, Filter, Lead};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Somebody who said something of themselves, or whom a workspace brought in.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadOverview {
    /// The lead.
    #[schema(value_type = Uuid)]
    id: LeadId,
    /// The workspace.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    workspace_name: String,
    /// The chatbot to which they first said something; `null`: they were brought in a file, or it is gone.
    #[schema(value_type = Option<Uuid>)]
    chatbot_id: Option<ChatbotId>,
    /// Its name.
    chatbot_name: Option<String>,
    /// The platforms on which they write.
    #[schema(example = json!(["web"]))]
    platforms: Vec<String>,
    /// The stage on which their workspace has them.
    stage_name: String,
    /// What they are called.
    name: Option<String>,
    /// Their e-mail address.
    email: Option<String>,
    /// Their telephone number.
    phone: Option<String>,
    /// What else was asked, by the field's name.
    #[schema(value_type = Object)]
    fields: serde_json::Value,
    /// When they agreed, where they were asked to.
    consented_at: Option<DateTime<Utc>>,
    /// The words that they agreed to.
    consent_text: Option<String>,
    /// When they first said it, or were brought in.
    created_at: DateTime<Utc>,
    /// Their newest conversation.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
}

/// Which leads to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadsQuery {
    /// Whose name, e-mail address or telephone number contains this.
    q: Option<String>,
    /// Of this workspace.
    workspace_id: Option<Uuid>,
    /// Of this chatbot.
    chatbot_id: Option<Uuid>,
    /// Who agreed to what the widget asked, or did not.
    consented: Option<bool>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

impl From<Lead> for LeadOverview {
    fn from(lead: Lead) -> Self {
        Self {
            id: lead.id,
            workspace_id: lead.workspace,
            workspace_name: lead.workspace_name,
            chatbot_id: lead.chatbot,
            chatbot_name: lead.chatbot_name,
            platforms: lead.platforms,
            stage_name: lead.stage_name,
            name: lead.name,
            email: lead.email,
            phone: lead.phone,
            fields: lead.fields,
            consented_at: lead.consented_at,
            consent_text: lead.consent_text,
            created_at: lead.created_at,
            conversation_id: lead.conversation,
        }
    }
}

/// Leads of all workspaces, newest first.
#[utoipa::path(
    get, path = "/api/administration/leads", params(LeadsQuery), responses((status = 200, body = Page<LeadOverview>))
)]
pub(crate) async fn leads(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<LeadsQuery>,
) -> Result<Json<Page<LeadOverview>>, Problem> {
    let limit = page::limit(query.limit)?;
    let filter = Filter {
        workspace: query.workspace_id.map(Into::into),
        chatbot: query.chatbot_id.map(Into::into),
        text: input::sought(query.q.as_deref())?,
        consented: query.consented,
    };
    let rows = leads::list(api.db(), &filter, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |lead| lead.id.as_uuid(), Into::into)))
}

/// Forget a lead, and what they said of themselves.
///
/// Name, addresses, fields and consent are gone at once, on every channel on which they write; their conversations stay. Its workspace finds in its activity that
/// it was done.
#[utoipa::path(
    post, path = "/api/administration/leads/{lead_id}/erase", params(AnyLeadPath), responses((status = 204))
)]
pub(crate) async fn erase(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<AnyLeadPath>,
) -> Result<HttpResponse, Problem> {
    let workspace = leads::workspace_of(api.db(), path.lead_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let mut tx = api.db().tenant(workspace).await?;
    if !leads::erase(&mut tx, path.lead_id).await? {
        return Err(Problem::not_found());
    }
    let activity = noted(
        &person,
        &facts,
        "lead.erase",
        path.lead_id,
        serde_json::Value::Null,
    );
    store::activity_log::record(&mut tx, &activity, api.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
