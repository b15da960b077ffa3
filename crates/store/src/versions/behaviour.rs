//! What a chatbot's answers depend on, beside its knowledge.

use super::keys::Keys;
use crate::{
    StoreError,
    chatbots::{Chatbot, ChatbotSettings, ModelEndpoint},
    retrieval::Retrieval,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What a version says. As it is stored it holds no key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// Its name, which models are told.
    pub name: String,
    /// What it is told beside its knowledge.
    pub instructions: String,
    /// What it says when its knowledge has no answer.
    pub fallback_text: String,
    /// Its model.
    #[serde(default)]
    pub model: Option<ModelEndpoint>,
    /// An answer older than this is not sent any more.
    pub max_answer_age_seconds: i32,
    /// How its knowledge is searched.
    #[serde(default)]
    pub retrieval: Retrieval,
}

/// Instructions are their owner's: nothing of them is printed.
impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour").finish_non_exhaustive()
    }
}

/// A behaviour with the keys of its models: what a chatbot's row needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it says.
    pub behaviour: Behaviour,
    /// The sealed key of its model.
    pub model_key: Option<Vec<u8>>,
}

impl Candidate {
    /// What a chatbot does now.
    pub fn of(chatbot: &Chatbot, retrieval: Retrieval) -> Self {
        Self {
            behaviour: Behaviour {
                name: chatbot.name.clone(),
                instructions: chatbot.instructions.clone(),
                fallback_text: chatbot.fallback_text.clone(),
                model: chatbot.model.clone(),
                max_answer_age_seconds: chatbot.max_answer_age_seconds,
                retrieval,
            },
            model_key: chatbot.model_key.clone(),
        }
    }

    /// As a chatbot's row has it.
    pub fn settings(&self) -> ChatbotSettings {
        let Behaviour {
            name,
            instructions,
            fallback_text,
            model,
            max_answer_age_seconds,
            retrieval: _,
        } = self.behaviour.clone();
        ChatbotSettings {
            name,
            instructions,
            fallback_text,
            model,
            model_key: self.model_key.clone(),
            max_answer_age_seconds,
        }
    }

    /// The same chatbot, doing this instead.
    pub fn in_place_of(&self, chatbot: &Chatbot) -> Chatbot {
        let settings = self.settings();
        Chatbot {
            name: settings.name,
            instructions: settings.instructions,
            fallback_text: settings.fallback_text,
            model: settings.model,
            model_key: settings.model_key,
            max_answer_age_seconds: settings.max_answer_age_seconds,
            ..chatbot.clone()
        }
    }

    /// As it is stored: what it says, and apart from it the keys.
    pub fn split(&self) -> Result<(Value, Keys), StoreError> {
        let mut settings = serde_json::to_value(&self.behaviour)?;
        let keys = if settings["model"].is_object() {
            Keys::take(&mut settings["model"], self.model_key.as_deref())
        } else {
            Keys::default()
        };
        Ok((settings, keys))
    }

    /// From what is stored.
    pub fn join(mut settings: Value, keys: &Keys) -> Result<Self, StoreError> {
        let model_key = if settings["model"].is_object() {
            keys.put(&mut settings["model"])
        } else {
            None
        };
        Ok(Self {
            behaviour: serde_json::from_value(settings)?,
            model_key,
        })
    }
}
