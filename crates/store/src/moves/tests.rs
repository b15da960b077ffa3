//! A chatbot that moves takes all that is its own along, and nothing of it is seen from where it was.

use super::*;
use crate::{
    Db,
    channel_accounts::{self, LogLine},
    fixtures::{self, Bot, bot, claim_parts, claim_turns, inbound, noon, reply, write},
    intake::{TakenIn, take_in},
    leads, outbound, turns,
};
use domain::Sender;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::time::Duration;
use uuid::Uuid;

async fn run(pool: &PgPool, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

async fn workspace(pool: &PgPool) -> WorkspaceId {
    let id = WorkspaceId::new();
    run(
        pool,
        format!("insert into workspaces (id, name) values ('{id}', 'Elsewhere')"),
    )
    .await;
    id
}

/// A row of the bot's in every table that has any.
async fn fill(pool: &PgPool, bot: Bot) {
    let id = Uuid::now_v7;
    let (contact, conversation, message, answer, part, lead) = (id(), id(), id(), id(), id(), id());
    let (source, document, chunk, run_id, budget, label, said) = (id(), id(), id(), id(), id(), id(), id());
    let (known, received, uploaded, to_send) = (id(), id(), id(), id());
    let (w, c, i) = (bot.workspace, bot.chatbot, bot.integration);
    let mut sql = format!(
        "update chatbots set model_key = 'old model', paused_at = now(), pause_reason = 'r',
             model = '{{\"base_url\": \"u\", \"fallbacks\": [{{\"id\": \"{said}\", \"key\": \"6f6c64206661\"}}, {{\"id\": \"x\"}}]}}'
             where id = '{c}';
         update integrations set credentials = 'old credentials' where id = '{i}';
         insert into chatbot_drafts (chatbot_id, workspace_id, settings, keys, base_number, created_at, updated_at)
             values ('{c}', '{w}', '{{}}', '{{\"openai u\": \"6f6c642064\", \"{said}\": \"6f6c642065\"}}', 1, now(), now());
         insert into chatbot_versions (chatbot_id, number, workspace_id, settings, state, created_at)
             values ('{c}', 1, '{w}', '{{}}', 'live', now());
         insert into model_keys (chatbot_id, workspace_id, place, sealed) values ('{c}', '{w}', 'openai u', '6f6c64206d');
         insert into conduct (chatbot_id, workspace_id) values ('{c}', '{w}');
         insert into widgets (chatbot_id, workspace_id) values ('{c}', '{w}');
         insert into tools (id, workspace_id, chatbot_id, name, definition, secrets) values ('{}', '{w}', '{c}', 't', '{{}}', 'old tool');
         insert into mcp_servers (id, workspace_id, chatbot_id, name, url, secrets) values ('{}', '{w}', '{c}', 't', 'u', 'old server');
         insert into budgets (id, workspace_id, chatbot_id, scope, period, tokens, at_limit)
             values ('{budget}', '{w}', '{c}', 'chatbot', 'day', 1, 'quote');
         insert into budget_usage (budget_id, subject, since, workspace_id) values ('{budget}', '{}', now(), '{w}');
         insert into blobs (id, workspace_id, content_type, bytes) select id, '{w}', 'text/plain', 1
             from unnest('{{{known},{received},{uploaded},{to_send}}}'::uuid[]) as id;
         insert into blob_pieces (workspace_id, blob_id, position, bytes) select '{w}', id, 0, 'x'
             from unnest('{{{known},{received},{uploaded},{to_send}}}'::uuid[]) as id;
         insert into sources (id, workspace_id, chatbot_id, kind, title, content, blob_id, lease_token, lease_until)
             values ('{source}', '{w}', '{c}', 'file', 't', '{{}}', '{known}', gen_random_uuid(), now() - interval '1 hour');
         insert into documents (id, workspace_id, chatbot_id, source_id, title, content_hash) values ('{document}', '{w}', '{c}', '{source}', 't', '');
         insert into chunks (id, workspace_id, chatbot_id, document_id, position, text, since_version) values ('{chunk}', '{w}', '{c}', '{document}', 0, 't', 1);
         insert into chunk_vectors (chunk_id, model, workspace_id, chatbot_id, vector) values ('{chunk}', 'm', '{w}', '{c}', '');
         insert into meanings (chatbot_id, workspace_id, wanted) values ('{c}', '{w}', 'm');
         insert into pages (id, workspace_id, chatbot_id, source_id, url, depth, crawl) values ('{}', '{w}', '{c}', '{source}', 'u', 0, 1);
         insert into retrieval_settings (chatbot_id, workspace_id) values ('{c}', '{w}');
         insert into golden_questions (id, workspace_id, chatbot_id, question, expected, created_at, updated_at) values ('{}', '{w}', '{c}', 'q', '{{}}', now(), now());
         insert into trial_runs (id, workspace_id, chatbot_id, kind, settings, state, questions_hash, created_at) values ('{run_id}', '{w}', '{c}', 'demand', '{{}}', 'done', '', now());
         insert into trial_results (run_id, position, workspace_id, question, expected) values ('{run_id}', 1, '{w}', 'q', '{{}}');
         insert into integration_logs (id, workspace_id, integration_id, level, event, message) values ('{}', '{w}', '{i}', 'info', 'e', 'm');
         insert into quarantine (id, workspace_id, integration_id, kind, received_at, size, cause, words, sealed) values ('{}', '{w}', '{i}', 'inbound', now(), 1, 'c', 'w', 'old webhook');
         insert into pending_statuses (workspace_id, integration_id, platform_message_id, state) values ('{w}', '{i}', 'p', 'sent');
         insert into leads (id, workspace_id, stage_id, chatbot_id, name, created_at, updated_at)
             select '{lead}', '{w}', id, '{c}', 'Ada', now(), now() from lead_stages where workspace_id = '{w}' and name = 'won';
         insert into contacts (id, workspace_id, integration_id, key, lead_id) values ('{contact}', '{w}', '{i}', '+1', '{lead}');
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key) values ('{conversation}', '{w}', '{c}', '{i}', '{contact}', '+1');
         insert into labels (id, workspace_id, name, colour) values ('{label}', '{w}', 'label ' || '{label}', 'red');
         insert into conversation_labels (conversation_id, label_id, workspace_id) values ('{conversation}', '{label}', '{w}');
         insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at, reply_to) values ('{message}', '{w}', '{conversation}', 'inbound', 'answered', 't', now(), 'old reply to');
         insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender, content, state, due_at)
             values ('{part}', '{w}', '{i}', '{conversation}', '{message}', 'twilio', 1, 'bot', '{{}}', 'sent', now());",
        id(), id(), id(), id(), id(), id(), id(),
    );
    sql += &format!(
        "insert into attempts (workspace_id, part_id, started_at, outcome) values ('{w}', '{part}', now(), 'sent');
         insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason) values ('{}', '{w}', '{i}', 'part', '{part}', 'r');
         insert into drafts (id, workspace_id, integration_id, conversation_id, platform, state, content, first_called_at, called_at, due_at)
             values ('{}', '{w}', '{i}', '{conversation}', 'twilio', 'shown', '{{}}', now(), now(), now());
         insert into chat_entries (conversation_id, number, workspace_id, message_id) values ('{conversation}', 1, '{w}', '{message}');
         insert into message_feedback (message_id, workspace_id, conversation_id, chatbot_id, platform, rating, created_at, updated_at)
             values ('{message}', '{w}', '{conversation}', '{c}', 'twilio', 'bad', now(), now());
         insert into handovers (conversation_id, workspace_id, at) values ('{conversation}', '{w}', now());
         insert into notes (id, workspace_id, conversation_id, text) values ('{}', '{w}', '{conversation}', 'n');
         insert into tool_calls (id, workspace_id, chatbot_id, conversation_id, tool, arguments, question, asked_at, expires_at)
             values ('{}', '{w}', '{c}', '{conversation}', 't', '{{}}', 'q', now(), now());
         insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, stages)
             values ('{answer}', '{w}', '{c}', '{conversation}', 'q', '[]', '[]', 'm', 1, '{{}}');
         insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question) values ('{}', '{w}', '{c}', '{conversation}', '{answer}', 'q');
         insert into analytics_hours (workspace_id, chatbot_id, platform, hour) values ('{w}', '{c}', 'twilio', now());
         insert into attachments (id, workspace_id, integration_id, message_id, position, url, content_type, state, blob_id)
             values ('{}', '{w}', '{i}', '{message}', 0, 'u', 'text/plain', 'stored', '{received}');
         insert into chat_files (blob_id, workspace_id, integration_id, contact_key, name) values ('{uploaded}', '{w}', '{i}', 'k', 'n');
         insert into outbound_files (blob_id, workspace_id, chatbot_id, name) values ('{to_send}', '{w}', '{c}', 'n');",
        id(), id(), id(), id(), id(), id(),
    );
    run(pool, sql).await;
}

