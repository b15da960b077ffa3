//! Whether an answer is as it was expected to be.

use super::record;
use crate::{answer::Answered, words::plain};
use domain::{DocumentId, FallbackReason};
use serde::Deserialize;
use std::{collections::HashMap, time::Duration};
use store::{golden::Expected, trials::Outcome};

/// The titles of sources, by the documents that were read from them.
pub(super) type Sources = HashMap<DocumentId, String>;

/// What is judged, and by what.
pub(super) struct Judged<'a> {
    pub expected: &'a Expected,
    pub answered: &'a Answered,
    /// What the chatbot says when it does not know.
    pub fallback_text: &'a str,
    pub sources: &'a Sources,
    /// How many passages the answer might rest on.
    pub k: i32,
}

/// A passage that was found, as the record has it.
#[derive(Deserialize)]
struct Seen {
    document: DocumentId,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

fn seen(passages: &serde_json::Value) -> Vec<Seen> {
    Vec::deserialize(passages).unwrap_or_default()
}

/// The documents of what was found.
pub(super) fn documents(passages: &serde_json::Value) -> Vec<DocumentId> {
    let mut ids: Vec<DocumentId> = seen(passages).into_iter().map(|seen| seen.document).collect();
    ids.dedup();
    ids
}

/// Everything that is expected must hold; and whatever is expected but a refusal, the question must be answered.
pub(super) fn judge(judged: &Judged<'_>) -> Outcome {
    let Judged {
        expected,
        answered,
        k,
        ..
    } = *judged;
    let (text, record) = (answered.text.as_str(), &answered.record);
    let refused = record.unanswered || text.trim() == judged.fallback_text.trim();
    let mut failures = Vec::new();

    match record::fallback(record) {
        Some(FallbackReason::ModelUnavailable) => {
            let why = record
                .error
                .as_deref()
                .unwrap_or("for a reason that it did not say");
            failures.push(format!("the model gave no answer: {why}"));
        }
        Some(FallbackReason::BudgetUsedUp) => {
            failures.push("a budget for models is used up".to_owned());
        }
        Some(FallbackReason::NoKnowledge) | None => {}
    }
    match (expected.refused, refused) {
        (true, false) => failures.push("it answered, and should have said that it does not know".to_owned()),
        (false, true) => failures.push("it said that it does not know".to_owned()),
        _ => {}
    }
    let seen = seen(&record.passages);
    let rank = expected
        .to_be_found()
        .then(|| seen.iter().position(|seen| fits(expected, seen, judged.sources)))
        .flatten()
        .and_then(|at| i32::try_from(at + 1).ok());
    if expected.to_be_found() && rank.is_none() {
        failures.push(not_found(expected, seen.len()));
    }
    for word in &expected.words {
        if !says(text, word) {
            failures.push(format!("the answer does not say {word:?}"));
        }
    }
    Outcome {
        rank,
        passed: failures.is_empty(),
        refused,
        failures,
        answer: text.to_owned(),
        record: record::kept(record),
        k,
    }
}

/// Of a question that was not answered in time.
pub(super) fn too_slow(limit: Duration, k: i32) -> Outcome {
    Outcome {
        rank: None,
        passed: false,
        refused: false,
        failures: vec![format!("there was no answer within {} seconds", limit.as_secs())],
        answer: String::new(),
        record: serde_json::json!({}),
        k,
    }
}

/// One passage has to be all that is expected.
fn fits(expected: &Expected, seen: &Seen, sources: &Sources) -> bool {
    let source = sources
        .get(&seen.document)
        .map(String::as_str)
        .unwrap_or_default();
    let same = |wanted: &Option<String>, title: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.trim().to_lowercase() == title.trim().to_lowercase())
    };
    same(&expected.source, source)
        && same(&expected.document, &seen.title)
        && expected
            .passage
            .as_ref()
            .is_none_or(|passage| is_part(&seen.text, passage))
}

/// Case, line breaks and punctuation do not count.
fn is_part(text: &str, part: &str) -> bool {
    let (all, wanted) = (one_line(text), one_line(part));
    if wanted.is_empty() {
        return text.contains(part.trim());
    }
    all.contains(&wanted)
}

/// Whether the words stand in the answer, whole where their script sets words apart.
fn says(text: &str, words: &str) -> bool {
    let wanted = one_line(words);
    if wanted.is_empty() || wanted.chars().any(is_unspaced) {
        return is_part(text, words);
    }
    format!(" {} ", one_line(text)).contains(&format!(" {wanted} "))
}

