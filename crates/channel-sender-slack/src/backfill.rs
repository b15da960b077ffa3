//! What people wrote while we were away, from Slack's own lists of the conversations that we know.
//!
//! Slack delivers again for five minutes only. In channels only what mentions the bot is taken: whether the app hears of
//! more than that cannot be asked. What was written in a thread of a direct message, or in a channel where the bot was
//! not spoken to lately, is not in these lists.
//! <https://docs.slack.dev/reference/methods/conversations.history>

use crate::{
    Slack, account,
    api::Failed,
    credentials::Credentials,
    errors,
    inbound::{Message, Reader},
    lookup::{Span, direct, list},
    place::{self, Place},
};
use channel::{CheckError, ConversationKey, InboundMessage};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::sleep;

/// Slack takes about fifty of these calls a minute, and says how long to wait for the next.
const WAITS: usize = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What was written from `since` to `until`, oldest first.
pub(crate) async fn missed(
    slack: &Slack,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    known: &[ConversationKey],
    credentials: &Credentials,
) -> Result<Vec<InboundMessage>, CheckError> {
    let me = account::who(slack, credentials).await?;
    let reader = Reader {
        account: &credentials.team_id,
        bot: me.user_id.as_deref(),
        threads: false,
    };
    let span = Span {
        oldest: place::time_stamp(since),
        latest: Some(place::time_stamp(until)),
    };
    let mut found = BTreeMap::new();
    let mut waits = WAITS;
    for place in places(known) {
        let listed = loop {
            match read(slack, &place, &span, credentials).await {
                Err(Failed::Refused(refusal)) if waits > 0 && refusal.is_rate_limit() => {
                    waits -= 1;
                    let wait = refusal.retry_after.unwrap_or(Duration::from_secs(10));
                    sleep(wait.min(LONGEST_WAIT)).await;
                }
                outcome => break outcome,
            }
        };
        let (channel, listed) = match listed {
            // The bot was taken out of it, or it is gone.
            Err(failed) if is_gone(&failed) => continue,
            listed => listed.map_err(errors::checking)?,
        };
        let messages = listed
            .iter()
            .filter_map(|message| Message::deserialize(message).ok())
            .filter_map(|message| message.read(Some(&channel), &reader).ok()?)
            .filter(|message| {
                message
                    .sent_at
                    .is_some_and(|sent| (since..=until).contains(&sent))
            });
        // A thread's first message stands in the channel's list too.
        found.extend(messages.map(|message| ((message.order_key, message.dedupe_key.clone()), message)));
    }
    Ok(found.into_values().collect())
}

