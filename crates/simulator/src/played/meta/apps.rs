//! Where webhooks point, and which of them an account sends.

use super::api::refusal;
use crate::played::{Answer, Call, Done, Hook, Play, Played};
use serde_json::{Value, json};

/// Where an account's subscription is noted.
const SUBSCRIBED: &str = "subscribed_apps";
/// Where the app's subscription is noted.
const APP: &str = "subscriptions";
/// What is subscribed to until somebody asks for something else.
const FIELDS: &str =
    "messages,messaging_postbacks,message_deliveries,message_reads,message_echoes,messaging_seen";

/// `POST /{app}/subscriptions`: the address is proved before it is used, where it can be reached from here.
pub(super) async fn subscribe_app(played: &Played, play: &dyn Play, call: &Call) -> Result<Done, Answer> {
    let params = call.params();
    let (Some(address), Some(token)) = (params.text("callback_url"), params.text("verify_token")) else {
        return Err(refusal(
            400,
            100,
            "(#100) The parameters callback_url and verify_token are required",
        ));
    };
    prove(played, play, &address, &token).await?;
    let fields = params.text("fields").unwrap_or_default();
    let set = json!({
        "object": params.text("object"), "callback_url": address, "active": true,
        "fields": fields.split(',').map(|name| json!({"name": name, "version": "v25.0"})).collect::<Vec<_>>(),
    });
    played.set_note(play, APP, set);
    Ok(Answer::json(200, json!({"success": true})).into())
}

/// `GET /{app}/subscriptions`
pub(super) fn subscriptions(played: &Played, play: &dyn Play) -> Value {
    let set = played.note(play, APP);
    json!({"data": set.into_iter().collect::<Vec<_>>()})
}

async fn prove(played: &Played, play: &dyn Play, address: &str, token: &str) -> Result<(), Answer> {
    let Some(reached) = played.reachable(address) else {
        return Ok(());
    };
    let hook = Hook::new(reached).signed_with(token);
    let shaken = played.shake_hands(play.name(), &hook).await;
    let answered = shaken.ok().flatten().unwrap_or_default();
    if answered.accepted() && answered.body == super::CHALLENGE {
        return Ok(());
    }
    let status = answered
        .status
        .map_or_else(|| "none".to_owned(), |status| status.to_string());
    Err(refusal(
        400,
        2200,
        &format!(
            "(#2200) Callback verification failed with the following errors: HTTP Status Code = {status}"
        ),
    ))
}

/// `/{account}/subscribed_apps`
pub(super) fn subscribe_account(
    played: &Played,
    play: &dyn Play,
    call: &Call,
    method: &str,
) -> Result<Done, Answer> {
    let params = call.params();
    let answer = match method {
        "POST" => {
            let fields = params
                .text("subscribed_fields")
                .unwrap_or_else(|| FIELDS.to_owned());
            played.set_note(play, SUBSCRIBED, fields.into());
            json!({"success": true})
        }
        "DELETE" => {
            played.set_note(play, SUBSCRIBED, Value::Null);
            json!({"success": true})
        }
        _ => {
            let noted = played.note(play, SUBSCRIBED).unwrap_or_else(|| FIELDS.into());
            let fields = noted.as_str().map(|fields| fields.split(',').collect::<Vec<_>>());
            let app = fields.map(|fields| {
                json!({"id": "1", "name": "Simulated app", "subscribed_fields": fields,
                       "whatsapp_business_api_data": {"id": "1", "name": "Simulated app"}})
            });
            json!({"data": app.into_iter().collect::<Vec<_>>()})
        }
    };
    Ok(Answer::json(200, answer).into())
}
