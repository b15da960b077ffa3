//! Everybody's accounts.
//!
//! Invariant: no administrator ever knows another's password. Whoever is brought in or locked out chooses one by a link
//! that works once.

use super::{note, noted};
use crate::{
    AdminApi,
    caller::{Facts, Person},
    difference,
    idempotency::shown_once,
    input::{self, Input},
    page::{self, Page},
    path::UserPath,
    problem::{Kind, Problem},
    revenue::limits::make_seat,
    sessions::{self, SeatView},
    setup::{LINK_LASTS, link, optional_name, refused_link},
    token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{Role, UserId, WorkspaceId};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, SystemTx,
    administration::users::{self as accounts, Filter, State},
    one_time_tokens::{self, NewToken, Purpose},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// An account, as administrators see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserOverview {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: UserId,
    /// Its address.
    email: String,
    /// The person's name.
    name: String,
    /// `active`; `invited`, who has chosen no password yet; or `disabled`.
    #[schema(example = "active")]
    state: &'static str,
    /// Whether they administer the installation.
    is_administrator: bool,
    /// Whether they have to choose another password before anything else.
    must_change_password: bool,
    /// Since when the account is disabled.
    disabled_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When they last signed in.
    last_sign_in_at: Option<DateTime<Utc>>,
    /// From where.
    last_sign_in_ip: Option<String>,
    /// In how many browsers they are signed in.
    sessions: i64,
    /// The workspaces they belong to, with their roles.
    workspaces: Vec<SeatView>,
}

impl From<accounts::Account> for UserOverview {
    fn from(account: accounts::Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            name: account.name,
            state: account.state.as_str(),
            is_administrator: account.is_administrator,
            must_change_password: account.must_change_password,
            disabled_at: account.disabled_at,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
            last_sign_in_ip: account.last_sign_in_ip,
            sessions: account.sessions,
            workspaces: account.seats.into_iter().map(Into::into).collect(),
        }
    }
}

/// Which accounts to list. Every given condition must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// Whose address or name contains this.
    q: Option<String>,
    /// `active`, `invited` or `disabled`.
    state: Option<String>,
    /// Administrators of the installation, or everybody else.
    is_administrator: Option<bool>,
    /// Members of this workspace.
    workspace_id: Option<Uuid>,
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// How many items at most.
    limit: Option<i64>,
}

/// Somebody to bring in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Their address.
    #[schema(example = "margaret@example.com")]
    email: String,
    /// Their name.
    #[serde(default)]
    name: String,
    /// Whether they administer the installation.
    #[serde(default)]
    is_administrator: bool,
    /// The workspace that they belong to from the first.
    workspace_id: Option<Uuid>,
    /// Their role there: `viewer`, `agent`, `admin` or `owner`.
    #[schema(value_type = Option<String>, example = "agent")]
    role: Option<Role>,
}

/// Somebody who was brought in. The link is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct BroughtIn {
    /// The account.
    user: UserOverview,
    /// Give it to the person: it works once, and lets them choose a password.
    link: String,
    /// Until when.
    expires_at: DateTime<Utc>,
}

/// Sessions that were ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedSessions {
    /// How many.
    sessions: u64,
}

/// All accounts, in the order of their making.
#[utoipa::path(get, path = "/api/administration/users", params(UsersQuery), responses((status = 200, body = Page<UserOverview>)))]
pub(crate) async fn users(
    api: Data<AdminApi>,
    _person: Person,
    query: Query<UsersQuery>,
) -> Result<Json<Page<UserOverview>>, Problem> {
    let limit = page::limit(query.limit)?;
    let state = match query.state.as_deref() {
        None => None,
        Some("active") => Some(State::Active),
        Some("invited") => Some(State::Invited),
        Some("disabled") => Some(State::Disabled),
        Some(_) => return Err(Problem::invalid("state", "state is active, invited or disabled")),
    };
    let filter = Filter {
        id: None,
        text: input::sought(query.q.as_deref())?,
        state,
        is_administrator: query.is_administrator,
        workspace: query.workspace_id.map(Into::into),
    };
    let (now, after) = (api.now(), query.after.map(Into::into));
    let rows = accounts::list(api.db(), &filter, now - sessions::IDLE, now, after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |account| account.id.as_uuid(),
        Into::into,
    )))
}

