use super::*;
use crate::{
    Db, analytics,
    fixtures::{self, Bot, answer, bot},
    inbox, journey,
};
use chrono::TimeDelta;
use sqlx::PgPool;

/// A bot on a platform on which one reads here what it writes.
async fn web_bot(pool: &PgPool) -> Bot {
    let bot = bot(pool).await;
    sqlx::query("update integrations set platform = 'web' where id = $1")
        .bind(bot.integration.as_uuid())
        .execute(pool)
        .await
        .unwrap();
    bot
}

async fn ask(db: &Db, bot: Bot, key: &str) -> MessageId {
    let question = crate::intake::NewInbound {
        platform: domain::Platform::WEB,
        ..fixtures::inbound(bot, key, "When do you open?")
    };
    crate::intake::take_in(db, &[question]).await.unwrap();
    answer(db, &["At nine."]).await;
    sqlx::query_scalar::<_, uuid::Uuid>(
        "select max(id::text)::uuid from messages where direction = 'outbound'",
    )
    .fetch_one(db.system_pool())
    .await
    .unwrap()
    .into()
}

fn said(rating: Rating, comment: Option<&str>) -> Feedback {
    Feedback {
        rating,
        comment: comment.map(str::to_owned),
    }
}

async fn say(db: &Db, bot: Bot, key: &str, message: MessageId, feedback: &Feedback) -> Option<Outcome> {
    let rated = Rated {
        integration: bot.integration,
        conversation_key: key,
        message,
    };
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let outcome = rate(&mut tx, rated, feedback, Utc::now()).await.unwrap();
    tx.commit().await.unwrap();
    outcome
}

async fn kept(db: &Db, bot: Bot, key: &str) -> Vec<Feedback> {
    crate::chat::entries(db, bot.integration, key, None, 10)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|entry| entry.feedback)
        .collect()
}

#[sqlx::test]
async fn a_second_rating_replaces_the_first_and_one_that_is_taken_back_is_gone(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), web_bot(&pool).await);
    let message = ask(&db, shop, "ada").await;

    let first = say(&db, shop, "ada", message, &said(Rating::Good, None))
        .await
        .unwrap();
    let again = say(&db, shop, "ada", message, &said(Rating::Good, None))
        .await
        .unwrap();
    let worse = said(Rating::Bad, Some("It is closed."));
    let second = say(&db, shop, "ada", message, &worse).await.unwrap();

    assert!(first.changed && !again.changed && second.changed);
    assert_eq!(kept(&db, shop, "ada").await, [worse]);
    let mut tx = db.tenant(shop.workspace).await.unwrap();
    let rated = Rated {
        integration: shop.integration,
        conversation_key: "ada",
        message,
    };
    let gone = take_back(&mut tx, rated, Utc::now()).await.unwrap().unwrap();
    let nothing = take_back(&mut tx, rated, Utc::now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert!(gone.changed && !nothing.changed);
    assert_eq!(kept(&db, shop, "ada").await, []);
}

#[sqlx::test]
async fn only_an_answer_of_ones_own_conversation_can_be_rated(pool: PgPool) {
    let (db, shop, other) = (Db::of_pool(&pool), web_bot(&pool).await, web_bot(&pool).await);
    let message = ask(&db, shop, "ada").await;
    let question: uuid::Uuid = sqlx::query_scalar("select id from messages where direction = 'inbound'")
        .fetch_one(&pool)
        .await
        .unwrap();
    ask(&db, shop, "eve").await;
    ask(&db, other, "ada").await;
    let good = said(Rating::Good, None);

    for (what, bot, key, message) in [
        ("somebody else's answer", shop, "eve", message),
        ("another workspace's answer", other, "ada", message),
        ("one's own question", shop, "ada", question.into()),
        ("no message", shop, "ada", MessageId::new()),
        (
            "another workspace's answer, by the name of its integration",
            Bot {
                workspace: other.workspace,
                ..shop
            },
            "ada",
            message,
        ),
    ] {
        assert_eq!(say(&db, bot, key, message, &good).await, None, "{what}");
    }
    sqlx::query("update messages set sender = 'api' where id = $1")
        .bind(message.as_uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        say(&db, shop, "ada", message, &good).await,
        None,
        "a program's message"
    );
    sqlx::query("update messages set sender = 'agent' where id = $1")
        .bind(message.as_uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert!(
        say(&db, shop, "ada", message, &good).await.is_some(),
        "a person's answer"
    );
    sqlx::query("delete from chat_entries where message_id = $1")
        .bind(message.as_uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        say(&db, shop, "ada", message, &good).await,
        None,
        "nobody could read it"
    );
}

#[sqlx::test]
async fn what_was_said_stands_beside_the_answer_and_finds_its_conversation(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), web_bot(&pool).await);
    let message = ask(&db, shop, "ada").await;
    ask(&db, shop, "eve").await;
    let bad = said(Rating::Bad, Some("It is closed."));
    let conversation = say(&db, shop, "ada", message, &bad).await.unwrap().conversation;

    let mut tx = db.tenant(shop.workspace).await.unwrap();
    for (feedback, expected) in [
        (Some(Rating::Bad), vec![("ada", (0, 1))]),
        (Some(Rating::Good), vec![]),
        (None, vec![("eve", (0, 0)), ("ada", (0, 1))]),
    ] {
        let search = inbox::Search {
            feedback,
            ..inbox::Search::default()
        };
        let found = inbox::list(&mut tx, &search, None, 10).await.unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.key.as_str(), one.rated)).collect();
        assert_eq!(found, expected, "{feedback:?}");
    }
    let beside = journey::message(&mut tx, conversation, message)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(beside.feedback.unwrap().feedback, bad);
}

