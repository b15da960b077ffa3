//! The chat API over HTTP, with a real worker and real senders.

mod feedback;
mod openai;
mod visitors;
mod widget;
pub(crate) mod world;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
use world::{FALLBACK, Listener, Options, World, read};

/// A model that says this, in these pieces.
async fn says(pieces: &[&str]) -> MockServer {
    let mut body = String::new();
    for piece in pieces {
        let chunk = json!({"choices": [{"delta": {"content": piece}}]});
        body.push_str(&format!("data: {chunk}\n\n"));
    }
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 50, "completion_tokens": 7}});
    body.push_str(&format!("data: {usage}\n\ndata: [DONE]\n\n"));
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream"))
        .mount(&server)
        .await;
    server
}

fn texts(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["text"].as_str().unwrap())
        .collect()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_program_asks_and_hears_the_answer_and_goes_on_with_the_conversation(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;

    let (status, first) = world
        .write(&bot, &bot.key, json!({"text": "Hello?", "user": "ada"}))
        .await;
    let conversation = first["conversation"].as_str().unwrap();
    let (_, second) = world
        .write(
            &bot,
            &bot.key,
            json!({"text": "Again?", "user": "ada", "conversation": conversation}),
        )
        .await;
    let (_, list) = world
        .list(&bot, &bot.key, &format!("user=ada&conversation={conversation}"))
        .await;

    assert_eq!(status, 200, "{first}");
    assert_eq!(
        (&first["state"], &first["reply"]["text"]),
        (&json!("answered"), &json!(FALLBACK))
    );
    assert_eq!(second["conversation"], conversation);
    assert_eq!(texts(&list), ["Hello?", FALLBACK, "Again?", FALLBACK]);
    let (_, of_another) = world
        .list(&bot, &bot.key, &format!("user=eve&conversation={conversation}"))
        .await;
    assert!(
        texts(&of_another).is_empty(),
        "a conversation belongs to its user"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_answer_that_nobody_waits_for_is_read_later(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let question = json!({"text": "Hello?", "wait": "none", "id": "q-1"});

    let (status, accepted) = world.write(&bot, &bot.key, question.clone()).await;
    let (_, again) = world.write(&bot, &bot.key, question).await;

    assert_eq!(status, 202, "{accepted}");
    assert_eq!(accepted["message_id"], again["message_id"], "asked twice");
    let poll = accepted["poll"].as_str().unwrap();
    let mut list = Value::Null;
    for _ in 0..200 {
        (_, list) = read(world.request(Method::GET, poll, &bot.key)).await;
        if !texts(&list).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(texts(&list), [FALLBACK], "the poll begins after the question");
    let all = poll.split("&after").next().unwrap();
    let (_, list) = read(world.request(Method::GET, all, &bot.key)).await;
    assert_eq!(texts(&list), ["Hello?", FALLBACK]);
    assert_eq!(list["items"][0]["client_id"], "q-1");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_answer_is_heard_while_it_is_written(pool: PgPool) {
    let model = says(&["Two ", "days ", "at most."]).await;
    let options = Options {
        model: Some(model.uri()),
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let bot = world.bot("Shop").await;
    let path = format!("/api/chat/{}/messages", bot.chatbot);
    let asked = world.request(Method::POST, &path, &bot.key);

    let events = Listener::of(asked.json(&json!({"text": "How long?", "wait": "stream"})))
        .await
        .rest()
        .await;

    let kinds: Vec<_> = events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(kinds.first(), Some(&"accepted"));
    assert_eq!(kinds.last(), Some(&"done"));
    let of = |kind: &str| {
        events
            .iter()
            .filter(|event| event.event == kind)
            .collect::<Vec<_>>()
    };
    let drafts = of("draft");
    assert!(!drafts.is_empty(), "{kinds:?}");
    assert!(
        drafts
            .iter()
            .all(|draft| "Two days at most.".starts_with(draft.data["text"].as_str().unwrap()))
    );
    let messages = of("message");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].data["text"], "Two days at most.");
    assert_eq!(of("done")[0].data["state"], "answered");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let token = world.visitor(&bot).await;
    let mut listener = world.listen(&bot, &token, "").await;
    world.write(&bot, &token, json!({"text": "one"})).await;
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.push(listener.next_of("message").await);
    }
    drop(listener);
    world.write(&bot, &token, json!({"text": "two"})).await;
    world.write(&bot, &token, json!({"text": "three"})).await;

    let path = format!("/api/chat/{}/stream?after=0", bot.chatbot);
    let again = world
        .request(Method::GET, &path, &token)
        .header("last-event-id", heard.last().unwrap().id.clone().unwrap());
    let mut listener = Listener::of(again).await;
    for _ in 0..4 {
        heard.push(listener.next_of("message").await);
    }
    world.write(&bot, &token, json!({"text": "four"})).await;
    for _ in 0..2 {
        heard.push(listener.next_of("message").await);
    }

    let texts: Vec<_> = heard
        .iter()
        .map(|event| event.data["text"].as_str().unwrap())
        .collect();
    let expected: Vec<_> = ["one", "two", "three", "four"]
        .into_iter()
        .flat_map(|text| [text, FALLBACK])
        .collect();
    assert_eq!(texts, expected);
    let ids: Vec<i64> = heard
        .iter()
        .map(|event| event.id.as_deref().unwrap().parse().unwrap())
        .collect();
    assert_eq!(ids, (1..=8).collect::<Vec<_>>());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_the_queue_did_not_confirm_was_not_accepted(pool: PgPool) {
    let options = Options {
        no_queue: true,
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let bot = world.bot("Shop").await;
    let path = format!("/api/chat/{}/messages", bot.chatbot);

    for wait in ["none", "answer", "stream"] {
        let asked = world.request(Method::POST, &path, &bot.key);
        let response = asked
            .json(&json!({"text": "Hello?", "wait": wait}))
            .send()
            .await
            .unwrap();

        assert_eq!(response.status(), 503, "{wait}");
        assert!(response.headers().contains_key("retry-after"));
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_key_opens_its_own_workspace_and_does_what_its_role_may(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (world.bot("Ours").await, world.bot("Theirs").await);
    let viewer = world.key(ours.workspace, domain::Role::Viewer).await;
    let question = || json!({"text": "Hello?", "conversation": "c1"});

    for (key, expected) in [
        (theirs.key.as_str(), 404),
        (viewer.as_str(), 403),
        ("bsk_unknown_and_of_a_fair_length_all_the_same", 401),
        ("", 401),
    ] {
        let (status, problem) = world.write(&ours, key, question()).await;

        assert_eq!(status, expected, "{problem}");
        assert!(problem["detail"].is_string() && problem["type"].is_string());
    }
    assert_eq!(world.write(&ours, &ours.key, question()).await.0, 200);
    assert_eq!(world.list(&ours, &viewer, "conversation=c1").await.0, 200);
    assert_eq!(world.list(&ours, &theirs.key, "conversation=c1").await.0, 404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_key_that_is_narrowed_speaks_only_where_it_may(pool: PgPool) {
    let world = World::new(pool).await;
    let ours = world.bot("Ours").await;
    let question = || json!({"text": "Hello?", "conversation": "c1"});
    let key = async |read_only, areas: Option<&str>| {
        let areas = areas.map(|area| vec![area.to_owned()]);
        let scope = store::api_keys::Scope { read_only, areas };
        world
            .narrowed_key(ours.workspace, domain::Role::Agent, scope)
            .await
    };
    assert_eq!(world.write(&ours, &ours.key, question()).await.0, 200);

    for (key, writes, reads) in [
        (key(true, None).await, 403, 200),
        (key(false, Some("conversations")).await, 200, 200),
        (key(false, Some("knowledge")).await, 403, 403),
    ] {
        assert_eq!(world.write(&ours, &key, question()).await.0, writes);
        assert_eq!(world.list(&ours, &key, "conversation=c1").await.0, reads);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn models_that_administrators_order_answer_without_a_restart_and_take_over_from_each_other(
    pool: PgPool,
) {
    let (first, second) = (says(&["The first."]).await, says(&["The second."]).await);
    let world = World::new(pool).await;
    let bot = world.bot("Bot").await;
    let hears = async |words: &str| {
        for _ in 0..100 {
            let (status, answer) = world.write(&bot, &bot.key, json!({"text": "Hello?"})).await;
            assert_eq!(status, 200, "{answer}");
            if answer["reply"]["text"].as_str().unwrap().contains(words) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody says {words:?}");
    };
    hears(FALLBACK).await;

    let provider = |name: &str, server: &MockServer| {
        let id = domain::IntegrationId::new();
        (
            id,
            format!(
                "insert into model_providers (id, name, kind, base_url, models, created_at, updated_at)
             values ('{id}', '{name}', 'openai_compatible', '{}', '{{m}}', now(), now());",
                server.uri(),
            ),
        )
    };
    let ((one, first_row), (two, second_row)) = (provider("First", &first), provider("Second", &second));
    world
        .run(format!(
            "{first_row} {second_row} insert into installation_models (position, provider_id, kind, model)
             values (0, '{one}', 'openai_compatible', 'm'), (1, '{two}', 'openai_compatible', 'm')"
        ))
        .await;
    hears("The first.").await;

    // It answers nothing any more.
    first.reset().await;
    hears("The second.").await;
    world
        .run(format!(
            "update model_providers set enabled = false where id = '{two}'"
        ))
        .await;
    hears(FALLBACK).await;
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_model_is_told_of_tools_only_while_administrators_allow_them(pool: PgPool) {
    let model = says(&["Yes."]).await;
    let options = Options {
        model: Some(model.uri()),
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let asked = async |name: &str| {
        // A bot of its own, of which no worker keeps anything yet.
        let bot = world.bot(name).await;
        world
            .run(format!(
                "insert into tools (id, workspace_id, chatbot_id, name, definition)
                 values (gen_random_uuid(), '{}', '{}', 'find_order',
                         '{{\"description\": \"d\", \"method\": \"GET\", \"url\": \"https://api.example/\", \"changes\": false}}')",
                bot.workspace, bot.chatbot,
            ))
            .await;
        assert_eq!(
            world.write(&bot, &bot.key, json!({"text": "Hello?"})).await.0,
            200
        );
        let all = model.received_requests().await.unwrap();
        String::from_utf8(all.last().unwrap().body.clone()).unwrap()
    };

    assert!(asked("Before").await.contains("find_order"));
    world
        .run("insert into installation (key, value) values ('switches', '{\"tools\": false}')".to_owned())
        .await;
    assert!(!asked("After").await.contains("find_order"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_does_not_fit_is_refused_by_its_name(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;

    for (body, field) in [
        (json!({}), "text"),
        (json!({"text": " "}), "text"),
        (json!({"text": "x".repeat(32_001)}), "text"),
        (json!({"text": "x", "conversation": "a/b"}), "conversation"),
        (json!({"text": "x", "user": ""}), "user"),
        (json!({"text": "x", "id": "with space"}), "id"),
        (
            json!({"text": "x", "files": ["0198c0de-0000-7000-8000-000000000000"]}),
            "files",
        ),
        (json!({"text": "x", "workspace": "w"}), "body"),
        (json!({"text": "x", "wait": "for ever"}), "body"),
    ] {
        let (status, problem) = world.write(&bot, &bot.key, body.clone()).await;

        assert_eq!(status, 422, "{body} {problem}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{field}: ")),
            "{problem}"
        );
    }
    let (status, _) = world.list(&bot, &bot.key, "").await;
    assert_eq!(status, 422, "a program has to say which conversation");
    let (status, _) = world.list(&bot, &bot.key, "conversation=c&after=x").await;
    assert_eq!(status, 422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_conversation_that_a_person_has_is_not_waited_for(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let question = json!({"text": "Hello?", "conversation": "c1"});
    world.write(&bot, &bot.key, question.clone()).await;
    world
        .run("update conversations set handler = 'human'".to_owned())
        .await;

    let (status, accepted) = world.write(&bot, &bot.key, question).await;

    assert_eq!((status, &accepted["state"]), (202, &json!("for_human")));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_integration_that_is_off_or_not_there_says_so(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let question = || json!({"text": "Hello?"});
    world
        .run("update integrations set enabled = false".to_owned())
        .await;

    let (off, _) = world.write(&bot, &bot.key, question()).await;
    world.run("delete from integrations".to_owned()).await;
    let other = world.bot("Other").await;
    world
        .run(format!(
            "delete from integrations where chatbot_id = '{}'",
            other.chatbot
        ))
        .await;
    let (gone, problem) = world.write(&other, &other.key, question()).await;

    assert_eq!((off, gone), (403, 404));
    assert!(
        problem["detail"].as_str().unwrap().contains("not connected"),
        "{problem}"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_file_goes_with_a_message_of_whoever_uploaded_it(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let (ada, eve) = (world.visitor(&bot).await, world.visitor(&bot).await);
    let png = b"\x89PNG\r\n\x1a\n0000";

    let (status, file) = world.upload(&bot, &ada, "", "../plan.png", png).await;
    let with_file = json!({"text": "see", "files": [file["id"]], "wait": "none", "id": "f"});
    let (sent, _) = world.write(&bot, &ada, with_file.clone()).await;
    let (stolen, _) = world.write(&bot, &eve, with_file).await;

    assert_eq!(status, 201, "{file}");
    assert_eq!(
        (&file["name"], &file["content_type"]),
        (&json!("plan.png"), &json!("image/png"))
    );
    assert_eq!((sent, stolen), (202, 422));
    for _ in 0..200 {
        let stored: bool = sqlx::query_scalar(
            "select exists (select from attachments a join blobs b on b.id = a.blob_id where a.state = 'stored' and b.bytes = 12)",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        if stored {
            let (_, list) = world.list(&bot, &ada, "").await;
            assert_eq!(list["items"][0]["media"][0]["name"], "plan.png");
            assert_eq!(world.upload(&bot, &ada, "", "a.exe", b"MZ\x90\0").await.0, 415);
            assert_eq!(
                world
                    .upload(&bot, &ada, "", "a.txt", &vec![b'a'; 10_485_761])
                    .await
                    .0,
                413
            );
            assert_eq!(world.upload(&bot, &bot.key, "", "a.txt", b"a").await.0, 422);
            assert_eq!(
                world.upload(&bot, &bot.key, "user=ada", "a.txt", b"a").await.0,
                201
            );
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the file was not attached");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whoever_waits_is_told_where_to_read_when_the_time_is_up(pool: PgPool) {
    let slow = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(5)))
        .mount(&slow)
        .await;
    let options = Options {
        model: Some(slow.uri()),
        chat: Some(crate::ChatSettings {
            wait_seconds: 1,
            ..crate::ChatSettings::default()
        }),
        ..Options::default()
    };
    let world = World::with(pool, options).await;
    let bot = world.bot("Shop").await;

    let (status, accepted) = world.write(&bot, &bot.key, json!({"text": "Hello?"})).await;

    assert_eq!((status, &accepted["state"]), (202, &json!("answering")));
    assert!(
        accepted["poll"].as_str().unwrap().contains("&after=1"),
        "{accepted}"
    );
}
