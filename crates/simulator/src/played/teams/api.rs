//! The Connector API, the token endpoint and the keys.

use super::{APP, ISSUER, KEY_ID, MODULUS, Teams, activity::tenant_id, refusal};
use crate::played::{
    About, Answer, Button, Call, Done, Kind, Operation, Outgoing, Person, Play, Played, next_number, serve,
    utf16,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

/// What the token endpoint gives out.
const TOKEN: &str = "simulated-teams-token";
/// For what it may be asked.
const SCOPE: &str = "https://api.botframework.com/.default";
/// Bytes of an activity in UTF-16. Teams takes about 100 KB and asks for no more than this.
const LARGEST: usize = 80 * 1024;

pub(super) async fn handle(request: HttpRequest, played: web::Data<Played>, body: Bytes) -> HttpResponse {
    let call = Call::read(&request, body, Teams.base());
    let (method, path) = call.route();
    let path = path.as_slice();
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
        act(&played, &call, method, path)
    })
    .await
}

fn act(played: &Played, call: &Call, method: &str, path: &[&str]) -> Result<Done, Answer> {
    let json = |status, body| Ok(Answer::json(status, body).into());
    match (method, path) {
        ("POST", [_, "oauth2", "v2.0", "token"]) => token(call),
        ("GET", ["v1", ".well-known", "openidconfiguration"]) => json(
            200,
            json!({
                "issuer": ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": format!("{}/v1/.well-known/keys", played.base(&Teams)),
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }),
        ),
        ("GET", ["v1", ".well-known", "keys"]) => json(
            200,
            json!({"keys": [{
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "x5t": KEY_ID, "n": MODULUS, "e": "AQAB",
                "endorsements": ["msteams"],
            }]}),
        ),
        ("POST", ["v3", "conversations"]) => begin(played, call),
        ("GET", ["v3", "conversations", conversation, "members", rest @ ..]) => {
            members(played, conversation, rest)
        }
        ("POST", ["v3", "conversations", conversation, "activities", rest @ ..]) if rest.len() < 2 => {
            post(played, call, conversation, rest.first().copied())
        }
        ("PUT", ["v3", "conversations", conversation, "activities", id]) => {
            let mut outgoing = ours(played, conversation, id)?;
            fill(&body(call)?, &mut outgoing);
            outgoing.kind = Kind::Edited;
            outgoing.at = chrono::Utc::now();
            let outgoing = played.accept(&Teams, outgoing);
            json(200, json!({"id": outgoing.id}))
        }
        ("DELETE", ["v3", "conversations", conversation, "activities", id]) => {
            played.accept(&Teams, ours(played, conversation, id)?.taken_back());
            Ok(Answer::empty(200).into())
        }
        ("GET", ["v3", "attachments", key, "views", "original"] | ["files", key, ..]) => {
            let media = played.media(key);
            let media = media.ok_or_else(|| refusal(404, "AttachmentNotFound", "Attachment not found"))?;
            Ok(Answer::bytes(200, media.about.content_type, media.bytes).into())
        }
        _ => Err(refusal(404, "NotFound", "There is nothing here")),
    }
}

/// Client credentials, as Microsoft's login takes them.
fn token(call: &Call) -> Result<Done, Answer> {
    let params = call.params();
    let is = |name: &str, expected: &str| params.text(name).as_deref() == Some(expected);
    let refuse = |status, error: &str, description: &str| {
        Err(Answer::json(
            status,
            json!({"error": error, "error_description": description, "error_codes": []}),
        ))
    };
    if !is("grant_type", "client_credentials") {
        return refuse(
            400,
            "unsupported_grant_type",
            "AADSTS70003: The app requested an unsupported grant type.",
        );
    }
    if !is("client_id", APP) {
        return refuse(
            400,
            "unauthorized_client",
            "AADSTS700016: Application was not found in the directory.",
        );
    }
    if params.text("client_secret").is_none() {
        return refuse(
            401,
            "invalid_client",
            "AADSTS7000215: Invalid client secret provided.",
        );
    }
    if !is("scope", SCOPE) {
        return refuse(
            400,
            "invalid_scope",
            "AADSTS70011: The provided value for the input parameter 'scope' is not valid.",
        );
    }
    Ok(Answer::json(
        200,
        json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": TOKEN}),
    )
    .into())
}

fn body(call: &Call) -> Result<Value, Answer> {
    let text = std::str::from_utf8(&call.body).unwrap_or_default();
    if utf16(text) * 2 > LARGEST {
        return Err(refusal(413, "MessageSizeTooBig", "Message size too large."));
    }
    call.json()
        .filter(Value::is_object)
        .ok_or_else(|| refusal(400, "BadSyntax", "Bad Argument"))
}

