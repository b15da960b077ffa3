//! What webhooks say.

use super::*;
use crate::messaging;
use bytes::Bytes;
use channel::{ConversationKey, ReceiveError, WebhookKind, WebhookRequest};
use http::{HeaderMap, Method};

fn request(body: &Value) -> WebhookRequest {
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bot.acme.com/api/messenger/webhook/1".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
        received_at: chrono::Utc::now(),
    }
}

fn events(events: Value) -> Received {
    let body =
        json!({"object": "page", "entry": [{"id": "900", "time": 1763800000871_i64, "messaging": events}]});
    messaging::read(&request(&body), "900").unwrap()
}

fn event(what: &str, content: Value) -> Received {
    events(
        json!([{"sender": {"id": "7392"}, "recipient": {"id": "900"}, "timestamp": 1763800000523_i64,
        what: content}]),
    )
}

fn only(received: Received) -> InboundMessage {
    assert_eq!(received.malformed, []);
    assert_eq!(received.messages.len(), 1, "{received:?}");
    received.messages.into_iter().next().unwrap()
}

#[test]
fn a_text_message_is_read() {
    let message = only(event(
        "message",
        json!({"mid": "m_1", "text": "hi \u{0}there", "tomorrow": {}}),
    ));

    assert_eq!(
        (message.account.as_str(), message.dedupe_key.as_str()),
        ("900", "m_1")
    );
    assert_eq!(message.contact, "7392");
    assert_eq!(message.conversation, ConversationKey("900/7392".to_owned()));
    assert_eq!(message.text, "hi there");
    assert_eq!(message.order_key, Some(1763800000523));
    assert_eq!(message.sent_at.unwrap().timestamp_millis(), 1763800000523);
    assert_eq!(message.reply_to, Some(json!({"mid": "m_1"})));
}

#[test]
fn a_tap_is_its_title_and_its_value() {
    let quick = only(event(
        "message",
        json!({"mid": "m_1", "text": "Red", "quick_reply": {"payload": "colour:red"}}),
    ));
    let button = only(event(
        "postback",
        json!({"mid": "m_2", "title": "Get started", "payload": "START"}),
    ));
    let nameless = only(event("postback", json!({"title": "Blue", "payload": "b"})));

    assert_eq!(
        (quick.text.as_str(), quick.choice.as_deref()),
        ("Red", Some("colour:red"))
    );
    assert_eq!(
        (button.text.as_str(), button.choice.as_deref()),
        ("Get started", Some("START"))
    );
    assert_eq!(button.dedupe_key, "m_2");
    assert_eq!(nameless.dedupe_key, "postback:7392:1763800000523:b");
}

#[test]
fn what_needs_no_answer_is_acknowledged() {
    for (what, content) in [
        ("message", json!({"mid": "m", "is_echo": true, "text": "we said"})),
        ("message", json!({"mid": "m", "is_self": true, "text": "note"})),
        ("message", json!({"mid": "m", "is_deleted": true})),
        ("message", json!({"mid": "m", "is_unsupported": true})),
        ("message", json!({"mid": "m"})),
        ("message", json!({"mid": "m", "text": "", "attachments": []})),
        ("reaction", json!({"mid": "m", "action": "react", "emoji": "❤"})),
        ("message_edit", json!({"mid": "m", "text": "hi!", "num_edit": 1})),
        ("referral", json!({"ref": "ad"})),
        ("optin", json!({"ref": "x"})),
        ("postback", json!({})),
        ("teleport", json!({"to": "moon"})),
    ] {
        let received = event(what, content.clone());

        assert!(
            received.messages.is_empty() && received.statuses.is_empty(),
            "{content}: {received:?}"
        );
        assert_eq!(received.malformed, [], "{content}");
    }
}

#[test]
fn what_the_account_itself_writes_is_not_answered() {
    let received = events(
        json!([{"sender": {"id": "900"}, "recipient": {"id": "7392"}, "message": {"mid": "m", "text": "hi"}}]),
    );

    assert!(received.messages.is_empty());
}

