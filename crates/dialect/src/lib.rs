//! Replies in CommonMark, written in a platform's dialect and cut to its measure.
//!
//! A reply is cut between blocks, then sentences, then words, never inside a link, what a reader sees as one character,
//! or the marks of the dialect: what is open at a cut (bold, a quotation, a code block) is closed before it and opened
//! again after it. Styles are closed at the end of every line too: most platforms know none that goes over two.
//!
//! Invariant: the time it takes grows with the reply's length, however deep the reply nests.

mod atom;
mod loosen;
mod numbered;
mod pack;
mod plain;
mod read;
mod render;
mod words;

#[cfg(test)]
mod tests;

pub use numbered::numbered;
pub use plain::Plain;

/// How a platform writes. What it writes is added to `out`, which ends with what stands before it in the message.
pub trait Dialect {
    /// Writes text so that no character of it is taken for a mark. It is a run within one line, without line breaks.
    fn text(&self, text: &str, out: &mut String);
    /// Begins a run of text in this style. A dialect without it writes nothing.
    fn open(&self, style: &Style, out: &mut String);
    /// Ends a run of text in this style.
    fn close(&self, style: &Style, out: &mut String);
    /// Writes text inside code, where most dialects escape less. It is a run within one line, or one line of a block.
    fn code(&self, text: &str, out: &mut String);
    /// What stands at the beginning of every line of a quotation.
    fn quote(&self) -> &str;
    /// What stands before an item of a list, with the space behind it: `number` where the list is numbered.
    fn item(&self, number: Option<u64>) -> String;
    /// Opens a block of code, with the line break behind the mark where the dialect has one: "```rust\n". The language
    /// has letters, digits and `+-#._` only.
    fn open_block(&self, language: Option<&str>, out: &mut String);
    /// Closes it, with the line break before the mark where the dialect has one: "\n```".
    fn close_block(&self, out: &mut String);
    /// What ends a line outside of code. Between paragraphs it stands twice.
    fn line_break(&self) -> &str {
        "\n"
    }
}

/// How a run of text looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// Strong emphasis; also headings, in dialects that have none.
    Strong,
    /// Emphasis.
    Emphasis,
    /// Struck through.
    Struck,
    /// A heading of this level. Nothing in it is [`Style::Strong`].
    Heading(u8),
    /// Code within a line.
    Code,
    /// A link to this address. A dialect without links writes the address behind the text at its close, unless the text
    /// is the address: `same` says so.
    Link {
        /// Where to. It has neither white space nor control characters.
        url: String,
        /// The text is the address.
        same: bool,
    },
}

/// The messages that a reply becomes: each at most `limit` by `measure`, none of them empty. No text gives none.
///
/// `measure` must grow with its text; `limit` is in its unit.
pub fn compose(
    markdown: &str,
    dialect: &impl Dialect,
    limit: usize,
    measure: impl Fn(&str) -> usize,
) -> Vec<String> {
    pack::pack(read::read(markdown), dialect, limit, &measure)
}
