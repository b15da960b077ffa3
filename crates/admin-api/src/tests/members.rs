//! Workspaces, members, invitations and keys.

use super::{As, PASSWORD, World};
use domain::Role;
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;

fn token(link: &serde_json::Value) -> String {
    link["link"]
        .as_str()
        .unwrap()
        .split_once("#invite=")
        .unwrap()
        .1
        .to_owned()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_invitation_makes_an_account_once(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);
    let invite = json!({"email": "new@example.test", "role": "agent"});
    let old = world.post(&path, &shop.owner, invite.clone()).await.ok(201);
    let link = world.post(&path, &shop.owner, invite).await.ok(201);
    let accept = async |token: &str| {
        world
            .post(
                "/api/invitations/accept",
                &As::Nobody,
                json!({"token": token, "name": "New", "password": PASSWORD}),
            )
            .await
    };

    accept(&token(&old)).await.problem(422);
    let joined = accept(&token(&link)).await;
    accept(&token(&link)).await.problem(422);

    assert_eq!(joined.status, 200, "{}", joined.text);
    let me = joined.json();
    assert_eq!(
        (&me["workspaces"][0]["role"], &me["user"]["is_administrator"]),
        (&json!("agent"), &json!(false))
    );
    let new = As::Cookie(joined.cookie().unwrap());
    world
        .get(&format!("/api/chatbots/{}", shop.chatbot), &new)
        .await
        .ok(200);
    assert!(
        link["link"]
            .as_str()
            .unwrap()
            .starts_with("https://bots.example.com/link#invite=")
    );
}

/// Otherwise whoever owns a workspace could set anybody's password by inviting them.
#[sqlx::test(migrations = "../store/migrations")]
async fn s16_an_invitation_gives_nobody_an_account_that_exists(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);
    let link = world
        .post(
            &path,
            &shop.owner,
            json!({"email": "Root@Example.test", "role": "viewer"}),
        )
        .await
        .ok(201);
    let body = json!({"token": token(&link), "password": "staple battery horse"});

    let stranger = world
        .post("/api/invitations/accept", &As::Nobody, body.clone())
        .await;
    let other = world
        .post("/api/invitations/accept", &shop.owner, body.clone())
        .await;
    let signed_in = world
        .post(
            "/api/session",
            &As::Nobody,
            json!({"email": "root@example.test", "password": PASSWORD}),
        )
        .await;
    let accepted = world.post("/api/invitations/accept", &root, body).await;

    assert!(stranger.problem(409).contains("sign in with it"));
    other.problem(409);
    assert_eq!(signed_in.status, 200, "the password was changed");
    assert_eq!(accepted.ok(200)["workspaces"].as_array().unwrap().len(), 2);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s16_an_invitation_ends_after_half_an_hour(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);
    let link = world
        .post(
            &path,
            &shop.owner,
            json!({"email": "new@example.test", "role": "agent"}),
        )
        .await
        .ok(201);

    world.clock.advance(Duration::from_secs(30 * 60));

    let body = json!({"token": token(&link), "password": PASSWORD});
    world
        .post("/api/invitations/accept", &As::Nobody, body)
        .await
        .problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_last_owner_stays_and_others_can_be_changed(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let members = format!("/api/workspaces/{}/members", shop.workspace);
    let (_, agent) = world.person(shop.workspace, Role::Agent).await;
    let owner = world.get("/api/session", &shop.owner).await.ok(200)["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let stepping_down = world
        .patch(
            &format!("{members}/{owner}"),
            &shop.owner,
            json!({"role": "admin"}),
        )
        .await;
    let leaving = world.delete(&format!("{members}/{owner}"), &shop.owner).await;
    assert!(stepping_down.problem(409).contains("last owner"));
    leaving.problem(409);

    world
        .patch(
            &format!("{members}/{agent}"),
            &shop.owner,
            json!({"role": "owner"}),
        )
        .await
        .ok(204);
    let bad = world
        .patch(
            &format!("{members}/{agent}"),
            &shop.owner,
            json!({"role": "king"}),
        )
        .await;
    bad.problem(422);
    world
        .patch(
            &format!("{members}/{owner}"),
            &shop.owner,
            json!({"role": "viewer"}),
        )
        .await
        .ok(204);
    // No owner any more.
    world
        .patch(
            &format!("{members}/{agent}"),
            &shop.owner,
            json!({"role": "viewer"}),
        )
        .await
        .problem(403);
    let listed = world.get(&members, &shop.owner).await.ok(200);
    let roles: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["viewer", "owner"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_key_is_shown_once_opens_its_workspace_with_its_role_and_ends_when_revoked(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let keys = format!("/api/workspaces/{}/api-keys", shop.workspace);

    let made = world
        .post(&keys, &shop.owner, json!({"name": "ci", "role": "viewer"}))
        .await
        .ok(201);
    let key = As::Key(made["key"].as_str().unwrap().to_owned());
    let chatbot = format!("/api/chatbots/{}", shop.chatbot);

    world.get(&chatbot, &key).await.ok(200);
    world
        .patch(&chatbot, &key, json!({"name": "x"}))
        .await
        .problem(403);
    world.get("/api/session", &key).await.problem(403);
    let listed = world.get(&keys, &shop.owner).await;
    assert!(!listed.text.contains(made["key"].as_str().unwrap()));
    let listed = listed.ok(200);
    assert!(
        made["key"]
            .as_str()
            .unwrap()
            .starts_with(listed["items"][0]["prefix"].as_str().unwrap())
    );
    assert!(listed["items"][0]["last_used_at"].is_string());
    let path = format!("{keys}/{}", made["api_key"]["id"].as_str().unwrap());
    world.delete(&path, &shop.owner).await.ok(204);
    world.delete(&path, &shop.owner).await.problem(404);
    world.get(&chatbot, &key).await.problem(401);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_workspace_is_made_and_renamed_by_its_owner(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, first) = world.administrator().await;

    let made = world
        .post("/api/workspaces", &root, json!({"name": " Globex "}))
        .await
        .ok(201);
    let path = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
    let renamed = world
        .patch(&path, &root, json!({"name": "Initech"}))
        .await
        .ok(200);

    assert_eq!(
        (&made["name"], &made["role"]),
        (&json!("Globex"), &json!("owner"))
    );
    assert_eq!(renamed["name"], "Initech");
    let listed = world.get("/api/workspaces", &root).await.ok(200);
    let names: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["My workspace", "Initech"]);
    let (viewer, _) = world.person(first, Role::Viewer).await;
    world.get(&path, &viewer).await.problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_administrator_cannot_lock_themselves_out(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let me = world.get("/api/session", &root).await.ok(200)["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (member, id) = world.person(workspace, Role::Viewer).await;

    world
        .post(
            &format!("/api/administration/users/{me}/disable"),
            &root,
            json!({}),
        )
        .await
        .problem(409);
    world
        .post(
            &format!("/api/administration/users/{id}/disable"),
            &root,
            json!({}),
        )
        .await
        .ok(204);
    world.get("/api/session", &member).await.problem(401);
    world
        .post(
            &format!("/api/administration/users/{id}/enable"),
            &root,
            json!({}),
        )
        .await
        .ok(204);
    // Enabled again; the old session stays ended.
    world.get("/api/session", &member).await.problem(401);
}
