//! Finds a message whose sending had an unknown outcome in Slack's own list, by the part's id in its metadata.
//!
//! Source: <https://docs.slack.dev/messaging/message-metadata>

use crate::{
    Slack, api,
    api::Failed,
    credentials::Credentials,
    errors,
    outbound::EVENT_TYPE,
    place::{self, Place},
};
use channel::{OutboundPart, SendError, Sent};
use chrono::{DateTime, TimeDelta, Utc};
use domain::PartId;
use serde::{Deserialize, de::DeserializeOwned};

/// How far Slack's clock may be behind ours. The id proves the part; this only bounds the list.
const SKEW: TimeDelta = TimeDelta::seconds(60);
/// Messages of a page.
const PAGE: &str = "200";
/// Pages read at most.
const PAGES: usize = 5;

#[derive(Deserialize)]
struct Listed {
    ts: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    event_type: Option<String>,
    event_payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    part: Option<String>,
}

/// The messages that are this part, the newest first.
pub(crate) async fn find(
    slack: &Slack,
    part: &OutboundPart,
    first_attempt: DateTime<Utc>,
    credentials: &Credentials,
) -> Result<Vec<Sent>, SendError> {
    let mut place = Place::of(&part.conversation, part.reply_to.as_ref());
    if place::is_person(&place.channel) {
        place.channel = direct(slack, &place.channel, credentials)
            .await
            .map_err(errors::asking)?;
    }
    let span = Span {
        oldest: place::time_stamp(first_attempt - SKEW),
        latest: None,
    };
    let mut found = match list::<Listed>(slack, &place, &span, credentials).await {
        // The message that the thread hung on was deleted, and ours with it.
        Err(failed) if failed.is("thread_not_found") => Vec::new(),
        listed => listed.map_err(errors::asking)?,
    };
    found.retain(|message| message.is(part.id));
    let mut found: Vec<String> = found.into_iter().filter_map(|message| message.ts).collect();
    found.sort_by_key(|ts| std::cmp::Reverse(place::micros(ts)));
    Ok(found
        .into_iter()
        .map(|ts| Sent {
            platform_message_id: place::message_id(&place.channel, &ts),
            segments: None,
        })
        .collect())
}

impl Listed {
    fn is(&self, part: PartId) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| {
            let given = metadata
                .event_payload
                .as_ref()
                .and_then(|payload| payload.part.as_deref());
            metadata.event_type.as_deref() == Some(EVENT_TYPE)
                && given.and_then(|given| given.parse().ok()) == Some(part)
        })
    }
}

#[derive(Deserialize)]
struct Opened {
    channel: Direct,
}

#[derive(Deserialize)]
struct Direct {
    id: String,
}

/// Slack's name of the direct message with a person. It is opened if there is none yet, which nobody notices.
pub(crate) async fn direct(slack: &Slack, person: &str, credentials: &Credentials) -> Result<String, Failed> {
    let opened: Opened = api::call(slack, credentials, "conversations.open", &[("users", person)]).await?;
    Ok(opened.channel.id)
}

/// From when to when, as time stamps.
pub(crate) struct Span {
    pub(crate) oldest: String,
    pub(crate) latest: Option<String>,
}

#[derive(Deserialize)]
struct Page<T> {
    messages: Vec<T>,
    response_metadata: Option<Onward>,
}

#[derive(Deserialize)]
struct Onward {
    next_cursor: Option<String>,
}

