//! The question sets, read from where they are.

use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

/// Documents, questions, and which documents answer them.
pub struct Set {
    pub name: String,
    pub documents: Vec<Document>,
    pub questions: Vec<Question>,
    pub relevant: HashMap<String, HashSet<String>>,
}

/// A document.
pub struct Document {
    pub id: String,
    /// Of squad2 and xquad: the article that the paragraph is of.
    pub title: String,
    pub text: String,
}

/// A question.
pub struct Question {
    pub id: String,
    pub text: String,
    pub answerable: bool,
    /// As the text says it.
    pub answers: Vec<String>,
}

fn lines(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect::<Result<_>>()
        .with_context(|| path.display().to_string())
}

/// Reads a set; `None`, with a word about it, where it is absent.
pub fn load(folder: &Path, name: &str) -> Result<Option<Set>> {
    let folder = folder.join(name);
    if !folder.is_dir() {
        println!("skipped: {name} is not in {}", folder.display());
        return Ok(None);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let documents = lines(&folder.join("corpus.jsonl"))?
        .iter()
        .map(|v| Document {
            id: text(&v["_id"]),
            title: text(&v["title"]),
            text: text(&v["text"]),
        })
        .collect();
    let questions = lines(&folder.join("queries.jsonl"))?
        .iter()
        .map(|v| Question {
            id: text(&v["_id"]),
            text: text(&v["text"]),
            answerable: v["answerable"].as_bool().unwrap_or(true),
            answers: v["answers"].as_array().into_iter().flatten().map(text).collect(),
        })
        .collect();
    let mut relevant: HashMap<String, HashSet<String>> = HashMap::new();
    for line in fs::read_to_string(folder.join("qrels.tsv"))?.lines().skip(1) {
        if let [question, document, degree, ..] = line.split('\t').collect::<Vec<_>>()[..]
            && degree != "0"
        {
            relevant
                .entry(question.to_owned())
                .or_default()
                .insert(document.to_owned());
        }
    }
    Ok(Some(Set {
        name: name.to_owned(),
        documents,
        questions,
        relevant,
    }))
}

/// Questions, each with its intent.
pub type Labelled = Vec<(String, String)>;

/// clinc150: what teaches, what is asked, and what belongs to no intent.
pub fn clinc(folder: &Path) -> Result<Option<[Labelled; 3]>> {
    let file = folder.join("clinc150/data.json");
    if !file.is_file() {
        println!("skipped: clinc150 is not in {}", folder.display());
        return Ok(None);
    }
    let data: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let part = |name: &str| -> Labelled {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = data[name].as_array().into_iter().flatten();
        rows.map(|row| (text(&row[0]), text(&row[1]))).collect()
    };
    Ok(Some([part("train"), part("test"), part("oos_test")]))
}
