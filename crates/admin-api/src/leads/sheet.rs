//! Leads as a table for spreadsheets, out and in.

use super::{LeadInput, LeadQuery, given};
use crate::{
    AdminApi,
    caller::Seat,
    cell::harmless,
    input::Upload,
    path::WorkspacePath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{ChatbotId, LeadId, LeadStageId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{
    TenantTx,
    leads::{self, Listed, NewLead, Update},
    widgets::Field,
};
use utoipa::{IntoParams, ToSchema};

/// Columns that every lead has; every other column is a field of its own.
const COLUMNS: [&str; 9] = [
    "name",
    "email",
    "phone",
    "stage",
    "assignee",
    "chatbot",
    "consented_at",
    "consent_text",
    "created_at",
];
/// Leads in one table at most, out and in.
const MOST_OUT: usize = 100_000;
const MOST_IN: usize = 5_000;
const PIECE: i64 = 500;
/// So many rows that fit are shown beside those that do not.
const SHOWN: usize = 20;

/// How to import.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Only says what would become of each row.
    #[serde(default)]
    dry_run: bool,
}

/// What becomes of a table.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct LeadImport {
    /// Leads that are new.
    created: usize,
    /// Leads that were there, by their e-mail address or telephone number.
    updated: usize,
    /// Rows that are passed over.
    wrong: usize,
    /// Every row that is passed over, and the first 20 that are not.
    rows: Vec<LeadImportRow>,
}

/// What becomes of a row.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadImportRow {
    /// Its line in the file, from 1.
    line: u64,
    /// `create`, `update` or `wrong`.
    #[schema(example = "create")]
    action: &'static str,
    /// Whom it is about.
    who: String,
    /// What is wrong with it.
    problem: Option<String>,
}

/// The leads as CSV, for spreadsheets.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/leads/table", params(WorkspacePath, LeadQuery),
    responses((status = 200, content_type = "text/csv", body = String))
)]
pub(crate) async fn table(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<LeadQuery>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let filter = query.filter(&api, &seat, &mut tx).await?;
    let mut all: Vec<Listed> = Vec::new();
    while all.len() < MOST_OUT {
        let after = all.last().map(|lead| lead.id);
        let piece = leads::list(&mut tx, &filter, after, PIECE).await?;
        if piece.is_empty() {
            break;
        }
        all.extend(piece);
    }
    let bytes = written(&all).map_err(Problem::internal)?;
    let details = serde_json::json!({ "leads": all.len() });
    seat.did(&api, &mut tx, "leads.export", seat.workspace, details)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"leads.csv\""))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(bytes))
}

fn written(all: &[Listed]) -> Result<Vec<u8>, csv::Error> {
    let names: BTreeSet<&str> = all
        .iter()
        .filter_map(|lead| lead.fields.as_object())
        .flat_map(|fields| fields.keys().map(String::as_str))
        .filter(|name| !COLUMNS.contains(name))
        .collect();
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS.iter().chain(&names))?;
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    for lead in all {
        let mut cells: Vec<String> = vec![
            lead.name.clone().unwrap_or_default(),
            lead.email.clone().unwrap_or_default(),
            lead.phone.clone().unwrap_or_default(),
            lead.stage_name.clone(),
            lead.assignee_email.clone().unwrap_or_default(),
            lead.chatbot_name.clone().unwrap_or_default(),
            lead.consented_at.map(time).unwrap_or_default(),
            lead.consent_text.clone().unwrap_or_default(),
            time(lead.created_at),
        ];
        let field = |name: &&str| lead.fields[*name].as_str().unwrap_or_default().to_owned();
        cells.extend(names.iter().map(field));
        table.write_record(cells.iter().map(|cell| harmless(cell).into_owned()))?;
    }
    table.into_inner().map_err(|error| error.into_error().into())
}

