//! Looking after integrations: what a platform refused to deliver again is fetched.

use crate::shared::PATIENCE;
use simulator::twilio::{Inbound, Retries};
use std::time::Duration;
use whole_product::{
    alone,
    load::{QUESTION, contact},
    product::{Options, Product},
    wait,
};

fn options() -> Options {
    Options {
        model: None,
        environment: [
            ("BOTSMITH__SCHEDULER__CARE_SECONDS", "1"),
            ("BOTSMITH__SCHEDULER__BACKFILL_GRACE_SECONDS", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..Options::default()
    }
}

#[test]
fn a_message_that_came_while_we_were_away_is_fetched_from_twilios_list_and_answered_once() {
    alone(async {
        let product = Product::start(options()).await.unwrap();
        let bot = product.bot().unwrap().clone();
        let (missed, delivered) = (contact(1), contact(2));
        let message = |from: &str| Inbound::sms(simulator::demo::ACCOUNT_SID, from, &bot.number, QUESTION);

        // One that no webhook ever brought, and one that its webhook brought as always.
        product.twilio().record_inbound(&message(&missed));
        let known = message(&delivered);
        product.twilio().record_inbound(&known);
        let answer = product
            .sender()
            .unwrap()
            .deliver(&bot.chatbot_id, &known, Retries::TWILIO)
            .await;

        assert!(answer.accepted());
        let late = product.twilio().next_to(&missed, 0, PATIENCE).await;
        assert!(late.unwrap().body.contains("9:00"));
        // It has been asked for often by now; nothing is answered twice.
        let asked = || {
            let calls = product.twilio().calls();
            calls
                .iter()
                .filter(|call| call.method == "GET" && call.path.ends_with("/Messages.json"))
                .count()
        };
        let before = asked();
        wait::until("Twilio's list to be read again", PATIENCE, async || {
            Ok((asked() >= before + 2).then_some(()))
        })
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        for person in [&missed, &delivered] {
            let replies = product
                .twilio()
                .sent()
                .into_iter()
                .filter(|reply| reply.to == *person)
                .count();
            assert_eq!(replies, 1, "{person} got {replies} replies");
        }
        product.finish().await.unwrap();
    });
}
