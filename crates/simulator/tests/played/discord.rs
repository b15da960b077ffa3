use crate::world::{Answered, Got, Receiver, World};
use ed25519_dalek::{Signature, VerifyingKey};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::played::{
    Hook, Kind, Person,
    discord::{APPLICATION, TOKEN},
};

const ANN: &str = "900000000000000001";
/// Her own channel with the bot.
const DIRECT: &str = "500000000000000001";

fn request(world: &World, method: Method, path: &str) -> RequestBuilder {
    world
        .request(method, path)
        .header("User-Agent", "DiscordBot (https://bots.example, 1)")
}

async fn call(world: &World, method: Method, path: &str, body: &Value) -> Answered {
    let request = request(world, method, path).header("Authorization", format!("Bot {TOKEN}"));
    world.send(request.json(body)).await
}

/// A call that only the interaction's token proves.
async fn answer(world: &World, method: Method, token: &str, rest: &str, body: &Value) -> Answered {
    let path = format!("/webhooks/{APPLICATION}/{token}{rest}");
    world.send(request(world, method, &path).json(body)).await
}

async fn world_with_ann() -> World {
    let world = World::start("/discord").await;
    world.hear("discord", &Person::new(ANN, "hello"));
    world
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let pairs = (0..N).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
    pairs.collect::<Vec<_>>().try_into().unwrap()
}

#[tokio::test]
async fn interactions_come_signed_with_the_key_that_the_application_shows() {
    let world = World::start("/discord").await;
    let receiver = Receiver::start().await;

    world
        .say("discord", &Person::new(ANN, "Opening hours?"), &receiver)
        .await;
    world
        .say("discord", &Person::new(ANN, "Yes").pressing("y", "42"), &receiver)
        .await;
    world
        .say("discord", &Person::new(ANN, "x").within("1000"), &receiver)
        .await;

    let application = call(&world, Method::GET, "/applications/@me", &Value::Null)
        .await
        .json;
    let key = VerifyingKey::from_bytes(&bytes(application["verify_key"].as_str().unwrap())).unwrap();
    let got = receiver.called(3).await;
    for one in &got {
        let signature = Signature::from_bytes(&bytes(one.header("X-Signature-Ed25519")));
        let signed = [one.header("X-Signature-Timestamp").as_bytes(), &one.body].concat();
        key.verify_strict(&signed, &signature).unwrap();
    }
    let asked = got[0].json();
    assert_eq!(
        (&asked["type"], &asked["channel_id"]),
        (&json!(2), &json!(DIRECT))
    );
    assert_eq!(asked["data"]["name"], "ask");
    assert_eq!(asked["data"]["options"][0]["value"], "Opening hours?");
    let pressed = got[1].json();
    assert_eq!(
        (&pressed["type"], &pressed["data"]["custom_id"]),
        (&json!(3), &json!("y"))
    );
    assert_eq!(pressed["message"]["id"], "42");
    let in_guild = got[2].json();
    assert_eq!(
        (&in_guild["member"]["user"]["id"], in_guild.get("user")),
        (&json!(ANN), None)
    );
}

#[tokio::test]
async fn the_answer_to_an_interaction_is_sent_once_and_then_changed() {
    let world = World::start("/discord").await;
    let receiver = Receiver::answering(|_| (200, json!({"type": 5}).to_string())).await;
    world.say("discord", &Person::new(ANN, "hi"), &receiver).await;
    let token = receiver.called(1).await[0].json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let original = "/messages/@original";

    let thinking = answer(&world, Method::GET, &token, original, &Value::Null).await;
    let first = answer(
        &world,
        Method::PATCH,
        &token,
        original,
        &json!({"content": "one"}),
    )
    .await;
    let second = answer(
        &world,
        Method::PATCH,
        &token,
        original,
        &json!({"content": "two"}),
    )
    .await;
    let more = answer(&world, Method::POST, &token, "", &json!({"content": "three"})).await;
    let shown = answer(&world, Method::GET, &token, original, &Value::Null).await;
    let stranger = answer(
        &world,
        Method::PATCH,
        "nonsense",
        original,
        &json!({"content": "x"}),
    )
    .await;

    assert_eq!(thinking.json["flags"], 128);
    assert_eq!(first.json["id"], second.json["id"]);
    assert_ne!(first.json["id"], more.json["id"]);
    assert_eq!(
        (&shown.json["id"], &shown.json["content"]),
        (&first.json["id"], &json!("two"))
    );
    assert_eq!((stranger.status, &stranger.json["code"]), (404, &json!(10_015)));
    let all = world.played().outbox().after(0);
    let all: Vec<_> = all
        .iter()
        .map(|one| (one.kind, one.conversation.as_str(), one.text.as_str()))
        .collect();
    assert_eq!(
        all,
        [
            (Kind::Sent, DIRECT, "one"),
            (Kind::Edited, DIRECT, "two"),
            (Kind::Sent, DIRECT, "three")
        ]
    );
}

#[tokio::test]
async fn an_answer_in_the_webhooks_own_answer_is_a_message() {
    let world = World::start("/discord").await;
    let at_once = json!({"type": 4, "data": {"content": "at once"}}).to_string();
    let receiver = Receiver::answering(move |_| (200, at_once.clone())).await;

    world.say("discord", &Person::new(ANN, "hi"), &receiver).await;

    assert_eq!(world.sent("discord")[0].text, "at once");
}

