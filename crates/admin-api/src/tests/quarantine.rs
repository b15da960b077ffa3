//! Webhooks that could not be verified: looked at, checked again, replayed once.

use super::{As, Shop, World, pigeon};
use channel::WebhookRequest;
use chrono::Utc;
use domain::{ChatbotId, IntegrationId, QuarantineId, WorkspaceId};
use queue::QueueName;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use store::quarantine::NewQuarantined;

const OURS: &str = "https://bots.example.com";

/// Keeps a letter to the chatbot, proven with this token.
pub async fn keep(
    world: &World,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    integration: IntegrationId,
    token: &str,
) -> QuarantineId {
    let path = path_of(chatbot);
    let letter = pigeon::letter(&format!("{OURS}{path}"), token, "AC0001", "canary of a letter");
    put(world, workspace, integration, letter, path).await
}

fn path_of(chatbot: ChatbotId) -> String {
    format!("/api/twilio/webhook/{chatbot}")
}

/// What a gateway does with a webhook that it refused.
async fn put(
    world: &World,
    workspace: WorkspaceId,
    integration: IntegrationId,
    letter: WebhookRequest,
    path: String,
) -> QuarantineId {
    let id = QuarantineId::new();
    let webhook = accounts::QuarantinedWebhook::of(letter, path);
    let new = NewQuarantined {
        id,
        workspace,
        integration,
        kind: "inbound",
        received_at: world.api.now(),
        size: webhook.size(),
        cause: "wrong_secret",
        words: "the ring is of another loft".to_owned(),
        sealed: world
            .accounts
            .seal_webhook(workspace, id, &webhook)
            .await
            .unwrap(),
    };
    store::quarantine::keep(&world.db, &[new]).await.unwrap();
    id
}

/// The same for a shop; its address.
async fn kept(world: &World, shop: &Shop, token: &str) -> String {
    let (chatbot, integration) = (shop.chatbot.into(), shop.integration.into());
    let id = keep(world, shop.workspace, chatbot, integration, token).await;
    at(shop, &id.to_string())
}

fn at(shop: &Shop, rest: &str) -> String {
    format!("/api/integrations/{}/quarantine/{rest}", shop.chatbot)
        .trim_end_matches('/')
        .to_owned()
}

async fn listed(world: &World, shop: &Shop) -> Value {
    world.get(&at(shop, ""), &shop.owner).await.ok(200)["items"].clone()
}

async fn do_to(world: &World, kept: &str, what: &str, who: &As) -> super::Answer {
    world.post(&format!("{kept}/{what}"), who, json!({})).await
}

async fn change_token(world: &World, shop: &Shop, token: &str) {
    let body = json!({"platform": "twilio", "credentials": {"auth_token": token}});
    let path = format!("/api/integrations/{}", shop.chatbot);
    world.post(&path, &shop.owner, body).await.ok(200);
}

