//! A golden question as it was given: whether it fits.

use super::GoldenInput;
use crate::{input, problem::Problem};
use store::golden::Expected;

const MOST_QUESTION: usize = 2_000;
const MOST_TITLE: usize = 300;
const MOST_PASSAGE: usize = 2_000;
const MOST_WORDS: usize = 20;
const MOST_WORD: usize = 200;

pub(super) fn checked(given: &GoldenInput) -> Result<(String, Expected), Problem> {
    let question = input::filled_block("question", &given.question, MOST_QUESTION)?;
    input::number("words", given.words.len(), 0, MOST_WORDS)?;
    let words = given
        .words
        .iter()
        .map(|word| input::line("words", word, MOST_WORD));
    let expected = Expected {
        source: title("source", given.source.as_deref())?,
        document: title("document", given.document.as_deref())?,
        passage: given
            .passage
            .as_deref()
            .map(|passage| input::filled_block("passage", passage, MOST_PASSAGE))
            .transpose()?,
        words: words.collect::<Result<_, _>>()?,
        refused: given.refused,
    };
    if expected.refused && !expected.words.is_empty() {
        let detail = "a question that must be refused has no words to be answered with";
        return Err(Problem::invalid("words", detail));
    }
    Ok((question.trim().to_owned(), expected))
}

fn title(field: &'static str, given: Option<&str>) -> Result<Option<String>, Problem> {
    given
        .map(|title| input::line(field, title, MOST_TITLE))
        .transpose()
}
