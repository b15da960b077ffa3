//! Which models answer for chatbots that name none, and in which order.

use super::{model_providers::kind_of, note, noted};
use crate::{
    AdminApi,
    caller::{Facts, Person},
    input::{self, Input},
    knowledge::embeddings,
    problem::Problem,
};
use actix_web::web::{Data, Json};
use models::Provider;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use store::{
    StoreError, meanings,
    model_providers::{self, Place},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// Nobody waits for as many.
const MOST: usize = 10;

/// The installation's models.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstallationModels {
    /// In the order in which they are asked. Empty: there is none, and chatbots quote their knowledge.
    models: Vec<ModelPlace>,
    /// Whether that order is the configuration file's, because none was set here.
    is_from_settings: bool,
    /// The models of the configuration file, in its order.
    from_settings: Vec<SettingsModel>,
    /// The model that says what texts mean. It is chosen in the configuration file.
    embedding: EmbeddingProgress,
}

/// A model in its place.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelPlace {
    /// The provider that was set up here; `null`: the model is of the configuration file.
    provider_id: Option<Uuid>,
    /// What the provider is called.
    provider_name: Option<String>,
    /// Whose API it speaks.
    #[schema(example = "openai")]
    kind: String,
    /// The model's name there.
    model: String,
    /// How many tokens it takes, prompt and answer together; `null`: as many as the installation's prompts and answers.
    context_tokens: Option<i32>,
    /// Why it is passed over now: `disabled`, its provider is turned off; `gone`, the configuration file has it no more.
    problem: Option<&'static str>,
}

/// A model of the configuration file.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsModel {
    /// Whose API it speaks.
    #[schema(example = "openai")]
    kind: String,
    /// Where that API is; empty: where it usually is.
    base_url: String,
    /// The model's name there.
    model: String,
}

/// The embedding model, and how far its vectors are.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmbeddingProgress {
    /// Which model makes vectors; `null`: none, search goes by words alone.
    model: Option<String>,
    /// Why none does.
    problem: Option<String>,
    /// All passages of chatbots in use.
    passages: i64,
    /// How many of them have a vector of the newest model.
    passages_with_meaning: i64,
    /// Chatbots of which some have none yet.
    chatbots_under_way: i64,
}

/// The order as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelOrderInput {
    /// The first is asked, the others when those before fail. Empty: as the configuration file has it.
    models: Vec<ModelPlaceInput>,
}

/// A model in its place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelPlaceInput {
    /// The provider; `null`: the configuration file.
    provider_id: Option<Uuid>,
    /// Whose API it speaks, of a model of the configuration file.
    kind: Option<String>,
    /// The model's name there.
    model: String,
    /// How many tokens it takes, prompt and answer together.
    context_tokens: Option<i32>,
}

/// The models that answer for chatbots without one of their own.
#[utoipa::path(get, path = "/api/administration/models", responses((status = 200, body = InstallationModels)))]
pub(crate) async fn order(api: Data<AdminApi>, _person: Person) -> Result<Json<InstallationModels>, Problem> {
    Ok(Json(shown(&api).await?))
}

/// Set which models answer for chatbots without one of their own, and in which order.
///
/// Counts in every process within seconds. Chatbots with models of their own keep those.
#[utoipa::path(
    put, path = "/api/administration/models", request_body = ModelOrderInput,
    responses((status = 200, body = InstallationModels))
)]
pub(crate) async fn set_order(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<ModelOrderInput>,
) -> Result<Json<InstallationModels>, Problem> {
    let given = input.0.models;
    if given.len() > MOST {
        return Err(Problem::invalid("models", format!("models has {MOST} at most")));
    }
    let providers = model_providers::list(api.db()).await?;
    let mut places: Vec<Place> = Vec::with_capacity(given.len());
    for one in given {
        let place = checked(&api, &providers, one)?;
        let again = |other: &Place| {
            (other.provider, &other.kind, &other.model) == (place.provider, &place.kind, &place.model)
        };
        if places.iter().any(again) {
            return Err(Problem::invalid("models", "a model has one place in the order"));
        }
        places.push(place);
    }
    let mut tx = api.db().system().await?;
    model_providers::set_order(&mut tx, &places).await?;
    let names: Vec<String> = places
        .iter()
        .map(|place| format!("{} {}", place.kind, place.model))
        .collect();
    let activity = noted(
        &person,
        &facts,
        "models.order",
        "installation",
        json!({ "models": names }),
    );
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(shown(&api).await?))
}

