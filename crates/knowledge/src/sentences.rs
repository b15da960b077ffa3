//! Where sentences begin and end, in any script (Unicode text segmentation, UAX 29), mended after abbreviations.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Words whose full stop ends no sentence, in lower case.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "no", "nr", "fig", "e.g", "i.e", "cf", "ca",
    "approx", "vol", "pp", "gen", "lt", "col", "sgt", "rev", "hon", "inc", "ltd", "co", "corp", "dept",
    "u.s", "z.b", "d.h", "bzw", "usw", "vgl", "str", "abs", "art", "bspw", "ggf", "inkl", "max", "min",
    "tel", "sog", "evtl", "p.ej", "sra", "av",
];

/// The sentences of a text, without the white space around them. Together they hold every visible character.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut goes_on = false;
    for (start, piece) in text.split_sentence_bound_indices() {
        let visible = piece.trim();
        if visible.is_empty() {
            continue;
        }
        let from = start + (piece.len() - piece.trim_start().len());
        let to = from + visible.len();
        match found.last_mut() {
            Some(last) if goes_on => last.end = to,
            _ => found.push(from..to),
        }
        // A line break ends a sentence whatever stands before it.
        goes_on = ends_in_abbreviation(visible) && !text[to..start + piece.len()].contains('\n');
    }
    found
}

fn ends_in_abbreviation(sentence: &str) -> bool {
    let Some(before) = sentence.strip_suffix('.') else {
        return false;
    };
    let word = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“' | '„'))
        .next()
        .unwrap_or(before);
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        // An initial: J. Smith. An ordinal in some languages: am 3. Mai.
        (Some(only), None) => only.is_uppercase() || only.is_ascii_digit(),
        (Some(a), Some(b)) if chars.next().is_none() && a.is_ascii_digit() && b.is_ascii_digit() => true,
        _ => ABBREVIATIONS.contains(&word.to_lowercase().as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_of_several_scripts_are_found() {
        assert_eq!(
            of("We ship daily. Is it free? Yes!"),
            ["We ship daily.", "Is it free?", "Yes!"]
        );
        assert_eq!(
            of("我们每天发货。运费免费吗？是的！"),
            ["我们每天发货。", "运费免费吗？", "是的！"]
        );
        assert_eq!(of("one\ntwo\n\nthree"), ["one", "two", "three"]);
        assert_eq!(of("  "), Vec::<&str>::new());
    }

    #[test]
    fn abbreviations_and_initials_end_nothing() {
        assert_eq!(
            of("Ask Dr. Smith or J. Doe. They know."),
            ["Ask Dr. Smith or J. Doe.", "They know."]
        );
        assert_eq!(
            of("Wir liefern z.B. Bücher. Ab 3. Mai."),
            ["Wir liefern z.B. Bücher.", "Ab 3. Mai."]
        );
        assert_eq!(
            of("It costs 3.50 euros. Cheap."),
            ["It costs 3.50 euros.", "Cheap."]
        );
    }
}
