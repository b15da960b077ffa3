//! Moving a chatbot to another workspace, with all that is its own.
//!
//! Invariants:
//! - All of it moves in one transaction, or nothing: afterwards no row of the chatbot's is in the workspace that it left, and
//!   no secret of its is sealed with that workspace's key.
//! - Nobody has anything of it in hand meanwhile: whoever takes in, writes or begins a conversation of a chatbot holds its
//!   lock, shared, and a move holds it alone (`accepting`); what is claimed keeps it from moving ([`obstacles`]); and
//!   whatever else is written below it looks once more whose it is (migration 25).
//! - What was accepted before the move and is taken in after it is taken in where the chatbot is: messages on the queue name
//!   their integration, whose row says the rest. What the platform gave with them is sealed anew, see
//!   [`crate::intake::TakenIn::Moved`].

mod contents;
mod obstacles;
mod secrets;
mod tables;
#[cfg(test)]
mod tests;

pub use contents::{Contents, contents};
pub use obstacles::{Obstacle, obstacles};
pub use secrets::reseal;

use crate::{StoreError, SystemTx, parts, turns};
use domain::{ChatbotId, Platform, WorkspaceId};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeSet;
use tables::{TABLES, Whose};

/// Holds the lock of these chatbots that keeps them from moving until the transaction ends. Waits for a move that is under
/// way.
pub(crate) async fn accepting(
    connection: &mut PgConnection,
    chatbots: impl IntoIterator<Item = ChatbotId>,
) -> Result<(), StoreError> {
    let ids: BTreeSet<_> = chatbots.into_iter().map(|id| id.as_uuid()).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('place of ' || id::text, 0))
         from (select id from unnest($1::uuid[]) as id order by id) as chatbots",
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// A workspace, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
}

/// A chatbot that nobody writes to, until the transaction ends.
#[derive(Debug, Clone)]
pub struct Held {
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub from: Home,
    /// Where it is to be.
    pub to: Home,
    /// Its owner has put it away: it takes no place in a plan.
    pub is_archived: bool,
    /// Where it can be written to.
    pub platforms: Vec<Platform>,
}

/// Whether a chatbot can be moved at all.
#[derive(Debug, Clone)]
pub enum Found {
    /// It can, if nothing stands against it.
    Here(Held),
    /// There is no such chatbot.
    NoChatbot,
    /// There is no such workspace.
    NoWorkspace,
    /// It is there already.
    There,
}

/// Looks a chatbot and both workspaces up, without holding anything.
pub async fn find(tx: &mut SystemTx, chatbot: ChatbotId, to: WorkspaceId) -> Result<Found, StoreError> {
    let row = sqlx::query!(
        r#"select c.name, c.workspace_id, w.name as workspace_name, c.archived_at is not null as "is_archived!",
                  array(select platform from integrations where chatbot_id = c.id order by platform) as "platforms!"
           from chatbots c join workspaces w on w.id = c.workspace_id where c.id = $1"#,
        chatbot.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Ok(Found::NoChatbot);
    };
    if row.workspace_id == to.as_uuid() {
        return Ok(Found::There);
    }
    // Nobody deletes it before the end.
    let there = sqlx::query_scalar!(
        "select name from workspaces where id = $1 for key share",
        to.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(there) = there else {
        return Ok(Found::NoWorkspace);
    };
    Ok(Found::Here(Held {
        chatbot,
        name: row.name,
        from: Home {
            id: row.workspace_id.into(),
            name: row.workspace_name,
        },
        to: Home { id: to, name: there },
        is_archived: row.is_archived,
        platforms: row
            .platforms
            .into_iter()
            .map(Platform::try_from)
            .collect::<Result<_, _>>()?,
    }))
}

/// Looks a chatbot up, and keeps everybody else from it until the transaction ends.
///
/// Rows are locked in the order in which turns and senders lock them: conversations, parts, integrations.
pub async fn hold(tx: &mut SystemTx, chatbot: ChatbotId, to: WorkspaceId) -> Result<Found, StoreError> {
    let id = chatbot.as_uuid();
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('place of ' || $1::text, 0))",
        id.to_string(),
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("select id from chatbots where id = $1 for update", id)
        .fetch_optional(&mut **tx)
        .await?;
    sqlx::query!(
        r#"select count(*) as "count!" from (
               select from conversations where chatbot_id = $1 order by id for update) as held"#,
        id
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!(
        r#"select count(*) as "count!" from (
               select from parts p
               where p.state in ('queued', 'sending', 'uncertain', 'parked')
                 and p.conversation_id in (select id from conversations where chatbot_id = $1)
               order by p.id for update) as held"#,
        id
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!(
        r#"select count(*) as "count!" from (
               select from integrations where chatbot_id = $1 order by id for update) as held"#,
        id
    )
    .fetch_one(&mut **tx)
    .await?;
    find(tx, chatbot, to).await
}

