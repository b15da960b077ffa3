//! How many tokens a text has, without the model's own tokenizer: never too few, for the scripts that matter.

/// An estimate from above: four ASCII characters a token, every other character one.
pub(crate) fn estimate(text: &str) -> usize {
    let (mut ascii, mut other) = (0usize, 0usize);
    for c in text.chars() {
        if c.is_ascii() { ascii += 1 } else { other += 1 }
    }
    ascii.div_ceil(4) + other
}

/// The beginning of a text that has at most so many tokens.
pub(crate) fn beginning(text: &str, tokens: usize) -> &str {
    let mut quarters = 0usize;
    for (at, c) in text.char_indices() {
        quarters += if c.is_ascii() { 1 } else { 4 };
        if quarters > tokens.saturating_mul(4) {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_fits_and_ends_on_a_character() {
        for text in [
            "plain words here and there",
            "全部都是汉字的一句话",
            "gemischt: Straße über große Höhe",
            "",
        ] {
            for tokens in 0..12 {
                let cut = beginning(text, tokens);
                assert!(estimate(cut) <= tokens, "{cut:?} is more than {tokens}");
                assert!(text.starts_with(cut));
            }
        }
    }
}
