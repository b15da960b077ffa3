//! Wrapping every data key anew with the current master key, while everything runs.
//!
//! Invariant: a key is replaced only if it is still what was read, and what was written opens with the current master
//! key. It can be stopped and started again at any point.

use crate::{MasterKeys, VaultError};
use domain::WorkspaceId;
use store::{
    Db,
    data_keys::{self, Rewrapped},
};

/// Keys wrapped anew by one statement.
const BATCH: i64 = 500;

/// What a rotation did.
#[derive(Debug)]
pub struct Rotation {
    /// Data keys wrapped anew.
    pub rewrapped: u64,
    /// Data keys that could not be unwrapped, with why. They are as they were.
    pub refused: Vec<(WorkspaceId, VaultError)>,
    /// How it stands now.
    pub status: MasterStatus,
}

/// Which master keys wrap how many data keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterStatus {
    /// The id of the master key that wraps what is new.
    pub current: String,
    /// All master keys that wrap something.
    pub wrapped_by: Vec<WrappedBy>,
}

/// How many data keys one master key wraps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedBy {
    /// The master key's id.
    pub master_key_id: String,
    /// Data keys that it wraps.
    pub data_keys: u64,
    /// Whether it is configured here. If not, what it wraps cannot be opened.
    pub configured: bool,
}

impl MasterStatus {
    /// Data keys that the current master key does not wrap yet. At 0 every other master key can be thrown away.
    pub fn remaining(&self) -> u64 {
        self.wrapped_by
            .iter()
            .filter(|by| by.master_key_id != self.current)
            .map(|by| by.data_keys)
            .sum()
    }
}

/// Which master keys wrap how many data keys.
pub async fn master_status(db: &Db, masters: &MasterKeys) -> Result<MasterStatus, VaultError> {
    let counts = data_keys::count_by_master_key(db).await?;
    let wrapped_by = counts
        .into_iter()
        .map(|(master_key_id, data_keys)| WrappedBy {
            configured: masters.knows(&master_key_id),
            master_key_id,
            data_keys,
        })
        .collect();
    Ok(MasterStatus {
        current: masters.current_id(),
        wrapped_by,
    })
}

/// Wraps every data key anew that the current master key does not wrap yet. What cannot be unwrapped stays as it was
/// and is reported; everything else is done.
pub async fn rotate_master(db: &Db, masters: &MasterKeys) -> Result<Rotation, VaultError> {
    let (mut rewrapped, mut refused, mut after) = (0, Vec::new(), None);
    loop {
        let keys = data_keys::not_wrapped_by(db, &masters.current_id(), after, BATCH).await?;
        let Some(last) = keys.last() else { break };
        after = Some(last.workspace);
        let mut changes = Vec::with_capacity(keys.len());
        for before in keys {
            match masters
                .unwrap(&before)
                .and_then(|key| masters.wrap(before.workspace, &key))
            {
                Ok(after) => changes.push(Rewrapped { before, after }),
                Err(error) => refused.push((before.workspace, error)),
            }
        }
        rewrapped += data_keys::rewrap(db, &changes).await?;
    }
    Ok(Rotation {
        rewrapped,
        refused,
        status: master_status(db, masters).await?,
    })
}
