//! Mails that wait to be sent, and what became of them.
//!
//! Invariants:
//! - A mail is written in the transaction of what it tells of, so neither is there without the other, and it stays until it
//!   was sent or given up: whoever dies with one in hand has it taken again when its time in hand is over.
//! - There is no token in a mail: its link is made when it is sent.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Duration, Utc};
use domain::{InvitationId, Language, MailId};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An invitation to a workspace.
    Invitation(InvitationId),
    /// Choosing a new password. That somebody asks for it says nothing of whether the address has an account.
    Reset,
}

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct NewMail<'a> {
    /// What about.
    pub about: About,
    /// To whom.
    pub recipient: &'a str,
    /// In which language.
    pub language: Language,
}

/// A mail in hand.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// What about.
    pub about: About,
    /// To whom.
    pub recipient: String,
    /// In which language.
    pub language: Language,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A mail, as administrators see it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: MailId,
    /// `invitation` or `reset`.
    pub kind: String,
    /// To whom.
    pub recipient: String,
    /// `queued`, `sent` or `failed`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, while it waits.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was sent or given up.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why it was not sent.
    pub error: Option<String>,
}

/// Writes a mail.
pub async fn insert(tx: &mut SystemTx, new: &NewMail<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (kind, invitation) = match new.about {
        About::Invitation(id) => ("invitation", Some(id.as_uuid())),
        About::Reset => ("reset", None),
    };
    sqlx::query!(
        "insert into mails (id, kind, recipient, language, invitation_id, created_at, due_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
        MailId::new().as_uuid(),
        kind,
        new.recipient,
        new.language.as_str(),
        invitation,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the mail in hand that has been due longest, until `in_hand` has passed.
pub async fn claim(db: &Db, in_hand: Duration, now: DateTime<Utc>) -> Result<Option<Mail>, StoreError> {
    let row = sqlx::query!(
        "update mails set attempts = attempts + 1, due_at = $2
         where id = (select id from mails where state = 'queued' and due_at <= $1 order by due_at limit 1
                     for update skip locked)
         returning id, kind, recipient, language, invitation_id, attempts, created_at",
        now,
        now + in_hand,
    )
    .fetch_optional(db.system_pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Mail {
        id: row.id.into(),
        about: match (row.kind.as_str(), row.invitation_id) {
            ("invitation", Some(id)) => About::Invitation(id.into()),
            ("reset", None) => About::Reset,
            (kind, _) => return Err(StoreError::Unreadable(format!("a mail of the kind {kind}"))),
        },
        recipient: row.recipient,
        language: Language::of_tag(&row.language).unwrap_or_default(),
        attempts: row.attempts,
        created_at: row.created_at,
    }))
}

/// The server has taken it.
pub async fn sent(db: &Db, id: MailId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update mails set state = 'sent', settled_at = $2, error = null where id = $1",
        id.as_uuid(),
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// It is tried again at `due_at`.
pub async fn postpone(db: &Db, id: MailId, error: &str, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update mails set due_at = $3, error = $2 where id = $1 and state = 'queued'",
        id.as_uuid(),
        error,
        due_at,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// It is given up.
pub async fn fail(db: &Db, id: MailId, error: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update mails set state = 'failed', settled_at = $3, error = $2 where id = $1",
        id.as_uuid(),
        error,
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// There is nothing to send any more.
pub async fn drop(db: &Db, id: MailId) -> Result<(), StoreError> {
    sqlx::query!("delete from mails where id = $1", id.as_uuid())
        .execute(db.system_pool())
        .await?;
    Ok(())
}

/// Mails, newest first, those older than `after` when it is given.
pub async fn list(db: &Db, after: Option<MailId>, limit: i64) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query!(
        "select id, kind, recipient, state, attempts, created_at, due_at, settled_at, error from mails
         where $1::uuid is null or id < $1
         order by id desc limit $2",
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Listed {
            id: row.id.into(),
            kind: row.kind,
            recipient: row.recipient,
            due_at: (row.state == "queued").then_some(row.due_at),
            state: row.state,
            attempts: row.attempts,
            created_at: row.created_at,
            settled_at: row.settled_at,
            error: row.error,
        })
        .collect())
}

/// Forgets mails that were settled before this moment; housekeeping. Returns how many.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from mails where state <> 'queued' and settled_at < $1",
        before
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    async fn written(db: &Db, now: DateTime<Utc>) {
        let mut tx = db.system().await.unwrap();
        let mail = NewMail {
            about: About::Reset,
            recipient: "ada@acme.test",
            language: Language::De,
        };
        insert(&mut tx, &mail, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[sqlx::test]
    async fn a_mail_is_in_one_hand_and_free_again_when_that_hand_has_gone(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (now, in_hand) = (Utc::now(), Duration::minutes(1));
        written(&db, now).await;

        let taken = claim(&db, in_hand, now).await.unwrap().unwrap();

        assert_eq!((taken.attempts, taken.language), (1, Language::De));
        assert!(claim(&db, in_hand, now).await.unwrap().is_none());
        let again = claim(&db, in_hand, now + in_hand).await.unwrap().unwrap();
        assert_eq!((again.id, again.attempts), (taken.id, 2));
        sent(&db, again.id, now).await.unwrap();
        assert!(claim(&db, in_hand, now + in_hand * 3).await.unwrap().is_none());
        assert_eq!(list(&db, None, 10).await.unwrap()[0].state, "sent");
        assert_eq!(forget(&db, now + in_hand).await.unwrap(), 1);
    }
}
