//! Providers of models that administrators set up, and the order in which the installation's models are asked.
//!
//! Keys are stored as `vault` sealed them, for the installation itself. Invariant: whatever changes here makes the version
//! grow, in the transaction that changes it, so that whoever asks models knows when to read again.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// The column under which keys are sealed.
pub const KEY_COLUMN: &str = "model_provider_keys.sealed";

/// A provider of models.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its id.
    pub id: Uuid,
    /// What administrators call it.
    pub name: String,
    /// Whose API it speaks, as `models::Provider` names it.
    pub kind: String,
    /// Where that API is; empty: where it usually is.
    pub base_url: String,
    /// Its models that are used.
    pub models: Vec<String>,
    /// Whether it is asked.
    pub enabled: bool,
    /// When it was set up.
    pub created_at: DateTime<Utc>,
    /// When it was last changed, its keys left aside.
    pub updated_at: DateTime<Utc>,
    /// Its keys, the oldest first.
    pub keys: Vec<Key>,
}

/// A key of a provider, sealed.
#[derive(Clone)]
pub struct Key {
    /// Its id, for which it is sealed.
    pub id: Uuid,
    /// What administrators call it.
    pub name: String,
    /// As it was sealed.
    pub sealed: Vec<u8>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A model in the installation's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose it is; `None`: the configuration file's.
    pub provider: Option<Uuid>,
    /// Whose API it speaks.
    pub kind: String,
    /// Its name there.
    pub model: String,
    /// How many tokens it takes; `None`: as many as the installation's prompts and answers.
    pub context_tokens: Option<i32>,
}

/// Of what is stored here: it grows with every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub i64);

/// The version of what is stored here.
pub async fn version(db: &Db) -> Result<Version, StoreError> {
    let value = crate::installation::get(db, "models_version").await?;
    Ok(Version(value.as_ref().and_then(Value::as_i64).unwrap_or(0)))
}

/// All providers, by name.
pub async fn list(db: &Db) -> Result<Vec<Provider>, StoreError> {
    let rows = sqlx::query!(
        "select id, name, kind, base_url, models, enabled, created_at, updated_at from model_providers order by name"
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut providers: Vec<Provider> = rows
        .into_iter()
        .map(|row| Provider {
            id: row.id,
            name: row.name,
            kind: row.kind,
            base_url: row.base_url,
            models: row.models,
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
            keys: Vec::new(),
        })
        .collect();
    let keys = sqlx::query!(
        "select id, provider_id, name, sealed, created_at from model_provider_keys order by created_at, id"
    )
    .fetch_all(db.system_pool())
    .await?;
    for row in keys {
        if let Some(provider) = providers
            .iter_mut()
            .find(|provider| provider.id == row.provider_id)
        {
            provider.keys.push(Key {
                id: row.id,
                name: row.name,
                sealed: row.sealed,
                created_at: row.created_at,
            });
        }
    }
    Ok(providers)
}

/// One of them. `None`: there is none of this id.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Provider>, StoreError> {
    Ok(list(db).await?.into_iter().find(|provider| provider.id == id))
}

