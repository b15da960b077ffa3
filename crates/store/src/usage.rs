//! What a workspace uses, and whether its plan lets it have more.
//!
//! Invariants:
//! - Without a subscription nothing is limited. After its end everything is used up: what is there stays, nothing is added.
//! - Whoever adds something asks for room in the same transaction. Two who ask at once come one after the other, so that
//!   together they never pass a limit.
//! - Messages are counted when they are taken in and never refused for their number: see [`has_messages_left`].

use crate::{Db, StoreError, SystemTx, TenantTx, plans::Limits};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use domain::WorkspaceId;
use sqlx::PgConnection;
use uuid::Uuid;

/// What a plan limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Chatbots that are not archived.
    Chatbots,
    /// Messages from people in a calendar month.
    Messages,
    /// Sources of all chatbots.
    Documents,
    /// Members.
    Seats,
}

impl Limit {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chatbots => "chatbots",
            Self::Messages => "messages",
            Self::Documents => "documents",
            Self::Seats => "seats",
        }
    }
}

/// How much is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Chatbots that are not archived.
    pub chatbots: i64,
    /// Messages from people since the first of the month, in UTC.
    pub messages: i64,
    /// Sources of all chatbots.
    pub documents: i64,
    /// Members.
    pub seats: i64,
}

/// There is no room for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// Of what.
    pub limit: Limit,
    /// So much is allowed.
    pub most: i64,
    /// So much is there.
    pub used: i64,
    /// By this plan.
    pub plan: String,
    /// The subscription has ended.
    pub has_ended: bool,
}

/// The first day of the month in which `now` lies, in UTC.
pub fn month(now: DateTime<Utc>) -> NaiveDate {
    let day = now.date_naive();
    day.with_day(1).unwrap_or(day)
}

