//! Microsoft Teams, over the Bot Framework's Connector API.

mod activity;
mod api;

use super::{Answer, Person, Play, Signed, Signing};
use actix_web::web;
use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

/// The bot's app id: nobody's at Microsoft.
pub const APP: &str = "00000000-0000-0000-0000-00000000b075";
/// Its secret.
pub const SECRET: &str = "simulated-teams-secret";
/// Who the Bot Framework says that it is.
const ISSUER: &str = "https://api.botframework.com";
/// A key that was made for this simulator alone, and its public part.
const KEY: &[u8] = include_bytes!("../../../fixtures/teams_key.der");
const KEY_ID: &str = "simulated";
const MODULUS: &str = "oDbsgOHU3ZFkuLOi-m86T721x3hon5o0j2tXRmTlane9wir-Ef2ioV2DIHCz7Wl6y3pkgdiBlbeq-V-6NYYElUFJmjX8-Kax3enFv07SRcS7z0VXZmr4BVXVbyyadDQE7Cvpfk_vuV6HYpeVag6S5rdw-gDlsr_eyRA3FjoPv6kZtqaXU8YtEHM2XY5pj8MBLag4BUfwesU7yq9pgeKlzKDpdeH6S1N8A5TRSMpjtGREjBGOQCfe9Btu0EMls1f0cFBjd7Wwy7jqS2UaCWigjdhWrXIeu_z0GY4fmsloH5SWXEVFGPLKCUh9jPflzXflanqPxZhzAAR0PBMQXIm8zw";

/// Teams.
pub struct Teams;

impl Play for Teams {
    fn name(&self) -> &'static str {
        "teams"
    }

    fn base(&self) -> &'static str {
        "/teams"
    }

    fn account(&self) -> &'static str {
        APP
    }

    /// Its webhooks are signed with a key of Microsoft's, whatever secret is given.
    fn secret(&self) -> &'static str {
        ""
    }

    fn credentials(&self, _secret: &str) -> serde_json::Value {
        json!({"app_id": APP, "app_secret": SECRET})
    }

    fn someone(&self) -> &'static str {
        "29:1ann"
    }

    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.service(web::scope(self.base()).default_service(web::to(api::handle)));
    }

    /// A thread in a channel is named by the message that began it.
    fn conversation(&self, person: &Person) -> String {
        match (&person.conversation, &person.thread) {
            (Some(channel), Some(root)) => format!("{channel};messageid={root}"),
            (Some(conversation), None) => conversation.clone(),
            (None, _) => activity::own_chat(&person.from),
        }
    }

    /// Their id in the tenant; the other is the bot's own name for them.
    fn contact(&self, person: &Person) -> String {
        activity::tenant_id(person)
    }

    /// At Teams itself they are milliseconds and unique within a conversation; at our speed that takes microseconds.
    fn message_id(&self, person: &Person) -> String {
        person.number.to_string()
    }

    fn webhook(&self, person: &Person, signing: &Signing) -> anyhow::Result<Signed> {
        anyhow::ensure!(
            person.from.starts_with("29:"),
            "{:?} is nobody on Teams: people's ids begin with 29:",
            person.from
        );
        let service = format!("{}/", signing.base);
        let now = signing.at.timestamp();
        let claims = json!({
            "iss": ISSUER, "aud": APP, "iat": now, "nbf": now - 300, "exp": now + 3_600, "serviceurl": service,
        });
        let header = Header {
            kid: Some(KEY_ID.to_owned()),
            ..Header::new(Algorithm::RS256)
        };
        let token = encode(&header, &claims, &EncodingKey::from_rsa_der(KEY))
            .context("the simulated token cannot be signed")?;
        let body = activity::activity(person, &service).to_string().into_bytes();
        Ok(Signed::json(body)
            .with("Authorization", format!("Bearer {token}"))
            .with("x-ms-conversation-id", self.conversation(person))
            .with("x-ms-tenant-id", activity::TENANT))
    }

    fn too_many(&self, retry_after: Option<u64>) -> Answer {
        refusal(429, "Throttled", "Too many requests").with("Retry-After", retry_after.unwrap_or(1))
    }
}

/// A refusal in the Connector's words.
fn refusal(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, json!({"error": {"code": code, "message": message}}))
}
