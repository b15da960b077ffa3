//! What is erased is found nowhere in the database any more, and what is others' stays.

use super::*;
use crate::{
    Db,
    data_jobs::{self, Claimed, Counts, JobKind, Subject},
    versions::Author,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, LeadId, WorkspaceId};
use sqlx::{AssertSqlSafe, PgPool, Row};
use uuid::Uuid;

const NOBODY: Author = Author {
    user: None,
    api_key: None,
};

struct Talk {
    lead: LeadId,
    conversation: Uuid,
}

/// A chatbot with an integration.
async fn bot(pool: &PgPool, workspace: WorkspaceId) -> (ChatbotId, Uuid) {
    let (bot, integration) = (ChatbotId::new(), Uuid::now_v7());
    let sql = format!(
        "insert into workspaces (id, name) values ('{workspace}', 'Acme') on conflict do nothing;
         insert into chatbots (id, workspace_id, name, fallback_text) values ('{bot}', '{workspace}', 'b', 'f');
         insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ('{integration}', '{workspace}', '{bot}', 'web', 'AC', '', '{{}}')"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    (bot, integration)
}

/// Somebody who left a word wherever a person's words can be.
async fn talk(pool: &PgPool, workspace: WorkspaceId, bot: ChatbotId, integration: Uuid, word: &str) -> Talk {
    let id = Uuid::now_v7;
    let (lead, contact, conversation, message, reply) = (id(), id(), id(), id(), id());
    let (part, answer, blob, file, golden, run) = (id(), id(), id(), id(), id(), id());
    let w = workspace;
    let sql = format!(
        "insert into webhook_endpoints (id, workspace_id, url, events, secret, secret_shown, created_at, updated_at)
             values ('{}', '{w}', 'https://crm.example', '{{message.received,lead.created,message.sent}}', '', '', now(), now());
         insert into leads (id, workspace_id, stage_id, name, email, fields, consent_text, created_at, updated_at)
             select '{lead}', '{w}', id, '{word} Lovelace', '{word}@example.com', '{{\"company\": \"{word} Ltd\"}}', 'yes, {word}', now(), now()
             from lead_stages where workspace_id = '{w}' and position = 1;
         insert into contacts (id, workspace_id, integration_id, key, name, email, lead_id, lead_at)
             values ('{contact}', '{w}', '{integration}', 'user:{word}-key', '{word}', '{word}@example.com', '{lead}', now());
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key, next_position, handoff_detail)
             values ('{conversation}', '{w}', '{bot}', '{integration}', '{contact}', '{word}-thread', 2, '{word}');
         insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at, error)
             values ('{message}', '{w}', '{conversation}', 'inbound', 'answered', 'I am {word}', now(), '{word}');
         insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at)
             values ('{reply}', '{w}', '{conversation}', 'outbound', 'bot', 'Hello {word}', now());
         insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender, content, state, due_at,
                            reply_to_message_id, platform_message_id)
             values ('{part}', '{w}', '{integration}', '{conversation}', '{reply}', 'web', 1, 'bot',
                     '{{\"text\": \"Hello {word}\", \"media\": [\"/files/{file}\"]}}', 'dead', now(), '{message}', '{word}-pm');
         insert into pending_statuses (workspace_id, integration_id, platform_message_id, state)
             values ('{w}', '{integration}', '{word}-pm', 'delivered');
         insert into attempts (workspace_id, part_id, started_at, outcome, detail) values ('{w}', '{part}', now(), 'failed', '{word}');
         insert into blobs (id, workspace_id, content_type, bytes) values ('{blob}', '{w}', 'text/plain', 3), ('{file}', '{w}', 'text/plain', 3);
         insert into blob_pieces (workspace_id, blob_id, position, bytes) values ('{w}', '{blob}', 0, '{word}'), ('{w}', '{file}', 0, '{word}');
         insert into attachments (id, workspace_id, integration_id, message_id, position, url, content_type, state, blob_id, name)
             values ('{}', '{w}', '{integration}', '{message}', 0, 'https://x/{word}', 'text/plain', 'stored', '{blob}', '{word}.txt');
         insert into outbound_files (blob_id, workspace_id, chatbot_id, name, referenced_at)
             values ('{file}', '{w}', '{bot}', '{word}.txt', now());
         insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, stages)
             values ('{answer}', '{w}', '{bot}', '{conversation}', 'Who is {word}?', '[]', '[]', 'extractive', 1, '{{}}');
         insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question)
             values ('{}', '{w}', '{bot}', '{conversation}', '{answer}', 'Who is {word}?');
         insert into tool_calls (id, workspace_id, chatbot_id, conversation_id, tool, arguments, question, asked_at, expires_at)
             values ('{}', '{w}', '{bot}', '{conversation}', 'find', '{{\"q\": \"{word}\"}}', '{word}?', now(), now());
         insert into drafts (id, workspace_id, integration_id, conversation_id, platform, reply_to_message_id, content, first_called_at, called_at, due_at)
             values ('{}', '{w}', '{integration}', '{conversation}', 'web', '{message}', '{{\"text\": \"{word}\"}}', now(), now(), now());
         insert into golden_questions (id, workspace_id, chatbot_id, question, expected, message_id, created_at, updated_at)
             values ('{golden}', '{w}', '{bot}', 'I am {word}', '{{\"words\": [\"{word}\"]}}', '{message}', now(), now());
         insert into trial_runs (id, workspace_id, chatbot_id, kind, settings, questions_hash, created_at)
             values ('{run}', '{w}', '{bot}', 'demand', '{{}}', '', now());
         insert into trial_results (run_id, position, workspace_id, question_id, question, expected, answer)
             values ('{run}', 1, '{w}', '{golden}', 'I am {word}', '{{}}', '{word}');
         insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason) values ('{}', '{w}', '{integration}', 'part', '{part}', 'to {word}');
         insert into dead_letters (id, workspace_id, kind, payload, reason) values ('{}', '{w}', 'inbound', 'xx{word}-keyxx', 'unreadable');
         insert into integration_logs (id, workspace_id, integration_id, level, event, message)
             values ('{}', '{w}', '{integration}', 'error', 'send.rejected', 'no such person: {word}-key');
         insert into integration_logs (id, workspace_id, integration_id, level, event, message)
             values ('{}', '{w}', '{integration}', 'info', 'check.passed', 'works');
         insert into message_feedback (message_id, workspace_id, conversation_id, chatbot_id, platform, rating, comment, created_at, updated_at)
             values ('{reply}', '{w}', '{conversation}', '{bot}', 'web', 'bad', 'not what {word} asked', now(), now());
         insert into chat_entries (conversation_id, number, workspace_id, message_id) values ('{conversation}', 1, '{w}', '{message}')",
        id(), id(), id(), id(), id(), id(), id(), id(), id(),
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    Talk {
        lead: lead.into(),
        conversation,
    }
}

