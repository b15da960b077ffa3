//! Connections that the product opens, as the platforms have them.

use crate::world::{PATIENCE, Receiver, World};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::played::{Ending, Person, discord, slack, telegram};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message as Frame,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// A WebSocket, from the product's side.
struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Line {
    async fn open(url: &str) -> Self {
        Self(connect_async(url).await.unwrap().0)
    }

    async fn say(&mut self, payload: Value) {
        self.0.send(Frame::text(payload.to_string())).await.unwrap();
    }

    /// What is said next; `Err`: the code that the connection was closed with.
    async fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.0.next())
                .await
                .unwrap_or_else(|_| panic!("nothing is said"))
            {
                Some(Ok(Frame::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Frame::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    async fn hears(&mut self) -> Value {
        self.next().await.unwrap()
    }

    /// Until everything that was said before has been heard: frames are taken in their order.
    async fn is_heard(&mut self) {
        self.0.send(Frame::Ping("all?".into())).await.unwrap();
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Frame::Pong(_))) => return,
                other => assert!(matches!(other, Some(Ok(Frame::Ping(_)))), "{other:?}"),
            }
        }
    }

    async fn is_closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

async fn updates(world: &World, parameters: Value) -> (u16, Value) {
    let path = format!("/bot{}/getUpdates", telegram::TOKEN);
    let answer = world
        .send(world.request(Method::POST, &path).json(&parameters))
        .await;
    let result = match answer.status {
        200 => answer.json["result"].clone(),
        _ => answer.json["description"].clone(),
    };
    (answer.status, result)
}

#[tokio::test]
async fn telegram_keeps_an_update_until_it_is_asked_for_what_comes_after_it() {
    let world = World::start("/telegram").await;
    let write = |text: &str| {
        world
            .played()
            .write("telegram", &Person::new("5550001", text))
            .unwrap()
    };

    let (waited, ()) = tokio::join!(updates(&world, json!({"timeout": 20})), async {
        world
            .played()
            .connections_when("telegram", PATIENCE, |all| all.open == 1)
            .await
            .unwrap();
        write("one");
    });
    let (_, again) = updates(&world, json!({})).await;
    write("two");
    let after = again[0]["update_id"].as_i64().unwrap() + 1;
    let (_, rest) = updates(&world, json!({"offset": after})).await;
    let (_, nothing) = updates(
        &world,
        json!({"offset": rest[0]["update_id"].as_i64().unwrap() + 1}),
    )
    .await;

    assert_eq!(waited, (200, again.clone()));
    assert_eq!(again[0]["message"]["text"], "one");
    assert_eq!(
        (rest.as_array().unwrap().len(), &rest[0]["message"]["text"]),
        (1, &json!("two"))
    );
    assert_eq!(nothing, json!([]));
}

#[tokio::test]
async fn telegram_answers_one_question_at_a_time_and_none_beside_a_webhook() {
    let world = World::start("/telegram").await;
    let played = world.played();

    let (first, ()) = tokio::join!(updates(&world, json!({"timeout": 20})), async {
        played
            .connections_when("telegram", PATIENCE, |all| all.open == 1)
            .await
            .unwrap();
        assert_eq!(updates(&world, json!({"timeout": 0})).await, (200, json!([])));
    });
    let (restarted, ()) = tokio::join!(updates(&world, json!({"timeout": 20})), async {
        played
            .connections_when("telegram", PATIENCE, |all| all.open == 1)
            .await
            .unwrap();
        played.end_connections("telegram", Ending::Asked).unwrap();
    });
    let hook = json!({"url": "https://bots.example/hook", "secret_token": "s"});
    let path = format!("/bot{}/setWebhook", telegram::TOKEN);
    world.send(world.request(Method::POST, &path).json(&hook)).await;
    let (beside, words) = updates(&world, json!({})).await;

    assert_eq!(first.0, 409);
    assert!(
        first
            .1
            .as_str()
            .unwrap()
            .contains("terminated by other getUpdates"),
        "{first:?}"
    );
    assert_eq!(played.connections("telegram").displaced, 1);
    assert_eq!(restarted.0, 500);
    assert_eq!(beside, 409);
    assert!(words.as_str().unwrap().contains("webhook is active"), "{words}");
}

async fn socket_mode(world: &World) -> (Line, String) {
    let request = world.request(Method::POST, "/api/apps.connections.open");
    let opening = world.send(request.bearer_auth(slack::APP_TOKEN)).await;
    let url = opening.json["url"].as_str().unwrap().to_owned();
    let mut line = Line::open(&url).await;
    assert_eq!(line.hears().await["type"], "hello");
    (line, url)
}

#[tokio::test]
async fn slack_opens_a_connection_to_the_app_once_a_ticket() {
    let world = World::start("/slack").await;
    let as_bot = world.request(Method::POST, "/api/apps.connections.open");
    let refused = world.send(as_bot.bearer_auth(slack::TOKEN)).await;
    let as_app = world.request(Method::POST, "/api/auth.test");
    let refused_too = world.send(as_app.bearer_auth(slack::APP_TOKEN)).await;
    let (_line, url) = socket_mode(&world).await;

    assert_eq!(refused.json["error"], "not_allowed_token_type");
    assert_eq!(refused_too.json["error"], "not_allowed_token_type");
    assert!(connect_async(url).await.is_err(), "a ticket was good twice");
}

