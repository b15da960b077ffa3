//! Looking after integrations: connections that we hold, platforms that have stopped calling, credentials that run out,
//! and messages that came while we were away.
//!
//! Invariant: a connection is in at most one hand. A claim writes a new token, and whoever finds another has lost.

use crate::{Db, StoreError, intake::interval};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, IntegrationId, LeaseToken, Platform, WorkspaceId};
use std::{collections::BTreeMap, fmt};

/// A connection in our hand.
#[derive(Clone)]
pub struct Listening {
    /// The integration.
    pub integration: IntegrationId,
    /// Its version: an owner's change ends the connection.
    pub version: i64,
    /// Ours as long as the row has it.
    pub lease: LeaseToken,
    /// What the platform's code wants to go on from.
    pub resume: Option<serde_json::Value>,
}

/// What it goes on from may be a session's secret.
impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("integration", &self.integration)
            .finish_non_exhaustive()
    }
}

/// Claims up to `limit` connections of a platform that nobody holds.
pub async fn claim_listening(
    db: &Db,
    platform: &Platform,
    now: DateTime<Utc>,
    lease_for: TimeDelta,
    limit: i64,
) -> Result<Vec<Listening>, StoreError> {
    let rows = sqlx::query!(
        r#"
        update integrations i
        set listener_token = gen_random_uuid(), listener_until = $2::timestamptz + $3::interval
        from (select i.id from integrations i join chatbots b on b.id = i.chatbot_id
              where i.platform = $1 and i.mode = 'connection' and i.enabled and b.archived_at is null
                and i.listener_due_at <= $2 and (i.listener_until is null or i.listener_until < $2)
              order by i.listener_due_at limit $4
              for update of i skip locked) due
        where i.id = due.id
        returning i.id, i.version, i.listener_token as "token!", i.resume
        "#,
        platform.as_str(),
        now,
        interval(lease_for),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Listening {
            integration: row.id.into(),
            version: row.version,
            lease: row.token.into(),
            resume: row.resume,
        })
        .collect())
}

