//! Reads proven webhooks: interactions, one at a time.

use crate::{
    credentials::Credentials,
    interaction::{self, Unread},
};
use bytes::Bytes;
use channel::{ReceiveError, Received, WebhookRequest, WebhookResponse};
use http::StatusCode;
use serde_json::Value;

pub(crate) fn read(request: &WebhookRequest, credentials: &Credentials) -> Result<Received, ReceiveError> {
    let json: Value = serde_json::from_slice(&request.body)
        .map_err(|error| ReceiveError::Malformed(format!("the body is not JSON: {error}")))?;
    let read = interaction::read(&json, &credentials.application_id).map_err(|unread| match unread {
        Unread::Foreign(given) => ReceiveError::ForeignAccount { given },
        Unread::Malformed(problem) => ReceiveError::Malformed(problem),
    })?;
    Ok(Received {
        messages: read.message.into_iter().collect(),
        ..Received::nothing(response(read.response.as_ref()))
    })
}

/// Discord takes 202 without a body for heard; only what it knows may stand in one.
fn response(json: Option<&Value>) -> WebhookResponse {
    match json {
        Some(json) => WebhookResponse {
            status: StatusCode::OK,
            content_type: "application/json",
            body: Bytes::from(json.to_string()),
        },
        None => WebhookResponse {
            status: StatusCode::ACCEPTED,
            ..WebhookResponse::empty()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake,
        signature::tests::{request, signed},
    };
    use channel::Channel;
    use serde_json::json;

    async fn received(body: &str, secret: &str) -> Result<Received, ReceiveError> {
        let credentials = fake::with_key_of("s");
        fake::discord_at("http://127.0.0.1:1")
            .receive(&signed(request(body.to_owned()), secret), &credentials)
            .await
    }

    #[tokio::test]
    async fn every_recorded_handshake_is_answered_as_discord_expects() {
        let Some(handshakes) = fake::vectors("handshakes") else {
            return;
        };
        let ours: Vec<_> = handshakes
            .iter()
            .filter(|handshake| handshake["platform"] == "discord")
            .collect();
        for handshake in &ours {
            let secret = if handshake["signature_valid"] == false {
                "another"
            } else {
                "s"
            };

            let outcome = received(handshake["body"].as_str().unwrap(), secret).await;

            match (outcome, handshake["expect_status"].as_u64()) {
                (Ok(received), Some(200)) => {
                    let body: Value = serde_json::from_slice(&received.response.body).unwrap();
                    assert_eq!(body, handshake["expect_json"]);
                    assert_eq!(received.response.content_type, "application/json");
                    assert_eq!(received.response.status, StatusCode::OK);
                }
                (Err(ReceiveError::BadSignature { .. }), Some(401)) => (),
                (outcome, _) => panic!("{} gave {outcome:?}", handshake["id"]),
            }
        }
        assert!(ours.len() >= 2, "handshakes were lost");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_only_after_it_is_proven() {
        for body in ["", "[]", "{", "{\"type\":", "\u{0}", r#"{"type":2}"#] {
            let proven = received(body, "s").await.unwrap_err();
            let unproven = received(body, "another").await.unwrap_err();

            assert!(
                matches!(proven, ReceiveError::Malformed(_)),
                "{body} gave {proven:?}"
            );
            assert!(
                matches!(unproven, ReceiveError::BadSignature { .. }),
                "{body} gave {unproven:?}"
            );
        }
    }

    #[tokio::test]
    async fn another_applications_interaction_is_foreign() {
        let body = json!({"type": 2, "application_id": "1100000000000000009"}).to_string();

        let error = received(&body, "s").await.unwrap_err();

        assert!(matches!(error, ReceiveError::ForeignAccount { given } if given == "1100000000000000009"));
    }
}
