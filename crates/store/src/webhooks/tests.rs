//! What is written into the outbox and by whom, and how a delivery ends.

use super::*;
use crate::Db;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{WebhookEndpointId, WorkspaceId};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A workspace with a conversation and an endpoint that wants these events.
async fn world(pool: &PgPool, events: &[&str]) -> (Db, WorkspaceId, Uuid, WebhookEndpointId) {
    let (workspace, conversation) = (WorkspaceId::new(), Uuid::now_v7());
    let id = Uuid::now_v7;
    let (bot, integration, contact) = (id(), id(), id());
    let sql = format!(
        "insert into workspaces (id, name) values ('{workspace}', 'Acme');
         insert into chatbots (id, workspace_id, name, fallback_text) values ('{bot}', '{workspace}', 'b', 'f');
         insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ('{integration}', '{workspace}', '{bot}', 'twilio', 'AC', '', '{{}}');
         insert into contacts (id, workspace_id, integration_id, key, name)
             values ('{contact}', '{workspace}', '{integration}', '+1', 'Ada');
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
             values ('{conversation}', '{workspace}', '{bot}', '{integration}', '{contact}', '+1')"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    let db = Db::of_pool(pool);
    let endpoint = WebhookEndpointId::new();
    let events: Vec<String> = events.iter().map(|&event| event.to_owned()).collect();
    let new = NewEndpoint {
        id: endpoint,
        url: "https://crm.example/hook",
        description: "",
        events: &events,
        secret: b"sealed",
        secret_shown: "abcd",
    };
    let mut tx = db.tenant(workspace).await.unwrap();
    insert(&mut tx, &new, Utc::now()).await.unwrap();
    tx.commit().await.unwrap();
    (db, workspace, conversation, endpoint)
}

async fn write(pool: &PgPool, workspace: WorkspaceId, conversation: Uuid, text: &str) {
    let sql = format!(
        "insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at)
         values ('{}', '{workspace}', '{conversation}', 'inbound', 'waiting', '{text}', now())",
        Uuid::now_v7()
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// Later than what the database has written just now.
fn soon() -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(5)
}

fn failed(at: DateTime<Utc>) -> Try {
    Try {
        at,
        status: Some(500),
        error: None,
        milliseconds: 3,
        response: Some("down".to_owned()),
    }
}

#[sqlx::test]
async fn an_event_is_written_with_what_happened_and_only_where_somebody_wants_it(pool: PgPool) {
    let (db, workspace, conversation, _) = world(&pool, &["message.received"]).await;
    let (_, other, elsewhere, _) = world(&pool, &["lead.created"]).await;

    write(&pool, workspace, conversation, "Do you ship?").await;
    write(&pool, other, elsewhere, "Nobody asked for this").await;
    let mut undone = pool.begin().await.unwrap();
    let sql = format!(
        "insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at)
         values ('{}', '{workspace}', '{conversation}', 'inbound', 'waiting', 'undone', now())",
        Uuid::now_v7()
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *undone)
        .await
        .unwrap();
    undone.rollback().await.unwrap();

    let due = claim(&db, soon(), LEASE, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    let body: serde_json::Value = serde_json::from_str(&due[0].body).unwrap();
    assert_eq!(body["type"], "message.received");
    assert_eq!(body["data"]["text"], "Do you ship?");
    assert_eq!(body["data"]["platform"], "twilio");
    assert_eq!(body["data"]["contact"]["name"], "Ada");
    assert_eq!(body["data"]["workspace_id"], workspace.to_string());
    assert!(DateTime::parse_from_rfc3339(body["timestamp"].as_str().unwrap()).is_ok());
}

#[sqlx::test]
async fn what_is_in_hand_is_nobody_elses_until_the_lease_runs_out_and_then_the_first_settles_nothing(
    pool: PgPool,
) {
    let (db, workspace, conversation, _) = world(&pool, &["message.received"]).await;
    write(&pool, workspace, conversation, "hello").await;
    let now = soon();

    let dead = claim(&db, now, LEASE, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(claim(&db, now, LEASE, 10).await.unwrap().is_empty());

    let later = now + LEASE + TimeDelta::seconds(1);
    let taken = claim(&db, later, LEASE, 10).await.unwrap();
    assert_eq!(taken.len(), 1, "what a dead process had in hand is lost");
    let ended = settle(&db, &dead[0], &failed(now), After::GivenUp, later)
        .await
        .unwrap();
    assert_eq!(ended, Ended::Lost);
    let ended = settle(&db, &taken[0], &failed(later), After::Delivered, later)
        .await
        .unwrap();
    assert_eq!(ended, Ended::Settled);
    assert!(claim(&db, later + LEASE * 2, LEASE, 10).await.unwrap().is_empty());
}

#[sqlx::test]
async fn a_slow_endpoint_has_few_in_hand_and_another_ones_are_taken(pool: PgPool) {
    let (db, workspace, conversation, slow) = world(&pool, &["message.received"]).await;
    for n in 0..20 {
        write(&pool, workspace, conversation, &format!("m{n}")).await;
    }
    let (_, other, elsewhere, quick) = world(&pool, &["message.received"]).await;
    write(&pool, other, elsewhere, "hello").await;

    let first = claim(&db, soon(), LEASE, 100).await.unwrap();
    let of = |endpoint| first.iter().filter(|one| one.endpoint == endpoint).count();

    assert_eq!((of(slow), of(quick)), (8, 1));
    assert!(claim(&db, soon(), LEASE, 100).await.unwrap().is_empty());
}

#[sqlx::test]
async fn an_endpoint_that_takes_nothing_for_days_is_switched_off_with_a_word_in_the_activity(pool: PgPool) {
    let (db, workspace, conversation, endpoint) = world(&pool, &["message.received"]).await;
    write(&pool, workspace, conversation, "one").await;
    write(&pool, workspace, conversation, "two").await;
    let now = soon();
    let both = claim(&db, now, LEASE, 10).await.unwrap();

    let first = settle(&db, &both[0], &failed(now), After::GivenUp, now)
        .await
        .unwrap();
    let mut tx = db.tenant(workspace).await.unwrap();
    let failing = get(&mut tx, endpoint).await.unwrap().unwrap();
    drop(tx);
    let later = now + TimeDelta::days(6);
    let last = settle(&db, &both[1], &failed(later), After::GivenUp, later)
        .await
        .unwrap();

    assert_eq!(first, Ended::Settled);
    assert!(failing.enabled && failing.gave_up && failing.failing_since.is_some());
    assert_eq!(last, Ended::SwitchedOff);
    let mut tx = db.tenant(workspace).await.unwrap();
    let off = get(&mut tx, endpoint).await.unwrap().unwrap();
    assert!(!off.enabled);
    assert_eq!(off.disabled_reason.as_deref(), Some("failing"));
    let log = crate::activity_log::list(&mut tx, None, 10).await.unwrap();
    assert_eq!(log[0].action, "webhook.switched_off");
    let back = Change {
        enabled: Some(true),
        ..Change::default()
    };
    assert!(update(&mut tx, endpoint, &back, later).await.unwrap());
    let on = get(&mut tx, endpoint).await.unwrap().unwrap();
    assert!(on.enabled && on.disabled_reason.is_none() && on.failing_since.is_none());
}

#[sqlx::test]
async fn handoffs_leads_and_broken_channels_are_told(pool: PgPool) {
    let (db, workspace, conversation, _) = world(
        &pool,
        &[
            "conversation.handoff",
            "lead.created",
            "lead.updated",
            "integration.error",
            "message.sent",
        ],
    )
    .await;
    let lead = Uuid::now_v7();
    let sql = format!(
        "update conversations set handler = 'human', handoff_reason = 'requested' where id = '{conversation}';
         update integrations set state = 'error', state_reason = 'signed out' where workspace_id = '{workspace}';
         update integrations set state = 'error', state_reason = 'still' where workspace_id = '{workspace}';
         insert into leads (id, workspace_id, stage_id, email, created_at, updated_at)
             select '{lead}', '{workspace}', id, 'ada@example.com', now(), now() from lead_stages
             where workspace_id = '{workspace}' and position = 1;
         update leads set updated_at = now() where id = '{lead}';
         update leads set phone = '+4930123456' where id = '{lead}';
         insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at)
             values ('{}', '{workspace}', '{conversation}', 'outbound', 'bot', 'Hello', now())",
        Uuid::now_v7()
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();

    let mut told: Vec<(String, String)> = Vec::new();
    for _ in 0..2 {
        for one in claim(&db, soon(), LEASE, 100).await.unwrap() {
            let body: serde_json::Value = serde_json::from_str(&one.body).unwrap();
            let data = &body["data"];
            let what = ["reason", "stage", "text"]
                .iter()
                .find_map(|name| data[*name].as_str());
            told.push((
                body["type"].as_str().unwrap().to_owned(),
                what.unwrap_or_default().to_owned(),
            ));
            settle(&db, &one, &failed(soon()), After::Delivered, soon())
                .await
                .unwrap();
        }
    }

    told.sort();
    let told: Vec<_> = told
        .iter()
        .map(|(kind, what)| (kind.as_str(), what.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("conversation.handoff", "requested"),
            ("integration.error", "signed out"),
            ("lead.created", "new"),
            ("lead.updated", "new"),
            ("message.sent", "Hello"),
        ]
    );
}
