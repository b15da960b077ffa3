//! Measurements on public question sets, which are not part of this repository. Slow; run by hand:
//! `cargo test -p knowledge measure -- --ignored --nocapture`.

use crate::{DEFAULT_THRESHOLD, Snapshot, confidence, split};
use domain::{ChunkId, DocumentId, Passage};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::PathBuf,
};
use store::chunks::Chunk;

struct Set {
    documents: Vec<(String, String, String)>,
    queries: Vec<Query>,
    relevant: HashMap<String, HashSet<String>>,
}

struct Query {
    id: String,
    text: String,
    answerable: bool,
    answers: Vec<String>,
}

fn folder(set: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("BOTSMITH_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("rag").join(set);
    if folder.exists() {
        return Some(folder);
    }
    println!("skipped: {} is not there", folder.display());
    None
}

fn lines(path: PathBuf) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn load(set: &str) -> Option<Set> {
    let folder = folder(set)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let documents = lines(folder.join("corpus.jsonl"))
        .iter()
        .map(|v| (text(&v["_id"]), text(&v["title"]), text(&v["text"])))
        .collect();
    let mut relevant: HashMap<String, HashSet<String>> = HashMap::new();
    for line in fs::read_to_string(folder.join("qrels.tsv"))
        .unwrap()
        .lines()
        .skip(1)
    {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields[2] != "0" {
            relevant
                .entry(fields[0].to_owned())
                .or_default()
                .insert(fields[1].to_owned());
        }
    }
    let queries = lines(folder.join("queries.jsonl"))
        .iter()
        .map(|v| Query {
            id: text(&v["_id"]),
            text: text(&v["text"]),
            answerable: v["answerable"].as_bool().unwrap_or(true),
            answers: v["answers"].as_array().into_iter().flatten().map(text).collect(),
        })
        .collect();
    Some(Set {
        documents,
        queries,
        relevant,
    })
}

/// The documents, each cut as an owner's text would be.
fn snapshot<'a>(
    documents: impl Iterator<Item = &'a (String, String, String)>,
) -> (Snapshot, HashMap<DocumentId, String>) {
    let mut names = HashMap::new();
    let mut chunks = Vec::new();
    for (name, title, text) in documents {
        let document = DocumentId::new();
        names.insert(document, name.clone());
        for piece in split::text(text) {
            chunks.push(Chunk {
                id: ChunkId::new(),
                document,
                title: title.clone(),
                url: None,
                heading: piece.heading,
                question: piece.question,
                text: piece.text,
                since_version: 1,
            });
        }
    }
    (Snapshot::build(1, chunks).unwrap(), names)
}

