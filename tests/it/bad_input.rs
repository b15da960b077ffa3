//! What is wrong is refused with the reason, to who sent it and in the log; what is odd is taken as it is.

use crate::shared::{PATIENCE, Visitor, product};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::twilio::{Inbound, Retries};
use std::{process::Stdio, time::Duration};
use uuid::Uuid;
use whole_product::{
    alone, binary,
    load::QUESTION,
    ports,
    role::{Plan, Role},
    wait,
};

/// Posts a raw body to a chatbot's webhook; the status and the answer.
async fn post(chatbot: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let gateway = &product().await.unwrap().gateways()[0];
    let mut request = http
        .post(format!("{gateway}/api/twilio/webhook/{chatbot}"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn encoded(form: &[(String, String)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
        .into_bytes()
}

/// A problem that names its reason: to a machine in `type`, to a person in `detail`.
fn assert_problem(answer: &str, status: u16, reason: &str) {
    let problem: Value = serde_json::from_str(answer).unwrap_or_else(|_| panic!("no problem+json: {answer}"));
    assert_eq!(problem["status"], status, "{problem}");
    assert!(
        problem["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with(reason)),
        "{problem} is not {reason}"
    );
    assert!(
        problem["title"].is_string() && problem["request_id"].is_string(),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
        "{problem}"
    );
}

#[test]
fn a_webhook_that_is_not_in_order_is_refused_with_the_reason() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let bot = visitor.bot.chatbot_id.clone();
        let sender = visitor.product.sender().unwrap();
        let path = format!("/api/twilio/webhook/{bot}");
        let form = visitor.message(QUESTION).params();
        let signed = sender.signature(&path, &form);

        let nobody = Uuid::now_v7().to_string();
        let (status, answer) = post(&nobody, encoded(&form), &[("X-Twilio-Signature", &signed)]).await;
        assert_eq!(status, 404, "unknown chatbot: {answer}");
        assert_problem(&answer, 404, "unknown-chatbot");

        let (status, answer) = post("not-an-id", encoded(&form), &[("X-Twilio-Signature", &signed)]).await;
        assert_eq!(status, 404, "no id: {answer}");

        let (status, answer) = post(
            &bot,
            encoded(&form),
            &[("X-Twilio-Signature", "bm90IHRoaXMgb25l")],
        )
        .await;
        assert!(
            status == 401 || status == 403,
            "wrong signature: {status} {answer}"
        );
        assert_problem(&answer, status, "bad-signature");

        let (status, answer) = post(&bot, encoded(&form), &[]).await;
        assert!((400..=403).contains(&status), "no signature: {status} {answer}");
        assert_problem(&answer, status, "bad-signature");

        let (status, answer) = post(&bot, vec![b'a'; 3 << 20], &[("X-Twilio-Signature", &signed)]).await;
        assert_eq!(status, 413, "too large: {answer}");
        assert_problem(&answer, 413, "too-large");

        let mut foreign = visitor.message(QUESTION);
        foreign.account_sid = "ACffffffffffffffffffffffffffffffff".to_owned();
        let params = foreign.params();
        let signature = sender.signature(&path, &params);
        let (status, answer) = post(&bot, encoded(&params), &[("X-Twilio-Signature", &signature)]).await;
        assert!(
            (400..=403).contains(&status),
            "someone else's account: {status} {answer}"
        );
        assert_problem(&answer, status, "foreign-account");

        let gateway = visitor.product.role("gateway-1").unwrap();
        let log = format!("{}{}", gateway.stdout(), gateway.stderr());
        for reason in ["unknown_chatbot", "bad_signature", "too_large"] {
            assert!(log.contains(reason), "the log does not name {reason}");
        }
        assert!(
            !log.contains(QUESTION) && !log.contains(&visitor.number),
            "the log tells what was written, or by whom"
        );
        assert!(visitor.replies().is_empty());
    });
}

#[test]
fn a_disabled_integration_acknowledges_and_its_log_says_so_until_it_is_enabled_again() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let toggle = format!(
            "/api/integrations/{}/{}/toggle",
            visitor.bot.chatbot_id, visitor.bot.integration_id
        );
        visitor
            .product
            .api()
            .post(&toggle, &json!({"enabled": false}))
            .await
            .unwrap();

        // The gateway hears of it by a live event. The platform hears that it has arrived: it would stop calling.
        let logs = format!("/api/integrations/{}/logs", visitor.bot.chatbot_id);
        wait::until("the log to say that it is off", PATIENCE, async || {
            let delivered = visitor.deliver(&visitor.message("Hello?")).await?;
            assert!(delivered.accepted(), "{delivered:?}");
            let list = visitor.product.api().get(&logs).await?;
            let lines = list["items"].as_array().cloned().unwrap_or_default();
            Ok(lines
                .iter()
                .any(|line| line["details"]["cause"] == "disabled")
                .then_some(()))
        })
        .await
        .unwrap();
        visitor
            .product
            .api()
            .post(&toggle, &json!({"enabled": true}))
            .await
            .unwrap();
        wait::until("the gateway to take messages again", PATIENCE, async || {
            Ok(visitor
                .deliver(&visitor.message(QUESTION))
                .await?
                .accepted()
                .then_some(()))
        })
        .await
        .unwrap();
        visitor.reply_after(0).await.unwrap();
    });
}

