//! Which addresses belong to a site, and when two of them are one page.

use store::sources::Site;
use url::Url;

/// What says where a visitor came from, not what is shown.
const TRACKING: &[&str] = &[
    "fbclid", "gclid", "mc_cid", "mc_eid", "msclkid", "ref_src", "igshid",
];
/// Files that hold no text.
const NOT_TEXT: &[&str] = &[
    "7z",
    "avi",
    "avif",
    "bmp",
    "bz2",
    "css",
    "dmg",
    "eot",
    "exe",
    "gif",
    "gz",
    "ico",
    "iso",
    "jpeg",
    "jpg",
    "js",
    "json",
    "mjs",
    "mov",
    "mp3",
    "mp4",
    "mpg",
    "ogg",
    "otf",
    "png",
    "rar",
    "rss",
    "svg",
    "tar",
    "tgz",
    "tif",
    "tiff",
    "ttf",
    "wasm",
    "wav",
    "webm",
    "webmanifest",
    "webp",
    "woff",
    "woff2",
    "xml",
    "zip",
];
/// Calendars and shops make addresses without end.
const LONGEST: usize = 1_500;

/// A site's start, for comparison.
pub(crate) struct Scope<'a> {
    site: &'a Site,
    start: Url,
}

impl<'a> Scope<'a> {
    /// `None`: its start is no address.
    pub(crate) fn of(site: &'a Site) -> Option<Self> {
        let start = normal(Url::parse(&site.start).ok()?);
        Some(Self { site, start })
    }

    /// Where the look begins.
    pub(crate) const fn start(&self) -> &Url {
        &self.start
    }

    /// The page behind a link on `page`, as it is written in the list of pages. `None`: it is not of this site, or not
    /// to be read.
    pub(crate) fn link(&self, page: &Url, link: &str) -> Option<String> {
        let mut url = normal(page.join(link.trim()).ok()?);
        if !self.same_host(&url) {
            return None;
        }
        // Both are the same site, and it is read under one address.
        if url.scheme() != self.start.scheme() {
            url.set_scheme(self.start.scheme()).ok()?;
        }
        if url.host_str() != self.start.host_str() {
            url.set_host(self.start.host_str()).ok()?;
        }
        let fits = url.as_str().len() <= LONGEST && is_text(url.path()) && self.is_wanted(&url);
        fits.then(|| url.to_string())
    }

    /// `www.` aside, on the same port where one is named.
    fn same_host(&self, url: &Url) -> bool {
        let bare = |url: &Url| {
            url.host_str()
                .map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned())
        };
        matches!(url.scheme(), "http" | "https")
            && bare(url) == bare(&self.start)
            && url.port() == self.start.port()
    }

    /// The start is read whatever the patterns say: the owner named it.
    fn is_wanted(&self, url: &Url) -> bool {
        if *url == self.start {
            return true;
        }
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &path));
        (self.site.include.is_empty() || any(&self.site.include)) && !any(&self.site.exclude)
    }
}

/// One page's one address: without fragment, without tracking, the parameters in order.
pub(crate) fn normal(mut url: Url) -> Url {
    url.set_fragment(None);
    if url.query().is_some() {
        let mut kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !name.starts_with("utm_") && !TRACKING.contains(&name.as_ref()))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        kept.sort();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    }
    url
}

fn is_text(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.')
        .is_none_or(|(_, extension)| !NOT_TEXT.contains(&extension.to_ascii_lowercase().as_str()))
}

/// `*` stands for anything; the pattern fits from the beginning, and to the end unless it ends with `*` or `/`.
fn matches(pattern: &str, path: &str) -> bool {
    let open_end = pattern.ends_with('*') || pattern.ends_with('/');
    let mut parts = pattern.trim_end_matches('*').split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        last = Some(part);
    }
    open_end || rest.is_empty() || last.is_some_and(|last| !last.is_empty() && path.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(include: &[&str], exclude: &[&str]) -> Site {
        let owned = |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect();
        Site {
            start: "https://www.a.example/docs/#top".to_owned(),
            whole_site: true,
            include: owned(include),
            exclude: owned(exclude),
            most_pages: 10,
            most_depth: 3,
        }
    }

    fn link(site: &Site, link: &str) -> Option<String> {
        let page = Url::parse("https://www.a.example/docs/page").unwrap();
        Scope::of(site).unwrap().link(&page, link)
    }

    #[test]
    fn links_of_the_site_are_one_address_a_page() {
        let site = site(&[], &[]);
        for (written, page) in [
            ("other", Some("https://www.a.example/docs/other")),
            (
                "/x?b=2&a=1&utm_source=mail#part",
                Some("https://www.a.example/x?a=1&b=2"),
            ),
            ("http://a.example/x", Some("https://www.a.example/x")),
            ("//www.a.example/y?gclid=1", Some("https://www.a.example/y")),
            ("https://b.example/x", None),
            ("https://a.example:8443/x", None),
            ("https://a.example.evil.example/x", None),
            ("mailto:x@a.example", None),
            ("javascript:alert(1)", None),
            ("logo.PNG", None),
            ("/manual.pdf", Some("https://www.a.example/manual.pdf")),
        ] {
            assert_eq!(link(&site, written).as_deref(), page, "{written}");
        }
        assert_eq!(link(&site, &format!("/{}", "a".repeat(2_000))), None);
    }

    #[test]
    fn patterns_say_which_paths_are_read() {
        let site = site(&["/docs/*", "/faq"], &["*/old/*", "*.pdf", "/docs/print?*"]);
        for (path, read) in [
            ("/docs/a", true),
            ("/faq", true),
            ("/faq/more", false),
            ("/blog", false),
            ("/docs/old/a", false),
            ("/docs/a.pdf", false),
            ("/docs/print?x=1", false),
        ] {
            assert_eq!(link(&site, path).is_some(), read, "{path}");
        }
    }
}
