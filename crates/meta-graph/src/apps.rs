//! Which app hears of an account's news, and where that app's webhook leads.
//!
//! Two things must be so before anything comes: the account (a WhatsApp Business account, a Page, an Instagram account)
//! has subscribed the app (`subscribed_apps`), and the app has an address (`subscriptions`), of which it has one for all
//! its accounts unless the account overrides it. See "Graph API, Application Subscriptions".

use crate::{
    Graph,
    refusal::{Known, Next},
};
use channel::{CheckError, Connected};
use chrono::DateTime;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// What the API says of wrong app credentials and of an address that did not answer the handshake.
const KNOWN: &[Known] = &[
    (
        1,
        None,
        Next::GiveUp,
        "the app id and the app secret must be those of one app",
    ),
    (
        101,
        None,
        Next::GiveUp,
        "the app id and the app secret must be those of one app",
    ),
    (
        190,
        None,
        Next::GiveUp,
        "the app id and the app secret must be those of one app",
    ),
    (
        2200,
        None,
        Next::GiveUp,
        "Meta called the address and did not hear the right answer: it must be reachable from the internet with https, and \
         the integration must be saved with the same verify token",
    ),
];

/// An app that an account has subscribed.
#[derive(Debug, Clone, Deserialize)]
pub struct Subscriber {
    id: Option<String>,
    whatsapp_business_api_data: Option<AppName>,
    /// What of a Page or Instagram account it hears of.
    #[serde(default)]
    pub subscribed_fields: Vec<String>,
    /// Where a WhatsApp Business account's news go instead of the app's own address.
    pub override_callback_uri: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct AppName {
    id: Option<String>,
}

impl Subscriber {
    fn id(&self) -> Option<&str> {
        self.id.as_deref().or_else(|| {
            self.whatsapp_business_api_data
                .as_ref()
                .and_then(|app| app.id.as_deref())
        })
    }
}

/// Lists answer like this.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// Changes answer like this.
#[derive(Deserialize)]
struct Done {
    success: bool,
}

/// The apps that hear of an account's news.
pub async fn subscribers(graph: &Graph<'_>, account: &str) -> Result<Vec<Subscriber>, CheckError> {
    let subscribers: Data<Vec<Subscriber>> = graph
        .ask(graph.get(&format!("{account}/subscribed_apps"), &[]))
        .await?;
    Ok(subscribers.data)
}

/// The app, where its id is known, among those; else any.
pub fn find<'a>(subscribers: &'a [Subscriber], app_id: Option<&str>) -> Option<&'a Subscriber> {
    subscribers
        .iter()
        .find(|subscriber| app_id.is_none() || subscriber.id().is_none() || subscriber.id() == app_id)
}

/// Refuses subscriptions by which we would not hear of messages. `account` names it in words.
pub fn hears_of_messages(
    subscribers: &[Subscriber],
    app_id: Option<&str>,
    account: &str,
) -> Result<(), CheckError> {
    let problem = match find(subscribers, app_id) {
        Some(app) if app.subscribed_fields.iter().any(|field| field == "messages") => return Ok(()),
        Some(_) => "the app hears of other things than messages",
        None => "the app is not subscribed any more, as happens when a webhook has failed for an hour",
    };
    Err(CheckError::Misconfigured(format!(
        "{account} does not send us its messages: {problem}. Connect the integration again"
    )))
}

/// Lets the token's app hear of an account's news.
pub async fn subscribe(graph: &Graph<'_>, account: &str, fields: &[&str]) -> Result<(), CheckError> {
    let request = graph
        .post(&format!("{account}/subscribed_apps"))
        .query(&[("subscribed_fields", fields.join(","))]);
    done(graph.ask(request).await?)
}

/// The same for a WhatsApp Business account, whose news then go to this address whatever the app's own is.
pub async fn subscribe_at(
    graph: &Graph<'_>,
    account: &str,
    webhook: &Url,
    verify_token: &SecretString,
) -> Result<(), CheckError> {
    let body = serde_json::json!({
        "override_callback_uri": webhook.as_str(),
        "verify_token": verify_token.expose_secret(),
    });
    let request = graph.post(&format!("{account}/subscribed_apps")).json(&body);
    done(graph.ask(request).await?)
}

