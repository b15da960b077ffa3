//! The inbox: labels, notes, assignment, canned replies, what is done and what is not.

use super::{Shop, World, conversations::talk};
use domain::Role;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

async fn found(world: &World, shop: &Shop, query: &str) -> Vec<Value> {
    let path = format!("/api/workspaces/{}/conversations{query}", shop.workspace);
    let listed = world.get(&path, &shop.owner).await.ok(200);
    let items = listed["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].clone()).collect()
}

async fn count(world: &World, shop: &Shop, state: Option<&str>) -> u64 {
    let path = format!("/api/workspaces/{}/conversations/counts", shop.workspace);
    let counts = world.get(&path, &shop.owner).await.ok(200);
    let items = counts["items"].as_array().unwrap();
    let of = items.iter().find(|item| item["state"] == json!(state));
    of.map_or(0, |item| item["count"].as_u64().unwrap())
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_conversation_is_in_the_part_of_the_inbox_where_it_belongs(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let id = talk(&world, &shop).await.conversation;
    let base = format!("/api/conversations/{id}");
    let act = async |path: &str, body: Value| {
        world
            .post(&format!("{base}/{path}"), &shop.owner, body)
            .await
            .ok(200)
    };
    let is_in = async |view: &str| {
        let listed = found(&world, &shop, &format!("?state={view}")).await == [json!(id)];
        assert_eq!(listed, count(&world, &shop, Some(view)).await == 1, "{view}");
        listed
    };

    assert!(is_in("open").await && !is_in("taken_over").await);
    act("take-over", json!({})).await;
    assert!(is_in("taken_over").await && is_in("needs_human").await);
    world
        .post(&format!("{base}/replies"), &shop.owner, json!({"text": "Hello"}))
        .await
        .ok(202);
    assert!(is_in("taken_over").await && !is_in("needs_human").await);

    let until = world.api.now() + chrono::Duration::hours(1);
    let snoozed = act("snooze", json!({ "until": until })).await;
    assert_eq!(snoozed["state"], "snoozed");
    assert!(is_in("snoozed").await && !is_in("open").await && !is_in("taken_over").await);
    let resolved = act("resolve", json!({})).await;
    assert_eq!(
        (&resolved["state"], &resolved["snoozed_until"]),
        (&json!("resolved"), &Value::Null)
    );
    assert!(is_in("resolved").await && !is_in("snoozed").await);
    let reopened = act("reopen", json!({})).await;
    assert_eq!(reopened["state"], "open");
    assert!(is_in("open").await && !is_in("resolved").await);
    assert_eq!(reopened["handler"], "human", "who answers is another matter");
    assert_eq!(count(&world, &shop, None).await, 1);

    for (until, why) in [
        (world.api.now() - chrono::Duration::minutes(1), "past"),
        (world.api.now() + chrono::Duration::days(400), "too far"),
    ] {
        let path = format!("{base}/snooze");
        let answer = world.post(&path, &shop.owner, json!({ "until": until })).await;
        assert!(answer.problem(422).contains("future"), "{why}");
    }
    assert!(is_in("open").await, "a refused snooze changes nothing");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn who_is_removed_from_the_workspace_looks_after_nothing_there_any_more(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let id = talk(&world, &shop).await.conversation;
    let (_, agent) = world.person(shop.workspace, Role::Agent).await;
    let stranger = {
        let elsewhere = world.workspace("Elsewhere").await;
        world.person(elsewhere, Role::Agent).await.1
    };
    let path = format!("/api/conversations/{id}/assignee");

    world
        .put(&path, &shop.owner, json!({ "assignee_id": stranger }))
        .await
        .problem(404);
    let assigned = world
        .put(&path, &shop.owner, json!({ "assignee_id": agent }))
        .await
        .ok(200);
    assert_eq!(assigned["assignee"]["user_id"], json!(agent));
    assert_eq!(
        found(&world, &shop, &format!("?assignee_id={agent}")).await,
        [json!(id)]
    );
    assert!(found(&world, &shop, "?unassigned=true").await.is_empty());

    let member = format!("/api/workspaces/{}/members/{agent}", shop.workspace);
    world.delete(&member, &shop.owner).await.ok(204);

    assert_eq!(found(&world, &shop, "?unassigned=true").await, [json!(id)]);
    let one = world
        .get(&format!("/api/conversations/{id}"), &shop.owner)
        .await
        .ok(200);
    assert_eq!(one["assignee"], Value::Null);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_label_is_found_by_and_leaves_every_conversation_when_it_is_deleted(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let id = talk(&world, &shop).await.conversation;
    let labels = format!("/api/workspaces/{}/labels", shop.workspace);
    let make = async |name: &str, colour: &str| {
        world
            .post(&labels, &shop.owner, json!({"name": name, "colour": colour}))
            .await
    };

    let label = make("Refund", "red").await.ok(201);
    make("refund", "blue").await.problem(409);
    assert!(make("Other", "#ff0000").await.problem(422).contains("colour"));
    let label_id = label["id"].as_str().unwrap();
    let on_it = format!("/api/conversations/{id}/labels/{label_id}");
    for _ in 0..2 {
        world.put(&on_it, &shop.owner, json!({})).await.ok(204);
    }

    let one = format!("/api/conversations/{id}");
    assert_eq!(
        world.get(&one, &shop.owner).await.ok(200)["labels"],
        json!([label])
    );
    assert_eq!(
        found(&world, &shop, &format!("?label_id={label_id}")).await,
        [json!(id)]
    );
    world
        .delete(&format!("{labels}/{label_id}"), &shop.owner)
        .await
        .ok(204);
    assert_eq!(world.get(&one, &shop.owner).await.ok(200)["labels"], json!([]));
    world.delete(&on_it, &shop.owner).await.problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_note_bears_its_writers_name_and_is_no_message(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let id = talk(&world, &shop).await.conversation;
    let (agent, user) = world.person(shop.workspace, Role::Agent).await;
    sqlx::query("update users set name = 'Grace' where id = $1")
        .bind(user.as_uuid())
        .execute(&world.pool)
        .await
        .unwrap();
    let base = format!("/api/conversations/{id}");
    let rows = async || -> (i64, i64, i64) {
        sqlx::query_as(
            "select (select count(*) from messages), (select count(*) from parts), (select count(*) from chat_entries)",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap()
    };
    let before = rows().await;

    let note = world
        .post(
            &format!("{base}/notes"),
            &agent,
            json!({"text": "She was promised a call."}),
        )
        .await
        .ok(201);

    assert_eq!(
        (&note["author_name"], &note["author_id"]),
        (&json!("Grace"), &json!(user))
    );
    let listed = world.get(&format!("{base}/notes"), &shop.owner).await.ok(200);
    assert_eq!(listed["items"], json!([note]));
    assert_eq!(rows().await, before);
    let messages = world.get(&format!("{base}/messages"), &shop.owner).await;
    assert!(!messages.text.contains("promised"));
    assert!(
        found(&world, &shop, "?text=promised").await.is_empty(),
        "the search is of what was said to the person"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn conversations_are_found_by_words_dates_and_the_person(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let id = talk(&world, &shop).await.conversation;
    let contact: Uuid = sqlx::query_scalar("select contact_id from conversations where id = $1")
        .bind(id)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let day = |days: i64| {
        (chrono::Utc::now() + chrono::Duration::days(days))
            .format("%Y-%m-%dT00:00:00Z")
            .to_string()
    };

    for (query, is_found) in [
        ("?text=at%20NINE".to_owned(), true),
        ("?text=ada".to_owned(), true),
        ("?text=5550111".to_owned(), true),
        ("?text=at%25nine".to_owned(), false),
        (format!("?from={}&until={}", day(-1), day(2)), true),
        (format!("?until={}", day(-1)), false),
        (format!("?from={}", day(2)), false),
        (format!("?contact_id={contact}"), true),
        ("?unassigned=false".to_owned(), true),
    ] {
        let expected: &[Value] = if is_found { &[json!(id)] } else { &[] };
        assert_eq!(found(&world, &shop, &query).await, expected, "{query}");
    }
    world
        .get(
            &format!("/api/workspaces/{}/conversations?state=lost", shop.workspace),
            &shop.owner,
        )
        .await
        .problem(400);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_canned_reply_has_one_word_for_a_name_and_no_twin(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/workspaces/{}/canned-replies", shop.workspace);
    let (agent, _) = world.person(shop.workspace, Role::Agent).await;
    let (viewer, _) = world.person(shop.workspace, Role::Viewer).await;
    let body = |name: &str| json!({"name": name, "text": "Hello {{contact.name}}"});

    let made = world.post(&base, &agent, body("hello")).await.ok(201);
    world.post(&base, &agent, body("HELLO")).await.problem(409);
    assert!(
        world
            .post(&base, &agent, body("two words"))
            .await
            .problem(422)
            .contains("name")
    );
    world.post(&base, &viewer, body("other")).await.problem(403);

    let listed = world.get(&base, &viewer).await.ok(200);
    assert_eq!(listed["items"], json!([made]));
    let one = format!("{base}/{}", made["id"].as_str().unwrap());
    let changed = world.put(&one, &agent, body("hi")).await.ok(200);
    assert_eq!(changed["name"], "hi");
    world.delete(&one, &agent).await.ok(204);
    world.delete(&one, &agent).await.problem(404);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_a_member_sends_bears_their_name_and_what_a_program_sends_does_not(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (agent, user) = world.person(shop.workspace, Role::Agent).await;
    let (key, _) = world.key(shop.workspace, Role::Agent).await;
    sqlx::query("update users set name = 'Grace' where id = $1")
        .bind(user.as_uuid())
        .execute(&world.pool)
        .await
        .unwrap();
    let path = format!("/api/twilio/{}/send", shop.chatbot);
    let template = json!({"name": "hello", "language": "en", "parameters": ["Ann"]});

    let mut senders = Vec::new();
    for who in [&agent, &key] {
        let body = json!({"to": "+14155550123", "template": template});
        let sent = world.post(&path, who, body).await.ok(202);
        let (conversation, message) = (&sent["conversation_id"], &sent["message_id"]);
        let path = format!(
            "/api/conversations/{}/messages/{}",
            conversation.as_str().unwrap(),
            message.as_str().unwrap()
        );
        let message = world.get(&path, &agent).await.ok(200);
        senders.push((message["sender"].clone(), message["author"].clone()));
    }

    assert_eq!(
        senders,
        [(json!("agent"), json!("Grace")), (json!("api"), Value::Null)]
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_corrected_answer_becomes_knowledge_and_its_question_is_open_no_more(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    sqlx::query(
        "insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question)
         select id, workspace_id, chatbot_id, conversation_id, id, question from answers",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let base = format!("/api/conversations/{}/messages", talk.conversation);
    let body = json!({"question": "When do you open?", "answer": "At ten on Sundays."});

    let added = world
        .post(
            &format!("{base}/{}/correction", talk.reply),
            &shop.owner,
            body.clone(),
        )
        .await
        .ok(201);

    assert_eq!(added["resolved"], 1);
    let pairs: Value = sqlx::query_scalar("select content -> 'pairs' from sources where id = $1")
        .bind(added["source_id"].as_str().unwrap().parse::<Uuid>().unwrap())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(pairs, json!([body]));
    let reply = world
        .post(
            &format!("/api/conversations/{}/replies", talk.conversation),
            &shop.owner,
            json!({"text": "Hello"}),
        )
        .await
        .ok(202);
    let by_agent = format!("{base}/{}/correction", reply["message_id"].as_str().unwrap());
    world.post(&by_agent, &shop.owner, body).await.problem(409);
}

/// As the chat API keeps it.
async fn say(world: &World, message: Uuid, rating: &str, comment: Option<&str>) {
    sqlx::query(
        "insert into message_feedback (message_id, workspace_id, conversation_id, chatbot_id, platform, rating, comment,
                                       created_at, updated_at)
         select m.id, m.workspace_id, v.id, v.chatbot_id, i.platform, $2, $3, now(), now()
         from messages m join conversations v on v.id = m.conversation_id join integrations i on i.id = v.integration_id
         where m.id = $1",
    )
    .bind(message)
    .bind(rating)
    .bind(comment)
    .execute(&world.pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = "../store/migrations")]
async fn conversations_are_found_by_what_the_person_says_of_answers(pool: PgPool) {
    let world = World::new(pool).await;
    let (shop, other) = (world.shop().await, world.shop().await);
    let (rated, theirs) = (talk(&world, &shop).await, talk(&world, &other).await);
    say(&world, rated.reply, "bad", Some("You are closed on Mondays.")).await;
    say(&world, theirs.reply, "bad", None).await;

    assert_eq!(
        found(&world, &shop, "?feedback=bad").await,
        [json!(rated.conversation)]
    );
    assert!(found(&world, &shop, "?feedback=good").await.is_empty());
    assert_eq!(found(&world, &shop, "").await.len(), 1);
    let counts = format!(
        "/api/workspaces/{}/conversations/counts?feedback=bad",
        shop.workspace
    );
    let counts = world.get(&counts, &shop.owner).await.ok(200);
    assert!(
        counts["items"]
            .as_array()
            .unwrap()
            .contains(&json!({"state": "open", "count": 1})),
        "{counts}"
    );
    let wrong = format!("/api/workspaces/{}/conversations?feedback=great", shop.workspace);
    assert!(world.get(&wrong, &shop.owner).await.status.is_client_error());

    let path = format!("/api/conversations/{}", rated.conversation);
    let one = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(one["feedback"], json!({"good": 0, "bad": 1}));
    let message = world
        .get(&format!("{path}/messages/{}", rated.reply), &shop.owner)
        .await
        .ok(200);
    assert_eq!(message["feedback"]["rating"], "bad");
    assert_eq!(message["feedback"]["comment"], "You are closed on Mondays.");
    let message = world
        .get(&format!("{path}/messages/{}", rated.question), &shop.owner)
        .await
        .ok(200);
    assert_eq!(message["feedback"], Value::Null);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_people_say_of_answers_is_among_the_figures(pool: PgPool) {
    let world = World::new(pool).await;
    let (shop, other) = (world.shop().await, world.shop().await);
    let talked = talk(&world, &shop).await;
    say(&world, talked.reply, "bad", None).await;
    for _ in 0..3 {
        let more = Uuid::now_v7();
        sqlx::query(
            "insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at)
             select $1, workspace_id, conversation_id, 'outbound', 'bot', 'Yes.', now() from messages where id = $2",
        )
        .bind(more)
        .bind(talked.reply)
        .execute(&world.pool)
        .await
        .unwrap();
        say(&world, more, "good", None).await;
    }
    let theirs = talk(&world, &other).await;
    say(&world, theirs.reply, "bad", None).await;
    let path = format!("/api/workspaces/{}/analytics", shop.workspace);
    // The world's time stood still while they wrote.
    world.clock.advance(Duration::from_secs(60));

    let told = world.get(&path, &shop.owner).await.ok(200);
    let table = world.get(&format!("{path}.csv"), &shop.owner).await;

    for figures in [
        &told["total"],
        &told["by_chatbot"][0],
        &told["by_platform"][0],
        told["series"].as_array().unwrap().last().unwrap(),
    ] {
        assert_eq!(
            (
                &figures["rated_good"],
                &figures["rated_bad"],
                &figures["good_share"]
            ),
            (&json!(3), &json!(1), &json!(0.75))
        );
    }
    assert_eq!(told["before"]["good_share"], Value::Null);
    assert!(
        table
            .text
            .lines()
            .next()
            .unwrap()
            .ends_with(",rated_good,rated_bad")
    );
    assert!(
        table.text.lines().nth(1).unwrap().ends_with(",3,1"),
        "{}",
        table.text
    );
}
