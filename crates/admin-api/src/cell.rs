//! Cells of tables that are opened in a spreadsheet.

use std::borrow::Cow;

/// The text as a cell of a table: never a formula, whatever somebody wrote
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let mut chars = text.chars();
    let formula = match chars.next() {
        Some('=' | '+' | '@' | '\t' | '\r') => true,
        // A list begins with a dash and a space.
        Some('-') => chars.next().is_some_and(|c| !c.is_whitespace()),
        _ => false,
    };
    if formula {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_is_text_and_a_list_stays_a_list() {
        for formula in ["=1+1", "+1", "@SUM(A1)", "-1", "\t=1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for text in ["- Norway", "one=1", "", "2026-01-01"] {
            assert_eq!(harmless(text), text);
        }
    }
}
