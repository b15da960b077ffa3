//! Twilio's REST API, as far as BotSmith calls it.

use super::{
    account::Caller,
    callback,
    error::ApiError,
    fault::{Effect, Refusal},
    message::Direction,
    state::{NewMessage, Twilio},
};
use crate::connection;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};

const MESSAGES: &str = "/2010-04-01/Accounts/{account}/Messages.json";

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route(MESSAGES, web::post().to(create_message))
        .route(MESSAGES, web::get().to(list_messages))
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{sid}.json",
            web::get().to(fetch_message),
        )
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{message}/Media/{media}",
            web::get().to(media),
        )
        .route(
            "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json",
            web::get().to(list_numbers),
        )
        .route(
            "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json",
            web::get().to(fetch_number),
        )
        .route(
            "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json",
            web::post().to(update_number),
        )
        .route(
            "/2010-04-01/Accounts/{account}.json",
            web::get().to(fetch_account),
        )
        .route("/v1/Services/{sid}/PhoneNumbers", web::get().to(service_numbers))
        .route("/v1/Services/{sid}", web::get().to(fetch_service))
        .route("/v1/Services/{sid}", web::post().to(update_service))
        .route("/_storage/{key}", web::get().to(storage));
}

/// A call that is noted down when it begins, with its outcome when it ends.
struct Noted<'a> {
    twilio: &'a Twilio,
    seq: u64,
}

impl<'a> Noted<'a> {
    fn begin(twilio: &'a Twilio, request: &HttpRequest) -> Self {
        Self {
            twilio,
            seq: twilio.call_begins(request.method().as_str(), request.path()),
        }
    }

    fn answer(self, answer: Result<HttpResponse, ApiError>) -> HttpResponse {
        self.answer_about(None, answer)
    }

    fn answer_about(self, to: Option<&str>, answer: Result<HttpResponse, ApiError>) -> HttpResponse {
        match answer {
            Ok(response) => {
                self.twilio
                    .call_ends(self.seq, to, response.status().as_u16().to_string());
                response
            }
            Err(error) => {
                self.twilio
                    .call_ends(self.seq, to, format!("{} {}", error.status, error.code));
                error.response()
            }
        }
    }

    fn cut(self, to: &str, accepted: bool, request: &HttpRequest) -> HttpResponse {
        let outcome = if accepted { "201 cut" } else { "cut" };
        self.twilio.call_ends(self.seq, Some(to), outcome.to_owned());
        connection::cut(request);
        HttpResponse::InternalServerError().finish()
    }
}

fn basic(request: &HttpRequest) -> Option<(String, String)> {
    let value = request.headers().get("Authorization")?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let (user, password) = String::from_utf8(decoded)
        .ok()?
        .split_once(':')
        .map(|(u, p)| (u.to_owned(), p.to_owned()))?;
    Some((user, password))
}

fn sign_in(twilio: &Twilio, request: &HttpRequest, account: &str) -> Result<Caller, ApiError> {
    let (user, password) = basic(request).ok_or_else(ApiError::authenticate)?;
    twilio.sign_in(account, &user, &password)
}

type Form = HashMap<String, Vec<String>>;

fn parse(bytes: &[u8]) -> Form {
    let mut form = Form::new();
    for (key, value) in form_urlencoded::parse(bytes) {
        form.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    form
}

/// A field's value; what is empty was not given.
fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name)?
        .first()
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

async fn create_message(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    account: web::Path<String>,
    body: Bytes,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    if let Err(error) = sign_in(&twilio, &request, &account) {
        return noted.answer(Err(error));
    }
    let form = parse(&body);
    let to = field(&form, "To").unwrap_or_default().to_owned();
    let from = field(&form, "From")
        .or_else(|| field(&form, "MessagingServiceSid"))
        .unwrap_or_default();
    let effect: Effect = twilio.decide(&account, from, &to);
    if effect.delay > Duration::ZERO {
        tokio::time::sleep(effect.delay).await;
    }
    match effect.refusal {
        Some(Refusal::Error(error)) => return noted.answer_about(Some(&to), Err(error)),
        Some(Refusal::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let page = HttpResponse::build(status)
                .content_type("text/html")
                .body("<html>upstream error</html>");
            return noted.answer_about(Some(&to), Ok(page));
        }
        Some(Refusal::Cut) => return noted.cut(&to, false, &request),
        None => {}
    }
    let new = match checked(&twilio, &account, &form) {
        Ok(new) => new,
        Err(error) => return noted.answer_about(Some(&to), Err(error)),
    };
    let message = twilio.accept(new, &effect);
    callback::before_the_answer(&twilio, &message).await;
    if effect.cut_after {
        return noted.cut(&to, true, &request);
    }
    noted.answer_about(
        Some(&to),
        Ok(HttpResponse::Created().json(message.created_json())),
    )
}

