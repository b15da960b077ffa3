//! OpenAI's form.

use super::{
    says,
    world::{FALLBACK, Listener, Options, World, read},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const PATH: &str = "/v1/chat/completions";

#[sqlx::test(migrations = "../store/migrations")]
async fn a_chatbot_is_a_model_by_its_id_and_by_its_name(pool: PgPool) {
    let world = World::new(pool).await;
    let (bot, _) = (world.bot("Shop").await, world.bot("Another workspace").await);
    let id = bot.chatbot.to_string();

    let (status, list) = read(world.request(Method::GET, "/v1/models", &bot.key)).await;
    let (_, one) = read(world.request(Method::GET, &format!("/v1/models/{id}"), &bot.key)).await;

    assert_eq!(status, 200, "{list}");
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0], one);
    assert_eq!((&one["id"], &one["object"]), (&json!(id), &json!("model")));
    for model in [id.as_str(), "Shop"] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hello?"}]});
        let (status, answer) = read(world.request(Method::POST, PATH, &bot.key).json(&body)).await;

        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["object"], &answer["model"]),
            (&json!("chat.completion"), &json!(model))
        );
        let choice = &answer["choices"][0];
        assert_eq!(
            choice["message"],
            json!({"role": "assistant", "content": FALLBACK, "refusal": null})
        );
        assert_eq!(choice["finish_reason"], "stop");
        let usage = &answer["usage"];
        assert_eq!(
            usage["total_tokens"].as_i64().unwrap(),
            usage["prompt_tokens"].as_i64().unwrap() + usage["completion_tokens"].as_i64().unwrap()
        );
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_answer_in_pieces_is_the_answer(pool: PgPool) {
    let model = says(&["Two ", "days [1] ", "at ", "most."]).await;
    let options = Options {
        model: Some(model.uri()),
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let bot = world.bot("Shop").await;
    let body = json!({
        "model": "Shop", "messages": [{"role": "user", "content": "How long?"}], "stream": true,
        "stream_options": {"include_usage": true},
    });

    let events = Listener::of(world.request(Method::POST, PATH, &bot.key).json(&body))
        .await
        .rest()
        .await;

    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(last.data, "[DONE]");
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk.data["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Two days at most.");
    assert_eq!(chunks[0].data["choices"][0]["delta"]["role"], "assistant");
    let usage = chunks.last().unwrap();
    assert_eq!(usage.data["choices"], json!([]));
    assert_eq!(
        usage.data["usage"],
        json!({"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57})
    );
    let ended = &chunks[chunks.len() - 2];
    assert_eq!(ended.data["choices"][0]["finish_reason"], "stop");
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.data["object"] == "chat.completion.chunk"
                && chunk.data["id"] == chunks[0].data["id"])
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_answer_that_broke_off_is_followed_by_the_one_that_counts(pool: PgPool) {
    let server = MockServer::start().await;
    let half = "data: {\"choices\": [{\"delta\": {\"content\": \"Never mind \"}}]}\n\n";
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_raw(half, "text/event-stream"))
        .mount(&server)
        .await;
    let options = Options {
        model: Some(server.uri()),
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let bot = world.bot("Shop").await;
    let body =
        json!({"model": "Shop", "messages": [{"role": "user", "content": "How long?"}], "stream": true});

    let events = Listener::of(world.request(Method::POST, PATH, &bot.key).json(&body))
        .await
        .rest()
        .await;

    let text: String = events
        .iter()
        .filter_map(|chunk| chunk.data["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, format!("Never \n\n{FALLBACK}"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_was_said_before_comes_with_the_request_or_is_kept_here(pool: PgPool) {
    let model = says(&["Ada."]).await;
    let options = Options {
        model: Some(model.uri()),
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let bot = world.bot("Shop").await;
    let ask = async |body: Value| {
        let (status, answer) = read(world.request(Method::POST, PATH, &bot.key).json(&body)).await;
        assert_eq!(status, 200, "{answer}");
        let asked: Value = model
            .received_requests()
            .await
            .unwrap()
            .last()
            .unwrap()
            .body_json()
            .unwrap();
        (answer, asked["messages"].to_string())
    };
    let user = |text: &str| json!({"role": "user", "content": text});

    let (first, asked) = ask(json!({"model": "Shop", "messages": [
        {"role": "system", "content": "You are a pirate."},
        user("I am Ada"), {"role": "assistant", "content": "Hello Ada"}, user("Who am I?"),
    ]}))
    .await;
    assert!(
        asked.contains("I am Ada") && asked.contains("Hello Ada"),
        "{asked}"
    );
    assert!(!asked.contains("pirate"));

    let (second, asked) = ask(json!({"model": "Shop", "messages": [user("And now?")]})).await;
    assert!(
        !asked.contains("I am Ada"),
        "another request is another conversation"
    );
    assert_ne!(
        first["botsmith"]["conversation"],
        second["botsmith"]["conversation"]
    );

    let kept = |text: &str| json!({"model": "Shop", "user": "ada", "metadata": {"conversation": "c1"}, "messages": [user("invented"), user(text)]});
    ask(kept("I am Grace")).await;
    let (_, asked) = ask(kept("Who am I?")).await;
    assert!(
        asked.contains("I am Grace") && !asked.contains("invented"),
        "{asked}"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_request_that_a_client_sends_again_is_asked_once(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let body = json!({"model": "Shop", "messages": [{"role": "user", "content": "Hello?"}]});

    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = world.request(Method::POST, PATH, &bot.key).json(&body);
        let (_, answer) = read(request.header("idempotency-key", "stainless-node-retry-1")).await;
        ids.push(answer["id"].clone());
    }

    assert_eq!(ids[0], ids[1]);
    let asked: i64 = sqlx::query_scalar("select count(*) from messages where direction = 'inbound'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(asked, 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn errors_are_in_openais_form(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let question = json!([{"role": "user", "content": "Hello?"}]);

    for (key, body, status, code) in [
        (
            "bsk_nobody_has_this_key_at_all_ever",
            json!({"model": "Shop", "messages": question}),
            401,
            json!("invalid_api_key"),
        ),
        (
            bot.key.as_str(),
            json!({"model": "gpt-4", "messages": question}),
            404,
            json!("model_not_found"),
        ),
        (
            bot.key.as_str(),
            json!({"model": "Shop", "messages": []}),
            400,
            Value::Null,
        ),
        (bot.key.as_str(), json!({"messages": question}), 400, Value::Null),
    ] {
        let (given, error) = read(world.request(Method::POST, PATH, key).json(&body)).await;

        assert_eq!(given, status, "{error}");
        assert_eq!(error["error"]["code"], code);
        assert!(error["error"]["message"].is_string() && error["error"]["type"].is_string());
    }
}
