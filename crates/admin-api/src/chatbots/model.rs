//! A chatbot's model and its fallbacks: from what was typed to what is stored, and back to what is shown.

use super::{Model, ModelInput};
use crate::{AdminApi, caller::Seat, input, problem::Problem};
use domain::ChatbotId;
use models::Provider;
use secrecy::{ExposeSecret, SecretString};
use store::chatbots::{FALLBACK_KEY_COLUMN, FallbackModel, MODEL_KEY_COLUMN, ModelEndpoint, SealedKey};
use url::Url;
use uuid::Uuid;
use vault::Place;

const USUAL_TIME_LIMIT: u32 = 30;
/// A visitor waits for all of them.
const MOST_FALLBACKS: usize = 4;
const LEAST_CONTEXT: u32 = 1_500;
const MOST_CONTEXT: u32 = 10_000_000;

/// As its owner sees it.
pub(crate) fn shown(endpoint: ModelEndpoint) -> Model {
    let fallbacks = endpoint.fallbacks.into_iter().map(|fallback| Model {
        fallbacks: None,
        ..shown(fallback.endpoint)
    });
    Model {
        fallbacks: Some(fallbacks.collect()),
        provider: endpoint.provider,
        base_url: endpoint.base_url,
        model: endpoint.model,
        time_limit_seconds: endpoint.time_limit_seconds,
        context_tokens: endpoint.context_tokens,
        api_key: endpoint.key_shown,
    }
}

/// The endpoint as it is stored, with its sealed key.
pub(crate) async fn read(
    api: &AdminApi,
    seat: &Seat,
    chatbot: ChatbotId,
    mut input: ModelInput,
    kept: Option<(ModelEndpoint, Option<Vec<u8>>)>,
) -> Result<(Option<ModelEndpoint>, Option<Vec<u8>>), Problem> {
    let fallbacks = input.fallbacks.take().unwrap_or_default();
    let (stored, stored_key) = kept.unzip();
    let stored_fallbacks = stored
        .as_ref()
        .map(|stored| stored.fallbacks.clone())
        .unwrap_or_default();
    if fallbacks.len() > MOST_FALLBACKS {
        return Err(Problem::invalid(
            "model.fallbacks",
            format!("at most {MOST_FALLBACKS} fallbacks; got {}", fallbacks.len()),
        ));
    }

    let (mut endpoint, given) = address("model", input)?;
    let kept = stored.zip(stored_key.flatten());
    let place = Place {
        row: chatbot.as_uuid(),
        column: MODEL_KEY_COLUMN,
    };
    let key = match (given, kept) {
        (Given::Kept, Some((stored, sealed))) if same_address(&stored, &endpoint) => {
            endpoint.key_shown = stored.key_shown;
            Some(sealed)
        }
        (Given::Kept, Some(_)) => return Err(moved("model")),
        (Given::Kept | Given::None, _) => None,
        (Given::New(key), _) => Some(seal(api, seat, "model", &mut endpoint, &key, place).await?),
    };
    for (at, fallback) in fallbacks.into_iter().enumerate() {
        let field = format!("model.fallbacks.{at}");
        endpoint
            .fallbacks
            .push(read_fallback(api, seat, &field, fallback, &stored_fallbacks).await?);
    }
    Ok((Some(endpoint), key))
}

async fn read_fallback(
    api: &AdminApi,
    seat: &Seat,
    field: &str,
    input: ModelInput,
    stored: &[FallbackModel],
) -> Result<FallbackModel, Problem> {
    if input.fallbacks.is_some() {
        let detail = "a fallback has no fallbacks of its own; put them behind it";
        return Err(Problem::invalid(format!("{field}.fallbacks"), detail));
    }
    let (mut endpoint, given) = address(field, input)?;
    let here = || {
        stored
            .iter()
            .filter(|stored| same_address(&stored.endpoint, &endpoint))
    };
    // Of two at one address the one with the same model, for two accounts may be meant.
    let kept = here()
        .find(|stored| stored.endpoint.model == endpoint.model)
        .or_else(|| here().next());
    let id = Uuid::now_v7();
    let (id, key) = match given {
        Given::Kept => match kept.cloned() {
            Some(kept) => {
                endpoint.key_shown = kept.endpoint.key_shown;
                (kept.id, kept.key)
            }
            None if stored.iter().any(|stored| stored.key.is_some()) => return Err(moved(field)),
            None => (id, None),
        },
        Given::None => (id, None),
        Given::New(key) => {
            let place = Place {
                row: id,
                column: FALLBACK_KEY_COLUMN,
            };
            let sealed = seal(api, seat, field, &mut endpoint, &key, place).await?;
            (id, Some(SealedKey(sealed)))
        }
    };
    Ok(FallbackModel { id, endpoint, key })
}

