use super::*;
use crate::split;
use domain::SourceId;
use sqlx::PgPool;
use store::{
    TenantTx,
    chunks::NewChunk,
    sources::{self, Change, Content, NewDocument, NewSource},
};

fn settings() -> Settings {
    Settings {
        snapshot_bytes: 100_000_000,
        refresh_wait_milliseconds: 5_000,
        stale_seconds: 10,
        meaning_wait_milliseconds: 10_000,
    }
}

async fn chatbot(pool: &PgPool) -> (Db, WorkspaceId, ChatbotId) {
    let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
    sqlx::query("insert into workspaces (id, name) values ($1, 'Acme')")
        .bind(workspace.as_uuid())
        .execute(pool)
        .await
        .unwrap();
    sqlx::query(
        "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'Helper', 'No idea.')",
    )
    .bind(chatbot.as_uuid())
    .bind(workspace.as_uuid())
    .execute(pool)
    .await
    .unwrap();
    (Db::of_pool(pool), workspace, chatbot)
}

async fn tenant(db: &Db, workspace: WorkspaceId) -> TenantTx {
    db.tenant(workspace).await.unwrap()
}

async fn index(db: &Db) -> i64 {
    let claimed = sources::claim(db, Duration::from_secs(60))
        .await
        .unwrap()
        .expect("a source is due");
    let Content::Text(text) = &claimed.content else {
        panic!("not a text")
    };
    let pieces = split::text(text);
    let document = NewDocument {
        title: claimed.title.clone(),
        url: None,
        characters: 0,
        error: None,
        unreadable_pages: 0,
        content_hash: split::content_hash(&pieces),
        chunks: pieces
            .into_iter()
            .map(|p| NewChunk {
                heading: p.heading,
                question: p.question,
                text: p.text,
            })
            .collect(),
    };
    match sources::commit(db, &claimed, &[document]).await.unwrap() {
        sources::Committed::Ready { knowledge_version } => knowledge_version,
        sources::Committed::Superseded => panic!("superseded"),
    }
}

async fn add(db: &Db, workspace: WorkspaceId, chatbot: ChatbotId, text: &str) -> (SourceId, i64) {
    let mut tx = tenant(db, workspace).await;
    let new = NewSource {
        id: SourceId::new(),
        chatbot,
        title: "Terms".to_owned(),
        content: Content::Text(text.to_owned()),
        refresh_hours: None,
    };
    let source = sources::insert(&mut tx, &new).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    (source.id, index(db).await)
}

