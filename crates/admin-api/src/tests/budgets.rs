//! Budgets and prices, as their owners keep them.

use super::World;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn a_budget_is_set_shown_and_taken_away_by_who_may(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (root, _) = world.administrator().await;
    let (admin, _) = world.person(shop.workspace, domain::Role::Admin).await;
    let of_bot = format!("/api/chatbots/{}/budgets", shop.chatbot);
    let of_workspace = format!("/api/workspaces/{}/budgets", shop.workspace);
    let daily = |scope: &str| json!({"budgets": [{"scope": scope, "period": "day", "tokens": 50_000, "cost_usd": 2.5}]});

    let set = world.put(&of_bot, &admin, daily("visitor")).await.ok(200);
    world
        .put(&of_workspace, &shop.owner, daily("workspace"))
        .await
        .ok(200);
    world
        .put("/api/administration/budgets", &root, daily("installation"))
        .await
        .ok(200);

    let budget = &set["items"][0];
    assert_eq!(
        (&budget["scope"], &budget["tokens"], &budget["cost_usd"]),
        (&json!("visitor"), &json!(50_000), &json!(2.5))
    );
    assert_eq!(
        (&budget["at_limit"], &budget["spent_tokens"]),
        (&json!("quote"), &json!(0))
    );
    for (path, who, scope) in [
        (&of_bot, &admin, "visitor"),
        (&of_workspace, &shop.owner, "workspace"),
        (&"/api/administration/budgets".to_owned(), &root, "installation"),
    ] {
        let shown = world.get(path, who).await.ok(200);
        let scopes: Vec<_> = shown["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["scope"])
            .collect();
        assert_eq!(scopes, [scope], "one place shows another's");
    }
    // A workspace's is its owner's to set, the installation's its administrator's.
    world
        .put(&of_workspace, &admin, daily("workspace"))
        .await
        .problem(403);
    let refused = world
        .put("/api/administration/budgets", &shop.owner, daily("installation"))
        .await;
    assert!(refused.status == 403 || refused.status == 404);

    world.put(&of_bot, &admin, json!({"budgets": []})).await.ok(200);
    assert_eq!(world.get(&of_bot, &admin).await.ok(200)["items"], json!([]));
    let bad = json!({"budgets": [{"period": "day", "tokens": 3}]});
    assert!(
        world
            .put(&of_bot, &admin, bad)
            .await
            .problem(422)
            .contains("got 3")
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_administrator_keeps_the_price_list(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let path = "/api/administration/model-prices";
    let price = json!({
        "provider": "anthropic", "model": "claude-next*", "valid_from": "2026-03-01", "input_usd": 2.5, "output_usd": 12,
    });

    let made = world.post(path, &root, price.clone()).await.ok(201);
    let mut dearer = price;
    dearer["input_usd"] = json!(3);
    let again = world.post(path, &root, dearer).await.ok(201);

    assert_eq!((&made["input_usd"], &made["id"]), (&json!(2.5), &again["id"]));
    let find = async || {
        let listed = world.get(path, &root).await.ok(200);
        let items = listed["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["model"] == "claude-next*")
    };
    assert_eq!(find().await.unwrap()["input_usd"], json!(3.0));
    world
        .delete(&format!("{path}/{}", made["id"].as_str().unwrap()), &root)
        .await
        .ok(204);
    assert!(find().await.is_none());
    for (bad, named) in [
        (
            json!({"provider": "azure", "model": "m", "input_usd": 1, "output_usd": 1}),
            "openai, anthropic",
        ),
        (
            json!({"provider": "openai", "model": "a*b", "input_usd": 1, "output_usd": 1}),
            "one *",
        ),
        (
            json!({"provider": "openai", "model": "m", "input_usd": -1, "output_usd": 1}),
            "between 0",
        ),
    ] {
        let detail = world.post(path, &root, bad).await.problem(422);
        assert!(detail.contains(named), "{detail}");
    }
}
