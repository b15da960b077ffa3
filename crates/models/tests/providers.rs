//! Each provider's API, as the simulator speaks it: answers whole and in pieces, and every way not to get one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use domain::{ChunkId, DocumentId, Passage, PassageSignals};
use models::{Answer, Ask, Endpoint, Model, ModelError, Models, Provider};
use serde_json::json;
use simulator::{
    Service, Settings,
    model::{Behaviour, Provider as Played, Trouble},
};
use std::time::Duration;

const KEY: &str = "key-very-secret-0815";

/// Every API, and who plays it.
const APIS: [(Provider, Played); 5] = [
    (Provider::OpenAi, Played::OpenAi),
    (Provider::OpenAiCompatible, Played::OpenAi),
    (Provider::Anthropic, Played::Anthropic),
    (Provider::Gemini, Played::Gemini),
    (Provider::Ollama, Played::Ollama),
];

struct World {
    service: Service,
    models: Models,
}

impl World {
    async fn new() -> Self {
        let settings = json!({
            "time_limit_seconds": 20, "first_byte_seconds": 1, "max_tokens": 300, "prompt_tokens": 4000,
            "allowed_private_cidrs": "127.0.0.0/8",
        });
        Self {
            service: Service::start(Settings::default()).await.unwrap(),
            models: Models::open(&serde_json::from_value(settings).unwrap()).unwrap(),
        }
    }

    fn model(&self, (provider, played): (Provider, Played)) -> Model {
        let endpoint = Endpoint {
            provider,
            base_url: format!("{}{}", self.service.url(), played.path()),
            model: "simulated".to_owned(),
            time_limit_seconds: Some(2),
            context_tokens: None,
        };
        self.models.of_chatbot(&endpoint, Some(KEY.into())).unwrap()
    }

    fn behave(&self, behaviour: Behaviour) {
        self.service.model().behave(Behaviour {
            api_key: Some(KEY.to_owned()),
            ..behaviour
        });
    }

    /// Both ways of asking every API, each with what came.
    async fn ask_all(&self) -> Vec<(Provider, bool, Result<Answer, ModelError>)> {
        let mut outcomes = Vec::new();
        for api in APIS {
            let model = self.model(api);
            outcomes.push((api.0, false, ask(&model, None).await));
            outcomes.push((api.0, true, ask(&model, Some(&mut |_: &str| ())).await));
        }
        outcomes
    }
}

async fn ask(model: &Model, heard: Option<&mut (dyn FnMut(&str) + Send)>) -> Result<Answer, ModelError> {
    let text = "We ship in two days.";
    let passages = [Passage {
        chunk: ChunkId::new(),
        document: DocumentId::new(),
        title: "Terms".to_owned(),
        heading: String::new(),
        url: None,
        text: text.to_owned(),
        question: None,
        score: 1.0,
        signals: PassageSignals::default(),
        quote: 0..text.len(),
        quote_score: 1.0,
    }];
    let ask = Ask {
        chatbot: "Helper",
        instructions: "",
        passages: &passages,
        history: &[],
        question: "How long?",
        toolbox: Default::default(),
        task: Default::default(),
    };
    match heard {
        None => model.answer(&ask).await,
        Some(heard) => model.answer_aloud(&ask, heard).await,
    }
}

#[tokio::test]
async fn every_provider_answers_whole_and_in_pieces_with_citations_and_cost() {
    let world = World::new().await;
    world.behave(Behaviour::fixed("Two days [1], really [7]."));

    for (provider, streamed, outcome) in world.ask_all().await {
        let answer = outcome.unwrap_or_else(|error| panic!("{provider}, streamed {streamed}: {error}"));

        assert_eq!(answer.text, "Two days [1], really.", "{provider}");
        assert_eq!(answer.citations, [0]);
        assert_eq!(answer.tokens_out, Some(5), "{provider}, streamed {streamed}");
        assert!(answer.tokens_in.is_some_and(|tokens| tokens > 50), "{provider}");
    }
}

