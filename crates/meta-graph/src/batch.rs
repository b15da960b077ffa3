//! Walks through what Meta delivers in one webhook: many accounts' news, at several levels.
//!
//! Invariant: a part that cannot be read is reported with its position and fails nothing else; what it holds is not
//! repeated in the report.

use channel::{MalformedPart, ReceiveError, WebhookKind};
use chrono::{DateTime, Utc};
use domain::PartId;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Longest id that is shown.
const SHOWN: usize = 40;

/// The body of a webhook. Half a character in one message costs that character, not the batch.
pub fn parse(body: &[u8]) -> Result<Value, ReceiveError> {
    let read = serde_json::from_slice(body).or_else(|_| serde_json::from_str(&mended(body)));
    let body: Value = read.map_err(|_| {
        ReceiveError::Malformed("the body is not JSON, and Meta sends nothing else".to_owned())
    })?;
    if body.get("entry").is_some_and(Value::is_array) {
        Ok(body)
    } else {
        Err(ReceiveError::Malformed(
            "the body has no list named entry, as all of Meta's webhooks have".to_owned(),
        ))
    }
}

/// The body with U+FFFD for what is no character: bytes that are no UTF-8, and escapes of half a surrogate pair.
fn mended(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut mended = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let (kept, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (true, 12),
            (Some(0xD800..=0xDFFF), _) => (false, 6),
            // The escaped character, which may itself be a backslash.
            _ => (true, 1 + escape.chars().nth(1).map_or(0, char::len_utf8)),
        };
        let (escape, after) = escape.split_at(length);
        mended.push_str(if kept { escape } else { "\u{fffd}" });
        rest = after;
    }
    mended.push_str(rest);
    mended
}

/// The UTF-16 unit of an escape at the beginning, if there is one.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// The parts of a list, each an object with its position; none if there is no such list. Anything else is reported.
pub fn list<'v>(
    within: &'v Value,
    name: &str,
    position: &str,
    malformed: &mut Vec<MalformedPart>,
) -> Vec<(String, &'v Value)> {
    let path = if position.is_empty() {
        name.to_owned()
    } else {
        format!("{position}.{name}")
    };
    match within.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(parts)) => parts
            .iter()
            .enumerate()
            .map(|(at, part)| (format!("{path}[{at}]"), part))
            .filter_map(|(position, part)| {
                if part.is_object() {
                    return Some((position, part));
                }
                report(position, "it is not an object", malformed);
                None
            })
            .collect(),
        Some(_) => {
            report(path, "it is not a list", malformed);
            Vec::new()
        }
    }
}

/// Reads one part, or reports it.
pub fn read<'v, T: Deserialize<'v>>(
    part: &'v Value,
    position: &str,
    malformed: &mut Vec<MalformedPart>,
) -> Option<T> {
    T::deserialize(part)
        .map_err(|error| report(position.to_owned(), problem(&error), malformed))
        .ok()
}

/// Reports a part that cannot be read.
pub fn report(position: String, problem: impl Into<String>, malformed: &mut Vec<MalformedPart>) {
    malformed.push(MalformedPart {
        position,
        problem: problem.into(),
    });
}

/// What is wrong, without the value: serde's own words quote it.
fn problem(error: &serde_json::Error) -> String {
    let words = error.to_string();
    if words.starts_with("missing field") {
        return words;
    }
    match words.rsplit_once(", expected ") {
        Some((_, expected)) => format!("it has a value of the wrong kind, where {expected} is expected"),
        None => "it cannot be read".to_owned(),
    }
}

/// An id, which Meta writes as a text, and now and then as a number.
pub fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// A number that may be written as a text: WhatsApp's times are.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    })
}

/// A time in seconds since 1970, as WhatsApp tells it.
pub fn seconds(time: Option<i64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time?, 0)
}

/// A time in milliseconds since 1970, as Messenger and Instagram tell it.
pub fn milliseconds(time: Option<i64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(time?)
}

/// The id of ours that came back with a report, if it is one.
pub fn part(given: Option<&str>) -> Option<PartId> {
    given?.parse().ok()
}

/// Whose news a webhook carries.
#[derive(Debug, Default)]
pub struct Ownership {
    ours: bool,
    foreign: Option<String>,
}

impl Ownership {
    /// Whether a part is about the integration's account.
    pub fn is_ours(&mut self, given: &str, account: &str) -> bool {
        if given == account {
            self.ours = true;
        } else {
            self.foreign
                .get_or_insert_with(|| given.chars().take(SHOWN).collect());
        }
        given == account
    }