#[tokio::test]
async fn a_nonce_is_enforced_only_where_that_is_asked_for() {
    let world = world_with_ann().await;
    let path = format!("/channels/{DIRECT}/messages");
    let enforced = json!({
        "content": "x", "nonce": "n1", "enforce_nonce": true,
        "components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "Yes", "custom_id": "y"}]}],
    });
    let loose = json!({"content": "x", "nonce": "n1"});

    let first = call(&world, Method::POST, &path, &enforced).await;
    let again = call(&world, Method::POST, &path, &enforced).await;
    let other = call(&world, Method::POST, &path, &loose).await;
    let listed = call(&world, Method::GET, &format!("{path}?limit=1"), &Value::Null).await;
    let id = first.json["id"].as_str().unwrap();
    let edited = call(
        &world,
        Method::PATCH,
        &format!("{path}/{id}"),
        &json!({"content": "z"}),
    )
    .await;
    let typing = call(
        &world,
        Method::POST,
        &format!("/channels/{DIRECT}/typing"),
        &json!({}),
    )
    .await;

    assert_eq!(first.json["id"], again.json["id"]);
    assert_ne!(first.json["id"], other.json["id"]);
    assert_eq!(listed.json.as_array().unwrap().len(), 1);
    assert_eq!(listed.json[0]["id"], other.json["id"]);
    assert_eq!((&edited.json["content"], typing.status), (&json!("z"), 204));
    let all = world.played().outbox().after(0);
    let kinds: Vec<_> = all.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Sent, Kind::Sent, Kind::Edited, Kind::Typing]);
    assert_eq!(all[0].buttons[0].value, "y");
}

#[tokio::test]
async fn what_discord_refuses_is_refused_with_its_codes() {
    let world = world_with_ann().await;
    let path = format!("/channels/{DIRECT}/messages");
    let button = json!({"type": 2, "style": 1, "label": "x".repeat(81), "custom_id": "y"});
    let cases = [
        (path.clone(), json!({"content": "ü".repeat(2001)}), 400, 50_035),
        (path.clone(), json!({"content": ""}), 400, 50_006),
        (
            path.clone(),
            json!({"content": "x", "components": [{"type": 1, "components": [button]}]}),
            400,
            50_035,
        ),
        (
            path.clone(),
            json!({"content": "x", "nonce": "n".repeat(26)}),
            400,
            50_035,
        ),
        (
            "/channels/1/messages".to_owned(),
            json!({"content": "x"}),
            404,
            10_003,
        ),
        ("/channels/1/typing".to_owned(), json!({}), 404, 10_003),
        (
            "/interactions/1/x/callback".to_owned(),
            json!({"type": 5}),
            404,
            10_062,
        ),
    ];
    for (path, body, status, code) in cases {
        let answer = call(&world, Method::POST, &path, &body).await;

        assert_eq!(
            (answer.status, &answer.json["code"]),
            (status, &json!(code)),
            "{path}"
        );
    }
    for authorization in ["", "Bot nobody's", &format!("Bearer {TOKEN}")] {
        let request = request(&world, Method::GET, "/users/@me");
        let answer = world.send(request.header("Authorization", authorization)).await;
        assert_eq!(answer.status, 401, "{authorization}");
    }
    assert!(world.sent("discord").is_empty());
}

#[tokio::test]
async fn the_endpoint_and_the_commands_are_taken_note_of() {
    let world = World::start("/discord").await;
    let ask = json!({"name": "ask", "description": "Ask the bot"});

    let url = json!({"interactions_endpoint_url": "https://bots.example/x"});
    call(&world, Method::PATCH, "/applications/@me", &url).await;
    let application = call(&world, Method::GET, "/applications/@me", &Value::Null)
        .await
        .json;
    let commands = format!("/applications/{APPLICATION}/commands");
    let one = call(&world, Method::POST, &commands, &ask).await;
    let all = call(&world, Method::PUT, &commands, &json!([ask])).await;

    assert_eq!(application["interactions_endpoint_url"], "https://bots.example/x");
    assert_eq!((one.status, &one.json["name"]), (201, &json!("ask")));
    assert_eq!((all.status, &all.json[0]["name"]), (200, &json!("ask")));
}

#[tokio::test]
async fn an_endpoint_is_saved_only_if_it_answers_pings_and_refuses_bad_signatures() {
    let world = World::start("/discord").await;
    let is_bad = |got: &Got| got.header("X-Signature-Ed25519").bytes().all(|byte| byte == b'0');
    let careful = Receiver::answering(move |got| match is_bad(got) {
        true => (401, String::new()),
        false => (200, json!({"type": 1}).to_string()),
    })
    .await;
    let credulous = Receiver::answering(|_| (200, json!({"type": 1}).to_string())).await;
    world
        .played()
        .connect("discord", Hook::new("http://127.0.0.1:9/").signed_with("a seed"));

    let mut saved = Vec::new();
    for url in [&careful.url, &credulous.url] {
        let body = json!({"interactions_endpoint_url": url});
        saved.push(call(&world, Method::PATCH, "/applications/@me", &body).await);
    }

    assert_eq!((saved[0].status, saved[1].status), (200, 400));
    assert_eq!(saved[1].json["code"], 50_035);
    assert_eq!(careful.called(2).await[0].json()["type"], 1);
    assert_eq!(world.played().hook("discord").unwrap().url, careful.url);
}
