//! S18, and what bodies are refused with.

use super::{As, World};
use reqwest::Method;
use serde_json::{Map, Value, json};
use sqlx::PgPool;

/// Fields that would change whose something is, or what somebody may do.
const PRIVILEGED: &[&str] = &[
    "id",
    "workspace_id",
    "chatbot_id",
    "user_id",
    "is_administrator",
    "role_id",
    "password_hash",
    "state",
    "version",
    "created_at",
    "credentials_shown",
    "x",
];

/// Bodies are refused for the unknown field, whether or not the rest is there.
#[sqlx::test(migrations = "../store/migrations")]
async fn s18_every_route_that_takes_a_body_refuses_unknown_and_privileged_fields(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let document: Value = serde_json::from_str(world.api.openapi()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut tried = 0;

    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["requestBody"]["content"]["application/octet-stream"].is_object() {
                // Bytes have no fields.
                continue;
            }
            if operation["operationId"] == "widget_save" {
                // The store's own type reads it; `tests::widget` has it refuse what it does not know.
                continue;
            }
            let body = operation["requestBody"]["content"]["application/json"]["schema"].to_string();
            let Some((name, schema)) = schemas
                .iter()
                .find(|(name, _)| body.contains(&format!("#/components/schemas/{name}\"")))
            else {
                assert!(
                    !operation["requestBody"].is_object(),
                    "{path}: a body without a named schema"
                );
                continue;
            };
            assert_eq!(
                schema["additionalProperties"], false,
                "{name} takes unknown fields"
            );
            let known = schema["properties"].as_object().unwrap();
            let address = path
                .replace("{workspace_id}", &shop.workspace.to_string())
                .replace("{chatbot_id}", &shop.chatbot.to_string())
                .replace("{integration_id}", &shop.integration.to_string())
                .replace("{platform}", "twilio");
            let own = !address.contains('{');
            let who = if address.contains("/administration/") {
                &root
            } else {
                &shop.owner
            };
            for field in PRIVILEGED.iter().filter(|field| !known.contains_key(**field)) {
                let mut body: Map<String, Value> = example(schemas, schema);
                body.insert((*field).to_owned(), json!("00000000-0000-7000-8000-000000000001"));
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let answer = world.send(world.request(method, &address, who).json(&body)).await;
                if own {
                    let detail = answer.problem(422);
                    assert!(
                        detail.contains(&format!("unknown field `{field}`")),
                        "{address}: {detail}"
                    );
                } else {
                    assert!(
                        [404, 422].contains(&answer.status.as_u16()),
                        "{address}: {}",
                        answer.text
                    );
                }
                tried += 1;
            }
        }
    }

    assert!(tried > 150, "only {tried} bodies were tried");
}

/// Something of the right type in every field.
fn example(schemas: &Map<String, Value>, schema: &Value) -> Map<String, Value> {
    schema["properties"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, property)| (name.clone(), value(schemas, property)))
        .collect()
}

fn value(schemas: &Map<String, Value>, property: &Value) -> Value {
    if let Some(reference) = property["$ref"].as_str() {
        return Value::Object(example(schemas, &schemas[reference.rsplit('/').next().unwrap()]));
    }
    if let Some(choice) = property["oneOf"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] != "null"))
    {
        return value(schemas, choice);
    }
    if property["type"].to_string().contains("null") {
        return Value::Null;
    }
    match property["type"].as_str() {
        Some("array") => json!([]),
        Some("object") => json!({}),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ if property["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        _ if property["format"] == "uuid" => json!("00000000-0000-7000-8000-000000000001"),
        _ => property.get("example").cloned().unwrap_or_else(|| json!("agent")),
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s18_ids_of_owners_come_from_the_caller_and_never_from_the_body(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let theirs = world.workspace("Theirs").await;

    let refused = world
        .patch(
            &format!("/api/chatbots/{}", shop.chatbot),
            &shop.owner,
            json!({"workspace_id": theirs}),
        )
        .await;

    refused.problem(422);
    let chatbot = world
        .get(&format!("/api/chatbots/{}", shop.chatbot), &shop.owner)
        .await
        .ok(200);
    assert_eq!(chatbot["workspace_id"], shop.workspace.to_string());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_body_that_cannot_be_read_is_refused_with_what_is_wrong_with_it(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/chatbots", shop.workspace);
    let send = async |content_type: &str, body: Vec<u8>| {
        let request = world
            .request(Method::POST, &path, &shop.owner)
            .header("content-type", content_type);
        world.send(request.body(body)).await
    };
    let json = "application/json; charset=utf-8";

    assert!(
        send(json, b"{\"name\": ".to_vec())
            .await
            .problem(400)
            .contains("EOF")
    );
    assert!(
        send(json, b"{\"name\": \"\xff\"}".to_vec())
            .await
            .problem(400)
            .contains("not UTF-8 at byte 10")
    );
    assert!(send(json, Vec::new()).await.problem(400).contains("no body"));
    assert!(
        send("text/plain", b"{}".to_vec())
            .await
            .problem(415)
            .contains("application/json")
    );
    assert!(
        send(json, b"{}".to_vec())
            .await
            .problem(422)
            .contains("missing field `name`")
    );
    assert!(send(json, b"[]".to_vec()).await.status.is_client_error());
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(70_000));
    assert_eq!(
        send(json, large.into_bytes()).await.problem(413),
        "a body may have 65536 bytes at most"
    );
    let deep = "[".repeat(10_000);
    assert!(send(json, deep.into_bytes()).await.status.is_client_error());
    let nul = send(
        json,
        br#"{"name": "He\u0000lp", "instructions": "a\u0000b"}"#.to_vec(),
    )
    .await
    .ok(201);
    assert_eq!(
        (nul["name"].as_str(), nul["instructions"].as_str()),
        (Some("Help"), Some("ab"))
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let pieces = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let request = world
        .request(
            Method::POST,
            &format!("/api/workspaces/{}/chatbots", shop.workspace),
            &shop.owner,
        )
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(pieces)));

    // The server may answer and close before all is sent.
    if let Ok(response) = request.send().await {
        assert_eq!(response.status(), 413);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_query_with_an_unknown_or_unfit_value_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/workspaces/{}/conversations", shop.workspace);

    for query in [
        "order=id",
        "limit=0",
        "limit=201",
        "limit=x",
        "after=1",
        "handler=robot",
        "chatbot_id=' or 1=1",
    ] {
        let answer = world.get(&format!("{base}?{query}"), &shop.owner).await;
        assert!(
            [400, 422].contains(&answer.status.as_u16()),
            "{query}: {}",
            answer.text
        );
        answer.problem(answer.status.as_u16());
    }
    world
        .get(
            &format!("{base}?limit=200&handler=human&contact=%2B1"),
            &shop.owner,
        )
        .await
        .ok(200);
    world.get(&base, &As::Nobody).await.problem(401);
}
