//! A person exported and erased, and a chatbot deleted, by the worker itself.

use super::*;
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::Registry;
use chrono::Utc;
use domain::{LeadId, WorkspaceId};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, PgPool};
use std::io::{Cursor, Read};
use store::{blobs, versions::Author};
use uuid::Uuid;
use vault::{Keyring, MasterKeys};

struct World {
    keeper: Keeper,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    lead: LeadId,
}

impl World {
    /// A lead who wrote one message with a file.
    async fn new(pool: &PgPool) -> Self {
        let db = Db::of_pool(pool);
        let settings = vault::Settings {
            master_key: SecretString::from(BASE64_STANDARD.encode([7; 32])),
            ..Default::default()
        };
        let keyring = Keyring::new(db.clone(), MasterKeys::load(&settings).unwrap());
        let queue = Queue::open(&queue::Settings::default(), &db, CancellationToken::new())
            .await
            .unwrap();
        let accounts = Accounts::new(db.clone(), keyring, Registry::new([]).unwrap());
        let (w, bot, lead) = (WorkspaceId::new(), ChatbotId::new(), LeadId::new());
        let id = Uuid::now_v7;
        let (integration, contact, conversation, message, blob) = (id(), id(), id(), id(), id());
        let sql = format!(
            "insert into workspaces (id, name) values ('{w}', 'Acme');
             insert into chatbots (id, workspace_id, name, fallback_text, archived_at) values ('{bot}', '{w}', 'b', 'f', now());
             insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
                 values ('{integration}', '{w}', '{bot}', 'web', 'AC', '', '{{}}');
             insert into leads (id, workspace_id, stage_id, email, created_at, updated_at)
                 select '{lead}', '{w}', id, 'ada@example.com', now(), now() from lead_stages
                 where workspace_id = '{w}' and position = 1;
             insert into contacts (id, workspace_id, integration_id, key, lead_id) values ('{contact}', '{w}', '{integration}', 'user:ada-key', '{lead}');
             insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
                 values ('{conversation}', '{w}', '{bot}', '{integration}', '{contact}', 'k');
             insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at)
                 values ('{message}', '{w}', '{conversation}', 'inbound', 'answered', 'xyzzyword', now());
             insert into blobs (id, workspace_id, content_type, bytes) values ('{blob}', '{w}', 'text/plain', 5);
             insert into blob_pieces (workspace_id, blob_id, position, bytes) values ('{w}', '{blob}', 0, 'bytes');
             insert into attachments (id, workspace_id, integration_id, message_id, position, url, content_type, state, blob_id, name)
                 values ('{}', '{w}', '{integration}', '{message}', 0, 'https://x', 'text/plain', 'stored', '{blob}', '../letter.txt')",
            id()
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
        let clock = Clock::manual(Utc::now());
        let keeper = Keeper {
            db,
            queue,
            accounts,
            clock,
        };
        Self {
            keeper,
            workspace: w,
            chatbot: bot,
            lead,
        }
    }

    /// Asks for it and has it done; the receipt.
    async fn done(&self, kind: JobKind, subject: Subject) -> data_jobs::Job {
        let nobody = Author {
            user: None,
            api_key: None,
        };
        let (db, now) = (&self.keeper.db, self.keeper.clock.now());
        let mut tx = db.tenant(self.workspace).await.unwrap();
        let id = data_jobs::add(&mut tx, kind, subject, nobody, now).await.unwrap();
        tx.commit().await.unwrap();
        self.keeper.jobs().await;
        let mut tx = db.tenant(self.workspace).await.unwrap();
        data_jobs::list(&mut tx, Some(id), None, 1)
            .await
            .unwrap()
            .remove(0)
    }
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_person_is_exported_with_their_files_and_then_erased_with_the_export(pool: PgPool) {
    let world = World::new(&pool).await;

    let export = world.done(JobKind::Export, Subject::Lead(world.lead)).await;
    let mut tx = world.keeper.db.tenant(world.workspace).await.unwrap();
    let file = blobs::piece(&mut tx, export.blob.unwrap(), 0)
        .await
        .unwrap()
        .unwrap();
    drop(tx);
    let receipt = world.done(JobKind::Erase, Subject::Lead(world.lead)).await;

    let mut zip = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| !name.contains("../")), "{names:?}");
    let mut text = String::new();
    for at in 0..zip.len() {
        zip.by_index(at).unwrap().read_to_string(&mut text).unwrap();
    }
    for word in ["xyzzyword", "ada@example.com", "bytes", "user:ada-key"] {
        assert!(text.contains(word), "the export lacks {word}");
    }
    assert_eq!(receipt.state, "done");
    assert_eq!(
        (
            receipt.counts["messages"],
            receipt.counts["contacts"],
            receipt.counts["leads"]
        ),
        (1, 1, 1)
    );
    let expected = Sha256::digest("ada-key\nada@example.com");
    assert_eq!(receipt.subject_hash.as_deref(), Some(expected.as_slice()));
    for table in ["messages", "contacts", "leads", "blobs", "blob_pieces"] {
        assert_eq!(count(&pool, table).await, 0, "{table}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_chatbot_is_deleted_with_everything_of_it_and_a_receipt_stays(pool: PgPool) {
    let world = World::new(&pool).await;

    let receipt = world
        .done(JobKind::DeleteChatbot, Subject::Chatbot(world.chatbot))
        .await;

    assert_eq!(receipt.state, "done", "{:?}", receipt.error);
    assert_eq!(receipt.counts["chatbots"], 1);
    for table in [
        "chatbots",
        "integrations",
        "conversations",
        "messages",
        "blobs",
        "contacts",
    ] {
        assert_eq!(count(&pool, table).await, 0, "{table}");
    }
    assert_eq!(count(&pool, "leads").await, 1, "a lead is the workspace's");
}
