//! The simulated WhatsApp, Messenger and Instagram behave like the real ones, as far as Meta's documentation tells.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "the tests of the other platforms use the rest of it")]
#[path = "played/world.rs"]
mod world;

use crate::world::{Answered, Got, Receiver, World};
use chrono::{TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::{
    Retries,
    played::{Hook, Kind, Person, Signing, find},
    twilio::Callbacks,
};

const PLATFORMS: [&str; 3] = ["whatsapp", "messenger", "instagram"];
const ACCOUNT: &str = "000000000000000";
const SECRET: &str = "simulated-meta-app-secret-0000000";
const ANN: &str = "16505551234";

async fn start(platform: &str) -> World {
    World::start(match platform {
        "whatsapp" => "/whatsapp",
        "messenger" => "/messenger",
        _ => "/instagram",
    })
    .await
}

async fn call(world: &World, method: Method, path: &str, body: &Value) -> Answered {
    let request = world.request(method, &format!("/v25.0/{path}"));
    let request = request.bearer_auth("simulated");
    world
        .send(if body.is_null() {
            request
        } else {
            request.json(body)
        })
        .await
}

async fn get(world: &World, path: &str) -> Answered {
    call(world, Method::GET, path, &Value::Null).await
}

async fn send(world: &World, body: &Value) -> Answered {
    call(world, Method::POST, &format!("{ACCOUNT}/messages"), body).await
}

/// A text in the form of the platform.
fn text(platform: &str, to: &str, text: &str) -> Value {
    match platform {
        "whatsapp" => {
            json!({"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": text},
                   "biz_opaque_callback_data": "ours-1"})
        }
        _ => json!({"recipient": {"id": to}, "messaging_type": "RESPONSE", "message": {"text": text}}),
    }
}

fn signature(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// The one item of a Messenger or Instagram webhook.
fn item(got: &Got) -> Value {
    got.json()["entry"][0]["messaging"][0].clone()
}

/// The one value of a WhatsApp webhook.
fn value(got: &Got) -> Value {
    got.json()["entry"][0]["changes"][0]["value"].clone()
}

#[tokio::test]
async fn a_webhook_is_escaped_to_ascii_and_signed_as_it_is_posted() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        let receiver = Receiver::start().await;

        let delivered = world
            .say(platform, &Person::new(ANN, "Grüße 🦀"), &receiver)
            .await;

        assert!(delivered.accepted());
        let got = &receiver.called(1).await[0];
        assert!(got.body.is_ascii());
        let body = String::from_utf8(got.body.clone()).unwrap();
        assert!(body.contains(r"Gr\u00fc\u00dfe \ud83e\udd80"), "{body}");
        assert_eq!(
            got.header("X-Hub-Signature-256"),
            signature(&got.body, SECRET),
            "{platform}"
        );
    }
}

#[tokio::test]
async fn a_webhook_is_signed_with_the_secret_that_its_owner_gave() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        let receiver = Receiver::start().await;
        let hook = Hook::new(&receiver.url).signed_with("another");

        let person = Person::new(ANN, "hi");
        let said = world.played().say(platform, &person, &hook, Retries::NONE);
        said.await.unwrap();

        let got = &receiver.called(1).await[0];
        assert_eq!(got.header("X-Hub-Signature-256"), signature(&got.body, "another"));
    }
}

#[tokio::test]
async fn the_handshake_carries_mode_token_and_challenge() {
    for platform in PLATFORMS {
        let signing = Signing {
            secret: "verify me & more".to_owned(),
            base: String::new(),
            at: Utc::now(),
            attempt: 0,
        };

        let signed = find(platform).unwrap().handshake(&signing).unwrap();

        assert_eq!(signed.method, "GET");
        let query = signed.suffix.strip_prefix('?').unwrap();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let named = |name: &str| pairs.iter().find(|pair| pair.0 == name).unwrap().1.clone();
        assert_eq!(named("hub.mode"), "subscribe");
        assert_eq!(named("hub.verify_token"), "verify me & more");
        assert!(!named("hub.challenge").is_empty());
    }
}

