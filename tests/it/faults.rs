//! Faults of others that are not deaths: a platform that has had enough of one bot, and a broker that takes nothing more.

use crate::shared::PATIENCE;
use chrono::Utc;
use simulator::{
    model::{Behaviour, tokens},
    twilio::{Fault, FaultRule, Inbound, Message, Retries},
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use whole_product::{
    alone,
    load::{Load, QUESTION, contact},
    product::{Options, Product},
    wait,
};

const BOTS: usize = 4;
const MESSAGES: u64 = 600;
/// What the platform asks for, in seconds.
const RETRY_AFTER: u64 = 2;

#[test]
fn a_platform_that_has_had_enough_of_one_bot_slows_no_other_and_nothing_is_lost() {
    alone(async {
        let product = Product::start(Options {
            bots: BOTS,
            ..Options::default()
        })
        .await
        .unwrap();
        let stormy = product.bots()[0].number.clone();
        let storm = FaultRule {
            from: Some(stormy.clone()),
            ..FaultRule::always(Fault::TooMany {
                retry_after: Some(RETRY_AFTER),
            })
        };
        product.twilio().add_fault(storm);
        let run = product.run(&Load::new(MESSAGES, 100.0, 40)).unwrap();

        let is_stormy = |reply: &Message| reply.from.as_deref() == Some(&stormy);

        // The storm lasts until every other bot has answered everything.
        let others = MESSAGES - MESSAGES / BOTS as u64;
        wait::until("the answers of the other bots", PATIENCE * 2, async || {
            let sent = product.twilio().sent();
            let answered = sent.iter().filter(|reply| !is_stormy(reply));
            let answered: BTreeSet<_> = answered.flat_map(|reply| tokens(&reply.body)).collect();
            let missing = others - answered.len() as u64;
            anyhow::ensure!(missing == 0, "{missing} of {others} are missing");
            Ok(Some(()))
        })
        .await
        .unwrap();
        let ended = Utc::now();
        let during = product.twilio().calls();
        assert!(
            !product.twilio().sent().iter().any(is_stormy),
            "there was no storm"
        );
        product.twilio().clear_faults();

        let report = run.settle(PATIENCE * 4, Duration::ZERO).await;

        report.ensure_kept(0.0).unwrap();
        let refused: Vec<_> = during
            .iter()
            .filter(|call| call.outcome.starts_with("429"))
            .collect();
        let began = refused.first().expect("there was no storm").at;
        // What was under way when the first refusal came may be refused too; after that, one try each two seconds.
        let most = 16 + 1 + (ended - began).num_seconds() / RETRY_AFTER as i64;
        assert!(
            refused.len() as i64 <= most,
            "{} calls for one bot in {} s of a storm that asks for {RETRY_AFTER} s of quiet",
            refused.len(),
            (ended - began).num_seconds()
        );
        product.finish().await.unwrap();
    });
}

#[test]
fn a_broker_that_takes_nothing_more_is_told_honestly_and_what_was_accepted_is_answered() {
    alone(async {
        let mut product = Product::start(Options {
            own_broker: true,
            ..Options::default()
        })
        .await
        .unwrap();
        let bot = product.bot().unwrap().clone();
        let (before, meanwhile) = (contact(1), contact(2));
        let message = |from: &str| Inbound::sms(simulator::demo::ACCOUNT_SID, from, &bot.number, QUESTION);
        let sender = product.sender().unwrap();
        let accepted = sender
            .deliver(&bot.chatbot_id, &message(&before), Retries::TWILIO)
            .await;
        assert!(accepted.accepted());

        product.own_broker().unwrap().alarm(true).unwrap();
        let later = message(&meanwhile);
        let once = Retries {
            times: 0,
            ..Retries::TWILIO
        };
        let refused = wait::until("an honest 503", PATIENCE, async || {
            let began = Instant::now();
            let delivered = sender.deliver(&bot.chatbot_id, &later, once).await;
            // Twilio gives up after 15 s.
            assert!(began.elapsed() < Duration::from_secs(10), "it hung");
            Ok((delivered.status == Some(503)).then_some(delivered))
        })
        .await
        .unwrap();
        let answered = product.twilio().next_to(&before, 0, PATIENCE).await;
        product.own_broker().unwrap().alarm(false).unwrap();
        wait::until(
            "the webhook to be taken again",
            Duration::from_secs(10),
            async || {
                let delivered = sender.deliver(&bot.chatbot_id, &later, once).await;
                Ok(delivered.accepted().then_some(()))
            },
        )
        .await
        .unwrap();

        assert_eq!(refused.status, Some(503));
        assert!(answered.is_some(), "consumers did not go on");
        assert!(product.twilio().next_to(&meanwhile, 0, PATIENCE).await.is_some());
        product.finish().await.unwrap();
    });
}

#[test]
fn a_death_of_the_database_while_the_model_writes_costs_no_answer_and_asks_no_model_again() {
    alone(async {
        let product = Product::start(Options {
            private_database: true,
            // PostgreSQL is away for a second: the answer comes meanwhile.
            model: Some(Behaviour::echo(Duration::from_secs(1))),
            ..Options::default()
        })
        .await
        .unwrap();
        let bot = product.bot().unwrap().clone();
        let person = contact(1);
        let question = Inbound::sms(simulator::demo::ACCOUNT_SID, &person, &bot.number, QUESTION);
        let sender = product.sender().unwrap();
        let delivered = sender.deliver(&bot.chatbot_id, &question, Retries::TWILIO);
        assert!(delivered.await.accepted());
        wait::until("the question at the model", PATIENCE, async || {
            Ok((product.model().count() > 0).then_some(()))
        })
        .await
        .unwrap();

        let database = product.database().unwrap();
        database.checkpoint().await.unwrap();
        database.kill().unwrap();

        let answered = product.twilio().next_to(&person, 0, PATIENCE * 2).await;
        assert!(answered.is_some(), "the question was not answered");
        assert_eq!(product.model().count(), 1, "the model was asked again");
        product.finish().await.unwrap();
    });
}
