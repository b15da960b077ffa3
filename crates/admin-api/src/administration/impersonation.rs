//! Administrators who act as somebody else, for support.
//!
//! Invariants:
//! - Never as another administrator, never without a reason, never for longer than an hour.
//! - What is the person's alone stays theirs: see [`crate::route::Route::in_person`].

use crate::{
    AdminApi,
    caller::{Facts, Person},
    input::{self, Input},
    path::UserPath,
    problem::{Kind, Problem},
    sessions::{self, Me},
    token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use chrono::Duration;
use domain::{ImpersonationId, SessionId};
use secrecy::ExposeSecret;
use serde::Deserialize;
use store::{
    StoreError,
    impersonations::{self, NewImpersonation},
};
use utoipa::ToSchema;

/// How long it lasts at most.
const LASTS: Duration = Duration::hours(1);

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// Why: their workspaces see it.
    #[schema(example = "Ticket 4711: her chatbot does not answer")]
    reason: String,
}

/// Act as somebody.
///
/// For an hour at most. Sets another session cookie; ending it brings the administrator back. Their workspaces see the
/// beginning, the end, and who did what in between.
#[utoipa::path(
    post, path = "/api/administration/users/{user_id}/impersonate", params(UserPath), request_body = Reason,
    responses((status = 204))
)]
pub(crate) async fn begin(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<UserPath>,
    input: Input<Reason>,
) -> Result<HttpResponse, Problem> {
    let reason = input::line("reason", &input.0.reason, 300)?;
    let user = store::users::get(api.db(), path.user_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let refused = |why: &'static str| Err(Problem::new(Kind::Conflict, why));
    if user.id == person.user {
        return refused("this is your own account");
    }
    if user.is_administrator {
        return refused("nobody acts as another administrator");
    }
    if user.disabled_at.is_some() {
        return refused("the account is disabled; enable it first");
    }
    let (now, token) = (api.now(), token::new(""));
    let (id, ends_at) = (ImpersonationId::new(), now + LASTS);
    let new = NewImpersonation {
        id,
        administrator: person.user,
        user: user.id,
        reason: &reason,
        ends_at,
        session: person.session,
    };
    let session = store::sessions::NewSession {
        id: SessionId::new(),
        token_hash: &token::digest(&token),
        user: user.id,
        expires_at: ends_at,
        ip: facts.ip.as_deref(),
        user_agent: facts.user_agent.as_deref(),
        impersonation: Some(id),
    };
    let mut tx = api.db().system().await?;
    impersonations::begin(&mut tx, &new, facts.by(), now).await?;
    store::sessions::insert(&mut tx, &session, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let cookie = sessions::build_cookie(&api, token.expose_secret());
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Act as oneself again.
///
/// Ends acting as somebody else, and brings the administrator back to their own session.
#[utoipa::path(delete, path = "/api/session/impersonation", responses((status = 200, body = Me)))]
pub(crate) async fn end(api: Data<AdminApi>, person: Person, facts: Facts) -> Result<HttpResponse, Problem> {
    let Some(impersonator) = person.impersonator else {
        return Err(Problem::new(Kind::Conflict, "you act as yourself already"));
    };
    let (now, token) = (api.now(), token::new(""));
    let mut tx = api.db().system().await?;
    impersonations::end(&mut tx, impersonator.impersonation, facts.by(), now).await?;
    // Its old token is in no browser any more: this one's cookie replaced it.
    store::sessions::set_token(&mut tx, impersonator.session, &token::digest(&token), now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let me = sessions::me_of(&api, impersonator.user).await?;
    let cookie = sessions::build_cookie(&api, token.expose_secret());
    Ok(HttpResponse::Ok().cookie(cookie).json(me))
}
