//! Calls of tools that change something: what a person was asked, what they said, and what came of it.
//!
//! Invariants:
//! - A conversation has one open call at most, and is asked about it in the commit of a turn.
//! - A call is `running` in a durable commit before it is made, and its outcome is written as soon as it is known. A turn
//!   that is run again soon finds the outcome, or makes the call again under the same id, by which the other side knows it.
//! - An open question is the last thing that was said to the person: whatever anybody else says or takes up ends it.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, ConversationId, ToolCallId, WorkspaceId};
use sqlx::PgConnection;
use std::fmt;

/// How long a person may take to say yes.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(30);
/// How long after the yes a call may be made again. The other side does not know a repeat by its id for ever.
pub const REPEATABLE: TimeDelta = TimeDelta::minutes(5);

/// A call that a person is to be asked about.
#[derive(Clone)]
pub struct NewCall {
    /// Its id, by which the other side will know a repeat.
    pub id: ToolCallId,
    /// The tool, as models know it.
    pub tool: String,
    /// What it is called with.
    pub arguments: serde_json::Value,
    /// What the person is asked.
    pub question: String,
}

/// An open call.
#[derive(Clone)]
pub struct OpenCall {
    /// Its id.
    pub id: ToolCallId,
    /// The tool.
    pub tool: String,
    /// What it is called with.
    pub arguments: serde_json::Value,
    /// Whether the person said yes already, in a turn that did not come to its end.
    pub running: bool,
    /// How it went, where that is known already.
    pub outcome: Option<serde_json::Value>,
    /// When the person was asked. What they wrote before is no answer.
    pub asked_at: DateTime<Utc>,
    /// Until when the person may say yes; of one that is running, until when it may be made again.
    pub expires_at: DateTime<Utc>,
}

/// Arguments are the person's: they are not printed.
impl fmt::Debug for NewCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCall")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCall")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How an open call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was made, and its outcome told.
    Done,
    /// The person said no.
    Declined,
    /// They said something else, or said yes too late.
    Lapsed,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Declined => "declined",
            Self::Lapsed => "lapsed",
        }
    }
}

/// The call that a conversation waits with.
pub async fn open(db: &Db, conversation: ConversationId) -> Result<Option<OpenCall>, StoreError> {
    let row = sqlx::query!(
        "select id, tool, arguments, state, outcome, asked_at, expires_at from tool_calls
         where conversation_id = $1 and state in ('asked', 'running')",
        conversation.as_uuid(),
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(row.map(|row| OpenCall {
        id: row.id.into(),
        tool: row.tool,
        arguments: row.arguments,
        running: row.state == "running",
        outcome: row.outcome,
        asked_at: row.asked_at,
        expires_at: row.expires_at,
    }))
}

/// What there is to do about a call to which the person said yes.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// It is `running`, and to be made now.
    Make,
    /// It was made.
    Made(serde_json::Value),
    /// Somebody else ended it, or it has been running for too long: it must not be made.
    Ended,
}

/// The person said yes: from here on it is being made, unless it says otherwise.
pub async fn run(db: &Db, id: ToolCallId, now: DateTime<Utc>) -> Result<Run, StoreError> {
    let row = sqlx::query!(
        "update tool_calls
         set state = 'running', expires_at = case state when 'asked' then $3 else expires_at end
         where id = $1 and (state = 'asked' or (state = 'running' and (expires_at > $2 or outcome is not null)))
         returning outcome",
        id.as_uuid(),
        now,
        now + REPEATABLE,
    )
    .fetch_optional(db.system_pool())
    .await?;
    Ok(match row.map(|row| row.outcome) {
        None => Run::Ended,
        Some(None) => Run::Make,
        Some(Some(outcome)) => Run::Made(outcome),
    })
}

