//! A chatbot goes to another workspace by an administrator's hand, whole, and by nobody else's.

use super::*;
use accounts::{Age, QUARANTINED, REPLY_TO};
use uuid::Uuid;
use vault::Place;

fn path(shop: &Shop) -> String {
    format!("/api/administration/chatbots/{}/transfer", shop.chatbot)
}

async fn pause(world: &World, shop: &Shop, root: &As) {
    let path = format!("/api/administration/chatbots/{}/pause", shop.chatbot);
    world
        .post(&path, root, json!({"reason": "it moves"}))
        .await
        .ok(200);
}

async fn number(world: &World, sql: String) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn only_administrators_move_a_chatbot_and_see_what_that_would_do(pool: PgPool) {
    let world = World::new(pool).await;
    let (_root, _) = world.administrator().await;
    let shop = world.shop().await;
    let there = world.workspace("Elsewhere").await;
    let (both, _) = world.person(there, Role::Owner).await;
    let input = json!({"workspace_id": there, "reason": "r"});

    for who in [&shop.owner, &both] {
        world
            .get(&format!("{}?workspace_id={there}", path(&shop)), who)
            .await
            .problem(404);
        world.post(&path(&shop), who, input.clone()).await.problem(404);
    }
    world.post(&path(&shop), &As::Nobody, input).await.problem(401);

    let home = number(
        &world,
        format!(
            "select count(*) from chatbots where id = '{}' and workspace_id = '{}'",
            shop.chatbot, shop.workspace
        ),
    )
    .await;
    assert_eq!(home, 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_preview_counts_what_moves_and_says_what_stands_against_it(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    talk(&world, &shop).await;
    let there = world.workspace("Elsewhere").await;
    let preview = async || {
        let path = format!("{}?workspace_id={there}", path(&shop));
        world.get(&path, &root).await.ok(200)
    };

    let running = preview().await;
    pause(&world, &shop, &root).await;
    let paused = preview().await;

    assert_eq!(running["obstacles"][0]["what"], "running");
    assert_eq!(paused["obstacles"], json!([]));
    assert_eq!(
        (&paused["from"]["workspace_name"], &paused["to"]["workspace_name"]),
        (&json!("Shop"), &json!("Elsewhere"))
    );
    let moves = &paused["moves"];
    assert_eq!(
        (
            &moves["integrations"],
            &moves["conversations"],
            &moves["messages"]
        ),
        (&json!(1), &json!(1), &json!(2))
    );
    assert!(
        paused["stays"]
            .as_array()
            .unwrap()
            .iter()
            .any(|stay| stay["what"] == "costs")
    );
    assert_eq!(paused["resealed"], Value::Null);
    let nowhere = format!("{}?workspace_id={}", path(&shop), Uuid::now_v7());
    world.get(&nowhere, &root).await.problem(404);
    let here = format!("{}?workspace_id={}", path(&shop), shop.workspace);
    world.get(&here, &root).await.problem(409);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_moved_chatbot_is_the_other_workspaces_with_secrets_that_open_there_and_both_read_of_it(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let said = talk(&world, &shop).await;
    let there = world.workspace("Elsewhere").await;
    let (new_owner, _) = world.person(there, Role::Owner).await;
    let (message, quarantined) = (said.question, Uuid::now_v7());
    for (row, column, place) in [
        (message, REPLY_TO, "update messages set reply_to = $1 where id = $2"),
        (
            quarantined,
            QUARANTINED,
            "insert into quarantine (id, workspace_id, integration_id, kind, received_at, size, cause, words, sealed)
             select $2, workspace_id, id, 'inbound', now(), 1, 'c', 'w', $1 from integrations",
        ),
    ] {
        let sealed = world
            .keyring
            .seal(shop.workspace, Place { row, column }, b"to be answered")
            .await
            .unwrap();
        sqlx::query(place)
            .bind(sealed)
            .bind(row)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    // What a process keeps of it is forgotten by the event.
    let platform = domain::Platform::from_static("twilio");
    world
        .accounts
        .of_chatbot(shop.chatbot.into(), &platform, Age::Kept)
        .await
        .unwrap()
        .unwrap();
    pause(&world, &shop, &root).await;

    let input = json!({"workspace_id": there, "reason": "a company of its own"});
    let moved = world.post(&path(&shop), &root, input.clone()).await.ok(200);

    assert_eq!(moved["resealed"], 3);
    assert_eq!(moved["obstacles"], json!([]));
    for (row, column, sql) in [
        (message, REPLY_TO, "select reply_to from messages where id = $1"),
        (
            quarantined,
            QUARANTINED,
            "select sealed from quarantine where id = $1",
        ),
    ] {
        let sealed: Vec<u8> = sqlx::query_scalar(sql)
            .bind(row)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        let place = Place { row, column };
        let opened = world.keyring.open(there, place, &sealed).await.unwrap();
        assert_eq!(opened.as_slice(), b"to be answered");
        assert!(world.keyring.open(shop.workspace, place, &sealed).await.is_err());
    }
    let account = world
        .accounts
        .of_chatbot(shop.chatbot.into(), &platform, Age::Now)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(account.workspace, there);

    let chatbot = format!("/api/chatbots/{}", shop.chatbot);
    let talks = |workspace| format!("/api/workspaces/{workspace}/conversations");
    world.get(&chatbot, &shop.owner).await.problem(404);
    assert_eq!(world.get(&chatbot, &new_owner).await.ok(200)["name"], "Help");
    let old = world.get(&talks(shop.workspace), &shop.owner).await.ok(200);
    assert_eq!(old["items"], json!([]));
    let new = world.get(&talks(there), &new_owner).await.ok(200);
    assert_eq!(new["items"].as_array().unwrap().len(), 1);

    let read = async |workspace: domain::WorkspaceId, who: &As| {
        let path = format!("/api/workspaces/{workspace}/activity");
        let listed = world.get(&path, who).await.ok(200);
        listed["items"][0].clone()
    };
    for entry in [
        read(shop.workspace, &shop.owner).await,
        read(there, &new_owner).await,
    ] {
        assert_eq!(entry["action"], "chatbot.transfer");
        let details = &entry["details"];
        assert_eq!(details["before"]["workspace_name"], "Shop", "{entry}");
        assert_eq!(details["after"]["workspace_name"], "Elsewhere");
        assert_eq!(details["reason"], "a company of its own");
    }
    world.post(&path(&shop), &root, input).await.problem(409);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_is_under_way_or_cannot_be_opened_keeps_a_chatbot_where_it_is(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    talk(&world, &shop).await;
    let there = world.workspace("Elsewhere").await;
    let input = json!({"workspace_id": there, "reason": "r"});
    let refused = async || world.post(&path(&shop), &root, input.clone()).await.problem(409);

    assert!(refused().await.contains("pause it first"));
    pause(&world, &shop, &root).await;
    run(&world, "update parts set state = 'sending'".to_owned()).await;
    let sending = refused().await;
    assert!(
        sending.contains("being sent: 1") && sending.contains("try again"),
        "{sending}"
    );
    run(
        &world,
        "update parts set state = 'dead'; update integrations set credentials = credentials || '\\x00'"
            .to_owned(),
    )
    .await;
    let damaged = refused().await;
    assert!(
        damaged.contains("nothing was moved") && damaged.contains("integrations.credentials"),
        "{damaged}"
    );
    let left = number(
        &world,
        format!("select count(*) from conversations where workspace_id = '{there}'"),
    )
    .await;
    assert_eq!(left, 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_plan_of_the_other_workspace_and_the_installations_limit_hold(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let there = world.workspace("Elsewhere").await;
    pause(&world, &shop, &root).await;
    let plan = Uuid::now_v7();
    run(
        &world,
        format!(
            "insert into plans (id, name, price_minor, currency, max_chatbots, created_at, updated_at)
                 values ('{plan}', 'Tiny', 0, 'EUR', 0, now(), now());
             insert into subscriptions (workspace_id, plan_id, state, billing, price_minor, currency, anchor, period_start, period_end, started_at, updated_at)
                 values ('{there}', '{plan}', 'active', 'manual', 0, 'EUR', now(), now(), now() + interval '1 month', now(), now())"
        ),
    )
    .await;
    let input = json!({"workspace_id": there, "reason": "r"});

    let of_plan = world.post(&path(&shop), &root, input.clone()).await.problem(402);
    let preview = format!("{}?workspace_id={there}", path(&shop));
    let seen = world.get(&preview, &root).await.ok(200);
    run(&world, "delete from subscriptions".to_owned()).await;
    let switches = json!({"everybody_makes_workspaces": true, "tools": true, "mcp_servers": true, "chatbots_per_workspace": 0});
    world
        .put("/api/administration/switches", &root, switches)
        .await
        .ok(200);
    let of_installation = world.post(&path(&shop), &root, input.clone()).await.problem(409);
    // One that is put away takes no place.
    run(&world, "update chatbots set archived_at = now()".to_owned()).await;
    world.post(&path(&shop), &root, input).await.ok(200);

    assert!(of_plan.contains("plan Tiny allows 0 chatbots"), "{of_plan}");
    assert_eq!(seen["obstacles"][0]["what"], "limit");
    assert!(
        of_installation.contains("0 chatbots at most"),
        "{of_installation}"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn workspaces_are_found_by_a_part_of_their_names(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    world.workspace("Fern & Kettle").await;
    world.workspace("Elsewhere").await;

    let found = world
        .get("/api/administration/workspaces?q=kettle", &root)
        .await
        .ok(200);

    assert_eq!(each(&found, "name"), ["Fern & Kettle"]);
}
