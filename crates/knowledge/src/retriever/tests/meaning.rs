//! Searches whose vectors come from an endpoint that is played here: each text's vector says which of a few words it has.

use super::*;
use embedder::Settings as Models;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::meanings;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

const SHOP: &str = "# Shipping\nParcels arrive after two working days.\n\n# Returns\nAnything can be sent back within 45 days.";

/// An endpoint for which these texts mean alike, whatever their words are.
struct Endpoint {
    server: MockServer,
    asked: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    /// Where what was found is ordered anew.
    reranks: String,
}

impl Endpoint {
    async fn new() -> Self {
        let server = MockServer::start().await;
        let (asked, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, fails) = (asked.clone(), broken.clone());
        Mock::given(method("POST"))
            .respond_with(move |request: &Request| {
                count.fetch_add(1, Ordering::SeqCst);
                if fails.load(Ordering::SeqCst) {
                    return ResponseTemplate::new(503);
                }
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                if let Some(texts) = body["texts"].as_array() {
                    // The longest is the best.
                    let length = |text: &Value| text.as_str().unwrap().len();
                    let scores = texts.iter().enumerate();
                    let scores: Vec<Value> = scores
                        .map(|(i, text)| json!({"index": i, "score": length(text)}))
                        .collect();
                    return ResponseTemplate::new(200).set_body_json(scores);
                }
                let texts = body["input"].as_array().unwrap();
                let data: Vec<Value> = texts
                    .iter()
                    .enumerate()
                    .map(|(i, text)| json!({"index": i, "embedding": vector(text.as_str().unwrap())}))
                    .collect();
                ResponseTemplate::new(200).set_body_json(json!({ "data": data }))
            })
            .mount(&server)
            .await;
        Self {
            server,
            asked,
            broken,
            reranks: String::new(),
        }
    }

