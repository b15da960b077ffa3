//! What files a platform takes.

use serde::Serialize;

const MIB: u64 = 1024 * 1024;

/// What a platform takes of a kind of file. Of a platform's rules the first that fits a file holds; what none fits is not
/// taken, and a platform without rules takes everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MediaRule {
    /// A MIME type, or its beginning with the slash: `image/`. Empty: whatever it is.
    pub kind: &'static str,
    /// The largest such file, in bytes. Larger ones are refused by the platform, often without a word.
    pub most_bytes: u64,
}

impl MediaRule {
    /// Files of this kind, up to this many MiB.
    pub const fn mib(kind: &'static str, most: u64) -> Self {
        Self {
            kind,
            most_bytes: most * MIB,
        }
    }

    fn fits(&self, content_type: &str) -> bool {
        self.kind.is_empty()
            || self.kind == content_type
            || (self.kind.ends_with('/') && content_type.starts_with(self.kind))
    }
}

/// Why a platform does not take a file, in words; `None` where it does.
pub fn why_not(rules: &[MediaRule], content_type: &str, bytes: u64) -> Option<String> {
    if rules.is_empty() {
        return None;
    }
    match rules.iter().find(|rule| rule.fits(content_type)) {
        Some(rule) if bytes <= rule.most_bytes => None,
        Some(rule) => Some(format!(
            "takes files of type {content_type} of up to {} MiB, and this one has {} bytes: make it smaller",
            rule.most_bytes / MIB,
            bytes
        )),
        None => {
            let kinds: Vec<String> = rules
                .iter()
                .map(|rule| match rule.kind.strip_suffix('/') {
                    Some(family) => format!("any {family}"),
                    None => rule.kind.to_owned(),
                })
                .collect();
            Some(format!(
                "takes no files of type {content_type}; it takes {}",
                kinds.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_holds_and_what_none_fits_is_refused_in_words() {
        let rules = [
            MediaRule::mib("image/png", 5),
            MediaRule::mib("image/", 1),
            MediaRule::mib("application/pdf", 20),
        ];

        assert_eq!(why_not(&rules, "image/png", 5 * MIB), None);
        assert!(
            why_not(&rules, "image/png", 5 * MIB + 1)
                .unwrap()
                .contains("up to 5 MiB")
        );
        assert!(
            why_not(&rules, "image/gif", 2 * MIB)
                .unwrap()
                .contains("up to 1 MiB")
        );
        let refused = why_not(&rules, "video/mp4", 1).unwrap();
        assert!(
            refused.contains("image/png, any image, application/pdf"),
            "{refused}"
        );
        assert_eq!(why_not(&[], "video/mp4", u64::MAX), None);
        assert_eq!(why_not(&[MediaRule::mib("", 1)], "video/mp4", 1), None);
    }
}
