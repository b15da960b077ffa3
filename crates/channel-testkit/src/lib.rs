//! The promises every channel makes, each a function that a platform's tests call.
//!
//! A platform writes one [`Recording`] and gets the whole list with [`promises!`]. Flipping a byte of the body is not in
//! the list: not every platform signs it.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a broken promise panics"
)]

mod diagnosis;
mod inbound;
mod network;
mod outbound;

pub use diagnosis::{diagnoses_garbage, keeps_nothing_of_nobody, says_why_it_refuses};
pub use inbound::{
    acknowledges_what_it_does_not_know, ignores_fields_it_does_not_know, names_a_redelivery_the_same,
    reads_a_genuine_message, reads_the_rest_of_a_batch, refuses_a_repeated_proof,
    refuses_what_it_cannot_prove, refuses_without_a_secret, shows_no_secret, survives_garbage,
};
pub use network::{client, refuse_connections, shared, speak_once};
pub use outbound::{
    composes_anything, cuts_a_long_reply_to_measure, describes_itself, keeps_every_word_of_markdown,
    keeps_right_to_left_text, loses_no_button, tears_no_emoji,
};

use channel::{Channel, OutboundContent, WebhookRequest};

/// The secret that genuine requests are signed with.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Somebody else's.
pub const FOREIGN_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// The credentials of a recording's platform.
pub type CredentialsOf<R> = <<R as Recording>::Channel as Channel>::Credentials;

/// One webhook of a platform, and how the platform proves it.
pub trait Recording {
    /// The platform's code.
    type Channel: Channel;

    /// The platform's code. It is never asked to call anybody.
    fn channel(&self) -> Self::Channel;

    /// The recorded account's credentials, complete, with this secret for proving webhooks: which may be empty.
    fn credentials(&self, secret: &str) -> CredentialsOf<Self>;

    /// A webhook, not yet proven, in which a person wrote one message.
    fn request(&self) -> WebhookRequest;

    /// What the message is.
    fn expected(&self) -> Expected;

    /// The request as the platform would prove it with this secret.
    fn sign(&self, request: WebhookRequest, secret: &str) -> WebhookRequest;

    /// The header that proves it.
    fn proof(&self) -> &'static str;

    /// The same request with a field that the platform may add tomorrow.
    fn with_unknown_field(&self, request: WebhookRequest) -> WebhookRequest;

    /// A webhook, not yet proven, of a kind that the platform may add tomorrow: no message in it.
    fn unknown_event(&self) -> WebhookRequest;

    /// A webhook, not yet proven, with the recorded message and beside it one that cannot be read. `None`: the platform
    /// sends one at a time.
    fn batch_with_a_bad_part(&self) -> Option<WebhookRequest>;

    /// Whether the platform takes this at once.
    fn fits(&self, content: &OutboundContent) -> bool;
}

/// What the recorded message is.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    /// The account it was sent to.
    pub account: String,
    /// The platform's id of it.
    pub dedupe_key: String,
    /// The person who wrote.
    pub contact: String,
    /// What was written.
    pub text: String,
}

/// A test for each promise. The crate that calls it needs tokio.
#[macro_export]
macro_rules! promises {
    ($recording:expr) => {
        #[tokio::test]
        async fn it_reads_a_genuine_message() {
            $crate::reads_a_genuine_message(&$recording).await;
        }

        #[tokio::test]
        async fn it_refuses_what_it_cannot_prove() {
            $crate::refuses_what_it_cannot_prove(&$recording).await;
        }

        #[tokio::test]
        async fn it_refuses_a_repeated_proof() {
            $crate::refuses_a_repeated_proof(&$recording).await;
        }

        #[tokio::test]
        async fn it_refuses_everything_without_a_secret() {
            $crate::refuses_without_a_secret(&$recording).await;
        }

        #[tokio::test]
        async fn it_names_a_redelivery_the_same() {
            $crate::names_a_redelivery_the_same(&$recording).await;
        }

        #[tokio::test]
        async fn it_ignores_fields_that_it_does_not_know() {
            $crate::ignores_fields_it_does_not_know(&$recording).await;
        }

        #[tokio::test]
        async fn it_acknowledges_what_it_does_not_know() {
            $crate::acknowledges_what_it_does_not_know(&$recording).await;
        }

        #[tokio::test]
        async fn it_reads_the_rest_of_a_batch_with_a_bad_part() {
            $crate::reads_the_rest_of_a_batch(&$recording).await;
        }

        #[tokio::test]
        async fn it_shows_no_secret_when_it_refuses() {
            $crate::shows_no_secret(&$recording).await;
        }

        #[test]
        fn it_says_why_it_refuses_and_what_to_do() {
            $crate::says_why_it_refuses(&$recording);
        }

        #[test]
        fn it_keeps_nothing_that_is_about_nobody() {
            $crate::keeps_nothing_of_nobody(&$recording);
        }

        #[test]
        fn it_finds_out_about_garbage_without_showing_a_secret() {
            $crate::diagnoses_garbage(&$recording);
        }

        #[test]
        fn it_survives_garbage() {
            $crate::survives_garbage(&$recording);
        }

        #[test]
        fn it_cuts_a_long_reply_to_measure() {
            $crate::cuts_a_long_reply_to_measure(&$recording);
        }

        #[test]
        fn it_composes_anything() {
            $crate::composes_anything(&$recording);
        }

        #[test]
        fn it_keeps_every_word_of_markdown() {
            $crate::keeps_every_word_of_markdown(&$recording);
        }

        #[test]
        fn it_tears_no_emoji() {
            $crate::tears_no_emoji(&$recording);
        }

        #[test]
        fn it_keeps_right_to_left_text() {
            $crate::keeps_right_to_left_text(&$recording);
        }

        #[test]
        fn it_loses_no_button() {
            $crate::loses_no_button(&$recording);
        }

        #[test]
        fn it_describes_itself() {
            $crate::describes_itself(&$recording.channel());
        }
    };
}