/// Holds a connection for longer. `false`: it is in another's hand, switched off, changed or gone, or its bot is archived,
/// and it must be closed.
pub async fn keep_listening(db: &Db, held: &Listening, until: DateTime<Utc>) -> Result<bool, StoreError> {
    let kept = sqlx::query!(
        "update integrations i set listener_until = $4
         from chatbots b
         where i.id = $1 and i.listener_token = $2 and i.version = $3 and i.enabled and i.mode = 'connection'
           and b.id = i.chatbot_id and b.archived_at is null",
        held.integration.as_uuid(),
        held.lease.as_uuid(),
        held.version,
        until,
    )
    .execute(db.system_pool())
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Keeps what the platform's code wants to go on from. `false`: the connection is not ours any more.
pub async fn remember(db: &Db, held: &Listening, resume: &serde_json::Value) -> Result<bool, StoreError> {
    let kept = sqlx::query!(
        "update integrations set resume = $3 where id = $1 and listener_token = $2",
        held.integration.as_uuid(),
        held.lease.as_uuid(),
        resume,
    )
    .execute(db.system_pool())
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Lets a connection go; nobody opens it again before `due_at`.
pub async fn stop_listening(db: &Db, held: &Listening, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update integrations set listener_token = null, listener_until = null, listener_due_at = $3
         where id = $1 and listener_token = $2",
        held.integration.as_uuid(),
        held.lease.as_uuid(),
        due_at,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// An integration whose platform is to be asked something.
#[derive(Debug, Clone)]
pub struct Patient {
    /// The integration.
    pub integration: IntegrationId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its bot.
    pub chatbot: ChatbotId,
    /// Its platform.
    pub platform: Platform,
    /// Its version: what is found out about an older one is nobody's business.
    pub version: i64,
    /// Whether the platform calls us; otherwise we hold a connection.
    pub by_webhook: bool,
    /// When its credentials were last renewed.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// Up to when what people wrote is known to have been taken in.
    pub backfilled_to: DateTime<Utc>,
}

/// Takes up to `limit` integrations whose examination is due; each is due again after `every`, whoever dies meanwhile.
pub async fn examine(
    db: &Db,
    now: DateTime<Utc>,
    every: TimeDelta,
    limit: i64,
) -> Result<Vec<Patient>, StoreError> {
    sqlx::query!(
        r#"
        update integrations i
        set health_due_at = $1::timestamptz + $2::interval
        from (select i.id from integrations i join chatbots b on b.id = i.chatbot_id
              where i.health_due_at <= $1 and i.enabled and b.archived_at is null
              order by i.health_due_at limit $3
              for update of i skip locked) due
        where i.id = due.id
        returning i.id, i.workspace_id, i.chatbot_id, i.platform, i.version, i.mode = 'webhook' as "by_webhook!",
                  i.refreshed_at, i.backfilled_to
        "#,
        now,
        interval(every),
        limit,
    )
    .fetch_all(db.system_pool())
    .await?
    .into_iter()
    .map(|row| {
        Ok(Patient {
            integration: row.id.into(),
            workspace: row.workspace_id.into(),
            chatbot: row.chatbot_id.into(),
            platform: row.platform.try_into()?,
            version: row.version,
            by_webhook: row.by_webhook,
            refreshed_at: row.refreshed_at,
            backfilled_to: row.backfilled_to,
        })
    })
    .collect()
}

/// The platform does not work with this integration: `error`, with the reason. `false`: it has been changed meanwhile,
/// or that is known.
pub async fn fell_ill(db: &Db, patient: &Patient, reason: &str) -> Result<bool, StoreError> {
    let changed = sqlx::query!(
        "update integrations set state = 'error', state_reason = $3, updated_at = now()
         where id = $1 and version = $2 and (state <> 'error' or state_reason is distinct from $3)",
        patient.integration.as_uuid(),
        patient.version,
        reason,
    )
    .execute(db.system_pool())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// The platform accepts the credentials, and something beside them is wrong: its owner reads the reason, and what can be
/// sent is sent all the same. `false`: it has been changed meanwhile, or that is known.
pub async fn complains(db: &Db, patient: &Patient, reason: &str) -> Result<bool, StoreError> {
    let changed = sqlx::query!(
        "update integrations set state_reason = $3, updated_at = now()
         where id = $1 and version = $2 and state <> 'error' and state_reason is distinct from $3",
        patient.integration.as_uuid(),
        patient.version,
        reason,
    )
    .execute(db.system_pool())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// The platform works with this integration again. `true`: that is news; what was parked is queued by the next sweep.
pub async fn recovered(db: &Db, patient: &Patient) -> Result<bool, StoreError> {
    let changed = sqlx::query!(
        "update integrations set state = 'connected', state_reason = null, updated_at = now()
         where id = $1 and version = $2 and (state = 'error' or state_reason is not null)",
        patient.integration.as_uuid(),
        patient.version,
    )
    .execute(db.system_pool())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// A connection stands: the integration works. Nothing where its owner has changed it since.
pub async fn is_connected(db: &Db, integration: IntegrationId, version: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "update integrations set state = 'connected', state_reason = null, updated_at = now()
         where id = $1 and version = $2 and (state <> 'connected' or state_reason is not null)",
        integration.as_uuid(),
        version,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// No connection can be had until its owner changes something. Nothing where they have already.
pub async fn is_broken(
    db: &Db,
    integration: IntegrationId,
    version: i64,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update integrations set state = 'error', state_reason = $3, updated_at = now() where id = $1 and version = $2",
        integration.as_uuid(),
        version,
        reason,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Replaces the sealed credentials by renewed ones. `false`: the owner has changed them meanwhile.
pub async fn renewed(
    db: &Db,
    patient: &Patient,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query!(
        "update integrations set credentials = $3, version = version + 1, refreshed_at = $4, updated_at = $4
         where id = $1 and version = $2",
        patient.integration.as_uuid(),
        patient.version,
        sealed,
        now,
    )
    .execute(db.system_pool())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Everything that people wrote up to a time is known to have been taken in.
pub async fn backfilled(db: &Db, patient: &Patient, to: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update integrations set backfilled_to = greatest(backfilled_to, $2) where id = $1",
        patient.integration.as_uuid(),
        to,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// The conversations in which something happened since a time, as the platform names them; the latest first.
pub async fn conversations_since(
    db: &Db,
    integration: IntegrationId,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select key from conversations
         where integration_id = $1 and coalesce(last_inbound_at, updated_at) >= $2
         order by coalesce(last_inbound_at, updated_at) desc limit $3",
        integration.as_uuid(),
        since,
        limit,
    )
    .fetch_all(db.system_pool())
    .await?)
}

/// How many integrations with one account are asked whose a webhook is.
const MOST_OF_ACCOUNT: i64 = 100;

/// The bots that are connected to each of a platform's accounts, where there are any: for webhooks that serve a whole app.
///
/// Anybody may type in an account, and whoever shares the app's secret can prove its webhooks: so where several workspaces
/// name an account, only those count whose integration has been seen working, which takes a token for the account.
pub async fn bots_of_accounts(
    db: &Db,
    platform: &Platform,
    accounts: &[String],
) -> Result<BTreeMap<String, Vec<ChatbotId>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select named.account as "account!", bot.chatbot_id as "chatbot_id!"
        from (select distinct unnest($2::text[]) as account) named
        cross join lateral (
            select claimant.id, claimant.chatbot_id
            from (select i.id, i.chatbot_id,
                         bool_or(i.state = 'connected' and i.enabled and b.archived_at is null)
                             over (partition by i.workspace_id) as owner_is_proven,
                         min(i.workspace_id::text) over () = max(i.workspace_id::text) over () as is_alone
                  from integrations i join chatbots b on b.id = i.chatbot_id
                  where i.platform = $1 and i.account = named.account) claimant
            where claimant.owner_is_proven or claimant.is_alone
            order by claimant.id limit $3
        ) bot
        order by named.account, bot.id
        "#,
        platform.as_str(),
        accounts,
        MOST_OF_ACCOUNT,
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut bots = BTreeMap::<String, Vec<ChatbotId>>::new();
    for row in rows {
        bots.entry(row.account).or_default().push(row.chatbot_id.into());
    }
    Ok(bots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Bot, TWILIO, answer, bot, claim_parts, noon, write};
    use sqlx::PgPool;

    async fn listening(pool: &PgPool) -> (Db, Bot) {
        let (db, bot) = (Db::of_pool(pool), bot(pool).await);
        sqlx::query!(
            "update integrations set mode = 'connection', listener_due_at = $2 where id = $1",
            bot.integration.as_uuid(),
            noon(),
        )
        .execute(pool)
        .await
        .unwrap();
        (db, bot)
    }

    async fn claim(db: &Db, now: DateTime<Utc>) -> Vec<Listening> {
        claim_listening(db, &TWILIO, now, TimeDelta::seconds(30), 10)
            .await
            .unwrap()
    }

    #[sqlx::test]
    async fn a_connection_is_in_one_hand_and_falls_to_another_when_its_holder_dies(pool: PgPool) {
        let (db, _) = listening(&pool).await;
        let first = claim(&db, noon()).await.remove(0);

        assert!(claim(&db, noon()).await.is_empty());
        let later = noon() + TimeDelta::seconds(31);
        let second = claim(&db, later).await.remove(0);

        assert!(!keep_listening(&db, &first, later).await.unwrap());
        assert!(!remember(&db, &first, &serde_json::json!(1)).await.unwrap());
        assert!(remember(&db, &second, &serde_json::json!(2)).await.unwrap());
        stop_listening(&db, &second, later).await.unwrap();
        assert_eq!(claim(&db, later).await[0].resume, Some(serde_json::json!(2)));
    }

    #[sqlx::test]
    async fn a_connection_that_its_owner_changes_is_to_be_closed(pool: PgPool) {
        let (db, bot) = listening(&pool).await;
        let held = claim(&db, noon()).await.remove(0);
        assert!(keep_listening(&db, &held, noon()).await.unwrap());

        sqlx::query!(
            "update integrations set version = version + 1 where id = $1",
            bot.integration.as_uuid()
        )
        .execute(&pool)
        .await
        .unwrap();

        assert!(!keep_listening(&db, &held, noon()).await.unwrap());
    }

    #[sqlx::test]
    async fn a_connection_of_an_archived_bot_is_to_be_closed(pool: PgPool) {
        let (db, bot) = listening(&pool).await;
        let held = claim(&db, noon()).await.remove(0);

        sqlx::query!(
            "update chatbots set archived_at = now() where id = $1",
            bot.chatbot.as_uuid()
        )
        .execute(&pool)
        .await
        .unwrap();

        assert!(!keep_listening(&db, &held, noon()).await.unwrap());
    }

    async fn connect(pool: &PgPool, bot: Bot, account: &str, state: &str) {
        sqlx::query!(
            "update integrations set account = $2, state = $3 where id = $1",
            bot.integration.as_uuid(),
            account,
            state,
        )
        .execute(pool)
        .await
        .unwrap();
    }

    #[sqlx::test]
    async fn a_batch_finds_every_account_it_names_however_many(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let mut names = vec!["nobody's".to_owned()];
        for n in 0..120 {
            let name = format!("page {n}");
            connect(&pool, bot(&pool).await, &name, "pending").await;
            names.push(name);
        }

        let found = bots_of_accounts(&db, &TWILIO, &names).await.unwrap();

        assert_eq!(found.len(), 120);
        assert!(found.values().all(|bots| bots.len() == 1), "{found:?}");
    }

    #[sqlx::test]
    async fn s1_whoever_types_in_anothers_account_does_not_hear_of_it(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (stranger, owner) = (bot(&pool).await, bot(&pool).await);
        let who = async || {
            let mut found = bots_of_accounts(&db, &TWILIO, &["page".to_owned()])
                .await
                .unwrap();
            found.remove("page").unwrap_or_default()
        };
        connect(&pool, owner, "page", "pending").await;
        let alone = who().await;
        connect(&pool, stranger, "page", "pending").await;
        let unproven = who().await;
        connect(&pool, owner, "page", "connected").await;
        let proven = who().await;
        sqlx::query!(
            "update integrations set enabled = false where id = $1",
            owner.integration.as_uuid()
        )
        .execute(&pool)
        .await
        .unwrap();
        let off = who().await;

        assert_eq!(alone, [owner.chatbot]);
        assert!(unproven.is_empty(), "{unproven:?}");
        assert_eq!(proven, [owner.chatbot]);
        // What its owner has switched off is nobody else's either.
        assert!(off.is_empty(), "{off:?}");
    }

    #[sqlx::test]
    async fn an_integration_is_examined_once_and_again_when_it_is_due(pool: PgPool) {
        let (db, _) = (Db::of_pool(&pool), bot(&pool).await);
        let examine = |now| examine(&db, now, TimeDelta::minutes(10), 10);
        let now = Utc::now();

        assert_eq!(examine(now).await.unwrap().len(), 1);
        assert!(examine(now).await.unwrap().is_empty());
        assert_eq!(examine(now + TimeDelta::minutes(10)).await.unwrap().len(), 1);
    }

    #[sqlx::test]
    async fn illness_and_recovery_are_news_once(pool: PgPool) {
        let (db, _) = (Db::of_pool(&pool), bot(&pool).await);
        let patient = examine(&db, Utc::now(), TimeDelta::minutes(10), 10)
            .await
            .unwrap()
            .remove(0);

        assert!(fell_ill(&db, &patient, "the token has died").await.unwrap());
        assert!(!fell_ill(&db, &patient, "the token has died").await.unwrap());
        assert!(recovered(&db, &patient).await.unwrap());
        assert!(!recovered(&db, &patient).await.unwrap());
    }

    #[sqlx::test]
    async fn a_platform_that_calls_elsewhere_is_no_reason_to_keep_an_answer_back(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;
        let patient = examine(&db, Utc::now(), TimeDelta::minutes(10), 10)
            .await
            .unwrap()
            .remove(0);

        assert!(
            complains(&db, &patient, "the webhook is elsewhere")
                .await
                .unwrap()
        );
        assert!(
            !complains(&db, &patient, "the webhook is elsewhere")
                .await
                .unwrap()
        );

        assert_eq!(claim_parts(&db, noon()).await.unwrap().len(), 1);
        assert!(recovered(&db, &patient).await.unwrap());
        assert!(!recovered(&db, &patient).await.unwrap());
    }
}
