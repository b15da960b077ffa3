use super::*;
use chrono::TimeDelta;
use store::instances::{Disk, Instance};

#[sqlx::test(migrations = "../store/migrations")]
async fn a_process_is_up_while_it_says_so_and_the_schema_is_all_there(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let now = world.api.now();
    for (role, seen) in [("gateway", 5), ("sender", 60)] {
        let instance = Instance {
            id: uuid::Uuid::now_v7(),
            role: role.to_owned(),
            version: "0.1.0".to_owned(),
            host: "one".to_owned(),
            disk: Some(Disk { free: 10, total: 20 }),
            started_at: now - TimeDelta::hours(1),
            seen_at: now - TimeDelta::seconds(seen),
        };
        store::instances::beat(&world.db, &instance).await.unwrap();
    }

    let system = world.get("/api/administration/system", &root).await.ok(200);
    let overview = world.get("/api/administration/overview", &root).await.ok(200);

    let of = |index: usize| {
        let instance = &system["instances"][index];
        (
            instance["role"].clone(),
            instance["is_up"].clone(),
            instance["uptime_seconds"].clone(),
        )
    };
    assert_eq!(of(0), (json!("gateway"), json!(true), json!(3600)));
    assert_eq!(of(1), (json!("sender"), json!(false), json!(3540)));
    assert_eq!(system["instances"][0]["disk_free_bytes"], 10);
    assert_eq!(overview["instances"], json!({"up": 1, "silent": 1}));
    assert!(system["database"]["bytes"].as_i64().unwrap() > 1_000_000);
    assert_eq!(system["database"]["tables"].as_array().unwrap().len(), 10);
    let migrations = system["migrations"].as_array().unwrap();
    assert!(migrations.len() >= 16);
    assert!(
        migrations
            .iter()
            .all(|migration| migration["is_applied"] == true && migration["description"].is_string())
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn times_and_failures_are_told_of_the_hour_or_the_day(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    talk(&world, &shop).await;
    let now = world.api.now();
    let two_hours_ago = now - TimeDelta::hours(2);
    run(
        &world,
        format!(
            "update messages set accepted_at = '{now}'::timestamptz - interval '3 seconds' where direction = 'inbound';
             update parts set state = 'sent', sent_at = '{now}';
             update answers set created_at = '{now}', path = '[
                 {{\"provider\": \"openai\", \"model\": \"a\", \"outcome\": \"timeout\", \"milliseconds\": 900}},
                 {{\"provider\": \"openai\", \"model\": \"b\", \"outcome\": \"answered\", \"milliseconds\": 300}},
                 {{\"provider\": \"openai\", \"model\": \"c\", \"outcome\": \"over_budget\", \"milliseconds\": 0}}]';
             update attempts set started_at = '{now}'::timestamptz - interval '1 second', ended_at = '{now}';
             update attempts set outcome = 'sent' where outcome = 'retry'"
        ),
    )
    .await;
    let latency = async |window: &str| {
        let path = format!("/api/administration/latency{window}");
        world.get(&path, &root).await
    };

    let hour = latency("").await.ok(200);

    let replies = &hour["accept_to_reply"][0];
    assert_eq!(
        (&replies["platform"], &replies["milliseconds"]["p50"]),
        (&json!("twilio"), &json!(3000.0))
    );
    let stages: Vec<_> = hour["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| &stage["stage"])
        .collect();
    assert_eq!(stages, ["retrieve", "model"]);
    assert_eq!(hour["stages"][0]["milliseconds"]["p99"], 4.0);
    let models = hour["models"].as_array().unwrap();
    assert_eq!(models.len(), 2, "{hour}");
    assert_eq!(
        (&models[0]["model"], &models[0]["error_rate"]),
        (&json!("a"), &json!(1.0))
    );
    assert_eq!(
        (&models[1]["model"], &models[1]["error_rate"]),
        (&json!("b"), &json!(0.0))
    );
    let platform = &hour["platforms"][0];
    assert_eq!(
        (&platform["failed"], &platform["error_rate"]),
        (&json!(1), &json!(0.5))
    );
    assert_eq!(platform["milliseconds"]["p50"], 1000.0);

    run(
        &world,
        format!(
            "update answers set created_at = '{two_hours_ago}'; update parts set sent_at = '{two_hours_ago}';
             update attempts set ended_at = '{two_hours_ago}'"
        ),
    )
    .await;
    let hour = latency("?window=hour").await.ok(200);
    let day = latency("?window=day").await.ok(200);
    for what in ["accept_to_reply", "stages", "models", "platforms"] {
        assert_eq!(hour[what], json!([]), "{what}");
        assert_ne!(day[what], json!([]), "{what}");
    }
    latency("?window=year").await.problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn dead_letters_of_all_workspaces_are_replayed_at_once_and_each_finds_its_own_in_its_activity(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let (one, two) = (world.shop().await, world.shop().await);
    for shop in [&one, &two] {
        talk(&world, shop).await;
    }
    run(
        &world,
        "insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason)
         select gen_random_uuid(), workspace_id, integration_id, 'part', id, 'gave up' from parts"
            .to_owned(),
    )
    .await;
    let open = async |query: String| {
        let path = format!("/api/administration/dead-letters/open?{query}");
        world.get(&path, &root).await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len()
    };
    let replay = async |body: Value| {
        world
            .post("/api/administration/dead-letters/replay", &root, body)
            .await
    };
    assert_eq!(open(String::new()).await, 2);
    assert_eq!(open(format!("workspace_id={}", one.workspace)).await, 1);
    assert_eq!(open(format!("integration_id={}", two.integration)).await, 1);

    replay(json!({})).await.problem(422);
    let first = replay(json!({"integration_id": one.integration})).await.ok(200);
    assert_eq!(first, json!({"parts": 1, "messages": 0}));
    assert_eq!(activity_of(&world, &one).await[0]["action"], "dead_letter.replay");
    assert_ne!(activity_of(&world, &two).await[0]["action"], "dead_letter.replay");
    let rest = replay(json!({"from": "2020-01-01T00:00:00Z"})).await.ok(200);
    assert_eq!(rest, json!({"parts": 1, "messages": 0}));
    assert_eq!(open(String::new()).await, 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn one_dead_letter_is_replayed_by_its_id_and_no_other_with_it(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    talk(&world, &shop).await;
    // Two of the same integration and moment.
    run(
        &world,
        "insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason, created_at)
         select gen_random_uuid(), workspace_id, integration_id, 'part', id, 'gave up', now() from parts
         cross join generate_series(1, 2)"
            .to_owned(),
    )
    .await;
    let list = "/api/administration/dead-letters/open";
    let before = world.get(list, &root).await.ok(200);
    let id = before["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/administration/dead-letters/{id}/replay");

    world.post(&path, &shop.owner, json!({})).await.problem(404);
    let replayed = world.post(&path, &root, json!({})).await.ok(200);

    assert_eq!(replayed, json!({"parts": 1, "messages": 0}));
    let left = world.get(list, &root).await.ok(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_ne!(left["items"][0]["id"], id);
    let activity = activity_of(&world, &shop).await;
    assert_eq!(
        (&activity[0]["action"], &activity[0]["target"]),
        (&json!("dead_letter.replay"), &json!(id))
    );
    world.post(&path, &root, json!({})).await.problem(404);
}
