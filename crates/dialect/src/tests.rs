mod hostile;

use crate::{Dialect, Style, compose};

/// A dialect with every mark there is, none of which a text can have.
struct Marked;

impl Dialect for Marked {
    fn text(&self, text: &str, out: &mut String) {
        for c in text.chars() {
            match c {
                '{' | '}' | '\\' => out.extend(['\\', c]),
                _ => out.push(c),
            }
        }
    }

    fn open(&self, style: &Style, out: &mut String) {
        out.push('{');
        out.push_str(match style {
            Style::Strong => "b",
            Style::Emphasis => "i",
            Style::Struck => "s",
            Style::Heading(_) => "h",
            Style::Code => "c",
            Style::Link { .. } => "a",
        });
        out.push(' ');
    }

    fn close(&self, style: &Style, out: &mut String) {
        if let Style::Link { url, same: false } = style {
            out.push('=');
            self.text(url, out);
        }
        out.push('}');
    }

    fn code(&self, text: &str, out: &mut String) {
        self.text(text, out);
    }

    fn quote(&self) -> &str {
        "> "
    }

    fn item(&self, number: Option<u64>) -> String {
        number.map_or_else(|| "* ".to_owned(), |number| format!("{number}) "))
    }

    fn open_block(&self, language: Option<&str>, out: &mut String) {
        out.extend(["{{", language.unwrap_or_default(), "\n"]);
    }

