use crate::world::{Answered, Got, Receiver, World};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::{
    Retries,
    played::{
        Fault, FaultRule, Hook, Kind, Operation, Person,
        slack::{BOT_ID, BOT_USER, SIGNING_SECRET, TEAM, TOKEN},
    },
};
use std::time::Duration;

const ANN: &str = "U0000ANN";
const DM: &str = "D0000ANN";

/// Slack's description: `v0=` and the HMAC of version, time and raw body.
fn signature(secret: &str, got: &Got) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in ["v0:", got.header("X-Slack-Request-Timestamp"), ":"] {
        mac.update(part.as_bytes());
    }
    mac.update(&got.body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}

async fn form(world: &World, method: &str, fields: &[(&str, &str)]) -> Answered {
    let request = world.request(Method::POST, &format!("/{method}"));
    world.send(request.bearer_auth(TOKEN).form(fields)).await
}

async fn world_with_ann() -> World {
    let world = World::start("/slack").await;
    world.hear("slack", &Person::new(ANN, "hello"));
    world
}

#[tokio::test]
async fn an_event_is_signed_escaped_and_named_by_its_message() {
    let world = World::start("/slack").await;
    let receiver = Receiver::start().await;
    let person = Person::new(ANN, "a < b & c");

    world.say("slack", &person, &receiver).await;

    let got = &receiver.called(1).await[0];
    assert_eq!(got.header("X-Slack-Signature"), signature(SIGNING_SECRET, got));
    let envelope = got.json();
    assert_eq!(envelope["team_id"], TEAM);
    let event = &envelope["event"];
    assert_eq!(
        (&event["type"], &event["channel"]),
        (&json!("message"), &json!(DM))
    );
    assert_eq!(event["channel_type"], "im");
    assert_eq!(event["text"], "a &lt; b &amp; c");
    let (seconds, micros) = event["ts"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!((seconds.len(), micros.len()), (10, 6));
}

#[tokio::test]
async fn a_mention_a_button_and_a_second_try_come_as_slack_sends_them() {
    let world = World::start("/slack").await;
    let receiver = Receiver::answering(|got| {
        let again = !got.header("X-Slack-Retry-Num").is_empty();
        (if again { 200 } else { 503 }, String::new())
    })
    .await;
    let hook = Hook::new(&receiver.url).signed_with("another secret");
    let retries = Retries {
        times: 1,
        pause: Duration::ZERO,
        on_any_failure: true,
    };
    let mention = Person::new(ANN, "hi")
        .within("C0001")
        .in_thread("1763800000.000100");
    let pressed = Person::new(ANN, "Yes").pressing("y", "1763800001.000100");

    for person in [&mention, &pressed] {
        world.played().say("slack", person, &hook, retries).await.unwrap();
    }

    let got = receiver.called(4).await;
    assert_eq!(got[1].header("X-Slack-Retry-Num"), "1");
    assert_eq!(got[0].json()["event_id"], got[1].json()["event_id"]);
    let event = &got[1].json()["event"];
    assert_eq!(event["type"], "app_mention");
    assert_eq!(event["text"], format!("<@{BOT_USER}> hi"));
    assert_eq!(event["thread_ts"], "1763800000.000100");
    assert_eq!(got[2].header("Content-Type"), "application/x-www-form-urlencoded");
    assert_eq!(
        got[2].header("X-Slack-Signature"),
        signature("another secret", &got[2])
    );
    let fields: Vec<(String, String)> = form_urlencoded::parse(&got[2].body).into_owned().collect();
    let payload: Value = serde_json::from_str(&fields[0].1).unwrap();
    assert_eq!(fields[0].0, "payload");
    assert_eq!(payload["actions"][0]["value"], "y");
    assert_eq!(payload["message"]["ts"], "1763800001.000100");
}

#[tokio::test]
async fn the_handshake_is_a_signed_challenge() {
    let world = World::start("/slack").await;
    let receiver =
        Receiver::answering(|got| (200, got.json()["challenge"].as_str().unwrap().to_owned())).await;

    let shaken = world
        .played()
        .shake_hands("slack", &Hook::new(&receiver.url))
        .await;

    let got = &receiver.called(1).await[0];
    assert_eq!(got.json()["type"], "url_verification");
    assert_eq!(got.header("X-Slack-Signature"), signature(SIGNING_SECRET, got));
    assert_eq!(shaken.unwrap().unwrap().body, got.json()["challenge"]);
}

#[tokio::test]
async fn a_message_is_posted_by_form_and_by_json_and_listed_with_what_people_wrote() {
    let world = world_with_ann().await;
    let metadata = json!({"event_type": "reply", "event_payload": {"part": "p1"}}).to_string();
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "Sure?"}},
        {"type": "actions", "elements": [
            {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Yes"}, "value": "y"},
        ]},
    ]);

    let posted = form(
        &world,
        "chat.postMessage",
        &[
            ("channel", DM),
            ("text", "Sure?"),
            ("blocks", &blocks.to_string()),
            ("metadata", &metadata),
        ],
    )
    .await;
    let request = world
        .request(Method::POST, "/api/chat.postMessage")
        .bearer_auth(TOKEN);
    let json = world
        .send(request.json(&json!({"channel": ANN, "text": "to her"})))
        .await;

    assert_eq!((posted.status, &posted.json["ok"]), (200, &json!(true)));
    assert_eq!(posted.json["message"]["bot_id"], BOT_ID);
    assert_eq!(json.json["channel"], DM, "a person stands for their own channel");
    let sent = world.sent("slack");
    assert_eq!(
        (
            sent[0].buttons[0].title.as_str(),
            sent[0].buttons[0].value.as_str()
        ),
        ("Yes", "y")
    );
    let listed = form(
        &world,
        "conversations.history",
        &[("channel", DM), ("include_all_metadata", "true"), ("limit", "2")],
    )
    .await;
    assert_eq!(listed.json["messages"][0]["text"], "to her");
    assert_eq!(
        listed.json["messages"][1]["metadata"]["event_payload"]["part"],
        "p1"
    );
    assert_eq!(listed.json["has_more"], true);
    let cursor = listed.json["response_metadata"]["next_cursor"].as_str().unwrap();
    let rest = form(
        &world,
        "conversations.history",
        &[("channel", DM), ("cursor", cursor)],
    )
    .await;
    assert_eq!(rest.json["messages"][0]["user"], ANN);
    assert_eq!(rest.json["has_more"], false);
}

