//! Which browser, on what: as people would say it.
//!
//! Browsers say that they are several others too, so the first that fits is meant, and the order is of the essence.

const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// The browser that says this of itself.
pub(crate) fn browser(agent: &str) -> Option<&'static str> {
    first(BROWSERS, agent)
}

/// What it runs on.
pub(crate) fn system(agent: &str) -> Option<&'static str> {
    first(SYSTEMS, agent)
}

fn first(known: &[(&str, &'static str)], agent: &str) -> Option<&'static str> {
    known
        .iter()
        .find(|(mark, _)| agent.contains(mark))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_by_what_only_they_say() {
        let said = |agent| (browser(agent), system(agent));

        assert_eq!(
            said("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            (Some("Firefox"), Some("Linux"))
        );
        assert_eq!(
            said(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                 Safari/537.36 Edg/140.0.0.0"
            ),
            (Some("Edge"), Some("Windows"))
        );
        assert_eq!(
            said(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            (Some("Safari"), Some("iPhone"))
        );
        assert_eq!(said("a program"), (None, None));
    }
}
