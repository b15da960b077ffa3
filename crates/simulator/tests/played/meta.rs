//! What `tests/meta.rs` leaves out: what Meta refuses, and what an app sets.

use crate::world::{Answered, Receiver, World};
use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{
    played::{
        Fault, FaultRule, Kind, Person,
        meta::{ACCOUNT, TOKEN},
    },
    twilio::Callbacks,
};

/// A person on each.
const ON_WHATSAPP: &str = "16505551234";
const ON_MESSENGER: &str = "7392015648120394";
const ON_INSTAGRAM: &str = "6841100000000000";

async fn post(world: &World, path: &str, body: &Value) -> Answered {
    let request = world.request(Method::POST, &format!("/v25.0/{path}"));
    world.send(request.bearer_auth(TOKEN).json(body)).await
}

async fn get(world: &World, path: &str) -> Answered {
    let request = world.request(Method::GET, &format!("/v25.0/{path}"));
    world.send(request.bearer_auth(TOKEN)).await
}

fn whatsapp(mut message: Value) -> Value {
    message["messaging_product"] = "whatsapp".into();
    message["to"] = ON_WHATSAPP.into();
    message
}

fn text(body: &str) -> Value {
    whatsapp(json!({"type": "text", "text": {"body": body}}))
}

fn to(person: &str, message: Value) -> Value {
    json!({"recipient": {"id": person}, "messaging_type": "RESPONSE", "message": message})
}

/// A world whose person wrote, and whose news are posted to a receiver.
async fn world_of(platform: &str, base: &'static str, from: &str) -> (World, Receiver) {
    let world = World::start(base).await;
    let receiver = Receiver::start().await;
    world.say(platform, &Person::new(from, "hello"), &receiver).await;
    receiver.called(1).await;
    (world, receiver)
}

fn messages() -> String {
    format!("{ACCOUNT}/messages")
}

#[tokio::test]
async fn each_platform_tells_of_a_person_in_its_own_shape() {
    let (_, receiver) = world_of("whatsapp", "/whatsapp", ON_WHATSAPP).await;
    let body = receiver.called(1).await[0].json();
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(body["object"], "whatsapp_business_account");
    assert_eq!(value["metadata"]["phone_number_id"], ACCOUNT);
    assert_eq!(value["contacts"][0]["wa_id"], ON_WHATSAPP);
    assert_eq!(value["messages"][0]["text"]["body"], "hello");

    for (platform, base, object, from) in [
        ("messenger", "/messenger", "page", ON_MESSENGER),
        ("instagram", "/instagram", "instagram", ON_INSTAGRAM),
    ] {
        let (_, receiver) = world_of(platform, base, from).await;
        let body = receiver.called(1).await[0].json();
        let item = &body["entry"][0]["messaging"][0];
        assert_eq!(
            (&body["object"], &body["entry"][0]["id"]),
            (&json!(object), &json!(ACCOUNT))
        );
        assert_eq!(
            (&item["sender"]["id"], &item["message"]["text"]),
            (&json!(from), &json!("hello"))
        );
        assert!(
            item["timestamp"].as_i64().unwrap() > 1_700_000_000_000,
            "milliseconds"
        );
    }
}

#[tokio::test]
async fn what_whatsapp_refuses_is_refused_with_its_code() {
    let (world, _receiver) = world_of("whatsapp", "/whatsapp", ON_WHATSAPP).await;
    let buttons = |titles: &[&str]| {
        let buttons: Vec<Value> = titles
            .iter()
            .map(|title| json!({"type": "reply", "reply": {"id": title, "title": title}}))
            .collect();
        whatsapp(json!({"type": "interactive", "interactive": {
            "type": "button", "body": {"text": "Which?"}, "action": {"buttons": buttons},
        }}))
    };
    let template = |name: &str, values: &[&str]| {
        let values: Vec<Value> = values
            .iter()
            .map(|value| json!({"type": "text", "text": value}))
            .collect();
        whatsapp(json!({"type": "template", "template": {
            "name": name, "language": {"code": "en_US"}, "components": [{"type": "body", "parameters": values}],
        }}))
    };
    let captioned = |kind: &str, caption: &str| {
        let mut body = whatsapp(json!({"type": kind}));
        body[kind] = json!({"link": "https://a/b", "caption": caption});
        body
    };
    let mut without = text("x");
    without.as_object_mut().unwrap().remove("messaging_product");
    let mut nobody = text("x");
    nobody.as_object_mut().unwrap().remove("to");
    let long = "ü".repeat(4_097);
    let cases = [
        (without, 100),
        (nobody, 100),
        (text(&long), 100),
        (text(""), 100),
        (buttons(&["a", "b", "c", "d"]), 131_009),
        (buttons(&["a", "a"]), 131_009),
        (buttons(&["a title of 21 letters"]), 100),
        (template("missing", &[]), 132_001),
        (template("hello", &[]), 132_000),
        (template("hello", &["two\nlines"]), 100),
        (captioned("image", &"x".repeat(1_025)), 100),
        (captioned("audio", "listen"), 100),
        (
            json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.none"}),
            131_009,
        ),
    ];
    for (body, code) in cases {
        let answer = post(&world, &messages(), &body).await;

        assert!(answer.status >= 400, "{body}");
        assert_eq!(answer.json["error"]["code"], code, "{body}: {}", answer.json);
    }
    assert!(world.sent("whatsapp").is_empty());
}

