//! Versions, their drafts and what lets them go live, against a real database.

use super::*;
use crate::{
    Db,
    fixtures::{self, Bot, noon},
    golden::{self, Expected},
    trials::{self, Claimed, Concluded, Outcome},
};
use domain::{RunState, VersionState as S};
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

/// The same chatbot with other instructions.
async fn wish(db: &Db, bot: Bot, instructions: &str) -> Wish {
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let mut candidate = live(&mut tx, bot.chatbot).await.unwrap().unwrap();
    candidate.behaviour.instructions = instructions.to_owned();
    Wish {
        candidate,
        from: None,
        note: String::new(),
        author: Author::default(),
        override_reason: None,
    }
}

async fn publish_now(db: &Db, bot: Bot, wish: &Wish) -> Published {
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let published = publish(&mut tx, bot.chatbot, wish, noon())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    published
}

async fn instructions(db: &Db, bot: Bot) -> (i64, String) {
    let row = chatbots::load(db, bot.chatbot).await.unwrap().unwrap();
    (row.live_version, row.instructions)
}

async fn states(db: &Db, bot: Bot) -> Vec<S> {
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let all = list(&mut tx, bot.chatbot, None, 50).await.unwrap();
    all.iter().rev().map(|version| version.state).collect()
}

async fn ask(db: &Db, bot: Bot, question: &str) {
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let expected = Expected {
        words: vec!["nine".to_owned()],
        ..Expected::default()
    };
    golden::write(&mut tx, bot.chatbot, question, &expected, None, noon())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Answers every question of the run that is due, as expected or not.
async fn work(db: &Db, passed: bool) -> (Claimed, Concluded) {
    let claimed = trials::claim(db, LEASE).await.unwrap().expect("a run is due");
    for asked in trials::unanswered(db, &claimed).await.unwrap() {
        let outcome = Outcome {
            rank: None,
            passed,
            refused: false,
            failures: Vec::new(),
            answer: String::new(),
            record: json!({}),
            k: 6,
        };
        assert!(
            trials::record(db, &claimed, asked.position, &outcome)
                .await
                .unwrap()
        );
    }
    let concluded = trials::conclude(db, &claimed, noon()).await.unwrap();
    (claimed, concluded)
}

#[sqlx::test]
async fn without_golden_questions_a_version_is_live_at_once_and_the_one_before_stays_as_it_was(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);

    let published = publish_now(&db, bot, &wish(&db, bot, "Be brief.").await).await;
    let same = publish_now(&db, bot, &wish(&db, bot, "Be brief.").await).await;

    assert_eq!((published, same), (Published::Live(2), Published::Unchanged(2)));
    assert_eq!(instructions(&db, bot).await, (2, "Be brief.".to_owned()));
    assert_eq!(states(&db, bot).await, [S::Retired, S::Live]);
    let changed = sqlx::query("update chatbot_versions set settings = '{}' where number = 1")
        .execute(&pool)
        .await;
    assert!(
        changed
            .unwrap_err()
            .to_string()
            .contains("a version never changes")
    );
}

#[sqlx::test]
async fn a_version_waits_for_its_run_and_goes_live_when_it_is_no_worse(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you open?").await;

    let published = publish_now(&db, bot, &wish(&db, bot, "Be brief.").await).await;
    let before = instructions(&db, bot).await;
    let (baseline, measured) = work(&db, true).await;
    let (run, concluded) = work(&db, true).await;

    assert_eq!(published, Published::Checking(2, run.id));
    assert_eq!(before, (1, String::new()));
    assert_eq!(
        (baseline.kind, measured),
        (domain::RunKind::Baseline, Concluded::Measured)
    );
    assert_eq!(concluded, Concluded::Live(2));
    assert_eq!(instructions(&db, bot).await, (2, "Be brief.".to_owned()));
    // How the live version does is known now: it is not asked again.
    publish_now(&db, bot, &wish(&db, bot, "Be kind.").await).await;
    let (next, concluded) = work(&db, true).await;
    assert_eq!(
        (next.kind, concluded),
        (domain::RunKind::Publish, Concluded::Live(3))
    );
}

#[sqlx::test]
async fn a_version_that_makes_it_worse_is_refused_unless_there_is_a_reason(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you open?").await;
    let mut wish = wish(&db, bot, "Say nothing.").await;

    publish_now(&db, bot, &wish).await;
    work(&db, true).await;
    let (_, refused) = work(&db, false).await;
    let after = instructions(&db, bot).await;
    wish.override_reason = Some("it is urgent".to_owned());
    let overridden = publish_now(&db, bot, &wish).await;

    assert_eq!(refused, Concluded::Refused(2));
    assert_eq!(after, (1, String::new()));
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let version = get(&mut tx, bot.chatbot, 2).await.unwrap().unwrap();
    let worse = version.worse.unwrap();
    assert_eq!(worse["questions"][0]["question"], "When do you open?");
    let log = crate::activity_log::list(&mut tx, None, 10).await.unwrap();
    assert_eq!(log[0].action, "version.refused");
    drop(tx);
    assert_eq!(overridden, Published::Live(3));
    assert_eq!(instructions(&db, bot).await, (3, "Say nothing.".to_owned()));
    // It is measured all the same, and the next version is compared with it.
    let (run, concluded) = work(&db, false).await;
    assert_eq!(
        (run.kind, concluded),
        (domain::RunKind::Publish, Concluded::Measured)
    );
    assert_eq!(states(&db, bot).await, [S::Retired, S::Refused, S::Live]);
}

