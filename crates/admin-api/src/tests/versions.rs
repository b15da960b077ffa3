//! Versions, drafts, and what lets a version go live. The chat-worker's part is played here.

use super::{Shop, World};
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use store::trials::{self, Outcome};

/// Answers every question of the run that is due: as expected or not.
pub async fn work(world: &World, passed: bool) {
    let lease = Duration::from_secs(60);
    let claimed = trials::claim(&world.db, lease)
        .await
        .unwrap()
        .expect("a run is due");
    for asked in trials::unanswered(&world.db, &claimed).await.unwrap() {
        let outcome = Outcome {
            rank: passed.then_some(1),
            passed,
            refused: !passed,
            failures: if passed {
                Vec::new()
            } else {
                vec!["it said that it does not know".to_owned()]
            },
            answer: "At nine.".to_owned(),
            record: json!({"question": asked.question, "model": "extractive", "passages": []}),
            k: 6,
        };
        trials::record(&world.db, &claimed, asked.position, &outcome)
            .await
            .unwrap();
    }
    trials::conclude(&world.db, &claimed, world.api.now())
        .await
        .unwrap();
}

/// Gives the chatbot a golden question.
pub async fn golden(world: &World, shop: &Shop, question: &str) -> Value {
    let path = format!("/api/chatbots/{}/golden-questions", shop.chatbot);
    let body = json!({"question": question, "document": "Hours", "words": ["nine"]});
    world.post(&path, &shop.owner, body).await.ok(201)
}

async fn live(world: &World, shop: &Shop) -> Value {
    let path = format!("/api/chatbots/{}", shop.chatbot);
    world.get(&path, &shop.owner).await.ok(200)
}

