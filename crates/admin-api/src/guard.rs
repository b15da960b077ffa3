//! What stands in front of every handler.
//!
//! Invariant: a handler runs only after the caller was found to be allowed what the table says, and whatever is refused is
//! refused here, before anything of the request's body is read. With the database away nobody is let through.

use crate::{
    AdminApi,
    area::Rule,
    caller::{Caller, Facts, Person, Seat},
    idempotency,
    problem::{Kind, Problem},
    route::Access,
    sessions, token,
};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use domain::{ChatbotId, ConversationId, WorkspaceId};
use secrecy::SecretString;
use std::{collections::BTreeMap, rc::Rc};
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Admits, calls, and gives every answer its last form.
pub(crate) async fn guard(
    api: AdminApi,
    rules: Rc<BTreeMap<String, Rule>>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let facts = Facts::of(&request, api.settings().trusted_proxies);
    request.extensions_mut().insert(facts.clone());
    let route = request.match_pattern().unwrap_or_default();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = %facts.request_id, http.method = %method, http.route = %route);
    let traceparent = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    process::trace::set_parent(&span, traceparent);
    let started = std::time::Instant::now();

    let response = async {
        match admit(&api, &rules, &request, &facts).await {
            Ok(Some(caller)) if method == Method::POST => {
                idempotency::call(&api, &caller, request, next).await
            }
            Ok(_) => next.call(request).await,
            Err(problem) => Ok(refuse(request, problem)),
        }
    }
    .instrument(span.clone())
    .await?;
    let response = span.in_scope(|| finish(&api, response, &facts));

    let status = response.status().as_u16().to_string();
    let labels = [
        ("route", route),
        ("method", method.to_string()),
        ("status", status),
    ];
    metrics::histogram!("admin_request_seconds", &labels).record(started.elapsed().as_secs_f64());
    Ok(response)
}

/// An answer without a handler.
pub(crate) fn refuse(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    ServiceResponse::from_err(problem, request.into_parts().0)
}

/// Whether the caller may use the route. Leaves what it found for the handler. `Some` caller where a repeated POST is to
/// be recognised.
async fn admit(
    api: &AdminApi,
    rules: &BTreeMap<String, Rule>,
    request: &ServiceRequest,
    facts: &Facts,
) -> Result<Option<Caller>, Problem> {
    let Some(rule) = rules.get(request.method().as_str()) else {
        let allowed: Vec<&str> = rules.keys().map(String::as_str).collect();
        return Err(Problem::new(
            Kind::MethodNotAllowed,
            format!("this address takes {}", allowed.join(", ")),
        ));
    };
    let access = &rule.access;
    if *access == Access::Public {
        same_site(api, request)?;
        if let Some(Caller::Person(person)) = by_cookie(api, request).await? {
            personal(rule.in_person, &person)?;
            request.extensions_mut().insert(person);
        }
        return Ok(None);
    }

    let caller = match request.headers().get(header::AUTHORIZATION) {
        Some(authorization) => by_key(api, authorization).await?,
        None => by_cookie(api, request).await?,
    }
    .ok_or_else(|| {
        Problem::new(
            Kind::Unauthenticated,
            "nobody is signed in, or the API key is not valid",
        )
    })?;
    if let Caller::Person(person) = &caller {
        same_site(api, request)?;
        if person.must_change_password && !is_about_the_session(request) {
            return Err(Problem::new(
                Kind::PasswordChangeRequired,
                "an administrator asks you to choose another password first: PUT /api/session/password",
            ));
        }
        personal(rule.in_person, person)?;
        request.extensions_mut().insert(person.clone());
    }
    match (access, &caller) {
        (Access::Public | Access::Known, _) | (Access::SignedIn, Caller::Person(_)) => {}
        (Access::SignedIn, Caller::Key { .. }) => {
            return Err(Problem::new(
                Kind::Forbidden,
                "an API key belongs to a workspace; this needs a person who is signed in",
            ));
        }
        (Access::Administrator, Caller::Person(person)) if person.is_administrator => {}
        (Access::Administrator, _) => return Err(Problem::not_found()),
        (Access::Member(needed), _) => {
            let workspace = workspace_of(api, request).await?.ok_or_else(Problem::not_found)?;
            let role = match &caller {
                Caller::Key {
                    workspace: own, role, ..
                } => (*own == workspace).then_some(*role),
                Caller::Person(person) => {
                    store::memberships::role_in(api.db(), workspace, person.user).await?
                }
            };
            let role = role.ok_or_else(Problem::not_found)?;
            if role < *needed {
                let detail = format!("this needs the role {needed} in the workspace; yours is {role}");
                return Err(Problem::new(Kind::Forbidden, detail));
            }
            if let Caller::Key { scope, .. } = &caller {
                rule.admits(scope, request.method())?;
            }
            let seat = Seat {
                workspace,
                role,
                caller: caller.clone(),
                facts: facts.clone(),
            };
            request.extensions_mut().insert(seat);
        }
    }
    Ok(Some(caller))
}

