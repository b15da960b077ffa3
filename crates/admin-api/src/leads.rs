//! Leads of a workspace: who said something of themselves, where they stand, and who looks after them.

mod given;
pub(crate) mod sheet;
pub(crate) mod stages;

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input, present},
    page::{self, Page},
    path::{ConversationPath, LeadPath, WorkspacePath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, ContactId, ConversationId, LeadId, LeadStageId, Platform, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    TenantTx,
    leads::{self, Filter, Listed, Merged, NewLead, Update},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Somebody who said something of themselves, or of whom you know something.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lead {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: LeadId,
    /// Where it stands.
    #[schema(value_type = Uuid)]
    stage_id: LeadStageId,
    /// What that is called; a default one by its word: `new`, `contacted`, `qualified`, `won`, `lost`.
    #[schema(example = "new")]
    stage: String,
    /// The member who looks after it.
    #[schema(value_type = Option<Uuid>)]
    assignee_id: Option<UserId>,
    /// Their address.
    assignee_email: Option<String>,
    /// The chatbot to which they first said something.
    #[schema(value_type = Option<Uuid>)]
    chatbot_id: Option<ChatbotId>,
    /// Its name.
    chatbot_name: Option<String>,
    /// The platforms on which they write.
    #[schema(example = json!(["web"]))]
    platforms: Vec<String>,
    /// What they are called.
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    /// Their e-mail address.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Their telephone number.
    #[schema(example = "+44 20 7946 0018")]
    phone: Option<String>,
    /// What else is known, by the field's name.
    #[schema(value_type = Object, example = json!({"company": "Fern & Kettle"}))]
    fields: serde_json::Value,
    /// When they agreed to what they were asked to.
    consented_at: Option<DateTime<Utc>>,
    /// To what: the words, as they stood there.
    consent_text: Option<String>,
    /// Their newest conversation.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// A lead with where they write.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadDetail {
    /// The lead.
    lead: Lead,
    /// Where they write, the newest conversation first; 50 at most.
    contacts: Vec<LeadContact>,
}

/// Where a lead writes.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadContact {
    /// The contact.
    #[schema(value_type = Uuid)]
    contact_id: ContactId,
    /// The platform.
    #[schema(value_type = String, example = "web")]
    platform: Platform,
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Its name.
    chatbot_name: String,
    /// The conversation.
    #[schema(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
    /// When they last wrote there.
    last_inbound_at: Option<DateTime<Utc>>,
}

/// A lead, as it is made or changed. What is left out stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadInput {
    /// What they are called.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "Ada Lovelace")]
    name: Option<Option<String>>,
    /// Their e-mail address.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "ada@example.com")]
    email: Option<Option<String>>,
    /// Their telephone number.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "+44 20 7946 0018")]
    phone: Option<Option<String>>,
    /// What else is known, by the field's name; `null` takes one away.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"company": "Fern & Kettle"}))]
    fields: BTreeMap<String, Option<String>>,
    /// Where it stands.
    #[schema(value_type = Option<Uuid>)]
    stage_id: Option<LeadStageId>,
    /// The member who looks after it; `null`: nobody.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    assignee_id: Option<Option<UserId>>,
    /// What they agreed to, now; `null`: they no longer do.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "You may call me about your offers.")]
    consent_text: Option<Option<String>>,
}

/// Which two are one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadMerge {
    /// The other one: it goes, and its conversations are this one's.
    #[schema(value_type = Uuid)]
    from_lead_id: LeadId,
}

/// Which leads to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadQuery {
    /// Whose name, e-mail address or telephone number contains this.
    q: Option<String>,
    /// On this stage.
    stage_id: Option<Uuid>,
    /// That came from this chatbot.
    chatbot_id: Option<Uuid>,
    /// Who write on this platform.
    platform: Option<String>,
    /// Whom this member looks after.
    assignee_id: Option<Uuid>,
    /// Whom somebody looks after, or nobody.
    assigned: Option<bool>,
    /// Who agreed to what they were asked to, or did not.
    consented: Option<bool>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

impl From<Listed> for Lead {
    fn from(lead: Listed) -> Self {
        Self {
            id: lead.id,
            stage_id: lead.stage,
            stage: lead.stage_name,
            assignee_id: lead.assignee,
            assignee_email: lead.assignee_email,
            chatbot_id: lead.chatbot,
            chatbot_name: lead.chatbot_name,
            platforms: lead.platforms,
            name: lead.name,
            email: lead.email,
            phone: lead.phone,
            fields: lead.fields,
            consented_at: lead.consented_at,
            consent_text: lead.consent_text,
            conversation_id: lead.conversation,
            created_at: lead.created_at,
            updated_at: lead.updated_at,
        }
    }
}

impl LeadQuery {
    /// The conditions. A stage, chatbot or member of another workspace is none: 404.
    async fn filter(&self, api: &AdminApi, seat: &Seat, tx: &mut TenantTx) -> Result<Filter, Problem> {
        let platform = self.platform.as_deref().map(Platform::try_from).transpose();
        let filter = Filter {
            text: input::sought(self.q.as_deref())?,
            stage: self.stage_id.map(Into::into),
            chatbot: self.chatbot_id.map(Into::into),
            platform: platform
                .map_err(|_| Problem::invalid("platform", "platform must be a platform's name"))?,
            assignee: self.assignee_id.map(Into::into),
            assigned: self.assigned,
            consented: self.consented,
        };
        given::known(api, seat, tx, filter.stage, filter.assignee).await?;
        if let Some(chatbot) = filter.chatbot {
            store::chatbots::get(tx, chatbot)
                .await?
                .ok_or_else(Problem::not_found)?;
        }
        Ok(filter)
    }
}

