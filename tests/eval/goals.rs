//! What was set out to be reached, beside what was.

use crate::{metrics::Mean, retrieval::Figures};
use anyhow::{Context, Result};
use std::{collections::BTreeMap, fs, path::Path};

/// nDCG@10 of other ways on the same sets, whole documents: BM25, the model alone, reciprocal-rank fusion, weighted sum.
const BASELINES: [(&str, [f64; 4]); 6] = [
    ("scifact", [0.679, 0.645, 0.715, 0.731]),
    ("squad2", [0.891, 0.803, 0.887, 0.913]),
    ("xquad-en", [0.963, 0.943, 0.971, 0.978]),
    ("xquad-de", [0.939, 0.704, 0.859, 0.930]),
    ("xquad-ru", [0.954, 0.217, 0.557, 0.876]),
    ("xquad-zh", [0.963, 0.243, 0.609, 0.898]),
];

/// Whether words alone were searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lexical {
    Yes,
    No,
}

/// The table at the end.
#[derive(Default)]
pub struct Goals(Vec<Goal>);

struct Goal {
    name: String,
    baseline: String,
    target: String,
    reached: f64,
    met: bool,
    higher_is_better: bool,
}

/// What a figure may be worse by than in the committed run: less is chance and rounding.
const TOLERANCE: f64 = 0.01;

impl Goals {
    fn at_least(&mut self, name: impl Into<String>, baseline: impl Into<String>, target: f64, reached: f64) {
        self.0.push(Goal {
            name: name.into(),
            baseline: baseline.into(),
            target: format!("≥ {target:.3}"),
            reached,
            met: reached >= target,
            higher_is_better: true,
        });
    }

    fn at_most(&mut self, name: impl Into<String>, baseline: impl Into<String>, target: f64, reached: f64) {
        self.0.push(Goal {
            name: name.into(),
            baseline: baseline.into(),
            target: format!("≤ {target:.3}"),
            reached,
            met: reached <= target,
            higher_is_better: false,
        });
    }

    /// Figures of one set. `words`: those of the same set by words alone.
    pub fn retrieval(&mut self, set: &str, lexical: Lexical, figures: &Figures, words: Option<&Figures>) {
        let Some((_, [bm25, dense, fused, sum])) = BASELINES.iter().find(|(name, _)| *name == set) else {
            return;
        };
        let ndcg = figures.ndcg.value;
        if lexical == Lexical::Yes {
            let target = if set == "scifact" {
                0.675
            } else if set == "squad2" {
                0.88
            } else {
                0.93
            };
            self.at_least(
                format!("{set} nDCG@10, words"),
                format!("BM25 {bm25}"),
                target,
                ndcg,
            );
            return;
        }
        let baseline = format!("model {dense}, RRF {fused}, sum {sum}");
        match set {
            "scifact" => self.at_least("scifact nDCG@10, with meaning", baseline, 0.73, ndcg),
            "squad2" => {
                self.at_least("squad2 nDCG@10, with meaning", baseline, 0.91, ndcg);
                self.at_least(
                    "squad2 Recall@5, with meaning",
                    "sum 0.968",
                    0.965,
                    figures.recall.value,
                );
            }
            _ => {}
        }
        if let Some(words) = words {
            let lost = words.ndcg.value - ndcg;
            self.at_most(
                format!("{set} nDCG@10 lost to meaning"),
                format!("sum {sum}"),
                0.005,
                lost,
            );
        }
    }

    /// nDCG@10 when each article is one file, and when each paragraph is.
    pub fn splitting(&mut self, set: &str, reached: f64, whole: f64) {
        self.at_most(
            format!("{set} nDCG@10 lost to splitting"),
            format!("paragraphs {whole:.3}"),
            0.01,
            whole - reached,
        );
    }

    /// nDCG@10 through the API of a running BotSmith, and of its pieces.
    pub fn product(&mut self, set: &str, product: f64, pieces: f64) {
        self.at_most(
            format!("{set} nDCG@10 of the product, off its pieces"),
            format!("pieces {pieces:.3}"),
            0.01,
            (pieces - product).abs(),
        );
    }

    /// Extractive answers.
    pub fn quotes(&mut self, set: &str, right: &Mean, context: &Mean) {
        if set == "squad2" {
            self.at_least(
                "squad2 right sentence and source",
                "cosine + BM25 0.734",
                0.74,
                right.value,
            );
            self.at_least("squad2 answer in five passages", "0.965", 0.97, context.value);
        }
    }

    /// One kind of question that cannot be answered.
    pub fn refusal(&mut self, case: &str, area: f64, answered: f64, wrong: f64) {
        let (baseline, target) = match case {
            "squad2: off the one subject" => ("five signals 0.990", 0.985),
            "squad2: article missing" => ("five signals 0.989", 0.985),
            "squad2: paragraph missing" => ("one cosine 0.834", 0.83),
            _ => return,
        };
        self.at_least(format!("{case}, AUC"), baseline, target, area);
        if target > 0.9 {
            self.at_most(format!("{case}, false answers"), "", 0.05, wrong);
            self.at_least(format!("{case}, answered"), "", 0.94, answered);
        }
    }

    /// Says what is worse than in the committed run; `true` when nothing is. What was not measured now is not compared.
    pub fn holds(&self, baseline: &Path) -> Result<bool> {
        let text = fs::read_to_string(baseline).with_context(|| baseline.display().to_string())?;
        let before: BTreeMap<String, f64> = serde_json::from_str(&text)?;
        let mut holds = true;
        for goal in &self.0 {
            let Some(before) = before.get(&goal.name) else {
                println!("{} is not in {}", goal.name, baseline.display());
                continue;
            };
            let worse = if goal.higher_is_better {
                before - goal.reached
            } else {
                goal.reached - before
            };
            if worse > TOLERANCE {
                holds = false;
                println!("WORSE: {} was {before:.3} and is {:.3}", goal.name, goal.reached);
            }
        }
        Ok(holds)
    }

    /// Keeps these figures for later runs to be compared with.
    pub fn keep(&self, baseline: &Path) -> Result<()> {
        let figures: BTreeMap<&str, f64> = self
            .0
            .iter()
            .map(|goal| (goal.name.as_str(), (goal.reached * 1e4).round() / 1e4))
            .collect();
        fs::write(baseline, serde_json::to_string_pretty(&figures)? + "\n")?;
        Ok(())
    }

    /// Prints the table; `true` when everything was reached.
    pub fn print(&self) -> bool {
        println!("\n| goal | baseline | target | reached | |\n| --- | --- | --- | --- | --- |");
        for goal in &self.0 {
            println!(
                "| {} | {} | {} | {:.3} | {} |",
                goal.name,
                goal.baseline,
                goal.target,
                goal.reached,
                if goal.met { "met" } else { "**missed**" }
            );
        }
        self.0.iter().all(|goal| goal.met)
    }
}