fn checked(twilio: &Twilio, account_sid: &str, form: &Form) -> Result<NewMessage, ApiError> {
    let refuse = |code, message: String| Err(ApiError::new(400, code, message));
    let Some(to) = field(form, "To") else {
        return refuse(21604, "A 'To' phone number is required.".to_owned());
    };
    if !is_e164(to) {
        return refuse(21211, format!("Invalid 'To' Phone Number: {to}"));
    }
    let (from, service) = (field(form, "From"), field(form, "MessagingServiceSid"));
    if from.is_none() && service.is_none() {
        return refuse(21603, "A 'From' phone number is required.".to_owned());
    }
    let body = field(form, "Body").unwrap_or_default();
    let media = form.get("MediaUrl").cloned().unwrap_or_default();
    if body.is_empty() && media.is_empty() && field(form, "ContentSid").is_none() {
        return refuse(21602, "Message body is required.".to_owned());
    }
    if body.encode_utf16().count() > 1600 {
        return refuse(
            21617,
            "The concatenated message body exceeds the 1600 character limit".to_owned(),
        );
    }
    if media.len() > 10 {
        return refuse(21623, "Number of media files exceeds allowed limit".to_owned());
    }
    if let Some(address) = field(form, "StatusCallback")
        && url::Url::parse(address).is_err()
    {
        return refuse(
            21609,
            format!("The StatusCallback URL {address} is not a valid URL."),
        );
    }
    let state = twilio.state();
    let Some(account) = state.accounts.get(account_sid) else {
        return Err(ApiError::authenticate());
    };
    if account.status != "active" {
        return Err(ApiError::new(403, 20005, "Account not active"));
    }
    if let Some(from) = from {
        if from == to {
            return refuse(21266, "'To' and 'From' number cannot be the same".to_owned());
        }
        if !is_e164(from) {
            return refuse(21212, format!("Invalid 'From' Phone Number: {from}"));
        }
        let owned = account.numbers.iter().find(|number| number.phone_number == from);
        if !account.numbers.is_empty() && !owned.is_some_and(|number| number.sms) {
            return refuse(
                21606,
                format!("The 'From' phone number {from} is not a valid, SMS-capable number."),
            );
        }
    }
    let known_service = service.map(|sid| (sid, account.services.get(sid)));
    if let Some((sid, None)) = known_service {
        return Err(ApiError::not_found(&format!("/Services/{sid}")));
    }
    let pool = known_service
        .and_then(|(_, service)| service)
        .map(|service| service.numbers.as_slice());
    let mut senders = from
        .into_iter()
        .chain(pool.unwrap_or_default().iter().map(String::as_str));
    if senders.any(|sender| state.opted_out.contains(&(sender.to_owned(), to.to_owned()))) {
        return refuse(21610, "Attempt to send to unsubscribed recipient".to_owned());
    }
    Ok(NewMessage {
        account: account_sid.to_owned(),
        from: from.map(str::to_owned),
        to: to.to_owned(),
        body: body.to_owned(),
        media,
        service: service.map(str::to_owned),
        status_callback: field(form, "StatusCallback").map(str::to_owned),
        direction: Direction::Outbound,
        sid: None,
    })
}

async fn fetch_message(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    let (account, sid) = path.into_inner();
    noted.answer(sign_in(&twilio, &request, &account).and_then(|_| {
        let message = twilio
            .message(&sid)
            .filter(|message| message.account_sid == account);
        message
            .map(|m| HttpResponse::Ok().json(m.json()))
            .ok_or_else(|| ApiError::not_found(request.path()))
    }))
}

/// A bound of `DateSent`: a date stands for its whole day.
fn bound(text: &str, end_of_day: bool) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let time = if end_of_day {
        NaiveTime::from_hms_milli_opt(23, 59, 59, 999)?
    } else {
        NaiveTime::MIN
    };
    Some(date.and_time(time).and_utc())
}