/// The leads, the newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/leads", params(WorkspacePath, LeadQuery), responses((status = 200, body = Page<Lead>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<LeadQuery>,
) -> Result<Json<Page<Lead>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let filter = query.filter(&api, &seat, &mut tx).await?;
    let rows = leads::list(&mut tx, &filter, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |lead| lead.id.as_uuid(), Into::into)))
}

/// One lead, and where they write.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/leads/{lead_id}", params(LeadPath), responses((status = 200, body = LeadDetail)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LeadPath>,
) -> Result<Json<LeadDetail>, Problem> {
    let mut tx = seat.begin(&api).await?;
    Ok(Json(detail(&mut tx, path.lead_id).await?))
}

/// Write a lead down.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/leads", params(WorkspacePath), request_body = LeadInput,
    responses((status = 201, body = LeadDetail))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<LeadInput>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let mut tx = seat.begin(&api).await?;
    given::known(&api, &seat, &mut tx, input.stage_id, input.assignee_id.flatten()).await?;
    let change = given::checked(input, &[], api.now())?;
    let new = NewLead {
        name: change.name.flatten(),
        email: change.email.flatten(),
        phone: change.phone.flatten(),
        fields: change
            .fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        stage: change.stage,
        assignee: change.assignee.flatten(),
        consent: change.consent.flatten(),
    };
    if new.name.is_none() && new.email.is_none() && new.phone.is_none() {
        return Err(Problem::invalid(
            "name",
            "a lead has a name, an e-mail address or a telephone number",
        ));
    }
    let id = LeadId::new();
    if !leads::insert(&mut tx, id, &new, None, api.now()).await? {
        return Err(Problem::not_found());
    }
    seat.did(&api, &mut tx, "lead.create", id, serde_json::Value::Null)
        .await?;
    let made = detail(&mut tx, id).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(made))
}

/// Change a lead.
#[utoipa::path(
    patch, path = "/api/workspaces/{workspace_id}/leads/{lead_id}", params(LeadPath), request_body = LeadInput,
    responses((status = 200, body = LeadDetail))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LeadPath>,
    input: Input<LeadInput>,
) -> Result<Json<LeadDetail>, Problem> {
    let (input, id) = (input.0, path.lead_id);
    let mut tx = seat.begin(&api).await?;
    let lead = leads::get(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    given::known(&api, &seat, &mut tx, input.stage_id, input.assignee_id.flatten()).await?;
    let fields = given::fields_of(&mut tx, lead.chatbot).await?;
    let change = given::checked(input, &fields, api.now())?;
    if !leads::update(&mut tx, id, &change, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "changed": changed(&change) });
    seat.did(&api, &mut tx, "lead.update", id, details).await?;
    let shown = detail(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(shown))
}

/// Make two leads one.
///
/// The other one's conversations are this one's, and it fills what this one lacks. This cannot be undone.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/leads/{lead_id}/merge", params(LeadPath), request_body = LeadMerge,
    responses((status = 200, body = LeadDetail))
)]
pub(crate) async fn merge(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<LeadPath>,
    input: Input<LeadMerge>,
) -> Result<Json<LeadDetail>, Problem> {
    let (into, from) = (path.lead_id, input.0.from_lead_id);
    if into == from {
        return Err(Problem::new(
            Kind::Conflict,
            "a lead cannot be merged with itself",
        ));
    }
    let mut tx = seat.begin(&api).await?;
    if leads::merge(&mut tx, into, from, api.now()).await? == Merged::Unknown {
        return Err(Problem::not_found());
    }
    seat.did(&api, &mut tx, "lead.merge", into, json!({ "from": from }))
        .await?;
    let shown = detail(&mut tx, into).await?;
    tx.commit().await?;
    Ok(Json(shown))
}

/// The lead of a conversation's person, who becomes one if they are none yet.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/lead", params(ConversationPath),
    responses((status = 200, description = "they were one", body = LeadDetail), (status = 201, description = "they are one now", body = LeadDetail))
)]
pub(crate) async fn of_conversation(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let (id, is_new) = leads::of_conversation(&mut tx, path.conversation_id, api.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    if is_new {
        let details = json!({ "conversation": path.conversation_id });
        seat.did(&api, &mut tx, "lead.create", id, details).await?;
    }
    let shown = detail(&mut tx, id).await?;
    tx.commit().await?;
    Ok(if is_new {
        HttpResponse::Created().json(shown)
    } else {
        HttpResponse::Ok().json(shown)
    })
}

async fn detail(tx: &mut TenantTx, id: LeadId) -> Result<LeadDetail, Problem> {
    let lead = leads::get(tx, id).await?.ok_or_else(Problem::not_found)?;
    let contacts = leads::contacts(tx, id).await?;
    Ok(LeadDetail {
        lead: lead.into(),
        contacts: contacts
            .into_iter()
            .map(|contact| LeadContact {
                contact_id: contact.contact,
                platform: contact.platform,
                chatbot_id: contact.chatbot,
                chatbot_name: contact.chatbot_name,
                conversation_id: contact.conversation,
                last_inbound_at: contact.last_inbound_at,
            })
            .collect(),
    })
}

/// The names of what was changed, never what it says.
fn changed(change: &Update) -> Vec<&str> {
    let mut names: Vec<&str> = [
        ("name", change.name.is_some()),
        ("email", change.email.is_some()),
        ("phone", change.phone.is_some()),
        ("stage", change.stage.is_some()),
        ("assignee", change.assignee.is_some()),
        ("consent", change.consent.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_changed)| is_changed.then_some(name))
    .collect();
    names.extend(change.fields.keys().map(String::as_str));
    names
}
