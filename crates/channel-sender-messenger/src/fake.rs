//! A fake Messenger for tests. Meta publishes no machine-readable description of this API, so what a request may look
//! like is written down here, from "Messenger Platform, Send API" and "Page, Subscribed Apps".

use crate::{Addresses, Credentials, Messenger};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::SECRET;
use domain::{PartId, Platform};
use serde_json::{Value, json};
use wiremock::{MockServer, Request};

pub(crate) const PAGE: &str = "102938475610293";

pub(crate) fn credentials_json() -> Value {
    json!({"page_access_token": "canary-token", "app_secret": SECRET, "page_id": PAGE, "verify_token": "canary-verify"})
}

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

pub(crate) fn credentials_with(changes: Value) -> Credentials {
    let mut all = credentials_json();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

pub(crate) fn part(text: &str) -> OutboundPart {
    OutboundPart {
        id: PartId::new(),
        platform: Platform::from_static("messenger"),
        contact: "7392015648120394".to_owned(),
        conversation: format!("{PAGE}/7392015648120394"),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: Some(json!({"mid": "m_0"})),
        status_callback: None,
    }
}

/// Our code, speaking to this address.
pub(crate) fn messenger_at(address: &str) -> Messenger {
    Messenger::new(
        channel_testkit::client(),
        Addresses {
            graph: address.parse().unwrap(),
            version: "v25.0".to_owned(),
            simulator: None,
            media_hosts: vec!["fbcdn.net".to_owned(), "fbsbx.com".to_owned()],
        },
    )
}

pub(crate) struct FakeMessenger {
    pub(crate) server: MockServer,
}

impl FakeMessenger {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn messenger(&self) -> Messenger {
        messenger_at(&self.server.uri())
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    pub(crate) async fn bodies(&self) -> Vec<Value> {
        self.requests()
            .await
            .iter()
            .filter(|request| !request.body.is_empty())
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect()
    }

    /// Every request so far is one that Messenger takes. There is at least one.
    pub(crate) async fn check_requests(&self) {
        let requests = self.requests().await;
        assert!(!requests.is_empty(), "nothing was asked");
        for request in requests {
            check(&request);
        }
    }
}

fn check(request: &Request) {
    assert_eq!(
        request.headers["authorization"], "Bearer canary-token",
        "it is not the Page's token"
    );
    let query: Vec<String> = request
        .url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .filter(|name| name != "appsecret_proof")
        .collect();
    let path: Vec<&str> = request.url.path().split('/').skip(1).collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["v25.0", "me"]) => assert_eq!(query, ["fields"]),
        ("GET", ["v25.0", _, "subscribed_apps"]) => assert!(query.is_empty()),
        ("POST", ["v25.0", _, "subscribed_apps"]) => assert_eq!(query, ["subscribed_fields"]),
        ("POST", ["v25.0", _, "messages"]) => check_message(&serde_json::from_slice(&request.body).unwrap()),
        other => panic!("Messenger has no {other:?}"),
    }
}

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn check_message(body: &Value) {
    assert_eq!(names(&body["recipient"]), ["id"]);
    if body.get("sender_action").is_some() {
        assert_eq!(names(body), ["recipient", "sender_action"]);
        assert_eq!(body["sender_action"], "typing_on");
        return;
    }
    assert_eq!(names(body), ["message", "messaging_type", "recipient"]);
    assert_eq!(body["messaging_type"], "RESPONSE");
    let message = &body["message"];
    assert!(message["metadata"].as_str().unwrap().len() <= 1_000);
    match message.get("attachment") {
        Some(attachment) => {
            assert_eq!(names(message), ["attachment", "metadata"]);
            assert!(["image", "audio", "video", "file"].contains(&attachment["type"].as_str().unwrap()));
            assert_eq!(names(&attachment["payload"]), ["is_reusable", "url"]);
        }
        None => {
            let text = message["text"].as_str().unwrap();
            assert!((1..=2_000).contains(&channel::text::utf16(text)));
            let replies = message["quick_replies"].as_array();
            assert!(replies.is_none_or(|replies| (1..=13).contains(&replies.len())));
            for reply in replies.into_iter().flatten() {
                assert_eq!(names(reply), ["content_type", "payload", "title"]);
                assert!(channel::text::utf16(reply["title"].as_str().unwrap()) <= 20);
            }
        }
    }
}

#[test]
#[should_panic(expected = "left: [\"attachment\", \"metadata\", \"text\"]")]
fn an_attachment_with_a_text_fails_the_check() {
    check_message(
        &json!({"recipient": {"id": "1"}, "messaging_type": "RESPONSE", "message": {"text": "x", "metadata": "y",
        "attachment": {"type": "image", "payload": {"url": "https://acme.com/a.png", "is_reusable": false}}}}),
    );
}
