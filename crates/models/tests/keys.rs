//! A model with several keys.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use models::{Ask, Asked, Endpoint, Models, Provider, Purse, Quote, Used};
use serde_json::json;
use std::{convert::Infallible, sync::Arc};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method},
};

struct Free;

impl Purse for Free {
    type Held = ();
    type Error = Infallible;

    async fn reserve(&self, _: Quote<'_>) -> Result<Result<(), String>, Infallible> {
        Ok(Ok(()))
    }

    async fn settle(&self, (): (), _: Used) -> Option<i64> {
        None
    }
}

struct World {
    server: MockServer,
    models: Models,
}

impl World {
    async fn new() -> Self {
        let settings = json!({
            "time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8",
        });
        Self {
            server: MockServer::start().await,
            models: Models::open(&serde_json::from_value(settings).unwrap()).unwrap(),
        }
    }

    /// What whoever shows this key hears.
    async fn hears(&self, key: &str, status: u16) {
        let answer = json!({"choices": [{"message": {"content": "Two days."}, "finish_reason": "stop"}]});
        Mock::given(method("POST"))
            .and(header("authorization", format!("Bearer {key}").as_str()))
            .respond_with(ResponseTemplate::new(status).set_body_json(answer))
            .mount(&self.server)
            .await;
    }

    /// Asks once, beginning with the key of this number.
    async fn ask(&self, keys: &[&str], turn: usize) -> Asked {
        let endpoint = Endpoint {
            provider: Provider::OpenAiCompatible,
            base_url: format!("{}/v1", self.server.uri()),
            model: "muse".to_owned(),
            time_limit_seconds: Some(2),
            context_tokens: None,
        };
        let keys: Vec<_> = keys
            .iter()
            .map(|&key| (Arc::from(format!("id of {key}")), key.into()))
            .collect();
        let mut chain = self.models.chain();
        self.models
            .extend_with_keys(&mut chain, &endpoint, &Arc::from("ours"), &keys, turn);
        let ask = Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &[],
            history: &[],
            question: "How long?",
            toolbox: Default::default(),
            task: Default::default(),
        };
        chain.ask(&ask, None, &Free).await.unwrap()
    }
}

fn outcomes(asked: &Asked) -> Vec<(&str, &str)> {
    let of_key = |key: &str| match key {
        "id of one" => "one",
        "id of two" => "two",
        _ => "other",
    };
    asked
        .path
        .iter()
        .map(|tried| (of_key(tried.key.as_deref().unwrap()), tried.outcome))
        .collect()
}

#[tokio::test]
async fn keys_are_used_in_turn() {
    let world = World::new().await;
    world.hears("one", 200).await;
    world.hears("two", 200).await;

    for (turn, key) in ["one", "two", "one"].into_iter().enumerate() {
        let asked = world.ask(&["one", "two"], turn).await;
        assert_eq!(outcomes(&asked), [(key, "answered")]);
        assert_eq!(asked.path[0].source.as_deref(), Some("ours"));
    }
}

#[tokio::test]
async fn a_key_that_is_refused_or_takes_no_more_rests_at_once_while_another_serves() {
    for (status, outcome) in [(401, "unauthorized"), (429, "rate_limited")] {
        let world = World::new().await;
        world.hears("one", status).await;
        world.hears("two", 200).await;

        let first = world.ask(&["one", "two"], 0).await;
        let second = world.ask(&["one", "two"], 0).await;

        assert_eq!(outcomes(&first), [("one", outcome), ("two", "answered")]);
        assert_eq!(outcomes(&second), [("one", "resting"), ("two", "answered")]);
        let of_one = world.server.received_requests().await.unwrap();
        let shown = |key: &str| {
            let all = of_one
                .iter()
                .filter_map(|request| request.headers.get("authorization"));
            all.filter(|value| value.to_str().unwrap() == format!("Bearer {key}"))
                .count()
        };
        assert_eq!((shown("one"), shown("two")), (1, 2));
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_is_not_asked_again_with_another_key() {
    let world = World::new().await;
    world.hears("one", 500).await;
    world.hears("two", 200).await;

    let asked = world.ask(&["one", "two"], 0).await;

    assert_eq!(outcomes(&asked), [("one", "unavailable")]);
    assert!(asked.answer.is_none());
}

#[tokio::test]
async fn an_address_in_a_private_network_that_the_operator_did_not_allow_is_not_asked() {
    let settings = json!({"time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000});
    let world = World {
        models: Models::open(&serde_json::from_value(settings).unwrap()).unwrap(),
        ..World::new().await
    };
    world.hears("one", 200).await;
    let asked = world.ask(&["one"], 0).await;

    assert_eq!(asked.path.len(), 1);
    assert_eq!(asked.path[0].outcome, "unusable");
    assert!(world.server.received_requests().await.unwrap().is_empty());
}
