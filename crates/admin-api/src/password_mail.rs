//! Asking for a new password.
//!
//! Invariant: whether an address has an account cannot be told: the same is written down, and the same answered, for every
//! address. Whoever sends the mail looks whether there is an account.

use crate::{
    AdminApi,
    caller::Facts,
    input::{self, Input},
    problem::{Kind, Problem},
    sessions,
};
use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use store::{
    StoreError,
    mails::{self, About, NewMail},
};
use utoipa::ToSchema;

/// Whose password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    /// The account's address.
    #[schema(example = "ada@example.com")]
    email: String,
}

/// Ask for a new password.
///
/// Where the address has an account, a link goes there by mail: it works once, for half an hour. The answer is the same
/// where it has none. After ten requests for an address, or from one, the wait until the next doubles each time.
#[utoipa::path(post, path = "/api/password-reset/mail", request_body = Forgotten, responses((status = 202)))]
pub(crate) async fn request(
    api: Data<AdminApi>,
    facts: Facts,
    input: Input<Forgotten>,
) -> Result<HttpResponse, Problem> {
    let email = input::email(&input.0.email)?;
    if !store::mail_settings::exist(api.db()).await? {
        return Err(Problem::new(
            Kind::Conflict,
            "no mail is sent here; ask an administrator for a link to choose a new password",
        ));
    }
    // Counted apart from failed sign-ins: who cannot remember a password has used those up.
    if let Some(ip) = &facts.ip {
        sessions::admit(&api, &format!("reset-ip:{ip}")).await?;
    }
    sessions::admit(&api, &format!("reset-{}", sessions::account_subject(&email))).await?;
    let mail = NewMail {
        about: About::Reset,
        recipient: &email,
        language: facts.language.unwrap_or_default(),
    };
    let mut tx = api.db().system().await?;
    mails::insert(&mut tx, &mail, api.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(HttpResponse::Accepted().finish())
}
