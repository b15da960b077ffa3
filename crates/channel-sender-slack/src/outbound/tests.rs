//! What is written to Slack.

use super::*;
use crate::fake::{self, FakeSlack, part};
use channel::Button;

fn button(title: &str, value: &str) -> Button {
    Button {
        title: title.to_owned(),
        value: value.to_owned(),
    }
}

fn composed(text: &str, media: &[&str], buttons: Vec<Button>) -> Vec<OutboundContent> {
    compose(&Reply {
        text: text.to_owned(),
        media: media.iter().map(|&url| url.to_owned()).collect(),
        buttons,
        ..Reply::default()
    })
}

async fn posted(fake: &FakeSlack, part: &OutboundPart) -> fake::Form {
    fake.answers(
        "chat.postMessage",
        json!({"channel": "D0001", "ts": "1763800001.000200", "message": {}}),
    )
    .await;
    let sent = send(&fake.slack(), part, &fake::credentials()).await.unwrap();
    assert_eq!(sent.platform_message_id, "D0001:1763800001.000200");
    fake.check_requests().await;
    fake.forms("chat.postMessage").await.pop().unwrap()
}

#[test]
fn a_long_reply_ends_its_messages_between_words() {
    let parts = composed(&"lorem ipsum ".repeat(1_000), &[], Vec::new());

    assert_eq!(parts.len(), 4);
    for part in parts {
        assert!(text::utf16(&part.text) <= MAX_TEXT && part.text.ends_with('m'));
    }
}

#[test]
fn what_is_escaped_counts_as_it_is_sent() {
    let parts = composed(&"&".repeat(4_000), &[], Vec::new());

    assert!(parts.len() > 5);
    assert!(parts.iter().all(|part| text::utf16(&part.text) <= MAX_TEXT));
}

#[test]
fn buttons_are_below_the_last_text_however_many_media_there_are() {
    let media: Vec<String> = (0..25).map(|at| format!("https://acme.com/{at}.png")).collect();
    let media: Vec<&str> = media.iter().map(String::as_str).collect();

    let parts = composed(&"lorem ipsum ".repeat(400), &media, vec![button("Yes", "yes")]);

    let shape: Vec<_> = parts
        .iter()
        .map(|part| (!part.text.is_empty(), part.media.len(), part.buttons.len()))
        .collect();
    assert_eq!(shape, [(true, 10, 0), (true, 10, 1), (false, 5, 0)]);
}

#[test]
fn more_buttons_than_slack_bears_are_a_numbered_list() {
    let many: Vec<Button> = (0..26).map(|at| button(&format!("Title {at}"), "x")).collect();

    let parts = composed("Which?", &[], many);
    let alone = composed("", &[], vec![button("Yes", "yes"), button("No", "no")]);

    assert!(parts[0].text.starts_with("Which?\n\n1. Title 0\n2. Title 1"));
    assert!(parts.iter().all(|part| part.buttons.is_empty()));
    assert_eq!(alone[0].text, "1. Yes\n2. No");
}

#[test]
fn long_addresses_are_not_put_into_one_message() {
    let long = format!("https://acme.com/{}.png", "x".repeat(2_500));

    let parts = composed("", &[&long, &long, &long], Vec::new());

    assert_eq!(
        parts.iter().map(|part| part.media.len()).collect::<Vec<_>>(),
        [2, 1]
    );
}

#[tokio::test]
async fn an_answer_to_a_direct_message_goes_where_it_was_written() {
    let fake = FakeSlack::start().await;
    let part = part("It is *open*");

    let form = posted(&fake, &part).await;

    assert_eq!(form["channel"], "D0001");
    assert_eq!(form["text"], "It is *open*");
    assert!(!form.contains_key("thread_ts") && !form.contains_key("blocks"));
    let metadata: Value = serde_json::from_str(&form["metadata"]).unwrap();
    assert_eq!(
        metadata,
        json!({"event_type": "botsmith_part", "event_payload": {"part": part.id.to_string()}})
    );
}

#[tokio::test]
async fn an_answer_in_a_channel_goes_into_the_thread() {
    let fake = FakeSlack::start().await;
    let mut part = part("hi");
    part.conversation = "C0001:1763800000.000100".to_owned();
    part.reply_to = None;

    let form = posted(&fake, &part).await;

    assert_eq!(form["channel"], "C0001");
    assert_eq!(form["thread_ts"], "1763800000.000100");
}

#[tokio::test]
async fn whoever_is_written_to_first_is_written_to_by_their_id() {
    let fake = FakeSlack::start().await;
    let mut part = part("hi");
    part.reply_to = None;

    assert_eq!(posted(&fake, &part).await["channel"], "U0001");
}

#[tokio::test]
async fn pictures_and_buttons_are_blocks_with_a_text_for_notifications() {
    let fake = FakeSlack::start().await;
    let mut part = part("Sure?");
    part.content.media = vec![
        "https://acme.com/a.png".to_owned(),
        "https://acme.com/b.pdf".to_owned(),
    ];
    part.content.buttons = vec![button("Yes", "yes"), button("No 👎", "no")];

    let form = posted(&fake, &part).await;

    assert_eq!(form["text"], "Sure?");
    let blocks: Value = serde_json::from_str(&form["blocks"]).unwrap();
    let kinds: Vec<_> = blocks
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["section", "image", "section", "actions"]);
}

#[tokio::test]
async fn media_alone_has_a_text_too() {
    let fake = FakeSlack::start().await;
    let mut part = part("");
    part.content.media = vec!["https://acme.com/a.png?x=1&y=2".to_owned()];

    let form = posted(&fake, &part).await;

    assert_eq!(form["text"], "<https://acme.com/a.png?x=1&amp;y=2>");
}

#[tokio::test]
async fn what_slack_takes_and_does_not_name_may_have_arrived() {
    let fake = FakeSlack::start().await;
    fake.answers("chat.postMessage", json!({"channel": "D0001"}))
        .await;

    let error = send(&fake.slack(), &part("hi"), &fake::credentials())
        .await
        .unwrap_err();

    assert!(matches!(error, SendError::Ambiguous { .. }), "{error:?}");
}

#[tokio::test]
async fn whatever_a_reply_holds_slack_would_take_it() {
    let fake = FakeSlack::start().await;
    fake.answers(
        "chat.postMessage",
        json!({"channel": "D0001", "ts": "1763800001.000200"}),
    )
    .await;
    let reply = Reply {
        text: format!(
            "# Hi\n\n{}",
            "**bold** <b> & [x](https://acme.com/?a=1&b=2) 👨‍👩‍👧‍👦 שלום ".repeat(200)
        ),
        media: vec!["https://acme.com/a.gif".to_owned(); 12],
        buttons: vec![button(&"x".repeat(75), "x"); 25],
        template: None,
    };

    for content in compose(&reply) {
        let part = OutboundPart { content, ..part("") };
        send(&fake.slack(), &part, &fake::credentials()).await.unwrap();
    }

    fake.check_requests().await;
}