#[test]
fn a_form_that_cannot_be_read_is_refused_even_when_it_is_signed() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let bot = visitor.bot.chatbot_id.clone();
        let path = format!("/api/twilio/webhook/{bot}");
        // Signed over what a lenient reader makes of it.
        let lenient = |body: &[u8]| form_urlencoded::parse(body).into_owned().collect::<Vec<_>>();
        let fields = format!(
            "MessageSid=SM{}&AccountSid={}&From={}&To={}",
            Uuid::new_v4().simple(),
            simulator::demo::ACCOUNT_SID,
            visitor.number.replace('+', "%2B"),
            visitor.bot.number.replace('+', "%2B")
        );
        for broken in [
            format!("{fields}&Body=%ff%fe"),
            format!("{fields}&Body=100%"),
            "MessageSid".to_owned(),
            String::new(),
        ] {
            let signature = visitor
                .product
                .sender()
                .unwrap()
                .signature(&path, &lenient(broken.as_bytes()));
            let (status, answer) = post(
                &bot,
                broken.clone().into_bytes(),
                &[("X-Twilio-Signature", &signature)],
            )
            .await;

            assert!((400..500).contains(&status), "{broken}: {status} {answer}");
            assert!(
                serde_json::from_str::<Value>(&answer).is_ok_and(|problem| problem["detail"].is_string()),
                "{answer}"
            );
        }
        assert!(visitor.replies().is_empty());
    });
}

#[test]
fn a_nul_in_a_text_is_taken_out_and_the_rest_is_answered() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let reply = visitor.ask("What are your\u{0} opening hours?").await.unwrap();

        assert!(reply.body.contains("9:00"), "{}", reply.body);
        let stored = visitor
            .product
            .api()
            .messages_with(&visitor.bot, &visitor.number)
            .await
            .unwrap();
        assert_eq!(stored[0]["text"], QUESTION);
    });
}

#[test]
fn a_number_that_is_none_is_refused_with_what_was_given_and_what_is_expected() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let path = format!("/api/twilio/{}/send-sms", visitor.bot.chatbot_id);

        let body = json!({"to": "415 555", "text": "Hi"});
        let refused = visitor
            .product
            .api()
            .ask(Method::POST, &path, Some(&body))
            .await
            .unwrap();

        assert!(refused.status == 400 || refused.status == 422, "{refused:?}");
        let said = refused.body.to_string();
        assert!(said.contains("415 555") && said.contains("E.164"), "{said}");
    });
}

