//! What is told to Telegram, and when.

use super::*;
use crate::fake::{self, FakeTelegram};
use async_trait::async_trait;
use channel::{InletError, Received};
use channel_testkit::{refuse_connections, speak_once};
use std::sync::Mutex;

/// What a listener did with its inlet, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Connected,
    Accepted(Vec<String>),
    Malformed(String),
    Remembered(Value),
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
        let texts = received
            .messages
            .into_iter()
            .map(|message| message.text)
            .collect();
        let mut heard = self.heard.lock().unwrap();
        heard.push(Heard::Accepted(texts));
        heard.extend(
            received
                .malformed
                .into_iter()
                .map(|part| Heard::Malformed(part.position)),
        );
        Ok(())
    }

    async fn remember(&self, resume: Value) -> Result<(), InletError> {
        self.heard.lock().unwrap().push(Heard::Remembered(resume));
        Ok(())
    }
}

fn update(id: i64, text: &str) -> Value {
    json!({"update_id": id, "message": {
        "message_id": id, "date": 1_763_800_000, "text": text, "chat": {"id": 5_550_001, "type": "private"},
        "from": {"id": 5_550_001, "is_bot": false, "first_name": "Ann"},
    }})
}

/// Listens until Telegram, which has run out of answers, says that it restarts.
async fn listened(fake: &FakeTelegram, resume: Option<Value>, ear: &Ear) -> ListenError {
    fake.refuses("getUpdates", 500, "Internal Server Error: restart", json!({}))
        .await;
    let error = listen(&fake.telegram(), &fake::credentials(), resume, ear)
        .await
        .unwrap_err();
    fake.check_requests().await;
    error
}

async fn asked(fake: &FakeTelegram) -> Vec<Value> {
    let calls = fake.calls().await;
    let mut questions = Vec::new();
    for (name, parameters) in calls {
        if name == "getUpdates" {
            assert_eq!(
                parameters["allowed_updates"],
                json!(["message", "callback_query"])
            );
            questions.push(parameters);
        }
    }
    questions
}

#[tokio::test]
async fn what_is_read_is_queued_then_remembered_and_only_then_asked_past() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());
    fake.answers_once("getUpdates", json!([update(7, "one"), update(8, "two")]))
        .await;
    fake.answers_once("getUpdates", json!([update(9, "three")])).await;

    let ended = listened(&fake, None, &ear).await;

    assert!(matches!(ended, ListenError::Lost { .. }), "{ended:?}");
    assert_eq!(
        *ear.heard.lock().unwrap(),
        [
            Heard::Connected,
            Heard::Accepted(vec!["one".to_owned(), "two".to_owned()]),
            Heard::Remembered(json!({"offset": 9})),
            Heard::Accepted(vec!["three".to_owned()]),
            Heard::Remembered(json!({"offset": 10})),
        ]
    );
    let asked = asked(&fake).await;
    assert_eq!(asked[0].get("offset"), None);
    assert_eq!(
        asked[0]["timeout"], 0,
        "whether there is a connection is known at once"
    );
    assert_eq!(
        (&asked[1]["offset"], &asked[1]["timeout"]),
        (&json!(9), &json!(50))
    );
    assert_eq!(asked[2]["offset"], json!(10));
}

#[tokio::test]
async fn what_could_not_be_queued_is_not_asked_past() {
    let fake = FakeTelegram::start().await;
    let ear = Ear {
        deaf: true,
        ..Ear::default()
    };
    fake.answers("getUpdates", json!([update(7, "one")])).await;

    let error = listen(
        &fake.telegram(),
        &fake::credentials(),
        Some(json!({"offset": 7})),
        &ear,
    )
    .await
    .unwrap_err();

    assert!(matches!(error, ListenError::Inlet(_)), "{error:?}");
    assert_eq!(*ear.heard.lock().unwrap(), [Heard::Connected]);
    let asked = asked(&fake).await;
    assert_eq!(asked.len(), 1, "Telegram was told to forget it");
    assert_eq!(asked[0]["offset"], json!(7));
}

