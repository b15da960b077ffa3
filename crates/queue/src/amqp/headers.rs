//! What travels beside a message.

use crate::{Death, delivery::acceptable_traceparent};
use chrono::{DateTime, Utc};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};

const TRACEPARENT: &str = "traceparent";
/// Ours: why a message was put among the dead, where it came from and when.
const REASON: &str = "x-botsmith-reason";
const ORIGIN: &str = "x-botsmith-queue";
const DIED_AT: &str = "x-botsmith-died-at";

/// Persistent, in the words of AMQP.
const PERSISTENT: u8 = 2;

/// What only a dead letter has.
#[derive(Clone, Default)]
pub(super) struct Extra {
    pub(super) death: Option<Death>,
    /// When it was published first.
    pub(super) published_at: Option<DateTime<Utc>>,
}

/// The properties of a message that must not be lost. The number is how it is recognised when it is returned.
pub(super) fn durable(number: u64, traceparent: Option<&str>, extra: &Extra) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut set = |key: &str, value: &str| {
        headers.insert(key.into(), AMQPValue::LongString(value.into()));
    };
    if let Some(traceparent) = traceparent {
        set(TRACEPARENT, traceparent);
    }
    if let Some(death) = &extra.death {
        set(REASON, &death.reason);
        set(ORIGIN, &death.queue);
        if let Some(at) = death.at {
            set(DIED_AT, &at.to_rfc3339());
        }
    }
    let published_at = extra.published_at.unwrap_or_else(Utc::now);
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(number.to_string().into())
        .with_timestamp(published_at.timestamp().unsigned_abs())
        .with_headers(headers)
}

/// The number of a message that was returned.
pub(super) fn number(properties: &BasicProperties) -> Option<u64> {
    properties.message_id().as_ref()?.as_str().parse().ok()
}

/// What came beside a message.
pub(super) struct Beside {
    pub(super) traceparent: Option<String>,
    /// Deliveries before this one, as far as the broker counts them.
    pub(super) deliveries_before: Option<u32>,
    pub(super) published_at: Option<DateTime<Utc>>,
    /// How it died: by our word, or by the broker's.
    pub(super) death: Option<Death>,
}

pub(super) fn read(properties: &BasicProperties) -> Beside {
    let headers = properties.headers().as_ref();
    let get = |key: &str| headers.and_then(|headers| headers.inner().get(key));
    let ours = || {
        let at = get(DIED_AT)
            .and_then(text)
            .and_then(|at| DateTime::parse_from_rfc3339(&at).ok());
        Some(Death {
            queue: get(ORIGIN).and_then(text)?,
            reason: get(REASON).and_then(text)?,
            at: at.map(Into::into),
        })
    };
    let brokers = || {
        let queue = get("x-first-death-queue").and_then(text)?;
        let reason = get("x-first-death-reason").and_then(text)?;
        let latest = match get("x-death") {
            Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice().first(),
            _ => None,
        };
        let at = match latest {
            Some(AMQPValue::FieldTable(death)) => death.inner().get("time").and_then(seconds),
            _ => None,
        };
        Some(Death {
            queue,
            reason: in_words(&reason),
            at: at.and_then(moment),
        })
    };
    Beside {
        traceparent: acceptable_traceparent(get(TRACEPARENT).and_then(text)),
        deliveries_before: get("x-delivery-count").and_then(count),
        published_at: properties.timestamp().and_then(moment),
        death: ours().or_else(brokers),
    }
}

/// The broker's word for it is for machines.
fn in_words(reason: &str) -> String {
    match reason {
        "delivery_limit" => format!(
            "it came back {} times without being acknowledged",
            crate::MOST_DELIVERIES
        ),
        other => format!("the broker gave it up: {other}"),
    }
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn seconds(value: &AMQPValue) -> Option<u64> {
    match value {
        AMQPValue::Timestamp(seconds) => Some(*seconds),
        _ => None,
    }
}

fn moment(seconds: impl std::borrow::Borrow<u64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(*seconds.borrow()).ok()?, 0)
}

fn count(value: &AMQPValue) -> Option<u32> {
    match *value {
        AMQPValue::ShortShortInt(n) => n.try_into().ok(),
        AMQPValue::ShortShortUInt(n) => Some(n.into()),
        AMQPValue::ShortInt(n) => n.try_into().ok(),
        AMQPValue::ShortUInt(n) => Some(n.into()),
        AMQPValue::LongInt(n) => n.try_into().ok(),
        AMQPValue::LongUInt(n) => Some(n),
        AMQPValue::LongLongInt(n) => n.try_into().ok(),
        _ => None,
    }
}
