//! The dashboard beside the API: who gets the page, and with which rules.

use super::{As, World};
use reqwest::Method;
use sqlx::PgPool;

const PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[sqlx::test(migrations = "../store/migrations")]
async fn a_browser_gets_the_page_at_every_address_that_nobody_else_serves(pool: PgPool) {
    let world = World::new(pool).await;

    for path in [
        "/",
        "/sign-in",
        "/chatbots/x/overview",
        "/admin",
        "/workspaces/a/inbox?handler=human",
    ] {
        let request = world
            .request(Method::GET, path, &As::Nobody)
            .header("accept", PAGE);
        let page = world.send(request).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["x-frame-options"], "DENY");
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            csp.contains("default-src 'none'")
                && csp.contains("script-src 'self';")
                && !csp.contains("unsafe"),
            "{csp}"
        );
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whoever_asks_for_anything_else_that_is_not_there_hears_so(pool: PgPool) {
    let world = World::new(pool).await;

    for (method, path, accept) in [
        (Method::GET, "/api/nothing", PAGE),
        (Method::GET, "/api", PAGE),
        (Method::GET, "/v1/nothing", PAGE),
        (Method::GET, "/nothing", "application/json"),
        (Method::GET, "/assets/gone.js", "*/*"),
        (Method::POST, "/nothing", PAGE),
        (Method::DELETE, "/", PAGE),
    ] {
        let request = world.request(method, path, &As::Nobody).header("accept", accept);
        world.send(request).await.problem(404);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_the_page_loads_is_kept_as_long_as_its_name_holds(pool: PgPool) {
    let world = World::new(pool).await;
    let page = ::dashboard::page("");
    let named = page
        .split('"')
        .filter(|word| word.starts_with("/assets/") || *word == "/icon.svg");

    for path in named {
        let file = world.get(path, &As::Nobody).await;
        assert_eq!(file.status, 200, "{path}");
        let kept = file.headers["cache-control"].to_str().unwrap();
        assert_eq!(
            kept.contains("immutable"),
            path.starts_with("/assets/"),
            "{path}: {kept}"
        );
        let again = world
            .request(Method::GET, path, &As::Nobody)
            .header("if-none-match", &file.headers["etag"]);
        assert_eq!(world.send(again).await.status, 304, "{path}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_dashboard_was_made_for_the_api_that_is_served(pool: PgPool) {
    let world = World::new(pool).await;
    let served = world.get("/api/openapi.json", &As::Nobody).await.ok(200);

    let made_for: serde_json::Value =
        serde_json::from_str(include_str!("../../../dashboard/web/openapi.json")).unwrap();

    assert!(
        served == made_for,
        "run `cargo run -p botsmith -- openapi > crates/dashboard/web/openapi.json`"
    );
}
