//! What is asked of an app, and what comes of it.

use super::*;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string_contains, header, method, path, query_param},
};

const WEBHOOK: &str = "https://bot.acme.com/api/messenger/webhook/0191";

async fn server(at: &str, answer: Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(at))
        .and(header("authorization", "Bearer 77|canary-secret"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    server
}

fn app<'a>(client: &'a Client, server: &MockServer) -> App<'a> {
    App::new(
        "Messenger",
        client,
        server.uri().parse().unwrap(),
        "77",
        &"canary-secret".into(),
    )
}

#[test]
fn an_address_is_this_chatbots_all_chatbots_anothers_or_somebody_elses() {
    let webhook: Url = WEBHOOK.parse().unwrap();
    for (address, expected) in [
        (WEBHOOK, Leads::Here),
        ("https://bot.acme.com/api/messenger/webhook", Leads::ToAll),
        ("https://bot.acme.com/api/messenger/webhook/", Leads::ToAll),
        (
            "https://bot.acme.com/api/messenger/webhook/0192",
            Leads::ToAnother,
        ),
        (
            "https://bot.acme.com/api/messenger/webhooks",
            Leads::Away("bot.acme.com".to_owned()),
        ),
        (
            "https://old.example/api/messenger/webhook/0191",
            Leads::Away("old.example".to_owned()),
        ),
        ("", Leads::Nowhere),
    ] {
        assert_eq!(leads(address, &webhook), expected, "{address}");
    }
}

#[tokio::test]
async fn where_an_apps_webhook_leads_is_asked_with_the_apps_own_token() {
    let client = channel_testkit::client();
    let set = |active: bool| {
        json!({"data": [{"object": "instagram", "callback_url": "https://x.example", "active": true},
            {"object": "page", "callback_url": WEBHOOK, "active": active}]})
    };
    let (on, off) = (
        server("/77/subscriptions", set(true)).await,
        server("/77/subscriptions", set(false)).await,
    );
    let webhook = WEBHOOK.parse().unwrap();

    assert_eq!(
        app(&client, &on).leads("page", &webhook).await.unwrap(),
        Leads::Here
    );
    assert_eq!(
        app(&client, &on).leads("instagram", &webhook).await.unwrap(),
        Leads::Away("x.example".to_owned())
    );
    assert_eq!(
        app(&client, &off).leads("page", &webhook).await.unwrap(),
        Leads::Nowhere
    );
}

#[tokio::test]
async fn an_apps_webhook_is_set_with_address_token_and_fields() {
    let client = channel_testkit::client();
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/77/subscriptions"))
        .and(body_string_contains("object=page"))
        .and(body_string_contains("verify_token=vt"))
        .and(body_string_contains("fields=messages%2Cmessage_reads"))
        .and(body_string_contains("include_values=true"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"success": true})))
        .mount(&server)
        .await;

    app(&client, &server)
        .point(
            "page",
            &WEBHOOK.parse().unwrap(),
            &"vt".into(),
            &["messages", "message_reads"],
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn an_apps_webhook_is_taken_unless_that_takes_it_from_another_chatbot() {
    let client = channel_testkit::client();
    for (address, sets, registered) in [
        (WEBHOOK, 1, true),
        ("https://old.example/", 1, true),
        ("https://bot.acme.com/api/messenger/webhook", 0, true),
        ("https://bot.acme.com/api/messenger/webhook/0192", 0, false),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(
                json!({"data": [{"object": "page", "callback_url": address, "active": true}]}),
            ))
            .mount(&server)
            .await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"success": true})))
            .expect(sets)
            .mount(&server)
            .await;

        let taken = app(&client, &server)
            .take("page", &WEBHOOK.parse().unwrap(), &"vt".into(), &["messages"])
            .await
            .unwrap();

        match taken {
            Connected::Registered { .. } => assert!(registered, "{address}"),
            Connected::Manual { instructions } => {
                assert!(!registered, "{address}");
                assert!(
                    instructions.contains("callback URL to https://bot.acme.com/api/messenger/webhook with"),
                    "{instructions}"
                );
            }
        }
    }
}

