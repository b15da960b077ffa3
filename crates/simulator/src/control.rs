//! `/_simulator`: what another process may see and change. `?platform=` says whose; without it, it is Twilio's.

use crate::{
    delivery::Retries,
    model::{Behaviour, Model},
    played::{self, Ending, Hook, Person, Play, Played, find},
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
use std::time::{Duration, Instant};
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
            .route("/connections", web::get().to(connections))
            .route("/connections", web::delete().to(end_connections))
            .route("/connect", web::post().to(connect))
            .route("/media", web::post().to(media))
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

/// Whose strings are pulled.
#[derive(Deserialize)]
struct Of {
    platform: Option<String>,
}

/// `None`: Twilio, which is no [`Play`].
fn of(platform: Option<&str>) -> Result<Option<&'static dyn Play>, Error> {
    match platform {
        None | Some("twilio") => Ok(None),
        Some(name) => find(name)
            .map(Some)
            .ok_or_else(|| ErrorBadRequest(format!("{name:?} is not played here"))),
    }
}

fn read<T: serde::de::DeserializeOwned>(json: web::Json<serde_json::Value>) -> Result<T, Error> {
    serde_json::from_value(json.into_inner()).map_err(ErrorBadRequest)
}

async fn counts(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(HttpResponse::Ok().json(json!({
        "twilio": twilio.counts(), "newest": twilio.newest(),
        "platforms": played.all_counts(), "position": played.outbox().newest(),
    })))
}

async fn calls(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<Of>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(match of(query.platform.as_deref())? {
        None => HttpResponse::Ok().json(twilio.calls()),
        Some(play) => {
            let mut calls = played.calls();
            calls.retain(|call| call.platform == play.name());
            HttpResponse::Ok().json(calls)
        }
    })
}

#[derive(Deserialize)]
struct After {
    platform: Option<String>,
    #[serde(default)]
    after: u64,
    to: Option<String>,
}

/// Twilio's messages to a number; or everything that another platform was given for a conversation, edits and signs of
/// typing among it.
async fn messages(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<After>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let wanted = |to: &str| query.to.as_deref().is_none_or(|wanted| wanted == to);
    Ok(match of(query.platform.as_deref())? {
        None => {
            let mut sent = twilio.sent_after(query.after);
            sent.retain(|message| wanted(&message.to));
            HttpResponse::Ok().json(sent)
        }
        Some(play) => {
            let mut all = played.outbox().after(query.after);
            all.retain(|one| one.platform == play.name() && wanted(&one.conversation));
            HttpResponse::Ok().json(all)
        }
    })
}

#[derive(Deserialize)]
struct NextReply {
    platform: Option<String>,
    to: String,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

/// 200 with the first message to a number or conversation after a position, or 204 when none has come in time.
async fn reply(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<NextReply>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let wait = Duration::from_millis(query.wait_ms).min(LONGEST_WAIT);
    Ok(match of(query.platform.as_deref())? {
        None => found(twilio.next_to(&query.to, query.after, wait).await),
        Some(play) => {
            let next = played.outbox().next_to(play.name(), &query.to, query.after, wait);
            found(next.await)
        }
    })
}

fn found(message: Option<impl serde::Serialize>) -> HttpResponse {
    match message {
        Some(message) => HttpResponse::Ok().json(message),
        None => HttpResponse::NoContent().finish(),
    }
}

#[derive(Deserialize)]
struct Say {
    platform: String,
    person: Person,
    /// Left out: it is told over a connection that the product holds.
    hook: Option<Hook>,
    /// How long to wait until it is told over a connection.
    #[serde(default)]
    wait_ms: u64,
}

/// A person writes on a platform, which posts its webhook: what that was answered, and where to look for the reply. Or the
/// platform tells it over a connection: whether it has.
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
        wait_ms,
    } = say.into_inner();
    let play = find(&platform).ok_or_else(|| ErrorBadRequest(format!("{platform:?} is not played here")))?;
    let position = played.outbox().newest();
    let bad = |error: anyhow::Error| ErrorBadRequest(format!("{error:#}"));
    let conversation = play.conversation(&person);
    let Some(hook) = hook else {
        let began = Instant::now();
        played.write(&platform, &person).map_err(bad)?;
        let wait = Duration::from_millis(wait_ms).min(LONGEST_WAIT);
        let told = played.is_told(&platform, &person, wait).await;
        return Ok(HttpResponse::Ok().json(json!({
            "told": told, "took_ms": began.elapsed().as_secs_f64() * 1000.0,
            "conversation": conversation, "position": position,
        })));
    };
    let delivered = played
        .say(&platform, &person, &hook, Retries::TWILIO)
        .await
        .map_err(bad)?;
    Ok(HttpResponse::Ok().json(json!({
        "status": delivered.status, "body": delivered.body, "took_ms": delivered.took.as_secs_f64() * 1000.0,
        "conversation": conversation, "position": position,
    })))
}

