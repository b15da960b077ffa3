//! Integrations opened for use: their row, their unsealed credentials and their platform, kept for a while.
//!
//! Invariants:
//! - What is kept is used for [`FRESH`] at most while the database answers, and for [`STALE`] while it does not: a
//!   database that is away stops no webhook and no send.
//! - Credentials are in memory only, in their platform's own type, which shows nothing in a log.

mod error;
mod quarantine;

pub use error::AccountError;
pub use quarantine::{QUARANTINED, QuarantinedWebhook};

use channel::{ChannelHandle, OpenCredentials, Registry};
use domain::{ChatbotId, IntegrationId, Platform, WorkspaceId};
use moka::future::Cache;
use queue::LiveEvent;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{Db, channel_accounts::ChannelAccount};
use tokio_util::sync::CancellationToken;
use vault::{Keyring, Place};

/// How long what was read is trusted.
pub const FRESH: Duration = Duration::from_secs(30);
/// How long it is used while the database cannot be asked.
pub const STALE: Duration = Duration::from_secs(600);
/// Column of the sealed credentials, as the seal names it.
pub const CREDENTIALS: &str = "integrations.credentials";
/// Column of what a platform gave with a message, as the seal names it.
pub const REPLY_TO: &str = "messages.reply_to";
const MOST: u64 = 10_000;
/// How long the database may take while a platform waits: asked twice, there is still time for an honest 503.
const PATIENCE: Duration = Duration::from_millis(800);

/// An integration, ready to be used.
#[derive(Debug, Clone)]
pub struct Account {
    /// The integration.
    pub integration: IntegrationId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its bot.
    pub chatbot: ChatbotId,
    /// Whether its owner has it switched on.
    pub enabled: bool,
    /// Bumped by every change.
    pub version: i64,
    /// Its platform's code.
    pub channel: ChannelHandle,
    /// Its credentials.
    pub credentials: OpenCredentials,
}

#[derive(Clone)]
struct Kept {
    read_at: Instant,
    account: Arc<Account>,
}

/// The bots that are connected to an account; there is at least one, so a stranger who names accounts fills nothing.
#[derive(Clone)]
struct KeptBots {
    read_at: Instant,
    bots: Arc<[ChatbotId]>,
}

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// [`FRESH`].
    Kept,
    /// Read now, if the database answers.
    Now,
}

/// Opens integrations. Cheap to clone; clones share what is kept.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    keyring: Keyring,
    channels: Registry,
    by_chatbot: Cache<(ChatbotId, Platform), Kept>,
    by_integration: Cache<IntegrationId, Kept>,
    bots: Cache<(Platform, String), KeptBots>,
}

impl Accounts {
    /// Nothing kept yet.
    pub fn new(db: Db, keyring: Keyring, channels: Registry) -> Self {
        Self {
            db,
            keyring,
            channels,
            by_chatbot: Cache::builder().max_capacity(MOST).time_to_live(STALE).build(),
            by_integration: Cache::builder().max_capacity(MOST).time_to_live(STALE).build(),
            bots: Cache::builder().max_capacity(MOST).time_to_live(STALE).build(),
        }
    }

    /// The keys under which credentials are sealed, and by which the installation proves what it says.
    pub const fn masters(&self) -> &vault::MasterKeys {
        self.keyring.masters()
    }

    /// All platforms.
    pub const fn channels(&self) -> &Registry {
        &self.channels
    }

