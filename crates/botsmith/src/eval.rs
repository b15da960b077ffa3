//! `botsmith eval`: asks a chatbot its golden questions, and says how it did.

use crate::{cli::Eval, remote::Api};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use uuid::Uuid;

/// How often is looked how far it is.
const LOOK: Duration = Duration::from_secs(1);
/// Questions of one page.
const PAGE: u32 = 200;

/// `botsmith eval`
pub async fn eval(eval: Eval) -> anyhow::Result<()> {
    let api = Api::new(eval.remote)?;
    if let Some(file) = &eval.questions {
        import(&api, eval.chatbot, file).await?;
    }
    let what = json!({ "version": eval.version, "draft": eval.draft });
    let runs = format!("/api/chatbots/{}/runs", eval.chatbot);
    let run = api.json(api.request(Method::POST, &runs).json(&what)).await?;
    let path = format!("{runs}/{}", run["id"].as_str().unwrap_or_default());
    let run = ended(&api, &path, run).await?;
    ensure!(
        run["state"] == "done",
        "the run is {}: {}",
        run["state"].as_str().unwrap_or("gone"),
        run["error"].as_str().unwrap_or("it does not say why")
    );
    let results = results(&api, &path).await?;
    for line in failures(&results) {
        println!("{line}");
    }
    println!("{}", summary(&run));
    let passed = share(&run["scores"]);
    ensure!(
        passed >= eval.at_least,
        "{:.1} % were answered as expected, and {:.1} % are wanted",
        passed * 100.0,
        eval.at_least * 100.0
    );
    Ok(())
}

async fn import(api: &Api, chatbot: Uuid, file: &Path) -> anyhow::Result<()> {
    let questions = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let is_csv = file
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    let kind = if is_csv { "text/csv" } else { "application/json" };
    let path = format!("/api/chatbots/{chatbot}/golden-questions/import");
    let request = api.request(Method::POST, &path).header("content-type", kind);
    api.send(request.body(questions))
        .await
        .with_context(|| format!("importing {}", file.display()))?;
    Ok(())
}

/// The run when it is over; how far it is stands on the error output meanwhile.
async fn ended(api: &Api, path: &str, mut run: Value) -> anyhow::Result<Value> {
    let mut told = None;
    while matches!(run["state"].as_str(), Some("due" | "running")) {
        let done = run["done"].as_i64();
        if told != Some(done) {
            eprintln!("{} of {} questions", done.unwrap_or_default(), run["questions"]);
            told = Some(done);
        }
        tokio::time::sleep(LOOK).await;
        run = api.json(api.request(Method::GET, path)).await?;
    }
    Ok(run)
}

async fn results(api: &Api, path: &str) -> anyhow::Result<Vec<Value>> {
    let mut results = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut request = api
            .request(Method::GET, &format!("{path}/results"))
            .query(&[("limit", PAGE)]);
        if let Some(after) = after.as_i64() {
            request = request.query(&[("after", after)]);
        }
        let mut page = api.json(request).await?;
        if let Value::Array(items) = page["items"].take() {
            results.extend(items);
        }
        after = page["next"].take();
        if after.is_null() {
            return Ok(results);
        }
    }
}

/// What was not as expected.
fn failures(results: &[Value]) -> Vec<String> {
    let failed = results.iter().filter(|result| result["passed"] == false);
    failed
        .flat_map(|result| {
            let reasons = result["failures"].as_array().into_iter().flatten();
            let reasons = reasons
                .filter_map(Value::as_str)
                .map(|reason| format!("    {reason}"));
            let question = result["question"].as_str().unwrap_or_default();
            std::iter::once(format!("  not as expected: {question}")).chain(reasons)
        })
        .collect()
}

fn summary(run: &Value) -> String {
    let scores = &run["scores"];
    let figure = |name: &str| scores[name].as_f64().unwrap_or_default();
    format!(
        "{} of {} answered as expected; where something had to be found: hit@{} {:.3}, MRR {:.3} over {}",
        scores["passed"],
        scores["questions"],
        run["k"].as_i64().unwrap_or_default(),
        figure("hit_at_k"),
        figure("mrr"),
        scores["ranked"],
    )
}

/// The share that was answered as expected; 1 of none.
fn share(scores: &Value) -> f64 {
    let figure = |name: &str| scores[name].as_f64().unwrap_or_default();
    let questions = figure("questions");
    if questions > 0.0 {
        figure("passed") / questions
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_with_its_failures_and_its_figures() {
        let run = json!({"k": 6, "scores": {"questions": 4, "passed": 3, "ranked": 2, "hit_at_k": 0.5, "mrr": 0.25}});
        let results = [
            json!({"question": "When?", "passed": true, "failures": []}),
            json!({"question": "Where?", "passed": false, "failures": ["it said that it does not know"]}),
        ];

        assert_eq!(
            summary(&run),
            "3 of 4 answered as expected; where something had to be found: hit@6 0.500, MRR 0.250 over 2"
        );
        assert_eq!(
            failures(&results),
            ["  not as expected: Where?", "    it said that it does not know"]
        );
        assert!((share(&run["scores"]) - 0.75).abs() < 1e-9);
        assert!((share(&json!({"questions": 0})) - 1.0).abs() < 1e-9);
    }
}
