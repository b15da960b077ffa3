//! What comes in and what it costs, month by month.

use super::{money, subscriptions::month_of};
use crate::{
    AdminApi,
    administration::noted,
    budgets::usd,
    caller::{Facts, Person},
    input::{self, Input},
    problem::Problem,
    table,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Query},
};
use chrono::{Months, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    StoreError, activity_log, credits, installation,
    revenue::{self, Month, Sum},
};
use utoipa::{IntoParams, ToSchema};

/// Where exchange rates are noted.
const RATES: &str = "exchange_rates";
const USUAL_MONTHS: u32 = 12;
const MOST_MONTHS: u32 = 60;

/// How many months.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FiguresQuery {
    /// So many, this one being the last: 1 to 60, 12 when left out.
    months: Option<u32>,
}

/// What comes in and what it costs. Currencies are never added up.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revenue {
    /// Subscriptions in their trial.
    trials: i64,
    /// Subscriptions that are paid for.
    paying: i64,
    /// Subscriptions that are behind with an invoice.
    past_due: i64,
    /// Subscriptions that end with their period.
    ending: i64,
    /// Subscriptions that have ended.
    cancelled: i64,
    /// Workspaces without a subscription.
    without: i64,
    /// Credit that is not used yet.
    open_credits: Vec<SumView>,
    /// What invoices wait to be paid.
    open_invoices: Vec<SumView>,
    /// Every currency in every month, the oldest first.
    months: Vec<MonthView>,
    /// What models cost in every month, in US dollars.
    costs: Vec<CostView>,
    /// How many US dollars one unit of a currency is worth, as an administrator noted it: margins are reckoned by it.
    exchange_rates: BTreeMap<String, f64>,
}

/// Money of one currency.
#[derive(Serialize, ToSchema)]
pub(crate) struct SumView {
    /// The currency's three letters.
    #[schema(example = "EUR")]
    pub currency: String,
    /// In its smallest unit.
    pub minor: i64,
}

/// One currency in one month.
#[derive(Serialize, ToSchema)]
pub(crate) struct MonthView {
    /// Its first day.
    #[schema(value_type = String, example = "2026-11-01")]
    month: NaiveDate,
    /// The currency's three letters.
    #[schema(example = "EUR")]
    currency: String,
    /// What all who pay are charged each month, after coupons: as it was at the month's end, or is now.
    mrr_minor: i64,
    /// How many pay.
    paying: i64,
    /// What one of them is charged, on the average.
    arpu_minor: i64,
    /// What those brought who began to pay.
    new_minor: i64,
    /// How many began to pay.
    new: i64,
    /// What was lost with those who stopped.
    churned_minor: i64,
    /// How many stopped paying.
    churned: i64,
    /// What invoices of the month come to.
    invoiced_minor: i64,
    /// What was paid in the month.
    paid_minor: i64,
}

/// What models cost in a month.
#[derive(Serialize, ToSchema)]
pub(crate) struct CostView {
    /// Its first day.
    #[schema(value_type = String, example = "2026-11-01")]
    month: NaiveDate,
    /// In US dollars, as far as prices are known.
    cost_usd: f64,
}

/// What currencies are worth.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatesInput {
    /// By the currency's three letters, how many US dollars one unit is worth. They take the place of those that are there.
    exchange_rates: BTreeMap<String, f64>,
}

impl From<Sum> for SumView {
    fn from(sum: Sum) -> Self {
        Self {
            currency: sum.currency,
            minor: sum.minor,
        }
    }
}

impl From<Month> for MonthView {
    fn from(month: Month) -> Self {
        Self {
            month: month.month,
            currency: month.currency,
            mrr_minor: month.mrr_minor,
            paying: month.paying,
            arpu_minor: month.mrr_minor.checked_div(month.paying).unwrap_or_default(),
            new_minor: month.new_minor,
            new: month.new,
            churned_minor: month.churned_minor,
            churned: month.churned,
            invoiced_minor: month.invoiced_minor,
            paid_minor: month.paid_minor,
        }
    }
}

