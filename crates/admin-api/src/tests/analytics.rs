//! What happens, told by the API.

use super::{Shop, World};
use chrono::Utc;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// A conversation in which a person wrote twice and the bot answered once.
async fn conversation(world: &World, shop: &Shop) {
    let (workspace, chatbot, integration) = (shop.workspace, shop.chatbot, shop.integration);
    let [contact, conversation, first, second, reply, answer] = std::array::from_fn(|_| Uuid::now_v7());
    let sql = format!(
        "set role botsmith_system;
         insert into contacts (id, workspace_id, integration_id, key)
             values ('{contact}', '{workspace}', '{integration}', '{contact}');
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
             values ('{conversation}', '{workspace}', '{chatbot}', '{integration}', '{contact}', '{contact}');
         insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at, answered_at)
             values ('{first}', '{workspace}', '{conversation}', 'inbound', 'answered', 'a', now(), now() + interval '3 s'),
                    ('{second}', '{workspace}', '{conversation}', 'inbound', 'waiting', 'b', now(), null);
         insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at)
             values ('{reply}', '{workspace}', '{conversation}', 'outbound', 'bot', 'c', now());
         insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model,
                              prompt_version, tokens_in, tokens_out, cost_micros, stages)
             values ('{answer}', '{workspace}', '{chatbot}', '{conversation}', 'a', '[]', '[]', 'm', 1, 100, 20, 2500, '{{}}');
         reset role"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&world.pool)
        .await
        .unwrap();
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_happened_is_told_in_sum_by_step_and_by_chatbot_and_as_a_table(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    for _ in 0..3 {
        conversation(&world, &shop).await;
    }
    store::analytics::refresh(&world.db, Utc::now()).await.unwrap();
    let path = format!("/api/workspaces/{}/analytics", shop.workspace);

    let told = world
        .get(&format!("{path}?time_zone=Europe/Berlin&step=week"), &shop.owner)
        .await
        .ok(200);

    let total = &told["total"];
    assert_eq!(
        [
            &total["conversations"],
            &total["inbound"],
            &total["by_bot"],
            &total["tokens"]
        ],
        [&json!(3), &json!(6), &json!(3), &json!(360)]
    );
    assert_eq!(
        (&total["cost"], &total["resolved_share"]),
        (&json!(0.0075), &json!(1.0))
    );
    let wait = total["wait_p50_seconds"].as_f64().unwrap();
    assert!((2.0..=4.0).contains(&wait), "{wait}");
    assert_eq!(told["before"]["inbound"], 0);
    assert_eq!(told["before"]["wait_p50_seconds"], json!(null));
    assert_eq!(told["by_chatbot"][0]["chatbot_id"], shop.chatbot.to_string());
    assert_eq!(told["by_platform"].as_array().unwrap().len(), 1);
    let sum: i64 = told["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["inbound"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, 6);

    let table = world.get(&format!("{path}.csv?step=week"), &shop.owner).await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    assert!(table.text.starts_with("at,chatbot_id,chatbot,"), "{}", table.text);
    assert!(table.text.contains(&shop.chatbot.to_string()), "{}", table.text);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_time_that_cannot_be_told_is_refused_with_what_to_do(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/analytics", shop.workspace);
    for (query, expected) in [
        ("time_zone=Mars/Olympus", "Europe/Berlin"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "before `to`"),
        (
            "from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
            "ask for less",
        ),
        (
            "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&step=hour",
            "longer steps",
        ),
    ] {
        let answer = world.get(&format!("{path}?{query}"), &shop.owner).await;
        let problem = answer.text.clone();
        assert!((400..500).contains(&answer.status.as_u16()), "{query}: {problem}");
        assert!(problem.contains(expected), "{query}: {problem}");
    }
}
