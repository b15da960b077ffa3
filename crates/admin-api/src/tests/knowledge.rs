//! How knowledge is searched: its state, what an owner sets of it, and trying it.

use super::World;
use domain::{ChatbotId, SourceId, WorkspaceId};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use store::{
    chunks::NewChunk,
    meanings,
    sources::{self, Content, NewDocument, NewSource},
};

const LEASE: Duration = Duration::from_secs(60);

/// Gives a chatbot a page with these passages, as the indexer would.
async fn knows(world: &World, workspace: WorkspaceId, chatbot: ChatbotId, texts: &[&str]) -> SourceId {
    let new = NewSource {
        id: SourceId::new(),
        chatbot,
        title: "Help".to_owned(),
        content: Content::Text("…".to_owned()),
        refresh_hours: None,
    };
    let mut tx = world.db.tenant(workspace).await.unwrap();
    sources::insert(&mut tx, &new).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let claimed = sources::claim(&world.db, LEASE).await.unwrap().unwrap();
    let document = NewDocument {
        title: "Help".to_owned(),
        url: Some("https://a.example/help".to_owned()),
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
    sources::commit(&world.db, &claimed, &[document]).await.unwrap();
    new.id
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_search_explains_its_scores_and_what_it_left_out(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let terms = "Parcels within the country take two working days to arrive, counted from the morning on which the \
        warehouse hands them to the post.";
    let copy = terms.replace(", counted", " – counted");
    let texts = [terms, &copy, "The workshop is in Bristol."];
    knows(&world, shop.workspace, shop.chatbot.into(), &texts).await;
    let path = format!("/api/chatbots/{}/search", shop.chatbot);
    let ask = async |question: &str, retrieval: Value| {
        let body = json!({"question": question, "retrieval": retrieval});
        world.post(&path, &shop.owner, body).await.ok(200)
    };

    let found = ask("How many working days do parcels take to arrive?", Value::Null).await;

    assert_eq!(
        (&found["searched_by"], &found["answered"], &found["problem"]),
        (&json!("words"), &json!(true), &Value::Null)
    );
    let best = &found["passages"][0];
    assert_eq!(
        (&best["text"], &best["url"]),
        (&json!(terms), &json!("https://a.example/help"))
    );
    assert!(
        best["words"].as_f64().unwrap() > 0.0 && best["meaning"].is_null(),
        "{best}"
    );
    assert!(found["signals"]["coverage"].as_f64().unwrap() > 0.9, "{found}");
    assert_eq!(found["left_out"][0]["like"], best["id"]);
    let strict = ask(
        "How many working days do parcels take?",
        json!({"threshold": 1.0, "top_k": 1}),
    )
    .await;
    assert_eq!(
        (&strict["answered"], &strict["threshold"]),
        (&json!(false), &json!(1.0))
    );
    let nothing = ask("Was kostet ein Fahrrad?", Value::Null).await;
    assert_eq!(nothing["answered"], json!(false));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_is_set_of_the_search_is_kept_and_what_is_out_of_range_is_refused_by_name(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let path = format!("/api/chatbots/{}/retrieval", shop.chatbot);
    let search = format!("/api/chatbots/{}/search", shop.chatbot);
    knows(
        &world,
        shop.workspace,
        shop.chatbot.into(),
        &["Parcels take two days.", "Parcels are wrapped."],
    )
    .await;
    let usual = json!({"top_k": null, "threshold": null, "dense_weight": null});
    assert_eq!(world.get(&path, &shop.owner).await.ok(200), usual);

    let put = async |body: &Value| {
        let request = world.request(Method::PUT, &path, &shop.owner);
        world.send(request.json(body)).await
    };
    for (given, names) in [
        (json!({"top_k": 0}), "top_k must be between 1 and 20"),
        (json!({"top_k": 21}), "top_k must be between 1 and 20"),
        (json!({"threshold": 1.5}), "threshold must be between 0 and 1"),
        (
            json!({"dense_weight": -0.1}),
            "dense_weight must be between 0 and 1",
        ),
    ] {
        let detail = put(&given).await.problem(422);
        assert!(detail.contains(names), "{given}: {detail}");
        let tried = json!({"question": "parcels", "retrieval": given});
        world.post(&search, &shop.owner, tried).await.problem(422);
    }
    let set = json!({"top_k": 1, "threshold": 0.25, "dense_weight": null});
    put(&set).await.ok(200);

    assert_eq!(world.get(&path, &shop.owner).await.ok(200), set);
    let found = world
        .post(&search, &shop.owner, json!({"question": "parcels"}))
        .await
        .ok(200);
    assert_eq!(found["passages"].as_array().unwrap().len(), 1);
    assert_eq!(found["threshold"], 0.25);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_state_says_how_far_the_vectors_are_and_why_there_are_none(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let shop = world.shop().await;
    let source = knows(&world, shop.workspace, shop.chatbot.into(), &["One.", "Two."]).await;
    let path = format!("/api/chatbots/{}/knowledge", shop.chatbot);
    let state = async || world.get(&path, &shop.owner).await.ok(200);

    let missing = json!({"model": null, "problem": "/srv/weights is empty"});
    store::installation::put(&world.db, "embeddings", &missing)
        .await
        .unwrap();
    let before = state().await;
    let installed = world.get("/api/administration/embeddings", &root).await.ok(200);
    store::installation::put(&world.db, "embeddings", &json!({"model": "m", "problem": null}))
        .await
        .unwrap();
    let claim = meanings::claim(&world.db, "https://10.1.1.1/v1 m", LEASE)
        .await
        .unwrap()
        .unwrap();
    let first = meanings::missing(&world.db, &claim, 1).await.unwrap().remove(0);
    let made = [(first.id, first.since_version, vec![1.0])];
    meanings::commit(&world.db, &claim, &made, true).await.unwrap();
    let during = state().await;
    let of_source = format!("/api/chatbots/{}/sources/{source}", shop.chatbot);
    let of_source = world.get(&of_source, &shop.owner).await.ok(200);

    assert_eq!(
        (&before["searched_by"], &before["complete"], &before["passages"]),
        (&json!("words"), &json!(false), &json!(2))
    );
    assert_eq!(before["problem"], "this installation has no embedding model now");
    assert_eq!(installed["problem"], "/srv/weights is empty");
    assert_eq!(
        (
            &during["searched_by"],
            &during["passages_with_meaning"],
            &during["complete"]
        ),
        (&json!("words_and_meaning"), &json!(1), &json!(false))
    );
    assert_eq!(during["model"], "m", "where it runs is the operator's affair");
    assert_eq!(
        (&of_source["passages"], &of_source["passages_with_meaning"]),
        (&json!(2), &json!(1))
    );
}
