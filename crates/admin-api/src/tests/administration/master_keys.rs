//! Rotating the master key from the page.

use crate::tests::World;
use serde_json::json;
use sqlx::PgPool;

const KEYS: &str = "/api/administration/master-keys";

#[sqlx::test(migrations = "../store/migrations")]
async fn data_keys_are_counted_and_nothing_is_rotated_that_is_not_due(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    // Its integration's credentials are sealed.
    let shop = world.shop().await;
    let provider = json!({
        "name": "Ours", "kind": "openai", "models": ["m"], "keys": [{"name": "first", "key": "k"}],
    });
    world
        .post("/api/administration/model-providers", &root, provider)
        .await
        .ok(201);

    let shown = world.get(KEYS, &root).await.ok(200);
    assert_eq!(
        (&shown["data_keys"], &shown["remaining"], &shown["rotatable"]),
        (&json!(2), &json!(0), &json!(0)),
        "the shop's and the installation's own"
    );
    let refused = world.post(&format!("{KEYS}/rotate"), &root, json!({})).await;
    assert!(refused.problem(409).contains("every data key"));
    world
        .post(&format!("{KEYS}/rotate"), &shop.owner, json!({}))
        .await
        .problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn after_a_new_master_key_every_data_key_is_wrapped_by_it_and_keys_of_providers_still_open(
    pool: PgPool,
) {
    let old = World::new(pool.clone()).await;
    let (root, _) = old.administrator().await;
    old.shop().await;
    let provider = json!({
        "name": "Ours", "kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "models": ["m"],
        "keys": [{"name": "first", "key": "k"}],
    });
    let made = old
        .post("/api/administration/model-providers", &root, provider)
        .await
        .ok(201);

    let new = World::with_master_keys(pool, 8, &[7]).await;
    let before = new.get(KEYS, &root).await.ok(200);
    assert_eq!(
        (&before["remaining"], &before["rotatable"]),
        (&json!(2), &json!(2))
    );
    new.post(&format!("{KEYS}/rotate"), &root, json!({}))
        .await
        .ok(202);
    let mut left = before;
    for _ in 0..200 {
        left = new.get(KEYS, &root).await.ok(200);
        if left["remaining"] == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    assert_eq!(left["remaining"], 0);
    assert_eq!(left["wrapped_by"].as_array().unwrap().len(), 1);
    let path = format!(
        "/api/administration/model-providers/{}/test",
        made["id"].as_str().unwrap()
    );
    let tested = new.post(&path, &root, json!({"model": "m"})).await.ok(200);
    assert_eq!(
        tested["results"][0]["outcome"], "unavailable",
        "the key opened, and nobody listens there"
    );
}