/// What there is to list: people, channels with what begins in them, and their threads.
fn places(known: &[ConversationKey]) -> Vec<Place> {
    let threads: Vec<Place> = known
        .iter()
        .map(|conversation| Place::of(&conversation.0, None))
        .collect();
    let channels: BTreeSet<&str> = threads
        .iter()
        .filter(|place| place.thread.is_some())
        .map(|place| place.channel.as_str())
        .collect();
    let channels = channels.into_iter().map(|channel| Place {
        channel: channel.to_owned(),
        thread: None,
    });
    let mut places: Vec<Place> = channels.collect();
    for place in threads {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// The channel's name, and what stands there.
async fn read(
    slack: &Slack,
    place: &Place,
    span: &Span,
    credentials: &Credentials,
) -> Result<(String, Vec<Value>), Failed> {
    let mut place = place.clone();
    if place::is_person(&place.channel) {
        place.channel = direct(slack, &place.channel, credentials).await?;
    }
    let listed = list(slack, &place, span, credentials).await?;
    Ok((place.channel, listed))
}

fn is_gone(failed: &Failed) -> bool {
    [
        "channel_not_found",
        "not_in_channel",
        "thread_not_found",
        "user_not_found",
        "user_disabled",
        "user_not_visible",
        "method_not_supported_for_channel_type",
    ]
    .iter()
    .any(|code| failed.is(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeSlack};
    use serde_json::json;
    use wiremock::ResponseTemplate;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_800_000 + second, 0).unwrap()
    }

    fn written(second: i64, text: &str, changes: Value) -> Value {
        let mut message = json!({
            "type": "message", "user": "U0001", "text": text, "ts": format!("{}.000100", 1_763_800_000 + second),
        });
        for (name, value) in changes.as_object().unwrap() {
            message[name] = value.clone();
        }
        message
    }

    async fn missed_of(fake: &FakeSlack, known: &[&str]) -> Result<Vec<InboundMessage>, CheckError> {
        fake.answers("auth.test", fake::me(json!({}))).await;
        fake.answers("conversations.open", json!({"channel": {"id": "D0001"}}))
            .await;
        let known: Vec<_> = known.iter().map(|&key| ConversationKey(key.to_owned())).collect();
        let missed = missed(&fake.slack(), at(0), at(100), &known, &fake::credentials()).await;
        fake.check_requests().await;
        missed
    }

    #[tokio::test]
    async fn what_was_missed_reads_as_its_webhook_would_have() {
        let fake = FakeSlack::start().await;
        fake.answers(
            "conversations.history",
            json!({"messages": [written(20, "two &amp; more", json!({})), written(10, "one", json!({}))]}),
        )
        .await;

        let missed = missed_of(&fake, &["U0001"]).await.unwrap();

        assert_eq!(
            missed
                .iter()
                .map(|message| message.text.as_str())
                .collect::<Vec<_>>(),
            ["one", "two & more"]
        );
        assert_eq!(missed[0].dedupe_key, "D0001:1763800010.000100");
        assert_eq!(missed[0].conversation.0, "U0001");
        assert_eq!(missed[0].reply_to, Some(json!({"channel": "D0001"})));
        let asked = &fake.forms("conversations.history").await[0];
        assert_eq!(
            (asked["oldest"].as_str(), asked["latest"].as_str()),
            ("1763800000.000000", "1763800100.000000")
        );
    }

    #[tokio::test]
    async fn in_channels_only_what_mentions_the_bot_was_missed_and_only_once() {
        let fake = FakeSlack::start().await;
        let root = written(10, "<@U0BOT> first", json!({"thread_ts": "1763800010.000100"}));
        fake.answers(
            "conversations.history",
            json!({"messages": [written(30, "lunch?", json!({})), root]}),
        )
        .await;
        fake.answers(
            "conversations.replies",
            json!({"messages": [root, written(20, "me too", json!({"thread_ts": "1763800010.000100"})),
                written(40, "<@U0BOT> and now?", json!({"thread_ts": "1763800010.000100"}))]}),
        )
        .await;

        let missed = missed_of(&fake, &["C0001:1763800010.000100"]).await.unwrap();

        assert_eq!(
            missed
                .iter()
                .map(|message| message.text.as_str())
                .collect::<Vec<_>>(),
            ["first", "and now?"]
        );
        for message in missed {
            assert_eq!(message.conversation.0, "C0001:1763800010.000100");
        }
    }

    #[tokio::test]
    async fn what_the_bot_wrote_and_what_is_of_another_time_was_not_missed() {
        let fake = FakeSlack::start().await;
        fake.answers(
            "conversations.history",
            json!({"messages": [written(10, "hi", json!({"bot_id": "B0BOT"})), written(10, "hi", json!({"user": "U0BOT"})),
                written(10, "hi", json!({"subtype": "channel_join"})), written(-1, "hi", json!({})),
                written(101, "hi", json!({})), {"ts": 7}, written(10, "", json!({}))]}),
        )
        .await;

        assert!(missed_of(&fake, &["U0001"]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_conversation_that_is_gone_keeps_no_other_away() {
        let fake = FakeSlack::start().await;
        fake.refuses("conversations.replies", "thread_not_found").await;
        fake.answers(
            "conversations.history",
            json!({"messages": [written(10, "<@U0BOT> hi", json!({}))]}),
        )
        .await;

        let missed = missed_of(&fake, &["C0001:1.000001", "U0001"]).await.unwrap();

        assert_eq!(missed.len(), 2);
    }

    #[tokio::test]
    async fn slack_is_given_the_time_that_it_asks_for() {
        let fake = FakeSlack::start().await;
        let slow = ResponseTemplate::new(429).insert_header("retry-after", "0");
        fake.mount_once("conversations.history", slow).await;
        fake.answers(
            "conversations.history",
            json!({"messages": [written(10, "hi", json!({}))]}),
        )
        .await;

        assert_eq!(missed_of(&fake, &["U0001"]).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_scope_that_is_missing_is_named() {
        let fake = FakeSlack::start().await;
        fake.says(
            "conversations.history",
            json!({"ok": false, "error": "missing_scope", "needed": "im:history"}),
        )
        .await;

        let error = missed_of(&fake, &["U0001"]).await.unwrap_err();

        assert!(
            matches!(&error, CheckError::Misconfigured(words) if words.contains("im:history")),
            "{error:?}"
        );
    }
}
