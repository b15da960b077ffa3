//! The made-up shop, as its owner would have typed it in.

use anyhow::Context;
use domain::{ChatbotId, SourceId};
use store::{
    chatbots::ChatbotSettings,
    sources::{Content, NewSource, Pair},
};

const TEXT: &str = include_str!("../../demo/shop.md");
const QUESTIONS: &str = include_str!("../../demo/questions.json");

/// The bot.
pub fn chatbot() -> ChatbotSettings {
    ChatbotSettings {
        name: "Fern & Kettle (demo)".to_owned(),
        instructions:
            "You answer customers of Fern & Kettle, a shop for plants and tea. Be brief and friendly."
                .to_owned(),
        fallback_text:
            "I don't know that, sorry. Ask us about plants, tea, opening hours, delivery or returns."
                .to_owned(),
        model: None,
        model_key: None,
        max_answer_age_seconds: 3600,
    }
}

/// What it knows, one source of each kind.
pub fn sources(chatbot: ChatbotId) -> anyhow::Result<[NewSource; 2]> {
    let pairs: Vec<Pair> = serde_json::from_str(QUESTIONS).context("the demo's questions")?;
    let source = |title: &str, content| NewSource {
        id: SourceId::new(),
        chatbot,
        title: title.to_owned(),
        content,
        refresh_hours: None,
    };
    Ok([
        source("About Fern & Kettle", Content::Text(TEXT.to_owned())),
        source("Questions that customers ask", Content::Qa(pairs)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_knows_something_of_each_kind() {
        let [text, questions] = sources(ChatbotId::new()).unwrap();

        assert!(matches!(text.content, Content::Text(text) if text.contains("Sundays")));
        assert!(matches!(questions.content, Content::Qa(pairs) if pairs.len() >= 3));
    }
}
