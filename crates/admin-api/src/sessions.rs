//! Signing in and out.
//!
//! Invariants:
//! - Whether an address has an account cannot be told from the answer, its status or the time it takes.
//! - Where there is a second factor, the password alone opens no session, and takes back no wrong code.

use crate::{
    AdminApi,
    caller::{Facts, Person},
    input::Input,
    password,
    problem::{Kind, Problem},
    second_factor, token,
};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    web::{Data, Json},
};
use chrono::{DateTime, Duration, Utc};
use domain::{Role, SessionId, UserId, WorkspaceId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{
    SystemTx,
    activity_log::NewActivity,
    one_time_tokens::{self, NewToken, Purpose},
    sign_in_failures::{self, Admitted},
};
use utoipa::ToSchema;

/// The session cookie. Its prefix makes browsers hold it to one host, over HTTPS.
pub(crate) const COOKIE: &str = "__Host-botsmith";
const INSECURE_COOKIE: &str = "botsmith";

/// A session ends after this long without a request.
pub(crate) const IDLE: Duration = Duration::days(7);
/// A session ends after this long in any case.
const LONGEST: Duration = Duration::days(30);

/// How long a sign-in waits for its code.
const CODE_WAITS: Duration = Duration::minutes(5);

/// More workspaces than this are listed at `/api/workspaces`.
const SEATS_SHOWN: i64 = 100;

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The account's address.
    email: String,
    /// Its password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A password was right, and a code is needed too.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeNeeded {
    /// Send it with the code.
    challenge: String,
    /// Until when.
    expires_at: DateTime<Utc>,
}

/// The second step of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GiveCode {
    /// From the first step.
    #[schema(value_type = String)]
    challenge: SecretString,
    /// What the authenticator app shows, or a recovery code.
    #[schema(value_type = String, example = "123456")]
    code: SecretString,
}

/// The present password and the next.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The next: 10 characters or more.
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The person.
    user: Account,
    /// They have to choose another password: until then everything but `/api/session` is refused.
    must_change_password: bool,
    /// The workspaces they belong to, the first hundred.
    workspaces: Vec<SeatView>,
    /// An administrator acts as this person.
    impersonation: Option<ImpersonationView>,
}

/// An administrator acts as somebody else.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImpersonationView {
    /// The administrator's address.
    administrator: String,
    /// Why.
    reason: String,
    /// When it ends at the latest.
    ends_at: DateTime<Utc>,
}

/// A person's account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// Its address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Whether they administer the installation.
    pub is_administrator: bool,
    /// Since when the account is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// A workspace that somebody belongs to.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeatView {
    /// The workspace.
    #[schema(value_type = Uuid)]
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// The role in it.
    #[schema(value_type = String, example = "admin")]
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl From<store::users::User> for Account {
    fn from(user: store::users::User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            is_administrator: user.is_administrator,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
        }
    }
}

impl From<store::users::Seat> for SeatView {
    fn from(seat: store::users::Seat) -> Self {
        Self {
            id: seat.workspace,
            name: seat.name,
            role: seat.role,
            created_at: seat.created_at,
        }
    }
}

/// Sign in.
///
/// Sets the session cookie; or, where the account has a second factor, answers 202 with what to send along with the code.
/// After ten failures for an account or from an address the wait until the next try doubles each time.
#[utoipa::path(
    post, path = "/api/session", request_body = SignIn,
    responses((status = 200, body = Me), (status = 202, body = CodeNeeded, description = "A code is needed too."))
)]
pub(crate) async fn sign_in(
    api: Data<AdminApi>,
    facts: Facts,
    request: HttpRequest,
    input: Input<SignIn>,
) -> Result<HttpResponse, Problem> {
    let SignIn { email, password } = input.0;
    let by_ip = facts.ip.as_ref().map(|ip| format!("ip:{ip}"));
    if let Some(subject) = &by_ip {
        admit(&api, subject).await?;
    }
    let by_account = account_subject(&email);
    admit(&api, &by_account).await?;

    let found = store::users::for_sign_in(api.db(), email.trim()).await?;
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
    let right = api.passwords().verify(hash, password).await?;
    let Some(user) = user.filter(|_| right) else {
        return Err(Problem::new(
            Kind::Unauthenticated,
            "address and password do not belong together",
        ));
    };
    if let Some(subject) = &by_ip {
        sign_in_failures::forgive(api.db(), subject).await?;
    }
    sign_in_failures::clear(api.db(), &by_account).await?;
    if store::second_factors::is_confirmed(api.db(), user).await? {
        return Ok(HttpResponse::Accepted().json(ask_for_code(&api, user).await?));
    }
    enter(&api, api.db().system().await?, &request, &facts, user).await
}