#[tokio::test]
async fn an_app_is_subscribed_only_where_the_address_repeats_the_challenge() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        let repeats = Receiver::answering(|_| (200, "1158201444".to_owned())).await;
        let refuses = Receiver::answering(|_| (403, String::new())).await;
        let subscribe = async |address: &str| {
            let request = world.request(Method::POST, "/v25.0/1/subscriptions");
            let request = request.query(&[
                ("object", "page"),
                ("callback_url", address),
                ("verify_token", "token"),
                ("access_token", "1|secret"),
            ]);
            world.send(request).await
        };

        let taken = subscribe(&repeats.url).await;
        let refused = subscribe(&refuses.url).await;

        assert_eq!((taken.status, taken.json), (200, json!({"success": true})));
        assert_eq!(
            (refused.status, &refused.json["error"]["code"]),
            (400, &json!(2200))
        );
    }
}

#[tokio::test]
async fn an_account_is_subscribed_and_says_so() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        let path = format!("{ACCOUNT}/subscribed_apps");

        let posted = call(
            &world,
            Method::POST,
            &format!("{path}?subscribed_fields=messages,message_reads"),
            &Value::Null,
        )
        .await;
        let listed = get(&world, &path).await;

        assert_eq!(posted.json, json!({"success": true}));
        assert_eq!(
            listed.json["data"][0]["subscribed_fields"],
            json!(["messages", "message_reads"])
        );
    }
}

#[tokio::test]
async fn nobody_is_served_without_a_token() {
    for platform in PLATFORMS {
        let world = start(platform).await;

        let refused = world
            .send(world.request(Method::GET, &format!("/v25.0/{ACCOUNT}")))
            .await;
        let query = world.request(Method::GET, "/v25.0/me?fields=id&access_token=simulated");
        let served = world.send(query).await;

        assert!(refused.status >= 400);
        assert_eq!(refused.json["error"]["type"], "OAuthException");
        assert_eq!((served.status, &served.json["id"]), (200, &json!(ACCOUNT)));
    }
}

#[tokio::test]
async fn a_text_is_in_the_outbox_and_answered_as_documented() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        world.hear(platform, &Person::new(ANN, "hello"));

        let answer = send(&world, &text(platform, ANN, "Open at 9")).await;

        let sent = world.sent(platform);
        assert_eq!((answer.status, sent.len()), (200, 1));
        assert_eq!(
            (sent[0].conversation.as_str(), sent[0].text.as_str()),
            (ANN, "Open at 9")
        );
        if platform == "whatsapp" {
            assert_eq!(answer.json["messages"][0]["id"], sent[0].id);
            assert_eq!(answer.json["messages"][0]["message_status"], "accepted");
            assert_eq!(answer.json["contacts"][0]["wa_id"], ANN);
        } else {
            assert_eq!(
                answer.json,
                json!({"recipient_id": ANN, "message_id": sent[0].id})
            );
        }
    }
}

#[tokio::test]
async fn a_text_may_be_as_long_as_the_platform_says_and_no_longer() {
    // The crab is one character, two UTF-16 units and four bytes.
    for (platform, longest) in [
        ("whatsapp", "🦀".repeat(2048)),
        ("messenger", "🦀".repeat(1000)),
        ("instagram", "🦀".repeat(250)),
    ] {
        let world = start(platform).await;
        world.hear(platform, &Person::new(ANN, "hello"));

        let taken = send(&world, &text(platform, ANN, &longest)).await;
        let refused = send(&world, &text(platform, ANN, &format!("{longest}x"))).await;

        assert_eq!(taken.status, 200, "{platform}");
        assert_eq!(
            (refused.status, &refused.json["error"]["code"]),
            (400, &json!(100))
        );
        assert_eq!(world.sent(platform).len(), 1);
    }
}

