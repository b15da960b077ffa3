//! How the installation sends mail, and what became of its mails.
//!
//! Invariant: the password goes in and never comes out.

use super::{note, noted};
use crate::{
    AdminApi,
    caller::{Facts, Person},
    difference,
    input::{self, Input, present},
    page::{self, Page, PageQuery},
    problem::{Kind, Problem},
};
use ::mail::MailError;
use actix_web::{
    HttpResponse,
    web::{Data, Json, Query},
};
use chrono::{DateTime, Utc};
use domain::MailId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    StoreError,
    mail_settings::{self, MailSettings, Security},
};
use utoipa::ToSchema;
use uuid::Uuid;
use vault::{INSTALLATION, Place};

/// How mail is sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailView {
    /// Whether it is sent at all. The rest is `null` where it is not.
    enabled: bool,
    /// The server's name or address.
    #[schema(example = "smtp.example.com")]
    host: Option<String>,
    /// Its port.
    #[schema(example = 587)]
    port: Option<u16>,
    /// `tls`: from the first byte; `starttls`: after a greeting; `none`: not protected.
    #[schema(example = "starttls")]
    security: Option<&'static str>,
    /// Who signs in there.
    username: Option<String>,
    /// Whether there is a password.
    has_password: bool,
    /// Who mails are from.
    #[schema(example = "BotSmith <bots@example.com>")]
    sender: Option<String>,
    /// When this was last changed.
    updated_at: Option<DateTime<Utc>>,
}

/// How mail shall be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailInput {
    /// The server's name or address; one on a private network will do.
    #[schema(example = "smtp.example.com")]
    host: String,
    /// Its port: 465 for `tls`, 587 for `starttls`, 25 for `none`, as a rule.
    #[schema(example = 587)]
    port: u16,
    /// `tls`, `starttls` or `none`.
    #[schema(example = "starttls")]
    security: String,
    /// Who signs in there; left out: nobody does.
    #[serde(default)]
    #[schema(example = "bots")]
    username: Option<String>,
    /// With which password; left out: as before, while server and user are as before.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Option<SecretString>>,
    /// Who mails are from: an address, or a name and an address.
    #[schema(example = "BotSmith <bots@example.com>")]
    sender: String,
}

/// Where to send a test mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestMail {
    /// To whom.
    #[schema(example = "ada@example.com")]
    to: String,
}

/// A mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailListed {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: MailId,
    /// `invitation` or `reset`.
    #[schema(example = "invitation")]
    kind: String,
    /// To whom.
    recipient: String,
    /// `queued`, `sent` or `failed`.
    #[schema(example = "sent")]
    state: String,
    /// How often it was tried.
    attempts: i32,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// When it is tried next.
    due_at: Option<DateTime<Utc>>,
    /// When it was sent or given up.
    settled_at: Option<DateTime<Utc>>,
    /// Why it was not sent, the last time.
    error: Option<String>,
}

impl From<Option<MailSettings>> for MailView {
    fn from(settings: Option<MailSettings>) -> Self {
        let settings = settings.as_ref();
        Self {
            enabled: settings.is_some(),
            host: settings.map(|settings| settings.host.clone()),
            port: settings.map(|settings| settings.port),
            security: settings.map(|settings| settings.security.as_str()),
            username: settings.and_then(|settings| settings.username.clone()),
            has_password: settings.is_some_and(|settings| settings.password.is_some()),
            sender: settings.map(|settings| settings.sender.clone()),
            updated_at: settings.map(|settings| settings.updated_at),
        }
    }
}

/// How mail is sent.
#[utoipa::path(get, path = "/api/administration/mail", responses((status = 200, body = MailView)))]
pub(crate) async fn get(api: Data<AdminApi>, _person: Person) -> Result<Json<MailView>, Problem> {
    Ok(Json(mail_settings::get(api.db()).await?.into()))
}

/// Set how mail is sent.
#[utoipa::path(
    put, path = "/api/administration/mail", request_body = MailInput, responses((status = 200, body = MailView))
)]
pub(crate) async fn save(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<MailInput>,
) -> Result<Json<MailView>, Problem> {
    let before = mail_settings::get(api.db()).await?;
    let settings = read(&api, input.0, before.as_ref()).await?;
    let new_password = settings.password != before.as_ref().and_then(|before| before.password.clone());
    let mut details = difference::between(&shown(before.as_ref()), &shown(Some(&settings)));
    if let (true, Some(details)) = (new_password, details.as_object_mut()) {
        details.insert("password".to_owned(), json!("changed"));
    }
    let mut tx = api.db().system().await?;
    mail_settings::put(&mut tx, &settings).await?;
    let activity = noted(&person, &facts, "mail.update", "installation", details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(Some(settings).into()))
}

