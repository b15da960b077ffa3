//! Webhooks that could not be verified, kept for their integration's owner.
//!
//! Invariants: what is kept is sealed before it comes here; an integration keeps [`MOST_ROWS`] and [`MOST_BYTES`] at most,
//! the oldest go; a row leaves the state `kept` once, and its content with it.

use crate::{Db, StoreError, TenantTx};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, IntegrationId, Platform, QuarantineId, QuarantineState, WorkspaceId};
use std::{collections::BTreeSet, fmt};

/// How long a webhook is kept, and how old it may be when it is replayed.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(72);
/// How many one integration keeps.
pub const MOST_ROWS: i64 = 100;
/// How many bytes one integration keeps.
pub const MOST_BYTES: i64 = 5 * 1024 * 1024;

/// A webhook to be kept.
#[derive(Clone)]
pub struct NewQuarantined {
    /// Its id, for which it is sealed.
    pub id: QuarantineId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The integration it was sent to.
    pub integration: IntegrationId,
    /// `inbound`, `shared` or `status`.
    pub kind: &'static str,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How many bytes it has.
    pub size: usize,
    /// Why it was not verified: a stable word.
    pub cause: &'static str,
    /// The same for its owner; no secret and no message text.
    pub words: String,
    /// The webhook.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for NewQuarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewQuarantined")
            .field("id", &self.id)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A webhook that could not be verified, without its content.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// Sorts by time.
    pub id: QuarantineId,
    /// The integration it was sent to.
    pub integration: IntegrationId,
    /// The integration's platform.
    pub platform: Platform,
    /// `inbound`, `shared` or `status`.
    pub kind: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How many bytes it has.
    pub size: i32,
    /// Why it was not verified when that was last tried in vain: a stable word.
    pub cause: String,
    /// The same in words.
    pub words: String,
    /// What became of it.
    pub state: QuarantineState,
    /// When it was last verified again.
    pub checked_at: Option<DateTime<Utc>>,
    /// Whether it was proven then.
    pub acceptable: Option<bool>,
    /// When it left the state `kept`.
    pub settled_at: Option<DateTime<Utc>>,
}

impl Quarantined {
    /// When it is too old to be replayed, and goes.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.received_at + KEPT_FOR
    }
}

/// The content of a webhook that is still kept.
#[derive(Debug)]
pub struct WithContent {
    /// The webhook.
    pub webhook: Quarantined,
    /// Its content, sealed; `None` once it has been replayed or discarded.
    pub sealed: Option<Vec<u8>>,
}

struct Row {
    id: uuid::Uuid,
    integration_id: uuid::Uuid,
    platform: String,
    kind: String,
    received_at: DateTime<Utc>,
    size: i32,
    cause: String,
    words: String,
    state: String,
    checked_at: Option<DateTime<Utc>>,
    acceptable: Option<bool>,
    settled_at: Option<DateTime<Utc>>,
    sealed: Option<Vec<u8>>,
}

impl TryFrom<Row> for WithContent {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            webhook: Quarantined {
                id: row.id.into(),
                integration: row.integration_id.into(),
                platform: row.platform.try_into()?,
                kind: row.kind,
                received_at: row.received_at,
                size: row.size,
                cause: row.cause,
                words: row.words,
                state: row.state.parse()?,
                checked_at: row.checked_at,
                acceptable: row.acceptable,
                settled_at: row.settled_at,
            },
            sealed: row.sealed,
        })
    }
}