/// Every column of every table in which the word stands, as text, in JSON or in bytes.
async fn places(pool: &PgPool, word: &str) -> Vec<String> {
    let columns = sqlx::query(
        "select table_name::text as t, column_name::text as c, data_type::text as d from information_schema.columns
         where table_schema = 'public' and table_name <> '_sqlx_migrations' order by 1, 2",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(columns.len() > 300, "the test does not see the columns");
    let mut found = Vec::new();
    for row in columns {
        let (table, column, kind): (String, String, String) = (row.get("t"), row.get("c"), row.get("d"));
        let text = if kind == "bytea" {
            format!("encode({column}, 'escape')")
        } else {
            format!("{column}::text")
        };
        let sql = format!("select count(*) from {table} where position('{word}' in {text}) > 0");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(pool)
            .await
            .unwrap();
        if count > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

async fn begin(db: &Db, workspace: WorkspaceId, kind: JobKind, subject: Subject) -> Claimed {
    let now = Utc::now();
    let mut tx = db.tenant(workspace).await.unwrap();
    let id = data_jobs::add(&mut tx, kind, subject, NOBODY, now).await.unwrap();
    let again = data_jobs::add(&mut tx, kind, subject, NOBODY, now).await.unwrap();
    assert_eq!(id, again, "the same work stands on the list twice");
    tx.commit().await.unwrap();
    let job = data_jobs::claim(db, now, TimeDelta::minutes(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.id, id);
    assert!(
        data_jobs::claim(db, now, TimeDelta::minutes(1))
            .await
            .unwrap()
            .is_none()
    );
    job
}

fn soon() -> DateTime<Utc> {
    Utc::now() + TimeDelta::minutes(1)
}

#[sqlx::test]
async fn s29_the_words_of_an_erased_person_are_found_nowhere_and_those_of_others_are(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let (chatbot, integration) = bot(&pool, workspace).await;
    let gone = talk(&pool, workspace, chatbot, integration, "xyzzyword").await;
    talk(&pool, workspace, chatbot, integration, "plughword").await;
    let before = places(&pool, "xyzzyword").await;
    let others = places(&pool, "plughword").await;
    assert!(before.len() >= 25, "{before:?}");

    let job = begin(&db, workspace, JobKind::Erase, Subject::Lead(gone.lead)).await;
    let whom = person(&db, workspace, job.subject).await.unwrap();
    let mut tx = db.system().await.unwrap();
    let mut counts = Counts::new();
    for conversation in &whom.conversations {
        counts.extend(erase(&mut tx, *conversation).await.unwrap());
    }
    assert!(data_jobs::progress(&mut tx, &job, &counts, soon()).await.unwrap());
    let mentions = forget_mentions(&mut tx, &whom).await.unwrap();
    assert!(
        data_jobs::progress(&mut tx, &job, &mentions, soon())
            .await
            .unwrap()
    );
    let rest = remove(&mut tx, &whom).await.unwrap();
    assert!(data_jobs::progress(&mut tx, &job, &rest, soon()).await.unwrap());
    assert!(
        data_jobs::finish(&mut tx, &job, Some(b"hash"), None, soon())
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();

    assert_eq!(places(&pool, "xyzzyword").await, Vec::<String>::new());
    assert_eq!(places(&pool, "plughword").await, others);
    let mut tx = db.tenant(workspace).await.unwrap();
    let receipt = data_jobs::list(&mut tx, Some(job.id), None, 1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(receipt.state, "done");
    let counted = |name: &str| receipt.counts.get(name).copied().unwrap_or_default();
    assert_eq!(
        [
            "conversations",
            "messages",
            "files",
            "dead_letters",
            "integration_logs",
            "contacts",
            "leads",
            "golden_questions",
            "feedback"
        ]
        .map(counted),
        [1, 2, 2, 2, 1, 1, 1, 1, 1]
    );
    let again = person(&db, workspace, job.subject).await.unwrap();
    assert!(again.contacts.is_empty() && again.conversations.is_empty());
}

#[sqlx::test]
async fn who_has_lost_a_job_writes_nothing_into_its_receipt(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let (chatbot, _) = bot(&pool, workspace).await;
    let dead = begin(&db, workspace, JobKind::DeleteChatbot, Subject::Chatbot(chatbot)).await;

    let later = Utc::now() + TimeDelta::minutes(2);
    let taken = data_jobs::claim(&db, later, TimeDelta::minutes(1))
        .await
        .unwrap()
        .unwrap();

    assert_eq!((taken.id, taken.attempts), (dead.id, 1));
    let mut tx = db.system().await.unwrap();
    let counts = Counts::from([("messages".to_owned(), 3)]);
    assert!(!data_jobs::progress(&mut tx, &dead, &counts, later).await.unwrap());
    assert!(
        !data_jobs::finish(&mut tx, &dead, None, None, later)
            .await
            .unwrap()
    );
    assert!(
        data_jobs::progress(&mut tx, &taken, &counts, later)
            .await
            .unwrap()
    );
}

#[sqlx::test]
async fn a_chatbot_forgets_what_is_older_than_it_keeps_and_nothing_else(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let (keeps, integration) = bot(&pool, workspace).await;
    let (forever, elsewhere) = bot(&pool, workspace).await;
    let old = talk(&pool, workspace, keeps, integration, "xyzzyword").await;
    let kept = talk(&pool, workspace, forever, elsewhere, "plughword").await;
    let sql = format!("update chatbots set retention_days = 30 where id = '{keeps}'");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();

    let early = expire(&db, Utc::now() + TimeDelta::days(29), 100).await.unwrap();
    let late = expire(&db, Utc::now() + TimeDelta::days(31), 100).await.unwrap();

    assert!(early.is_empty(), "{early:?}");
    assert_eq!((late.len(), late[0].counts["messages"]), (1, 2));
    let left: Vec<Uuid> = sqlx::query_scalar("select id from conversations")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(left, [kept.conversation]);
    assert_ne!(left, [old.conversation]);
    let mut tx = db.tenant(workspace).await.unwrap();
    let log = crate::activity_log::list(&mut tx, None, 10).await.unwrap();
    assert_eq!(log[0].action, "retention.erase");
    assert_eq!(log[0].details["erased"]["conversations"], 1);
}

#[sqlx::test]
async fn a_deleted_chatbot_leaves_nothing_and_only_an_archived_one_is_deleted(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let (chatbot, integration) = bot(&pool, workspace).await;
    let (other, elsewhere) = bot(&pool, workspace).await;
    talk(&pool, workspace, chatbot, integration, "xyzzyword").await;
    talk(&pool, workspace, other, elsewhere, "plughword").await;
    let mut tx = db.tenant(workspace).await.unwrap();
    assert!(
        is_deletable(&mut tx, chatbot, Utc::now())
            .await
            .unwrap()
            .is_none()
    );
    drop(tx);
    let sql = format!("update chatbots set archived_at = now() where id = '{chatbot}'");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    let mut tx = db.tenant(workspace).await.unwrap();
    assert_eq!(
        is_deletable(&mut tx, chatbot, Utc::now())
            .await
            .unwrap()
            .as_deref(),
        Some("b")
    );
    tx.commit().await.unwrap();

    let job = begin(&db, workspace, JobKind::DeleteChatbot, Subject::Chatbot(chatbot)).await;
    let mut tx = db.system().await.unwrap();
    for conversation in next_conversations(&db, chatbot, 10).await.unwrap() {
        erase(&mut tx, conversation).await.unwrap();
    }
    while !remove_pieces(&mut tx, chatbot, 10).await.unwrap().is_empty() {}
    let platforms = remove_chatbot(&mut tx, &job, chatbot, soon()).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(platforms.len(), 1);
    let left: Vec<Uuid> = sqlx::query_scalar("select id from chatbots")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(left, [other.as_uuid()]);
    let still: Vec<String> = places(&pool, &chatbot.to_string()).await;
    assert_eq!(still, ["data_jobs.chatbot_id"]);
}
