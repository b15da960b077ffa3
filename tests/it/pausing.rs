//! A chatbot that an administrator has stopped: what people write is accepted and waits, and is answered when it goes on.

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
fn what_is_written_to_a_stopped_chatbot_waits_and_is_answered_once_when_it_goes_on() {
    alone(async {
        let product = Product::start(Options::default()).await.unwrap();
        let api = product.api();
        let chatbot = format!(
            "/api/administration/chatbots/{}",
            product.bot().unwrap().chatbot_id
        );
        let reason = json!({"reason": "its owner has not paid"});
        api.post(&format!("{chatbot}/pause"), &reason).await.unwrap();

        let mut run = product.run(&Load::new(10, 50.0, 5)).unwrap();
        run.written().await;
        let database = product.database().unwrap();
        wait::until("every conversation to be put off", PATIENCE, async || {
            let put_off = "do $$ begin
                assert (select count(*) from conversations where lease_token is null and due_at > now() + interval '1 minute') = 5;
            end $$";
            Ok(database.run(put_off).await.ok())
        })
        .await
        .unwrap();
        assert_eq!((run.accepted(), run.answered()), (10, 0));

        let resumed = api.post(&format!("{chatbot}/resume"), &json!({})).await.unwrap();
        assert_eq!(resumed["waiting"], 5);
        let report = run.settle(PATIENCE, Duration::from_secs(1)).await;
        report.ensure_kept(0.0).unwrap();
        product.finish().await.unwrap();
    });
}
