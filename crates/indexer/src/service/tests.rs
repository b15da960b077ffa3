use super::*;
use domain::{ChatbotId, SourceId, SourceState, WorkspaceId};
use queue::{LiveEvent, LiveEvents, Outgoing};
use sqlx::{ConnectOptions, PgPool};
use std::process::Command;
use store::{
    chunks,
    sources::{Change, Content, File, NewSource, Site, Source},
};
use tokio::{task::JoinHandle, time::timeout};

const LONG: Duration = Duration::from_secs(20);

fn settings() -> Settings {
    // Polling is so rare here that only messages can explain quick work.
    Settings {
        parallel: 2,
        poll_seconds: 3600,
        lease_seconds: 60,
        attempts: 3,
        retry_seconds: 0,
        page_pause_milliseconds: 0,
        pages_at_once: 2,
        allowed_private_cidrs: vec!["127.0.0.0/8".parse().unwrap()],
        reading: extract::Limits::default(),
    }
}

/// Files are read by this program itself, in the test after this.
fn service(settings: Settings, db: Db, queue: Queue, embedders: Embedders) -> Service {
    let reader = [
        "--exact",
        "--ignored",
        "--nocapture",
        "--test-threads=2",
        "service::tests::a_reader_of_its_own",
    ];
    let program = std::env::current_exe().unwrap();
    Service::start(settings, db, queue, program, &reader, embedders).unwrap()
}

#[test]
#[ignore = "run by the indexers of other tests, in a process of its own"]
fn a_reader_of_its_own() {
    println!();
    extract::serve().unwrap();
    std::process::exit(0);
}

struct World {
    db: Db,
    queue: Queue,
    events: LiveEvents,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    stop: CancellationToken,
}

impl World {
    async fn new(pool: &PgPool) -> Self {
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
        let stop = CancellationToken::new();
        let queue = Queue::open(&queue::Settings::default(), &db, stop.clone())
            .await
            .unwrap();
        let events = queue.live().subscribe();
        Self {
            db,
            queue,
            events,
            workspace,
            chatbot,
            stop,
        }
    }

    fn run(&self, settings: Settings) -> JoinHandle<anyhow::Result<()>> {
        self.run_with(settings, Embedders::none())
    }

    fn run_with(&self, settings: Settings, embedders: Embedders) -> JoinHandle<anyhow::Result<()>> {
        let service = service(settings, self.db.clone(), self.queue.clone(), embedders);
        tokio::spawn(service.run(self.stop.clone()))
    }

    async fn add(&self, text: &str) -> SourceId {
        self.add_content(Content::Text(text.to_owned())).await
    }

    async fn add_file(&self, name: &str, bytes: &[u8]) -> SourceId {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        let blob = store::blobs::insert_own(&mut tx, "application/octet-stream", bytes)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.add_content(Content::File(File {
            blob,
            name: name.to_owned(),
            bytes: bytes.len() as i64,
        }))
        .await
    }

    async fn add_content(&self, content: Content) -> SourceId {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        let new = NewSource {
            id: SourceId::new(),
            chatbot: self.chatbot,
            title: "Terms".to_owned(),
            content,
            refresh_hours: None,
        };
        sources::insert(&mut tx, &new).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        new.id
    }

    async fn publish(&self, payload: Vec<u8>) {
        let publish = || {
            self.queue.publish(
                &QueueName::Index,
                Outgoing {
                    payload: payload.clone(),
                    traceparent: None,
                },
            )
        };
        // The queue opens in the background.
        timeout(LONG, async { while publish().await.is_err() {} })
            .await
            .unwrap();
    }

    async fn tell(&self, source: SourceId) {
        self.publish(wire::write(&wire::IndexSource {
            schema: wire::SCHEMA,
            workspace_id: wire::id_bytes(self.workspace.as_uuid()),
            source_id: wire::id_bytes(source.as_uuid()),
        }))
        .await;
    }

    /// Waits until something about the chatbot was told.
    async fn news(&mut self) {
        let topic = format!("chatbot.{}", self.chatbot);
        timeout(LONG, async {
            loop {
                match self.events.next().await {
                    Some(LiveEvent::Event { topic: about, .. }) if about == topic => break,
                    Some(_) => {}
                    None => panic!("the queue was closed"),
                }
            }
        })
        .await
        .expect("nothing was told");
    }

    /// Waits until a source is settled.
    async fn settled(&mut self, id: SourceId) -> Source {
        loop {
            let source = self.source(id).await;
            if matches!(source.state, SourceState::Ready | SourceState::Failed) {
                return source;
            }
            self.news().await;
        }
    }

    async fn source(&self, id: SourceId) -> Source {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        sources::get(&mut tx, self.chatbot, id).await.unwrap().unwrap()
    }

