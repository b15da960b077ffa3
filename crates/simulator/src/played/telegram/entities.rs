//! Formatting: what a text says once its marks are taken away, or what Telegram says against it.
//!
//! From core.telegram.org/bots/api#formatting-options.

/// The text without its marks. The error is what follows `can't parse entities: `.
pub(super) fn plain(text: &str, mode: Option<&str>) -> Result<String, String> {
    match mode.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(text.to_owned()),
        Some("markdownv2") => markdown(text),
        Some("html") => html(text),
        Some("markdown") => legacy(text),
        Some(_) => Err("unsupported parse_mode".to_owned()),
    }
}

/// What may be open, by the mark that opens it.
fn entity(mark: &str) -> &'static str {
    match mark {
        "*" => "Bold",
        "_" => "Italic",
        "__" => "Underline",
        "~" => "Strikethrough",
        "||" => "Spoiler",
        "`" => "Code",
        "```" => "Pre",
        _ => "TextUrl",
    }
}

fn unclosed(open: &[(&'static str, usize)]) -> Result<(), String> {
    match open.last() {
        None => Ok(()),
        Some((mark, at)) => Err(format!(
            "Can't find end of {} entity at byte offset {at}",
            entity(mark)
        )),
    }
}

fn markdown(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut open: Vec<(&'static str, usize)> = Vec::new();
    let mut at = 0;
    let mut line_start = true;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let began_line = std::mem::replace(&mut line_start, next == '\n');
        if next == '\\'
            && let Some(escaped) = rest[1..].chars().next().filter(|c| c.is_ascii() && *c != '\0')
        {
            plain.push(escaped);
            at += 1 + escaped.len_utf8();
            continue;
        }
        if let Some(&(code @ ("`" | "```"), _)) = open.last() {
            if rest.starts_with(code) {
                open.pop();
                at += code.len();
            } else {
                plain.push(next);
                at += next.len_utf8();
            }
            continue;
        }
        let mark = ["```", "||", "__", "*", "_", "~", "`", "["]
            .into_iter()
            .find(|mark| rest.starts_with(mark));
        if began_line && (rest.starts_with('>') || rest.starts_with("**>")) {
            at += if next == '>' { 1 } else { 3 };
            line_start = true;
        } else if let Some(mark) = mark {
            if open.last().is_some_and(|(known, _)| *known == mark) && mark != "[" {
                open.pop();
            } else {
                open.push((mark, at));
            }
            at += mark.len();
        } else if next == '!' && rest[1..].starts_with('[') {
            open.push(("[", at));
            at += 2;
        } else if next == ']' && open.last().is_some_and(|(known, _)| *known == "[") {
            let began = open.pop().map_or(at, |(_, began)| began);
            at += 1;
            if text[at..].starts_with('(') {
                at = address(text, at + 1)
                    .ok_or_else(|| format!("Can't find end of a URL at byte offset {began}"))?;
            }
        } else if "_*[]()~`>#+-=|{}.!".contains(next) {
            return Err(format!(
                "Character '{next}' is reserved and must be escaped with the preceding '\\'"
            ));
        } else {
            plain.push(next);
            at += next.len_utf8();
        }
    }
    unclosed(&open)?;
    Ok(plain)
}

/// Where the text goes on after a link's address, which ends with an unescaped parenthesis.
fn address(text: &str, from: usize) -> Option<usize> {
    let mut escaped = false;
    for (offset, next) in text[from..].char_indices() {
        match next {
            ')' if !escaped => return Some(from + offset + 1),
            _ => escaped = next == '\\' && !escaped,
        }
    }
    None
}

fn legacy(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if next == '\\' && rest[1..].starts_with(['_', '*', '`', '[']) {
            plain.push_str(&rest[1..2]);
            at += 2;
            continue;
        }
        let mark = ["```", "*", "_", "`"]
            .into_iter()
            .find(|mark| rest.starts_with(mark));
        if let Some(mark) = mark {
            let inner = &rest[mark.len()..];
            let end = inner
                .find(mark)
                .ok_or_else(|| format!("Can't find end of the entity starting at byte offset {at}"))?;
            plain.push_str(&inner[..end]);
            at += mark.len() + end + mark.len();
        } else if next == '[' && rest.contains("](") {
            let end = rest.find("](").unwrap_or_default();
            plain.push_str(&rest[1..end]);
            at = address(text, at + end + 2)
                .ok_or_else(|| format!("Can't find end of the entity starting at byte offset {at}"))?;
        } else if next == '[' {
            return Err(format!(
                "Can't find end of the entity starting at byte offset {at}"
            ));
        } else {
            plain.push(next);
            at += next.len_utf8();
        }
    }
    Ok(plain)
}

const TAGS: &[&str] = &[
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "span",
    "tg-spoiler",
    "a",
    "code",
    "pre",
    "blockquote",
    "tg-emoji",
];

fn html(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut open: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        match next {
            '<' => {
                let end = rest
                    .find('>')
                    .ok_or_else(|| format!("Unclosed start tag at byte offset {at}"))?;
                let inner = &rest[1..end];
                if let Some(name) = inner.strip_prefix('/') {
                    let expected = open
                        .pop()
                        .ok_or_else(|| format!("Unexpected end tag at byte offset {at}"))?;
                    if name.trim().to_ascii_lowercase() != expected && !name.trim().is_empty() {
                        return Err(format!(
                            "Unmatched end tag at byte offset {at}, expected \"</{expected}>\", found \"</{name}>\""
                        ));
                    }
                } else {
                    let name = inner
                        .split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .to_ascii_lowercase();
                    let spoiler = name != "span" || inner.contains("tg-spoiler");
                    if !TAGS.contains(&name.as_str()) || !spoiler {
                        return Err(format!("Unsupported start tag \"{name}\" at byte offset {at}"));
                    }
                    open.push(name);
                }
                at += end + 1;
            }
            '&' => {
                let (shown, length) = reference(rest);
                plain.push_str(&shown);
                at += length;
            }
            _ => {
                plain.push(next);
                at += next.len_utf8();
            }
        }
    }
    match open.last() {
        None => Ok(plain),
        Some(name) => Err(format!(
            "Can't find end tag corresponding to start tag \"{name}\""
        )),
    }
}

