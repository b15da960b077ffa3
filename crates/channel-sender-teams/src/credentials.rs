//! What an owner types in to connect a bot's registration, and what can be said of it without asking Microsoft.

use channel::CredentialsError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The app that Microsoft is never asked about: everything for it goes to this installation's simulator.
pub const SIMULATED_ACCOUNT: &str = "00000000-0000-0000-0000-00000000b075";

/// Where the token of an app of several tenants is asked for, in place of a tenant's id.
const MULTI_TENANT: &str = "botframework.com";

/// The credentials of one bot's registration in Microsoft Entra.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The app's id, a GUID in lower case.
    #[serde(deserialize_with = "lower")]
    pub(crate) app_id: String,
    /// The value of a client secret of the app's.
    pub(crate) app_secret: SecretString,
    /// The only tenant that the app is for, a GUID in lower case. `None`: an app of several tenants.
    #[serde(default, deserialize_with = "given")]
    pub(crate) tenant_id: Option<String>,
}

/// Which app, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.app_id)
    }
}

fn lower<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim().to_ascii_lowercase())
}

/// A form sends what was left empty as an empty text.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text
        .map(|text| text.trim().to_ascii_lowercase())
        .filter(|text| !text.is_empty()))
}

impl Credentials {
    pub(crate) fn validate(&self) -> Result<(), CredentialsError> {
        guid("app_id", "the app's id", &self.app_id)?;
        secret(&self.app_secret)?;
        if let Some(tenant) = &self.tenant_id {
            guid("tenant_id", "the tenant's id", tenant)?;
        }
        Ok(())
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.app_id == SIMULATED_ACCOUNT
    }

    /// As the address for tokens names the tenant.
    pub(crate) fn tenant(&self) -> &str {
        self.tenant_id.as_deref().unwrap_or(MULTI_TENANT)
    }
}

fn wrong(field: &str, problem: impl Into<String>) -> CredentialsError {
    CredentialsError {
        field: field.to_owned(),
        problem: problem.into(),
    }
}

fn guid(field: &str, what: &str, given: &str) -> Result<(), CredentialsError> {
    if is_guid(given) {
        return Ok(());
    }
    Err(wrong(
        field,
        format!(
            "is not a GUID; {what} looks like 00000000-1111-2222-3333-444444444444, as the Azure portal shows it"
        ),
    ))
}

pub(crate) fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}

fn secret(given: &SecretString) -> Result<(), CredentialsError> {
    let given = given.expose_secret();
    if given.is_empty() {
        return Err(wrong("app_secret", "is empty"));
    }
    if !given.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong(
            "app_secret",
            "has a space or another character that no client secret has; copy it again",
        ));
    }
    if is_guid(given) {
        return Err(wrong(
            "app_secret",
            "is the secret's id; what is needed is its value, which the Azure portal shows once, when it is made",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::credentials_with;
    use serde_json::{Value, json};

    fn problem(changes: Value) -> String {
        credentials_with(changes).validate().unwrap_err().to_string()
    }

    #[test]
    fn what_was_left_empty_is_absent_and_letters_are_small() {
        let credentials =
            credentials_with(json!({"app_id": " AAAAAAAA-1111-2222-3333-444444444444 ", "tenant_id": " "}));

        credentials.validate().unwrap();
        assert_eq!(credentials.app_id, "aaaaaaaa-1111-2222-3333-444444444444");
        assert_eq!(
            (credentials.tenant_id.as_deref(), credentials.tenant()),
            (None, "botframework.com")
        );
    }

    #[test]
    fn what_cannot_work_is_named_with_what_is_expected() {
        for (changes, expected) in [
            (json!({"app_id": ""}), "app_id: is not a GUID"),
            (json!({"app_id": "my-bot"}), "app_id: is not a GUID"),
            (
                json!({"app_id": "0000000g-1111-2222-3333-444444444444"}),
                "app_id: is not a GUID",
            ),
            (json!({"app_secret": ""}), "app_secret: is empty"),
            (json!({"app_secret": "a b"}), "app_secret: has a space"),
            (
                json!({"app_secret": "00000000-1111-2222-3333-444444444444"}),
                "app_secret: is the secret's id",
            ),
            (
                json!({"tenant_id": "acme.onmicrosoft.com"}),
                "tenant_id: is not a GUID",
            ),
        ] {
            let problem = problem(changes);

            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let json =
            json!({"app_id": "00000000-1111-2222-3333-444444444444", "app_secret": "x", "tenant": "y"});

        assert!(serde_json::from_value::<Credentials>(json).is_err());
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let shown = format!("{:?}", credentials_with(json!({"app_secret": "canary-secret"})));

        assert!(!shown.contains("canary"), "{shown}");
    }
}
