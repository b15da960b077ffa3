//! How much may be spent on models: by a visitor, a chatbot, a workspace, the installation.
//!
//! Invariants:
//! - Before a call, what it may spend at most is reserved of every budget that it touches, or of none: what is spent and
//!   reserved together never passes a limit by a reservation.
//! - After it, the reservation becomes what was really spent. One that is never settled, because its process died, counts
//!   in full when it expires: the provider may have billed it, and a limit that a crash widens is none.
//! - Rows of usage are locked in the order of their keys, so that no two calls wait for each other.

use crate::{Db, StoreError, SystemTx, TenantTx};
use chrono::{DateTime, Datelike, Days, Months, NaiveTime, Utc};
use domain::{ChatbotId, ConversationId, WorkspaceId};
use sqlx::PgConnection;
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }

        impl $name {
            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = StoreError;

            fn from_str(word: &str) -> Result<Self, StoreError> {
                match word {
                    $($word => Ok(Self::$case),)+
                    _ => Err(StoreError::Unreadable(format!(concat!(stringify!($name), ": {:?}"), word))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Whose spending a budget limits.
    Scope {
        /// Everybody's.
        Installation = "installation",
        /// A workspace's.
        Workspace = "workspace",
        /// A chatbot's.
        Chatbot = "chatbot",
        /// Each visitor's of a chatbot.
        Visitor = "visitor",
    }
}

words! {
    /// After what time a budget is whole again.
    Period {
        /// At midnight, UTC.
        Day = "day",
        /// On the first of the month, UTC.
        Month = "month",
    }
}

words! {
    /// What a chatbot says when a budget is used up.
    AtLimit {
        /// The best passage of its knowledge.
        Quote = "quote",
        /// Its own words for what it does not know.
        FallbackText = "fallback_text",
    }
}

impl Period {
    /// When the one began in which `now` lies.
    pub fn since(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let day = now.date_naive();
        let first = match self {
            Self::Day => day,
            Self::Month => day.with_day(1).unwrap_or(day),
        };
        first.and_time(NaiveTime::MIN).and_utc()
    }

    /// When the one ends in which `now` lies.
    pub fn until(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let since = self.since(now);
        let until = match self {
            Self::Day => since.checked_add_days(Days::new(1)),
            Self::Month => since.checked_add_months(Months::new(1)),
        };
        until.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// How much may be spent in a day or a month. At least one of the two is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Whose spending.
    pub scope: Scope,
    /// In what time.
    pub period: Period,
    /// Tokens, read and written.
    pub tokens: Option<i64>,
    /// Millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// What is said when it is used up.
    pub at_limit: AtLimit,
}

/// A budget, and what of it is gone. A visitor's: of the visitor who spent most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The budget.
    pub budget: Budget,
    /// Spent in the current day or month.
    pub tokens: i64,
    /// Spent in the current day or month.
    pub cost_micros: i64,
    /// Reserved by calls under way.
    pub reserved_tokens: i64,
    /// Reserved by calls under way.
    pub reserved_micros: i64,
}

/// Who spends.
#[derive(Debug, Clone, Copy)]
pub struct Spender {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// The conversation, whose contact is the visitor. One that does not exist has none.
    pub conversation: ConversationId,
    /// Whether the chatbot's own account at a provider is charged: the installation's budgets then have nothing to say.
    pub by_own_account: bool,
}

/// So much, at most or in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Tokens, read and written.
    pub tokens: i64,
    /// Millionths of a US dollar; `None`: the price is not known.
    pub micros: Option<i64>,
}

/// What became of a wish to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// No budget limits it.
    Unlimited,
    /// It is reserved, under this id.
    Held(Uuid),
    /// A budget does not have as much left.
    UsedUp {
        /// Which.
        budget: Budget,
        /// When it is whole again.
        until: DateTime<Utc>,
    },
    /// A budget limits the cost, and nobody knows what this model costs.
    Unpriced {
        /// Which.
        budget: Budget,
    },
}

/// Reserves what a call may spend at most.
pub async fn reserve(
    db: &Db,
    spender: Spender,
    most: Amount,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<Reserved, StoreError> {
    let rows = sqlx::query!(
        r#"select b.id, b.workspace_id, b.scope, b.period, b.tokens, b.cost_micros, b.at_limit,
                  coalesce(v.contact_id, '00000000-0000-0000-0000-000000000000') as "visitor!"
           from budgets b left join conversations v on v.id = $3 and b.scope = 'visitor'
           where (b.scope = 'installation' and not $4)
              or (b.workspace_id = $1 and (b.scope = 'workspace' or b.chatbot_id = $2)
                  and (b.scope <> 'visitor' or v.id is not null))
           order by b.id"#,
        spender.workspace.as_uuid(),
        spender.chatbot.as_uuid(),
        spender.conversation.as_uuid(),
        spender.by_own_account,
    )
    .fetch_all(db.system_pool())
    .await?;
    if rows.is_empty() {
        return Ok(Reserved::Unlimited);
    }
    expire(db, now).await?;

    let mut tx = db.system().await?;
    let (mut budgets, mut subjects, mut sinces) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let budget = Budget {
            scope: row.scope.parse()?,
            period: row.period.parse()?,
            tokens: row.tokens,
            cost_micros: row.cost_micros,
            at_limit: row.at_limit.parse()?,
        };
        if budget.cost_micros.is_some() && most.micros.is_none() {
            return Ok(Reserved::Unpriced { budget });
        }
        let since = budget.period.since(now);
        let taken = sqlx::query!(
            "insert into budget_usage as u (budget_id, subject, since, workspace_id, reserved_tokens, reserved_micros)
             select $1::uuid, $2::uuid, $3::timestamptz, $4::uuid, $5::bigint, $6::bigint
             where $5 <= coalesce($7::bigint, $5) and $6 <= coalesce($8::bigint, $6)
             on conflict (budget_id, subject, since) do update
             set reserved_tokens = u.reserved_tokens + $5, reserved_micros = u.reserved_micros + $6
             where ($7::bigint is null or u.spent_tokens + u.reserved_tokens + $5 <= $7)
               and ($8::bigint is null or u.spent_micros + u.reserved_micros + $6 <= $8)",
            row.id,
            row.visitor,
            since,
            row.workspace_id,
            most.tokens,
            most.micros.unwrap_or_default(),
            budget.tokens,
            budget.cost_micros,
        )
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 0 {
            let until = budget.period.until(now);
            return Ok(Reserved::UsedUp { budget, until });
        }
        budgets.push(row.id);
        subjects.push(row.visitor);
        sinces.push(since);
    }
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into budget_reservations (id, workspace_id, budgets, subjects, since, tokens, micros, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        spender.workspace.as_uuid(),
        &budgets,
        &subjects,
        &sinces,
        most.tokens,
        most.micros.unwrap_or_default(),
        expires_at,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Reserved::Held(id))
}

/// Puts what was really spent in the place of what was reserved. `false`: it had expired, and has counted in full.
pub async fn settle(db: &Db, reservation: Uuid, spent: Amount) -> Result<bool, StoreError> {
    let mut tx = db.system().await?;
    let settled = settle_in(&mut tx, reservation, Some(spent), None).await?;
    tx.commit().await?;
    Ok(settled)
}

/// Counts in full what was reserved and never settled. How many.
pub async fn expire(db: &Db, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let overdue = sqlx::query_scalar!(
        "select id from budget_reservations where expires_at <= $1 order by expires_at limit 100",
        now
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut expired = 0;
    for reservation in overdue {
        let mut tx = db.system().await?;
        expired += usize::from(settle_in(&mut tx, reservation, None, Some(now)).await?);
        tx.commit().await?;
    }
    Ok(expired)
}

async fn settle_in(
    tx: &mut SystemTx,
    reservation: Uuid,
    spent: Option<Amount>,
    expired_at: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        "delete from budget_reservations where id = $1 and ($2::timestamptz is null or expires_at <= $2)
         returning budgets, subjects, since, tokens, micros",
        reservation,
        expired_at,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(held) = found else {
        return Ok(false);
    };
    let (tokens, micros) = match spent {
        Some(spent) => (spent.tokens, spent.micros.unwrap_or_default()),
        None => (held.tokens, held.micros),
    };
    // In the order in which they were reserved, which is that of their keys.
    for ((budget, subject), since) in held.budgets.iter().zip(&held.subjects).zip(&held.since) {
        sqlx::query!(
            "update budget_usage
             set reserved_tokens = reserved_tokens - $4, reserved_micros = reserved_micros - $5,
                 spent_tokens = spent_tokens + $6, spent_micros = spent_micros + $7
             where budget_id = $1 and subject = $2 and since = $3",
            budget,
            subject,
            since,
            held.tokens,
            held.micros,
            tokens,
            micros,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(true)
}

/// Forgets what was spent in days and months before `before`.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query!("delete from budget_usage where since < $1", before)
        .execute(db.system_pool())
        .await?;
    Ok(done.rows_affected())
}

/// The budgets of the installation.
pub async fn of_installation(db: &Db, now: DateTime<Utc>) -> Result<Vec<Spent>, StoreError> {
    let mut tx = db.system().await?;
    find(&mut tx, None, None, now).await
}

/// The budgets of the workspace, or of one of its chatbots and of each visitor there.
pub async fn of_tenant(
    tx: &mut TenantTx,
    chatbot: Option<ChatbotId>,
    now: DateTime<Utc>,
) -> Result<Vec<Spent>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    find(tx.connection(), Some(workspace), chatbot, now).await
}

async fn find(
    connection: &mut PgConnection,
    workspace: Option<Uuid>,
    chatbot: Option<ChatbotId>,
    now: DateTime<Utc>,
) -> Result<Vec<Spent>, StoreError> {
    sqlx::query!(
        r#"select b.scope, b.period, b.tokens, b.cost_micros, b.at_limit,
                  coalesce(u.spent_tokens, 0) as "spent_tokens!", coalesce(u.spent_micros, 0) as "spent_micros!",
                  coalesce(u.reserved_tokens, 0) as "reserved_tokens!",
                  coalesce(u.reserved_micros, 0) as "reserved_micros!"
           from budgets b left join lateral (
               select * from budget_usage u
               where u.budget_id = b.id and u.since = case b.period when 'day' then $3::timestamptz else $4 end
               order by u.spent_tokens + u.reserved_tokens desc limit 1
           ) u on true
           where b.workspace_id is not distinct from $1 and b.chatbot_id is not distinct from $2
           order by b.scope, b.period"#,
        workspace,
        chatbot.map(|id| id.as_uuid()),
        Period::Day.since(now),
        Period::Month.since(now),
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Spent {
            budget: Budget {
                scope: row.scope.parse()?,
                period: row.period.parse()?,
                tokens: row.tokens,
                cost_micros: row.cost_micros,
                at_limit: row.at_limit.parse()?,
            },
            tokens: row.spent_tokens,
            cost_micros: row.spent_micros,
            reserved_tokens: row.reserved_tokens,
            reserved_micros: row.reserved_micros,
        })
    })
    .collect()
}