/// The documents of passages, best first, each once.
fn documents<'a>(passages: &[Passage], names: &'a HashMap<DocumentId, String>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for passage in passages {
        let name = names[&passage.document].as_str();
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn ndcg(found: &[&str], relevant: &HashSet<String>) -> f64 {
    let gain = |i: usize| 1.0 / ((i + 2) as f64).log2();
    let reached: f64 = found
        .iter()
        .take(10)
        .enumerate()
        .filter(|(_, d)| relevant.contains(**d))
        .map(|(i, _)| gain(i))
        .sum();
    reached / (0..relevant.len().min(10)).map(gain).sum::<f64>()
}

#[test]
#[ignore = "slow, and needs data that is not in the repository"]
fn measure_retrieval() {
    println!(
        "{:10} {:>8} {:>8} {:>8} {:>9}",
        "set", "nDCG@10", "R@5", "chunks", "KiB"
    );
    for name in [
        "scifact", "squad2", "xquad-en", "xquad-de", "xquad-ru", "xquad-zh",
    ] {
        let Some(set) = load(name) else { continue };
        let (snapshot, names) = snapshot(set.documents.iter());
        let (mut gain, mut recall, mut count) = (0.0, 0.0, 0.0);
        for query in set
            .queries
            .iter()
            .filter(|query| set.relevant.contains_key(&query.id))
        {
            let relevant = &set.relevant[&query.id];
            let passages = snapshot.search(&query.text, 30).unwrap();
            let found = documents(&passages, &names);
            gain += ndcg(&found, relevant);
            recall += found.iter().take(5).filter(|d| relevant.contains(**d)).count() as f64
                / relevant.len() as f64;
            count += 1.0;
        }
        println!(
            "{name:10} {:8.4} {:8.4} {:8} {:9}",
            gain / count,
            recall / count,
            snapshot.len(),
            snapshot.bytes() / 1024
        );
    }
}

/// Area under the curve: how often a question with an answer gets a higher value than one without.
fn auc(with: &[f32], without: &[f32]) -> f64 {
    let mut without = without.to_vec();
    without.sort_by(f32::total_cmp);
    let better: usize = with
        .iter()
        .map(|value| {
            without.partition_point(|other| other < value) + without.partition_point(|other| other <= value)
        })
        .sum();
    better as f64 / 2.0 / (with.len() * without.len()) as f64
}

/// Of those without an answer, the share that is answered when 94 of 100 with one are.
fn false_answers(with: &[f32], without: &[f32]) -> f64 {
    let mut with = with.to_vec();
    with.sort_by(f32::total_cmp);
    let threshold = with[with.len() * 6 / 100];
    without.iter().filter(|value| **value >= threshold).count() as f64 / without.len() as f64
}

fn report(what: &str, with: &[f32], without: &[f32]) {
    let passing = |values: &[f32]| {
        values.iter().filter(|value| **value >= DEFAULT_THRESHOLD).count() as f64 / values.len() as f64
    };
    println!(
        "{what:34} AUC {:.4}; at 94 % answered {:4.1} % false; at the default {:4.1} % answered, {:4.1} % false",
        auc(with, without),
        100.0 * false_answers(with, without),
        100.0 * passing(with),
        100.0 * passing(without),
    );
}

fn sure(snapshot: &Snapshot, question: &str) -> f32 {
    confidence(&snapshot.search(question, 6).unwrap()).value
}

/// Whether the sentence that would be quoted comes from the right document and holds the answer.
fn quoted_right(
    passages: &[Passage],
    names: &HashMap<DocumentId, String>,
    query: &Query,
    right: &HashSet<String>,
) -> bool {
    passages
        .iter()
        .max_by(|a, b| a.quote_score.total_cmp(&b.quote_score))
        .is_some_and(|passage| {
            right.contains(&names[&passage.document])
                && query
                    .answers
                    .iter()
                    .any(|answer| passage.quoted().contains(answer))
        })
}

#[test]
#[ignore = "slow, and needs data that is not in the repository"]
fn measure_quotes() {
    for name in ["squad2", "xquad-en", "xquad-de", "xquad-ru", "xquad-zh"] {
        let Some(set) = load(name) else { continue };
        let (snapshot, names) = snapshot(set.documents.iter());
        let answerable: Vec<_> = set.queries.iter().filter(|query| query.answerable).collect();
        let (mut right, mut length) = (0, 0);
        for query in &answerable {
            let passages = snapshot.search(&query.text, 6).unwrap();
            right += usize::from(quoted_right(&passages, &names, query, &set.relevant[&query.id]));
            length += passages
                .first()
                .map_or(0, |passage| passage.quoted().chars().count());
        }
        println!(
            "{name:10} right sentence and right source {:.1} % of {}, {} characters on average",
            100.0 * right as f64 / answerable.len() as f64,
            answerable.len(),
            length / answerable.len()
        );
    }
}

#[test]
#[ignore = "slow, and needs data that is not in the repository"]
fn measure_refusal() {
    let Some(set) = load("squad2") else { return };
    let article: HashMap<&str, &str> = set
        .documents
        .iter()
        .map(|d| (d.0.as_str(), d.1.as_str()))
        .collect();
    let mut articles: Vec<&str> = set.documents.iter().map(|d| d.1.as_str()).collect();
    articles.dedup();
    let (all, names) = snapshot(set.documents.iter());
    let of = |chosen: &dyn Fn(&str) -> bool| snapshot(set.documents.iter().filter(|d| chosen(&d.1))).0;
    let only: Vec<Snapshot> = articles.iter().map(|one| of(&|a| a == *one)).collect();
    let without: Vec<Snapshot> = articles.iter().map(|one| of(&|a| a != *one)).collect();

    let (mut known, mut missing_article, mut missing_paragraph, mut adversarial) =
        (vec![], vec![], vec![], vec![]);
    let (mut on_subject, mut off_subject) = (vec![], vec![]);
    for (i, query) in set.queries.iter().enumerate() {
        let passages = all.search(&query.text, 12).unwrap();
        let value = confidence(&passages).value;
        if !query.answerable {
            adversarial.push(value);
            continue;
        }
        known.push(value);
        let right = &set.relevant[&query.id];
        let at = articles
            .iter()
            .position(|a| right.iter().any(|d| article[d.as_str()] == *a))
            .unwrap();
        missing_article.push(sure(&without[at], &query.text));
        on_subject.push(sure(&only[at], &query.text));
        off_subject.push(sure(
            &only[(at + 1 + i % (articles.len() - 1)) % articles.len()],
            &query.text,
        ));
        let others: Vec<Passage> = passages
            .into_iter()
            .filter(|p| !right.contains(&names[&p.document]))
            .collect();
        missing_paragraph.push(confidence(&others).value);
    }
    report("squad2: off the one subject", &on_subject, &off_subject);
    report("squad2: article missing", &known, &missing_article);
    report("squad2: paragraph missing", &known, &missing_paragraph);
    report("squad2: adversarial", &known, &adversarial);
}

/// One pair for each intent, the first ten ways to ask it are asked; and what belongs to no intent.
#[test]
#[ignore = "slow, and needs data that is not in the repository"]
fn measure_pairs() {
    let Some(file) = folder("clinc150").map(|folder| folder.join("data.json")) else {
        return;
    };
    let data: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let texts = |part: &str| -> Vec<(String, String)> {
        let rows = data[part].as_array().unwrap().iter();
        rows.map(|row| {
            (
                row[0].as_str().unwrap().to_owned(),
                row[1].as_str().unwrap().to_owned(),
            )
        })
        .collect()
    };
    for examples in [1, 5] {
        let mut given: HashMap<String, usize> = HashMap::new();
        let mut chunks = Vec::new();
        for (question, intent) in texts("train") {
            let count = given.entry(intent.clone()).or_default();
            *count += 1;
            if *count <= examples {
                let piece = split::pair(&question, &intent).unwrap();
                chunks.push(Chunk {
                    id: ChunkId::new(),
                    document: DocumentId::new(),
                    title: String::new(),
                    url: None,
                    heading: String::new(),
                    question: piece.question,
                    text: piece.text,
                    since_version: 1,
                });
            }
        }
        let snapshot = Snapshot::build(1, chunks).unwrap();
        let (mut right, mut inside, mut outside) = (0, vec![], vec![]);
        for (question, intent) in texts("test") {
            let passages = snapshot.search(&question, 6).unwrap();
            let best = passages
                .iter()
                .max_by(|a, b| a.quote_score.total_cmp(&b.quote_score));
            right += usize::from(best.is_some_and(|passage| passage.text == intent));
            inside.push(confidence(&passages).value);
        }
        outside.extend(
            texts("oos_test")
                .iter()
                .map(|(question, _)| sure(&snapshot, question)),
        );
        println!(
            "clinc150, {examples} ways a pair: right pair {:.1} %",
            100.0 * right as f64 / inside.len() as f64
        );
        report("clinc150: out of scope", &inside, &outside);
    }
}

/// What a thousand small chatbots take in truth, beside what their snapshots say.
#[test]
#[ignore = "slow, and measures the whole process"]
fn measure_memory() {
    let resident = || {
        let pages: usize = fs::read_to_string("/proc/self/statm")
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        pages * 4096
    };
    let documents: Vec<_> = (0..8)
        .map(|i| {
            (
                i.to_string(),
                format!("Part {i}"),
                format!("The hammer number {i} is kept in drawer {}. ", i * 7).repeat(15),
            )
        })
        .collect();
    let warm_up = snapshot(documents.iter()).0;
    let before = resident();
    let all: Vec<Snapshot> = (0..1000).map(|_| snapshot(documents.iter()).0).collect();
    let said: usize = all.iter().map(Snapshot::bytes).sum();
    println!(
        "1000 chatbots of {} passages: {} KiB each, said {} KiB each",
        warm_up.len(),
        (resident() - before) / 1024 / 1000,
        said / 1024 / 1000
    );
}
