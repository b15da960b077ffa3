//! One message all the way: webhook in, answer out of the knowledge, delivered, stored and visible.

use crate::shared::{PATIENCE, Visitor, time};
use reqwest::Method;
use serde_json::json;
use simulator::twilio::{Callbacks, Fault, FaultRule, Retries};
use std::time::Duration;
use whole_product::{alone, load::QUESTION, wait};

#[test]
fn a_question_is_answered_out_of_the_knowledge_and_its_journey_shows_every_stage() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();

        let reply = visitor.ask(QUESTION).await.unwrap();

        assert!(
            reply.body.contains("Monday to Friday from 9:00 to 17:00"),
            "{}",
            reply.body
        );
        assert_eq!(reply.from.as_deref(), Some(visitor.bot.number.as_str()));
        let message = visitor
            .journey(QUESTION, |message| {
                message["journey"]["parts"][0]["delivered_at"].is_string()
            })
            .await
            .unwrap();
        assert_eq!(message["state"], "answered");
        let part = &message["journey"]["parts"][0];
        let stages = [
            time(&message["journey"]["accepted_at"]),
            time(&message["journey"]["stored_at"]),
            time(&message["journey"]["answered_at"]),
            time(&part["sent_at"]),
            time(&part["delivered_at"]),
        ];
        assert!(stages.is_sorted(), "{stages:?}");
        assert_eq!(part["state"], "delivered");
        assert_eq!(part["platform_message_id"], reply.sid.as_str());
        assert!(
            message["journey"]["answer"]["citations"]
                .as_array()
                .is_some_and(|citations| !citations.is_empty()),
            "{message:#}"
        );
    });
}

#[test]
fn the_webhook_is_answered_with_empty_twiml_and_nothing_else() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();

        let delivered = visitor.deliver(&visitor.message(QUESTION)).await.unwrap();

        assert_eq!(delivered.status, Some(200));
        assert!(
            delivered.content_type.starts_with("text/xml"),
            "{}",
            delivered.content_type
        );
        assert!(delivered.body.contains("<Response"), "{}", delivered.body);
        assert!(!delivered.body.contains("<Message"), "{}", delivered.body);
    });
}

#[test]
fn a_question_that_nothing_answers_gets_the_bots_own_words_and_is_listed() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let question = "Who won the chess olympiad of 1936?";
        let bot = visitor
            .product
            .api()
            .get(&format!("/api/chatbots/{}", visitor.bot.chatbot_id))
            .await
            .unwrap();

        let reply = visitor.ask(question).await.unwrap();

        assert_eq!(reply.body, bot["fallback_text"].as_str().unwrap());
        let path = format!("/api/chatbots/{}/unanswered", visitor.bot.chatbot_id);
        let listed = visitor.product.api().get(&path).await.unwrap();
        assert_eq!(listed["items"][0]["question"], question);
        let message = visitor
            .journey(question, |message| message["state"] == "answered")
            .await
            .unwrap();
        assert_eq!(message["journey"]["answer"]["fallback"], "no_knowledge");
    });
}

#[test]
fn a_webhook_that_comes_again_is_answered_once() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let message = visitor.message(QUESTION);
        let (one, two, three) = tokio::join!(
            visitor.deliver(&message),
            visitor.deliver(&message),
            visitor.deliver(&message)
        );
        assert!(one.unwrap().accepted() && two.unwrap().accepted() && three.unwrap().accepted());
        visitor.reply_after(0).await.unwrap();

        assert!(visitor.deliver(&message).await.unwrap().accepted());
        // What comes after it in the same conversation has been answered: so has it, if it was to be.
        visitor.ask("Do you ship abroad?").await.unwrap();

        let bodies: Vec<_> = visitor.replies().into_iter().map(|reply| reply.body).collect();
        assert_eq!(bodies.len(), 2, "{bodies:?}");
    });
}