#[sqlx::test]
async fn a_newer_wish_takes_the_place_of_one_that_is_being_checked(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you open?").await;
    publish_now(&db, bot, &wish(&db, bot, "one").await).await;
    work(&db, true).await;
    let overtaken = trials::claim(&db, LEASE).await.unwrap().unwrap();

    publish_now(&db, bot, &wish(&db, bot, "two").await).await;
    let lost = trials::conclude(&db, &overtaken, noon()).await.unwrap();
    let (_, concluded) = work(&db, true).await;

    assert_eq!((lost, concluded), (Concluded::Lost, Concluded::Live(3)));
    assert_eq!(states(&db, bot).await, [S::Retired, S::Superseded, S::Live]);
    assert_eq!(instructions(&db, bot).await, (3, "two".to_owned()));
}

#[sqlx::test]
async fn a_worker_that_goes_on_with_a_run_asks_only_what_is_left(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you open?").await;
    ask(&db, bot, "When do you close?").await;
    publish_now(&db, bot, &wish(&db, bot, "one").await).await;
    let outcome = Outcome {
        rank: None,
        passed: true,
        refused: false,
        failures: Vec::new(),
        answer: "at nine".to_owned(),
        record: json!({}),
        k: 6,
    };
    let died = trials::claim(&db, Duration::ZERO).await.unwrap().unwrap();
    assert!(trials::record(&db, &died, 1, &outcome).await.unwrap());

    let next = trials::claim(&db, LEASE).await.unwrap().unwrap();
    let left = trials::unanswered(&db, &next).await.unwrap();

    assert_eq!((next.id, next.attempts), (died.id, 2));
    assert_eq!(left.iter().map(|asked| asked.position).collect::<Vec<_>>(), [2]);
    assert!(!trials::record(&db, &died, 2, &outcome).await.unwrap());
    assert_eq!(
        trials::conclude(&db, &died, noon()).await.unwrap(),
        Concluded::Lost
    );
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let run = trials::get(&mut tx, bot.chatbot, next.id).await.unwrap().unwrap();
    assert_eq!((run.state, run.questions, run.done), (RunState::Running, 2, 1));
}

#[sqlx::test]
async fn a_run_that_never_ends_refuses_the_version_that_waits_for_it(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you open?").await;
    publish_now(&db, bot, &wish(&db, bot, "one").await).await;
    work(&db, true).await;
    let claimed = trials::claim(&db, LEASE).await.unwrap().unwrap();

    let concluded = trials::fail(&db, &claimed, "it went wrong", noon())
        .await
        .unwrap();

    assert_eq!(concluded, Concluded::Refused(2));
    assert_eq!(instructions(&db, bot).await, (1, String::new()));
}

#[sqlx::test]
async fn what_is_being_checked_is_what_the_next_change_goes_on_from_until_it_is_cancelled(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you open?").await;
    let wanted_now = async || {
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let wanted = wanted(&mut tx, bot.chatbot).await.unwrap().unwrap();
        wanted.behaviour.instructions
    };
    let before = wanted_now().await;
    let Published::Checking(_, run) = publish_now(&db, bot, &wish(&db, bot, "one").await).await else {
        panic!("it has golden questions");
    };
    let during = wanted_now().await;

    let other = fixtures::bot(&pool).await;
    let mut theirs = db.tenant(other.workspace).await.unwrap();
    let foreign = trials::cancel(&mut theirs, bot.chatbot, run, noon())
        .await
        .unwrap();
    drop(theirs);
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let cancelled = trials::cancel(&mut tx, bot.chatbot, run, noon()).await.unwrap();
    let again = trials::cancel(&mut tx, bot.chatbot, run, noon()).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!((before.as_str(), during.as_str()), ("", "one"));
    assert_eq!((foreign, cancelled, again), (false, true, false));
    assert_eq!(wanted_now().await, "");
    assert_eq!(states(&db, bot).await, [S::Live, S::Superseded]);
}