/// Revenue, month by month.
#[utoipa::path(get, path = "/api/administration/revenue", params(FiguresQuery), responses((status = 200, body = Revenue)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<FiguresQuery>,
) -> Result<Json<Revenue>, Problem> {
    let from = beginning(&api, query.months)?;
    let standing = revenue::standing(api.db()).await?;
    Ok(Json(Revenue {
        trials: standing.trials,
        paying: standing.paying,
        past_due: standing.past_due,
        ending: standing.ending,
        cancelled: standing.cancelled,
        without: standing.without,
        open_credits: revenue::open_credits(api.db())
            .await?
            .into_iter()
            .map(Into::into)
            .collect(),
        open_invoices: revenue::open_invoices(api.db())
            .await?
            .into_iter()
            .map(Into::into)
            .collect(),
        months: revenue::months(api.db(), from, api.now())
            .await?
            .into_iter()
            .map(Into::into)
            .collect(),
        costs: revenue::costs(api.db(), from)
            .await?
            .into_iter()
            .map(|cost| CostView {
                month: cost.month,
                cost_usd: usd(cost.cost_micros),
            })
            .collect(),
        exchange_rates: rates(&api).await?,
    }))
}

/// Revenue, month by month, as a table.
#[utoipa::path(
    get, path = "/api/administration/revenue.csv", params(FiguresQuery),
    responses((status = 200, description = "One line a month and currency.", content_type = "text/csv", body = String))
)]
pub(crate) async fn csv(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<FiguresQuery>,
) -> Result<HttpResponse, Problem> {
    let from = beginning(&api, query.months)?;
    let months = revenue::months(api.db(), from, api.now()).await?;
    let costs: BTreeMap<NaiveDate, i64> = revenue::costs(api.db(), from)
        .await?
        .into_iter()
        .map(|cost| (cost.month, cost.cost_micros))
        .collect();
    let rows = months.into_iter().map(MonthView::from).map(|it| {
        let in_units = |minor| money::amount(minor, &it.currency);
        [
            it.month.to_string(),
            it.currency.clone(),
            in_units(it.mrr_minor),
            it.paying.to_string(),
            in_units(it.arpu_minor),
            in_units(it.new_minor),
            it.new.to_string(),
            in_units(it.churned_minor),
            it.churned.to_string(),
            in_units(it.invoiced_minor),
            in_units(it.paid_minor),
            usd(costs.get(&it.month).copied().unwrap_or_default()).to_string(),
        ]
    });
    table::attachment(
        "revenue.csv",
        [
            "month",
            "currency",
            "mrr",
            "paying",
            "arpu",
            "new_mrr",
            "new",
            "churned_mrr",
            "churned",
            "invoiced",
            "paid",
            "models_usd",
        ],
        rows,
    )
}

/// Say what currencies are worth.
///
/// Models are paid for in US dollars: by these rates margins are reckoned, and nothing else.
#[utoipa::path(
    put, path = "/api/administration/exchange-rates", request_body = RatesInput, responses((status = 200, body = Revenue))
)]
pub(crate) async fn set_rates(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<RatesInput>,
) -> Result<Json<Revenue>, Problem> {
    let mut wanted = BTreeMap::new();
    for (code, rate) in input.0.exchange_rates {
        let code = money::currency("exchange_rates", &code)?;
        wanted.insert(
            code,
            input::number("exchange_rates", rate, 0.000_001, 1_000_000.0)?,
        );
    }
    let mut tx = api.db().system().await?;
    installation::put_in(&mut tx, RATES, &json!(wanted)).await?;
    let activity = noted(
        &person,
        &facts,
        "exchange_rates.set",
        "installation",
        json!({ "rates": wanted }),
    );
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    get(api, person, Query(FiguresQuery { months: None })).await
}

/// What was noted of currencies' worth.
pub(super) async fn rates(api: &AdminApi) -> Result<BTreeMap<String, f64>, Problem> {
    let noted = installation::get(api.db(), RATES).await?;
    Ok(noted
        .and_then(|rates| serde_json::from_value(rates).ok())
        .unwrap_or_default())
}

/// How many US dollars one unit is worth. `None`: nobody has said.
pub(super) fn rate(rates: &BTreeMap<String, f64>, currency: &str) -> Option<f64> {
    if currency == "USD" {
        Some(1.0)
    } else {
        rates.get(currency).copied()
    }
}

/// What is left of credits, by currency.
pub(super) fn left(credits: &[credits::Credit]) -> Vec<SumView> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for credit in credits {
        *sums.entry(&credit.currency).or_default() += credit.amount_minor - credit.used_minor;
    }
    let sums = sums.into_iter().filter(|(_, minor)| *minor > 0);
    sums.map(|(currency, minor)| SumView {
        currency: currency.to_owned(),
        minor,
    })
    .collect()
}

fn beginning(api: &AdminApi, months: Option<u32>) -> Result<NaiveDate, Problem> {
    let months = input::number("months", months.unwrap_or(USUAL_MONTHS), 1, MOST_MONTHS)?;
    let this = month_of(api, None);
    Ok(this.checked_sub_months(Months::new(months - 1)).unwrap_or(this))
}
