use super::*;
use chrono::{Datelike, TimeDelta};

#[sqlx::test(migrations = "../store/migrations")]
async fn the_overview_counts_what_there_is(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let (w, chatbot, integration) = (shop.workspace, shop.chatbot, shop.integration);
    let conversation = talk.conversation;
    let now = world.api.now();
    for (days, inbound, outbound) in [
        (0, 2, 1),
        (1, 1, 0),
        (6, 1, 1),
        (7, 5, 0),
        (29, 3, 0),
        (30, 100, 100),
    ] {
        let at = now - TimeDelta::days(days);
        for (direction, count) in [("inbound", inbound), ("outbound", outbound)] {
            run(
                &world,
                format!(
                    "insert into messages (id, workspace_id, conversation_id, direction, text, accepted_at)
                     select overlay(gen_random_uuid()::text placing left(first_id('{at}')::text, 13) from 1 for 13)::uuid,
                            '{w}', '{conversation}', '{direction}', '', '{at}'
                     from generate_series(1, {count})"
                ),
            )
            .await;
        }
    }
    run(
        &world,
        format!(
            "insert into dead_letters (id, workspace_id, integration_id, kind, reason)
                 values (gen_random_uuid(), '{w}', '{integration}', 'turn', 'r');
             insert into chatbots (id, workspace_id, name, fallback_text, archived_at)
                 values (gen_random_uuid(), '{w}', 'old', '', now()), (gen_random_uuid(), '{w}', 'new', '', null);
             update answers set cost_micros = 1500000;
             insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model,
                                  prompt_version, stages, cost_micros, created_at)
                 values (gen_random_uuid(), '{w}', '{chatbot}', '{conversation}', '', '[]', '[]', 'm', 1, '{{}}',
                         9000000, '{}');
             update integrations set state = 'error'",
            now - TimeDelta::days(i64::from(now.day())),
        ),
    )
    .await;

    store::analytics::recount(&world.db, now - TimeDelta::days(31), now)
        .await
        .unwrap();

    let overview = world.get("/api/administration/overview", &root).await.ok(200);

    assert_eq!(overview["users"], json!({"total": 2, "active": 2, "disabled": 0}));
    assert_eq!(overview["workspaces"], 2);
    assert_eq!(
        overview["chatbots"],
        json!({"active": 2, "answering": 1, "paused": 0, "archived": 1})
    );
    assert_eq!(overview["conversations"], json!({"total": 1, "with_humans": 0}));
    // The talk has a question and an answer of today.
    assert_eq!(
        overview["messages"]["today"],
        json!({"inbound": 3, "outbound": 2})
    );
    assert_eq!(
        overview["messages"]["last_7_days"],
        json!({"inbound": 5, "outbound": 3})
    );
    assert_eq!(
        overview["messages"]["last_30_days"],
        json!({"inbound": 13, "outbound": 3})
    );
    let trend = overview["trend"].as_array().unwrap();
    assert_eq!(trend.len(), 30);
    assert_eq!(trend[29]["day"], now.date_naive().to_string());
    assert_eq!(
        (&trend[22]["inbound"], &trend[0]["inbound"]),
        (&json!(5), &json!(3))
    );
    assert_eq!(
        overview["integrations"],
        json!([{"platform": "twilio", "state": "error", "enabled": true, "integrations": 1}])
    );
    assert_eq!(
        overview["errors"],
        json!({
            "dead_letters": 1, "quarantined": 0, "failed_parts": 1, "failed_sources": 0, "broken_integrations": 1,
        })
    );
    assert_eq!(
        (&overview["cost"]["usd"], &overview["cost"]["answers"]),
        (&json!(1.5), &json!(1))
    );
    assert_eq!(overview["queues"]["ready"], true);
}