#[tokio::test]
async fn a_listener_goes_on_where_the_last_one_ended() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());

    listened(&fake, Some(json!({"offset": 900})), &ear).await;

    assert_eq!(asked(&fake).await[0]["offset"], json!(900));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_does_not_come_again() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());
    let bad = json!({"update_id": 8, "message": {"message_id": "x"}});
    fake.answers_once(
        "getUpdates",
        json!([update(7, "one"), bad, {"update_id": 9, "poll": {}}]),
    )
    .await;

    listened(&fake, None, &ear).await;

    assert_eq!(
        ear.heard.lock().unwrap()[1..],
        [
            Heard::Accepted(vec!["one".to_owned()]),
            Heard::Malformed("result[1].message".to_owned()),
            Heard::Remembered(json!({"offset": 10})),
        ]
    );
}

#[tokio::test]
async fn updates_without_numbers_end_the_connection() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());
    fake.answers_once("getUpdates", json!([{"message": {}}])).await;

    let error = listened(&fake, None, &ear).await;

    assert!(
        matches!(&error, ListenError::Lost { reason, .. } if reason.contains("no numbers")),
        "{error:?}"
    );
}

const WEBHOOK_ACTIVE: &str = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";

#[tokio::test]
async fn a_webhook_that_is_set_is_taken_off_once() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());
    fake.refuses_once("getUpdates", 409, WEBHOOK_ACTIVE, json!({}))
        .await;
    fake.answers("deleteWebhook", json!(true)).await;
    fake.answers_once("getUpdates", json!([update(7, "one")])).await;

    listened(&fake, None, &ear).await;

    let calls: Vec<_> = fake.calls().await;
    assert_eq!(
        calls[1],
        ("deleteWebhook".to_owned(), json!({"drop_pending_updates": false}))
    );
    assert_eq!(
        ear.heard.lock().unwrap()[1],
        Heard::Accepted(vec!["one".to_owned()])
    );
}

#[tokio::test]
async fn a_webhook_that_is_set_again_is_the_owners_to_mend() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());
    fake.refuses("getUpdates", 409, WEBHOOK_ACTIVE, json!({})).await;
    fake.answers("deleteWebhook", json!(true)).await;

    let error = listen(&fake.telegram(), &fake::credentials(), None, &ear)
        .await
        .unwrap_err();

    assert!(
        matches!(&error, ListenError::Misconfigured { reason } if reason.contains("another program")),
        "{error:?}"
    );
    assert_eq!(fake.calls().await.len(), 3);
}

#[tokio::test]
async fn another_reader_of_the_same_bot_is_told() {
    let (fake, ear) = (FakeTelegram::start().await, Ear::default());
    let words =
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    fake.refuses("getUpdates", 409, words, json!({})).await;

    let error = listen(&fake.telegram(), &fake::credentials(), None, &ear)
        .await
        .unwrap_err();

    assert!(
        matches!(&error, ListenError::Lost { reason, .. } if reason.contains("the same token")),
        "{error:?}"
    );
    assert_eq!(fake.calls().await.len(), 1, "the webhook was taken off");
}

#[tokio::test]
async fn every_end_says_what_to_do_next() {
    let credentials = fake::credentials();
    for (status, words, unauthorized, after) in [
        (401, "Unauthorized", true, None),
        (404, "Not Found", true, None),
        (
            429,
            "Too Many Requests: retry after 5",
            false,
            Some(Duration::from_secs(5)),
        ),
        (502, "Bad Gateway", false, None),
    ] {
        let (fake, ear) = (FakeTelegram::start().await, Ear::default());
        let parameters = after.map_or(json!({}), |after| json!({"retry_after": after.as_secs()}));
        fake.refuses("getUpdates", status, words, parameters).await;

        let error = listen(&fake.telegram(), &credentials, None, &ear)
            .await
            .unwrap_err();

        match &error {
            ListenError::Unauthorized { .. } => assert!(unauthorized, "{error:?}"),
            ListenError::Lost { after: given, .. } => {
                assert!(!unauthorized, "{error:?}");
                assert_eq!(*given, after);
            }
            other => panic!("{status} gave {other:?}"),
        }
        assert!(
            ear.heard.lock().unwrap().is_empty(),
            "{status} is called a connection"
        );
    }
    for address in [refuse_connections(), speak_once("").await] {
        let error = listen(&fake::telegram_at(&address), &credentials, None, &Ear::default())
            .await
            .unwrap_err();

        assert!(matches!(error, ListenError::Lost { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