async fn list_messages(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    account: web::Path<String>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    let answer = sign_in(&twilio, &request, &account).map(|_| {
        let query = parse(request.query_string().as_bytes());
        let wants =
            |name: &str, is: Option<&str>| field(&query, name).is_none_or(|wanted| Some(wanted) == is);
        let from = field(&query, "DateSent>")
            .or_else(|| field(&query, "DateSent"))
            .and_then(|t| bound(t, false));
        let until = field(&query, "DateSent<")
            .or_else(|| field(&query, "DateSent"))
            .and_then(|t| bound(t, true));
        let number = |name: &str| field(&query, name).and_then(|n| n.parse::<usize>().ok());
        let size = number("PageSize").unwrap_or(50).clamp(1, 1000);
        let page = number("Page").unwrap_or(0);

        let state = twilio.state();
        // Newest first, and Twilio's times have no fraction.
        let mut found = state.messages.iter().rev().filter(|message| {
            let sent = message.created_at.timestamp();
            message.account_sid == *account
                && wants("To", Some(&message.to))
                && wants("From", message.from.as_deref())
                && from.is_none_or(|from| sent >= from.timestamp())
                && until.is_none_or(|until| sent <= until.timestamp())
        });
        let messages: Vec<Value> = found
            .by_ref()
            .skip(page * size)
            .take(size)
            .map(super::Message::json)
            .collect();
        let more = found.next().is_some();
        let uri = |page: usize| {
            format!(
                "{}?{}",
                request.path(),
                with_page(request.query_string(), page, size)
            )
        };
        HttpResponse::Ok().json(json!({
            "messages": messages,
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": (page * size + messages.len()).saturating_sub(1),
            "uri": uri(page),
            "first_page_uri": uri(0),
            "next_page_uri": more.then(|| uri(page + 1)),
            "previous_page_uri": page.checked_sub(1).map(uri),
        }))
    });
    noted.answer(answer)
}

fn with_page(query: &str, page: usize, size: usize) -> String {
    let kept = form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| !matches!(key.as_ref(), "Page" | "PageSize" | "PageToken"));
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("PageSize", &size.to_string())
        .append_pair("Page", &page.to_string())
        .finish()
}

async fn fetch_account(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    sid: web::Path<String>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    noted.answer(sign_in(&twilio, &request, &sid).and_then(|caller| {
        let account = twilio.account(&sid).filter(|_| caller == Caller::Account);
        let account = account.ok_or_else(ApiError::authenticate)?;
        Ok(HttpResponse::Ok().json(account.json(twilio.started())))
    }))
}

async fn list_numbers(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    sid: web::Path<String>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    noted.answer(sign_in(&twilio, &request, &sid).map(|_| {
        let query = parse(request.query_string().as_bytes());
        let wanted = field(&query, "PhoneNumber");
        let account = twilio.account(&sid);
        let numbers: Vec<Value> = account
            .iter()
            .flat_map(|account| &account.numbers)
            .filter(|number| wanted.is_none_or(|wanted| number.phone_number.contains(wanted)))
            .map(|number| number.json(&sid, twilio.started()))
            .collect();
        HttpResponse::Ok().json(json!({
            "end": numbers.len().saturating_sub(1),
            "incoming_phone_numbers": numbers,
            "page": 0,
            "page_size": 50,
            "start": 0,
            "uri": request.path(),
            "first_page_uri": request.path(),
            "next_page_uri": null,
            "previous_page_uri": null,
        }))
    }))
}

async fn fetch_number(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    let (sid, number) = path.into_inner();
    noted.answer(sign_in(&twilio, &request, &sid).and_then(|_| {
        let account = twilio.account(&sid);
        let found = account
            .iter()
            .flat_map(|account| &account.numbers)
            .find(|is| is.sid == number);
        let found = found.ok_or_else(|| ApiError::not_found(request.path()))?;
        Ok(HttpResponse::Ok().json(found.json(&sid, twilio.started())))
    }))
}

async fn update_number(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    path: web::Path<(String, String)>,
    body: Bytes,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    let (sid, number) = path.into_inner();
    noted.answer(sign_in(&twilio, &request, &sid).and_then(|_| {
        let form = parse(&body);
        if let Some(address) = field(&form, "SmsUrl")
            && url::Url::parse(address).is_err()
        {
            return Err(ApiError::new(
                400,
                21502,
                format!("SmsUrl is not valid: {address}"),
            ));
        }
        let mut state = twilio.state();
        let numbers = state
            .accounts
            .get_mut(&sid)
            .map(|account| account.numbers.iter_mut());
        let found = numbers.into_iter().flatten().find(|is| is.sid == number);
        let found = found.ok_or_else(|| ApiError::not_found(request.path()))?;
        for (name, mut values) in form {
            if let Some(value) = values.pop() {
                found.settings.insert(name, value);
            }
        }
        Ok(HttpResponse::Ok().json(found.json(&sid, twilio.started())))
    }))
}