/// What stands in a channel, or in one of its threads.
pub(crate) async fn list<T: DeserializeOwned>(
    slack: &Slack,
    place: &Place,
    span: &Span,
    credentials: &Credentials,
) -> Result<Vec<T>, Failed> {
    let mut messages = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let mut form = vec![
            ("channel", place.channel.as_str()),
            ("oldest", span.oldest.as_str()),
            ("inclusive", "true"),
            ("include_all_metadata", "true"),
            ("limit", PAGE),
        ];
        form.extend(span.latest.as_deref().map(|latest| ("latest", latest)));
        form.extend(place.thread.as_deref().map(|thread| ("ts", thread)));
        if !cursor.is_empty() {
            form.push(("cursor", &cursor));
        }
        let method = if place.thread.is_some() {
            "conversations.replies"
        } else {
            "conversations.history"
        };
        let page: Page<T> = api::call(slack, credentials, method, &form).await?;
        messages.extend(page.messages);
        cursor = page
            .response_metadata
            .and_then(|onward| onward.next_cursor)
            .unwrap_or_default();
        if cursor.is_empty() {
            break;
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeSlack, part};
    use channel_testkit::speak_once;
    use serde_json::{Value, json};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_800_000 + second, 0).unwrap()
    }

    fn ours(ts: &str, id: PartId) -> Value {
        json!({"type": "message", "bot_id": "B0BOT", "text": "hi", "ts": ts,
            "metadata": {"event_type": "botsmith_part", "event_payload": {"part": id.to_string()}}})
    }

    #[tokio::test]
    async fn a_part_is_found_by_its_id_and_by_nothing_else() {
        let fake = FakeSlack::start().await;
        let part = part("hi");
        let mut foreign = ours("1763800003.000000", part.id);
        foreign["metadata"]["event_type"] = json!("somebody_elses");
        fake.answers(
            "conversations.history",
            json!({"messages": [
                {"type": "message", "text": "hi", "ts": "1763800004.000000"}, foreign, ours("1763800002.000000", PartId::new()),
                ours("1763800001.000200", part.id), ours("1763800001.000300", part.id),
            ]}),
        )
        .await;

        let found = find(&fake.slack(), &part, at(0), &fake::credentials())
            .await
            .unwrap();

        let ids: Vec<_> = found
            .iter()
            .map(|sent| sent.platform_message_id.as_str())
            .collect();
        assert_eq!(ids, ["D0001:1763800001.000300", "D0001:1763800001.000200"]);
        let asked = &fake.forms("conversations.history").await[0];
        assert_eq!(asked["oldest"], "1763799940.000000");
        assert_eq!(asked["include_all_metadata"], "true");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_thread_is_looked_through_to_its_last_page() {
        let fake = FakeSlack::start().await;
        let mut part = part("hi");
        part.conversation = "C0001:1763700000.000100".to_owned();
        fake.answers_once(
            "conversations.replies",
            json!({"messages": [], "response_metadata": {"next_cursor": "more"}}),
        )
        .await;
        fake.answers(
            "conversations.replies",
            json!({"messages": [ours("1763800001.000200", part.id)], "response_metadata": {"next_cursor": ""}}),
        )
        .await;

        let found = find(&fake.slack(), &part, at(0), &fake::credentials())
            .await
            .unwrap();

        assert_eq!(found[0].platform_message_id, "C0001:1763800001.000200");
        let asked = fake.forms("conversations.replies").await;
        assert_eq!(asked[0]["ts"], "1763700000.000100");
        assert_eq!(asked[1]["cursor"], "more");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_person_who_was_written_to_first_is_looked_for_by_their_id() {
        let fake = FakeSlack::start().await;
        let mut part = part("hi");
        part.reply_to = None;
        fake.answers("conversations.open", json!({"channel": {"id": "D0007"}}))
            .await;
        fake.answers(
            "conversations.history",
            json!({"messages": [ours("1763800001.000200", part.id)]}),
        )
        .await;

        let found = find(&fake.slack(), &part, at(0), &fake::credentials())
            .await
            .unwrap();

        assert_eq!(found[0].platform_message_id, "D0007:1763800001.000200");
        assert_eq!(fake.forms("conversations.open").await[0]["users"], "U0001");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_thread_that_is_gone_does_not_have_it_and_what_cannot_be_asked_is_asked_again() {
        let fake = FakeSlack::start().await;
        let mut in_thread = part("hi");
        in_thread.conversation = "C0001:1763700000.000100".to_owned();
        fake.refuses("conversations.replies", "thread_not_found").await;
        fake.refuses("conversations.history", "fatal_error").await;

        let gone = find(&fake.slack(), &in_thread, at(0), &fake::credentials()).await;
        let failed = find(&fake.slack(), &part("hi"), at(0), &fake::credentials()).await;
        let cut = fake::slack_at(&speak_once("").await);
        let cut = find(&cut, &part("hi"), at(0), &fake::credentials()).await;

        assert!(gone.unwrap().is_empty());
        for error in [failed, cut] {
            assert!(matches!(error, Err(SendError::Retry { .. })), "{error:?}");
        }
    }
}
