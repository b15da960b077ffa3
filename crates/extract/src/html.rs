//! Web pages: what a visitor reads of them, as headings and paragraphs.

mod hidden;
mod visible;
mod writer;

use crate::{document::Document, plain};
use hidden::Hidden;
use scraper::{ElementRef, Html, Selector};

/// A main part shorter than this, in characters, is not taken for the page.
const LEAST_MAIN: usize = 200;

/// Reads a page.
pub(crate) fn read(bytes: &[u8]) -> Document {
    of_text(&decode(bytes))
}

/// By its byte order mark or UTF-8, else by the encoding that it names, else by what its bytes look most like.
fn decode(bytes: &[u8]) -> String {
    if std::str::from_utf8(bytes).is_err()
        && encoding_rs::Encoding::for_bom(bytes).is_none()
        && let Some(encoding) = named_encoding(bytes)
    {
        return encoding.decode_without_bom_handling(bytes).0.into_owned();
    }
    plain::decode(bytes)
}

/// `<meta charset="…">`, or the same in `http-equiv`, within the first 1,024 bytes.
/// <https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding>
fn named_encoding(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1_024)]).to_ascii_lowercase();
    let after = &start[start.find("charset=")? + "charset=".len()..];
    let label: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
        .collect();
    encoding_rs::Encoding::for_label(label.as_bytes())
}

fn of_text(text: &str) -> Document {
    let page = Html::parse_document(text);
    let hidden = Hidden::of(&page);
    let root = page.root_element();
    let body = first(&page, "body").unwrap_or(root);
    let text = main_part(&page)
        .map(|main| visible::text(main, &hidden))
        .filter(|text| text.chars().count() >= LEAST_MAIN)
        .unwrap_or_else(|| visible::text(body, &hidden));
    let robots = robots(&page);
    Document {
        title: title(&page),
        text,
        links: links(&page),
        canonical: first(&page, r#"link[rel="canonical"][href]"#)
            .and_then(|link| link.attr("href"))
            .map(|href| href.trim().to_owned()),
        no_index: robots.contains("noindex") || robots.contains("none"),
        no_follow: robots.contains("nofollow") || robots.contains("none"),
        ..Document::default()
    }
}

/// What the page marks as its content: `<main>`, or an article when there is one only.
fn main_part(page: &Html) -> Option<ElementRef<'_>> {
    if let Some(main) = first(page, r#"main, [role="main"]"#) {
        return Some(main);
    }
    let mut articles = select(page, "article");
    match (articles.pop(), articles.pop()) {
        (Some(article), None) => Some(article),
        _ => None,
    }
}

fn title(page: &Html) -> Option<String> {
    let text = |element: ElementRef<'_>| words(&element.text().collect::<String>());
    let named = first(page, "head > title")
        .map(text)
        .filter(|title| !title.is_empty());
    named
        .or_else(|| {
            first(page, r#"meta[property="og:title"][content]"#)
                .and_then(|meta| meta.attr("content"))
                .map(words)
        })
        .or_else(|| first(page, "h1").map(text))
        .filter(|title| !title.is_empty())
}

/// All that a crawler may follow, each once, in their order on the page.
fn links(page: &Html) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    select(page, "a[href], area[href]")
        .into_iter()
        .filter(|link| {
            !link.attr("rel").is_some_and(|rel| {
                rel.split_whitespace()
                    .any(|word| word.eq_ignore_ascii_case("nofollow"))
            })
        })
        .filter_map(|link| link.attr("href"))
        .map(str::trim)
        .filter(|href| !href.is_empty() && !href.starts_with('#'))
        .filter(|href| seen.insert((*href).to_owned()))
        .map(str::to_owned)
        .collect()
}

fn robots(page: &Html) -> String {
    select(page, "meta[name][content]")
        .into_iter()
        .filter(|meta| {
            meta.attr("name")
                .is_some_and(|name| name.eq_ignore_ascii_case("robots"))
        })
        .filter_map(|meta| meta.attr("content"))
        .collect::<Vec<_>>()
        .join(",")
        .to_ascii_lowercase()
}

fn first<'a>(page: &'a Html, selector: &str) -> Option<ElementRef<'a>> {
    select(page, selector).into_iter().next()
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    Selector::parse(selector)
        .map(|selector| page.select(&selector).collect())
        .unwrap_or_default()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
