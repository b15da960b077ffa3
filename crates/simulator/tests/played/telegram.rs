use crate::world::{Answered, Receiver, World};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::played::{
    Fault, FaultRule, Hook, Kind, Operation, Person,
    telegram::{TOKEN, WEBHOOK_SECRET},
};
use std::time::{Duration, Instant};

const ANN: &str = "5550001";

async fn call(world: &World, method: &str, body: &Value) -> Answered {
    let request = world.request(Method::POST, &format!("/bot{TOKEN}/{method}"));
    world.send(request.json(body)).await
}

async fn world_with_ann() -> World {
    let world = World::start("/telegram").await;
    world.hear("telegram", &Person::new(ANN, "hello"));
    world
}

#[tokio::test]
async fn a_persons_text_comes_as_one_update_with_the_secret() {
    let world = World::start("/telegram").await;
    let receiver = Receiver::start().await;
    let person = Person::new(ANN, "/start hi").named("Ann Example");

    let delivered = world.say("telegram", &person, &receiver).await;

    assert!(delivered.accepted());
    let got = &receiver.called(1).await[0];
    assert_eq!(got.header("X-Telegram-Bot-Api-Secret-Token"), WEBHOOK_SECRET);
    let update = got.json();
    assert_eq!(update["update_id"], person.number);
    assert_eq!(update["message"]["chat"]["id"], 5_550_001);
    assert_eq!(update["message"]["from"]["first_name"], "Ann");
    assert_eq!(update["message"]["text"], "/start hi");
    assert_eq!(update["message"]["entities"][0]["length"], 6);
}

#[tokio::test]
async fn a_button_a_topic_and_a_photo_come_as_telegram_sends_them() {
    let world = World::start("/telegram").await;
    let receiver = Receiver::start().await;
    let photo = world.played().add_media("image/png", "cat.png", vec![1, 2, 3]);

    world
        .say(
            "telegram",
            &Person::new(ANN, "Yes").pressing("y", "42"),
            &receiver,
        )
        .await;
    let in_topic = Person::new(ANN, "see")
        .within("-1001")
        .in_thread("7")
        .with(photo.clone());
    world.say("telegram", &in_topic, &receiver).await;

    let got = receiver.called(2).await;
    let pressed = &got[0].json()["callback_query"];
    assert_eq!(
        (&pressed["data"], &pressed["message"]["message_id"]),
        (&json!("y"), &json!(42))
    );
    let message = &got[1].json()["message"];
    assert_eq!(message["chat"]["type"], "supergroup");
    assert_eq!(message["message_thread_id"], 7);
    assert_eq!(message["caption"], "see");
    let file = call(
        &world,
        "getFile",
        &json!({"file_id": message["photo"][1]["file_id"]}),
    )
    .await;
    let path = file.json["result"]["file_path"].as_str().unwrap();
    let request = world.request(Method::GET, &format!("/file/bot{TOKEN}/{path}"));
    assert_eq!(
        request.send().await.unwrap().bytes().await.unwrap().as_ref(),
        [1, 2, 3]
    );
}

