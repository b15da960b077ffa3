//! What is read of updates.

use super::*;
use crate::{
    fake::{self, FakeTelegram},
    token::tests::request,
};
use channel::ConversationKey;
use channel_testkit::refuse_connections;
use domain::PartId;

/// A private message with these fields beside those that every message has.
fn update(fields: Value) -> Value {
    let mut message = json!({
        "message_id": 41, "date": 1_763_800_000, "chat": {"id": 5_550_001, "type": "private", "first_name": "Ann"},
        "from": {"id": 5_550_001, "is_bot": false, "first_name": "Ann", "last_name": "Lee", "language_code": "en"},
    });
    message
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({"update_id": 900_000_001, "message": message})
}

/// The same in a group.
fn in_group(fields: Value) -> Value {
    let mut update = update(fields);
    update["message"]["chat"] = json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Acme"});
    update
}

async fn received_at(telegram: &Telegram, body: &[u8]) -> Received {
    let received = read(telegram, &request(body), &fake::credentials()).await;
    assert_eq!(received.response.status, StatusCode::OK);
    assert!(
        received.response.body.is_empty(),
        "Telegram would make a call of it"
    );
    received
}

async fn received(update: Value) -> Received {
    received_at(
        &fake::telegram_at(&refuse_connections()),
        update.to_string().as_bytes(),
    )
    .await
}

async fn only_message(update: Value) -> InboundMessage {
    let mut received = received(update).await;
    assert!(received.malformed.is_empty(), "{:?}", received.malformed);
    assert_eq!(received.messages.len(), 1);
    received.messages.remove(0)
}

async fn is_acknowledged_only(update: Value) {
    let shown = update.to_string();
    let received = received(update).await;

    assert!(received.malformed.is_empty(), "{shown}: {:?}", received.malformed);
    assert!(received.messages.is_empty(), "{shown} was taken for a message");
}

#[tokio::test]
async fn a_private_message_is_read() {
    let message = only_message(update(json!({"text": "Where is my order?"}))).await;

    assert_eq!(message.account, fake::BOT_ID);
    assert_eq!(message.dedupe_key, "900000001");
    assert_eq!(message.conversation, ConversationKey("5550001".to_owned()));
    assert_eq!(
        (message.contact.as_str(), message.contact_name.as_deref()),
        ("5550001", Some("Ann Lee"))
    );
    assert_eq!(message.text, "Where is my order?");
    assert_eq!(message.order_key, Some(41));
    assert_eq!(message.sent_at.unwrap().timestamp(), 1_763_800_000);
    assert_eq!(
        (message.reply_to, message.choice, message.media.len()),
        (None, None, 0)
    );
}

#[tokio::test]
async fn emoji_and_text_from_right_to_left_stay_and_a_nul_goes() {
    for (text, expected) in [("שלום 👨‍👩‍👧 مرحبا", "שלום 👨‍👩‍👧 مرحبا"), ("a\0b", "ab")]
    {
        assert_eq!(only_message(update(json!({"text": text}))).await.text, expected);
    }
}

#[tokio::test]
async fn start_is_what_comes_behind_it() {
    for (text, expected) in [
        ("/start", "/start"),
        ("/start from_our_page", "from_our_page"),
        ("/start@acme_bot hi", "hi"),
        ("/help", "/help"),
    ] {
        assert_eq!(
            only_message(update(json!({"text": text}))).await.text,
            expected,
            "{text}"
        );
    }
}

#[tokio::test]
async fn in_a_group_the_person_and_the_conversation_are_not_the_same_and_the_answer_says_to_whom() {
    let message = only_message(in_group(json!({"text": "hi"}))).await;

    assert_eq!(message.conversation, ConversationKey("-1001234567890".to_owned()));
    assert_eq!(message.contact, "5550001");
    assert_eq!(message.reply_to, Some(json!({"message_id": 41})));
}

#[tokio::test]
async fn a_topic_is_a_conversation_of_its_own_and_a_chain_of_replies_is_not() {
    let thread =
        |is_topic| in_group(json!({"text": "hi", "message_thread_id": 7, "is_topic_message": is_topic}));

    assert_eq!(
        only_message(thread(true)).await.conversation.0,
        "-1001234567890/7"
    );
    assert_eq!(only_message(thread(false)).await.conversation.0, "-1001234567890");
}

#[tokio::test]
async fn whoever_writes_as_a_group_is_known_by_it() {
    let message = only_message(in_group(json!({
        "text": "hi", "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group"},
        "sender_chat": {"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Acme"},
    })))
    .await;

    assert_eq!(
        (message.contact.as_str(), message.contact_name.as_deref()),
        ("-1001234567890", Some("Acme"))
    );
}

async fn heard(text: &str, telegram: &Telegram) -> Vec<String> {
    let body = in_group(json!({"text": text})).to_string();
    let received = received_at(telegram, body.as_bytes()).await;
    received
        .messages
        .into_iter()
        .map(|message| message.text)
        .collect()
}