/// Makes these the budgets of the installation. What was spent of one that stays, stays spent.
pub async fn set_of_installation(tx: &mut SystemTx, budgets: &[Budget]) -> Result<(), StoreError> {
    set(tx, None, None, budgets).await
}

/// Makes these the budgets of the workspace, or of one of its chatbots and of each visitor there.
pub async fn set_of_tenant(
    tx: &mut TenantTx,
    chatbot: Option<ChatbotId>,
    budgets: &[Budget],
) -> Result<(), StoreError> {
    let workspace = tx.workspace().as_uuid();
    set(tx.connection(), Some(workspace), chatbot, budgets).await
}

async fn set(
    connection: &mut PgConnection,
    workspace: Option<Uuid>,
    chatbot: Option<ChatbotId>,
    budgets: &[Budget],
) -> Result<(), StoreError> {
    let chatbot = chatbot.map(|id| id.as_uuid());
    let kept: Vec<String> = budgets
        .iter()
        .map(|budget| format!("{}/{}", budget.scope, budget.period))
        .collect();
    sqlx::query!(
        "delete from budgets where workspace_id is not distinct from $1 and chatbot_id is not distinct from $2
         and scope || '/' || period <> all($3)",
        workspace,
        chatbot,
        &kept,
    )
    .execute(&mut *connection)
    .await?;
    for budget in budgets {
        sqlx::query!(
            "insert into budgets (id, workspace_id, chatbot_id, scope, period, tokens, cost_micros, at_limit)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (workspace_id, chatbot_id, scope, period) do update
             set tokens = excluded.tokens, cost_micros = excluded.cost_micros, at_limit = excluded.at_limit",
            Uuid::now_v7(),
            workspace,
            chatbot,
            budget.scope.as_str(),
            budget.period.as_str(),
            budget.tokens,
            budget.cost_micros,
            budget.at_limit.as_str(),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
