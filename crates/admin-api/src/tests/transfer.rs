//! A chatbot as one file, out of one workspace and into another.

use super::{World, versions::golden};
use domain::Role;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn a_chatbot_goes_into_another_workspace_as_a_file_without_its_keys(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let model = json!({"provider": "openai", "model": "m", "api_key": "sk-canary-1234"});
    world
        .patch(
            &base,
            &shop.owner,
            json!({"instructions": "Be brief.\nBe kind.", "model": model}),
        )
        .await
        .ok(200);
    world
        .put(
            &format!("{base}/links"),
            &shop.owner,
            json!({"hosts": ["shop.example.com"]}),
        )
        .await
        .ok(200);
    world
        .put(
            &format!("{base}/widget"),
            &shop.owner,
            json!({"welcome": "Hello!"}),
        )
        .await
        .ok(200);
    for source in [
        json!({"title": "Hours", "text": "We open at nine."}),
        json!({"title": "FAQ", "pairs": [{"question": "Where?", "answer": "Here."}]}),
        json!({"url": "https://shop.example.com/", "site": {"exclude": ["/old/*"]}, "refresh_hours": 24}),
    ] {
        world
            .post(&format!("{base}/sources"), &shop.owner, source)
            .await
            .ok(201);
    }
    golden(&world, &shop, "When do you open?").await;

    let file = world.get(&format!("{base}/export"), &shop.owner).await;
    let elsewhere = world.workspace("Elsewhere").await;
    let (owner, _) = world.person(elsewhere, Role::Owner).await;
    let import = format!("/api/workspaces/{elsewhere}/chatbots/import");
    let request = world
        .request(Method::POST, &import, &owner)
        .body(file.text.clone());
    let made = world.send(request).await.ok(201);

    assert_eq!(file.headers["content-type"], "application/yaml");
    assert!(
        !file.text.contains("canary") && !file.text.contains("1234"),
        "{}",
        file.text
    );
    assert_eq!(
        (&made["golden_questions"], &made["sources"], &made["needs_key"]),
        (&json!(1), &json!(3), &json!(true))
    );
    let copy = format!("/api/chatbots/{}", made["chatbot_id"].as_str().unwrap());
    let chatbot = world.get(&copy, &owner).await.ok(200);
    assert_eq!(
        (
            &chatbot["instructions"],
            &chatbot["model"]["api_key"],
            &chatbot["live_version"]
        ),
        (&json!("Be brief.\nBe kind."), &json!(null), &json!(1))
    );
    let widget = world.get(&format!("{copy}/widget"), &owner).await.ok(200);
    assert_eq!(widget["welcome"], "Hello!");
    let again = world.get(&format!("{copy}/export"), &owner).await;
    assert_eq!(again.text, file.text);

    let sources = world.get(&format!("{copy}/sources"), &owner).await.ok(200);
    let states: Vec<_> = sources["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| {
            (
                source["kind"].as_str().unwrap(),
                source["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(states.iter().filter(|(_, state)| *state == "pending").count(), 2);
    let (site, state) = states
        .iter()
        .find(|(kind, _)| *kind != "text" && *kind != "qa")
        .unwrap();
    assert_eq!(
        *state, "failed",
        "the address of a {site} is read although nobody asked for it"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_file_becomes_the_draft_of_a_chatbot_and_what_does_not_fit_in_it_is_named(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}", shop.chatbot);
    let model = json!({"provider": "openai", "model": "m", "api_key": "sk-canary-1234"});
    world
        .patch(&base, &shop.owner, json!({"model": model}))
        .await
        .ok(200);
    let import = async |text: &str| {
        let request = world.request(Method::POST, &format!("{base}/import"), &shop.owner);
        world.send(request.body(text.to_owned())).await
    };

    let imported = import(
        "botsmith: 1\nchatbot:\n  name: Help\n  instructions: Be brief.\n  model: {provider: openai, model: n}\n\
         golden_questions:\n- question: When?\n  words: [nine]\n",
    )
    .await
    .ok(200);
    let draft = world.get(&format!("{base}/draft"), &shop.owner).await.ok(200);
    let live = world.get(&base, &shop.owner).await.ok(200);

    assert_eq!(
        (
            &imported["new"],
            &imported["golden_questions"],
            &imported["needs_key"]
        ),
        (&json!(false), &json!(1), &json!(false))
    );
    let fields: Vec<&str> = draft["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["instructions", "model.model"]);
    assert_eq!(live["instructions"], "");
    for (text, field) in [
        ("botsmith: 1\nchatbot: {name: ''}\n", "chatbot.name"),
        (
            "botsmith: 1\nchatbot: {name: a}\nretrieval: {top_k: 99}\n",
            "retrieval.top_k",
        ),
        (
            "botsmith: 1\nchatbot: {name: a}\ngolden_questions:\n- question: When?\n- question: ''\n",
            "golden_questions.1.question",
        ),
    ] {
        let refused = import(text).await;
        assert_eq!(refused.json()["field"], field, "{}", refused.text);
        refused.problem(422);
    }
    let unreadable = import("botsmith: 1\nchatbot:\n  name: Help\n  colour: red\n").await;
    assert!(unreadable.problem(422).contains("line 4"), "{}", unreadable.text);
}