fn texts(passages: &[Passage]) -> Vec<&str> {
    passages.iter().map(|passage| passage.text.as_str()).collect()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_was_added_changed_or_deleted_is_found_so_at_once(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let retriever = Retriever::new(db.clone(), settings());
    let find = async |version, question| {
        let searched = retriever.search(workspace, bot, version, question, 5).await?;
        Ok::<_, KnowledgeError>(searched.passages)
    };

    assert!(find(0, "shipping").await.unwrap().is_empty());

    let (id, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
    assert_eq!(
        texts(&find(version, "How long is shipping?").await.unwrap()),
        ["Shipping takes two days."]
    );

    let mut tx = tenant(&db, workspace).await;
    let content = Some(Content::Text("Shipping takes four days.".to_owned()));
    sources::update(
        &mut tx,
        bot,
        id,
        &Change {
            content,
            ..Change::default()
        },
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let version = index(&db).await;
    assert_eq!(
        texts(&find(version, "How long is shipping?").await.unwrap()),
        ["Shipping takes four days."]
    );

    let mut tx = tenant(&db, workspace).await;
    let version = sources::delete(&mut tx, bot, id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert!(find(version, "How long is shipping?").await.unwrap().is_empty());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn another_tenant_finds_nothing_by_knowing_the_chatbots_id(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let (_, other, _) = chatbot(&pool).await;
    let (_, version) = add(&db, workspace, bot, "The secret recipe is plain water.").await;
    let retriever = Retriever::new(db, settings());
    assert_eq!(
        retriever
            .search(workspace, bot, version, "secret recipe", 5)
            .await
            .unwrap()
            .passages
            .len(),
        1
    );

    let found = retriever.search(other, bot, version, "secret recipe", 5).await;

    assert!(matches!(found, Err(KnowledgeError::NoChatbot)));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_hundred_questions_at_once_read_the_knowledge_once(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let (_, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
    let retriever = Retriever::new(db, settings());

    let all = (0..100).map(|_| retriever.snapshot(workspace, bot, version));
    let snapshots = futures_util::future::join_all(all).await;

    let first = snapshots[0].as_ref().unwrap();
    assert!(
        snapshots
            .iter()
            .all(|snapshot| Arc::ptr_eq(snapshot.as_ref().unwrap(), first))
    );
    assert!(retriever.0.reading().is_empty());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn with_the_database_away_what_was_known_answers_for_a_while(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let (_, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
    let patient = Retriever::new(db.clone(), settings());
    let strict = Retriever::new(
        db.clone(),
        Settings {
            stale_seconds: 0,
            ..settings()
        },
    );
    for retriever in [&patient, &strict] {
        retriever
            .search(workspace, bot, version, "shipping", 5)
            .await
            .unwrap();
    }

    db.close().await;

    assert_eq!(
        patient
            .search(workspace, bot, version + 1, "shipping", 5)
            .await
            .unwrap()
            .passages
            .len(),
        1
    );
    assert!(
        strict
            .search(workspace, bot, version + 1, "shipping", 5)
            .await
            .is_err()
    );
    assert_eq!(
        strict
            .search(workspace, bot, version, "shipping", 5)
            .await
            .unwrap()
            .passages
            .len(),
        1,
        "it is up to date"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn snapshots_keep_to_their_budget_and_the_largest_is_still_kept(pool: PgPool) {
    let (db, workspace, first) = chatbot(&pool).await;
    let (_, version) = add(&db, workspace, first, "Shipping takes two days.").await;
    let retriever = Retriever::new(db.clone(), settings());
    let snapshot = retriever.snapshot(workspace, first, version).await.unwrap();
    let one = snapshot.bytes() as u64;
    assert!(one < 64 * 1024, "a chatbot with one passage takes {one} bytes");

    let small = Retriever::new(
        db.clone(),
        Settings {
            snapshot_bytes: one * 5 / 2,
            ..settings()
        },
    );
    for _ in 0..4 {
        let (_, workspace, bot) = chatbot(&pool).await;
        let (_, version) = add(&db, workspace, bot, "Shipping takes two days.").await;
        small.snapshot(workspace, bot, version).await.unwrap();
    }
    let tiny = Retriever::new(
        db,
        Settings {
            snapshot_bytes: 1024,
            ..settings()
        },
    );
    tiny.snapshot(workspace, first, version).await.unwrap();

    assert_eq!(small.kept().await.0, 2);
    assert_eq!(
        tiny.kept().await.0,
        1,
        "one that is larger than the budget is read for every question"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_large_knowledge_is_changed_in_place_and_equals_one_read_anew(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let article = |word: &str| {
        (0..60)
            .map(|i| format!("# Part {i}\nThe {word} number {i} is kept in drawer {}.\n", i * 7))
            .collect::<String>()
    };
    let mut last = (SourceId::new(), 0);
    for word in ["hammer", "saw", "drill", "wrench", "chisel"] {
        last = add(&db, workspace, bot, &article(word)).await;
    }
    let retriever = Retriever::new(db.clone(), settings());
    let before = retriever.snapshot(workspace, bot, last.1).await.unwrap();

    let mut tx = tenant(&db, workspace).await;
    let changed = article("chisel").replace("The chisel number 7 is", "The gouge number 7 is");
    sources::update(
        &mut tx,
        bot,
        last.0,
        &Change {
            content: Some(Content::Text(changed)),
            title: None,
            refresh_hours: None,
        },
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let version = index(&db).await;
    let after = retriever.snapshot(workspace, bot, version).await.unwrap();
    let anew = Retriever::new(db, settings())
        .snapshot(workspace, bot, version)
        .await
        .unwrap();

    let find = |snapshot: &Snapshot, question: &str| {
        snapshot
            .search(question, 3)
            .unwrap()
            .into_iter()
            .map(|p| p.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        find(&after, "Where is the gouge?"),
        ["The gouge number 7 is kept in drawer 49."]
    );
    assert!(
        !find(&after, "chisel number 7").contains(&"The chisel number 7 is kept in drawer 49.".to_owned())
    );
    assert!(
        find(&before, "Where is the gouge?").is_empty(),
        "the old snapshot changed"
    );
    assert_eq!((after.len(), after.version()), (anew.len(), anew.version()));
    assert_eq!(find(&after, "saw number 30")[0], find(&anew, "saw number 30")[0]);
}

mod meaning;
