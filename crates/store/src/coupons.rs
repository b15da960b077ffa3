//! Coupons: a share or an amount off the price, for some months or for ever.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use uuid::Uuid;

/// What a coupon takes off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Off {
    /// So many hundredths of the price.
    Percent(i32),
    /// So much of this currency.
    Amount {
        /// In the currency's smallest unit.
        minor: i64,
        /// ISO 4217.
        currency: String,
    },
}

impl Off {
    /// What it takes off a price: never more than that, and nothing of another currency.
    pub fn of(&self, price_minor: i64, price_currency: &str) -> i64 {
        match self {
            // Half a cent is rounded up, in favour of who pays.
            Self::Percent(percent) => (price_minor * i64::from(*percent) + 50) / 100,
            Self::Amount { minor, currency } if currency == price_currency => (*minor).min(price_minor),
            Self::Amount { .. } => 0,
        }
    }
}

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub id: Uuid,
    /// What is typed in: capital letters, digits and dashes.
    pub code: String,
    /// What it takes off.
    pub off: Off,
    /// For how many periods; `None`: for all.
    pub months: Option<i32>,
    /// Until when it can be redeemed.
    pub redeem_by: Option<DateTime<Utc>>,
    /// By how many workspaces.
    pub max_redemptions: Option<i32>,
    /// By how many it was.
    pub redemptions: i32,
    /// Since when nobody can redeem it any more.
    pub archived_at: Option<DateTime<Utc>>,
}

pub(crate) fn off(
    percent: Option<i32>,
    amount: Option<i64>,
    currency: Option<String>,
) -> Result<Off, StoreError> {
    match (percent, amount, currency) {
        (Some(percent), _, _) => Ok(Off::Percent(percent)),
        (None, Some(minor), Some(currency)) => Ok(Off::Amount { minor, currency }),
        _ => Err(StoreError::Unreadable("a coupon takes nothing off".to_owned())),
    }
}

/// All coupons, the newest first.
pub async fn list(db: &Db) -> Result<Vec<Coupon>, StoreError> {
    sqlx::query!("select * from coupons order by archived_at is not null, id desc")
        .fetch_all(db.system_pool())
        .await?
        .into_iter()
        .map(|row| {
            Ok(Coupon {
                id: row.id,
                code: row.code,
                off: off(row.percent, row.amount_minor, row.currency)?,
                months: row.months,
                redeem_by: row.redeem_by,
                max_redemptions: row.max_redemptions,
                redemptions: row.redemptions,
                archived_at: row.archived_at,
            })
        })
        .collect()
}

/// Makes a coupon.
pub async fn insert(tx: &mut SystemTx, coupon: &Coupon, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (percent, amount, currency) = match &coupon.off {
        Off::Percent(percent) => (Some(*percent), None, None),
        Off::Amount { minor, currency } => (None, Some(*minor), Some(currency.as_str())),
    };
    sqlx::query!(
        "insert into coupons (id, code, percent, amount_minor, currency, months, redeem_by, max_redemptions, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        coupon.id,
        coupon.code,
        percent,
        amount,
        currency,
        coupon.months,
        coupon.redeem_by,
        coupon.max_redemptions,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends the redeeming of a coupon; who has it keeps it. `None`: there is none, or it was ended before. Its code.
pub async fn archive(tx: &mut SystemTx, id: Uuid, now: DateTime<Utc>) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "update coupons set archived_at = $2 where id = $1 and archived_at is null returning code",
        id,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Redeems a coupon for a workspace: the next invoices are less by it. `false`: there is no such code, or it is too late, used
/// up, or redeemed by this workspace before.
pub async fn redeem(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        "update coupons set redemptions = redemptions + 1
         where code = $1 and archived_at is null and (redeem_by is null or redeem_by > $2)
           and (max_redemptions is null or redemptions < max_redemptions)
         returning id, months",
        code,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(coupon) = found else { return Ok(false) };
    let fresh = sqlx::query!(
        "insert into coupon_redemptions (coupon_id, workspace_id, at) values ($1, $2, $3) on conflict do nothing",
        coupon.id,
        workspace.as_uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    if fresh.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "update subscriptions set coupon_id = $2, coupon_months_left = $3, updated_at = $4 where workspace_id = $1",
        workspace.as_uuid(),
        coupon.id,
        coupon.months,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coupon_never_takes_off_more_than_the_price_nor_of_another_currency() {
        let ten = Off::Amount {
            minor: 1_000,
            currency: "EUR".to_owned(),
        };

        assert_eq!(ten.of(2_900, "EUR"), 1_000);
        assert_eq!(ten.of(500, "EUR"), 500);
        assert_eq!(ten.of(2_900, "USD"), 0);
        assert_eq!(Off::Percent(25).of(2_999, "USD"), 750);
        assert_eq!(Off::Percent(100).of(2_999, "USD"), 2_999);
    }
}
