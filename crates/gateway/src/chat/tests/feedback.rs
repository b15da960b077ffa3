//! What readers say of answers.

use super::world::{Bot, SITE, World, read};
use domain::Role;
use queue::{LiveEvent, workspace_news};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::api_keys::Scope;
use uuid::Uuid;

/// Asks, and the id of the answer.
async fn answered(world: &World, bot: &Bot, token: &str) -> String {
    let (status, told) = world
        .write(bot, token, json!({"text": "When do you open?"}))
        .await;
    assert_eq!(status, 200, "{told}");
    told["reply"]["id"].as_str().unwrap().to_owned()
}

async fn rate(world: &World, bot: &Bot, token: &str, message: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/chat/{}/messages/{message}/feedback", bot.chatbot);
    read(world.request(Method::PUT, &path, token).json(&body)).await
}

async fn take_back(world: &World, bot: &Bot, token: &str, message: &str) -> u16 {
    let path = format!("/api/chat/{}/messages/{message}/feedback", bot.chatbot);
    let answer = world.request(Method::DELETE, &path, token).send().await.unwrap();
    answer.status().as_u16()
}

async fn shown(world: &World, bot: &Bot, token: &str, query: &str) -> Vec<Value> {
    let (_, list) = world.list(bot, token, query).await;
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["feedback"].clone()).collect()
}

