//! Measurements on public question sets, which are not part of this repository. Slow; run by hand:
//! `cargo test -p knowledge measure -- --ignored --nocapture`.

use crate::{Snapshot, confidence, split};
use domain::{ChunkId, DocumentId, Passage};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Write,
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
    let shared = std::env::var_os("BOTSMITH_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("rag").join(set);
    if folder.join("corpus.jsonl").exists() {
        return Some(folder);
    }
    println!("skipped: {} is not there", folder.display());
    None
}

fn lines(path: PathBuf) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn load(set: &str) -> Option<Set> {
    let folder = folder(set)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let documents = lines(folder.join("corpus.jsonl"))
        .iter()
        .map(|v| (text(&v["_id"]), text(&v["title"]), text(&v["text"])))
        .collect();
    let mut relevant: HashMap<String, HashSet<String>> = HashMap::new();
    for line in fs::read_to_string(folder.join("qrels.tsv")).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields[2] != "0" {
            relevant.entry(fields[0].to_owned()).or_default().insert(fields[1].to_owned());
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
    Some(Set { documents, queries, relevant })
}

/// The documents, each cut as an owner's text would be.
fn snapshot<'a>(documents: impl Iterator<Item = &'a (String, String, String)>) -> (Snapshot, HashMap<DocumentId, String>) {
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
    let reached: f64 = found.iter().take(10).enumerate().filter(|(_, d)| relevant.contains(**d)).map(|(i, _)| gain(i)).sum();
    reached / (0..relevant.len().min(10)).map(gain).sum::<f64>()
}

#[test]
#[ignore = "slow, and needs data that is not in the repository"]
fn measure_retrieval() {
    println!("{:10} {:>8} {:>8} {:>8} {:>9}", "set", "nDCG@10", "R@5", "chunks", "KiB");
    for name in ["scifact", "squad2", "xquad-en", "xquad-de", "xquad-ru", "xquad-zh"] {
        let Some(set) = load(name) else { continue };
        let (snapshot, names) = snapshot(set.documents.iter());
        let (mut gain, mut recall, mut count) = (0.0, 0.0, 0.0);
        for query in set.queries.iter().filter(|query| set.relevant.contains_key(&query.id)) {
            let relevant = &set.relevant[&query.id];
            let passages = snapshot.search(&query.text, 30).unwrap();
            let found = documents(&passages, &names);
            gain += ndcg(&found, relevant);
            recall += found.iter().take(5).filter(|d| relevant.contains(**d)).count() as f64 / relevant.len() as f64;
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
        .map(|value| without.partition_point(|other| other < value) + without.partition_point(|other| other <= value))
        .sum();
    better as f64 / 2.0 / (with.len() * without.len()) as f64
}

#[test]
#[ignore = "throw-away"]
fn dump_features() {
    let set = load("squad2").unwrap();
    let mut out = std::io::BufWriter::new(fs::File::create("/tmp/k_conf.csv").unwrap());
    let mut quotes = std::io::BufWriter::new(fs::File::create("/tmp/k_quote.csv").unwrap());
    let (full, names) = snapshot(set.documents.iter());
    let articles: Vec<String> = {
        let mut a: Vec<String> = set.documents.iter().map(|d| d.1.clone()).collect();
        a.dedup();
        a
    };
    let without: HashMap<&String, Snapshot> =
        articles.iter().map(|a| (a, snapshot(set.documents.iter().filter(|d| &d.1 != a)).0)).collect();
    let only: HashMap<&String, Snapshot> =
        articles.iter().map(|a| (a, snapshot(set.documents.iter().filter(|d| &d.1 == a)).0)).collect();
    let title: HashMap<&String, &String> = set.documents.iter().map(|d| (&d.0, &d.1)).collect();
    let groups: Vec<(String, HashSet<String>, Snapshot)> = articles
        .iter()
        .flat_map(|a| {
            let of: Vec<_> = set.documents.iter().filter(|d| &d.1 == a).collect();
            of.chunks(4)
                .map(|c| (a.clone(), c.iter().map(|d| d.0.clone()).collect(), snapshot(c.iter().copied()).0))
                .collect::<Vec<_>>()
        })
        .collect();
    let raw = lines(folder("squad2").unwrap().join("queries.jsonl"));
    for (qi, (query, raw)) in set.queries.iter().zip(&raw).enumerate() {
        let para = raw["para"].as_str().unwrap().to_owned();
        let article = title[&para];
        let mut put = |label: &str, passages: &[Passage]| {
            let v = confidence::vector(passages);
            let v: Vec<String> = v.iter().map(f32::to_string).collect();
            writeln!(out, "{qi},{label},{},{}", article, v.join(",")).unwrap();
        };
        let passages = full.search(&query.text, 8).unwrap();
        crate::reading::SEEN.with_borrow_mut(Vec::clear);
        put(if query.answerable { "pos" } else { "adv" }, &passages);
        if query.answerable {
            put("pos_small", &only[article].search(&query.text, 8).unwrap());
            put("art", &without[article].search(&query.text, 8).unwrap());
            let other = &articles[(articles.iter().position(|a| a == article).unwrap() + 1 + qi % 15) % 16];
            put("art_small", &only[other].search(&query.text, 8).unwrap());
            let mine = groups.iter().position(|g| g.1.contains(&para)).unwrap();
            put("pos_tiny", &groups[mine].2.search(&query.text, 8).unwrap());
            let far: Vec<usize> = (0..groups.len()).filter(|g| &groups[*g].0 != article).collect();
            put("art_tiny", &groups[far[qi * 7 % far.len()]].2.search(&query.text, 8).unwrap());
            let near: Vec<usize> = (0..groups.len()).filter(|g| &groups[*g].0 == article && *g != mine).collect();
            put("para_tiny", &groups[near[qi * 7 % near.len()]].2.search(&query.text, 8).unwrap());
            let rest: Vec<Passage> = passages.iter().filter(|p| names[&p.document] != para).cloned().collect();
            put("para", &rest);
            crate::reading::SEEN.with_borrow_mut(Vec::clear);
            let passages = full.search(&query.text, 8).unwrap();
            let seen = crate::reading::SEEN.take();
            for (rank, p) in passages.iter().take(5).enumerate() {
                for (range, f) in &seen.iter().find(|s| s.0 == p.chunk).unwrap().1 {
                    let s = &p.text[range.clone()];
                    let good = names[&p.document] == para && query.answers.iter().any(|a| s.contains(a.as_str()));
                    let v: Vec<String> = crate::quote::vector(f).iter().map(f32::to_string).collect();
                    writeln!(quotes, "{qi},{rank},{},{}", u8::from(good), v.join(",")).unwrap();
                }
            }
        }
    }
    let _ = auc(&[1.0], &[0.0]);
}