#[test]
fn an_echo_of_ours_proves_that_the_part_was_taken() {
    let part = domain::PartId::new();

    let ours = event(
        "message",
        json!({"mid": "m_9", "is_echo": true, "text": "x", "app_id": 1, "metadata": part.to_string()}),
    );
    let agents = event(
        "message",
        json!({"mid": "m_9", "is_echo": true, "text": "x", "metadata": "crm-17"}),
    );

    assert_eq!(ours.statuses.len(), 1);
    assert_eq!(ours.statuses[0].part, Some(part));
    assert_eq!(
        (
            ours.statuses[0].state,
            ours.statuses[0].platform_message_id.as_str()
        ),
        (PartState::Sent, "m_9")
    );
    assert!(agents.statuses.is_empty());
}

#[test]
fn deliveries_name_messages_or_a_time_and_reads_a_message_or_a_time() {
    let delivered = event(
        "delivery",
        json!({"mids": ["m_1", "m_2"], "watermark": 1763800000600_i64}),
    );
    let up_to = event("delivery", json!({"watermark": 1763800000600_i64}));
    let read = event("read", json!({"watermark": 1763800000700_i64}));
    let seen = event("read", json!({"mid": "m_3"}));

    let ids: Vec<&str> = delivered
        .statuses
        .iter()
        .map(|status| status.platform_message_id.as_str())
        .collect();
    assert_eq!(ids, ["m_1", "m_2"]);
    assert!(delivered.watermarks.is_empty());
    assert_eq!(up_to.watermarks[0].state, PartState::Delivered);
    assert_eq!(read.watermarks[0].state, PartState::Read);
    assert_eq!(
        read.watermarks[0].conversation,
        ConversationKey("900/7392".to_owned())
    );
    assert_eq!(read.watermarks[0].up_to.timestamp_millis(), 1763800000700);
    assert_eq!(
        (
            seen.statuses[0].state,
            seen.statuses[0].platform_message_id.as_str()
        ),
        (PartState::Read, "m_3")
    );
    assert!(seen.watermarks.is_empty());
}

#[test]
fn a_batch_of_several_accounts_is_read_for_one_and_bad_parts_by_position() {
    let good = |mid: &str| json!({"sender": {"id": 7392}, "message": {"mid": mid, "text": "hi"}});
    let body = json!({"object": "page", "entry": [
        {"id": "901", "messaging": [good("m_0")]},
        {"id": "900", "messaging": [good("m_1"), {"sender": {"id": "1"}, "message": {"text": "no mid"}}, 17,
            {"message": {"mid": "m_2", "text": "from nobody"}}],
         "standby": [good("m_3")], "changes": [{"field": "feed", "value": {}}]},
        {"messaging": []},
        {"id": 900, "messaging": [good("m_4")]},
    ]});

    let received = messaging::read(&request(&body), "900").unwrap();

    let keys: Vec<&str> = received
        .messages
        .iter()
        .map(|message| message.dedupe_key.as_str())
        .collect();
    assert_eq!(keys, ["m_1", "m_4"]);
    let mut positions: Vec<&str> = received
        .malformed
        .iter()
        .map(|part| part.position.as_str())
        .collect();
    positions.sort_unstable();
    assert_eq!(
        positions,
        [
            "entry[1].messaging[1]",
            "entry[1].messaging[2]",
            "entry[1].messaging[3]",
            "entry[2]"
        ]
    );
    assert_eq!(messaging::accounts(&request(&body)), ["900", "901"]);
}

#[test]
fn news_of_others_alone_is_foreign_and_at_the_shared_address_no_news() {
    let body = json!({"object": "page", "entry": [{"id": "901", "messaging": []}]});
    let mut shared = request(&body);
    shared.kind = WebhookKind::Shared;

    let own = messaging::read(&request(&body), "900").unwrap_err();
    let shared = messaging::read(&shared, "900").unwrap();

    assert!(
        matches!(&own, ReceiveError::ForeignAccount { given } if given == "901"),
        "{own:?}"
    );
    assert!(shared.messages.is_empty() && shared.response.status.is_success());
}
