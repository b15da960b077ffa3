//! A webhook's parameters, as bytes: what Twilio signs is what was decoded, before anything else is made of it.

use channel::ReceiveError;
use std::collections::{BTreeMap, BTreeSet};

/// Decoded parameters, in the order they came.
pub(crate) struct Form {
    pairs: Vec<Pair>,
}

struct Pair {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Where in the value a `%` stands that no two hexadecimal digits follow.
    bad_escape: Option<usize>,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded` as the URL standard does: nothing is an error here, so that the
    /// signature of anything can be checked.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let pairs = encoded
            .split(|&b| b == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let equals = pair.iter().position(|&b| b == b'=');
                let (name, value) = equals.map_or((pair, [].as_slice()), |at| (&pair[..at], &pair[at + 1..]));
                let (value, bad_escape) = decode(value);
                Pair {
                    name: decode(name).0,
                    value,
                    bad_escape,
                }
            })
            .collect();
        Self { pairs }
    }

    /// The texts and numbers of a JSON object.
    pub(crate) fn of_json(body: &[u8]) -> Result<Self, ReceiveError> {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(body).map_err(|_| {
                ReceiveError::Malformed("the body is signed as JSON and is not a JSON object".to_owned())
            })?;
        let pairs = object
            .into_iter()
            .filter_map(|(name, value)| {
                let value = match value {
                    serde_json::Value::String(text) => text,
                    serde_json::Value::Number(number) => number.to_string(),
                    _ => return None,
                };
                Some(Pair {
                    name: name.into_bytes(),
                    value: value.into_bytes(),
                    bad_escape: None,
                })
            })
            .collect();
        Ok(Self { pairs })
    }

    /// What Twilio signs of it: for each name in byte order, for each of its distinct values in byte order, both.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let mut sorted: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
        for pair in &self.pairs {
            sorted.entry(&pair.name).or_default().insert(&pair.value);
        }
        let mut signed = Vec::new();
        for (name, values) in sorted {
            for value in values {
                signed.extend_from_slice(name);
                signed.extend_from_slice(value);
            }
        }
        signed
    }

    /// A parameter's bytes, as they are. The first, if it is repeated.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.pairs
            .iter()
            .find(|pair| pair.name == name.as_bytes())
            .map(|pair| pair.value.as_slice())
    }

    /// A parameter as text without U+0000; `None` if it is missing.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, ReceiveError> {
        let Some(pair) = self.pairs.iter().find(|pair| pair.name == name.as_bytes()) else {
            return Ok(None);
        };
        if let Some(at) = pair.bad_escape {
            return Err(ReceiveError::Malformed(format!(
                "{name} is not form-encoded: the % at byte {at} is not followed by two hexadecimal digits"
            )));
        }
        match std::str::from_utf8(&pair.value) {
            Ok(text) => Ok(Some(channel::text::without_nul(text))),
            Err(error) => {
                let at = error.valid_up_to();
                Err(ReceiveError::Malformed(format!(
                    "{name} is not UTF-8: it breaks at byte {at}"
                )))
            }
        }
    }

    /// A parameter that has something in it.
    pub(crate) fn some(&self, name: &str) -> Result<Option<String>, ReceiveError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// A parameter without which the request means nothing.
    pub(crate) fn required(&self, name: &str) -> Result<String, ReceiveError> {
        self.some(name)?
            .ok_or_else(|| ReceiveError::Malformed(format!("{name} is missing or empty")))
    }
}

/// Decoded, and where the first `%` is that cannot be; it is left as it stands.
fn decode(encoded: &[u8]) -> (Vec<u8>, Option<usize>) {
    let (mut decoded, mut bad, mut at) = (Vec::with_capacity(encoded.len()), None, 0);
    while let Some(&byte) = encoded.get(at) {
        let escaped = || Some(hex(*encoded.get(at + 1)?)? << 4 | hex(*encoded.get(at + 2)?)?);
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match escaped() {
                Some(byte) => {
                    decoded.push(byte);
                    at += 2;
                }
                None => {
                    bad = bad.or(Some(at));
                    decoded.push(b'%');
                }
            },
            _ => decoded.push(byte),
        }
        at += 1;
    }
    (decoded, bad)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_names_and_values_are_distinct_and_sorted() {
        let form = Form::parse(b"ReasonX=test&Reason=P&A=2&A=&A=1&A=2&B");

        assert_eq!(form.signed(), b"AA1A2BReasonPReasonXtest");
    }

    #[test]
    fn a_space_is_a_plus_or_an_escape_and_a_plus_is_an_escape() {
        let form = Form::parse(b"Body=a%20b+c%2Bd%2520");

        assert_eq!(form.text("Body").unwrap().as_deref(), Some("a b c+d%20"));
    }

    #[test]
    fn u0000_is_cleaned_and_other_text_is_not() {
        let form = Form::parse(b"Body=a%00b%0A%F0%9F%91%8B");

        assert_eq!(form.text("Body").unwrap().as_deref(), Some("ab\n👋"));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (body, problem) in [
            (
                b"Body=100%".as_slice(),
                "Body is not form-encoded: the % at byte 3",
            ),
            (b"Body=%zz", "Body is not form-encoded: the % at byte 0"),
            (b"Body=ok%FF", "Body is not UTF-8: it breaks at byte 2"),
        ] {
            let error = Form::parse(body).text("Body").unwrap_err().to_string();

            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_broken_parameter_that_nobody_reads_harms_nothing() {
        let form = Form::parse(b"FromCity=%FF%&Body=hi");

        assert_eq!(form.text("Body").unwrap().as_deref(), Some("hi"));
    }
}