#[tokio::test]
async fn a_command_for_another_bot_is_not_ours() {
    let fake = FakeTelegram::start().await;
    fake.answers(
        "getMe",
        json!({"id": 987_654_321, "is_bot": true, "first_name": "Acme", "username": "acme_bot"}),
    )
    .await;
    let telegram = fake.telegram();

    assert!(heard("/help@other_bot", &telegram).await.is_empty());
    assert_eq!(heard("/help@Acme_Bot now", &telegram).await, ["/help now"]);
    assert_eq!(fake.calls().await.len(), 2);
    assert_eq!(heard("/help", &telegram).await, ["/help"]);
    assert_eq!(fake.calls().await.len(), 2, "what names no bot needs no question");
    fake.check_requests().await;
}

#[tokio::test]
async fn nobody_but_the_bot_hears_a_private_command_whomever_it_names() {
    let fake = FakeTelegram::start().await;
    let body = update(json!({"text": "/help@other_bot"})).to_string();

    let received = received_at(&fake.telegram(), body.as_bytes()).await;

    assert_eq!(received.messages[0].text, "/help");
    assert!(fake.calls().await.is_empty(), "Telegram was asked for our name");
}

#[tokio::test]
async fn where_telegram_does_not_say_our_name_a_command_is_rather_heard_than_lost() {
    let telegram = fake::telegram_at(&refuse_connections());

    assert_eq!(heard("/help@some_bot", &telegram).await, ["/help"]);
}

#[tokio::test]
async fn what_came_with_a_message_is_referred_to_by_its_id() {
    let file = |kind: Option<&str>, name: Option<&str>| json!({"file_id": "F1", "file_unique_id": "u", "duration": 3, "mime_type": kind, "file_name": name});
    for (fields, content_type, name) in [
        (
            json!({"photo": [
                {"file_id": "F0", "file_unique_id": "u", "width": 90, "height": 60},
                {"file_id": "F1", "file_unique_id": "u", "width": 1280, "height": 853},
                {"file_id": "F2", "file_unique_id": "u", "width": 320, "height": 213},
            ]}),
            "image/jpeg",
            None,
        ),
        (
            json!({"document": file(Some("application/pdf"), Some("a.pdf"))}),
            "application/pdf",
            Some("a.pdf"),
        ),
        (
            json!({"document": file(None, None)}),
            "application/octet-stream",
            None,
        ),
        (json!({"voice": file(Some("audio/ogg"), None)}), "audio/ogg", None),
        (
            json!({"audio": file(None, Some("a.mp3"))}),
            "audio/mpeg",
            Some("a.mp3"),
        ),
        (
            json!({"video": file(Some("video/quicktime"), None)}),
            "video/quicktime",
            None,
        ),
        (json!({"video_note": file(None, None)}), "video/mp4", None),
        (
            json!({"animation": file(Some("video/mp4"), Some("a.gif.mp4")), "document": file(None, None)}),
            "video/mp4",
            Some("a.gif.mp4"),
        ),
        (
            json!({"sticker": {"file_id": "F1", "file_unique_id": "u", "type": "regular", "width": 512, "height": 512,
                "is_animated": false, "is_video": false, "emoji": "👍"}}),
            "image/webp",
            None,
        ),
    ] {
        let message = only_message(update(fields.clone())).await;

        assert_eq!(message.text, "", "{fields}");
        let [media] = message.media.as_slice() else {
            panic!("{fields} has {} media", message.media.len());
        };
        assert_eq!(media.url, "telegram-file:F1", "{fields}");
        assert_eq!(
            (media.content_type.as_str(), media.name.as_deref()),
            (content_type, name),
            "{fields}"
        );
    }
}

#[tokio::test]
async fn the_words_below_a_picture_are_its_text() {
    let photo = json!([{"file_id": "F1", "file_unique_id": "u", "width": 90, "height": 60}]);

    let message = only_message(update(
        json!({"photo": photo, "caption": "What is this?", "media_group_id": "1"}),
    ))
    .await;

    assert_eq!((message.text.as_str(), message.media.len()), ("What is this?", 1));
}

#[tokio::test]
async fn what_has_no_words_is_put_into_words() {
    let place = json!({"latitude": 52.52, "longitude": 13.405});
    let sticker = |emoji: Option<&str>| {
        json!({"file_id": "F1", "file_unique_id": "u", "type": "regular", "width": 512, "height": 512,
            "is_animated": true, "is_video": false, "emoji": emoji})
    };
    for (fields, expected) in [
        (json!({"location": place}), "📍 52.52, 13.405"),
        (
            json!({"location": place, "venue": {"location": place, "title": "Café", "address": "Hof 1"}}),
            "📍 52.52, 13.405 (Café, Hof 1)",
        ),
        (
            json!({"contact": {"phone_number": "+14155550123", "first_name": "Bo", "last_name": "Li"}}),
            "👤 Bo Li, +14155550123",
        ),
        (
            json!({"contact": {"phone_number": "123", "first_name": "Bo"}}),
            "👤 Bo, 123",
        ),
        (json!({"sticker": sticker(Some("👍"))}), "👍"),
        (json!({"sticker": sticker(None)}), "sticker"),
        (json!({"dice": {"emoji": "🎲", "value": 3}}), "🎲"),
    ] {
        let message = only_message(update(fields.clone())).await;

        assert_eq!(
            (message.text.as_str(), message.media.len()),
            (expected, 0),
            "{fields}"
        );
    }
}

