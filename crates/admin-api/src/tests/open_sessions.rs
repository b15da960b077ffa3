//! Seeing where one is signed in, and ending it.

use super::{Answer, As, PASSWORD, World};
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn sign_in(world: &World) -> As {
    let request = world
        .request(Method::POST, "/api/session", &As::Nobody)
        .header("user-agent", FIREFOX);
    let answer: Answer = world
        .send(request.json(&json!({"email": "root@example.test", "password": PASSWORD})))
        .await;
    As::Cookie(answer.cookie().unwrap())
}

async fn sessions(world: &World, who: &As) -> Vec<Value> {
    let listed = world.get("/api/session/sessions", who).await.ok(200);
    listed["items"].as_array().unwrap().clone()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn ones_sessions_are_listed_with_browser_and_address_and_the_present_one_is_marked(pool: PgPool) {
    let world = World::new(pool).await;
    let (here, workspace) = world.administrator().await;
    sign_in(&world).await;
    world.person(workspace, Role::Viewer).await;

    let listed = sessions(&world, &here).await;

    assert_eq!(listed.len(), 2, "and nobody else's: {listed:?}");
    let elsewhere = listed.iter().find(|session| session["is_this"] == false).unwrap();
    assert_eq!(
        (&elsewhere["browser"], &elsewhere["system"], &elsewhere["ip"]),
        (&json!("Firefox"), &json!("Linux"), &json!("127.0.0.1"))
    );
    assert!(listed.iter().any(|session| session["is_this"] == true));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn one_session_or_all_others_are_ended_at_once_and_it_is_noted(pool: PgPool) {
    let world = World::new(pool).await;
    let (here, workspace) = world.administrator().await;
    let (first, second, third) = (
        sign_in(&world).await,
        sign_in(&world).await,
        sign_in(&world).await,
    );
    let (stranger, _) = world.person(workspace, Role::Owner).await;
    let own = sessions(&world, &first).await;
    let id_of = |listed: &[Value]| {
        let this = listed.iter().find(|session| session["is_this"] == true).unwrap();
        this["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/api/session/sessions/{}", id_of(&own));

    world.delete(&path, &stranger).await.problem(404);
    assert!(
        world
            .delete(&path, &first)
            .await
            .problem(409)
            .contains("sign out")
    );
    world.delete(&path, &here).await.ok(204);
    world.get("/api/session", &first).await.problem(401);
    world.get("/api/session", &second).await.ok(200);

    let ended = world.delete("/api/session/sessions", &here).await.ok(200);
    assert_eq!(ended, json!({"sessions": 2}));
    world.get("/api/session", &second).await.problem(401);
    world.get("/api/session", &third).await.problem(401);
    world.get("/api/session", &here).await.ok(200);
    world.get("/api/session", &stranger).await.ok(200);
    let log = world
        .get("/api/administration/activity?action=session", &here)
        .await
        .ok(200);
    let actions: Vec<&Value> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["action"])
        .collect();
    assert_eq!(actions, ["session.end_others", "session.end"]);
}