/// How many rows a workspace has in each table that is a chatbot's.
async fn rows(pool: &PgPool, workspace: WorkspaceId) -> Vec<(&'static str, i64)> {
    let mut counted = Vec::new();
    for (table, whose) in TABLES {
        if !matches!(whose, Whose::Workspaces(_)) {
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
                "select count(*) from {table} where workspace_id = '{workspace}'"
            )))
            .fetch_one(pool)
            .await
            .unwrap();
            counted.push((*table, count));
        }
    }
    counted
}

async fn held(tx: &mut SystemTx, bot: Bot, to: WorkspaceId) -> Held {
    match hold(tx, bot.chatbot, to).await.unwrap() {
        Found::Here(held) => held,
        other => panic!("{other:?}"),
    }
}

async fn transfer(db: &Db, bot: Bot, to: WorkspaceId) {
    let mut tx = db.system().await.unwrap();
    let held = held(&mut tx, bot, to).await;
    shift(&mut tx, &held).await.unwrap();
    tx.commit().await.unwrap();
}

#[sqlx::test]
async fn every_table_with_a_workspace_says_whether_its_rows_move_with_a_chatbot(pool: PgPool) {
    let there = sqlx::query(
        "select c.table_name::text from information_schema.columns c
         join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
         where c.table_schema = 'public' and c.column_name = 'workspace_id' and t.table_type = 'BASE TABLE'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let there: BTreeSet<String> = there.iter().map(|row| row.get(0)).collect();

    let listed: BTreeSet<String> = TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();

    assert_eq!(listed, there, "list the table in moves/tables.rs");
    assert_eq!(listed.len(), TABLES.len(), "a table is listed twice");
}

#[sqlx::test]
async fn all_rows_of_a_chatbot_move_and_those_of_its_neighbour_stay(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let neighbour = neighbour_of(&pool, mover).await;
    fill(&pool, mover).await;
    let alone = rows(&pool, mover.workspace).await;
    fill(&pool, neighbour).await;
    let there = workspace(&pool).await;
    let empty: Vec<_> = alone.iter().filter(|(_, count)| *count == 0).collect();
    assert!(empty.is_empty(), "this test has no row in {empty:?}");
    let both = rows(&pool, mover.workspace).await;

    transfer(&db, mover, there).await;

    let moved = rows(&pool, there).await;
    let stayed = rows(&pool, mover.workspace).await;
    for (((table, both), (_, moved)), (_, stayed)) in both.iter().zip(&moved).zip(&stayed) {
        // Neither workspace has the other's labels.
        let labels = i64::from(*table == "conversation_labels");
        assert_eq!(moved + stayed + labels, *both, "{table}");
        assert_eq!(*stayed, both / 2, "{table}");
    }
    let lease: Option<Uuid> = sqlx::query_scalar("select lease_token from sources where workspace_id = $1")
        .bind(there.as_uuid())
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(lease, None, "whoever reads it still would write where it was");
}

/// Another chatbot of the same workspace.
async fn neighbour_of(pool: &PgPool, bot: Bot) -> Bot {
    let neighbour = Bot {
        chatbot: ChatbotId::new(),
        integration: domain::IntegrationId::new(),
        ..bot
    };
    run(
        pool,
        format!(
            "insert into chatbots (id, workspace_id, name, fallback_text) values ('{c}', '{w}', 'n', 'f');
             insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
                 values ('{i}', '{w}', '{c}', 'twilio', 'AC2', '', '{{}}')",
            c = neighbour.chatbot,
            w = bot.workspace,
            i = neighbour.integration,
        ),
    )
    .await;
    neighbour
}

#[sqlx::test]
async fn every_secret_is_sealed_anew_for_its_row_and_column(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    fill(&pool, mover).await;
    let seen = std::cell::RefCell::new(Vec::new());
    let mut tx = db.system().await.unwrap();

    let count = reseal(&mut tx, mover.chatbot, async |_, column, sealed: Vec<u8>| {
        let sealed = String::from_utf8(sealed).unwrap();
        seen.borrow_mut().push(column);
        Ok::<_, StoreError>(sealed.replace("old", "new").into_bytes())
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();

    let columns = seen.into_inner();
    assert_eq!(count as usize, columns.len());
    for column in [
        "chatbots.model_key",
        "chatbots.model.fallbacks",
        "integrations.credentials",
        "tools.secrets",
        "mcp_servers.secrets",
        "quarantine.sealed",
        "messages.reply_to",
    ] {
        assert!(columns.contains(&column), "{column} is not among {columns:?}");
    }
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from chatbots where model_key like 'old%' or model::text like '%6f6c64%')
              + (select count(*) from integrations where credentials like 'old%')
              + (select count(*) from tools where secrets like 'old%')
              + (select count(*) from mcp_servers where secrets like 'old%')
              + (select count(*) from quarantine where sealed like 'old%')
              + (select count(*) from messages where reply_to like 'old%')
              + (select count(*) from model_keys where sealed like '6f6c64%')
              + (select count(*) from chatbot_drafts where keys::text like '%6f6c64%')",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(left, 0, "something is sealed as before");
}

#[sqlx::test]
async fn a_message_that_waits_is_answered_and_sent_in_the_new_workspace_and_seen_there_alone(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let there = workspace(&pool).await;
    write(&db, mover, "+1", "before the move").await;

    transfer(&db, mover, there).await;
    write(&db, mover, "+2", "after the move").await;

    let claims = claim_turns(&db, 10).await;
    assert_eq!(claims.len(), 2);
    for claim in claims {
        assert_eq!(claim.workspace, there);
        let waiting = turns::take_up(&db, &claim).await.unwrap();
        turns::commit(&db, &claim, &waiting, &reply(&["hello"]), false, noon())
            .await
            .unwrap();
    }
    let parts = claim_parts(&db, noon()).await.unwrap();
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|part| part.workspace == there));
    for (workspace, expected) in [(mover.workspace, 0), (there, 4)] {
        let mut tx = db.tenant(workspace).await.unwrap();
        let seen: i64 = sqlx::query_scalar("select count(*) from messages")
            .fetch_one(tx.connection())
            .await
            .unwrap();
        assert_eq!(seen, expected);
    }
    assert!(
        rows(&pool, mover.workspace)
            .await
            .iter()
            .all(|(_, count)| *count == 0)
    );
}

