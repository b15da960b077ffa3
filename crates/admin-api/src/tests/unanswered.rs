//! Open questions: grouped, and answered once for all who asked.

use super::{Shop, World};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

async fn asked(world: &World, shop: &Shop, questions: &[&str]) {
    let (workspace, chatbot, integration) = (shop.workspace, shop.chatbot, shop.integration);
    let (contact, conversation) = (Uuid::now_v7(), Uuid::now_v7());
    let mut sql = format!(
        "set role botsmith_system;
         insert into contacts (id, workspace_id, integration_id, key) values ('{contact}', '{workspace}', '{integration}', '+1');
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
             values ('{conversation}', '{workspace}', '{chatbot}', '{integration}', '{contact}', '+1');"
    );
    for question in questions {
        let (answer, unanswered) = (Uuid::now_v7(), Uuid::now_v7());
        sql.push_str(&format!(
            "insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, stages)
                 values ('{answer}', '{workspace}', '{chatbot}', '{conversation}', 'q', '[]', '[]', 'extractive', 1, '{{}}');
             insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question)
                 values ('{unanswered}', '{workspace}', '{chatbot}', '{conversation}', '{answer}', '{question}');"
        ));
    }
    sql.push_str("reset role");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&world.pool)
        .await
        .unwrap();
}

#[sqlx::test(migrations = "../store/migrations")]
async fn questions_that_ask_the_same_are_answered_in_one_step(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let questions = [
        "Can I pay by invoice?",
        "Do you ship to Norway?",
        "shipping norway",
    ];
    asked(&world, &shop, &questions).await;

    let shown = world
        .get(&format!("{base}/unanswered/groups"), &shop.owner)
        .await
        .ok(200);
    let group = &shown["groups"][0];
    assert_eq!((&shown["questions"], &group["count"]), (&json!(3), &json!(2)));
    assert_eq!(
        group["questions"],
        json!(["shipping norway", "Do you ship to Norway?"])
    );

    let ids = &group["unanswered_ids"];
    let answer =
        json!({"unanswered_ids": ids, "question": "Do you ship to Norway?", "answer": "Yes, in four days."});
    let path = format!("{base}/unanswered/answer");
    let added = world.post(&path, &shop.owner, answer.clone()).await.ok(201);
    assert_eq!(added["resolved"], 2);

    let left = world
        .get(&format!("{base}/unanswered"), &shop.owner)
        .await
        .ok(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    let source = format!("{base}/sources/{}", added["source_id"].as_str().unwrap());
    let pair = |answer: &str| json!({"question": "Do you ship to Norway?", "answer": answer});
    let source_of = async || world.get(&source, &shop.owner).await.ok(200);
    assert_eq!(source_of().await["pairs"], json!([pair("Yes, in four days.")]));

    let again = world.post(&path, &shop.owner, answer).await;
    assert!(again.problem(422).contains("none of these questions is open"));
    let other = json!({"unanswered_ids": [left["items"][0]["id"]], "question": "Can I pay by invoice?", "answer": "Yes."});
    let second = world.post(&path, &shop.owner, other).await.ok(201);
    assert_eq!(
        second["source_id"], added["source_id"],
        "answers gather in one source"
    );
    let source = source_of().await;
    assert_eq!(source["pairs"].as_array().unwrap().len(), 2);
    assert_eq!(source["state"], "pending", "it is indexed again");
    let id = added["source_id"].as_str().unwrap();
    let table = world
        .get(&format!("{base}/sources/{id}/pairs.csv"), &shop.owner)
        .await;
    assert_eq!(
        (table.status.as_u16(), table.text.as_str()),
        (
            200,
            "question,answer\nDo you ship to Norway?,\"Yes, in four days.\"\nCan I pay by invoice?,Yes.\n"
        )
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s1_another_workspaces_question_is_not_answered(pool: PgPool) {
    let world = World::new(pool).await;
    let (shop, other) = (world.shop().await, world.shop().await);
    asked(&world, &other, &["Do you ship to Norway?"]).await;
    let theirs = format!("/api/chatbots/{}/unanswered", other.chatbot);
    let open = world.get(&theirs, &other.owner).await.ok(200);
    let answer = json!({"unanswered_ids": [open["items"][0]["id"]], "question": "Q?", "answer": "A."});

    let path = format!("/api/chatbots/{}/unanswered/answer", shop.chatbot);
    world.post(&path, &shop.owner, answer).await.problem(422);

    assert_eq!(world.get(&theirs, &other.owner).await.ok(200), open);
    let sources = format!("/api/chatbots/{}/sources", shop.chatbot);
    let sources = world.get(&sources, &shop.owner).await.ok(200);
    assert_eq!(sources["items"], json!([]), "nothing is kept of what was refused");
}
