//! `X-Twilio-Signature`, from Twilio's description of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::collections::{BTreeMap, BTreeSet};

/// Form parameters, in the order they are sent.
pub type Params = Vec<(String, String)>;

/// The value of `X-Twilio-Signature` for a form that is posted to `url`; without parameters, for a GET.
///
/// The address to the letter, then every key in byte order followed by each of its distinct values in byte order.
pub fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in params {
        values.entry(key).or_default().insert(value);
    }
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("a key of any length");
    mac.update(url.as_bytes());
    for (key, values) in values {
        for value in values {
            mac.update(key.as_bytes());
            mac.update(value.as_bytes());
        }
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn twilios_own_example_comes_out_as_twilio_prints_it() {
        let form = params(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]);

        let signature = sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &form);

        assert_eq!(signature, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }

    #[test]
    fn a_repeated_value_counts_once_and_the_order_of_sending_does_not_count() {
        let once = params(&[("a", "1"), ("a", "2"), ("b", "")]);
        let shuffled = params(&[("b", ""), ("a", "2"), ("a", "1"), ("a", "2")]);

        assert_eq!(sign("t", "https://x/", &once), sign("t", "https://x/", &shuffled));
        assert_ne!(
            sign("t", "https://x/", &once),
            sign("t", "https://x/", &params(&[("a", "1"), ("a", "2")]))
        );
    }
}