#[sqlx::test]
async fn an_older_version_finds_its_key_and_no_version_draft_or_run_holds_one(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    let model = |url: &str, shown: Option<&str>| {
        let model = json!({"base_url": url, "model": "m", "time_limit_seconds": 30, "key_shown": shown});
        Some(serde_json::from_value(model).unwrap())
    };
    let mut with_key = wish(&db, bot, "").await;
    with_key.candidate.behaviour.model = model("https://a.example/v1", Some("••••1234"));
    with_key.candidate.model_key = Some(vec![0xca, 0xfe, 0xca, 0xfe]);
    publish_now(&db, bot, &with_key).await;
    publish_now(&db, bot, &wish(&db, bot, "still the same model").await).await;
    let mut elsewhere = wish(&db, bot, "").await;
    elsewhere.candidate.behaviour.model = model("https://b.example/v1", None);
    elsewhere.candidate.model_key = None;
    publish_now(&db, bot, &elsewhere).await;

    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let back = candidate(&mut tx, bot.chatbot, 2).await.unwrap().unwrap();
    save_draft(&mut tx, bot.chatbot, &back, Author::default(), noon())
        .await
        .unwrap();
    let drafted = draft(&mut tx, bot.chatbot).await.unwrap().unwrap();
    tx.commit().await.unwrap();

    assert_eq!(back.model_key.as_deref(), Some(&[0xca, 0xfe, 0xca, 0xfe][..]));
    assert_eq!(drafted.candidate, back);
    for said in [
        "select coalesce(string_agg(settings::text, ''), '') from chatbot_versions",
        "select coalesce(string_agg(settings::text, ''), '') from chatbot_drafts",
    ] {
        let said: String = sqlx::query_scalar(said).fetch_one(&pool).await.unwrap();
        assert!(!said.contains("cafecafe"), "{said}");
    }
    // Taken away for its address, it is gone for every version.
    let mut without = wish(&db, bot, "").await;
    without.candidate.behaviour.model = model("https://a.example/v1", None);
    without.candidate.model_key = None;
    publish_now(&db, bot, &without).await;
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let back = candidate(&mut tx, bot.chatbot, 2).await.unwrap().unwrap();
    assert_eq!(
        (back.model_key, back.behaviour.model.unwrap().key_shown),
        (None, None)
    );
}

#[sqlx::test]
async fn a_draft_changes_nothing_that_is_live_and_is_gone_when_it_is(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    let wish = wish(&db, bot, "a better one").await;
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    assert!(
        save_draft(&mut tx, bot.chatbot, &wish.candidate, Author::default(), noon())
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    let before = instructions(&db, bot).await;

    publish_now(&db, bot, &wish).await;

    assert_eq!(before, (1, String::new()));
    assert_eq!(instructions(&db, bot).await, (2, "a better one".to_owned()));
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    assert!(draft(&mut tx, bot.chatbot).await.unwrap().is_none());
}

#[sqlx::test]
async fn a_change_of_the_search_goes_live_with_its_version_and_comes_back_with_it(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    let mut stricter = wish(&db, bot, "").await;
    stricter.candidate.behaviour.retrieval.threshold = Some(0.4);
    publish_now(&db, bot, &stricter).await;
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    let set = retrieval::get(&mut tx, bot.chatbot).await.unwrap();
    let stored = get(&mut tx, bot.chatbot, 2).await.unwrap().unwrap();
    let mut back = wish(&db, bot, "").await;
    back.candidate = candidate(&mut tx, bot.chatbot, 1).await.unwrap().unwrap();
    drop(tx);

    publish_now(&db, bot, &back).await;

    assert_eq!(set.threshold, Some(0.4));
    assert_eq!(stored.behaviour.retrieval, set);
    let written = serde_json::to_string(&stored.behaviour).unwrap();
    assert!(written.contains("\"threshold\":0.4,"), "{written}");
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    assert_eq!(
        retrieval::get(&mut tx, bot.chatbot).await.unwrap(),
        retrieval::Retrieval::default()
    );
}

#[sqlx::test]
async fn another_workspace_sees_no_version_and_publishes_none(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    let wish = wish(&db, bot, "mine").await;
    publish_now(&db, bot, &wish).await;
    let other = fixtures::bot(&pool).await;
    let mut tx = db.tenant(other.workspace).await.unwrap();

    assert!(list(&mut tx, bot.chatbot, None, 10).await.unwrap().is_empty());
    assert_eq!(publish(&mut tx, bot.chatbot, &wish, noon()).await.unwrap(), None);
    assert!(
        !save_draft(&mut tx, bot.chatbot, &wish.candidate, Author::default(), noon())
            .await
            .unwrap()
    );
}

#[sqlx::test]
async fn a_run_that_cannot_be_read_fails_and_is_not_claimed_for_ever(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), fixtures::bot(&pool).await);
    ask(&db, bot, "When do you close?").await;
    let published = publish_now(&db, bot, &wish(&db, bot, "Be brief.").await).await;
    sqlx::query("update trial_runs set settings = '7'")
        .execute(&pool)
        .await
        .unwrap();

    // What it is compared with, and the run itself.
    let first = trials::claim(&db, LEASE).await;
    let second = trials::claim(&db, LEASE).await;

    assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
    assert!(trials::claim(&db, LEASE).await.unwrap().is_none());
    assert!(matches!(published, Published::Checking(2, _)));
    assert_eq!(states(&db, bot).await, [S::Live, S::Refused]);
}