/// What is on the queue for intake.
async fn taken_in(world: &World) -> Vec<wire::InboundMessage> {
    let queue = world.api.queue();
    let waiting = queue.depth(&QueueName::Inbound).await.unwrap();
    let mut consumer = queue.consume(&QueueName::Inbound, 100).await;
    let mut messages = Vec::new();
    for _ in 0..waiting {
        let delivery = consumer.next().await.unwrap();
        messages.push(wire::read(&delivery.payload).unwrap());
        delivery.ack().await;
    }
    messages
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_letter_is_checked_in_vain_and_after_the_mend_replayed_once(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let kept = kept(&world, &shop, "the right token").await;
    let came = world.api.now();

    let shown = listed(&world, &shop).await[0].clone();
    assert_eq!(
        (
            &shown["cause"],
            &shown["state"],
            &shown["kind"],
            &shown["platform"]
        ),
        (
            &json!("wrong_secret"),
            &json!("kept"),
            &json!("inbound"),
            &json!("twilio")
        )
    );
    assert!(!shown.to_string().contains("canary"), "{shown}");

    let in_vain = do_to(&world, &kept, "check", &shop.owner).await.ok(200);
    let refused = do_to(&world, &kept, "replay", &shop.owner).await.problem(409);
    assert_eq!(
        (&in_vain["acceptable"], &in_vain["cause"]),
        (&json!(false), &json!("wrong_secret"))
    );
    assert!(refused.contains("the ring is of another loft"), "{refused}");
    assert!(taken_in(&world).await.is_empty());

    change_token(&world, &shop, "the right token").await;
    world.clock.advance(Duration::from_secs(3_600));
    let checked = do_to(&world, &kept, "check", &shop.owner).await.ok(200);
    assert_eq!(checked["acceptable"], true);
    assert_eq!(listed(&world, &shop).await[0]["acceptable"], true);
    let before = Utc::now();
    let replayed = do_to(&world, &kept, "replay", &shop.owner).await.ok(200);
    let again = do_to(&world, &kept, "replay", &shop.owner).await.problem(409);
    let too_late = do_to(&world, &kept, "check", &shop.owner).await.problem(409);

    assert_eq!(replayed, json!({"messages": 1, "statuses": 0}));
    assert!(again.contains("replayed or discarded") && too_late.contains("replayed or discarded"));
    let messages = taken_in(&world).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].text, "canary of a letter");
    assert_eq!(messages[0].integration_id, shop.integration.as_bytes());
    assert_eq!(messages[0].chatbot_id, shop.chatbot.as_bytes());
    assert_eq!(
        messages[0].sent_at,
        Some(wire::micros(came)),
        "it lost its own time"
    );
    assert!(
        messages[0].accepted_at >= wire::micros(before),
        "it is answered as if it came now"
    );
    assert!(messages[0].reply_to.is_some());
    assert_eq!(listed(&world, &shop).await[0]["state"], "replayed");
    let logs = format!("/api/integrations/{}/logs", shop.chatbot);
    assert_eq!(
        world.get(&logs, &shop.owner).await.ok(200)["items"][0]["event"],
        "webhook.replayed"
    );
    let actions: Vec<String> =
        sqlx::query_scalar("select action from activity_log where action like 'quarantine.%'")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(actions, ["quarantine.replay"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn of_many_who_replay_at_once_one_does(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let kept = kept(&world, &shop, pigeon::CANARY).await;

    let all = (0..6).map(|_| do_to(&world, &kept, "replay", &shop.owner));
    let mut statuses: Vec<u16> = futures_util::future::join_all(all)
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();

    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409]);
    assert_eq!(taken_in(&world).await.len(), 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_old_stop_still_counts_and_an_old_start_does_not(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = path_of(shop.chatbot.into());
    for word in ["STOP", "START"] {
        let letter = pigeon::letter(&format!("{OURS}{path}"), pigeon::CANARY, "AC0001", word);
        let id = put(
            &world,
            shop.workspace,
            shop.integration.into(),
            letter,
            path.clone(),
        )
        .await;

        do_to(&world, &at(&shop, &id.to_string()), "replay", &shop.owner)
            .await
            .ok(200);
    }

    let consents: Vec<_> = taken_in(&world)
        .await
        .iter()
        .map(|message| (message.text.clone(), message.consent()))
        .collect();
    assert_eq!(
        consents,
        [
            ("STOP".to_owned(), wire::Consent::OptOut),
            ("START".to_owned(), wire::Consent::Unspecified)
        ]
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_letter_for_another_address_names_it_and_is_accepted_once_that_is_ours(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let shop = world.shop().await;
    let path = path_of(shop.chatbot.into());
    let called = format!("https://mended.example{path}");
    let mut letter = pigeon::letter(&called, pigeon::CANARY, "AC0001", "hello");
    letter.headers.insert("host", "mended.example".parse().unwrap());
    let id = put(&world, shop.workspace, shop.integration.into(), letter, path).await;
    let kept = at(&shop, &id.to_string());

    let before = do_to(&world, &kept, "check", &shop.owner).await.ok(200);
    let mended = super::Settings {
        public_url: "https://mended.example".parse().unwrap(),
        ..super::settings()
    };
    let world = World::with(pool, mended).await;
    let after = do_to(&world, &kept, "check", &shop.owner).await.ok(200);

    assert_eq!(
        (&before["acceptable"], &before["cause"], &before["words"]),
        (
            &json!(false),
            &json!("other_url"),
            &json!(format!("it was sent to {called}"))
        )
    );
    assert_eq!(after["acceptable"], true, "{after}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_is_too_old_to_be_answered_is_not_replayed(pool: PgPool) {
    let window = Duration::from_hours(24);
    let pigeon = pigeon::Pigeon {
        reply_window: Some(window),
    };
    let world = World::of(pool.clone(), store::Db::of_pool(&pool), super::settings(), pigeon).await;
    let shop = world.shop().await;
    let kept = kept(&world, &shop, pigeon::CANARY).await;

    world.clock.advance(window);
    let past_the_window = do_to(&world, &kept, "replay", &shop.owner).await.problem(409);
    let still_checked = do_to(&world, &kept, "check", &shop.owner).await.ok(200);
    let still_shown = listed(&world, &shop).await.as_array().unwrap().len();
    world.clock.advance(Duration::from_hours(72) - window);
    let past_the_age = do_to(&world, &kept, "replay", &shop.owner).await.problem(409);

    assert!(past_the_window.contains("within 24 hours"), "{past_the_window}");
    assert_eq!((&still_checked["acceptable"], still_shown), (&json!(true), 1));
    assert!(past_the_age.contains("72 hours"), "{past_the_age}");
    assert_eq!(listed(&world, &shop).await, json!([]));
    assert!(taken_in(&world).await.is_empty());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_bot_that_takes_no_webhooks_takes_none_out_of_quarantine(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let kept = kept(&world, &shop, pigeon::CANARY).await;
    let toggle = format!("/api/integrations/{}/{}/toggle", shop.chatbot, shop.integration);
    let chatbot = format!("/api/chatbots/{}", shop.chatbot);

    world
        .post(&toggle, &shop.owner, json!({"enabled": false}))
        .await
        .ok(200);
    let off = do_to(&world, &kept, "replay", &shop.owner).await.problem(409);
    world
        .post(&toggle, &shop.owner, json!({"enabled": true}))
        .await
        .ok(200);
    world
        .post(&format!("{chatbot}/archive"), &shop.owner, json!({}))
        .await;
    let archived = do_to(&world, &kept, "replay", &shop.owner).await.problem(409);

    assert!(off.contains("switched off"), "{off}");
    assert!(archived.contains("archived"), "{archived}");
    assert_eq!(listed(&world, &shop).await[0]["state"], "kept");
    assert!(taken_in(&world).await.is_empty());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn with_the_queue_away_it_stays_where_it_is(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let kept = kept(&world, &shop, pigeon::CANARY).await;
    world.api.queue().close().await;

    do_to(&world, &kept, "replay", &shop.owner).await.problem(503);

    assert_eq!(listed(&world, &shop).await[0]["state"], "kept");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_is_discarded_is_gone_for_good(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let kept = kept(&world, &shop, pigeon::CANARY).await;

    world.delete(&kept, &shop.owner).await.ok(204);

    world.delete(&kept, &shop.owner).await.problem(409);
    do_to(&world, &kept, "replay", &shop.owner).await.problem(409);
    let shown = listed(&world, &shop).await[0].clone();
    assert_eq!(
        (&shown["state"], &shown["settled_at"]),
        (&json!("discarded"), &json!(world.api.now()))
    );
    let left: Option<Vec<u8>> = sqlx::query_scalar("select sealed from quarantine")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(left.is_none());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn it_is_listed_page_by_page_and_by_integration(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    for _ in 0..3 {
        kept(&world, &shop, "x").await;
    }
    let page = async |query: String| {
        world
            .get(&format!("{}?{query}", at(&shop, "")), &shop.owner)
            .await
            .ok(200)
    };

    let first = page("limit=2".to_owned()).await;
    let last = page(format!("limit=2&after={}", first["next"].as_str().unwrap())).await;
    let of_one = page(format!("integration_id={}", shop.integration)).await;

    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&last), count(&of_one)), (2, 1, 3));
    assert!(last["next"].is_null());
}
