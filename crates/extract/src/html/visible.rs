//! The text of a part of a page.

use super::{hidden::Hidden, writer::Writer};
use crate::table;
use scraper::{ElementRef, Node, Selector};

/// Elements within elements; below this only their words count.
const DEEPEST: usize = 200;

/// Headings, paragraphs, lists and tables that are seen, without what surrounds the content on every page.
pub(crate) fn text(part: ElementRef<'_>, hidden: &Hidden) -> String {
    let mut writer = Writer::default();
    walk(part, hidden, &mut writer, 0);
    writer.end()
}

fn walk(parent: ElementRef<'_>, hidden: &Hidden, out: &mut Writer, depth: usize) {
    for node in parent.children() {
        match node.value() {
            Node::Text(text) => out.words(text),
            Node::Element(_) => {
                if let Some(element) = ElementRef::wrap(node)
                    && !is_around(element)
                    && !hidden.has(element)
                {
                    self::element(element, hidden, out, depth + 1);
                }
            }
            _ => {}
        }
    }
}

fn element(element: ElementRef<'_>, hidden: &Hidden, out: &mut Writer, depth: usize) {
    if depth > DEEPEST {
        element.text().for_each(|text| out.words(text));
        return;
    }
    match element.value().name() {
        "br" => out.line_end(),
        "hr" => out.block_end(),
        name @ ("h1" | "h2" | "h3" | "h4" | "h5" | "h6") => {
            out.block_end();
            let level = usize::from(name.as_bytes()[1] - b'0');
            out.mark(&format!("{} ", "#".repeat(level)));
            // A heading is one line, whatever is in it.
            out.words(&inner(element, hidden, depth).replace('\n', " "));
            out.block_end();
        }
        "pre" => out.verbatim(&format!(
            "```\n{}\n```",
            element.text().collect::<String>().trim_matches('\n')
        )),
        "li" => {
            out.line_end();
            out.mark("- ");
            walk(element, hidden, out, depth);
            out.line_end();
        }
        "dt" => {
            out.block_end();
            walk(element, hidden, out, depth);
            out.words(": ");
        }
        "dd" => {
            walk(element, hidden, out, depth);
            out.block_end();
        }
        "table" if is_data(element) => out.verbatim(&table::text(&rows(element, hidden, depth))),
        "td" | "th" => {
            walk(element, hidden, out, depth);
            out.words(" ");
        }
        name if is_block(name) => {
            out.block_end();
            walk(element, hidden, out, depth);
            out.block_end();
        }
        _ => walk(element, hidden, out, depth),
    }
}

fn inner(element: ElementRef<'_>, hidden: &Hidden, depth: usize) -> String {
    let mut writer = Writer::default();
    walk(element, hidden, &mut writer, depth);
    writer.end()
}

/// What stands around the content on every page of a site, and what is not text.
fn is_around(element: ElementRef<'_>) -> bool {
    let tag = matches!(
        element.value().name(),
        "script"
            | "style"
            | "noscript"
            | "template"
            | "svg"
            | "math"
            | "iframe"
            | "object"
            | "canvas"
            | "audio"
            | "video"
            | "nav"
            | "footer"
            | "aside"
            | "form"
            | "button"
            | "select"
            | "textarea"
            | "dialog"
            | "head"
    );
    let role = element.attr("role").is_some_and(|role| {
        matches!(
            role,
            "navigation"
                | "banner"
                | "contentinfo"
                | "search"
                | "dialog"
                | "alertdialog"
                | "menu"
                | "complementary"
        )
    });
    tag || role || is_site_header(element) || asks_for_cookies(element)
}

/// The header of the page, not that of an article.
fn is_site_header(element: ElementRef<'_>) -> bool {
    element.value().name() == "header"
        && !element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|above| matches!(above.value().name(), "main" | "article" | "section"))
}

fn asks_for_cookies(element: ElementRef<'_>) -> bool {
    let named = |name: &str| {
        element.attr(name).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("cookie")
                && ["banner", "consent", "notice", "bar", "popup", "overlay"]
                    .iter()
                    .any(|word| value.contains(word))
        })
    };
    matches!(element.value().name(), "div" | "section") && (named("id") || named("class"))
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "main"
            | "header"
            | "blockquote"
            | "figure"
            | "figcaption"
            | "address"
            | "fieldset"
            | "details"
            | "summary"
            | "ul"
            | "ol"
            | "dl"
            | "table"
            | "tr"
            | "caption"
            | "center"
            | "body"
    )
}

/// A table of data, not one that only puts things in their places.
fn is_data(table: ElementRef<'_>) -> bool {
    let has = |selector: &str| Selector::parse(selector).is_ok_and(|s| table.select(&s).next().is_some());
    !has("table, p, ul, ol, h1, h2, h3, h4") || has("th")
}

fn rows(table: ElementRef<'_>, hidden: &Hidden, depth: usize) -> Vec<Vec<String>> {
    let Ok(rows) = Selector::parse("tr") else {
        return Vec::new();
    };
    table
        .select(&rows)
        .filter(|row| !hidden.has(*row))
        .map(|row| {
            row.child_elements()
                .filter(|cell| matches!(cell.value().name(), "td" | "th"))
                .map(|cell| {
                    if hidden.has(cell) {
                        String::new()
                    } else {
                        inner(cell, hidden, depth).replace('\n', " ")
                    }
                })
                .collect()
        })
        .collect()
}