#[test]
fn a_message_the_gateway_was_told_twice_with_two_texts_is_the_first() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let first = visitor.message(QUESTION);
        let second = Inbound {
            body: "Do you ship abroad?".to_owned(),
            ..first.clone()
        };
        let sender = visitor.product.sender().unwrap();
        assert!(
            sender
                .deliver(&visitor.bot.chatbot_id, &first, Retries::TWILIO)
                .await
                .accepted()
        );
        let reply = visitor.reply_after(0).await.unwrap();
        assert!(
            sender
                .deliver(&visitor.bot.chatbot_id, &second, Retries::TWILIO)
                .await
                .accepted()
        );
        visitor.ask(QUESTION).await.unwrap();

        assert!(reply.body.contains("9:00"));
        assert!(
            visitor
                .replies()
                .iter()
                .all(|reply| !reply.body.contains("Europe"))
        );
    });
}

fn plan(folder: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> Plan {
    Plan {
        name: "role".into(),
        program: binary::botsmith().unwrap().to_owned(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        folder: folder.to_owned(),
    }
}

#[test]
fn an_unknown_setting_stops_the_start_and_names_the_nearest() {
    alone(async {
        let output = tokio::process::Command::new(binary::botsmith().unwrap())
            .arg("gateway")
            .env("BOTSMITH__GATEWAY__LISTN", "127.0.0.1:1")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();

        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("BOTSMITH__GATEWAY__LISTN") && said.contains("BOTSMITH__GATEWAY__LISTEN"),
            "{said}"
        );
    });
}

#[test]
fn a_database_and_a_broker_that_are_away_are_named_waited_for_and_admitted() {
    alone(async {
        let folder = tempfile::tempdir().unwrap();
        let [database, broker, gateway] = ports::free().unwrap();
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let listen = format!("127.0.0.1:{gateway}");
        let database = format!("127.0.0.1:{database}");
        let environment = [
            ("BOTSMITH__GATEWAY__LISTEN", listen.as_str()),
            (
                "BOTSMITH__GATEWAY__PUBLIC_URL",
                whole_product::product::PUBLIC_URL,
            ),
            (
                "BOTSMITH__STORE__URL",
                &format!("postgres://u:secret-password@{database}/d"),
            ),
            (
                "BOTSMITH__QUEUE__URL",
                &format!("amqp://u:secret-password@127.0.0.1:{broker}"),
            ),
            ("BOTSMITH__VAULT__MASTER_KEY", key),
        ];
        let role = Role::start(plan(folder.path(), &["gateway"], &environment)).unwrap();
        role.let_it_end();

        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let said = wait::until("an honest readiness", PATIENCE, async || {
            anyhow::ensure!(
                role.pid().is_some(),
                "it has ended: {}{}",
                role.stdout(),
                role.stderr()
            );
            let answer = http.get(format!("http://{listen}/readyz")).send().await?;
            Ok((answer.status() == 503).then_some(answer.text().await?))
        })
        .await
        .unwrap();
        let webhook = http.post(format!("http://{listen}/api/twilio/webhook/{}", Uuid::now_v7()));
        let answer = webhook
            .header("X-Twilio-Signature", "x")
            .body("a=b")
            .send()
            .await
            .unwrap();

        assert!(said.contains(&database), "{said}");
        assert_eq!(
            answer.status(),
            503,
            "a gateway that cannot look refuses, and never says 404"
        );
        assert!(answer.headers().contains_key("Retry-After"));
        wait::until("both addresses in the log", PATIENCE, async || {
            let log = format!("{}{}", role.stdout(), role.stderr());
            assert!(!log.contains("secret-password"), "the log has a password");
            Ok((log.contains(&database) && log.contains(&format!("127.0.0.1:{broker}"))).then_some(()))
        })
        .await
        .unwrap();
        assert!(
            http.get(format!("http://{listen}/healthz"))
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
        let stopped = role.stop(Duration::from_secs(30)).await.unwrap();
        assert_eq!(stopped.status.code(), Some(0), "{}", role.stderr());
    });
}
