use super::*;
use crate::fake::{self, APP, SERVICE, TENANT, credentials, credentials_with, message as recorded};

fn received(changes: Value) -> Result<Received, ReceiveError> {
    received_by(changes, &credentials())
}

fn received_by(changes: Value, credentials: &Credentials) -> Result<Received, ReceiveError> {
    let activity = Activity::parse(recorded(changes).to_string().as_bytes()).unwrap();
    read(&activity, &fake::addresses_at("http://127.0.0.1:1"), credentials)
}

fn only_message(changes: Value) -> InboundMessage {
    let mut received = received(changes).unwrap();
    assert_eq!(received.messages.len(), 1);
    received.messages.remove(0)
}

fn is_acknowledged(changes: Value) {
    let received = received(changes.clone()).unwrap();

    assert!(received.messages.is_empty(), "{changes}");
    assert_eq!(received.response.status, StatusCode::OK);
    assert_eq!(received.response.body, "{}");
}

#[test]
fn a_message_in_a_channel_is_read() {
    let message = only_message(json!({}));

    assert_eq!(message.account, APP);
    assert_eq!(message.contact, "7faf8ab2-0000-0000-0000-000000000001");
    assert_eq!(message.contact_name.as_deref(), Some("Ann Example"));
    assert_eq!(message.text, "opening hours?");
    assert_eq!(
        message.conversation.0,
        "19:abc@thread.tacv2;messageid=1763799000000"
    );
    assert_eq!(
        message.dedupe_key,
        "19:abc@thread.tacv2;messageid=1763799000000/1763800000123"
    );
    assert_eq!(message.order_key, Some(1_763_800_000_123));
    assert_eq!(message.sent_at.unwrap().timestamp_millis(), 1_795_336_000_123);
    assert_eq!((message.media.len(), message.choice), (0, None));
    assert_eq!(
        message.reply_to,
        Some(json!({
            "service_url": SERVICE, "activity": "1763800000123", "bot": format!("28:{APP}"), "user": "29:1XJK",
            "tenant": TENANT,
        }))
    );
}

#[test]
fn a_thread_is_a_conversation_and_so_is_a_chat() {
    let key = |id: &str, kind: &str, more: Value| {
        let mut changes = json!({"conversation": {"id": id, "conversationType": kind, "tenantId": TENANT}});
        changes
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        only_message(changes).conversation.0
    };

    assert_eq!(key("a:1xyz", "personal", json!({})), "a:1xyz");
    assert_eq!(key("19:g@thread.v2", "groupChat", json!({})), "19:g@thread.v2");
    assert_eq!(
        key("19:c@thread.tacv2;messageid=1;x=2", "channel", json!({})),
        "19:c@thread.tacv2;messageid=1"
    );
    assert_eq!(
        key("19:c@thread.tacv2", "channel", json!({})),
        "19:c@thread.tacv2;messageid=1763800000123"
    );
    assert_eq!(
        key(
            "19:c@thread.tacv2",
            "channel",
            json!({"replyToId": "1763799000000"})
        ),
        "19:c@thread.tacv2;messageid=1763799000000"
    );
}

#[test]
fn a_person_without_an_account_in_entra_is_known_by_the_bots_id_of_them() {
    assert_eq!(only_message(json!({"from": {"id": "29:x"}})).contact, "29:x");
}

#[test]
fn a_pressed_button_is_its_title_and_its_value() {
    let data = json!({"choice": "hours", "title": "Opening hours"});
    let action = json!({"action": {"type": "Action.Execute", "data": data}});

    let submitted = only_message(json!({"text": null, "value": data}));
    let executed =
        only_message(json!({"type": "invoke", "name": "adaptiveCard/action", "text": null, "value": action}));

    for message in [submitted, executed] {
        assert_eq!(message.text, "Opening hours");
        assert_eq!(message.choice.as_deref(), Some("hours"));
    }
}

#[test]
fn an_invoke_hears_a_body_at_once() {
    let action = json!({"type": "invoke", "name": "adaptiveCard/action", "value": {"action": {"data": {}}}});

    let body: Value = serde_json::from_slice(&received(action).unwrap().response.body).unwrap();

    assert_eq!(body["statusCode"], 200);
    assert_eq!(body["type"], "application/vnd.microsoft.activity.message");
}

#[test]
fn what_nobody_said_is_acknowledged() {
    for changes in [
        json!({"type": "conversationUpdate", "membersAdded": [{"id": format!("28:{APP}")}]}),
        json!({"type": "installationUpdate", "action": "add"}),
        json!({"type": "messageReaction", "reactionsAdded": [{"type": "like"}]}),
        json!({"type": "messageUpdate", "channelData": {"eventType": "editMessage"}}),
        json!({"type": "messageDelete"}),
        json!({"type": "typing"}),
        json!({"type": "event", "name": "application/vnd.microsoft.readReceipt"}),
        json!({"type": "endOfConversation"}),
        json!({"type": "invoke", "name": "fileConsent/invoke", "value": {}}),
        json!({"type": "invoke", "name": "signin/verifyState"}),
        json!({"type": "invoke"}),
        json!({"type": "teleport", "text": {"is": "no text"}}),
        json!({"type": null}),
        json!({"text": "<at>Bot</at> "}),
        json!({"text": null, "value": {"a": "card of somebody else"}, "attachments": null}),
        json!({"from": {"id": "28:another-bot", "name": "Another bot"}}),
        json!({"from": {"id": "29:x", "role": "bot"}}),
    ] {
        is_acknowledged(changes);
    }
}

