//! How many segments a text takes: GSM-7 where every character allows it, else UCS-2 (GSM 03.38).

/// The basic alphabet, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ\
ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Takes two septets each.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// Segments that Twilio would bill for a text.
pub fn segments(text: &str) -> u32 {
    let septets = text.chars().try_fold(0_usize, |sum, character| {
        if BASIC.contains(character) {
            Some(sum + 1)
        } else if EXTENDED.contains(character) {
            Some(sum + 2)
        } else {
            None
        }
    });
    let (length, single, concatenated) = match septets {
        Some(septets) => (septets, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    let count = if length <= single {
        1
    } else {
        length.div_ceil(concatenated)
    };
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_outside_gsm_7_makes_the_whole_text_ucs_2() {
        for (text, expected) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("я".repeat(70), 1),
            ("я".repeat(71), 2),
            (format!("{}я", "a".repeat(134)), 3),
            ("😀".repeat(35), 1),
            ("😀".repeat(36), 2),
        ] {
            assert_eq!(segments(&text), expected, "{} characters", text.chars().count());
        }
    }
}
