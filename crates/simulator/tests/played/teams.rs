use crate::world::{Answered, PATIENCE, Receiver, World};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::played::{Kind, Person, teams::APP};

const ANN: &str = "29:1ann";
const OWN: &str = "a:1ann";

async fn token(world: &World) -> String {
    let request = world.request(Method::POST, "/tenant/oauth2/v2.0/token").form(&[
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "anything"),
        ("scope", "https://api.botframework.com/.default"),
    ]);
    let answer = world.send(request).await;
    answer.json["access_token"].as_str().unwrap().to_owned()
}

async fn call(world: &World, method: Method, path: &str, body: &Value) -> Answered {
    let token = token(world).await;
    let request = world.request(method, &format!("/v3/conversations{path}"));
    world.send(request.bearer_auth(token).json(body)).await
}

async fn world_with_ann() -> World {
    let world = World::start("/teams").await;
    world.hear("teams", &Person::new(ANN, "hello"));
    world
}

#[tokio::test]
async fn an_activity_comes_with_a_token_that_the_published_key_proves() {
    let world = World::start("/teams").await;
    let receiver = Receiver::start().await;

    let person = Person::new(ANN, "opening hours?");
    assert!(world.say("teams", &person, &receiver).await.accepted());

    let got = &receiver.called(1).await[0];
    let activity = got.json();
    let service = format!("{}/teams/", world.service.url());
    assert_eq!(activity["serviceUrl"], service);
    assert_eq!(activity["text"], "opening hours?");
    assert_eq!(
        activity["conversation"],
        json!({"id": OWN, "conversationType": "personal", "tenantId": activity["channelData"]["tenant"]["id"]})
    );
    let metadata = world.request(Method::GET, "/v1/.well-known/openidconfiguration");
    let metadata = world.send(metadata).await.json;
    let keys = world.http.get(metadata["jwks_uri"].as_str().unwrap());
    let key = &world.send(keys).await.json["keys"][0];
    assert_eq!(key["endorsements"], json!(["msteams"]));
    let token = got.header("Authorization").strip_prefix("Bearer ").unwrap();
    assert_eq!(decode_header(token).unwrap().kid.as_deref(), key["kid"].as_str());
    let public =
        DecodingKey::from_rsa_components(key["n"].as_str().unwrap(), key["e"].as_str().unwrap()).unwrap();
    let mut wanted = Validation::new(Algorithm::RS256);
    wanted.set_audience(&[APP]);
    wanted.set_issuer(&["https://api.botframework.com"]);
    wanted.set_required_spec_claims(&["exp", "nbf", "aud", "iss"]);
    let claims = decode::<Value>(token, &public, &wanted).unwrap().claims;
    assert_eq!(claims["serviceurl"], service);
}

