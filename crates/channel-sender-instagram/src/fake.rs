//! A fake Instagram for tests. Meta publishes no machine-readable description of this API, so what a request may look
//! like is written down here, from "Instagram messaging, Send messages" and "Subscribed Apps".

use crate::{Addresses, Credentials, Instagram};
use channel::{OutboundContent, OutboundPart};
use channel_testkit::SECRET;
use domain::{PartId, Platform};
use serde_json::{Value, json};
use wiremock::{MockServer, Request};

pub(crate) const ACCOUNT: &str = "17841400000000000";
pub(crate) const PAGE: &str = "102938475610293";

pub(crate) fn credentials_json() -> Value {
    json!({"access_token": "canary-token", "app_secret": SECRET, "account_id": ACCOUNT, "verify_token": "canary-verify"})
}

pub(crate) fn credentials() -> Credentials {
    credentials_with(json!({}))
}

/// Through the account's Page.
pub(crate) fn with_page() -> Credentials {
    credentials_with(json!({"login": "facebook", "page_id": PAGE}))
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
        platform: Platform::from_static("instagram"),
        contact: "6841100000000000".to_owned(),
        conversation: format!("{ACCOUNT}/6841100000000000"),
        content: OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        },
        reply_to: Some(json!({"mid": "m_0"})),
        status_callback: None,
    }
}

/// Our code, speaking to this address.
pub(crate) fn instagram_at(address: &str) -> Instagram {
    let base: url::Url = address.parse().unwrap();
    Instagram::new(
        channel_testkit::client(),
        Addresses {
            instagram: base.clone(),
            facebook: base,
            version: "v25.0".to_owned(),
            simulator: None,
            media_hosts: vec!["cdninstagram.com".to_owned(), "fbsbx.com".to_owned()],
        },
    )
}

pub(crate) struct FakeInstagram {
    pub(crate) server: MockServer,
}

impl FakeInstagram {
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    pub(crate) fn instagram(&self) -> Instagram {
        instagram_at(&self.server.uri())
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

    /// Every request so far is one that Instagram takes. There is at least one.
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
        "it is not the account's token"
    );
    let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    let proof = query.iter().any(|(name, _)| name == "appsecret_proof");
    let path: Vec<&str> = request.url.path().split('/').skip(1).collect();
    // Only Facebook login knows the proof; there the Page stands for the account.
    let through_page = path.contains(&PAGE);
    assert_eq!(proof, through_page, "{}", request.url.path());
    let query: Vec<(&str, &str)> = query
        .iter()
        .filter(|(name, _)| name != "appsecret_proof")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["v25.0", "me"]) => assert_eq!(query, [("fields", "user_id,username,account_type")]),
        ("GET", ["v25.0", PAGE]) => {
            assert_eq!(
                query,
                [("fields", "name,instagram_business_account{id,username}")]
            );
        }
        ("GET", ["v25.0", _, "subscribed_apps"]) => assert!(query.is_empty()),
        ("POST", ["v25.0", PAGE, "subscribed_apps"]) => {
            assert_eq!(query, [("subscribed_fields", "messages,messaging_postbacks")]);
        }
        ("POST", ["v25.0", _, "subscribed_apps"]) => {
            assert_eq!(
                query,
                [("subscribed_fields", "messages,messaging_postbacks,messaging_seen")]
            );
        }
        ("POST", ["v25.0", _, "messages"]) => check_message(&serde_json::from_slice(&request.body).unwrap()),
        other => panic!("Instagram has no {other:?}"),
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
    assert_eq!(names(body), ["message", "recipient"]);
    let message = &body["message"];
    match message.get("attachment") {
        Some(attachment) => {
            assert_eq!(names(message), ["attachment"]);
            assert!(["image", "audio", "video", "file"].contains(&attachment["type"].as_str().unwrap()));
            assert_eq!(names(&attachment["payload"]), ["is_reusable", "url"]);
        }
        None => {
            let text = message["text"].as_str().unwrap();
            assert!((1..=1_000).contains(&text.len()));
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
#[should_panic(expected = "contains(&text.len())")]
fn a_text_of_more_than_a_thousand_bytes_fails_the_check() {
    check_message(&json!({"recipient": {"id": "1"}, "message": {"text": "é".repeat(501)}}));
}
