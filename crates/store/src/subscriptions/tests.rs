use super::*;
use crate::{
    Db,
    coupons::{Coupon, Off},
    credits::{self, Credit},
    fixtures::{Bot, bot, inbound, noon, write},
    intake::take_in,
    invoices::{Filter, Invoice},
    plans::Limits,
    revenue,
    usage::{self, Limit},
};
use domain::ChatbotId;
use sqlx::PgPool;

pub fn plan(name: &str, price_minor: i64) -> Plan {
    Plan {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        price_minor,
        currency: "EUR".to_owned(),
        trial_days: 0,
        limits: Limits::default(),
        is_default: false,
        stripe_price: None,
        archived_at: None,
    }
}

async fn subscribed(db: &Db, workspace: WorkspaceId, plan: &Plan, trial_days: i32) {
    let mut tx = db.system().await.unwrap();
    plans::put(&mut tx, plan, noon()).await.unwrap();
    begin(&mut tx, workspace, plan, trial_days, None, noon())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn bills(db: &Db) -> Vec<Invoice> {
    let mut all = invoices::list(db, &Filter::default(), None, 100).await.unwrap();
    all.reverse();
    all
}

async fn standing(db: &Db, workspace: WorkspaceId) -> Subscription {
    let mut tx = db.system().await.unwrap();
    of_workspace(&mut tx, workspace).await.unwrap().unwrap()
}

fn days(days: i64) -> DateTime<Utc> {
    noon() + TimeDelta::days(days)
}

#[test]
fn a_subscription_of_the_31st_is_there_again_in_march() {
    let at = |day: &str| format!("{day}T12:00:00Z").parse::<DateTime<Utc>>().unwrap();

    let february = period_after(at("2027-01-31"), at("2027-01-31"));
    let march = period_after(at("2027-01-31"), february);

    assert_eq!((february, march), (at("2027-02-28"), at("2027-03-31")));
}

#[sqlx::test]
async fn a_period_begins_with_an_invoice_and_only_one_however_often_and_by_how_many_it_is_rolled_over(
    pool: PgPool,
) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    subscribed(&db, bot.workspace, &plan("Team", 2_900), 0).await;

    let later = days(95);
    let (one, other) = tokio::join!(roll_over(&db, later), roll_over(&db, later));
    let again = roll_over(&db, later).await.unwrap();

    // The first at once, and one for each of the three months that have begun since.
    let numbers: Vec<String> = bills(&db).await.into_iter().map(|bill| bill.number).collect();
    assert_eq!(numbers, ["INV-000001", "INV-000002", "INV-000003", "INV-000004"]);
    assert_eq!(one.unwrap().invoices + other.unwrap().invoices, 3);
    assert_eq!(again, Rolled::default());
    let now = standing(&db, bot.workspace).await;
    assert!(now.period_start <= later && now.period_end > later, "{now:?}");
}

#[sqlx::test]
async fn a_number_that_was_drawn_for_nothing_is_drawn_again(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let team = plan("Team", 2_900);
    let mut tx = db.system().await.unwrap();
    plans::put(&mut tx, &team, noon()).await.unwrap();
    begin(&mut tx, bot.workspace, &team, 0, None, noon())
        .await
        .unwrap();
    // As at a kill -9 before the commit.
    drop(tx);
    assert!(bills(&db).await.is_empty());

    subscribed(&db, bot.workspace, &team, 0).await;

    assert_eq!(bills(&db).await[0].number, "INV-000001");
}

#[sqlx::test]
async fn a_trial_costs_nothing_and_a_new_price_counts_from_the_next_period_on(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let mut team = plan("Team", 2_900);
    subscribed(&db, bot.workspace, &team, 14).await;
    assert!(bills(&db).await.is_empty());
    assert_eq!(
        (
            standing(&db, bot.workspace).await.state,
            standing(&db, bot.workspace).await.mrr_minor
        ),
        (State::Trial, 0)
    );

    roll_over(&db, days(14)).await.unwrap();
    team.price_minor = 3_900;
    let mut tx = db.system().await.unwrap();
    plans::put(&mut tx, &team, days(15)).await.unwrap();
    tx.commit().await.unwrap();
    let kept = standing(&db, bot.workspace).await;
    roll_over(&db, days(50)).await.unwrap();

    assert_eq!(
        (kept.state, kept.price_minor, kept.mrr_minor),
        (State::Active, 2_900, 2_900)
    );
    let totals: Vec<i64> = bills(&db).await.iter().map(|bill| bill.total_minor).collect();
    assert_eq!(totals, [2_900, 3_900]);
    assert_eq!(standing(&db, bot.workspace).await.mrr_minor, 3_900);
}

