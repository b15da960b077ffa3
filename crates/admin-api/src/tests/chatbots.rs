//! Chatbots, their knowledge, and the activity log.

use super::World;
use domain::Role;
use queue::QueueName;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn a_chatbot_is_made_changed_archived_and_restored(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}", shop.chatbot);
    let list = format!("/api/workspaces/{}/chatbots", shop.workspace);

    let made = world.get(&path, &shop.owner).await.ok(200);
    let changed = world
        .patch(
            &path,
            &shop.owner,
            json!({"instructions": "Be brief.", "max_answer_age_seconds": 60}),
        )
        .await
        .ok(200);
    let archived = world
        .post(&format!("{path}/archive"), &shop.owner, json!({}))
        .await
        .ok(200);

    assert_eq!(
        (&made["name"], &made["version"], &made["model"]),
        (&json!("Help"), &json!(1), &json!(null))
    );
    assert_eq!(
        (&changed["instructions"], &changed["version"], &changed["name"]),
        (&json!("Be brief."), &json!(2), &json!("Help"))
    );
    assert!(archived["archived_at"].is_string());
    assert_eq!(world.get(&list, &shop.owner).await.ok(200)["items"], json!([]));
    assert_eq!(
        world
            .get(&format!("{list}?archived=true"), &shop.owner)
            .await
            .ok(200)["items"][0]["id"],
        made["id"]
    );
    let restored = world
        .post(&format!("{path}/restore"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(restored["archived_at"], json!(null));
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"fallback_text": " "}), "fallback_text"),
        (json!({"max_answer_age_seconds": 1}), "max_answer_age_seconds"),
        (
            json!({"model": {"base_url": "nope", "model": "m"}}),
            "model.base_url",
        ),
    ] {
        let refused = world.patch(&path, &shop.owner, body).await;
        refused.problem(422);
        assert_eq!(refused.json()["field"], field);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_models_key_stays_with_its_address_and_is_never_shown(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}", shop.chatbot);
    let model = |base: &str| json!({"base_url": base, "model": "m"});
    let with_key = {
        let mut model = model("https://models.example/v1");
        model["api_key"] = "sk-canary-1234567890".into();
        json!({ "model": model })
    };

    let set = world.patch(&path, &shop.owner, with_key.clone()).await.ok(200);
    let same = world
        .patch(
            &path,
            &shop.owner,
            json!({"model": model("https://models.example/v1/")}),
        )
        .await
        .ok(200);
    let moved = world
        .patch(
            &path,
            &shop.owner,
            json!({"model": model("https://evil.example/v1")}),
        )
        .await;

    assert_eq!(set["model"]["api_key"], "••••7890");
    assert_eq!(same["model"]["api_key"], "••••7890");
    assert!(moved.problem(422).contains("the address changed"));
    let sealed: Vec<u8> = sqlx::query_scalar("select model_key from chatbots where id = $1")
        .bind(shop.chatbot)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let place = vault::Place {
        row: shop.chatbot,
        column: store::chatbots::MODEL_KEY_COLUMN,
    };
    let opened = world.keyring.open(shop.workspace, place, &sealed).await.unwrap();
    assert_eq!(opened.as_slice(), b"sk-canary-1234567890");

    let without = world
        .patch(
            &path,
            &shop.owner,
            json!({"model": {"base_url": "https://evil.example/v1", "model": "m", "api_key": null}}),
        )
        .await;
    assert_eq!(without.ok(200)["model"]["api_key"], json!(null));
    let none = world
        .patch(&path, &shop.owner, json!({"model": null}))
        .await
        .ok(200);
    assert_eq!(none["model"], json!(null));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn fallbacks_have_keys_of_their_own_that_stay_with_their_addresses(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}", shop.chatbot);
    let model = |fallbacks: serde_json::Value| {
        json!({"model": {
            "provider": "anthropic", "model": "claude", "api_key": "sk-ant-api03-0000-1111", "context_tokens": 200_000,
            "fallbacks": fallbacks,
        }})
    };
    let set = model(json!([
        {"provider": "gemini", "model": "flash", "api_key": "goog-aaaabbbb-2222"},
        {"base_url": "https://models.example/v1", "model": "m"},
    ]));

    let set = world.patch(&path, &shop.owner, set).await.ok(200);
    // In another order and without the keys, which stay.
    let again = model(json!([
        {"base_url": "https://models.example/v1", "model": "m"},
        {"provider": "gemini", "model": "pro"},
    ]));
    let again = world.patch(&path, &shop.owner, again).await.ok(200);

    let shown = &set["model"];
    assert_eq!(shown["base_url"], "https://api.anthropic.com/v1");
    assert_eq!(
        (&shown["api_key"], &shown["context_tokens"]),
        (&json!("••••1111"), &json!(200_000))
    );
    assert_eq!(shown["fallbacks"][0]["api_key"], "••••2222");
    assert_eq!(shown["fallbacks"][1]["provider"], "openai_compatible");
    assert_eq!(again["model"]["fallbacks"][1]["api_key"], "••••2222");
    assert_eq!(again["model"]["fallbacks"][0]["api_key"], json!(null));
    let stored: serde_json::Value = sqlx::query_scalar("select model from chatbots where id = $1")
        .bind(shop.chatbot)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(
        !stored.to_string().contains("goog-"),
        "a key is stored in the clear"
    );
    let stored: store::chatbots::ModelEndpoint = serde_json::from_value(stored).unwrap();
    let gemini = &stored.fallbacks[1];
    let place = vault::Place {
        row: gemini.id,
        column: store::chatbots::FALLBACK_KEY_COLUMN,
    };
    let sealed = &gemini.key.as_ref().unwrap().0;
    let opened = world.keyring.open(shop.workspace, place, sealed).await.unwrap();
    assert_eq!(opened.as_slice(), b"goog-aaaabbbb-2222");

    let moved = model(json!([{"provider": "gemini", "base_url": "https://evil.example", "model": "pro"}]));
    let moved = world.patch(&path, &shop.owner, moved).await;
    assert!(moved.problem(422).contains("the address changed"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_model_that_cannot_be_is_refused_and_the_field_named(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}", shop.chatbot);
    let fallback = json!({"provider": "openai", "model": "m"});
    for (model, named) in [
        (json!({"model": "m"}), "base_url"),
        (
            json!({"provider": "azure", "model": "m"}),
            "openai, anthropic, gemini",
        ),
        (json!({"provider": "openai", "model": " "}), "must not be empty"),
        (
            json!({"provider": "openai", "model": "m", "context_tokens": 10}),
            "between 1500",
        ),
        (
            json!({"provider": "openai", "model": "m", "fallbacks": [{"model": "m"}]}),
            "base_url",
        ),
        (
            json!({"provider": "openai", "model": "m", "fallbacks": vec![fallback.clone(); 5]}),
            "at most 4",
        ),
        (
            json!({"provider": "openai", "model": "m", "fallbacks": [
                {"provider": "openai", "model": "m", "fallbacks": [fallback]}
            ]}),
            "no fallbacks of its own",
        ),
    ] {
        let refused = world.patch(&path, &shop.owner, json!({ "model": model })).await;

        let detail = refused.problem(422);
        assert!(detail.contains(named), "{model}: {detail}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_source_is_added_changed_and_deleted_and_the_indexer_is_told(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}/sources", shop.chatbot);

    let text = world
        .post(
            &base,
            &shop.owner,
            json!({"title": "Hours", "text": "We open at nine.\u{0}"}),
        )
        .await
        .ok(201);
    let pairs = json!([{"question": "Where?", "answer": "Here."}]);
    let qa = world
        .post(&base, &shop.owner, json!({"title": "FAQ", "pairs": pairs}))
        .await
        .ok(201);

    assert_eq!(
        (&text["kind"], &text["state"], &qa["kind"]),
        (&json!("text"), &json!("pending"), &json!("qa"))
    );
    let told = world.api.queue().depth(&QueueName::Index).await.unwrap();
    assert_eq!(told, 2);
    let path = format!("{base}/{}", text["id"].as_str().unwrap());
    let read = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(read["text"], "We open at nine.");
    let read = world
        .get(&format!("{base}/{}", qa["id"].as_str().unwrap()), &shop.owner)
        .await
        .ok(200);
    assert_eq!(read["pairs"], pairs);
    let changed = world
        .patch(&path, &shop.owner, json!({"text": "We open at ten."}))
        .await
        .ok(200);
    assert_eq!(changed["version"], 2);
    world
        .post(&format!("{path}/retry"), &shop.owner, json!({}))
        .await
        .problem(409);
    let first = world.get(&format!("{base}?limit=1"), &shop.owner).await.ok(200);
    let second = world
        .get(
            &format!("{base}?limit=1&after={}", first["next"].as_str().unwrap()),
            &shop.owner,
        )
        .await
        .ok(200);
    assert_eq!(
        (&first["items"][0]["title"], &second["items"][0]["title"]),
        (&json!("Hours"), &json!("FAQ"))
    );
    assert_eq!(second["next"], json!(null));
    world.delete(&path, &shop.owner).await.ok(204);
    world.get(&path, &shop.owner).await.problem(404);
    for body in [
        json!({"title": "x"}),
        json!({"title": "x", "text": "a", "pairs": []}),
        json!({"title": "x", "pairs": []}),
        json!({"title": "", "text": "a"}),
        json!({"title": "x", "pairs": [{"question": "q", "answer": "a", "score": 1}]}),
    ] {
        world.post(&base, &shop.owner, body).await.problem(422);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_activity_log_says_who_did_what(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (key, key_id) = world.key(shop.workspace, Role::Admin).await;
    world
        .patch(
            &format!("/api/chatbots/{}", shop.chatbot),
            &key,
            json!({"name": "New"}),
        )
        .await
        .ok(200);

    let log = world
        .get(
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(200);

    let newest = &log["items"][0];
    assert_eq!(
        (&newest["action"], &newest["api_key_id"]),
        (&json!("chatbot.update"), &json!(key_id.to_string()))
    );
    assert_eq!(newest["details"], json!({"changed": ["name"]}));
    assert_eq!(newest["target"], shop.chatbot.to_string());
    let created = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "chatbot.create")
        .unwrap();
    assert!(created["email"].as_str().unwrap().starts_with("owner."));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn administrators_see_how_much_waits_in_the_queues(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}/sources", shop.chatbot);
    world
        .post(
            &base,
            &shop.owner,
            json!({"title": "Hours", "text": "We open at nine."}),
        )
        .await
        .ok(201);

    let queues = world.get("/api/administration/queues", &root).await.ok(200);

    let depth = |name: &str| {
        queues["queues"]
            .as_array()
            .unwrap()
            .iter()
            .find(|queue| queue["name"] == name)
            .unwrap_or_else(|| panic!("{name}"))["messages"]
            .clone()
    };
    assert_eq!(depth("knowledge.index"), 1);
    assert_eq!(depth("chat.inbound"), 0);
    assert!(
        queues["queues"]
            .as_array()
            .unwrap()
            .iter()
            .any(|queue| queue["name"] == "outbound.twilio")
    );
    world
        .get("/api/administration/queues", &shop.owner)
        .await
        .problem(404);
    assert_eq!(
        world.get("/api/administration/dead-letters", &root).await.ok(200)["items"],
        json!([])
    );
    assert_eq!(
        world.get("/api/administration/users", &root).await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