#[tokio::test]
async fn a_thread_is_listed_apart_from_its_channel() {
    let world = World::start("/slack").await;
    let root = Person::new(ANN, "question").within("C0001");
    world.hear("slack", &root);
    let thread = format!("{}.{:06}", root.number / 1_000_000, root.number % 1_000_000);

    form(
        &world,
        "chat.postMessage",
        &[("channel", "C0001"), ("text", "in it"), ("thread_ts", &thread)],
    )
    .await;

    let texts = |answer: Answered| -> Vec<String> {
        let messages = answer.json["messages"].as_array().unwrap().clone();
        messages
            .iter()
            .map(|one| one["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let replies = form(
        &world,
        "conversations.replies",
        &[("channel", "C0001"), ("ts", &thread)],
    )
    .await;
    assert_eq!(texts(replies), ["question", "in it"]);
    let channel = form(&world, "conversations.history", &[("channel", "C0001")]).await;
    assert_eq!(texts(channel), ["question"]);
}

#[tokio::test]
async fn what_slack_refuses_is_refused_with_200_and_its_word() {
    let world = world_with_ann().await;
    let (long, longer) = ("x".repeat(4_001), "x".repeat(12_001));
    let button = |title: &str, value: &str| {
        json!([{"type": "actions", "elements": [
            {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": title}, "value": value},
        ]}])
        .to_string()
    };
    let section =
        json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3_001)}}]).to_string();
    let (wide, heavy) = (button(&"x".repeat(76), "y"), button("a", &"x".repeat(2_001)));
    let many = json!(vec![json!({"type": "divider"}); 51]).to_string();
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("text", "x")], "channel_not_found"),
        (&[("channel", "C0009"), ("text", "x")], "channel_not_found"),
        (&[("channel", DM)], "no_text"),
        (&[("channel", DM), ("text", &long)], "msg_too_long"),
        (&[("channel", DM), ("markdown_text", &longer)], "msg_too_long"),
        (
            &[("channel", DM), ("text", "x"), ("markdown_text", "y")],
            "markdown_text_conflict",
        ),
        (
            &[("channel", DM), ("text", "x"), ("thread_ts", "17")],
            "invalid_thread_ts",
        ),
        (
            &[("channel", DM), ("text", "x"), ("blocks", &section)],
            "invalid_blocks",
        ),
        (
            &[("channel", DM), ("text", "x"), ("blocks", &wide)],
            "invalid_blocks",
        ),
        (
            &[("channel", DM), ("text", "x"), ("blocks", &heavy)],
            "invalid_blocks",
        ),
        (
            &[("channel", DM), ("text", "x"), ("blocks", &many)],
            "invalid_blocks",
        ),
        (
            &[("channel", DM), ("text", "x"), ("blocks", "{}")],
            "invalid_blocks_format",
        ),
    ];
    for (fields, error) in cases {
        let answer = form(&world, "chat.postMessage", fields).await;

        assert_eq!(
            (answer.status, &answer.json["error"]),
            (200, &json!(error)),
            "{}",
            answer.json
        );
        assert_eq!(answer.json["ok"], false);
    }
    assert!(world.sent("slack").is_empty());
    assert_eq!(
        form(&world, "chat.nonsense", &[]).await.json["error"],
        "unknown_method"
    );
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_json_is_not_read_where_slack_does_not_read_it() {
    let world = world_with_ann().await;
    let error = async |token: Option<&str>| {
        let request = world.request(Method::POST, "/auth.test");
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        world.send(request).await.json["error"].clone()
    };

    assert_eq!(error(None).await, "not_authed");
    assert_eq!(error(Some("xoxb-other")).await, "invalid_auth");
    assert_eq!(error(Some(TOKEN)).await, Value::Null);
    let request = world.request(Method::POST, "/users.info").bearer_auth(TOKEN);
    let unread = world.send(request.json(&json!({"user": ANN}))).await;
    assert_eq!(unread.json["error"], "user_not_found");
}

