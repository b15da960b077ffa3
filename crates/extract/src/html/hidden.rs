//! Which elements a visitor does not see. Whoever wants to tell a model something behind an owner's back writes it there.
//!
//! No browser lays the page out here: what scripts hide, and what lies behind something else, is not known. Style sheets in
//! other files are not fetched.

use scraper::{ElementRef, Html, Selector};
use std::collections::HashSet;

/// The elements that the page's own style sheets hide.
pub(crate) struct Hidden(HashSet<ego_tree::NodeId>);

impl Hidden {
    /// Reads the page's `<style>` elements.
    pub(crate) fn of(page: &Html) -> Self {
        let mut hidden = HashSet::new();
        let Ok(styles) = Selector::parse("style") else {
            return Self(hidden);
        };
        for sheet in page.select(&styles) {
            for selector in hiding_selectors(&sheet.text().collect::<String>()) {
                // Selectors that only a browser understands (`:hover`) say nothing of the page as it is first seen.
                if let Ok(selector) = Selector::parse(&selector) {
                    hidden.extend(page.select(&selector).map(|element| element.id()));
                }
            }
        }
        Self(hidden)
    }

    /// Whether nothing of an element is seen.
    pub(crate) fn has(&self, element: ElementRef<'_>) -> bool {
        element.attr("hidden").is_some()
            || element.attr("aria-hidden").is_some_and(|value| value == "true")
            || element.attr("style").is_some_and(hides)
            || self.0.contains(&element.id())
    }
}

/// The selectors of rules that hide. Rules within `@media` and the like hold under conditions that are not known here.
fn hiding_selectors(sheet: &str) -> Vec<String> {
    let sheet = without_comments(sheet);
    let mut selectors = Vec::new();
    let mut rest = sheet.as_str();
    while let Some(open) = rest.find('{') {
        let prelude = rest[..open].rsplit(';').next().unwrap_or_default().trim();
        let end = block_end(&rest[open..]);
        let block = &rest[open + 1..open + end];
        if !prelude.starts_with('@') && hides(block) {
            selectors.extend(prelude.split(',').map(|selector| selector.trim().to_owned()));
        }
        rest = rest.get(open + end + 1..).unwrap_or_default();
    }
    selectors
}

/// Where the block that begins at the start of `text` ends: at its closing brace, or with the text.
fn block_end(text: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn without_comments(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..]
            .find("*/")
            .map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    out
}

/// Whether declarations make text invisible.
fn hides(declarations: &str) -> bool {
    let declarations: Vec<(String, String)> = declarations
        .split(';')
        .filter_map(|declaration| declaration.split_once(':'))
        .map(|(name, value)| {
            let value = value.trim().to_ascii_lowercase();
            let value = value.trim_end_matches("!important").trim_end().replace(' ', "");
            (name.trim().to_ascii_lowercase(), value)
        })
        .collect();
    let value = |name: &str| {
        declarations
            .iter()
            .rev()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    };
    let number = |name: &str| value(name).and_then(number);
    let same_colour = matches!(
        (value("color"), value("background-color").or_else(|| value("background"))),
        (Some(text), Some(ground)) if colour(text) == colour(ground)
    );
    value("display") == Some("none")
        || matches!(value("visibility"), Some("hidden" | "collapse"))
        || value("color") == Some("transparent")
        || number("opacity").is_some_and(|opacity| opacity < 0.05)
        || number("font-size").is_some_and(|size| {
            size < 1.0 && !value("font-size").is_some_and(|v| v.ends_with("em") || v.ends_with('%'))
                || size == 0.0
        })
        || ["left", "right", "top", "text-indent", "margin-left"]
            .iter()
            .any(|name| number(name).is_some_and(|offset| offset <= -999.0))
        || same_colour
}

/// The number at the beginning of `12.5px`.
fn number(value: &str) -> Option<f64> {
    let end = value
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(value.len());
    value[..end].parse().ok()
}

/// `white`, `#fff` and `#ffffff` are one colour.
fn colour(value: &str) -> String {
    let named = match value {
        "white" => "#ffffff",
        "black" => "#000000",
        other => other,
    };
    match named.strip_prefix('#') {
        Some(short) if short.len() == 3 => {
            short
                .chars()
                .flat_map(|digit| [digit, digit])
                .fold("#".to_owned(), |mut long, digit| {
                    long.push(digit);
                    long
                })
        }
        _ => named.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s13_declarations_that_make_text_invisible_are_known() {
        for hidden in [
            "display:none",
            "color: red; DISPLAY : none !important",
            "visibility: hidden",
            "font-size: 0",
            "font-size:0.1px",
            "opacity: 0.01",
            "position:absolute; left:-9999px",
            "text-indent: -10000px",
            "color:#FFF; background-color: white",
            "color: transparent",
        ] {
            assert!(hides(hidden), "{hidden}");
        }
        for shown in [
            "",
            "display: block",
            "font-size: 0.8em",
            "opacity: 1",
            "color:#fff;background:#000",
            "left: -10px",
        ] {
            assert!(!hides(shown), "{shown}");
        }
    }

    #[test]
    fn rules_that_hide_are_found_among_others() {
        let sheet =
            "/* .no{display:none} */ @import url(x.css); p, .a > b { color: red } .x, #y { display:none; }
                     @media print { .screen { display: none } } .z{font-size:0";

        assert_eq!(hiding_selectors(sheet), [".x", "#y", ".z"]);
    }
}
