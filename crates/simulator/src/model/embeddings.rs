//! `/v1/embeddings`: vectors that are near each other where texts have words in common, or words that mean the same.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

const DIMENSIONS: usize = 64;
/// Words that are taken for the first of their line.
const SAME: [&[&str]; 3] = [
    &["refund", "refunded", "money", "reimbursement"],
    &["ship", "shipping", "delivery", "parcel", "parcels"],
    &["holiday", "holidays", "vacation", "leave"],
];

/// Answers for any model's name.
pub(super) async fn embed(body: web::Json<Value>) -> HttpResponse {
    let texts: Vec<&str> = match &body["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if texts.is_empty() {
        let error =
            json!({"error": {"message": "'input' must hold a text", "type": "invalid_request_error"}});
        return HttpResponse::BadRequest().json(error);
    }
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}))
        .collect();
    HttpResponse::Ok().json(json!({"object": "list", "model": body["model"], "data": data}))
}

/// Each word counts in one direction.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01f32; DIMENSIONS];
    let lower = text.to_lowercase();
    for word in lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 2)
    {
        let same = SAME.iter().find(|line| line.contains(&word));
        let word = same.and_then(|line| line.first()).unwrap_or(&word);
        // FNV-1a: the same on every machine.
        let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let place = usize::try_from(hash % DIMENSIONS as u64).unwrap_or_default();
        vector[place] += 1.0;
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let (a, b) = (vector(a), vector(b));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    }

    #[test]
    fn what_means_the_same_is_near() {
        assert!(cosine("refund", "money") > 0.99);
        assert!(cosine("When do I get a refund?", "The money is paid back") > cosine("refund", "bicycle"));
    }
}