#[tokio::test]
async fn every_provider_is_heard_while_it_writes() {
    let world = World::new().await;
    world.behave(Behaviour::fixed("Two days [1]. Free."));
    for api in APIS {
        let mut heard = Vec::new();

        let model = world.model(api);
        ask(&model, Some(&mut |text: &str| heard.push(text.to_owned())))
            .await
            .unwrap();

        assert!(heard.len() > 2, "{}: {heard:?}", api.0);
        assert!(
            heard.iter().all(|text| "Two days. Free.".starts_with(text)),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn every_provider_is_told_the_rules_the_passages_and_how_long_an_answer_may_be() {
    let world = World::new().await;
    world.behave(Behaviour::fixed("Two days [1]."));
    for api in APIS {
        ask(&world.model(api), None).await.unwrap();

        let asked = world.service.model().asked().pop().unwrap();
        let sent = asked.body.to_string();
        assert_eq!(asked.provider, api.1);
        assert!(sent.contains("Answer only from the numbered passages"), "{sent}");
        assert!(sent.contains("We ship in two days."), "{sent}");
        assert!(!sent.contains(KEY), "the key is in the body");
        let limit = match api.0 {
            Provider::OpenAi => &asked.body["max_completion_tokens"],
            Provider::OpenAiCompatible | Provider::Anthropic => &asked.body["max_tokens"],
            Provider::Gemini => &asked.body["generationConfig"]["maxOutputTokens"],
            Provider::Ollama => &asked.body["options"]["num_predict"],
        };
        let with_thoughts = match api.0 {
            Provider::Gemini | Provider::OpenAi => 1324,
            _ => 300,
        };
        assert_eq!(*limit, json!(with_thoughts), "{}", api.0);
    }
    let asked = world.service.model().asked().pop().unwrap();
    assert_eq!(asked.body["options"]["num_ctx"], 4300);
}

#[tokio::test]
async fn every_kind_of_trouble_has_its_name_whoever_provides_the_model() {
    let world = World::new().await;
    for (trouble, whole, pieces) in [
        (Trouble::RateLimited, "rate_limited", "rate_limited"),
        (Trouble::Overloaded, "overloaded", "overloaded"),
        (Trouble::TooLong, "too_long", "too_long"),
        (Trouble::Blocked, "blocked", "blocked"),
        (Trouble::Garbage, "bad_response", "bad_response"),
        (Trouble::Nothing, "bad_response", "bad_response"),
        (Trouble::Half, "bad_response", "cut_off"),
        (Trouble::Hanging, "timeout", "silent"),
    ] {
        world.behave(Behaviour {
            answer: Behaviour::fixed("One two three four five six.").answer,
            ..Behaviour::in_trouble(trouble)
        });

        for (provider, streamed, outcome) in world.ask_all().await {
            let error = outcome.expect_err("an answer out of trouble");

            let mut expected = if streamed { pieces } else { whole };
            let mut after = (trouble == Trouble::RateLimited).then_some(Duration::from_secs(7));
            if provider == Provider::Ollama && trouble == Trouble::Blocked {
                // A model of one's own has no rules but its own: it says nothing.
                (expected, after) = ("bad_response", None);
            }
            assert_eq!(
                error.name(),
                expected,
                "{provider}, streamed {streamed}, {trouble:?}"
            );
            assert_eq!(error.retry_after(), after, "{provider}, {trouble:?}");
        }
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_has_its_name() {
    let world = World::new().await;
    world.behave(Behaviour {
        answer: Behaviour::fixed("One two three four five six.").answer,
        ..Behaviour::in_trouble(Trouble::Broken)
    });
    for api in APIS {
        let error = ask(&world.model(api), Some(&mut |_: &str| ())).await.unwrap_err();

        let expected = match api.0 {
            Provider::Anthropic | Provider::Gemini => "overloaded",
            _ => "unavailable",
        };
        assert_eq!(error.name(), expected, "{}", api.0);
    }
}

#[tokio::test]
async fn a_line_that_goes_dead_is_no_answer() {
    let world = World::new().await;
    world.behave(Behaviour {
        cut_share: 1.0,
        ..Behaviour::fixed("One two three four five six.")
    });

    for (provider, streamed, outcome) in world.ask_all().await {
        let name = outcome.unwrap_err().name();

        let expected = if streamed { "cut_off" } else { "unavailable" };
        assert_eq!(name, expected, "{provider}, streamed {streamed}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_named_and_in_no_error() {
    let world = World::new().await;
    world.service.model().behave(Behaviour {
        api_key: Some("another".to_owned()),
        ..Behaviour::default()
    });

    for (provider, streamed, outcome) in world.ask_all().await {
        let error = outcome.unwrap_err();

        assert_eq!(error, ModelError::Unauthorized, "{provider}, streamed {streamed}");
        assert!(!format!("{error} {error:?}").contains("very-secret"));
    }
    for api in APIS {
        let Model::Remote(model) = world.model(api) else {
            panic!("not an endpoint")
        };
        assert!(!format!("{model:?}").contains("very-secret"), "a key was printed");
    }
}

#[tokio::test]
async fn a_server_that_fails_or_says_nothing_is_given_up_in_time() {
    let world = World::new().await;
    world.behave(Behaviour {
        error_share: 1.0,
        ..Behaviour::default()
    });
    for (provider, _, outcome) in world.ask_all().await {
        assert_eq!(outcome, Err(ModelError::Unavailable), "{provider}");
    }
    world.behave(Behaviour {
        silent_share: 1.0,
        ..Behaviour::default()
    });
    for (provider, streamed, outcome) in world.ask_all().await {
        let expected = if streamed {
            ModelError::Silent(Duration::from_secs(1))
        } else {
            ModelError::Timeout(Duration::from_secs(2))
        };
        assert_eq!(outcome, Err(expected), "{provider}");
    }
    // A slow writer has begun in time, and is given up all the same.
    world.behave(Behaviour {
        word_ms: 300,
        ..Behaviour::fixed("word ".repeat(50))
    });
    let error = ask(&world.model(APIS[2]), Some(&mut |_: &str| ()))
        .await
        .unwrap_err();
    assert_eq!(error, ModelError::Timeout(Duration::from_secs(2)));
}

#[test]
fn an_address_is_the_providers_usual_one_unless_it_is_said() {
    let settings = json!({"time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000});
    let models = Models::open(&serde_json::from_value(settings).unwrap()).unwrap();
    let endpoint = |provider| Endpoint {
        provider,
        base_url: String::new(),
        model: "m".to_owned(),
        time_limit_seconds: None,
        context_tokens: None,
    };

    for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Gemini] {
        assert!(models.check(&endpoint(provider)).is_ok(), "{provider}");
    }
    assert!(models.check(&endpoint(Provider::OpenAiCompatible)).is_err());
    // This machine is not a chatbot's to reach.
    assert!(models.check(&endpoint(Provider::Ollama)).is_err());
    let small = Endpoint {
        context_tokens: Some(1000),
        ..endpoint(Provider::OpenAi)
    };
    let error = models.check(&small).unwrap_err().to_string();
    assert!(error.contains("at least 1100"), "{error}");
}

#[test]
fn the_installation_may_have_any_provider() {
    let with = |provider: &str, base_url: &str, model: &str| {
        let settings = json!({
            "provider": provider, "base_url": base_url, "model": model, "time_limit_seconds": 20, "max_tokens": 300,
            "prompt_tokens": 4000,
        });
        Models::open(&serde_json::from_value(settings).unwrap()).map(|models| models.of_installation())
    };

    assert!(matches!(
        with("openai_compatible", "", "").unwrap(),
        Model::Extractive
    ));
    let Model::Remote(claude) = with("anthropic", "", "claude").unwrap() else {
        panic!("not an endpoint")
    };
    assert_eq!(
        (claude.provider(), claude.name()),
        (Provider::Anthropic, "claude")
    );
    let error = with("gemini", "", "").err().unwrap();
    assert!(error.to_string().contains("model"), "{error}");
}