    /// The bot's account on a platform. `None`: it has none.
    pub async fn of_chatbot(
        &self,
        chatbot: ChatbotId,
        platform: &Platform,
        age: Age,
    ) -> Result<Option<Arc<Account>>, AccountError> {
        let key = (chatbot, platform.clone());
        let kept = self.by_chatbot.get(&key).await;
        if let Some(kept) = kept
            .as_ref()
            .filter(|kept| age == Age::Kept && kept.read_at.elapsed() < FRESH)
        {
            return Ok(Some(kept.account.clone()));
        }
        let asked = async {
            match store::channel_accounts::of_chatbot(&self.db, chatbot, platform).await? {
                None => Ok(None),
                Some(row) => self.open(row).await.map(Some),
            }
        };
        let found = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(found) => found,
            Err(_) => Err(AccountError::Slow),
        };
        match found {
            Ok(None) => {
                self.by_chatbot.invalidate(&key).await;
                Ok(None)
            }
            Ok(Some(account)) => {
                self.by_chatbot
                    .insert(
                        key,
                        Kept {
                            read_at: Instant::now(),
                            account: account.clone(),
                        },
                    )
                    .await;
                Ok(Some(account))
            }
            Err(error) => match kept {
                Some(kept) if error.is_transient() => Ok(Some(kept.account)),
                _ => Err(error),
            },
        }
    }

    /// The account of an integration, at `version` or newer. `None`: it has been deleted.
    pub async fn of_integration(
        &self,
        integration: IntegrationId,
        version: i64,
    ) -> Result<Option<Arc<Account>>, AccountError> {
        let kept = self.by_integration.get(&integration).await;
        let usable = |kept: &&Kept| kept.read_at.elapsed() < FRESH && kept.account.version >= version;
        if let Some(kept) = kept.as_ref().filter(usable) {
            return Ok(Some(kept.account.clone()));
        }
        let Some(row) = store::channel_accounts::of_integration(&self.db, integration).await? else {
            self.by_integration.invalidate(&integration).await;
            return Ok(None);
        };
        let account = self.open(row).await?;
        self.by_integration
            .insert(
                integration,
                Kept {
                    read_at: Instant::now(),
                    account: account.clone(),
                },
            )
            .await;
        Ok(Some(account))
    }

    /// The bots that are connected to any of a platform's accounts.
    pub async fn bots_of_accounts(
        &self,
        platform: &Platform,
        accounts: &[String],
    ) -> Result<Vec<ChatbotId>, AccountError> {
        let mut known = BTreeMap::new();
        for account in accounts {
            if let Some(kept) = self.bots.get(&(platform.clone(), account.clone())).await {
                known.insert(account.as_str(), kept);
            }
        }
        let is_fresh = |account: &str| {
            known
                .get(account)
                .is_some_and(|kept| kept.read_at.elapsed() < FRESH)
        };
        let asked_for: Vec<String> = accounts
            .iter()
            .filter(|account| !is_fresh(account))
            .cloned()
            .collect();
        if !asked_for.is_empty() {
            let asked = store::care::bots_of_accounts(&self.db, platform, &asked_for);
            let found = match tokio::time::timeout(PATIENCE, asked).await {
                Ok(found) => found.map_err(AccountError::from),
                Err(_) => Err(AccountError::Slow),
            };
            match found {
                Ok(found) => {
                    for account in &asked_for {
                        let key = (platform.clone(), account.clone());
                        match found.get(account) {
                            None => {
                                known.remove(account.as_str());
                                self.bots.invalidate(&key).await;
                            }
                            Some(bots) => {
                                let kept = KeptBots {
                                    read_at: Instant::now(),
                                    bots: bots.as_slice().into(),
                                };
                                known.insert(account, kept.clone());
                                self.bots.insert(key, kept).await;
                            }
                        }
                    }
                }
                // What is known of some must not be taken for all: the platform sends the others' messages once.
                Err(error)
                    if !error.is_transient()
                        || asked_for
                            .iter()
                            .any(|account| !known.contains_key(account.as_str())) =>
                {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Ok(known
            .values()
            .flat_map(|kept| kept.bots.iter().copied())
            .collect())
    }

    async fn open(&self, row: ChannelAccount) -> Result<Arc<Account>, AccountError> {
        let channel = self
            .channels
            .get(&row.platform)
            .ok_or_else(|| AccountError::UnknownPlatform(row.platform.clone()))?;
        let place = Place {
            row: row.integration.as_uuid(),
            column: CREDENTIALS,
        };
        let json = self
            .keyring
            .open_text(row.workspace, place, &row.credentials)
            .await?;
        let credentials = channel.open(&json)?;
        Ok(Arc::new(Account {
            integration: row.integration,
            workspace: row.workspace,
            chatbot: row.chatbot,
            enabled: row.enabled,
            version: row.version,
            channel: channel.clone(),
            credentials,
        }))
    }

    /// Seals renewed credentials for their row, once their platform has read them.
    pub async fn seal_credentials(
        &self,
        account: &Account,
        json: &secrecy::SecretString,
    ) -> Result<Vec<u8>, AccountError> {
        account.channel.open(json)?;
        let place = Place {
            row: account.integration.as_uuid(),
            column: CREDENTIALS,
        };
        let plain = secrecy::ExposeSecret::expose_secret(json).as_bytes();
        Ok(self.keyring.seal(account.workspace, place, plain).await?)
    }

    /// Seals what a platform needs to be answered, for the row of its message.
    pub async fn seal_reply_to(
        &self,
        workspace: WorkspaceId,
        message: domain::MessageId,
        plain: &[u8],
    ) -> Result<Vec<u8>, AccountError> {
        Ok(self
            .keyring
            .seal(
                workspace,
                Place {
                    row: message.as_uuid(),
                    column: REPLY_TO,
                },
                plain,
            )
            .await?)
    }

    /// Opens what [`Accounts::seal_reply_to`] sealed.
    pub async fn open_reply_to(
        &self,
        workspace: WorkspaceId,
        message: domain::MessageId,
        sealed: &[u8],
    ) -> Result<secrecy::SecretString, AccountError> {
        let place = Place {
            row: message.as_uuid(),
            column: REPLY_TO,
        };
        Ok(self.keyring.open_text(workspace, place, sealed).await?)
    }

    /// Drops what has changed, as live events tell, until `stop`. Missing one costs [`FRESH`] of staleness at most.
    pub async fn follow(self, queue: queue::Queue, stop: CancellationToken) {
        let mut events = queue.live().subscribe();
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                None => return,
                Some(event) => self.forget(&event).await,
            }
        }
    }

    async fn forget(&self, event: &LiveEvent) {
        let topic = match event {
            LiveEvent::Event { topic, .. } if !topic.starts_with("chatbot.") => topic,
            LiveEvent::Event { .. } | LiveEvent::Resync => {
                self.by_chatbot.invalidate_all();
                self.bots.invalidate_all();
                self.by_integration.invalidate_all();
                return;
            }
        };
        let Some((platform, chatbot)) = topic
            .strip_prefix("integration.")
            .and_then(|rest| rest.split_once('.'))
        else {
            return;
        };
        self.bots.invalidate_all();
        if let (Ok(platform), Ok(chatbot)) = (Platform::try_from(platform), chatbot.parse::<ChatbotId>())
            && let Some(kept) = self.by_chatbot.remove(&(chatbot, platform)).await
        {
            self.by_integration.invalidate(&kept.account.integration).await;
        }
    }
}
