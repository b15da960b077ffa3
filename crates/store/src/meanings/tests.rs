use super::*;
use crate::{
    chunks::{self, NewChunk},
    sources::{self, Change, Content, NewDocument, NewSource},
};
use sqlx::PgPool;

const LEASE: Duration = Duration::from_secs(60);
const OLD: &str = "model-1";
const NEW: &str = "model-2";

struct World {
    db: Db,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    source: SourceId,
}

impl World {
    /// A chatbot that knows these.
    async fn new(pool: &PgPool, texts: &[&str]) -> Self {
        let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
        sqlx::query("insert into workspaces (id, name) values ($1, 'Acme')")
            .bind(workspace.as_uuid())
            .execute(pool)
            .await
            .unwrap();
        sqlx::query(
            "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'Helper', '?')",
        )
        .bind(chatbot.as_uuid())
        .bind(workspace.as_uuid())
        .execute(pool)
        .await
        .unwrap();
        let db = Db::of_pool(pool);
        let new = NewSource {
            id: SourceId::new(),
            chatbot,
            title: "Terms".to_owned(),
            content: Content::Text("…".to_owned()),
            refresh_hours: None,
        };
        let mut tx = db.tenant(workspace).await.unwrap();
        sources::insert(&mut tx, &new).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let world = Self {
            db,
            workspace,
            chatbot,
            source: new.id,
        };
        world.index("Terms", texts).await;
        world
    }

    async fn index(&self, title: &str, texts: &[&str]) {
        let claimed = sources::claim(&self.db, LEASE).await.unwrap().unwrap();
        let document = NewDocument {
            title: title.to_owned(),
            url: None,
            characters: 0,
            error: None,
            unreadable_pages: 0,
            content_hash: texts.concat().into_bytes(),
            chunks: texts
                .iter()
                .map(|text| NewChunk {
                    heading: String::new(),
                    question: None,
                    text: (*text).to_owned(),
                })
                .collect(),
        };
        sources::commit(&self.db, &claimed, &[document]).await.unwrap();
    }

    async fn change(&self, title: &str, texts: &[&str]) {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        let change = Change {
            title: Some(title.to_owned()),
            ..Change::default()
        };
        sources::update(&mut tx, self.chatbot, self.source, &change)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.index(title, texts).await;
    }

    async fn claim(&self, model: &str) -> Option<Claim> {
        super::claim(&self.db, model, LEASE).await.unwrap()
    }

    /// Makes up to so many vectors.
    async fn portion(&self, model: &str, count: i64, old_serves: bool) -> Committed {
        let claim = self.claim(model).await.expect("vectors are missing");
        let vectors = self.vectors(&claim, count).await;
        commit(&self.db, &claim, &vectors, old_serves).await.unwrap()
    }

    async fn vectors(&self, claim: &Claim, count: i64) -> Vec<(ChunkId, i64, Vec<f32>)> {
        let chunks = missing(&self.db, claim, count).await.unwrap();
        chunks
            .into_iter()
            .map(|chunk| (chunk.id, chunk.since_version, vec![1.0, 0.5]))
            .collect()
    }

    async fn revisions(&self) -> chunks::Revisions {
        chunks::revisions(&self.db, self.workspace, self.chatbot)
            .await
            .unwrap()
            .unwrap()
    }

    /// The model that serves, and how many passages have its vector.
    async fn serves(&self) -> (Option<String>, usize) {
        let now = self.revisions().await;
        let with = now.chunks.iter().filter(|chunk| chunk.has_vector).count();
        (now.serving, with)
    }

    async fn progress(&self) -> Progress {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        super::progress(&mut tx, self.chatbot).await.unwrap()
    }
}

#[sqlx::test]
async fn the_first_vectors_serve_at_once_and_every_passage_gets_one(pool: PgPool) {
    let world = World::new(&pool, &["a", "b", "c"]).await;
    assert_eq!(world.serves().await, (None, 0));
    let before = world.revisions().await.knowledge_version;

    let first = world.portion(OLD, 2, true).await;
    assert_eq!((first.changed, first.done), (true, false));
    assert_eq!(world.serves().await, (Some(OLD.to_owned()), 2));
    let last = world.portion(OLD, 2, true).await;

    assert!(last.done);
    assert_eq!(world.serves().await, (Some(OLD.to_owned()), 3));
    assert!(world.claim(OLD).await.is_none(), "nothing is left to do");
    assert_eq!(world.revisions().await.knowledge_version, before + 2);
    let ids: Vec<ChunkId> = world.revisions().await.chunks.iter().map(|c| c.id).collect();
    let read = chunks::by_ids(&world.db, world.workspace, world.chatbot, &ids, Some(OLD))
        .await
        .unwrap();
    assert!(read.iter().all(|with| with.vector == Some(vec![1.0, 0.5])));
}