/// Sign in, second step.
///
/// Sets the session cookie. A code works once. After ten wrong ones the wait until the next try doubles each time.
#[utoipa::path(post, path = "/api/session/code", request_body = GiveCode, responses((status = 200, body = Me)))]
pub(crate) async fn give_code(
    api: Data<AdminApi>,
    facts: Facts,
    request: HttpRequest,
    input: Input<GiveCode>,
) -> Result<HttpResponse, Problem> {
    let GiveCode { challenge, code } = input.0;
    let over = || {
        Problem::invalid(
            "challenge",
            "this sign-in waited too long; give address and password again",
        )
    };
    let challenge = token::hash(&challenge).ok_or_else(over)?;
    // A wrong code leaves the sign-in as it is: the transaction is not committed.
    let mut tx = api.db().system().await?;
    let user = one_time_tokens::take(&mut tx, &challenge, Purpose::SignIn, api.now())
        .await?
        .and_then(|taken| taken.user)
        .ok_or_else(over)?;
    if !second_factor::try_code(&api, &mut tx, user, &code).await? {
        return Err(Problem::new(Kind::Unauthenticated, second_factor::WRONG_CODE));
    }
    enter(&api, tx, &request, &facts, user).await
}

/// Remembers that somebody gave the right password, for as long as a code may take.
async fn ask_for_code(api: &AdminApi, user: UserId) -> Result<CodeNeeded, Problem> {
    let (now, challenge) = (api.now(), token::new(""));
    let expires_at = now + CODE_WAITS;
    let new = NewToken {
        hash: &token::digest(&challenge),
        purpose: Purpose::SignIn,
        user: Some(user),
        workspace: None,
        role: None,
        email: None,
        created_by: None,
        expires_at,
    };
    let mut tx = api.db().system().await?;
    one_time_tokens::insert(&mut tx, &new, now).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(CodeNeeded {
        challenge: challenge.expose_secret().to_owned(),
        expires_at,
    })
}