/// Moves every row of a chatbot that is held and against whose move nothing stands. Secrets are not sealed anew by it: see
/// [`reseal`].
pub async fn shift(tx: &mut SystemTx, held: &Held) -> Result<(), StoreError> {
    let (chatbot, from, to) = (
        held.chatbot.as_uuid(),
        held.from.id.as_uuid(),
        held.to.id.as_uuid(),
    );
    forget_hands(tx, held.chatbot).await?;
    // Whoever keeps it, or its integrations, sees by the version that it is not what it was.
    sqlx::query!(
        "update chatbots set workspace_id = $2, version = version + 1, updated_at = now() where id = $1",
        chatbot,
        to
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update integrations set workspace_id = $2, version = version + 1, updated_at = now() where chatbot_id = $1",
        chatbot,
        to
    )
    .execute(&mut **tx)
    .await?;
    for (table, statement) in tables::files() {
        run(tx, table, statement, held).await?;
    }
    for (table, whose) in TABLES {
        if let Whose::Chatbots(which) = whose {
            run(tx, table, tables::moving(table, which), held).await?;
        }
    }
    // Whoever looks after a conversation goes on, if they belong to the other workspace too.
    sqlx::query!(
        "update conversations v
         set workspace_id = $3,
             assignee_id = (select user_id from memberships where workspace_id = $3 and user_id = v.assignee_id)
         where v.chatbot_id = $1 and v.workspace_id = $2",
        chatbot,
        from,
        to,
    )
    .execute(&mut **tx)
    .await?;
    labels(tx, held).await?;
    leads(tx, held).await?;
    no_claims(tx, held).await
}

/// Statements are put together from [`TABLES`] alone.
async fn run(tx: &mut SystemTx, table: &str, statement: String, held: &Held) -> Result<(), StoreError> {
    let moved = sqlx::query(AssertSqlSafe(statement))
        .bind(held.chatbot.as_uuid())
        .bind(held.from.id.as_uuid())
        .bind(held.to.id.as_uuid())
        .execute(&mut **tx)
        .await?
        .rows_affected();
    tracing::debug!(table, moved, chatbot.id = %held.chatbot, "rows moved to another workspace");
    Ok(())
}

/// Whoever had something in hand and died, or comes too late, finds that it is not theirs any more.
async fn forget_hands(tx: &mut SystemTx, chatbot: ChatbotId) -> Result<(), StoreError> {
    let id = chatbot.as_uuid();
    sqlx::query!(
        "update sources set lease_token = null, lease_until = null where chatbot_id = $1 and lease_token is not null",
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update pages set lease_token = null, lease_until = null where chatbot_id = $1 and lease_token is not null",
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update meanings set lease_token = null, lease_until = null where chatbot_id = $1 and lease_token is not null",
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update attachments a set lease_token = null, lease_until = null
         from integrations i
         where i.id = a.integration_id and i.chatbot_id = $1 and a.state = 'pending' and a.lease_token is not null",
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Labels are a workspace's own: those of the same name stay on, the others go.
async fn labels(tx: &mut SystemTx, held: &Held) -> Result<(), StoreError> {
    let (chatbot, from, to) = (
        held.chatbot.as_uuid(),
        held.from.id.as_uuid(),
        held.to.id.as_uuid(),
    );
    sqlx::query!(
        "update conversation_labels cl set label_id = there.id, workspace_id = $3
         from labels here join labels there on there.workspace_id = $3 and lower(there.name) = lower(here.name)
         where cl.workspace_id = $2 and here.id = cl.label_id
           and cl.conversation_id in (select id from conversations where chatbot_id = $1)",
        chatbot,
        from,
        to,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "delete from conversation_labels
         where workspace_id = $2 and conversation_id in (select id from conversations where chatbot_id = $1)",
        chatbot,
        from,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A lead goes where its chatbot goes. One whom other chatbots know too stays, and the other workspace has one of its own
/// that knows the same.
async fn leads(tx: &mut SystemTx, held: &Held) -> Result<(), StoreError> {
    let (chatbot, from, to) = (
        held.chatbot.as_uuid(),
        held.from.id.as_uuid(),
        held.to.id.as_uuid(),
    );
    sqlx::query!(
        "update leads l set workspace_id = $3, stage_id = stage_there($3, l.stage_id),
                assignee = (select user_id from memberships where workspace_id = $3 and user_id = l.assignee)
         where l.workspace_id = $2 and lead_moves(l, $1)",
        chatbot,
        from,
        to,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "with shared as (
             select distinct on (l.id) l.*, new_id() as copy_id from leads l
             join contacts k on k.lead_id = l.id join integrations i on i.id = k.integration_id
             where l.workspace_id = $2 and i.chatbot_id = $1
         ), made as (
             insert into leads (id, workspace_id, stage_id, assignee, chatbot_id, name, email, phone, fields, consented_at,
                                consent_text, created_at, updated_at)
             select copy_id, $3, stage_there($3, stage_id),
                    (select user_id from memberships where workspace_id = $3 and user_id = assignee), $1, name, email, phone,
                    fields, consented_at, consent_text, created_at, updated_at
             from shared
         )
         update contacts k set lead_id = s.copy_id
         from shared s, integrations i
         where k.lead_id = s.id and i.id = k.integration_id and i.chatbot_id = $1",
        chatbot,
        from,
        to,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update leads set chatbot_id = null where workspace_id = $2 and chatbot_id = $1",
        chatbot,
        from,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Until the commit nobody claims a conversation or a part. A claim that began earlier has passed over what is held here;
/// one that comes later sees where it is.
async fn no_claims(tx: &mut SystemTx, held: &Held) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock($1)", turns::CLAIM_LOCK)
        .fetch_one(&mut **tx)
        .await?;
    for platform in &held.platforms {
        sqlx::query!(
            "select pg_advisory_xact_lock($1, hashtext($2))",
            parts::CLAIM_LOCK,
            platform.as_str()
        )
        .fetch_one(&mut **tx)
        .await?;
    }
    Ok(())
}
