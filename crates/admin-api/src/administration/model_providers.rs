//! Providers of models, beside those of the configuration file.
//!
//! Invariant: a key goes in and never comes out. Addresses obey the rules that chatbots' own endpoints do: what a private
//! network offers is asked only where the operator of the machine allowed it.

use super::{note, noted};
use crate::{
    AdminApi,
    caller::{Facts, Person},
    difference,
    input::{self, Input},
    page::Page,
    path::{ProviderKeyPath, ProviderPath},
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, TimeDelta, Utc};
use models::{Ask, Endpoint, Provider, Task, Toolbox};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Instant;
use store::{
    StoreError,
    model_providers::{self, Fared, Key},
};
use utoipa::ToSchema;
use uuid::Uuid;
use vault::Place;

/// As many as anybody has with one provider.
const MOST_KEYS: usize = 20;
const MOST_MODELS: usize = 50;
/// How long a test may take.
const TEST_SECONDS: u64 = 20;

/// A provider of models.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelProvider {
    /// Its id.
    id: Uuid,
    /// What you call it.
    name: String,
    /// Whose API it speaks.
    #[schema(example = "openai")]
    kind: String,
    /// Where that API is; empty: where it usually is.
    base_url: String,
    /// Its models that are used.
    models: Vec<String>,
    /// Whether it is asked.
    enabled: bool,
    /// Its keys, without the keys themselves.
    keys: Vec<ProviderKey>,
    /// How its calls of the last hour fared, by model.
    last_hour: Vec<ModelUse>,
    /// How its calls of the last day fared, by model.
    last_day: Vec<ModelUse>,
    /// When it was set up.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// A key of a provider, without the key itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderKey {
    /// Its id.
    id: Uuid,
    /// What you call it.
    name: String,
    /// When it was added.
    created_at: DateTime<Utc>,
}

/// How calls of one model fared.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelUse {
    /// The model.
    model: String,
    /// How often it was asked.
    calls: i64,
    /// How often it gave no answer.
    failed: i64,
    /// Half of the calls took no longer, in milliseconds.
    p50: f64,
    /// 95 of a hundred took no longer.
    p95: f64,
}

/// A provider to set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewModelProvider {
    /// What you call it.
    #[schema(example = "Our OpenAI account")]
    name: String,
    /// `openai`, `anthropic`, `gemini`, `ollama` or `openai_compatible`.
    #[schema(example = "openai")]
    kind: String,
    /// Where its API is; empty: where it usually is.
    #[serde(default)]
    base_url: String,
    /// Its models that are used.
    models: Vec<String>,
    /// Its keys; none where none is needed.
    #[serde(default)]
    keys: Vec<NewProviderKey>,
}

/// A provider as it shall be. Its keys stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelProviderInput {
    /// What you call it.
    name: String,
    /// Where its API is; empty: where it usually is. At another address the keys have to be given anew.
    #[serde(default)]
    base_url: String,
    /// Its models that are used.
    models: Vec<String>,
    /// Whether it is asked.
    enabled: bool,
}

/// A key to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProviderKey {
    /// What you call it.
    #[schema(example = "second account")]
    name: String,
    /// The key. It is never shown again.
    #[schema(value_type = String, format = Password)]
    key: SecretString,
}

/// What is tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderTest {
    /// The model to ask.
    #[schema(example = "gpt-4o-mini")]
    model: String,
}

/// What came of it, for each key.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderTested {
    /// One for each key; one alone where there is none.
    results: Vec<KeyTested>,
}

/// What came of asking with one key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyTested {
    /// The key; `null`: none was shown.
    key_id: Option<Uuid>,
    /// What it is called.
    key_name: Option<String>,
    /// Whether an answer came.
    works: bool,
    /// `answered`, or what went wrong in one word.
    #[schema(example = "unauthorized")]
    outcome: String,
    /// What went wrong, with what the provider said.
    problem: Option<String>,
    /// How long it took.
    milliseconds: u64,
}

impl From<Key> for ProviderKey {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            name: key.name,
            created_at: key.created_at,
        }
    }
}

