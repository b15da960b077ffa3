//! Budgets: how much may be spent on models in a day or a month, and how much has been.
//!
//! Invariant: a limit that could not work as its words say is refused, and says what would.

use crate::{
    AdminApi,
    caller::{Facts, Person, Seat},
    input::Input,
    page::Page,
    path::{ChatbotPath, WorkspacePath},
    problem::Problem,
};
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use domain::ChatbotId;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use store::{
    StoreError,
    activity_log::NewActivity,
    budgets::{self, AtLimit, Period, Scope},
};
use utoipa::ToSchema;

/// One prompt and one answer: less is used up by the first question.
const LEAST_TOKENS: i64 = 1_000;
const MOST_TOKENS: i64 = 1_000_000_000_000;
const LEAST_USD: f64 = 0.01;
const MOST_USD: f64 = 1_000_000.0;

/// A budget, and what of it is gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct Budget {
    /// Whose spending: `installation`, `workspace`, `chatbot`, or `visitor`: each visitor's of the chatbot.
    #[schema(example = "chatbot")]
    scope: &'static str,
    /// `day` or `month`, in UTC.
    #[schema(example = "day")]
    period: &'static str,
    /// Tokens, read and written.
    tokens: Option<i64>,
    /// US dollars.
    cost_usd: Option<f64>,
    /// What is said when it is used up: `quote`, the best passage; or `fallback_text`, the chatbot's own words.
    #[schema(example = "quote")]
    at_limit: &'static str,
    /// Spent so far. Of visitors: by the one who spent most.
    spent_tokens: i64,
    /// Spent so far, as far as prices are known.
    spent_usd: f64,
    /// What answers under way may yet take.
    reserved_tokens: i64,
    /// What answers under way may yet cost.
    reserved_usd: f64,
    /// When it is whole again.
    until: DateTime<Utc>,
}

/// All budgets of a place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetsInput {
    /// They take the place of those that are there; what was spent of one that stays, stays spent.
    budgets: Vec<BudgetInput>,
}

/// A budget.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetInput {
    /// Of a chatbot: `chatbot` or `visitor`; elsewhere it can be left out.
    #[schema(example = "chatbot")]
    scope: Option<String>,
    /// `day` or `month`, in UTC.
    #[schema(example = "day")]
    period: String,
    /// Tokens, read and written. This, `cost_usd`, or both.
    tokens: Option<i64>,
    /// US dollars. A model that the price list does not have is not asked.
    cost_usd: Option<f64>,
    /// What is said when it is used up: `quote` (as it is when left out), the best passage; or `fallback_text`, the
    /// chatbot's own words.
    #[schema(example = "quote")]
    at_limit: Option<String>,
}

/// Budgets of the whole installation.
#[utoipa::path(get, path = "/api/administration/budgets", responses((status = 200, body = Page<Budget>)))]
pub(crate) async fn of_installation(
    api: Data<AdminApi>,
    _person: Person,
) -> Result<Json<Page<Budget>>, Problem> {
    let found = budgets::of_installation(api.db(), api.now()).await?;
    Ok(page(found, api.now()))
}

/// Set the budgets of the whole installation.
#[utoipa::path(
    put, path = "/api/administration/budgets", request_body = BudgetsInput,
    responses((status = 200, body = Page<Budget>))
)]
pub(crate) async fn set_of_installation(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<BudgetsInput>,
) -> Result<Json<Page<Budget>>, Problem> {
    let wanted = read(&input.0, &[Scope::Installation])?;
    let mut tx = api.db().system().await?;
    budgets::set_of_installation(&mut tx, &wanted).await?;
    let activity = NewActivity {
        user: Some(person.user),
        action: "budgets.set",
        ip: facts.ip,
        request_id: Some(facts.request_id),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let found = budgets::of_installation(api.db(), api.now()).await?;
    Ok(page(found, api.now()))
}

/// Budgets of a workspace.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/budgets", params(WorkspacePath), responses((status = 200, body = Page<Budget>)))]
pub(crate) async fn of_workspace(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<Json<Page<Budget>>, Problem> {
    shown(&api, &seat, None).await
}

/// Set the budgets of a workspace.
#[utoipa::path(
    put, path = "/api/workspaces/{workspace_id}/budgets", params(WorkspacePath), request_body = BudgetsInput,
    responses((status = 200, body = Page<Budget>))
)]
pub(crate) async fn set_of_workspace(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<BudgetsInput>,
) -> Result<Json<Page<Budget>>, Problem> {
    let wanted = read(&input.0, &[Scope::Workspace])?;
    save(&api, &seat, None, &wanted).await
}