fn one_line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// Thai, Lao, Burmese, Khmer, Chinese and Japanese.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

fn not_found(expected: &Expected, passages: usize) -> String {
    let named = [
        ("the source", &expected.source),
        ("the document", &expected.document),
        ("the passage", &expected.passage),
    ];
    let wanted: Vec<String> = named
        .into_iter()
        .filter_map(|(what, title)| Some(format!("{what} {:?}", title.as_ref()?)))
        .collect();
    let wanted = wanted.join(", ");
    match passages {
        0 => format!("nothing was found; expected: {wanted}"),
        found => format!("not among the {found} passages that were found: {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::PROMPT_VERSION;
    use serde_json::json;
    use store::turns::AnswerRecord;

    const NO_IDEA: &str = "I don't know.";

    fn answered(text: &str, passages: serde_json::Value) -> Answered {
        Answered {
            text: text.to_owned(),
            record: AnswerRecord {
                question: "When?".to_owned(),
                searched_for: None,
                passages,
                citations: json!([]),
                model: "extractive".to_owned(),
                fallback: None,
                prompt_version: PROMPT_VERSION,
                tokens_in: None,
                tokens_out: None,
                stages: json!({}),
                error: None,
                unanswered: false,
                calls: json!([]),
                removed_links: Vec::new(),
                path: json!([]),
                cost_micros: None,
            },
            handoff: None,
            buttons: Vec::new(),
            calls: store::tool_calls::Changes::default(),
        }
    }

    fn outcome(expected: &Expected, answered: &Answered, sources: &Sources) -> Outcome {
        judge(&Judged {
            expected,
            answered,
            fallback_text: NO_IDEA,
            sources,
            k: 6,
        })
    }

    #[test]
    fn the_rank_is_that_of_the_first_passage_that_is_all_that_is_expected() {
        let (first, second) = (DocumentId::new(), DocumentId::new());
        let passages = json!([
            {"document": first, "title": "Terms", "text": "We open at nine."},
            {"document": second, "title": "Hours", "text": "We open\nat TEN."},
        ]);
        let answered = answered("We open at ten.", passages.clone());
        let sources = Sources::from([(first, "Files".to_owned()), (second, "The site".to_owned())]);
        let expected = Expected {
            source: Some("the site".to_owned()),
            passage: Some("open at ten".to_owned()),
            ..Expected::default()
        };

        let found = outcome(&expected, &answered, &sources);
        let nowhere = Expected {
            document: Some("Terms".to_owned()),
            ..expected.clone()
        };
        let nowhere = outcome(&nowhere, &answered, &sources);

        assert_eq!((found.rank, found.passed), (Some(2), true));
        assert_eq!((nowhere.rank, nowhere.passed), (None, false));
        assert!(
            nowhere.failures[0].contains("\"Terms\""),
            "{:?}",
            nowhere.failures
        );
        assert_eq!(documents(&passages), [first, second]);
    }

    #[test]
    fn words_are_whole_where_words_are_set_apart() {
        for (text, word, says_it) in [
            ("It takes Nine days.", "nine days", true),
            ("Yes. It takes nine.", "yes it", true),
            ("It takes nineteen days.", "nine", false),
            ("Das kostet 14 €.", "€", true),
            ("送货需要三天到达。", "三天", true),
            ("It takes ten days.", "€", false),
        ] {
            assert_eq!(says(text, word), says_it, "{word:?} in {text:?}");
        }
    }

    #[test]
    fn a_refusal_is_a_failure_unless_it_is_expected() {
        let refusal = answered(NO_IDEA, json!([]));
        let answer = answered("We open at nine.", json!([]));
        let to_refuse = Expected {
            refused: true,
            ..Expected::default()
        };
        let none = Sources::default();

        assert!(
            outcome(&to_refuse, &refusal, &none).passed
                && outcome(&Expected::default(), &answer, &none).passed
        );
        let failed = outcome(&Expected::default(), &refusal, &none);
        assert_eq!((failed.passed, failed.refused), (false, true));
        assert_eq!(failed.failures, ["it said that it does not know"]);
        assert!(!outcome(&to_refuse, &answer, &none).passed);
    }

    #[test]
    fn a_model_that_gave_no_answer_counts_against_the_version_however_good_the_quote() {
        let mut quoted = answered("We open at nine.", json!([]));
        quoted.record.fallback = Some("model_unavailable".to_owned());
        quoted.record.error = Some("401".to_owned());

        let failed = outcome(&Expected::default(), &quoted, &Sources::default());

        assert_eq!(failed.failures, ["the model gave no answer: 401"]);
    }
}
