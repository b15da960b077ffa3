//! The web chat widget: one script, without a framework, for any page.
//!
//! It lives in a shadow root, so that neither it nor the page can spoil the other's looks, and asks nobody but the
//! installation that served it. Its parts are in `js/`, put together by `build.rs`.

/// The script that pages load: `<script src="…/widget.js" data-bot="…" async></script>`.
pub const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/widget.js"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_script_that_leaves_nothing_on_the_page() {
        assert!(SCRIPT.starts_with("(() => {") && SCRIPT.ends_with("})();\n"));
        assert!(
            !SCRIPT.contains("innerHTML") && !SCRIPT.contains("eval("),
            "what was written becomes markup"
        );
    }
}