/// One account.
#[utoipa::path(get, path = "/api/administration/users/{user_id}", params(UserPath), responses((status = 200, body = UserOverview)))]
pub(crate) async fn user(
    api: Data<AdminApi>,
    _person: Person,
    path: Path<UserPath>,
) -> Result<Json<UserOverview>, Problem> {
    Ok(Json(found(&api, path.user_id).await?))
}

/// Bring somebody in.
///
/// Makes an account without a password, and a link by which its owner chooses one: it works once, for half an hour.
#[utoipa::path(
    post, path = "/api/administration/users", request_body = NewUser, responses((status = 201, body = BroughtIn))
)]
pub(crate) async fn bring_in(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<NewUser>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let email = input::email(&input.email)?;
    let name = optional_name(&input.name)?;
    let seat = match (input.workspace_id, input.role) {
        (Some(workspace), role) => Some((WorkspaceId::from(workspace), role.unwrap_or(Role::Viewer))),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(Problem::invalid(
                "workspace_id",
                "say in which workspace they have the role",
            ));
        }
    };
    let (user, now) = (UserId::new(), api.now());
    let mut tx = api.db().system().await?;
    if store::users::id_of_email(&mut tx, &email).await?.is_some() {
        return Err(Problem::new(Kind::Taken, "this address has an account already"));
    }
    store::users::insert(&mut tx, user, &email, &name, None, input.is_administrator, now).await?;
    if let Some((workspace, role)) = seat {
        if !store::workspaces::exists(&mut tx, workspace).await? {
            return Err(Problem::not_found());
        }
        make_seat(&api, &mut tx, workspace).await?;
        store::memberships::add(&mut tx, workspace, user, role, now).await?;
    }
    let details = json!({
        "email": email, "is_administrator": input.is_administrator, "role": seat.map(|(_, role)| role),
    });
    let activity = noted(&person, &facts, "user.create", user, details);
    note(&api, &mut tx, seat.map(|(workspace, _)| workspace), &activity).await?;
    let (link, expires_at) = password_link(&api, &mut tx, user).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown_once(HttpResponse::Created().json(BroughtIn {
        user: found(&api, user).await?,
        link,
        expires_at,
    })))
}

/// Make a new link for somebody to choose a password by.
///
/// It works once, for half an hour; earlier ones end. Choosing a password ends their sessions.
#[utoipa::path(
    post, path = "/api/administration/users/{user_id}/password-link", params(UserPath),
    responses((status = 201, body = BroughtIn))
)]
pub(crate) async fn new_link(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<HttpResponse, Problem> {
    let user = found(&api, path.user_id).await?;
    if user.disabled_at.is_some() {
        return Err(Problem::new(
            Kind::Conflict,
            "the account is disabled; enable it first",
        ));
    }
    let mut tx = api.db().system().await?;
    let (link, expires_at) = password_link(&api, &mut tx, path.user_id).await?;
    let activity = noted(
        &person,
        &facts,
        "password.reset_link",
        path.user_id,
        serde_json::Value::Null,
    );
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown_once(HttpResponse::Created().json(BroughtIn {
        user,
        link,
        expires_at,
    })))
}

/// End all sessions of somebody.
#[utoipa::path(
    post, path = "/api/administration/users/{user_id}/sign-out", params(UserPath),
    responses((status = 200, body = EndedSessions))
)]
pub(crate) async fn end_sessions(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<Json<EndedSessions>, Problem> {
    found(&api, path.user_id).await?;
    let mut tx = api.db().system().await?;
    let sessions = store::sessions::delete_of_user(&mut tx, path.user_id).await?;
    let activity = noted(
        &person,
        &facts,
        "user.sign_out",
        path.user_id,
        json!({ "sessions": sessions }),
    );
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(EndedSessions { sessions }))
}