/// Refuses an administrator who acts as somebody else where only that person may go.
fn personal(in_person: bool, person: &Person) -> Result<(), Problem> {
    if in_person && person.impersonator.is_some() {
        return Err(Problem::new(
            Kind::InPersonOnly,
            "you act as somebody else: passwords, second factors, sessions, keys, invitations and secrets are theirs alone",
        ));
    }
    Ok(())
}

/// What is left to somebody who has to choose another password: seeing who they are, doing it, and signing out.
fn is_about_the_session(request: &ServiceRequest) -> bool {
    matches!(
        request.match_pattern().as_deref(),
        Some("/api/session" | "/api/session/password")
    )
}

/// Whose business the request's address is about.
async fn workspace_of(api: &AdminApi, request: &ServiceRequest) -> Result<Option<WorkspaceId>, Problem> {
    let named = |name: &str| request.match_info().get(name);
    if let Some(id) = named("workspace_id") {
        return Ok(id.parse().ok());
    }
    if let Some(id) = named("chatbot_id") {
        return match id.parse::<ChatbotId>() {
            Ok(id) => Ok(store::chatbots::workspace_of(api.db(), id).await?),
            Err(_) => Ok(None),
        };
    }
    match named("conversation_id").map(str::parse::<ConversationId>) {
        Some(Ok(id)) => Ok(store::inbox::workspace_of(api.db(), id).await?),
        _ => Ok(None),
    }
}

/// The holder of an API key. Another kind of authorization is nobody's.
async fn by_key(api: &AdminApi, authorization: &HeaderValue) -> Result<Option<Caller>, Problem> {
    let key = authorization.to_str().ok().and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| SecretString::from(key.trim()))
    });
    let Some(hash) = key.as_ref().and_then(token::hash) else {
        return Ok(None);
    };
    let holder = store::api_keys::holder(api.db(), &hash, api.now()).await?;
    Ok(holder.map(|holder| Caller::Key {
        id: holder.id,
        workspace: holder.workspace,
        role: holder.role,
        scope: holder.scope,
    }))
}

/// The person whose session the cookie names.
async fn by_cookie(api: &AdminApi, request: &ServiceRequest) -> Result<Option<Caller>, Problem> {
    let Some(hash) = sessions::presented(api, request.request())
        .as_ref()
        .and_then(token::hash)
    else {
        return Ok(None);
    };
    let found = store::sessions::signed_in(api.db(), &hash, sessions::IDLE, api.now()).await?;
    Ok(found.map(|found| {
        Caller::Person(Person {
            user: found.user,
            session: found.session,
            is_administrator: found.is_administrator,
            must_change_password: found.must_change_password,
            impersonator: found.impersonator,
        })
    }))
}

/// Refuses what another site made a browser send. A browser says where a page's request comes from; only a page of ours,
/// or one that we allowed to, can set a header of its own.
fn same_site(api: &AdminApi, request: &ServiceRequest) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let text = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or("null"))
    };
    let refused = || {
        let detail = format!(
            "a request with a session cookie must come from {} or carry the header x-requested-with",
            api.settings().origin()
        );
        Err(Problem::new(Kind::CrossOrigin, detail))
    };
    if text("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return refused();
    }
    let by_program = text("x-requested-with").is_some_and(|value| !value.is_empty());
    match text("origin") {
        Some("null") => refused(),
        Some(origin) if origin == api.settings().origin() || by_program => Ok(()),
        Some(_) => refused(),
        // No browser sends a cookie with another site's POST and leaves the origin out; an old one might.
        None if by_program || request.headers().get(header::COOKIE).is_none() => Ok(()),
        None => refused(),
    }
}

/// Problems get the request's id, and every answer the headers that all have.
fn finish(api: &AdminApi, response: ServiceResponse<BoxBody>, facts: &Facts) -> ServiceResponse<BoxBody> {
    let (request, mut response) = response.into_parts();
    if let Some(error) = response.error() {
        let problem = match error.as_error::<Problem>() {
            Some(problem) => problem.clone(),
            None => Problem::of_framework(response.status()),
        };
        response = problem.response(facts);
    } else if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = Problem::of_framework(response.status()).response(facts);
    }
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    );
    if api.settings().public_url.scheme() == "https" {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if let Ok(id) = HeaderValue::from_str(&facts.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    ServiceResponse::new(request, response)
}

/// The answer to every address that nobody serves.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    let request = ServiceRequest::from_request(request);
    let facts = Facts::of(&request, 0);
    let mut response = Problem::not_found().response(&facts);
    if let Ok(id) = HeaderValue::from_str(&facts.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
