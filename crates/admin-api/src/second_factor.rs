//! The second factor: codes of an authenticator app (RFC 6238), and recovery codes for when it is lost.
//!
//! Invariants:
//! - The secret is sealed, and shown only while it is being set up; of recovery codes only hashes are kept.
//! - No code works twice, not even within its half-minute.
//! - Nothing here changes for who does not know the password.

use crate::{
    AdminApi,
    caller::{Facts, Person},
    idempotency::shown_once,
    input::Input,
    problem::{Kind, Problem},
    sessions, token,
};
use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use chrono::{DateTime, Utc};
use domain::UserId;
use qrcodegen::{QrCode, QrCodeEcc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use store::{StoreError, SystemTx, activity_log::NewActivity, second_factors, sign_in_failures};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;
use vault::{INSTALLATION, Place};

/// What is said of a code that is not right.
pub(crate) const WRONG_CODE: &str =
    "the code is not right, or was used already; wait until the app shows the next one";

/// How many recovery codes there are at first.
const RECOVERY_CODES: usize = 10;

/// The second factor of whoever is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorState {
    /// Since when a code is asked for at sign-in; `null`: none is.
    enabled_at: Option<DateTime<Utc>>,
    /// How many recovery codes are left.
    recovery_codes: i64,
}

/// The present password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// The present password and a code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullProof {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// What the app shows, or a recovery code.
    #[schema(value_type = String, example = "123456")]
    code: SecretString,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// What the app shows.
    #[schema(value_type = String, example = "123456")]
    code: SecretString,
}

/// What an authenticator app has to know. Shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrolment {
    /// The secret, for typing it in: base32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same with everything else an app wants to know, for opening it on the device.
    #[schema(example = "otpauth://totp/BotSmith:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=BotSmith")]
    uri: String,
    /// The same to be scanned.
    qr: Qr,
}

/// A QR code as an SVG has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Qr {
    /// How many modules it has on each side, without the quiet zone of four that belongs around it.
    #[schema(example = 45)]
    size: i32,
    /// The dark modules: the `d` of a path.
    #[schema(example = "M0 0h7v1h-7z")]
    path: String,
}

/// Recovery codes. Shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Each works once, in place of a code of the app.
    #[schema(example = json!(["abcd-efgh-ijkl-mnop"]))]
    recovery_codes: Vec<String>,
}

/// The second factor.
#[utoipa::path(get, path = "/api/session/second-factor", responses((status = 200, body = SecondFactorState)))]
pub(crate) async fn state(api: Data<AdminApi>, person: Person) -> Result<Json<SecondFactorState>, Problem> {
    let state = second_factors::state(api.db(), person.user).await?;
    Ok(Json(SecondFactorState {
        enabled_at: state.confirmed_at,
        recovery_codes: state.recovery_codes,
    }))
}

/// Set up a second factor.
///
/// It is asked for once it was confirmed. Doing this again before then begins anew.
#[utoipa::path(
    post, path = "/api/session/second-factor", request_body = Proof, responses((status = 201, body = Enrolment))
)]
pub(crate) async fn begin(
    api: Data<AdminApi>,
    person: Person,
    input: Input<Proof>,
) -> Result<HttpResponse, Problem> {
    let user = account(&api, &person).await?;
    sessions::try_password(&api, &user, "password", input.0.password).await?;
    let secret: [u8; 20] = rand::random();
    let sealed = api.keyring().seal(INSTALLATION, place(user.id), &secret).await?;
    let mut tx = api.db().system().await?;
    if !second_factors::begin(&mut tx, user.id, &sealed, api.now()).await? {
        return Err(Problem::new(
            Kind::Conflict,
            "there is a second factor already; turn it off first",
        ));
    }
    tx.commit().await.map_err(StoreError::from)?;
    let totp = totp(&secret, &user.email)?;
    let uri = totp.to_url().map_err(Problem::internal)?;
    Ok(shown_once(HttpResponse::Created().json(Enrolment {
        secret: totp.secret().to_base32(),
        qr: qr(&uri)?,
        uri,
    })))
}

/// Confirm the second factor.
///
/// With a code that shows that the app has it. From now on a code is asked for at sign-in.
#[utoipa::path(
    post, path = "/api/session/second-factor/confirm", request_body = Code, responses((status = 200, body = RecoveryCodes))
)]
pub(crate) async fn confirm(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<Code>,
) -> Result<HttpResponse, Problem> {
    let mut tx = api.db().system().await?;
    let factor = second_factors::find(&mut tx, person.user).await?;
    if factor.is_none_or(|factor| factor.confirmed_at.is_some()) {
        return Err(Problem::new(
            Kind::Conflict,
            "there is nothing to confirm; set up a second factor first",
        ));
    }
    if !is_code_of_app(&api, &mut tx, person.user, &input.0.code).await? {
        return Err(Problem::invalid("code", WRONG_CODE));
    }
    second_factors::confirm(&mut tx, person.user, api.now()).await?;
    let codes = new_recovery_codes(&mut tx, person.user).await?;
    note(&api, &mut tx, &person, &facts, "second_factor.enable").await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown_once(HttpResponse::Ok().json(codes)))
}

