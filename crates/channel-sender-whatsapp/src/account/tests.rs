//! What is asked of Meta about an account, and what comes of it.

use super::*;
use crate::fake::{self, FakeWhatsApp, NUMBER, WABA};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

const WEBHOOK: &str = "https://bot.acme.com/api/whatsapp/webhook/0191";

async fn answers(fake: &FakeWhatsApp, verb: &str, at: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(format!("/v25.0/{at}")))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&fake.server)
        .await;
}

fn error(code: i64, message: &str) -> Value {
    json!({"error": {"message": message, "type": "OAuthException", "code": code}})
}

async fn number_is(fake: &FakeWhatsApp, changes: Value) {
    let mut number = json!({"id": NUMBER, "display_phone_number": "+1 415-555-0100", "verified_name": "Acme Inc",
        "quality_rating": "GREEN", "status": "CONNECTED"});
    for (name, value) in changes.as_object().unwrap() {
        number[name] = value.clone();
    }
    answers(fake, "GET", NUMBER, 200, number).await;
}

async fn subscribed(fake: &FakeWhatsApp, apps: Value) {
    answers(
        fake,
        "GET",
        &format!("{WABA}/subscribed_apps"),
        200,
        json!({"data": apps}),
    )
    .await;
}

fn our_app(override_uri: Option<&str>) -> Value {
    let mut app = json!({"whatsapp_business_api_data": {"id": "77", "name": "Acme bot", "link": "x"}});
    if let Some(uri) = override_uri {
        app["override_callback_uri"] = json!(uri);
    }
    json!([app])
}

fn with_app() -> Credentials {
    fake::credentials_with(json!({"app_id": "77"}))
}

#[tokio::test]
async fn a_good_number_is_named() {
    let fake = FakeWhatsApp::start().await;
    number_is(&fake, json!({})).await;
    subscribed(&fake, json!([])).await;

    let identity = check(&fake.whatsapp(), &fake::credentials()).await.unwrap();

    assert_eq!(identity.name, "+1 415-555-0100");
    assert_eq!(identity.details, ["Acme Inc", "quality green"]);
    fake.check_requests().await;
}

