//! Golden questions through the whole product: what makes a chatbot worse does not go live unless somebody says why it
//! must, what makes it better does, and a message can be answered again without anybody hearing it.

use crate::shared::{PATIENCE, Visitor};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use whole_product::{alone, api::Answer, binary, load::QUESTION, wait};

const SHIPPING: &str = "Do you ship abroad?";
const UNKNOWN: &str = "Who won the chess olympiad of 1936?";

impl Visitor {
    fn chatbot(&self, path: &str) -> String {
        format!("/api/chatbots/{}{path}", self.bot.chatbot_id)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let path = self.chatbot(path);
        self.product.api().ask(method, &path, Some(&body)).await.unwrap()
    }

    /// Waits until a version is no longer being checked.
    async fn judged(&self, number: &Value) -> Value {
        let path = self.chatbot(&format!("/versions/{number}"));
        let judged = wait::until("a version to be judged", PATIENCE, async || {
            let version = self.product.api().get(&path).await?;
            Ok((version["state"] != "checking").then_some(version))
        });
        judged.await.unwrap()
    }

    /// Waits until something that a worker does is done.
    async fn done(&self, path: &str, state: impl Fn(&Value) -> Value) -> Value {
        let done = wait::until("a run to be done", PATIENCE, async || {
            let found = self.product.api().get(path).await?;
            let state = state(&found);
            anyhow::ensure!(state != "failed", "it failed: {found}");
            Ok((state == "done").then_some(found))
        });
        done.await.unwrap()
    }

    /// The version that answers.
    async fn live(&self) -> Value {
        let chatbot = self.product.api().get(&self.chatbot("")).await.unwrap();
        chatbot["live_version"].clone()
    }

    /// Asks for the opening hours until the answer fits: what a worker keeps of a chatbot may be a moment old.
    async fn answers(&self, fits: impl Fn(&str) -> bool) {
        let answered = wait::until("the other answer", PATIENCE, async || {
            let reply = self.ask(QUESTION).await?;
            Ok(fits(&reply.body).then_some(()))
        });
        answered.await.unwrap();
    }
}

#[test]
fn a_publish_that_makes_it_worse_is_refused_with_its_questions_and_a_better_one_goes_live() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        for golden in [
            json!({"question": QUESTION, "source": "Questions", "words": ["Monday"]}),
            json!({"question": SHIPPING, "passage": "9 euros"}),
            json!({"question": UNKNOWN, "refused": true}),
        ] {
            let written = visitor.call(Method::POST, "/golden-questions", golden).await;
            assert_eq!(written.status, 201, "{}", written.body);
        }
        let started = visitor.call(Method::POST, "/runs", json!({})).await;
        assert_eq!(started.status, 202, "{}", started.body);
        let run = visitor.chatbot(&format!("/runs/{}", started.body["id"].as_str().unwrap()));
        let run = visitor.done(&run, |run| run["state"].clone()).await;
        assert_eq!(
            (
                &run["scores"]["passed"],
                &run["scores"]["hit_at_k"],
                &run["scores"]["mrr"]
            ),
            (&json!(3), &json!(1.0), &json!(1.0)),
            "{run}"
        );

        // So sure that it never answers.
        let strict = json!({"retrieval": {"threshold": 1.0}});
        let drafted = visitor.call(Method::PATCH, "/draft", strict).await;
        assert_eq!(drafted.status, 200, "{}", drafted.body);
        let checking = visitor.call(Method::POST, "/draft/publish", json!({})).await;
        assert_eq!(
            (checking.status, &checking.body["state"]),
            (202, &json!("checking"))
        );
        let refused = visitor.judged(&checking.body["version"]["number"]).await;
        let worse = &refused["worse"];
        let failing: Vec<&str> = worse["questions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|question| question["question"].as_str().unwrap())
            .collect();
        let results = visitor.chatbot(&format!("/runs/{}/results", refused["run_id"].as_str().unwrap()));
        let results = visitor.product.api().get(&results).await.unwrap();
        let reply = visitor.ask(QUESTION).await.unwrap();

        assert_eq!(refused["state"], "refused", "{refused}");
        assert_eq!(failing, [QUESTION, SHIPPING]);
        assert!(
            worse["reasons"][0]
                .as_str()
                .unwrap()
                .contains("3 of 3 before, 1 now"),
            "{worse}"
        );
        assert_eq!(
            results["items"][0]["failures"][0], "it said that it does not know",
            "{results}"
        );
        assert_eq!(visitor.live().await, 1);
        assert!(reply.body.contains("Monday"), "{}", reply.body);

        let reason = json!({"override_reason": "the terms are being rewritten"});
        let overridden = visitor.call(Method::POST, "/draft/publish", reason).await;
        assert_eq!(
            (overridden.status, &overridden.body["state"]),
            (200, &json!("live")),
            "{}",
            overridden.body
        );
        visitor.answers(|text| !text.contains("Monday")).await;

        let better = visitor.call(Method::POST, "/versions/1/publish", json!({})).await;
        assert_eq!(better.status, 202, "{}", better.body);
        let number = better.body["version"]["number"].clone();
        let better = visitor.judged(&number).await;
        assert_eq!(
            (&better["state"], &better["from"]),
            (&json!("live"), &json!(1)),
            "{better}"
        );
        assert_eq!(visitor.live().await, number);
        visitor.answers(|text| text.contains("Monday")).await;
    });
}