fn checked(
    api: &AdminApi,
    providers: &[model_providers::Provider],
    given: ModelPlaceInput,
) -> Result<Place, Problem> {
    let model = input::line("model", &given.model, 200)?;
    let context_tokens = given.context_tokens;
    if let Some(tokens) = context_tokens {
        input::number("context_tokens", tokens, 1_000, 10_000_000)?;
    }
    let Some(id) = given.provider_id else {
        let kind = kind_of(given.kind.as_deref().unwrap_or_default())?;
        if !has(api, kind, &model)? {
            return Err(Problem::invalid(
                "model",
                "the configuration file has no such model",
            ));
        }
        return Ok(Place {
            provider: None,
            kind: kind.name().to_owned(),
            model,
            context_tokens: None,
        });
    };
    let provider = providers.iter().find(|provider| provider.id == id);
    let provider = provider.ok_or_else(|| Problem::invalid("provider_id", "there is no such provider"))?;
    if !provider.models.contains(&model) {
        return Err(Problem::invalid(
            "model",
            "the provider has no model of this name; add it there first",
        ));
    }
    Ok(Place {
        provider: Some(id),
        kind: provider.kind.clone(),
        model,
        context_tokens,
    })
}

fn has(api: &AdminApi, kind: Provider, model: &str) -> Result<bool, Problem> {
    let mut all = api.models()?.described().iter();
    Ok(all.any(|described| described.provider == kind && described.model == model))
}

async fn shown(api: &AdminApi) -> Result<InstallationModels, Problem> {
    let db = api.db();
    let (order, providers, progress, embedding) = futures_util::join!(
        model_providers::order(db),
        model_providers::list(db),
        meanings::progress_of_all(db),
        embeddings(api),
    );
    let (order, progress, embedding) = (order?, progress?, embedding?);
    let providers: HashMap<Uuid, model_providers::Provider> = providers?
        .into_iter()
        .map(|provider| (provider.id, provider))
        .collect();
    let from_settings: Vec<SettingsModel> = api
        .models()?
        .described()
        .iter()
        .map(|described| SettingsModel {
            kind: described.provider.name().to_owned(),
            base_url: described.base_url.clone(),
            model: described.model.clone(),
        })
        .collect();
    let of_settings = |model: &SettingsModel| ModelPlace {
        provider_id: None,
        provider_name: None,
        kind: model.kind.clone(),
        model: model.model.clone(),
        context_tokens: None,
        problem: None,
    };
    let of_place = |place: Place| {
        let provider = place.provider.and_then(|id| providers.get(&id));
        let in_file = |model: &SettingsModel| (&model.kind, &model.model) == (&place.kind, &place.model);
        let problem = match provider {
            Some(provider) => (!provider.enabled).then_some("disabled"),
            None => (!from_settings.iter().any(in_file)).then_some("gone"),
        };
        ModelPlace {
            provider_id: place.provider,
            provider_name: provider.map(|provider| provider.name.clone()),
            kind: place.kind,
            model: place.model,
            context_tokens: place.context_tokens,
            problem,
        }
    };
    let is_from_settings = order.is_empty();
    let models = if is_from_settings {
        from_settings.iter().map(of_settings).collect()
    } else {
        order.into_iter().map(of_place).collect()
    };
    Ok(InstallationModels {
        models,
        is_from_settings,
        from_settings,
        embedding: EmbeddingProgress {
            model: embedding.model,
            problem: embedding.problem,
            passages: progress.passages,
            passages_with_meaning: progress.with_vector,
            chatbots_under_way: progress.chatbots_under_way,
        },
    })
}
