//! The Connector API, the token endpoint and the keys.

use super::{APP, ISSUER, KEY_ID, MODULUS, Teams, refusal};
use crate::played::{
    About, Answer, Button, Call, Done, Kind, Operation, Outgoing, Play, Played, next_number, serve,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

const TOKEN: &str = "simulated-teams-token";
/// Bytes of an activity in UTF-16.
const LARGEST: usize = 100_000;

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Teams.base());
    let (method, path) = call.route();
    let kind = call.json().unwrap_or_default()["type"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let is_activity = path.get(3) == Some(&"activities");
    let operation = match method {
        "POST" if is_activity && kind == "typing" => Operation::Typing,
        "POST" if is_activity => Operation::Send,
        "PUT" if is_activity => Operation::Edit,
        _ => Operation::Other,
    };
    let conversation = path.get(2).filter(|_| is_activity).map(|&id| id.to_owned());
    let needs_token = path.first() == Some(&"v3");
    let refused = (needs_token && call.authorization("Bearer") != Some(TOKEN)).then(|| {
        Answer::json(
            401,
            json!({"message": "Authorization has been denied for this request."}),
        )
    });
    let about = About::new(
        operation,
        format!("{method} {}", path.last().copied().unwrap_or_default()),
        conversation,
    );
    serve(&played, &Teams, &request, about, refused, async {
        act(&played, &call, method, &path)
    })
    .await
}

fn act(played: &Played, call: &Call, method: &str, path: &[&str]) -> Result<Done, Answer> {
    let json = |status, body| Ok(Answer::json(status, body).into());
    match (method, path) {
        ("POST", [_, "oauth2", "v2.0", "token"]) => {
            let params = call.params();
            if params.text("client_id").as_deref() != Some(APP) || params.text("client_secret").is_none() {
                let body = json!({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."});
                return Err(Answer::json(401, body));
            }
            json(
                200,
                json!({"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}),
            )
        }
        ("GET", ["v1", ".well-known", "openidconfiguration"]) => json(
            200,
            json!({
                "issuer": ISSUER,
                "jwks_uri": format!("{}/v1/.well-known/keys", played.base(&Teams)),
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        ),
        ("GET", ["v1", ".well-known", "keys"]) => json(
            200,
            json!({"keys": [{
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": MODULUS, "e": "AQAB",
                "endorsements": ["msteams"],
            }]}),
        ),
        ("POST", ["v3", "conversations", conversation, "activities", ..]) => post(played, call, conversation),
        ("PUT", ["v3", "conversations", conversation, "activities", id]) => {
            let mut outgoing = played
                .outbox()
                .message("teams", conversation, id)
                .ok_or_else(|| refusal(404, "ActivityNotFoundInConversation", "Activity not found"))?;
            outgoing.text = call.json().unwrap_or_default()["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            outgoing.kind = Kind::Edited;
            let outgoing = played.accept(&Teams, outgoing);
            json(200, json!({"id": outgoing.id}))
        }
        _ => Err(refusal(404, "NotFound", "There is nothing here")),
    }
}

fn post(played: &Played, call: &Call, conversation: &str) -> Result<Done, Answer> {
    let body = call
        .json()
        .ok_or_else(|| refusal(400, "BadSyntax", "Bad Argument"))?;
    if call.body.len() * 2 > LARGEST {
        return Err(refusal(413, "MessageSizeTooBig", "Message size too large."));
    }
    if played.known(&Teams, conversation).is_none() {
        return Err(refusal(404, "ConversationNotFound", "Conversation not found."));
    }
    if body["type"] == "typing" {
        played.accept(&Teams, Outgoing::new(&Teams, Kind::Typing, conversation, ""));
        return Ok(Answer::json(200, json!({})).into());
    }
    let id = (next_number() / 1_000).to_string();
    let mut outgoing = Outgoing::new(&Teams, Kind::Sent, conversation, &*id);
    outgoing.text = body["text"].as_str().unwrap_or_default().to_owned();
    for attachment in body["attachments"].as_array().into_iter().flatten() {
        outgoing
            .media
            .extend(attachment["contentUrl"].as_str().map(str::to_owned));
        let card = &attachment["content"];
        for block in card["body"].as_array().into_iter().flatten() {
            outgoing.text.push_str(block["text"].as_str().unwrap_or_default());
        }
        outgoing
            .buttons
            .extend(card["actions"].as_array().into_iter().flatten().map(button));
    }
    outgoing.reply_to = body["replyToId"].as_str().map(str::to_owned);
    outgoing.raw = body.clone();
    let outgoing = played.accept(&Teams, outgoing);
    Ok(Done {
        answer: Answer::json(201, json!({"id": outgoing.id})),
        message: Some(outgoing),
    })
}

fn button(action: &Value) -> Button {
    Button {
        title: action["title"].as_str().unwrap_or_default().to_owned(),
        value: action["data"].to_string(),
    }
}
