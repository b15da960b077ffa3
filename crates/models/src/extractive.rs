//! Answers without a model: the sentence that most likely answers the question, quoted with its source.

use crate::{answer::Answer, ask::Ask, citations::without_markers};
use domain::FallbackReason;

/// The name under which such answers are recorded.
pub(crate) const NAME: &str = "extractive";

/// Quotes the passage whose quote fits best. Without passages there is no answer.
pub(crate) fn answer(ask: &Ask<'_>) -> Answer {
    let best = ask
        .passages
        .iter()
        .enumerate()
        .rev() // of equals the first wins
        .max_by(|(_, a), (_, b)| a.quote_score.total_cmp(&b.quote_score));
    let (text, citations, fallback) = match best {
        // Whatever is numbered in the passage itself refers to nothing here.
        Some((i, passage)) => (
            format!("{} [1]", without_markers(passage.quoted())),
            vec![i],
            None,
        ),
        None => (String::new(), Vec::new(), Some(FallbackReason::NoKnowledge)),
    };
    Answer {
        text,
        citations,
        model: NAME.to_owned(),
        tokens_in: None,
        tokens_out: None,
        fallback,
        calls: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::passage;

    fn ask(passages: &[domain::Passage]) -> Ask<'_> {
        Ask {
            chatbot: "Helper",
            instructions: "",
            passages,
            history: &[],
            question: "How long does it take?",
            toolbox: Default::default(),
            task: Default::default(),
        }
    }

    #[test]
    fn the_best_quote_is_the_answer_and_its_passage_the_source() {
        let mut first = passage("We ship by post. It is free.");
        first.quote = 0..16;
        first.quote_score = 0.3;
        let mut second = passage("Thank you for asking. It takes two days. Really.");
        second.quote = 22..40;
        second.quote_score = 0.9;

        let answer = answer(&ask(&[first, second]));

        assert_eq!(answer.text, "It takes two days. [1]");
        assert_eq!(answer.citations, [1]);
        assert_eq!(answer.fallback, None);
    }

    #[test]
    fn numbers_in_the_passage_are_no_citations() {
        assert_eq!(
            answer(&ask(&[passage("It takes two days.[7]")])).text,
            "It takes two days. [1]"
        );
    }

    #[test]
    fn without_passages_it_does_not_know() {
        let answer = answer(&ask(&[]));

        assert_eq!(answer.fallback, Some(FallbackReason::NoKnowledge));
        assert!(answer.text.is_empty() && answer.citations.is_empty());
    }
}
