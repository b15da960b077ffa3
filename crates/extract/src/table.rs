//! Tables as text. A row that is found alone has to say what its values mean, so each carries its columns' names.

/// Rows of cells as paragraphs, one a row. Under a heading row a value stands behind its column's name.
pub(crate) fn text(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.trim()).collect::<Vec<_>>())
        .filter(|row| row.iter().any(|cell| !cell.is_empty()))
        .collect();
    match rows.split_first() {
        Some((head, body)) if !body.is_empty() && is_heading(head) => body
            .iter()
            .map(|row| under(head, row))
            .collect::<Vec<_>>()
            .join("\n\n"),
        _ => rows
            .iter()
            .map(|row| {
                row.iter()
                    .filter(|cell| !cell.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(" | ")
            })
            .collect::<Vec<_>>()
            .join("\n\n"),
    }
}

/// At least two names, none of them a number, none twice, none a whole text.
fn is_heading(row: &[&str]) -> bool {
    let named: Vec<&&str> = row.iter().filter(|cell| !cell.is_empty()).collect();
    let mut names: Vec<String> = named.iter().map(|name| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    named.len() >= 2
        && names.len() == named.len()
        && named
            .iter()
            .all(|cell| cell.chars().count() <= 60 && cell.chars().any(char::is_alphabetic))
}

fn under(head: &[&str], row: &[&str]) -> String {
    row.iter()
        .enumerate()
        .filter(|(_, value)| !value.is_empty())
        .map(|(i, value)| match head.get(i).filter(|name| !name.is_empty()) {
            Some(name) => format!("{}: {value}", name.trim_end_matches(':')),
            None => (*value).to_owned(),
        })
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect()
    }

    #[test]
    fn a_row_says_what_its_values_mean() {
        let table = rows(&[
            &["Plan", "Price:", ""],
            &["Basic", "10 €", "popular"],
            &["", "", ""],
            &["Pro", "", "new"],
        ]);

        assert_eq!(
            text(&table),
            "Plan: Basic; Price: 10 €; popular\n\nPlan: Pro; new"
        );
    }

    #[test]
    fn a_table_without_headings_is_its_cells() {
        assert_eq!(text(&rows(&[&["1", "2"], &["3", "4"]])), "1 | 2\n\n3 | 4");
        assert_eq!(text(&rows(&[&["Only", "names"]])), "Only | names");
    }
}