#[sqlx::test]
async fn figures_count_what_is_said_now_and_no_other_workspaces(pool: PgPool) {
    let (db, shop, other) = (Db::of_pool(&pool), web_bot(&pool).await, web_bot(&pool).await);
    let now = Utc::now();
    for key in ["ada", "eve", "bob"] {
        let message = ask(&db, shop, key).await;
        say(&db, shop, key, message, &said(Rating::Good, None))
            .await
            .unwrap();
        // Counted or not, in the ordinary way of things.
        if key == "ada" {
            analytics::refresh(&db, now).await.unwrap();
            say(&db, shop, key, message, &said(Rating::Bad, None))
                .await
                .unwrap();
        }
    }
    let theirs = ask(&db, other, "ada").await;
    say(&db, other, "ada", theirs, &said(Rating::Bad, None))
        .await
        .unwrap();
    let wanted = analytics::Wanted {
        from: now - TimeDelta::days(1),
        to: now + TimeDelta::days(1),
        chatbot: None,
        platform: Some(domain::Platform::WEB),
        zone: "UTC".to_owned(),
        step: analytics::Step::Week,
    };

    let mut tx = db.tenant(shop.workspace).await.unwrap();
    let rows = analytics::read(&mut tx, &wanted).await.unwrap().unwrap();
    let nowhere = analytics::Wanted {
        platform: Some(domain::Platform::REST),
        ..wanted.clone()
    };
    let elsewhere = analytics::read(&mut tx, &nowhere).await.unwrap().unwrap();

    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.chatbot, row.counts.rated_good, row.counts.rated_bad))
        .collect();
    assert_eq!(found, [(shop.chatbot, 2, 1)]);
    assert!(elsewhere.is_empty());
}

#[sqlx::test]
async fn a_rating_is_given_to_its_person_with_the_answer_and_goes_with_it(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), web_bot(&pool).await);
    let message = ask(&db, shop, "ada").await;
    let outcome = say(&db, shop, "ada", message, &said(Rating::Bad, Some("no")))
        .await
        .unwrap();

    let given = crate::erasure::export::conversation(&db, outcome.conversation)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(given["messages"][1]["feedback"]["rating"], "bad");
    assert_eq!(given["messages"][1]["feedback"]["comment"], "no");
    assert_eq!(given["messages"][0]["feedback"], serde_json::Value::Null);
    let mut tx = db.system().await.unwrap();
    let counts = crate::erasure::erase(&mut tx, outcome.conversation)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    assert_eq!(counts.get("feedback"), Some(&1));
    let left: i64 = sqlx::query_scalar("select count(*) from message_feedback")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[sqlx::test]
async fn other_programs_hear_of_a_rating_that_is_new(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), web_bot(&pool).await);
    sqlx::query(
        "insert into webhook_endpoints (id, workspace_id, url, events, secret, secret_shown, created_at, updated_at)
         values ($1, $1, 'https://crm.example', '{message.feedback}', '', '', now(), now())",
    )
    .bind(shop.workspace.as_uuid())
    .execute(&pool)
    .await
    .unwrap();
    let message = ask(&db, shop, "ada").await;

    for _ in 0..2 {
        say(
            &db,
            shop,
            "ada",
            message,
            &said(Rating::Bad, Some("It is closed.")),
        )
        .await
        .unwrap();
    }
    let mut tx = db.tenant(shop.workspace).await.unwrap();
    let rated = Rated {
        integration: shop.integration,
        conversation_key: "ada",
        message,
    };
    take_back(&mut tx, rated, Utc::now()).await.unwrap();
    tx.commit().await.unwrap();

    let bodies: Vec<String> = sqlx::query_scalar("select body from webhook_events order by id")
        .fetch_all(&pool)
        .await
        .unwrap();
    let told: Vec<serde_json::Value> = bodies
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["type"], "message.feedback");
    assert_eq!(told[0]["data"]["rating"], "bad");
    assert_eq!(told[0]["data"]["comment"], "It is closed.");
    assert_eq!(told[0]["data"]["message_id"], message.to_string());
    assert_eq!(told[1]["data"]["rating"], serde_json::Value::Null);
}
