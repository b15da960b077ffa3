//! Credentials of integrations on their way in.
//!
//! Invariant: they are complete and well-formed, as their own platform sees it, before they are sealed; what may be shown
//! of them is written down then, so nothing has to be unsealed to show it.

use crate::{AdminApi, problem::Problem};
use channel::{ChannelHandle, FieldKind, OpenCredentials, Setup};
use domain::{IntegrationId, PhoneNumber, WorkspaceId};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet};
use store::integrations::{CREDENTIALS_COLUMN, NewCredentials, SealedCredentials};
use vault::Place;

/// Credentials as a caller gives them: `null` takes an optional one away.
pub(crate) type Given = BTreeMap<String, Option<SecretString>>;

const LONGEST: usize = 4_000;

/// Credentials, ready to be stored.
pub(crate) struct Prepared {
    pub new: NewCredentials,
    /// The values that nobody chose: made up just now.
    pub made_up: BTreeMap<String, SecretString>,
}

/// Lays what was given over what is stored, has the platform judge it, and seals it for the integration.
pub(crate) async fn prepare(
    api: &AdminApi,
    workspace: WorkspaceId,
    channel: &ChannelHandle,
    integration: IntegrationId,
    given: Given,
    stored: Option<&SealedCredentials>,
) -> Result<Prepared, Problem> {
    let setup = channel.setup();
    let stored = match stored {
        Some(sealed) => opened_json(api, workspace, integration, sealed).await?,
        None => BTreeMap::new(),
    };
    let generated: BTreeSet<String> = setup
        .fields
        .iter()
        .filter(|field| field.generated && !stored.contains_key(field.name) && !is_given(&given, field.name))
        .map(|field| field.name.to_owned())
        .collect();
    let whole = merge(&setup, given, filled_up(&setup, stored))?;
    let plain: BTreeMap<&str, &str> = whole
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect();
    let json = SecretString::from(serde_json::to_string(&plain).map_err(Problem::internal)?);
    let credentials = channel.open(&json)?;
    let account = channel.account(&credentials)?;
    let sealed = api
        .keyring()
        .seal(workspace, place(integration), json.expose_secret().as_bytes())
        .await?;
    let made_up = whole
        .iter()
        .filter(|(name, _)| generated.contains(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let new = NewCredentials {
        account,
        sealed: SealedCredentials(sealed),
        shown: shown(&setup, &whole),
    };
    Ok(Prepared { new, made_up })
}

/// Stored credentials, ready to be used.
pub(crate) async fn open(
    api: &AdminApi,
    workspace: WorkspaceId,
    channel: &ChannelHandle,
    integration: IntegrationId,
    sealed: &SealedCredentials,
) -> Result<OpenCredentials, Problem> {
    let json = api
        .keyring()
        .open_text(workspace, place(integration), &sealed.0)
        .await?;
    Ok(channel.open(&json)?)
}

/// A secret's last four characters, if that leaves enough of it unknown.
pub(crate) fn last_four(secret: &str) -> String {
    let length = secret.chars().count();
    if length < 12 {
        "••••".to_owned()
    } else {
        format!("••••{}", secret.chars().skip(length - 4).collect::<String>())
    }
}

const fn place(integration: IntegrationId) -> Place {
    Place {
        row: integration.as_uuid(),
        column: CREDENTIALS_COLUMN,
    }
}

async fn opened_json(
    api: &AdminApi,
    workspace: WorkspaceId,
    integration: IntegrationId,
    sealed: &SealedCredentials,
) -> Result<BTreeMap<String, SecretString>, Problem> {
    let json = api
        .keyring()
        .open_text(workspace, place(integration), &sealed.0)
        .await?;
    // The error would quote the text.
    serde_json::from_str(json.expose_secret())
        .map_err(|_| Problem::internal("stored credentials are not readable"))
}

/// Makes up what we tell the platform and nobody has chosen: a secret of ours that it shall repeat to us.
fn filled_up(setup: &Setup, mut stored: BTreeMap<String, SecretString>) -> BTreeMap<String, SecretString> {
    for field in setup.fields.iter().filter(|field| field.generated) {
        stored
            .entry(field.name.to_owned())
            .or_insert_with(|| match field.kind {
                FieldKind::SigningSecret => crate::token::signing_secret(),
                FieldKind::Text | FieldKind::Secret | FieldKind::Phone => crate::token::new(""),
            });
    }
    stored
}

fn is_given(given: &Given, name: &str) -> bool {
    let value = given.get(name).and_then(Option::as_ref);
    value.is_some_and(|value| !value.expose_secret().trim().is_empty())
}

fn merge(
    setup: &Setup,
    given: Given,
    mut whole: BTreeMap<String, SecretString>,
) -> Result<BTreeMap<String, SecretString>, Problem> {
    let known = |name: &str| setup.fields.iter().find(|field| field.name == name);
    whole.retain(|name, _| known(name).is_some());
    for (name, value) in given {
        let Some(field) = known(&name) else {
            let names: Vec<&str> = setup.fields.iter().map(|field| field.name).collect();
            let name: String = name.chars().take(40).collect();
            let detail = format!(
                "{} has no field {name:?}; it has {}",
                setup.title,
                names.join(", ")
            );
            return Err(Problem::invalid("credentials", detail));
        };
        let value = value.map(|value| SecretString::from(value.expose_secret().trim()));
        match value.filter(|value| !value.expose_secret().is_empty()) {
            // What is left empty is made up, or stays.
            None if field.generated => {}
            None => {
                whole.remove(field.name);
            }
            Some(value) => {
                let refused =
                    |problem: String| Problem::invalid(format!("credentials.{}", field.name), problem);
                let text = value.expose_secret();
                if text.len() > LONGEST || text.chars().any(char::is_control) {
                    let problem = format!("{} must be one line of {LONGEST} bytes at most", field.label);
                    return Err(refused(problem));
                }
                if field.kind == FieldKind::Phone {
                    PhoneNumber::try_from(text).map_err(|error| refused(error.to_string()))?;
                }
                whole.insert(name, value);
            }
        }
    }
    if let Some(missing) = setup
        .fields
        .iter()
        .find(|field| !field.optional && !whole.contains_key(field.name))
    {
        let problem = format!("{} is missing: {}", missing.label, missing.help);
        return Err(Problem::invalid(format!("credentials.{}", missing.name), problem));
    }
    Ok(whole)
}

fn shown(setup: &Setup, whole: &BTreeMap<String, SecretString>) -> serde_json::Value {
    setup
        .fields
        .iter()
        .filter_map(|field| {
            let value = whole.get(field.name)?.expose_secret();
            let shown = match field.kind {
                FieldKind::Secret | FieldKind::SigningSecret => last_four(value),
                FieldKind::Text | FieldKind::Phone => value.to_owned(),
            };
            Some((field.name.to_owned(), serde_json::Value::String(shown)))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use channel::{Field, Limits};
    use std::time::Duration;

    fn setup() -> Setup {
        let field = |name, kind, optional| Field {
            name,
            label: name,
            help: "see the console",
            kind,
            optional,
            generated: false,
        };
        Setup {
            title: "Pigeon",
            fields: vec![
                field("account", FieldKind::Text, false),
                field("token", FieldKind::Secret, false),
                field("number", FieldKind::Phone, true),
            ],
            steps: Vec::new(),
            limits: Limits {
                sends_per_second: 1.0,
                reply_window: None,
                settle: Duration::ZERO,
                media: &[],
                conversation_gap: Duration::ZERO,
            },
            features: channel::Features::default(),
        }
    }

    fn given(json: serde_json::Value) -> Given {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn s6_a_secret_that_is_missing_empty_or_blank_is_refused_by_name() {
        for token in [serde_json::json!(null), "".into(), "   ".into()] {
            let refused = merge(
                &setup(),
                given(serde_json::json!({"account": "A", "token": token})),
                BTreeMap::new(),
            );
            assert!(refused.is_err());
        }
        assert!(
            merge(
                &setup(),
                given(serde_json::json!({"account": "A"})),
                BTreeMap::new()
            )
            .is_err()
        );
        assert!(
            merge(
                &setup(),
                given(serde_json::json!({"account": "A", "token": "t"})),
                BTreeMap::new()
            )
            .is_ok()
        );
    }

    #[test]
    fn a_secret_that_is_left_out_stays_and_one_taken_away_that_is_needed_is_missed() {
        let first = given(serde_json::json!({"account": "A", "token": "T0KEN", "number": "+14155550123"}));
        let stored = merge(&setup(), first, BTreeMap::new()).unwrap();

        let kept = merge(
            &setup(),
            given(serde_json::json!({"account": "B", "number": null})),
            stored.clone(),
        )
        .unwrap();

        assert_eq!(kept["token"].expose_secret(), "T0KEN");
        assert_eq!(kept["account"].expose_secret(), "B");
        assert!(!kept.contains_key("number"));
        assert!(merge(&setup(), given(serde_json::json!({"token": null})), stored).is_err());
    }

    #[test]
    fn unknown_fields_and_bad_numbers_are_refused() {
        let base = serde_json::json!({"account": "A", "token": "t"});
        for (name, value) in [("workspace_id", "x"), ("number", "4155550123")] {
            let mut json = base.clone();
            json[name] = value.into();
            assert!(merge(&setup(), given(json), BTreeMap::new()).is_err(), "{name}");
        }
    }

    #[test]
    fn s20_what_is_shown_of_a_secret_is_its_last_four_characters_or_none() {
        let whole = merge(
            &setup(),
            given(serde_json::json!({"account": "AC1", "token": "0123456789abcdef"})),
            BTreeMap::new(),
        )
        .unwrap();

        assert_eq!(
            shown(&setup(), &whole),
            serde_json::json!({"account": "AC1", "token": "••••cdef"})
        );
        assert_eq!(last_four("12345678901"), "••••");
    }
}