fn pressed(message: Value) -> Value {
    json!({"update_id": 900_000_005, "callback_query": {
        "id": "4382bfdwdsb323b2d9", "from": {"id": 5_550_001, "is_bot": false, "first_name": "Ann"},
        "message": message, "chat_instance": "-4", "data": "order:7",
    }})
}

#[tokio::test]
async fn a_pressed_button_is_its_title_and_its_value() {
    let message = only_message(pressed(json!({
        "message_id": 42, "date": 1_763_800_001, "chat": {"id": -1_001_234_567_890_i64, "type": "supergroup"},
        "from": {"id": 987_654_321, "is_bot": true, "first_name": "Acme"}, "text": "Which?",
        "message_thread_id": 7, "is_topic_message": true,
        "reply_markup": {"inline_keyboard": [
            [{"text": "See", "url": "https://acme.com"}], [{"text": "Order 7", "callback_data": "order:7"}],
        ]},
    })))
    .await;

    assert_eq!(
        (message.text.as_str(), message.choice.as_deref()),
        ("Order 7", Some("order:7"))
    );
    assert_eq!(message.dedupe_key, "900000005");
    assert_eq!(
        (message.contact.as_str(), message.conversation.0.as_str()),
        ("5550001", "-1001234567890/7")
    );
    assert_eq!(
        message.reply_to,
        Some(json!({"callback_query_id": "4382bfdwdsb323b2d9"}))
    );
    assert_eq!(message.sent_at, None);
}

#[tokio::test]
async fn below_a_message_that_telegram_has_forgotten_a_buttons_title_is_its_value() {
    let forgotten = json!({"message_id": 42, "date": 0, "chat": {"id": 5_550_001, "type": "private"}});

    let message = only_message(pressed(forgotten)).await;

    assert_eq!(
        (message.text.as_str(), message.choice.as_deref()),
        ("order:7", Some("order:7"))
    );
}

#[tokio::test]
async fn what_nobody_said_to_the_bot_is_acknowledged_and_not_answered() {
    let bot = json!({"id": 7, "is_bot": true, "first_name": "B"});
    let mut no_data =
        pressed(json!({"message_id": 42, "date": 0, "chat": {"id": 5_550_001, "type": "private"}}));
    no_data["callback_query"].as_object_mut().unwrap().remove("data");
    for update in [
        update(json!({"text": "hi", "from": bot})),
        update(json!({"text": "hi", "via_bot": bot})),
        in_group(
            json!({"text": "hi", "is_automatic_forward": true, "sender_chat": {"id": -5, "type": "channel"}}),
        ),
        in_group(json!({"new_chat_members": [{"id": 8, "is_bot": false, "first_name": "Bo"}]})),
        in_group(json!({"migrate_to_chat_id": -1_005})),
        update(json!({"text": ""})),
        pressed(json!(null)),
        no_data,
        json!({"update_id": 1, "edited_message": update(json!({"text": "hi"}))["message"]}),
        json!({"update_id": 1, "channel_post": update(json!({"text": "hi"}))["message"]}),
        json!({"update_id": 1, "business_message": update(json!({"text": "hi"}))["message"]}),
        json!({"update_id": 1, "message_reaction": {"chat": {"id": 1}, "message_id": 1}}),
        json!({"update_id": 1, "my_chat_member": {"chat": {"id": 1}, "new_chat_member": {"status": "kicked"}}}),
        json!({"update_id": 1}),
    ] {
        is_acknowledged_only(update).await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_acknowledged_and_told() {
    let telegram = fake::telegram_at(&refuse_connections());
    for (body, position) in [
        (r#"{"update_id": 1, "message": {"message_id": "x"}}"#, "message"),
        (r#"{"update_id": 1, "message": 7}"#, "message"),
        (
            r#"{"update_id": 1, "callback_query": {"id": "1"}}"#,
            "callback_query",
        ),
        (r#"{"update_id": "x"}"#, "update_id"),
        ("[]", "update_id"),
        ("not JSON", "body"),
        ("", "body"),
    ] {
        let received = received_at(&telegram, body.as_bytes()).await;

        assert!(received.messages.is_empty(), "{body}");
        assert_eq!(received.malformed.len(), 1, "{body}");
        assert_eq!(received.malformed[0].position, position, "{body}");
        assert!(!received.malformed[0].problem.is_empty());
    }
}

#[tokio::test]
async fn a_report_on_what_we_sent_is_nothing_that_telegram_has() {
    let mut request = request(update(json!({"text": "hi"})).to_string().as_bytes());
    request.kind = WebhookKind::Status { part: PartId::new() };

    let received = read(
        &fake::telegram_at(&refuse_connections()),
        &request,
        &fake::credentials(),
    )
    .await;

    assert!(received.messages.is_empty() && received.statuses.is_empty());
}
