//! What is asked of Meta about a Page, and what comes of it.

use super::*;
use crate::fake::{self, FakeMessenger, PAGE};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

const WEBHOOK: &str = "https://bot.acme.com/api/messenger/webhook/0191";

async fn answers(fake: &FakeMessenger, verb: &str, at: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(format!("/v25.0/{at}")))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&fake.server)
        .await;
}

fn with_app() -> Credentials {
    fake::credentials_with(json!({"app_id": "77"}))
}

fn webhook() -> Url {
    WEBHOOK.parse().unwrap()
}

#[tokio::test]
async fn a_good_page_is_named() {
    let fake = FakeMessenger::start().await;
    answers(&fake, "GET", "me", 200, json!({"id": PAGE, "name": "Acme"})).await;

    let identity = check(&fake.messenger(), &fake::credentials()).await.unwrap();

    assert_eq!((identity.name.as_str(), identity.details.len()), ("Acme", 0));
    fake.check_requests().await;
}

#[tokio::test]
async fn with_the_apps_id_the_token_is_asked_about_too() {
    let fake = FakeMessenger::start().await;
    answers(&fake, "GET", "me", 200, json!({"id": PAGE, "name": "Acme"})).await;
    Mock::given(path("/v25.0/debug_token"))
        .and(query_param("input_token", "canary-token"))
        .and(header(
            "authorization",
            "Bearer 77|0123456789abcdef0123456789abcdef",
        ))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"data": {"app_id": "77", "application": "Acme bot",
            "is_valid": true, "scopes": ["pages_messaging"]}})),
        )
        .mount(&fake.server)
        .await;

    let identity = check(&fake.messenger(), &with_app()).await.unwrap();

    assert_eq!(identity.details, ["app Acme bot"]);
}

#[tokio::test]
async fn another_pages_or_a_persons_token_is_refused() {
    let fake = FakeMessenger::start().await;
    answers(&fake, "GET", "me", 200, json!({"id": "1", "name": "Ann Smith"})).await;

    let error = check(&fake.messenger(), &fake::credentials())
        .await
        .unwrap_err()
        .to_string();

    assert!(error.contains("belongs to Ann Smith (1)"), "{error}");
}

#[tokio::test]
async fn a_wrong_token_is_told_from_an_unreachable_meta() {
    let fake = FakeMessenger::start().await;
    answers(
        &fake,
        "GET",
        "me",
        400,
        json!({"error": {"message": "Session has expired", "type": "OAuthException", "code": 190, "error_subcode": 463}}),
    )
    .await;
    let away = fake::messenger_at(&channel_testkit::refuse_connections());

    let wrong = check(&fake.messenger(), &fake::credentials()).await;
    let unreachable = check(&away, &fake::credentials()).await;

    assert!(
        matches!(&wrong, Err(CheckError::Unauthorized(reason)) if reason.starts_with("190/463: Session has expired")),
        "{wrong:?}"
    );
    assert!(matches!(unreachable, Err(CheckError::Unreachable(_))));
}

#[tokio::test]
async fn the_page_subscribes_the_app_and_the_app_is_pointed_at_us() {
    let fake = FakeMessenger::start().await;
    let done = json!({"success": true});
    answers(
        &fake,
        "POST",
        &format!("{PAGE}/subscribed_apps"),
        200,
        done.clone(),
    )
    .await;
    answers(&fake, "GET", "77/subscriptions", 200, json!({"data": []})).await;
    answers(&fake, "POST", "77/subscriptions", 200, done).await;

    let connected = connect(&fake.messenger(), &webhook(), &with_app()).await.unwrap();

    assert_eq!(
        connected,
        Connected::Registered {
            set_on: "the app 77".to_owned()
        }
    );
    let requests = fake.server.received_requests().await.unwrap();
    let fields = requests[0]
        .url
        .query_pairs()
        .find(|(name, _)| name == "subscribed_fields")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(
        fields,
        "messages,messaging_postbacks,message_deliveries,message_reads,message_echoes"
    );
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&requests[2].body)
        .into_owned()
        .collect();
    assert!(form.contains(&("callback_url".to_owned(), WEBHOOK.to_owned())));
    assert!(form.contains(&("verify_token".to_owned(), "canary-verify".to_owned())));
}

#[tokio::test]
async fn without_the_apps_id_the_owner_is_told_what_to_paste_where() {
    let fake = FakeMessenger::start().await;
    answers(
        &fake,
        "POST",
        &format!("{PAGE}/subscribed_apps"),
        200,
        json!({"success": true}),
    )
    .await;

    let connected = connect(&fake.messenger(), &webhook(), &fake::credentials())
        .await
        .unwrap();
    let inside = connect(
        &fake.messenger(),
        &"http://bot.acme.com/w".parse().unwrap(),
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
    fake.check_requests().await;
}

#[tokio::test]
async fn a_page_that_no_longer_calls_us_is_noticed() {
    let app =
        |id: &str, fields: &[&str]| json!({"data": [{"id": id, "name": "x", "subscribed_fields": fields}]});
    for (subscribed, callback, healthy) in [
        (app("77", &["messages"]), WEBHOOK, true),
        (
            app("77", &["messages"]),
            "https://bot.acme.com/api/messenger/webhook",
            true,
        ),
        (app("77", &["messages"]), "https://old.example/", false),
        (app("77", &["feed"]), WEBHOOK, false),
        (app("78", &["messages"]), WEBHOOK, false),
        (json!({"data": []}), WEBHOOK, false),
    ] {
        let fake = FakeMessenger::start().await;
        answers(
            &fake,
            "GET",
            &format!("{PAGE}/subscribed_apps"),
            200,
            subscribed.clone(),
        )
        .await;
        answers(
            &fake,
            "GET",
            "77/subscriptions",
            200,
            json!({"data": [{"object": "page", "callback_url": callback, "active": true}]}),
        )
        .await;

        let outcome = health(&fake.messenger(), &webhook(), &with_app()).await;

        assert_eq!(outcome.is_ok(), healthy, "{subscribed} {callback}: {outcome:?}");
    }
}
