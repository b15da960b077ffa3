//! Administrators who act as somebody else.

use super::{Answer, As, Shop, World};
use crate::{route::Access, routes};
use domain::{Role, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

const WHY: &str = "Ticket 4711: the bot does not answer";

struct Scene {
    world: World,
    root: As,
    shop: Shop,
    owner: UserId,
}

impl Scene {
    async fn new(pool: PgPool) -> Self {
        let world = World::new(pool).await;
        let (root, _) = world.administrator().await;
        let shop = world.shop().await;
        let me = world.get("/api/session", &shop.owner).await.ok(200);
        let owner = me["user"]["id"].as_str().unwrap().parse().unwrap();
        Self {
            world,
            root,
            shop,
            owner,
        }
    }

    async fn begin(&self, user: UserId, reason: &str) -> Answer {
        let path = format!("/api/administration/users/{user}/impersonate");
        self.world
            .post(&path, &self.root, json!({ "reason": reason }))
            .await
    }

    /// The administrator as the shop's owner.
    async fn acting(&self) -> As {
        let begun = self.begin(self.owner, WHY).await;
        assert_eq!(begun.status, 204, "{}", begun.text);
        As::Cookie(begun.cookie().unwrap())
    }

    /// What the shop sees of it.
    async fn activity(&self) -> Vec<Value> {
        let path = format!("/api/workspaces/{}/activity", self.shop.workspace);
        let listed = self.world.get(&path, &self.shop.owner).await.ok(200);
        listed["items"].as_array().unwrap().clone()
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_administrator_acts_as_somebody_and_the_workspace_sees_both_names_in_all_of_it(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let world = &scene.world;
    let acting = scene.acting().await;

    let me = world.get("/api/session", &acting).await.ok(200);
    let path = format!("/api/chatbots/{}", scene.shop.chatbot);
    world
        .patch(&path, &acting, json!({"name": "Mended"}))
        .await
        .ok(200);
    world.get("/api/administration/users", &acting).await.problem(404);
    let ended = world.delete("/api/session/impersonation", &acting).await;

    assert_eq!(me["user"]["id"], scene.owner.to_string());
    assert_eq!(
        (
            &me["impersonation"]["administrator"],
            &me["impersonation"]["reason"]
        ),
        (&json!("root@example.test"), &json!(WHY))
    );
    // Ended: the administrator is back, and the cookie of before is worth nothing.
    let back = As::Cookie(ended.cookie().unwrap());
    assert_eq!(ended.ok(200)["user"]["email"], "root@example.test");
    world.get("/api/administration/users", &back).await.ok(200);
    world.get("/api/session", &acting).await.problem(401);
    let log = scene.activity().await;
    let actions: Vec<&Value> = log.iter().take(3).map(|entry| &entry["action"]).collect();
    assert_eq!(
        actions,
        ["impersonation.end", "chatbot.update", "impersonation.begin"]
    );
    assert_eq!(log[1]["user_id"], scene.owner.to_string());
    assert_eq!(log[1]["details"]["impersonated_by"], "root@example.test");
    for entry in [&log[0], &log[2]] {
        assert_eq!(entry["details"]["administrator"], "root@example.test");
        assert!(entry["details"]["person"].as_str().unwrap().starts_with("owner."));
        assert_eq!(entry["details"]["reason"], WHY);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn it_is_refused_without_a_reason_of_oneself_of_administrators_and_of_the_disabled(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let world = &scene.world;
    let me = world.get("/api/session", &scene.root).await.ok(200);
    let root: UserId = me["user"]["id"].as_str().unwrap().parse().unwrap();
    let (_, other) = world.person(scene.shop.workspace, Role::Viewer).await;
    let (_, disabled) = world.person(scene.shop.workspace, Role::Viewer).await;
    let path = format!("/api/administration/users/{disabled}/disable");
    world.post(&path, &scene.root, json!({})).await.ok(204);
    make_administrator(world, other).await;

    assert!(
        scene
            .begin(scene.owner, " ")
            .await
            .problem(422)
            .contains("reason")
    );
    assert!(scene.begin(root, WHY).await.problem(409).contains("your own"));
    assert!(
        scene
            .begin(other, WHY)
            .await
            .problem(409)
            .contains("another administrator")
    );
    assert!(scene.begin(disabled, WHY).await.problem(409).contains("disabled"));
    scene.begin(UserId::new(), WHY).await.problem(404);
    // Whoever becomes one meanwhile is acted as no longer.
    let acting = scene.acting().await;
    make_administrator(world, scene.owner).await;
    world.get("/api/session", &acting).await.problem(401);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_is_the_persons_alone_is_closed_and_everything_else_is_not(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let world = &scene.world;
    let acting = scene.acting().await;
    let (mut closed, mut open) = (Vec::new(), 0);

    for route in routes::table() {
        let path = route
            .path
            .replace("{workspace_id}", &scene.shop.workspace.to_string())
            .replace("{chatbot_id}", &scene.shop.chatbot.to_string());
        let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
        if route.in_person {
            let path = filled(&path);
            let answer = world
                .send(world.request(method, &path, &acting).json(&json!({})))
                .await;
            assert!(answer.problem(403).contains("theirs alone"), "{path}");
            closed.push(format!("{}_{}", route.subject, route.name));
        } else if method == Method::GET && matches!(route.access, Access::Member(_)) && !path.contains('{') {
            // Not to its end: a stream of events has none.
            let answer = world.request(method, &path, &acting).send().await.unwrap();
            assert_ne!(answer.status(), 403, "{path}");
            open += 1;
        }
    }

    for secret in [
        "sessions_change_password",
        "second_factor_begin",
        "second_factor_turn_off",
        "api_keys_create",
        "api_keys_revoke",
        "invitations_invite",
        "members_accept",
        "integrations_save",
    ] {
        assert!(closed.iter().any(|name| name == secret), "{secret} is open");
    }
    assert!(open > 10, "only {open} pages are open");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn it_ends_after_an_hour_and_with_the_administrators_own_session_and_that_is_noted(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let world = &scene.world;
    let acting = scene.acting().await;

    world.clock.advance(Duration::from_secs(59 * 60));
    world.get("/api/session", &acting).await.ok(200);
    world.clock.advance(Duration::from_secs(60));
    world.get("/api/session", &acting).await.problem(401);
    let lapsed = store::impersonations::end_lapsed(&world.db, world.api.now())
        .await
        .unwrap();
    assert_eq!(lapsed, 1);

    let acting = scene.acting().await;
    world.delete("/api/session", &scene.root).await.ok(204);
    world.get("/api/session", &acting).await.problem(401);
    let lapsed = store::impersonations::end_lapsed(&world.db, world.api.now())
        .await
        .unwrap();
    assert_eq!(lapsed, 1);

    let log = scene.activity().await;
    let ends = log.iter().filter(|entry| entry["action"] == "impersonation.end");
    assert_eq!(ends.count(), 2);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn signing_out_while_acting_signs_the_administrator_out_too(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let world = &scene.world;
    let acting = scene.acting().await;

    world.delete("/api/session", &acting).await.ok(204);

    world.get("/api/session", &acting).await.problem(401);
    world.get("/api/session", &scene.root).await.problem(401);
    world.get("/api/session", &scene.shop.owner).await.ok(200);
    assert_eq!(scene.activity().await[0]["action"], "impersonation.end");
}

fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| {
            if part.starts_with('{') {
                uuid::Uuid::now_v7().to_string()
            } else {
                part.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

async fn make_administrator(world: &World, user: UserId) {
    sqlx::query("update users set is_administrator = true where id = $1")
        .bind(user.as_uuid())
        .execute(&world.pool)
        .await
        .unwrap();
}
