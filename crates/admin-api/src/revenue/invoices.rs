//! Invoices: all of them for administrators, a workspace's own for who looks after it.

use super::{document, money};
use crate::{
    AdminApi,
    administration::noted,
    caller::{Facts, Person, Seat},
    page::{self, Page, PageQuery},
    path::{InvoicePath, OwnInvoicePath, WorkspacePath},
    problem::{Kind, Problem},
    table,
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, activity_log,
    invoices::{self, Filter, Invoice},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// As many as a table has; who has more asks by month.
const MOST_IN_A_TABLE: i64 = 100_000;

/// An invoice.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvoiceView {
    /// Its id.
    id: Uuid,
    /// Its number; they have no gaps. Those of Stripe are numbered by Stripe.
    #[schema(example = "INV-000007")]
    number: String,
    /// Whose.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// As it was called then.
    workspace_name: String,
    /// Whether Stripe charges it.
    by_stripe: bool,
    /// `open`, `paid` or `void`.
    #[schema(example = "open")]
    state: String,
    /// The currency's three letters.
    #[schema(example = "EUR")]
    currency: String,
    /// What it comes to, in the currency's smallest unit.
    #[schema(example = 2900)]
    total_minor: i64,
    /// What it is made of.
    lines: Vec<LineView>,
    /// What it is for.
    period_start: DateTime<Utc>,
    /// Until when.
    period_end: DateTime<Utc>,
    /// When it was written.
    issued_at: DateTime<Utc>,
    /// Until when it is to be paid.
    due_at: DateTime<Utc>,
    /// When it was.
    paid_at: Option<DateTime<Utc>>,
    /// Whether it is open, and should have been paid.
    overdue: bool,
}

/// A line of an invoice.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    /// The plan, the coupon, or `Credit`.
    text: String,
    /// In the currency's smallest unit; less than nothing where it is taken off.
    amount_minor: i64,
}

/// Which invoices. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvoicesQuery {
    /// `open`, `paid` or `void`.
    state: Option<String>,
    /// One workspace's.
    workspace_id: Option<Uuid>,
    /// Written since then.
    since: Option<DateTime<Utc>>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// In which language.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageQuery {
    /// `en`, as it is when left out, or `de`.
    language: Option<String>,
}

fn view(invoice: Invoice, now: DateTime<Utc>) -> InvoiceView {
    InvoiceView {
        overdue: invoice.state == "open" && invoice.due_at <= now,
        id: invoice.id,
        number: invoice.number,
        workspace_id: invoice.workspace,
        workspace_name: invoice.workspace_name,
        by_stripe: invoice.by_stripe,
        state: invoice.state,
        currency: invoice.currency,
        total_minor: invoice.total_minor,
        lines: invoice
            .lines
            .into_iter()
            .map(|line| LineView {
                text: line.text,
                amount_minor: line.amount_minor,
            })
            .collect(),
        period_start: invoice.period_start,
        period_end: invoice.period_end,
        issued_at: invoice.issued_at,
        due_at: invoice.due_at,
        paid_at: invoice.paid_at,
    }
}

impl InvoicesQuery {
    fn filter(&self) -> Result<Filter, Problem> {
        if self
            .state
            .as_deref()
            .is_some_and(|state| !["open", "paid", "void"].contains(&state))
        {
            return Err(Problem::invalid("state", "state is open, paid or void"));
        }
        Ok(Filter {
            workspace: self.workspace_id.map(Into::into),
            state: self.state.clone(),
            since: self.since,
        })
    }
}

/// All invoices, the newest first.
#[utoipa::path(get, path = "/api/administration/invoices", params(InvoicesQuery), responses((status = 200, body = Page<InvoiceView>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<InvoicesQuery>,
) -> Result<Json<Page<InvoiceView>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = invoices::list(api.db(), &query.filter()?, query.after, limit + 1).await?;
    let now = api.now();
    Ok(Json(Page::of(rows, limit, |row| row.id, |row| view(row, now))))
}

/// All invoices, as a table.
#[utoipa::path(
    get, path = "/api/administration/invoices.csv", params(InvoicesQuery),
    responses((status = 200, description = "One line an invoice.", content_type = "text/csv", body = String))
)]
pub(crate) async fn csv(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<InvoicesQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = match query.limit {
        Some(limit) => page::limit(Some(limit))?,
        None => MOST_IN_A_TABLE,
    };
    as_table(invoices::list(api.db(), &query.filter()?, query.after, limit).await?)
}

