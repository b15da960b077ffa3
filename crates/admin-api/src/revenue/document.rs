//! An invoice as a page that can be kept and printed: one file, without a script.

use super::money::amount;
use store::invoices::Invoice;

/// What an invoice says in a language.
struct Words {
    language: &'static str,
    invoice: &'static str,
    to: &'static str,
    issued: &'static str,
    due: &'static str,
    paid: &'static str,
    void: &'static str,
    period: &'static str,
    what: &'static str,
    amount: &'static str,
    total: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    invoice: "Invoice",
    to: "To",
    issued: "Issued",
    due: "Due",
    paid: "Paid",
    void: "Void",
    period: "Period",
    what: "What",
    amount: "Amount",
    total: "Total",
};

const GERMAN: Words = Words {
    language: "de",
    invoice: "Rechnung",
    to: "An",
    issued: "Ausgestellt",
    due: "Fällig",
    paid: "Bezahlt",
    void: "Storniert",
    period: "Zeitraum",
    what: "Leistung",
    amount: "Betrag",
    total: "Summe",
};

const LOOK: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a}\
h1{font-size:1.6rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}dt{color:#555}dd{margin:0}\
table{width:100%;border-collapse:collapse;margin-top:2rem}th,td{text-align:left;padding:.5rem 0;border-bottom:1px solid #ccc}\
td:last-child,th:last-child{text-align:right}tfoot td{font-weight:700;border:0}";

/// The page, in German or else in English.
pub(super) fn html(invoice: &Invoice, language: Option<&str>) -> String {
    let words = if language == Some("de") { &GERMAN } else { &ENGLISH };
    let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
    let lines: String = invoice
        .lines
        .iter()
        .map(|line| {
            format!(
                "<tr><td>{}</td><td>{} {}</td></tr>",
                escaped(&line.text),
                amount(line.amount_minor, &invoice.currency),
                invoice.currency
            )
        })
        .collect();
    let state = match (invoice.paid_at, invoice.state.as_str()) {
        (Some(at), _) => format!("<dt>{}</dt><dd>{}</dd>", words.paid, day(at)),
        (None, "void") => format!("<dt>{}</dt><dd>✓</dd>", words.void),
        (None, _) => format!("<dt>{}</dt><dd>{}</dd>", words.due, day(invoice.due_at)),
    };
    let number = escaped(&invoice.number);
    format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} {number}</title><style>{LOOK}</style><h1>{title} {number}</h1>\
         <dl><dt>{to}</dt><dd>{name}</dd><dt>{issued}</dt><dd>{issued_on}</dd>{state}\
         <dt>{period}</dt><dd>{start} – {end}</dd></dl>\
         <table><thead><tr><th>{what}</th><th>{amount_word}</th></tr></thead><tbody>{lines}</tbody>\
         <tfoot><tr><td>{total}</td><td>{sum} {currency}</td></tr></tfoot></table></html>",
        language = words.language,
        title = words.invoice,
        to = words.to,
        name = escaped(&invoice.workspace_name),
        issued = words.issued,
        issued_on = day(invoice.issued_at),
        period = words.period,
        start = day(invoice.period_start),
        end = day(invoice.period_end),
        what = words.what,
        amount_word = words.amount,
        total = words.total,
        sum = amount(invoice.total_minor, &invoice.currency),
        currency = invoice.currency,
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use store::invoices::Line;

    #[test]
    fn a_page_says_what_is_charged_and_runs_nothing_that_somebody_called_a_workspace() {
        let noon = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let invoice = Invoice {
            id: uuid::Uuid::nil(),
            workspace: domain::WorkspaceId::new(),
            workspace_name: "<script>alert(1)</script>".to_owned(),
            number: "INV-000007".to_owned(),
            by_stripe: false,
            period_start: noon,
            period_end: noon,
            currency: "EUR".to_owned(),
            lines: vec![Line {
                text: "Team".to_owned(),
                amount_minor: 2_900,
            }],
            total_minor: 2_900,
            state: "open".to_owned(),
            issued_at: noon,
            due_at: noon,
            paid_at: None,
        };

        let page = html(&invoice, Some("de"));

        assert!(
            page.contains("Rechnung INV-000007") && page.contains("29.00 EUR"),
            "{page}"
        );
        assert!(
            !page.contains("<script") && page.contains("&lt;script&gt;"),
            "{page}"
        );
    }
}
