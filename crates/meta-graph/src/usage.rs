//! What the headers of an answer say of how long to wait.
//!
//! Meta does not use Retry-After: `X-Business-Use-Case-Usage` and `X-App-Usage` carry
//! `estimated_time_to_regain_access`, in minutes, and calls before that make it longer. See "Graph API, Rate limits".

use http::HeaderMap;
use serde_json::Value;
use std::time::Duration;

const HEADERS: [&str; 2] = ["x-business-use-case-usage", "x-app-usage"];
const MINUTES: &str = "estimated_time_to_regain_access";
/// Nobody is made to wait longer than this for a header's sake.
const MOST: u64 = 24 * 60;

/// How long the API wants us to stay away. `None`: it does not say.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let longest = HEADERS
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .filter_map(|value| serde_json::from_slice::<Value>(value.as_bytes()).ok())
        .filter_map(|usage| longest(&usage))
        .max()?;
    (longest > 0).then(|| Duration::from_secs(60 * longest.min(MOST)))
}

/// The business header has a list for each account, the app header has the figures themselves.
fn longest(usage: &Value) -> Option<u64> {
    match usage {
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(name, value)| {
                if name == MINUTES {
                    value.as_u64()
                } else {
                    longest(value)
                }
            })
            .max(),
        Value::Array(values) => values.iter().filter_map(longest).max(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn waits(header: &'static str, value: &'static str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header, HeaderValue::from_static(value));
        wait(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_longest_time_of_any_account_counts() {
        assert_eq!(
            waits(
                HEADERS[0],
                r#"{"1":[{"type":"messenger","call_count":100,"estimated_time_to_regain_access":3},{"estimated_time_to_regain_access":17}],"2":[{"estimated_time_to_regain_access":0}]}"#
            ),
            Some(17 * 60)
        );
        assert_eq!(
            waits(HEADERS[1], r#"{"estimated_time_to_regain_access":2}"#),
            Some(120)
        );
    }

    #[test]
    fn no_time_and_nonsense_are_no_time() {
        for value in [
            "",
            "{",
            "[]",
            r#"{"call_count":28,"total_time":25}"#,
            r#"{"1":[{"estimated_time_to_regain_access":0}]}"#,
            r#"{"1":[{"estimated_time_to_regain_access":"soon"}]}"#,
        ] {
            assert_eq!(waits(HEADERS[0], value), None, "{value}");
        }
        assert_eq!(
            waits(HEADERS[0], r#"{"estimated_time_to_regain_access":99999999999}"#),
            Some(MOST * 60)
        );
    }
}