#[test]
fn after_stop_nothing_is_sent_until_start() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        visitor.ask(QUESTION).await.unwrap();

        visitor.write("STOP").await.unwrap();
        visitor
            .journey("STOP", |message| message["state"] == "suppressed")
            .await
            .unwrap();
        let path = format!("/api/twilio/{}/send-sms", visitor.bot.chatbot_id);
        let body = json!({"to": visitor.number, "text": "Are you still there?"});
        let refused = visitor
            .product
            .api()
            .ask(Method::POST, &path, Some(&body))
            .await
            .unwrap();

        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert!(
            refused.body.to_string().contains("START"),
            "it does not say what would help: {}",
            refused.body
        );
        assert_eq!(visitor.replies().len(), 1, "something was sent after STOP");

        visitor.write("START").await.unwrap();
        visitor
            .journey("START", |message| message["state"] == "suppressed")
            .await
            .unwrap();
        let before = visitor.product.twilio().newest();
        let sent = visitor
            .product
            .api()
            .ask(Method::POST, &path, Some(&body))
            .await
            .unwrap();
        assert!((200..300).contains(&sent.status), "{sent:?}");
        assert_eq!(
            visitor.reply_after(before).await.unwrap().body,
            "Are you still there?"
        );
    });
}

#[test]
fn a_picture_is_fetched_with_credentials_that_do_not_leave_the_platform_and_can_be_seen() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let png = b"\x89PNG\r\n\x1a\nnot much of a picture".to_vec();
        let url = visitor
            .product
            .twilio()
            .add_media(simulator::demo::ACCOUNT_SID, "image/png", png.clone());
        let message = visitor.message(QUESTION).with_media(&url, "image/png");

        assert!(visitor.deliver(&message).await.unwrap().accepted());

        let shown = visitor
            .journey(QUESTION, |message| message["attachments"][0]["state"] == "stored")
            .await
            .unwrap();
        assert_eq!(shown["attachments"][0]["content_type"], "image/png");
        let calls = visitor.product.twilio().calls();
        let storage: Vec<_> = calls
            .iter()
            .filter(|call| call.path.starts_with("/_storage/"))
            .collect();
        assert!(
            !storage.is_empty() && storage.iter().all(|call| call.outcome == "200"),
            "{storage:?}"
        );
        visitor.reply_after(0).await.unwrap();
    });
}

#[test]
fn a_refused_reply_is_a_dead_letter_with_its_reason_and_its_replay_is_delivered() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let fault = Fault::Code {
            status: 400,
            code: 21612,
            message: "No route to this number".to_owned(),
        };
        visitor
            .product
            .twilio()
            .add_fault(FaultRule::always(fault).to(&visitor.number).times(1));
        visitor.write(QUESTION).await.unwrap();

        let letter = wait::until("a dead letter", PATIENCE, async || {
            Ok(visitor.product.api().dead_letters(&visitor.bot).await?.pop())
        })
        .await
        .unwrap();

        assert!(letter["reason"].as_str().unwrap().contains("21612"), "{letter}");
        assert!(visitor.replies().is_empty());
        let path = format!(
            "/api/workspaces/{}/dead-letters/{}/replay",
            visitor.bot.workspace_id,
            letter["id"].as_str().unwrap()
        );
        visitor.product.api().post(&path, &json!({})).await.unwrap();
        let reply = visitor.reply_after(0).await.unwrap();
        assert!(reply.body.contains("9:00"), "{}", reply.body);
        assert!(
            visitor
                .product
                .api()
                .dead_letters(&visitor.bot)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn news_of_a_reply_in_any_order_only_moves_it_forward() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let twilio = visitor.product.twilio();
        // The first comes before the send that it is about was answered.
        let disorder = Callbacks {
            before_the_answer: true,
            ..Callbacks::in_order(&["delivered", "sent", "queued"])
        };
        twilio.set_callbacks(disorder);

        let before = twilio.counts().callbacks;
        visitor.ask(QUESTION).await.unwrap();
        wait::until("three reports", PATIENCE, async || {
            Ok((twilio.counts().callbacks >= before + 3).then_some(()))
        })
        .await
        .unwrap();
        twilio.set_callbacks(Callbacks::default());

        let delivered = |message: &serde_json::Value| message["journey"]["parts"][0]["state"] == "delivered";
        visitor.journey(QUESTION, delivered).await.unwrap();
        // The last report is through the queue by the time that another whole message is.
        visitor.ask("Do you ship abroad?").await.unwrap();
        assert!(delivered(&visitor.journey(QUESTION, |_| true).await.unwrap()));
    });
}