/// Send no more mail.
///
/// What waits is given up after a day, unless mail is set up again before.
#[utoipa::path(delete, path = "/api/administration/mail", responses((status = 204)))]
pub(crate) async fn delete(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    if !mail_settings::delete(&mut tx).await? {
        return Err(Problem::new(Kind::Conflict, "no mail is sent already"));
    }
    let activity = noted(&person, &facts, "mail.delete", "installation", Value::Null);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Send a test mail.
///
/// Now, and once: the answer says what the server said.
#[utoipa::path(post, path = "/api/administration/mail/test", request_body = TestMail, responses((status = 204)))]
pub(crate) async fn test(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<TestMail>,
) -> Result<HttpResponse, Problem> {
    let to = input::email(&input.0.to)?;
    let settings = mail_settings::get(api.db())
        .await?
        .ok_or_else(|| Problem::new(Kind::Conflict, "save how mail is sent first"))?;
    let url = &api.settings().public_url;
    let language = facts.language.unwrap_or_default();
    ::mail::send_test(api.keyring(), &settings, url, &to, language).await?;
    let mut tx = api.db().system().await?;
    let activity = noted(&person, &facts, "mail.test", &to, Value::Null);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Mails, newest first; those that were sent or given up are kept for a month.
#[utoipa::path(
    get, path = "/api/administration/mails", params(PageQuery), responses((status = 200, body = Page<MailListed>))
)]
pub(crate) async fn mails(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<PageQuery>,
) -> Result<Json<Page<MailListed>>, Problem> {
    let limit = page::limit(query.limit)?;
    let rows = store::mails::list(api.db(), query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |row| row.id.as_uuid(),
        |row| MailListed {
            id: row.id,
            kind: row.kind,
            recipient: row.recipient,
            state: row.state,
            attempts: row.attempts,
            created_at: row.created_at,
            due_at: row.due_at,
            settled_at: row.settled_at,
            error: row.error,
        },
    )))
}

/// What the log may show of them.
fn shown(settings: Option<&MailSettings>) -> Value {
    settings.map_or(json!({}), |settings| {
        json!({
            "host": settings.host, "port": settings.port, "security": settings.security.as_str(),
            "username": settings.username, "sender": settings.sender,
        })
    })
}

async fn read(
    api: &AdminApi,
    input: MailInput,
    before: Option<&MailSettings>,
) -> Result<MailSettings, Problem> {
    let host = input::line("host", &input.host, 253)?;
    let is_name = url::Host::parse(&host).is_ok() || host.parse::<std::net::IpAddr>().is_ok();
    if !is_name {
        return Err(Problem::invalid(
            "host",
            "host is a server's name or address alone, like smtp.example.com",
        ));
    }
    let port = input::number("port", input.port, 1, u16::MAX)?;
    let security = Security::parse(&input.security)
        .ok_or_else(|| Problem::invalid("security", "security is tls, starttls or none"))?;
    let username = match input.username.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(name) => Some(input::line("username", name, 200)?),
    };
    let sender = input::line("sender", &input.sender, 300)?;
    ::mail::check_sender(&sender).map_err(|_: MailError| {
        Problem::invalid(
            "sender",
            "sender is an address, or a name and an address: BotSmith <bots@example.com>",
        )
    })?;
    let given = input
        .password
        .map(|given| given.filter(|password| !password.expose_secret().is_empty()));
    let password = match (given, before) {
        (Some(None), _) => None,
        (Some(Some(new)), _) => {
            let place = Place {
                row: Uuid::nil(),
                column: mail_settings::PASSWORD_COLUMN,
            };
            let plain = new.expose_secret().as_bytes();
            Some(api.keyring().seal(INSTALLATION, place, plain).await?)
        }
        // A password that was given for one server is not sent to another.
        (None, Some(before)) if before.host == host && before.username == username => before.password.clone(),
        (None, Some(before)) if before.password.is_some() && username.is_some() => {
            return Err(Problem::invalid(
                "password",
                "server or user changed: give the password again",
            ));
        }
        (None, _) => None,
    };
    if username.is_some() != password.is_some() {
        return Err(Problem::invalid(
            "password",
            "a user and a password go together: give both or neither",
        ));
    }
    Ok(MailSettings {
        host,
        port,
        security,
        username,
        password,
        sender,
        updated_at: api.now(),
    })
}