#[tokio::test]
async fn a_day_after_a_persons_last_message_the_window_is_closed() {
    for (platform, subcode) in [("messenger", 2_018_278), ("instagram", 2_534_022)] {
        let world = start(platform).await;
        let long_ago = Utc::now() - TimeDelta::hours(25);
        world.hear(platform, &Person::new(ANN, "hello").at(long_ago));

        let refused = send(&world, &text(platform, ANN, "Still there?")).await;
        let mut by_human = text(platform, ANN, "Still there?");
        by_human["messaging_type"] = "MESSAGE_TAG".into();
        by_human["tag"] = "HUMAN_AGENT".into();
        let taken = send(&world, &by_human).await;

        let error = &refused.json["error"];
        assert_eq!(
            (refused.status, &error["code"], &error["error_subcode"]),
            (400, &json!(10), &json!(subcode))
        );
        assert_eq!(taken.status, 200);
    }
}

#[tokio::test]
async fn nobody_can_be_reached_who_never_wrote() {
    for platform in ["messenger", "instagram"] {
        let world = start(platform).await;

        let refused = send(&world, &text(platform, "404", "Hello?")).await;

        assert_eq!(refused.status, 400);
        assert!(refused.json["error"]["error_subcode"].is_u64());
        assert!(world.sent(platform).is_empty());
    }
}

#[tokio::test]
async fn whatsapp_accepts_what_comes_too_late_and_reports_that_it_failed() {
    let world = start("whatsapp").await;
    let receiver = Receiver::start().await;
    world
        .played()
        .set_reports("whatsapp", Callbacks::in_order(&["sent", "delivered"]));
    world.played().connect("whatsapp", Hook::new(&receiver.url));

    let answer = send(&world, &text("whatsapp", ANN, "Still there?")).await;

    assert_eq!(answer.status, 200);
    let got = receiver.called(2).await;
    let failed = &value(&got[1])["statuses"][0];
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["code"]),
        (&json!("failed"), &json!(131_047))
    );
    assert_eq!(failed["id"], answer.json["messages"][0]["id"]);
    assert_eq!(failed["biz_opaque_callback_data"], "ours-1");
}

#[tokio::test]
async fn whatsapp_reports_sent_delivered_and_read_with_our_own_data() {
    let world = start("whatsapp").await;
    let receiver = Receiver::start().await;
    world
        .played()
        .hear("whatsapp", &Person::new(ANN, "hello"), &Hook::new(&receiver.url))
        .unwrap();

    let answer = send(&world, &text("whatsapp", ANN, "Open at 9")).await;

    let got = receiver.called(3).await;
    let statuses: Vec<Value> = got.iter().map(|got| value(got)["statuses"][0].clone()).collect();
    for (status, name) in statuses.iter().zip(["sent", "delivered", "read"]) {
        assert_eq!(status["status"], name);
        assert_eq!(status["id"], answer.json["messages"][0]["id"]);
        assert_eq!(status["recipient_id"], ANN);
        assert_eq!(status["biz_opaque_callback_data"], "ours-1");
        assert!(status["timestamp"].is_string());
    }
    assert_eq!(
        got[0].header("X-Hub-Signature-256"),
        signature(&got[0].body, SECRET)
    );
}

