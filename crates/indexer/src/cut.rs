//! From what was read to documents cut into passages. All of it takes processor time.

use extract::{Document, Extraction, Refused};
use knowledge::split::{self, Piece};
use store::{chunks::NewChunk, sources::NewDocument};

/// Why a source has no passages, for its owner.
pub(crate) const NO_TEXT: &str = "there is no text in it";

/// A text as a document; `None` when there is nothing to be found in it.
pub(crate) fn text(title: &str, text: &str) -> Option<NewDocument> {
    document(title, split::text(text), text.chars().count())
}

/// Questions with answers as a document.
pub(crate) fn pairs<'a>(title: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<NewDocument> {
    let pieces: Vec<Piece> = pairs
        .filter_map(|(question, answer)| split::pair(question, answer))
        .collect();
    let characters = pieces.iter().map(|piece| piece.text.chars().count()).sum();
    document(title, pieces, characters)
}

/// Everything that was read out of a file. What cannot be read is there with its reason. The only document of a file
/// bears the source's title, that of one among many its own.
pub(crate) fn extraction(title: &str, extraction: Extraction) -> Vec<NewDocument> {
    let alone = extraction.documents.len() + extraction.refused.len() == 1;
    let mut documents: Vec<NewDocument> = extraction
        .documents
        .into_iter()
        .map(|read| {
            let title = if alone {
                title.to_owned()
            } else {
                read.title.clone().unwrap_or_else(|| read.name.clone())
            };
            one(&title, &read).unwrap_or_else(|| refused(&title, NO_TEXT))
        })
        .collect();
    documents.extend(
        extraction
            .refused
            .iter()
            .map(|Refused { name, reason }| refused(name, reason)),
    );
    documents
}

/// One document of a file, or a page.
pub(crate) fn one(title: &str, read: &Document) -> Option<NewDocument> {
    let cut = if read.pairs.is_empty() {
        text(title, &read.text)
    } else {
        let each = read.pairs.iter();
        pairs(
            title,
            each.map(|pair| (pair.question.as_str(), pair.answer.as_str())),
        )
    };
    cut.map(|document| NewDocument {
        unreadable_pages: i32::try_from(read.unreadable_pages).unwrap_or(i32::MAX),
        ..document
    })
}

fn document(title: &str, pieces: Vec<Piece>, characters: usize) -> Option<NewDocument> {
    if pieces.is_empty() {
        return None;
    }
    Some(NewDocument {
        title: title.to_owned(),
        url: None,
        characters: i32::try_from(characters).unwrap_or(i32::MAX),
        error: None,
        unreadable_pages: 0,
        content_hash: split::content_hash(&pieces),
        chunks: pieces
            .into_iter()
            .map(|piece| NewChunk {
                heading: piece.heading,
                question: piece.question,
                text: piece.text,
            })
            .collect(),
    })
}

fn refused(title: &str, reason: &str) -> NewDocument {
    NewDocument {
        title: title.to_owned(),
        url: None,
        characters: 0,
        error: Some(reason.to_owned()),
        unreadable_pages: 0,
        content_hash: split::content_hash(&[]),
        chunks: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_is_one_passage() {
        let given = [
            ("Open?", "Nine to five."),
            ("", "Lost."),
            ("Where?", "Main Street 1."),
        ];

        let document = pairs("Questions", given.into_iter()).unwrap();

        let found: Vec<_> = document
            .chunks
            .iter()
            .map(|c| (c.question.as_deref(), c.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (Some("Open?"), "Nine to five."),
                (Some("Where?"), "Main Street 1.")
            ]
        );
    }

    #[test]
    fn a_text_that_nobody_can_see_is_none() {
        assert!(text("Empty", " \n\u{200B}<!-- hidden -->").is_none());
    }

    #[test]
    fn an_archives_documents_bear_their_own_titles_and_what_cannot_be_read_its_reason() {
        let read = |name: &str, title: Option<&str>| Document {
            name: name.to_owned(),
            title: title.map(str::to_owned),
            text: "Text.".to_owned(),
            ..Document::default()
        };
        let archive = Extraction {
            documents: vec![read("a.md", None), read("b.html", Some("Beta"))],
            refused: vec![Refused {
                name: "c.png".to_owned(),
                reason: "a picture".to_owned(),
            }],
        };

        let found = extraction("All", archive);

        let shown: Vec<_> = found
            .iter()
            .map(|d| (d.title.as_str(), d.error.as_deref(), d.chunks.len()))
            .collect();
        assert_eq!(
            shown,
            [
                ("a.md", None, 1),
                ("Beta", None, 1),
                ("c.png", Some("a picture"), 0)
            ]
        );
    }
}
