//! Who asks, from where, and what for: what the guard found out before a handler runs.

use crate::{AdminApi, problem::Problem};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, dev::ServiceRequest, http::header};
use domain::{ApiKeyId, Language, Role, SessionId, UserId, WorkspaceId};
use std::future::{Ready, ready};
use store::{
    TenantTx, activity_log::NewActivity, api_keys::Scope, impersonations::By, sessions::Impersonator,
    versions::Author,
};
use uuid::Uuid;

/// What is known of every request.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// As the caller named it, or ours.
    pub request_id: String,
    /// Where it came from.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// The language that is read there, where it is one of ours.
    pub language: Option<Language>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A person who is signed in.
    Person(Person),
    /// A program with a key.
    Key {
        id: ApiKeyId,
        workspace: WorkspaceId,
        role: Role,
        scope: Scope,
    },
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub user: UserId,
    pub session: SessionId,
    pub is_administrator: bool,
    /// Nothing but choosing another password is theirs until they have.
    pub must_change_password: bool,
    /// The administrator who acts as this person, if one does.
    pub impersonator: Option<Impersonator>,
}

impl Person {
    /// The administrator who acts as this person, as the activity log names them.
    pub(crate) fn impersonated_by(&self) -> Option<String> {
        self.impersonator
            .as_ref()
            .map(|impersonator| impersonator.email.clone())
    }
}

/// The caller's place in the workspace that the request is about.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub workspace: WorkspaceId,
    pub role: Role,
    pub caller: Caller,
    pub facts: Facts,
}

impl Facts {
    pub(crate) fn of(request: &ServiceRequest, trusted_proxies: usize) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let given = text("x-request-id").filter(|id| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        });
        Self {
            request_id: given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
            ip: client_address(request, trusted_proxies),
            user_agent: text("user-agent").map(|agent| agent.chars().take(200).collect()),
            language: text("accept-language").and_then(|wanted| {
                let first = wanted.split([',', ';']).next()?;
                Language::of_tag(first.trim())
            }),
        }
    }

    /// For what the store itself notes.
    pub(crate) fn by(&self) -> By<'_> {
        By {
            ip: self.ip.as_deref(),
            request_id: Some(&self.request_id),
        }
    }
}

/// With n proxies before us, the n-th entry from the right of X-Forwarded-For was written by the outermost of them; all
/// that is left of it is the caller's own invention.
fn client_address(request: &ServiceRequest, trusted_proxies: usize) -> Option<String> {
    let peer = request.peer_addr().map(|address| address.ip().to_string());
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded: Vec<&str> = request
        .headers()
        .get_all(header::X_FORWARDED_FOR)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    forwarded
        .len()
        .checked_sub(trusted_proxies)
        .and_then(|at| forwarded[at].parse::<std::net::IpAddr>().ok())
        .map(|address| address.to_string())
        .or(peer)
}

impl Caller {
    /// The person or key, for what is kept per caller.
    pub(crate) const fn id(&self) -> Uuid {
        match self {
            Self::Person(person) => person.user.as_uuid(),
            Self::Key { id, .. } => id.as_uuid(),
        }
    }
}

impl Seat {
    /// A transaction in which only the request's workspace exists.
    pub(crate) async fn begin(&self, api: &AdminApi) -> Result<TenantTx, Problem> {
        Ok(api.db().tenant(self.workspace).await?)
    }

    /// Notes in the transaction what is done in it.
    pub(crate) async fn did(
        &self,
        api: &AdminApi,
        tx: &mut TenantTx,
        action: &'static str,
        target: impl ToString,
        details: serde_json::Value,
    ) -> Result<(), Problem> {
        let activity = self.activity(action, target, details);
        Ok(store::activity_log::record(tx, &activity, api.now()).await?)
    }

    /// What is done, as it is noted.
    pub(crate) fn activity(
        &self,
        action: &'static str,
        target: impl ToString,
        details: serde_json::Value,
    ) -> NewActivity {
        let Author { user, api_key } = self.author();
        let impersonated_by = match &self.caller {
            Caller::Person(person) => person.impersonated_by(),
            Caller::Key { .. } => None,
        };
        NewActivity {
            user,
            api_key,
            impersonated_by,
            action,
            target: Some(target.to_string()),
            details,
            ip: self.facts.ip.clone(),
            request_id: Some(self.facts.request_id.clone()),
        }
    }

    /// The person or the program, as what they make bears them.
    pub(crate) const fn author(&self) -> Author {
        match &self.caller {
            Caller::Person(person) => Author {
                user: Some(person.user),
                api_key: None,
            },
            Caller::Key { id, .. } => Author {
                user: None,
                api_key: Some(*id),
            },
        }
    }

    /// The person, when it is one.
    pub(crate) const fn user(&self) -> Option<UserId> {
        match &self.caller {
            Caller::Person(person) => Some(person.user),
            Caller::Key { .. } => None,
        }
    }
}

/// Put there by the guard, so absent only where a route's access does not promise it: a defect, answered as one.
fn from_extensions<T: Clone + 'static>(request: &HttpRequest) -> Ready<Result<T, Problem>> {
    ready(
        request
            .extensions()
            .get::<T>()
            .cloned()
            .ok_or_else(|| Problem::internal("the route's access does not give what its handler takes")),
    )
}

impl FromRequest for Facts {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_extensions(request)
    }
}

impl FromRequest for Person {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_extensions(request)
    }
}

impl FromRequest for Seat {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_extensions(request)
    }
}