    async fn texts(&self) -> Vec<String> {
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
        texts
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_message_has_a_source_indexed_at_once(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let running = world.run(settings());
    let id = world.add("# Shipping\nTwo days.").await;
    world.tell(id).await;

    world.news().await;

    assert_eq!(world.texts().await, ["Two days."]);
    assert_eq!(world.source(id).await.state, SourceState::Ready);
    world.stop.cancel();
    timeout(LONG, running).await.unwrap().unwrap().unwrap();
}

#[sqlx::test(migrations = "../store/migrations")]
async fn without_any_message_a_source_is_found_by_looking(pool: PgPool) {
    let mut world = World::new(&pool).await;
    world.add("Two days.").await;

    let _running = world.run(settings());
    world.news().await;

    assert_eq!(world.texts().await, ["Two days."]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_source_that_cannot_be_indexed_says_why_and_holds_up_no_other(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let empty = world.add("<!-- nothing -->").await;
    let good = world.add("Two days.").await;

    let _running = world.run(Settings {
        parallel: 1,
        ..settings()
    });
    world.news().await;
    world.news().await;

    let failed = world.source(empty).await;
    assert_eq!(
        (failed.state, failed.error.as_deref()),
        (SourceState::Failed, Some("there is no text in it"))
    );
    assert_eq!(world.source(good).await.state, SourceState::Ready);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_source_that_never_comes_to_an_end_is_given_up(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let id = world.add("Two days.").await;
    for _ in 0..3 {
        sources::claim(&world.db, Duration::ZERO)
            .await
            .unwrap()
            .expect("its indexer died");
    }

    let _running = world.run(settings());
    world.news().await;

    let given_up = world.source(id).await;
    assert_eq!(given_up.state, SourceState::Failed);
    assert!(given_up.error.unwrap().contains("3 times"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_changed_source_replaces_what_it_said(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let id = world.add("# A\nStays.\n# B\nGoes.").await;
    let _running = world.run(settings());
    world.news().await;

    let mut tx = world.db.tenant(world.workspace).await.unwrap();
    let change = Change {
        title: None,
        content: Some(Content::Text("# A\nStays.\n# B\nComes.".to_owned())),
        refresh_hours: None,
    };
    sources::update(&mut tx, world.chatbot, id, &change)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.tell(id).await;
    world.news().await;

    assert_eq!(world.texts().await, ["Comes.", "Stays."]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s26_a_message_that_cannot_be_read_is_kept_among_the_dead(pool: PgPool) {
    let world = World::new(&pool).await;
    let _running = world.run(settings());

    world.publish(vec![0xFF; 7]).await;

    let mut dead = world.queue.consume(&QueueName::Index.dead(), 1).await;
    let found = timeout(LONG, dead.next()).await.unwrap().unwrap();
    assert_eq!(found.payload.as_ref(), [0xFF; 7]);
}

const DIES_IN: &str = "BOTSMITH_TEST_INDEXER_DIES_IN";

/// Indexes in a process of its own, which dies where it is told to.
fn die_at(crash_point: &str, database: &str) {
    use std::os::unix::process::ExitStatusExt;
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "service::tests::an_indexer_of_its_own",
        ])
        .env(DIES_IN, database)
        .env("BOTSMITH_CRASH_AT", crash_point)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), Some(6), "{crash_point}: {said}");
}

#[tokio::test]
#[ignore = "run by the next test, in a process of its own"]
async fn an_indexer_of_its_own() {
    let url = std::env::var(DIES_IN).unwrap().into();
    let db = Db::open(&store::Settings {
        url,
        max_connections: 4,
        acquire_timeout_seconds: 10,
    })
    .unwrap();
    let stop = CancellationToken::new();
    let queue = Queue::open(&queue::Settings::default(), &db, stop.clone())
        .await
        .unwrap();
    let short = Settings {
        poll_seconds: 1,
        lease_seconds: 1,
        attempts: 10,
        ..settings()
    };
    timeout(LONG, service(short, db, queue, Embedders::none()).run(stop))
        .await
        .unwrap()
        .unwrap();
}

#[sqlx::test(migrations = "../store/migrations")]
async fn killed_at_any_point_every_passage_is_there_exactly_once(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let database = pool.connect_options().to_url_lossy().to_string();
    let text = "# A\nOne.\n# B\nTwo.\n# C\nThree.";
    for crash_point in [
        "indexer.after_claim",
        "indexer.before_commit",
        "indexer.after_commit",
    ] {
        world.add(&text.replace('.', &format!(" {crash_point}."))).await;
        let database = database.clone();
        tokio::task::spawn_blocking(move || die_at(crash_point, &database))
            .await
            .unwrap();
    }

    let _running = world.run(Settings {
        poll_seconds: 1,
        attempts: 10,
        ..settings()
    });
    let mut expected: Vec<String> = Vec::new();
    for crash_point in [
        "indexer.after_claim",
        "indexer.before_commit",
        "indexer.after_commit",
    ] {
        expected.extend(["One", "Two", "Three"].map(|word| format!("{word} {crash_point}.")));
    }
    expected.sort();
    // The last source was committed before the process died, and nobody was told.
    while world.texts().await.len() < expected.len() {
        world.news().await;
    }

    assert_eq!(world.texts().await, expected);
}

/// Written by another program, with a hidden instruction in it.
const DOCUMENT: &[u8] = include_bytes!("../../../extract/tests/files/handbook.docx");

#[sqlx::test(migrations = "../store/migrations")]
async fn a_file_is_read_and_cut_along_its_headings(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let _running = world.run(settings());

    let id = world.add_file("handbook.docx", DOCUMENT).await;
    world.tell(id).await;

    let source = world.settled(id).await;
    assert_eq!(
        (source.state, source.error.as_deref()),
        (SourceState::Ready, None)
    );
    assert!(source.characters > 200 && source.documents == 1, "{source:?}");
    let texts = world.texts().await.join("\n");
    assert!(texts.contains("The office is open from eight to six."), "{texts}");
    assert!(!texts.contains("ignore all previous instructions"), "{texts}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_file_that_cannot_be_read_says_why(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let _running = world.run(settings());

    let id = world
        .add_file("broken.docx", &DOCUMENT[..DOCUMENT.len() / 2])
        .await;
    world.tell(id).await;

    let source = world.settled(id).await;
    assert_eq!(source.state, SourceState::Failed);
    assert!(source.error.as_deref().unwrap().contains("damaged"), "{source:?}");
}

mod meaning;
mod sites;
