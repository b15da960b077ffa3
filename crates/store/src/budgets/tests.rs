use super::*;
use crate::{
    fixtures::{Bot, bot, noon, write},
    intake::TakenIn,
};
use chrono::TimeDelta;
use sqlx::PgPool;

fn tokens(scope: Scope, tokens: i64) -> Budget {
    Budget {
        scope,
        period: Period::Day,
        tokens: Some(tokens),
        cost_micros: None,
        at_limit: AtLimit::Quote,
    }
}

const fn amount(tokens: i64) -> Amount {
    Amount {
        tokens,
        micros: Some(tokens * 2),
    }
}

async fn visitor(db: &Db, bot: Bot, number: &str) -> Spender {
    let TakenIn::Stored { conversation, .. } = write(db, bot, number, "hello").await else {
        panic!("not stored")
    };
    Spender {
        workspace: bot.workspace,
        chatbot: bot.chatbot,
        conversation,
        by_own_account: false,
    }
}

async fn limit(db: &Db, bot: Bot, budgets: &[Budget]) {
    let of = |scope: fn(Scope) -> bool| -> Vec<Budget> {
        budgets
            .iter()
            .filter(|budget| scope(budget.scope))
            .copied()
            .collect()
    };
    let mut tx = db.system().await.unwrap();
    set_of_installation(&mut tx, &of(|scope| scope == Scope::Installation))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    set_of_tenant(&mut tx, None, &of(|scope| scope == Scope::Workspace))
        .await
        .unwrap();
    let bots = of(|scope| matches!(scope, Scope::Chatbot | Scope::Visitor));
    set_of_tenant(&mut tx, Some(bot.chatbot), &bots).await.unwrap();
    tx.commit().await.unwrap();
}

async fn take(db: &Db, spender: Spender, most: i64, now: DateTime<Utc>) -> Reserved {
    reserve(db, spender, amount(most), now, now + TimeDelta::minutes(10))
        .await
        .unwrap()
}

fn held(reserved: Reserved) -> Uuid {
    match reserved {
        Reserved::Held(id) => id,
        other => panic!("not held: {other:?}"),
    }
}

async fn of_bot(db: &Db, bot: Bot, now: DateTime<Utc>) -> Spent {
    let mut tx = db.tenant(bot.workspace).await.unwrap();
    of_tenant(&mut tx, Some(bot.chatbot), now).await.unwrap()[0]
}

#[sqlx::test]
async fn where_nothing_is_limited_nothing_is_reserved(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let ada = visitor(&db, bot, "+1").await;

    assert_eq!(take(&db, ada, 1_000_000, noon()).await, Reserved::Unlimited);
}

#[sqlx::test]
async fn what_a_chatbots_own_account_is_charged_is_not_the_installations(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let ada = visitor(&db, bot, "+1").await;
    limit(
        &db,
        bot,
        &[tokens(Scope::Installation, 100), tokens(Scope::Workspace, 500)],
    )
    .await;
    let own = Spender {
        by_own_account: true,
        ..ada
    };

    held(take(&db, own, 300, noon()).await);

    assert!(
        matches!(take(&db, ada, 101, noon()).await, Reserved::UsedUp { budget, .. } if budget.scope == Scope::Installation)
    );
    assert!(
        matches!(take(&db, own, 300, noon()).await, Reserved::UsedUp { budget, .. } if budget.scope == Scope::Workspace)
    );
    held(take(&db, ada, 100, noon()).await);
}

#[sqlx::test]
async fn each_scope_has_its_own_limit_and_the_one_that_is_used_up_is_named(pool: PgPool) {
    let db = Db::of_pool(&pool);
    for scope in [
        Scope::Installation,
        Scope::Workspace,
        Scope::Chatbot,
        Scope::Visitor,
    ] {
        let bot = bot(&pool).await;
        let ada = visitor(&db, bot, "+1").await;
        let mut budgets = vec![tokens(scope, 100)];
        if scope != Scope::Workspace {
            budgets.push(tokens(Scope::Workspace, 10_000));
        }
        limit(&db, bot, &budgets).await;

        held(take(&db, ada, 60, noon()).await);
        let refused = take(&db, ada, 41, noon()).await;

        let Reserved::UsedUp { budget, until } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(budget, tokens(scope, 100));
        assert_eq!(until, Period::Day.until(noon()));
        // A refusal leaves nothing reserved of the budgets that had enough.
        held(take(&db, ada, 40, noon()).await);
    }
}

#[sqlx::test]
async fn one_visitors_spending_is_not_anothers_nor_one_workspaces_anothers(pool: PgPool) {
    let (db, one, two) = (Db::of_pool(&pool), bot(&pool).await, bot(&pool).await);
    limit(&db, one, &[tokens(Scope::Visitor, 100)]).await;
    let (ada, bob) = (visitor(&db, one, "+1").await, visitor(&db, one, "+2").await);
    let elsewhere = visitor(&db, two, "+1").await;

    held(take(&db, ada, 100, noon()).await);

    held(take(&db, bob, 100, noon()).await);
    assert_eq!(take(&db, elsewhere, 100, noon()).await, Reserved::Unlimited);
    let mut tx = db.tenant(two.workspace).await.unwrap();
    assert!(
        of_tenant(&mut tx, Some(one.chatbot), noon())
            .await
            .unwrap()
            .is_empty()
    );
}

