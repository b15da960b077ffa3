//! Asks Meta about the Page, and points its news at us.
//!
//! Two things must be so: the Page has subscribed the app, which its token can do, and the app's one webhook leads to
//! us, which only the app itself can set.

use crate::{Messenger, credentials::Credentials};
use channel::{CheckError, Connected, Identity};
use meta_graph::{
    apps::{self, App},
    can_be_called, why_not_reached,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

/// The kind of account that an app's webhook is set for.
const OBJECT: &str = "page";
/// What we want to hear of.
const FIELDS: [&str; 5] = [
    "messages",
    "messaging_postbacks",
    "message_deliveries",
    "message_reads",
    "message_echoes",
];
/// What a token must be allowed to do.
const PERMISSIONS: [&str; 1] = ["pages_messaging"];

#[derive(Deserialize)]
struct Page {
    id: String,
    name: Option<String>,
}

/// The token's own Page, which must be the one that was named.
async fn page(messenger: &Messenger, credentials: &Credentials) -> Result<Page, CheckError> {
    let graph = messenger.graph(credentials)?;
    let page: Page = graph.ask(graph.get("me", &[("fields", "id,name")])).await?;
    if page.id == credentials.page_id {
        return Ok(page);
    }
    Err(CheckError::Misconfigured(format!(
        "the access token belongs to {} ({}), not to the Page {}: enter that id, or the token of this Page and not of a person",
        page.name.as_deref().unwrap_or("another account"),
        page.id,
        credentials.page_id
    )))
}

fn app<'a>(messenger: &'a Messenger, credentials: &'a Credentials) -> Result<Option<App<'a>>, CheckError> {
    let base = messenger.versioned(credentials)?;
    let app = |id| App::new("Messenger", &messenger.client, base, id, &credentials.app_secret);
    Ok(credentials.app_id.as_deref().map(app))
}

pub(crate) async fn check(messenger: &Messenger, credentials: &Credentials) -> Result<Identity, CheckError> {
    credentials.validate()?;
    let page = page(messenger, credentials).await?;
    let mut details = match app(messenger, credentials)? {
        Some(app) => {
            app.check_token(&credentials.page_access_token, &PERMISSIONS)
                .await?
        }
        None => Vec::new(),
    };
    if credentials.is_simulated() {
        details.push("simulated Page: nothing is sent to Messenger".to_owned());
    }
    Ok(Identity {
        name: page.name.unwrap_or(page.id),
        details,
    })
}

pub(crate) async fn connect(
    messenger: &Messenger,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<Connected, CheckError> {
    credentials.validate()?;
    if !credentials.is_simulated() && !can_be_called(webhook) {
        return Ok(Connected::Manual {
            instructions: why_not_reached(webhook),
        });
    }
    apps::subscribe(&messenger.graph(credentials)?, &credentials.page_id, &FIELDS).await?;
    let Some(app) = app(messenger, credentials)? else {
        return Ok(Connected::Manual {
            instructions: by_hand(webhook, credentials),
        });
    };
    app.take(OBJECT, webhook, &credentials.verify_token, &FIELDS)
        .await
}

fn by_hand(webhook: &Url, credentials: &Credentials) -> String {
    format!(
        "The Page now sends its messages to the app. Where the app sends them on to can only be set with the app's id: enter \
         it and connect again, or at developers.facebook.com open the app, Messenger, Messenger API settings. Under \
         Configure webhooks enter the callback URL {webhook} and the verify token {}, save, and subscribe to the fields {}.",
        credentials.verify_token.expose_secret(),
        FIELDS.join(", ")
    )
}

pub(crate) async fn health(
    messenger: &Messenger,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<(), CheckError> {
    let subscribers = apps::subscribers(&messenger.graph(credentials)?, &credentials.page_id).await?;
    apps::hears_of_messages(&subscribers, credentials.app_id.as_deref(), "the Page")?;
    match app(messenger, credentials)? {
        Some(app) => app.leads(OBJECT, webhook).await?.is_here("Messenger"),
        // Where the app sends them on to cannot be asked.
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
