//! Asks Meta about the number and its account, and points their webhook at us.

use crate::{WhatsApp, credentials::Credentials};
use channel::{CheckError, Connected, Identity};
use meta_graph::{
    apps::{self, App},
    can_be_called, why_not_reached,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

/// The kind of account that an app's webhook is set for.
const OBJECT: &str = "whatsapp_business_account";
/// What a token must be allowed to do.
const PERMISSIONS: [&str; 2] = ["whatsapp_business_messaging", "whatsapp_business_management"];

/// A number as Meta describes it.
#[derive(Deserialize)]
struct Number {
    id: Option<String>,
    display_phone_number: Option<String>,
    verified_name: Option<String>,
    quality_rating: Option<String>,
    status: Option<String>,
}

impl Number {
    /// Refuses a number that neither sends nor receives.
    fn works(&self) -> Result<(), CheckError> {
        let problem = match self.status.as_deref() {
            Some("PENDING" | "UNVERIFIED" | "DISCONNECTED") => {
                "register it for the Cloud API at the app's page WhatsApp, API Setup"
            }
            Some("BANNED" | "RESTRICTED") => "see Account quality in the Meta Business Suite",
            Some("DELETED" | "MIGRATED") => "enter the phone number ID that it has now, or another number's",
            _ => return Ok(()),
        };
        Err(CheckError::Misconfigured(format!(
            "the number's status at WhatsApp is {}: {problem}",
            self.status.as_deref().unwrap_or_default()
        )))
    }
}

async fn number(whatsapp: &WhatsApp, credentials: &Credentials) -> Result<Number, CheckError> {
    let graph = whatsapp.graph(credentials)?;
    let fields = "id,display_phone_number,verified_name,quality_rating,status";
    let number: Number = graph
        .ask(graph.get(&credentials.phone_number_id, &[("fields", fields)]))
        .await
        .map_err(|error| advised(error, "check the phone number ID"))?;
    match number.id.as_deref() {
        Some(id) if id != credentials.phone_number_id => Err(CheckError::Misconfigured(
            "WhatsApp describes another number than the one asked for: check the phone number ID".to_owned(),
        )),
        _ => Ok(number),
    }
}

async fn subscribers(
    whatsapp: &WhatsApp,
    credentials: &Credentials,
) -> Result<Vec<apps::Subscriber>, CheckError> {
    apps::subscribers(&whatsapp.graph(credentials)?, &credentials.waba_id)
        .await
        .map_err(|error| advised(error, "check the WhatsApp Business account ID"))
}

fn advised(error: CheckError, advice: &str) -> CheckError {
    match error {
        CheckError::Misconfigured(reason) => CheckError::Misconfigured(format!("{reason}; {advice}")),
        other => other,
    }
}

fn app<'a>(whatsapp: &'a WhatsApp, credentials: &'a Credentials) -> Result<Option<App<'a>>, CheckError> {
    let base = whatsapp.versioned(credentials)?;
    let app = |id| App::new("WhatsApp", &whatsapp.client, base, id, &credentials.app_secret);
    Ok(credentials.app_id.as_deref().map(app))
}

pub(crate) async fn check(whatsapp: &WhatsApp, credentials: &Credentials) -> Result<Identity, CheckError> {
    credentials.validate()?;
    let number = number(whatsapp, credentials).await?;
    subscribers(whatsapp, credentials).await?;
    let token = match app(whatsapp, credentials)? {
        Some(app) => app.check_token(&credentials.access_token, &PERMISSIONS).await?,
        None => Vec::new(),
    };
    number.works()?;
    let mut details: Vec<String> = number.verified_name.into_iter().collect();
    details.extend(
        number
            .quality_rating
            .map(|quality| format!("quality {}", quality.to_lowercase())),
    );
    details.extend(token);
    if credentials.is_simulated() {
        details.push("simulated account: nothing is sent to WhatsApp".to_owned());
    }
    Ok(Identity {
        name: number
            .display_phone_number
            .unwrap_or_else(|| credentials.phone_number_id.clone()),
        details,
    })
}

/// Points the whole account's news at us. Meta makes its handshake before it answers.
pub(crate) async fn connect(
    whatsapp: &WhatsApp,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<Connected, CheckError> {
    credentials.validate()?;
    if !credentials.is_simulated() && !can_be_called(webhook) {
        return Ok(Connected::Manual {
            instructions: why_not_reached(webhook),
        });
    }
    let graph = whatsapp.graph(credentials)?;
    let set = apps::subscribe_at(&graph, &credentials.waba_id, webhook, &credentials.verify_token).await;
    match set {
        Ok(()) => Ok(Connected::Registered {
            set_on: format!("the WhatsApp Business account {}", credentials.waba_id),
        }),
        // The token is good, and may not do this.
        Err(CheckError::Unauthorized(_)) if number(whatsapp, credentials).await.is_ok() => {
            Ok(Connected::Manual {
                instructions: by_hand(webhook, credentials),
            })
        }
        Err(error) => Err(advised(error, "check the WhatsApp Business account ID")),
    }
}

fn by_hand(webhook: &Url, credentials: &Credentials) -> String {
    format!(
        "The access token may not change this: it lacks whatsapp_business_management. At developers.facebook.com open the \
         app, WhatsApp, Configuration. Under Webhook enter the callback URL {webhook} and the verify token {}, save, and \
         subscribe to the field messages.",
        credentials.verify_token.expose_secret()
    )
}

pub(crate) async fn health(
    whatsapp: &WhatsApp,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<(), CheckError> {
    number(whatsapp, credentials).await?.works()?;
    let subscribers = subscribers(whatsapp, credentials).await?;
    let subscriber = apps::find(&subscribers, credentials.app_id.as_deref()).ok_or_else(|| {
        CheckError::Misconfigured(
            "the WhatsApp Business account sends its messages to no app of ours any more: connect the integration again"
                .to_owned(),
        )
    })?;
    match (&subscriber.override_callback_uri, app(whatsapp, credentials)?) {
        (Some(address), _) => apps::leads(address, webhook).is_here("WhatsApp"),
        (None, Some(app)) => app.leads(OBJECT, webhook).await?.is_here("WhatsApp"),
        // The app's own address, which cannot be asked for.
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