#[sqlx::test]
async fn what_was_not_spent_is_free_again_when_it_is_settled(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    limit(&db, bot, &[tokens(Scope::Chatbot, 100)]).await;
    let ada = visitor(&db, bot, "+1").await;
    let reservation = held(take(&db, ada, 90, noon()).await);

    assert!(settle(&db, reservation, amount(10)).await.unwrap());

    let spent = of_bot(&db, bot, noon()).await;
    assert_eq!(
        (spent.tokens, spent.cost_micros, spent.reserved_tokens),
        (10, 20, 0)
    );
    held(take(&db, ada, 90, noon()).await);
    assert!(
        !settle(&db, reservation, amount(10)).await.unwrap(),
        "settled twice"
    );
}

#[sqlx::test]
async fn a_process_killed_between_reserving_and_settling_widens_no_limit(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    limit(&db, bot, &[tokens(Scope::Chatbot, 100)]).await;
    let ada = visitor(&db, bot, "+1").await;
    let lost = held(take(&db, ada, 60, noon()).await);
    let later = noon() + TimeDelta::minutes(11);

    // Before it expires it is in the way, and after it has expired it is spent.
    assert!(matches!(
        take(&db, ada, 50, noon()).await,
        Reserved::UsedUp { .. }
    ));
    assert!(matches!(take(&db, ada, 50, later).await, Reserved::UsedUp { .. }));
    let spent = of_bot(&db, bot, later).await;
    assert_eq!((spent.tokens, spent.reserved_tokens), (60, 0));
    // Whoever was only slow, and not dead, settles nothing twice.
    assert!(!settle(&db, lost, amount(5)).await.unwrap());
    assert_eq!(of_bot(&db, bot, later).await, spent);
    held(take(&db, ada, 40, later).await);
}

#[sqlx::test]
async fn many_at_once_never_pass_the_limit(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    limit(
        &db,
        bot,
        &[
            tokens(Scope::Installation, 1_000),
            tokens(Scope::Chatbot, 100),
            tokens(Scope::Visitor, 60),
        ],
    )
    .await;
    let visitors = [visitor(&db, bot, "+1").await, visitor(&db, bot, "+2").await];

    let mut trying = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (db, spender) = (db.clone(), visitors[number % 2]);
        trying.spawn(async move { matches!(take(&db, spender, 10, noon()).await, Reserved::Held(_)) });
    }
    let taken = trying.join_all().await.into_iter().filter(|held| *held).count();

    assert_eq!(taken, 10);
    assert_eq!(of_bot(&db, bot, noon()).await.reserved_tokens, 100);
}

#[sqlx::test]
async fn a_budget_is_whole_again_with_the_next_day_or_month(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let monthly = Budget {
        period: Period::Month,
        ..tokens(Scope::Chatbot, 150)
    };
    limit(&db, bot, &[tokens(Scope::Chatbot, 100), monthly]).await;
    let ada = visitor(&db, bot, "+1").await;
    let first = "2026-01-30T23:59:00Z".parse().unwrap();
    let next_day = "2026-01-31T00:00:00Z".parse().unwrap();
    let next_month = "2026-02-01T00:00:00Z".parse().unwrap();

    let reservation = held(take(&db, ada, 100, first).await);
    settle(&db, reservation, amount(100)).await.unwrap();

    let refused = take(&db, ada, 60, next_day).await;
    assert_eq!(
        refused,
        Reserved::UsedUp {
            budget: monthly,
            until: next_month
        }
    );
    held(take(&db, ada, 50, next_day).await);
    held(take(&db, ada, 100, next_month).await);
}

#[sqlx::test]
async fn a_limit_of_the_cost_lets_nothing_pass_whose_price_nobody_knows(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let costs = Budget {
        tokens: None,
        cost_micros: Some(1_000),
        ..tokens(Scope::Chatbot, 1)
    };
    limit(&db, bot, &[costs]).await;
    let ada = visitor(&db, bot, "+1").await;
    let unpriced = Amount {
        tokens: 1,
        micros: None,
    };

    let refused = reserve(&db, ada, unpriced, noon(), noon()).await.unwrap();

    assert_eq!(refused, Reserved::Unpriced { budget: costs });
    held(take(&db, ada, 500, noon()).await);
    assert!(matches!(take(&db, ada, 1, noon()).await, Reserved::UsedUp { .. }));
}

#[sqlx::test]
async fn a_changed_limit_keeps_what_was_spent_and_one_taken_away_limits_nothing(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    limit(&db, bot, &[tokens(Scope::Chatbot, 100)]).await;
    let ada = visitor(&db, bot, "+1").await;
    let reservation = held(take(&db, ada, 100, noon()).await);
    settle(&db, reservation, amount(100)).await.unwrap();

    limit(&db, bot, &[tokens(Scope::Chatbot, 150)]).await;
    assert_eq!(of_bot(&db, bot, noon()).await.tokens, 100);
    assert!(matches!(
        take(&db, ada, 51, noon()).await,
        Reserved::UsedUp { .. }
    ));

    limit(&db, bot, &[]).await;
    assert_eq!(take(&db, ada, 51, noon()).await, Reserved::Unlimited);
}

#[sqlx::test]
async fn what_was_spent_long_ago_is_forgotten(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    limit(&db, bot, &[tokens(Scope::Chatbot, 100)]).await;
    let ada = visitor(&db, bot, "+1").await;
    held(take(&db, ada, 100, noon()).await);

    assert_eq!(forget(&db, noon() - TimeDelta::days(40)).await.unwrap(), 0);
    assert_eq!(forget(&db, noon()).await.unwrap(), 1);
}
