//! Inviting people to a workspace.
//!
//! Invariant: a link goes one way only. With mail it is in the mail and nowhere else, so that whoever accepts has read that
//! address's mail; without, it is shown once, to be handed over.

use crate::{
    AdminApi,
    caller::Seat,
    idempotency::shown_once,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{InvitationPath, WorkspacePath},
    problem::Problem,
    revenue::limits::make_seat,
    setup::{LINK_LASTS, refused_link},
    token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Duration, Utc};
use domain::{InvitationId, Role};
use mail::link;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    StoreError, SystemTx,
    mails::{self, About, NewMail},
    one_time_tokens::{self, NewToken, Purpose},
};
use utoipa::ToSchema;

/// How long an invitation can be accepted that goes by mail: people read mail when they do.
const MAILED_LASTS: Duration = Duration::days(7);

/// Somebody to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invite {
    /// Their address.
    #[schema(example = "margaret@example.com")]
    email: String,
    /// `viewer`, `agent`, `admin` or `owner`.
    #[schema(value_type = String, example = "agent")]
    role: Role,
}

/// An invitation that was made. A link is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: InvitationId,
    /// Give it to the person: it works once. `null`: it is on its way by mail.
    link: Option<String>,
    /// For whom.
    email: String,
    /// As what.
    #[schema(value_type = String, example = "agent")]
    role: Role,
    /// Until when.
    expires_at: DateTime<Utc>,
}

/// An invitation that nobody has accepted yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenInvitation {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: InvitationId,
    /// For whom.
    email: String,
    /// As what.
    #[schema(value_type = String, example = "agent")]
    role: Role,
    /// By whom, while that account exists.
    invited_by: Option<String>,
    /// When.
    created_at: DateTime<Utc>,
    /// Until when.
    expires_at: DateTime<Utc>,
    /// Its time is over: send it again, or withdraw it.
    ended: bool,
    /// Its mail: `queued`, `sent` or `failed`; `null`: the link was handed over.
    #[schema(example = "sent")]
    mail: Option<String>,
}

/// The open invitations.
///
/// Those whose time is over are listed for another month.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/invitations", params(WorkspacePath, PageQuery),
    responses((status = 200, body = Page<OpenInvitation>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<OpenInvitation>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.after.map(Into::into);
    let rows = store::invitations::list(api.db(), seat.workspace, after, limit + 1).await?;
    let now = api.now();
    Ok(Json(Page::of(
        rows,
        limit,
        |row| row.id.as_uuid(),
        |row| OpenInvitation {
            id: row.id,
            email: row.email,
            role: row.role,
            invited_by: row.invited_by,
            created_at: row.created_at,
            ended: row.expires_at <= now,
            expires_at: row.expires_at,
            mail: row.mail,
        },
    )))
}

/// Invite somebody.
///
/// With mail, they get a link that works once, for a week; without, the link is in the answer and works for half an hour.
/// Earlier links for the same address end.
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
    let mut tx = api.db().system().await?;
    make_seat(&api, &mut tx, seat.workspace).await?;
    let made = make(&api, &mut tx, &seat, email, input.0.role, "member.invite").await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown_once(HttpResponse::Created().json(made)))
}

/// Send an invitation again.
///
/// As if it were made anew: its earlier link ends.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/invitations/{invitation_id}/send", params(InvitationPath),
    responses((status = 201, body = Invitation))
)]
pub(crate) async fn send_again(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<InvitationPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    let withdrawn = store::invitations::withdraw(&mut tx, seat.workspace, path.invitation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let made = make(
        &api,
        &mut tx,
        &seat,
        withdrawn.email,
        withdrawn.role,
        "invitation.send",
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown_once(HttpResponse::Created().json(made)))
}

/// Withdraw an invitation.
///
/// Its link ends at once.
#[utoipa::path(
    delete, path = "/api/workspaces/{workspace_id}/invitations/{invitation_id}", params(InvitationPath),
    responses((status = 204))
)]
pub(crate) async fn withdraw(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<InvitationPath>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    let withdrawn = store::invitations::withdraw(&mut tx, seat.workspace, path.invitation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let details = json!({ "role": withdrawn.role });
    note(
        &api,
        &mut tx,
        &seat,
        "invitation.withdraw",
        &withdrawn.email,
        details,
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn make(
    api: &AdminApi,
    tx: &mut SystemTx,
    seat: &Seat,
    email: String,
    role: Role,
    action: &'static str,
) -> Result<Invitation, Problem> {
    let now = api.now();
    let by_mail = store::mail_settings::exist(api.db()).await?;
    let expires_at = now + if by_mail { MAILED_LASTS } else { LINK_LASTS };
    // Of a mailed invitation nobody ever knows this token: its link is made when the mail is sent.
    let token = token::new("");
    let new = NewToken {
        hash: &token::hash(&token).ok_or_else(refused_link)?,
        purpose: Purpose::Invite,
        user: None,
        workspace: Some(seat.workspace),
        role: Some(role),
        email: Some(&email),
        created_by: seat.user(),
        expires_at,
    };
    one_time_tokens::revoke_invitations(tx, seat.workspace, &email).await?;
    let id = one_time_tokens::insert(tx, &new, now).await?;
    if by_mail {
        let theirs = store::users::for_reset(tx, &email)
            .await?
            .and_then(|(_, language)| language);
        let mail = NewMail {
            about: About::Invitation(id),
            recipient: &email,
            language: theirs.or(seat.facts.language).unwrap_or_default(),
        };
        mails::insert(tx, &mail, now).await?;
    }
    note(api, tx, seat, action, &email, json!({ "role": role })).await?;
    let link = link(&api.settings().public_url, "invite", &token);
    Ok(Invitation {
        id,
        link: (!by_mail).then(|| link.expose_secret().to_owned()),
        email,
        role,
        expires_at,
    })
}

async fn note(
    api: &AdminApi,
    tx: &mut SystemTx,
    seat: &Seat,
    action: &'static str,
    email: &str,
    details: serde_json::Value,
) -> Result<(), Problem> {
    let activity = seat.activity(action, email, details);
    Ok(store::activity_log::record_system(tx, Some(seat.workspace), &activity, api.now()).await?)
}
