//! What can go wrong with the queue, named by what the caller does next.

use std::time::Duration;

/// A message was not published. Nobody may be told that it was accepted.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The queue is away, blocked or too slow: the same message may be accepted later. It may also have arrived.
    #[error("the queue cannot take the message now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// This message will never be accepted.
    #[error("the message has {bytes} bytes, more than {}", crate::MAX_BYTES)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The queue keeps nothing: its tokens are sent with `wake`.
    #[error("the queue {queue} carries wake-ups only")]
    TokensOnly {
        /// Its name.
        queue: String,
    },
}

/// A live event was not sent.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Both transports refuse what the smaller one cannot carry.
    #[error(
        "the live event has {bytes} bytes as it travels, more than {}",
        crate::live::MAX_BYTES
    )]
    TooLarge {
        /// Its size with topic and encoding.
        bytes: usize,
    },
    /// A topic is short and has neither spaces nor control characters.
    #[error("the topic {0:?} has a space or a control character, is empty or longer than 200 bytes")]
    Topic(String),
}

/// The queue cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The setting `queue.url` cannot be read. The address is not shown: it has the password in it.
    #[error("queue.url is not an AMQP address such as amqp://user:password@host:5672/vhost")]
    Url,
    /// The setting `queue.namespace` cannot be used.
    #[error("queue.namespace {0:?} has other characters than a-z, 0-9, '.', '_' and '-', or more than 64")]
    Namespace(String),
    /// Not possible without a namespace: it would touch every message there is.
    #[error("only the queues of a namespace can be deleted")]
    NoNamespace,
    /// The broker is away: try again later.
    #[error("the broker is not available")]
    Away,
    /// The broker refused.
    #[error("the broker refused")]
    Amqp(#[from] lapin::Error),
    /// The database is away, or refused.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}