async fn kept(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from message_feedback")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_visitor_rates_an_answer_changes_their_mind_and_takes_it_back(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let token = world.visitor(&bot).await;
    let message = answered(&world, &bot, &token).await;

    let (status, good) = rate(&world, &bot, &token, &message, json!({"rating": "good"})).await;
    let worse = json!({"rating": "bad", "comment": "  You are closed\r\non Mondays. "});
    let (_, bad) = rate(&world, &bot, &token, &message, worse).await;

    assert_eq!((status, good), (200, json!({"rating": "good"})));
    let expected = json!({"rating": "bad", "comment": "You are closed\non Mondays."});
    assert_eq!(bad, expected);
    assert_eq!(shown(&world, &bot, &token, "").await, [Value::Null, expected]);
    assert_eq!(kept(&world).await, 1, "one rating for each answer");
    assert_eq!(take_back(&world, &bot, &token, &message).await, 204);
    assert_eq!(take_back(&world, &bot, &token, &message).await, 204);
    assert_eq!(shown(&world, &bot, &token, "").await, [Value::Null, Value::Null]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn nobody_rates_what_was_said_to_somebody_else(pool: PgPool) {
    let world = World::new(pool).await;
    let (bot, other) = (world.bot("Shop").await, world.bot("Other").await);
    let (ada, eve) = (world.visitor(&bot).await, world.visitor(&bot).await);
    let message = answered(&world, &bot, &ada).await;
    answered(&world, &bot, &eve).await;
    let (_, list) = world.list(&bot, &ada, "").await;
    let question = list["items"][0]["id"].as_str().unwrap();
    let theirs = world.visitor(&other).await;
    let good = json!({"rating": "good"});

    for (what, bot, token, message, status) in [
        ("another visitor", &bot, &eve, message.as_str(), 404),
        ("a visitor of another tenant's", &other, &theirs, &message, 404),
        ("a token of another chatbot's", &bot, &theirs, &message, 401),
        ("a program of another tenant's", &bot, &other.key, &message, 404),
        ("one's own question", &bot, &ada, question, 404),
        ("what never was", &bot, &ada, &Uuid::now_v7().to_string(), 404),
        ("no id", &bot, &ada, "x", 404),
    ] {
        let (given, problem) = rate(&world, bot, token, message, good.clone()).await;
        assert_eq!(given, status, "{what}: {problem}");
        assert_eq!(take_back(&world, bot, token, message).await, status, "{what}");
    }
    // A key of one's own workspace opens the conversations of its own integration, and not the visitors'.
    let path = format!(
        "/api/chat/{}/messages/{message}/feedback?conversation=c1&user=ada",
        bot.chatbot
    );
    let (status, _) = read(world.request(Method::PUT, &path, &bot.key).json(&good)).await;
    assert_eq!(status, 404);
    assert_eq!(kept(&world).await, 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_program_rates_for_its_users(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let (_, told) = world
        .write(
            &bot,
            &bot.key,
            json!({"text": "When?", "user": "ada", "conversation": "c1"}),
        )
        .await;
    let message = told["reply"]["id"].as_str().unwrap().to_owned();
    let path = |query: &str| format!("/api/chat/{}/messages/{message}/feedback{query}", bot.chatbot);
    let put = async |key: &str, query: &str| {
        let request = world.request(Method::PUT, &path(query), key);
        read(request.json(&json!({"rating": "bad"}))).await.0
    };
    let reader = Scope {
        read_only: true,
        ..Scope::default()
    };
    let narrowed = world.narrowed_key(bot.workspace, Role::Agent, reader).await;
    let viewer = world.key(bot.workspace, Role::Viewer).await;

    assert_eq!(
        put(&bot.key, "").await,
        422,
        "whose conversation it is has to be said"
    );
    assert_eq!(put(&bot.key, "?conversation=c1").await, 404);
    assert_eq!(put(&bot.key, "?conversation=c1&user=eve").await, 404);
    for key in [&narrowed, &viewer] {
        assert_eq!(put(key, "?conversation=c1&user=ada").await, 403);
    }
    assert_eq!(put(&bot.key, "?conversation=c1&user=ada").await, 200);
    let said = shown(&world, &bot, &bot.key, "conversation=c1&user=ada").await;
    assert_eq!(said, [Value::Null, json!({"rating": "bad"})]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_does_not_fit_is_refused_with_what_would(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let token = world.visitor(&bot).await;
    let message = answered(&world, &bot, &token).await;

    for (body, expected) in [
        (json!({"rating": "good", "comment": "ä".repeat(1_001)}), "1000"),
        (
            json!({"rating": "good", "comment": "a\u{0}"}),
            "control characters",
        ),
        (json!({"rating": "great"}), "great"),
        (json!({"comment": "no rating"}), "rating"),
        (json!({"rating": "good", "stars": 5}), "stars"),
    ] {
        let (status, problem) = rate(&world, &bot, &token, &message, body).await;
        assert_eq!(status, 422, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(expected),
            "{problem}"
        );
    }
    assert_eq!(kept(&world).await, 0);
    let longest = json!({"rating": "good", "comment": "ä".repeat(1_000)});
    assert_eq!(rate(&world, &bot, &token, &message, longest).await.0, 200);
    let (_, nothing) = rate(
        &world,
        &bot,
        &token,
        &message,
        json!({"rating": "bad", "comment": " \n"}),
    )
    .await;
    assert_eq!(nothing, json!({"rating": "bad"}));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_owner_who_asks_for_no_opinion_gets_none_from_visitors(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let token = world.visitor(&bot).await;
    let message = answered(&world, &bot, &token).await;
    let settings = serde_json::from_value(json!({"feedback": false})).unwrap();
    let mut tx = world.db.tenant(bot.workspace).await.unwrap();
    store::widgets::save(&mut tx, bot.chatbot, &settings, chrono::Utc::now())
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let (status, problem) = rate(&world, &bot, &token, &message, json!({"rating": "good"})).await;

    assert_eq!(status, 403, "{problem}");
    assert_eq!(kept(&world).await, 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_page_may_ask_whether_it_may_rate(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let path = format!("/api/chat/{}/messages/{}/feedback", bot.chatbot, Uuid::now_v7());

    let answer = world
        .request(Method::OPTIONS, &path, "")
        .header("origin", SITE)
        .send()
        .await
        .unwrap();

    let allowed = answer.headers()["access-control-allow-methods"].to_str().unwrap();
    assert!(allowed.contains("PUT") && allowed.contains("DELETE"), "{allowed}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn members_hear_of_a_rating_that_is_new(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let token = world.visitor(&bot).await;
    let message = answered(&world, &bot, &token).await;
    let mut live = world.live();
    // What came of the question has been told by then.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let topic = workspace_news::topic(bot.workspace);

    for _ in 0..2 {
        rate(&world, &bot, &token, &message, json!({"rating": "bad"})).await;
    }
    take_back(&world, &bot, &token, &message).await;

    let mut heard = 0;
    let quiet = std::time::Duration::from_secs(1);
    while let Ok(Some(event)) = tokio::time::timeout(quiet, live.next()).await {
        let is_ours = matches!(
            workspace_news::read(&event, &topic),
            Some(workspace_news::WorkspaceNews::Conversations { .. })
        );
        heard += i32::from(is_ours && matches!(event, LiveEvent::Event { .. }));
    }
    assert_eq!(heard, 2, "one for the rating, one for taking it back");
}
