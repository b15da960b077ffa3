//! What models cost, from which day on.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What one or several models cost, from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Of this entry.
    pub id: Uuid,
    /// Whose model.
    pub provider: String,
    /// Its name, or the beginning of names with an asterisk behind it.
    pub model: String,
    /// From this day on, in UTC.
    pub valid_from: NaiveDate,
    /// Millionths of a US dollar for a million tokens read.
    pub input_micros: i64,
    /// Millionths of a US dollar for a million tokens written.
    pub output_micros: i64,
}

impl Price {
    /// What so many tokens cost, in millionths of a US dollar, rounded up.
    pub fn of(&self, tokens_in: i64, tokens_out: i64) -> i64 {
        let sum = i128::from(tokens_in) * i128::from(self.input_micros)
            + i128::from(tokens_out) * i128::from(self.output_micros);
        i64::try_from((sum + 999_999).div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }
}

/// What a model costs at `now`. `None`: nobody has said.
pub async fn price(
    db: &Db,
    provider: &str,
    model: &str,
    now: DateTime<Utc>,
) -> Result<Option<Price>, StoreError> {
    Ok(sqlx::query_as!(
        Price,
        "select * from model_prices
         where provider = $1 and valid_from <= $3
           and (model = $2 or (right(model, 1) = '*' and starts_with($2, left(model, -1))))
         order by model = $2 desc, length(model) desc, valid_from desc limit 1",
        provider,
        model,
        now.date_naive(),
    )
    .fetch_optional(db.system_pool())
    .await?)
}

/// The whole list: by provider and model, the newest first.
pub async fn list(db: &Db) -> Result<Vec<Price>, StoreError> {
    Ok(sqlx::query_as!(
        Price,
        "select * from model_prices order by provider, model, valid_from desc"
    )
    .fetch_all(db.system_pool())
    .await?)
}

/// Adds an entry, or takes the place of the one of the same model and day. Its id.
pub async fn put(tx: &mut SystemTx, price: &Price) -> Result<Uuid, StoreError> {
    Ok(sqlx::query_scalar!(
        "insert into model_prices (id, provider, model, valid_from, input_micros, output_micros)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (provider, model, valid_from)
         do update set input_micros = excluded.input_micros, output_micros = excluded.output_micros
         returning id",
        price.id,
        price.provider,
        price.model,
        price.valid_from,
        price.input_micros,
        price.output_micros,
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Takes an entry out. `false`: there is none.
pub async fn delete(tx: &mut SystemTx, id: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from model_prices where id = $1", id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    fn entry(model: &str, day: &str, input_micros: i64) -> Price {
        Price {
            id: Uuid::now_v7(),
            provider: "anthropic".to_owned(),
            model: model.to_owned(),
            valid_from: day.parse().unwrap(),
            input_micros,
            output_micros: 0,
        }
    }

    #[sqlx::test]
    async fn the_closest_name_and_the_newest_day_that_has_come_say_the_price(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let mut tx = db.system().await.unwrap();
        for price in [
            entry("muse-*", "2026-01-01", 1),
            entry("muse-large*", "2026-01-01", 2),
            entry("muse-large*", "2026-06-01", 3),
            entry("muse-large-v2", "2026-01-01", 4),
        ] {
            put(&mut tx, &price).await.unwrap();
        }
        tx.commit().await.unwrap();
        let at = |model: &'static str, day: &str| {
            let (db, now) = (db.clone(), format!("{day}T12:00:00Z").parse().unwrap());
            async move {
                let found = price(&db, "anthropic", model, now).await.unwrap();
                found.map(|price| price.input_micros)
            }
        };

        assert_eq!(at("muse-small", "2026-07-01").await, Some(1));
        assert_eq!(at("muse-large-v1", "2026-05-31").await, Some(2));
        assert_eq!(at("muse-large-v1", "2026-06-01").await, Some(3));
        assert_eq!(at("muse-large-v2", "2026-07-01").await, Some(4));
        assert_eq!(at("muse-small", "2025-12-31").await, None);
        assert_eq!(at("other", "2026-07-01").await, None);
    }

    #[sqlx::test]
    async fn the_list_begins_with_prices_and_a_model_of_ones_own_costs_nothing(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let now = "2026-07-01T00:00:00Z".parse().unwrap();

        let own = price(&db, "ollama", "llama3.2", now).await.unwrap().unwrap();
        let mini = price(&db, "openai", "gpt-4o-mini", now).await.unwrap().unwrap();

        assert_eq!(own.of(1_000_000, 1_000_000), 0);
        assert_eq!(mini.of(1_000_000, 1_000_000), 750_000);
        assert_eq!(mini.of(1, 0), 1, "a part of a millionth is rounded up");
        assert!(list(&db).await.unwrap().len() > 10);
    }
}
