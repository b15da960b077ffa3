//! A chatbot that moves to another workspace while people write to it: everything that was accepted is answered, once, where
//! it is then.

use serde_json::json;
use std::time::Duration;
use whole_product::{
    alone,
    load::Load,
    product::{Options, Product},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_is_written_while_a_chatbot_moves_is_answered_once_in_its_new_workspace() {
    alone(async {
        let product = Product::start(Options::default()).await.unwrap();
        let api = product.api();
        let bot = product.bot().unwrap();
        let database = product.database().unwrap();
        let there = api
            .post("/api/workspaces", &json!({"name": "Elsewhere"}))
            .await
            .unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let chatbot = format!("/api/administration/chatbots/{}", bot.chatbot_id);
        let transfer = format!("{chatbot}/transfer");
        let mut run = product.run(&Load::new(80, 20.0, 8)).unwrap();

        let moved = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            api.post(&format!("{chatbot}/pause"), &json!({"reason": "it moves"}))
                .await
                .unwrap();
            let to = json!({"workspace_id": there, "reason": "a company of its own"});
            // Whatever is in hand ends in moments.
            wait::until("the chatbot to move", PATIENCE, async || {
                Ok(api.post(&transfer, &to).await.ok())
            })
            .await
            .unwrap()
        };
        let (moved, ()) = tokio::join!(moved, run.written());
        assert!(moved["moves"]["messages"].as_i64().unwrap() > 0, "{moved}");
        api.post(&format!("{chatbot}/resume"), &json!({})).await.unwrap();

        let report = run.settle(PATIENCE, Duration::from_secs(1)).await;
        report.ensure_kept(0.0).unwrap();
        let whose = format!(
            "do $$ begin
                 assert (select count(*) from messages where workspace_id <> '{there}') = 0, 'messages';
                 assert (select count(*) from parts where workspace_id <> '{there}') = 0, 'parts';
                 assert (select count(*) from contacts where workspace_id <> '{there}') = 0, 'contacts';
                 assert (select count(*) from answers where workspace_id <> '{there}') = 0, 'answers';
                 assert (select count(*) from messages where direction = 'inbound' and state = 'answered') = 80, 'answered';
             end $$"
        );
        database.run(&whose).await.unwrap();
        product.finish().await.unwrap();
    });
}
