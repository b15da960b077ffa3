//! How a try ended, and what that means for the delivery and for its endpoint.

use super::{Claimed, Try};
use crate::{Db, StoreError, activity_log};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// An endpoint that has taken nothing for this long is switched off.
const PATIENCE: TimeDelta = TimeDelta::days(5);

/// What comes after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It was taken.
    Delivered,
    /// It is tried again at this time.
    Again(DateTime<Utc>),
    /// It was tried often enough.
    GivenUp,
    /// The endpoint said that it is gone (410): nothing is sent there any more.
    Gone,
}

/// What became of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The delivery was in another's hand by now: nothing was written.
    Lost,
    /// It is written down.
    Settled,
    /// It is written down, and its endpoint was switched off.
    SwitchedOff,
}

/// Writes down how a try ended. Whoever lost the delivery writes nothing.
pub async fn settle(
    db: &Db,
    claimed: &Claimed,
    tried: &Try,
    after: After,
    now: DateTime<Utc>,
) -> Result<Ended, StoreError> {
    let (state, due_at) = match after {
        After::Delivered => ("delivered", None),
        After::Again(at) => ("due", Some(at)),
        After::GivenUp | After::Gone => ("failed", None),
    };
    let mut tx = db.system().await?;
    let done = sqlx::query!(
        "update webhook_deliveries set state = $3, due_at = coalesce($4, due_at), attempts = attempts + 1,
             tries = tries || $5::jsonb, settled_at = case when $4::timestamptz is null then $6::timestamptz end,
             lease_token = null, lease_until = null
         where id = $1 and lease_token = $2",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        state,
        due_at,
        json!([tried]),
        now,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(Ended::Lost);
    }
    let endpoint = claimed.endpoint.as_uuid();
    if after == After::Delivered {
        sqlx::query!(
            "update webhook_endpoints set failing_since = null, gave_up = false, last_success_at = $2 where id = $1",
            endpoint,
            now,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        return Ok(Ended::Settled);
    }
    let reason = match after {
        After::Gone => "gone",
        _ => "failing",
    };
    let switched_off = sqlx::query_scalar!(
        r#"with was as (select id, enabled from webhook_endpoints where id = $1 for update)
           update webhook_endpoints e set
               failing_since = coalesce(e.failing_since, $2), gave_up = e.gave_up or $3,
               enabled = e.enabled and not ($4 or ($3 and coalesce(e.failing_since <= $5, false))),
               disabled_reason = case when was.enabled and ($4 or ($3 and coalesce(e.failing_since <= $5, false))) then $6
                                      else e.disabled_reason end
           from was where e.id = was.id
           returning was.enabled and not e.enabled as "switched_off!""#,
        endpoint,
        tried.at,
        matches!(after, After::GivenUp | After::Gone),
        after == After::Gone,
        now - PATIENCE,
        reason,
    )
    .fetch_optional(&mut *tx)
    .await?
    .unwrap_or(false);
    if switched_off {
        let activity = activity_log::NewActivity {
            action: "webhook.switched_off",
            target: Some(claimed.endpoint.to_string()),
            details: json!({ "reason": reason }),
            ..Default::default()
        };
        activity_log::record_system(&mut tx, Some(claimed.workspace), &activity, now).await?;
    }
    tx.commit().await?;
    Ok(if switched_off {
        Ended::SwitchedOff
    } else {
        Ended::Settled
    })
}
