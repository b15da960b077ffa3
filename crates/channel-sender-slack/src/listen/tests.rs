//! What is acknowledged, and when.

use super::*;
use crate::{
    fake::{self, FakeSlack},
    inbound::tests::envelope as event,
};
use async_trait::async_trait;
use channel::InletError;
use std::sync::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_tungstenite::accept_async;

/// What was done, in order, on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Connected,
    Accepted(Vec<String>),
    Malformed(String),
}

#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Heard>>,
    /// The queue takes nothing.
    deaf: bool,
}

#[async_trait]
impl Inlet for Ear {
    async fn connected(&self, words: &str) {
        assert!(!words.is_empty());
        self.heard.lock().unwrap().push(Heard::Connected);
    }

    async fn accept(&self, received: Received) -> Result<(), InletError> {
        if self.deaf {
            return Err(InletError("the queue is away".to_owned()));
        }
        let mut heard = self.heard.lock().unwrap();
        heard.extend(
            received
                .malformed
                .into_iter()
                .map(|part| Heard::Malformed(part.position)),
        );
        heard.push(Heard::Accepted(
            received
                .messages
                .into_iter()
                .map(|message| message.text)
                .collect(),
        ));
        Ok(())
    }

    async fn remember(&self, _resume: Value) -> Result<(), InletError> {
        panic!("there is nothing to remember")
    }
}

/// Slack's end: sends these frames on each connection, waiting for an answer to each envelope that expects one, and
/// then hangs up. What it heard, by connection.
async fn socket(connections: Vec<Vec<(Value, bool)>>) -> (String, JoinHandle<Vec<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/link/?ticket=canary", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut heard = Vec::new();
        for frames in connections {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            let mut acks = Vec::new();
            for (frame, is_acked) in frames {
                let text = frame.as_str().map_or_else(|| frame.to_string(), str::to_owned);
                socket.send(Message::text(text)).await.unwrap();
                if is_acked {
                    let Some(Ok(Message::Text(ack))) = socket.next().await else {
                        break;
                    };
                    acks.push(serde_json::from_str(ack.as_str()).unwrap());
                }
            }
            let _ = socket.close(None).await;
            // Whatever else was said before it was closed.
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(ack) = message {
                    acks.push(serde_json::from_str(ack.as_str()).unwrap());
                }
            }
            heard.push(acks);
        }
        heard
    });
    (url, served)
}

fn hello() -> (Value, bool) {
    (
        json!({"type": "hello", "num_connections": 1, "debug_info": {}, "connection_info": {"app_id": "A0001"}}),
        false,
    )
}

fn disconnect(reason: &str) -> (Value, bool) {
    (
        json!({"type": "disconnect", "reason": reason, "debug_info": {}}),
        false,
    )
}

fn envelope(id: &str, kind: &str, payload: Value) -> (Value, bool) {
    (
        json!({"envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": false}),
        true,
    )
}

fn said(id: &str, text: &str) -> (Value, bool) {
    envelope(id, "events_api", event(json!({"event": {"text": text}})))
}

fn with_app_token() -> Credentials {
    fake::credentials_with(json!({"app_token": "xapp-1-canary"}))
}

/// Listens until Slack hangs up: why it ended, what was heard, and what was acknowledged.
async fn listened(connections: Vec<Vec<(Value, bool)>>, ear: &Ear) -> (ListenError, Vec<Vec<Value>>) {
    let fake = FakeSlack::start().await;
    let (url, served) = socket(connections).await;
    fake.answers("apps.connections.open", json!({ "url": url })).await;
    let error = listen(&fake.slack(), &with_app_token(), ear).await.unwrap_err();
    fake.check_requests().await;
    (error, served.await.unwrap())
}

#[tokio::test]
async fn every_envelope_is_queued_and_then_acknowledged() {
    let ear = Ear::default();
    let press = json!({
        "type": "block_actions", "team": {"id": "T0001"}, "user": {"id": "U0001"}, "channel": {"id": "D0001"},
        "message": {"ts": "1763800005.000100"},
        "actions": [{"type": "button", "value": "yes", "text": {"text": "Yes"}, "action_ts": "1763800009.500000"}],
    });
    let command = json!({"command": "/ask", "text": "when?", "user_id": "U0001", "team_id": "T0001", "trigger_id": "1.2"});

    let (error, acks) = listened(
        vec![vec![
            hello(),
            said("one", "hi"),
            envelope("two", "interactive", press),
            envelope("three", "slash_commands", command),
            envelope("four", "of_tomorrow", json!({"team_id": "T0001"})),
            envelope("five", "events_api", event(json!({"event": {"ts": null}}))),
        ]],
        &ear,
    )
    .await;

    assert!(matches!(error, ListenError::Lost { .. }), "{error:?}");
    assert_eq!(
        acks,
        [["one", "two", "three", "four", "five"].map(|id| json!({ "envelope_id": id }))]
    );
    let texts = |text: &str| Heard::Accepted(vec![text.to_owned()]);
    assert_eq!(
        *ear.heard.lock().unwrap(),
        [
            Heard::Connected,
            texts("hi"),
            texts("Yes"),
            texts("when?"),
            Heard::Accepted(Vec::new()),
            Heard::Malformed("event".to_owned()),
            Heard::Accepted(Vec::new()),
        ]
    );
}

