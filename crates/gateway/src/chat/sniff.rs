//! What kind of file some bytes are, by how they begin (<https://mimesniff.spec.whatwg.org/>).

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
}
