//! Errors, named by what the caller does next.

use std::{error::Error, time::Duration};

/// What lies behind an error. Never carries a URL with a secret in it: platforms strip those first.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// Why a webhook is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It does not prove that it comes from the platform. The reason is for the owner's log, never for the sender.
    #[error("the request does not prove that it comes from the platform: {reason}")]
    BadSignature {
        /// What was missing or did not match, in words the owner can act on. No secret in it.
        reason: String,
    },
    /// It is genuine, and belongs to another account than this integration's.
    #[error("the request is about account {given}, not this integration's")]
    ForeignAccount {
        /// The account the request names.
        given: String,
    },
    /// It is genuine and cannot be read.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
    /// The integration's stored credentials cannot verify anything: a secret is missing.
    #[error("the integration's credentials are not usable: {0}")]
    BadCredentials(#[from] CredentialsError),
    /// Whether it is genuine cannot be told now: what proves it has to be asked of the platform, and cannot be. The
    /// platform should send it again.
    #[error("the request cannot be verified now: {0}")]
    Unavailable(String),
}

/// Why credentials cannot be used, in words for the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct CredentialsError {
    /// The field of the form.
    pub field: String,
    /// What is wrong with the value given and what is expected. Never the value of a secret.
    pub problem: String,
}

/// Why a part was not delivered, named by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The platform did not process it. Worth another try, no sooner than `after` when the platform said so.
    #[error("the platform cannot take the reply now: {reason}")]
    Retry {
        /// The platform's Retry-After.
        after: Option<Duration>,
        /// Whether the platform said that we send too fast: the whole integration pauses.
        rate_limited: bool,
        /// What the platform said.
        reason: String,
    },
    /// The integration is broken until its owner signs in again.
    #[error("the platform no longer accepts these credentials: {reason}")]
    Unauthorized {
        /// What the platform said.
        reason: String,
    },
    /// This part will never be accepted.
    #[error("the platform refused the reply: {reason}")]
    Rejected {
        /// The platform's error code, where it has one.
        code: Option<String>,
        /// What the platform said, and what to do about it.
        reason: String,
    },
    /// The request may have been accepted: the connection was cut, or timed out, after the body was sent.
    #[error("the platform may have accepted the reply: {reason}")]
    Ambiguous {
        /// How the call ended.
        reason: String,
    },
    /// The stored credentials cannot be used at all.
    #[error("the integration's credentials are not usable: {0}")]
    BadCredentials(#[from] CredentialsError),
}

/// Why a check or a registration failed, in words for the owner.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The platform refuses these credentials.
    #[error("the platform refuses these credentials: {0}")]
    Unauthorized(String),
    /// The credentials are good, and something on the account does not fit.
    #[error("{0}")]
    Misconfigured(String),
    /// The platform could not be asked.
    #[error("the platform could not be asked: {0}")]
    Unreachable(String),
    /// The stored credentials cannot be used at all.
    #[error("the credentials are not usable: {0}")]
    BadCredentials(#[from] CredentialsError),
}

/// Why media was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Worth another try.
    #[error("the media cannot be fetched now: {0}")]
    Retry(String),
    /// Will never work: gone, too large, of a refused kind or at a refused address.
    #[error("the media is refused: {0}")]
    Refused(String),
}

/// Why a listener's connection ended.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Open it again, no sooner than `after` where the platform said so.
    #[error("the connection ended: {reason}")]
    Lost {
        /// The platform's time to wait.
        after: Option<Duration>,
        /// How it ended.
        reason: String,
    },
    /// The platform refuses these credentials.
    #[error("the platform no longer accepts these credentials: {reason}")]
    Unauthorized {
        /// What the platform said.
        reason: String,
    },
    /// It will not work until the owner changes something on the platform.
    #[error("{reason}")]
    Misconfigured {
        /// What, in words for the owner.
        reason: String,
    },
    /// What was read could not be queued: nothing was acknowledged, and it will be read again.
    #[error(transparent)]
    Inlet(#[from] InletError),
}

/// What a listener read could not be queued.
#[derive(Debug, thiserror::Error)]
#[error("what was read could not be queued: {0}")]
pub struct InletError(pub String);