#[test]
fn a_reply_whose_acceptance_was_not_heard_is_looked_up_and_not_sent_again() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let twilio = visitor.product.twilio();
        twilio.add_fault(FaultRule::always(Fault::CutAfter).to(&visitor.number).times(1));

        visitor.write(QUESTION).await.unwrap();

        let sent =
            |message: &serde_json::Value| message["journey"]["parts"][0]["platform_message_id"].is_string();
        visitor.journey(QUESTION, sent).await.unwrap();
        assert_eq!(visitor.replies().len(), 1);
    });
}

#[test]
fn a_platform_that_says_wait_is_not_called_before_that() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let twilio = visitor.product.twilio();
        twilio.add_fault(
            FaultRule::always(Fault::TooMany { retry_after: Some(3) })
                .to(&visitor.number)
                .times(1),
        );

        visitor.ask(QUESTION).await.unwrap();

        let calls = wait::until("both calls' ends", PATIENCE, async || {
            let of_visitor = |call: &simulator::twilio::Call| call.to.as_deref() == Some(&visitor.number);
            let calls: Vec<_> = twilio.calls().into_iter().filter(of_visitor).collect();
            Ok((calls.len() >= 2).then_some(calls))
        })
        .await
        .unwrap();
        let outcomes: Vec<_> = calls.iter().map(|call| call.outcome.as_str()).collect();
        assert_eq!(outcomes, ["429 20429", "201"]);
        let waited = (calls[1].at - calls[0].at).to_std().unwrap();
        assert!(waited >= Duration::from_secs(3), "{waited:?}");
    });
}

#[test]
fn a_webhook_by_get_is_taken_too() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let message = visitor.message(QUESTION);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(message.params())
            .finish();
        let path = format!("/api/twilio/webhook/{}?{query}", visitor.bot.chatbot_id);
        let signature = visitor.product.sender().unwrap().signature(&path, &[]);

        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.get(format!("{}{path}", visitor.product.gateways()[0]));
        let answer = request
            .header("X-Twilio-Signature", signature)
            .send()
            .await
            .unwrap();

        assert_eq!(answer.status(), 200);
        visitor.reply_after(0).await.unwrap();
    });
}

#[test]
fn people_who_write_at_once_are_answered_each_in_their_order() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let target = visitor.product.target(&visitor.bot).unwrap();
        let questions = [QUESTION, "Do you ship abroad?"];
        let sender = &target.sender;
        let retries = Retries::TWILIO;
        for question in questions {
            let message = visitor.message(question);
            assert!(
                sender
                    .deliver(&visitor.bot.chatbot_id, &message, retries)
                    .await
                    .accepted()
            );
            visitor
                .journey(question, |message| message["state"] == "answered")
                .await
                .unwrap();
        }

        wait::until("both replies", PATIENCE, async || {
            Ok((visitor.replies().len() >= 2).then_some(()))
        })
        .await
        .unwrap();

        let bodies: Vec<_> = visitor.replies().into_iter().map(|reply| reply.body).collect();
        assert!(
            bodies[0].contains("9:00") && bodies[1].contains("Europe"),
            "{bodies:?}"
        );
    });
}

#[test]
fn what_the_platform_reports_of_a_reply_is_told_to_open_pages() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let (api, twilio) = (visitor.product.api(), visitor.product.twilio());
        // Late enough for the page to have seen it sent.
        twilio.set_callbacks(Callbacks {
            every_ms: 1_500,
            ..Callbacks::in_order(&["delivered"])
        });
        let path = format!("/api/workspaces/{}/events", visitor.bot.workspace_id);
        let mut events = api.follow(&path).await.unwrap();

        visitor.write(QUESTION).await.unwrap();
        // A page reads anew whenever it is told, and only then.
        let mut seen = Vec::new();
        while seen.last().is_none_or(|state| state != "delivered") {
            let piece = tokio::time::timeout(PATIENCE, events.chunk()).await;
            let piece = piece
                .expect("nothing is told")
                .unwrap()
                .expect("the stream has ended");
            if String::from_utf8_lossy(&piece).contains("event: messages") {
                let messages = api.messages_with(&visitor.bot, &visitor.number).await.unwrap();
                let part = &messages[0]["journey"]["parts"][0];
                seen.push(part["state"].as_str().unwrap_or_default().to_owned());
            }
        }
        twilio.set_callbacks(Callbacks::default());

        assert!(seen.iter().any(|state| state == "sent"), "{seen:?}");
    });
}
