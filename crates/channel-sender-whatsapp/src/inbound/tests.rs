//! What webhooks say.

use super::*;
use crate::fake::{self, NUMBER, WABA};
use bytes::Bytes;
use channel::WebhookKind;
use domain::PartId;
use http::{HeaderMap, Method};

fn request(body: &Value) -> WebhookRequest {
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: "https://bot.acme.com/api/whatsapp/webhook/1".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
        received_at: chrono::Utc::now(),
    }
}

fn change(number: &str, content: Value) -> Value {
    let mut value = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100000", "phone_number_id": number}});
    for (name, content) in content.as_object().unwrap() {
        value[name] = content.clone();
    }
    json!({"field": "messages", "value": value})
}

fn batch_of(changes: Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]})
}

fn received(content: Value) -> Received {
    read(
        &request(&batch_of(json!([change(NUMBER, content)]))),
        &fake::credentials(),
    )
    .unwrap()
}

fn sent_by_ann(kind: &str, content: Value) -> Received {
    received(json!({
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": "16505551234", "user_id": "US.134"}],
        "messages": [{"from": "16505551234", "from_user_id": "US.134", "id": "wamid.1", "timestamp": "1763800000",
            "type": kind, kind: content}],
    }))
}

fn only(received: Received) -> InboundMessage {
    assert_eq!(received.malformed, []);
    assert_eq!(received.messages.len(), 1);
    received.messages.into_iter().next().unwrap()
}

#[test]
fn a_text_message_is_read() {
    let message = only(sent_by_ann("text", json!({"body": "hi \u{0}there"})));

    assert_eq!(
        (message.account.as_str(), message.dedupe_key.as_str()),
        (NUMBER, "wamid.1")
    );
    assert_eq!(message.contact, "16505551234");
    assert_eq!(message.contact_name.as_deref(), Some("Ann"));
    assert_eq!(
        message.conversation,
        ConversationKey(format!("{NUMBER}/16505551234"))
    );
    assert_eq!(message.text, "hi there");
    assert_eq!(message.order_key, Some(1763800000));
    assert_eq!(message.sent_at.unwrap().timestamp(), 1763800000);
    assert_eq!(message.reply_to, Some(json!({"message_id": "wamid.1"})));
}

#[test]
fn somebody_whose_number_is_hidden_is_named_by_their_business_scoped_id() {
    let message = only(received(json!({
        "contacts": [{"profile": {"name": "Ann", "username": "@ann"}, "user_id": "US.134"}],
        "messages": [{"from_user_id": "US.134", "id": "wamid.1", "timestamp": "1763800000", "type": "text",
            "text": {"body": "hi"}}],
    })));

    assert_eq!(message.contact, "US.134");
    assert_eq!(message.contact_name.as_deref(), Some("Ann"));
    assert_eq!(message.conversation, ConversationKey(format!("{NUMBER}/US.134")));
}

#[test]
fn a_message_in_a_group_belongs_to_the_groups_conversation() {
    let message = only(received(json!({
        "messages": [{"from": "16505551234", "group_id": "Y2FwaV9n", "id": "wamid.1", "timestamp": "1", "type": "text",
            "text": {"body": "hi"}}],
    })));

    assert_eq!(message.contact, "16505551234");
    assert_eq!(group_of(&message.conversation.0), Some("Y2FwaV9n"));
    assert_eq!(group_of(&conversation(NUMBER, "16505551234").0), None);
}

#[test]
fn what_needs_no_answer_is_acknowledged() {
    for (kind, content) in [
        ("reaction", json!({"message_id": "wamid.0", "emoji": "👍"})),
        (
            "edit",
            json!({"original_message_id": "wamid.0", "text": {"body": "hi!"}}),
        ),
        ("revoke", json!({"original_message_id": "wamid.0"})),
        (
            "system",
            json!({"body": "Ann changed her number", "type": "user_changed_number", "wa_id": "1"}),
        ),
        ("unsupported", json!({})),
        ("unknown", json!({})),
        ("request_welcome", json!({})),
        ("hologram", json!({"id": "1"})),
    ] {
        let received = sent_by_ann(kind, content);

        assert!(received.messages.is_empty(), "{kind}");
        assert_eq!(received.malformed, [], "{kind}");
        assert!(received.response.status.is_success());
    }
}

#[test]
fn fields_other_than_messages_are_acknowledged() {
    let mut echo = change(
        NUMBER,
        json!({"message_echoes": [{"id": "wamid.1", "from": "1"}]}),
    );
    echo["field"] = json!("smb_message_echoes");
    let template = json!({"field": "message_template_status_update", "value": {"event": "APPROVED"}});

    let received = read(&request(&batch_of(json!([echo, template]))), &fake::credentials()).unwrap();

    assert!(received.messages.is_empty() && received.statuses.is_empty());
    assert_eq!(received.malformed, []);
}

