use super::*;
use crate::{
    chunks::{self, NewChunk},
    sources::{self, NewSource},
};
use domain::SourceState;
use sqlx::PgPool;

const LEASE: Duration = Duration::from_secs(60);

struct World {
    db: Db,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    source: SourceId,
}

impl World {
    async fn new(pool: &PgPool, most_pages: i32) -> Self {
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
            title: "Site".to_owned(),
            content: Content::Site(Site {
                start: "https://a.example/".to_owned(),
                whole_site: true,
                include: Vec::new(),
                exclude: Vec::new(),
                most_pages,
                most_depth: 2,
            }),
            refresh_hours: Some(24),
        };
        let mut tx = db.tenant(workspace).await.unwrap();
        sources::insert(&mut tx, &new).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        Self {
            db,
            workspace,
            chatbot,
            source: new.id,
        }
    }

    async fn begin(&self) {
        let claimed = sources::claim(&self.db, LEASE)
            .await
            .unwrap()
            .expect("the site is due");
        let Content::Site(site) = &claimed.content else {
            panic!("{claimed:?}")
        };
        let seeds = [site.start.clone()];
        assert!(begin(&self.db, &claimed, &seeds, site.most_pages).await.unwrap());
    }

    async fn next(&self) -> Option<PageClaim> {
        claim(&self.db, LEASE, 2).await.unwrap()
    }

    async fn read(&self, text: &str, links: &[&str]) -> (String, Committed) {
        let claim = self.next().await.expect("a page is due");
        let committed = commit(&self.db, &claim, &page(text, links)).await.unwrap();
        (claim.url, committed)
    }

    async fn source(&self) -> sources::Source {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        sources::get(&mut tx, self.chatbot, self.source)
            .await
            .unwrap()
            .unwrap()
    }

    async fn texts(&self) -> (i64, Vec<String>) {
        let all = chunks::revisions(&self.db, self.workspace, self.chatbot)
            .await
            .unwrap()
            .unwrap();
        let ids: Vec<_> = all.chunks.iter().map(|chunk| chunk.id).collect();
        let found = chunks::by_ids(&self.db, self.workspace, self.chatbot, &ids, None)
            .await
            .unwrap();
        let mut texts: Vec<_> = found.into_iter().map(|found| found.chunk.text).collect();
        texts.sort();
        (all.knowledge_version, texts)
    }

    async fn again(&self) {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        sources::read_again(&mut tx, self.chatbot, self.source)
            .await
            .unwrap()
            .unwrap();
        tx.commit().await.unwrap();
        self.begin().await;
    }
}

fn page(text: &str, links: &[&str]) -> Outcome {
    Outcome::Read(Box::new(Read {
        document: NewDocument {
            title: text.to_owned(),
            url: None,
            characters: 1,
            error: None,
            unreadable_pages: 0,
            content_hash: text.as_bytes().to_vec(),
            chunks: vec![NewChunk {
                heading: String::new(),
                question: None,
                text: text.to_owned(),
            }],
        },
        links: links
            .iter()
            .map(|path| format!("https://a.example{path}"))
            .collect(),
        etag: Some(format!("\"{text}\"")),
        last_modified: None,
    }))
}

#[sqlx::test]
async fn a_site_is_read_page_by_page_and_ready_after_the_last(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;

    assert_eq!(
        world.read("start", &["/b", "/c", "/b", "/"]).await.0,
        "https://a.example/"
    );
    let state = world.source().await;
    assert_eq!(
        (state.state, state.pages, state.pages_due),
        (SourceState::Indexing, 3, 2)
    );
    world.read("b", &["/d"]).await;
    world.read("c", &[]).await;
    // /d is as far away as this site is read.
    let (_, last) = world.read("d", &["/e"]).await;

    assert_eq!(
        last,
        Committed {
            held: true,
            changed: true,
            site_done: true
        }
    );
    let done = world.source().await;
    assert_eq!(
        (done.state, done.indexed_version, done.chunks, done.pages_due),
        (SourceState::Ready, 1, 4, 0)
    );
    assert!(done.refresh_due_at.is_some());
    assert_eq!(world.texts().await.1, ["b", "c", "d", "start"]);
    assert!(world.next().await.is_none());
}

