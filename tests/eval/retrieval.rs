//! Whether the right documents are found.

use crate::{
    bot::{Bot, cut, text_of},
    goals::{Goals, Lexical},
    metrics::{Mean, ranking},
    sets::{Document, Set},
    vectors::Vectors,
};
use anyhow::Result;
use std::collections::{HashMap, HashSet};
use store::chunks::Chunk;

/// Passages that are looked at for ten documents.
const PASSAGES: usize = 40;

/// A set, its passages, and their vectors learned.
pub struct Prepared<'a> {
    pub set: &'a Set,
    pub passages: Vec<(&'a str, Chunk)>,
}

/// Cuts and embeds a set.
pub async fn prepare<'a>(set: &'a Set, vectors: &mut Option<Vectors>) -> Result<Prepared<'a>> {
    let passages: Vec<(&str, Chunk)> = set
        .documents
        .iter()
        .flat_map(|document| {
            cut(document)
                .into_iter()
                .map(move |chunk| (document.id.as_str(), chunk))
        })
        .collect();
    if let Some(vectors) = vectors {
        let texts: Vec<String> = passages.iter().map(|(_, chunk)| text_of(chunk)).collect();
        vectors.learn(&set.name, texts.iter().map(String::as_str)).await?;
        vectors
            .learn(
                &format!("{}, questions", set.name),
                set.questions.iter().map(|question| question.text.as_str()),
            )
            .await?;
    }
    Ok(Prepared { set, passages })
}

/// Of all questions that have an answer.
pub struct Figures {
    pub ndcg: Mean,
    pub recall: Mean,
    pub mrr: Mean,
}

fn figures(bot: &Bot, set: &Set, vectors: Option<&Vectors>) -> Result<Figures> {
    let (mut ndcg, mut recall, mut mrr) = (vec![], vec![], vec![]);
    for question in &set.questions {
        let Some(relevant) = set.relevant.get(&question.id) else {
            continue;
        };
        let found = bot.search(&question.text, PASSAGES, vectors)?;
        let ranking = ranking(&bot.documents(&found.passages), relevant);
        ndcg.push(ranking.ndcg);
        recall.push(ranking.recall);
        mrr.push(ranking.mrr);
    }
    Ok(Figures {
        ndcg: Mean::of(&ndcg),
        recall: Mean::of(&recall),
        mrr: Mean::of(&mrr),
    })
}

/// Measures one set, by words alone and by words and meaning. Gives the nDCG@10 of the best that there is.
pub fn measure(prepared: &Prepared<'_>, vectors: Option<&Vectors>, goals: &mut Goals) -> Result<f64> {
    let set = prepared.set;
    let bot = Bot::new(&prepared.passages, vectors)?;
    let lexical = figures(&bot, set, None)?;
    row(&set.name, "words", &lexical);
    goals.retrieval(&set.name, Lexical::Yes, &lexical, None);
    let mut ndcg = lexical.ndcg.value;
    if vectors.is_some() {
        let hybrid = figures(&bot, set, vectors)?;
        row(&set.name, "words and meaning", &hybrid);
        goals.retrieval(&set.name, Lexical::No, &hybrid, Some(&lexical));
        ndcg = hybrid.ndcg.value;
    }
    println!(
        "{:9} {} passages, {:.0} bytes each in memory",
        "",
        bot.snapshot.len(),
        bot.snapshot.bytes() as f64 / bot.snapshot.len().max(1) as f64
    );
    Ok(ndcg)
}

fn row(set: &str, how: &str, figures: &Figures) {
    println!(
        "{set:9} {how:18} nDCG@10 {}  Recall@5 {}  MRR@10 {}",
        figures.ndcg, figures.recall, figures.mrr
    );
}

/// Whether cutting an article that is one file does harm: its paragraphs are looked for in the passages that we cut.
pub async fn splitting(
    set: &Set,
    vectors: &mut Option<Vectors>,
    whole: f64,
    goals: &mut Goals,
) -> Result<()> {
    let mut articles: Vec<Document> = Vec::new();
    for paragraph in &set.documents {
        match articles
            .iter_mut()
            .find(|article| article.title == paragraph.title)
        {
            Some(article) => {
                article.text.push_str("\n\n");
                article.text.push_str(&paragraph.text);
            }
            None => articles.push(Document {
                id: paragraph.title.clone(),
                title: paragraph.title.clone(),
                text: paragraph.text.clone(),
            }),
        }
    }
    // Each passage with the paragraphs of which it holds at least half, or that hold at least half of it.
    let mut passages: Vec<(&str, Chunk)> = Vec::new();
    let mut paragraphs: HashMap<String, Vec<&str>> = HashMap::new();
    for article in &articles {
        for mut chunk in cut(article) {
            let mut of = Vec::new();
            for paragraph in set.documents.iter().filter(|p| p.title == article.title) {
                let shared = shared(&paragraph.text, &chunk.text);
                if 2 * shared >= paragraph.text.len().min(chunk.text.len()) {
                    of.push(paragraph.id.as_str());
                }
            }
            // A document of its own, so that it can be told from the others.
            chunk.document = domain::DocumentId::new();
            paragraphs.insert(chunk.id.to_string(), of);
            passages.push((article.id.as_str(), chunk));
        }
    }
    if let Some(vectors) = vectors {
        let texts: Vec<String> = passages.iter().map(|(_, chunk)| text_of(chunk)).collect();
        vectors
            .learn(
                &format!("{}, whole articles", set.name),
                texts.iter().map(String::as_str),
            )
            .await?;
    }
    let bot = Bot::new(&passages, vectors.as_ref())?;
    let mut ndcg = Vec::new();
    for question in &set.questions {
        let Some(relevant) = set.relevant.get(&question.id) else {
            continue;
        };
        let found = bot.search(&question.text, PASSAGES, vectors.as_ref())?;
        // As where each paragraph is a document of its own: of several passages of one paragraph the first counts, and the
        // others take no place. A passage of two paragraphs has one place, whichever of them is asked for.
        let mut seen: HashSet<&str> = HashSet::new();
        let mut ids: Vec<&str> = Vec::new();
        for passage in &found.passages {
            let of = &paragraphs[&passage.chunk.to_string()];
            let is_new = of.iter().filter(|id| seen.insert(id)).count() > 0;
            if is_new || of.is_empty() {
                let right = of.iter().any(|id| relevant.contains(*id));
                ids.push(if right { "right" } else { "other" });
            }
        }
        if let Some(first) = ids.iter().position(|id| *id == "right") {
            // There is one right place: what holds the paragraph again is none.
            ids[first + 1..].fill("other");
        }
        ndcg.push(ranking(&ids, &HashSet::from(["right".to_owned()])).ndcg);
    }
    let mean = Mean::of(&ndcg);
    let held: HashSet<&str> = paragraphs.values().flatten().copied().collect();
    println!(
        "{:9} whole articles, cut by us: nDCG@10 {mean}, {} passages that hold {} of {} paragraphs, {:.2} each",
        set.name,
        passages.len(),
        held.len(),
        set.documents.len(),
        paragraphs.values().map(Vec::len).sum::<usize>() as f64 / passages.len().max(1) as f64
    );
    goals.splitting(&set.name, mean.value, whole);
    Ok(())
}

/// How many bytes of sentences of one text stand in the other.
fn shared(paragraph: &str, passage: &str) -> usize {
    paragraph
        .split_inclusive(". ")
        .map(str::trim)
        .filter(|sentence| passage.contains(sentence))
        .map(|sentence| sentence.len() + 1)
        .sum()
}
