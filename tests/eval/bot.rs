//! A chatbot's knowledge, made and asked as the product does: cut, put in a snapshot, searched.

use crate::{sets::Document, vectors::Vectors};
use anyhow::Result;
use domain::{ChunkId, DocumentId, Passage};
use knowledge::{Embeddings, Found, Snapshot, split, to_embed};
use std::collections::HashMap;
use store::chunks::Chunk;

/// How many sentences are looked at more closely, as the product does.
pub const SENTENCES: usize = 12;

/// What one chatbot knows.
pub struct Bot {
    pub snapshot: Snapshot,
    /// The document's name in its set.
    names: HashMap<DocumentId, String>,
}

/// The passages of a document, as an owner's text would be cut.
pub fn cut(document: &Document) -> Vec<Chunk> {
    let id = DocumentId::new();
    split::text(&document.text)
        .into_iter()
        .map(|piece| chunk(id, &document.title, piece))
        .collect()
}

/// A passage.
pub fn chunk(document: DocumentId, title: &str, piece: split::Piece) -> Chunk {
    Chunk {
        id: ChunkId::new(),
        document,
        title: title.to_owned(),
        url: None,
        heading: piece.heading,
        question: piece.question,
        text: piece.text,
        since_version: 1,
    }
}

/// What a passage's vector is made of.
pub fn text_of(chunk: &Chunk) -> String {
    to_embed(
        &chunk.title,
        &chunk.heading,
        chunk.question.as_deref(),
        &chunk.text,
    )
}

impl Bot {
    /// Knows these passages, each with the name of its document. Their vectors have been learned.
    pub fn new(passages: &[(&str, Chunk)], vectors: Option<&Vectors>) -> Result<Self> {
        let mut embeddings = Embeddings::default();
        if let Some(vectors) = vectors {
            embeddings.english_only = vectors.english_only();
            for (_, chunk) in passages {
                if let Some(vector) = vectors.of(&text_of(chunk)) {
                    embeddings.vectors.insert(chunk.id, vector.to_vec());
                }
            }
        }
        let names = passages
            .iter()
            .map(|(name, chunk)| (chunk.document, (*name).to_owned()))
            .collect();
        let chunks = passages.iter().map(|(_, chunk)| chunk.clone()).collect();
        Ok(Self {
            snapshot: Snapshot::with_embeddings(1, chunks, &embeddings)?,
            names,
        })
    }

    /// The name of a passage's document.
    pub fn name(&self, passage: &Passage) -> &str {
        self.names.get(&passage.document).map_or("", String::as_str)
    }

    /// The names of the documents of passages, best first, each once.
    pub fn documents(&self, passages: &[Passage]) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for passage in passages {
            let name = self.name(passage);
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }

    /// Searches; the question's vector has been learned.
    pub fn search(&self, question: &str, k: usize, vectors: Option<&Vectors>) -> Result<Found> {
        let vector = vectors.and_then(|vectors| vectors.of(question));
        Ok(self.snapshot.find(question, vector, k)?)
    }
}

/// Looks closer at the sentences of every search, as the product does for every answer.
pub async fn look_closer(
    vectors: &mut Option<Vectors>,
    what: &str,
    found: &mut [(&str, Found)],
) -> Result<()> {
    let Some(vectors) = vectors else {
        return Ok(());
    };
    let mut texts = Vec::with_capacity(found.len());
    for (_, found) in found.iter_mut() {
        // Only where meanings were compared at all.
        let compared = found.passages.first().is_some_and(|p| p.signals.cosine.is_some());
        texts.push(if compared {
            found.to_look_at(SENTENCES)
        } else {
            Vec::new()
        });
    }
    vectors
        .learn(
            &format!("{what}, sentences"),
            texts.iter().flatten().map(String::as_str),
        )
        .await?;
    for ((question, found), texts) in found.iter_mut().zip(&texts) {
        let sentences: Vec<Vec<f32>> = texts
            .iter()
            .filter_map(|text| Some(vectors.of(text)?.to_vec()))
            .collect();
        if let Some(question) = vectors.of(question)
            && !texts.is_empty()
        {
            found.look_closer(question, &sentences);
        }
    }
    Ok(())
}

/// What would be quoted.
pub fn quoted(passages: &[Passage]) -> Option<&Passage> {
    passages
        .iter()
        .max_by(|a, b| a.quote_score.total_cmp(&b.quote_score))
}
