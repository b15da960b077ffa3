//! Tables for spreadsheets: CSV (RFC 4180), in which nothing is a formula.

use crate::{cell::harmless, problem::Problem};
use actix_web::{HttpResponse, http::header};

/// A table as a file of this name.
pub(crate) fn attachment<const COLUMNS: usize>(
    name: &str,
    columns: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> Result<HttpResponse, Problem> {
    let bytes = write(columns, rows).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(bytes))
}

fn write<const COLUMNS: usize>(
    columns: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(columns)?;
    for row in rows {
        table.write_record(row.iter().map(|cell| harmless(cell).into_owned()))?;
    }
    table.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_table_is_a_formula() {
        let rows = [
            ["Do you ship, and where?", "Yes:\n- Norway\n- \"Sweden\""],
            ["=HYPERLINK(\"http://evil.example\")", "-2+3"],
            ["- one", "@you"],
        ]
        .map(|row| row.map(str::to_owned));

        let table = String::from_utf8(write(["question", "answer"], rows).unwrap()).unwrap();

        assert_eq!(
            table,
            "question,answer\n\"Do you ship, and where?\",\"Yes:\n- Norway\n- \"\"Sweden\"\"\"\n\
             \"'=HYPERLINK(\"\"http://evil.example\"\")\",'-2+3\n- one,'@you\n"
        );
    }
}
