//! What can be said of an account: there is nobody to ask.

use crate::Credentials;
use channel::{Connected, Identity};
use url::Url;

pub(crate) fn check(credentials: &Credentials) -> Identity {
    let origins = credentials.origins();
    let details = if origins.is_empty() {
        "no site may speak to it yet but this installation itself: enter the origins of yours".to_owned()
    } else {
        format!("pages of {} may speak to it", origins.join(", "))
    };
    Identity {
        name: "Web chat".to_owned(),
        details: vec![details],
    }
}

pub(crate) fn connect(webhook: &Url) -> Connected {
    let address = webhook.as_str();
    let (origin, chatbot) = address.split_once("/api/web/webhook/").unwrap_or((address, ""));
    Connected::Manual {
        instructions: format!(
            "Put <script src=\"{origin}/widget.js\" data-bot=\"{chatbot}\" async></script> before </body> of the pages on \
             which visitors shall be able to write."
        ),
    }
}
