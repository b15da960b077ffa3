//! Plain text and Markdown, in whatever encoding.

use crate::document::Document;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// The text as it is.
pub(crate) fn read(bytes: &[u8]) -> Document {
    Document {
        text: decode(bytes),
        ..Document::default()
    }
}

/// By its byte order mark, else UTF-8 where it is that, else the encoding that its bytes look most like.
pub(crate) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding
            .decode_without_bom_handling(&bytes[mark..])
            .0
            .into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_usual_encoding_is_read() {
        let german = "Die Öffnungszeiten sind täglich von neun bis fünf, außer an Feiertagen. Über Mittag schließen wir.";
        let (latin, ..) = encoding_rs::WINDOWS_1252.encode(german);
        let russian = "Мы открыты каждый день с девяти до пяти, кроме праздников и воскресений.";
        let (cyrillic, ..) = encoding_rs::WINDOWS_1251.encode(russian);
        let mut wide = vec![0xFF, 0xFE];
        wide.extend(german.encode_utf16().flat_map(u16::to_le_bytes));

        assert_eq!(decode(german.as_bytes()), german);
        assert_eq!(decode(&latin), german);
        assert_eq!(decode(&cyrillic), russian);
        assert_eq!(decode(&wide), german);
        assert_eq!(decode("\u{FEFF}Hi".as_bytes()), "Hi");
    }
}
