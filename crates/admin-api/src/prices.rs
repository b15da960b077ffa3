//! What models cost, as the installation's administrator keeps it.

use crate::{
    AdminApi,
    budgets::{micros, usd},
    caller::{Facts, Person},
    input::{self, Input},
    page::Page,
    path::PricePath,
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::NaiveDate;
use models::Provider;
use serde::{Deserialize, Serialize};
use store::{StoreError, SystemTx, activity_log::NewActivity, prices};
use utoipa::ToSchema;
use uuid::Uuid;

/// Dearer than any model is.
const MOST_USD: f64 = 100_000.0;

/// What models cost from a day on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Price {
    /// Its id.
    id: Uuid,
    /// Whose model.
    #[schema(example = "anthropic")]
    provider: String,
    /// Its name, or the beginning of names with `*` behind it. The longest that fits counts.
    #[schema(example = "claude-sonnet-4-5*")]
    model: String,
    /// From this day on, in UTC.
    #[schema(value_type = String, example = "2026-01-01")]
    valid_from: NaiveDate,
    /// US dollars for a million tokens of prompts.
    input_usd: f64,
    /// US dollars for a million tokens of answers.
    output_usd: f64,
}

/// What models cost from a day on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPrice {
    /// `openai`, `anthropic`, `gemini`, `ollama` or `openai_compatible`.
    #[schema(example = "anthropic")]
    provider: String,
    /// Its name, or the beginning of names with `*` behind it.
    #[schema(example = "claude-sonnet-4-5*")]
    model: String,
    /// From this day on, in UTC; today when left out. Takes the place of an entry of the same model and day.
    #[schema(value_type = Option<String>, example = "2026-01-01")]
    valid_from: Option<NaiveDate>,
    /// US dollars for a million tokens of prompts.
    input_usd: f64,
    /// US dollars for a million tokens of answers.
    output_usd: f64,
}

impl From<prices::Price> for Price {
    fn from(price: prices::Price) -> Self {
        Self {
            id: price.id,
            provider: price.provider,
            model: price.model,
            valid_from: price.valid_from,
            input_usd: usd(price.input_micros),
            output_usd: usd(price.output_micros),
        }
    }
}

/// What models cost.
///
/// Old entries stay, so that it can be seen what an answer was reckoned by.
#[utoipa::path(get, path = "/api/administration/model-prices", responses((status = 200, body = Page<Price>)))]
pub(crate) async fn list(api: Data<AdminApi>, _person: Person) -> Result<Json<Page<Price>>, Problem> {
    let rows = prices::list(api.db()).await?;
    Ok(Json(Page::whole(rows.into_iter().map(Into::into).collect())))
}

/// Say what models cost from a day on.
#[utoipa::path(
    post, path = "/api/administration/model-prices", request_body = NewPrice,
    responses((status = 201, body = Price))
)]
pub(crate) async fn add(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<NewPrice>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let Some(provider) = Provider::named(&input.provider) else {
        let names = Provider::ALL.map(Provider::name).join(", ");
        return Err(Problem::invalid(
            "provider",
            format!("provider is one of {names}"),
        ));
    };
    let model = input::line("model", &input.model, 200)?;
    if model.trim_end_matches('*').contains('*') || model.ends_with("**") {
        return Err(Problem::invalid(
            "model",
            "one * may stand at the end of model, and nowhere else",
        ));
    }
    let mut price = prices::Price {
        id: Uuid::now_v7(),
        provider: provider.name().to_owned(),
        model,
        valid_from: input.valid_from.unwrap_or_else(|| api.now().date_naive()),
        input_micros: micros(input::number("input_usd", input.input_usd, 0.0, MOST_USD)?),
        output_micros: micros(input::number("output_usd", input.output_usd, 0.0, MOST_USD)?),
    };
    let mut tx = api.db().system().await?;
    price.id = prices::put(&mut tx, &price).await?;
    let what = format!("{} {}", price.provider, price.model);
    note(&api, &mut tx, &person, facts, "price.set", what).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(Price::from(price)))
}

/// Take an entry out.
#[utoipa::path(delete, path = "/api/administration/model-prices/{price_id}", params(PricePath), responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<PricePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    if !prices::delete(&mut tx, path.price_id).await? {
        return Err(Problem::not_found());
    }
    note(
        &api,
        &mut tx,
        &person,
        facts,
        "price.delete",
        path.price_id.to_string(),
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn note(
    api: &AdminApi,
    tx: &mut SystemTx,
    person: &Person,
    facts: Facts,
    action: &'static str,
    target: String,
) -> Result<(), Problem> {
    let activity = NewActivity {
        user: Some(person.user),
        action,
        target: Some(target),
        ip: facts.ip,
        request_id: Some(facts.request_id),
        ..Default::default()
    };
    Ok(store::activity_log::record_system(tx, None, &activity, api.now()).await?)
}