#[tokio::test]
async fn only_the_bots_own_messages_are_changed() {
    let world = World::start("/slack").await;
    let theirs = Person::new(ANN, "hello");
    world.hear("slack", &theirs);
    let ts = format!("{}.{:06}", theirs.number / 1_000_000, theirs.number % 1_000_000);
    let posted = form(&world, "chat.postMessage", &[("channel", DM), ("text", "one")]).await;
    let ours = posted.json["ts"].as_str().unwrap();

    let changed = form(
        &world,
        "chat.update",
        &[("channel", DM), ("ts", ours), ("text", "two")],
    )
    .await;
    let refused = form(
        &world,
        "chat.update",
        &[("channel", DM), ("ts", &ts), ("text", "two")],
    )
    .await;
    let unknown = form(
        &world,
        "chat.update",
        &[("channel", DM), ("ts", "1.000001"), ("text", "two")],
    )
    .await;

    assert_eq!(changed.json["text"], "two");
    assert_eq!(refused.json["error"], "cant_update_message");
    assert_eq!(unknown.json["error"], "message_not_found");
    let last = world.played().outbox().after(0).pop().unwrap();
    assert_eq!((last.kind, last.text.as_str()), (Kind::Edited, "two"));
}

#[tokio::test]
async fn a_file_asks_for_the_token_and_shows_a_page_without_it() {
    let world = World::start("/slack").await;
    let receiver = Receiver::start().await;
    let picture = world.played().add_media("image/png", "cat.png", vec![1, 2, 3]);

    world
        .say("slack", &Person::new(ANN, "look").with(picture), &receiver)
        .await;

    let event = receiver.called(1).await[0].json()["event"].clone();
    assert_eq!(
        (&event["subtype"], &event["files"][0]["mimetype"]),
        (&json!("file_share"), &json!("image/png"))
    );
    let url = event["files"][0]["url_private"].as_str().unwrap();
    let page = world.http.get(url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let bytes = world
        .http
        .get(url)
        .bearer_auth(TOKEN)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(bytes.as_ref(), [1, 2, 3]);
    let id = event["files"][0]["id"].as_str().unwrap();
    let info = form(&world, "files.info", &[("file", id)]).await;
    assert_eq!(info.json["file"]["url_private"], url);
}

#[tokio::test]
async fn an_upload_is_begun_filled_and_shared() {
    let world = world_with_ann().await;

    let begun = form(
        &world,
        "files.getUploadURLExternal",
        &[("filename", "a.pdf"), ("length", "3")],
    )
    .await;
    let file = json!([{"id": begun.json["file_id"], "title": "A"}]).to_string();
    let complete = [
        ("files", file.as_str()),
        ("channel_id", DM),
        ("initial_comment", "here"),
    ];
    let too_early = form(&world, "files.completeUploadExternal", &complete).await;
    let put = world
        .http
        .post(begun.json["upload_url"].as_str().unwrap())
        .body("abc");
    assert_eq!(put.send().await.unwrap().status(), 200);
    let shared = form(&world, "files.completeUploadExternal", &complete).await;

    assert_eq!(too_early.json["error"], "file_not_found");
    assert_eq!(shared.json["ok"], true);
    let sent = &world.sent("slack")[0];
    assert_eq!(
        (sent.text.as_str(), sent.media.as_slice()),
        ("here", &["a.pdf".to_owned()][..])
    );
}

#[tokio::test]
async fn a_direct_message_is_opened_before_anybody_wrote() {
    let world = World::start("/slack").await;

    let opened = form(&world, "conversations.open", &[("users", ANN)]).await;
    let posted = form(&world, "chat.postMessage", &[("channel", DM), ("text", "hi")]).await;

    assert_eq!(opened.json["channel"]["id"], DM);
    assert_eq!(posted.json["ok"], true);
}

#[tokio::test]
async fn too_many_calls_are_refused_in_slacks_form_and_a_cut_leaves_the_message() {
    let world = world_with_ann().await;
    let played = world.played();
    let hello = [("channel", DM), ("text", "x")];

    played.add_fault(FaultRule::always("slack", Fault::TooMany { retry_after: Some(7) }).times(1));
    let busy = form(&world, "chat.postMessage", &hello).await;
    assert_eq!((busy.status, &busy.json["error"]), (429, &json!("ratelimited")));
    assert_eq!(busy.headers["Retry-After"], "7");

    played.add_fault(FaultRule::always("slack", Fault::CutAfter).times(1));
    let request = world
        .request(Method::POST, "/chat.postMessage")
        .bearer_auth(TOKEN);
    request.form(&hello).send().await.unwrap_err();
    let listed = form(&world, "conversations.history", &[("channel", DM)]).await;
    assert_eq!(listed.json["messages"][0]["text"], "x");

    played.add_fault(
        FaultRule::always("slack", Fault::CutBefore)
            .on(Operation::Other)
            .times(1),
    );
    assert_eq!(form(&world, "chat.postMessage", &hello).await.json["ok"], true);
}
