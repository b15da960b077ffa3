//! What Slack says, and what it means.

use super::*;
use crate::{
    Slack, fake,
    signature::tests::{NOW, request, signed},
};
use channel::{Channel, ConversationKey, InboundMessage};
use channel_testkit::shared;

pub(crate) fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, value) in changes {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

/// The envelope of an event, with these changes to it.
pub(crate) fn envelope(changes: Value) -> Value {
    let mut envelope = json!({
        "token": "x", "team_id": "T0001", "api_app_id": "A0001", "type": "event_callback", "event_id": "Ev0001",
        "event_time": NOW, "authorizations": [{"team_id": "T0001", "user_id": "U0BOT", "is_bot": true}],
        "event": {"type": "message", "channel": "D0001", "channel_type": "im", "user": "U0001", "text": "hi",
            "ts": "1763800000.000100", "event_ts": "1763800000.000100"},
    });
    merge(&mut envelope, &changes);
    envelope
}

/// The form of a press of a button below a message in a channel's thread, with these changes to its payload.
pub(crate) fn press(changes: Value) -> String {
    let mut payload = json!({
        "type": "block_actions", "team": {"id": "T0001", "domain": "acme"}, "api_app_id": "A0001", "token": "x",
        "user": {"id": "U0001", "username": "ann", "name": "ann", "team_id": "T0001"},
        "container": {"type": "message", "message_ts": "1763800005.000100", "channel_id": "C0001"},
        "trigger_id": "1.2.x", "channel": {"id": "C0001", "name": "general"},
        "message": {"type": "message", "bot_id": "B0BOT", "ts": "1763800005.000100", "thread_ts": "1763800000.000100"},
        "response_url": "https://hooks.slack.com/actions/x",
        "actions": [{"type": "button", "action_id": "choice_0", "block_id": "b", "value": "yes",
            "text": {"type": "plain_text", "text": "Yes &amp; go"}, "action_ts": "1763800009.500000"}],
    });
    merge(&mut payload, &changes);
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

fn command(changes: &[(&str, &str)]) -> String {
    let mut form: std::collections::BTreeMap<&str, &str> = [
        ("token", "x"),
        ("team_id", "T0001"),
        ("team_domain", "acme"),
        ("channel_id", "C0001"),
        ("channel_name", "general"),
        ("user_id", "U0001"),
        ("user_name", "ann"),
        ("command", "/ask"),
        ("text", "where is my order?"),
        ("response_url", "https://hooks.slack.com/commands/x"),
        ("trigger_id", "13345224609.738474920.8088930838d88f008e0"),
        ("api_app_id", "A0001"),
    ]
    .into();
    form.extend(changes.iter().copied());
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

fn slack() -> Slack {
    fake::slack_at("http://127.0.0.1:1")
}

async fn received_at(kind: WebhookKind, body: String) -> Result<Received, ReceiveError> {
    let credentials = fake::credentials_with(json!({"signing_secret": "s3cret"}));
    let mut request = signed(request(body), "s3cret");
    request.kind = kind;
    slack().receive(&request, &credentials).await
}

async fn received(body: impl ToString) -> Received {
    received_at(WebhookKind::Inbound, body.to_string()).await.unwrap()
}

async fn only_message(body: impl ToString) -> InboundMessage {
    let mut received = received(body).await;
    assert_eq!(received.malformed, []);
    assert_eq!(received.messages.len(), 1);
    assert_eq!(received.response, WebhookResponse::empty());
    received.messages.remove(0)
}

async fn event(changes: Value) -> InboundMessage {
    only_message(envelope(json!({ "event": changes }))).await
}

async fn is_passed_over(body: impl ToString) -> bool {
    let received = received(body).await;
    assert!(received.response.status.is_success());
    received.messages.is_empty() && received.malformed.is_empty()
}

#[tokio::test]
async fn a_direct_message_is_read() {
    let message = event(
        json!({"text": "hi &amp; hello <@U0BOT>", "user_profile": {"display_name": "", "real_name": "Ann"}}),
    )
    .await;

    assert_eq!(message.account, "T0001");
    assert_eq!(message.dedupe_key, "D0001:1763800000.000100");
    assert_eq!(message.conversation, ConversationKey("U0001".to_owned()));
    assert_eq!(message.contact, "U0001");
    assert_eq!(message.contact_name.as_deref(), Some("Ann"));
    assert_eq!(message.text, "hi & hello");
    assert_eq!(message.order_key, Some(1_763_800_000_000_100));
    assert_eq!(message.sent_at.unwrap().timestamp_micros(), 1_763_800_000_000_100);
    assert_eq!(message.reply_to, Some(json!({"channel": "D0001"})));
    assert_eq!((message.choice, message.media.len()), (None, 0));
}

#[tokio::test]
async fn whoever_writes_in_a_thread_of_a_direct_message_is_answered_there() {
    let message = event(json!({"thread_ts": "1763799000.000100"})).await;

    assert_eq!(message.conversation.0, "U0001");
    assert_eq!(
        message.reply_to,
        Some(json!({"channel": "D0001", "thread_ts": "1763799000.000100"}))
    );
}

#[tokio::test]
async fn a_mention_begins_a_thread_and_its_twin_is_the_same_message() {
    let said = json!({"channel": "C0001", "channel_type": "channel", "text": "<@U0BOT> hi"});
    let message = event(said.clone()).await;
    let mut twin = envelope(json!({"event_id": "Ev0002", "event": said}));
    twin["event"]["type"] = json!("app_mention");
    let twin = only_message(twin).await;

    assert_eq!(message.conversation.0, "C0001:1763800000.000100");
    assert_eq!(
        message.reply_to,
        Some(json!({"channel": "C0001", "thread_ts": "1763800000.000100"}))
    );
    assert_eq!(message.text, "hi");
    assert!(message == twin, "one post is read twice");
}

#[tokio::test]
async fn a_mention_in_a_thread_belongs_to_the_thread() {
    let message = event(
        json!({"type": "app_mention", "channel": "G0001", "text": "<@U0BOT> and now?",
        "thread_ts": "1763799000.000100"}),
    )
    .await;

    assert_eq!(message.conversation.0, "G0001:1763799000.000100");
    assert_eq!(message.dedupe_key, "G0001:1763800000.000100");
}

#[tokio::test]
async fn in_channels_the_bot_answers_in_threads_and_leaves_other_talk_alone() {
    let in_channel = |text: &str, thread: Value| {
        envelope(
            json!({"event": {"channel": "C0001", "channel_type": "channel", "text": text, "thread_ts": thread}}),
        )
    };
    let thread = json!("1763799000.000100");

    let going_on = only_message(in_channel("and tomorrow?", thread.clone())).await;

    assert_eq!(going_on.conversation.0, "C0001:1763799000.000100");
    assert!(is_passed_over(in_channel("lunch?", Value::Null)).await);
    assert!(is_passed_over(in_channel("lunch?", json!("1763800000.000100"))).await);
    assert!(is_passed_over(in_channel("<@U0002> what do you think?", thread)).await);
}

#[tokio::test]
async fn what_was_written_by_programs_or_only_happened_is_not_answered() {
    for changes in [
        json!({"bot_id": "B0BOT"}),
        json!({"bot_id": "B0009", "user": "U0009"}),
        json!({"user": "U0BOT"}),
        json!({"user": null}),
        json!({"subtype": "bot_message", "bot_id": "B0009"}),
        json!({"subtype": "message_changed", "hidden": true, "message": {"text": "hi"}, "user": null}),
        json!({"subtype": "message_deleted", "hidden": true, "deleted_ts": "1763800000.000100"}),
        json!({"subtype": "message_replied", "hidden": true}),
        json!({"subtype": "channel_join"}),
        json!({"subtype": "channel_topic"}),
        json!({"subtype": "of_tomorrow"}),
        json!({"hidden": true}),
        json!({"text": "<@U0BOT>"}),
        json!({"type": "reaction_added", "reaction": "tada", "item": {"type": "message"}}),
        json!({"type": "app_uninstalled"}),
        json!({"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}),
        json!({"type": "member_joined_channel"}),
    ] {
        assert!(
            is_passed_over(envelope(json!({ "event": changes }))).await,
            "{changes}"
        );
    }
    let limited = json!({"type": "app_rate_limited", "team_id": "T0001", "minute_rate_limited": NOW, "api_app_id": "A0001"});
    assert!(is_passed_over(limited).await);
}

#[tokio::test]
async fn files_broadcasts_and_me_messages_are_messages() {
    for subtype in ["file_share", "thread_broadcast", "me_message"] {
        assert_eq!(event(json!({ "subtype": subtype })).await.text, "hi");
    }
}

#[tokio::test]
async fn files_come_as_references_and_need_no_text() {
    let message = event(json!({"subtype": "file_share", "text": "", "files": [
        {"id": "F1", "name": "cat.png", "mimetype": "image/png", "url_private": "https://files.slack.com/files-pri/T1-F1/cat.png"},
        {"id": "F2", "file_access": "check_file_info", "url_private": "https://files.slack.com/x"},
        {"id": "F3", "mode": "tombstone"},
        {"id": "F4", "is_external": true, "title": "Plan", "url_private": "https://drive.example/plan"},
    ]}))
    .await;

    assert_eq!(message.text, "📎 Plan https://drive.example/plan");
    assert_eq!(message.media.len(), 2);
    assert_eq!(
        message.media[0].url,
        "https://files.slack.com/files-pri/T1-F1/cat.png"
    );
    assert_eq!(message.media[0].content_type, "image/png");
    assert_eq!(message.media[0].name.as_deref(), Some("cat.png"));
    assert_eq!(message.media[1].url, "slack-file:F2");
}

#[tokio::test]
async fn a_press_of_a_button_is_its_value_with_its_title() {
    let message = only_message(press(json!({}))).await;

    assert_eq!(message.text, "Yes & go");
    assert_eq!(message.choice.as_deref(), Some("yes"));
    assert_eq!(message.conversation.0, "C0001:1763800000.000100");
    assert_eq!(
        (message.contact.as_str(), message.contact_name.as_deref()),
        ("U0001", Some("ann"))
    );
    assert_eq!(message.dedupe_key, "press:C0001:1763800009.500000:U0001");
    assert_eq!(message.order_key, Some(1_763_800_009_500_000));
    assert_eq!(
        message.reply_to,
        Some(json!({"channel": "C0001", "thread_ts": "1763800000.000100"}))
    );
}

#[tokio::test]
async fn a_press_in_a_direct_message_belongs_to_the_person() {
    let message = only_message(press(
        json!({"channel": {"id": "D0001"}, "message": {"thread_ts": null}}),
    ))
    .await;

    assert_eq!(message.conversation.0, "U0001");
    assert_eq!(message.reply_to, Some(json!({"channel": "D0001"})));
}

#[tokio::test]
async fn a_press_that_cannot_be_read_keeps_no_other_away() {
    let button = json!({"type": "button", "value": "no", "action_ts": "1763800009.600000"});
    let received = received(press(
        json!({"actions": [{"type": "button", "value": "x"}, button, {"type": "static_select", "action_ts": "1.000001"}]}),
    ))
    .await;

    assert_eq!(received.messages.len(), 1);
    assert_eq!(received.messages[0].text, "no");
    assert_eq!(received.malformed.len(), 1);
    assert_eq!(received.malformed[0].position, "payload.actions[0]");
}

#[tokio::test]
async fn other_interactions_are_acknowledged() {
    for kind in ["view_submission", "shortcut", "message_action", "of_tomorrow"] {
        assert!(is_passed_over(press(json!({ "type": kind }))).await);
    }
    assert!(is_passed_over(press(json!({"channel": null}))).await);
}

#[tokio::test]
async fn a_slash_command_belongs_to_the_direct_message_with_whoever_wrote_it() {
    let message = only_message(command(&[])).await;
    let alone = only_message(command(&[("text", "")])).await;

    assert_eq!(message.text, "where is my order?");
    assert_eq!(message.conversation.0, "U0001");
    assert_eq!(message.contact_name.as_deref(), Some("ann"));
    assert_eq!(
        message.dedupe_key,
        "command:13345224609.738474920.8088930838d88f008e0"
    );
    assert_eq!(message.order_key, Some(NOW * 1_000_000));
    assert_eq!(message.reply_to, None);
    assert_eq!(alone.text, "/ask");
}

#[tokio::test]
async fn the_handshake_is_answered_if_it_is_signed() {
    let Some(vectors) = shared("channels/vectors.json") else {
        return;
    };
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let handshakes = vectors["handshakes"].as_array().unwrap().iter();
    let mut found = 0;
    for vector in handshakes.filter(|vector| vector["platform"] == "slack") {
        let body = vector["body"].as_str().unwrap().to_owned();
        found += 1;

        let response = received(&body).await.response;
        let unsigned = slack().receive(&request(body), &fake::credentials()).await;

        assert_eq!(
            u64::from(response.status.as_u16()),
            vector["expect_status"].as_u64().unwrap()
        );
        assert_eq!(response.content_type, "application/json");
        let answered: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(answered, vector["expect_json"]);
        assert!(
            matches!(unsigned, Err(ReceiveError::BadSignature { .. })),
            "{unsigned:?}"
        );
    }
    assert_eq!(found, 1);
}

#[tokio::test]
async fn a_try_of_the_certificate_is_answered_and_nothing_else_of_it_is_read() {
    let smuggled = format!("ssl_check=1&{}", command(&[]));
    let mut asked = request("");
    asked.method = Method::GET;
    asked.url.push_str("?ssl_check=1&token=x");

    for request in [request("ssl_check=1&token=x"), request(smuggled), asked] {
        let received = slack().receive(&request, &fake::credentials()).await.unwrap();

        assert_eq!(received.response, WebhookResponse::empty());
        assert!(received.messages.is_empty());
    }
    let not_one = slack()
        .receive(&request("ssl_check=0"), &fake::credentials())
        .await;
    assert!(matches!(not_one, Err(ReceiveError::BadSignature { .. })));
}

#[tokio::test]
async fn what_belongs_to_another_workspace_is_refused_or_passed_over_where_all_share_an_address() {
    for body in [
        envelope(json!({"team_id": "T0009", "authorizations": [{"team_id": "T0009"}]})).to_string(),
        envelope(json!({"authorizations": [{"team_id": "T0009"}]})).to_string(),
        press(json!({"team": {"id": "T0009"}})),
        command(&[("team_id", "T0009")]),
    ] {
        let refused = received_at(WebhookKind::Inbound, body.clone()).await;
        let shared = received_at(WebhookKind::Shared, body).await.unwrap();

        assert!(
            matches!(&refused, Err(ReceiveError::ForeignAccount { given }) if given == "T0009"),
            "{refused:?}"
        );
        assert!(shared.messages.is_empty() && shared.malformed.is_empty());
    }
}

#[tokio::test]
async fn an_event_of_a_shared_channel_is_the_workspaces_whose_installation_it_is_for() {
    let ours =
        envelope(json!({"team_id": "T0009", "context_team_id": "T0001", "is_ext_shared_channel": true}));
    let older = envelope(json!({"authorizations": [], "authed_users": ["U0001"]}));

    assert_eq!(only_message(ours).await.text, "hi");
    assert_eq!(only_message(older).await.text, "hi");
}

#[tokio::test]
async fn what_cannot_be_read_is_reported_and_not_sent_again() {
    for (body, position) in [
        (envelope(json!({"event": {"ts": null}})).to_string(), "event"),
        (
            envelope(json!({"event": {"ts": "yesterday"}})).to_string(),
            "event",
        ),
        (envelope(json!({"event": {"channel": null}})).to_string(), "event"),
        (envelope(json!({"event": {"text": 7}})).to_string(), "event"),
        (
            envelope(json!({"authorizations": [{"team_id": "T0001", "user_id": 7}]})).to_string(),
            "envelope",
        ),
        (
            json!({"type": "event_callback", "event": {"type": "message"}}).to_string(),
            "team_id",
        ),
        (press(json!({"user": null})), "payload"),
        (command(&[("trigger_id", "")]), "command"),
    ] {
        let received = received(&body).await;

        assert!(received.response.status.is_success() && received.messages.is_empty());
        assert_eq!(received.malformed.len(), 1, "{body}");
        assert_eq!(received.malformed[0].position, position, "{body}");
        assert!(!received.malformed[0].problem.is_empty());
    }
    for body in ["", "{", "payload=%7B"] {
        let outcome = received_at(WebhookKind::Inbound, body.to_owned()).await;

        assert!(
            matches!(outcome, Err(ReceiveError::Malformed(_))),
            "{body} gave {outcome:?}"
        );
    }
}
