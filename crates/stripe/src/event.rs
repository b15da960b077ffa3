//! What Stripe tells: events about subscriptions and invoices. Others are known by their type alone.
//!
//! Since version 2025-03-31 a period is written with a subscription's item, and an invoice names its subscription under
//! `parent`; before, both stood at the top. An endpoint may be of either kind.
//!
//! Source: <https://docs.stripe.com/api/events/types>

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// An event.
#[derive(Debug)]
pub struct Event {
    /// The same when it is sent again.
    pub id: String,
    /// `customer.subscription.updated` …
    pub kind: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// What it is about, as it was then.
    pub object: Object,
}

/// What an event is about.
#[derive(Debug)]
pub enum Object {
    /// A subscription.
    Subscription(Subscription),
    /// An invoice.
    Invoice(Invoice),
    /// Something that nothing depends on here.
    Other,
}

/// How it stands with a subscription: <https://docs.stripe.com/api/subscriptions/object#subscription_object-status>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first payment is still to come.
    Incomplete,
    /// It never came.
    IncompleteExpired,
    /// Nothing is charged yet.
    Trialing,
    /// All is well.
    Active,
    /// A payment failed, and is tried again.
    PastDue,
    /// It has ended.
    Canceled,
    /// A payment failed for good.
    Unpaid,
    /// A trial ended without a card.
    Paused,
}

/// A subscription.
#[derive(Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// The customer's.
    pub customer: String,
    /// How it stands.
    pub status: Status,
    /// The workspace that was noted at the checkout.
    pub workspace: Option<String>,
    /// The price's id.
    pub price: String,
    /// What a month costs, in the currency's smallest unit.
    pub month_minor: i64,
    /// The same after a discount that is told with it.
    pub discounted_minor: i64,
    /// ISO 4217, in capitals.
    pub currency: String,
    /// When the period began.
    pub period_start: DateTime<Utc>,
    /// When it ends.
    pub period_end: DateTime<Utc>,
    /// Whether it ends then for good.
    pub cancel_at_period_end: bool,
}

/// An invoice.
#[derive(Debug)]
pub struct Invoice {
    /// Its id.
    pub id: String,
    /// Stripe's number; a draft has none.
    pub number: Option<String>,
    /// Its subscription's id.
    pub subscription: Option<String>,
    /// The workspace that was noted at the checkout.
    pub workspace: Option<String>,
    /// Whether it is paid.
    pub is_paid: bool,
    /// ISO 4217, in capitals.
    pub currency: String,
    /// In the currency's smallest unit.
    pub total_minor: i64,
    /// What it is made of; together it may be more than the total, by discounts.
    pub lines: Vec<InvoiceLine>,
    /// When the period begins that is paid for.
    pub period_start: DateTime<Utc>,
    /// When it ends.
    pub period_end: DateTime<Utc>,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// A line of an invoice.
#[derive(Debug, Deserialize)]
pub struct InvoiceLine {
    /// What for.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// When it is for: an invoice's own period is that before it.
    period: Option<Period>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Period {
    start: i64,
    end: i64,
}

fn text<'de, D: serde::Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: serde_json::Value,
}

#[derive(Deserialize)]
struct WireSubscription {
    id: String,
    customer: String,
    status: Status,
    #[serde(default)]
    metadata: Metadata,
    items: List<Item>,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
    #[serde(default)]
    cancel_at_period_end: bool,
    #[serde(default)]
    discount: Option<Discount>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    workspace_id: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
struct Item {
    price: Price,
    quantity: Option<i64>,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
struct Price {
    id: String,
    currency: String,
    unit_amount: Option<i64>,
    recurring: Option<Recurring>,
}

#[derive(Deserialize)]
struct Recurring {
    interval: String,
    interval_count: i64,
}

#[derive(Deserialize)]
struct Discount {
    coupon: WireCoupon,
}

#[derive(Deserialize)]
struct WireCoupon {
    percent_off: Option<f64>,
    amount_off: Option<i64>,
}

#[derive(Deserialize)]
struct WireInvoice {
    id: String,
    number: Option<String>,
    status: Option<String>,
    currency: String,
    total: i64,
    lines: List<InvoiceLine>,
    period_start: i64,
    period_end: i64,
    created: i64,
    subscription: Option<String>,
    subscription_details: Option<Details>,
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    subscription_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    subscription: Option<String>,
    metadata: Option<Metadata>,
}

impl Event {
    /// Reads a body whose signature was verified.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let envelope: Envelope = serde_json::from_slice(body)?;
        let object = match envelope.kind.as_str() {
            "customer.subscription.created"
            | "customer.subscription.updated"
            | "customer.subscription.deleted"
            | "customer.subscription.paused"
            | "customer.subscription.resumed" => {
                let wire: WireSubscription = serde_json::from_value(envelope.data.object)?;
                wire.into_subscription()
                    .map_or(Object::Other, Object::Subscription)
            }
            "invoice.finalized" | "invoice.paid" | "invoice.payment_failed" | "invoice.payment_succeeded" => {
                Object::Invoice(serde_json::from_value::<WireInvoice>(envelope.data.object)?.into())
            }
            _ => Object::Other,
        };
        Ok(Self {
            id: envelope.id,
            kind: envelope.kind,
            created: moment(envelope.created),
            object,
        })
    }
}

impl WireSubscription {
    /// `None`: it is of nothing.
    fn into_subscription(self) -> Option<Subscription> {
        let item = self.items.data.into_iter().next()?;
        let month_minor = item.price.of_month() * item.quantity.unwrap_or(1);
        let off = self
            .discount
            .map_or(0, |discount| discount.coupon.of(month_minor));
        Some(Subscription {
            id: self.id,
            customer: self.customer,
            status: self.status,
            workspace: self.metadata.workspace_id,
            currency: item.price.currency.to_uppercase(),
            price: item.price.id,
            month_minor,
            discounted_minor: month_minor - off,
            period_start: moment(item.current_period_start.or(self.current_period_start)?),
            period_end: moment(item.current_period_end.or(self.current_period_end)?),
            cancel_at_period_end: self.cancel_at_period_end,
        })
    }
}

impl Price {
    fn of_month(&self) -> i64 {
        let amount = self.unit_amount.unwrap_or_default();
        let count = self
            .recurring
            .as_ref()
            .map_or(1, |recurring| recurring.interval_count.max(1));
        match self
            .recurring
            .as_ref()
            .map(|recurring| recurring.interval.as_str())
        {
            Some("year") => amount / (12 * count),
            Some("week") => amount * 52 / (12 * count),
            Some("day") => amount * 365 / (12 * count),
            _ => amount / count,
        }
    }
}

impl WireCoupon {
    fn of(&self, price: i64) -> i64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "prices are small"
        )]
        let by_share = self
            .percent_off
            .map(|percent| (price as f64 * percent / 100.0).round() as i64);
        by_share.or(self.amount_off).unwrap_or_default().clamp(0, price)
    }
}