/// Sets a provider up, or changes it; its keys stay as they are. `false`: another has its name.
pub async fn put(tx: &mut SystemTx, provider: &Provider) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar!(
        r#"select exists (select from model_providers where name = $2 and id <> $1) as "taken!""#,
        provider.id,
        provider.name,
    )
    .fetch_one(&mut **tx)
    .await?;
    if taken {
        return Ok(false);
    }
    sqlx::query!(
        "insert into model_providers (id, name, kind, base_url, models, enabled, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (id) do update
             set name = excluded.name, kind = excluded.kind, base_url = excluded.base_url, models = excluded.models,
                 enabled = excluded.enabled, updated_at = excluded.updated_at",
        provider.id,
        provider.name,
        provider.kind,
        provider.base_url,
        &provider.models,
        provider.enabled,
        provider.created_at,
        provider.updated_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Takes a provider away, with its keys and its places in the order. `false`: there is none.
pub async fn delete(tx: &mut SystemTx, id: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from model_providers where id = $1", id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Adds a key. `false`: the provider has one of this name, or is gone.
pub async fn add_key(tx: &mut SystemTx, provider: Uuid, key: &Key) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into model_provider_keys (id, provider_id, name, sealed, created_at)
         select $1, p.id, $3, $4, $5 from model_providers p where p.id = $2
         on conflict (provider_id, name) do nothing",
        key.id,
        provider,
        key.name,
        key.sealed,
        key.created_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a key away. `false`: the provider has none of this id.
pub async fn delete_key(tx: &mut SystemTx, provider: Uuid, key: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from model_provider_keys where provider_id = $1 and id = $2",
        provider,
        key,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The order in which models are asked; empty: as the configuration file has it.
pub async fn order(db: &Db) -> Result<Vec<Place>, StoreError> {
    let rows = sqlx::query!(
        "select provider_id, kind, model, context_tokens from installation_models order by position"
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Place {
            provider: row.provider_id,
            kind: row.kind,
            model: row.model,
            context_tokens: row.context_tokens,
        })
        .collect())
}

/// Replaces the whole order.
pub async fn set_order(tx: &mut SystemTx, places: &[Place]) -> Result<(), StoreError> {
    sqlx::query!("delete from installation_models")
        .execute(&mut **tx)
        .await?;
    for (position, place) in (0_i32..).zip(places) {
        sqlx::query!(
            "insert into installation_models (position, provider_id, kind, model, context_tokens)
             values ($1, $2, $3, $4, $5)",
            position,
            place.provider,
            place.kind,
            place.model,
            place.context_tokens,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// How the calls of one model of the installation fared.
#[derive(Debug, Clone, PartialEq)]
pub struct Fared {
    /// The provider's id; `settings`: the configuration file's.
    pub source: String,
    /// Whose API it speaks.
    pub kind: String,
    /// The model.
    pub model: String,
    /// How often it was asked.
    pub calls: i64,
    /// How often it gave no answer.
    pub failed: i64,
    /// Half of the calls took no longer, in milliseconds.
    pub p50: f64,
    /// 95 of a hundred took no longer.
    pub p95: f64,
}

/// Records of each chatbot that are looked at: a share is the same of thousands as of all.
const MOST: i64 = 2_000;

/// How the installation's models fared. What was not asked does not count.
pub async fn fared(db: &Db, since: DateTime<Utc>) -> Result<Vec<Fared>, StoreError> {
    Ok(sqlx::query_as!(
        Fared,
        r#"select t ->> 'source' as "source!", t ->> 'provider' as "kind!", t ->> 'model' as "model!",
                  count(*) as "calls!", count(*) filter (where t ->> 'outcome' <> 'answered') as "failed!",
                  percentile_cont(0.5) within group (order by coalesce((t ->> 'milliseconds')::float8, 0)) as "p50!",
                  percentile_cont(0.95) within group (order by coalesce((t ->> 'milliseconds')::float8, 0)) as "p95!"
           from chatbots c cross join lateral (
               select path from answers a
               where a.chatbot_id = c.id and a.created_at >= $1 order by a.created_at desc limit $2
           ) a cross join lateral jsonb_array_elements(a.path) t
           where t ->> 'source' is not null and t ->> 'outcome' not in ('resting', 'over_budget', 'unusable')
           group by 1, 2, 3 order by 4 desc, 1, 2, 3"#,
        since,
        MOST,
    )
    .fetch_all(db.system_pool())
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    fn provider(name: &str) -> Provider {
        let now = "2026-07-01T00:00:00Z".parse().unwrap();
        Provider {
            id: Uuid::now_v7(),
            name: name.to_owned(),
            kind: "openai".to_owned(),
            base_url: String::new(),
            models: vec!["gpt-4o-mini".to_owned()],
            enabled: true,
            created_at: now,
            updated_at: now,
            keys: Vec::new(),
        }
    }

    fn key(name: &str) -> Key {
        Key {
            id: Uuid::now_v7(),
            name: name.to_owned(),
            sealed: b"sealed".to_vec(),
            created_at: "2026-07-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[sqlx::test]
    async fn every_change_makes_the_version_grow_and_one_taken_back_does_not(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (ours, first) = (provider("Ours"), key("first"));
        let mut before = version(&db).await.unwrap();

        let mut tx = db.system().await.unwrap();
        assert!(put(&mut tx, &ours).await.unwrap());
        drop(tx);
        assert_eq!(version(&db).await.unwrap(), before);

        for step in 0..4 {
            let mut tx = db.system().await.unwrap();
            match step {
                0 => assert!(put(&mut tx, &ours).await.unwrap()),
                1 => assert!(add_key(&mut tx, ours.id, &first).await.unwrap()),
                2 => assert!(delete_key(&mut tx, ours.id, first.id).await.unwrap()),
                _ => assert!(delete(&mut tx, ours.id).await.unwrap()),
            }
            tx.commit().await.unwrap();
            let now = version(&db).await.unwrap();
            assert!(now.0 > before.0, "step {step} was not noticed");
            before = now;
        }
    }

    #[sqlx::test]
    async fn a_provider_that_goes_takes_its_keys_and_its_places_along(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let (ours, theirs) = (provider("Ours"), provider("Theirs"));
        let place = |provider: Option<Uuid>| Place {
            provider,
            kind: "openai".to_owned(),
            model: "m".to_owned(),
            context_tokens: None,
        };
        let mut tx = db.system().await.unwrap();
        put(&mut tx, &ours).await.unwrap();
        put(&mut tx, &theirs).await.unwrap();
        add_key(&mut tx, ours.id, &key("a")).await.unwrap();
        add_key(&mut tx, theirs.id, &key("a")).await.unwrap();
        let order_of_three = [place(Some(ours.id)), place(None), place(Some(theirs.id))];
        set_order(&mut tx, &order_of_three).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(order(&db).await.unwrap(), order_of_three);

        let mut tx = db.system().await.unwrap();
        delete(&mut tx, ours.id).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!(order(&db).await.unwrap(), order_of_three[1..]);
        let left = list(&db).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].name.as_str(), left[0].keys.len()), ("Theirs", 1));
    }

    #[sqlx::test]
    async fn a_name_is_taken_once(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let ours = provider("Ours");
        let mut tx = db.system().await.unwrap();

        assert!(put(&mut tx, &ours).await.unwrap());
        assert!(!put(&mut tx, &provider("Ours")).await.unwrap());
        assert!(put(&mut tx, &ours).await.unwrap(), "one may keep its own name");
        assert!(add_key(&mut tx, ours.id, &key("a")).await.unwrap());
        assert!(!add_key(&mut tx, ours.id, &key("a")).await.unwrap());
        assert!(!add_key(&mut tx, Uuid::now_v7(), &key("a")).await.unwrap());
    }
}
