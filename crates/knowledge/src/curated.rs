//! Answers that the owner wrote for just this question.

use crate::confidence::FIRST;
use domain::Passage;

/// From here on the pair's question asks the same in the same words.
const SAME_WORDS: f32 = 0.9;
/// From here on it asks the same in other words, if it shares some.
const SAME_MEANING: f32 = 0.88;
/// So many have to be shared: short questions about different things are near each other in meaning.
const SHARED_WORDS: f32 = 0.5;

/// Which of the first passages, as a search found them, is a pair whose question asks what was asked. Its answer is the
/// owner's own, and wins over everything that could be written instead. `None`: there is no such pair.
pub fn curated(passages: &[Passage]) -> Option<usize> {
    passages
        .iter()
        .take(FIRST)
        .enumerate()
        .filter_map(|(place, passage)| Some((place, sameness(passage)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(place, _)| place)
}

fn sameness(passage: &Passage) -> Option<f32> {
    passage.question.as_ref()?;
    let likeness = passage.signals.pair_likeness?;
    let nearness = passage.signals.quote_cosine.unwrap_or_default();
    let same = likeness >= SAME_WORDS || (nearness >= SAME_MEANING && likeness >= SHARED_WORDS);
    same.then_some(likeness + nearness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Embeddings, Snapshot, split};
    use domain::{ChunkId, DocumentId};
    use store::chunks::Chunk;

    fn snapshot() -> Snapshot {
        let text = "Parcels to Norway take four days. Returns within Norway are free for thirty days.";
        let pieces = split::text(text).into_iter().chain([
            split::pair(
                "How long does a parcel to Norway take?",
                "Five days. Write to us if it takes longer.",
            )
            .unwrap(),
            split::pair("Do you repair kettles?", "Yes, in our workshop in Bergen.").unwrap(),
        ]);
        let chunks = pieces.map(|piece| Chunk {
            id: ChunkId::new(),
            document: DocumentId::new(),
            title: "Help".to_owned(),
            url: None,
            heading: piece.heading,
            question: piece.question,
            text: piece.text,
            since_version: 1,
        });
        Snapshot::with_embeddings(1, chunks.collect(), &Embeddings::default()).unwrap()
    }

    fn answer(question: &str) -> Option<String> {
        let passages = snapshot().search(question, 6).unwrap();
        curated(&passages).map(|place| passages[place].text.clone())
    }

    #[test]
    fn the_owners_own_answer_to_this_question_wins() {
        let whole = Some("Five days. Write to us if it takes longer.".to_owned());

        assert_eq!(answer("How long does a parcel to Norway take?"), whole);
        assert_eq!(answer("how long do parcels take to Norway"), whole);
    }

    #[test]
    fn another_question_on_the_same_subject_does_not_get_it() {
        assert_eq!(answer("Are returns from Norway free?"), None);
        assert_eq!(answer("How heavy may a parcel to Norway be?"), None);
        assert_eq!(answer("Do you sell kettles?"), None);
    }

    #[test]
    fn the_same_in_other_words_needs_meaning_and_a_shared_word() {
        let mut passage = snapshot().search("Do you repair kettles?", 6).unwrap().remove(0);
        let with = |passage: &mut Passage, likeness, nearness| {
            passage.signals.pair_likeness = Some(likeness);
            passage.signals.quote_cosine = nearness;
            curated(std::slice::from_ref(passage))
        };

        assert_eq!(with(&mut passage, 0.6, Some(0.9)), Some(0));
        assert_eq!(with(&mut passage, 0.6, Some(0.7)), None);
        assert_eq!(with(&mut passage, 0.6, None), None);
        assert_eq!(with(&mut passage, 0.2, Some(0.95)), None);
    }
}
