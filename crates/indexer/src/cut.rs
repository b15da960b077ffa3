//! From a source's content to documents.

use knowledge::split;
use store::{
    chunks::NewChunk,
    sources::{Content, NewDocument},
};

/// Why a source has no passages, for its owner.
pub(crate) const NO_TEXT: &str = "there is no text in it";

/// A source's documents; `None` when there is nothing to be found in it. Takes processor time.
pub(crate) fn documents(title: &str, content: &Content) -> Option<Vec<NewDocument>> {
    let pieces: Vec<split::Piece> = match content {
        Content::Text(text) => split::text(text),
        Content::Qa(pairs) => pairs
            .iter()
            .filter_map(|pair| split::pair(&pair.question, &pair.answer))
            .collect(),
    };
    if pieces.is_empty() {
        return None;
    }
    let content_hash = split::content_hash(&pieces);
    let chunks = pieces
        .into_iter()
        .map(|piece| NewChunk {
            heading: piece.heading,
            question: piece.question,
            text: piece.text,
        })
        .collect();
    Some(vec![NewDocument {
        title: title.to_owned(),
        content_hash,
        chunks,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::sources::Pair;

    #[test]
    fn each_pair_is_one_passage() {
        let pair = |question: &str, answer: &str| Pair {
            question: question.to_owned(),
            answer: answer.to_owned(),
        };
        let content = Content::Qa(vec![
            pair("Open?", "Nine to five."),
            pair("", "Lost."),
            pair("Where?", "Main Street 1."),
        ]);

        let documents = documents("Questions", &content).unwrap();

        let found: Vec<_> = documents[0]
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
        assert!(documents("Empty", &Content::Text(" \n\u{200B}<!-- hidden -->".to_owned())).is_none());
    }
}