#[test]
fn statuses_come_back_with_the_part_they_are_about() {
    let part = PartId::new();
    let status = |status: &str| {
        json!({"id": "wamid.7", "status": status, "timestamp": "1763800000", "recipient_id": "16505551234",
            "biz_opaque_callback_data": part.to_string()})
    };
    for (given, expected) in [
        ("accepted", Some(PartState::Queued)),
        ("sent", Some(PartState::Sent)),
        ("delivered", Some(PartState::Delivered)),
        ("read", Some(PartState::Read)),
        ("played", Some(PartState::Read)),
        ("warning", None),
    ] {
        let received = received(json!({"statuses": [status(given)]}));

        assert_eq!(
            received.statuses.first().map(|report| report.state),
            expected,
            "{given}"
        );
        assert!(received.statuses.iter().all(|report| report.part == Some(part)
            && report.platform_message_id == "wamid.7"
            && report.error.is_none()));
    }
}

#[test]
fn a_message_that_failed_after_it_was_accepted_says_why_and_what_to_do() {
    let failed = |errors: Value| {
        let mut received = received(
            json!({"statuses": [{"id": "wamid.7", "status": "failed", "timestamp": "1",
            "recipient_user_id": "US.134", "errors": errors}]}),
        );
        let report = received.statuses.remove(0);
        assert_eq!((report.state, report.part), (PartState::Failed, None));
        report.error.unwrap()
    };

    assert_eq!(
        failed(
            json!([{"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
            "error_data": {"details": "More than 24 hours have passed"}, "href": "https://x"}])
        ),
        "131047: Re-engagement message (More than 24 hours have passed): the 24-hour window is closed: send an approved \
         template"
    );
    assert_eq!(
        failed(json!([{"code": 131999, "title": "Something new"}])),
        "131999: Something new"
    );
    assert!(failed(json!([])).contains("gives no reason"));
}

#[test]
fn a_batch_is_read_at_every_level_and_bad_parts_are_named_by_position() {
    let text = |id: &str| {
        json!({"from": "16505551234", "id": id, "timestamp": "1763800000", "type": "text",
        "text": {"body": id}})
    };
    let body = json!({"object": "whatsapp_business_account", "entry": [
        {"id": WABA, "changes": [
            change(NUMBER, json!({"messages": [text("a"), {"id": "no type"}, text("b")]})),
            change("9999", json!({"messages": [text("c"), 17]})),
            {"field": "messages", "value": {"messages": [text("d")]}},
            change(NUMBER, json!({"messages": "none", "statuses": [{"status": "sent"}, {"id": "s", "status": "sent"}]})),
            "what?",
        ]},
        {"id": "8888", "changes": [change(NUMBER, json!({"messages": [text("e"),
            {"from": "1", "id": "f", "type": "text", "text": {"body": 17}},
            {"id": "g", "type": "text", "text": {"body": "from nobody"}}]}))]},
        17,
    ]});

    let received = read(&request(&body), &fake::credentials()).unwrap();

    let texts: Vec<&str> = received
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["a", "b", "e"]);
    assert_eq!(received.statuses.len(), 1);
    let mut positions: Vec<&str> = received
        .malformed
        .iter()
        .map(|part| part.position.as_str())
        .collect();
    positions.sort_unstable();
    assert_eq!(
        positions,
        [
            "entry[0].changes[0].value.messages[1]",
            "entry[0].changes[2].value",
            "entry[0].changes[3].value.messages",
            "entry[0].changes[3].value.statuses[0]",
            "entry[0].changes[4]",
            "entry[1].changes[0].value.messages[1].text",
            "entry[1].changes[0].value.messages[2]",
            "entry[2]",
        ]
    );
    assert_eq!(accounts(&request(&body)), [NUMBER, "9999"]);
}

#[test]
fn another_numbers_messages_are_foreign_and_at_the_shared_address_no_news() {
    let body = batch_of(json!([change("9999", json!({"messages": []}))]));
    let mut shared = request(&body);
    shared.kind = WebhookKind::Shared;

    let own = read(&request(&body), &fake::credentials()).unwrap_err();
    let shared = read(&shared, &fake::credentials()).unwrap();

    assert!(
        matches!(&own, ReceiveError::ForeignAccount { given } if given == "9999"),
        "{own:?}"
    );
    assert!(shared.messages.is_empty() && shared.response.status.is_success());
}

#[test]
fn another_accounts_news_is_foreign_too() {
    let body = json!({"entry": [{"id": "8888", "changes": [{"field": "account_update", "value": {}}]}]});

    assert!(matches!(
        read(&request(&body), &fake::credentials()),
        Err(ReceiveError::ForeignAccount { .. })
    ));
}
