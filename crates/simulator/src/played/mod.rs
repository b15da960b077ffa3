//! All platforms but Twilio, each below a path of its own: what they share.
//!
//! Invariants: what is sent through an API is in the [`Outbox`] before the call is answered; a webhook is made and signed
//! by the platform's own [`Play`] alone; a conversation is known to a platform only after somebody wrote in it.

mod answer;
mod bounded;
mod call;
pub mod discord;
mod fault;
mod held;
pub mod meta;
mod outbox;
mod person;
mod report;
mod serve;
mod sign;
pub mod slack;
mod socket;
pub mod teams;
pub mod telegram;
mod world;

pub use answer::Answer;
pub(crate) use answer::{Body, Done};
pub(crate) use call::{Call, Params, utf16};
pub use fault::{Fault, FaultRule, Operation};
pub use held::{Connections, Ending, Held};
pub(crate) use held::{Lines, Open};
pub use outbox::{Button, Kind, Outbox, Outgoing};
pub(crate) use person::next_number;
pub use person::{Attachment, Person};
pub use report::Report;
pub(crate) use serve::{About, serve};
pub use sign::{Signed, Signing};
pub(crate) use sign::{hex, hmac_sha256};
pub(crate) use socket::{Heard, Order, Orders, Socket};
pub use world::{Call as Noted, Counts, Hook, Media, Played};

use crate::delivery::Delivered;
use actix_web::web::ServiceConfig;

/// A platform, played.
pub trait Play: Send + Sync + 'static {
    /// The platform's name, as in webhook addresses: `telegram`.
    fn name(&self) -> &'static str;
    /// Below which path of the simulator its API is: `/telegram`.
    fn base(&self) -> &'static str;
    /// The made-up account's id.
    fn account(&self) -> &'static str;
    /// What webhooks are signed with unless another secret is given. Where a platform's key is fixed, it is not used.
    fn secret(&self) -> &'static str;
    /// What the owner of the made-up account types in to connect it, where webhooks are signed with this secret.
    fn credentials(&self, secret: &str) -> serde_json::Value;
    /// A person who writes when nobody else is named.
    fn someone(&self) -> &'static str;
    /// Adds the API's routes.
    fn routes(&self, routes: &mut ServiceConfig);
    /// The conversation that a person's message belongs to, as replies to it name it.
    fn conversation(&self, person: &Person) -> String;
    /// The person, as the product should know them.
    fn contact(&self, person: &Person) -> String {
        person.from.clone()
    }
    /// The platform's id of a person's message.
    fn message_id(&self, person: &Person) -> String;
    /// The webhook for a person's message. An error where the platform could not have such a person or message.
    fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed>;
    /// The call with which the platform proves a webhook address before it uses it, where it does.
    fn handshake(&self, _signing: &Signing) -> Option<Signed> {
        None
    }
    /// The webhook for news of a message that was sent, where the platform has such news.
    fn report(&self, _message: &Outgoing, _report: &Report, _signing: &Signing) -> Option<Signed> {
        None
    }
    /// The platform's own way of saying that there are too many calls.
    fn too_many(&self, retry_after: Option<u64>) -> Answer;
    /// Takes note of what was answered to a webhook, where the platform reads more than the status.
    fn answered(&self, _played: &Played, _person: &Person, _delivered: &Delivered) {}
    /// Reading over connections, where the platform has that.
    fn held(&self) -> Option<&'static dyn Held> {
        None
    }
}

/// All of them.
pub const ALL: &[&dyn Play] = &[
    &telegram::Telegram,
    &slack::Slack,
    &meta::WhatsApp,
    &meta::Messenger,
    &meta::Instagram,
    &teams::Teams,
    &discord::Discord,
];

/// One by its name.
pub fn find(name: &str) -> Option<&'static dyn Play> {
    ALL.iter().copied().find(|play| play.name() == name)
}