/// Bring leads in from a table.
///
/// A row whose e-mail address or telephone number a lead has already changes that lead; what is empty stays as it is. Rows
/// that do not fit are passed over. With `dry_run` nothing is changed, and the answer says what would be.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/leads/import", params(WorkspacePath, ImportQuery),
    request_body(
        content = Vec<u8>, content_type = "application/octet-stream",
        description = "CSV whose first line names the columns: `name`, `email`, `phone`, `stage`, `assignee` (an e-mail \
            address), `chatbot` (its name), `consented_at` (RFC 3339), `consent_text`; every other column is a field."
    ),
    responses((status = 200, body = LeadImport))
)]
pub(crate) async fn import(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<ImportQuery>,
    body: Upload,
) -> Result<Json<LeadImport>, Problem> {
    let rows = read(&body.0)?;
    let mut tx = seat.begin(&api).await?;
    let places = Places::of(&mut tx).await?;
    let mut imported = LeadImport::default();
    let mut fitting = 0;
    for (line, row) in rows {
        let who = ["name", "email", "phone"].iter().find_map(|name| row.get(*name));
        let who = who.cloned().unwrap_or_default();
        let (action, problem) = match places.write(&mut tx, &row, api.now()).await {
            Ok(action) => (action, None),
            Err(Wrong::Row(problem)) => ("wrong", Some(problem)),
            Err(Wrong::Other(problem)) => return Err(problem),
        };
        match action {
            "create" => imported.created += 1,
            "update" => imported.updated += 1,
            _ => imported.wrong += 1,
        }
        fitting += usize::from(problem.is_none());
        if problem.is_some() || fitting <= SHOWN {
            imported.rows.push(LeadImportRow {
                line,
                action,
                who,
                problem,
            });
        }
    }
    if !query.dry_run {
        let details = serde_json::json!({
            "created": imported.created, "updated": imported.updated, "wrong": imported.wrong,
        });
        seat.did(&api, &mut tx, "leads.import", seat.workspace, details)
            .await?;
        tx.commit().await?;
    }
    Ok(Json(imported))
}

type Row = BTreeMap<String, String>;

/// Why a row is not written.
enum Wrong {
    /// Something in it.
    Row(String),
    /// Something else: nothing more is written.
    Other(Problem),
}

impl From<store::StoreError> for Wrong {
    fn from(error: store::StoreError) -> Self {
        Self::Other(error.into())
    }
}

/// What rows name: stages, members and chatbots, by what they are called.
struct Places {
    stages: BTreeMap<String, LeadStageId>,
    members: BTreeMap<String, UserId>,
    chatbots: BTreeMap<String, (ChatbotId, Vec<Field>)>,
}

impl Places {
    async fn of(tx: &mut TenantTx) -> Result<Self, Problem> {
        let stages = leads::stages(tx).await?;
        let members = store::memberships::list(tx, None, 10_000).await?;
        let mut chatbots = BTreeMap::new();
        for chatbot in store::chatbots::list(tx, false, None, 1_000).await? {
            let fields = given::fields_of(tx, Some(chatbot.id)).await?;
            chatbots.insert(chatbot.name.to_lowercase(), (chatbot.id, fields));
        }
        Ok(Self {
            stages: stages
                .into_iter()
                .map(|stage| (stage.name.to_lowercase(), stage.id))
                .collect(),
            members: members
                .into_iter()
                .map(|member| (member.email.to_lowercase(), member.user))
                .collect(),
            chatbots,
        })
    }

