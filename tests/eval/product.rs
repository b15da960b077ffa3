//! The same, asked of the product itself: a set is brought by the API, cut, stored and embedded by the indexer, and searched
//! by the API. What comes out must be what its pieces find here: the other figures hold for the product then.

use crate::{
    bot::{Bot, cut},
    goals::Goals,
    metrics::{Mean, ranking},
    retrieval::Prepared,
    sets::{Document, Question},
    vectors::Vectors,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};
use whole_product::{
    api::Api,
    product::{Mode, Options, Product},
};

/// The most passages that a search by the API gives.
const PASSAGES: usize = 20;
/// So many questions are asked, taken from everywhere in the set.
const QUESTIONS: usize = 500;
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Asks a running BotSmith, on its embedded database and queue, what its pieces were asked.
pub async fn measure(
    prepared: &Prepared<'_>,
    vectors: Option<&Vectors>,
    weights: &Path,
    goals: &mut Goals,
) -> Result<()> {
    let set = prepared.set;
    let options = Options {
        mode: Mode::AllInOne,
        model: None,
        environment: vec![("BOTSMITH_WEIGHTS".to_owned(), weights.display().to_string())],
        ..Options::default()
    };
    let product = Product::start_without_bots(options).await?;
    let api = product.api();
    let workspace = id(&api.post("/api/workspaces", &json!({"name": "Eval"})).await?)?;
    let chatbots = format!("/api/workspaces/{workspace}/chatbots");
    let chatbot = id(&api.post(&chatbots, &json!({"name": set.name})).await?)?;
    let chatbot = format!("/api/chatbots/{chatbot}");
    for document in &set.documents {
        let source = json!({"title": document.title, "text": document.text});
        api.post(&format!("{chatbot}/sources"), &source).await?;
    }
    indexed(
        api,
        &format!("{chatbot}/knowledge"),
        prepared.passages.len(),
        vectors.is_some(),
    )
    .await?;

    let names = names(&set.documents);
    let pieces = Bot::new(&prepared.passages, vectors)?;
    let answerable: Vec<(&Question, &HashSet<String>)> = set
        .questions
        .iter()
        .filter_map(|question| Some((question, set.relevant.get(&question.id)?)))
        .collect();
    let (mut by_product, mut by_pieces) = (vec![], vec![]);
    let search = format!("{chatbot}/search");
    for (question, relevant) in answerable.iter().step_by((answerable.len() / QUESTIONS).max(1)) {
        let asked = json!({"question": question.text, "retrieval": {"top_k": PASSAGES}});
        let found = api.post(&search, &asked).await?;
        by_product.push(ranking(&documents(&found, &names)?, relevant).ndcg);
        let found = pieces.search(&question.text, PASSAGES, vectors)?;
        by_pieces.push(ranking(&pieces.documents(&found.passages), relevant).ndcg);
    }
    product.finish().await?;
    let (by_product, by_pieces) = (Mean::of(&by_product), Mean::of(&by_pieces));
    println!(
        "{:9} through the API: nDCG@10 {by_product}; its pieces, on the same questions: {by_pieces}",
        set.name
    );
    goals.product(&set.name, by_product.value, by_pieces.value);
    Ok(())
}

fn id(made: &Value) -> Result<String> {
    Ok(made["id"].as_str().context("nothing with an id")?.to_owned())
}

/// Waits until every passage is there, and has its vector.
async fn indexed(api: &Api, knowledge: &str, passages: usize, with_meaning: bool) -> Result<()> {
    let all = |count: &Value| count.as_u64() == Some(passages as u64);
    whole_product::wait::until("the product to have read the set", PATIENCE, async || {
        let state = api.get(knowledge).await?;
        let embedded = !with_meaning || all(&state["passages_with_meaning"]);
        Ok((all(&state["passages"]) && embedded).then_some(()))
    })
    .await
}

/// Which document a passage was cut from, by its title and text.
fn names(documents: &[Document]) -> HashMap<(String, String), &str> {
    documents
        .iter()
        .flat_map(|document| {
            cut(document)
                .into_iter()
                .map(move |chunk| ((chunk.title, chunk.text), document.id.as_str()))
        })
        .collect()
}

fn documents<'a>(found: &Value, names: &HashMap<(String, String), &'a str>) -> Result<Vec<&'a str>> {
    let mut documents = Vec::new();
    for passage in found["passages"]
        .as_array()
        .context("a search without passages")?
    {
        let part = |name: &str| passage[name].as_str().unwrap_or_default().to_owned();
        let name = names
            .get(&(part("title"), part("text")))
            .with_context(|| format!("the product cuts otherwise: {passage}"))?;
        if !documents.contains(name) {
            documents.push(*name);
        }
    }
    Ok(documents)
}
