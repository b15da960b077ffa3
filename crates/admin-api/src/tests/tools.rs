//! Tools, MCP servers and the knowledge as one.

use super::{Shop, World};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

const CANARY: &str = "Bearer c4nary-of-the-shop";

fn tool(change: Value) -> Value {
    let mut tool = json!({
        "name": "find_order", "description": "Finds an order.", "method": "get", "changes": false,
        "url": "https://api.example.invalid/orders/{id}",
        "parameters": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "secret_headers": {"Authorization": CANARY},
    });
    for (name, value) in change.as_object().unwrap() {
        tool[name] = value.clone();
    }
    tool
}

async fn put(world: &World, shop: &Shop, path: &str, body: Value) -> super::Answer {
    world
        .send(world.request(Method::PUT, path, &shop.owner).json(&body))
        .await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s5_a_tools_secret_goes_in_and_never_comes_out_and_never_to_another_host(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/tools", shop.chatbot);

    let made = world.post(&path, &shop.owner, tool(json!({}))).await.ok(201);
    assert_eq!(
        (&made["method"], &made["secret_headers"]["Authorization"]),
        (&json!("GET"), &json!("••••shop"))
    );
    let one = format!("{path}/{}", made["id"].as_str().unwrap());

    let kept = put(
        &world,
        &shop,
        &one,
        tool(
            json!({"secret_headers": {"Authorization": null}, "url": "https://api.example.invalid/v2/{id}"}),
        ),
    )
    .await;
    assert_eq!(kept.ok(200)["secret_headers"], made["secret_headers"]);
    let moved = put(
        &world,
        &shop,
        &one,
        tool(json!({"secret_headers": {"Authorization": null}, "url": "https://evil.example.invalid/{id}"})),
    )
    .await;
    assert!(moved.problem(422).contains("host changed"));
    let unknown = put(
        &world,
        &shop,
        &one,
        tool(json!({"secret_headers": {"X-Key": null}})),
    )
    .await;
    assert!(unknown.problem(422).contains("there is none of this name"));

    let listed = world.get(&path, &shop.owner).await.ok(200).to_string();
    let activity = world
        .get(
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
        )
        .await;
    let rows: Vec<Value> = sqlx::query_scalar("select to_jsonb(t) from tools t")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    for text in [listed, activity.text, format!("{rows:?}")] {
        assert!(!text.contains("c4nary"), "{text}");
    }
    let gone = put(&world, &shop, &one, tool(json!({"secret_headers": {}})))
        .await
        .ok(200);
    assert_eq!(gone["secret_headers"], json!({}));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_tool_that_does_not_fit_is_refused_with_the_fields_name(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/tools", shop.chatbot);
    world.post(&path, &shop.owner, tool(json!({}))).await.ok(201);

    for (change, said) in [
        (json!({"name": "find order"}), "name: "),
        (
            json!({"name": "other", "method": "TRACE"}),
            "method has to be one of",
        ),
        (
            json!({"name": "other", "url": "http://127.0.0.1/{id}"}),
            "tools.allowed_private_cidrs",
        ),
        (json!({"name": "other", "url": "https://{id}/"}), "url: "),
        (
            json!({"name": "other", "parameters": {"type": "object"}}),
            "required",
        ),
        (
            json!({"name": "other", "headers": {"Host": "evil.example"}}),
            "headers: ",
        ),
    ] {
        let refused = world
            .post(&path, &shop.owner, tool(change.clone()))
            .await
            .problem(422);
        assert!(refused.contains(said), "{change}: {refused}");
    }
    let taken = world.post(&path, &shop.owner, tool(json!({}))).await.problem(409);
    assert!(taken.contains("name"), "{taken}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_mcp_server_that_does_not_answer_says_why_and_an_inner_one_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/mcp-servers", shop.chatbot);
    let server = |url: &str| json!({"name": "shop", "url": url, "headers": {"Authorization": CANARY}});

    let inner = world
        .post(&path, &shop.owner, server("http://127.0.0.1:9/mcp"))
        .await;
    assert!(inner.problem(422).contains("tools.allowed_private_cidrs"));
    let made = world
        .post(&path, &shop.owner, server("https://mcp.example.invalid/mcp"))
        .await
        .ok(201);
    assert!(made["error"].is_string(), "{made}");
    assert_eq!(made["headers"]["Authorization"], "••••shop");
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let unknown = world
        .patch(&one, &shop.owner, json!({"allowed": {"buy": true}}))
        .await;
    assert!(unknown.problem(422).contains("has no tool buy"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_chatbots_knowledge_introduces_itself_as_an_mcp_server_and_refuses_what_it_cannot(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (key, _) = world.key(shop.workspace, domain::Role::Viewer).await;
    let path = format!("/api/chatbots/{}/mcp", shop.chatbot);
    let ask = async |method: &str, params: Value| {
        let message = json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params});
        world.post(&path, &key, message).await.ok(200)
    };

    let begun = ask(
        "initialize",
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}}),
    )
    .await;
    assert_eq!(
        (&begun["id"], &begun["result"]["protocolVersion"]),
        (&json!("a"), &json!("2025-06-18"))
    );
    let listed = ask("tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"][0]["name"], "search_knowledge");
    for (method, params, code) in [
        ("resources/list", json!({}), -32_601),
        ("tools/call", json!({"name": "other"}), -32_602),
        (
            "tools/call",
            json!({"name": "search_knowledge", "arguments": {}}),
            -32_602,
        ),
        (
            "tools/call",
            json!({"name": "search_knowledge", "arguments": {"query": "x", "limit": 99}}),
            -32_602,
        ),
    ] {
        assert_eq!(ask(method, params).await["error"]["code"], code, "{method}");
    }
    let notified = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(world.post(&path, &key, notified).await.status, 202);
    world
        .post(
            &path,
            &super::As::Nobody,
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}),
        )
        .await
        .problem(401);
}
