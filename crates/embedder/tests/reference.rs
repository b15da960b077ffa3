//! The vectors are those of the model's own library: tests/fixtures/reference.json says which made them.
//! Skipped where the weights are absent: `deploy/dev/weights.sh` fetches them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use embedder::{DIMENSIONS, Embedder};
use serde_json::Value;
use std::{env, path::PathBuf};

fn embedder() -> Option<Embedder> {
    let cache = || {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
        Some(cache.join("botsmith/all-MiniLM-L6-v2"))
    };
    let folder = env::var_os("BOTSMITH_WEIGHTS")
        .map(PathBuf::from)
        .or_else(cache)?;
    match Embedder::local(&folder).unwrap() {
        Ok(embedder) => Some(embedder),
        Err(missing) => {
            println!("skipped: {missing}");
            None
        }
    }
}

#[tokio::test]
async fn vectors_are_those_of_the_models_own_library() {
    let Some(embedder) = embedder() else { return };
    let reference: Value = serde_json::from_str(include_str!("fixtures/reference.json")).unwrap();
    let entries = reference["texts"].as_array().unwrap();
    let texts: Vec<String> = entries
        .iter()
        .map(|entry| match entry["text"].as_str() {
            Some(text) => text.to_owned(),
            None => {
                let repeated = &entry["repeated"];
                let count = usize::try_from(repeated[1].as_u64().unwrap()).unwrap();
                repeated[0].as_str().unwrap().repeat(count)
            }
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

    let vectors = embedder.embed(&texts).await.unwrap();

    for ((entry, text), vector) in entries.iter().zip(&texts).zip(&vectors) {
        assert_eq!(vector.len(), DIMENSIONS);
        for (mine, theirs) in vector.iter().zip(entry["first"].as_array().unwrap()) {
            let difference = f64::from(*mine) - theirs.as_f64().unwrap();
            assert!(difference.abs() < 1e-4, "{text:.40}: {mine} is not {theirs}");
        }
    }
    let cosine: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
    assert!((f64::from(cosine) - reference["cosine_of_first_two"].as_f64().unwrap()).abs() < 1e-4);
}

#[tokio::test]
async fn a_text_has_the_same_vector_whatever_is_computed_beside_it() {
    let Some(embedder) = embedder() else { return };
    let long = "Anything can be sent back within 45 days, if it is not worn. ".repeat(30);
    let texts = ["Where is my parcel?", long.as_str(), "Returns"];

    let together = embedder.embed(&texts).await.unwrap();

    for (text, vector) in texts.iter().zip(&together) {
        let alone = embedder.embed(&[text]).await.unwrap();
        let difference = alone[0]
            .iter()
            .zip(vector)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(difference < 1e-5, "{text:.20}: {difference}");
    }
}