#[test]
fn an_account_that_no_longer_sends_messages_is_noticed() {
    for (subscribers, heard) in [
        (
            json!([{"id": "77", "subscribed_fields": ["feed", "messages"]}]),
            true,
        ),
        (json!([{"id": "77", "subscribed_fields": ["feed"]}]), false),
        (json!([{"id": "78", "subscribed_fields": ["messages"]}]), false),
        (json!([]), false),
    ] {
        let subscribers: Vec<Subscriber> = serde_json::from_value(subscribers).unwrap();

        let outcome = hears_of_messages(&subscribers, Some("77"), "the Page");

        assert_eq!(outcome.is_ok(), heard, "{subscribers:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_failed_says_what_must_be_so() {
    let client = channel_testkit::client();
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(
            ResponseTemplate::new(400).set_body_json(json!({"error": {"code": 2200,
            "message": "(#2200) Callback verification failed", "type": "OAuthException"}})),
        )
        .mount(&server)
        .await;

    let error = app(&client, &server)
        .point(
            "page",
            &WEBHOOK.parse().unwrap(),
            &"canary-vt".into(),
            &["messages"],
        )
        .await
        .unwrap_err();

    assert!(
        matches!(&error, CheckError::Misconfigured(reason) if reason.contains("did not hear the right answer")),
        "{error:?}"
    );
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn a_token_is_judged_by_its_app_its_life_and_its_permissions() {
    let client = channel_testkit::client();
    let token = |changes: Value| {
        let mut data = json!({"app_id": "77", "application": "Acme bot", "is_valid": true, "expires_at": 0,
            "scopes": ["pages_messaging", "email"]});
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        json!({"data": data})
    };
    for (changes, expected) in [
        (json!({}), Ok("app Acme bot")),
        (json!({"expires_at": 1_900_000_000}), Ok("expires on 2030-03-17")),
        (
            json!({"app_id": "78", "application": "Other"}),
            Err("made for the app Other"),
        ),
        (json!({"is_valid": false}), Err("expired or was withdrawn")),
        (
            json!({"scopes": ["email"]}),
            Err("lacks the permission pages_messaging"),
        ),
    ] {
        let server = server("/debug_token", token(changes.clone())).await;

        let outcome = app(&client, &server)
            .check_token(&"canary-token".into(), &["pages_messaging"])
            .await;

        match (outcome, expected) {
            (Ok(details), Ok(expected)) => assert!(details.join(". ").contains(expected), "{details:?}"),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
                assert!(!error.to_string().contains("canary"), "{error}");
            }
            (outcome, _) => panic!("{changes} gave {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_app_secret_is_not_blamed_on_the_access_token() {
    let client = channel_testkit::client();
    let server = MockServer::start().await;
    Mock::given(query_param("input_token", "t"))
        .respond_with(
            ResponseTemplate::new(400).set_body_json(json!({"error": {"code": 190,
            "message": "Invalid OAuth access token signature.", "type": "OAuthException"}})),
        )
        .mount(&server)
        .await;

    let error = app(&client, &server)
        .check_token(&"t".into(), &[])
        .await
        .unwrap_err();

    assert!(
        matches!(&error, CheckError::Misconfigured(reason) if reason.contains("must be those of one app")),
        "{error:?}"
    );
}

#[test]
fn an_app_is_found_by_its_id_or_is_any() {
    let subscribers: Vec<Subscriber> = serde_json::from_value(json!([
        {"whatsapp_business_api_data": {"id": "1", "name": "a"}, "override_callback_uri": "https://a.example"},
        {"id": "2", "name": "b", "subscribed_fields": ["messages"]},
    ]))
    .unwrap();

    assert_eq!(
        find(&subscribers, Some("2")).unwrap().subscribed_fields,
        ["messages"]
    );
    assert!(find(&subscribers, Some("3")).is_none());
    assert!(find(&subscribers, None).is_some());
    assert!(find(&[], None).is_none());
}