/// Budgets of a chatbot, and of each of its visitors.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/budgets", params(ChatbotPath), responses((status = 200, body = Page<Budget>)))]
pub(crate) async fn of_chatbot(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Page<Budget>>, Problem> {
    shown(&api, &seat, Some(path.chatbot_id)).await
}

/// Set the budgets of a chatbot, and of each of its visitors.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/budgets", params(ChatbotPath), request_body = BudgetsInput,
    responses((status = 200, body = Page<Budget>))
)]
pub(crate) async fn set_of_chatbot(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<BudgetsInput>,
) -> Result<Json<Page<Budget>>, Problem> {
    let wanted = read(&input.0, &[Scope::Chatbot, Scope::Visitor])?;
    save(&api, &seat, Some(path.chatbot_id), &wanted).await
}

async fn shown(
    api: &AdminApi,
    seat: &Seat,
    chatbot: Option<ChatbotId>,
) -> Result<Json<Page<Budget>>, Problem> {
    let mut tx = seat.begin(api).await?;
    let found = budgets::of_tenant(&mut tx, chatbot, api.now()).await?;
    Ok(page(found, api.now()))
}

async fn save(
    api: &AdminApi,
    seat: &Seat,
    chatbot: Option<ChatbotId>,
    wanted: &[budgets::Budget],
) -> Result<Json<Page<Budget>>, Problem> {
    let mut tx = seat.begin(api).await?;
    budgets::set_of_tenant(&mut tx, chatbot, wanted).await?;
    let target = chatbot.map_or_else(|| seat.workspace.to_string(), |id| id.to_string());
    let details = serde_json::json!({ "budgets": wanted.len() });
    seat.did(api, &mut tx, "budgets.set", target, details).await?;
    let found = budgets::of_tenant(&mut tx, chatbot, api.now()).await?;
    tx.commit().await?;
    Ok(page(found, api.now()))
}

fn page(found: Vec<budgets::Spent>, now: DateTime<Utc>) -> Json<Page<Budget>> {
    let shown = found.into_iter().map(|spent| Budget {
        scope: spent.budget.scope.as_str(),
        period: spent.budget.period.as_str(),
        tokens: spent.budget.tokens,
        cost_usd: spent.budget.cost_micros.map(usd),
        at_limit: spent.budget.at_limit.as_str(),
        spent_tokens: spent.tokens,
        spent_usd: usd(spent.cost_micros),
        reserved_tokens: spent.reserved_tokens,
        reserved_usd: usd(spent.reserved_micros),
        until: spent.budget.period.until(now),
    });
    Json(Page::whole(shown.collect()))
}

/// What is wrong with a budget.
#[derive(Debug)]
struct Refused {
    field: String,
    detail: String,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::invalid(refused.field, refused.detail)
    }
}

/// Budgets as they are stored, or what is wrong with them. The first of `scopes` is meant where none is said.
fn read(input: &BudgetsInput, scopes: &[Scope]) -> Result<Vec<budgets::Budget>, Refused> {
    let mut seen = HashSet::new();
    let mut wanted = Vec::new();
    for (at, given) in input.budgets.iter().enumerate() {
        let refused = |field: &str, detail: String| Refused {
            field: format!("budgets.{at}.{field}"),
            detail,
        };
        let scope = match given.scope.as_deref() {
            None => scopes.first().copied(),
            Some(word) => scopes.iter().copied().find(|scope| scope.as_str() == word),
        };
        let scope = scope.ok_or_else(|| {
            let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            refused("scope", format!("scope is {} here", words.join(" or ")))
        })?;
        let period: Period = given
            .period
            .parse()
            .map_err(|_| refused("period", "period is day or month".to_owned()))?;
        let at_limit: AtLimit = given
            .at_limit
            .as_deref()
            .map_or(Ok(AtLimit::Quote), str::parse)
            .map_err(|_| refused("at_limit", "at_limit is quote or fallback_text".to_owned()))?;
        if given.tokens.is_none() && given.cost_usd.is_none() {
            let detail = "a budget limits tokens, cost_usd or both; leave the whole budget out for no limit";
            return Err(refused("tokens", detail.to_owned()));
        }
        if let Some(tokens) = given
            .tokens
            .filter(|tokens| !(LEAST_TOKENS..=MOST_TOKENS).contains(tokens))
        {
            return Err(refused(
                "tokens",
                format!("tokens is {LEAST_TOKENS}, about one answer, to {MOST_TOKENS}; got {tokens}"),
            ));
        }
        if let Some(cost) = given
            .cost_usd
            .filter(|cost| !(LEAST_USD..=MOST_USD).contains(cost))
        {
            return Err(refused(
                "cost_usd",
                format!("cost_usd is {LEAST_USD} to {MOST_USD} US dollars; got {cost}"),
            ));
        }
        if !seen.insert((scope, period)) {
            let detail = format!("there are two budgets of the {scope} for a {period}; make them one");
            return Err(refused("period", detail));
        }
        wanted.push(budgets::Budget {
            scope,
            period,
            tokens: given.tokens,
            cost_micros: given.cost_usd.map(micros),
            at_limit,
        });
    }
    fit(&wanted)?;
    Ok(wanted)
}

