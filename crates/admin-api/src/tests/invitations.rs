//! Open invitations.

use super::{As, PASSWORD, World};
use domain::Role;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

fn token(link: &Value) -> String {
    let link = link["link"].as_str().unwrap();
    link.split_once("#invite=").unwrap().1.to_owned()
}

async fn accept(world: &World, token: &str) -> super::Answer {
    let body = json!({"token": token, "password": PASSWORD});
    world.post("/api/invitations/accept", &As::Nobody, body).await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn who_was_invited_is_listed_until_they_come(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);
    let invite = async |email: &str| {
        let body = json!({"email": email, "role": "agent"});
        world.post(&path, &shop.owner, body).await.ok(201)
    };
    invite("a@example.test").await;
    let link = invite("b@example.test").await;
    let listed = async || world.get(&path, &shop.owner).await.ok(200)["items"].clone();

    let both = listed().await;
    accept(&world, &token(&link)).await.ok(200);
    let one = listed().await;
    world.clock.advance(Duration::from_secs(31 * 60));
    let late = listed().await;

    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(
        (
            &both[0]["email"],
            &both[0]["role"],
            &both[0]["ended"],
            &both[0]["mail"]
        ),
        (
            &json!("a@example.test"),
            &json!("agent"),
            &json!(false),
            &Value::Null
        )
    );
    assert!(both[0]["invited_by"].as_str().unwrap().starts_with("owner."));
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(late[0]["ended"], true);
    let (viewer, _) = world.person(shop.workspace, Role::Viewer).await;
    world.get(&path, &viewer).await.problem(403);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_invitation_that_was_withdrawn_or_sent_again_ends_its_link(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);
    let invite = async |email: &str| {
        let body = json!({"email": email, "role": "admin"});
        world.post(&path, &shop.owner, body).await.ok(201)
    };
    let (gone, again) = (invite("a@example.test").await, invite("b@example.test").await);
    let at = |made: &Value| format!("{path}/{}", made["id"].as_str().unwrap());

    world.delete(&at(&gone), &shop.owner).await.ok(204);
    let renewed = world
        .post(&format!("{}/send", at(&again)), &shop.owner, json!({}))
        .await
        .ok(201);

    accept(&world, &token(&gone)).await.problem(422);
    accept(&world, &token(&again)).await.problem(422);
    assert_eq!(
        (&renewed["email"], &renewed["role"]),
        (&json!("b@example.test"), &json!("admin"))
    );
    accept(&world, &token(&renewed)).await.ok(200);
    world.delete(&at(&gone), &shop.owner).await.problem(404);
    let log = world
        .get(
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(200);
    let noted = |action: &str, target: &str| {
        let items = log["items"].as_array().unwrap();
        items
            .iter()
            .any(|item| item["action"] == action && item["target"] == target)
    };
    assert!(noted("invitation.withdraw", "a@example.test"));
    assert!(noted("invitation.send", "b@example.test"));
}
