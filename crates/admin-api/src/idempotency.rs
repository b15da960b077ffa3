//! Idempotency-Key: a POST that is sent again does its work once and hears the same answer.
//!
//! Invariant: work that has begun under a key is finished and its answer kept even when the caller hangs up meanwhile.
//! Answers are sealed before they are kept: some hold a secret that is shown once. Where there is no workspace to seal one
//! for, an answer that is [`shown_once`] is not kept at all.

use crate::{
    AdminApi,
    caller::{Caller, Seat},
    guard,
    input::read_body,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpMessage, HttpResponse,
    body::{BoxBody, to_bytes},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Bytes,
};
use domain::WorkspaceId;
use sha2::{Digest, Sha256};
use store::idempotency_keys::{self, Answer, Claim, Claimed, Hold};
use uuid::Uuid;
use vault::Place;

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const COLUMN: &str = "idempotency_keys.body";

/// An answer with a secret in it.
struct ShownOnce;

/// Marks an answer that holds a secret: it is never kept unsealed.
pub(crate) fn shown_once(mut response: HttpResponse) -> HttpResponse {
    response.extensions_mut().insert(ShownOnce);
    response
}

/// A key that was taken for a request, with all that is needed to keep its answer.
#[derive(Clone)]
struct Taken {
    caller: Uuid,
    key: String,
    workspace: Option<WorkspaceId>,
    hash: Vec<u8>,
}

impl Taken {
    fn claim(&self) -> Claim<'_> {
        Claim {
            caller: self.caller,
            key: &self.key,
            workspace: self.workspace,
            request_hash: &self.hash,
        }
    }

    /// Answers are sealed for the key that they belong to.
    fn place(&self) -> Place {
        let digest = Sha256::new()
            .chain_update(self.caller.as_bytes())
            .chain_update(self.key.as_bytes())
            .finalize();
        let mut row = [0; 16];
        row.copy_from_slice(&digest[..16]);
        Place {
            row: Uuid::from_bytes(row),
            column: COLUMN,
        }
    }
}

/// Calls the handler, once per key.
pub(crate) async fn call(
    api: &AdminApi,
    caller: &Caller,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let taken = match take(api, caller, &mut request).await {
        Ok(None) => return next.call(request).await,
        Ok(Some(Found::Ours(taken, hold))) => (taken, hold),
        Ok(Some(Found::Done(response))) => return Ok(ServiceResponse::new(request.into_parts().0, response)),
        Err(problem) => return Ok(guard::refuse(request, problem)),
    };
    let (api, span) = (api.clone(), tracing::Span::current());
    // A task of its own: a caller who hangs up drops our future, and the work must not end half-way.
    let task = actix_web::rt::spawn(tracing::Instrument::instrument(
        async move {
            let response = next.call(request).await?;
            keep(&api, taken, response).await
        },
        span,
    ));
    task.await
        .map_err(|error| actix_web::Error::from(Problem::internal(error)))?
}

enum Found {
    Ours(Taken, Hold),
    Done(HttpResponse<BoxBody>),
}

async fn take(
    api: &AdminApi,
    caller: &Caller,
    request: &mut ServiceRequest,
) -> Result<Option<Found>, Problem> {
    let Some(key) = request.headers().get(HEADER) else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=200).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| {
            Problem::new(
                Kind::Malformed,
                "Idempotency-Key must be 1 to 200 visible ASCII characters, for example a UUID",
            )
        })?
        .to_owned();
    let body = body_of(request).await?;
    let hash = Sha256::new()
        .chain_update(request.method().as_str())
        .chain_update(b"\n")
        .chain_update(request.uri().to_string())
        .chain_update(b"\n")
        .chain_update(&body)
        .finalize()
        .to_vec();
    let workspace = request.extensions().get::<Seat>().map(|seat| seat.workspace);
    let taken = Taken {
        caller: caller.id(),
        key,
        workspace,
        hash,
    };
    match idempotency_keys::claim(api.db(), taken.claim(), api.now()).await? {
        Claimed::Ours(hold) => Ok(Some(Found::Ours(taken, hold))),
        Claimed::UnderWay => Err(Problem::new(
            Kind::UnderWay,
            "wait for its answer, then send it again to hear the same",
        )
        .retry_after(1)),
        Claimed::AnotherRequest => Err(Problem::new(
            Kind::KeyReused,
            "this Idempotency-Key came with another request before; use a new key for a new request",
        )),
        Claimed::Done(answer) => {
            let body = match taken.workspace {
                Some(workspace) if !answer.body.is_empty() => api
                    .keyring()
                    .open(workspace, taken.place(), &answer.body)
                    .await?
                    .to_vec(),
                _ => answer.body,
            };
            let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
            let mut response = HttpResponse::build(status);
            response.insert_header((REPLAYED, HeaderValue::from_static("true")));
            if !body.is_empty() {
                response.content_type("application/json");
            }
            Ok(Some(Found::Done(response.body(body))))
        }
    }
}

/// The body, which the handler will read once more.
async fn body_of(request: &mut ServiceRequest) -> Result<Bytes, Problem> {
    let mut payload = request.take_payload();
    let body = read_body(request.request(), &mut payload).await?;
    request.set_payload(Payload::from(body.clone()));
    Ok(body)
}

/// Keeps the answer of what succeeded, and forgets what failed so that it can be tried again.
async fn keep(
    api: &AdminApi,
    (taken, hold): (Taken, Hold),
    response: ServiceResponse<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let status = response.status();
    let cannot_be_kept =
        taken.workspace.is_none() && response.response().extensions().contains::<ShownOnce>();
    if !status.is_success() || cannot_be_kept {
        if let Err(error) = idempotency_keys::release(api.db(), taken.claim(), hold).await {
            warn(&error);
        }
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body)
        .await
        .map_err(|error| Problem::internal(error.to_string()))?;
    let stored = match taken.workspace {
        Some(workspace) if !body.is_empty() => api
            .keyring()
            .seal(workspace, taken.place(), &body)
            .await
            .map_err(|error| warn(&error))
            .ok(),
        _ => Some(body.to_vec()),
    };
    if let Some(stored) = stored {
        let answer = Answer {
            status: status.as_u16(),
            body: stored,
        };
        if let Err(error) = idempotency_keys::finish(api.db(), taken.claim(), hold, &answer).await {
            warn(&error);
        }
    }
    let mut response = head.set_body(body).map_into_boxed_body();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(ServiceResponse::new(request, response))
}

fn warn(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, "the answer to an idempotency key was not kept");
}
