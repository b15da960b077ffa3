//! `make eval`: how well BotSmith finds and answers, on public question sets, through its own pieces.
//!
//! Method. Every document is cut, kept and searched as an owner's text would be; every question of a set is asked, none is
//! tuned on but squad2's. Means stand with their 95 % bootstrap interval over the questions. Baselines are whole documents
//! in other tools: Lucene's BM25, the same embedding model, reciprocal-rank fusion (k = 60), and a weighted sum (0.5).
//! Vectors are computed once and kept under `target/eval`. That the product finds what its pieces find is measured on squad2,
//! through the API of a running BotSmith.

mod answers;
mod bot;
mod goals;
mod metrics;
mod product;
mod retrieval;
mod sets;
mod vectors;

use anyhow::{Result, bail};
use clap::Parser;
use embedder::Embedder;
use goals::Goals;
use std::path::PathBuf;
use vectors::Vectors;

/// Measures retrieval, answers and refusal.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with the question sets
    #[arg(long, env = "BOTSMITH_EVAL_SETS")]
    sets: PathBuf,
    /// The folder with the embedding model
    #[arg(long, env = "BOTSMITH_WEIGHTS")]
    weights: PathBuf,
    /// Where computed vectors are kept
    #[arg(long, default_value = "target/eval")]
    kept: PathBuf,
    /// By words alone, as if there were no embedding model
    #[arg(long)]
    words_only: bool,
    /// Without starting BotSmith and asking it the same
    #[arg(long)]
    pieces_only: bool,
    /// Only these sets
    #[arg(long)]
    only: Vec<String>,
    /// The figures of the committed run: one that is worse by more than 0.01 is a failure
    #[arg(long, default_value = "tests/eval/baseline.json")]
    baseline: PathBuf,
    /// Writes this run's figures there instead of comparing
    #[arg(long)]
    keep_baseline: bool,
    /// Writes what was seen of every question and sentence into this folder, for fitting the weights anew
    #[arg(long)]
    fitting: Option<PathBuf>,
}

const SETS: [&str; 6] = [
    "scifact", "squad2", "xquad-en", "xquad-de", "xquad-ru", "xquad-zh",
];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if !arguments.sets.is_dir() {
        println!(
            "skipped: there are no question sets in {}",
            arguments.sets.display()
        );
        return Ok(());
    }
    let mut vectors = if arguments.words_only {
        None
    } else {
        match Embedder::local(&arguments.weights)? {
            Ok(embedder) => Some(Vectors::open(embedder, &arguments.kept)?),
            Err(missing) => {
                println!("by words alone: {missing}");
                None
            }
        }
    };
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let fitting = arguments.fitting.as_deref();
    let mut goals = Goals::default();
    for name in SETS.into_iter().filter(|name| wanted(name)) {
        let Some(set) = sets::load(&arguments.sets, name)? else {
            continue;
        };
        let prepared = retrieval::prepare(&set, &mut vectors).await?;
        let ndcg = retrieval::measure(&prepared, vectors.as_ref(), &mut goals)?;
        if name == "scifact" {
            continue;
        }
        answers::quotes(&prepared, &mut vectors, fitting, &mut goals).await?;
        if name == "squad2" {
            retrieval::splitting(&set, &mut vectors, ndcg, &mut goals).await?;
            answers::refusal(&prepared, &mut vectors, fitting, &mut goals).await?;
            if !arguments.pieces_only {
                product::measure(&prepared, vectors.as_ref(), &arguments.weights, &mut goals).await?;
            }
        }
    }
    if wanted("clinc150")
        && let Some(parts) = sets::clinc(&arguments.sets)?
    {
        answers::pairs(&parts, &mut vectors, &mut goals).await?;
    }
    let reached = goals.print();
    if arguments.keep_baseline {
        goals.keep(&arguments.baseline)?;
    } else if !arguments.baseline.is_file() {
        println!(
            "nothing to compare with: {} is missing (--keep-baseline writes it)",
            arguments.baseline.display()
        );
    } else if vectors.is_some() && !goals.holds(&arguments.baseline)? {
        bail!(
            "worse than the run whose figures are in {}",
            arguments.baseline.display()
        );
    }
    if !reached {
        bail!("not every goal was reached");
    }
    Ok(())
}