fn done(answer: Done) -> Result<(), CheckError> {
    if answer.success {
        Ok(())
    } else {
        Err(CheckError::Misconfigured(
            "Meta took the request and did not do it: try again, or set it at developers.facebook.com"
                .to_owned(),
        ))
    }
}

/// An app, as it speaks for itself: with its id and secret.
pub struct App<'a> {
    platform: &'static str,
    client: &'a Client,
    base: Url,
    id: &'a str,
    token: SecretString,
}

/// What an app's webhook is set to, for one kind of account.
#[derive(Debug, Clone, Deserialize)]
struct Subscription {
    object: String,
    callback_url: Option<String>,
    #[serde(default)]
    active: bool,
}

/// What an app knows of a token.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Token {
    app_id: Option<String>,
    application: Option<String>,
    is_valid: bool,
    expires_at: i64,
    scopes: Vec<String>,
}

/// Where an app's webhook leads, for one kind of account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To this chatbot's address.
    Here,
    /// To this installation's address for all accounts of an app.
    ToAll,
    /// To another chatbot of this installation.
    ToAnother,
    /// Elsewhere: this host.
    Away(String),
    /// It is not set, or switched off.
    Nowhere,
}

impl Leads {
    /// Refuses an address by which we would not hear of this chatbot's messages.
    pub fn is_here(&self, platform: &str) -> Result<(), CheckError> {
        let elsewhere = match self {
            Self::Here | Self::ToAll => return Ok(()),
            Self::ToAnother => "another chatbot of this installation",
            Self::Away(host) => host,
            Self::Nowhere => "no address",
        };
        Err(CheckError::Misconfigured(format!(
            "{platform} sends the account's messages to {elsewhere}: connect the integration again"
        )))
    }
}

/// Where an address leads, seen from this chatbot's: `…/api/messenger/webhook/{chatbot_id}`.
pub fn leads(address: &str, webhook: &Url) -> Leads {
    let Ok(given) = Url::parse(address) else {
        return Leads::Nowhere;
    };
    let (given_path, own) = (given.path().trim_end_matches('/'), webhook.path());
    let (all, _) = own.rsplit_once('/').unwrap_or((own, ""));
    if given.origin() != webhook.origin() {
        Leads::Away(given.host_str().unwrap_or_default().to_owned())
    } else if given_path == own {
        Leads::Here
    } else if given_path == all {
        Leads::ToAll
    } else if given_path
        .strip_prefix(all)
        .is_some_and(|rest| rest.starts_with('/'))
    {
        Leads::ToAnother
    } else {
        Leads::Away(given.host_str().unwrap_or_default().to_owned())
    }
}

impl<'a> App<'a> {
    /// `base` is the API's address with its version.
    pub fn new(
        platform: &'static str,
        client: &'a Client,
        base: Url,
        id: &'a str,
        secret: &SecretString,
    ) -> Self {
        Self {
            platform,
            client,
            base,
            id,
            token: format!("{id}|{}", secret.expose_secret()).into(),
        }
    }

