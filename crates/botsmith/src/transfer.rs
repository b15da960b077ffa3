//! `botsmith export` and `botsmith import`: chatbots as files, out of and into a running installation, over its API.

use crate::{
    cli::{Export, Import},
    remote::Api,
};
use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// How often is looked whether a version is still being checked.
const LOOK: Duration = Duration::from_secs(1);
/// No set of golden questions takes as long.
const LONGEST_CHECK: Duration = Duration::from_secs(3_600);

/// `botsmith export`
pub async fn export(export: Export) -> anyhow::Result<()> {
    let api = Api::new(export.remote)?;
    let request = api.request(Method::GET, &format!("/api/chatbots/{}/export", export.chatbot));
    let file = api.send(request).await?.text().await?;
    match export.output {
        None => print!("{file}"),
        Some(path) => {
            std::fs::write(&path, file).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}

/// `botsmith import`
pub async fn import(import: Import) -> anyhow::Result<()> {
    let file = std::fs::read(&import.file).with_context(|| format!("reading {}", import.file.display()))?;
    let path = match (import.workspace, import.chatbot) {
        (Some(workspace), _) => format!("/api/workspaces/{workspace}/chatbots/import"),
        (None, Some(chatbot)) => format!("/api/chatbots/{chatbot}/import"),
        (None, None) => bail!("say where it goes: --workspace or --chatbot"),
    };
    let api = Api::new(import.remote)?;
    let request = api
        .request(Method::POST, &path)
        .header("content-type", "application/yaml")
        .body(file);
    let imported = api
        .json(request)
        .await
        .with_context(|| format!("importing {}", import.file.display()))?;
    let id = imported["chatbot_id"].as_str().unwrap_or_default();
    if imported["new"] == true {
        println!("{id} is a new chatbot, with {} sources.", imported["sources"]);
    } else {
        println!("It is the draft of {id} now.");
    }
    if imported["needs_key"] == true {
        println!("One of its models has no key: give it in the chatbot's settings, if it needs one.");
    }
    match import.chatbot {
        Some(chatbot) if import.publish => publish(&api, chatbot, import.override_reason).await,
        _ => Ok(()),
    }
}

async fn publish(api: &Api, chatbot: Uuid, override_reason: Option<String>) -> anyhow::Result<()> {
    let body = json!({ "override_reason": override_reason });
    let path = format!("/api/chatbots/{chatbot}/draft/publish");
    let published = api.json(api.request(Method::POST, &path).json(&body)).await?;
    let mut version = published["version"].clone();
    let path = format!("/api/chatbots/{chatbot}/versions/{}", version["number"]);
    let looking = async {
        while version["state"] == "checking" {
            tokio::time::sleep(LOOK).await;
            version = api.json(api.request(Method::GET, &path)).await?;
        }
        Ok::<_, anyhow::Error>(version)
    };
    let version = tokio::time::timeout(LONGEST_CHECK, looking)
        .await
        .context("its golden questions are still being asked")??;
    let number = &version["number"];
    match version["state"].as_str().unwrap_or_default() {
        "live" => {
            println!("Version {number} is live.");
            Ok(())
        }
        "refused" => bail!("version {number} is refused: {}", worse(&version["worse"])),
        state => bail!("version {number} is {state}"),
    }
}

/// Why a version was refused: the reasons, and the questions that did worse.
fn worse(worse: &Value) -> String {
    let texts = |list: &Value, name: Option<&str>| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        let text = |item: &Value| name.map_or(item, |name| &item[name]).as_str().map(str::to_owned);
        items.filter_map(text).collect()
    };
    let mut lines = texts(&worse["reasons"], None);
    lines.extend(
        texts(&worse["questions"], Some("question"))
            .into_iter()
            .map(|question| format!("  {question}")),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_reasons_and_its_questions() {
        let refused = json!({
            "reasons": ["answered as expected: 1 of 1 before, 0 now"],
            "questions": [{"question": "When do you open?", "rank_before": 1}],
        });

        assert_eq!(
            worse(&refused),
            "answered as expected: 1 of 1 before, 0 now\n  When do you open?"
        );
    }
}
