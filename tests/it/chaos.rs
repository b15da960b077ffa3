//! Faults under load, in the size that every run can afford. `make chaos` has the full one.

use whole_product::{
    alone,
    chaos::{self, Outcome, Scale},
};

/// A short run has few sends under way at each kill, and few messages: a handful of duplicates may be this share.
const DUPLICATES_PER_MILLE: f64 = 10.0;

fn seed() -> u64 {
    std::env::var("CHAOS_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_251)
}

fn kept(title: &str, outcome: &Outcome, duplicates: f64) {
    outcome.print(title, seed());
    outcome.report.ensure_kept(duplicates).unwrap();
}

#[test]
fn nothing_is_lost_when_roles_are_killed() {
    alone(async {
        let outcome = chaos::kill_roles(Scale::short(seed())).await.unwrap();

        assert!(outcome.faults.len() >= 2, "too few kills to mean anything");
        kept(
            "kill -9 of a random role every 2 s",
            &outcome,
            DUPLICATES_PER_MILLE,
        );
    });
}

#[test]
fn nothing_is_lost_when_everything_in_one_process_is_killed_and_its_database_too() {
    alone(async {
        let outcome = chaos::kill_all_in_one(Scale::short(seed())).await.unwrap();

        assert!(outcome.faults.len() >= 2, "too few kills to mean anything");
        kept(
            "kill -9 of everything in one process",
            &outcome,
            DUPLICATES_PER_MILLE,
        );
    });
}

#[test]
fn a_webhook_that_comes_three_times_at_once_is_answered_once() {
    alone(async {
        let outcome = chaos::every_webhook_thrice(Scale::short(seed())).await.unwrap();

        assert!(outcome.report.tries >= 900);
        kept("every webhook three times", &outcome, 0.0);
    });
}

#[test]
fn a_broker_that_is_killed_costs_time_and_nothing_else() {
    alone(async {
        let run = chaos::kill_broker(Scale::short(seed()), 1).await.unwrap();

        println!("taken again {:?} after the port opened", run.recovered);
        kept("kill -9 of RabbitMQ", &run.outcome, 0.0);
        run.ensure_recovered().unwrap();
    });
}

#[test]
fn a_database_that_is_killed_costs_time_and_nothing_else() {
    alone(async {
        let outcome = chaos::kill_database(Scale::short(seed()), 1).await.unwrap();

        kept("kill -9 of PostgreSQL", &outcome, DUPLICATES_PER_MILLE);
    });
}

#[test]
fn roles_that_are_asked_to_stop_finish_what_they_hold() {
    alone(async {
        let outcome = chaos::restart_in_turn(Scale::short(seed()), 1).await.unwrap();

        assert!(outcome.faults.len() >= 4, "too few restarts to mean anything");
        kept("SIGTERM of each role in turn", &outcome, 0.0);
    });
}