fn known(played: &Played, conversation: &str) -> Result<Person, Answer> {
    let known = played.known(&Teams, conversation).map(|known| known.person);
    known.ok_or_else(|| refusal(404, "ConversationNotFound", "Conversation not found."))
}

fn ours(played: &Played, conversation: &str, id: &str) -> Result<Outgoing, Answer> {
    known(played, conversation)?;
    let found = played.outbox().message("teams", conversation, id);
    found.ok_or_else(|| refusal(404, "ActivityNotFoundInConversation", "Activity not found"))
}

/// A conversation that the bot begins.
fn begin(played: &Played, call: &Call) -> Result<Done, Answer> {
    let body = body(call)?;
    let person = body["members"][0]["id"]
        .as_str()
        .filter(|id| id.starts_with("29:"));
    let person = person.ok_or_else(|| refusal(400, "BadSyntax", "Bad Argument"))?;
    if body["tenantId"]
        .as_str()
        .or_else(|| body["channelData"]["tenant"]["id"].as_str())
        .is_none()
    {
        return Err(refusal(
            400,
            "BadSyntax",
            "Bad Argument: the tenant's id is missing",
        ));
    }
    let person = Person::new(person, "");
    let id = Teams.conversation(&person);
    played.open(&Teams, person);
    Ok(Answer::json(201, json!({"id": id})).into())
}

fn members(played: &Played, conversation: &str, wanted: &[&str]) -> Result<Done, Answer> {
    let person = known(played, conversation)?;
    let tenant_id = tenant_id(&person);
    let shown =
        json!({"id": person.from, "name": person.name(), "aadObjectId": tenant_id, "objectId": tenant_id});
    let answer = match wanted {
        [] => json!([shown]),
        [id] if *id == person.from || *id == tenant_id => shown,
        _ => return Err(refusal(404, "MemberNotFoundInConversation", "Member not found")),
    };
    Ok(Answer::json(200, answer).into())
}

fn post(played: &Played, call: &Call, conversation: &str, answered: Option<&str>) -> Result<Done, Answer> {
    let body = body(call)?;
    known(played, conversation)?;
    if let Some(answered) = answered
        && played.heard(&Teams, conversation, answered).is_none()
        && played.outbox().message("teams", conversation, answered).is_none()
    {
        return Err(refusal(
            404,
            "ActivityNotFoundInConversation",
            "Activity not found",
        ));
    }
    match body["type"].as_str() {
        Some("message") => {}
        Some("typing") => {
            let mut typing = Outgoing::new(&Teams, Kind::Typing, conversation, "");
            typing.text = body["text"].as_str().unwrap_or_default().to_owned();
            played.accept(&Teams, typing);
            return Ok(Answer::json(201, json!({"id": id()})).into());
        }
        _ => return Err(refusal(400, "BadSyntax", "Bad Argument")),
    }
    let mut outgoing = Outgoing::new(&Teams, Kind::Sent, conversation, id());
    fill(&body, &mut outgoing);
    if outgoing.text.is_empty() && outgoing.media.is_empty() && outgoing.buttons.is_empty() {
        return Err(refusal(
            400,
            "BadSyntax",
            "Activity must have text or attachments",
        ));
    }
    outgoing.reply_to = answered.or_else(|| body["replyToId"].as_str()).map(str::to_owned);
    let outgoing = played.accept(&Teams, outgoing);
    // Text and attachments are two messages to Teams, and of two it tells no id.
    let is_two = body["text"].as_str().is_some_and(|text| !text.is_empty())
        && body["attachments"]
            .as_array()
            .is_some_and(|attachments| !attachments.is_empty());
    let answer = if is_two {
        json!({})
    } else {
        json!({"id": outgoing.id})
    };
    Ok(Done::sent(outgoing, Answer::json(201, answer)))
}

/// At Teams itself milliseconds; see [`Play::message_id`].
fn id() -> String {
    next_number().to_string()
}

fn fill(body: &Value, outgoing: &mut Outgoing) {
    outgoing.text = body["text"].as_str().unwrap_or_default().to_owned();
    outgoing.media.clear();
    outgoing.buttons.clear();
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
    outgoing.raw = body.clone();
}

fn button(action: &Value) -> Button {
    Button {
        title: action["title"].as_str().unwrap_or_default().to_owned(),
        value: action["data"].to_string(),
    }
}