#[sqlx::test]
async fn a_message_that_comes_in_while_its_bot_moves_waits_and_is_taken_in_where_the_bot_is_then(
    pool: PgPool,
) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let there = workspace(&pool).await;
    let mut tx = db.system().await.unwrap();
    let held = held(&mut tx, mover, there).await;
    let taking = tokio::spawn({
        let db = db.clone();
        async move { write(&db, mover, "+1", "hello").await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!taking.is_finished(), "it is taken in beneath the move");

    shift(&mut tx, &held).await.unwrap();
    tx.commit().await.unwrap();

    let taken = taking.await.unwrap();
    assert!(
        matches!(taken, TakenIn::Stored { workspace, .. } if workspace == there),
        "{taken:?}"
    );
    assert!(
        rows(&pool, mover.workspace)
            .await
            .iter()
            .all(|(_, count)| *count == 0)
    );
}

#[sqlx::test]
async fn what_was_sealed_where_the_bot_was_is_not_stored_before_it_is_sealed_anew(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let there = workspace(&pool).await;
    let mut message = inbound(mover, "+1", "hello");
    message.reply_to = Some(b"sealed".to_vec());
    transfer(&db, mover, there).await;

    let first = take_in(&db, std::slice::from_ref(&message)).await.unwrap();
    let stored = rows(&pool, there).await;
    message.sealed_for = there;
    let second = take_in(&db, &[message]).await.unwrap();

    assert_eq!(first, [TakenIn::Moved(there)]);
    assert!(stored.contains(&("messages", 0)) && stored.contains(&("contacts", 0)));
    assert!(matches!(second[0], TakenIn::Stored { workspace, .. } if workspace == there));
}

#[sqlx::test]
async fn an_agent_who_looked_before_the_move_writes_nothing_after_it(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let there = workspace(&pool).await;
    let (w, c) = (mover.workspace, mover.chatbot);
    let mut tx = db.system().await.unwrap();
    let held = held(&mut tx, mover, there).await;
    let source = tokio::spawn({
        let db = db.clone();
        async move {
            let mut tx = db.tenant(w).await.unwrap();
            let added = sqlx::query(
                "insert into sources (id, workspace_id, chatbot_id, kind, title, content)
                 select gen_random_uuid(), workspace_id, id, 'text', 't', '{}' from chatbots where id = $1",
            )
            .bind(c.as_uuid())
            .execute(tx.connection())
            .await;
            let added = added.map_err(StoreError::from);
            tx.commit().await.unwrap();
            added
        }
    });
    let message = tokio::spawn({
        let db = db.clone();
        async move {
            let mut tx = db.tenant(w).await.unwrap();
            let new = outbound::NewOutbound {
                chatbot: c,
                integration: mover.integration,
                platform: fixtures::TWILIO,
                contact_key: "+1".to_owned(),
                conversation_key: "+1".to_owned(),
                sender: Sender::Agent,
                author: None,
                text: "hello".to_owned(),
                buttons: None,
                contents: vec![json!({"text": "hello"})],
                traceparent: None,
                expires_at: None,
            };
            let sent = outbound::enqueue(&mut tx, new).await;
            tx.commit().await.unwrap();
            sent
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!source.is_finished() && !message.is_finished());

    shift(&mut tx, &held).await.unwrap();
    tx.commit().await.unwrap();

    let (source, message) = (source.await.unwrap(), message.await.unwrap());
    assert!(matches!(source, Err(StoreError::Conflict(_))), "{source:?}");
    assert!(
        matches!(message, Err(outbound::EnqueueError::UnknownIntegration)),
        "{message:?}"
    );
    assert!(rows(&pool, w).await.iter().all(|(_, count)| *count == 0));
}

#[sqlx::test]
async fn what_is_logged_by_somebody_who_knows_the_old_workspace_is_logged_in_the_new_one(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let there = workspace(&pool).await;
    let (i, w) = (mover.integration, mover.workspace);
    transfer(&db, mover, there).await;

    run(
        &pool,
        format!(
            "insert into integration_logs (id, workspace_id, integration_id, level, event, message)
                 values (gen_random_uuid(), '{w}', '{i}', 'info', 'e', 'm');
             insert into pending_statuses (workspace_id, integration_id, platform_message_id, state) values ('{w}', '{i}', 'p', 'sent');
             insert into quarantine (id, workspace_id, integration_id, kind, received_at, size, cause, words, sealed)
                 values (gen_random_uuid(), '{w}', '{i}', 'inbound', now(), 1, 'c', 'w', 'x')"
        ),
    )
    .await;
    let line = LogLine {
        workspace: w,
        integration: i,
        level: "info",
        event: "e",
        message: "m".to_owned(),
        details: json!({}),
    };
    channel_accounts::log(&db, &[line]).await.unwrap();

    assert!(rows(&pool, w).await.iter().all(|(_, count)| *count == 0));
    let moved = rows(&pool, there).await;
    for expected in [
        ("integration_logs", 2),
        ("pending_statuses", 1),
        ("quarantine", 0),
    ] {
        assert!(moved.contains(&expected), "{moved:?}");
    }
}

#[sqlx::test]
async fn a_chatbot_that_runs_or_has_something_in_hand_says_so(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let against = async || {
        let mut tx = db.system().await.unwrap();
        obstacles(&mut tx, mover.chatbot, noon()).await.unwrap()
    };
    assert_eq!(against().await, [Obstacle::Running]);
    run(
        &pool,
        "update chatbots set paused_at = now(), pause_reason = 'r'".to_owned(),
    )
    .await;
    assert_eq!(against().await, []);

    write(&db, mover, "+1", "hello").await;
    assert_eq!(against().await, [], "what waits moves along");
    let claim = claim_turns(&db, 1).await.remove(0);
    assert_eq!(against().await, [Obstacle::Answering(1)]);
    let waiting = turns::take_up(&db, &claim).await.unwrap();
    turns::commit(&db, &claim, &waiting, &reply(&["hi"]), false, noon())
        .await
        .unwrap();
    assert_eq!(against().await, []);
    claim_parts(&db, noon()).await.unwrap();
    assert_eq!(against().await, [Obstacle::Sending(1)]);
    let (w, c) = (mover.workspace, mover.chatbot);
    run(
        &pool,
        format!(
            "update parts set state = 'sent';
             insert into trial_runs (id, workspace_id, chatbot_id, kind, settings, questions_hash, created_at)
                 values (gen_random_uuid(), '{w}', '{c}', 'demand', '{{}}', '', now());
             insert into data_jobs (id, workspace_id, kind, chatbot_id, created_at) values (gen_random_uuid(), '{w}', 'delete_chatbot', '{c}', now())"
        ),
    )
    .await;
    assert_eq!(against().await, [Obstacle::Trying(1), Obstacle::DataJobs(1)]);
}

#[sqlx::test]
async fn labels_assignees_and_leads_are_matched_with_what_the_other_workspace_has(pool: PgPool) {
    let (db, mover) = (Db::of_pool(&pool), bot(&pool).await);
    let neighbour = neighbour_of(&pool, mover).await;
    let there = workspace(&pool).await;
    let (w, c) = (mover.workspace, mover.chatbot);
    for (bot, contact) in [(mover, "+1"), (mover, "+2"), (neighbour, "+1")] {
        write(&db, bot, contact, "hello").await;
    }
    for (bot, key, name) in [
        (mover, "+1", "Ada"),
        (mover, "+2", "Bea"),
        (neighbour, "+1", "Ada"),
    ] {
        let lead = leads::Lead {
            name: Some(name.to_owned()),
            ..leads::Lead::default()
        };
        leads::keep(&db, bot.integration, key, &lead, false, noon())
            .await
            .unwrap();
    }
    run(
        &pool,
        format!(
            "update contacts set lead_id = (select lead_id from contacts where key = '+1' and integration_id = '{i}') where key = '+1';
             update leads set stage_id = (select id from lead_stages where workspace_id = '{w}' and name = 'won') where name = 'Bea';
             update lead_stages set position = 9 - position where workspace_id = '{there}';
             insert into webhook_endpoints (id, workspace_id, url, events, secret, secret_shown, created_at, updated_at)
                 values (gen_random_uuid(), '{there}', 'u', '{{lead.updated}}', '', '', now(), now());
             insert into users (id, email) values ('00000000-0000-7000-8000-000000000001', 'both'), ('00000000-0000-7000-8000-000000000002', 'one');
             insert into memberships (workspace_id, user_id, role) select '{w}', id, 'agent' from users;
             insert into memberships (workspace_id, user_id, role) select '{there}', id, 'agent' from users where email = 'both';
             update conversations set assignee_id = case key when '+1' then '00000000-0000-7000-8000-000000000001'::uuid
                                                             else '00000000-0000-7000-8000-000000000002'::uuid end where chatbot_id = '{c}';
             insert into labels (id, workspace_id, name, colour) values (gen_random_uuid(), '{w}', 'Urgent', 'red'), (gen_random_uuid(), '{w}', 'VIP', 'red'),
                 (gen_random_uuid(), '{there}', 'urgent', 'blue');
             insert into conversation_labels (conversation_id, label_id, workspace_id)
                 select v.id, l.id, '{w}' from conversations v, labels l where v.chatbot_id = '{c}' and v.key = '+1' and l.workspace_id = '{w}'",
            i = mover.integration,
        ),
    )
    .await;
    let mut tx = db.system().await.unwrap();
    let held = held(&mut tx, mover, there).await;
    let counted = contents(&mut tx, &held).await.unwrap();

    shift(&mut tx, &held).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!((counted.leads, counted.copied_leads), (1, 1));
    assert_eq!(
        (counted.kept_labels, counted.lost_labels),
        (1, vec!["VIP".to_owned()])
    );
    assert_eq!((counted.kept_assignments, counted.lost_assignments), (1, 1));
    assert_eq!(
        (counted.conversations, counted.messages, counted.waiting),
        (2, 2, 2)
    );
    let assigned: Vec<(String, bool)> = sqlx::query_as(
        "select key, assignee_id is not null from conversations where workspace_id = $1 order by key",
    )
    .bind(there.as_uuid())
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(assigned, [("+1".to_owned(), true), ("+2".to_owned(), false)]);
    let labels: Vec<String> = sqlx::query_scalar(
        "select l.name from conversation_labels cl join labels l on l.id = cl.label_id where l.workspace_id = cl.workspace_id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(labels, ["urgent"]);
    let known: Vec<(String, String, bool, bool)> = sqlx::query_as(
        "select l.name, s.name, l.workspace_id = s.workspace_id, l.workspace_id = k.workspace_id
         from contacts k join leads l on l.id = k.lead_id join lead_stages s on s.id = l.stage_id
         order by k.workspace_id = $1, l.name",
    )
    .bind(there.as_uuid())
    .fetch_all(&pool)
    .await
    .unwrap();
    let row = |name: &str, stage: &str| (name.to_owned(), stage.to_owned(), true, true);
    assert_eq!(known, [row("Ada", "new"), row("Ada", "new"), row("Bea", "won")]);
    let told: i64 = sqlx::query_scalar("select count(*) from webhook_events")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(told, 0, "nobody changed a lead");
    let left: i64 =
        sqlx::query_scalar("select count(*) from leads where workspace_id = $1 and chatbot_id = $2")
            .bind(w.as_uuid())
            .bind(c.as_uuid())
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(left, 0, "a lead that stays names a chatbot that is gone");
}