    fn embedders(&self, model: &str, previous: Option<&str>) -> Embedders {
        let url = format!("{}/v1", self.server.uri());
        Embedders::open(&Models {
            weights: None,
            base_url: url.clone(),
            model: model.to_owned(),
            api_key: String::new().into(),
            time_limit_seconds: 5,
            many_languages: true,
            previous_base_url: previous.map(|_| url).unwrap_or_default(),
            previous_model: previous.unwrap_or_default().to_owned(),
            previous_api_key: String::new().into(),
            rerank_base_url: self.reranks.clone(),
            rerank_model: String::new(),
            rerank_api_key: String::new().into(),
        })
        .unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

fn vector(text: &str) -> [f32; 3] {
    let has = |words: &[&str]| {
        if words.iter().any(|word| text.contains(word)) {
            1.0
        } else {
            0.05
        }
    };
    [has(&["arrive", "shipment"]), has(&["sent back", "refund"]), 0.1]
}

/// Makes the vectors that are missing.
async fn embed(db: &Db, embedders: &Embedders) {
    let model = embedders.wanted().await.unwrap();
    while let Some(claim) = meanings::claim(db, &model.identity(), Duration::from_secs(60))
        .await
        .unwrap()
    {
        let mut made = Vec::new();
        for chunk in meanings::missing(db, &claim, 100).await.unwrap() {
            made.push((chunk.id, chunk.since_version, vector(&chunk.text).to_vec()));
        }
        meanings::commit(db, &claim, &made, true).await.unwrap();
    }
}

async fn version(pool: &PgPool, chatbot: ChatbotId) -> i64 {
    sqlx::query_scalar("select knowledge_version from chatbots where id = $1")
        .bind(chatbot.as_uuid())
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_means_the_same_is_found_and_quoted_once_its_vectors_are_there(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let (_, first) = add(&db, workspace, bot, SHOP).await;
    let endpoint = Endpoint::new().await;
    let embedders = endpoint.embedders("m", None);
    let retriever = Retriever::with_embedders(db.clone(), settings(), embedders.clone());
    let question = "refund policy";
    let before = retriever
        .search(workspace, bot, first, question, 3)
        .await
        .unwrap();
    assert!(before.passages.is_empty() && before.meaning == Meaning::None);
    assert_eq!(endpoint.asked(), 0, "there is nothing to compare with");

    embed(&db, &embedders).await;
    let now = version(&pool, bot).await;
    let after = retriever.search(workspace, bot, now, question, 3).await.unwrap();

    assert!(after.passages[0].text.contains("sent back"));
    assert!(after.passages[0].quoted().contains("sent back"));
    assert!(after.passages[0].signals.quote_cosine.unwrap() > 0.9);
    assert!(matches!(after.meaning, Meaning::Compared(model) if model.ends_with(" m")));
    assert_eq!(endpoint.asked(), 2, "the question, then the sentences");
    retriever.search(workspace, bot, now, question, 3).await.unwrap();
    assert_eq!(endpoint.asked(), 0, "both were seen lately");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn with_the_model_away_words_decide_and_it_is_said_and_not_asked_again_at_once(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    add(&db, workspace, bot, SHOP).await;
    let endpoint = Endpoint::new().await;
    let embedders = endpoint.embedders("m", None);
    embed(&db, &embedders).await;
    let now = version(&pool, bot).await;
    let retriever = Retriever::with_embedders(db.clone(), settings(), embedders);
    endpoint.broken.store(true, Ordering::SeqCst);

    let found = retriever
        .search(workspace, bot, now, "When do parcels arrive?", 3)
        .await
        .unwrap();
    let again = retriever
        .search(workspace, bot, now, "parcels?", 3)
        .await
        .unwrap();

    assert!(found.passages[0].text.contains("arrive") && found.passages[0].signals.cosine.is_none());
    assert!(matches!(found.meaning, Meaning::Failed(why) if why.contains("not available")));
    assert!(matches!(again.meaning, Meaning::Failed(_)));
    assert_eq!(endpoint.asked(), 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn while_the_model_changes_questions_are_asked_of_the_one_that_serves(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    add(&db, workspace, bot, SHOP).await;
    let endpoint = Endpoint::new().await;
    embed(&db, &endpoint.embedders("old", None)).await;
    let both = endpoint.embedders("new", Some("old"));
    let retriever = Retriever::with_embedders(db.clone(), settings(), both.clone());
    let without = Retriever::with_embedders(db.clone(), settings(), endpoint.embedders("new", None));
    let now = version(&pool, bot).await;

    let during = retriever.search(workspace, bot, now, "refund", 3).await.unwrap();
    let lost = without.search(workspace, bot, now, "refund", 3).await.unwrap();
    embed(&db, &both).await;
    let now = version(&pool, bot).await;
    let after = retriever.search(workspace, bot, now, "refund", 3).await.unwrap();

    assert!(matches!(during.meaning, Meaning::Compared(model) if model.ends_with(" old")));
    assert!(matches!(lost.meaning, Meaning::Failed(why) if why.contains("cannot be asked here")));
    assert!(matches!(after.meaning, Meaning::Compared(model) if model.ends_with(" new")));
    assert_eq!(texts(&after.passages), texts(&during.passages));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_reranker_decides_the_order_and_one_that_is_away_changes_nothing(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    let text = "# A\nParcels, parcels.\n\n# B\nAt Christmas parcels may take a good deal longer than they usually do.";
    let (_, now) = add(&db, workspace, bot, text).await;
    let mut endpoint = Endpoint::new().await;
    let plain = Retriever::new(db.clone(), settings());
    endpoint.reranks = format!("{}/v1", endpoint.server.uri());
    let with = Retriever::with_embedders(db.clone(), settings(), endpoint.embedders("m", None));
    let asks = async |retriever: &Retriever, k| {
        let found = retriever.search(workspace, bot, now, "parcels", k).await.unwrap();
        (found.passages[0].text.clone(), found.reranked)
    };

    let (usual, off) = asks(&plain, 2).await;
    let (best, done) = asks(&with, 1).await;
    endpoint.broken.store(true, Ordering::SeqCst);
    let (away, failed) = asks(&with, 1).await;

    assert_eq!((usual.as_str(), off), ("Parcels, parcels.", Reranked::No));
    assert!(best.starts_with("At Christmas"), "{best}");
    assert_eq!(done, Reranked::Yes);
    assert_eq!(away, usual);
    assert!(matches!(failed, Reranked::Failed(why) if why.contains("not available")));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_the_owner_set_of_the_search_is_kept_to(pool: PgPool) {
    let (db, workspace, bot) = chatbot(&pool).await;
    add(&db, workspace, bot, SHOP).await;
    let endpoint = Endpoint::new().await;
    let embedders = endpoint.embedders("m", None);
    embed(&db, &embedders).await;
    let retriever = Retriever::with_embedders(db.clone(), settings(), embedders);
    let set = async |retrieval: Retrieval| {
        let mut tx = db.tenant(workspace).await.unwrap();
        assert!(store::retrieval::set(&mut tx, bot, &retrieval).await.unwrap());
        tx.commit().await.unwrap();
        let now = version(&pool, bot).await;
        retriever
            .search(workspace, bot, now, "parcels sent back", 6)
            .await
            .unwrap()
    };

    let usual = set(Retrieval::default()).await;
    let narrow = set(Retrieval {
        top_k: Some(1),
        threshold: Some(0.99),
        dense_weight: Some(0.0),
    })
    .await;

    assert_eq!((usual.passages.len(), usual.threshold), (2, DEFAULT_THRESHOLD));
    assert_eq!(narrow.passages.len(), 1);
    assert!(!narrow.suffices());
    assert_eq!(narrow.meaning, Meaning::None);
}