/// A limit above the one around it can never be reached, and was not meant so.
fn fit(wanted: &[budgets::Budget]) -> Result<(), Refused> {
    let of = |scope: Scope, period: Period| {
        wanted
            .iter()
            .find(|budget| budget.scope == scope && budget.period == period)
    };
    for (at, budget) in wanted.iter().enumerate() {
        let around = [
            (budget.scope == Scope::Visitor).then(|| of(Scope::Chatbot, budget.period)),
            (budget.period == Period::Day).then(|| of(budget.scope, Period::Month)),
        ];
        for outer in around.into_iter().flatten().flatten() {
            let beyond = |inner: Option<i64>, outer: Option<i64>| matches!((inner, outer), (Some(inner), Some(outer)) if inner > outer);
            for (field, inner, limit) in [
                ("tokens", budget.tokens, outer.tokens),
                ("cost_usd", budget.cost_micros, outer.cost_micros),
            ] {
                if beyond(inner, limit) {
                    return Err(Refused {
                        field: format!("budgets.{at}.{field}"),
                        detail: format!(
                            "the {}'s {field} for a {} is more than the {}'s for a {}, and could never be reached",
                            budget.scope, budget.period, outer.scope, outer.period
                        ),
                    });
                }
            }
        }
    }
    Ok(())
}

/// Millionths of a dollar as dollars.
#[expect(
    clippy::cast_precision_loss,
    reason = "nobody spends 2^53 millionths of a dollar"
)]
pub(crate) fn usd(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Dollars, within limits, as millionths.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within limits")]
pub(crate) fn micros(usd: f64) -> i64 {
    (usd * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of_bot(budgets: serde_json::Value) -> Result<Vec<budgets::Budget>, Refused> {
        let input = serde_json::from_value(json!({ "budgets": budgets })).unwrap();
        read(&input, &[Scope::Chatbot, Scope::Visitor])
    }

    #[test]
    fn a_budget_is_read_with_what_is_usual_for_what_is_left_out() {
        let read = of_bot(json!([{"period": "day", "cost_usd": 1.5}])).unwrap();

        assert_eq!(
            read,
            [budgets::Budget {
                scope: Scope::Chatbot,
                period: Period::Day,
                tokens: None,
                cost_micros: Some(1_500_000),
                at_limit: AtLimit::Quote,
            }]
        );
    }

    #[test]
    fn a_limit_that_cannot_work_is_refused_and_named() {
        for (bad, named) in [
            (json!([{"period": "week", "tokens": 5000}]), "day or month"),
            (json!([{"period": "day"}]), "limits tokens, cost_usd or both"),
            (json!([{"period": "day", "tokens": 0}]), "got 0"),
            (json!([{"period": "day", "tokens": -5}]), "got -5"),
            (json!([{"period": "day", "cost_usd": 0}]), "got 0"),
            (
                json!([{"period": "day", "cost_usd": 1e12}]),
                "to 1000000 US dollars",
            ),
            (
                json!([{"scope": "workspace", "period": "day", "tokens": 5000}]),
                "chatbot or visitor",
            ),
            (
                json!([{"period": "day", "tokens": 5000, "at_limit": "silence"}]),
                "quote or fallback_text",
            ),
            (
                json!([{"period": "day", "tokens": 5000}, {"period": "day", "tokens": 6000}]),
                "two budgets",
            ),
            (
                json!([{"period": "day", "tokens": 5000}, {"scope": "visitor", "period": "day", "tokens": 6000}]),
                "could never be reached",
            ),
            (
                json!([{"period": "day", "tokens": 5000}, {"period": "month", "tokens": 4000}]),
                "could never be reached",
            ),
        ] {
            let refused = of_bot(bad.clone()).unwrap_err();

            assert!(refused.detail.contains(named), "{bad}: {refused:?}");
        }
    }
}