#[sqlx::test]
async fn the_old_vectors_serve_until_the_new_ones_are_complete(pool: PgPool) {
    let world = World::new(&pool, &["a", "b", "c"]).await;
    world.portion(OLD, 10, true).await;
    let version = world.revisions().await.knowledge_version;

    let begun = world.portion(NEW, 2, true).await;

    assert_eq!((begun.changed, begun.done), (false, false));
    assert_eq!(world.serves().await, (Some(OLD.to_owned()), 3));
    assert_eq!(
        world.revisions().await.knowledge_version,
        version,
        "no copy is made anew"
    );
    let progress = world.progress().await;
    assert_eq!((progress.passages, progress.with_vector), (3, 2));
    assert_eq!(
        (progress.wanted.as_deref(), progress.serving.as_deref()),
        (Some(NEW), Some(OLD))
    );

    let ended = world.portion(NEW, 2, true).await;

    assert_eq!((ended.changed, ended.done), (true, true));
    assert_eq!(world.serves().await, (Some(NEW.to_owned()), 3));
    let kept: i64 = sqlx::query_scalar("select count(*) from chunk_vectors")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 3, "the old model's are gone");
}

#[sqlx::test]
async fn vectors_that_nobody_can_ask_any_more_give_way_at_once(pool: PgPool) {
    let world = World::new(&pool, &["a", "b", "c"]).await;
    world.portion(OLD, 10, true).await;

    world.portion(NEW, 1, false).await;

    assert_eq!(world.serves().await, (Some(NEW.to_owned()), 1));
}

#[sqlx::test]
async fn a_claim_that_ran_out_writes_nothing_and_the_work_is_done_once(pool: PgPool) {
    let world = World::new(&pool, &["a", "b"]).await;
    let dead = super::claim(&world.db, OLD, Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    let vectors = world.vectors(&dead, 10).await;
    let alive = world.claim(OLD).await.expect("the first one's time is up");
    assert!(world.claim(OLD).await.is_none(), "one at a time");

    let late = commit(&world.db, &dead, &vectors, true).await.unwrap();
    let done = commit(&world.db, &alive, &vectors, true).await.unwrap();

    assert!(!late.held && done.done);
    assert_eq!(world.serves().await, (Some(OLD.to_owned()), 2));
}

#[sqlx::test]
async fn a_new_title_makes_new_vectors_even_if_it_came_while_they_were_made(pool: PgPool) {
    let world = World::new(&pool, &["a", "b"]).await;
    let claim = world.claim(OLD).await.unwrap();
    let vectors = world.vectors(&claim, 10).await;

    world.change("Conditions", &["a", "b"]).await;
    let committed = commit(&world.db, &claim, &vectors, true).await.unwrap();

    assert_eq!((committed.held, committed.done), (true, false));
    assert_eq!(world.serves().await.1, 0);
    assert!(world.portion(OLD, 10, true).await.done);
    world.change("Rules", &["a", "c"]).await;
    assert_eq!(world.serves().await.1, 0);
    assert!(world.portion(OLD, 10, true).await.done);
}

#[sqlx::test]
async fn what_failed_says_why_and_is_tried_again_after_a_pause(pool: PgPool) {
    let world = World::new(&pool, &["a"]).await;
    let claim = world.claim(OLD).await.unwrap();

    fail(
        &world.db,
        &claim,
        "the endpoint is away",
        Duration::from_secs(3_600),
    )
    .await
    .unwrap();

    assert_eq!(
        world.progress().await.error.as_deref(),
        Some("the endpoint is away")
    );
    assert!(world.claim(OLD).await.is_none());
    assert!(world.claim(NEW).await.is_some(), "another model need not wait");
    assert_eq!(world.progress().await.error, None);
}

#[sqlx::test]
async fn another_tenant_sees_nothing_of_it(pool: PgPool) {
    let world = World::new(&pool, &["a"]).await;
    let other = World::new(&pool, &["b"]).await;
    world.portion(OLD, 10, true).await;

    let mut tx = world.db.tenant(other.workspace).await.unwrap();
    let seen = super::progress(&mut tx, world.chatbot).await.unwrap();

    assert_eq!((seen.passages, seen.with_vector, seen.wanted), (0, 0, None));
    let rows: i64 = sqlx::query_scalar("select count(*) from chunk_vectors")
        .fetch_one(tx.connection())
        .await
        .unwrap();
    assert_eq!(rows, 0);
}