#[tokio::test]
async fn messenger_reports_an_echo_the_delivered_ids_and_a_watermark() {
    let world = start("messenger").await;
    let receiver = Receiver::start().await;
    world
        .played()
        .hear("messenger", &Person::new(ANN, "hello"), &Hook::new(&receiver.url))
        .unwrap();

    let answer = send(&world, &text("messenger", ANN, "Open at 9")).await;

    let got = receiver.called(3).await;
    let sent = world.sent("messenger")[0].at.timestamp_millis();
    let (echo, delivery, read) = (item(&got[0]), item(&got[1]), item(&got[2]));
    assert_eq!(
        (&echo["message"]["is_echo"], &echo["sender"]["id"]),
        (&json!(true), &json!(ACCOUNT))
    );
    assert_eq!(delivery["delivery"]["mids"], json!([answer.json["message_id"]]));
    assert!(read["read"]["watermark"].as_i64().unwrap() >= sent);
    assert_eq!(
        (&read["sender"]["id"], &read["recipient"]["id"]),
        (&json!(ANN), &json!(ACCOUNT))
    );
    assert_eq!(got[2].json()["object"], "page");
}

#[tokio::test]
async fn instagram_reports_an_echo_and_the_one_message_that_was_read() {
    let world = start("instagram").await;
    let receiver = Receiver::start().await;
    world
        .played()
        .hear("instagram", &Person::new(ANN, "hello"), &Hook::new(&receiver.url))
        .unwrap();

    let answer = send(&world, &text("instagram", ANN, "Open at 9")).await;

    let got = receiver.called(2).await;
    assert_eq!(item(&got[0])["message"]["is_echo"], true);
    assert_eq!(item(&got[1])["read"], json!({"mid": answer.json["message_id"]}));
    assert_eq!(got[1].json()["object"], "instagram");
}

#[tokio::test]
async fn a_pressed_button_comes_with_its_value_and_its_title() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        let receiver = Receiver::start().await;

        let person = Person::new(ANN, "Yes").pressing("y", "wamid.7");
        world.say(platform, &person, &receiver).await;

        let got = &receiver.called(1).await[0];
        if platform == "whatsapp" {
            let message = &value(got)["messages"][0];
            assert_eq!(
                (&message["type"], &message["context"]["id"]),
                (&json!("interactive"), &json!("wamid.7"))
            );
            let interactive = json!({"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}});
            assert_eq!(message["interactive"], interactive);
        } else {
            let message = &item(got)["message"];
            assert_eq!(message["text"], "Yes");
            assert_eq!(message["quick_reply"], json!({"payload": "y"}));
        }
    }
}

#[tokio::test]
async fn whatsapp_media_lie_behind_an_address_that_asks_for_the_token() {
    let world = start("whatsapp").await;
    let receiver = Receiver::start().await;
    let cat = world.played().add_media("image/png", "cat.png", vec![1, 2, 3]);

    world
        .say("whatsapp", &Person::new(ANN, "see").with(cat), &receiver)
        .await;

    let message = value(&receiver.called(1).await[0])["messages"][0].clone();
    assert_eq!(message["image"]["caption"], "see");
    let id = message["image"]["id"].as_str().unwrap();
    let found = get(&world, &format!("{id}?phone_number_id={ACCOUNT}")).await;
    let url = found.json["url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("{}/whatsapp/", world.service.url())),
        "{url}"
    );
    let without = world.http.get(url).send().await.unwrap();
    assert!(without.status().is_client_error());
    let with = world.http.get(url).bearer_auth("simulated").send().await.unwrap();
    assert_eq!(with.bytes().await.unwrap().as_ref(), [1, 2, 3]);
}

#[tokio::test]
async fn media_of_messenger_and_instagram_are_everybodys() {
    for platform in ["messenger", "instagram"] {
        let world = start(platform).await;
        let receiver = Receiver::start().await;
        let cat = world.played().add_media("image/png", "cat.png", vec![1, 2, 3]);

        world
            .say(platform, &Person::new(ANN, "").with(cat), &receiver)
            .await;

        let message = item(&receiver.called(1).await[0])["message"].clone();
        assert_eq!(message["attachments"][0]["type"], "image");
        let url = message["attachments"][0]["payload"]["url"].as_str().unwrap();
        let bytes = world.http.get(url).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.as_ref(), [1, 2, 3]);
    }
}

