//! Taking accepted messages in: from the queue into rows, after which rows are the truth.
//!
//! Invariant: that a message was seen and that it is stored commit together, so a crash in between loses nothing and a
//! redelivery stores nothing twice. A stored message that is to be answered leaves its conversation with a `due_at`. What a
//! workspace's plan limits is counted in the same transaction.

use crate::{Db, StoreError, SystemTx, moves, usage};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttachmentId, ChatbotId, ContactId, ConversationId, InboundState, IntegrationId, MessageId, Platform,
    WorkspaceId,
};
use std::fmt;
use uuid::Uuid;

/// However often a contact goes on writing, the answer waits no longer than this after the first message.
const LONGEST_SETTLE: TimeDelta = TimeDelta::seconds(5);

/// A message as the gateway accepted it.
#[derive(Clone)]
pub struct NewInbound {
    /// Our id, made when it was accepted.
    pub message: MessageId,
    /// The bot it was written to.
    pub chatbot: ChatbotId,
    /// The integration it came through.
    pub integration: IntegrationId,
    /// The platform it came from.
    pub platform: Platform,
    /// SHA-256 of the account and the platform's own message id.
    pub hash: [u8; 32],
    /// The platform's own message id.
    pub dedupe_key: String,
    /// The conversation, as the platform names it.
    pub conversation_key: String,
    /// The person, as the platform names them.
    pub contact_key: String,
    /// Their name, where the platform tells it.
    pub contact_name: Option<String>,
    /// What was written.
    pub text: String,
    /// The value of the button that was pressed, if one was.
    pub choice: Option<String>,
    /// What came with it.
    pub media: Vec<NewMedia>,
    /// The platform's own sequence, where it has one.
    pub order_key: Option<i64>,
    /// When the gateway accepted it.
    pub accepted_at: DateTime<Utc>,
    /// When the person sent it, where the platform tells.
    pub sent_at: Option<DateTime<Utc>>,
    /// Sealed: what the platform needs to be answered.
    pub reply_to: Option<Vec<u8>>,
    /// The workspace for which it is sealed: the bot's when the message was accepted.
    pub sealed_for: WorkspaceId,
    /// Whether the person regulates by it what we may send.
    pub consent: Option<ConsentChange>,
    /// How long to wait for more before answering.
    pub settle: TimeDelta,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
}

impl fmt::Debug for NewInbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInbound")
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// A picture or file that came with a message.
#[derive(Debug, Clone)]
pub struct NewMedia {
    /// The platform's address or id of it.
    pub url: String,
    /// MIME type as the platform says.
    pub content_type: String,
    /// The file's name, where the platform tells it.
    pub name: Option<String>,
}

/// What a person's standard word does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentChange {
    /// STOP: nothing may be sent until START.
    OptOut,
    /// START.
    OptIn,
    /// HELP: the platform answers; nothing changes.
    Help,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenIn {
    /// It is stored already.
    Repeat,
    /// Its integration has been deleted since it was accepted.
    IntegrationGone,
    /// Its bot has moved to this workspace since it was accepted, and what is sealed of it has to be sealed anew before it
    /// can be stored. Nothing was stored.
    Moved(WorkspaceId),
    /// It is stored.
    Stored {
        /// Its workspace.
        workspace: WorkspaceId,
        /// Its conversation.
        conversation: ConversationId,
        /// `Waiting`, `ForHuman` or `Suppressed`.
        state: InboundState,
        /// When the conversation is due, if it waits.
        due_at: Option<DateTime<Utc>>,
    },
}

