//! Faults of others that are not deaths: a platform that has had enough of one bot, and a broker that takes nothing more.

use crate::shared::PATIENCE;
use simulator::twilio::{Fault, FaultRule, Inbound, Retries};
use std::time::{Duration, Instant};
use whole_product::{
    alone,
    load::{Load, QUESTION, contact},
    product::{Options, Product},
    wait,
};

#[test]
fn a_platform_that_has_had_enough_of_one_bot_slows_no_other_and_nothing_is_lost() {
    alone(async {
        let product = Product::start(Options {
            bots: 4,
            ..Options::default()
        })
        .await
        .unwrap();
        let stormy = product.bots()[0].number.clone();
        let storm = FaultRule {
            from: Some(stormy.clone()),
            ..FaultRule::always(Fault::TooMany { retry_after: Some(2) })
        };
        product.twilio().add_fault(storm);
        let run = product.run(&Load::new(600, 100.0, 40)).unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
        let during = product.twilio().calls();
        product.twilio().clear_faults();

        let report = run.settle(Duration::from_secs(60), Duration::ZERO).await;

        report.ensure_kept(0.0).unwrap();
        let refused: Vec<_> = during
            .iter()
            .filter(|call| call.outcome.starts_with("429"))
            .collect();
        let accepted = during
            .iter()
            .filter(|call| call.outcome.starts_with("201"))
            .count();
        assert!(!refused.is_empty(), "there was no storm");
        assert!(accepted > 150, "the others were held up: {accepted} sent in 4 s");
        // What was under way when the first refusal came may be refused too; after that, one try each two seconds.
        assert!(
            refused.len() <= 16 + 3,
            "{} calls for one bot in 4 s of a storm that asks for 2 s of quiet",
            refused.len()
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
            assert!(began.elapsed() < Duration::from_millis(2_800), "it hung");
            Ok((delivered.status == Some(503)).then_some(delivered))
        })
        .await
        .unwrap();
        let answered = product.twilio().next_to(&before, 0, PATIENCE).await;
        product.own_broker().unwrap().alarm(false).unwrap();
        let cleared = Instant::now();
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
        assert!(
            cleared.elapsed() < Duration::from_secs(5),
            "it took {:?}",
            cleared.elapsed()
        );
        assert!(product.twilio().next_to(&meanwhile, 0, PATIENCE).await.is_some());
        product.finish().await.unwrap();
    });
}