impl From<&Fared> for ModelUse {
    fn from(fared: &Fared) -> Self {
        Self {
            model: fared.model.clone(),
            calls: fared.calls,
            failed: fared.failed,
            p50: fared.p50,
            p95: fared.p95,
        }
    }
}

fn shown(provider: model_providers::Provider, hour: &[Fared], day: &[Fared]) -> ModelProvider {
    let source = provider.id.to_string();
    let of = |all: &[Fared]| {
        let ours = all.iter().filter(|fared| fared.source == source);
        ours.map(Into::into).collect()
    };
    ModelProvider {
        last_hour: of(hour),
        last_day: of(day),
        id: provider.id,
        name: provider.name,
        kind: provider.kind,
        base_url: provider.base_url,
        models: provider.models,
        enabled: provider.enabled,
        keys: provider.keys.into_iter().map(Into::into).collect(),
        created_at: provider.created_at,
        updated_at: provider.updated_at,
    }
}

/// The providers of models that administrators set up.
#[utoipa::path(get, path = "/api/administration/model-providers", responses((status = 200, body = Page<ModelProvider>)))]
pub(crate) async fn providers(
    api: Data<AdminApi>,
    _person: Person,
) -> Result<Json<Page<ModelProvider>>, Problem> {
    let (db, now) = (api.db(), api.now());
    let (all, hour, day) = futures_util::join!(
        model_providers::list(db),
        model_providers::fared(db, now - TimeDelta::hours(1)),
        model_providers::fared(db, now - TimeDelta::days(1)),
    );
    let (hour, day) = (hour?, day?);
    let items = all?.into_iter().map(|provider| shown(provider, &hour, &day));
    Ok(Json(Page::whole(items.collect())))
}

/// Set up a provider of models.
///
/// It is asked once one of its models has a place in the order: PUT /api/administration/models.
#[utoipa::path(
    post, path = "/api/administration/model-providers", request_body = NewModelProvider,
    responses((status = 201, body = ModelProvider))
)]
pub(crate) async fn create(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<NewModelProvider>,
) -> Result<HttpResponse, Problem> {
    let (input, now) = (input.0, api.now());
    let kind = kind_of(&input.kind)?;
    let mut provider = model_providers::Provider {
        id: Uuid::now_v7(),
        name: input::line("name", &input.name, 100)?,
        kind: kind.name().to_owned(),
        base_url: input.base_url.trim().to_owned(),
        models: models_of(&input.models)?,
        enabled: true,
        created_at: now,
        updated_at: now,
        keys: Vec::new(),
    };
    check(&api, kind, &provider)?;
    if input.keys.len() > MOST_KEYS {
        return Err(too_many_keys());
    }
    for key in &input.keys {
        provider.keys.push(sealed(&api, key).await?);
    }
    let mut tx = api.db().system().await?;
    if !model_providers::put(&mut tx, &provider).await? {
        return Err(name_taken());
    }
    for key in &provider.keys {
        if !model_providers::add_key(&mut tx, provider.id, key).await? {
            return Err(key_name_taken());
        }
    }
    let details = json!({
        "name": provider.name, "kind": provider.kind, "base_url": provider.base_url, "models": provider.models,
    });
    let activity = noted(&person, &facts, "model_provider.create", provider.id, details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(shown(provider, &[], &[])))
}

