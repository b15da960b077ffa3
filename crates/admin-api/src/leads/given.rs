//! A lead as it was given: whether it fits, and whether what it names is this workspace's.

use super::LeadInput;
use crate::{AdminApi, caller::Seat, input, problem::Problem};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, LeadStageId, UserId};
use serde_json::{Map, Value};
use store::{
    TenantTx,
    leads::{self, Update},
    widgets::{self, Field, FieldKind},
};

/// As the widget's form has it.
const LONGEST: usize = 200;
const MOST_FIELDS: usize = 50;

/// A stage or member of another workspace is none: 404.
pub(super) async fn known(
    api: &AdminApi,
    seat: &Seat,
    tx: &mut TenantTx,
    stage: Option<LeadStageId>,
    assignee: Option<UserId>,
) -> Result<(), Problem> {
    if let Some(stage) = stage
        && leads::stages(tx).await?.iter().all(|known| known.id != stage)
    {
        return Err(Problem::not_found());
    }
    if let Some(assignee) = assignee
        && store::memberships::role_in(api.db(), seat.workspace, assignee)
            .await?
            .is_none()
    {
        return Err(Problem::not_found());
    }
    Ok(())
}

/// The fields that a chatbot's owner set.
pub(super) async fn fields_of(tx: &mut TenantTx, chatbot: Option<ChatbotId>) -> Result<Vec<Field>, Problem> {
    let Some(chatbot) = chatbot else {
        return Ok(Vec::new());
    };
    let widget = widgets::get(tx, chatbot).await?;
    Ok(widget.map(|widget| widget.settings.pre_chat).unwrap_or_default())
}

/// What is to change, if all of it fits.
pub(super) fn checked(given: LeadInput, fields: &[Field], now: DateTime<Utc>) -> Result<Update, Problem> {
    let name = given.name.map(|name| filled("name", name, None)).transpose()?;
    let by_kind = |name: &'static str, kind, value: Option<Option<String>>| {
        let field = Field::of_kind(name, kind);
        value.map(|value| filled(name, value, Some(&field))).transpose()
    };
    let email = by_kind("email", FieldKind::Email, given.email)?;
    let phone = by_kind("phone", FieldKind::Phone, given.phone)?;
    if given.fields.len() > MOST_FIELDS {
        return Err(Problem::invalid(
            "fields",
            format!("a lead has {MOST_FIELDS} fields at most"),
        ));
    }
    let mut others = Map::new();
    for (name, value) in given.fields {
        if !is_field_name(&name) {
            let detail = "a field's name is 1 to 40 small letters, digits or _, and begins with a letter";
            return Err(Problem::invalid("fields", detail));
        }
        let field = fields.iter().find(|field| field.name == name);
        let value = filled("fields", value, field).map_err(|problem| problem.within(&name))?;
        others.insert(name, value.map_or(Value::Null, Value::String));
    }
    let consent = given
        .consent_text
        .map(|words| {
            words
                .map(|words| {
                    input::filled_block("consent_text", &words, 1_000).map(|words| (now, Some(words)))
                })
                .transpose()
        })
        .transpose()?;
    Ok(Update {
        name,
        email,
        phone,
        fields: others,
        stage: given.stage_id,
        assignee: given.assignee_id,
        consent,
    })
}

pub(super) fn is_field_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A line that fits its field. Nothing, or nothing but spaces, takes it away.
fn filled(
    name: &'static str,
    given: Option<String>,
    field: Option<&Field>,
) -> Result<Option<String>, Problem> {
    let Some(given) = given.filter(|given| !given.trim().is_empty()) else {
        return Ok(None);
    };
    let text = input::line(name, &given, LONGEST)?;
    match field.and_then(|field| field.misfit(&text)) {
        Some(problem) => Err(Problem::invalid(name, format!("{name} {problem}"))),
        None => Ok(Some(text)),
    }
}