#[tokio::test]
async fn what_messenger_and_instagram_refuse_is_refused_with_code_and_subcode() {
    for (platform, base, from, closed, nobody, fits, does_not) in [
        (
            "messenger",
            "/messenger",
            ON_MESSENGER,
            2_018_278,
            2_018_001,
            "ü".repeat(2_000),
            "ü".repeat(2_001),
        ),
        (
            "instagram",
            "/instagram",
            ON_INSTAGRAM,
            2_534_022,
            2_534_014,
            "ü".repeat(500),
            "ü".repeat(501),
        ),
    ] {
        let world = World::start(base).await;
        world.hear(platform, &Person::new(from, "hello"));
        world.hear(
            platform,
            &Person::new("1111", "hello").at(Utc::now() - TimeDelta::hours(25)),
        );
        let replies = |count: usize, title: &str| {
            let reply = json!({"content_type": "text", "title": title, "payload": "p"});
            json!({"text": "Which?", "quick_replies": vec![reply; count]})
        };
        let hello = json!({"text": "hi"});
        let mut tagged = to("1111", hello.clone());
        tagged["messaging_type"] = "MESSAGE_TAG".into();
        tagged["tag"] = "ACCOUNT_UPDATE".into();
        let mut by_human = tagged.clone();
        by_human["tag"] = "HUMAN_AGENT".into();
        let both =
            json!({"text": "x", "attachment": {"type": "image", "payload": {"url": "https://a/b.png"}}});

        assert_eq!(
            post(&world, &messages(), &to(from, json!({"text": fits})))
                .await
                .status,
            200
        );
        assert_eq!(post(&world, &messages(), &by_human).await.status, 200);
        let cases = [
            (to(from, json!({"text": does_not})), 100, None),
            (to("2222", hello.clone()), 100, Some(nobody)),
            (to("1111", hello.clone()), 10, Some(closed)),
            (tagged, 100, None),
            (to(from, both), 100, None),
            (to(from, json!({})), 100, None),
            (to(from, replies(14, "a")), 100, None),
            (to(from, replies(1, "a title of 21 letters")), 100, None),
        ];
        for (body, code, subcode) in cases {
            let answer = post(&world, &messages(), &body).await;

            assert_eq!(answer.status, 400, "{platform}: {body}");
            assert_eq!(answer.json["error"]["code"], code, "{platform}: {}", answer.json);
            assert_eq!(
                answer.json["error"].get("error_subcode").cloned(),
                subcode.map(Value::from)
            );
        }
        assert_eq!(world.sent(platform).len(), 2);
    }
}

