//! What can be said of an account without calling anybody: there is nobody to call.

use crate::Credentials;
use channel::{CheckError, Connected, Identity};
use url::Url;

pub(crate) fn check(credentials: &Credentials) -> Result<Identity, CheckError> {
    let details = match credentials.reply_url() {
        None => "answers are read over the API".to_owned(),
        Some(_) => "answers are pushed to the reply address, signed".to_owned(),
    };
    Ok(Identity {
        name: "REST API".to_owned(),
        details: vec![details],
    })
}

pub(crate) fn connect(webhook: &Url, credentials: &Credentials) -> Connected {
    let address = webhook.as_str().replacen("/api/rest/webhook/", "/api/chat/", 1);
    let pushed = match credentials.reply_url() {
        None => "",
        Some(_) => " Answers are also pushed to the reply address.",
    };
    Connected::Manual {
        instructions: format!(
            "Make an API key with the role agent, and post {{\"text\": \"…\"}} to {address}/messages with the header \
             Authorization: Bearer and the key.{pushed}"
        ),
    }
}