/// Opens a session in place of the one that the request came with.
async fn enter(
    api: &AdminApi,
    mut tx: SystemTx,
    request: &HttpRequest,
    facts: &Facts,
    user: UserId,
) -> Result<HttpResponse, Problem> {
    if let Some(old) = presented(api, request).as_ref().and_then(token::hash) {
        store::sessions::delete_by_token(&mut tx, &old).await?;
    }
    let cookie = open(api, &mut tx, user, facts).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(HttpResponse::Ok().cookie(cookie).json(me_of(api, user).await?))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/session", responses((status = 200, body = Me)))]
pub(crate) async fn me(api: Data<AdminApi>, person: Person) -> Result<Json<Me>, Problem> {
    let mut me = me_of(&api, person.user).await?;
    me.must_change_password = person.must_change_password;
    if let Some(impersonator) = &person.impersonator {
        let found = store::impersonations::get(api.db(), impersonator.impersonation).await?;
        me.impersonation = found.map(|found| ImpersonationView {
            administrator: impersonator.email.clone(),
            reason: found.reason,
            ends_at: found.ends_at,
        });
    }
    Ok(Json(me))
}

/// Sign out.
///
/// An administrator who acts as somebody else signs out altogether.
#[utoipa::path(delete, path = "/api/session", responses((status = 204)))]
pub(crate) async fn sign_out(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
) -> Result<HttpResponse, Problem> {
    if let Some(impersonator) = &person.impersonator {
        let mut tx = api.db().system().await?;
        store::impersonations::end(&mut tx, impersonator.impersonation, facts.by(), api.now()).await?;
        store::sessions::delete_own(&mut tx, impersonator.user, impersonator.session).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
    }
    store::sessions::delete(api.db(), person.session).await?;
    api.access_changed(person.user);
    let mut cookie = build_cookie(&api, "");
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Change the password.
///
/// Ends every session of the account and opens a new one here.
#[utoipa::path(put, path = "/api/session/password", request_body = ChangePassword, responses((status = 204)))]
pub(crate) async fn change_password(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let ChangePassword {
        current_password,
        new_password,
    } = input.0;
    let user = store::users::get(api.db(), person.user)
        .await?
        .ok_or_else(Problem::not_found)?;
    password::check("new_password", &new_password, &user.email)?;
    let unchanged = current_password.expose_secret() == new_password.expose_secret();
    try_password(&api, &user, "current_password", current_password).await?;
    if unchanged {
        return Err(Problem::invalid(
            "new_password",
            "new_password is the present password; choose another",
        ));
    }
    let hash = api.passwords().hash(new_password).await?;

    let mut tx = api.db().system().await?;
    store::users::set_password(&mut tx, person.user, &hash).await?;
    store::sessions::delete_of_user(&mut tx, person.user).await?;
    let activity = NewActivity {
        user: Some(person.user),
        action: "password.change",
        target: Some(person.user.to_string()),
        ip: facts.ip.clone(),
        request_id: Some(facts.request_id.clone()),
        ..Default::default()
    };
    store::activity_log::record_system(&mut tx, None, &activity, api.now()).await?;
    let cookie = open(&api, &mut tx, person.user, &facts).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    api.access_changed(person.user);
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Has somebody who is signed in prove that they know their password. Failures count as those of signing in do.
pub(crate) async fn try_password(
    api: &AdminApi,
    user: &store::users::User,
    field: &'static str,
    password: SecretString,
) -> Result<(), Problem> {
    let subject = account_subject(&user.email);
    admit(api, &subject).await?;
    let hash = store::users::password_hash(api.db(), user.id).await?;
    if !api.passwords().verify(hash, password).await? {
        return Err(Problem::invalid(
            field,
            format!("{field} is not the present password"),
        ));
    }
    Ok(sign_in_failures::clear(api.db(), &subject).await?)
}

/// Opens a session in the transaction; the cookie carries its token.
pub(crate) async fn open(
    api: &AdminApi,
    tx: &mut SystemTx,
    user: UserId,
    facts: &Facts,
) -> Result<Cookie<'static>, Problem> {
    let now = api.now();
    let token = token::new("");
    let session = store::sessions::NewSession {
        id: SessionId::new(),
        token_hash: &token::hash(&token).ok_or_else(|| Problem::internal("a token of no length"))?,
        user,
        expires_at: now + LONGEST,
        ip: facts.ip.as_deref(),
        user_agent: facts.user_agent.as_deref(),
        impersonation: None,
    };
    store::sessions::insert(tx, &session, now).await?;
    store::users::signed_in(tx, user, facts.ip.as_deref(), facts.language, now).await?;
    Ok(build_cookie(api, token.expose_secret()))
}

/// The session token that a request presents.
pub(crate) fn presented(api: &AdminApi, request: &HttpRequest) -> Option<SecretString> {
    request
        .cookie(name(api))
        .map(|cookie| SecretString::from(cookie.value()))
}

pub(crate) async fn me_of(api: &AdminApi, user: UserId) -> Result<Me, Problem> {
    let account = store::users::get(api.db(), user)
        .await?
        .ok_or_else(Problem::not_found)?;
    let seats = store::users::seats(api.db(), user, None, SEATS_SHOWN).await?;
    Ok(Me {
        must_change_password: account.must_change_password,
        user: account.into(),
        workspaces: seats.into_iter().map(Into::into).collect(),
        impersonation: None,
    })
}

fn name(api: &AdminApi) -> &'static str {
    if api.settings().insecure_cookies {
        INSECURE_COOKIE
    } else {
        COOKIE
    }
}

pub(crate) fn build_cookie(api: &AdminApi, value: &str) -> Cookie<'static> {
    Cookie::build(name(api), value.to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(!api.settings().insecure_cookies)
        .max_age(CookieDuration::seconds(LONGEST.num_seconds()))
        .finish()
}

/// Accounts are counted by a hash of their address, known or not.
pub(crate) fn account_subject(email: &str) -> String {
    let digest = Sha256::digest(email.trim().to_lowercase().as_bytes());
    let short: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("account:{short}")
}

pub(crate) async fn admit(api: &AdminApi, subject: &str) -> Result<(), Problem> {
    match sign_in_failures::admit(api.db(), subject, api.now()).await? {
        Admitted::Yes => Ok(()),
        Admitted::After(wait) => {
            let seconds = u64::try_from(wait.num_seconds()).unwrap_or(1).max(1);
            Err(Problem::new(
                Kind::TooManyTries,
                format!("too many failed tries; wait {seconds} seconds"),
            )
            .retry_after(seconds))
        }
    }
}
