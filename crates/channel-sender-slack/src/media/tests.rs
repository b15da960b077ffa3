//! What is fetched, and with what.

use super::*;
use crate::{SIMULATED_ACCOUNT, fake, fake::FakeSlack};
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

const AUTHORIZED: &str = "Bearer xoxb-canary-bot-token";

fn at(url: impl Into<String>) -> MediaRef {
    MediaRef {
        url: url.into(),
        content_type: "image/png".to_owned(),
        name: None,
    }
}

fn picture() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(b"\x89PNG".to_vec(), "image/png")
}

async fn answered(answer: ResponseTemplate) -> Result<Fetched, MediaError> {
    let fake = FakeSlack::start().await;
    Mock::given(method("GET"))
        .and(header("authorization", AUTHORIZED))
        .respond_with(answer)
        .mount(&fake.server)
        .await;
    let media = at(format!("{}/files-pri/T1-F1/a.png", fake.server.uri()));
    fetch(&fake.slack(), &media, 1_000, &fake::credentials()).await
}

#[tokio::test]
async fn a_file_is_fetched_with_the_bots_token() {
    let fetched = answered(picture()).await.unwrap();

    assert_eq!(
        (fetched.content_type.as_str(), fetched.bytes.as_ref()),
        ("image/png", b"\x89PNG".as_slice())
    );
}

#[tokio::test]
async fn a_page_to_sign_in_at_says_which_scope_is_missing() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>Sign in", "text/html; charset=utf-8");
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "https://acme.slack.com/?redir=x");

    for answer in [page, elsewhere] {
        let error = answered(answer).await.unwrap_err();

        assert!(
            matches!(&error, MediaError::Refused(words) if words.contains("files:read is missing")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn the_token_never_leaves_for_another_host() {
    let elsewhere = MockServer::start().await;
    let port = elsewhere.address().port();
    let fake = FakeSlack::start().await;
    for url in [
        format!("http://localhost:{port}/x.png"),
        "https://files.slack.com.evil.example/x".to_owned(),
        "https://evilfiles.slack.com.example/x".to_owned(),
        "https://user:pw@files.slack.com/x".to_owned(),
        "ftp://files.slack.com/x".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
        "slack-file:../secret".to_owned(),
        "nonsense".to_owned(),
    ] {
        let error = fetch(&fake.slack(), &at(url.clone()), 1_000, &fake::credentials())
            .await
            .unwrap_err();

        assert!(matches!(error, MediaError::Refused(_)), "{url} gave {error:?}");
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    assert!(fake.calls().await.is_empty());
}

#[test]
fn slacks_hosts_are_recognised_with_all_below_them_and_only_encrypted() {
    let base: Url = "https://slack.com/api".parse().unwrap();
    let hosts = ["files.slack.com".to_owned()];
    for (url, expected) in [
        ("https://files.slack.com/files-pri/x", true),
        ("https://eu.files.slack.com/x", true),
        ("http://files.slack.com/x", false),
        ("https://evilfiles.slack.com/x", false),
        ("https://slack.com/x", false),
        ("https://u@files.slack.com/x", false),
    ] {
        assert_eq!(
            is_kept_by_slack(&url.parse().unwrap(), &base, &hosts),
            expected,
            "{url}"
        );
    }
}

#[tokio::test]
async fn the_simulated_workspaces_files_come_from_the_simulator_alone() {
    let (fake, simulator) = (FakeSlack::start().await, FakeSlack::start().await);
    Mock::given(path("/file.png"))
        .respond_with(picture())
        .mount(&simulator.server)
        .await;
    let mut slack = fake.slack();
    slack.addresses.simulator = simulator.server.uri().parse().ok();
    let credentials = fake::credentials_with(json!({"team_id": SIMULATED_ACCOUNT}));

    let own = at(format!("{}/file.png", simulator.server.uri()));
    let foreign = at(format!("{}/file.png", fake.server.uri()));

    assert!(fetch(&slack, &own, 1_000, &credentials).await.is_ok());
    assert!(fetch(&slack, &foreign, 1_000, &credentials).await.is_err());
    assert!(fake.calls().await.is_empty());
}

#[tokio::test]
async fn a_file_of_another_workspace_is_asked_for_first() {
    let fake = FakeSlack::start().await;
    let url = format!("{}/files-pri/T9-F2/b.png", fake.server.uri());
    fake.answers(
        "files.info",
        json!({"file": {"id": "F2", "mimetype": "image/png", "url_private": url}}),
    )
    .await;
    Mock::given(path("/files-pri/T9-F2/b.png"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(b"x".to_vec(), "application/octet-stream"))
        .mount(&fake.server)
        .await;
    let media = MediaRef {
        content_type: "application/octet-stream".to_owned(),
        ..at("slack-file:F2")
    };

    let fetched = fetch(&fake.slack(), &media, 1_000, &fake::credentials())
        .await
        .unwrap();

    assert_eq!(fetched.content_type, "image/png");
    assert_eq!(fake.forms("files.info").await[0]["file"], "F2");
}

#[tokio::test]
async fn a_file_that_is_gone_is_refused_and_one_that_cannot_be_asked_for_is_tried_again() {
    for (code, gone) in [
        ("file_deleted", true),
        ("file_not_found", true),
        ("ratelimited", false),
        ("invalid_auth", false),
    ] {
        let fake = FakeSlack::start().await;
        fake.refuses("files.info", code).await;

        let error = fetch(&fake.slack(), &at("slack-file:F2"), 1_000, &fake::credentials())
            .await
            .unwrap_err();

        assert_eq!(
            matches!(error, MediaError::Refused(_)),
            gone,
            "{code} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn what_is_too_large_or_of_a_kind_that_is_not_taken_is_refused() {
    let large = ResponseTemplate::new(200).set_body_raw(vec![0; 1_001], "image/png");
    let program = ResponseTemplate::new(200).set_body_raw("<svg>", "image/svg+xml");
    let script = ResponseTemplate::new(200).set_body_raw("x", "application/x-sh");

    for answer in [large, program, script] {
        let error = answered(answer).await.unwrap_err();

        assert!(matches!(error, MediaError::Refused(_)), "{error:?}");
    }
    assert!(
        answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_000], "image/png"))
            .await
            .is_ok()
    );
    let busy = answered(ResponseTemplate::new(503)).await.unwrap_err();
    assert!(matches!(busy, MediaError::Retry(_)), "{busy:?}");
}

#[tokio::test]
async fn a_page_that_somebody_sent_is_not_taken_and_not_mistaken_for_a_missing_scope() {
    let fake = FakeSlack::start().await;
    let media = MediaRef {
        content_type: "text/html".to_owned(),
        ..at(format!("{}/files-pri/T1-F1/a.html", fake.server.uri()))
    };

    let error = fetch(&fake.slack(), &media, 1_000, &fake::credentials())
        .await
        .unwrap_err();

    assert!(
        matches!(&error, MediaError::Refused(words) if words.contains("text/html is a kind that is not taken")),
        "{error:?}"
    );
}
