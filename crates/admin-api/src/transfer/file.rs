//! A chatbot as one file: all that its owner wrote, without any key and without the bytes of files.

use crate::{
    chatbots::ModelInput,
    conduct::HandoffSettings,
    golden::GoldenInput,
    knowledge::RetrievalSettings,
    problem::{Kind, Problem},
    sources::NewSource,
};
use models::Provider;
use serde::{Deserialize, Serialize};
use store::{chatbots::ModelEndpoint, widgets::WidgetSettings};

/// The only form that there is so far.
pub(super) const FORM: u32 = 1;

/// A chatbot as one file. What is left out is not touched; of a new chatbot it is as usual.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BotFile {
    /// The form of the file.
    pub botsmith: u32,
    pub chatbot: ChatbotFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<RetrievalSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandoffSettings>,
    /// Hosts to which answers may link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widget: Option<WidgetSettings>,
    #[serde(default)]
    pub golden_questions: Vec<GoldenInput>,
    /// Texts, questions with answers, pages and sites.
    #[serde(default)]
    pub sources: Vec<NewSource>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChatbotFile {
    pub name: String,
    #[serde(default)]
    pub instructions: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_answer_age_seconds: Option<i32>,
    /// Left out: it quotes its knowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelFile>,
}

/// A model without its key: whoever imports it gives one, or has one for the same address.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<ModelFile>,
}

impl From<ModelEndpoint> for ModelFile {
    fn from(endpoint: ModelEndpoint) -> Self {
        let fallbacks = endpoint.fallbacks.into_iter();
        Self {
            provider: Some(endpoint.provider),
            base_url: Some(endpoint.base_url),
            model: endpoint.model,
            time_limit_seconds: Some(endpoint.time_limit_seconds),
            context_tokens: endpoint.context_tokens,
            fallbacks: fallbacks.map(|fallback| fallback.endpoint.into()).collect(),
        }
    }
}

impl ModelFile {
    /// As it is sent; keys stay where the address does.
    pub(super) fn input(self, kept: Option<&ModelEndpoint>) -> ModelInput {
        let stays = kept.is_some_and(|kept| self.is_at(kept));
        let fallbacks = self.fallbacks.into_iter().map(|fallback| {
            let known = kept
                .into_iter()
                .flat_map(|kept| &kept.fallbacks)
                .find(|known| fallback.is_at(&known.endpoint));
            ModelInput {
                fallbacks: None,
                ..fallback.input(known.map(|known| &known.endpoint))
            }
        });
        ModelInput {
            fallbacks: Some(fallbacks.collect()),
            provider: self.provider,
            base_url: self.base_url,
            model: self.model,
            time_limit_seconds: self.time_limit_seconds,
            context_tokens: self.context_tokens,
            // Left out, the stored one stays; null: none.
            api_key: if stays { None } else { Some(None) },
        }
    }

    fn is_at(&self, endpoint: &ModelEndpoint) -> bool {
        let provider = self
            .provider
            .as_deref()
            .map_or(Some(Provider::default()), Provider::named);
        let url = self
            .base_url
            .as_deref()
            .map(|url| url.trim().trim_end_matches('/'));
        provider.is_some_and(|provider| {
            provider.name() == endpoint.provider
                && url.or(provider.usual_base_url()) == Some(endpoint.base_url.as_str())
        })
    }
}

/// Reads a file. Refused with the line where it cannot be read.
pub(super) fn read(body: &[u8]) -> Result<BotFile, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the file is not UTF-8 at byte {}", error.valid_up_to());
        Problem::new(Kind::Malformed, detail)
    })?;
    let file: BotFile = serde_saphyr::from_str(text).map_err(|error| {
        let plain = error.without_snippet().to_string();
        let detail = match error.location() {
            Some(at) if !plain.contains("line ") => format!("line {}: {plain}", at.line()),
            _ => plain,
        };
        Problem::new(Kind::Invalid, crate::input::without_values(&detail))
    })?;
    if file.botsmith != FORM {
        let detail = format!("botsmith: this installation reads files of form {FORM}");
        return Err(Problem::invalid("botsmith", detail));
    }
    Ok(file)
}

/// The file's text.
pub(super) fn write(file: &BotFile) -> Result<String, Problem> {
    serde_saphyr::to_string(file).map_err(|error| Problem::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "botsmith: 1
chatbot:
  name: Help
  instructions: |
    Be brief.
    # no heading: 'quoted' \"twice\"
  model: {provider: openai, base_url: https://api.openai.com/v1, model: m}
retrieval: {top_k: 3}
golden_questions:
- question: When do you open?
  words: [nine]
sources:
- title: Hours
  text: \"We open at nine.\\n\\n  yes: no\\n\"
- url: https://a.example/
  site: {exclude: [/old/*]}
";

    #[test]
    fn what_is_written_is_read_again_just_so() {
        let file = read(WHOLE.as_bytes()).unwrap();
        let written = write(&file).unwrap();

        let again = read(written.as_bytes()).unwrap();

        let json = |file: &BotFile| serde_json::to_value(file).unwrap();
        assert_eq!(json(&again), json(&file), "{written}");
        assert_eq!(
            again.chatbot.instructions,
            "Be brief.\n# no heading: 'quoted' \"twice\"\n"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, named) in [
            ("botsmith: 1\nchatbot:\n  name: Help\n  colour: red\n", "line 4"),
            ("botsmith: 1\nchatbot:\n  name: [Help\n", "line "),
            ("botsmith: 1\nchatbot: {}\n", "name"),
            ("botsmith: 2\nchatbot: {name: Help}\n", "form 1"),
            (
                "botsmith: 1\nchatbot:\n  name: Help\n  model: {model: m, api_key: sk-canary}\n",
                "api_key",
            ),
        ] {
            let detail = read(text.as_bytes()).err().unwrap().detail();
            assert!(
                detail.contains(named) && !detail.contains("canary"),
                "{text}: {detail}"
            );
        }
    }

    #[test]
    fn a_key_stays_with_its_address_only() {
        let kept: ModelEndpoint = serde_json::from_value(serde_json::json!({
            "provider": "openai", "base_url": "https://api.openai.com/v1", "model": "m", "time_limit_seconds": 30,
        }))
        .unwrap();
        let model = |url: Option<&str>| ModelFile {
            provider: Some("openai".to_owned()),
            base_url: url.map(str::to_owned),
            model: "other".to_owned(),
            time_limit_seconds: None,
            context_tokens: None,
            fallbacks: Vec::new(),
        };

        assert!(model(None).input(Some(&kept)).api_key.is_none());
        assert!(
            model(Some("https://api.openai.com/v1/"))
                .input(Some(&kept))
                .api_key
                .is_none()
        );
        let moved = model(Some("https://evil.example")).input(Some(&kept));
        assert!(matches!(moved.api_key, Some(None)));
    }
}
