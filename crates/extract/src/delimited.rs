//! Comma-, semicolon- and tab-separated values; of two columns named so, questions with answers.

use crate::{
    document::{Document, Pair},
    error::ExtractError,
    kind, plain, table,
};

const QUESTIONS: &[&str] = &[
    "question",
    "questions",
    "q",
    "frage",
    "pregunta",
    "pytanie",
    "вопрос",
    "问题",
    "質問",
];
const ANSWERS: &[&str] = &[
    "answer",
    "answers",
    "a",
    "antwort",
    "réponse",
    "respuesta",
    "odpowiedź",
    "ответ",
    "答案",
    "回答",
];

/// Reads rows. Rows may have different lengths.
pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<Document, ExtractError> {
    let text = plain::decode(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(name, &text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.map(|row| row.iter().map(str::to_owned).collect()))
        .collect::<Result<_, _>>()
        .map_err(|error| ExtractError::Damaged(error.to_string()))?;
    Ok(of_rows(&rows))
}

/// Pairs where the columns are named so, otherwise text.
pub(crate) fn of_rows(rows: &[Vec<String>]) -> Document {
    match pairs(rows) {
        Some(pairs) => Document {
            pairs,
            ..Document::default()
        },
        None => Document {
            text: table::text(rows),
            ..Document::default()
        },
    }
}

fn pairs(rows: &[Vec<String>]) -> Option<Vec<Pair>> {
    let (head, body) = rows.split_first()?;
    let column = |names: &[&str]| {
        head.iter()
            .position(|cell| names.contains(&cell.trim().to_lowercase().as_str()))
    };
    let (question, answer) = (column(QUESTIONS)?, column(ANSWERS)?);
    Some(
        body.iter()
            .filter_map(|row| {
                let cell = |i: usize| row.get(i).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
                Some(Pair {
                    question: cell(question)?.to_owned(),
                    answer: cell(answer)?.to_owned(),
                })
            })
            .collect(),
    )
}

/// The one that the first line has most of, outside of quotes.
fn delimiter(name: &str, text: &str) -> u8 {
    if matches!(kind::extension(name).as_str(), "tsv" | "tab") {
        return b'\t';
    }
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => counts
                .iter_mut()
                .filter(|(delimiter, _)| *delimiter == byte)
                .for_each(|(_, count)| *count += 1),
        }
    }
    // The first of those that occur equally often.
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_any_delimiter_is_text() {
        let read = |name: &str, text: &str| read(name, text.as_bytes()).unwrap().text;

        assert_eq!(
            read("a.csv", "Plan;Price\n\"Basic; small\";10\n"),
            "Plan: Basic; small; Price: 10"
        );
        assert_eq!(
            read("a.csv", "Plan,Price\n\"Two\nlines\",10,extra\n"),
            "Plan: Two\nlines; Price: 10; extra"
        );
        assert_eq!(read("a.tsv", "Plan\tPrice\nA, B\t10\n"), "Plan: A, B; Price: 10");
    }

    #[test]
    fn columns_named_question_and_answer_are_pairs() {
        let found = read("faq.csv", b"id,Question,Answer\n1,Open?,Nine to five.\n2,,Lost\n").unwrap();

        assert_eq!(
            found.pairs,
            [Pair {
                question: "Open?".to_owned(),
                answer: "Nine to five.".to_owned()
            }]
        );
        assert_eq!(found.text, "");
    }
}