/// Stores a batch in one transaction. The answers are in the batch's order.
///
/// Rows are locked in the order of integration and conversation, whatever the batch's order, so that two batches never
/// wait for each other in a circle; messages of one conversation keep their order.
pub async fn take_in(db: &Db, batch: &[NewInbound]) -> Result<Vec<TakenIn>, StoreError> {
    let mut order: Vec<usize> = (0..batch.len()).collect();
    order.sort_by_key(|&i| {
        (
            batch[i].integration,
            &batch[i].contact_key,
            &batch[i].conversation_key,
            batch[i].message,
        )
    });
    let mut results = vec![TakenIn::Repeat; batch.len()];
    let mut counted = Vec::with_capacity(batch.len());

    let mut tx = db.system().await?;
    moves::accepting(&mut tx, batch.iter().map(|message| message.chatbot)).await?;
    for i in order {
        let (taken, workspace) = take_in_one(&mut tx, &batch[i]).await?;
        // Words like STOP are no messages to a chatbot.
        if let TakenIn::Stored { state, .. } = &taken
            && *state != InboundState::Suppressed
        {
            counted.extend(workspace.map(|workspace| (workspace, usage::month(batch[i].accepted_at))));
        }
        results[i] = taken;
    }
    usage::count(&mut tx, &counted).await?;
    tx.commit().await?;
    Ok(results)
}

/// What became of it, and whose it is.
async fn take_in_one(tx: &mut SystemTx, message: &NewInbound) -> Result<(TakenIn, Option<Uuid>), StoreError> {
    let opts_out = message.consent == Some(ConsentChange::OptOut);
    let opts_in = message.consent == Some(ConsentChange::OptIn);
    let row = sqlx::query!(
        r#"
        with known as (
            select id, workspace_id, chatbot_id, $20::bytea is null or workspace_id = $24 as opens
            from integrations where id = $1 and chatbot_id = $2
        ), fresh as (
            insert into seen (chatbot_id, platform, hash)
            select chatbot_id, $3, $4 from known where opens
            on conflict do nothing
            returning chatbot_id
        ), quiet as (
            -- START is a word like any other from somebody who has not said STOP.
            select $14 or ($9 and exists (
                select from contacts where integration_id = $1 and key = $6 and opted_out_at is not null
            )) as quiet
        ), contact as (
            insert into contacts (id, workspace_id, integration_id, key, name, opted_out_at)
            select $5, k.workspace_id, k.id, $6, $7::text, case when $8 then $10::timestamptz end
            from known k, fresh
            on conflict (integration_id, key) do update set
                last_seen_at = $10,
                name = coalesce(excluded.name, contacts.name),
                opted_out_at = case when $8 then $10 when $9 then null else contacts.opted_out_at end
            returning id, opted_out_at
        ), conversation as (
            insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key,
                                       last_inbound, last_inbound_at, due_at, waiting_since)
            -- Platforms' reply windows begin when the person wrote, however late we hear of it.
            select $11, k.workspace_id, k.chatbot_id, k.id, c.id, $12, $13, least($10, $22::timestamptz),
                   case when not q.quiet and c.opted_out_at is null then $15::timestamptz end,
                   case when not q.quiet and c.opted_out_at is null then $10 end
            from known k, contact c, quiet q
            on conflict (integration_id, key) do update set
                last_inbound = excluded.last_inbound,
                last_inbound_at = greatest(conversations.last_inbound_at, excluded.last_inbound_at),
                updated_at = now(),
                -- Whoever writes has something to say.
                resolved_at = null,
                snoozed_until = null,
                due_at = case
                    when excluded.due_at is null or conversations.handler = 'human' then conversations.due_at
                    when conversations.due_at is null then excluded.due_at
                    else least(excluded.due_at, conversations.waiting_since + $16::interval)
                end,
                waiting_since = case
                    when excluded.due_at is null or conversations.handler = 'human' then conversations.waiting_since
                    when conversations.due_at is null then excluded.waiting_since
                    else conversations.waiting_since
                end
            returning id, workspace_id, handler, due_at
        ), stored as (
            insert into messages (id, workspace_id, conversation_id, direction, state, text, dedupe_key, order_key,
                                  reply_to, traceparent, sent_at, accepted_at, choice)
            select $13, v.workspace_id, v.id, 'inbound',
                   case when q.quiet or c.opted_out_at is not null then 'suppressed'
                        when v.handler = 'human' then 'for_human'
                        else 'waiting' end,
                   $17, $18, $19::bigint, $20::bytea, $21::text, $22::timestamptz, $10, $23::text
            from conversation v, contact c, quiet q
            returning state
        )
        select k.workspace_id as "workspace!", k.opens as "opens!", v.id as "conversation?", v.due_at as "due_at?", s.state as "state?",
               c.id as "contact?"
        from known k
        left join conversation v on true
        left join stored s on true
        left join contact c on true
        "#,
        message.integration.as_uuid(),
        message.chatbot.as_uuid(),
        message.platform.as_str(),
        &message.hash,
        ContactId::new().as_uuid(),
        message.contact_key,
        message.contact_name,
        opts_out,
        opts_in,
        message.accepted_at,
        ConversationId::new().as_uuid(),
        message.conversation_key,
        message.message.as_uuid(),
        matches!(message.consent, Some(ConsentChange::OptOut | ConsentChange::Help)),
        message.accepted_at + message.settle,
        interval(LONGEST_SETTLE),
        message.text,
        message.dedupe_key,
        message.order_key,
        message.reply_to,
        message.traceparent,
        message.sent_at,
        message.choice,
        message.sealed_for.as_uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;

    let Some(row) = row else {
        return Ok((TakenIn::IntegrationGone, None));
    };
    if !row.opens {
        return Ok((TakenIn::Moved(row.workspace.into()), None));
    }
    let (Some(conversation), Some(contact), Some(state)) = (row.conversation, row.contact, row.state) else {
        return Ok((TakenIn::Repeat, None));
    };
    if !message.media.is_empty() {
        attach(tx, message).await?;
    }
    if message.platform.is_own() {
        crate::chat::enter(tx, conversation.into(), message.message).await?;
    }
    if opts_out {
        cancel_unsent(tx, contact.into()).await?;
    }
    let state: InboundState = state.parse()?;
    let due_at = row.due_at.filter(|_| state == InboundState::Waiting);
    let taken = TakenIn::Stored {
        workspace: row.workspace.into(),
        conversation: conversation.into(),
        state,
        due_at,
    };
    Ok((taken, Some(row.workspace)))
}

