//! Who belongs to a workspace.
//!
//! Invariant: an invitation gives nobody another person's account. Where the address has an account, only that account,
//! signed in, can accept.

use crate::{
    AdminApi,
    caller::{Facts, Person, Seat},
    difference,
    input::{self, Input},
    page::{self, Page, PageQuery},
    password,
    path::{MemberPath, WorkspacePath},
    problem::{Kind, Problem},
    revenue::limits::make_seat,
    sessions::{self, Me},
    setup::{LINK_LASTS, link, optional_name, refused_link},
    token,
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{Role, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::future::{Ready, ready};
use store::{
    StoreError,
    activity_log::NewActivity,
    memberships::Changed,
    one_time_tokens::{self, NewToken, Purpose},
};
use utoipa::ToSchema;

/// A member of a workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    /// The person.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Their address.
    email: String,
    /// Their name.
    name: String,
    /// Their role.
    #[schema(value_type = String, example = "agent")]
    role: Role,
    /// Since when they belong to it.
    created_at: DateTime<Utc>,
    /// Since when their account is disabled.
    disabled_at: Option<DateTime<Utc>>,
    /// When they last signed in.
    last_sign_in_at: Option<DateTime<Utc>>,
}

/// A member's role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleInput {
    /// `viewer`, `agent`, `admin` or `owner`.
    #[schema(value_type = String, example = "agent")]
    role: Role,
}

/// Somebody to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invite {
    /// Their address.
    email: String,
    /// `viewer`, `agent`, `admin` or `owner`.
    #[schema(value_type = String, example = "agent")]
    role: Role,
}

/// An invitation. The link is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Give it to the person: it works once.
    link: String,
    /// For whom.
    email: String,
    /// As what.
    #[schema(value_type = String)]
    role: Role,
    /// Until when.
    expires_at: DateTime<Utc>,
}

/// Accepting an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accept {
    /// From the invitation's link.
    #[schema(value_type = String)]
    token: SecretString,
    /// Your name, for a new account.
    #[serde(default)]
    name: String,
    /// A password, for a new account: 10 characters or more.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

/// The members.
#[utoipa::path(get, path = "/api/workspaces/{workspace_id}/members", params(WorkspacePath, PageQuery), responses((status = 200, body = Page<Member>)))]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Member>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let rows = store::memberships::list(&mut tx, query.after.map(Into::into), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |member| member.user.as_uuid(),
        |member| Member {
            user_id: member.user,
            email: member.email,
            name: member.name,
            role: member.role,
            created_at: member.created_at,
            disabled_at: member.disabled_at,
            last_sign_in_at: member.last_sign_in_at,
        },
    )))
}

