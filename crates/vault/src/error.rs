//! What can go wrong, in words that say what to do. None carries a key or a plain text.

use crate::sealed::KeyId;
use domain::WorkspaceId;
use std::{path::PathBuf, sync::Arc};
use store::StoreError;
use uuid::Uuid;

/// The master keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// None is configured.
    #[error(
        "no master key is configured: set `vault.master_key_file` to a file that holds 32 random bytes in base64 \
         (`openssl rand -base64 32 > master.key`), or `vault.master_key` to the text itself"
    )]
    None,
    /// Two are.
    #[error("both `vault.master_key` and `vault.master_key_file` are set: leave one of them out")]
    Two,
    /// A text that should be a key is none.
    #[error(
        "{place} is not a master key: {problem}. A master key is 32 random bytes in base64, 44 characters, as from `openssl rand -base64 32`"
    )]
    Malformed {
        /// Which setting or file.
        place: String,
        /// What is wrong with it. Never any of its text.
        problem: String,
    },
    /// The file cannot be read or written.
    #[error("the master key file {path} cannot be {action}")]
    File {
        /// Where it should be.
        path: PathBuf,
        /// `read` or `created`.
        action: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The operating system gives no randomness.
    #[error("the operating system's random number generator failed")]
    Randomness,
}

/// A value cannot be sealed or opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The workspace's data key could not be fetched.
    #[error("the workspace's data key could not be fetched")]
    Store(#[source] Arc<StoreError>),
    /// There is no such workspace.
    #[error("there is no workspace {0}")]
    UnknownWorkspace(WorkspaceId),
    /// The workspace has never sealed anything, so nothing can be opened for it.
    #[error("workspace {0} has no data key, so this value was not sealed for it")]
    NoDataKey(WorkspaceId),
    /// The master key that wraps the workspace's data key is not configured.
    #[error(
        "the data key of workspace {workspace} is wrapped by master key {wanted}, and only {configured} is configured: \
         set `vault.master_key` to master key {wanted}, or add it to `vault.previous_master_keys`"
    )]
    UnknownMasterKey {
        /// Whose data key.
        workspace: WorkspaceId,
        /// The id of the master key that is missing.
        wanted: String,
        /// The ids of those that are there.
        configured: String,
    },
    /// The stored data key was changed or moved.
    #[error(
        "the data key of workspace {workspace} does not open with master key {master}: it was damaged or moved; restore it from a backup"
    )]
    DamagedDataKey {
        /// Whose data key.
        workspace: WorkspaceId,
        /// The id of the master key.
        master: String,
    },
    /// The value was sealed by a later version of this program, or is no sealed value.
    #[error("the value in {column} of row {row} is not sealed in a way this version knows: {problem}")]
    UnknownFormat {
        /// The row.
        row: Uuid,
        /// The column.
        column: &'static str,
        /// What it looks like.
        problem: String,
    },
    /// The value was sealed by another data key than this workspace's.
    #[error(
        "the value in {column} of row {row} was sealed by data key {sealed_by}, and this workspace's is {ours}: it belongs elsewhere"
    )]
    OtherKey {
        /// The row.
        row: Uuid,
        /// The column.
        column: &'static str,
        /// The id of the data key that sealed it.
        sealed_by: KeyId,
        /// The id of the workspace's data key.
        ours: KeyId,
    },
    /// The value was changed, or moved from another row or column.
    #[error(
        "the value in {column} of row {row} is not what was sealed there: it was damaged or moved; enter it again or restore it from a backup"
    )]
    Refused {
        /// The row.
        row: Uuid,
        /// The column.
        column: &'static str,
    },
    /// The operating system gives no randomness, or the value is larger than the cipher takes.
    #[error("the value could not be sealed")]
    Sealing,
}

impl VaultError {
    /// Whether the same call may succeed later without anything being changed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