/// Keeps webhooks, and lets go of what their integrations have too much of. Those of integrations that are gone are
/// dropped.
pub async fn keep(db: &Db, webhooks: &[NewQuarantined]) -> Result<(), StoreError> {
    let ids: Vec<_> = webhooks.iter().map(|new| new.id.as_uuid()).collect();
    let workspaces: Vec<_> = webhooks.iter().map(|new| new.workspace.as_uuid()).collect();
    let integrations: Vec<_> = webhooks.iter().map(|new| new.integration.as_uuid()).collect();
    let kinds: Vec<_> = webhooks.iter().map(|new| new.kind.to_owned()).collect();
    let times: Vec<_> = webhooks.iter().map(|new| new.received_at).collect();
    let sizes: Vec<_> = webhooks
        .iter()
        .map(|new| i32::try_from(new.size).unwrap_or(i32::MAX))
        .collect();
    let causes: Vec<_> = webhooks.iter().map(|new| new.cause.to_owned()).collect();
    let words: Vec<_> = webhooks.iter().map(|new| new.words.clone()).collect();
    let sealed: Vec<_> = webhooks.iter().map(|new| new.sealed.clone()).collect();
    let touched: BTreeSet<_> = integrations.iter().copied().collect();
    let touched: Vec<_> = touched.into_iter().collect();
    let mut tx = db.system().await?;
    sqlx::query!(
        "insert into quarantine (id, workspace_id, integration_id, kind, received_at, size, cause, words, sealed)
         select new.id, i.workspace_id, i.id, new.kind, new.received_at, new.size, new.cause, new.words, new.sealed
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::int[], $7::text[],
                     $8::text[], $9::bytea[])
              as new (id, workspace, integration, kind, received_at, size, cause, words, sealed)
         join integrations i on i.id = new.integration and i.workspace_id = new.workspace",
        &ids,
        &workspaces,
        &integrations,
        &kinds,
        &times,
        &sizes,
        &causes,
        &words,
        &sealed,
    )
    .execute(&mut *tx)
    .await?;
    // What is settled has no content, and goes before what still waits for its owner.
    sqlx::query!(
        "delete from quarantine q
         using (select id, row_number() over newest as place,
                       sum(case when state = 'kept' then size else 0 end) over newest as bytes
                from quarantine where integration_id = any($1)
                window newest as (partition by integration_id order by state = 'kept' desc, id desc)) ranked
         where q.id = ranked.id and (ranked.place > $2 or ranked.bytes > $3::bigint)",
        &touched,
        MOST_ROWS,
        MOST_BYTES,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The webhooks that a chatbot's integrations keep, and what became of others, newest first.
pub async fn list(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    integration: Option<IntegrationId>,
    after: Option<QuarantineId>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Quarantined>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        r#"select q.id, q.integration_id, i.platform, q.kind, q.received_at, q.size, q.cause, q.words, q.state,
                  q.checked_at, q.acceptable, q.settled_at, null::bytea as "sealed"
           from quarantine q join integrations i on i.id = q.integration_id
           where q.workspace_id = $1 and i.chatbot_id = $2 and q.received_at > $3
             and ($4::uuid is null or q.integration_id = $4) and ($5::uuid is null or q.id < $5)
           order by q.id desc limit $6"#,
        workspace,
        chatbot.as_uuid(),
        now - KEPT_FOR,
        integration.map(|id| id.as_uuid()),
        after.map(|id| id.as_uuid()),
        limit,
    )
    .fetch_all(tx.connection())
    .await?
    .into_iter()
    .map(|row| WithContent::try_from(row).map(|found| found.webhook))
    .collect()
}

/// One webhook of a chatbot's integrations, with its content.
pub async fn get(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    id: QuarantineId,
) -> Result<Option<WithContent>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    sqlx::query_as!(
        Row,
        "select q.id, q.integration_id, i.platform, q.kind, q.received_at, q.size, q.cause, q.words, q.state,
                q.checked_at, q.acceptable, q.settled_at, q.sealed
         from quarantine q join integrations i on i.id = q.integration_id
         where q.workspace_id = $1 and i.chatbot_id = $2 and q.id = $3",
        workspace,
        chatbot.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?
    .map(TryInto::try_into)
    .transpose()
}

/// Why a webhook that was verified again is still refused.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    /// A stable word.
    pub cause: &'a str,
    /// The same in words.
    pub words: &'a str,
}