/// What was typed as a key.
enum Given {
    /// Nothing: the stored one stays.
    Kept,
    /// That there is none.
    None,
    New(SecretString),
}

/// The endpoint without its key and its fallbacks.
fn address(field: &str, input: ModelInput) -> Result<(ModelEndpoint, Given), Problem> {
    let named = |name: &str| format!("{field}.{name}");
    let provider = match input.provider.as_deref() {
        None => Provider::default(),
        Some(name) => Provider::named(name).ok_or_else(|| {
            let names = Provider::ALL.map(Provider::name).join(", ");
            Problem::invalid(named("provider"), format!("provider is one of {names}"))
        })?,
    };
    let typed = input.base_url.as_deref().filter(|url| !url.trim().is_empty());
    let Some(url) = typed.or(provider.usual_base_url()) else {
        let detail = "an OpenAI-compatible API has no usual address: send base_url";
        return Err(Problem::invalid(named("base_url"), detail));
    };
    let context_tokens = input
        .context_tokens
        .map(|tokens| input::number(named("context_tokens"), tokens, LEAST_CONTEXT, MOST_CONTEXT))
        .transpose()?;
    let endpoint = ModelEndpoint {
        provider: provider.name().to_owned(),
        base_url: base_url(&named("base_url"), url)?,
        model: input::line("model.model", &input.model, 200)?,
        time_limit_seconds: input::number(
            named("time_limit_seconds"),
            input.time_limit_seconds.unwrap_or(USUAL_TIME_LIMIT),
            1,
            120,
        )?,
        context_tokens,
        key_shown: None,
        fallbacks: Vec::new(),
    };
    let given = match input.api_key {
        None => Given::Kept,
        Some(None) => Given::None,
        Some(Some(key)) => Given::New(key),
    };
    Ok((endpoint, given))
}

fn same_address(one: &ModelEndpoint, other: &ModelEndpoint) -> bool {
    (&one.provider, &one.base_url) == (&other.provider, &other.base_url)
}

fn moved(field: &str) -> Problem {
    Problem::invalid(
        format!("{field}.api_key"),
        "the address changed: send the api_key for it, or null for none",
    )
}

async fn seal(
    api: &AdminApi,
    seat: &Seat,
    field: &str,
    endpoint: &mut ModelEndpoint,
    key: &SecretString,
    place: Place,
) -> Result<Vec<u8>, Problem> {
    let plain = key.expose_secret().trim();
    if plain.is_empty() || plain.len() > 1_000 || !plain.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Problem::invalid(
            format!("{field}.api_key"),
            "an api_key is 1 to 1000 visible ASCII characters; send null for none",
        ));
    }
    endpoint.key_shown = Some(crate::credentials::last_four(plain));
    Ok(api
        .keyring()
        .seal(seat.workspace, place, plain.as_bytes())
        .await?)
}

fn base_url(field: &str, given: &str) -> Result<String, Problem> {
    let refused = |detail: &'static str| Problem::invalid(field.to_owned(), detail);
    let url = Url::parse(given.trim())
        .map_err(|_| refused("base_url must be an address like https://api.openai.com/v1"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refused(
            "base_url must begin with https:// or http:// and name a host",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "base_url must not hold a user or password; send the key as api_key",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("base_url must not have a query or fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_or_a_query_is_refused() {
        let base_url = |given| base_url("model.base_url", given);
        assert_eq!(
            base_url("https://api.openai.com/v1/").unwrap(),
            "https://api.openai.com/v1"
        );
        assert!(base_url("http://127.0.0.1:11434/v1").is_ok());
        for bad in [
            "openai",
            "ftp://a/v1",
            "https://user:pw@a/v1",
            "https://a/v1?key=1",
            "file:///etc/passwd",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
