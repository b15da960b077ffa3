//! Sends what waits.

use crate::{
    letter::{self, Letter},
    link::link,
    smtp::{self, MailError},
};
use chrono::Duration;
use domain::InvitationId;
use process::clock::Clock;
use std::error::Error;
use store::{
    Db, StoreError,
    activity_log::NewActivity,
    invitations, mail_settings, mails,
    mails::{About, Mail},
    one_time_tokens::{self, NewToken, Purpose},
    users,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use url::Url;
use vault::{Keyring, token};

/// How long a link in a mail for a new password works, from when the mail is sent.
const RESET_LASTS: Duration = Duration::minutes(30);
/// How often it looks for what waits.
const EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// Nobody else takes a mail that is in hand: longer than sending one may take.
const IN_HAND: Duration = Duration::minutes(3);
/// What waits longer is given up: a mail that comes the day after helps nobody.
const GIVEN_UP_AFTER: Duration = Duration::hours(24);
/// The first wait after a failure; each one more is twice as long.
const FIRST_WAIT: Duration = Duration::seconds(10);
const LONGEST_WAIT: Duration = Duration::minutes(30);

/// Sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Post {
    db: Db,
    keyring: Keyring,
    clock: Clock,
    public_url: Url,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Post {
    /// `public_url`: where the outside world reaches this installation; links lead there.
    pub const fn new(db: Db, keyring: Keyring, clock: Clock, public_url: Url) -> Self {
        Self {
            db,
            keyring,
            clock,
            public_url,
        }
    }

    /// Sends what waits until `stop`. Several may run: each mail is in one hand at a time.
    pub async fn run(self, stop: CancellationToken) {
        let mut rounds = interval(EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                done = self.round() => if let Err(error) = done {
                    tracing::warn!(error = &error as &dyn Error, "mails wait for the database");
                },
            }
        }
    }

    /// Sends all that is due. Without settings nothing is: it waits, and is given up when it has waited too long.
    pub async fn round(&self) -> Result<(), StoreError> {
        let Some(settings) = mail_settings::get(&self.db).await? else {
            return Ok(());
        };
        while let Some(mail) = mails::claim(&self.db, IN_HAND, self.clock.now()).await? {
            let now = self.clock.now();
            if now - mail.created_at > GIVEN_UP_AFTER {
                mails::fail(&self.db, mail.id, "it waited longer than a day", now).await?;
                continue;
            }
            match self.deliver(&settings, &mail).await {
                Ok(true) => {
                    mails::sent(&self.db, mail.id, self.clock.now()).await?;
                    tracing::info!(mail = %mail.id, "a mail was sent");
                }
                Ok(false) => mails::drop(&self.db, mail.id).await?,
                Err(NotSent::Store(error)) => return Err(error),
                Err(NotSent::Mail(error)) => self.put_off(&mail, &error).await?,
            }
        }
        Ok(())
    }

    async fn put_off(&self, mail: &Mail, error: &MailError) -> Result<(), StoreError> {
        let (now, said) = (self.clock.now(), error.to_string());
        tracing::warn!(mail = %mail.id, error = error as &dyn Error, attempts = mail.attempts, "a mail was not sent");
        if error.is_final() {
            return mails::fail(&self.db, mail.id, &said, now).await;
        }
        let doublings = u32::try_from(mail.attempts - 1).unwrap_or(0).min(16);
        let wait = (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
        mails::postpone(&self.db, mail.id, &said, now + wait).await
    }

    /// `false`: there is nothing to send any more.
    async fn deliver(&self, settings: &mail_settings::MailSettings, mail: &Mail) -> Result<bool, NotSent> {
        let letter = match mail.about {
            About::Invitation(id) => self.invitation(mail, id).await?,
            About::Reset => self.reset(mail).await?,
        };
        let Some(letter) = letter else {
            return Ok(false);
        };
        smtp::send(&self.keyring, settings, &self.public_url, &mail.recipient, letter).await?;
        Ok(true)
    }

    async fn invitation(&self, mail: &Mail, id: InvitationId) -> Result<Option<Letter>, StoreError> {
        let token = token::new("");
        let mut tx = self.db.system().await?;
        let about = invitations::set_token(&mut tx, id, &token::digest(&token), self.clock.now()).await?;
        tx.commit().await?;
        let link = link(&self.public_url, "invite", &token);
        Ok(about.map(|about| letter::invitation(mail.language, &self.public_url, &about, &link)))
    }

    /// None where the address has no account: whoever asked is not told, and nobody else is bothered.
    async fn reset(&self, mail: &Mail) -> Result<Option<Letter>, StoreError> {
        let (token, now) = (token::new(""), self.clock.now());
        let expires_at = now + RESET_LASTS;
        let mut tx = self.db.system().await?;
        let Some((user, language)) = users::for_reset(&mut tx, &mail.recipient).await? else {
            return Ok(None);
        };
        let new = NewToken {
            hash: &token::digest(&token),
            purpose: Purpose::Reset,
            user: Some(user),
            workspace: None,
            role: None,
            email: None,
            created_by: None,
            expires_at,
        };
        one_time_tokens::revoke_unused(&mut tx, Purpose::Reset, Some(user)).await?;
        one_time_tokens::insert(&mut tx, &new, now).await?;
        if mail.attempts == 1 {
            let activity = NewActivity {
                action: "password.reset_link",
                target: Some(user.to_string()),
                details: serde_json::json!({ "by": "mail" }),
                ..Default::default()
            };
            store::activity_log::record_system(&mut tx, None, &activity, now).await?;
        }
        tx.commit().await?;
        let language = language.unwrap_or(mail.language);
        let link = link(&self.public_url, "reset", &token);
        Ok(Some(letter::reset(language, &self.public_url, expires_at, &link)))
    }
}
