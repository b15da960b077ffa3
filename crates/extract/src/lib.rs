//! Reads the text out of what owners bring: PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown, plain text, and archives of
//! these.
//!
//! What is read is a stranger's: a file may be broken, huge when unpacked, or made to harm whoever opens it. So it is read
//! in a process of its own ([`Extractor`]) that has little memory and little time, can open nothing, and whose end is
//! nobody else's. Within it, [`read`] does the work.
//!
//! Invariants: what a person who looks at the document does not see is not in the text (hidden elements, hidden sheets and
//! slides, deleted and vanished words, comments); headings are lines that begin with `#`, as the splitter wants them; what
//! cannot be read is refused with a reason that its owner understands.

mod archive;
mod child;
mod delimited;
mod document;
mod error;
mod html;
mod kind;
mod limits;
mod office;
mod pdf;
mod plain;
mod table;

pub use child::{Extractor, serve};
pub use document::{Document, Extraction, Pair, Refused};
pub use error::ExtractError;
pub use kind::Kind;
pub use limits::Limits;

/// Reads a file. `name` tells what its content does not; it may be empty, or a path within an archive.
///
/// A file with nothing to read in it is [`ExtractError::NoText`]. Of an archive, files that cannot be read are in
/// [`Extraction::refused`].
pub fn read(name: &str, bytes: &[u8], limits: &Limits) -> Result<Extraction, ExtractError> {
    match Kind::of(name, bytes)? {
        Kind::Archive => archive::read(bytes, limits),
        kind => Ok(Extraction {
            documents: vec![one(kind, name, bytes, limits)?],
            refused: Vec::new(),
        }),
    }
}

/// One document, of a kind that is no archive of many.
fn one(kind: Kind, name: &str, bytes: &[u8], limits: &Limits) -> Result<Document, ExtractError> {
    let mut document = match kind {
        Kind::Pdf => pdf::read(bytes, limits)?,
        Kind::Word => office::word::read(bytes, limits)?,
        Kind::Slides => office::slides::read(bytes, limits)?,
        Kind::Sheets => office::sheets::read(bytes, limits)?,
        Kind::Html => html::read(bytes),
        Kind::Delimited => delimited::read(name, bytes)?,
        Kind::Text => plain::read(bytes),
        Kind::Archive => return Err(ExtractError::ArchiveInArchive),
    };
    document.name = name.to_owned();
    if document.text.chars().count() > limits.characters {
        return Err(ExtractError::TooMuchText {
            limit: limits.characters,
        });
    }
    if document.text.trim().is_empty() && document.pairs.is_empty() {
        return Err(ExtractError::NoText);
    }
    Ok(document)
}
