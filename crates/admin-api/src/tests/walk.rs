//! S3: what is not declared is not there, and what is declared wants to know who asks.

use super::{As, World};
use crate::{openapi, route::Access, routes};
use domain::Role;
use reqwest::Method;
use sqlx::PgPool;
use std::collections::BTreeSet;
use uuid::Uuid;

/// An address with something in the place of every parameter.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| match part {
            "{platform}" => "twilio".to_owned(),
            part if part.starts_with('{') => Uuid::now_v7().to_string(),
            part => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s3_a_declared_route_without_a_login_answers_401(pool: PgPool) {
    let world = World::new(pool).await;

    for route in routes::table()
        .iter()
        .filter(|route| route.access != Access::Public)
    {
        let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
        let path = filled(&route.path);
        for who in [
            As::Nobody,
            As::Key("bsk_not-a-key-at-all-not-a-key-at-all".to_owned()),
        ] {
            let answer = world.send(world.request(method.clone(), &path, &who)).await;
            assert_eq!(answer.status, 401, "{method} {path} as {who:?}: {}", answer.text);
            answer.problem(401);
        }
        let forged = As::Cookie("__Host-botsmith=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());
        world
            .send(world.request(method.clone(), &path, &forged))
            .await
            .problem(401);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s3_an_undeclared_route_answers_404_and_an_undeclared_method_405(pool: PgPool) {
    let world = World::new(pool).await;
    let workspace = world.workspace("Acme").await;
    let (owner, _) = world.person(workspace, Role::Owner).await;

    for path in [
        "/",
        "/api",
        "/api/",
        "/api/users",
        "/api/workspaces/",
        "/admin",
        "/api/openapi.json/",
        "/.env",
        "/api/../etc",
    ] {
        for who in [&As::Nobody, &owner] {
            world.get(path, who).await.problem(404);
        }
    }
    let declared: BTreeSet<(String, String)> = routes::table()
        .iter()
        .map(|route| (route.method.to_string(), route.path.clone()))
        .collect();
    for path in declared.iter().map(|(_, path)| path).collect::<BTreeSet<_>>() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if !declared.contains(&(method.to_owned(), path.clone())) {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let answer = world
                    .send(world.request(method.clone(), &filled(path), &owner))
                    .await;
                assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            }
        }
    }
}

#[test]
fn s3_every_route_is_in_the_openapi_document_with_all_its_parameters() {
    let table = routes::table();
    let document: serde_json::Value = serde_json::from_str(&openapi::json(&table).unwrap()).unwrap();

    let described: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(described, table.len());
    let mut names = BTreeSet::new();
    for route in &table {
        let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
        let name = operation["operationId"]
            .as_str()
            .unwrap_or_else(|| panic!("{} {}", route.method, route.path));
        assert!(names.insert(name.to_owned()), "{name} names two operations");
        assert!(
            operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{name} has no summary"
        );
        let declared: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let needed: BTreeSet<&str> = route
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(declared, needed, "{name}");
        let secured = operation["security"].as_array().unwrap();
        assert_eq!(secured.is_empty(), route.access == Access::Public, "{name}");
        assert!(
            operation["responses"]["default"].is_object(),
            "{name} does not describe problems"
        );
    }
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn a_route_of_a_workspace_names_what_the_workspace_is_found_by() {
    for route in routes::table() {
        if let Access::Member(_) = route.access {
            let found = ["{workspace_id}", "{chatbot_id}", "{conversation_id}"]
                .iter()
                .any(|id| route.path.contains(id));
            assert!(found, "{} {}", route.method, route.path);
        }
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_role_that_is_too_low_is_told_which_it_would_take(pool: PgPool) {
    let world = World::new(pool).await;
    let workspace = world.workspace("Acme").await;
    let (viewer, _) = world.key(workspace, Role::Viewer).await;
    let (agent, _) = world.person(workspace, Role::Agent).await;

    let by_viewer = world
        .post(
            &format!("/api/workspaces/{workspace}/chatbots"),
            &viewer,
            serde_json::json!({}),
        )
        .await;
    let by_agent = world
        .get(&format!("/api/workspaces/{workspace}/api-keys"), &agent)
        .await;

    assert_eq!(
        by_viewer.problem(403),
        "this needs the role admin in the workspace; yours is viewer"
    );
    assert_eq!(
        by_agent.problem(403),
        "this needs the role owner in the workspace; yours is agent"
    );
}
