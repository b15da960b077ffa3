//! What is asked of Telegram for an owner.

use super::*;
use crate::fake::{self, FakeTelegram, TOKEN};
use serde_json::Value;

const WEBHOOK: &str = "https://bot.acme.com/api/telegram/webhook/1";

fn webhook() -> Url {
    WEBHOOK.parse().unwrap()
}

fn me() -> Value {
    json!({"id": 987_654_321, "is_bot": true, "first_name": "Acme", "username": "acme_bot",
        "can_read_all_group_messages": false})
}

fn info(changes: Value) -> Value {
    let mut info = json!({"url": WEBHOOK, "has_custom_certificate": false, "pending_update_count": 0});
    info.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    info
}

#[tokio::test]
async fn a_good_token_is_known_by_the_bots_name() {
    let fake = FakeTelegram::start().await;
    fake.answers("getMe", me()).await;

    let identity = check(&fake.telegram(), &fake::credentials()).await.unwrap();

    assert_eq!(identity.name, "@acme_bot");
    assert_eq!(identity.details[0], "Acme");
    assert!(
        identity.details[1].contains("/setprivacy"),
        "{:?}",
        identity.details
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn a_token_that_telegram_refuses_is_told_in_its_words() {
    for (status, words) in [(401, "Unauthorized"), (404, "Not Found")] {
        let fake = FakeTelegram::start().await;
        fake.refuses("getMe", status, words, json!({})).await;

        let error = check(&fake.telegram(), &fake::credentials()).await.unwrap_err();

        assert!(
            matches!(&error, CheckError::Unauthorized(reason) if reason.starts_with(words) && reason.contains("@BotFather")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn not_being_able_to_ask_is_no_fault_of_the_token() {
    for telegram in [
        fake::telegram_at(&channel_testkit::refuse_connections()),
        fake::telegram_at(
            &channel_testkit::speak_once("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await,
        ),
        // A proxy that objects is not Telegram.
        fake::telegram_at(
            &channel_testkit::speak_once("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\n<p/>").await,
        ),
    ] {
        let error = check(&telegram, &fake::credentials()).await.unwrap_err();

        assert!(matches!(error, CheckError::Unreachable(_)), "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(TOKEN) && !shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn another_bots_answer_is_not_taken() {
    let fake = FakeTelegram::start().await;
    fake.answers("getMe", json!({"id": 5, "is_bot": true, "first_name": "Other"}))
        .await;

    let error = check(&fake.telegram(), &fake::credentials()).await.unwrap_err();

    assert!(matches!(error, CheckError::Misconfigured(_)), "{error:?}");
}

#[tokio::test]
async fn connecting_sets_the_webhook_with_its_secret_and_what_it_is_to_carry() {
    let fake = FakeTelegram::start().await;
    fake.answers("getMe", me()).await;
    fake.answers("setWebhook", json!(true)).await;
    fake.answers("getWebhookInfo", info(json!({}))).await;

    let connected = connect(&fake.telegram(), &webhook(), &fake::credentials())
        .await
        .unwrap();

    let set_on = "the bot @acme_bot".to_owned();
    assert_eq!(connected, Connected::Registered { set_on });
    let calls = fake.calls().await;
    let expected = json!({
        "url": WEBHOOK, "secret_token": "canary_Secret-1", "allowed_updates": ["message", "callback_query"],
    });
    assert_eq!(calls[1], ("setWebhook".to_owned(), expected));
    fake.check_requests().await;
}

#[tokio::test]
async fn an_address_that_telegram_did_not_set_is_not_taken_for_set() {
    let fake = FakeTelegram::start().await;
    fake.answers("getMe", me()).await;
    fake.answers("setWebhook", json!(true)).await;
    fake.answers("getWebhookInfo", info(json!({"url": "https://other.example/x"})))
        .await;

    let error = connect(&fake.telegram(), &webhook(), &fake::credentials())
        .await
        .unwrap_err();

    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn what_telegram_says_against_the_address_is_told_with_what_to_do() {
    let fake = FakeTelegram::start().await;
    fake.answers("getMe", me()).await;
    let words = "Bad Request: bad webhook: Failed to resolve host: Name or service not known";
    fake.refuses("setWebhook", 400, words, json!({})).await;

    let error = connect(&fake.telegram(), &webhook(), &fake::credentials())
        .await
        .unwrap_err();

    assert!(
        matches!(&error, CheckError::Misconfigured(reason) if reason.starts_with(words) && reason.contains("public_url")),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_address_that_telegram_never_calls_is_told_and_not_set() {
    let fake = FakeTelegram::start().await;
    for (address, problem) in [
        ("http://bot.acme.com/w", "begin with https"),
        ("https://bot.acme.com:8080/w", "this is port 8080"),
    ] {
        let connected = connect(&fake.telegram(), &address.parse().unwrap(), &fake::credentials())
            .await
            .unwrap();

        let Connected::Manual { instructions } = connected else {
            panic!("{connected:?}");
        };
        assert!(
            instructions.contains(problem) && instructions.contains("public_url"),
            "{instructions}"
        );
    }
    assert!(fake.calls().await.is_empty());
    for address in [
        "https://a.example/",
        "https://a.example:8443/",
        "https://a.example:88/",
    ] {
        assert_eq!(why_not_called(&address.parse().unwrap()), None, "{address}");
    }
}

#[tokio::test]
async fn the_simulated_bot_is_connected_at_the_simulator_whatever_the_address() {
    let simulator = FakeTelegram::start().await;
    let answer = |result: Value| {
        wiremock::ResponseTemplate::new(200).set_body_json(json!({"ok": true, "result": result}))
    };
    let address = "http://localhost:8080/api/telegram/webhook/1";
    for (method, result) in [
        (
            "getMe",
            json!({"id": 1_000_000_001, "is_bot": true, "first_name": "Sim", "username": "sim_bot"}),
        ),
        ("setWebhook", json!(true)),
        ("getWebhookInfo", info(json!({"url": address}))),
    ] {
        wiremock::Mock::given(wiremock::matchers::path(format!(
            "/bot{}/{method}",
            crate::SIMULATED_TOKEN
        )))
        .respond_with(answer(result))
        .mount(&simulator.server)
        .await;
    }
    let mut telegram = fake::telegram_at(&channel_testkit::refuse_connections());
    let credentials = fake::credentials_with(json!({"bot_token": crate::SIMULATED_TOKEN}));
    let without = check(&telegram, &credentials).await.unwrap_err();
    telegram.addresses.simulator = simulator.server.uri().parse().ok();

    let identity = check(&telegram, &credentials).await.unwrap();
    let connected = connect(&telegram, &address.parse().unwrap(), &credentials)
        .await
        .unwrap();

    assert!(matches!(without, CheckError::BadCredentials(_)), "{without:?}");
    assert!(
        identity
            .details
            .iter()
            .any(|detail| detail.starts_with("simulated bot"))
    );
    assert!(matches!(connected, Connected::Registered { .. }), "{connected:?}");
}

async fn health_with(info: Value) -> Result<(), CheckError> {
    let fake = FakeTelegram::start().await;
    fake.answers("getWebhookInfo", info).await;
    let health = health(&fake.telegram(), &webhook(), &fake::credentials()).await;
    fake.check_requests().await;
    health
}

#[tokio::test]
async fn a_webhook_that_works_is_well() {
    health_with(info(json!({"pending_update_count": 3})))
        .await
        .unwrap();
    let overcome = Utc::now() - TimeDelta::minutes(11);
    health_with(info(
        json!({"last_error_date": overcome.timestamp(), "last_error_message": "Connection timed out"}),
    ))
    .await
    .unwrap();
}

#[tokio::test]
async fn a_restart_of_ours_after_which_all_was_delivered_is_no_illness() {
    let restarted = (Utc::now() - TimeDelta::minutes(2)).timestamp();

    health_with(info(
        json!({"last_error_date": restarted, "last_error_message": "Connection refused"}),
    ))
    .await
    .unwrap();
}

#[tokio::test]
async fn a_webhook_that_does_not_work_is_told_in_telegrams_words() {
    let lately = (Utc::now() - TimeDelta::minutes(2)).timestamp();
    for (changes, words) in [
        (
            json!({"url": ""}),
            "Telegram has no webhook for this bot: connect it again.",
        ),
        (
            json!({"url": "https://other.example/canary-secret", "pending_update_count": 1}),
            "to another address, at other.example: connect it again, and stop what else uses the bot's token. One message \
             waits at Telegram.",
        ),
        (
            json!({"last_error_date": lately, "last_error_message": "Wrong response from the webhook: 502 Bad Gateway",
                "pending_update_count": 12}),
            "Wrong response from the webhook: 502 Bad Gateway. 12 messages wait at Telegram.",
        ),
    ] {
        let error = health_with(info(changes)).await.unwrap_err();

        assert!(
            matches!(&error, CheckError::Misconfigured(reason) if reason.contains(words)),
            "{error:?}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn health_that_could_not_be_asked_for_says_nothing_of_the_integration() {
    let telegram = fake::telegram_at(&channel_testkit::refuse_connections());

    let error = health(&telegram, &webhook(), &fake::credentials())
        .await
        .unwrap_err();

    assert!(matches!(error, CheckError::Unreachable(_)), "{error:?}");
}
