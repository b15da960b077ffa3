//! Asks Meta about the account, and points its news at us.
//!
//! Two things must be so: the account (with Facebook login its Page) has subscribed the app, which the token can do, and
//! the app's one webhook leads to us. The latter can be set with the app's id and secret, with Facebook login only.

use crate::{
    Instagram,
    credentials::{Credentials, Login},
};
use channel::{CheckError, Connected, Identity};
use meta_graph::{
    apps::{self, App},
    batch, can_be_called, why_not_reached,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The kind of account that an app's webhook is set for.
const OBJECT: &str = "instagram";
/// What we want to hear of.
const FIELDS: [&str; 3] = ["messages", "messaging_postbacks", "messaging_seen"];
/// What a Page has to pass on; it knows no `messaging_seen`.
const PAGE_FIELDS: [&str; 2] = ["messages", "messaging_postbacks"];
/// What a Page's token must be allowed to do.
const PERMISSIONS: [&str; 2] = ["instagram_manage_messages", "pages_manage_metadata"];

/// The account as Instagram login describes it. Its `id` is another one, which webhooks do not carry.
#[derive(Deserialize)]
struct Me {
    user_id: Option<Value>,
    username: Option<String>,
    account_type: Option<String>,
}

/// The Page as Facebook login describes it.
#[derive(Deserialize)]
struct Page {
    name: Option<String>,
    instagram_business_account: Option<Linked>,
}

#[derive(Deserialize)]
struct Linked {
    id: Value,
    username: Option<String>,
}

/// Whose token it is.
struct Owner {
    id: Option<String>,
    username: Option<String>,
    details: Vec<String>,
}

async fn owner(instagram: &Instagram, credentials: &Credentials) -> Result<Owner, CheckError> {
    let graph = instagram.graph(credentials)?;
    match credentials.login()? {
        Login::Instagram => {
            let me: Me = graph
                .ask(graph.get("me", &[("fields", "user_id,username,account_type")]))
                .await?;
            Ok(Owner {
                id: me.user_id.as_ref().and_then(batch::id),
                username: me.username,
                details: me
                    .account_type
                    .map(|kind| kind.to_lowercase().replace('_', " "))
                    .into_iter()
                    .collect(),
            })
        }
        Login::Facebook => {
            let fields = "name,instagram_business_account{id,username}";
            let page: Page = graph
                .ask(graph.get(credentials.node(), &[("fields", fields)]))
                .await?;
            let linked = page.instagram_business_account.ok_or_else(|| {
                CheckError::Misconfigured(
                    "the Page has no Instagram professional account: link one in the Page's settings, Linked accounts"
                        .to_owned(),
                )
            })?;
            Ok(Owner {
                id: batch::id(&linked.id),
                username: linked.username,
                details: page.name.map(|name| format!("Page {name}")).into_iter().collect(),
            })
        }
    }
}

fn app<'a>(instagram: &'a Instagram, credentials: &'a Credentials) -> Result<Option<App<'a>>, CheckError> {
    let base = instagram.versioned(credentials)?;
    let app = |id| App::new("Instagram", &instagram.client, base, id, &credentials.app_secret);
    Ok(credentials.app_id.as_deref().map(app))
}

pub(crate) async fn check(instagram: &Instagram, credentials: &Credentials) -> Result<Identity, CheckError> {
    credentials.validate()?;
    let owner = owner(instagram, credentials).await?;
    let (id, username) = (owner.id.unwrap_or_default(), owner.username);
    let name = username.map_or_else(|| id.clone(), |username| format!("@{username}"));
    if id != credentials.account_id {
        return Err(CheckError::Misconfigured(format!(
            "the access token is for {name}, whose webhooks name the account {id}: enter that as the account's id, or the token \
             of the account {}",
            credentials.account_id
        )));
    }
    let mut details = owner.details;
    if let Some(app) = app(instagram, credentials)? {
        details.extend(app.check_token(&credentials.access_token, &PERMISSIONS).await?);
    }
    if credentials.is_simulated() {
        details.push("simulated account: nothing is sent to Instagram".to_owned());
    }
    Ok(Identity { name, details })
}

pub(crate) async fn connect(
    instagram: &Instagram,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<Connected, CheckError> {
    credentials.validate()?;
    if !credentials.is_simulated() && !can_be_called(webhook) {
        return Ok(Connected::Manual {
            instructions: why_not_reached(webhook),
        });
    }
    let login = credentials.login()?;
    let fields = match login {
        Login::Instagram => FIELDS.as_slice(),
        Login::Facebook => PAGE_FIELDS.as_slice(),
    };
    apps::subscribe(&instagram.graph(credentials)?, credentials.node(), fields).await?;
    match app(instagram, credentials)? {
        Some(app) => {
            app.take(OBJECT, webhook, &credentials.verify_token, &FIELDS)
                .await
        }
        None => Ok(Connected::Manual {
            instructions: by_hand(login, webhook, credentials),
        }),
    }
}

fn by_hand(login: Login, webhook: &Url, credentials: &Credentials) -> String {
    let place = match login {
        Login::Instagram => {
            "where the app sends them on to can only be set by hand. At developers.facebook.com open the app, Instagram, API \
             setup with Instagram login. Under Configure webhooks"
        }
        Login::Facebook => {
            "where the app sends them on to can only be set with the app's id: enter it and connect again, or at \
             developers.facebook.com open the app, Messenger, Instagram settings. Under Webhooks"
        }
    };
    format!(
        "The account now sends its messages to the app, and {place} enter the callback URL {webhook} and the verify token {}, \
         save, and subscribe to the fields {}.",
        credentials.verify_token.expose_secret(),
        FIELDS.join(", ")
    )
}

pub(crate) async fn health(
    instagram: &Instagram,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<(), CheckError> {
    let subscribers = apps::subscribers(&instagram.graph(credentials)?, credentials.node()).await?;
    apps::hears_of_messages(&subscribers, credentials.app_id.as_deref(), "the account")?;
    match app(instagram, credentials)? {
        Some(app) => app.leads(OBJECT, webhook).await?.is_here("Instagram"),
        // Where the app sends them on to cannot be asked.
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
