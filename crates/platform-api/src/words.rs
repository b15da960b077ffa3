//! Words of others, as an owner may read them.

use std::error::Error;

const MAX_WORDS: usize = 300;

/// Why a call failed, without its address.
pub fn words_of(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let error = error.without_url();
    let mut root: &dyn Error = &error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

/// What a platform says, on one line, not too long, and of long numbers only the last four digits.
pub fn tidy(words: &str) -> String {
    let mut tidy = String::new();
    let mut digits = String::new();
    for c in words.chars().take(MAX_WORDS).chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if digits.len() >= 7 {
            tidy.truncate(tidy.trim_end_matches('+').len());
            tidy.push('…');
            digits.drain(..digits.len() - 4);
        }
        tidy.push_str(&std::mem::take(&mut digits));
        match c {
            '\0' => (),
            _ if c.is_control() => tidy.push(' '),
            _ => tidy.push(c),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platforms_words_lose_the_number_they_name() {
        assert_eq!(
            tidy("The 'To' number +15005550001 is not a valid phone number (21211)\r\n."),
            "The 'To' number …0001 is not a valid phone number (21211)  ."
        );
        assert_eq!(tidy(&"x".repeat(5_000)).len(), MAX_WORDS);
        assert_eq!(tidy("ends with +14155550123"), "ends with …0123");
    }
}
