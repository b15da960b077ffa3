//! What is asked of Meta about an account, and what comes of it.

use super::*;
use crate::fake::{self, ACCOUNT, FakeInstagram, PAGE};
use serde_json::json;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path},
};

const WEBHOOK: &str = "https://bot.acme.com/api/instagram/webhook/0191";

async fn answers(fake: &FakeInstagram, verb: &str, at: &str, body: Value) {
    Mock::given(method(verb))
        .and(path(format!("/v25.0/{at}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&fake.server)
        .await;
}

fn webhook() -> Url {
    WEBHOOK.parse().unwrap()
}

fn with_app() -> Credentials {
    fake::credentials_with(json!({"login": "facebook", "page_id": PAGE, "app_id": "77"}))
}

#[tokio::test]
async fn a_good_account_is_named_by_either_login() {
    let fake = FakeInstagram::start().await;
    answers(
        &fake,
        "GET",
        "me",
        json!({"id": "9999", "user_id": ACCOUNT, "username": "acme", "account_type": "BUSINESS"}),
    )
    .await;
    answers(
        &fake,
        "GET",
        PAGE,
        json!({"id": PAGE, "name": "Acme", "instagram_business_account": {"id": ACCOUNT, "username": "acme"}}),
    )
    .await;

    let instagram = check(&fake.instagram(), &fake::credentials()).await.unwrap();
    let facebook = check(&fake.instagram(), &fake::with_page()).await.unwrap();

    assert_eq!(
        (instagram.name.as_str(), instagram.details[0].as_str()),
        ("@acme", "business")
    );
    assert_eq!(
        (facebook.name.as_str(), facebook.details[0].as_str()),
        ("@acme", "Page Acme")
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn the_app_scoped_id_is_told_from_the_one_that_webhooks_carry() {
    let fake = FakeInstagram::start().await;
    answers(
        &fake,
        "GET",
        "me",
        json!({"id": ACCOUNT, "user_id": 17841499999999999_i64, "username": "acme"}),
    )
    .await;

    let error = check(&fake.instagram(), &fake::credentials())
        .await
        .unwrap_err()
        .to_string();

    assert!(
        error.contains("@acme, whose webhooks name the account 17841499999999999"),
        "{error}"
    );
}

#[tokio::test]
async fn a_page_without_an_instagram_account_is_refused() {
    let fake = FakeInstagram::start().await;
    answers(&fake, "GET", PAGE, json!({"id": PAGE, "name": "Acme"})).await;

    let error = check(&fake.instagram(), &fake::with_page())
        .await
        .unwrap_err()
        .to_string();

    assert!(error.contains("link one"), "{error}");
}

#[tokio::test]
async fn with_instagram_login_the_account_subscribes_and_the_rest_is_told() {
    let fake = FakeInstagram::start().await;
    answers(
        &fake,
        "POST",
        &format!("{ACCOUNT}/subscribed_apps"),
        json!({"success": true}),
    )
    .await;

    let connected = connect(&fake.instagram(), &webhook(), &fake::credentials())
        .await
        .unwrap();

    assert!(
        matches!(&connected, Connected::Manual { instructions }
            if instructions.contains(WEBHOOK) && instructions.contains("canary-verify")),
        "{connected:?}"
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn with_facebook_login_the_page_subscribes_and_the_app_is_pointed_at_us() {
    let fake = FakeInstagram::start().await;
    let done = json!({"success": true});
    answers(&fake, "POST", &format!("{PAGE}/subscribed_apps"), done.clone()).await;
    answers(&fake, "GET", "77/subscriptions", json!({"data": []})).await;
    answers(&fake, "POST", "77/subscriptions", done).await;

    let connected = connect(&fake.instagram(), &webhook(), &with_app()).await.unwrap();
    let inside = connect(
        &fake.instagram(),
        &"https://localhost/w".parse().unwrap(),
        &with_app(),
    )
    .await
    .unwrap();

    assert_eq!(
        connected,
        Connected::Registered {
            set_on: "the app 77".to_owned()
        }
    );
    let requests = fake.server.received_requests().await.unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&requests[2].body)
        .into_owned()
        .collect();
    assert!(form.contains(&("object".to_owned(), "instagram".to_owned())));
    assert!(form.contains(&(
        "fields".to_owned(),
        "messages,messaging_postbacks,messaging_seen".to_owned()
    )));
    assert!(
        matches!(&inside, Connected::Manual { instructions } if instructions.contains("public_url")),
        "{inside:?}"
    );
}

#[tokio::test]
async fn an_account_that_no_longer_calls_us_is_noticed() {
    for (subscribed, callback, healthy) in [
        (
            json!([{"id": "77", "subscribed_fields": ["messages"]}]),
            WEBHOOK,
            true,
        ),
        (
            json!([{"id": "77", "subscribed_fields": ["messages"]}]),
            "https://old.example/",
            false,
        ),
        (
            json!([{"id": "77", "subscribed_fields": ["comments"]}]),
            WEBHOOK,
            false,
        ),
        (json!([]), WEBHOOK, false),
    ] {
        let fake = FakeInstagram::start().await;
        for node in [ACCOUNT, PAGE] {
            answers(
                &fake,
                "GET",
                &format!("{node}/subscribed_apps"),
                json!({ "data": subscribed }),
            )
            .await;
        }
        answers(
            &fake,
            "GET",
            "77/subscriptions",
            json!({"data": [{"object": "instagram", "callback_url": callback, "active": true}]}),
        )
        .await;

        let facebook = health(&fake.instagram(), &webhook(), &with_app()).await;
        let instagram = health(&fake.instagram(), &webhook(), &fake::credentials()).await;

        assert_eq!(facebook.is_ok(), healthy, "{subscribed} {callback}: {facebook:?}");
        let hears = subscribed[0]["subscribed_fields"][0] == "messages";
        assert_eq!(instagram.is_ok(), hears, "{subscribed}: {instagram:?}");
    }
}

#[tokio::test]
async fn meta_being_away_is_not_blamed_on_the_credentials() {
    let away = fake::instagram_at(&channel_testkit::refuse_connections());

    assert!(matches!(
        check(&away, &fake::credentials()).await,
        Err(CheckError::Unreachable(_))
    ));
}