    /// Refuses a webhook to the integration's own address that is about others only. At the shared address each
    /// integration is asked in turn, and others' news is no news.
    pub fn judge(self, kind: WebhookKind) -> Result<(), ReceiveError> {
        match (kind, self) {
            (WebhookKind::Shared, _) | (_, Self { ours: true, .. }) | (_, Self { foreign: None, .. }) => {
                Ok(())
            }
            (
                WebhookKind::Inbound | WebhookKind::Status { .. },
                Self {
                    foreign: Some(given), ..
                },
            ) => Err(ReceiveError::ForeignAccount { given }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    struct Part {
        #[expect(dead_code, reason = "only whether it can be read is asked")]
        mid: String,
        #[serde(default, deserialize_with = "number")]
        time: Option<i64>,
    }

    #[test]
    fn parts_have_positions_and_bad_ones_are_reported_without_their_words() {
        let body = json!({"entry": [{"messaging": [{"mid": "a", "time": "17"}, {"mid": {"canary": 1}}, {}, "canary"]},
            {"messaging": "canary"}]});
        let mut malformed = Vec::new();
        let mut times = Vec::new();

        for (position, entry) in list(&body, "entry", "", &mut malformed) {
            for (position, part) in list(entry, "messaging", &position, &mut malformed) {
                times.extend(read::<Part>(part, &position, &mut malformed).map(|part| part.time));
            }
        }

        assert_eq!(times, [Some(17)]);
        malformed.sort_by(|one, other| one.position.cmp(&other.position));
        let positions: Vec<&str> = malformed.iter().map(|part| part.position.as_str()).collect();
        assert_eq!(
            positions,
            [
                "entry[0].messaging[1]",
                "entry[0].messaging[2]",
                "entry[0].messaging[3]",
                "entry[1].messaging"
            ]
        );
        assert_eq!(malformed[1].problem, "missing field `mid`");
        assert!(!format!("{malformed:?}").contains("canary"), "{malformed:?}");
    }

    #[test]
    fn what_is_no_batch_is_malformed() {
        for body in ["", "{", "[]", "null", "{}", r#"{"entry":{}}"#, "\u{feff}{}"] {
            assert!(
                matches!(parse(body.as_bytes()), Err(ReceiveError::Malformed(_))),
                "{body}"
            );
        }
        assert!(parse(br#"{"entry":[]}"#).is_ok());
    }

    #[test]
    fn half_a_character_costs_itself_and_not_the_batch() {
        for (written, read) in [
            (&br"\ud83d"[..], "\u{fffd}"),
            (br"\ude00 \ud83d\ud83d\ude00", "\u{fffd} \u{fffd}\u{1f600}"),
            (br"\\ud83d \ud83d\n", "\\ud83d \u{fffd}\n"),
            (br"\uD83D\u0041", "\u{fffd}A"),
            (b"caf\xe9 \xf0\x9f", "caf\u{fffd} \u{fffd}"),
        ] {
            let body = [
                &br#"{"entry":[{"text":""#[..],
                written,
                br#""},{"text":"\u00fc"}]}"#,
            ]
            .concat();

            let parsed = parse(&body).unwrap();

            assert_eq!(parsed["entry"][0]["text"], read);
            assert_eq!(parsed["entry"][1]["text"], "ü");
        }
    }

    #[test]
    fn what_ends_within_an_escape_is_malformed() {
        for body in [
            r#"{"entry":["\"#,
            r#"{"entry":["\ud8"#,
            r#"{"entry":["\ud83d"#,
            r#"{"entry":["\ud83dé"#,
        ] {
            assert!(
                matches!(parse(body.as_bytes()), Err(ReceiveError::Malformed(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn only_a_webhook_about_others_alone_is_foreign_and_only_at_ones_own_address() {
        for (given, kind, refused) in [
            (&["1", "2"][..], WebhookKind::Inbound, false),
            (&["2", "3"][..], WebhookKind::Inbound, true),
            (&["2"][..], WebhookKind::Shared, false),
            (&[][..], WebhookKind::Inbound, false),
        ] {
            let mut ownership = Ownership::default();
            for account in given {
                ownership.is_ours(account, "1");
            }

            let judged = ownership.judge(kind);

            assert_eq!(judged.is_err(), refused, "{given:?}: {judged:?}");
        }
    }
}
