//! What errors mean.

use super::*;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

const KNOWN: &[Known] = &[
    (10, Some(2018278), Next::GiveUp, "the window is closed"),
    (
        131056,
        None,
        Next::After(Duration::from_secs(6)),
        "too fast to this person",
    ),
    (2, None, Next::Again, "again"),
];

fn answer(status: u16, body: &Value) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        complete: true,
        body: body.to_string().into_bytes(),
    }
}

fn error(code: i64, subcode: Option<i64>) -> Value {
    json!({"error": {"message": "(#1) no", "type": "OAuthException", "code": code, "error_subcode": subcode}})
}

fn outcome(status: u16, body: &Value) -> SendError {
    refused("WhatsApp", &answer(status, body), KNOWN)
}

#[test]
fn a_subcode_counts_more_than_its_code_and_a_code_more_than_the_status() {
    assert!(matches!(
        outcome(400, &error(10, Some(2018278))),
        SendError::Rejected { code: Some(code), .. } if code == "10/2018278"
    ));
    assert!(matches!(
        outcome(400, &error(10, None)),
        SendError::Unauthorized { .. }
    ));
    assert!(matches!(
        outcome(500, &error(190, Some(1))),
        SendError::Unauthorized { .. }
    ));
    assert!(matches!(
        outcome(400, &error(250, None)),
        SendError::Unauthorized { .. }
    ));
    assert!(matches!(
        outcome(400, &error(131056, None)),
        SendError::Retry { after: Some(wait), rate_limited: false, .. } if wait == Duration::from_secs(6)
    ));
    assert!(matches!(
        outcome(400, &error(99999, None)),
        SendError::Rejected { .. }
    ));
}

#[test]
fn a_throttle_pauses_the_account_for_as_long_as_the_headers_say() {
    let mut told = answer(400, &error(4, None));
    told.headers.insert(
        "x-business-use-case-usage",
        HeaderValue::from_static(r#"{"1":[{"estimated_time_to_regain_access":5}]}"#),
    );

    for answer in [
        told,
        answer(429, &json!("busy")),
        answer(400, &error(17, None)),
        answer(400, &error(613, Some(1893016))),
    ] {
        let minutes = answer.headers.len() as u64 * 5;
        let error = refused("Messenger", &answer, KNOWN);

        assert!(
            matches!(&error, SendError::Retry { after, rate_limited: true, .. }
                if after.unwrap_or_default().as_secs() == 60 * minutes),
            "{error:?}"
        );
    }
}

#[test]
fn what_meta_calls_transient_is_tried_again_unless_it_must_wait_for_the_owner() {
    let mut body = error(100, None);
    body["error"]["is_transient"] = json!(true);
    let mut token = error(190, None);
    token["error"]["is_transient"] = json!(true);

    assert!(matches!(
        outcome(400, &body),
        SendError::Retry {
            rate_limited: false,
            ..
        }
    ));
    assert!(matches!(outcome(400, &token), SendError::Unauthorized { .. }));
}

#[test]
fn without_a_code_the_status_decides() {
    let cut = Answer {
        complete: false,
        ..answer(502, &json!("<html>"))
    };

    assert!(matches!(
        refused("WhatsApp", &cut, KNOWN),
        SendError::Ambiguous { .. }
    ));
    assert!(matches!(outcome(503, &json!("")), SendError::Retry { .. }));
    assert!(matches!(outcome(401, &json!("")), SendError::Unauthorized { .. }));
    assert!(matches!(outcome(408, &json!("")), SendError::Retry { .. }));
    assert!(matches!(
        outcome(404, &json!("")),
        SendError::Rejected { code: None, .. }
    ));
    assert!(
        outcome(302, &json!(""))
            .to_string()
            .contains("check this installation's address of WhatsApp's API")
    );
}

#[test]
fn words_have_the_code_metas_words_its_details_and_advice_but_no_phone_number() {
    let body = json!({"error": {"message": "(#131056) Pair rate limit hit", "code": 131056,
        "error_data": {"messaging_product": "whatsapp", "details": "Too many messages to 16505551234"}}});

    let SendError::Retry { reason, .. } = outcome(400, &body) else {
        panic!("it is worth another try");
    };

    assert_eq!(
        reason,
        "131056: Pair rate limit hit (Too many messages to …1234): too fast to this person"
    );
}

#[test]
fn a_wrong_app_secret_is_told_from_a_wrong_value() {
    let body = json!({"error": {"message": "Invalid appsecret_proof provided in the API argument",
        "type": "GraphMethodException", "code": 100}});

    let error = outcome(400, &body);

    assert!(
        matches!(&error, SendError::Unauthorized { reason } if reason.contains("enter the app secret of the app")),
        "{error:?}"
    );
}

#[test]
fn no_common_error_is_listed_twice() {
    let mut listed: Vec<_> = COMMON.iter().map(|(code, subcode, ..)| (code, subcode)).collect();
    listed.sort_unstable();
    listed.dedup();

    assert_eq!(listed.len(), COMMON.len());
}
