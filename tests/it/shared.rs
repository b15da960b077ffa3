//! One product for all tests that break nothing: in roles, over RabbitMQ, quoting from the knowledge. Each test has a
//! chatbot and a person of its own.

use serde_json::Value;
use simulator::twilio::{Delivered, Inbound, Message, Retries};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::sync::OnceCell;
use whole_product::{
    api::Bot,
    load::contact,
    product::{Mode, Options, Product},
    wait,
};

/// As long as anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How many chatbots there can be: one for each test.
const BOTS: usize = 40;

static SHARED: OnceCell<Product> = OnceCell::const_new();
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A person who writes to a chatbot of their own.
pub struct Visitor {
    pub product: &'static Product,
    pub bot: Bot,
    pub number: String,
}

/// The product.
pub async fn product() -> anyhow::Result<&'static Product> {
    SHARED
        .get_or_try_init(async || {
            Product::start_without_bots(Options {
                mode: Mode::Split {
                    gateways: 1,
                    workers: 2,
                },
                model: None,
                bots: BOTS,
                ..Options::default()
            })
            .await
            .and_then(Product::forget_logs)
        })
        .await
}

impl Visitor {
    /// Someone new, and a chatbot that knows the opening hours.
    pub async fn new() -> anyhow::Result<Self> {
        let product = product().await?;
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(index < BOTS, "too few numbers");
        let number = whole_product::product::phone_number(index);
        let bot = product.api().new_bot(&format!("Bot {index}"), &number).await?;
        product.api().add_opening_hours(&bot).await?;
        product.api().indexed(&bot, PATIENCE).await?;
        Ok(Self {
            product,
            bot,
            number: contact(9_000 + index as u64),
        })
    }

    /// A message of theirs, not sent yet.
    pub fn message(&self, text: &str) -> Inbound {
        Inbound::sms(simulator::demo::ACCOUNT_SID, &self.number, &self.bot.number, text)
    }

    /// Delivers a message as the platform would.
    pub async fn deliver(&self, message: &Inbound) -> anyhow::Result<Delivered> {
        Ok(self
            .product
            .sender()?
            .deliver(&self.bot.chatbot_id, message, Retries::TWILIO)
            .await)
    }

    /// Writes; fails unless the webhook takes it.
    pub async fn write(&self, text: &str) -> anyhow::Result<()> {
        let delivered = self.deliver(&self.message(text)).await?;
        anyhow::ensure!(delivered.accepted(), "{:?} {}", delivered.status, delivered.body);
        Ok(())
    }

    /// Writes, and waits for the reply.
    pub async fn ask(&self, text: &str) -> anyhow::Result<Message> {
        let before = self.product.twilio().newest();
        self.write(text).await?;
        self.reply_after(before).await
    }

    /// Waits for the first reply after a position.
    pub async fn reply_after(&self, position: u64) -> anyhow::Result<Message> {
        let reply = self
            .product
            .twilio()
            .next_to(&self.number, position, PATIENCE)
            .await;
        reply.ok_or_else(|| anyhow::anyhow!("no reply within {PATIENCE:?}"))
    }

    /// All replies that they ever got.
    pub fn replies(&self) -> Vec<Message> {
        let mut sent = self.product.twilio().sent();
        sent.retain(|message| message.to == self.number);
        sent
    }

    /// Waits until a message of theirs with this text fits, as the API shows it.
    pub async fn journey(&self, text: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        let found = wait::until("a message's journey", PATIENCE, async || {
            let messages = self.product.api().messages_with(&self.bot, &self.number).await?;
            let message = messages
                .into_iter()
                .rev()
                .find(|m| m["direction"] == "inbound" && m["text"] == text);
            if let Some(message) = &message {
                last = message.clone();
            }
            Ok(message.filter(|message| fits(message)))
        })
        .await;
        found.map_err(|error| error.context(format!("last seen: {last:#}")))
    }
}

/// The times at which a stage was reached.
pub fn time(value: &Value) -> chrono::DateTime<chrono::Utc> {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    chrono::DateTime::parse_from_rfc3339(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .to_utc()
}
