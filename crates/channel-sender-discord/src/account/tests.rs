//! What is said of an application, and what is set on it.

use super::*;
use crate::{
    SIMULATED_APPLICATION,
    fake::{self, APPLICATION, FakeDiscord},
};
use channel_testkit::refuse_connections;
use serde_json::Value;

const WEBHOOK: &str = "https://bot.acme.com/api/discord/webhook/1";

fn webhook() -> Url {
    WEBHOOK.parse().unwrap()
}

fn described(changes: &Value) -> Value {
    let mut application = json!({
        "id": APPLICATION, "name": "Acme Support", "verify_key": fake::PUBLIC_KEY, "flags": 1 << 19,
        "interactions_endpoint_url": WEBHOOK,
    });
    application
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    application
}

async fn fake_with(changes: Value) -> FakeDiscord {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", "applications/@me", described(&changes)).await;
    fake.answers(
        "GET",
        "users/@me",
        json!({"id": fake::BOT, "username": "acme", "bot": true}),
    )
    .await;
    fake
}

#[tokio::test]
async fn the_owner_sees_whose_token_it_is_and_what_the_bot_reads() {
    let on = fake_with(json!({})).await;
    let off = fake_with(json!({"flags": 0})).await;

    let identity = check(&on.discord(), &fake::credentials()).await.unwrap();
    let without = check(&off.discord(), &fake::credentials()).await.unwrap();

    assert_eq!(identity.name, "acme");
    assert_eq!(identity.details[0], "Acme Support");
    assert!(identity.details[1].contains("mention"), "{:?}", identity.details);
    assert!(
        without.details[1].contains("Message Content Intent is off"),
        "{:?}",
        without.details
    );
    on.check_requests().await;
}

#[tokio::test]
async fn values_of_two_applications_are_told_with_the_right_ones() {
    let other = fake_with(json!({"id": "1100000000000000009"})).await;
    let right = "aa".repeat(32);
    let key = fake_with(json!({"verify_key": right})).await;

    let mixed = check(&other.discord(), &fake::credentials()).await.unwrap_err();
    let wrong = check(&key.discord(), &fake::credentials()).await.unwrap_err();

    assert!(
        matches!(&mixed, CheckError::Misconfigured(words) if words.contains("1100000000000000009")),
        "{mixed}"
    );
    assert!(
        matches!(&wrong, CheckError::Misconfigured(words) if words.contains(&right)),
        "{wrong}"
    );
}

#[tokio::test]
async fn a_dead_token_is_told_from_a_discord_that_is_away() {
    let fake = FakeDiscord::start().await;
    fake.refuses("GET", "applications/@me", 401, 0, "401: Unauthorized")
        .await;

    let dead = check(&fake.discord(), &fake::credentials()).await.unwrap_err();
    let away = check(&fake::discord_at(&refuse_connections()), &fake::credentials())
        .await
        .unwrap_err();

    assert!(
        matches!(&dead, CheckError::Unauthorized(words) if words.contains("Reset Token")),
        "{dead:?}"
    );
    assert!(matches!(away, CheckError::Unreachable(_)), "{away:?}");
}

#[tokio::test]
async fn connecting_sets_the_address_and_the_command_and_leaves_other_commands_alone() {
    let fake = fake_with(json!({"interactions_endpoint_url": null})).await;
    fake.answers("PATCH", "applications/@me", described(&json!({})))
        .await;
    let commands = format!("applications/{APPLICATION}/commands");
    fake.answers("POST", &commands, json!({"id": "1", "name": "ask"}))
        .await;

    let connected = connect(&fake.discord(), &webhook(), &fake::credentials())
        .await
        .unwrap();

    assert!(matches!(connected, Connected::Registered { .. }), "{connected:?}");
    let calls = fake.calls().await;
    assert_eq!(calls[1].body, json!({"interactions_endpoint_url": WEBHOOK}));
    assert_eq!(
        (calls[2].method.as_str(), &calls[2].body["name"]),
        ("POST", &json!("ask"))
    );
    assert_eq!(calls[2].body["options"][0]["name"], "question");
    fake.check_requests().await;
}

#[tokio::test]
async fn an_address_that_discord_does_not_take_is_told_in_its_words() {
    let fake = fake_with(json!({})).await;
    let body = json!({"code": 50035, "message": "Invalid Form Body", "errors": {"interactions_endpoint_url": {"_errors": [
        {"code": "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID", "message": "The specified interactions endpoint url could not be verified."},
    ]}}});
    fake.answers_with("PATCH", "applications/@me", 400, body).await;

    let error = connect(&fake.discord(), &webhook(), &fake::credentials())
        .await
        .unwrap_err()
        .to_string();

    assert!(
        error.contains("could not be verified") && error.contains("reachable from the internet"),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_public_address_nothing_is_set_and_the_owner_is_told_why() {
    let fake = fake_with(json!({})).await;
    let local = "http://localhost:8080/api/discord/webhook/1".parse().unwrap();

    let connected = connect(&fake.discord(), &local, &fake::credentials())
        .await
        .unwrap();

    assert!(
        matches!(&connected, Connected::Manual { instructions } if instructions.contains("over a connection")),
        "{connected:?}"
    );
    assert!(fake.calls().await.iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn an_application_whose_interactions_go_elsewhere_is_ill() {
    for (url, well) in [
        (json!(WEBHOOK), true),
        (json!(null), true),
        (json!("https://other.example/discord"), false),
    ] {
        let fake = fake_with(json!({"interactions_endpoint_url": url})).await;

        let health = health(&fake.discord(), &webhook(), &fake::credentials()).await;

        assert_eq!(health.is_ok(), well, "{url}");
        if let Err(error) = health {
            assert!(
                error.to_string().contains("https://other.example/discord"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn the_simulated_application_goes_to_the_simulator_and_never_to_discord() {
    let (fake, simulator) = (
        FakeDiscord::start().await,
        fake_with(json!({"id": SIMULATED_APPLICATION})).await,
    );
    let credentials = fake::credentials_with(json!({"application_id": SIMULATED_APPLICATION}));
    let mut discord = fake.discord();

    let without = check(&discord, &credentials).await.unwrap_err();
    discord.addresses.simulator = simulator.server.uri().parse().ok();
    let identity = check(&discord, &credentials).await.unwrap();

    assert!(matches!(without, CheckError::BadCredentials(_)), "{without:?}");
    assert!(identity.details.iter().any(|detail| detail.contains("simulated")));
    assert!(fake.calls().await.is_empty(), "Discord was asked");
}