async fn states(world: &World, shop: &Shop) -> Value {
    let path = format!("/api/chatbots/{}/versions", shop.chatbot);
    let list = world.get(&path, &shop.owner).await.ok(200);
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|version| json!([version["number"], version["state"]]))
        .collect()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn without_golden_questions_a_change_is_live_at_once_and_can_be_compared_and_taken_back(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (key, key_id) = world.key(shop.workspace, Role::Admin).await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let versions = format!("{base}/versions");

    let changed = world
        .patch(&base, &key, json!({"instructions": "Be brief."}))
        .await
        .ok(200);
    let stricter = world
        .put(
            &format!("{base}/retrieval"),
            &shop.owner,
            json!({"threshold": 0.25}),
        )
        .await
        .ok(200);
    let list = world.get(&versions, &shop.owner).await.ok(200);
    let second = world.get(&format!("{versions}/2"), &shop.owner).await.ok(200);
    let changes = world
        .get(&format!("{versions}/1/changes"), &shop.owner)
        .await
        .ok(200);
    let page = world
        .get(&format!("{versions}?limit=1&before=3"), &shop.owner)
        .await
        .ok(200);

    assert_eq!(
        (&changed["live_version"], &stricter["threshold"]),
        (&json!(2), &json!(0.25))
    );
    assert_eq!(
        states(&world, &shop).await,
        json!([[3, "live"], [2, "retired"], [1, "retired"]])
    );
    assert_eq!(list["items"][1]["api_key_id"], json!(key_id.to_string()));
    assert!(list["items"][0]["email"].as_str().unwrap().starts_with("owner."));
    assert_eq!(second["settings"]["instructions"], "Be brief.");
    assert_eq!(
        changes,
        json!({"from": 1, "to": 3, "changes": [
            {"field": "instructions", "before": "", "after": "Be brief."},
            {"field": "retrieval.threshold", "before": null, "after": 0.25},
        ]})
    );
    assert_eq!(
        (&page["items"][0]["number"], &page["next"]),
        (&json!(2), &json!(2))
    );

    let back = json!({"note": "it was better"});
    let back = world
        .post(&format!("{versions}/1/publish"), &shop.owner, back)
        .await
        .ok(200);

    assert_eq!(
        (
            &back["state"],
            &back["version"]["number"],
            &back["version"]["from"]
        ),
        (&json!("live"), &json!(4), &json!(1))
    );
    assert_eq!(back["version"]["note"], "it was better");
    assert_eq!(live(&world, &shop).await["instructions"], "");
    let retrieval = world.get(&format!("{base}/retrieval"), &shop.owner).await.ok(200);
    assert_eq!(retrieval["threshold"], json!(null));
    let same = world
        .post(&format!("{versions}/1/publish"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(
        (&same["state"], &same["version"]["number"]),
        (&json!("unchanged"), &json!(4))
    );
    world
        .get(&format!("{versions}/9"), &shop.owner)
        .await
        .problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn with_golden_questions_a_change_is_checked_first_and_the_next_one_goes_on_from_it(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    golden(&world, &shop, "When do you open?").await;

    let first = world
        .patch(&base, &shop.owner, json!({"instructions": "Be brief."}))
        .await
        .ok(202);
    let second = world
        .put(&format!("{base}/retrieval"), &shop.owner, json!({"top_k": 3}))
        .await
        .ok(202);
    let during = live(&world, &shop).await;
    work(&world, true).await;
    work(&world, true).await;
    let after = live(&world, &shop).await;

    assert_eq!(
        (&first["state"], &first["version"]["number"]),
        (&json!("checking"), &json!(2))
    );
    assert!(second["version"]["run_id"].is_string(), "{second}");
    assert_eq!(
        (&during["instructions"], &during["live_version"]),
        (&json!(""), &json!(1))
    );
    assert_eq!(
        (&after["instructions"], &after["live_version"]),
        (&json!("Be brief."), &json!(3))
    );
    assert_eq!(
        states(&world, &shop).await,
        json!([[3, "live"], [2, "superseded"], [1, "retired"]])
    );
    let retrieval = world.get(&format!("{base}/retrieval"), &shop.owner).await.ok(200);
    assert_eq!(retrieval["top_k"], 3);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_draft_that_makes_it_worse_is_refused_with_the_questions_and_goes_live_for_a_reason(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let draft = format!("{base}/draft");
    golden(&world, &shop, "When do you open?").await;
    world.get(&draft, &shop.owner).await.problem(404);

    let saved = world
        .patch(&draft, &shop.owner, json!({"retrieval": {"threshold": 1.0}}))
        .await
        .ok(200);
    let more = world
        .patch(&draft, &shop.owner, json!({"instructions": "Say nothing."}))
        .await
        .ok(200);
    let checking = world
        .post(
            &format!("{draft}/publish"),
            &shop.owner,
            json!({"note": "stricter"}),
        )
        .await
        .ok(202);
    work(&world, true).await;
    work(&world, false).await;
    let refused = world
        .get(&format!("{base}/versions/2"), &shop.owner)
        .await
        .ok(200);
    let after = live(&world, &shop).await;

    assert_eq!(saved["changes"][0]["field"], "retrieval.threshold");
    assert_eq!(
        (&more["base"], &more["changes"].as_array().unwrap().len()),
        (&json!(1), &2)
    );
    assert_eq!(checking["version"]["note"], "stricter");
    assert_eq!(refused["state"], "refused");
    assert_eq!(refused["worse"]["questions"][0]["question"], "When do you open?");
    assert!(
        refused["worse"]["reasons"][0]
            .as_str()
            .unwrap()
            .contains("1 of 1 before, 0 now")
    );
    assert_eq!(
        (&after["instructions"], &after["live_version"]),
        (&json!(""), &json!(1))
    );
    assert_eq!(
        world.get(&draft, &shop.owner).await.ok(200)["base"],
        1,
        "it stays"
    );

    let publish = format!("{draft}/publish");
    world
        .post(&publish, &shop.owner, json!({"override_reason": " "}))
        .await
        .problem(422);
    let overridden = world
        .post(&publish, &shop.owner, json!({"override_reason": "it is urgent"}))
        .await
        .ok(200);

    assert_eq!(
        (&overridden["state"], &overridden["version"]["override_reason"]),
        (&json!("live"), &json!("it is urgent"))
    );
    assert_eq!(live(&world, &shop).await["instructions"], "Say nothing.");
    world.get(&draft, &shop.owner).await.problem(404);
    world.post(&publish, &shop.owner, json!({})).await.problem(404);
    let log = format!("/api/workspaces/{}/activity", shop.workspace);
    let log = world.get(&log, &shop.owner).await.ok(200);
    let newest = &log["items"][0];
    assert_eq!(
        (&newest["action"], &newest["details"]["override_reason"]),
        (&json!("version.publish"), &json!("it is urgent"))
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_draft_can_be_thrown_away_and_a_run_that_a_version_waits_for_cancelled(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let draft = format!("{base}/draft");
    golden(&world, &shop, "When do you open?").await;
    let body = json!({"instructions": "Be brief."});
    world.patch(&draft, &shop.owner, body.clone()).await.ok(200);
    world.delete(&draft, &shop.owner).await.ok(204);
    world.delete(&draft, &shop.owner).await.problem(404);

    let checking = world.patch(&base, &shop.owner, body).await.ok(202);
    let run = format!("{base}/runs/{}", checking["version"]["run_id"].as_str().unwrap());
    let cancelled = world
        .post(&format!("{run}/cancel"), &shop.owner, json!({}))
        .await
        .ok(200);
    let again = world.post(&format!("{run}/cancel"), &shop.owner, json!({})).await;

    assert_eq!(cancelled["state"], "cancelled");
    assert!(again.problem(409).contains("ended already"));
    assert_eq!(
        states(&world, &shop).await,
        json!([[2, "superseded"], [1, "live"]])
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_key_of_a_model_is_in_no_version_and_one_that_is_gone_is_not_done_without(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let model = |key: Value| json!({"model": {"provider": "openai", "model": "m", "api_key": key}});
    let with_key = model(json!("sk-canary-1234"));

    let drafted = world
        .patch(&format!("{base}/draft"), &shop.owner, with_key)
        .await
        .ok(200);
    let published = world
        .post(&format!("{base}/draft/publish"), &shop.owner, json!({}))
        .await
        .ok(200);
    let version = world
        .get(&format!("{base}/versions/2"), &shop.owner)
        .await
        .ok(200);

    assert_eq!(drafted["settings"]["model"]["api_key"], "••••1234");
    assert_eq!(version["settings"]["model"]["api_key"], "••••1234");
    for shown in [&drafted, &published, &version] {
        assert!(!shown.to_string().contains("canary"), "{shown}");
    }
    assert_eq!(live(&world, &shop).await["model"]["api_key"], "••••1234");

    world
        .patch(&base, &shop.owner, json!({"model": null}))
        .await
        .ok(200);
    let back = world
        .request(Method::POST, &format!("{base}/versions/2/publish"), &shop.owner)
        .json(&json!({}));
    let back = world.send(back).await.ok(200);
    assert_eq!(back["version"]["number"], 4);
    assert_eq!(live(&world, &shop).await["model"]["api_key"], "••••1234");
    // Taken away for its address, it is gone.
    world.patch(&base, &shop.owner, model(Value::Null)).await.ok(200);
    let refused = world
        .post(&format!("{base}/versions/2/publish"), &shop.owner, json!({}))
        .await;
    assert!(refused.problem(409).contains("is not kept any more"));
}
