//! Why a request is not proven. For its owner's eyes: nothing that is found here is accepted.

use crate::{
    Teams,
    activity::Activity,
    credentials::{Credentials, is_guid},
    inbound::{self, Foreign},
    token::{self, Claims, refused},
};
use channel::{Cause, Diagnosis, WebhookRequest};

/// Whether the request says that it is for this app: the message is to its bot, and its token is for no other.
pub(crate) fn names_account(request: &WebhookRequest, credentials: &Credentials) -> bool {
    let app = |given: &str| given.eq_ignore_ascii_case(&credentials.app_id);
    let is_to_us = Activity::parse(&request.body).is_ok_and(|activity| {
        let recipient = activity.text_at("/recipient/id");
        recipient
            .and_then(|id| id.strip_prefix(inbound::BOT))
            .is_some_and(app)
    });
    let claims = token::bearer(request).ok().and_then(token::claimed);
    is_to_us && claims.and_then(|claims| claims.aud).is_none_or(|aud| app(&aud))
}

pub(crate) fn diagnose(teams: &Teams, request: &WebhookRequest, credentials: &Credentials) -> Diagnosis {
    let token = match token::bearer(request) {
        Ok(token) => token,
        Err(refusal) => return refusal,
    };
    let claims = token::claimed(token);
    let activity = Activity::parse(&request.body).ok();
    other_account(claims.as_ref(), activity.as_ref(), credentials)
        .or_else(|| {
            doubt(
                teams,
                token,
                claims.as_ref(),
                request,
                activity.as_ref(),
                credentials,
            )
            .err()
        })
        .unwrap_or_else(|| refused(Cause::Unproven, "it proves itself by now: check it again"))
}

/// Another app or tenant that the request names. Nobody has proven that either, but no proof would help it.
fn other_account(
    claims: Option<&Claims>,
    activity: Option<&Activity>,
    credentials: &Credentials,
) -> Option<Diagnosis> {
    let other = |words| Some(refused(Cause::OtherAccount, words));
    let ours = &credentials.app_id;
    let app = |what: &str, given: &str| {
        let (shown, its) = if is_guid(given) {
            (given, "its")
        } else {
            ("another one", "that app's")
        };
        other(format!(
            "{what} the app {shown}, and this integration's is {ours}: enter {its} id and secret here, or set this \
             integration's app as the one whose messaging endpoint this is"
        ))
    };
    if let Some(audience) = claims.and_then(|claims| claims.aud.as_deref())
        && audience != ours
    {
        return app("its token is for", audience);
    }
    match inbound::foreign(activity?, credentials)? {
        Foreign::App(given) => app("it is to the bot of", given),
        Foreign::Tenant(given) if is_guid(given) => other(format!(
            "it comes from the tenant {given}, and this integration takes messages of the tenant {} only: enter that tenant's \
             id here, or none if the bot's type is Multi Tenant",
            credentials.tenant_id.as_deref().unwrap_or_default()
        )),
        Foreign::Tenant(_) | Foreign::NoTenant => other(format!(
            "it does not come from the tenant {}, and this integration takes messages of that one only: enter none here if \
             the bot's type is Multi Tenant",
            credentials.tenant_id.as_deref().unwrap_or_default()
        )),
    }
}

/// What [`token::verify`] finds wrong, with the keys that it has left here.
fn doubt(
    teams: &Teams,
    token: &str,
    claims: Option<&Claims>,
    request: &WebhookRequest,
    activity: Option<&Activity>,
    credentials: &Credentials,
) -> Result<(), Diagnosis> {
    let kid = token::kid(token)?;
    if let Some(claims) = claims {
        token::issued(claims, &teams.addresses.issuer)?;
    }
    let key = token::keys(teams, credentials.is_simulated())
        .known(&kid)
        .ok_or_else(token::not_listed)?;
    let claims = token::signed(token, &key)?;
    token::in_time(&claims, request)?;
    let Some(activity) = activity else {
        return Err(refused(
            Cause::Unreadable,
            "the body is not a JSON object, as Microsoft's are: let no proxy change bodies",
        ));
    };
    token::covers(&claims, &key, activity)?;
    inbound::answerable(activity, &teams.addresses, credentials)
}

#[cfg(test)]
mod tests;
