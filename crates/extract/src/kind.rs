//! What kind of file it is. Its content decides; its name only where contents look alike.

use crate::{error::ExtractError, office::package::Package};

/// A kind of file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Portable Document Format.
    Pdf,
    /// `.docx`
    Word,
    /// `.pptx`
    Slides,
    /// `.xlsx`, `.xlsb`, `.ods` and the older `.xls`
    Sheets,
    /// A web page.
    Html,
    /// Comma- or tab-separated values.
    Delimited,
    /// Plain text or Markdown.
    Text,
    /// A zip of files.
    Archive,
}

/// An OLE compound file: Office before 2007, and Office files with a password.
const COMPOUND: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// How far into a file is looked for what gives a page away.
const LOOK: usize = 2_048;

impl Kind {
    /// Tells it.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self, ExtractError> {
        let extension = extension(name);
        // Some programs write a few bytes before it, and readers accept up to 1,024.
        if bytes[..bytes.len().min(1_024)]
            .windows(5)
            .any(|five| five == b"%PDF-")
        {
            return Ok(Self::Pdf);
        }
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return Self::of_zip(bytes);
        }
        if bytes.starts_with(COMPOUND) {
            return match extension.as_str() {
                "xls" => Ok(Self::Sheets),
                _ => Err(ExtractError::OldOrEncryptedOffice),
            };
        }
        if is_binary(bytes) {
            return Err(ExtractError::UnknownKind);
        }
        Ok(match extension.as_str() {
            "csv" | "tsv" | "tab" => Self::Delimited,
            "html" | "htm" | "xhtml" => Self::Html,
            "md" | "markdown" => Self::Text,
            _ if looks_like_a_page(bytes) => Self::Html,
            _ => Self::Text,
        })
    }

    fn of_zip(bytes: &[u8]) -> Result<Self, ExtractError> {
        let package = Package::open(bytes, u64::MAX)?;
        Ok(if package.has("word/document.xml") {
            Self::Word
        } else if package.has("ppt/presentation.xml") {
            Self::Slides
        } else if package.has("xl/workbook.xml")
            || package.has("xl/workbook.bin")
            || package.begins("mimetype", b"application/vnd.oasis.opendocument.spreadsheet")
        {
            Self::Sheets
        } else {
            Self::Archive
        })
    }
}

/// In lower case, without the dot; empty when there is none.
pub(crate) fn extension(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default()
}

/// Text has no zero bytes, except in UTF-16, which says so at its beginning.
fn is_binary(bytes: &[u8]) -> bool {
    let utf_16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    !utf_16 && bytes[..bytes.len().min(65_536)].contains(&0)
}

fn looks_like_a_page(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOK)]).to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body", "<script", "<div"]
        .iter()
        .any(|tag| start.contains(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides_and_the_name_only_where_contents_look_alike() {
        for (name, bytes, kind) in [
            ("report.txt", b"%PDF-1.7 ...".as_slice(), Kind::Pdf),
            ("page", b"\n<!DOCTYPE html><p>Hi", Kind::Html),
            ("notes.md", b"<div>kept as it is</div>", Kind::Text),
            ("prices.CSV", b"a,b\n1,2", Kind::Delimited),
            ("C:\\docs\\readme", b"Hello", Kind::Text),
            ("wide.txt", &[0xFF, 0xFE, b'H', 0, b'i', 0], Kind::Text),
        ] {
            assert_eq!(Kind::of(name, bytes), Ok(kind), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_its_kind() {
        assert_eq!(
            Kind::of("a.png", b"\x89PNG\r\n\x1a\n\0\0"),
            Err(ExtractError::UnknownKind)
        );
        assert_eq!(
            Kind::of("a.docx", COMPOUND),
            Err(ExtractError::OldOrEncryptedOffice)
        );
        assert!(matches!(
            Kind::of("a.docx", b"PK\x03\x04cut off"),
            Err(ExtractError::Damaged(_))
        ));
    }
}
