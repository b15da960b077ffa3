//! Why an integration cannot be used.

use domain::{Platform, QuarantineId};

/// An integration cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The database did not answer while somebody waited for it.
    #[error("the database did not answer in time")]
    Slow,
    /// Its credentials cannot be unsealed.
    #[error("the integration's credentials cannot be unsealed")]
    Vault(#[from] vault::VaultError),
    /// Its credentials are not what its platform needs.
    #[error("the integration's credentials are not usable: {0}")]
    Credentials(#[from] channel::CredentialsError),
    /// Its platform is not part of this installation.
    #[error("this installation does not have the platform {0}")]
    UnknownPlatform(Platform),
    /// A webhook in quarantine is not what we put there.
    #[error("the webhook {0} in quarantine cannot be read")]
    UnreadableWebhook(QuarantineId),
}

impl AccountError {
    /// Whether the same call may succeed later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Slow => true,
            // The workspace's key may have to be fetched first.
            Self::Vault(error) => error.is_transient(),
            Self::Credentials(_) | Self::UnknownPlatform(_) | Self::UnreadableWebhook(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use vault::VaultError;

    #[test]
    fn a_key_that_cannot_be_fetched_now_is_no_reason_to_give_an_integration_up() {
        let gone = store::StoreError::Unavailable(sqlx::Error::PoolTimedOut);
        let key = AccountError::Vault(VaultError::Store(Arc::new(gone)));

        assert!(key.is_transient());
        assert!(!AccountError::Vault(VaultError::Sealing).is_transient());
    }
}
