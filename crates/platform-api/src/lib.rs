//! Calls to platforms' HTTP APIs: what came back, and what may have happened.
//!
//! Invariants: whether a call may have had an effect is never guessed — only a connection that was not made is
//! [`CallError::NotSent`], and an answer that was cut short says so; no address of a call stands in an error, because
//! some platforms' addresses carry the token; what a platform says is shown without long numbers, which may be
//! somebody's phone number.

mod answer;
mod download;
mod words;

pub use answer::{Answer, CallError, call};
pub use download::download;
pub use words::{tidy, words_of};

use url::Url;

/// An address below a base address, whose own path is kept. `path` is put there as it is: what it is made of must be
/// encoded already.
pub fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_with_a_path_keeps_it() {
        let base = "http://127.0.0.1:9000/twilio/?x".parse().unwrap();

        assert_eq!(
            under(&base, "v1/Services").as_str(),
            "http://127.0.0.1:9000/twilio/v1/Services"
        );
    }
}
