//! Secret headers: sealed, shown by their last characters, and kept only for the host that they were given for.

use crate::{AdminApi, caller::Seat, credentials::last_four, problem::Problem};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use url::Url;
use uuid::Uuid;
use vault::Place;

/// Where the headers of a row are sealed.
pub(super) struct Headers {
    pub row: Uuid,
    pub column: &'static str,
}

/// Headers as they are stored.
pub(super) struct Sealed {
    /// By name, what may be shown.
    pub shown: BTreeMap<String, String>,
    /// The values; `None` when there are none.
    pub sealed: Option<Vec<u8>>,
}

/// What was stored before: the address, what was shown, and the sealed values.
pub(super) type Kept = (String, BTreeMap<String, String>, Option<Vec<u8>>);

impl Headers {
    /// The stored values.
    pub async fn open(
        &self,
        api: &AdminApi,
        seat: &Seat,
        sealed: Option<&[u8]>,
    ) -> Result<BTreeMap<String, SecretString>, Problem> {
        let Some(sealed) = sealed else {
            return Ok(BTreeMap::new());
        };
        let opened = api
            .keyring()
            .open_text(seat.workspace, self.place(), sealed)
            .await?;
        serde_json::from_str(opened.expose_secret()).map_err(Problem::internal)
    }

    /// Seals what is given; `null` stands for the stored value, as long as `url` has the same origin.
    pub async fn seal(
        &self,
        api: &AdminApi,
        seat: &Seat,
        field: &'static str,
        url: &str,
        given: BTreeMap<String, Option<SecretString>>,
        kept: Option<Kept>,
    ) -> Result<Sealed, Problem> {
        let (kept_url, kept_shown, kept_sealed) = kept.unwrap_or_default();
        let before = self.open(api, seat, kept_sealed.as_deref()).await?;
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        let mut shown = BTreeMap::new();
        for (name, value) in given {
            match (value, before.get(&name)) {
                (Some(value), _) => {
                    let plain = value.expose_secret().trim();
                    let fits = !plain.is_empty()
                        && plain.len() <= 4_000
                        && plain.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
                    if !fits {
                        return Err(Problem::invalid(
                            field,
                            "a secret header is 1 to 4000 visible ASCII characters",
                        ));
                    }
                    shown.insert(name.clone(), last_four(plain));
                    values.insert(name, plain.to_owned());
                }
                (None, Some(stored)) if same_origin(&kept_url, url) => {
                    shown.insert(name.clone(), kept_shown.get(&name).cloned().unwrap_or_default());
                    values.insert(name, stored.expose_secret().to_owned());
                }
                (None, Some(_)) => {
                    return Err(Problem::invalid(
                        field,
                        "the host changed: send the secret headers for it again",
                    ));
                }
                (None, None) => {
                    return Err(Problem::invalid(
                        field,
                        "null keeps a stored secret header, and there is none of this name",
                    ));
                }
            }
        }
        let sealed = if values.is_empty() {
            None
        } else {
            let plain = serde_json::to_vec(&values).map_err(Problem::internal)?;
            Some(api.keyring().seal(seat.workspace, self.place(), &plain).await?)
        };
        Ok(Sealed { shown, sealed })
    }

    const fn place(&self) -> Place {
        Place {
            row: self.row,
            column: self.column,
        }
    }
}

/// Whether both addresses have the same scheme, host and port.
fn same_origin(one: &str, other: &str) -> bool {
    let origin = |address: &str| Url::parse(address).map(|url| url.origin()).ok();
    origin(one).is_some_and(|one| one.is_tuple() && Some(one) == origin(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_places_has_the_origin_of_its_host() {
        let one = "https://api.example/orders/{id}";

        assert!(same_origin(one, "https://api.example/{a}?b={b}"));
        for other in [
            "https://evil.example/orders/{id}",
            "http://api.example/orders/{id}",
            "https://api.example:8443/",
            "",
        ] {
            assert!(!same_origin(one, other), "{other}");
        }
    }
}