#[tokio::test]
async fn with_the_apps_id_the_token_is_asked_about_too() {
    let fake = FakeWhatsApp::start().await;
    number_is(&fake, json!({})).await;
    subscribed(&fake, json!([])).await;
    Mock::given(path("/v25.0/debug_token"))
        .and(query_param("input_token", "canary-token"))
        .and(header(
            "authorization",
            "Bearer 77|0123456789abcdef0123456789abcdef",
        ))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"data": {"app_id": "77",
            "application": "Acme bot", "is_valid": true, "scopes": ["whatsapp_business_messaging"]}})),
        )
        .mount(&fake.server)
        .await;

    let error = check(&fake.whatsapp(), &with_app())
        .await
        .unwrap_err()
        .to_string();

    assert!(
        error.contains("lacks the permission whatsapp_business_management"),
        "{error}"
    );
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test]
async fn a_wrong_token_a_wrong_secret_and_wrong_ids_are_told_apart() {
    for (at, body, expected) in [
        (
            NUMBER.to_owned(),
            error(190, "Error validating access token"),
            "enter a new one",
        ),
        (
            NUMBER.to_owned(),
            error(100, "Invalid appsecret_proof provided in the API argument"),
            "enter the app secret of the app",
        ),
        (
            NUMBER.to_owned(),
            error(100, "Unsupported get request"),
            "check the phone number ID",
        ),
        (
            format!("{WABA}/subscribed_apps"),
            error(803, "Some of the aliases you requested do not exist"),
            "check the WhatsApp Business account ID",
        ),
    ] {
        let fake = FakeWhatsApp::start().await;
        answers(&fake, "GET", &at, 400, body).await;
        number_is(&fake, json!({})).await;

        let error = check(&fake.whatsapp(), &fake::credentials())
            .await
            .unwrap_err()
            .to_string();

        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_number_that_does_not_work_is_refused() {
    for (status, works) in [
        ("CONNECTED", true),
        ("FLAGGED", true),
        ("PENDING", false),
        ("BANNED", false),
        ("MIGRATED", false),
    ] {
        let fake = FakeWhatsApp::start().await;
        number_is(&fake, json!({ "status": status })).await;
        subscribed(&fake, our_app(None)).await;

        let checked = check(&fake.whatsapp(), &fake::credentials()).await;
        let healthy = health(&fake.whatsapp(), &WEBHOOK.parse().unwrap(), &fake::credentials()).await;

        assert_eq!((checked.is_ok(), healthy.is_ok()), (works, works), "{status}");
    }
}

#[tokio::test]
async fn the_accounts_news_is_pointed_at_us() {
    let fake = FakeWhatsApp::start().await;
    answers(
        &fake,
        "POST",
        &format!("{WABA}/subscribed_apps"),
        200,
        json!({"success": true}),
    )
    .await;

    let connected = connect(&fake.whatsapp(), &WEBHOOK.parse().unwrap(), &fake::credentials())
        .await
        .unwrap();

    assert_eq!(
        connected,
        Connected::Registered {
            set_on: format!("the WhatsApp Business account {WABA}")
        }
    );
    assert_eq!(
        fake.bodies().await,
        [json!({"override_callback_uri": WEBHOOK, "verify_token": "canary-verify"})]
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn where_the_api_does_not_allow_it_the_owner_is_told_what_to_paste_where() {
    let fake = FakeWhatsApp::start().await;
    answers(
        &fake,
        "POST",
        &format!("{WABA}/subscribed_apps"),
        403,
        error(200, "(#200) Permissions error"),
    )
    .await;
    number_is(&fake, json!({})).await;

    let connected = connect(&fake.whatsapp(), &WEBHOOK.parse().unwrap(), &fake::credentials())
        .await
        .unwrap();
    let inside = connect(
        &fake.whatsapp(),
        &"http://localhost:8080/w".parse().unwrap(),
        &fake::credentials(),
    )
    .await
    .unwrap();

    assert!(
        matches!(&connected, Connected::Manual { instructions }
            if instructions.contains(WEBHOOK) && instructions.contains("canary-verify")),
        "{connected:?}"
    );
    assert!(
        matches!(&inside, Connected::Manual { instructions } if instructions.contains("public_url")),
        "{inside:?}"
    );
}

#[tokio::test]
async fn what_meta_refuses_otherwise_is_shown_in_its_words() {
    let (failed, token) = (FakeWhatsApp::start().await, FakeWhatsApp::start().await);
    answers(
        &failed,
        "POST",
        &format!("{WABA}/subscribed_apps"),
        400,
        error(
            2200,
            "(#2200) Callback verification failed with the following errors",
        ),
    )
    .await;
    answers(
        &token,
        "POST",
        &format!("{WABA}/subscribed_apps"),
        401,
        error(190, "Expired"),
    )
    .await;
    answers(&token, "GET", NUMBER, 401, error(190, "Expired")).await;
    let webhook = WEBHOOK.parse().unwrap();

    let failed = connect(&failed.whatsapp(), &webhook, &fake::credentials()).await;
    let token = connect(&token.whatsapp(), &webhook, &fake::credentials()).await;

    assert!(
        matches!(&failed, Err(CheckError::Misconfigured(reason)) if reason.contains("Callback verification failed")),
        "{failed:?}"
    );
    assert!(matches!(token, Err(CheckError::Unauthorized(_))), "{token:?}");
}

#[tokio::test]
async fn an_account_that_no_longer_calls_us_is_noticed() {
    for (apps, healthy) in [
        (our_app(Some(WEBHOOK)), true),
        (our_app(Some("https://bot.acme.com/api/whatsapp/webhook")), true),
        (our_app(None), true),
        (
            our_app(Some("https://bot.acme.com/api/whatsapp/webhook/0192")),
            false,
        ),
        (our_app(Some("https://old.example/")), false),
        (json!([]), false),
    ] {
        let fake = FakeWhatsApp::start().await;
        number_is(&fake, json!({})).await;
        subscribed(&fake, apps.clone()).await;

        let health = health(&fake.whatsapp(), &WEBHOOK.parse().unwrap(), &fake::credentials()).await;

        assert_eq!(health.is_ok(), healthy, "{apps}: {health:?}");
        fake.check_requests().await;
    }
}

#[tokio::test]
async fn without_an_override_the_apps_own_address_counts() {
    for (callback, active, healthy) in [
        (WEBHOOK, true, true),
        (WEBHOOK, false, false),
        ("https://old.example/", true, false),
    ] {
        let fake = FakeWhatsApp::start().await;
        number_is(&fake, json!({})).await;
        subscribed(&fake, our_app(None)).await;
        answers(
            &fake,
            "GET",
            "77/subscriptions",
            200,
            json!({"data": [{"object": OBJECT, "callback_url": callback, "active": active}]}),
        )
        .await;

        let health = health(&fake.whatsapp(), &WEBHOOK.parse().unwrap(), &with_app()).await;

        assert_eq!(health.is_ok(), healthy, "{callback} {active}: {health:?}");
    }
}

#[tokio::test]
async fn meta_being_away_is_not_blamed_on_the_credentials() {
    let away = fake::whatsapp_at(&channel_testkit::refuse_connections());

    assert!(matches!(
        check(&away, &fake::credentials()).await,
        Err(CheckError::Unreachable(_))
    ));
    assert!(matches!(
        health(&away, &WEBHOOK.parse().unwrap(), &fake::credentials()).await,
        Err(CheckError::Unreachable(_))
    ));
}
