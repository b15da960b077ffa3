//! Passages get their vectors beside everything else.

use super::*;
use embedder::Settings as Models;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

async fn endpoint(status: u16) -> (MockServer, Embedders) {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(move |request: &Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let count = body["input"].as_array().unwrap().len();
            let data: Vec<Value> = (0..count)
                .map(|i| json!({"index": i, "embedding": [1.0, 0.5]}))
                .collect();
            ResponseTemplate::new(status).set_body_json(json!({ "data": data }))
        })
        .mount(&server)
        .await;
    let embedders = Embedders::open(&Models {
        weights: None,
        base_url: format!("{}/v1", server.uri()),
        model: "m".to_owned(),
        api_key: String::new().into(),
        time_limit_seconds: 5,
        many_languages: true,
        previous_base_url: String::new(),
        previous_model: String::new(),
        previous_api_key: String::new().into(),
        rerank_base_url: String::new(),
        rerank_model: String::new(),
        rerank_api_key: String::new().into(),
    });
    (server, embedders.unwrap())
}

fn impatient() -> Settings {
    Settings {
        poll_seconds: 1,
        ..settings()
    }
}

async fn progress(world: &World) -> store::meanings::Progress {
    let mut tx = world.db.tenant(world.workspace).await.unwrap();
    store::meanings::progress(&mut tx, world.chatbot).await.unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn every_passage_gets_a_vector_and_whoever_keeps_the_knowledge_is_told(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let (_server, embedders) = endpoint(200).await;
    let _running = world.run_with(impatient(), embedders);

    let text: String = (0..300)
        .map(|n| format!("# Part {n}\nIt is kept in drawer {n}.\n\n"))
        .collect();
    let id = world.add(&text).await;
    loop {
        let done = progress(&world).await;
        if done.passages > 0 && done.with_vector == done.passages {
            break;
        }
        world.news().await;
    }

    let source = world.source(id).await;
    assert!(source.chunks > 1);
    assert_eq!(source.with_vector, source.chunks);
    let noted = store::installation::get(&world.db, crate::EMBEDDINGS_STATE)
        .await
        .unwrap()
        .unwrap();
    assert!(noted["model"].as_str().unwrap().ends_with(" m") && noted["problem"].is_null());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_model_that_fails_holds_up_no_words_and_says_why(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let (_server, embedders) = endpoint(401).await;
    let _running = world.run_with(impatient(), embedders);

    let id = world.add("Parcels take two days.").await;
    world.tell(id).await;
    assert_eq!(world.settled(id).await.state, SourceState::Ready);
    let error = timeout(LONG, async {
        loop {
            if let Some(error) = progress(&world).await.error {
                break error;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });

    assert!(error.await.unwrap().contains("does not accept the key"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn without_a_model_that_is_noted_and_everything_is_found_by_words(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let _running = world.run(impatient());

    let id = world.add("Parcels take two days.").await;
    world.tell(id).await;

    assert_eq!(world.settled(id).await.state, SourceState::Ready);
    let noted = timeout(LONG, async {
        loop {
            if let Some(noted) = store::installation::get(&world.db, crate::EMBEDDINGS_STATE)
                .await
                .unwrap()
            {
                break noted;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(
        noted.await.unwrap()["problem"]
            .as_str()
            .unwrap()
            .contains("by words alone")
    );
}
