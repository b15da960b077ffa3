//! What a site asks of crawlers: the Robots Exclusion Protocol, RFC 9309, with the two lines that everybody adds to it,
//! `Crawl-delay` and `Sitemap`.

use std::time::Duration;

/// As robots.txt names us.
const OURS: &str = "botsmith";
/// More patience than this is not asked of an owner who waits for a site to be read.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// No more of a robots.txt is read; the standard asks for 500 KiB at least.
pub(crate) const MOST_BYTES: usize = 512 * 1024;

/// One site's robots.txt, as far as it speaks to us.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Robots {
    /// Pattern and whether it allows, as written.
    rules: Vec<(String, bool)>,
    /// Between two requests.
    pub delay: Option<Duration>,
    /// Addresses of sitemaps.
    pub sitemaps: Vec<String>,
}

impl Robots {
    /// Reads a robots.txt. The groups that name us are taken together; without one, those for all.
    pub(crate) fn read(text: &str) -> Self {
        let mut ours = Self::default();
        let mut everybody = Self::default();
        let mut sitemaps = Vec::new();
        let (mut for_us, mut for_all, mut named) = (false, false, false);
        // Lines of user agents that follow each other begin one group.
        let mut in_agents = false;
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((field, value)) = line.split_once(':') else {
                continue;
            };
            let (field, value) = (field.trim().to_ascii_lowercase(), value.trim());
            if field == "user-agent" {
                if !in_agents {
                    (for_us, for_all) = (false, false);
                }
                in_agents = true;
                let agent = value.to_ascii_lowercase();
                for_all |= agent == "*";
                for_us |= !agent.is_empty()
                    && agent != "*"
                    && OURS.starts_with(agent.split('/').next().unwrap_or_default());
                named |= for_us;
                continue;
            }
            if field == "sitemap" {
                sitemaps.push(value.to_owned());
                continue;
            }
            in_agents = false;
            for (group, applies) in [(&mut ours, for_us), (&mut everybody, for_all)] {
                if applies {
                    group.take(&field, value);
                }
            }
        }
        Self {
            sitemaps,
            ..if named { ours } else { everybody }
        }
    }

    fn take(&mut self, field: &str, value: &str) {
        match field {
            // "Disallow:" without a path forbids nothing.
            "allow" | "disallow" if !value.is_empty() => {
                self.rules.push((value.to_owned(), field == "allow"))
            }
            "crawl-delay" => {
                self.delay = value
                    .parse::<f64>()
                    .ok()
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .map(|delay| delay.min(LONGEST_DELAY));
            }
            _ => {}
        }
    }

    /// Whether a path with its query may be read. The longest pattern that fits decides; of two equally long, the one
    /// that allows.
    pub(crate) fn allows(&self, path: &str) -> bool {
        self.rules
            .iter()
            .filter(|(pattern, _)| fits(pattern, path))
            .max_by_key(|(pattern, allows)| (pattern.len(), *allows))
            .is_none_or(|(_, allows)| *allows)
    }
}

/// `*` stands for anything, `$` for the end.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        if last && to_the_end {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    !to_the_end || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_that_fits_decides() {
        let robots = Robots::read(
            "User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\nDisallow: /search*q=\nDisallow:\nAllow: /a\nDisallow: /a",
        );
        for (path, allowed) in [
            ("/", true),
            ("/private", false),
            ("/private/x", false),
            ("/private/open/x", true),
            ("/x.pdf", false),
            ("/x.pdf?y", true),
            ("/search?q=a", false),
            ("/search?p=a", true),
            ("/a", true),
        ] {
            assert_eq!(robots.allows(path), allowed, "{path}");
        }
    }

    #[test]
    fn a_group_that_names_us_goes_before_the_one_for_all() {
        let text = "User-agent: GoogleBot\nDisallow: /g\n\nUser-agent: *\nDisallow: /\nCrawl-delay: 99\n
            User-agent: other\nUser-agent: BotSmith/2.0 # us\nDisallow: /b\nCrawl-delay: 0.5\n
            Sitemap: https://a.example/map.xml\nUser-agent: botsmith\nDisallow: /c";

        let robots = Robots::read(text);

        assert!(robots.allows("/") && robots.allows("/g"));
        assert!(!robots.allows("/b") && !robots.allows("/c"));
        assert_eq!(robots.delay, Some(Duration::from_millis(500)));
        assert_eq!(robots.sitemaps, ["https://a.example/map.xml"]);
        let all = Robots::read("User-agent: *\nDisallow: /\nCrawl-delay: 99");
        assert_eq!((all.allows("/x"), all.delay), (false, Some(LONGEST_DELAY)));
    }

    #[test]
    fn nonsense_forbids_nothing() {
        assert!(Robots::read("<html>not found</html>\0\u{FFFD}::").allows("/"));
    }
}
