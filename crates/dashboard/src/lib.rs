//! The page on which owners and agents do their work. It is made in `web/` and stands on the public API alone.
//!
//! Invariant: it compiles whether or not `web/` has been built. Where it has not, the page says what builds it.

/// A file that the page loads.
pub struct File {
    /// Its address.
    pub path: &'static str,
    /// What changes with its content, as an `ETag`.
    pub tag: &'static str,
    /// What it says.
    pub content: &'static [u8],
    /// The same, packed with gzip; `None`: that would not be smaller.
    pub packed: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Stands in the page where the nonce of its styles belongs.
const NONCE: &str = "__STYLE_NONCE__";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>BotSmith</title></head><body><main>\
    <h1>The dashboard is not in this program</h1>\
    <p>It was compiled before its pages were built. On the machine where it is compiled, with Node 20.19 or newer, run \
    <code>deploy/dev/dashboard.sh</code> and build again; <code>make run</code> does both.</p>\
    <p>Everything else works: <a href=\"/api/docs\">the API</a>.</p></main></body></html>";

/// Whether the pages were built before the program was.
pub const IS_BUILT: bool = PAGE.is_some();

/// The page, which is the same at every address. `nonce`: with which it may make styles.
pub fn page(nonce: &str) -> String {
    PAGE.unwrap_or(NOT_BUILT).replace(NONCE, nonce)
}

/// What it loads from this address.
pub fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    /// What it is.
    pub fn content_type(&self) -> &'static str {
        match self.path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("woff2") => "font/woff2",
            Some("json") => "application/json",
            _ => "application/octet-stream",
        }
    }

    /// Whether its address changes with its content, so that it may be kept for ever.
    pub fn is_named_by_content(&self) -> bool {
        self.path.starts_with("/assets/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_to_do_or_names_only_files_that_are_there() {
        let page = page("N0NCE");

        if !IS_BUILT {
            assert!(page.contains("deploy/dev/dashboard.sh"));
            return;
        }
        assert!(page.contains("N0NCE") && !page.contains(NONCE));
        let named: Vec<_> = page
            .split(['"', '\''])
            .filter(|word| word.starts_with('/') && word.contains('.'))
            .collect();
        assert!(named.len() > 2, "{named:?}");
        for path in named {
            assert!(file(path).is_some(), "there is no {path}");
        }
    }

    #[test]
    fn the_page_runs_no_script_of_its_own_and_loads_nothing_from_elsewhere() {
        let page = page("N0NCE");

        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("style="));
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src=\"/assets/"), "{script}");
            assert!(script.contains("></script>"), "{script}");
        }
    }

    #[test]
    fn what_is_first_loaded_is_300_kb_at_most() {
        let page = page("");
        let first: usize = FILES
            .iter()
            .filter(|file| page.contains(file.path))
            .map(|file| file.packed.unwrap_or(file.content).len())
            .sum();

        assert!(first <= 300_000, "{first} bytes");
    }

    #[test]
    fn every_file_has_a_type() {
        for file in FILES {
            assert_ne!(file.content_type(), "application/octet-stream", "{}", file.path);
        }
    }
}
