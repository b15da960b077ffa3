//! One conversation, with everything that came of it.

use crate::{StoreError, SystemTx, data_jobs::Counts};
use domain::ConversationId;

/// Erases a conversation: messages, parts, attachments and their bytes, records of answers, what was said of them,
/// questions that were made of it, calls, dead letters, and events that tell of it. What was erased, by kind; nothing where it is gone already.
pub async fn erase(tx: &mut SystemTx, id: ConversationId) -> Result<Counts, StoreError> {
    let id = id.as_uuid();
    let mut counts = Counts::new();
    let Some(locked) = sqlx::query!(
        "select chatbot_id from conversations where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?
    else {
        return Ok(counts);
    };
    let found = sqlx::query!(
        r#"select
             (select count(*) from messages where conversation_id = $1) as "messages!",
             (select count(*) from parts p join messages m on m.id = p.message_id where m.conversation_id = $1) as "parts!",
             (select count(*) from attachments a join messages m on m.id = a.message_id
              where m.conversation_id = $1) as "attachments!",
             (select count(*) from answers where conversation_id = $1) as "answers!",
             (select count(*) from message_feedback where conversation_id = $1) as "feedback!",
             (select count(*) from unanswered u join answers a on a.id = u.answer_id
              where a.conversation_id = $1) as "unanswered!",
             (select count(*) from tool_calls where conversation_id = $1) as "tool_calls!",
             (select count(*) from dead_letters d where d.message_id in (select id from messages where conversation_id = $1)
              or d.part_id in (select p.id from parts p join messages m on m.id = p.message_id
                               where m.conversation_id = $1)) as "dead_letters!""#,
        id
    )
    .fetch_one(&mut **tx)
    .await?;
    // Files that came, and those that were sent to nobody else.
    let files = sqlx::query!(
        "delete from blobs where id in (
             select a.blob_id from attachments a join messages m on m.id = a.message_id where m.conversation_id = $1
             union
             select f.blob_id from outbound_files f
             where f.chatbot_id = $2 and f.referenced_at is not null
               and exists (select from parts p join messages m on m.id = p.message_id
                           where m.conversation_id = $1 and position(f.blob_id::text in p.content::text) > 0)
               and not exists (select from parts p join conversations o on o.id = p.conversation_id
                               where o.chatbot_id = $2 and o.id <> $1
                                 and position(f.blob_id::text in p.content::text) > 0))",
        id,
        locked.chatbot_id,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let golden = sqlx::query_scalar!(
        r#"with gone as (
             delete from golden_questions
             where chatbot_id = $2 and message_id in (select id from messages where conversation_id = $1) returning id),
           results as (
             delete from trial_results where question_id in (select id from gone)
               and run_id in (select id from trial_runs where chatbot_id = $2))
           select count(*) as "gone!" from gone"#,
        id,
        locked.chatbot_id,
    )
    .fetch_one(&mut **tx)
    .await?;
    let events = sqlx::query!("delete from webhook_events where conversation_id = $1", id)
        .execute(&mut **tx)
        .await?
        .rows_affected();
    sqlx::query!(
        "delete from pending_statuses s using parts p, messages m
         where m.conversation_id = $1 and p.message_id = m.id and s.integration_id = p.integration_id
           and s.platform_message_id = p.platform_message_id",
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from conversations where id = $1", id)
        .execute(&mut **tx)
        .await?;
    for (name, count) in [
        ("conversations", 1),
        ("messages", found.messages),
        ("parts", found.parts),
        ("attachments", found.attachments),
        ("files", files.cast_signed()),
        ("answers", found.answers),
        ("feedback", found.feedback),
        ("unanswered_questions", found.unanswered),
        ("golden_questions", golden),
        ("tool_calls", found.tool_calls),
        ("dead_letters", found.dead_letters),
        ("webhook_events", events.cast_signed()),
    ] {
        if count > 0 {
            counts.insert(name.to_owned(), count);
        }
    }
    Ok(counts)
}