/// A service's address does not name its account: whoever signs in and has it, has it.
fn account_of_service(twilio: &Twilio, request: &HttpRequest, service: &str) -> Result<String, ApiError> {
    let (user, password) = basic(request).ok_or_else(ApiError::authenticate)?;
    let state = twilio.state();
    let mut signed_in = state
        .accounts
        .values()
        .filter(|account| account.sign_in(&user, &password).is_some())
        .peekable();
    signed_in.peek().ok_or_else(ApiError::authenticate)?;
    let owner = signed_in.find(|account| account.services.contains_key(service));
    owner
        .map(|account| account.sid.clone())
        .ok_or_else(|| ApiError::not_found(request.path()))
}

async fn fetch_service(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    sid: web::Path<String>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    noted.answer(account_of_service(&twilio, &request, &sid).map(|account| {
        let service = twilio
            .account(&account)
            .and_then(|account| account.services.get(&*sid).cloned());
        HttpResponse::Ok().json(service.unwrap_or_default().json(&sid, &account, twilio.started()))
    }))
}

async fn update_service(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    sid: web::Path<String>,
    body: Bytes,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    noted.answer(account_of_service(&twilio, &request, &sid).map(|account| {
        let form = parse(&body);
        let mut state = twilio.state();
        let service = state
            .accounts
            .get_mut(&account)
            .and_then(|account| account.services.get_mut(&*sid));
        let Some(service) = service else {
            return HttpResponse::NotFound().finish();
        };
        if let Some(url) = form.get("InboundRequestUrl").and_then(|values| values.first()) {
            service.inbound_request_url = Some(url.clone());
        }
        if let Some(number_wins) = field(&form, "UseInboundWebhookOnNumber") {
            service.use_inbound_webhook_on_number = number_wins == "true";
        }
        HttpResponse::Ok().json(service.json(&sid, &account, twilio.started()))
    }))
}

async fn service_numbers(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    sid: web::Path<String>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    noted.answer(account_of_service(&twilio, &request, &sid).map(|account| {
        let service = twilio
            .account(&account)
            .and_then(|account| account.services.get(&*sid).cloned());
        let numbers = service.unwrap_or_default().numbers;
        let shown = numbers.iter().map(|number| {
            json!({"sid": super::account::new_sid("PN"), "account_sid": account, "service_sid": *sid,
                   "phone_number": number, "country_code": "US", "capabilities": ["SMS", "MMS"]})
        });
        HttpResponse::Ok().json(json!({
            "phone_numbers": shown.collect::<Vec<_>>(),
            "meta": {"page": 0, "page_size": 50, "key": "phone_numbers", "next_page_url": null},
        }))
    }))
}

/// Sends on to the storage, as Twilio does.
async fn media(
    request: HttpRequest,
    twilio: web::Data<Twilio>,
    path: web::Path<(String, String, String)>,
) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    let (account, _, sid) = path.into_inner();
    noted.answer(sign_in(&twilio, &request, &account).and_then(|_| {
        let state = twilio.state();
        let media = state.media.get(&sid).filter(|media| media.account == account);
        let media = media.ok_or_else(|| ApiError::not_found(request.path()))?;
        let storage = format!("{}/_storage/{}", twilio.base(), media.storage_key);
        Ok(HttpResponse::TemporaryRedirect()
            .insert_header(("Location", storage))
            .finish())
    }))
}

/// The storage knows its own addresses only. Whoever brings the account's credentials here has leaked them.
async fn storage(request: HttpRequest, twilio: web::Data<Twilio>, key: web::Path<String>) -> HttpResponse {
    let noted = Noted::begin(&twilio, &request);
    if request.headers().contains_key("Authorization") {
        return noted.answer(Err(ApiError::new(400, 0, "Only one auth mechanism allowed")));
    }
    let state = twilio.state();
    let found = state
        .media
        .values()
        .find(|media| media.storage_key == *key)
        .cloned();
    drop(state);
    noted.answer(match found {
        Some(media) => Ok(HttpResponse::Ok()
            .content_type(media.content_type)
            .body(media.bytes)),
        None => Err(ApiError::not_found(request.path())),
    })
}
