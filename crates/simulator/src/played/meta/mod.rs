//! Meta's three platforms, as developers.facebook.com describes them: WhatsApp's Cloud API, the Messenger Platform and
//! Instagram messaging.

mod api;
mod apps;
mod event;
mod messaging;
mod template;
mod whatsapp;

use super::{Answer, Outgoing, Person, Play, Report, Signed, Signing, hmac_sha256};
use actix_web::web;
use serde_json::{Value, json};

/// The simulated account of each: no number, page or account at Meta has this id.
pub const ACCOUNT: &str = "000000000000000";
/// The token of each.
pub const TOKEN: &str = "simulated";
/// What a webhook's address must repeat to prove itself.
const CHALLENGE: &str = "1158201444";
/// What webhooks are signed with unless another secret is given.
pub const APP_SECRET: &str = "simulated-meta-app-secret-0000000";

/// WhatsApp.
pub struct WhatsApp;
/// Messenger.
pub struct Messenger;
/// Instagram.
pub struct Instagram;

macro_rules! meta {
    ($name:ident, $platform:literal, $someone:literal, $handle:path, $event:path, $report:path) => {
        impl Play for $name {
            fn name(&self) -> &'static str {
                $platform
            }

            fn base(&self) -> &'static str {
                concat!("/", $platform)
            }

            fn account(&self) -> &'static str {
                ACCOUNT
            }

            fn secret(&self) -> &'static str {
                APP_SECRET
            }

            fn credentials(&self, secret: &str) -> Value {
                credentials($platform, secret)
            }

            fn someone(&self) -> &'static str {
                $someone
            }

            fn routes(&self, routes: &mut web::ServiceConfig) {
                routes.service(web::scope(self.base()).default_service(web::to($handle)));
            }

            fn conversation(&self, person: &Person) -> String {
                person.from.clone()
            }

            fn message_id(&self, person: &Person) -> String {
                format!("{}.in{}", $platform, person.number)
            }

            fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed> {
                Ok(signed(
                    &$event(self, person, &signing.base),
                    &signing.secret,
                ))
            }

            fn handshake(&self, signing: &Signing) -> Option<Signed> {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("hub.mode", "subscribe")
                    .append_pair("hub.challenge", CHALLENGE)
                    .append_pair("hub.verify_token", &signing.secret)
                    .finish();
                Some(Signed {
                    method: "GET",
                    suffix: format!("?{query}"),
                    headers: Vec::new(),
                    body: Vec::new(),
                })
            }

            fn report(&self, message: &Outgoing, report: &Report, signing: &Signing) -> Option<Signed> {
                $report(self, message, report).map(|news| signed(&news, &signing.secret))
            }

            fn too_many(&self, retry_after: Option<u64>) -> Answer {
                too_many($platform, retry_after)
            }
        }
    };
}

meta!(
    WhatsApp,
    "whatsapp",
    "16505551234",
    api::for_whatsapp,
    event::whatsapp,
    event::whatsapp_report
);
meta!(
    Messenger,
    "messenger",
    "7392015648120394",
    api::for_messenger,
    event::messaging,
    event::messenger_report
);
meta!(
    Instagram,
    "instagram",
    "6841100000000000",
    api::for_instagram,
    event::messaging,
    event::instagram_report
);

/// Graph tells in a header, and in minutes, when to come again.
fn too_many(platform: &str, retry_after: Option<u64>) -> Answer {
    let answer = match platform {
        "whatsapp" => api::detailed(
            429,
            130_429,
            "Rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number in a short period of time",
        ),
        _ => api::refusal(400, 613, "(#613) Calls to this api have exceeded the rate limit."),
    };
    match retry_after {
        None => answer,
        Some(seconds) => {
            let usage = json!({ACCOUNT: [{
                "type": platform, "call_count": 100, "total_cputime": 1, "total_time": 1,
                "estimated_time_to_regain_access": seconds.div_ceil(60),
            }]});
            answer.with("X-Business-Use-Case-Usage", usage)
        }
    }
}

fn credentials(platform: &str, secret: &str) -> Value {
    let mut credentials = json!({"app_secret": secret, "verify_token": "simulated-verify-token"});
    let own: &[(&str, &str)] = match platform {
        "whatsapp" => &[
            ("access_token", TOKEN),
            ("phone_number_id", ACCOUNT),
            ("waba_id", ACCOUNT),
        ],
        "messenger" => &[("page_access_token", TOKEN), ("page_id", ACCOUNT)],
        _ => &[
            ("access_token", TOKEN),
            ("account_id", ACCOUNT),
            ("login", "instagram"),
        ],
    };
    for (name, value) in own {
        credentials[*name] = (*value).into();
    }
    credentials
}

/// Meta writes everything beyond ASCII as `\uXXXX`, and signs those bytes.
fn signed(body: &Value, secret: &str) -> Signed {
    let mut escaped = String::new();
    for unit in body.to_string().chars() {
        if unit.is_ascii() {
            escaped.push(unit);
        } else {
            let mut units = [0; 2];
            for unit in unit.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    let body = escaped.into_bytes();
    let signature = hmac_sha256(secret, &[&body]);
    Signed::json(body).with("X-Hub-Signature-256", format!("sha256={signature}"))
}

/// The envelope that all three share.
fn envelope(object: &str, entry: Value) -> Value {
    json!({"object": object, "entry": [entry]})
}
