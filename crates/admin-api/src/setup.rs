//! First-run set-up, and getting back in.
//!
//! Invariant: no default password, ever. The first administrator comes in by a link that is printed where the
//! installation runs, works once and ends by itself; so does an administrator who is locked out.

use crate::{
    AdminApi,
    caller::Facts,
    input::{self, Input},
    password,
    problem::{Kind, Problem},
    sessions::{self, Me},
    token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use chrono::{DateTime, Duration, Utc};
use domain::{Role, UserId, WorkspaceId};
use mail::link;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::{
    Db, StoreError,
    activity_log::NewActivity,
    one_time_tokens::{self, NewToken, Purpose},
};
use url::Url;
use utoipa::ToSchema;

/// A set-up link waits for somebody who has just installed.
const SETUP_LASTS: Duration = Duration::hours(24);
/// A reset or an invitation is used at once.
pub(crate) const LINK_LASTS: Duration = Duration::minutes(30);

/// A link that works once. Print it where its receiver looks, and nowhere else.
#[derive(Debug, Clone)]
pub struct OneTimeLink {
    /// The address; the token stands behind the `#`.
    pub url: SecretString,
    /// Whose account it is about.
    pub email: Option<String>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody has this address.
    #[error("no account has the address {0}")]
    UnknownAccount(String),
    /// There is nobody yet: the set-up link makes the first account.
    #[error("there is no administrator yet; use the set-up link")]
    NoAdministrator,
    /// The address has to be named.
    #[error("there are several administrators; name one: {0}")]
    SeveralAdministrators(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A link for making the first administrator. `None`: there is one already.
pub async fn setup_link(
    db: &Db,
    public_url: &Url,
    now: DateTime<Utc>,
) -> Result<Option<OneTimeLink>, StoreError> {
    if store::users::any_administrator(db).await? {
        return Ok(None);
    }
    let expires_at = now + SETUP_LASTS;
    let token = token::new("");
    let new = NewToken {
        hash: &token::hash(&token).unwrap_or_default(),
        purpose: Purpose::Setup,
        user: None,
        workspace: None,
        role: None,
        email: None,
        created_by: None,
        expires_at,
    };
    let mut tx = db.system().await?;
    one_time_tokens::insert(&mut tx, &new, now).await?;
    tx.commit().await?;
    Ok(Some(OneTimeLink {
        url: link(public_url, "setup", &token),
        email: None,
        expires_at,
    }))
}

/// A link for choosing a new password: of the account of this address, else of the one administrator. Earlier reset links
/// of the account end.
pub async fn reset_link(
    db: &Db,
    public_url: &Url,
    email: Option<&str>,
    now: DateTime<Utc>,
) -> Result<OneTimeLink, LinkError> {
    let (user, email) = meant(db, email).await?;
    let expires_at = now + LINK_LASTS;
    let token = token::new("");
    let new = NewToken {
        hash: &token::hash(&token).unwrap_or_default(),
        purpose: Purpose::Reset,
        user: Some(user),
        workspace: None,
        role: None,
        email: None,
        created_by: None,
        expires_at,
    };
    let mut tx = db.system().await?;
    one_time_tokens::revoke_unused(&mut tx, Purpose::Reset, Some(user)).await?;
    one_time_tokens::insert(&mut tx, &new, now).await?;
    let activity = NewActivity {
        action: "password.reset_link",
        target: Some(user.to_string()),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, None, &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(OneTimeLink {
        url: link(public_url, "reset", &token),
        email: Some(email),
        expires_at,
    })
}

/// Takes the second factor away from the account of this address, else from the one administrator's: for who lost the
/// device and the recovery codes, and is the only one who could help. Ends all their sessions. Whose it was, and whether
/// there was one.
pub async fn reset_second_factor(
    db: &Db,
    email: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(String, bool), LinkError> {
    let (user, email) = meant(db, email).await?;
    let mut tx = db.system().await?;
    let was = store::second_factors::delete(&mut tx, user).await?;
    if was {
        store::sessions::delete_of_user(&mut tx, user).await?;
        let activity = NewActivity {
            action: "second_factor.reset",
            target: Some(user.to_string()),
            ..Default::default()
        };
        store::activity_log::record_system(&mut tx, None, &activity, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok((email, was))
}

/// The account of this address, else the one administrator's.
async fn meant(db: &Db, email: Option<&str>) -> Result<(UserId, String), LinkError> {
    let administrators = store::users::administrators(db).await?;
    match (email, administrators.as_slice()) {
        (Some(email), _) => {
            let mut tx = db.system().await?;
            let user = store::users::id_of_email(&mut tx, email).await?;
            let user = user.ok_or_else(|| LinkError::UnknownAccount(email.to_owned()))?;
            Ok((user, email.to_owned()))
        }
        (None, []) => Err(LinkError::NoAdministrator),
        (None, [one]) => Ok(one.clone()),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|(_, email)| email.as_str()).collect();
            Err(LinkError::SeveralAdministrators(names.join(", ")))
        }
    }
}

/// Whether the installation waits for its first administrator.
#[derive(Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// It does: open the link that was printed at start.
    needed: bool,
    /// Whether mail is sent here. Without, links are handed over, and nobody can ask for a new password.
    mail: bool,
}

/// The first administrator and the first workspace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUp {
    /// From the set-up link.
    #[schema(value_type = String)]
    token: SecretString,
    /// The administrator's address.
    email: String,
    /// The administrator's name.
    #[serde(default)]
    name: String,
    /// The administrator's password: 10 characters or more.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// The first workspace's name.
    #[serde(default)]
    workspace_name: Option<String>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetPassword {
    /// From the reset link.
    #[schema(value_type = String)]
    token: SecretString,
    /// The new password: 10 characters or more.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Is set-up needed?
#[utoipa::path(get, path = "/api/setup", responses((status = 200, body = SetupState)))]
pub(crate) async fn state(api: Data<AdminApi>) -> Result<Json<SetupState>, Problem> {
    Ok(Json(SetupState {
        needed: !store::users::any_administrator(api.db()).await?,
        mail: store::mail_settings::exist(api.db()).await?,
    }))
}

/// Set up the installation.
///
/// Makes the administrator and the first workspace, and signs the administrator in.
#[utoipa::path(post, path = "/api/setup", request_body = SetUp, responses((status = 201, body = Me)))]
pub(crate) async fn set_up(
    api: Data<AdminApi>,
    facts: Facts,
    input: Input<SetUp>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let email = input::email(&input.email)?;
    let name = optional_name(&input.name)?;
    let workspace_name = input::line(
        "workspace_name",
        input.workspace_name.as_deref().unwrap_or("My workspace"),
        100,
    )?;
    password::check("password", &input.password, &email)?;
    let token = token::hash(&input.token).ok_or_else(refused_link)?;
    let now = api.now();

    let mut tx = api.db().system().await?;
    if store::users::any_administrator_locked(&mut tx).await? {
        return Err(Problem::new(
            Kind::Conflict,
            "the installation has been set up already; sign in",
        ));
    }
    one_time_tokens::take(&mut tx, &token, Purpose::Setup, now)
        .await?
        .ok_or_else(refused_link)?;
    let hash = api.passwords().hash(input.password).await?;
    let (user, workspace) = (UserId::new(), WorkspaceId::new());
    store::users::insert(&mut tx, user, &email, &name, Some(&hash), true, now).await?;
    store::workspaces::insert(&mut tx, workspace, &workspace_name).await?;
    store::memberships::add(&mut tx, workspace, user, Role::Owner, now).await?;
    // What was made before there was anybody, like the demo, is theirs as well.
    for ownerless in store::workspaces::without_members(&mut tx).await? {
        store::memberships::add(&mut tx, ownerless, user, Role::Owner, now).await?;
    }
    one_time_tokens::revoke_unused(&mut tx, Purpose::Setup, None).await?;
    let activity = NewActivity {
        user: Some(user),
        action: "installation.setup",
        target: Some(user.to_string()),
        ip: facts.ip.clone(),
        request_id: Some(facts.request_id.clone()),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    let cookie = sessions::open(&api, &mut tx, user, &facts).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Created()
        .cookie(cookie)
        .json(sessions::me_of(&api, user).await?))
}

/// Choose a new password by a reset link.
///
/// Ends every session of the account.
#[utoipa::path(post, path = "/api/password-reset", request_body = ResetPassword, responses((status = 204)))]
pub(crate) async fn reset_password(
    api: Data<AdminApi>,
    facts: Facts,
    input: Input<ResetPassword>,
) -> Result<HttpResponse, Problem> {
    let ResetPassword { token, password } = input.0;
    let token = token::hash(&token).ok_or_else(refused_link)?;
    let now = api.now();

    let mut tx = api.db().system().await?;
    let user = one_time_tokens::take(&mut tx, &token, Purpose::Reset, now)
        .await?
        .and_then(|taken| taken.user)
        .ok_or_else(refused_link)?;
    let account = store::users::get(api.db(), user)
        .await?
        .ok_or_else(refused_link)?;
    // Refused passwords leave the link as it is: the transaction is not committed.
    password::check("password", &password, &account.email)?;
    let hash = api.passwords().hash(password).await?;
    store::users::set_password(&mut tx, user, &hash).await?;
    store::sessions::delete_of_user(&mut tx, user).await?;
    let activity = NewActivity {
        user: Some(user),
        action: "password.reset",
        target: Some(user.to_string()),
        ip: facts.ip.clone(),
        request_id: Some(facts.request_id.clone()),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, None, &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    api.access_changed(user);
    Ok(HttpResponse::NoContent().finish())
}

/// The same answer for a link that never was, was used, or is too old.
pub(crate) fn refused_link() -> Problem {
    Problem::invalid(
        "token",
        "this link does not work: it has been used, has ended, or is not complete",
    )
}

pub(crate) fn optional_name(given: &str) -> Result<String, Problem> {
    if given.trim().is_empty() {
        Ok(String::new())
    } else {
        input::line("name", given, 100)
    }
}
