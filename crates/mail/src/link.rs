//! Links that work once.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The address of a one-time token for this purpose: `setup`, `invite` or `reset`. The token stands behind the `#`:
/// browsers send it nowhere, and no log has it.
pub fn link(public_url: &Url, purpose: &str, token: &SecretString) -> SecretString {
    let mut url = public_url.clone();
    url.set_path("/link");
    url.set_fragment(Some(&format!("{purpose}={}", token.expose_secret())));
    SecretString::from(url.to_string())
}