/// What this transaction's workspace uses.
pub async fn of_tenant(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<Used, StoreError> {
    let workspace = tx.workspace().as_uuid();
    used(tx.connection(), workspace, now).await
}

/// What a workspace uses.
pub async fn of_workspace(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<Used, StoreError> {
    used(tx, workspace.as_uuid(), now).await
}

async fn used(
    connection: &mut PgConnection,
    workspace: Uuid,
    now: DateTime<Utc>,
) -> Result<Used, StoreError> {
    Ok(sqlx::query_as!(
        Used,
        r#"select (select count(*) from chatbots where workspace_id = $1 and archived_at is null) as "chatbots!",
                  coalesce((select messages from message_counts where workspace_id = $1 and month = $2), 0) as "messages!",
                  (select count(*) from sources where workspace_id = $1) as "documents!",
                  (select count(*) from memberships where workspace_id = $1) as "seats!""#,
        workspace,
        month(now),
    )
    .fetch_one(connection)
    .await?)
}

/// Whether this transaction's workspace may have `more` of something. `None`: it may.
pub async fn room(
    tx: &mut TenantTx,
    limit: Limit,
    more: i64,
    now: DateTime<Utc>,
) -> Result<Option<Full>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    find_room(tx.connection(), workspace, limit, more, now).await
}

/// Whether a workspace may have `more` of something. `None`: it may.
pub async fn room_in(
    tx: &mut SystemTx,
    workspace: WorkspaceId,
    limit: Limit,
    more: i64,
    now: DateTime<Utc>,
) -> Result<Option<Full>, StoreError> {
    find_room(tx, workspace.as_uuid(), limit, more, now).await
}

async fn find_room(
    connection: &mut PgConnection,
    workspace: Uuid,
    limit: Limit,
    more: i64,
    now: DateTime<Utc>,
) -> Result<Option<Full>, StoreError> {
    let row = sqlx::query!(
        "select p.name, s.state = 'cancelled' as \"has_ended!\", p.max_chatbots, p.max_messages, p.max_documents, p.max_seats
         from subscriptions s join plans p on p.id = s.plan_id where s.workspace_id = $1",
        workspace,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let limits = Limits {
        chatbots: row.max_chatbots,
        messages: row.max_messages,
        documents: row.max_documents,
        seats: row.max_seats,
    };
    let most = if row.has_ended {
        Some(0)
    } else {
        of(&limits, limit)
    };
    let Some(most) = most else { return Ok(None) };
    // Until the end of the transaction: whoever comes second counts what the first has added.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('limit ' || $1::text, 0))",
        workspace.to_string()
    )
    .fetch_one(&mut *connection)
    .await?;
    let all = used(connection, workspace, now).await?;
    let used = match limit {
        Limit::Chatbots => all.chatbots,
        Limit::Messages => all.messages,
        Limit::Documents => all.documents,
        Limit::Seats => all.seats,
    };
    Ok((used + more > most).then_some(Full {
        limit,
        most,
        used,
        plan: row.name,
        has_ended: row.has_ended,
    }))
}

const fn of(limits: &Limits, limit: Limit) -> Option<i64> {
    match limit {
        Limit::Chatbots => limits.chatbots,
        Limit::Messages => limits.messages,
        Limit::Documents => limits.documents,
        Limit::Seats => limits.seats,
    }
}

/// Whether a chatbot of the workspace may still ask its model this month. Two rows, each by its key. Messages that wait
/// together when the limit is reached are all over it.
pub async fn has_messages_left(
    db: &Db,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let is_over = sqlx::query_scalar!(
        r#"select s.state = 'cancelled' or coalesce(c.messages > p.max_messages, false) as "is_over!"
           from subscriptions s
           join plans p on p.id = s.plan_id
           left join message_counts c on c.workspace_id = s.workspace_id and c.month = $2
           where s.workspace_id = $1"#,
        workspace.as_uuid(),
        month(now),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(!is_over.unwrap_or(false))
}

/// Counts messages that were taken in, by workspace and month. The last thing before the commit, in one order: the rows are
/// held no longer than that takes, and nobody waits in a circle.
pub(crate) async fn count(tx: &mut SystemTx, taken: &[(Uuid, NaiveDate)]) -> Result<(), StoreError> {
    if taken.is_empty() {
        return Ok(());
    }
    let (workspaces, months): (Vec<Uuid>, Vec<NaiveDate>) = taken.iter().copied().unzip();
    sqlx::query!(
        "insert into message_counts as c (workspace_id, month, messages)
         select t.workspace_id, t.month, count(*) from unnest($1::uuid[], $2::date[]) as t (workspace_id, month)
         group by 1, 2 order by 1, 2
         on conflict (workspace_id, month) do update set messages = c.messages + excluded.messages",
        &workspaces,
        &months,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A limit that a workspace came near to, or reached.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Which: `chatbots`, `messages`, `documents`, `seats`.
    pub what: String,
    /// 80 or 100 per cent.
    pub level: i32,
}

/// Notes who has come to 80 or 100 per cent of a limit: each once a month. Those that are new.
pub async fn note_limits(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Vec<Notice>, StoreError> {
    let rows = sqlx::query!(
        r#"with used as (
               select s.workspace_id, u.what, u.used, u.most
               from subscriptions s
               join plans p on p.id = s.plan_id
               cross join lateral (values
                   ('chatbots', p.max_chatbots, (select count(*) from chatbots b where b.workspace_id = s.workspace_id and b.archived_at is null)),
                   ('messages', p.max_messages, (select c.messages from message_counts c where c.workspace_id = s.workspace_id and c.month = $1)),
                   ('documents', p.max_documents, (select count(*) from sources o where o.workspace_id = s.workspace_id)),
                   ('seats', p.max_seats, (select count(*) from memberships m where m.workspace_id = s.workspace_id))
               ) as u (what, most, used)
               where s.state <> 'cancelled' and u.most > 0
           )
           insert into limit_notices (workspace_id, what, level, month, at)
           select workspace_id, what, case when used >= most then 100 else 80 end, $1, $2
           from used where used * 100 >= most * 80
           on conflict do nothing
           returning workspace_id, what, level"#,
        month(now),
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    let notices = rows.into_iter().map(|row| Notice {
        workspace: row.workspace_id.into(),
        what: row.what,
        level: row.level,
    });
    Ok(notices.collect())
}
