//! The pages, and the description of the API.

use super::{As, World};
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn the_pages_load_nothing_from_elsewhere_and_run_only_our_scripts(pool: PgPool) {
    let world = World::new(pool).await;

    for (path, kind) in [
        ("/api/docs", "text/html; charset=utf-8"),
        ("/api/docs.js", "text/javascript; charset=utf-8"),
        ("/api/pages.css", "text/css; charset=utf-8"),
        ("/link", "text/html; charset=utf-8"),
        ("/api/link.js", "text/javascript; charset=utf-8"),
    ] {
        let page = world.get(path, &As::Nobody).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.headers["content-type"], kind);
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            csp.contains("default-src 'none'") && !csp.contains("unsafe"),
            "{csp}"
        );
        assert!(
            !page.text.contains("http://") && !page.text.contains("https://"),
            "{path} names another address"
        );
        assert!(
            !page.text.contains("innerHTML")
                && !page.text.contains("style=")
                && !page.text.contains("onclick"),
            "{path}"
        );
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_description_is_openapi_3_1_and_every_reference_in_it_leads_somewhere(pool: PgPool) {
    let world = World::new(pool).await;

    let document = world.get("/api/openapi.json", &As::Nobody).await.ok(200);

    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for response in methods
            .as_object()
            .unwrap()
            .values()
            .flat_map(|operation| operation["responses"].as_object().unwrap().values())
        {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{path}: {response}"
            );
        }
    }
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is described nowhere");
    }
    for secret in ["auth_token", "password_hash", "token_hash", "key_hash"] {
        let named = schemas
            .iter()
            .find(|(_, schema)| schema["properties"].get(secret).is_some());
        assert!(named.is_none(), "{named:?}");
    }
}
