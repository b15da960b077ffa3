//! Golden questions, their runs, and messages that are answered again. The chat-worker's part is played here.

use super::{
    World,
    conversations::talk,
    versions::{golden, work},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn golden_questions_are_written_changed_imported_and_deleted(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}/golden-questions", shop.chatbot);
    let import = async |text: &'static str| {
        let request = world.request(Method::POST, &format!("{base}/import"), &shop.owner);
        world.send(request.body(text)).await
    };

    let first = golden(&world, &shop, "When do you open?").await;
    let again = json!({"question": "When do you open?", "refused": true});
    let again = world.post(&base, &shop.owner, again).await.ok(200);
    let one = format!("{base}/{}", first["id"].as_str().unwrap());
    let body = json!({"question": "When do you close?", "words": ["five"]});
    let changed = world.put(&one, &shop.owner, body).await.ok(200);
    let table = import("question,words,refused\nWhen do you close?,five,\n\"Who, exactly?\",,yes\n")
        .await
        .ok(200);
    let list = world.get(&base, &shop.owner).await.ok(200);

    assert_eq!((&again["id"], &again["refused"]), (&first["id"], &json!(true)));
    assert_eq!(
        (&changed["question"], &changed["document"]),
        (&json!("When do you close?"), &json!(null))
    );
    assert_eq!(table, json!({"added": 1, "changed": 0, "unchanged": 1}));
    assert_eq!(list["items"][1]["question"], "Who, exactly?");
    let refused = import("question,words\nFine?,yes\n,no\n").await;
    assert_eq!(refused.json()["field"], "line 3.question");
    assert!(
        refused
            .problem(422)
            .contains("line 3: question must not be empty")
    );
    assert_eq!(
        world.get(&base, &shop.owner).await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2,
        "all or none"
    );
    let taken = json!({"question": "Who, exactly?"});
    world.put(&one, &shop.owner, taken).await.problem(409);
    let both = json!({"question": "x", "refused": true, "words": ["y"]});
    world.post(&base, &shop.owner, both).await.problem(422);
    world.delete(&one, &shop.owner).await.ok(204);
    world.delete(&one, &shop.owner).await.problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_golden_question_is_taken_from_a_message_with_what_its_answer_rests_on(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    sqlx::query("update answers set citations = '[{\"title\": \"Hours\"}]'")
        .execute(&world.pool)
        .await
        .unwrap();
    let of = |message| {
        format!(
            "/api/conversations/{}/messages/{message}/golden-question",
            talk.conversation
        )
    };

    let taken = world
        .post(&of(talk.question), &shop.owner, json!({}))
        .await
        .ok(201);
    let own = json!({"words": ["nine"]});
    let of_reply = world.post(&of(talk.reply), &shop.owner, own).await.ok(200);

    assert_eq!(
        (&taken["question"], &taken["document"], &taken["message_id"]),
        (
            &json!("When do you open?"),
            &json!("Hours"),
            &json!(talk.question)
        )
    );
    assert_eq!(
        (&of_reply["id"], &of_reply["document"], &of_reply["words"]),
        (&taken["id"], &json!(null), &json!(["nine"]))
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_run_on_demand_tells_how_every_question_was_answered_and_stays_in_the_history(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}/runs", shop.chatbot);
    let none = world.post(&base, &shop.owner, json!({})).await;
    assert!(none.problem(409).contains("no golden questions"));
    golden(&world, &shop, "When do you open?").await;
    golden(&world, &shop, "When do you close?").await;
    world
        .post(&base, &shop.owner, json!({"draft": true}))
        .await
        .problem(404);
    world
        .post(&base, &shop.owner, json!({"version": 7}))
        .await
        .problem(404);

    let started = world.post(&base, &shop.owner, json!({})).await.ok(202);
    let run = format!("{base}/{}", started["id"].as_str().unwrap());
    work(&world, false).await;
    let ended = world.get(&run, &shop.owner).await.ok(200);
    let results = world
        .get(&format!("{run}/results?limit=1"), &shop.owner)
        .await
        .ok(200);
    let rest = world
        .get(&format!("{run}/results?after={}", results["next"]), &shop.owner)
        .await
        .ok(200);

    assert_eq!(
        (&started["state"], &started["version"], &started["questions"]),
        (&json!("due"), &json!(1), &json!(2))
    );
    assert_eq!(
        ended["scores"],
        json!({"questions": 2, "passed": 0, "ranked": 2, "hit_at_k": 0.0, "mrr": 0.0})
    );
    let result = &results["items"][0];
    assert_eq!(
        (&result["question"], &result["passed"], &result["failures"]),
        (
            &json!("When do you open?"),
            &json!(false),
            &json!(["it said that it does not know"])
        )
    );
    assert_eq!(
        result["expected"],
        json!({"document": "Hours", "words": ["nine"]})
    );
    assert_eq!(
        (&rest["items"][0]["position"], &rest["next"]),
        (&json!(2), &Value::Null)
    );
    world.post(&base, &shop.owner, json!({})).await.ok(202);
    work(&world, true).await;
    let history = world.get(&base, &shop.owner).await.ok(200);
    let passed: Vec<&Value> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["scores"]["passed"])
        .collect();
    assert_eq!(passed, [&json!(2), &json!(0)]);
    for _ in 0..5 {
        world.post(&base, &shop.owner, json!({})).await.ok(202);
    }
    world.post(&base, &shop.owner, json!({})).await.problem(409);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_message_answered_again_stands_beside_how_it_was_answered_and_nothing_is_sent(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let messages = format!("/api/conversations/{}/messages", talk.conversation);
    let again = format!("{messages}/{}/again", talk.question);
    let rows = async || {
        let count = "select (select count(*) from messages) + (select count(*) from parts)";
        sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&world.pool)
            .await
            .unwrap()
    };
    let before = rows().await;

    let change = json!({"instructions": "Be brief.", "retrieval": {"top_k": 2}});
    let started = world.post(&again, &shop.owner, change).await.ok(202);
    let run = started["run"]["id"].as_str().unwrap();
    work(&world, true).await;
    let both = world.get(&format!("{again}/{run}"), &shop.owner).await.ok(200);

    assert_eq!(
        (
            &started["question"],
            &started["before"]["text"],
            &started["after"]
        ),
        (&json!("When do you open?"), &json!("At nine."), &Value::Null)
    );
    assert_eq!(started["before"]["record"]["passages"][0]["score"], 3.5);
    assert_eq!(
        (
            &both["run"]["state"],
            &both["after"]["text"],
            &both["after"]["record"]["model"]
        ),
        (&json!("done"), &json!("At nine."), &json!("extractive"))
    );
    assert_eq!(rows().await, before);
    let other = format!("{messages}/{}/again/{run}", talk.reply);
    world.get(&other, &shop.owner).await.problem(404);
    let history = format!("/api/chatbots/{}/runs", shop.chatbot);
    assert_eq!(world.get(&history, &shop.owner).await.ok(200)["items"], json!([]));
    let tried: Value = sqlx::query_scalar("select settings from trial_runs")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(
        (&tried["instructions"], &tried["retrieval"]["top_k"]),
        (&json!("Be brief."), &json!(2))
    );
}