    fn close_block(&self, out: &mut String) {
        out.push_str("\n}}");
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn cut(markdown: &str, limit: usize) -> Vec<String> {
    compose(markdown, &Marked, limit, chars)
}

fn whole(markdown: &str) -> String {
    cut(markdown, usize::MAX).concat()
}

#[test]
fn no_text_gives_no_message() {
    for nothing in [
        "",
        " \n\n ",
        "\0",
        "---",
        "> \n> ",
        "```\n```",
        "<!-- -->",
        "[]()",
        "\u{200b}",
        "&nbsp;",
        "| | |\n|-|-|\n| | |",
    ] {
        assert!(cut(nothing, 100).is_empty(), "{nothing:?}");
    }
}

#[test]
fn every_style_is_written() {
    assert_eq!(
        whole("# T **x**\n**b *bi* b** ~~s~~ `c {`"),
        "{h T x}\n\n{b b {i bi} b} {s s} {c c \\{}"
    );
    assert_eq!(whole("**a** *b*c_d"), "{b a} {i b}c_d");
    assert_eq!(whole("***a** b*"), "{i {b a} b}");
    assert_eq!(
        whole("*a **b** *c**"),
        "{i a {b b} c}",
        "emphasis in emphasis is emphasis"
    );
}

#[test]
fn a_style_ends_with_its_line() {
    assert_eq!(whole("**a\nb**"), "{b a}\n{b b}");
    assert_eq!(whole("Title\non two lines\n==="), "{h Title on two lines}");
}

#[test]
fn links_and_images_are_links() {
    assert_eq!(
        whole("**see [a *b*](http://x)**!"),
        "{b see {a a {i b}=http://x}}!"
    );
    assert_eq!(
        whole("![alt](http://x) <http://y>"),
        "{a alt=http://x} {a http://y}"
    );
    assert_eq!(whole("[![alt](http://i)](http://x)"), "{a alt=http://x}");
    assert_eq!(
        whole("a[ b ](http://x)c [](http://y)"),
        "a {a b=http://x} c {a http://y}"
    );
    assert_eq!(whole("[a\nb](<http://x/a b>)"), "{a a b=http://x/a%20b}");
    assert_eq!(whole("<a@b.c> [a@b.c](mailto:a@b.c)"), "{a a@b.c} {a a@b.c}");
    assert_eq!(whole("[a `b`]()"), "a {c b}");
}

#[test]
fn quotations_repeat_their_mark_on_each_line() {
    assert_eq!(
        whole("> a\n> b\n>\n> c\n> > d\n\ne"),
        "> a\n> b\n>\n> c\n>\n> > d\n\ne"
    );
    assert_eq!(whole("> a\n\n> b"), "> a\n\n> b");
    assert_eq!(whole("> - a\n>   - b"), "> * a\n>   * b");
    assert_eq!(whole("> ```x\n> a\n>\n> b\n> ```"), "> {{x\n> a\n> \n> b\n> }}");
}

#[test]
fn lists_keep_numbers_and_depth() {
    assert_eq!(
        whole("7. a\n8. b\n   - c\n     d\n\n     e\n   - f"),
        "7) a\n8) b\n  * c\n  d\n  e\n  * f"
    );
    assert_eq!(whole("- - a\n-\n- b"), "*\n  * a\n*\n* b");
    assert_eq!(whole("- ```\n  a\n  ```\n- b"), "*\n{{\na\n}}\n* b");
}

#[test]
fn code_blocks_keep_their_lines_and_language() {
    assert_eq!(
        whole("```rust,ignore\n\n  a  \n\n\tb {\n\n```"),
        "{{rust\n  a\n\n\tb \\{\n}}"
    );
    assert_eq!(whole("    a\n\nb"), "{{\na\n}}\n\nb");
    assert_eq!(whole("``` {evil}\na\n```"), "{{\na\n}}");
}

#[test]
fn tables_are_lines() {
    assert_eq!(
        whole("| a | **b** |\n|---|---|\n| [x](http://x) | |\n| | y \\| z |"),
        "a | {b b}\n{a x=http://x}\n| y | z"
    );
}

#[test]
fn html_is_text_but_for_line_breaks_and_comments() {
    assert_eq!(whole("<b>{x}</b><br>\ny<BR />z"), "<b>\\{x\\}</b>\ny\nz");
    assert_eq!(
        whole("<div>\n<p>x</p><br/>y\n</div>"),
        "<div>\n<p>x</p>\ny\n</div>"
    );
    assert_eq!(
        whole("a <!-- b --> c\n\n<!-- d\n\ne --> f\n\ng"),
        "a  c\n\n f\n\ng"
    );
    assert_eq!(whole("<!-- a\n\nb"), "<!-- a\n\nb");
}

#[test]
fn a_cut_prefers_blocks_then_sentences_then_words() {
    assert_eq!(
        cut("one two. three\n\nfour. five six", 25),
        ["one two. three", "four. five six"]
    );
    assert_eq!(
        cut("one two. three four five", 18),
        ["one two.", "three four five"]
    );
    assert_eq!(cut("o. two three four", 14), ["o. two three", "four"]);
    assert_eq!(cut("- one\n- two\n- three", 16), ["* one\n* two", "* three"]);
    assert_eq!(cut("你好。再见，朋友。谢谢", 9), ["你好。再见，朋友。", "谢谢"]);
}

#[test]
fn a_heading_is_not_the_end_of_a_message() {
    assert_eq!(
        cut("text text text\n\n# T\n\nmore more more", 24),
        ["text text text", "{h T}\n\nmore more more"]
    );
}

#[test]
fn a_word_in_two_styles_stays_whole() {
    assert_eq!(cut("aaaa bb**cc**, d", 13), ["aaaa", "bb{b cc}, d"]);
}

#[test]
fn what_is_open_at_a_cut_is_closed_and_opened_again() {
    assert_eq!(
        cut("**aaa *bbb ccc* ddd**", 15),
        ["{b aaa {i bbb}}", "{b {i ccc} ddd}"]
    );
    assert_eq!(cut("> aaa bbb\n> ccc", 7), ["> aaa", "> bbb", "> ccc"]);
    assert_eq!(cut("# aaa bbb", 8), ["{h aaa}", "{h bbb}"]);
    assert_eq!(
        cut("```rs\naaa\nbbb\nccc\n```", 17),
        ["{{rs\naaa\nbbb\n}}", "{{rs\nccc\n}}"]
    );
    assert_eq!(cut("1. aaa bbb\n2. c", 6), ["1) aaa", "bbb", "2) c"]);
}

#[test]
fn a_long_line_of_code_is_cut() {
    assert_eq!(
        cut("```\naaaaaaaaaa\n```", 10),
        ["{{\naaaa\n}}", "{{\naaaa\n}}", "{{\naa\n}}"]
    );
    assert_eq!(
        cut("```\naaa bbb cc\n```", 12),
        ["{{\naaa \n}}", "{{\nbbb cc\n}}"]
    );
    assert_eq!(cut("`aaa bbb ccc`", 11), ["{c aaa bbb}", "{c ccc}"]);
}

#[test]
fn a_link_is_never_torn() {
    assert_eq!(
        cut("aaa bbb [ccc ddd](http://x), eee", 25),
        ["aaa bbb", "{a ccc ddd=http://x}, eee"]
    );
}

#[test]
fn a_link_whose_text_is_too_long_gives_its_address_once() {
    assert_eq!(
        cut("**[aaa bbb ccc ddd](http://x)** eee", 22),
        ["{b aaa bbb ccc}", "{b {a ddd=http://x}}", "eee"]
    );
    assert_eq!(
        cut("[aaaaaaaaaaaa](http://x)", 10),
        ["aaaaaaaaaa", "aa", "http://x"]
    );
    assert_eq!(cut("<http://abcdef>", 10), ["http://abc", "def"]);
}

#[test]
fn what_a_reader_sees_as_one_character_is_cut_only_if_it_fits_nowhere() {
    let family = "👨‍👩‍👧‍👦";
    assert_eq!(cut(&family.repeat(3), 15), [family.repeat(2), family.to_owned()]);
    assert_eq!(
        cut(&format!("**{family}{family}x**"), 13),
        [format!("{{b {family}}}"), format!("{{b {family}x}}")]
    );
    assert_eq!(
        cut(&format!("{family}x{family}"), 4).concat(),
        format!("{family}x{family}")
    );
    assert_eq!(cut(&format!("{family}abcd"), 4).last().unwrap(), "abcd");
}

#[test]
fn marks_that_leave_no_room_are_left_out() {
    assert_eq!(cut("> **aaa** bbb", 4), ["aaa", "> bb", "> b"]);
    assert_eq!(cut("**👨‍👩‍👧‍👦**", 8), ["👨‍👩‍👧‍👦"], "rather than torn");
    assert_eq!(cut("1. a\n2. b", 2), ["a", "b"]);
    assert_eq!(cut("a{b", 1), ["a", "b"], "an escaped brace is two");
    assert!(cut("a", 0).is_empty());
}

/// Looks back at what stands before, as some dialects must.
struct LooksBack;

impl Dialect for LooksBack {
    fn text(&self, text: &str, out: &mut String) {
        out.push_str(if out.ends_with(' ') { "_" } else { "!" });
        out.push_str(text);
    }

    fn open(&self, _style: &Style, _out: &mut String) {}

    fn close(&self, _style: &Style, _out: &mut String) {}

    fn code(&self, text: &str, out: &mut String) {
        self.text(text, out);
    }

    fn quote(&self) -> &str {
        "> "
    }

    fn item(&self, _number: Option<u64>) -> String {
        "- ".to_owned()
    }

    fn open_block(&self, _language: Option<&str>, _out: &mut String) {}

    fn close_block(&self, _out: &mut String) {}

    fn line_break(&self) -> &str {
        "<br>\n"
    }
}

#[test]
fn a_dialect_sees_what_stands_before_and_breaks_lines_its_way() {
    assert_eq!(
        compose("> a\n> b\n\nc\n- d", &LooksBack, 99, chars),
        ["> _a<br>\n> _b<br>\n<br>\n!c<br>\n<br>\n- _d"]
    );
}

#[test]
fn right_to_left_text_stays_as_it_is() {
    assert_eq!(
        whole("שלום **עולם** \u{200f}مرحبا؟"),
        "שלום {b עולם} \u{200f}مرحبا؟"
    );
}