#[sqlx::test]
async fn coupons_and_credit_are_taken_off_and_end(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let half = Coupon {
        id: Uuid::now_v7(),
        code: "HALF".to_owned(),
        off: Off::Percent(50),
        months: Some(1),
        redeem_by: Some(days(1)),
        max_redemptions: Some(1),
        redemptions: 0,
        archived_at: None,
    };
    subscribed(&db, bot.workspace, &plan("Team", 2_900), 1).await;
    let mut tx = db.system().await.unwrap();
    coupons::insert(&mut tx, &half, noon()).await.unwrap();
    let credit = Credit {
        id: Uuid::now_v7(),
        currency: "EUR".to_owned(),
        amount_minor: 2_000,
        used_minor: 0,
        note: "sorry".to_owned(),
        created_at: noon(),
    };
    credits::give(&mut tx, bot.workspace, &credit).await.unwrap();
    assert!(
        !coupons::redeem(&mut tx, bot.workspace, "QUARTER", noon())
            .await
            .unwrap()
    );
    assert!(
        coupons::redeem(&mut tx, bot.workspace, "HALF", noon())
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    let mut tx = db.system().await.unwrap();
    assert!(
        !coupons::redeem(&mut tx, bot.workspace, "HALF", noon())
            .await
            .unwrap(),
        "redeemed twice"
    );
    drop(tx);

    roll_over(&db, days(70)).await.unwrap();

    let bills = bills(&db).await;
    let shown: Vec<(i64, &str)> = bills
        .iter()
        .map(|bill| (bill.total_minor, bill.state.as_str()))
        .collect();
    // 29.00 less half is 14.50, all of it credit; of that 5.50 is left for the second, and the third is whole.
    assert_eq!(shown, [(0, "paid"), (2_350, "open"), (2_900, "open")]);
    assert!(
        bills
            .iter()
            .all(|bill| bill.lines.iter().map(|line| line.amount_minor).sum::<i64>() == bill.total_minor)
    );

    let mut tx = db.system().await.unwrap();
    invoices::void(&mut tx, bills[1].id, days(70))
        .await
        .unwrap()
        .unwrap();
    let back = credits::of_workspace(&mut tx, bot.workspace).await.unwrap();
    assert_eq!(
        back[0].amount_minor - back[0].used_minor,
        550,
        "voiding lost the credit"
    );
}

#[sqlx::test]
async fn who_does_not_pay_in_time_is_behind_until_they_do(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    subscribed(&db, bot.workspace, &plan("Team", 2_900), 0).await;
    assert_eq!(note_overdue(&db, days(13)).await.unwrap(), 0);

    assert_eq!(note_overdue(&db, days(15)).await.unwrap(), 1);
    assert_eq!(note_overdue(&db, days(15)).await.unwrap(), 0);
    assert_eq!(standing(&db, bot.workspace).await.state, State::PastDue);
    let bill = bills(&db).await.remove(0);
    let mut tx = db.system().await.unwrap();
    assert_eq!(
        invoices::pay(&mut tx, bill.id, days(16)).await.unwrap(),
        Some(bot.workspace)
    );
    assert_eq!(invoices::pay(&mut tx, bill.id, days(16)).await.unwrap(), None);
    tx.commit().await.unwrap();

    assert_eq!(standing(&db, bot.workspace).await.state, State::Active);
}

#[sqlx::test]
async fn months_tell_what_was_so_then(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    subscribed(&db, bot.workspace, &plan("Team", 2_900), 0).await;
    let mut tx = db.system().await.unwrap();
    end(&mut tx, bot.workspace, days(40)).await.unwrap();
    tx.commit().await.unwrap();

    let months = revenue::months(&db, usage::month(noon()), days(40))
        .await
        .unwrap();

    let shown: Vec<_> = months
        .iter()
        .map(|it| {
            (
                it.mrr_minor,
                it.paying,
                it.new,
                it.churned,
                it.churned_minor,
                it.invoiced_minor,
            )
        })
        .collect();
    assert_eq!(shown.first(), Some(&(2_900, 1, 1, 0, 0, 2_900)));
    assert_eq!(shown.last(), Some(&(0, 0, 0, 1, 2_900, 0)));
}

async fn write_so_many(db: &Db, bot: Bot, count: usize) {
    for _ in 0..count {
        write(db, bot, "+1", "hello").await;
    }
}

#[sqlx::test]
async fn messages_are_counted_once_and_over_the_limit_they_are_stored_all_the_same(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let limits = Limits {
        messages: Some(2),
        ..Limits::default()
    };
    subscribed(
        &db,
        bot.workspace,
        &Plan {
            limits,
            ..plan("Small", 0)
        },
        0,
    )
    .await;
    let message = inbound(bot, "+1", "hello");
    take_in(&db, std::slice::from_ref(&message)).await.unwrap();
    take_in(&db, &[message]).await.unwrap();
    write_so_many(&db, bot, 1).await;
    assert!(
        usage::has_messages_left(&db, bot.workspace, noon())
            .await
            .unwrap()
    );

    write_so_many(&db, bot, 1).await;

    assert!(
        !usage::has_messages_left(&db, bot.workspace, noon())
            .await
            .unwrap()
    );
    assert!(
        usage::has_messages_left(&db, bot.workspace, days(31))
            .await
            .unwrap(),
        "the next month begins at nothing"
    );
    let mut tx = db.system().await.unwrap();
    assert_eq!(
        usage::of_workspace(&mut tx, bot.workspace, noon())
            .await
            .unwrap()
            .messages,
        3
    );
}

#[sqlx::test]
async fn two_who_add_the_last_one_at_once_do_not_both_get_it(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let limits = Limits {
        chatbots: Some(2),
        ..Limits::default()
    };
    subscribed(
        &db,
        bot.workspace,
        &Plan {
            limits,
            ..plan("Small", 0)
        },
        0,
    )
    .await;
    let add = async || {
        let mut tx = db.system().await.unwrap();
        let full = usage::room_in(&mut tx, bot.workspace, Limit::Chatbots, 1, noon())
            .await
            .unwrap();
        if full.is_none() {
            sqlx::query!(
                "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'b', 'f')",
                ChatbotId::new().as_uuid(),
                bot.workspace.as_uuid()
            )
            .execute(&mut *tx)
            .await
            .unwrap();
            tx.commit().await.unwrap();
        }
        full
    };

    let (one, other) = tokio::join!(add(), add());

    let full = one.or(other).expect("both got the last one");
    assert_eq!((full.most, full.used, full.plan.as_str()), (2, 2, "Small"));
}

#[sqlx::test]
async fn a_limit_is_told_of_once_when_it_is_near_and_once_when_it_is_reached(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let limits = Limits {
        messages: Some(5),
        ..Limits::default()
    };
    subscribed(
        &db,
        bot.workspace,
        &Plan {
            limits,
            ..plan("Small", 0)
        },
        0,
    )
    .await;
    let told = async || {
        let mut tx = db.system().await.unwrap();
        let notices = usage::note_limits(&mut tx, noon()).await.unwrap();
        tx.commit().await.unwrap();
        notices
            .into_iter()
            .map(|notice| (notice.what, notice.level))
            .collect::<Vec<_>>()
    };

    write_so_many(&db, bot, 3).await;
    assert_eq!(told().await, []);
    write_so_many(&db, bot, 1).await;
    assert_eq!(told().await, [("messages".to_owned(), 80)]);
    write_so_many(&db, bot, 1).await;
    assert_eq!(told().await, [("messages".to_owned(), 100)]);
    assert_eq!(told().await, []);
}

#[sqlx::test]
async fn whoever_cancels_keeps_what_is_paid_for_and_then_falls_back_to_what_is_free(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    subscribed(&db, bot.workspace, &plan("Team", 2_900), 0).await;
    let free = Plan {
        is_default: true,
        ..plan("Free", 0)
    };
    let mut tx = db.system().await.unwrap();
    plans::put(&mut tx, &free, noon()).await.unwrap();
    assert!(set_ending(&mut tx, bot.workspace, true, noon()).await.unwrap());
    tx.commit().await.unwrap();
    roll_over(&db, days(20)).await.unwrap();
    assert_eq!(standing(&db, bot.workspace).await.plan.name, "Team");

    roll_over(&db, days(35)).await.unwrap();

    let now = standing(&db, bot.workspace).await;
    assert_eq!(
        (now.plan.name.as_str(), now.state, now.mrr_minor),
        ("Free", State::Active, 0)
    );
    assert_eq!(bills(&db).await.len(), 1);
}

#[sqlx::test]
async fn a_new_workspace_begins_with_the_default_plan(pool: PgPool) {
    let db = Db::of_pool(&pool);
    let mut tx = db.system().await.unwrap();
    let trial = Plan {
        is_default: true,
        trial_days: 14,
        ..plan("Team", 2_900)
    };
    plans::put(&mut tx, &trial, noon()).await.unwrap();
    let workspace = WorkspaceId::new();
    crate::workspaces::insert(&mut tx, workspace, "New")
        .await
        .unwrap();
    tx.commit().await.unwrap();

    assert_eq!(standing(&db, workspace).await.state, State::Trial);
}

fn told(workspace: WorkspaceId, state: State, second: i64) -> StripeState {
    StripeState {
        workspace,
        subscription: "sub_1".to_owned(),
        customer: "cus_1".to_owned(),
        price: "price_team".to_owned(),
        state,
        price_minor: 2_900,
        mrr_minor: 2_900,
        currency: "EUR".to_owned(),
        period_start: noon(),
        period_end: days(30),
        cancel_at_period_end: false,
        told_at: noon() + TimeDelta::seconds(second),
    }
}

#[sqlx::test]
async fn events_of_stripe_are_followed_once_and_in_the_order_of_their_making(pool: PgPool) {
    let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
    let mut tx = db.system().await.unwrap();
    let team = Plan {
        stripe_price: Some("price_team".to_owned()),
        ..plan("Team", 2_900)
    };
    plans::put(&mut tx, &team, noon()).await.unwrap();
    let w = bot.workspace;

    assert!(is_new_event(&mut tx, "evt_1", "k", noon(), noon()).await.unwrap());
    assert!(!is_new_event(&mut tx, "evt_1", "k", noon(), noon()).await.unwrap());
    let mut follow = async |told: StripeState| follow_subscription(&mut tx, &told, noon()).await.unwrap();
    assert_eq!(follow(told(w, State::Active, 5)).await, Followed::Done);
    assert_eq!(follow(told(w, State::Trial, 3)).await, Followed::Older);
    assert_eq!(follow(told(w, State::Cancelled, 9)).await, Followed::Done);
    assert_eq!(follow(told(w, State::Active, 9)).await, Followed::Older);
    assert_eq!(follow(told(w, State::Active, 8)).await, Followed::Older);
    let unknown = StripeState {
        price: "price_other".to_owned(),
        ..told(w, State::Active, 10)
    };
    assert_eq!(follow(unknown).await, Followed::NotOurs);
    let next = StripeState {
        subscription: "sub_2".to_owned(),
        ..told(w, State::Active, 20)
    };
    assert_eq!(follow(next).await, Followed::Done);
    assert_eq!(follow(told(w, State::Cancelled, 30)).await, Followed::Older);
    tx.commit().await.unwrap();

    let now = standing(&db, w).await;
    assert_eq!(
        (now.state, now.mrr_minor, now.by_stripe),
        (State::Active, 2_900, true)
    );
    assert_eq!(
        roll_over(&db, days(60)).await.unwrap(),
        Rolled::default(),
        "Stripe begins its periods itself"
    );
}