    fn graph(&self) -> Graph<'_> {
        Graph {
            platform: self.platform,
            client: self.client,
            base: self.base.clone(),
            token: &self.token,
            app_secret: None,
            known: KNOWN,
        }
    }

    /// Where the app's webhook leads for this kind of account (`page`, `instagram`, `whatsapp_business_account`).
    pub async fn leads(&self, object: &str, webhook: &Url) -> Result<Leads, CheckError> {
        let graph = self.graph();
        let set: Data<Vec<Subscription>> = graph
            .ask(graph.get(&format!("{}/subscriptions", self.id), &[]))
            .await?;
        Ok(set
            .data
            .iter()
            .find(|subscription| subscription.object == object && subscription.active)
            .and_then(|subscription| subscription.callback_url.as_deref())
            .map_or(Leads::Nowhere, |address| leads(address, webhook)))
    }

    /// Sets the app's webhook for this kind of account. Meta makes its handshake before it answers.
    pub async fn point(
        &self,
        object: &str,
        webhook: &Url,
        verify_token: &SecretString,
        fields: &[&str],
    ) -> Result<(), CheckError> {
        let graph = self.graph();
        let fields = fields.join(",");
        let request = graph.post(&format!("{}/subscriptions", self.id)).form(&[
            ("object", object),
            ("callback_url", webhook.as_str()),
            ("verify_token", verify_token.expose_secret()),
            ("fields", &fields),
            ("include_values", "true"),
        ]);
        done(graph.ask(request).await?)
    }

    /// Sets the app's webhook to this chatbot's address, unless that would take another chatbot's messages away: an app has
    /// one webhook for all its accounts.
    pub async fn take(
        &self,
        object: &str,
        webhook: &Url,
        verify_token: &SecretString,
        fields: &[&str],
    ) -> Result<Connected, CheckError> {
        match self.leads(object, webhook).await? {
            Leads::ToAll => Ok(Connected::Registered {
                set_on: format!("the app {}, for all its accounts", self.id),
            }),
            Leads::ToAnother => {
                let all = webhook.as_str().rsplit_once('/').map_or("", |(all, _)| all);
                Ok(Connected::Manual {
                    instructions: format!(
                        "The app {} already sends its messages to another chatbot of this installation, and an app has one \
                         webhook for all its accounts. At developers.facebook.com open the app's webhooks. If that chatbot \
                         still needs it, set the callback URL to {all} with the verify token that this installation's \
                         operator has set for all: every chatbot then gets its own messages. If it does not, set it to \
                         {webhook} with the verify token {}.",
                        self.id,
                        verify_token.expose_secret()
                    ),
                })
            }
            Leads::Here | Leads::Away(_) | Leads::Nowhere => {
                self.point(object, webhook, verify_token, fields).await?;
                Ok(Connected::Registered {
                    set_on: format!("the app {}", self.id),
                })
            }
        }
    }

    /// Asks whose a token is, which proves the app's secret as well. What an owner should know of it is told; `needed`
    /// are the permissions without which nothing works.
    pub async fn check_token(
        &self,
        token: &SecretString,
        needed: &[&str],
    ) -> Result<Vec<String>, CheckError> {
        let graph = self.graph();
        let request = graph.get("debug_token", &[("input_token", token.expose_secret())]);
        let Data { data: token } = graph.ask::<Data<Token>>(request).await?;
        if token.app_id.as_deref().is_some_and(|app| app != self.id) {
            return Err(CheckError::Misconfigured(format!(
                "the access token was made for the app {} and not for the app {}: enter that app's id and secret, or a \
                 token of this app",
                token.application.or(token.app_id).unwrap_or_default(),
                self.id
            )));
        }
        if !token.is_valid {
            return Err(CheckError::Unauthorized(
                "the access token has expired or was withdrawn: enter a new one".to_owned(),
            ));
        }
        let missing: Vec<&str> = needed
            .iter()
            .copied()
            .filter(|needed| !token.scopes.is_empty() && !token.scopes.iter().any(|scope| scope == needed))
            .collect();
        if !missing.is_empty() {
            return Err(CheckError::Misconfigured(format!(
                "the access token lacks the permission {}: give it to the app and make a new token",
                missing.join(" and ")
            )));
        }
        let mut details: Vec<String> = token
            .application
            .map(|app| format!("app {app}"))
            .into_iter()
            .collect();
        if let Some(end) = DateTime::from_timestamp(token.expires_at, 0).filter(|_| token.expires_at > 0) {
            details.push(format!(
                "the access token expires on {}: enter one that does not, or a new one before",
                end.format("%Y-%m-%d")
            ));
        }
        Ok(details)
    }
}

#[cfg(test)]
mod tests;