#[tokio::test]
async fn what_is_sent_is_in_the_outbox_as_people_see_it() {
    let world = world_with_ann().await;
    let position = world.played().outbox().newest();

    let answer = call(
        &world,
        "sendMessage",
        &json!({
            "chat_id": 5_550_001,
            "text": "*Open* at 9\\.",
            "parse_mode": "MarkdownV2",
            "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]},
        }),
    )
    .await;

    assert_eq!((answer.status, &answer.json["ok"]), (200, &json!(true)));
    let sent = world
        .played()
        .outbox()
        .next_to("telegram", ANN, position, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(answer.json["result"]["message_id"].to_string(), sent.id);
    assert_eq!(answer.json["result"]["text"], "Open at 9.");
    assert_eq!(
        (sent.text.as_str(), sent.buttons[0].value.as_str()),
        ("Open at 9.", "y")
    );
}

#[tokio::test]
async fn what_telegram_refuses_is_refused_in_its_words() {
    let world = world_with_ann().await;
    let long = "ü".repeat(4097);
    let data = "x".repeat(65);
    let button = |data: &str| json!({"inline_keyboard": [[{"text": "a", "callback_data": data}]]});
    let cases = [
        (json!({"text": "x"}), "chat_id is empty"),
        (json!({"chat_id": 99, "text": "x"}), "chat not found"),
        (json!({"chat_id": ANN, "text": ""}), "message text is empty"),
        (json!({"chat_id": ANN, "text": long}), "message is too long"),
        (
            json!({"chat_id": ANN, "text": "1. a", "parse_mode": "MarkdownV2"}),
            "can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        (
            json!({"chat_id": ANN, "text": "x", "reply_markup": button(&data)}),
            "BUTTON_DATA_INVALID",
        ),
        (
            json!({"chat_id": ANN, "text": "x", "reply_parameters": {"message_id": 1}}),
            "message to be replied not found",
        ),
        (
            json!({"chat_id": ANN, "text": "x", "message_thread_id": 3}),
            "message thread not found",
        ),
    ];
    for (body, words) in cases {
        let answer = call(&world, "sendMessage", &body).await;

        assert_eq!((answer.status, &answer.json["error_code"]), (400, &json!(400)));
        assert_eq!(answer.json["description"], format!("Bad Request: {words}"));
    }
    assert!(world.sent("telegram").is_empty());
}

#[tokio::test]
async fn a_wrong_token_is_unauthorised_and_a_malformed_one_is_not_found() {
    let world = World::start("/telegram").await;
    let status = async |token: &str| {
        let request = world.request(Method::GET, &format!("/bot{token}/getMe"));
        world.send(request).await.status
    };

    assert_eq!(status(TOKEN).await, 200);
    assert_eq!(
        status("1000000002:SIMULATED_SIMULATED_SIMULATED_SIMULA").await,
        401
    );
    assert_eq!(status("nonsense").await, 404);
}

#[tokio::test]
async fn a_message_is_edited_once_and_the_same_text_is_no_change() {
    let world = world_with_ann().await;
    let sent = call(&world, "sendMessage", &json!({"chat_id": ANN, "text": "one"})).await;
    let id = &sent.json["result"]["message_id"];

    let edited = call(
        &world,
        "editMessageText",
        &json!({"chat_id": ANN, "message_id": id, "text": "two"}),
    )
    .await;
    let same = call(
        &world,
        "editMessageText",
        &json!({"chat_id": ANN, "message_id": id, "text": "two"}),
    )
    .await;
    let typing = call(
        &world,
        "sendChatAction",
        &json!({"chat_id": ANN, "action": "typing"}),
    )
    .await;

    assert_eq!(edited.json["result"]["text"], "two");
    assert_eq!(same.status, 400);
    assert!(
        same.json["description"]
            .as_str()
            .unwrap()
            .contains("message is not modified")
    );
    assert_eq!(typing.json["result"], true);
    let kinds: Vec<_> = world
        .played()
        .outbox()
        .after(0)
        .into_iter()
        .map(|one| one.kind)
        .collect();
    assert_eq!(kinds, [Kind::Sent, Kind::Edited, Kind::Typing]);
}

#[tokio::test]
async fn set_webhook_is_checked_and_decides_the_secret() {
    let world = World::start("/telegram").await;
    let bad = [
        (
            json!({"url": "http://bots.example/x"}),
            "An HTTPS URL must be provided",
        ),
        (
            json!({"url": "https://bots.example:8080/x"}),
            "only on ports 80, 88, 443 or 8443",
        ),
        (
            json!({"url": "https://bots.example/x", "secret_token": "a b"}),
            "unallowed characters",
        ),
    ];
    for (body, words) in bad {
        let answer = call(&world, "setWebhook", &body).await;
        assert!(
            answer.json["description"].as_str().unwrap().contains(words),
            "{}",
            answer.json
        );
    }

    let set =
        json!({"url": "https://bots.example/x", "secret_token": "s3cret", "allowed_updates": ["message"]});
    assert_eq!(call(&world, "setWebhook", &set).await.json["result"], true);
    call(
        &world,
        "setWebhook",
        &json!({"url": "https://bots.example/y", "secret_token": "s3cret"}),
    )
    .await;

    let info = call(&world, "getWebhookInfo", &json!({})).await.json;
    assert_eq!(info["result"]["url"], "https://bots.example/y");
    assert_eq!(
        info["result"]["allowed_updates"],
        json!(["message"]),
        "the list is sticky"
    );
    let hook: Hook = world.played().hook("telegram").unwrap();
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(&hook.secret.unwrap()),
        "s3cret"
    );
}

#[tokio::test]
async fn faults_come_in_telegrams_form_and_cuts_leave_the_right_traces() {
    let world = world_with_ann().await;
    let played = world.played();
    let hello = json!({"chat_id": ANN, "text": "x"});

    played.add_fault(
        FaultRule::always(
            "telegram",
            Fault::TooMany {
                retry_after: Some(17),
            },
        )
        .times(1),
    );
    let busy = call(&world, "sendMessage", &hello).await;
    assert_eq!(
        (busy.status, &busy.json["parameters"]["retry_after"]),
        (429, &json!(17))
    );

    let blocked =
        json!({"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user"});
    let fault = Fault::Answer {
        status: 403,
        body: blocked.clone(),
    };
    played.add_fault(
        FaultRule::always("telegram", fault)
            .times(1)
            .after(Duration::from_millis(100)),
    );
    let began = Instant::now();
    assert_eq!(call(&world, "sendMessage", &hello).await.json, blocked);
    assert!(began.elapsed() >= Duration::from_millis(100));

    for fault in [Fault::CutBefore, Fault::CutAfter] {
        played.add_fault(FaultRule::always("telegram", fault).times(1).to(ANN));
        let request = world.request(Method::POST, &format!("/bot{TOKEN}/sendMessage"));
        request.json(&hello).send().await.unwrap_err();
    }
    assert_eq!(
        world.sent("telegram").len(),
        1,
        "only what was cut afterwards was accepted"
    );
    assert_eq!(played.counts("telegram").unheard, 1);

    played.add_fault(FaultRule::always("telegram", Fault::CutBefore).on(Operation::Typing));
    assert_eq!(call(&world, "sendMessage", &hello).await.status, 200);
}
