//! Keys that are narrowed beside their role.

use super::{As, Shop, World, pigeon};
use crate::{area::Area, route::Access, routes};
use domain::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

/// A key of this shop, made as its owner makes it.
async fn key(world: &World, shop: &Shop, role: &str, narrowed: Value) -> As {
    let mut body = json!({"name": "program", "role": role});
    body.as_object_mut()
        .unwrap()
        .extend(narrowed.as_object().unwrap().clone());
    let path = format!("/api/workspaces/{}/api-keys", shop.workspace);
    let made = world.post(&path, &shop.owner, body).await.ok(201);
    As::Key(made["key"].as_str().unwrap().to_owned())
}

#[test]
fn every_route_of_a_workspace_has_an_area_but_those_that_hand_out_access() {
    for route in routes::table() {
        if matches!(route.access, Access::Member(_)) {
            let hands_out = ["members", "invitations", "api_keys"].contains(&route.subject);
            assert_eq!(
                Area::of(route.subject).is_none(),
                hands_out,
                "{}: put it into an area",
                route.subject
            );
        }
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_key_that_only_reads_reads_everything_and_changes_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let reader = key(&world, &shop, "owner", json!({"read_only": true})).await;
    let bot = format!("/api/chatbots/{}", shop.chatbot);

    world.get(&bot, &reader).await.ok(200);
    world
        .post(
            &format!("{bot}/search"),
            &reader,
            json!({"question": "How long?"}),
        )
        .await
        .ok(200);
    let refused = [
        world.patch(&bot, &reader, json!({"name": "Other"})).await,
        world
            .post(
                &format!("{bot}/sources"),
                &reader,
                json!({"title": "t", "text": "t"}),
            )
            .await,
        world
            .post(
                &format!("/api/workspaces/{}/api-keys", shop.workspace),
                &reader,
                json!({"name": "more", "role": "owner"}),
            )
            .await,
        world
            .post(
                &format!("/api/twilio/send/{}", shop.chatbot),
                &reader,
                json!({"to": "+14155550123", "text": "hello"}),
            )
            .await,
    ];
    for answer in &refused[..3] {
        assert!(answer.problem(403).contains("only reads"), "{}", answer.text);
    }
    assert_ne!(refused[3].status, 200);
    assert_eq!(world.get(&bot, &shop.owner).await.ok(200)["name"], "Help");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_key_with_areas_reaches_those_and_no_others_and_cannot_widen_itself(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let key = key(
        &world,
        &shop,
        "owner",
        json!({"areas": ["knowledge", "conversations"]}),
    )
    .await;
    let bot = format!("/api/chatbots/{}", shop.chatbot);
    let workspace = format!("/api/workspaces/{}", shop.workspace);

    world
        .post(
            &format!("{bot}/sources"),
            &key,
            json!({"title": "t", "text": "t"}),
        )
        .await
        .ok(201);
    world
        .get(&format!("{workspace}/conversations"), &key)
        .await
        .ok(200);
    for (answer, word) in [
        (world.get(&bot, &key).await, "chatbots"),
        (
            world.get(&format!("{workspace}/analytics"), &key).await,
            "analytics",
        ),
        (
            world
                .post(
                    &format!("/api/integrations/{}", shop.chatbot),
                    &key,
                    json!({"platform": "twilio", "credentials": pigeon::good()}),
                )
                .await,
            "integrations",
        ),
        (
            world.get(&format!("{workspace}/members"), &key).await,
            "widen itself",
        ),
        (
            world
                .post(
                    &format!("{workspace}/api-keys"),
                    &key,
                    json!({"name": "x", "role": "owner"}),
                )
                .await,
            "widen itself",
        ),
    ] {
        assert!(answer.problem(403).contains(word), "{word}: {}", answer.text);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_scope_never_gives_more_than_the_role_and_old_keys_do_as_before(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let narrowed = key(&world, &shop, "viewer", json!({"areas": ["knowledge"]})).await;
    let (old, _) = world.key(shop.workspace, Role::Admin).await;
    let sources = format!("/api/chatbots/{}/sources", shop.chatbot);

    world.get(&sources, &narrowed).await.ok(200);
    let refused = world
        .post(&sources, &narrowed, json!({"title": "t", "text": "t"}))
        .await;
    assert!(refused.problem(403).contains("role"));
    world
        .post(&sources, &old, json!({"title": "t", "text": "t"}))
        .await
        .ok(201);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_a_key_is_narrowed_to_is_listed_and_nonsense_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/api-keys", shop.workspace);
    key(
        &world,
        &shop,
        "agent",
        json!({"read_only": true, "areas": ["sending", "knowledge"]}),
    )
    .await;

    let listed = world.get(&path, &shop.owner).await.ok(200);

    assert_eq!(listed["items"][0]["read_only"], true);
    assert_eq!(listed["items"][0]["areas"], json!(["knowledge", "sending"]));
    for areas in [json!([]), json!(["everything"])] {
        let body = json!({"name": "n", "role": "agent", "areas": areas});
        world.post(&path, &shop.owner, body).await.problem(422);
    }
}
