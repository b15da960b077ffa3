//! The pairs of a source as a table, for a spreadsheet: what is written here can be brought back as a file.

use crate::{
    AdminApi,
    caller::Seat,
    path::SourcePath,
    problem::{Kind, Problem},
    table,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use store::sources::Content;

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
    let rows = pairs.into_iter().map(|pair| [pair.question, pair.answer]);
    table::attachment("questions.csv", ["question", "answer"], rows)
}
