//! Handing over to a human: on request, by the owner's words, and when the bot does not know; and back.

use crate::shared::{PATIENCE, Visitor, product};
use reqwest::Method;
use serde_json::{Value, json};
use whole_product::{alone, load::QUESTION, wait};

const UNKNOWN: &str = "Who won the chess olympiad of 1936?";

impl Visitor {
    async fn set_handoff(&self, rules: Value) -> Value {
        let path = format!("/api/chatbots/{}/handoff", self.bot.chatbot_id);
        let api = self.product.api();
        let answer = api.ask(Method::PUT, &path, Some(&rules)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Their conversation, if the list with this filter has it.
    async fn listed(&self, filter: &str) -> Option<Value> {
        let path = format!("/api/workspaces/{}/conversations?{filter}", self.bot.workspace_id);
        let list = self.product.api().get(&path).await.unwrap();
        let items = list["items"].as_array().unwrap();
        assert!(items.len() <= 1, "{list}");
        items.first().cloned()
    }

    async fn does(&self, action: &str, body: Value) {
        let id = self.listed("").await.unwrap()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/conversations/{id}/{action}");
        self.product.api().post(&path, &body).await.unwrap();
    }
}

#[test]
fn who_asks_for_a_human_hears_so_once_and_then_the_bot_is_silent_until_it_is_handed_back() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        visitor
            .set_handoff(json!({"text": "Ada will be with you."}))
            .await;

        let reply = visitor
            .ask("This is no use. I want to talk to a human!")
            .await
            .unwrap();

        assert_eq!(reply.body, "Ada will be with you.");
        let conversation = visitor
            .listed("handler=human&handoff_reason=requested")
            .await
            .unwrap();
        assert_eq!(conversation["handoff"]["reason"], "requested");
        assert!(
            conversation["handoff"]["since"].is_string() && conversation["handoff"]["back_at"].is_string()
        );
        assert_eq!(visitor.listed("handoff_reason=keyword").await, None);
        assert_eq!(visitor.listed("handler=bot").await, None);

        visitor.write(QUESTION).await.unwrap();
        let written = visitor.journey(QUESTION, |message| message["state"] == "for_human");
        written.await.unwrap();
        let before = visitor.product.twilio().newest();
        visitor.does("replies", json!({"text": "Ada here."})).await;
        assert_eq!(visitor.reply_after(before).await.unwrap().body, "Ada here.");

        visitor.does("hand-back", json!({})).await;
        let reply = visitor.ask(QUESTION).await.unwrap();
        assert!(reply.body.contains("Monday to Friday"), "{}", reply.body);
        let conversation = visitor.listed("handler=bot").await.unwrap();
        assert_eq!(conversation["handoff"], Value::Null);
        assert_eq!(visitor.replies().len(), 3);
    });
}

#[test]
fn the_owners_words_hand_over_and_talk_of_humans_does_not() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        visitor.set_handoff(json!({"keywords": ["refund"]})).await;

        let reply = visitor
            .ask("Is a human heart bigger than a pig's?")
            .await
            .unwrap();
        assert!(!reply.body.contains("colleague"), "{}", reply.body);
        assert!(visitor.listed("handler=bot").await.is_some());
        let reply = visitor.ask("Where is my refund?").await.unwrap();

        assert!(reply.body.contains("colleague"), "{}", reply.body);
        let conversation = visitor.listed("handler=human").await.unwrap();
        assert_eq!(
            (
                &conversation["handoff"]["reason"],
                &conversation["handoff"]["detail"]
            ),
            (&json!("keyword"), &json!("refund"))
        );
    });
}

#[test]
fn a_bot_that_cannot_answer_again_and_again_hands_over() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        visitor
            .set_handoff(json!({"after_unanswered": 2, "text": "A colleague takes over."}))
            .await;

        visitor.ask(UNKNOWN).await.unwrap();
        visitor.ask(QUESTION).await.unwrap();
        let first = visitor.ask(UNKNOWN).await.unwrap();
        let second = visitor.ask(UNKNOWN).await.unwrap();

        assert_ne!(first.body, "A colleague takes over.");
        assert_eq!(second.body, "A colleague takes over.");
        let conversation = visitor.listed("handoff_reason=unanswered").await;
        assert_eq!(conversation.unwrap()["handler"], "human");
    });
}

#[test]
fn a_conversation_goes_back_to_the_bot_after_the_owners_time_of_silence() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        visitor.set_handoff(json!({"hand_back_after_minutes": 1})).await;
        visitor.ask("agent please").await.unwrap();
        // The minute passes.
        let database = product().await.unwrap().database().unwrap();
        let id = visitor.listed("").await.unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let sql = format!(
            "update conversations set hand_back_at = hand_back_at - interval '1 minute' where id = '{id}'"
        );
        database.run(&sql).await.unwrap();

        let back = wait::until("the bot to have it again", PATIENCE, async || {
            Ok(visitor.listed("handler=bot").await)
        });

        back.await.unwrap();
        let reply = visitor.ask(QUESTION).await.unwrap();
        assert!(reply.body.contains("Monday to Friday"), "{}", reply.body);
    });
}

#[test]
fn a_rule_that_does_not_fit_is_refused_with_its_name() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let path = format!("/api/chatbots/{}/handoff", visitor.bot.chatbot_id);

        for (rules, problem) in [
            (json!({"languages": ["fr"]}), "languages[0]"),
            (json!({"after_unanswered": 99}), "after_unanswered"),
            (json!({"keyword": "x"}), "keyword"),
        ] {
            let api = visitor.product.api();
            let answer = api.ask(Method::PUT, &path, Some(&rules)).await.unwrap();
            assert_eq!(answer.status, 422, "{}", answer.body);
            assert!(
                answer.body["detail"].as_str().unwrap().contains(problem),
                "{}",
                answer.body
            );
        }
    });
}
