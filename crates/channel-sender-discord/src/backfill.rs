//! What people wrote while we were away: the Gateway tells it once, and the channels keep it.
//!
//! Interactions are kept nowhere; Discord has told the person that they failed.
//!
//! Source: <https://docs.discord.com/developers/resources/message#get-channel-messages>

use crate::{
    Discord, account,
    api::{App, Failed},
    credentials::Credentials,
    message::Message,
    place::{Kind, Place},
    snowflake,
};
use channel::{CheckError, ConversationKey, InboundMessage};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most that Discord lists at once. With `after` it lists the oldest of them.
const PAGE: usize = 100;
/// Pages read of one channel: an outage in which more came is not mended by answers.
const MAX_PAGES: usize = 10;

#[derive(Deserialize)]
struct Channel {
    r#type: Option<u64>,
    guild_id: Option<String>,
    /// The newest message, even one that was deleted.
    last_message_id: Option<String>,
}

/// What was written from `since` to `until` in these conversations' channels, oldest first.
pub(crate) async fn missed(
    discord: &Discord,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    known: &[ConversationKey],
    credentials: &Credentials,
) -> Result<Vec<InboundMessage>, CheckError> {
    let app = App::new(discord, credentials);
    let mut channels: BTreeMap<String, bool> = BTreeMap::new();
    for place in known.iter().filter_map(|key| Place::read(&key.0)) {
        let is_shared = place.is_shared();
        *channels.entry(place.channel).or_default() |= is_shared;
    }
    if channels.is_empty() {
        return Ok(Vec::new());
    }
    let bot = account::me(&app).await?.id;
    let mut messages = Vec::new();
    for (channel, is_shared) in channels {
        messages.extend(in_channel(&app, (&channel, is_shared), since, until, &bot).await?);
    }
    messages.sort_by_key(|message| message.order_key);
    Ok(messages)
}

