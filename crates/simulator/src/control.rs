//! `/_simulator`: what another process may see and change.

use crate::{
    delivery::Retries,
    model::{Behaviour, Model},
    played::{Hook, Person, Played, find},
    twilio::{Account, Callbacks, FaultRule, Inbound, Twilio},
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    error::{ErrorBadRequest, ErrorUnauthorized},
    web,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// A long poll ends before proxies and clients lose patience.
const LONGEST_WAIT: Duration = Duration::from_secs(55);

/// The bearer token that is asked for, if any.
struct Token(Option<SecretString>);

pub(crate) fn routes(routes: &mut web::ServiceConfig, token: Option<SecretString>) {
    routes.service(
        web::scope("/_simulator")
            .app_data(web::Data::new(Token(token)))
            .route(
                "/health",
                web::get().to(async || HttpResponse::Ok().json(json!({"status": "ok"}))),
            )
            .route("/counts", web::get().to(counts))
            .route("/calls", web::get().to(calls))
            .route("/messages", web::get().to(messages))
            .route("/reply", web::get().to(reply))
            .route("/inbound", web::post().to(inbound))
            .route("/say", web::post().to(say))
            .route("/answer", web::get().to(answer))
            .route("/accounts", web::post().to(accounts))
            .route("/faults", web::get().to(faults))
            .route("/faults", web::post().to(add_fault))
            .route("/faults", web::delete().to(clear_faults))
            .route("/callbacks", web::put().to(callbacks))
            .route("/model", web::put().to(model)),
    );
}

fn allowed(request: &HttpRequest) -> Result<(), Error> {
    let expected = request
        .app_data::<web::Data<Token>>()
        .and_then(|token| token.0.as_ref());
    let Some(expected) = expected else { return Ok(()) };
    let given = request
        .headers()
        .get("Authorization")
        .and_then(|value| value.to_str().ok());
    let given = given
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(expected.expose_secret().as_bytes())) {
        Ok(())
    } else {
        Err(ErrorUnauthorized("the simulator's token is missing or wrong"))
    }
}

async fn counts(request: HttpRequest, twilio: web::Data<Twilio>) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(HttpResponse::Ok().json(json!({"twilio": twilio.counts(), "newest": twilio.newest()})))
}

async fn calls(request: HttpRequest, twilio: web::Data<Twilio>) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(HttpResponse::Ok().json(twilio.calls()))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
    to: Option<String>,
}

async fn messages(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    query: web::Query<After>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let mut sent = twilio.sent_after(query.after);
    if let Some(to) = &query.to {
        sent.retain(|message| message.to == *to);
    }
    Ok(HttpResponse::Ok().json(sent))
}

#[derive(Deserialize)]
struct NextReply {
    to: String,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

/// 200 with the first message to a number after a position, or 204 when none has come in time.
async fn reply(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    query: web::Query<NextReply>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let wait = Duration::from_millis(query.wait_ms).min(LONGEST_WAIT);
    Ok(match twilio.next_to(&query.to, query.after, wait).await {
        Some(message) => HttpResponse::Ok().json(message),
        None => HttpResponse::NoContent().finish(),
    })
}

#[derive(Deserialize)]
struct Say {
    platform: String,
    person: Person,
    hook: Hook,
}

/// A person writes on a platform, which posts its webhook: what that was answered, and where to look for the reply.
async fn say(
    request: HttpRequest,
    played: web::Data<Played>,
    say: web::Json<Say>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let Say {
        platform,
        person,
        hook,
    } = say.into_inner();
    let play = find(&platform).ok_or_else(|| ErrorBadRequest(format!("{platform:?} is not played here")))?;
    let position = played.outbox().newest();
    let delivered = played
        .say(&platform, &person, &hook, Retries::TWILIO)
        .await
        .map_err(|error| ErrorBadRequest(format!("{error:#}")))?;
    Ok(HttpResponse::Ok().json(json!({
        "status": delivered.status, "body": delivered.body, "took_ms": delivered.took.as_secs_f64() * 1000.0,
        "conversation": play.conversation(&person), "position": position,
    })))
}

#[derive(Deserialize)]
struct NextAnswer {
    platform: String,
    conversation: String,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

/// 200 with the first message to a conversation after a position, or 204 when none has come in time.
async fn answer(
    request: HttpRequest,
    played: web::Data<Played>,
    query: web::Query<NextAnswer>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let wait = Duration::from_millis(query.wait_ms).min(LONGEST_WAIT);
    let next = played
        .outbox()
        .next_to(&query.platform, &query.conversation, query.after, wait);
    Ok(match next.await {
        Some(message) => HttpResponse::Ok().json(message),
        None => HttpResponse::NoContent().finish(),
    })
}

#[derive(Deserialize)]
struct NewInbound {
    sid: String,
    account: String,
    from: String,
    to: String,
    body: String,
}

/// A person's message that is to be in the account's list.
async fn inbound(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    new: web::Json<NewInbound>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let mut inbound = Inbound::sms(&new.account, &new.from, &new.to, &new.body);
    inbound.message_sid.clone_from(&new.sid);
    twilio.record_inbound(&inbound);
    Ok(HttpResponse::NoContent().finish())
}

async fn accounts(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    account: web::Json<Account>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    twilio.add_account(account.into_inner());
    Ok(HttpResponse::NoContent().finish())
}

async fn faults(request: HttpRequest, twilio: web::Data<Twilio>) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(HttpResponse::Ok().json(twilio.faults()))
}

async fn add_fault(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    rule: web::Json<FaultRule>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    twilio.add_fault(rule.into_inner());
    Ok(HttpResponse::NoContent().finish())
}

async fn clear_faults(request: HttpRequest, twilio: web::Data<Twilio>) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    twilio.clear_faults();
    Ok(HttpResponse::NoContent().finish())
}

async fn callbacks(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    callbacks: web::Json<Callbacks>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    twilio.set_callbacks(callbacks.into_inner());
    Ok(HttpResponse::NoContent().finish())
}

async fn model(
    request: HttpRequest,
    model: web::Data<Model>,
    behaviour: web::Json<Behaviour>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    model.behave(behaviour.into_inner());
    Ok(HttpResponse::NoContent().finish())
}