#[tokio::test]
async fn what_could_not_be_queued_is_not_acknowledged() {
    let ear = Ear {
        deaf: true,
        ..Ear::default()
    };

    let (error, acks) = listened(vec![vec![hello(), said("one", "hi")]], &ear).await;

    assert!(matches!(error, ListenError::Inlet(_)), "{error:?}");
    assert_eq!(acks, [Vec::<Value>::new()]);
}

#[tokio::test]
async fn when_slack_closes_a_connection_the_next_is_opened_at_once() {
    for reason in ["warning", "refresh_requested"] {
        let ear = Ear::default();

        let (_, acks) = listened(
            vec![
                vec![hello(), said("one", "hi"), disconnect(reason)],
                vec![hello(), said("two", "again")],
            ],
            &ear,
        )
        .await;

        assert_eq!(
            acks,
            [[json!({"envelope_id": "one"})], [json!({"envelope_id": "two"})]]
        );
    }
}

#[tokio::test]
async fn a_connection_that_carries_nothing_is_not_opened_without_end() {
    let ear = Ear::default();

    let (error, _) = listened(vec![vec![hello(), disconnect("warning")]], &ear).await;

    assert!(matches!(error, ListenError::Lost { .. }), "{error:?}");
}

#[tokio::test]
async fn socket_mode_that_was_turned_off_is_for_the_owner_to_mend() {
    let (error, _) = listened(vec![vec![hello(), disconnect("link_disabled")]], &Ear::default()).await;

    assert!(
        matches!(&error, ListenError::Misconfigured { reason } if reason.contains("turned off")),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_envelope_of_another_workspace_is_left_for_its_own_connection() {
    let ear = Ear::default();
    let foreign = event(json!({"team_id": "T0009", "authorizations": [{"team_id": "T0009"}]}));
    let (foreign, _) = envelope("one", "events_api", foreign);

    let (_, acks) = listened(vec![vec![hello(), (foreign, false), said("two", "hi")]], &ear).await;

    assert_eq!(acks, [[json!({"envelope_id": "two"})]]);
    assert_eq!(ear.heard.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_frame_that_cannot_be_read_is_reported_and_the_next_is_read() {
    let ear = Ear::default();

    let (_, acks) = listened(
        vec![vec![hello(), (json!("nonsense"), false), said("one", "hi")]],
        &ear,
    )
    .await;

    assert_eq!(acks.concat().len(), 1);
    assert!(
        ear.heard
            .lock()
            .unwrap()
            .contains(&Heard::Malformed("frame".to_owned()))
    );
}

#[tokio::test]
async fn without_a_token_that_works_nothing_is_opened() {
    let fake = FakeSlack::start().await;
    fake.refuses("apps.connections.open", "invalid_auth").await;
    let ear = Ear::default();

    let without = listen(&fake.slack(), &fake::credentials(), &ear)
        .await
        .unwrap_err();
    let refused = listen(&fake.slack(), &with_app_token(), &ear).await.unwrap_err();

    assert!(
        matches!(&without, ListenError::Misconfigured { reason } if reason.contains("xapp-")),
        "{without:?}"
    );
    assert!(matches!(refused, ListenError::Unauthorized { .. }), "{refused:?}");
    assert!(ear.heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_connection_is_opened_that_is_not_encrypted_and_no_ticket_is_shown() {
    let fake = FakeSlack::start().await;
    fake.answers(
        "apps.connections.open",
        json!({"url": "http://127.0.0.1:1/?ticket=canary"}),
    )
    .await;
    let away = FakeSlack::start().await;
    away.answers(
        "apps.connections.open",
        json!({"url": "ws://127.0.0.1:1/?ticket=canary"}),
    )
    .await;

    for fake in [fake, away] {
        let error = listen(&fake.slack(), &with_app_token(), &Ear::default())
            .await
            .unwrap_err();

        assert!(matches!(error, ListenError::Lost { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn slack_is_given_the_time_that_it_asks_for() {
    let fake = FakeSlack::start().await;
    let slow = wiremock::ResponseTemplate::new(429).insert_header("retry-after", "30");
    fake.mount("apps.connections.open", slow).await;

    let error = listen(&fake.slack(), &with_app_token(), &Ear::default())
        .await
        .unwrap_err();

    assert!(
        matches!(&error, ListenError::Lost { after: Some(after), .. } if after.as_secs() == 30),
        "{error:?}"
    );
}