#[test]
fn a_file_and_a_picture_are_media_and_the_html_copy_of_the_text_is_not() {
    let attachments = json!([
        {"contentType": "text/html", "content": "<p>look</p>"},
        {"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "a.pdf",
         "contentUrl": "https://acme.sharepoint.com/a.pdf",
         "content": {"downloadUrl": "https://acme.sharepoint.com/download.aspx?tempauth=x", "fileType": "pdf"}},
        {"contentType": "image/*", "contentUrl": format!("{SERVICE}v3/attachments/1/views/original")},
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": {}},
        "not an attachment",
    ]);

    let message = only_message(json!({"text": "look", "attachments": attachments}));

    assert_eq!(message.text, "look");
    let media: Vec<_> = message
        .media
        .iter()
        .map(|m| (m.content_type.as_str(), m.name.as_deref()))
        .collect();
    assert_eq!(media, [("application/pdf", Some("a.pdf")), ("image/*", None)]);
    assert!(message.media[0].url.contains("tempauth"));
}

#[test]
fn a_file_that_only_the_person_may_fetch_is_named() {
    let attachments = json!([{"contentType": "reference", "name": "plan.docx", "contentUrl": "https://acme.sharepoint.com/p"}]);

    let message = only_message(json!({"attachments": attachments}));

    assert_eq!(message.text, "opening hours?\n📎 plan.docx");
    assert!(message.media.is_empty());
}

#[test]
fn a_message_that_is_only_html_is_its_words() {
    let message = only_message(
        json!({"text": null, "attachments": [{"contentType": "text/html", "content": "<p>a &lt; b</p>"}]}),
    );

    assert_eq!(message.text, "a < b");
}

#[test]
fn a_message_without_an_id_is_known_by_its_time() {
    let message = only_message(json!({"id": null}));

    assert_eq!(message.order_key, None);
    assert!(
        message.dedupe_key.ends_with("/29:1XJK/1795336000123000"),
        "{}",
        message.dedupe_key
    );
    assert!(matches!(
        received(json!({"id": null, "timestamp": null})),
        Err(ReceiveError::Malformed(_))
    ));
}

#[test]
fn what_is_missing_is_named() {
    for (changes, problem) in [
        (json!({"from": null}), "from.id is missing"),
        (
            json!({"conversation": {"tenantId": TENANT}}),
            "conversation.id is missing",
        ),
    ] {
        match received(changes) {
            Err(ReceiveError::Malformed(words)) => assert_eq!(words, problem),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn another_bots_message_is_refused() {
    let error =
        received(json!({"recipient": {"id": "28:99999999-1111-2222-3333-444444444444"}})).unwrap_err();

    assert!(matches!(error, ReceiveError::ForeignAccount { given } if given.starts_with("99999999")));
}

#[test]
fn with_one_tenant_another_tenants_message_is_refused_and_so_is_one_of_none() {
    let one = credentials_with(json!({"tenant_id": TENANT}));
    let several = credentials();
    let other = "99999999-0000-0000-0000-000000000001";
    let conversation =
        |tenant: Value| json!({"id": "a:1", "conversationType": "personal", "tenantId": tenant});

    assert!(received_by(json!({}), &one).is_ok());
    for changes in [
        json!({"conversation": conversation(json!(other))}),
        json!({"channelData": {"tenant": {"id": other}}}),
        json!({"conversation": conversation(Value::Null), "channelData": null}),
    ] {
        assert!(received_by(changes.clone(), &several).is_ok(), "{changes}");
        let outcome = received_by(changes.clone(), &one);
        assert!(
            matches!(outcome, Err(ReceiveError::ForeignAccount { .. })),
            "{changes} gave {outcome:?}"
        );
    }
}

#[test]
fn a_service_address_at_a_host_that_is_not_listed_is_refused() {
    for url in [
        "https://evil.trafficmanager.net/emea/",
        "http://smba.trafficmanager.net/",
        "https://127.0.0.1/",
    ] {
        let outcome = received(json!({"serviceUrl": url}));

        assert!(
            matches!(outcome, Err(ReceiveError::BadSignature { .. })),
            "{url} gave {outcome:?}"
        );
    }
}

#[test]
fn an_id_that_is_no_time_orders_nothing() {
    for (id, expected) in [
        ("1763800000123", Some(1_763_800_000_123)),
        ("f:1763800000123", None),
        ("176380000012", None),
        ("17638000001234", None),
        ("+763800000123", None),
        ("", None),
    ] {
        assert_eq!(milliseconds(id), expected, "{id}");
    }
}
