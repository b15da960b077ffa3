//! Who did what in the whole installation.

use crate::{
    AdminApi,
    activity::Activity,
    caller::{Facts, Person},
    cell::harmless,
    input,
    page::{self, Page},
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data, Json, Query},
};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::WorkspaceId;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use std::io;
use store::activity_log::{Filter, Found, search};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Entries that are read at once for a table.
const AT_ONCE: i64 = 1_000;

/// One thing that was done, and where.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstallationActivity {
    #[serde(flatten)]
    activity: Activity,
    /// Its place in the chain of all entries, from 1.
    position: i64,
    /// The workspace; `null`: done to the installation.
    #[schema(value_type = Option<Uuid>)]
    workspace_id: Option<WorkspaceId>,
    /// Its name, while it exists.
    workspace_name: Option<String>,
}

impl From<Found> for InstallationActivity {
    fn from(found: Found) -> Self {
        Self {
            activity: found.activity.into(),
            position: found.position,
            workspace_id: found.workspace,
            workspace_name: found.workspace_name,
        }
    }
}

/// Which entries to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivityQuery {
    /// Done by this person.
    user_id: Option<Uuid>,
    /// Done by somebody whose address contains this.
    email: Option<String>,
    /// Done by this API key.
    api_key_id: Option<Uuid>,
    /// Of this name, as `chatbot.update`, or of this family, as `chatbot`.
    action: Option<String>,
    /// Done to this: an id, or an address.
    target: Option<String>,
    /// In this workspace.
    workspace_id: Option<Uuid>,
    /// At this time or later.
    since: Option<DateTime<Utc>>,
    /// Before this time.
    until: Option<DateTime<Utc>>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most; of a table, all when it is left out.
    limit: Option<i64>,
}

impl ActivityQuery {
    fn filter(&self) -> Result<Filter, Problem> {
        let line = |name, text: &Option<String>| -> Result<Option<String>, Problem> {
            text.as_deref()
                .map(|text| input::line(name, text, 200))
                .transpose()
        };
        Ok(Filter {
            user: self.user_id.map(Into::into),
            email: line("email", &self.email)?,
            api_key: self.api_key_id.map(Into::into),
            action: line("action", &self.action)?,
            target: line("target", &self.target)?,
            workspace: self.workspace_id.map(Into::into),
            since: self.since,
            until: self.until,
        })
    }
}

/// Who did what in the whole installation, newest first.
#[utoipa::path(
    get, path = "/api/administration/activity", params(ActivityQuery),
    responses((status = 200, body = Page<InstallationActivity>))
)]
pub(crate) async fn everywhere(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<ActivityQuery>,
) -> Result<Json<Page<InstallationActivity>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = search(api.db(), &query.filter()?, query.after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.activity.id, Into::into)))
}

/// The same as a table.
///
/// What a spreadsheet would take for a formula begins with an apostrophe. That it was taken is noted.
#[utoipa::path(
    get, path = "/api/administration/activity.csv", params(ActivityQuery),
    responses((status = 200, description = "The table.", content_type = "text/csv", body = String))
)]
pub(crate) async fn activity_table(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    query: Query<ActivityQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = query.filter()?;
    let left = match query.limit {
        Some(limit) => page::limit(Some(limit))?,
        None => i64::MAX,
    };
    let mut tx = api.db().system().await?;
    let taken = super::noted(
        &person,
        &facts,
        "activity.export",
        "installation",
        serde_json::Value::Null,
    );
    super::note(&api, &mut tx, None, &taken).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"activity.csv\"",
        ))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .streaming(rows(api, filter, query.after, left)))
}

/// The table, a thousand rows at a time.
fn rows(
    api: Data<AdminApi>,
    filter: Filter,
    after: Option<Uuid>,
    left: i64,
) -> impl stream::Stream<Item = Result<Bytes, io::Error>> + 'static {
    let beginning = (api, filter, after, left, true);
    stream::try_unfold(beginning, |(api, filter, after, left, first)| async move {
        if left == 0 {
            return Ok(None);
        }
        let limit = left.min(AT_ONCE);
        let found = search(api.db(), &filter, after, limit)
            .await
            .map_err(io::Error::other)?;
        let Some(last) = found.last().map(|found| found.activity.id) else {
            let nothing = first.then(|| written(&[], true)).transpose()?;
            return Ok(nothing.map(|header| (header, (api, filter, after, 0, false))));
        };
        let read = i64::try_from(found.len()).unwrap_or(limit);
        let left = if read < limit { 0 } else { left - read };
        Ok(Some((
            written(&found, first)?,
            (api, filter, Some(last), left, false),
        )))
    })
}

fn written(found: &[Found], with_header: bool) -> Result<Bytes, io::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    if with_header {
        table.write_record([
            "position",
            "at",
            "user",
            "user_id",
            "api_key_id",
            "action",
            "target",
            "workspace",
            "workspace_id",
            "ip",
            "request_id",
            "details",
            "id",
        ])?;
    }
    for Found {
        activity,
        position,
        workspace,
        workspace_name,
    } in found
    {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            position.to_string(),
            activity.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            text(&activity.email),
            activity.user.map(|id| id.to_string()).unwrap_or_default(),
            activity.api_key.map(|id| id.to_string()).unwrap_or_default(),
            activity.action.clone(),
            text(&activity.target),
            text(workspace_name),
            workspace.map(|id| id.to_string()).unwrap_or_default(),
            text(&activity.ip),
            text(&activity.request_id),
            activity.details.to_string(),
            activity.id.to_string(),
        ];
        table.write_record(cells.iter().map(|cell| harmless(cell).into_owned()))?;
    }
    let bytes = table
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Bytes::from(bytes))
}