    async fn write(&self, tx: &mut TenantTx, row: &Row, now: DateTime<Utc>) -> Result<&'static str, Wrong> {
        let chatbot = found(&self.chatbots, row, "chatbot")?;
        let fields = chatbot.map(|(_, fields)| fields.as_slice()).unwrap_or_default();
        let text = |name: &str| row.get(name).cloned();
        let given = LeadInput {
            name: text("name").map(Some),
            email: text("email").map(Some),
            phone: text("phone").map(Some),
            fields: row
                .iter()
                .filter(|(name, _)| !COLUMNS.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), Some(value.clone())))
                .collect(),
            stage_id: found(&self.stages, row, "stage")?.copied(),
            assignee_id: found(&self.members, row, "assignee")?.copied().map(Some),
            consent_text: text("consent_text").map(Some),
        };
        let mut change = given::checked(given, fields, now)
            .map_err(|problem| Wrong::Row(problem.detail().into_owned()))?;
        if let Some(at) = row.get("consented_at") {
            let at = DateTime::parse_from_rfc3339(at).map_err(|_| {
                Wrong::Row("consented_at has to be a time like 2026-01-31T12:00:00Z".to_owned())
            })?;
            let words = change.consent.take().flatten().and_then(|(_, words)| words);
            change.consent = Some(Some((at.to_utc(), words)));
        }
        let (email, phone) = (change.email.clone().flatten(), change.phone.clone().flatten());
        if let Some(id) = leads::find(tx, email.as_deref(), phone.as_deref()).await? {
            leads::update(tx, id, &change, now).await?;
            return Ok("update");
        }
        let new = whole(change);
        if new.name.is_none() && new.email.is_none() && new.phone.is_none() {
            return Err(Wrong::Row(
                "it has no name, e-mail address or telephone number".to_owned(),
            ));
        }
        leads::insert(tx, LeadId::new(), &new, chatbot.map(|(id, _)| *id), now).await?;
        Ok("create")
    }
}

fn whole(change: Update) -> NewLead {
    NewLead {
        name: change.name.flatten(),
        email: change.email.flatten(),
        phone: change.phone.flatten(),
        fields: change.fields,
        stage: change.stage,
        assignee: change.assignee.flatten(),
        consent: change.consent.flatten(),
    }
}

/// What a cell names, if anything.
fn found<'a, T>(known: &'a BTreeMap<String, T>, row: &Row, column: &str) -> Result<Option<&'a T>, Wrong> {
    let Some(name) = row.get(column) else {
        return Ok(None);
    };
    known
        .get(&name.to_lowercase())
        .map(Some)
        .ok_or_else(|| Wrong::Row(format!("there is no {column} of this name here: {name}")))
}

/// The rows with their lines; cells that are empty are left out.
fn read(body: &[u8]) -> Result<Vec<(u64, Row)>, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the file is not UTF-8 at byte {}", error.valid_up_to());
        Problem::new(Kind::Malformed, detail)
    })?;
    let text = text.trim_start_matches('\u{feff}');
    // Spreadsheets in many countries write semicolons.
    let headings = text.lines().next().unwrap_or_default();
    let semicolons = headings.contains(';') && !headings.contains(',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .flexible(true)
        .from_reader(text.as_bytes());
    let unreadable =
        |error: csv::Error| Problem::new(Kind::Malformed, format!("the file is not CSV: {error}"));
    let columns: Vec<String> = reader
        .headers()
        .map_err(unreadable)?
        .iter()
        .map(|name| name.trim().to_lowercase().replace([' ', '-'], "_"))
        .collect();
    if let Some(name) = columns.iter().find(|name| !given::is_field_name(name)) {
        let detail = format!("{name:?} cannot be a column: use small letters, digits and _");
        return Err(Problem::invalid("columns", detail));
    }
    if !["name", "email", "phone"]
        .iter()
        .any(|name| columns.iter().any(|column| column == name))
    {
        let detail = "the first line has to name the columns, and name, email or phone among them";
        return Err(Problem::invalid("columns", detail));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        if rows.len() == MOST_IN {
            let detail = format!("a file may have {MOST_IN} rows: split it");
            return Err(Problem::new(Kind::Invalid, detail));
        }
        let line = record.position().map_or(0, csv::Position::line);
        let row = columns
            .iter()
            .zip(&record)
            .map(|(name, cell)| (name.clone(), plain(cell).to_owned()))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        rows.push((line, row));
    }
    Ok(rows)
}

/// A cell without the mark that keeps a spreadsheet from reading a formula.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}