/// Change a member's role.
#[utoipa::path(
    patch, path = "/api/workspaces/{workspace_id}/members/{user_id}", params(MemberPath), request_body = RoleInput,
    responses((status = 204))
)]
pub(crate) async fn update(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<MemberPath>,
    input: Input<RoleInput>,
) -> Result<HttpResponse, Problem> {
    let before = store::memberships::role_in(api.db(), seat.workspace, path.user_id).await?;
    let mut tx = seat.begin(&api).await?;
    changed(store::memberships::set_role(&mut tx, path.user_id, input.0.role).await?)?;
    let details = difference::between(&json!({ "role": before }), &json!({ "role": input.0.role }));
    seat.did(&api, &mut tx, "member.role", path.user_id, details)
        .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Remove a member.
#[utoipa::path(delete, path = "/api/workspaces/{workspace_id}/members/{user_id}", params(MemberPath), responses((status = 204)))]
pub(crate) async fn remove(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<MemberPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = seat.begin(&api).await?;
    changed(store::memberships::remove(&mut tx, path.user_id).await?)?;
    seat.did(
        &api,
        &mut tx,
        "member.remove",
        path.user_id,
        serde_json::Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Invite somebody.
///
/// Makes a link that works once, for half an hour. Earlier links for the same address end.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/invitations", params(WorkspacePath), request_body = Invite,
    responses((status = 201, body = Invitation))
)]
pub(crate) async fn invite(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    input: Input<Invite>,
) -> Result<HttpResponse, Problem> {
    let email = input::email(&input.0.email)?;
    let (role, now) = (input.0.role, api.now());
    let expires_at = now + LINK_LASTS;
    let token = token::new("");
    let new = NewToken {
        hash: &token::hash(&token).ok_or_else(refused_link)?,
        purpose: Purpose::Invite,
        user: None,
        workspace: Some(seat.workspace),
        role: Some(role),
        email: Some(&email),
        expires_at,
    };
    let mut tx = api.db().system().await?;
    make_seat(&api, &mut tx, seat.workspace).await?;
    one_time_tokens::revoke_invitations(&mut tx, seat.workspace, &email).await?;
    one_time_tokens::insert(&mut tx, &new, now).await?;
    let activity = NewActivity {
        user: seat.user(),
        action: "member.invite",
        target: Some(email.clone()),
        details: json!({ "role": role }),
        ip: seat.facts.ip.clone(),
        request_id: Some(seat.facts.request_id.clone()),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, Some(seat.workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let link = link(&api.settings().public_url, "invite", &token)
        .expose_secret()
        .to_owned();
    Ok(HttpResponse::Created().json(Invitation {
        link,
        email,
        role,
        expires_at,
    }))
}

/// Accept an invitation.
///
/// Makes an account for the invited address and signs it in; where the address has an account, it must be signed in.
#[utoipa::path(post, path = "/api/invitations/accept", request_body = Accept, responses((status = 200, body = Me)))]
pub(crate) async fn accept(
    api: Data<AdminApi>,
    facts: Facts,
    person: MaybePerson,
    input: Input<Accept>,
) -> Result<HttpResponse, Problem> {
    let input = input.0;
    let token = token::hash(&input.token).ok_or_else(refused_link)?;
    let now = api.now();
    let mut tx = api.db().system().await?;
    let taken = one_time_tokens::take(&mut tx, &token, Purpose::Invite, now)
        .await?
        .ok_or_else(refused_link)?;
    let (Some(workspace), Some(role), Some(email)) = (taken.workspace, taken.role, taken.email) else {
        return Err(refused_link());
    };
    let account = store::users::id_of_email(&mut tx, &email).await?;
    let (user, cookie) = match (account, person.0) {
        (Some(account), Some(person)) if account == person.user => (account, None),
        (Some(_), _) => {
            let detail = format!("{email} has an account: sign in with it, then open the link again");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        (None, Some(_)) => {
            let detail = format!("the invitation is for {email}: sign out first");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        (None, None) => {
            let chosen = input
                .password
                .ok_or_else(|| Problem::invalid("password", "choose a password"))?;
            password::check("password", &chosen, &email)?;
            let name = optional_name(&input.name)?;
            let hash = api.passwords().hash(chosen).await?;
            let user = UserId::new();
            store::users::insert(&mut tx, user, &email, &name, Some(&hash), false, now).await?;
            (user, Some(sessions::open(&api, &mut tx, user, &facts).await?))
        }
    };
    // Others may have come since the invitation.
    if store::memberships::role_in(api.db(), workspace, user)
        .await?
        .is_none()
    {
        make_seat(&api, &mut tx, workspace).await?;
    }
    store::memberships::add(&mut tx, workspace, user, role, now).await?;
    let activity = NewActivity {
        user: Some(user),
        action: "member.join",
        target: Some(user.to_string()),
        details: json!({ "role": role }),
        ip: facts.ip,
        request_id: Some(facts.request_id),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, Some(workspace), &activity, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let mut response = HttpResponse::Ok();
    if let Some(cookie) = cookie {
        response.cookie(cookie);
    }
    Ok(response.json(sessions::me_of(&api, user).await?))
}

/// Whoever is signed in, if anybody is.
pub(crate) struct MaybePerson(Option<Person>);

impl FromRequest for MaybePerson {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.extensions().get::<Person>().cloned())))
    }
}

fn changed(changed: Changed) -> Result<(), Problem> {
    match changed {
        Changed::Done => Ok(()),
        Changed::NoMember => Err(Problem::not_found()),
        Changed::LastOwner => Err(Problem::new(
            Kind::Conflict,
            "this is the workspace's last owner; make somebody else an owner first",
        )),
    }
}