/// Writes down that a kept webhook was verified again: in vain, with what was found, or not. `false`: it is not kept.
pub async fn checked(
    tx: &mut TenantTx,
    id: QuarantineId,
    refused: Option<Finding<'_>>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        "update quarantine set checked_at = $3, acceptable = $4, cause = coalesce($5, cause), words = coalesce($6, words)
         where workspace_id = $1 and id = $2 and state = 'kept'",
        tx.workspace().as_uuid(),
        id.as_uuid(),
        now,
        refused.is_none(),
        refused.map(|finding| finding.cause),
        refused.map(|finding| finding.words),
    )
    .execute(tx.connection())
    .await?;
    Ok(updated.rows_affected() > 0)
}

/// Takes a webhook out of quarantine, once however many ask at the same time: the others wait for this transaction, and
/// hear `false` if it commits. Its content goes.
pub async fn settle(
    tx: &mut TenantTx,
    id: QuarantineId,
    state: QuarantineState,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        "update quarantine set state = $3, settled_at = $4, sealed = null
         where workspace_id = $1 and id = $2 and state = 'kept'",
        tx.workspace().as_uuid(),
        id.as_uuid(),
        state.as_str(),
        now,
    )
    .execute(tx.connection())
    .await?;
    Ok(updated.rows_affected() > 0)
}