/// What a character reference stands for and how long it is. What is none stands for itself.
fn reference(rest: &str) -> (String, usize) {
    for (written, shown) in [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", "\"")] {
        if rest.starts_with(written) {
            return (shown.to_owned(), written.len());
        }
    }
    let numeric = rest.strip_prefix("&#").and_then(|digits| {
        let end = digits.find(';')?;
        let code = match digits[..end].strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits[..end].parse().ok()?,
        };
        Some((char::from_u32(code)?.to_string(), end + 3))
    });
    numeric.unwrap_or_else(|| ("&".to_owned(), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_away() {
        let cases = [
            (r"*bold* _it_ __under__ ~no~ ||who||\.", "bold it under no who."),
            (r"see [the *page*](https://x/a\)b) now", "see the page now"),
            ("`a.b-c!`\n```rust\nx = 1;\n```", "a.b-c!\nrust\nx = 1;\n"),
            (">quoted\n>again", "quoted\nagain"),
            (r"1\. *a _b_ c*", "1. a b c"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text, Some("MarkdownV2")).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(
            plain("<b>a &lt; b</b> <a href=\"x\">y</a> &#x41; & z", Some("HTML")).as_deref(),
            Ok("a < b y A & z")
        );
        assert_eq!(
            plain("*a* [b](c) \\_d", Some("Markdown")).as_deref(),
            Ok("a b _d")
        );
    }

    #[test]
    fn what_is_reserved_or_left_open_is_refused() {
        let cases = [
            ("MarkdownV2", "1. a", "Character '.' is reserved"),
            ("MarkdownV2", "a-b", "Character '-' is reserved"),
            (
                "MarkdownV2",
                "*a",
                "Can't find end of Bold entity at byte offset 0",
            ),
            (
                "MarkdownV2",
                "`a",
                "Can't find end of Code entity at byte offset 0",
            ),
            (
                "HTML",
                "<b>a",
                "Can't find end tag corresponding to start tag \"b\"",
            ),
            ("HTML", "<p>a</p>", "Unsupported start tag \"p\""),
            ("HTML", "<b><i>a</b></i>", "Unmatched end tag"),
            ("Markdown", "a_b", "Can't find end of the entity"),
        ];
        for (mode, text, expected) in cases {
            let error = plain(text, Some(mode)).unwrap_err();

            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
