//! Names of files.

use crate::kind;

const LONGEST: usize = 150;
/// A platform's limit for an address is the shortest of all: this part of it is short.
const LONGEST_IN_ADDRESS: usize = 60;

/// A name without a path and without what is invisible.
pub fn tidy(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let name = name.trim();
    if name.is_empty() {
        "file".to_owned()
    } else {
        name.to_owned()
    }
}

/// What a file of this name and MIME type is called: tidied, with the ending of its kind, for platforms go by the ending.
pub fn called(name: &str, content_type: &str) -> String {
    let name = tidy(name);
    let endings = kind::endings(content_type);
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    match endings.first() {
        Some(usual) if !ending.is_some_and(|ending| endings.contains(&ending.as_str())) => {
            let short: String = name.chars().take(LONGEST - usual.len() - 1).collect();
            format!("{short}.{usual}")
        }
        _ => name,
    }
}

/// The name as it stands in an address: nothing that would be written differently by somebody who copies it.
pub(crate) fn in_address(name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let plain = |text: &str, most: usize| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '_' {
                    c
                } else {
                    '-'
                }
            })
            .take(most)
            .collect()
    };
    let stem = plain(stem, LONGEST_IN_ADDRESS);
    let stem = stem.trim_matches('-');
    let stem = if stem.is_empty() { "file" } else { stem };
    match plain(ending, 8) {
        ending if ending.is_empty() => stem.to_owned(),
        ending => format!("{stem}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_path_and_nothing_invisible() {
        assert_eq!(tidy("../../etc/passwd"), "passwd");
        assert_eq!(tidy("C:\\temp\\Plan\r\n.pdf"), "Plan.pdf");
        assert_eq!(tidy(" / "), "file");
        assert_eq!(tidy(&"x".repeat(1_000)).len(), LONGEST);
    }

    #[test]
    fn a_file_ends_as_its_kind_does() {
        assert_eq!(called("photo.JPEG", "image/jpeg"), "photo.JPEG");
        assert_eq!(called("photo", "image/png"), "photo.png");
        assert_eq!(called("evil.html", "text/plain"), "evil.html.txt");
        assert_eq!(called("prices.csv", "text/plain"), "prices.csv");
        assert_eq!(called(&"x".repeat(1_000), "application/pdf").len(), LONGEST);
    }

    #[test]
    fn an_address_bears_only_plain_letters() {
        assert_eq!(in_address("Preisliste März 2026.pdf"), "Preisliste-M-rz-2026.pdf");
        assert_eq!(in_address("写真.png"), "file.png");
        assert_eq!(in_address("a/../b?c#d.png"), "a----b-c-d.png");
    }
}
