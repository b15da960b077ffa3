//! What administrators of the installation see and do.

mod activity;
mod chatbots;
mod conversations;
mod leads;
mod master_keys;
mod model_providers;
mod moving;
mod overview;
mod switches;
mod system;
mod users;

use super::{As, PASSWORD, Shop, World, conversations::talk, token_of};
use domain::Role;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// Runs statements as a service would.
async fn run(world: &World, sql: String) {
    let sql = format!("set role botsmith_system; {sql}; reset role");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&world.pool)
        .await
        .unwrap();
}

/// What a workspace's people find in their activity: actions, newest first.
async fn activity_of(world: &World, shop: &Shop) -> Vec<Value> {
    let path = format!("/api/workspaces/{}/activity", shop.workspace);
    let listed = world.get(&path, &shop.owner).await.ok(200);
    listed["items"].as_array().unwrap().clone()
}

/// One field of every item.
fn each<'a>(listed: &'a Value, field: &str) -> Vec<&'a Value> {
    listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item[field])
        .collect()
}
