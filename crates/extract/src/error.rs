//! Why a file is not read, in words for its owner.

use serde::{Deserialize, Serialize};

/// Why a file is not read. Each says what would help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ExtractError {
    /// Nothing in it can be told to be text.
    #[error(
        "this kind of file cannot be read; bring a PDF, Word, PowerPoint or Excel file, CSV, HTML, Markdown, plain text, or a zip of these"
    )]
    UnknownKind,
    /// A kind of file from long ago, or an encrypted Office file: both look alike from outside.
    #[error(
        "the file is protected with a password, or in a format from before 2007; save it without a password as .docx, .pptx or .xlsx"
    )]
    OldOrEncryptedOffice,
    /// It opens with a password only.
    #[error("the file is protected with a password; save it without one")]
    Encrypted,
    /// Pages without text.
    #[error(
        "its {pages} pages are pictures without text; recognise the text first (OCR), or bring the document it was made from"
    )]
    Scanned {
        /// How many.
        pages: usize,
    },
    /// There is nothing to read.
    #[error("there is no text in it")]
    NoText,
    /// It is not what it says it is, or damaged.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// A file in an archive is an archive.
    #[error("an archive within an archive is not opened; bring its files one level up")]
    ArchiveInArchive,
    /// It grows when it is unpacked.
    #[error("unpacked it would be larger than {} MB; bring it in parts", limit >> 20)]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// Too much to be of use.
    #[error("it has more than {limit} characters; bring it in parts")]
    TooMuchText {
        /// In characters.
        limit: usize,
    },
    /// An archive of very many.
    #[error("the archive holds more than {limit} files; bring it in parts")]
    TooManyFiles {
        /// How many may be in it.
        limit: usize,
    },
    /// A very long document.
    #[error("it has more than {limit} pages; bring it in parts")]
    TooManyPages {
        /// How many it may have.
        limit: usize,
    },
    /// The reading process came to its limit of time.
    #[error(
        "reading it took longer than {seconds} s and was ended; bring it in parts, or as another kind of file"
    )]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The reading process came to its limit of memory, or fell over the file.
    #[error(
        "reading it took more than {} MB of memory or failed badly, and was ended; bring it in parts, or as another kind of file",
        memory >> 20
    )]
    Fell {
        /// The limit, in bytes.
        memory: u64,
    },
    /// Ours: the process could not be started or heard.
    #[error("the reading process could not be run: {0}")]
    NoProcess(String),
}

impl ExtractError {
    /// Whether the same file may be read at another time.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NoProcess(_))
    }
}