#[tokio::test]
async fn templates_with_buttons_and_signs_of_typing_are_in_the_outbox() {
    let (world, _receiver) = world_of("messenger", "/messenger", ON_MESSENGER).await;
    let template = json!({"attachment": {"type": "template", "payload": {
        "template_type": "button", "text": "Sure?", "buttons": [{"type": "postback", "title": "Yes", "payload": "y"}],
    }}});

    post(&world, &messages(), &to(ON_MESSENGER, template)).await;
    let typing = json!({"recipient": {"id": ON_MESSENGER}, "sender_action": "typing_on"});
    post(&world, &messages(), &typing).await;

    let all = world.played().outbox().after(0);
    assert_eq!(
        (all[0].text.as_str(), all[0].buttons[0].value.as_str()),
        ("Sure?", "y")
    );
    assert_eq!(all[1].kind, Kind::Typing);
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_debugged_with_the_apps_own() {
    let world = World::start("/messenger").await;
    let code = async |token: &str, path: &str| {
        let request = world.request(Method::GET, path).bearer_auth(token);
        let answer = world.send(request).await;
        (answer.status, answer.json["error"]["code"].as_u64())
    };

    assert_eq!(code(TOKEN, "/me").await, (200, None));
    assert_eq!(code("another", "/me").await, (401, Some(190)));
    assert_eq!(code("1|secret", "/me").await, (401, Some(190)));
    let bare = world.send(world.request(Method::GET, "/me")).await;
    assert_eq!(bare.json["error"]["code"], 104);
    for (token, valid) in [(TOKEN, true), ("another", false)] {
        let path = format!("/debug_token?input_token={token}&access_token=1|secret");
        let told = world.send(world.request(Method::GET, &path)).await;
        assert_eq!(told.json["data"]["is_valid"], valid);
    }
}

#[tokio::test]
async fn a_webhook_is_proved_before_it_is_subscribed_and_fields_are_kept() {
    let world = World::start("/messenger").await;
    let receiver = Receiver::answering(|got| {
        let query = got.uri.split_once('?').unwrap().1;
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
                .unwrap()
        };
        match field("hub.verify_token").as_str() {
            "vt+1" => (200, field("hub.challenge")),
            _ => (403, String::new()),
        }
    })
    .await;
    let subscribe = async |token: &str| {
        let request = world.request(Method::POST, "/v25.0/1/subscriptions?access_token=1|secret");
        let form = [
            ("object", "page"),
            ("callback_url", &receiver.url),
            ("verify_token", token),
            ("fields", "messages"),
        ];
        world.send(request.form(&form)).await
    };

    assert_eq!(subscribe("vt+1").await.json["success"], true);
    assert_eq!(subscribe("nope").await.json["error"]["code"], 2200);
    let request = world.request(Method::GET, "/v25.0/1/subscriptions?access_token=1|secret");
    let kept = world.send(request).await;
    assert_eq!(kept.json["data"][0]["callback_url"], receiver.url);
    assert_eq!(kept.json["data"][0]["fields"][0]["name"], "messages");

    let path = format!("{ACCOUNT}/subscribed_apps?subscribed_fields=messages,message_reads");
    post(&world, &path, &json!({})).await;
    let kept = get(&world, &format!("{ACCOUNT}/subscribed_apps")).await;
    assert_eq!(
        kept.json["data"][0]["subscribed_fields"],
        json!(["messages", "message_reads"])
    );
    let request = world.request(Method::DELETE, &format!("/{ACCOUNT}/subscribed_apps"));
    world.send(request.bearer_auth(TOKEN)).await;
    let none = get(&world, &format!("{ACCOUNT}/subscribed_apps")).await;
    assert_eq!(none.json["data"], json!([]));
}

#[tokio::test]
async fn too_many_calls_failures_and_cuts_are_metas() {
    let (world, receiver) = world_of("whatsapp", "/whatsapp", ON_WHATSAPP).await;
    let played = world.played();
    let busy = Fault::TooMany {
        retry_after: Some(90),
    };

    played.add_fault(FaultRule::always("whatsapp", busy.clone()).times(1));
    let refused = post(&world, &messages(), &text("x")).await;
    assert_eq!(
        (refused.status, &refused.json["error"]["code"]),
        (429, &json!(130_429))
    );
    let usage = refused.headers["X-Business-Use-Case-Usage"].to_str().unwrap();
    let usage: Value = serde_json::from_str(usage).unwrap();
    assert_eq!(usage[ACCOUNT][0]["estimated_time_to_regain_access"], 2, "minutes");

    played.set_reports("whatsapp", Callbacks::in_order(&["sent", "delivered", "read"]));
    played.add_fault(FaultRule::always("whatsapp", Fault::Failed { code: 131_026 }).times(1));
    post(&world, &messages(), &text("x")).await;
    let got = receiver.called(3).await;
    let status = &got[2].json()["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(
        (&status["status"], &status["errors"][0]["code"]),
        (&json!("failed"), &json!(131_026))
    );

    played.add_fault(
        FaultRule::always("whatsapp", Fault::CutBefore)
            .times(1)
            .to(ON_WHATSAPP),
    );
    let request = world
        .request(Method::POST, &format!("/{}", messages()))
        .bearer_auth(TOKEN);
    request.json(&text("lost")).send().await.unwrap_err();
    assert_eq!(world.sent("whatsapp").len(), 1);

    let messenger = World::start("/messenger").await;
    messenger.hear("messenger", &Person::new(ON_MESSENGER, "hello"));
    messenger.played().add_fault(FaultRule::always("messenger", busy));
    let refused = post(&messenger, &messages(), &to(ON_MESSENGER, json!({"text": "x"}))).await;
    assert_eq!(
        (refused.status, &refused.json["error"]["code"]),
        (400, &json!(613))
    );
}
