//! Golden questions from a file: a JSON array, or CSV with a line of headings.

use super::{GoldenInput, room};
use crate::{
    AdminApi,
    caller::Seat,
    input::{Upload, without_values},
    path::ChatbotPath,
    problem::{Kind, Problem},
};
use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use store::golden::{self, Expected, Written};
use utoipa::ToSchema;

const COLUMNS: [&str; 6] = ["question", "source", "document", "passage", "words", "refused"];

/// What became of the questions that were brought.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct GoldenImport {
    /// New ones.
    added: usize,
    /// Those that the chatbot had, of which something else was expected.
    changed: usize,
    /// Those that it had just so.
    unchanged: usize,
}

/// Import golden questions.
///
/// All of them or none: the first that does not fit is named with its line. A question that the chatbot has already is
/// expected to be answered as the file says.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/golden-questions/import", params(ChatbotPath),
    request_body(
        content = Vec<u8>, content_type = "application/octet-stream",
        description = "A JSON array of golden questions, or CSV whose first line names the columns: `question`, `source`, \
            `document`, `passage`, `words` (several are set apart by `|`) and `refused` (`true` or nothing)."
    ),
    responses((status = 200, body = GoldenImport))
)]
pub(crate) async fn import(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    body: Upload,
) -> Result<Json<GoldenImport>, Problem> {
    let given = read(&body.0)?;
    let (mut tx, chatbot) = (seat.begin(&api).await?, path.chatbot_id);
    let mut imported = GoldenImport::default();
    for (question, expected) in &given {
        let written = golden::write(&mut tx, chatbot, question, expected, None, api.now()).await?;
        match written.ok_or_else(Problem::not_found)? {
            Written::Added(_) => imported.added += 1,
            Written::Changed(_) => imported.changed += 1,
            Written::Unchanged(_) => imported.unchanged += 1,
        }
    }
    room(&mut tx, chatbot).await?;
    let details = serde_json::json!({ "added": imported.added, "changed": imported.changed });
    seat.did(&api, &mut tx, "golden_question.import", chatbot, details)
        .await?;
    tx.commit().await?;
    Ok(Json(imported))
}

fn read(body: &[u8]) -> Result<Vec<(String, Expected)>, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the file is not UTF-8 at byte {}", error.valid_up_to());
        Problem::new(Kind::Malformed, detail)
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let given = if text.trim_start().starts_with('[') {
        from_json(text)?
    } else {
        from_csv(text)?
    };
    if given.len() > super::MOST as usize {
        let detail = format!(
            "the file has {} questions, and a chatbot {} at most",
            given.len(),
            super::MOST
        );
        return Err(Problem::new(Kind::Invalid, detail));
    }
    given
        .iter()
        .map(|(place, given)| given.checked().map_err(|problem| problem.within(place)))
        .collect()
}

fn from_json(text: &str) -> Result<Vec<(String, GoldenInput)>, Problem> {
    let given: Vec<GoldenInput> = serde_json::from_str(text)
        .map_err(|error| Problem::new(Kind::Invalid, without_values(&error.to_string())))?;
    let place = |at: usize| format!("question {}", at + 1);
    Ok(given
        .into_iter()
        .enumerate()
        .map(|(at, given)| (place(at), given))
        .collect())
}

fn from_csv(text: &str) -> Result<Vec<(String, GoldenInput)>, Problem> {
    // Spreadsheets in many countries write semicolons.
    let headings = text.lines().next().unwrap_or_default();
    let delimiter = if headings.contains(';') && !headings.contains(',') {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| {
        let detail = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                pos: Some(pos),
                expected_len,
                len,
            } => format!(
                "line {}: it has {len} fields, and the first line {expected_len}",
                pos.line()
            ),
            _ => "the file cannot be read as CSV".to_owned(),
        };
        Problem::new(Kind::Invalid, detail)
    };
    let columns: Vec<String> = reader
        .headers()
        .map_err(unreadable)?
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let known = COLUMNS.join(", ");
    if let Some(at) = columns.iter().position(|name| !COLUMNS.contains(&name.as_str())) {
        let detail = format!("line 1: column {} is none of {known}", at + 1);
        return Err(Problem::new(Kind::Invalid, detail));
    }
    if !columns.iter().any(|name| name == "question") {
        let detail = format!("line 1 must name the columns: question, and any others of {known}");
        return Err(Problem::new(Kind::Invalid, detail));
    }
    let mut given = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let place = format!("line {line}");
        let field = |name: &str| {
            let at = columns.iter().position(|column| column == name)?;
            let value = record.get(at)?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let words = field("words").unwrap_or_default();
        let refused = refused(field("refused").as_deref()).map_err(|problem| problem.within(&place))?;
        given.push((
            place,
            GoldenInput {
                question: field("question").unwrap_or_default(),
                source: field("source"),
                document: field("document"),
                passage: field("passage"),
                words: words
                    .split('|')
                    .map(str::trim)
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect(),
                refused,
            },
        ));
    }
    Ok(given)
}

fn refused(given: Option<&str>) -> Result<bool, Problem> {
    match given.map(str::to_lowercase).as_deref() {
        None | Some("false" | "no" | "0") => Ok(false),
        Some("true" | "yes" | "1") => Ok(true),
        Some(_) => Err(Problem::invalid(
            "refused",
            "refused is true, false, or left empty",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().detail().into_owned()
    }

    #[test]
    fn a_table_and_an_array_give_the_same_questions() {
        let table = "\u{feff}Question;Words;refused\n\"When; exactly?\";nine | days;\nWho?;;yes\n";
        let array = r#"[{"question": "When; exactly?", "words": ["nine", "days"]}, {"question": "Who?", "refused": true}]"#;

        let from_table = read(table.as_bytes()).unwrap();

        assert_eq!(from_table, read(array.as_bytes()).unwrap());
        assert_eq!(from_table[0].1.words, ["nine", "days"]);
        assert!(from_table[1].1.refused);
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_line_and_never_repeated() {
        for (text, named) in [
            ("question,colour\nWhen?,red\n", "column 2"),
            ("source\nTerms\n", "question"),
            (
                "question,words\nWhen?,nine\n,ten\n",
                "line 3: question must not be empty",
            ),
            ("question,refused\nWhen?,perhaps\n", "line 2: refused is true"),
            ("question,words\nWhen?\n", "line 2: it has 1 fields"),
            (
                r#"[{"question": "When?"}, {"question": ""}]"#,
                "question 2: question",
            ),
            (
                r#"[{"question": "When?", "colour": "red"}]"#,
                "unknown field `colour`",
            ),
        ] {
            let detail = refusal(text);
            assert!(detail.contains(named), "{text}: {detail}");
        }
        assert!(!refusal("question,refused\nWhen?,perhaps\n").contains("perhaps"));
    }
}
