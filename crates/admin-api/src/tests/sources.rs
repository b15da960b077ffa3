//! Files and sites as sources.

use super::{As, World};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

const DOCUMENT: &[u8] = include_bytes!("../../../extract/tests/files/handbook.docx");

async fn upload(world: &World, method: Method, path: &str, who: &As, bytes: &[u8]) -> super::Answer {
    let request = world
        .request(method, path, who)
        .header("content-type", "application/octet-stream")
        .body(bytes.to_vec());
    world.send(request).await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_file_is_added_downloaded_replaced_and_its_bytes_go_with_it(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}/sources", shop.chatbot);
    let add = format!(
        "/api/chatbots/{}/source-files?name=Staff%20handbook.docx",
        shop.chatbot
    );

    let added = upload(&world, Method::POST, &add, &shop.owner, DOCUMENT)
        .await
        .ok(201);

    assert_eq!(
        (&added["kind"], &added["title"], &added["state"]),
        (&json!("file"), &json!("Staff handbook"), &json!("pending"))
    );
    let path = format!("{base}/{}", added["id"].as_str().unwrap());
    let shown = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(
        shown["file"],
        json!({"name": "Staff handbook.docx", "bytes": DOCUMENT.len()})
    );
    let request = world.request(Method::GET, &format!("{path}/file"), &shop.owner);
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"Staff handbook.docx\""
    );
    assert!(answer.bytes().await.unwrap() == DOCUMENT);

    let replace = format!("{path}/file?name=hours.md");
    let replaced = upload(&world, Method::PUT, &replace, &shop.owner, b"# Hours")
        .await
        .ok(200);
    assert_eq!(
        (&replaced["version"], &replaced["title"]),
        (&json!(2), &json!("Staff handbook"))
    );
    assert_eq!(blobs(&world).await, 1, "the old bytes are gone");
    world.delete(&path, &shop.owner).await.ok(204);
    assert_eq!(blobs(&world).await, 0);
}

async fn blobs(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from blobs")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_file_that_is_of_no_use_is_refused_with_what_would_be(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let add = |name: &str| format!("/api/chatbots/{}/source-files?name={name}", shop.chatbot);
    let old: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0, 0];
    for (name, bytes, status, says) in [
        (
            "logo.png",
            b"\x89PNG\r\n\x1a\n\0\0".as_slice(),
            415,
            "bring a PDF",
        ),
        ("letter.doc", old, 422, "before 2007"),
        ("cut.docx", &DOCUMENT[..1_000], 422, "damaged"),
        ("none.txt", b"", 400, "no body"),
        ("", b"text", 422, "name must not be empty"),
        ("huge.txt", &[b'a'; 200 * 1024], 413, "131072 bytes"),
    ] {
        let refused = upload(&world, Method::POST, &add(name), &shop.owner, bytes)
            .await
            .problem(status);
        assert!(refused.contains(says), "{name}: {refused}");
    }
    assert_eq!(blobs(&world).await, 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_page_and_a_site_are_added_with_their_rules(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/chatbots/{}/sources", shop.chatbot);

    let page = world
        .post(
            &base,
            &shop.owner,
            json!({"url": "https://fern.example/hours", "title": "Hours"}),
        )
        .await
        .ok(201);
    let site = world
        .post(
            &base,
            &shop.owner,
            json!({"url": "https://fern.example", "site": {"exclude": ["/old/*"], "most_pages": 50}, "refresh_hours": 24}),
        )
        .await
        .ok(201);

    assert_eq!(
        (&page["kind"], &site["title"], &site["refresh_hours"]),
        (&json!("site"), &json!("fern.example"), &json!(24))
    );
    let read = async |source: &Value| {
        let path = format!("{base}/{}", source["id"].as_str().unwrap());
        world.get(&path, &shop.owner).await.ok(200)["site"].clone()
    };
    assert_eq!(
        read(&site).await,
        json!({"url": "https://fern.example/", "whole_site": true, "include": [], "exclude": ["/old/*"], "most_pages": 50, "most_depth": 10})
    );
    assert_eq!(read(&page).await["whole_site"], json!(false));
    let path = format!("{base}/{}", site["id"].as_str().unwrap());
    let changed = world
        .patch(&path, &shop.owner, json!({"refresh_hours": null}))
        .await
        .ok(200);
    assert_eq!(changed["refresh_hours"], json!(null));
    let again = world
        .post(&format!("{path}/refresh"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(again["state"], "pending");
    for list in ["documents", "pages?state=failed"] {
        assert_eq!(
            world.get(&format!("{path}/{list}"), &shop.owner).await.ok(200)["items"],
            json!([])
        );
    }

    for (body, says) in [
        (json!({"url": "ftp://fern.example/"}), "only http and https"),
        (
            json!({"url": "https://user:pass@fern.example/"}),
            "user name or password",
        ),
        (
            json!({"url": "https://fern.example", "text": "a"}),
            "one of text, pairs and url",
        ),
        (json!({"title": "x", "text": "a", "site": {}}), "goes with url"),
        (
            json!({"title": "x", "text": "a", "refresh_hours": 5}),
            "only pages and sites",
        ),
        (
            json!({"url": "https://fern.example", "refresh_hours": 0}),
            "between 1 and 8760",
        ),
        (
            json!({"url": "https://fern.example", "site": {"most_pages": 100_000}}),
            "between 1 and 10000",
        ),
        (
            json!({"url": "https://fern.example", "site": {"include": ["help"]}}),
            "begin with /",
        ),
    ] {
        let refused = world.post(&base, &shop.owner, body.clone()).await.problem(422);
        assert!(refused.contains(says), "{body}: {refused}");
    }
    world
        .get(&format!("{path}/pages?state=lost"), &shop.owner)
        .await
        .problem(422);
}
