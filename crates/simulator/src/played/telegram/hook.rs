//! Where the webhook points.

use super::{Telegram, refusal, send::ok};
use crate::played::{Answer, Done, Hook, Params, Played};
use serde_json::{Value, json};

/// Where the last `setWebhook` is noted.
const SET: &str = "setWebhook";

pub(super) fn set(played: &Played, params: &Params) -> Result<Done, Answer> {
    let bad = |problem: &str| refusal(400, &format!("Bad Request: {problem}"));
    let Some(address) = params.text("url") else {
        return remove(played);
    };
    let url = url::Url::parse(&address).map_err(|_| bad("invalid webhook URL specified"))?;
    // Telegram itself takes HTTPS only. A simulated one is mostly told an address of this machine.
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() != "https" && !here {
        return Err(bad("bad webhook: An HTTPS URL must be provided for webhook"));
    }
    if !here && !matches!(url.port_or_known_default(), Some(443 | 80 | 88 | 8443)) {
        return Err(bad(
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ));
    }
    let secret = params.text("secret_token").unwrap_or_default();
    if secret.len() > 256 {
        return Err(bad("secret token is too long"));
    }
    if !secret
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    {
        return Err(bad("secret token contains unallowed characters"));
    }
    let mut raw = params.raw();
    // The list of wanted updates stays what it was where none is given.
    let wanted = params
        .value("allowed_updates")
        .or_else(|| Some(noted(played)?["allowed_updates"].clone()));
    raw["allowed_updates"] = wanted.unwrap_or(Value::Null);
    played.set_note(&Telegram, SET, raw);
    played.connect(
        "telegram",
        Hook::new(played.reached(&address)).signed_with(secret),
    );
    played.lines().announce();
    Ok(Answer::json(
        200,
        json!({"ok": true, "result": true, "description": "Webhook was set"}),
    )
    .into())
}

fn noted(played: &Played) -> Option<Value> {
    played.note(&Telegram, SET).filter(Value::is_object)
}

pub(super) fn remove(played: &Played) -> Result<Done, Answer> {
    let was = noted(played).is_some();
    played.set_note(&Telegram, SET, Value::Null);
    played.disconnect(&Telegram);
    let words = if was {
        "Webhook was deleted"
    } else {
        "Webhook is already deleted"
    };
    Ok(Answer::json(200, json!({"ok": true, "result": true, "description": words})).into())
}

pub(super) fn info(played: &Played) -> Done {
    let Some(set) = noted(played) else {
        return ok(json!({"url": "", "has_custom_certificate": false, "pending_update_count": 0})).into();
    };
    let mut info = json!({
        "url": set["url"],
        "has_custom_certificate": false,
        "pending_update_count": 0,
        "max_connections": set.get("max_connections").cloned().unwrap_or(json!(40)),
        "ip_address": "127.0.0.1",
    });
    if set["allowed_updates"].is_array() {
        info["allowed_updates"] = set["allowed_updates"].clone();
    }
    ok(info).into()
}

/// Polling and a webhook exclude each other.
pub(super) fn without(played: &Played) -> Result<(), Answer> {
    if noted(played).is_some() {
        return Err(refusal(
            409,
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        ));
    }
    Ok(())
}