/// Change a provider of models.
///
/// Counts in every process within seconds. With another address its keys are taken away: they were given for the old one.
#[utoipa::path(
    put, path = "/api/administration/model-providers/{provider_id}", params(ProviderPath),
    request_body = ModelProviderInput, responses((status = 200, body = ModelProvider))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ProviderPath>,
    input: Input<ModelProviderInput>,
) -> Result<Json<ModelProvider>, Problem> {
    let (input, before) = (input.0, found(&api, path.provider_id).await?);
    let mut provider = model_providers::Provider {
        name: input::line("name", &input.name, 100)?,
        base_url: input.base_url.trim().to_owned(),
        models: models_of(&input.models)?,
        enabled: input.enabled,
        updated_at: api.now(),
        ..before.clone()
    };
    check(&api, kind_of(&provider.kind)?, &provider)?;
    let mut tx = api.db().system().await?;
    if !model_providers::put(&mut tx, &provider).await? {
        return Err(name_taken());
    }
    if provider.base_url != before.base_url {
        for key in std::mem::take(&mut provider.keys) {
            model_providers::delete_key(&mut tx, provider.id, key.id).await?;
        }
    }
    let said = |provider: &model_providers::Provider| {
        json!({
            "name": provider.name, "base_url": provider.base_url, "models": provider.models,
            "enabled": provider.enabled,
        })
    };
    let details = difference::between(&said(&before), &said(&provider));
    let activity = noted(&person, &facts, "model_provider.update", provider.id, details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(shown(provider, &[], &[])))
}

/// Take a provider of models away.
///
/// Its keys and its places in the order go with it.
#[utoipa::path(
    delete, path = "/api/administration/model-providers/{provider_id}", params(ProviderPath), responses((status = 204))
)]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ProviderPath>,
) -> Result<HttpResponse, Problem> {
    let provider = found(&api, path.provider_id).await?;
    let mut tx = api.db().system().await?;
    if !model_providers::delete(&mut tx, provider.id).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "name": provider.name });
    let activity = noted(&person, &facts, "model_provider.delete", provider.id, details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Add a key to a provider of models.
///
/// Keys are used in turn; one that is refused or takes no more rests while others serve.
#[utoipa::path(
    post, path = "/api/administration/model-providers/{provider_id}/keys", params(ProviderPath),
    request_body = NewProviderKey, responses((status = 201, body = ProviderKey))
)]
pub(crate) async fn add_key(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ProviderPath>,
    input: Input<NewProviderKey>,
) -> Result<HttpResponse, Problem> {
    let provider = found(&api, path.provider_id).await?;
    if provider.keys.len() >= MOST_KEYS {
        return Err(too_many_keys());
    }
    let key = sealed(&api, &input.0).await?;
    let mut tx = api.db().system().await?;
    if !model_providers::add_key(&mut tx, provider.id, &key).await? {
        return Err(key_name_taken());
    }
    let details = json!({ "name": key.name });
    let activity = noted(&person, &facts, "model_provider.add_key", provider.id, details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(ProviderKey::from(key)))
}

/// Take a key of a provider away.
#[utoipa::path(
    delete, path = "/api/administration/model-providers/{provider_id}/keys/{key_id}", params(ProviderKeyPath),
    responses((status = 204))
)]
pub(crate) async fn delete_key(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ProviderKeyPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    if !model_providers::delete_key(&mut tx, path.provider_id, path.key_id).await? {
        return Err(Problem::not_found());
    }
    let details = json!({ "key_id": path.key_id });
    let activity = noted(
        &person,
        &facts,
        "model_provider.delete_key",
        path.provider_id,
        details,
    );
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Try a provider of models with each of its keys.
///
/// Asks one short question; what that costs no budget counts.
#[utoipa::path(
    post, path = "/api/administration/model-providers/{provider_id}/test", params(ProviderPath),
    request_body = ProviderTest, responses((status = 200, body = ProviderTested))
)]
pub(crate) async fn test(
    api: Data<AdminApi>,
    _person: Person,
    path: Path<ProviderPath>,
    input: Input<ProviderTest>,
) -> Result<Json<ProviderTested>, Problem> {
    let provider = found(&api, path.provider_id).await?;
    let model = input::line("model", &input.0.model, 200)?;
    let endpoint = endpoint(kind_of(&provider.kind)?, &provider, model);
    let results = if provider.keys.is_empty() {
        vec![tried(&api, &endpoint, None).await]
    } else {
        let all = provider.keys.iter();
        futures_util::future::join_all(all.map(|key| tried(&api, &endpoint, Some(key)))).await
    };
    Ok(Json(ProviderTested {
        results: results.into_iter().collect::<Result<_, _>>()?,
    }))
}

