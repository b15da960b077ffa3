//! Leads of all workspaces, and forgetting one.

use super::noted;
use crate::{
    AdminApi,
    caller::{Facts, Person},
    input,
    page::{self, Page},
    path::ContactPath,
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ContactId, ConversationId, Platform, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::administration::leads::{self, Filter, Lead};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Somebody who said something of themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadOverview {
    /// The contact.
    #[schema(value_type = Uuid)]
    id: ContactId,
    /// The workspace.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    workspace_name: String,
    /// The chatbot that they wrote to.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Its name.
    chatbot_name: String,
    /// Where.
    #[schema(value_type = String, example = "web")]
    platform: Platform,
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
    /// When they first said it.
    lead_at: DateTime<Utc>,
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
            platform: lead.platform,
            name: lead.name,
            email: lead.email,
            phone: lead.phone,
            fields: lead.fields,
            consented_at: lead.consented_at,
            lead_at: lead.lead_at,
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

/// Forget what a lead said of themselves.
///
/// Name, addresses, fields and consent are gone at once; their conversations stay. Its workspace finds in its activity that
/// it was done.
#[utoipa::path(
    post, path = "/api/administration/leads/{contact_id}/erase", params(ContactPath), responses((status = 204))
)]
pub(crate) async fn erase(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ContactPath>,
) -> Result<HttpResponse, Problem> {
    let workspace = leads::workspace_of(api.db(), path.contact_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let mut tx = api.db().tenant(workspace).await?;
    if !leads::erase(&mut tx, path.contact_id).await? {
        return Err(Problem::not_found());
    }
    let activity = noted(
        &person,
        &facts,
        "lead.erase",
        path.contact_id,
        serde_json::Value::Null,
    );
    store::activity_log::record(&mut tx, &activity, api.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