#[derive(Deserialize)]
struct OfConnections {
    platform: String,
    how: Option<Ending>,
}

/// How a platform's connections have fared.
async fn connections(
    request: HttpRequest,
    played: web::Data<Played>,
    query: web::Query<OfConnections>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(HttpResponse::Ok().json(played.connections(&query.platform)))
}

/// Ends them: `?how=cut`, `asked` or `forgotten`.
async fn end_connections(
    request: HttpRequest,
    played: web::Data<Played>,
    query: web::Query<OfConnections>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    played
        .end_connections(&query.platform, query.how.unwrap_or(Ending::Cut))
        .map_err(|error| ErrorBadRequest(format!("{error:#}")))?;
    Ok(HttpResponse::NoContent().finish())
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
    Ok(found(next.await))
}

#[derive(Deserialize)]
struct Connect {
    platform: String,
    hook: Hook,
}

/// Where a platform posts its webhooks when nothing else is known of a conversation.
async fn connect(
    request: HttpRequest,
    played: web::Data<Played>,
    connect: web::Json<Connect>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let Connect { platform, hook } = connect.into_inner();
    let play = find(&platform).ok_or_else(|| ErrorBadRequest(format!("{platform:?} is not played here")))?;
    played.connect(play.name(), hook);
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
struct NewMedia {
    name: String,
}

/// A file that a person's message may carry: the body, of the request's own type. The answer goes into the person's
/// `media`.
async fn media(
    request: HttpRequest,
    played: web::Data<Played>,
    query: web::Query<NewMedia>,
    body: web::Bytes,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    let content_type = request
        .headers()
        .get("Content-Type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/octet-stream");
    Ok(HttpResponse::Ok().json(played.add_media(content_type, &query.name, body)))
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

async fn faults(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<Of>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    Ok(match of(query.platform.as_deref())? {
        None => HttpResponse::Ok().json(twilio.faults()),
        Some(play) => {
            let mut rules = played.faults();
            rules.retain(|rule| {
                rule.platform
                    .as_deref()
                    .is_none_or(|platform| platform == play.name())
            });
            HttpResponse::Ok().json(rules)
        }
    })
}

async fn add_fault(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<Of>,
    rule: web::Json<serde_json::Value>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    match of(query.platform.as_deref())? {
        None => twilio.add_fault(read::<FaultRule>(rule)?),
        Some(play) => {
            let mut rule: played::FaultRule = read(rule)?;
            rule.platform = Some(play.name().to_owned());
            played.add_fault(rule);
        }
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn clear_faults(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<Of>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    match of(query.platform.as_deref())? {
        None => twilio.clear_faults(),
        Some(play) => played.clear_faults(Some(play.name())),
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn callbacks(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    played: web::Data<Played>,
    query: web::Query<Of>,
    callbacks: web::Json<Callbacks>,
) -> Result<HttpResponse, Error> {
    allowed(&request)?;
    match of(query.platform.as_deref())? {
        None => twilio.set_callbacks(callbacks.into_inner()),
        Some(play) => played.set_reports(play.name(), callbacks.into_inner()),
    }
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
