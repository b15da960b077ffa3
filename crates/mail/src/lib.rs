//! Mails to people with accounts, over the SMTP server that an administrator named.
//!
//! Mails wait in the database ([`store::mails`]) and are sent by [`Post`], which the scheduler runs. Invariants:
//! - A mail is sent once at least: it stays until the server has taken it or it was given up with a reason.
//! - The link in a mail is made when the mail is sent, and only its hash is kept.

mod letter;
mod link;
mod post;
mod smtp;

pub use link::link;
pub use post::Post;
pub use smtp::{MailError, check_sender, send_test};
