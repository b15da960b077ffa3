//! What was read.

use serde::{Deserialize, Serialize};

/// Everything that was read out of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extraction {
    /// One of a file; of an archive, one for each file in it that could be read, by name.
    pub documents: Vec<Document>,
    /// What could not be read of an archive.
    pub refused: Vec<Refused>,
}

/// One document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// As the file is called; within an archive, its path there.
    pub name: String,
    /// What it calls itself.
    pub title: Option<String>,
    /// Lines that begin with `#` are headings; paragraphs are parted by empty lines.
    pub text: String,
    /// Of a table of questions and answers: these, and no text.
    pub pairs: Vec<Pair>,
    /// Where it leads, as written. Of a page only.
    pub links: Vec<String>,
    /// The address that it says it has, as written. Of a page only.
    pub canonical: Option<String>,
    /// It asks not to be kept: `<meta name="robots" content="noindex">`.
    pub no_index: bool,
    /// It asks that its links are not followed.
    pub no_follow: bool,
    /// Pages or slides that could not be read, or hold pictures only.
    pub unreadable_pages: usize,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// As it may be asked.
    pub question: String,
    /// As it is to be answered.
    pub answer: String,
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its path in the archive.
    pub name: String,
    /// Why, for the owner.
    pub reason: String,
}
