//! One address for all workspaces that an app is installed in: which of them a request speaks of, before it is proven.

use crate::inbound::{Body, owners};
use channel::WebhookRequest;

/// The workspaces that a request names. Only a hint: each integration proves the request with its own secret. Slack's
/// handshake names none.
pub(crate) fn accounts(request: &WebhookRequest) -> Vec<String> {
    match Body::of(&request.body) {
        Ok(Body::Event(value) | Body::Interaction(value) | Body::Command(value)) => owners(&value),
        Ok(Body::Other) | Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Slack, fake, inbound::tests::press, signature::tests::request};
    use channel::{SharedWebhook, WebhookKind};
    use serde_json::json;

    fn named(body: String) -> Vec<String> {
        let mut request = request(body);
        request.kind = WebhookKind::Shared;
        let slack: Slack = fake::slack_at("http://127.0.0.1:1");
        assert!(slack.handshake(&request, &"x".into()).is_none());
        slack.accounts(&request)
    }

    #[test]
    fn every_kind_of_request_names_its_workspace() {
        let event = json!({"type": "event_callback", "team_id": "T0001"}).to_string();
        let elsewhere =
            json!({"type": "event_callback", "team_id": "T0009", "authorizations": [{"team_id": "T0001"}]});

        assert_eq!(named(event), ["T0001"]);
        assert_eq!(named(elsewhere.to_string()), ["T0001"]);
        assert_eq!(named(press(json!({}))), ["T0001"]);
        assert_eq!(
            named("command=%2Fask&team_id=T0001&text=hi".to_owned()),
            ["T0001"]
        );
    }

    #[test]
    fn what_cannot_be_read_names_nobody() {
        for body in [
            "",
            "{",
            "[]",
            "payload=%7B",
            "a=b",
            "{\"type\":\"url_verification\",\"challenge\":\"x\"}",
        ] {
            assert!(named(body.to_owned()).is_empty(), "{body}");
        }
    }
}
