//! PDF: the text of its pages, put back together from lines.

use crate::{document::Document, error::ExtractError, limits::Limits};
use pdf_extract::{Document as Pdf, OutputError, PlainTextOutput};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A page with fewer letters than this is a picture.
const LEAST_LETTERS: usize = 8;
/// From this many pages on, a line at their edge that most of them have is a running head.
const PAGES_FOR_HEADS: usize = 4;

/// Reads all pages. One that cannot be read costs only itself.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ExtractError> {
    let pdf = open(bytes)?;
    let count = pdf.get_pages().len();
    if count > limits.pages {
        return Err(ExtractError::TooManyPages { limit: limits.pages });
    }
    let mut pages = Vec::with_capacity(count);
    let mut unreadable = 0;
    let mut characters = 0;
    for number in pdf.get_pages().keys() {
        match page(&pdf, *number) {
            Some(text) if letters(&text) >= LEAST_LETTERS => {
                characters += text.len();
                pages.push(text);
            }
            _ => unreadable += 1,
        }
        if characters > limits.characters.saturating_mul(4) {
            return Err(ExtractError::TooMuchText {
                limit: limits.characters,
            });
        }
    }
    if pages.is_empty() {
        return Err(match count {
            0 => ExtractError::NoText,
            pages => ExtractError::Scanned { pages },
        });
    }
    Ok(Document {
        title: title(&pdf),
        text: flow(&without_running_heads(&pages)),
        unreadable_pages: unreadable,
        ..Document::default()
    })
}

fn open(bytes: &[u8]) -> Result<Pdf, ExtractError> {
    let damaged = |reason: &str| ExtractError::Damaged(format!("it cannot be read as a PDF ({reason})"));
    let loaded = catch_unwind(|| Pdf::load_mem(bytes)).map_err(|_| damaged("its structure is broken"))?;
    let mut pdf = match loaded {
        Ok(pdf) => pdf,
        Err(pdf_extract::Error::InvalidPassword | pdf_extract::Error::Decryption(_)) => {
            return Err(ExtractError::Encrypted);
        }
        Err(error) => return Err(damaged(&error.to_string())),
    };
    // Many files are encrypted with the empty password, only to forbid printing.
    if pdf.is_encrypted() && pdf.decrypt("").is_err() {
        return Err(ExtractError::Encrypted);
    }
    Ok(pdf)
}

/// `None`: it cannot be read. The library panics where a page is against the rules.
fn page(pdf: &Pdf, number: u32) -> Option<String> {
    let read = || -> Result<String, OutputError> {
        let mut text = String::new();
        let mut output = PlainTextOutput::new(&mut text);
        pdf_extract::output_doc_page(pdf, &mut output, number)?;
        Ok(text)
    };
    catch_unwind(AssertUnwindSafe(read)).ok()?.ok()
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

fn title(pdf: &Pdf) -> Option<String> {
    let info = pdf.trailer.get(b"Info").ok()?;
    let (_, info) = pdf.dereference(info).ok()?;
    let title = info.as_dict().ok()?.get(b"Title").ok()?;
    let (_, title) = pdf.dereference(title).ok()?;
    let text = pdf_extract::decode_text_string(title).ok()?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Programs put the name of the file they were told to print there.
    let is_name = text.to_ascii_lowercase().starts_with("microsoft word")
        || text.contains('/')
        || text.eq_ignore_ascii_case("untitled");
    (!text.is_empty() && !is_name).then_some(text)
}

/// The pages without the line at their top and bottom that most of them have, page numbers in it aside.
fn without_running_heads(pages: &[String]) -> Vec<String> {
    let lines: Vec<Vec<&str>> = pages
        .iter()
        .map(|page| {
            page.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect()
        })
        .collect();
    let key = |line: &str| line.chars().filter(|c| !c.is_numeric()).collect::<String>();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for page in &lines {
        for line in [page.first(), page.last()].into_iter().flatten() {
            *counts.entry(key(line)).or_default() += 1;
        }
    }
    let is_head = |line: &str| {
        pages.len() >= PAGES_FOR_HEADS
            && counts
                .get(&key(line))
                .is_some_and(|count| count * 2 > pages.len())
    };
    pages
        .iter()
        .zip(&lines)
        .map(|(page, lines)| {
            let mut text = page.as_str().trim();
            if let Some(head) = lines.first().filter(|line| is_head(line)) {
                text = text.strip_prefix(head).unwrap_or(text);
            }
            if let Some(foot) = lines.last().filter(|line| is_head(line)) {
                text = text.trim_end().strip_suffix(foot).unwrap_or(text);
            }
            text.trim().to_owned()
        })
        .collect()
}

/// Lines that the page's width has broken are one paragraph again, and words that it has broken are one word.
fn flow(pages: &[String]) -> String {
    let mut out = String::new();
    let mut open = false;
    for page in pages {
        for paragraph in page.split("\n\n") {
            let text = paragraph_of(paragraph);
            if text.is_empty() {
                continue;
            }
            let goes_on = open && text.chars().next().is_some_and(char::is_lowercase);
            if !out.is_empty() {
                out.push_str(if goes_on { " " } else { "\n\n" });
            }
            out.push_str(&text);
            open = false;
        }
        // A sentence that the page's end has broken goes on after it.
        open = out
            .chars()
            .last()
            .is_some_and(|c| c.is_alphanumeric() || c == ',');
    }
    out
}

fn paragraph_of(lines: &str) -> String {
    let mut out = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let broken = out.ends_with('-')
            && out.chars().rev().nth(1).is_some_and(char::is_alphabetic)
            && line.chars().next().is_some_and(char::is_lowercase);
        if broken {
            out.pop();
        } else if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_the_page_has_broken_is_put_together() {
        let text = flow(&pages(&[
            "We ship to all coun-\ntries of the\n\nEuropean Union, and\n",
            "from there on.\n\nNext.",
        ]));

        assert_eq!(
            text,
            "We ship to all countries of the\n\nEuropean Union, and from there on.\n\nNext."
        );
    }

    #[test]
    fn running_heads_and_page_numbers_are_left_out() {
        let all: Vec<String> = (1..=6)
            .map(|n| format!("Manual 3.{n}\n\nText of {n} alone.\n\nPage {n} of 6"))
            .collect();

        assert_eq!(without_running_heads(&all)[2], "Text of 3 alone.");
        assert_eq!(without_running_heads(&all[..2])[0], all[0], "too few to tell");
    }

    #[test]
    fn a_broken_file_says_so() {
        let broken = read(b"%PDF-1.7\nnothing more", &Limits::default());

        assert!(matches!(broken, Err(ExtractError::Damaged(_))), "{broken:?}");
    }
}
