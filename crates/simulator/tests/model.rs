//! The simulated model answers as OpenAI's API does, and fails as it is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use simulator::{
    Service, Settings,
    model::{Behaviour, token},
};
use std::time::{Duration, Instant};

struct World {
    service: Service,
    http: reqwest::Client,
}

impl World {
    async fn start(behaviour: Behaviour) -> Self {
        let service = Service::start(Settings::default()).await.unwrap();
        service.model().behave(behaviour);
        Self {
            service,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn ask(&self, stream: bool) -> Result<reqwest::Response, reqwest::Error> {
        let question = format!("Are you open? {}", token(7));
        let body = json!({
            "model": "m", "stream": stream, "stream_options": {"include_usage": true},
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}],
        });
        let url = format!("{}/v1/chat/completions", self.service.url());
        self.http.post(url).bearer_auth("key").json(&body).send().await
    }
}

#[tokio::test]
async fn an_answer_comes_whole_after_its_latency() {
    let world = World::start(Behaviour::echo(Duration::from_millis(150))).await;
    let began = Instant::now();

    let answer: Value = world.ask(false).await.unwrap().json().await.unwrap();

    assert!(began.elapsed() >= Duration::from_millis(150));
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        format!("Heard {}.", token(7))
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["prompt_tokens"], 6);
    assert_eq!(world.service.model().asked()[0].body["model"], "m");
}

#[tokio::test]
async fn an_answer_comes_word_by_word_and_ends_with_done() {
    let world = World::start(Behaviour::fixed("Nine to five.")).await;

    let text = world.ask(true).await.unwrap().text().await.unwrap();

    let events: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(*events.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "Nine to five.");
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn a_cut_answer_ends_in_the_middle() {
    let world = World::start(Behaviour {
        cut_share: 1.0,
        ..Behaviour::fixed("One two three four five six.")
    })
    .await;

    let streamed = world.ask(true).await;
    let text = match streamed {
        Ok(response) => response.text().await,
        Err(error) => Err(error),
    };
    assert!(text.is_err(), "the stream ended as if it were whole");
    assert!(world.ask(false).await.is_err());
}

#[tokio::test]
async fn errors_silence_and_a_wrong_key_happen_when_told() {
    let world = World::start(Behaviour {
        error_share: 1.0,
        error_status: 503,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(world.ask(false).await.unwrap().status(), 503);

    world.service.model().behave(Behaviour {
        api_key: Some("other".into()),
        ..Behaviour::default()
    });
    assert_eq!(world.ask(false).await.unwrap().status(), 401);

    world.service.model().behave(Behaviour {
        silent_share: 1.0,
        ..Behaviour::default()
    });
    assert!(
        tokio::time::timeout(Duration::from_millis(200), world.ask(false))
            .await
            .is_err()
    );
}