async fn attach(tx: &mut SystemTx, message: &NewInbound) -> Result<(), StoreError> {
    for (position, media) in (0_i32..).zip(&message.media) {
        sqlx::query!(
            "insert into attachments (id, workspace_id, integration_id, message_id, position, url, content_type, due_at,
                                      name)
             select $1, workspace_id, $2, id, $3, $4, $5, $6, $8::text from messages where id = $7",
            AttachmentId::new().as_uuid(),
            message.integration.as_uuid(),
            position,
            media.url,
            media.content_type,
            message.accepted_at,
            message.message.as_uuid(),
            media.name,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Who says STOP gets nothing more, not even what is on its way.
async fn cancel_unsent(tx: &mut SystemTx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query!(
        "update parts set state = 'cancelled', settled_at = now(), error = 'the contact has opted out'
         where state in ('queued', 'parked')
           and conversation_id in (select id from conversations where contact_id = $1)",
        contact.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update messages set state = 'suppressed', error = 'the contact has opted out'
         where state = 'waiting' and conversation_id in (select id from conversations where contact_id = $1)",
        contact.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) fn interval(delta: TimeDelta) -> sqlx::postgres::types::PgInterval {
    sqlx::postgres::types::PgInterval {
        months: 0,
        days: 0,
        microseconds: delta.num_microseconds().unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{answer, bot, inbound, message_states, noon, part_states, write};
    use sqlx::PgPool;

    #[sqlx::test]
    async fn a_message_and_when_it_is_due_are_stored_together(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);

        let taken = write(&db, bot, "+1", "hello").await;

        let TakenIn::Stored {
            state: InboundState::Waiting,
            due_at: Some(due_at),
            ..
        } = taken
        else {
            panic!("{taken:?}")
        };
        assert_eq!(due_at, noon());
    }

    #[sqlx::test]
    async fn a_redelivery_is_stored_once(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let message = inbound(bot, "+1", "hello");
        let again = NewInbound {
            message: MessageId::new(),
            ..message.clone()
        };

        let taken = take_in(&db, &[message, again.clone()]).await.unwrap();
        let later = take_in(&db, &[again]).await.unwrap();

        assert!(
            matches!(taken[..], [TakenIn::Stored { .. }, TakenIn::Repeat]),
            "{taken:?}"
        );
        assert_eq!(later, [TakenIn::Repeat]);
        assert_eq!(message_states(&pool).await, ["waiting"]);
    }

    #[sqlx::test]
    async fn a_message_of_a_deleted_integration_is_told_apart(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let message = NewInbound {
            integration: IntegrationId::new(),
            ..inbound(bot, "+1", "hello")
        };

        assert_eq!(
            take_in(&db, &[message]).await.unwrap(),
            [TakenIn::IntegrationGone]
        );
    }

    #[sqlx::test]
    async fn a_batch_in_which_one_message_fails_stores_none(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let poison = NewInbound {
            text: "\0".to_owned(),
            ..inbound(bot, "+2", "")
        };

        let error = take_in(&db, &[inbound(bot, "+1", "hello"), poison])
            .await
            .unwrap_err();

        assert!(matches!(error, StoreError::Query(_)), "{error:?}");
        assert!(message_states(&pool).await.is_empty());
    }

    #[sqlx::test]
    async fn writing_on_postpones_the_answer_by_five_seconds_at_most(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let settle = TimeDelta::seconds(1);
        let after = |seconds| noon() + TimeDelta::seconds(seconds);

        let mut due = Vec::new();
        for seconds in [0, 1, 4, 9] {
            let message = NewInbound {
                settle,
                accepted_at: after(seconds),
                ..inbound(bot, "+1", "and")
            };
            match take_in(&db, &[message]).await.unwrap().remove(0) {
                TakenIn::Stored { due_at, .. } => due.push(due_at.unwrap()),
                other => panic!("{other:?}"),
            }
        }

        assert_eq!(due, [after(1), after(2), after(5), after(5)]);
    }

    #[sqlx::test]
    async fn stop_is_not_answered_and_takes_back_what_is_on_its_way_until_start(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        write(&db, bot, "+1", "hello").await;
        answer(&db, &["hi"]).await;

        let stop = NewInbound {
            consent: Some(ConsentChange::OptOut),
            ..inbound(bot, "+1", "STOP")
        };
        take_in(&db, &[stop]).await.unwrap();
        write(&db, bot, "+1", "still there?").await;
        let start = NewInbound {
            consent: Some(ConsentChange::OptIn),
            ..inbound(bot, "+1", "START")
        };
        take_in(&db, &[start]).await.unwrap();
        write(&db, bot, "+1", "hello again").await;

        assert_eq!(part_states(&pool).await, ["cancelled"]);
        assert_eq!(
            message_states(&pool).await,
            ["answered", "suppressed", "suppressed", "suppressed", "waiting"]
        );
    }

    #[sqlx::test]
    async fn yes_is_an_answer_like_any_other_from_who_has_not_opted_out(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);

        let yes = NewInbound {
            consent: Some(ConsentChange::OptIn),
            ..inbound(bot, "+1", "YES")
        };
        take_in(&db, &[yes]).await.unwrap();
        let help = NewInbound {
            consent: Some(ConsentChange::Help),
            ..inbound(bot, "+1", "HELP")
        };
        take_in(&db, &[help]).await.unwrap();

        assert_eq!(message_states(&pool).await, ["waiting", "suppressed"]);
    }

    #[sqlx::test]
    async fn media_waits_to_be_fetched(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        let media = vec![NewMedia {
            url: "https://api.twilio.com/1".to_owned(),
            content_type: "image/png".to_owned(),
            name: Some("menu.png".to_owned()),
        }];

        take_in(
            &db,
            &[NewInbound {
                media,
                ..inbound(bot, "+1", "")
            }],
        )
        .await
        .unwrap();

        let claims = crate::attachments::claim(&db, noon(), TimeDelta::seconds(30), 10)
            .await
            .unwrap();
        assert_eq!(claims.len(), 1);
        assert!(
            crate::attachments::claim(&db, noon(), TimeDelta::seconds(30), 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