async fn in_channel(
    app: &App<'_>,
    (id, is_shared): (&str, bool),
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    bot: &str,
) -> Result<Vec<InboundMessage>, CheckError> {
    let Some(channel) = unless_closed(app.get::<Channel>(&format!("channels/{id}")).await)? else {
        return Ok(Vec::new());
    };
    let newest: Option<u64> = channel.last_message_id.as_deref().and_then(|id| id.parse().ok());
    let mut after = snowflake::at(since).saturating_sub(1);
    if newest.is_none_or(|newest| newest <= after) {
        return Ok(Vec::new());
    }
    // As the conversations that are known name it.
    let kind = if is_shared {
        Kind::Shared
    } else {
        Kind::of(channel.r#type, channel.guild_id.is_some())
    };
    let path = format!("channels/{id}/messages");
    let mut messages = Vec::new();
    for _ in 0..MAX_PAGES {
        let Some(page) = unless_closed(app.list(&path, after, PAGE).await)? else {
            break;
        };
        let is_last = page.len() < PAGE;
        after = page
            .iter()
            .filter_map(|message: &Message| message.id.parse().ok())
            .max()
            .unwrap_or(after);
        let application = &app.credentials.application_id;
        messages.extend(
            page.into_iter()
                .filter_map(|message| message.into_inbound(kind, application, bot))
                .filter(|message| message.sent_at.is_some_and(|at| (since..=until).contains(&at))),
        );
        if is_last || after >= snowflake::at(until) {
            break;
        }
    }
    Ok(messages)
}

/// `None`: the bot may not read it any more, or there is no such channel. That is no reason to read no other.
fn unless_closed<T>(answer: Result<T, Failed>) -> Result<Option<T>, CheckError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failed) if failed.has_status(&[StatusCode::FORBIDDEN, StatusCode::NOT_FOUND]) => Ok(None),
        Err(failed) => Err(failed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, BOT, FakeDiscord};
    use chrono::TimeDelta;
    use serde_json::{Value, json};

    fn written(at: DateTime<Utc>, by: &str, content: &str, mentions: Value) -> Value {
        json!({"id": snowflake::at(at).to_string(), "channel_id": "7", "type": 0, "content": content,
               "author": {"id": by, "username": "x"}, "mentions": mentions})
    }

    async fn listed(channel: Value, known: &[&str], messages: Value) -> (FakeDiscord, Vec<InboundMessage>) {
        let fake = FakeDiscord::start().await;
        fake.answers("GET", "users/@me", json!({"id": BOT, "username": "acme"}))
            .await;
        fake.answers("GET", "channels/7", channel).await;
        fake.answers("GET", "channels/7/messages", messages).await;
        fake.refuses("GET", "channels/8", 403, 50001, "Missing Access")
            .await;
        let known: Vec<ConversationKey> = known.iter().map(|&key| ConversationKey(key.to_owned())).collect();
        let (since, until) = (hour(1), hour(3));

        let missed = missed(&fake.discord(), since, until, &known, &fake::credentials())
            .await
            .unwrap();
        fake.check_requests().await;
        (fake, missed)
    }

    fn hour(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_763_800_000_000).unwrap() + TimeDelta::hours(hour)
    }

    #[tokio::test]
    async fn what_was_written_to_the_bot_in_known_channels_is_listed_oldest_first() {
        let us = json!([{"id": BOT}]);
        let messages = json!([
            written(hour(4), "9", "too new", us.clone()),
            written(
                hour(2) + TimeDelta::minutes(2),
                "10",
                &format!("<@{BOT}> second"),
                us.clone()
            ),
            written(hour(2) + TimeDelta::minutes(1), "9", "to others", json!([])),
            written(hour(2), "9", &format!("<@{BOT}> first"), us),
        ]);
        let channel = json!({"id": "7", "type": 0, "guild_id": "1", "last_message_id": snowflake::at(hour(4)).to_string()});

        let (_, missed) = listed(channel, &["7/9", "7/10", "8"], messages).await;

        let read: Vec<_> = missed
            .iter()
            .map(|message| (message.text.as_str(), message.conversation.0.as_str()))
            .collect();
        assert_eq!(read, [("first", "7/9"), ("second", "7/10")]);
        assert_eq!(
            missed[0].dedupe_key,
            snowflake::at(hour(2)).to_string(),
            "the Gateway names it so too"
        );
    }

    #[tokio::test]
    async fn in_direct_messages_everything_is_to_the_bot() {
        let messages = json!([
            written(hour(2), "9", "hello", json!([])),
            written(hour(2), BOT, "ours", json!([]))
        ]);
        let channel = json!({"id": "7", "type": 1, "last_message_id": snowflake::at(hour(2)).to_string()});

        let (_, missed) = listed(channel, &["7"], messages).await;

        assert_eq!(missed.len(), 1);
        assert_eq!(
            (missed[0].text.as_str(), missed[0].conversation.0.as_str()),
            ("hello", "7")
        );
    }

    #[tokio::test]
    async fn a_channel_in_which_nothing_new_was_written_is_not_listed() {
        let channel = json!({"id": "7", "type": 1, "last_message_id": snowflake::at(hour(0)).to_string()});

        let (fake, missed) = listed(channel, &["7"], json!([])).await;

        assert!(missed.is_empty());
        assert!(
            fake.calls()
                .await
                .iter()
                .all(|call| !call.path.ends_with("messages"))
        );
    }

    #[tokio::test]
    async fn a_discord_that_cannot_be_asked_is_asked_again_later() {
        let fake = FakeDiscord::start().await;
        fake.answers_with(
            "GET",
            "users/@me",
            429,
            json!({"message": "slow down", "retry_after": 1.5, "global": true}),
        )
        .await;

        let error = missed(
            &fake.discord(),
            hour(1),
            hour(2),
            &[ConversationKey("7".to_owned())],
            &fake::credentials(),
        )
        .await
        .unwrap_err();

        assert!(matches!(error, CheckError::Unreachable(_)), "{error:?}");
    }
}