/// Have somebody choose another password.
///
/// Until they have, everything but that is refused them, where they are signed in already as well.
#[utoipa::path(
    post, path = "/api/administration/users/{user_id}/require-password-change", params(UserPath), responses((status = 204))
)]
pub(crate) async fn require_password_change(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<HttpResponse, Problem> {
    let user = found(&api, path.user_id).await?;
    let mut tx = api.db().system().await?;
    if !store::users::require_password_change(&mut tx, path.user_id).await? {
        return Err(Problem::new(
            Kind::Conflict,
            "they have no password yet; make them a new link instead",
        ));
    }
    let change = difference::between(
        &json!({ "must_change_password": user.must_change_password }),
        &json!({ "must_change_password": true }),
    );
    let activity = noted(
        &person,
        &facts,
        "user.require_password_change",
        path.user_id,
        change,
    );
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Disable an account.
///
/// Its sessions end at once.
#[utoipa::path(post, path = "/api/administration/users/{user_id}/disable", params(UserPath), responses((status = 204)))]
pub(crate) async fn disable(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<HttpResponse, Problem> {
    if path.user_id == person.user {
        return Err(Problem::new(
            Kind::Conflict,
            "this is your own account; another administrator has to disable it",
        ));
    }
    set_disabled(&api, &person, &facts, path.user_id, true).await
}

/// Enable an account again.
#[utoipa::path(post, path = "/api/administration/users/{user_id}/enable", params(UserPath), responses((status = 204)))]
pub(crate) async fn enable(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
) -> Result<HttpResponse, Problem> {
    set_disabled(&api, &person, &facts, path.user_id, false).await
}

async fn set_disabled(
    api: &AdminApi,
    person: &Person,
    facts: &Facts,
    user: UserId,
    disabled: bool,
) -> Result<HttpResponse, Problem> {
    let before = found(api, user).await?.disabled_at.is_some();
    let mut tx = api.db().system().await?;
    if !store::users::set_disabled(&mut tx, user, disabled.then(|| api.now())).await? {
        return Err(Problem::not_found());
    }
    if disabled {
        store::sessions::delete_of_user(&mut tx, user).await?;
        one_time_tokens::revoke_unused(&mut tx, Purpose::Reset, Some(user)).await?;
    }
    let action = if disabled { "user.disable" } else { "user.enable" };
    let change = difference::between(&json!({ "disabled": before }), &json!({ "disabled": disabled }));
    note(api, &mut tx, None, &noted(person, facts, action, user, change)).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn found(api: &AdminApi, user: UserId) -> Result<UserOverview, Problem> {
    let filter = Filter {
        id: Some(user),
        ..Filter::default()
    };
    let now = api.now();
    let account = accounts::list(api.db(), &filter, now - sessions::IDLE, now, None, 1)
        .await?
        .pop();
    Ok(account.ok_or_else(Problem::not_found)?.into())
}

/// A link for choosing a password; the earlier ones of the account end.
async fn password_link(
    api: &AdminApi,
    tx: &mut SystemTx,
    user: UserId,
) -> Result<(String, DateTime<Utc>), Problem> {
    let now = api.now();
    let expires_at = now + LINK_LASTS;
    let token = token::new("");
    let new = NewToken {
        hash: &token::hash(&token).ok_or_else(refused_link)?,
        purpose: Purpose::Reset,
        user: Some(user),
        workspace: None,
        role: None,
        email: None,
        expires_at,
    };
    one_time_tokens::revoke_unused(tx, Purpose::Reset, Some(user)).await?;
    one_time_tokens::insert(tx, &new, now).await?;
    let link = link(&api.settings().public_url, "reset", &token);
    Ok((link.expose_secret().to_owned(), expires_at))
}
