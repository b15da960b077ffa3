//! What Slack says, and what is done next.

use super::*;
use crate::fake::{self, FakeSlack};
use channel_testkit::{refuse_connections, speak_once};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::ResponseTemplate;

async fn outcome(answer: ResponseTemplate) -> SendError {
    let fake = FakeSlack::start().await;
    fake.mount("chat.postMessage", answer).await;
    let failed = crate::api::call::<Value>(&fake.slack(), &fake::credentials(), "chat.postMessage", &[])
        .await
        .unwrap_err();
    sending(failed)
}

async fn said(code: &str) -> SendError {
    outcome(ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": code}))).await
}

async fn from(address: &str) -> SendError {
    let slack = fake::slack_at(address);
    let failed = crate::api::call::<Value>(&slack, &fake::credentials(), "chat.postMessage", &[])
        .await
        .unwrap_err();
    sending(failed)
}

#[tokio::test]
async fn a_dead_token_parks_the_integration() {
    for code in [
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "org_login_required",
        "team_added_to_org",
    ] {
        let error = said(code).await;

        assert!(
            matches!(&error, SendError::Unauthorized { reason } if reason.starts_with(code)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn what_will_never_work_is_rejected_with_slacks_code() {
    for code in [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_thread_locked",
        "cannot_reply_to_message",
        "no_text",
        "msg_too_long",
        "invalid_blocks",
        "invalid_blocks_format",
        "too_many_attachments",
        "messages_tab_disabled",
        "ekm_access_denied",
        "missing_scope",
        "not_allowed_token_type",
        "something_of_tomorrow",
    ] {
        let error = said(code).await;

        assert!(
            matches!(&error, SendError::Rejected { code: Some(given), .. } if given == code),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn what_was_not_done_is_done_again_and_what_is_too_fast_slows_all_down() {
    for (code, slow) in [
        ("ratelimited", true),
        ("rate_limited", true),
        ("message_limit_exceeded", true),
        ("internal_error", false),
        ("service_unavailable", false),
        ("request_timeout", false),
    ] {
        let error = said(code).await;

        assert!(
            matches!(&error, SendError::Retry { rate_limited, .. } if *rate_limited == slow),
            "{code} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_names_its_time() {
    let answer = ResponseTemplate::new(429)
        .insert_header("retry-after", "30")
        .set_body_json(json!({"ok": false, "error": "ratelimited"}));
    let bare = ResponseTemplate::new(429).insert_header("retry-after", "7");

    for (answer, seconds) in [(answer, 30), (bare, 7)] {
        let error = outcome(answer).await;

        assert!(
            matches!(error, SendError::Retry { after: Some(after), rate_limited: true, .. }
                if after == Duration::from_secs(seconds)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn where_it_may_have_been_done_nobody_says_that_it_was_not() {
    let cut = speak_once("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":tr").await;
    let silent = speak_once("").await;
    let broken = speak_once("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\nBad").await;

    for error in [
        said("fatal_error").await,
        outcome(ResponseTemplate::new(200).set_body_string("<html>")).await,
        outcome(ResponseTemplate::new(504)).await,
        from(&cut).await,
        from(&silent).await,
        from(&broken).await,
    ] {
        assert!(matches!(error, SendError::Ambiguous { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn where_it_was_not_done_it_is_done_again() {
    for error in [
        from(&refuse_connections()).await,
        outcome(ResponseTemplate::new(503)).await,
        outcome(ResponseTemplate::new(500).set_body_json(json!({"ok": false, "error": "oops"}))).await,
        outcome(ResponseTemplate::new(302)).await,
    ] {
        assert!(
            matches!(
                error,
                SendError::Retry {
                    rate_limited: false,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn no_error_shows_a_token() {
    for error in [
        said("invalid_auth").await,
        from(&refuse_connections()).await,
        from(&speak_once("").await).await,
    ] {
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}
