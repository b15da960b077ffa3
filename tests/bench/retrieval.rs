//! How fast knowledge is searched, in how much memory, and what quantised vectors lose.
//!
//! The passages are made up: words drawn as languages draw them (the n-th word 1/n as often as the first), vectors in
//! clusters; what is embedded is English, as a made-up word costs the model as much as three that it knows. Beside each time stands what this machine needs at least: reading the vectors once, or multiplying them as
//! plain floats.

use crate::{
    Effort,
    table::{Table, ms},
};
use domain::{ChunkId, DocumentId};
use embedder::Embedder;
use knowledge::{Embeddings, Snapshot, to_embed};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    hint::black_box,
    path::PathBuf,
    time::{Duration, Instant},
};
use store::chunks::Chunk;
use whole_product::load::quantile;

const DIMENSIONS: usize = 384;
const WORDS: usize = 20_000;
/// Of a passage: about 600 characters.
const LENGTH: usize = 90;
const CLUSTERS: usize = 200;
/// Passages of which the ten nearest are compared.
const COMPARED: usize = 2_000;

/// Some thousand words, to be embedded.
const ENGLISH: &str = include_str!("../../README.md");

const GOAL_SMALL: &str = "5 ms";
const GOAL_LARGE: &str = "15 ms";
const GOAL_READY: &str = "3";
const GOAL_BYTES: &str = "1000";
const GOAL_RECALL: &str = "0.99";
const GOAL_QUESTION: &str = "15 ms";

struct Made {
    chance: StdRng,
    words: Vec<String>,
    /// The sum of 1/n up to each word.
    shares: Vec<f64>,
    clusters: Vec<Vec<f32>>,
}

impl Made {
    fn new() -> Self {
        let mut chance = StdRng::seed_from_u64(7);
        let words = (0..WORDS)
            .map(|_| {
                let length = chance.random_range(3..10);
                (0..length)
                    .map(|_| char::from(chance.random_range(b'a'..=b'z')))
                    .collect()
            })
            .collect();
        let mut sum = 0.0;
        let shares = (1..=WORDS)
            .map(|n| {
                sum += 1.0 / n as f64;
                sum
            })
            .collect();
        let mut made = Self {
            chance,
            words,
            shares,
            clusters: Vec::new(),
        };
        made.clusters = (0..CLUSTERS).map(|_| made.around(None)).collect();
        made
    }

    fn text(&mut self, words: usize) -> String {
        let all = self.shares.last().copied().unwrap_or_default();
        let drawn: Vec<&str> = (0..words)
            .map(|_| {
                let at = self.chance.random_range(0.0..all);
                self.words[self.shares.partition_point(|sum| *sum < at).min(WORDS - 1)].as_str()
            })
            .collect();
        drawn.join(" ") + "."
    }

    /// A vector of length 1, near this one.
    fn around(&mut self, centre: Option<&[f32]>) -> Vec<f32> {
        let mut vector: Vec<f32> = (0..DIMENSIONS)
            .map(|i| {
                let noise: f32 = (0..3).map(|_| self.chance.random_range(-0.5..0.5f32)).sum();
                noise + centre.map_or(0.0, |centre| 12.0 * centre[i])
            })
            .collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
        vector
    }

    fn vector(&mut self) -> Vec<f32> {
        let cluster = self.clusters[self.chance.random_range(0..CLUSTERS)].clone();
        self.around(Some(&cluster))
    }

    fn chunk(&mut self) -> Chunk {
        Chunk {
            id: ChunkId::new(),
            document: DocumentId::new(),
            title: "Manual".to_owned(),
            url: None,
            heading: String::new(),
            question: None,
            text: self.text(LENGTH),
            since_version: 1,
        }
    }
}

