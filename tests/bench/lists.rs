//! How long lists, searches, charts and overviews take where there is much to list: 100,000 conversations of ten messages.
//!
//! Everything that the API answers to a GET is asked, as its own description names it, with what the large workspace holds;
//! and the searches and filters that people use, by name. Beside the time stands that of an empty request, which the network,
//! the session and the database's round trip take.

use crate::{
    Effort,
    table::{Table, ms},
};
use anyhow::Context;
use chrono::Utc;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use store::{Db, analytics};
use whole_product::{
    api::Api,
    load::quantile,
    product::{Mode, Options, Product},
};

const GOAL: Duration = Duration::from_millis(200);
const BOTS: usize = 5;
const CONVERSATIONS: usize = 100_000;
/// What is not asked: it goes out to other servers, or is a file by its nature.
const LEFT_OUT: [&str; 4] = ["/templates", "/number", "/attachments/", "/events"];
/// So many rows of the table are shown: the slowest.
const SHOWN: usize = 25;

/// Searches and filters, beyond what the description names; the words in braces as there.
const SEARCHES: [&str; 19] = [
    "/api/workspaces/{workspace_id}/conversations?limit=50&contact=Tanaka",
    "/api/workspaces/{workspace_id}/conversations?limit=50&contact=nobody+of+this+name",
    "/api/workspaces/{workspace_id}/conversations?limit=50&handler=human",
    "/api/workspaces/{workspace_id}/conversations?limit=50&platform=twilio&chatbot_id={chatbot_id}",
    "/api/workspaces/{workspace_id}/conversations?limit=50&text=kettle",
    "/api/workspaces/{workspace_id}/conversations?limit=50&text=nobody+wrote+this",
    "/api/workspaces/{workspace_id}/conversations/counts?text=kettle",
    "/api/workspaces/{workspace_id}/conversations/counts?text=nobody+wrote+this",
    "/api/workspaces/{workspace_id}/conversations?limit=50&state=needs_human&text=nobody+wrote+this",
    "/api/workspaces/{workspace_id}/conversations?limit=50&feedback=bad",
    "/api/workspaces/{workspace_id}/conversations/counts?feedback=bad",
    "/api/workspaces/{workspace_id}/analytics?time_zone=Europe/Berlin&step=day",
    "/api/administration/conversations?limit=50&contact=Tanaka",
    "/api/administration/conversations?limit=50&contact=nobody+of+this+name",
    "/api/administration/leads?limit=50&q=Lopez",
    "/api/administration/leads?limit=50&q=nobody+of+this+name",
    "/api/administration/chatbots?limit=50&q=bot",
    "/api/administration/users?limit=50&q=ada",
    "/api/administration/activity?limit=50&action=chatbot.create",
];

pub async fn run(effort: Effort) -> anyhow::Result<()> {
    let product = Product::start(Options {
        mode: Mode::AllInOneOnBroker,
        bots: BOTS,
        // What is written is counted here, and not beside it by the product.
        environment: vec![(
            "BOTSMITH__SCHEDULER__COUNT_SECONDS".to_owned(),
            "86400".to_owned(),
        )],
        ..Options::default()
    })
    .await?;
    let conversations = if effort.rounds > 1 {
        CONVERSATIONS
    } else {
        CONVERSATIONS / 10
    };
    eprintln!("writing {conversations} conversations of ten messages");
    let fill = include_str!("lists.sql")
        .replace("CONVERSATIONS", &conversations.to_string())
        .replace("BOTS", &BOTS.to_string());
    product.database()?.run(&fill).await?;
    eprintln!("counting what happened in them");
    let db = Db::open(&store::Settings {
        url: SecretString::from(product.database()?.url()),
        max_connections: 2,
        acquire_timeout_seconds: 10,
    })?;
    analytics::recount(&db, Utc::now() - chrono::Duration::days(91), Utc::now()).await?;
    product.database()?.run("vacuum analyze").await?;
    product.database()?.rows("select pg_stat_reset()").await?;

    let asked = asked(&product).await?;
    let mut rows = Vec::new();
    for Asked { name, path } in &asked {
        let times = times(product.api(), path, 10 * effort.rounds).await?;
        rows.push((quantile(&times, 0.95), quantile(&times, 0.5), name));
    }
    rows.sort_by_key(|(p95, ..)| std::cmp::Reverse(*p95));
    let empty = times(product.api(), "/api/session", 10 * effort.rounds).await?;
    let mut table = Table::new(&["what is asked", "p50 ms", "p95 ms", "goal"]);
    for (p95, p50, name) in rows.iter().take(SHOWN) {
        table.row(vec![(*name).clone(), ms(*p50), ms(*p95), ms(GOAL)]);
    }
    table.print("The slowest of what the API tells");
    let over = rows.iter().filter(|(p95, ..)| *p95 > GOAL).count();
    println!(
        "{} of {} are answered within the goal; who is signed in takes p95 {} ms\n",
        rows.len() - over,
        rows.len(),
        ms(quantile(&empty, 0.95))
    );
    how_tables_were_read(&product).await?;
    product.finish().await
}