#[tokio::test]
async fn a_mention_in_a_thread_a_pressed_button_and_a_picture_come_as_teams_sends_them() {
    let world = World::start("/teams").await;
    let receiver = Receiver::start().await;
    let photo = world.played().add_media("image/png", "cat.png", vec![1, 2, 3]);

    let in_thread = Person::new(ANN, "a < b")
        .within("19:x@thread.tacv2")
        .in_thread("77");
    world.say("teams", &in_thread, &receiver).await;
    let pressed = Person::new(ANN, "Yes").pressing(r#"{"choice":"y","title":"Yes"}"#, "42");
    world.say("teams", &pressed, &receiver).await;
    world
        .say("teams", &Person::new(ANN, "see").with(photo), &receiver)
        .await;

    let got = receiver.called(3).await;
    let mention = got[0].json();
    assert_eq!(mention["conversation"]["id"], "19:x@thread.tacv2;messageid=77");
    assert_eq!(mention["text"], "<at>Simulated bot</at> a < b");
    assert_eq!(
        mention["entities"][0]["mentioned"]["id"],
        mention["recipient"]["id"]
    );
    assert_eq!(mention["attachments"][0]["contentType"], "text/html");
    let pressed = got[1].json();
    assert_eq!(pressed["value"], json!({"choice": "y", "title": "Yes"}));
    assert_eq!((&pressed["replyToId"], pressed.get("text")), (&json!("42"), None));
    let picture = got[2].json()["attachments"][0]["contentUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.send(world.http.get(&picture)).await.status, 401);
    let request = world.http.get(&picture).bearer_auth(token(&world).await);
    assert_eq!(
        request.send().await.unwrap().bytes().await.unwrap().as_ref(),
        [1, 2, 3]
    );
}

#[tokio::test]
async fn what_is_sent_and_changed_is_in_the_outbox() {
    let world = World::start("/teams").await;
    let hello = Person::new(ANN, "hello");
    world.hear("teams", &hello);
    let heard = hello.number.to_string();
    let path = format!("/{OWN}/activities");
    let card = json!({"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {
            "type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Sure?"}],
            "actions": [{"type": "Action.Submit", "title": "Yes", "data": {"choice": "y"}}],
        },
    }]});

    call(&world, Method::POST, &path, &json!({"type": "typing"})).await;
    let sent = call(
        &world,
        Method::POST,
        &format!("{path}/{heard}"),
        &json!({"type": "message", "text": "one"}),
    )
    .await;
    let id = sent.json["id"].as_str().unwrap();
    let edited = call(
        &world,
        Method::PUT,
        &format!("{path}/{id}"),
        &json!({"type": "message", "text": "two"}),
    )
    .await;
    call(&world, Method::POST, &path, &card).await;

    assert_eq!((sent.status, edited.status), (201, 200));
    let all = world.played().outbox().after(0);
    let kinds: Vec<_> = all.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Typing, Kind::Sent, Kind::Edited, Kind::Sent]);
    assert_eq!(
        (all[1].text.as_str(), all[1].reply_to.as_deref()),
        ("one", Some(heard.as_str()))
    );
    assert_eq!((all[2].text.as_str(), all[2].id.as_str()), ("two", id));
    assert_eq!(
        (all[3].text.as_str(), all[3].buttons[0].title.as_str()),
        ("Sure?", "Yes")
    );
    assert_eq!(all[3].buttons[0].value, r#"{"choice":"y"}"#);
}

#[tokio::test]
async fn a_chat_that_the_bot_begins_is_known_from_then_on() {
    let world = World::start("/teams").await;

    let begun = call(
        &world,
        Method::POST,
        "",
        &json!({"members": [{"id": "29:1bob"}], "tenantId": "t"}),
    )
    .await;
    let id = begun.json["id"].as_str().unwrap();
    let sent = call(
        &world,
        Method::POST,
        &format!("/{id}/activities"),
        &json!({"type": "message", "text": "hello"}),
    )
    .await;

    assert_eq!((begun.status, sent.status), (201, 201));
    let arrived = world
        .played()
        .outbox()
        .next_to("teams", "a:1bob", 0, PATIENCE)
        .await;
    assert_eq!(arrived.unwrap().text, "hello");
}

#[tokio::test]
async fn what_teams_refuses_is_refused_in_its_words() {
    let world = world_with_ann().await;
    let hello = json!({"type": "message", "text": "x"});
    // In UTF-16 this is 81,920 bytes, without its envelope.
    let long = json!({"type": "message", "text": "x".repeat(40 * 1024)});
    let fits = json!({"type": "message", "text": "€".repeat(40 * 1024 - 100)});
    let own = format!("/{OWN}/activities");
    let cases = [
        (
            Method::POST,
            "/a:nobody/activities".to_owned(),
            &hello,
            404,
            "ConversationNotFound",
        ),
        (
            Method::PUT,
            format!("{own}/1"),
            &hello,
            404,
            "ActivityNotFoundInConversation",
        ),
        (Method::POST, own.clone(), &long, 413, "MessageSizeTooBig"),
        (Method::POST, String::new(), &hello, 400, "BadSyntax"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = call(&world, method, &path, body).await;

        assert_eq!(
            (answer.status, &answer.json["error"]["code"]),
            (status, &json!(code))
        );
    }
    let unnamed = world
        .request(Method::POST, &format!("/v3/conversations{own}"))
        .json(&hello);
    assert_eq!(world.send(unnamed).await.status, 401);
    let stranger = world.request(Method::POST, "/tenant/oauth2/v2.0/token").form(&[
        ("grant_type", "client_credentials"),
        ("client_id", "somebody-else"),
        ("client_secret", "x"),
    ]);
    assert_eq!(world.send(stranger).await.json["error"], "unauthorized_client");
    assert!(world.sent("teams").is_empty());

    assert_eq!(call(&world, Method::POST, &own, &fits).await.status, 201);
}