#[tokio::test]
async fn slack_tells_again_what_was_not_acknowledged_and_asks_for_another_connection() {
    let world = World::start("/slack").await;
    let (mut first, _) = socket_mode(&world).await;
    for text in ["one", "two"] {
        world
            .played()
            .write("slack", &Person::new("U0000ANN", text))
            .unwrap();
    }
    let one = first.hears().await;
    first.hears().await;
    first.say(json!({"envelope_id": one["envelope_id"]})).await;
    first.is_heard().await;
    let goodbye = {
        world.played().end_connections("slack", Ending::Asked).unwrap();
        first.hears().await
    };
    drop(first);

    let (mut second, _) = socket_mode(&world).await;
    let two = second.hears().await;

    assert_eq!(one["type"], "events_api");
    assert_eq!(one["payload"]["event"]["text"], "one");
    assert_eq!(goodbye["reason"], "refresh_requested");
    assert_eq!(two["payload"]["event"]["text"], "two");
    // And once more after three seconds of silence.
    let again = second.hears().await;
    assert_eq!(
        (&again["retry_attempt"], &again["payload"]),
        (&json!(1), &two["payload"])
    );
    assert_ne!(again["envelope_id"], two["envelope_id"]);
}

async fn gateway(world: &World) -> Line {
    let request = world.request(Method::GET, "/gateway/bot");
    let request = request
        .header("User-Agent", "DiscordBot (https://bots.example, 1)")
        .header("Authorization", format!("Bot {}", discord::TOKEN));
    let recommended = world.send(request).await;
    let url = recommended.json["url"].as_str().unwrap();
    let mut line = Line::open(&format!("{url}?v=10&encoding=json")).await;
    assert_eq!(line.hears().await["op"], 10);
    line
}

fn identify(token: &str) -> Value {
    let properties = json!({"os": "linux", "browser": "test", "device": "test"});
    json!({"op": 2, "d": {"token": token, "intents": 1 << 9 | 1 << 12, "properties": properties, "shard": [0, 1]}})
}

fn resume(session: &Value, seq: u64) -> Value {
    json!({"op": 6, "d": {"token": discord::TOKEN, "session_id": session, "seq": seq}})
}

#[tokio::test]
async fn discord_tells_a_session_again_what_it_missed_and_forgets_one_that_was_ended() {
    let world = World::start("/discord").await;
    let write = |text: &str| {
        let person = Person::new("900000000000000001", text);
        world.played().write("discord", &person).unwrap();
    };
    let mut line = gateway(&world).await;
    line.say(identify(discord::TOKEN)).await;
    let ready = line.hears().await;
    write("one");
    let one = line.hears().await;
    line.say(json!({"op": 1, "d": 2})).await;
    let beat = line.hears().await;
    world.played().end_connections("discord", Ending::Cut).unwrap();
    line.is_closed().await;
    write("two");

    let mut line = gateway(&world).await;
    line.say(resume(&ready["d"]["session_id"], 2)).await;
    let (two, resumed) = (line.hears().await, line.hears().await);
    let goodbye = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    line.0.close(Some(goodbye)).await.unwrap();
    line.is_closed().await;
    world
        .played()
        .connections_when("discord", PATIENCE, |all| all.open == 0)
        .await
        .unwrap();
    let mut line = gateway(&world).await;
    line.say(resume(&ready["d"]["session_id"], 4)).await;

    assert_eq!((&ready["t"], &ready["s"]), (&json!("READY"), &json!(1)));
    assert_eq!((&one["t"], &one["s"]), (&json!("MESSAGE_CREATE"), &json!(2)));
    assert_eq!(one["d"]["channel_type"], 1);
    assert_eq!(beat["op"], 11);
    assert_eq!((&two["d"]["content"], &two["s"]), (&json!("two"), &json!(3)));
    assert_eq!(resumed["t"], "RESUMED");
    assert_eq!(line.hears().await, json!({"op": 9, "d": false}));
    assert_eq!(world.played().connections("discord").resumed, 1);
}

#[tokio::test]
async fn discord_closes_on_whoever_does_not_keep_to_its_rules() {
    let world = World::start("/discord").await;
    let cases = [
        (identify("another"), 4004),
        (json!({"op": 2, "d": {"token": discord::TOKEN}}), 4002),
        (json!({"op": 3, "d": {}}), 4003),
        (json!({"op": 99, "d": {}}), 4001),
        (json!("what"), 4002),
    ];
    for (said, code) in cases {
        let mut line = gateway(&world).await;
        line.say(said.clone()).await;

        assert_eq!(line.is_closed().await, Some(code), "{said}");
    }
    let mut line = gateway(&world).await;
    line.say(identify(discord::TOKEN)).await;
    assert_eq!(line.hears().await["t"], "READY");
    let mut too_soon = gateway(&world).await;
    too_soon.say(identify(discord::TOKEN)).await;
    assert_eq!(too_soon.hears().await, json!({"op": 9, "d": false}));
    line.say(identify(discord::TOKEN)).await;
    assert_eq!(line.is_closed().await, Some(4005));
}

#[tokio::test]
async fn who_is_read_by_webhook_only_cannot_be_told_over_a_connection() {
    let world = World::start("/teams").await;
    let receiver = Receiver::start().await;
    let person = Person::new("29:1ann", "hello");

    assert!(world.played().write("teams", &person).is_err());
    assert!(!world.played().is_told("teams", &person, Duration::ZERO).await);
    assert!(world.say("teams", &person, &receiver).await.accepted());
}