#[test]
fn a_message_is_answered_again_with_a_change_and_nobody_hears_it() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let reply = visitor.ask(QUESTION).await.unwrap();
        let message = visitor
            .journey(QUESTION, |message| message["journey"]["answer"].is_object())
            .await
            .unwrap();
        let list = format!("/api/workspaces/{}/conversations", visitor.bot.workspace_id);
        let list = visitor.product.api().get(&list).await.unwrap();
        let again = format!(
            "/api/conversations/{}/messages/{}/again",
            list["items"][0]["id"].as_str().unwrap(),
            message["id"].as_str().unwrap()
        );

        let change = json!({"retrieval": {"threshold": 1.0}});
        let started = visitor.product.api().post(&again, &change).await.unwrap();
        let run = format!("{again}/{}", started["run"]["id"].as_str().unwrap());
        let both = visitor.done(&run, |again| again["run"]["state"].clone()).await;

        assert_eq!(both["question"], QUESTION);
        assert!(
            both["before"]["text"].as_str().unwrap().contains("Monday"),
            "{both}"
        );
        assert!(
            !both["after"]["text"].as_str().unwrap().contains("Monday"),
            "{both}"
        );
        assert_eq!(both["after"]["record"]["fallback"], "no_knowledge");
        assert!(
            !both["after"]["record"]["passages"].as_array().unwrap().is_empty(),
            "{both}"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        let replies: Vec<String> = visitor.replies().into_iter().map(|sent| sent.body).collect();
        assert_eq!(replies, [reply.body]);
        let unanswered = visitor.product.api().get(&visitor.chatbot("/unanswered")).await;
        assert_eq!(
            unanswered.unwrap()["items"],
            json!([]),
            "a trial lists nothing as unanswered"
        );
    });
}

/// A command of the program against the running installation: whether it ended well, and what it printed.
async fn command(visitor: &Visitor, key: &str, arguments: &[&str]) -> (bool, String) {
    let ended = tokio::process::Command::new(binary::botsmith().unwrap())
        .args(arguments)
        .env("BOTSMITH_URL", visitor.product.api().url())
        .env("BOTSMITH_API_KEY", key)
        .output()
        .await
        .unwrap();
    let [out, err] = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (ended.status.success(), format!("{out}{err}"))
}

#[test]
fn an_owner_evaluates_a_chatbot_and_carries_it_over_as_a_file_from_the_command_line() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let api = visitor.product.api();
        let keys = format!("/api/workspaces/{}/api-keys", visitor.bot.workspace_id);
        let key = api
            .post(&keys, &json!({"name": "ci", "role": "admin"}))
            .await
            .unwrap();
        let key = key["key"].as_str().unwrap();
        let id = visitor.bot.chatbot_id.as_str();
        let questions = visitor.product.folder().join("questions.csv");
        let table = format!("question,passage,refused\n{QUESTION},Monday to Friday,\n{UNKNOWN},,true\n");
        std::fs::write(&questions, table).unwrap();

        let questions = questions.to_str().unwrap();
        let (well, said) = command(&visitor, key, &["eval", id, "--questions", questions]).await;
        assert!(well && said.contains("2 of 2 answered as expected"), "{said}");
        let wrong = json!({"question": SHIPPING, "words": ["a camel"]});
        visitor.call(Method::POST, "/golden-questions", wrong).await;
        let (well, said) = command(&visitor, key, &["eval", id]).await;
        assert!(
            !well && said.contains(SHIPPING) && said.contains("66.7 % were answered as expected"),
            "{said}"
        );
        let (well, said) = command(&visitor, key, &["eval", id, "--at-least", "0.6"]).await;
        assert!(well, "{said}");

        let file = visitor.product.folder().join("bot.yaml");
        let file = file.to_str().unwrap();
        let (well, said) = command(&visitor, key, &["export", id, "--output", file]).await;
        assert!(well, "{said}");
        let workspace = visitor.bot.workspace_id.as_str();
        let (well, said) = command(&visitor, key, &["import", file, "--workspace", workspace]).await;
        let new = said.split_whitespace().next().unwrap();
        assert!(well && new != id, "{said}");
        let path = format!("/api/chatbots/{new}/sources");
        wait::until("the copy to be indexed", PATIENCE, async || {
            let sources = api.all(&path).await?;
            let ready = sources.iter().all(|source| source["state"] == "ready");
            Ok((ready && !sources.is_empty()).then_some(()))
        })
        .await
        .unwrap();
        let (well, said) = command(&visitor, key, &["eval", new, "--at-least", "0.6"]).await;
        assert!(well && said.contains("2 of 3 answered as expected"), "{said}");
        let (well, said) = command(&visitor, "bsk_wrong", &["eval", id]).await;
        assert!(
            !well && said.contains("401") && !said.contains("bsk_wrong"),
            "{said}"
        );
    });
}