#[sqlx::test]
async fn no_more_pages_are_found_than_the_site_may_have(pool: PgPool) {
    let world = World::new(&pool, 3).await;
    world.begin().await;

    world.read("start", &["/b", "/c", "/d", "/e"]).await;
    world.read("b", &["/f"]).await;
    world.read("c", &["/g"]).await;

    assert!(world.next().await.is_none());
    assert_eq!(world.source().await.state, SourceState::Ready);
}

#[sqlx::test]
async fn another_look_reads_what_changed_and_drops_what_is_not_found_again(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;
    world.read("start", &["/b", "/c"]).await;
    world.read("b", &[]).await;
    world.read("c", &[]).await;
    let (before, _) = world.texts().await;

    world.again().await;
    let start = world.next().await.unwrap();
    assert_eq!(start.etag.as_deref(), Some("\"start\""));
    commit(&world.db, &start, &Outcome::Unchanged).await.unwrap();
    // Unchanged, it still leads where it led.
    let (url, _) = world.read("b, changed", &[]).await;
    assert_eq!(url, "https://a.example/b");
    let (_, last) = world.read("c", &[]).await;
    assert!(last.site_done && !last.changed);
    let (after, texts) = world.texts().await;
    assert_eq!(
        (after, texts),
        (
            before + 1,
            vec!["b, changed".to_owned(), "c".to_owned(), "start".to_owned()]
        )
    );

    world.again().await;
    let (_, _) = world.read("start", &["/c"]).await;
    let (_, last) = world.read("c", &[]).await;
    assert!(last.site_done && last.changed, "/b was found by nobody");
    assert_eq!(world.texts().await.1, ["c", "start"]);
}

#[sqlx::test]
async fn a_page_that_cannot_be_fetched_keeps_what_was_read_and_one_that_is_gone_does_not(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;
    world.read("start", &["/b"]).await;
    world.read("b", &[]).await;

    world.again().await;
    world.read("start", &["/b"]).await;
    let b = world.next().await.unwrap();
    let reason = "503".to_owned();
    commit(&world.db, &b, &Outcome::Failed { reason }).await.unwrap();
    assert_eq!(world.texts().await.1, ["b", "start"]);

    world.again().await;
    world.read("start", &["/b"]).await;
    let b = world.next().await.unwrap();
    let gone = Outcome::LeftOut {
        reason: "404".to_owned(),
        links: Vec::new(),
    };
    commit(&world.db, &b, &gone).await.unwrap();
    assert_eq!(world.texts().await.1, ["start"]);
    assert_eq!(world.source().await.state, SourceState::Ready);
}

#[sqlx::test]
async fn a_site_of_which_nothing_can_be_read_has_failed_and_says_why(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;
    let start = world.next().await.unwrap();

    let reason = "the server does not answer".to_owned();
    commit(&world.db, &start, &Outcome::Failed { reason })
        .await
        .unwrap();

    let failed = world.source().await;
    assert_eq!(failed.state, SourceState::Failed);
    assert_eq!(
        failed.error.as_deref(),
        Some("https://a.example/: the server does not answer")
    );
}

#[sqlx::test]
async fn a_page_is_claimed_by_one_and_a_late_commit_writes_nothing(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;

    let dead = claim(&world.db, Duration::ZERO, 2).await.unwrap().unwrap();
    let alive = world.next().await.expect("its lease ran out");
    assert!(world.next().await.is_none(), "claimed twice");
    commit(&world.db, &alive, &page("alive", &[])).await.unwrap();
    let late = commit(&world.db, &dead, &page("dead", &[])).await.unwrap();

    assert_eq!(late, Committed::default());
    assert_eq!(world.texts().await.1, ["alive"]);
}

#[sqlx::test]
async fn only_so_many_pages_of_one_site_are_in_hand(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;
    world.read("start", &["/b", "/c", "/d"]).await;

    let first = world.next().await;
    let second = world.next().await;

    assert!(first.is_some() && second.is_some());
    assert!(world.next().await.is_none());
}

#[sqlx::test]
async fn another_workspace_sees_no_page(pool: PgPool) {
    let world = World::new(&pool, 10).await;
    world.begin().await;
    let other = World::new(&pool, 10).await;

    let mut tx = other.db.tenant(other.workspace).await.unwrap();

    assert!(
        list(&mut tx, world.source, None, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let mut own = world.db.tenant(world.workspace).await.unwrap();
    assert_eq!(
        list(&mut own, world.source, Some("due"), None, 10)
            .await
            .unwrap()
            .len(),
        1
    );
}
