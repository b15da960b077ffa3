//! Keeps secrets sealed in the database: envelope encryption with a data key for each workspace.
//!
//! A **data key** (256 bits, random) seals what belongs to one workspace, or to the installation itself. It lies in the database, wrapped by a
//! **master key** that never does: whoever has only the database, or a backup of it, has nothing. Both use AES-256-GCM.
//!
//! Invariants:
//! - A sealed value opens only for the workspace, row and column it was sealed for: all three are associated data.
//! - A workspace has one data key for good; of several made at once by different processes the first is everybody's.
//! - No error, log or debug print carries a key or a plain text.
//! - What a process has opened once it opens again while the database is away.
//!
//! To change the master key without a pause: add the new one to `previous_master_keys` and restart every process, so
//! that all can read what it wraps; swap the two and restart; [`rotate_master`]; when [`master_status`] shows nothing
//! under the old one, remove it.

mod error;
mod keyring;
mod master;
mod rotation;
mod sealed;
mod signing;
pub mod token;

pub use error::{KeyError, VaultError};
pub use keyring::{Keyring, Place};
pub use master::{MasterKeys, Settings, create_master_key_file};
pub use rotation::{MasterStatus, Rotation, WrappedBy, master_status, rotate_master};
pub use sealed::KeyId;
/// In the place of a workspace: the installation itself, for secrets that belong to no workspace.
pub use store::data_keys::INSTALLATION;
