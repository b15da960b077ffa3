//! A chatbot's models, opened with their keys.

use crate::installation::Installation;
use models::{Chain, Endpoint, Models, Provider};
use secrecy::SecretString;
use store::chatbots::{Chatbot, FALLBACK_KEY_COLUMN, MODEL_KEY_COLUMN, ModelEndpoint};
use vault::{Keyring, Place};

/// The chatbot's own models in their order, or the installation's.
pub async fn of(bot: &Chatbot, installation: &Installation, keyring: &Keyring) -> Chain {
    let Some(own) = &bot.model else {
        return installation.chain().await;
    };
    let models = installation.models();
    let mut chain = models.chain();
    let place = Place {
        row: bot.id.as_uuid(),
        column: MODEL_KEY_COLUMN,
    };
    extend(
        &mut chain,
        bot,
        models,
        keyring,
        own,
        place,
        bot.model_key.as_deref(),
    )
    .await;
    for fallback in &own.fallbacks {
        let place = Place {
            row: fallback.id,
            column: FALLBACK_KEY_COLUMN,
        };
        let sealed = fallback.key.as_ref().map(|key| key.0.as_slice());
        extend(
            &mut chain,
            bot,
            models,
            keyring,
            &fallback.endpoint,
            place,
            sealed,
        )
        .await;
    }
    chain
}

async fn extend(
    chain: &mut Chain,
    bot: &Chatbot,
    models: &Models,
    keyring: &Keyring,
    stored: &ModelEndpoint,
    place: Place,
    sealed: Option<&[u8]>,
) {
    let Some(provider) = Provider::named(&stored.provider) else {
        let why = format!("{:?} is no provider that this version knows", stored.provider);
        chain.push_unusable(Provider::default(), &stored.model, why);
        return;
    };
    let key: Option<SecretString> = match sealed {
        None => None,
        Some(sealed) => match keyring.open_text(bot.workspace, place, sealed).await {
            Ok(key) => Some(key),
            Err(error) => return chain.push_unusable(provider, &stored.model, error.to_string()),
        },
    };
    let endpoint = Endpoint {
        provider,
        base_url: stored.base_url.clone(),
        model: stored.model.clone(),
        time_limit_seconds: Some(stored.time_limit_seconds.into()),
        context_tokens: stored
            .context_tokens
            .and_then(|tokens| usize::try_from(tokens).ok()),
    };
    models.extend(chain, &endpoint, key);
}