impl From<WireInvoice> for Invoice {
    fn from(wire: WireInvoice) -> Self {
        let details = wire
            .parent
            .and_then(|parent| parent.subscription_details)
            .or(wire.subscription_details);
        let (named, metadata) =
            details.map_or((None, None), |details| (details.subscription, details.metadata));
        let paid_for = wire
            .lines
            .data
            .iter()
            .filter_map(|line| line.period)
            .max_by_key(|period| period.end);
        let period = paid_for.unwrap_or(Period {
            start: wire.period_start,
            end: wire.period_end,
        });
        Self {
            id: wire.id,
            number: wire.number,
            subscription: named.or(wire.subscription),
            workspace: metadata.and_then(|metadata| metadata.workspace_id),
            is_paid: wire.status.as_deref() == Some("paid"),
            currency: wire.currency.to_uppercase(),
            total_minor: wire.total,
            lines: wire.lines.data,
            period_start: moment(period.start),
            period_end: moment(period.end),
            created: moment(wire.created),
        }
    }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &[u8] = include_bytes!("../fixtures/customer.subscription.updated.json");
    const INVOICE: &[u8] = include_bytes!("../fixtures/invoice.paid.json");

    #[test]
    fn a_subscription_is_read_with_its_workspace_its_price_and_its_period() {
        let event = Event::read(SUBSCRIPTION).unwrap();

        let Object::Subscription(told) = event.object else {
            panic!("{event:?}")
        };
        assert_eq!(
            (event.id.as_str(), told.id.as_str(), told.customer.as_str()),
            ("evt_1Sub", "sub_1", "cus_1")
        );
        assert_eq!(
            told.workspace.as_deref(),
            Some("019a0000-0000-7000-8000-000000000001")
        );
        assert_eq!(
            (told.price.as_str(), told.month_minor, told.currency.as_str()),
            ("price_team", 2_900, "EUR")
        );
        assert_eq!(
            (told.status, told.period_end.timestamp()),
            (Status::Active, 1_792_592_000)
        );
    }

    #[test]
    fn an_older_endpoint_writes_the_period_at_the_top() {
        let mut event: serde_json::Value = serde_json::from_slice(SUBSCRIPTION).unwrap();
        let object = &mut event["data"]["object"];
        for name in ["current_period_start", "current_period_end"] {
            object[name] = object["items"]["data"][0][name].take();
            object["items"]["data"][0].as_object_mut().unwrap().remove(name);
        }

        let event = Event::read(event.to_string().as_bytes()).unwrap();

        assert!(
            matches!(event.object, Object::Subscription(told) if told.period_start.timestamp() == 1_790_000_000)
        );
    }

    #[test]
    fn an_invoice_is_read_with_what_it_is_for() {
        let event = Event::read(INVOICE).unwrap();

        let Object::Invoice(told) = event.object else {
            panic!("{event:?}")
        };
        assert_eq!(
            (told.number.as_deref(), told.total_minor, told.is_paid),
            (Some("9A1B2C3D-0001"), 2_900, true)
        );
        assert_eq!(told.subscription.as_deref(), Some("sub_1"));
        assert_eq!(told.period_end.timestamp(), 1_792_592_000);
        assert_eq!(
            told.workspace.as_deref(),
            Some("019a0000-0000-7000-8000-000000000001")
        );
    }

    #[test]
    fn an_event_of_another_kind_is_no_error() {
        let event = Event::read(
            br#"{"id": "evt_2", "type": "charge.refunded", "created": 1, "data": {"object": {}}}"#,
        );

        assert!(matches!(event.unwrap().object, Object::Other));
    }

    #[test]
    fn a_years_price_is_reckoned_by_the_month() {
        let price = |interval: &str, interval_count| Price {
            id: String::new(),
            currency: "eur".to_owned(),
            unit_amount: Some(12_000),
            recurring: Some(Recurring {
                interval: interval.to_owned(),
                interval_count,
            }),
        };

        assert_eq!(price("year", 1).of_month(), 1_000);
        assert_eq!(price("month", 3).of_month(), 4_000);
        assert_eq!(price("week", 1).of_month(), 52_000);
    }
}
