//! Where one is signed in, and ending that.

use crate::{
    AdminApi,
    caller::{Facts, Person},
    page::Page,
    path::SessionPath,
    problem::{Kind, Problem},
    sessions, user_agent,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use domain::SessionId;
use serde::Serialize;
use serde_json::{Value, json};
use store::{StoreError, SystemTx, activity_log::NewActivity};
use utoipa::ToSchema;

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenSession {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: SessionId,
    /// Whether it is the one that this request came with.
    is_this: bool,
    /// The browser, where it is known.
    #[schema(example = "Firefox")]
    browser: Option<&'static str>,
    /// What it runs on, where that is known.
    #[schema(example = "Windows")]
    system: Option<&'static str>,
    /// From where it was begun.
    #[schema(example = "198.51.100.7")]
    ip: Option<String>,
    /// When it was begun.
    created_at: DateTime<Utc>,
    /// When it was last used, within a minute.
    last_used_at: DateTime<Utc>,
    /// When it ends, whatever happens.
    expires_at: DateTime<Utc>,
}

/// Sessions that were ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedOthers {
    /// How many.
    sessions: u64,
}

/// Your sessions, the last used first.
#[utoipa::path(get, path = "/api/session/sessions", responses((status = 200, body = Page<OpenSession>)))]
pub(crate) async fn list(api: Data<AdminApi>, person: Person) -> Result<Json<Page<OpenSession>>, Problem> {
    let rows = store::sessions::list(api.db(), person.user, sessions::IDLE, api.now()).await?;
    let items = rows.into_iter().map(|row| {
        let agent = row.user_agent.as_deref().unwrap_or_default();
        OpenSession {
            id: row.id,
            is_this: row.id == person.session,
            browser: user_agent::browser(agent),
            system: user_agent::system(agent),
            ip: row.ip,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        }
    });
    Ok(Json(Page::whole(items.collect())))
}

/// End one of your sessions.
#[utoipa::path(delete, path = "/api/session/sessions/{session_id}", params(SessionPath), responses((status = 204)))]
pub(crate) async fn end(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<SessionPath>,
) -> Result<HttpResponse, Problem> {
    if path.session_id == person.session {
        return Err(Problem::new(
            Kind::Conflict,
            "this is the session that you are in; sign out to end it",
        ));
    }
    let mut tx = api.db().system().await?;
    if !store::sessions::delete_own(&mut tx, person.user, path.session_id).await? {
        return Err(Problem::not_found());
    }
    let target = path.session_id.to_string();
    note(&api, &mut tx, &person, &facts, "session.end", target, Value::Null).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all your other sessions.
#[utoipa::path(delete, path = "/api/session/sessions", responses((status = 200, body = EndedOthers)))]
pub(crate) async fn end_others(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
) -> Result<Json<EndedOthers>, Problem> {
    let mut tx = api.db().system().await?;
    let sessions = store::sessions::delete_others(&mut tx, person.user, person.session).await?;
    let details = json!({ "sessions": sessions });
    let target = person.user.to_string();
    note(
        &api,
        &mut tx,
        &person,
        &facts,
        "session.end_others",
        target,
        details,
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(EndedOthers { sessions }))
}

async fn note(
    api: &AdminApi,
    tx: &mut SystemTx,
    person: &Person,
    facts: &Facts,
    action: &'static str,
    target: String,
    details: Value,
) -> Result<(), Problem> {
    let activity = NewActivity {
        user: Some(person.user),
        action,
        target: Some(target),
        details,
        ip: facts.ip.clone(),
        request_id: Some(facts.request_id.clone()),
        ..Default::default()
    };
    Ok(store::activity_log::record_system(tx, None, &activity, api.now()).await?)
}
