//! Coupons, as administrators keep them.

use super::money;
use crate::{
    AdminApi,
    administration::noted,
    caller::{Facts, Person},
    input::{self, Input},
    page::Page,
    path::CouponPath,
    problem::Problem,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, activity_log,
    coupons::{self, Off},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A coupon.
#[derive(Serialize, ToSchema)]
pub(crate) struct CouponView {
    /// Its id.
    id: Uuid,
    /// What is typed in.
    #[schema(example = "SPRING-25")]
    code: String,
    /// So many hundredths of the price are taken off.
    percent: Option<i32>,
    /// Or so much, in the currency's smallest unit.
    amount_minor: Option<i64>,
    /// The amount's currency.
    currency: Option<String>,
    /// From so many invoices; `null`: from all.
    months: Option<i32>,
    /// Until when it can be redeemed.
    redeem_by: Option<DateTime<Utc>>,
    /// By how many workspaces at most.
    max_redemptions: Option<i32>,
    /// By how many it was.
    redemptions: i32,
    /// Since when nobody can redeem it any more.
    archived_at: Option<DateTime<Utc>>,
}

/// A coupon: `percent`, or `amount_minor` with `currency`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCoupon {
    /// What is typed in: 3 to 40 letters, digits and dashes, in capitals.
    #[schema(example = "SPRING-25")]
    code: String,
    /// Takes so many hundredths of the price off: 1 to 100.
    #[schema(example = 25)]
    percent: Option<i32>,
    /// Takes so much off, in the currency's smallest unit.
    amount_minor: Option<i64>,
    /// The amount's currency; of a price in another one it takes nothing off.
    currency: Option<String>,
    /// From so many invoices; left out: from all.
    months: Option<i32>,
    /// Until when it can be redeemed.
    redeem_by: Option<DateTime<Utc>>,
    /// By how many workspaces at most.
    max_redemptions: Option<i32>,
}

impl From<coupons::Coupon> for CouponView {
    fn from(coupon: coupons::Coupon) -> Self {
        let (percent, amount_minor, currency) = match coupon.off {
            Off::Percent(percent) => (Some(percent), None, None),
            Off::Amount { minor, currency } => (None, Some(minor), Some(currency)),
        };
        Self {
            id: coupon.id,
            code: coupon.code,
            percent,
            amount_minor,
            currency,
            months: coupon.months,
            redeem_by: coupon.redeem_by,
            max_redemptions: coupon.max_redemptions,
            redemptions: coupon.redemptions,
            archived_at: coupon.archived_at,
        }
    }
}

/// All coupons.
#[utoipa::path(get, path = "/api/administration/coupons", responses((status = 200, body = Page<CouponView>)))]
pub(crate) async fn list(api: Data<AdminApi>, _person: Person) -> Result<Json<Page<CouponView>>, Problem> {
    let listed = coupons::list(api.db()).await?;
    Ok(Json(Page::whole(listed.into_iter().map(Into::into).collect())))
}

/// Make a coupon.
#[utoipa::path(post, path = "/api/administration/coupons", request_body = NewCoupon, responses((status = 201, body = CouponView)))]
pub(crate) async fn create(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<NewCoupon>,
) -> Result<HttpResponse, Problem> {
    let coupon = checked(input.0)?;
    let mut tx = api.db().system().await?;
    coupons::insert(&mut tx, &coupon, api.now()).await?;
    let activity = noted(
        &person,
        &facts,
        "coupon.create",
        coupon.id,
        json!({ "code": coupon.code }),
    );
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created().json(CouponView::from(coupon)))
}

/// End the redeeming of a coupon.
///
/// Who has redeemed it keeps it for as long as it is good.
#[utoipa::path(delete, path = "/api/administration/coupons/{coupon_id}", params(CouponPath), responses((status = 204)))]
pub(crate) async fn archive(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<CouponPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    let code = coupons::archive(&mut tx, path.coupon_id, api.now()).await?;
    let code = code.ok_or_else(Problem::not_found)?;
    let activity = noted(
        &person,
        &facts,
        "coupon.archive",
        path.coupon_id,
        json!({ "code": code }),
    );
    activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// A code as it is stored.
pub(super) fn code(given: &str) -> Result<String, Problem> {
    let code = given.trim().to_ascii_uppercase();
    let fits = (3..=40).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        Ok(code)
    } else {
        Err(Problem::invalid(
            "code",
            "code is 3 to 40 letters, digits and dashes",
        ))
    }
}

fn checked(input: NewCoupon) -> Result<coupons::Coupon, Problem> {
    let off = match (input.percent, input.amount_minor, input.currency.as_deref()) {
        (Some(percent), None, None) => Off::Percent(input::number("percent", percent, 1, 100)?),
        (None, Some(minor), Some(currency)) => Off::Amount {
            minor: input::number("amount_minor", minor, 1, money::MOST_MINOR)?,
            currency: money::currency("currency", currency)?,
        },
        _ => {
            return Err(Problem::invalid(
                "percent",
                "a coupon takes off either percent, or amount_minor of a currency",
            ));
        }
    };
    let count = |field: &'static str, given: Option<i32>| {
        given
            .map(|given| input::number(field, given, 1, 1_000_000))
            .transpose()
    };
    Ok(coupons::Coupon {
        id: Uuid::now_v7(),
        code: code(&input.code)?,
        off,
        months: count("months", input.months)?,
        redeem_by: input.redeem_by,
        max_redemptions: count("max_redemptions", input.max_redemptions)?,
        redemptions: 0,
        archived_at: None,
    })
}