/// Turn the second factor off.
#[utoipa::path(
    post, path = "/api/session/second-factor/turn-off", request_body = FullProof, responses((status = 204))
)]
pub(crate) async fn turn_off(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<FullProof>,
) -> Result<HttpResponse, Problem> {
    let mut tx = prove(&api, &person, input.0).await?;
    second_factors::delete(&mut tx, person.user).await?;
    note(&api, &mut tx, &person, &facts, "second_factor.disable").await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make new recovery codes.
///
/// The earlier ones end.
#[utoipa::path(
    post, path = "/api/session/second-factor/recovery-codes", request_body = FullProof,
    responses((status = 200, body = RecoveryCodes))
)]
pub(crate) async fn renew_recovery_codes(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<FullProof>,
) -> Result<HttpResponse, Problem> {
    let mut tx = prove(&api, &person, input.0).await?;
    let codes = new_recovery_codes(&mut tx, person.user).await?;
    note(&api, &mut tx, &person, &facts, "second_factor.recovery_codes").await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown_once(HttpResponse::Ok().json(codes)))
}

/// Whether a code of the app, or a recovery code, is right; it is used up in the transaction. Wrong ones are counted for the
/// account, apart from wrong passwords: who does not know the password keeps nobody from giving a code.
pub(crate) async fn try_code(
    api: &AdminApi,
    tx: &mut SystemTx,
    user: UserId,
    code: &SecretString,
) -> Result<bool, Problem> {
    let subject = format!("code:{user}");
    sessions::admit(api, &subject).await?;
    let right = is_code_of_app(api, tx, user, code).await?
        || second_factors::use_recovery_code(tx, user, &recovery_hash(code), api.now()).await?;
    if right {
        sign_in_failures::clear(api.db(), &subject).await?;
    }
    Ok(right)
}

async fn is_code_of_app(
    api: &AdminApi,
    tx: &mut SystemTx,
    user: UserId,
    code: &SecretString,
) -> Result<bool, Problem> {
    let Some(factor) = second_factors::find(tx, user).await? else {
        return Ok(false);
    };
    let secret = api
        .keyring()
        .open(INSTALLATION, place(user), &factor.secret)
        .await?;
    let now = u64::try_from(api.now().timestamp()).map_err(Problem::internal)?;
    let Some(step) = totp(&secret, "")?.check(&plain(code), now) else {
        return Ok(false);
    };
    let step = i64::try_from(step).map_err(Problem::internal)?;
    Ok(second_factors::use_step(tx, user, step).await?)
}

async fn prove(api: &AdminApi, person: &Person, proof: FullProof) -> Result<SystemTx, Problem> {
    let user = account(api, person).await?;
    if !second_factors::is_confirmed(api.db(), user.id).await? {
        return Err(Problem::new(Kind::Conflict, "there is no second factor"));
    }
    sessions::try_password(api, &user, "password", proof.password).await?;
    let mut tx = api.db().system().await?;
    if !try_code(api, &mut tx, user.id, &proof.code).await? {
        return Err(Problem::invalid("code", WRONG_CODE));
    }
    Ok(tx)
}

async fn account(api: &AdminApi, person: &Person) -> Result<store::users::User, Problem> {
    store::users::get(api.db(), person.user)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn note(
    api: &AdminApi,
    tx: &mut SystemTx,
    person: &Person,
    facts: &Facts,
    action: &'static str,
) -> Result<(), Problem> {
    let activity = NewActivity {
        user: Some(person.user),
        action,
        target: Some(person.user.to_string()),
        ip: facts.ip.clone(),
        request_id: Some(facts.request_id.clone()),
        ..Default::default()
    };
    Ok(store::activity_log::record_system(tx, None, &activity, api.now()).await?)
}

/// Six digits, a step of thirty seconds, SHA-1: what every app understands. One step early or late is allowed for clocks
/// that differ.
fn totp(secret: &[u8], email: &str) -> Result<Totp, Problem> {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_issuer(Some("BotSmith"))
        // What stands before a colon would be taken for the issuer.
        .with_account_name(email.replace(':', "."))
        .build()
        .map_err(Problem::internal)
}

fn qr(text: &str) -> Result<Qr, Problem> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(Problem::internal)?;
    let (size, mut path) = (code.size(), String::new());
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|&x| code.get_module(x, y)).count() as i32;
            if run > 0 {
                let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
            }
            x += run + 1;
        }
    }
    Ok(Qr { size, path })
}

/// 80 random bits each: they need no slow hash, for nobody can guess them.
async fn new_recovery_codes(tx: &mut SystemTx, user: UserId) -> Result<RecoveryCodes, Problem> {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| {
            let bytes: [u8; 10] = rand::random();
            let text = Secret::from(bytes.to_vec()).to_base32().to_lowercase();
            let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
            groups.join("-")
        })
        .collect();
    let hashes: Vec<Vec<u8>> = codes
        .iter()
        .map(|code| recovery_hash(&SecretString::from(code.as_str())))
        .collect();
    second_factors::replace_recovery_codes(tx, user, &hashes).await?;
    Ok(RecoveryCodes {
        recovery_codes: codes,
    })
}

fn recovery_hash(code: &SecretString) -> Vec<u8> {
    token::digest(&SecretString::from(plain(code).to_lowercase()))
}

/// As people type codes: with spaces and dashes or without.
fn plain(code: &SecretString) -> String {
    code.expose_secret()
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(64)
        .collect()
}

const fn place(user: UserId) -> Place {
    Place {
        row: user.as_uuid(),
        column: second_factors::SECRET_COLUMN,
    }
}
