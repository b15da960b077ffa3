//! Providers of models that administrators set up, and the order of the installation's models.

use super::{each, run};
use crate::tests::{World, conversations::talk};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use sqlx::PgPool;

/// An API as OpenAI's, on this machine, that takes one key; where it is.
async fn provider() -> String {
    let answer = |request: HttpRequest| async move {
        let shown = request.headers().get("authorization");
        if shown.is_some_and(|value| value == "Bearer good-key") {
            HttpResponse::Ok()
                .json(json!({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}))
        } else {
            HttpResponse::Unauthorized().json(json!({"error": {"message": "no"}}))
        }
    };
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread and a runtime of its own, as in a process of its own.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server =
                HttpServer::new(move || App::new().route("/v1/chat/completions", web::post().to(answer)))
                    .workers(1)
                    .disable_signals()
                    .bind("127.0.0.1:0")
                    .unwrap();
            tell.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    let address = told.await.unwrap();
    format!("http://{address}/v1")
}

const PROVIDERS: &str = "/api/administration/model-providers";
const ORDER: &str = "/api/administration/models";

fn ours(base_url: &str) -> Value {
    json!({
        "name": "Ours", "kind": "openai_compatible", "base_url": base_url, "models": ["muse", "muse-mini"],
        "keys": [{"name": "first", "key": "good-key"}, {"name": "second", "key": "bad-key-canary"}],
    })
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_provider_is_tried_with_each_key_and_no_key_ever_comes_out(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let base = provider().await;

    let made = world.post(PROVIDERS, &root, ours(&base)).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let tested = world
        .post(&format!("{PROVIDERS}/{id}/test"), &root, json!({"model": "muse"}))
        .await;

    let results = tested.json();
    let of = |at: usize| results["results"][at].clone();
    assert_eq!(
        (&of(0)["key_name"], &of(0)["works"], &of(0)["outcome"]),
        (&json!("first"), &json!(true), &json!("answered"))
    );
    assert_eq!(
        (&of(1)["key_name"], &of(1)["works"], &of(1)["outcome"]),
        (&json!("second"), &json!(false), &json!("unauthorized"))
    );
    let listed = world.get(PROVIDERS, &root).await;
    let activity = world.get("/api/administration/activity", &root).await;
    for text in [&made.text, &tested.text, &listed.text, &activity.text] {
        assert!(!text.contains("canary") && !text.contains("good-key"), "{text}");
    }
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select sealed from model_provider_keys")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);
    assert!(
        stored
            .iter()
            .all(|sealed| !sealed.windows(6).any(|part| part == b"canary"))
    );
    assert!(activity.text.contains("model_provider.create"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_address_that_the_operator_did_not_allow_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;

    for address in [
        "http://10.0.0.7/v1",
        "http://192.168.1.4:11434",
        "ftp://models.example",
    ] {
        let refused = world.post(PROVIDERS, &root, ours(address)).await;
        refused.problem(422);
    }
    let ollama = json!({"name": "Here", "kind": "ollama", "models": ["llama3.2"]});
    // This installation's settings allow 127.0.0.0/8.
    world.post(PROVIDERS, &root, ollama).await.ok(201);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_provider_is_changed_and_another_address_takes_its_keys_away(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let made = world
        .post(PROVIDERS, &root, ours("https://models.example/v1"))
        .await
        .ok(201);
    let path = format!("{PROVIDERS}/{}", made["id"].as_str().unwrap());
    let mut change = json!({
        "name": "Renamed", "base_url": "https://models.example/v1", "models": ["muse"], "enabled": false,
    });

    let renamed = world.put(&path, &root, change.clone()).await.ok(200);
    assert_eq!(
        (&renamed["name"], &renamed["enabled"]),
        (&json!("Renamed"), &json!(false))
    );
    assert_eq!(renamed["keys"].as_array().unwrap().len(), 2);
    change["base_url"] = json!("https://elsewhere.example/v1");
    let moved = world.put(&path, &root, change).await.ok(200);
    assert_eq!(moved["keys"], json!([]), "keys are shown to another address");

    let key = json!({"name": "new", "key": "k"});
    let added = world
        .post(&format!("{path}/keys"), &root, key.clone())
        .await
        .ok(201);
    world.post(&format!("{path}/keys"), &root, key).await.problem(409);
    let key_path = format!("{path}/keys/{}", added["id"].as_str().unwrap());
    world.delete(&key_path, &root).await.ok(204);
    world.delete(&key_path, &root).await.problem(404);
    world.delete(&path, &root).await.ok(204);
    world.delete(&path, &root).await.problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_order_is_the_files_until_one_is_set_and_names_only_what_there_is(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let made = world
        .post(PROVIDERS, &root, ours("https://models.example/v1"))
        .await
        .ok(201);
    let id = made["id"].as_str().unwrap();
    let names = |shown: &Value| -> Vec<Value> {
        shown["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| place["model"].clone())
            .collect()
    };

    let before = world.get(ORDER, &root).await.ok(200);
    assert_eq!(before["is_from_settings"], true);
    assert_eq!(names(&before), [json!("of the file")]);

    let wanted = json!({"models": [
        {"provider_id": id, "model": "muse-mini"}, {"kind": "ollama", "model": "of the file"},
    ]});
    let set = world.put(ORDER, &root, wanted).await.ok(200);
    assert_eq!(set["is_from_settings"], false);
    assert_eq!(names(&set), [json!("muse-mini"), json!("of the file")]);
    assert_eq!(set["models"][0]["provider_name"], "Ours");
    for nonsense in [
        json!({"provider_id": id, "model": "other"}),
        json!({"provider_id": "00000000-0000-7000-8000-000000000001", "model": "muse"}),
        json!({"kind": "ollama", "model": "not in the file"}),
        json!({"model": "of the file"}),
    ] {
        world
            .put(ORDER, &root, json!({"models": [nonsense]}))
            .await
            .problem(422);
    }
    assert_eq!(world.get(ORDER, &root).await.ok(200)["models"], set["models"]);

    let off = json!({"name": "Ours", "base_url": "https://models.example/v1", "models": ["muse-mini"], "enabled": false});
    world.put(&format!("{PROVIDERS}/{id}"), &root, off).await.ok(200);
    assert_eq!(
        world.get(ORDER, &root).await.ok(200)["models"][0]["problem"],
        "disabled"
    );
    world.put(ORDER, &root, json!({"models": []})).await.ok(200);
    assert_eq!(world.get(ORDER, &root).await.ok(200)["is_from_settings"], true);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn how_a_providers_calls_fared_is_told_from_the_answers_own_records(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    talk(&world, &shop).await;
    let made = world
        .post(PROVIDERS, &root, ours("https://models.example/v1"))
        .await
        .ok(201);
    let id = made["id"].as_str().unwrap();
    let call = |outcome: &str, milliseconds: u32| {
        json!([{
            "provider": "openai_compatible", "model": "muse", "source": id, "outcome": outcome,
            "milliseconds": milliseconds,
        }])
    };
    for (path, age) in [
        (call("answered", 100), "1 minute"),
        (call("unauthorized", 300), "2 minutes"),
        (call("resting", 0), "2 minutes"),
        (call("answered", 100), "5 hours"),
        (call("answered", 100), "2 days"),
    ] {
        run(
            &world,
            format!(
                "insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, stages, path, created_at)
                 select gen_random_uuid(), workspace_id, chatbot_id, id, 'q', '[]', '[]', 'muse', 1, '{{}}', '{path}', now() - interval '{age}' from conversations"
            ),
        )
        .await;
    }

    let listed = world.get(PROVIDERS, &root).await.ok(200);

    assert_eq!(each(&listed, "name"), [&json!("Ours")]);
    let (hour, day) = (
        &listed["items"][0]["last_hour"][0],
        &listed["items"][0]["last_day"][0],
    );
    assert_eq!(
        (&hour["calls"], &hour["failed"], &hour["p50"]),
        (&json!(2), &json!(1), &json!(200.0))
    );
    assert_eq!((&day["calls"], &day["failed"]), (&json!(3), &json!(1)));
}
