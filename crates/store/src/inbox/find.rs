//! Finding conversations of a workspace: first which, then what is shown of them.

use super::{Conversation, Filter, hydrate};
use crate::{StoreError, TenantTx};
use chrono::{DateTime, Utc};
use domain::{
    ContactId, ConversationId, Handler, HandoffReason, InboxView, LabelId, Platform, Rating, UserId,
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Words are looked for in so many conversations that fit all other conditions, the newest first.
pub const MOST_LOOKED_THROUGH: i64 = 5_000;
/// Nobody needs to know how many more there are.
pub const MOST_COUNTED: usize = 1_000;

/// A place in the list of a workspace's conversations, which goes by when the person last wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub Uuid);

/// Which of a workspace's conversations to list. Every given condition must hold.
#[derive(Clone, Default)]
pub struct Search {
    /// What the conversation is.
    pub filter: Filter,
    /// In this part of the inbox.
    pub view: Option<InboxView>,
    /// Looked after by this member.
    pub assignee: Option<UserId>,
    /// Looked after by nobody.
    pub unassigned: bool,
    /// With this label.
    pub label: Option<LabelId>,
    /// With an answer that the person calls this.
    pub feedback: Option<Rating>,
    /// With this person: the same contact, or one who gave the same e-mail address or telephone number.
    pub person: Option<ContactId>,
    /// In which a message, or the contact's name or address, contains this.
    pub text: Option<String>,
    /// In which the person last wrote then or later …
    pub from: Option<DateTime<Utc>>,
    /// … and before then.
    pub until: Option<DateTime<Utc>>,
}

/// The workspace's conversations that fit, those in which the person wrote last first.
pub async fn list(
    tx: &mut TenantTx,
    search: &Search,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Conversation>, StoreError> {
    plan_for_what_is_given(tx.connection()).await?;
    let ids = which(tx, search, None, after, limit).await?;
    hydrate(tx.connection(), &ids).await
}

/// How many there are in each part of the inbox, and in all (`None`), whatever part is searched: [`MOST_COUNTED`] at most.
/// Words are looked for once, in the newest of all parts together.
pub async fn counts(
    tx: &mut TenantTx,
    search: &Search,
) -> Result<Vec<(Option<InboxView>, usize)>, StoreError> {
    plan_for_what_is_given(tx.connection()).await?;
    let mut search = Search {
        view: None,
        ..search.clone()
    };
    let among = match search.text {
        Some(_) => Some(which(tx, &search, None, None, MOST_LOOKED_THROUGH).await?),
        None => None,
    };
    search.text = None;
    let views = InboxView::ALL.iter().copied().map(Some).chain([None]);
    let mut counts = Vec::with_capacity(InboxView::ALL.len() + 1);
    for view in views {
        search.view = view;
        let found = which(tx, &search, among.as_deref(), None, MOST_COUNTED as i64).await?;
        counts.push((view, found.len()));
    }
    Ok(counts)
}

/// One conversation.
pub async fn get(tx: &mut TenantTx, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    Ok(hydrate(tx.connection(), &[id.as_uuid()]).await?.pop())
}

/// Most conditions are not given most of the time: a plan that leaves those out finds the right index.
async fn plan_for_what_is_given(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("set local plan_cache_mode = force_custom_plan")
        .execute(connection)
        .await?;
    Ok(())
}

/// People are looked for once, and not for every conversation; words only in what fits otherwise, which is why the search
/// for them has a limit: without it all messages that there are would be read. `among`: no others.
async fn which(
    tx: &mut TenantTx,
    search: &Search,
    among: Option<&[Uuid]>,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let filter = &search.filter;
    let looked_through = search.text.as_ref().map_or(limit, |_| MOST_LOOKED_THROUGH);
    Ok(sqlx::query_scalar!(
        r#"with people as materialized (
               select c.id from contacts c
               where $2::text is not null and c.workspace_id = $1
                 and (position(lower($2) in lower(c.key)) > 0 or position(lower($2) in lower(c.name)) > 0)
           ), same as materialized (
               select c.id from contacts c join contacts me on me.id = $3 and me.workspace_id = $1
               where $3::uuid is not null and c.workspace_id = $1
                 and (c.id = me.id or lower(c.email) = lower(me.email) or c.phone = me.phone)
           ), fits as (
               select v.id, v.contact_id, coalesce(v.last_inbound, v.id) as recent
               from conversations v
               where v.workspace_id = $1
                 and ($2::text is null or v.contact_id in (select id from people))
                 and ($3::uuid is null or v.contact_id in (select id from same))
                 and ($4::uuid is null or v.chatbot_id = $4)
                 and ($5::uuid is null or v.integration_id = $5)
                 and ($6::text is null or exists (select from integrations i
                                                  where i.id = v.integration_id and i.platform = $6))
                 and ($7::text is null or v.handler = $7)
                 and ($8::text is null or v.handoff_reason = $8)
                 and ($9::uuid is null or v.assignee_id = $9)
                 and (not $10 or v.assignee_id is null)
                 and ($11::uuid is null or exists (select from conversation_labels l
                                                   where l.conversation_id = v.id and l.label_id = $11))
                 and ($20::text is null or exists (select from message_feedback f
                                                   where f.conversation_id = v.id and f.rating = $20))
                 and ($12::timestamptz is null or coalesce(v.last_inbound, v.id) >= first_id($12))
                 and ($13::timestamptz is null or coalesce(v.last_inbound, v.id) < first_id($13))
                 and ($14::text is null
                      or $14 = 'resolved' and v.resolved_at is not null
                      or $14 = 'snoozed' and v.snoozed_until > now()
                      or $14 = 'open' and v.resolved_at is null and not coalesce(v.snoozed_until > now(), false)
                      or $14 in ('taken_over', 'needs_human') and v.handler = 'human'
                         and v.resolved_at is null and not coalesce(v.snoozed_until > now(), false)
                         and ($14 = 'taken_over' or not exists (
                              select from messages r where r.conversation_id = v.id and r.sender = 'agent'
                                and (v.last_inbound is null or r.id > v.last_inbound))))
                 and ($15::uuid is null or coalesce(v.last_inbound, v.id) < $15)
                 and ($19::uuid[] is null or v.id = any($19))
               order by coalesce(v.last_inbound, v.id) desc
               limit $16
           )
           select f.id as "id!" from fits f
           where $17::text is null
              or exists (select from contacts c where c.id = f.contact_id
                         and position(lower($17) in lower(concat_ws(' ', c.name, c.key, c.email, c.phone))) > 0)
              or (select true from messages m where m.conversation_id = f.id
                  and position(lower($17) in lower(m.text)) > 0 limit 1)
           order by f.recent desc
           limit $18"#,
        workspace,
        filter.contact,
        search.person.map(|id| id.as_uuid()),
        filter.chatbot.map(|id| id.as_uuid()),
        filter.integration.map(|id| id.as_uuid()),
        filter.platform.as_ref().map(Platform::as_str),
        filter.handler.map(Handler::as_str),
        filter.handoff_reason.map(HandoffReason::as_str),
        search.assignee.map(|id| id.as_uuid()),
        search.unassigned,
        search.label.map(|id| id.as_uuid()),
        search.from,
        search.until,
        search.view.map(InboxView::as_str),
        after.map(|cursor| cursor.0),
        looked_through,
        search.text,
        limit,
        among as Option<&[Uuid]>,
        search.feedback.map(Rating::as_str),
    )
    .fetch_all(tx.connection())
    .await?)
}
