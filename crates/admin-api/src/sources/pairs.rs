//! The pairs of a source as a table, for a spreadsheet: what is written here can be brought back as a file.

use crate::{
    AdminApi,
    caller::Seat,
    cell::harmless,
    path::SourcePath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use store::sources::{Content, Pair};

/// A source's questions with their answers, as CSV.
///
/// The columns are `question` and `answer`, as `…/source-files` takes them. What a spreadsheet would take for a formula
/// begins with an apostrophe.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/sources/{source_id}/pairs.csv", params(SourcePath),
    responses((status = 200, description = "The table.", content_type = "text/csv", body = String))
)]
pub(crate) async fn table(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<SourcePath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    let content = store::sources::content(&mut tx, path.chatbot_id, path.source_id).await?;
    let Content::Qa(pairs) = content.ok_or_else(Problem::not_found)? else {
        return Err(Problem::new(
            Kind::Conflict,
            "the source has no questions with answers",
        ));
    };
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"questions.csv\"",
        ))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(write(&pairs).map_err(Problem::internal)?))
}

fn write(pairs: &[Pair]) -> Result<Vec<u8>, csv::Error> {
    // Visitors' questions are in it: none of them is to be a formula.
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["question", "answer"])?;
    for pair in pairs {
        table.write_record([&*harmless(&pair.question), &*harmless(&pair.answer)])?;
    }
    table.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_a_table_in_which_nothing_is_a_formula() {
        let pairs = [
            ("Do you ship, and where?", "Yes:\n- Norway\n- \"Sweden\""),
            ("=HYPERLINK(\"http://evil.example\")", "-2+3"),
            ("- one", "@you"),
        ]
        .map(|(question, answer)| Pair {
            question: question.to_owned(),
            answer: answer.to_owned(),
        });

        let table = String::from_utf8(write(&pairs).unwrap()).unwrap();

        assert_eq!(
            table,
            "question,answer\n\"Do you ship, and where?\",\"Yes:\n- Norway\n- \"\"Sweden\"\"\"\n\
             \"'=HYPERLINK(\"\"http://evil.example\"\")\",'-2+3\n- one,'@you\n"
        );
    }
}
