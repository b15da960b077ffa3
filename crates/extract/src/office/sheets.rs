//! Spreadsheets: each sheet a table.

use crate::{delimited, document::Document, error::ExtractError, limits::Limits, table};
use calamine::{Data, Reader, SheetType, SheetVisible, open_workbook_auto_from_rs};
use std::io::Cursor;

/// Reads the sheets that are shown. A single sheet of questions and answers is pairs.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ExtractError> {
    if bytes.starts_with(b"PK") {
        // The library unpacks without counting; what it will unpack is counted here before.
        let mut package = super::package::Package::open(bytes, limits.unpacked)?;
        for name in package.names() {
            package.file(&name)?;
        }
    }
    let damaged = |error: &dyn std::fmt::Display| {
        ExtractError::Damaged(format!("it cannot be read as a spreadsheet ({error})"))
    };
    let mut book = open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let shown: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    let mut tables = Vec::new();
    for name in shown {
        let range = book.worksheet_range(&name).map_err(|error| damaged(&error))?;
        let rows: Vec<Vec<String>> = range.rows().map(|row| row.iter().map(cell).collect()).collect();
        if rows.iter().flatten().any(|cell| !cell.is_empty()) {
            tables.push((name, rows));
        }
    }
    if let [(_, rows)] = tables.as_slice() {
        return Ok(delimited::of_rows(rows));
    }
    let text = tables
        .iter()
        .map(|(name, rows)| format!("# {name}\n\n{}", table::text(rows)))
        .collect::<Vec<_>>()
        .join("\n\n");
    Ok(Document {
        text,
        ..Document::default()
    })
}

fn cell(data: &Data) -> String {
    match data {
        // What a formula that failed shows is nothing to know.
        Data::Empty | Data::Error(_) => String::new(),
        Data::DateTime(value) if value.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
            match (value.as_f64() < 1.0, (hour, minute, second)) {
                (true, _) => format!("{hour:02}:{minute:02}"),
                (_, (0, 0, 0)) => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"),
            }
        }
        Data::Float(number) => number_text(*number),
        other => other.to_string().trim().to_owned(),
    }
}

/// What binary fractions add far behind the point is not shown by any spreadsheet: `0.1 + 0.2` is 0.3.
fn number_text(number: f64) -> String {
    let text = format!("{number:.10}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_a_person_sees_them() {
        assert_eq!(number_text(0.1 + 0.2), "0.3");
        assert_eq!(number_text(1200.0), "1200");
        assert_eq!(number_text(-2.5), "-2.5");
    }
}