pub async fn run(effort: Effort) -> anyhow::Result<()> {
    let mut made = Made::new();
    let mut table = Table::new(&[
        "passages",
        "search p50 ms",
        "p95 ms",
        "goal p95",
        "reading the vectors ms",
        "ready after s",
        "goal",
        "bytes a passage",
        "of it text",
        "goal",
    ]);
    for (count, goal) in [(1_000, GOAL_SMALL), (100_000, GOAL_LARGE)] {
        let chunks: Vec<Chunk> = (0..count).map(|_| made.chunk()).collect();
        let texts: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();
        let vectors = chunks.iter().map(|chunk| (chunk.id, made.vector())).collect();
        let embeddings = Embeddings {
            english_only: false,
            vectors,
        };
        let bytes: Vec<i8> = vec![1; count * DIMENSIONS];
        let began = Instant::now();
        let snapshot = Snapshot::with_embeddings(1, chunks, &embeddings)?;
        let ready = began.elapsed();
        drop(embeddings);
        let mut times = Vec::new();
        for _ in 0..200 * effort.rounds {
            let (question, vector) = (made.text(8), made.vector());
            let began = Instant::now();
            black_box(snapshot.find(&question, Some(&vector), 6)?.passages.len());
            times.push(began.elapsed());
        }
        times.sort();
        let least = least(|| {
            black_box(bytes.iter().map(|x| i64::from(*x)).sum::<i64>());
        });
        table.row(vec![
            count.to_string(),
            ms(quantile(&times, 0.5)),
            ms(quantile(&times, 0.95)),
            goal.to_owned(),
            format!("{:.2}", least.as_secs_f64() * 1e3),
            format!("{:.2}", ready.as_secs_f64()),
            GOAL_READY.to_owned(),
            (snapshot.bytes() / count).to_string(),
            (texts / count).to_string(),
            GOAL_BYTES.to_owned(),
        ]);
    }
    table.print("Searching knowledge by words and meaning");
    println!(
        "ten nearest of {COMPARED} that are the full vectors': {:.4} (goal {GOAL_RECALL})",
        recall(&mut made)?
    );
    embedding().await
}

/// The shortest of several runs.
fn least(mut work: impl FnMut()) -> Duration {
    let times = (0..7).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed()
    });
    times.min().unwrap_or_default()
}

/// The share of the ten nearest, by the full vectors, that the search finds.
fn recall(made: &mut Made) -> anyhow::Result<f64> {
    let chunks: Vec<Chunk> = (0..COMPARED).map(|_| made.chunk()).collect();
    let all: Vec<(ChunkId, Vec<f32>)> = chunks.iter().map(|chunk| (chunk.id, made.vector())).collect();
    let embeddings = Embeddings {
        english_only: false,
        vectors: all.iter().cloned().collect(),
    };
    let snapshot = Snapshot::with_embeddings(1, chunks, &embeddings)?;
    let (mut found, mut wanted) = (0, 0);
    for _ in 0..100 {
        let question = made.vector();
        let mut exact: Vec<(f32, ChunkId)> = all
            .iter()
            .map(|(id, vector)| (vector.iter().zip(&question).map(|(a, b)| a * b).sum(), *id))
            .collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0));
        // A word that stands nowhere: meaning alone decides.
        let passages = snapshot.find("0", Some(&question), 10)?.passages;
        wanted += 10;
        found += exact[..10]
            .iter()
            .filter(|(_, id)| passages.iter().any(|passage| passage.chunk == *id))
            .count();
    }
    Ok(f64::from(found as u32) / f64::from(wanted))
}

/// What the model in this process takes for a question, and for passages.
async fn embedding() -> anyhow::Result<()> {
    let folder = std::env::var_os("BOTSMITH_WEIGHTS")
        .map(PathBuf::from)
        .unwrap_or_default();
    let began = Instant::now();
    let model = match Embedder::local(&folder)? {
        Ok(model) => model,
        Err(missing) => {
            println!("embedding was not measured: {missing}\n");
            return Ok(());
        }
    };
    let loaded = began.elapsed();
    let words: Vec<&str> = ENGLISH
        .split_whitespace()
        .filter(|word| word.len() > 1 && word.chars().all(char::is_alphabetic))
        .collect();
    // Of as many words as wanted, each from its own place.
    let english = |words_of_each: usize, count: usize| -> Vec<String> {
        let step = (words.len() - words_of_each) / count;
        (0..count)
            .map(|i| words[i * step..i * step + words_of_each].join(" "))
            .collect()
    };
    let mut times = Vec::new();
    for question in english(9, 50) {
        let began = Instant::now();
        black_box(model.embed(&[&question]).await?.len());
        times.push(began.elapsed());
    }
    times.sort();
    let passages: Vec<String> = english(LENGTH, 64)
        .iter()
        .map(|text| to_embed("Manual", "", None, text))
        .collect();
    let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
    let began = Instant::now();
    model.embed(&passages).await?;
    let took = began.elapsed();
    let mut table = Table::new(&["what", "measured", "goal"]);
    table.row(vec![
        "a question, p50 and p95 ms".to_owned(),
        format!("{} and {}", ms(quantile(&times, 0.5)), ms(quantile(&times, 0.95))),
        GOAL_QUESTION.to_owned(),
    ]);
    table.row(vec![
        "passages a second".to_owned(),
        format!("{:.0}", passages.len() as f64 / took.as_secs_f64()),
        "20".to_owned(),
    ]);
    table.row(vec![
        "reading the model, s".to_owned(),
        format!("{:.2}", loaded.as_secs_f64()),
        "1".to_owned(),
    ]);
    table.print("Embedding in this process");
    Ok(())
}
