//! What kind of file some bytes are, by how they begin (<https://mimesniff.spec.whatwg.org/>).

/// All kinds that are taken.
const KINDS: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/heic",
    "application/pdf",
    "audio/wav",
    "audio/ogg",
    "audio/mpeg",
    "audio/mp4",
    "video/mp4",
    "video/webm",
    "text/plain",
];

/// Its MIME type. `None`: nothing that is taken. What a browser would run (HTML, SVG, scripts) is plain text at most.
pub fn kind(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    let at = |place: usize, with: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(with));
    let kind = if begins(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if begins(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        "image/gif"
    } else if begins(b"RIFF") && at(8, b"WEBP") {
        "image/webp"
    } else if begins(b"%PDF-") {
        "application/pdf"
    } else if begins(b"RIFF") && at(8, b"WAVE") {
        "audio/wav"
    } else if begins(b"OggS\0") {
        "audio/ogg"
    } else if begins(b"ID3") || (bytes.len() > 2 && bytes[0] == 0xff && bytes[1] & 0xe6 == 0xe2) {
        "audio/mpeg"
    } else if at(4, b"ftypheic") || at(4, b"ftypheix") || at(4, b"ftypmif1") {
        "image/heic"
    } else if at(4, b"ftypM4A") {
        "audio/mp4"
    } else if at(4, b"ftyp") {
        "video/mp4"
    } else if begins(b"\x1a\x45\xdf\xa3") {
        "video/webm"
    } else if is_text(bytes) {
        "text/plain"
    } else {
        return None;
    };
    Some(kind)
}

/// How names of files of a MIME type end, the usual ending first. What is text may be of any kind of text.
pub fn endings(content_type: &str) -> &'static [&'static str] {
    match content_type {
        "image/png" => &["png"],
        "image/jpeg" => &["jpg", "jpeg"],
        "image/gif" => &["gif"],
        "image/webp" => &["webp"],
        "image/heic" => &["heic", "heif"],
        "application/pdf" => &["pdf"],
        "audio/wav" => &["wav"],
        "audio/ogg" => &["ogg", "opus", "oga"],
        "audio/mpeg" => &["mp3"],
        "audio/mp4" => &["m4a"],
        "video/mp4" => &["mp4"],
        "video/webm" => &["webm"],
        "text/plain" => &["txt", "csv", "md", "log", "ics", "vcf"],
        _ => &[],
    }
}

/// The MIME type of a file by the ending of its name, as [`crate::called`] gave it one.
pub fn by_name(name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    KINDS
        .iter()
        .find(|kind| endings(kind).contains(&ending.as_str()))
        .copied()
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && std::str::from_utf8(bytes).is_ok_and(|text| {
            text.chars()
                .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_say_what_they_are_and_markup_is_text() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"\0\0\0\x18ftypmp42", Some("video/mp4")),
            (b"\xff\xfb\x90\x44", Some("audio/mpeg")),
            (b"<svg onload=alert(1)>", Some("text/plain")),
            (b"<html>", Some("text/plain")),
            ("Grüße".as_bytes(), Some("text/plain")),
            (b"MZ\x90\0\x03", None),
            (b"\x7fELF\x02", None),
            (b"PK\x03\x04\x14\0", None),
            (b"", None),
        ] {
            assert_eq!(kind(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn every_kind_is_told_again_by_its_endings() {
        for kind in KINDS {
            assert!(!endings(kind).is_empty(), "{kind}");
            for ending in endings(kind) {
                assert_eq!(by_name(&format!("a.{}", ending.to_uppercase())), Some(*kind));
            }
        }
        assert_eq!(by_name("a.exe"), None);
    }
}
