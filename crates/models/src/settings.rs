//! Operator settings, section `[models]`.

use crate::{endpoint::Endpoint, provider::Provider};
use egress::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

/// A model that the installation asks when those before it fail.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackSettings {
    /// Whose API it speaks.
    #[serde(default)]
    pub provider: Provider,
    /// Where that API is; empty: where the provider's usually is.
    #[serde(default)]
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// The key for it; empty where none is needed.
    #[serde(default)]
    pub api_key: SecretString,
    /// How many tokens the model takes, prompt and answer together.
    #[serde(default)]
    pub context_tokens: Option<usize>,
}

impl FallbackSettings {
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            provider: self.provider,
            base_url: self.base_url.clone(),
            model: self.model.clone(),
            time_limit_seconds: None,
            context_tokens: self.context_tokens,
        }
    }
}

/// The installation's own model, and limits for all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whose API the endpoint speaks that chatbots without their own use.
    #[serde(default)]
    pub provider: Provider,
    /// Where that API is, for example `http://127.0.0.1:8000/v1`; empty: where the provider's usually is. An empty address
    /// of an OpenAI-compatible API means that there is none: such chatbots quote their best passage. Any host: the operator
    /// chose it.
    #[serde(default)]
    pub base_url: String,
    /// The model's name there.
    #[serde(default)]
    pub model: String,
    /// The key for it; empty where none is needed.
    #[serde(default)]
    pub api_key: SecretString,
    /// What is asked when that model fails, in this order.
    #[serde(default)]
    pub fallbacks: Vec<FallbackSettings>,
    /// How long an answer may take, from the first byte sent to the last received.
    pub time_limit_seconds: u64,
    /// How long the first byte may take of an answer that is shown while it is written.
    #[serde(default = "usual_first_byte_seconds")]
    pub first_byte_seconds: u64,
    /// How many tokens the model takes, prompt and answer together; 0: as many as `prompt_tokens` and `max_tokens`.
    #[serde(default)]
    pub context_tokens: usize,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// The longest prompt, in tokens.
    pub prompt_tokens: usize,
    /// Private networks that chatbots' own endpoints may be in, for example `10.0.5.0/24`; a list, or separated by commas.
    #[serde(default, deserialize_with = "networks")]
    pub allowed_private_cidrs: Vec<IpNet>,
}

const fn usual_first_byte_seconds() -> u64 {
    15
}

impl Settings {
    /// Whether chatbots without a model of their own quote their knowledge.
    pub(crate) fn quotes(&self) -> bool {
        self.provider == Provider::OpenAiCompatible && self.base_url.trim().is_empty()
    }

    /// The installation's own endpoint.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            provider: self.provider,
            base_url: self.base_url.clone(),
            model: self.model.clone(),
            time_limit_seconds: Some(self.time_limit_seconds),
            context_tokens: (self.context_tokens > 0).then_some(self.context_tokens),
        }
    }
}

/// As a list, as in a file, or as text, as in an environment variable.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        List(Vec<String>),
    }
    let given = match Given::deserialize(deserializer)? {
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
        Given::List(list) => list,
    };
    given
        .iter()
        .map(|net| net.trim())
        .filter(|net| !net.is_empty())
        .map(|net| {
            net.parse().map_err(|_| {
                de::Error::custom(format_args!(
                    "{net:?} is not a network; write it as 10.0.5.0/24 or fd00::/8"
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn networks_of(given: serde_json::Value) -> Result<Vec<IpNet>, String> {
        let mut settings = json!({"time_limit_seconds": 20, "max_tokens": 500, "prompt_tokens": 6000});
        settings["allowed_private_cidrs"] = given;
        serde_json::from_value::<Settings>(settings)
            .map(|s| s.allowed_private_cidrs)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn networks_come_as_a_list_or_as_text() {
        let expected: Vec<IpNet> = vec!["10.0.5.0/24".parse().unwrap(), "fd00::/8".parse().unwrap()];

        assert_eq!(networks_of(json!(["10.0.5.0/24", "fd00::/8"])).unwrap(), expected);
        assert_eq!(networks_of(json!("10.0.5.0/24, fd00::/8")).unwrap(), expected);
        assert_eq!(networks_of(json!("")).unwrap(), []);
    }

    #[test]
    fn what_is_no_network_is_named() {
        assert!(
            networks_of(json!("10.0.5.0/24,office"))
                .unwrap_err()
                .contains("\"office\" is not a network")
        );
    }
}
