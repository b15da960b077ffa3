//! What people write, as they see it: Slack escapes `& < >` and writes mentions and links between angle brackets.
//!
//! Source: <https://docs.slack.dev/messaging/formatting-message-text>

use channel::text::without_nul;

/// The text as a reader sees it, without mentions of our bot.
pub(crate) fn readable(text: &str, bot: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else {
            break;
        };
        out.push_str(&unescape(&rest[..start]));
        let inside = &rest[start + 1..start + length];
        rest = &rest[start + length + 1..];
        if is_mention_of(inside, bot) {
            out.truncate(out.trim_end_matches(' ').len());
            if !out.is_empty() && rest.starts_with(char::is_alphanumeric) {
                out.push(' ');
            }
        } else {
            out.push_str(&shown(inside));
        }
    }
    out.push_str(&unescape(rest));
    without_nul(out.trim())
}

/// Whether the text mentions this person or bot.
pub(crate) fn mentions(text: &str, id: &str) -> bool {
    insides(text).any(|inside| is_mention_of(inside, Some(id)))
}

/// Whether it mentions anybody.
pub(crate) fn mentions_anybody(text: &str) -> bool {
    insides(text).any(|inside| inside.starts_with('@'))
}

/// What stands between angle brackets.
fn insides(text: &str) -> impl Iterator<Item = &str> {
    text.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(inside, _)| inside)
}

fn is_mention_of(inside: &str, id: Option<&str>) -> bool {
    let mentioned = inside
        .strip_prefix('@')
        .map(|mention| mention.split('|').next().unwrap_or_default());
    mentioned.is_some() && mentioned == id
}

/// What a reader sees of what stands between angle brackets.
fn shown(inside: &str) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(unescape(label)).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    match target.chars().next() {
        Some('@') => label.map_or_else(|| target.to_owned(), |label| with_mark('@', &label)),
        Some('#') => label.map_or_else(|| target.to_owned(), |label| with_mark('#', &label)),
        // `!here`, `!subteam^S1|@team`, `!date^1392734382^…|Feb 18`
        Some('!') => label.unwrap_or_else(|| {
            let name = target[1..].split('^').next().unwrap_or_default();
            with_mark('@', name)
        }),
        _ => {
            let url = unescape(target);
            match label {
                Some(label) if !is_same(&url, &label) => format!("{label} ({})", without_mailto(&url)),
                // Somebody typed `acme.com`, and Slack made a link of it.
                Some(label) => label,
                None => without_mailto(&url).to_owned(),
            }
        }
    }
}

fn with_mark(mark: char, name: &str) -> String {
    format!("{mark}{}", name.trim_start_matches(mark))
}

fn without_mailto(url: &str) -> &str {
    url.strip_prefix("mailto:")
        .or_else(|| url.strip_prefix("tel:"))
        .unwrap_or(url)
}

fn is_same(url: &str, label: &str) -> bool {
    let bare = |text: &str| {
        let text = without_mailto(text);
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        text.trim_end_matches('/').to_owned()
    };
    bare(url) == bare(label)
}

/// Without Slack's three escapes.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// With them, so that nothing in it is taken for a mention or a link.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_are_understood_as_they_see_themselves() {
        for (sent, seen) in [
            ("hi &amp; hello &lt;b&gt; &amp;lt;", "hi & hello <b> &lt;"),
            ("<@UBOT> where is my order?", "where is my order?"),
            ("<@UBOT|botsmith>: hi", ": hi"),
            ("hey <@UBOT>, hi", "hey, hi"),
            ("hey <@UBOT> there", "hey there"),
            ("hey <@UBOT>there", "hey there"),
            ("one\n<@UBOT>\ntwo", "one\n\ntwo"),
            ("ask <@U0002> or <@U0003|ann>", "ask @U0002 or @ann"),
            ("in <#C0001|general> or <#C0002>", "in #general or #C0002"),
            (
                "<!here> <!channel|channel> <!subteam^S1|@team>",
                "@here channel @team",
            ),
            ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
            (
                "see <https://acme.com/a?b=1&amp;c=2|our shop>",
                "see our shop (https://acme.com/a?b=1&c=2)",
            ),
            ("<https://acme.com>", "https://acme.com"),
            ("<http://acme.com|acme.com>", "acme.com"),
            ("<mailto:ann@acme.com|ann@acme.com>", "ann@acme.com"),
            ("<mailto:ann@acme.com|Ann &amp; Co>", "Ann & Co (ann@acme.com)"),
            ("<tel:+14155550123>", "+14155550123"),
            ("a < b", "a < b"),
            ("<>", ""),
            ("<|>", ""),
            ("<@UBOT>", ""),
            ("مرحبا <@UBOT> 👨‍👩‍👧‍👦", "مرحبا 👨‍👩‍👧‍👦"),
            ("nul\0", "nul"),
        ] {
            assert_eq!(readable(sent, Some("UBOT")), seen, "{sent}");
        }
    }

    #[test]
    fn a_mention_is_found_with_and_without_a_name() {
        for (text, ours, anybodys) in [
            ("<@UBOT> hi", true, true),
            ("hi <@UBOT|bot>", true, true),
            ("<@UBOT2> hi", false, true),
            ("&lt;@UBOT&gt;", false, false),
            ("<#C1|@UBOT>", false, false),
        ] {
            assert_eq!(mentions(text, "UBOT"), ours, "{text}");
            assert_eq!(mentions_anybody(text), anybodys, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_reads_as_it_was(text in "[<>&a-z;@#!| ]{0,40}") {
            let mut escaped = String::new();
            escape(&text, &mut escaped);

            prop_assert_eq!(readable(&escaped, Some("U1")), text.trim());
        }

        #[test]
        fn nothing_that_comes_in_panics(text in "([<>|@#!^&]|\\PC){0,60}") {
            readable(&text, Some("U1"));
        }
    }
}