/// Writes down how it went, before anybody is told.
pub async fn record(db: &Db, id: ToolCallId, outcome: &serde_json::Value) -> Result<(), StoreError> {
    sqlx::query!(
        "update tool_calls set outcome = $2 where id = $1 and state = 'running'",
        id.as_uuid(),
        outcome,
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// What a turn's commit does with the calls of its conversation.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The open call, and how it ended.
    pub ended: Option<(ToolCallId, Ending)>,
    /// What the person is asked now.
    pub asked: Option<NewCall>,
}

/// Ends the open call as the turn found it, whatever becomes of the turn's answer.
pub(crate) async fn end(
    tx: &mut PgConnection,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if let Some((id, ending)) = &changes.ended {
        sqlx::query!(
            "update tool_calls set state = $2, ended_at = $3 where id = $1 and state in ('asked', 'running')",
            id.as_uuid(),
            ending.as_str(),
            now,
        )
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Something else was said to the person: a yes from here on would be one to that.
pub(crate) async fn lapse(
    tx: &mut PgConnection,
    conversation: ConversationId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update tool_calls set state = 'lapsed', ended_at = $2 where conversation_id = $1 and state = 'asked'",
        conversation.as_uuid(),
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A human has the conversation: what was asked lapses, and what may have been made is made by no later turn again.
pub(crate) async fn leave(tx: &mut PgConnection, conversation: ConversationId) -> Result<(), StoreError> {
    sqlx::query!(
        "update tool_calls
         set state = case state when 'asked' then 'lapsed' else state end,
             ended_at = case state when 'asked' then now() end,
             expires_at = least(expires_at, now())
         where conversation_id = $1 and state in ('asked', 'running')",
        conversation.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn commit(
    tx: &mut SystemTx,
    place: (WorkspaceId, ChatbotId, ConversationId),
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (workspace, chatbot, conversation) = place;
    end(tx, changes, now).await?;
    if let Some(call) = &changes.asked {
        lapse(tx, conversation, now).await?;
        sqlx::query!(
            "insert into tool_calls (id, workspace_id, chatbot_id, conversation_id, tool, arguments, question, asked_at,
                                     expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            call.id.as_uuid(),
            workspace.as_uuid(),
            chatbot.as_uuid(),
            conversation.as_uuid(),
            call.tool,
            call.arguments,
            call.question,
            now,
            now + PATIENCE,
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversations,
        fixtures::{Bot, bot, claim_turns, noon, reply, write},
        outbound::{self, NewOutbound},
        turns::{self, BotReply, Claim, Committed, Handoff},
    };
    use domain::{HandoffReason, Platform, Sender};
    use serde_json::json;
    use sqlx::PgPool;

    /// A bot's turn whose reply is this one.
    async fn turn(db: &Db, bot: Bot, reply: BotReply) -> Claim {
        write(db, bot, "+1", "cancel order 17").await;
        let claim = claim_turns(db, 10).await.remove(0);
        let waiting = turns::take_up(db, &claim).await.unwrap();
        let committed = turns::commit(db, &claim, &waiting, &reply, false, noon())
            .await
            .unwrap();
        assert!(matches!(committed, Committed::Answered { .. }), "{committed:?}");
        claim
    }

    fn asking(id: ToolCallId) -> BotReply {
        let asked = NewCall {
            id,
            tool: "cancel".to_owned(),
            arguments: json!({"id": "17"}),
            question: "Cancel order 17?".to_owned(),
        };
        BotReply {
            calls: Changes {
                ended: None,
                asked: Some(asked),
            },
            ..reply(&["Cancel order 17?"])
        }
    }

    async fn state(pool: &PgPool, id: ToolCallId) -> String {
        sqlx::query_scalar("select state from tool_calls where id = $1")
            .bind(id.as_uuid())
            .fetch_one(pool)
            .await
            .unwrap()
    }

    async fn take_over(db: &Db, claim: &Claim) {
        let mut tx = db.tenant(claim.workspace).await.unwrap();
        assert!(
            conversations::take_over(&mut tx, claim.conversation)
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
    }

    #[sqlx::test]
    async fn a_question_lapses_when_a_human_takes_over(pool: PgPool) {
        let (db, bot, id) = (Db::of_pool(&pool), bot(&pool).await, ToolCallId::new());
        let claim = turn(&db, bot, asking(id)).await;
        let before = open(&db, claim.conversation).await.unwrap().unwrap();

        take_over(&db, &claim).await;

        assert_eq!(before.asked_at, noon());
        assert!(open(&db, claim.conversation).await.unwrap().is_none());
        assert_eq!(state(&pool, id).await, "lapsed");
        assert_eq!(run(&db, id, noon()).await.unwrap(), Run::Ended);
    }

    #[sqlx::test]
    async fn a_question_lapses_when_the_bot_hands_over_in_its_place(pool: PgPool) {
        let (db, bot, id) = (Db::of_pool(&pool), bot(&pool).await, ToolCallId::new());
        let handoff = Some(Handoff {
            reason: HandoffReason::Keyword,
            detail: None,
        });
        let handing_over = BotReply {
            handoff,
            ..asking(id)
        };

        turn(&db, bot, handing_over).await;

        assert_eq!(state(&pool, id).await, "lapsed");
    }

    #[sqlx::test]
    async fn a_question_lapses_when_somebody_else_writes(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);
        for sender in [Sender::Agent, Sender::Api] {
            let id = ToolCallId::new();
            turn(&db, bot, asking(id)).await;
            let mut tx = db.tenant(bot.workspace).await.unwrap();
            let message = NewOutbound {
                chatbot: bot.chatbot,
                integration: bot.integration,
                platform: Platform::from_static("twilio"),
                contact_key: "+1".to_owned(),
                conversation_key: "+1".to_owned(),
                sender,
                author: None,
                text: "hello".to_owned(),
                buttons: None,
                contents: vec![json!({"text": "hello"})],
                traceparent: None,
                expires_at: None,
            };
            outbound::enqueue(&mut tx, message).await.unwrap();
            tx.commit().await.unwrap();

            assert_eq!(state(&pool, id).await, "lapsed", "{sender:?}");
        }
    }

    #[sqlx::test]
    async fn a_call_is_made_again_for_a_few_minutes_and_not_once_its_outcome_is_known(pool: PgPool) {
        let (db, bot, id) = (Db::of_pool(&pool), bot(&pool).await, ToolCallId::new());
        turn(&db, bot, asking(id)).await;
        let run = async |later| run(&db, id, noon() + later).await.unwrap();

        assert_eq!(run(TimeDelta::zero()).await, Run::Make);
        assert_eq!(run(TimeDelta::minutes(4)).await, Run::Make);
        assert_eq!(run(TimeDelta::minutes(6)).await, Run::Ended);
        record(&db, id, &json!({"status": 200})).await.unwrap();
        assert_eq!(
            run(TimeDelta::minutes(6)).await,
            Run::Made(json!({"status": 200}))
        );
    }

    #[sqlx::test]
    async fn a_call_that_was_made_is_ended_although_a_human_took_over_meanwhile(pool: PgPool) {
        let (db, bot, id) = (Db::of_pool(&pool), bot(&pool).await, ToolCallId::new());
        turn(&db, bot, asking(id)).await;
        write(&db, bot, "+1", "yes").await;
        let claim = claim_turns(&db, 10).await.remove(0);
        let waiting = turns::take_up(&db, &claim).await.unwrap();
        assert_eq!(run(&db, id, noon()).await.unwrap(), Run::Make);
        record(&db, id, &json!({"status": 200})).await.unwrap();
        take_over(&db, &claim).await;

        let told = BotReply {
            calls: Changes {
                ended: Some((id, Ending::Done)),
                asked: None,
            },
            ..reply(&["That is done."])
        };
        let committed = turns::commit(&db, &claim, &waiting, &told, false, noon())
            .await
            .unwrap();

        assert_eq!(committed, Committed::TakenOver);
        assert_eq!(state(&pool, id).await, "done");
    }

    #[sqlx::test]
    async fn a_call_that_runs_while_a_human_takes_over_is_made_by_no_later_turn(pool: PgPool) {
        let (db, bot, id) = (Db::of_pool(&pool), bot(&pool).await, ToolCallId::new());
        let claim = turn(&db, bot, asking(id)).await;
        let now = Utc::now();
        assert_eq!(run(&db, id, now).await.unwrap(), Run::Make);

        take_over(&db, &claim).await;

        let left = open(&db, claim.conversation).await.unwrap().unwrap();
        assert!(left.running && left.expires_at < now + TimeDelta::minutes(1));
        let later = now + TimeDelta::minutes(1);
        assert_eq!(run(&db, id, later).await.unwrap(), Run::Ended);
    }
}
