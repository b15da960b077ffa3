//! A webhook that cannot be verified: refused, explained, kept, and taken in once its owner has mended the settings.

use crate::shared::{PATIENCE, Visitor};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::twilio::{Inbound, Retries, WebhookSender};
use whole_product::{
    alone,
    api::Answer,
    load::QUESTION,
    product::{AUTH_TOKEN, PUBLIC_URL},
    wait,
};

/// What the integration keeps, newest first, as soon as there are so many.
async fn kept(visitor: &Visitor, count: usize) -> Vec<Value> {
    let path = format!("/api/integrations/{}/quarantine", visitor.bot.chatbot_id);
    let listed = wait::until("the webhooks in quarantine", PATIENCE, async || {
        let list = visitor.product.api().get(&path).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok((items.len() >= count).then_some(items))
    });
    listed.await.unwrap()
}

/// Waits for a line of the integration's log with this cause.
async fn logged(visitor: &Visitor, cause: &str) -> Value {
    let path = format!("/api/integrations/{}/logs", visitor.bot.chatbot_id);
    let found = wait::until("a line of the log", PATIENCE, async || {
        let list = visitor.product.api().get(&path).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok(items.into_iter().find(|line| line["details"]["cause"] == cause))
    });
    found.await.unwrap()
}

async fn do_to(visitor: &Visitor, kept: &Value, what: &str) -> Answer {
    let path = format!(
        "/api/integrations/{}/quarantine/{}/{what}",
        visitor.bot.chatbot_id,
        kept["id"].as_str().unwrap()
    );
    visitor
        .product
        .api()
        .ask(Method::POST, &path, None)
        .await
        .unwrap()
}

async fn set_token(visitor: &Visitor, token: &str) {
    let path = format!("/api/integrations/{}", visitor.bot.chatbot_id);
    let body = json!({"platform": "twilio", "credentials": {"auth_token": token}});
    visitor.product.api().post(&path, &body).await.unwrap();
}

#[test]
fn a_webhook_that_was_refused_for_a_wrong_token_is_answered_once_after_the_mend_and_a_forged_one_never() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        set_token(&visitor, "fedcba9876543210fedcba9876543210").await;
        let genuine = visitor.message(QUESTION);
        let forged = visitor.message("Do you ship abroad?");
        let path = format!("/api/twilio/webhook/{}", visitor.bot.chatbot_id);
        let sender = visitor.product.sender().unwrap();

        let refused = visitor.deliver(&genuine).await.unwrap();
        assert!(matches!(refused.status, Some(401 | 403)), "{refused:?}");
        assert!(
            !refused.body.contains("token"),
            "the platform is told why: {}",
            refused.body
        );
        let genuine_kept = kept(&visitor, 1).await.remove(0);
        let refused = sender
            .post(&path, &forged.params(), "bm90IHRoaXMgb25l", Retries::TWILIO)
            .await;
        assert!(matches!(refused.status, Some(401 | 403)), "{refused:?}");
        let forged_kept = kept(&visitor, 2).await.remove(0);

        assert_eq!(genuine_kept["cause"], "wrong_secret");
        assert_eq!(genuine_kept["state"], "kept");
        let line = logged(&visitor, "wrong_secret").await;
        assert_eq!(line["event"], "webhook.refused");
        assert!(line["message"].as_str().unwrap().contains("auth token"), "{line}");
        for shown in [&genuine_kept, &line] {
            let shown = shown.to_string();
            assert!(
                !shown.contains(QUESTION) && !shown.contains(&visitor.number),
                "{shown}"
            );
        }
        let in_vain = do_to(&visitor, &genuine_kept, "replay").await;
        assert_eq!(in_vain.status, 409, "{in_vain:?}");

        set_token(&visitor, AUTH_TOKEN).await;
        let checked = do_to(&visitor, &genuine_kept, "check").await;
        assert_eq!(checked.body["acceptable"], true, "{checked:?}");
        let still_forged = do_to(&visitor, &forged_kept, "check").await;
        assert_eq!(still_forged.body["acceptable"], false, "{still_forged:?}");
        let replayed = do_to(&visitor, &genuine_kept, "replay").await;
        assert_eq!((replayed.status, &replayed.body["messages"]), (200, &json!(1)));
        let reply = visitor.reply_after(0).await.unwrap();
        assert!(reply.body.contains("9:00"), "{}", reply.body);

        for webhook in [&genuine_kept, &forged_kept] {
            let again = do_to(&visitor, webhook, "replay").await;
            assert_eq!(again.status, 409, "{again:?}");
        }
        // The platform's own second try is the same message.
        assert!(visitor.deliver(&genuine).await.unwrap().accepted());
        visitor.ask("When do you close on Fridays?").await.unwrap();
        let bodies: Vec<_> = visitor.replies().into_iter().map(|reply| reply.body).collect();
        assert_eq!(bodies.len(), 2, "{bodies:?}");
        assert!(bodies.iter().all(|body| !body.contains("Europe")), "{bodies:?}");
    });
}

#[test]
fn a_webhook_that_was_signed_for_another_address_is_refused_and_the_address_is_named() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let message: Inbound = visitor.message(QUESTION);
        let (path, form) = (
            format!("/api/twilio/webhook/{}", visitor.bot.chatbot_id),
            message.params(),
        );
        let gateway = &visitor.product.gateways()[0];
        let elsewhere = WebhookSender::new(AUTH_TOKEN.to_owned(), "https://tunnel.example", gateway).unwrap();

        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http
            .post(format!("{gateway}{path}"))
            .header("X-Forwarded-Host", "tunnel.example")
            .header("X-Twilio-Signature", elsewhere.signature(&path, &form))
            .form(&form)
            .send()
            .await
            .unwrap();

        assert!(matches!(answer.status().as_u16(), 401 | 403), "{answer:?}");
        let line = logged(&visitor, "other_url").await;
        let message = line["message"].as_str().unwrap();
        for expected in [
            &format!("it is signed for https://tunnel.example{path}"),
            "set `gateway.public_url` to https://tunnel.example,",
            PUBLIC_URL,
        ] {
            assert!(message.contains(expected), "{expected} in {message}");
        }
        let kept = kept(&visitor, 1).await.remove(0);
        assert_eq!(
            (&kept["cause"], &kept["id"]),
            (&json!("other_url"), &line["details"]["quarantine_id"])
        );
        let refused = do_to(&visitor, &kept, "replay").await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(visitor.replies().is_empty());
    });
}
