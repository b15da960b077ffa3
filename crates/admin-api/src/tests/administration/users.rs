use super::*;

fn path(user: impl std::fmt::Display, what: &str) -> String {
    format!("/api/administration/users/{user}{what}")
}

#[sqlx::test(migrations = "../store/migrations")]
async fn accounts_are_found_by_address_name_state_workspace_and_office(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, own) = world.administrator().await;
    let workspace = world.workspace("Acme").await;
    let (_, viewer) = world.person(workspace, Role::Viewer).await;
    let (_, agent) = world.person(workspace, Role::Agent).await;
    world
        .post(&path(agent, "/disable"), &root, json!({}))
        .await
        .ok(204);
    run(
        &world,
        format!("update users set name = 'Margaret' where id = '{viewer}'"),
    )
    .await;
    let search = async |query: &str| {
        let path = format!("/api/administration/users?{query}");
        world.get(&path, &root).await.ok(200)
    };

    for (query, expected) in [
        ("", 3),
        ("q=MARGARET", 1),
        ("q=root%40", 1),
        ("state=active", 1),
        ("state=invited", 1),
        ("state=disabled", 1),
        ("is_administrator=true", 1),
        ("is_administrator=false", 2),
        (format!("workspace_id={workspace}").as_str(), 2),
        (format!("workspace_id={workspace}&state=disabled").as_str(), 1),
    ] {
        let found = search(query).await;
        assert_eq!(
            found["items"].as_array().unwrap().len(),
            expected,
            "{query}: {found}"
        );
    }
    let found = search("q=root").await;
    let user = &found["items"][0];
    assert_eq!(user["state"], "active");
    assert_eq!(user["last_sign_in_ip"], "127.0.0.1");
    assert_eq!(user["sessions"], 1);
    assert_eq!(
        (&user["workspaces"][0]["id"], &user["workspaces"][0]["role"]),
        (&json!(own), &json!("owner"))
    );
    let one = world.get(&path(viewer, ""), &root).await.ok(200);
    assert_eq!((&one["name"], &one["sessions"]), (&json!("Margaret"), &json!(1)));
    world
        .get("/api/administration/users?state=asleep", &root)
        .await
        .problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whoever_is_brought_in_chooses_a_password_by_a_link_that_works_once(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let new = json!({"email": "ada@example.test", "name": "Ada", "workspace_id": workspace, "role": "admin"});

    let made = world
        .post("/api/administration/users", &root, new.clone())
        .await
        .ok(201);

    assert_eq!(
        (&made["user"]["state"], &made["user"]["name"]),
        (&json!("invited"), &json!("Ada"))
    );
    assert_eq!(made["user"]["workspaces"][0]["role"], "admin");
    world
        .post("/api/administration/users", &root, new)
        .await
        .problem(409);
    let link = made["link"].as_str().unwrap().to_owned();
    let choose = async |link: &str| {
        let token = token_of(&link.to_owned().into());
        let body = json!({"token": token, "password": PASSWORD});
        world.post("/api/password-reset", &As::Nobody, body).await
    };
    let again = world
        .post(
            &path(made["user"]["id"].as_str().unwrap(), "/password-link"),
            &root,
            json!({}),
        )
        .await
        .ok(201);
    choose(&link).await.problem(422);
    choose(again["link"].as_str().unwrap()).await.ok(204);
    choose(again["link"].as_str().unwrap()).await.problem(422);
    let body = json!({"email": "ada@example.test", "password": PASSWORD});
    world.post("/api/session", &As::Nobody, body).await.ok(200);
    let log = world
        .get("/api/administration/activity?action=user.create", &root)
        .await;
    assert!(!log.text.contains("token"), "{}", log.text);
    assert_eq!(log.ok(200)["items"][0]["details"]["email"], "ada@example.test");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn somebody_is_brought_into_a_workspace_that_exists_with_a_role_that_belongs_to_one(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let nowhere = json!({"email": "a@example.test", "workspace_id": uuid::Uuid::now_v7()});
    let homeless = json!({"email": "a@example.test", "role": "agent"});

    world
        .post("/api/administration/users", &root, nowhere)
        .await
        .problem(404);
    world
        .post("/api/administration/users", &root, homeless)
        .await
        .problem(422);

    let all = world.get("/api/administration/users", &root).await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn all_sessions_of_somebody_are_ended_at_once(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let (member, id) = world.person(workspace, Role::Viewer).await;

    let ended = world.post(&path(id, "/sign-out"), &root, json!({})).await.ok(200);

    assert_eq!(ended, json!({"sessions": 1}));
    world.get("/api/session", &member).await.problem(401);
    world.get("/api/session", &root).await.ok(200);
    world
        .post(&path(uuid::Uuid::now_v7(), "/sign-out"), &root, json!({}))
        .await
        .problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whoever_has_to_choose_another_password_can_do_nothing_before(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let (member, id) = world.person(workspace, Role::Viewer).await;
    let require = path(id, "/require-password-change");
    world.post(&require, &root, json!({})).await.problem(409);
    let hash = world.api.passwords().hash(PASSWORD.into()).await.unwrap();
    run(
        &world,
        format!("update users set password_hash = '{hash}' where id = '{id}'"),
    )
    .await;

    world.post(&require, &root, json!({})).await.ok(204);

    let seat = format!("/api/workspaces/{workspace}");
    let refused = world.get(&seat, &member).await;
    assert_eq!(
        refused.json()["type"],
        "urn:botsmith:problem:password-change-required"
    );
    refused.problem(403);
    let me = world.get("/api/session", &member).await.ok(200);
    assert_eq!(me["must_change_password"], true);
    let change = async |new: &str| {
        let body = json!({"current_password": PASSWORD, "new_password": new});
        world.put("/api/session/password", &member, body).await
    };
    change(PASSWORD).await.problem(422);
    let changed = change("another horse staple").await;
    assert_eq!(changed.status, 204, "{}", changed.text);
    let member = As::Cookie(changed.cookie().unwrap());
    world.get(&seat, &member).await.ok(200);
    let me = world.get("/api/session", &member).await.ok(200);
    assert_eq!(me["must_change_password"], false);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_disabled_account_gets_no_link_and_loses_the_one_it_has(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let (_, id) = world.person(workspace, Role::Viewer).await;
    let made = world
        .post(&path(id, "/password-link"), &root, json!({}))
        .await
        .ok(201);

    world.post(&path(id, "/disable"), &root, json!({})).await.ok(204);

    world
        .post(&path(id, "/password-link"), &root, json!({}))
        .await
        .problem(409);
    let token = token_of(&made["link"].as_str().unwrap().to_owned().into());
    let body = json!({"token": token, "password": PASSWORD});
    world
        .post("/api/password-reset", &As::Nobody, body)
        .await
        .problem(422);
    let log = world
        .get("/api/administration/activity?action=user.disable", &root)
        .await
        .ok(200);
    assert_eq!(
        log["items"][0]["details"],
        json!({"before": {"disabled": false}, "after": {"disabled": true}})
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_link_that_was_asked_for_with_an_idempotency_key_is_kept_nowhere(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, workspace) = world.administrator().await;
    let (_, id) = world.person(workspace, Role::Viewer).await;
    let ask = async || {
        let request = world.request(reqwest::Method::POST, &path(id, "/password-link"), &root);
        let request = request.header("idempotency-key", "one").json(&json!({}));
        world.send(request).await.ok(201)["link"].clone()
    };

    let (first, second) = (ask().await, ask().await);

    assert_ne!(first, second);
    let kept: i64 = sqlx::query_scalar("select count(*) from idempotency_keys")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