/// Forgets what is older than [`KEPT_FOR`].
pub async fn forget(db: &Db, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("delete from quarantine where received_at <= $1", now - KEPT_FOR)
        .execute(db.system_pool())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Bot, bot, noon};
    use sqlx::PgPool;

    fn new(bot: Bot, received_at: DateTime<Utc>) -> NewQuarantined {
        NewQuarantined {
            id: QuarantineId::new(),
            workspace: bot.workspace,
            integration: bot.integration,
            kind: "inbound",
            received_at,
            size: 6,
            cause: "wrong_secret",
            words: "the signature does not match".to_owned(),
            sealed: b"sealed".to_vec(),
        }
    }

    async fn listed(db: &Db, bot: Bot, now: DateTime<Utc>) -> Vec<Quarantined> {
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        list(&mut tx, bot.chatbot, None, None, 1_000, now).await.unwrap()
    }

    async fn settled(db: &Db, bot: Bot, id: QuarantineId, state: QuarantineState) -> bool {
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let settled = settle(&mut tx, id, state, noon()).await.unwrap();
        tx.commit().await.unwrap();
        settled
    }

    #[sqlx::test]
    async fn a_kept_webhook_is_listed_and_its_content_is_only_in_hand_when_asked_for(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let webhook = new(bot, noon());
        keep(&db, std::slice::from_ref(&webhook)).await.unwrap();

        let listed = listed(&db, bot, noon()).await;
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let found = get(&mut tx, bot.chatbot, webhook.id).await.unwrap().unwrap();

        assert_eq!(listed.len(), 1);
        assert_eq!(
            (listed[0].cause.as_str(), listed[0].state),
            ("wrong_secret", QuarantineState::Kept)
        );
        assert_eq!(listed[0].expires_at(), noon() + TimeDelta::hours(72));
        assert_eq!(found.sealed.as_deref(), Some(b"sealed".as_slice()));
    }

    #[sqlx::test]
    async fn an_integration_keeps_its_newest_and_takes_nothing_from_another(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (flooded, quiet) = (bot(&pool).await, bot(&pool).await);
        keep(&db, &[new(quiet, noon())]).await.unwrap();
        let flood: Vec<_> = (0..130).map(|_| new(flooded, noon())).collect();

        for batch in flood.chunks(40) {
            keep(&db, batch).await.unwrap();
        }

        let kept: BTreeSet<_> = listed(&db, flooded, noon())
            .await
            .iter()
            .map(|kept| kept.id)
            .collect();
        let newest: BTreeSet<_> = flood[30..].iter().map(|new| new.id).collect();
        assert_eq!(kept, newest);
        assert_eq!(listed(&db, quiet, noon()).await.len(), 1);
    }

    #[sqlx::test]
    async fn large_ones_go_when_the_bytes_of_an_integration_are_full(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let large: Vec<_> = (0..7)
            .map(|_| NewQuarantined {
                size: 1024 * 1024,
                ..new(bot, noon())
            })
            .collect();

        keep(&db, &large).await.unwrap();

        let kept: Vec<_> = listed(&db, bot, noon())
            .await
            .iter()
            .map(|kept| kept.id)
            .collect();
        let newest: Vec<_> = large[2..].iter().rev().map(|new| new.id).collect();
        assert_eq!(kept, newest);
    }

    #[sqlx::test]
    async fn what_is_settled_goes_before_what_still_waits(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let first: Vec<_> = (0..MOST_ROWS).map(|_| new(bot, noon())).collect();
        keep(&db, &first).await.unwrap();
        let replayed = first[99].id;
        assert!(settled(&db, bot, replayed, QuarantineState::Replayed).await);

        keep(&db, &[new(bot, noon())]).await.unwrap();

        let kept: Vec<_> = listed(&db, bot, noon())
            .await
            .iter()
            .map(|kept| kept.id)
            .collect();
        assert_eq!(kept.len(), 100);
        assert!(kept.contains(&first[0].id) && !kept.contains(&replayed));
    }

    #[sqlx::test]
    async fn a_webhook_leaves_quarantine_once_and_its_content_with_it(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let webhook = new(bot, noon());
        keep(&db, std::slice::from_ref(&webhook)).await.unwrap();
        let replay = settled(&db, bot, webhook.id, QuarantineState::Replayed);
        let again = settled(&db, bot, webhook.id, QuarantineState::Replayed);

        let (one, two) = tokio::join!(replay, again);
        let discarded = settled(&db, bot, webhook.id, QuarantineState::Discarded).await;

        assert!(one != two, "both or none: {one} {two}");
        assert!(!discarded);
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let found = get(&mut tx, bot.chatbot, webhook.id).await.unwrap().unwrap();
        assert_eq!(found.webhook.state, QuarantineState::Replayed);
        assert!(found.sealed.is_none());
        assert!(!checked(&mut tx, webhook.id, None, noon()).await.unwrap());
    }

    #[sqlx::test]
    async fn a_check_in_vain_leaves_the_newest_words(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let webhook = new(bot, noon());
        keep(&db, std::slice::from_ref(&webhook)).await.unwrap();
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let finding = Finding {
            cause: "other_url",
            words: "it is signed for https://a.example",
        };

        assert!(checked(&mut tx, webhook.id, Some(finding), noon()).await.unwrap());
        let refused = get(&mut tx, bot.chatbot, webhook.id).await.unwrap().unwrap();
        assert!(checked(&mut tx, webhook.id, None, noon()).await.unwrap());
        let accepted = get(&mut tx, bot.chatbot, webhook.id).await.unwrap().unwrap();

        let shown = |found: &WithContent| (found.webhook.cause.clone(), found.webhook.acceptable);
        assert_eq!(shown(&refused), ("other_url".to_owned(), Some(false)));
        assert_eq!(shown(&accepted), ("other_url".to_owned(), Some(true)));
    }

    #[sqlx::test]
    async fn after_three_days_it_is_neither_shown_nor_kept(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        keep(&db, &[new(bot, noon()), new(bot, noon() + TimeDelta::hours(1))])
            .await
            .unwrap();
        let later = noon() + KEPT_FOR;

        let shown = listed(&db, bot, later).await.len();
        forget(&db, later).await.unwrap();

        let left = sqlx::query_scalar!("select count(*) from quarantine")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!((shown, left), (1, Some(1)));
    }

    #[sqlx::test]
    async fn s1_another_tenants_webhook_is_not_there(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (ours, theirs) = (bot(&pool).await, bot(&pool).await);
        let webhook = new(theirs, noon());
        let misplaced = NewQuarantined {
            workspace: ours.workspace,
            ..new(theirs, noon())
        };
        keep(&db, &[webhook.clone(), misplaced]).await.unwrap();

        let mut tx = db.tenant(ours.workspace).await.unwrap();
        let found = get(&mut tx, theirs.chatbot, webhook.id).await.unwrap();
        let settled = settle(&mut tx, webhook.id, QuarantineState::Discarded, noon())
            .await
            .unwrap();

        assert!(found.is_none() && !settled);
        assert_eq!(listed(&db, theirs, noon()).await.len(), 1);
        assert!(listed(&db, ours, noon()).await.is_empty());
    }
}