/// By the database's own counts: what `explain` would say of each query, of all of them together.
async fn how_tables_were_read(product: &Product) -> anyhow::Result<()> {
    let mut table = Table::new(&["large table", "rows", "from end to end", "by an index"]);
    let read = product.database()?.rows(
        "select s.relname, c.reltuples::bigint, s.seq_scan, s.idx_scan
         from pg_stat_user_tables s join pg_class c on c.oid = s.relid
         where c.reltuples > 20000 order by s.seq_tup_read desc, c.reltuples desc",
    );
    for row in read.await? {
        table.row(row);
    }
    table.print("How often large tables were read");
    Ok(())
}

/// One address.
struct Asked {
    /// As the API's description has it.
    name: String,
    /// With what there is in the place of the words in braces.
    path: String,
}

/// Every address that can be asked of what there is.
async fn asked(product: &Product) -> anyhow::Result<Vec<Asked>> {
    let known = known(product).await?;
    let description = product.api().get("/api/openapi.json").await?;
    let paths = description["paths"].as_object().context("no paths")?;
    let asked: Vec<Asked> = paths
        .iter()
        .filter(|(path, what)| !what["get"].is_null() && !LEFT_OUT.iter().any(|part| path.contains(part)))
        .map(|(path, _)| path.clone())
        .chain(SEARCHES.iter().map(|path| (*path).to_owned()))
        .filter_map(|name| filled(&name, &known).map(|path| Asked { name, path }))
        .collect();
    // What needs more than an address, or is not JSON, says nothing here.
    let mut answered = Vec::new();
    for one in asked {
        match product.api().ask(Method::GET, &one.path, None).await {
            Ok(answer) if answer.status == 200 => answered.push(one),
            Ok(answer) => eprintln!("not measured: {} ({})", one.name, answer.status),
            Err(_) => eprintln!("not measured: {} (no JSON)", one.name),
        }
    }
    Ok(answered)
}

/// `None` where a word in braces is not known.
fn filled(path: &str, known: &HashMap<&str, String>) -> Option<String> {
    let mut filled = path.to_owned();
    for (name, value) in known {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    (!filled.contains('{')).then_some(filled)
}

/// What the words in braces stand for, in the large workspace.
async fn known(product: &Product) -> anyhow::Result<HashMap<&'static str, String>> {
    let api = product.api();
    let bot = product.bot()?;
    let first = async |path: String| -> anyhow::Result<String> {
        let page = api.get(&path).await?;
        let id = page["items"][0]["id"].as_str();
        id.map(str::to_owned)
            .with_context(|| format!("nothing at {path}"))
    };
    let conversation = first(format!("/api/workspaces/{}/conversations", bot.workspace_id)).await?;
    let message = first(format!("/api/conversations/{conversation}/messages")).await?;
    let source = first(format!("/api/chatbots/{}/sources", bot.chatbot_id)).await?;
    let session: Value = api.get("/api/session").await?;
    let user = session["user"]["id"].as_str().or(session["id"].as_str());
    let mut known = HashMap::from([
        ("workspace_id", bot.workspace_id.clone()),
        ("chatbot_id", bot.chatbot_id.clone()),
        ("integration_id", bot.integration_id.clone()),
        ("conversation_id", conversation),
        ("message_id", message),
        ("source_id", source),
        ("number", "1".to_owned()),
        ("platform", "twilio".to_owned()),
    ]);
    if let Some(user) = user {
        known.insert("user_id", user.to_owned());
    }
    Ok(known)
}

async fn times(api: &Api, path: &str, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        let answer = api.ask(Method::GET, path, None).await?;
        times.push(began.elapsed());
        anyhow::ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
    }
    times.sort();
    Ok(times)
}
