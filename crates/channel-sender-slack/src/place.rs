//! Where a message stands in Slack, and how our conversations are named.
//!
//! A direct message is named by the person (`U…`): there is one between them and the bot, and whoever writes first does
//! not know Slack's name of it. In a channel every thread is a conversation: `C…:1763800000.000100`, the channel and the
//! time stamp of the message that the thread hangs on.

use crate::credentials::is_id;
use channel::{Address, ConversationKey, CredentialsError};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// What `chat.postMessage` takes: a channel or a person, and the thread within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// `C…`, `G…`, `D…`, or `U…` for the direct message with a person.
    pub(crate) channel: String,
    /// The time stamp of the message that the thread hangs on.
    pub(crate) thread: Option<String>,
}

/// Whether a channel is a direct message with one person.
pub(crate) fn is_direct(channel: &str) -> bool {
    channel.starts_with('D')
}

/// Whether this names a person. Those of organisations begin with W.
pub(crate) fn is_person(id: &str) -> bool {
    is_id(id, "U") || is_id(id, "W")
}

/// The conversation of something that happened in a channel. `thread`: the message that a thread hangs, or will hang, on.
pub(crate) fn conversation(channel: &str, person: &str, thread: &str) -> ConversationKey {
    ConversationKey(if is_direct(channel) {
        person.to_owned()
    } else {
        format!("{channel}:{thread}")
    })
}

/// What is needed to answer. In a direct message `thread` is the one that the person wrote in, if they did.
pub(crate) fn reply_to(channel: &str, thread: Option<&str>) -> Value {
    let mut reply_to = json!({ "channel": channel });
    if let Some(thread) = thread {
        reply_to["thread_ts"] = thread.into();
    }
    reply_to
}

impl Place {
    /// Where the next message of a conversation belongs.
    pub(crate) fn of(conversation: &str, reply_to: Option<&Value>) -> Self {
        if let Some((channel, thread)) = conversation.split_once(':') {
            return Self {
                channel: channel.to_owned(),
                thread: Some(thread.to_owned()),
            };
        }
        let given = |name: &str| reply_to.and_then(|reply_to| reply_to[name].as_str());
        match given("channel").filter(|channel| is_direct(channel) && is_person(conversation)) {
            Some(channel) => Self {
                channel: channel.to_owned(),
                thread: given("thread_ts").map(str::to_owned),
            },
            None => Self {
                channel: conversation.to_owned(),
                thread: None,
            },
        }
    }
}

/// Whom a member's or a channel's id means. What is written to a channel begins there; what people answer in its thread
/// is a conversation of that thread.
pub(crate) fn address(to: &str) -> Result<Address, CredentialsError> {
    let to = to.trim();
    if is_person(to) || is_id(to, "C") || is_id(to, "G") {
        return Ok(Address {
            contact: to.to_owned(),
            conversation: ConversationKey(to.to_owned()),
        });
    }
    let problem = if is_id(to, "D") {
        "is a direct message's id: give the person's instead, in their profile under ⋮, Copy member ID"
    } else {
        "is neither a person's id (U…, in their profile under ⋮, Copy member ID) nor a channel's (C…, at the end of its \
         About tab)"
    };
    Err(CredentialsError {
        field: "to".to_owned(),
        problem: problem.to_owned(),
    })
}

/// Our id of something posted.
pub(crate) fn message_id(channel: &str, ts: &str) -> String {
    format!("{channel}:{ts}")
}

/// A time stamp, `1763800000.000100`, in microseconds since 1970: Slack's order within a channel.
pub(crate) fn micros(ts: &str) -> Option<i64> {
    let (seconds, fraction) = ts.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if fraction.len() != 6 || !digits(fraction) || seconds.is_empty() || !digits(seconds) {
        return None;
    }
    seconds
        .parse::<i64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(fraction.parse().ok()?)
}

/// The time as Slack writes it.
pub(crate) fn time_stamp(time: DateTime<Utc>) -> String {
    let micros = time.timestamp_micros().max(0);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_where_the_conversation_is() {
        let direct = json!({"channel": "D0001", "thread_ts": "1.000001"});
        for (conversation, reply_to, channel, thread) in [
            ("C0001:1.000002", None, "C0001", Some("1.000002")),
            ("C0001:1.000002", Some(&direct), "C0001", Some("1.000002")),
            ("U0001", Some(&direct), "D0001", Some("1.000001")),
            ("U0001", None, "U0001", None),
            ("U0001", Some(&json!({"channel": "C0009"})), "U0001", None),
            ("C0001", Some(&direct), "C0001", None),
        ] {
            let place = Place::of(conversation, reply_to);

            assert_eq!(
                (place.channel.as_str(), place.thread.as_deref()),
                (channel, thread)
            );
        }
    }

    #[test]
    fn time_stamps_are_numbers_that_keep_slacks_order() {
        assert_eq!(micros("1763800000.000100"), Some(1_763_800_000_000_100));
        for not_one in [
            "",
            "1",
            "1.1",
            ".000001",
            "1.00000x",
            "-1.000001",
            "99999999999999999999.000001",
        ] {
            assert_eq!(micros(not_one), None, "{not_one}");
        }
        let time = DateTime::from_timestamp_micros(1_763_800_000_000_100).unwrap();
        assert_eq!(time_stamp(time), "1763800000.000100");
    }

    #[test]
    fn members_and_channels_can_be_addressed_and_nothing_else() {
        for to in ["U0001", " W0001 ", "C0001", "G0001"] {
            assert_eq!(address(to).unwrap().contact, to.trim());
        }
        assert!(
            address("D0001")
                .unwrap_err()
                .problem
                .contains("the person's instead")
        );
        for to in ["", "ann", "@ann", "#general", "u0001", "C0001:1.000001"] {
            assert!(
                address(to).unwrap_err().problem.contains("Copy member ID"),
                "{to}"
            );
        }
    }
}