async fn tried(api: &AdminApi, endpoint: &Endpoint, key: Option<&Key>) -> Result<KeyTested, Problem> {
    let secret = match key {
        None => None,
        Some(key) => Some(
            api.keyring()
                .open_text(vault::INSTALLATION, place(key.id), &key.sealed)
                .await?,
        ),
    };
    let result = |works, outcome: &str, problem, milliseconds| KeyTested {
        key_id: key.map(|key| key.id),
        key_name: key.map(|key| key.name.clone()),
        works,
        outcome: outcome.to_owned(),
        problem,
        milliseconds,
    };
    let model = match api.models()?.of_chatbot(endpoint, secret) {
        Ok(model) => model,
        Err(error) => return Ok(result(false, "unusable", Some(error.to_string()), 0)),
    };
    let ask = Ask {
        chatbot: "BotSmith",
        instructions: "Answer with one word.",
        passages: &[],
        history: &[],
        question: "Are you there?",
        toolbox: Toolbox::default(),
        task: Task::Answer,
    };
    let started = Instant::now();
    let answered = model.answer(&ask).await;
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(match answered {
        Ok(_) => result(true, "answered", None, milliseconds),
        Err(error) => result(false, error.name(), Some(error.in_words()), milliseconds),
    })
}

pub(crate) fn kind_of(name: &str) -> Result<Provider, Problem> {
    Provider::named(name).ok_or_else(|| {
        let names = Provider::ALL.map(Provider::name).join(", ");
        Problem::invalid("kind", format!("kind is one of {names}"))
    })
}

async fn found(api: &AdminApi, id: Uuid) -> Result<model_providers::Provider, Problem> {
    let provider = model_providers::find(api.db(), id).await?;
    provider.ok_or_else(Problem::not_found)
}

fn models_of(given: &[String]) -> Result<Vec<String>, Problem> {
    if given.is_empty() || given.len() > MOST_MODELS {
        return Err(Problem::invalid(
            "models",
            format!("models names 1 to {MOST_MODELS} models"),
        ));
    }
    let mut models = Vec::with_capacity(given.len());
    for name in given {
        let name = input::line("models", name, 200)?;
        if !models.contains(&name) {
            models.push(name);
        }
    }
    Ok(models)
}

fn endpoint(kind: Provider, provider: &model_providers::Provider, model: String) -> Endpoint {
    Endpoint {
        provider: kind,
        base_url: provider.base_url.clone(),
        model,
        time_limit_seconds: Some(TEST_SECONDS),
        context_tokens: None,
    }
}

/// Whether its address may be asked; what its host's name leads to is checked at every connection.
fn check(api: &AdminApi, kind: Provider, provider: &model_providers::Provider) -> Result<(), Problem> {
    let model = provider.models.first().cloned().unwrap_or_default();
    api.models()?
        .check(&endpoint(kind, provider, model))
        .map_err(|error| Problem::invalid("base_url", error.to_string()))
}

const fn place(row: Uuid) -> Place {
    Place {
        row,
        column: model_providers::KEY_COLUMN,
    }
}

async fn sealed(api: &AdminApi, key: &NewProviderKey) -> Result<Key, Problem> {
    use secrecy::ExposeSecret;
    let (id, name) = (Uuid::now_v7(), input::line("name", &key.name, 100)?);
    let plain = key.key.expose_secret().trim();
    if plain.is_empty() || plain.len() > 1000 || plain.chars().any(char::is_control) {
        return Err(Problem::invalid("key", "key is one line of 1 to 1000 characters"));
    }
    let sealed = api
        .keyring()
        .seal(vault::INSTALLATION, place(id), plain.as_bytes())
        .await?;
    Ok(Key {
        id,
        name,
        sealed,
        created_at: api.now(),
    })
}

fn too_many_keys() -> Problem {
    Problem::invalid("keys", format!("a provider has {MOST_KEYS} keys at most"))
}

fn name_taken() -> Problem {
    Problem::new(Kind::Taken, "another provider has this name")
}

fn key_name_taken() -> Problem {
    Problem::new(Kind::Taken, "the provider has a key of this name, or is gone")
}