#[tokio::test]
async fn typing_is_shown_and_is_no_message() {
    for platform in PLATFORMS {
        let world = start(platform).await;
        let person = Person::new(ANN, "hello");
        world.hear(platform, &person);
        let body = match platform {
            "whatsapp" => json!({
                "messaging_product": "whatsapp", "status": "read", "typing_indicator": {"type": "text"},
                "message_id": find(platform).unwrap().message_id(&person),
            }),
            _ => json!({"recipient": {"id": ANN}, "sender_action": "typing_on"}),
        };

        let answer = call(&world, Method::POST, "me/messages", &body).await;

        assert_eq!(answer.status, 200, "{}", answer.json);
        let all = world.played().outbox().after(0);
        assert_eq!((all.len(), all[0].kind), (1, Kind::Typing));
        assert_eq!(all[0].conversation, ANN);
    }
}

#[tokio::test]
async fn whatsapp_takes_at_most_three_buttons_with_short_titles() {
    let world = start("whatsapp").await;
    world.hear("whatsapp", &Person::new(ANN, "hello"));
    let with = |titles: &[&str]| {
        let reply = |title: &&str| json!({"type": "reply", "reply": {"id": title, "title": title}});
        let buttons: Vec<Value> = titles.iter().map(reply).collect();
        json!({"messaging_product": "whatsapp", "to": ANN, "type": "interactive", "interactive":
            {"type": "button", "body": {"text": "Which?"}, "action": {"buttons": buttons}}})
    };

    let taken = send(&world, &with(&["A", "B", "C"])).await;
    let many = send(&world, &with(&["A", "B", "C", "D"])).await;
    let long = send(&world, &with(&["A title of 21 letters"])).await;

    assert_eq!((taken.status, many.status, long.status), (200, 400, 400));
    let titles: Vec<String> = world.sent("whatsapp")[0]
        .buttons
        .iter()
        .map(|button| button.title.clone())
        .collect();
    assert_eq!(titles, ["A", "B", "C"]);
}

#[tokio::test]
async fn a_whatsapp_template_is_listed_and_reaches_people_who_never_wrote() {
    let world = start("whatsapp").await;
    let with = |parameters: Value| {
        json!({"messaging_product": "whatsapp", "to": ANN, "type": "template", "template": {
            "name": "hello", "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": parameters}],
        }})
    };

    let listed = get(&world, &format!("{ACCOUNT}/message_templates")).await;
    let taken = send(&world, &with(json!([{"type": "text", "text": "Ann"}]))).await;
    let wrong = send(&world, &with(json!([]))).await;

    let hello = &listed.json["data"][0];
    assert_eq!(
        (&hello["name"], &hello["status"]),
        (&json!("hello"), &json!("APPROVED"))
    );
    assert_eq!(taken.status, 200);
    assert_eq!(world.sent("whatsapp")[0].text, "Hello Ann");
    assert_eq!(wrong.json["error"]["code"], 132_000);
}

#[tokio::test]
async fn a_token_is_shown_to_its_app() {
    let world = start("messenger").await;
    let path = "/v25.0/debug_token?input_token=simulated&access_token=1|secret";

    let shown = world.send(world.request(Method::GET, path)).await;

    assert_eq!(shown.json["data"]["is_valid"], true);
}

#[tokio::test]
async fn who_the_account_is_can_be_asked() {
    for (platform, field) in [
        ("whatsapp", "display_phone_number"),
        ("messenger", "name"),
        ("instagram", "username"),
    ] {
        let world = start(platform).await;

        let shown = get(&world, &format!("{ACCOUNT}?fields=id,{field}")).await;
        let stranger = get(&world, "4711").await;

        assert_eq!(shown.json["id"], ACCOUNT);
        assert!(shown.json[field].is_string(), "{}", shown.json);
        assert_eq!(
            (stranger.status, &stranger.json["error"]["code"]),
            (400, &json!(100))
        );
    }
}
