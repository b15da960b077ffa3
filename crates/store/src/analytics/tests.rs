use super::*;
use crate::{
    Db,
    fixtures::{self, Bot, answer, bot, write},
};
use chrono::TimeDelta;
use domain::WorkspaceId;
use sqlx::PgPool;

fn day_around(now: DateTime<Utc>) -> Wanted {
    Wanted {
        from: now - TimeDelta::days(2),
        to: now + TimeDelta::days(2),
        chatbot: None,
        platform: None,
        zone: "UTC".to_owned(),
        step: Step::Week,
    }
}

async fn counts(db: &Db, workspace: WorkspaceId, wanted: &Wanted) -> Counts {
    let mut tx = db.tenant(workspace).await.unwrap();
    let mut sum = Counts::default();
    for row in read(&mut tx, wanted).await.unwrap().unwrap() {
        sum += &row.counts;
    }
    sum
}

/// Moves the messages of a chatbot that nobody has answered to this moment.
async fn move_to(pool: &PgPool, bot: Bot, moment: DateTime<Utc>) {
    sqlx::query(
        "update messages set id = overlay(id::text placing left(first_id($2)::text, 13) from 1 for 13)::uuid
         where conversation_id in (select id from conversations where chatbot_id = $1)",
    )
    .bind(bot.chatbot.as_uuid())
    .bind(moment)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test]
async fn what_happened_is_counted_once_however_often_it_is_counted(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), bot(&pool).await);
    write(&db, shop, "+1", "When do you open?").await;
    answer(&db, &["At nine."]).await;
    write(&db, shop, "+2", "Where?").await;
    answer(&db, &["Here.", "And there."]).await;
    write(&db, shop, "+2", "Why?").await;
    sqlx::query("update answers set tokens_in = 10, tokens_out = 5, cost_micros = 70")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query(
        "update messages set answered_at = accepted_at + interval '3 seconds' where state = 'answered'",
    )
    .execute(&pool)
    .await
    .unwrap();
    for handler in ["human", "human", "bot"] {
        sqlx::query("update conversations set handler = $1")
            .bind(handler)
            .execute(&pool)
            .await
            .unwrap();
    }
    let now = Utc::now();

    refresh(&db, now).await.unwrap();
    refresh(&db, now).await.unwrap();

    let counted = counts(&db, shop.workspace, &day_around(now)).await;
    assert_eq!(
        (
            counted.conversations,
            counted.inbound,
            counted.by_bot,
            counted.by_people
        ),
        (2, 3, 2, 0)
    );
    assert_eq!((counted.tokens, counted.cost_micros), (30, 140));
    assert_eq!(
        counted.handed_over, 2,
        "each was taken over once, and is with the bot again"
    );
    let wait = counted.wait_seconds(0.5).unwrap();
    assert!((2.0..=4.0).contains(&wait), "{wait} s");
}

#[sqlx::test]
async fn what_was_stored_late_is_counted_in_the_hour_in_which_it_was_accepted(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), bot(&pool).await);
    let now = Utc::now();
    write(&db, shop, "+1", "early").await;
    refresh(&db, now).await.unwrap();
    write(&db, shop, "+1", "late").await;
    move_to(&pool, shop, now - TimeDelta::hours(2)).await;

    refresh(&db, now + TimeDelta::minutes(1)).await.unwrap();

    let earlier = Wanted {
        to: now - TimeDelta::hours(1),
        ..day_around(now)
    };
    assert_eq!(counts(&db, shop.workspace, &earlier).await.inbound, 2);
    assert_eq!(counts(&db, shop.workspace, &day_around(now)).await.inbound, 2);
}

#[sqlx::test]
async fn days_are_those_of_the_zone_that_is_asked_for(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), bot(&pool).await);
    write(&db, shop, "+1", "hello").await;
    let evening: DateTime<Utc> = "2026-03-01T22:30:00Z".parse().unwrap();
    move_to(&pool, shop, evening).await;
    recount(&db, evening, evening).await.unwrap();

    for (zone, expected) in [
        ("UTC", "2026-03-01T00:00:00Z"),
        ("Asia/Tokyo", "2026-03-01T15:00:00Z"),
        ("America/New_York", "2026-03-01T05:00:00Z"),
    ] {
        let wanted = Wanted {
            from: evening - TimeDelta::days(1),
            to: evening + TimeDelta::days(1),
            zone: zone.to_owned(),
            step: Step::Day,
            ..day_around(evening)
        };
        let mut tx = db.tenant(shop.workspace).await.unwrap();
        let rows = read(&mut tx, &wanted).await.unwrap().unwrap();
        let at: Vec<_> = rows.iter().map(|row| row.at).collect();
        assert_eq!(at, [expected.parse::<DateTime<Utc>>().unwrap()], "{zone}");
    }
    let nowhere = Wanted {
        zone: "Mars/Olympus".to_owned(),
        ..day_around(evening)
    };
    let mut tx = db.tenant(shop.workspace).await.unwrap();
    assert!(read(&mut tx, &nowhere).await.unwrap().is_none());
}

#[sqlx::test]
async fn another_workspace_counts_nothing_of_it(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), bot(&pool).await);
    let other = fixtures::bot(&pool).await;
    write(&db, shop, "+1", "hello").await;
    let now = Utc::now();
    refresh(&db, now).await.unwrap();

    assert_eq!(counts(&db, shop.workspace, &day_around(now)).await.inbound, 1);
    assert_eq!(
        counts(&db, other.workspace, &day_around(now)).await,
        Counts::default()
    );
}

#[test]
fn the_median_wait_lies_in_the_class_of_the_answer_in_the_middle() {
    let mut counts = Counts::default();
    assert_eq!(counts.wait_seconds(0.5), None);
    counts.waits[0] = 1;
    counts.waits[3] = 2;
    counts.waits[8] = 1;

    assert!((2.0..=4.0).contains(&counts.wait_seconds(0.5).unwrap()));
    assert!((64.0..=128.0).contains(&counts.wait_seconds(0.99).unwrap()));
}

#[sqlx::test]
async fn an_integration_counts_each_message_once_whether_it_was_counted_for_good_or_not(pool: PgPool) {
    let (db, shop) = (Db::of_pool(&pool), bot(&pool).await);
    let now = Utc::now();
    write(&db, shop, "+1", "When do you open?").await;
    move_to(&pool, shop, now - TimeDelta::hours(30)).await;
    write(&db, shop, "+2", "Where?").await;

    for _ in 0..2 {
        refresh(&db, now).await.unwrap();
        recount(&db, now - TimeDelta::hours(48), now).await.unwrap();
        let mut tx = db.tenant(shop.workspace).await.unwrap();
        let stats = crate::integrations::stats(&mut tx, shop.integration, now)
            .await
            .unwrap();
        assert_eq!(
            (stats.messages_in, stats.conversations, stats.messages_out),
            (2, 2, 0)
        );
    }
}
