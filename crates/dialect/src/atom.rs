//! What a reply is made of: pieces of a line that stay whole where they can.

use crate::Style;
use std::rc::Rc;

/// A word, a run of code, a link, or a line of a code block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Atom {
    pub gap: Gap,
    pub place: Place,
    /// What is shown. None: an item of a list without text.
    pub runs: Vec<Run>,
    /// It is a part of what a reader sees as one character, and larger than a message: only characters are left.
    pub torn: bool,
}

/// Text in one set of styles.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// From the outermost to the innermost.
    pub styles: Rc<[Style]>,
    pub text: String,
}

/// What stands between an atom and the one before it. Nothing of it is written at the beginning of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gap {
    /// Line breaks: two of them leave an empty line.
    pub lines: u8,
    /// White space, after the line breaks.
    pub space: String,
    pub cut: Cut,
    /// The quotations that the empty line is in.
    pub quote: u8,
}

/// How well a message ends before an atom, worst first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    /// Within a word.
    #[default]
    Glued,
    Word,
    Sentence,
    Line,
    Block,
}

/// Where an atom's line stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// The quotations it is in.
    pub quote: u8,
    /// The lists it is in, less one.
    pub depth: u8,
    /// It begins an item of a list, with this number if the list has numbers.
    pub marker: Option<Option<u64>>,
    /// The code block it is a line of.
    pub block: Option<Rc<Block>>,
}

/// A block of code: the same one for all its lines.
#[derive(Debug)]
pub(crate) struct Block {
    pub language: Option<String>,
}

impl Place {
    /// The same place further on in the line.
    pub fn onward(&self) -> Self {
        Self {
            marker: None,
            ..self.clone()
        }
    }

    pub fn is_same_block(&self, other: &Self) -> bool {
        match (&self.block, &other.block) {
            (Some(one), Some(other)) => Rc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Atom {
    /// There is something for a reader to see.
    pub fn is_visible(&self) -> bool {
        self.place.marker.is_some() || self.runs.iter().any(|run| run.text.chars().any(is_visible))
    }

    /// Bytes of text: a rough size.
    pub fn weight(&self) -> usize {
        1 + self.runs.iter().map(|run| run.text.len()).sum::<usize>()
    }
}

pub(crate) fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