/// An invoice as a page to keep and print.
#[utoipa::path(
    get, path = "/api/administration/invoices/{invoice_id}/document", params(InvoicePath, LanguageQuery),
    responses((status = 200, description = "One HTML file.", content_type = "text/html", body = String))
)]
pub(crate) async fn document(
    api: Data<AdminApi>,
    _person: Person,
    path: Path<InvoicePath>,
    query: Query<LanguageQuery>,
) -> Result<HttpResponse, Problem> {
    let found = invoices::get_any(api.db(), path.invoice_id).await?;
    Ok(as_file(
        &found.ok_or_else(Problem::not_found)?,
        query.language.as_deref(),
    ))
}

/// Note that an open invoice was paid.
///
/// A workspace that was behind with it is that no longer.
#[utoipa::path(post, path = "/api/administration/invoices/{invoice_id}/paid", params(InvoicePath), responses((status = 200, body = InvoiceView)))]
pub(crate) async fn pay(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<InvoicePath>,
) -> Result<Json<InvoiceView>, Problem> {
    let mut tx = api.db().system().await?;
    let workspace = invoices::pay(&mut tx, path.invoice_id, api.now()).await?;
    settled(
        &api,
        tx,
        &person,
        &facts,
        path.invoice_id,
        "invoice.paid",
        workspace,
    )
    .await
}

/// Take an open invoice back.
///
/// Its number stays taken, and credit that it used is there again.
#[utoipa::path(post, path = "/api/administration/invoices/{invoice_id}/void", params(InvoicePath), responses((status = 200, body = InvoiceView)))]
pub(crate) async fn void(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<InvoicePath>,
) -> Result<Json<InvoiceView>, Problem> {
    let mut tx = api.db().system().await?;
    let workspace = invoices::void(&mut tx, path.invoice_id, api.now()).await?;
    settled(
        &api,
        tx,
        &person,
        &facts,
        path.invoice_id,
        "invoice.void",
        workspace,
    )
    .await
}

async fn settled(
    api: &AdminApi,
    mut tx: store::SystemTx,
    person: &Person,
    facts: &Facts,
    id: Uuid,
    action: &'static str,
    workspace: Option<WorkspaceId>,
) -> Result<Json<InvoiceView>, Problem> {
    let found = invoices::get_any(api.db(), id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if workspace.is_none() {
        let detail = match found.by_stripe {
            true => "Stripe charges this invoice, and says itself what becomes of it".to_owned(),
            false => format!(
                "the invoice is {}: only an open one can be paid or taken back",
                found.state
            ),
        };
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let activity = noted(
        person,
        facts,
        action,
        &found.number,
        json!({ "total_minor": found.total_minor, "currency": found.currency }),
    );
    activity_log::record_system(&mut tx, workspace, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let found = invoices::get_any(api.db(), id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(view(found, api.now())))
}

/// The invoices of a workspace, the newest first.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/invoices", params(WorkspacePath, PageQuery),
    responses((status = 200, body = Page<InvoiceView>))
)]
pub(crate) async fn own(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<InvoiceView>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = invoices::of_tenant(&mut tx, query.after, limit + 1).await?;
    let now = api.now();
    Ok(Json(Page::of(rows, limit, |row| row.id, |row| view(row, now))))
}

/// The invoices of a workspace, as a table.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/invoices.csv", params(WorkspacePath),
    responses((status = 200, description = "One line an invoice.", content_type = "text/csv", body = String))
)]
pub(crate) async fn own_csv(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    as_table(invoices::of_tenant(&mut tx, None, MOST_IN_A_TABLE).await?)
}

/// An invoice of a workspace, as a page to keep and print.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/invoices/{invoice_id}/document", params(OwnInvoicePath, LanguageQuery),
    responses((status = 200, description = "One HTML file.", content_type = "text/html", body = String))
)]
pub(crate) async fn own_document(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<OwnInvoicePath>,
    query: Query<LanguageQuery>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let found = invoices::get(&mut tx, path.invoice_id).await?;
    Ok(as_file(
        &found.ok_or_else(Problem::not_found)?,
        query.language.as_deref(),
    ))
}

fn as_file(invoice: &Invoice, language: Option<&str>) -> HttpResponse {
    // Stripe's numbers too are letters, digits and dashes; whatever comes, a file's name is no more.
    let name: String = invoice
        .number
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.html\""),
        ))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        ))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(document::html(invoice, language))
}

fn as_table(rows: Vec<Invoice>) -> Result<HttpResponse, Problem> {
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    let rows = rows.into_iter().map(|row| {
        [
            row.number,
            row.workspace_name,
            row.state,
            money::amount(row.total_minor, &row.currency),
            row.currency,
            day(row.period_start),
            day(row.period_end),
            day(row.issued_at),
            day(row.due_at),
            row.paid_at.map(day).unwrap_or_default(),
        ]
    });
    table::attachment(
        "invoices.csv",
        [
            "number",
            "workspace",
            "state",
            "total",
            "currency",
            "period_start",
            "period_end",
            "issued",
            "due",
            "paid",
        ],
        rows,
    )
}
