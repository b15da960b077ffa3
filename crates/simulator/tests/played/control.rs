use crate::world::{Answered, Receiver, World};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{
    Service, Settings,
    played::telegram::{TOKEN, WEBHOOK_SECRET},
};

async fn control(world: &World, method: Method, path: &str, body: Value) -> Answered {
    let request = world
        .http
        .request(method, format!("{}/_simulator{path}", world.service.url()));
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    world.send(request).await
}

async fn send(world: &World, text: &str) -> Answered {
    let request = world.request(Method::POST, &format!("/bot{TOKEN}/sendMessage"));
    world
        .send(request.json(&json!({"chat_id": "5550001", "text": text})))
        .await
}

#[tokio::test]
async fn another_process_lets_a_person_write_and_takes_the_reply() {
    let world = World::start("/telegram").await;
    let receiver = Receiver::start().await;
    let uploaded = world
        .http
        .post(format!("{}/_simulator/media?name=cat.png", world.service.url()))
        .header("Content-Type", "image/png")
        .body(vec![1, 2, 3]);
    let media = world.send(uploaded).await.json;

    let person = json!({"from": "5550001", "text": "look", "media": media});
    let hook = json!({"url": receiver.url});
    let said = control(
        &world,
        Method::POST,
        "/say",
        json!({"platform": "telegram", "person": person, "hook": hook}),
    )
    .await;
    send(&world, "nice").await;

    assert_eq!((said.status, &said.json["status"]), (200, &json!(200)));
    let got = &receiver.called(1).await[0];
    assert_eq!(got.header("X-Telegram-Bot-Api-Secret-Token"), WEBHOOK_SECRET);
    assert_eq!(got.json()["message"]["photo"][0]["file_id"], media["key"]);
    let path = format!(
        "/reply?platform=telegram&to={}&after={}&wait_ms=5000",
        said.json["conversation"].as_str().unwrap(),
        said.json["position"]
    );
    let reply = control(&world, Method::GET, &path, Value::Null).await;
    assert_eq!((reply.status, &reply.json["text"]), (200, &json!("nice")));
    let none = control(&world, Method::GET, "/reply?platform=telegram&to=1", Value::Null).await;
    assert_eq!(none.status, 204);
}

#[tokio::test]
async fn faults_calls_and_counts_are_each_platforms_own() {
    let world = World::start("/telegram").await;
    world.hear("telegram", &simulator::played::Person::new("5550001", "hello"));
    let rule = json!({"fault": {"kind": "too_many", "retry_after": 3}, "times": 1});

    control(&world, Method::POST, "/faults?platform=telegram", rule.clone()).await;
    control(&world, Method::POST, "/faults?platform=slack", rule).await;
    let refused = send(&world, "x").await;
    let accepted = send(&world, "y").await;

    assert_eq!((refused.status, accepted.status), (429, 200));
    let of = async |path: &str| control(&world, Method::GET, path, Value::Null).await.json;
    let counts = of("/counts").await;
    assert_eq!(
        (&counts["platforms"]["telegram"]["sent"], &counts["position"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(counts["twilio"]["calls"], 0);
    let calls = of("/calls?platform=telegram").await;
    assert_eq!(
        (&calls[0]["outcome"], &calls[1]["outcome"]),
        (&json!("429"), &json!("200"))
    );
    assert_eq!(of("/calls?platform=slack").await, json!([]));
    assert_eq!(of("/messages?platform=telegram&to=5550001").await[0]["text"], "y");
    control(&world, Method::DELETE, "/faults?platform=telegram", Value::Null).await;
    assert_eq!(of("/faults?platform=telegram").await, json!([]));
    assert_eq!(of("/faults?platform=slack").await[0]["platform"], "slack");
    assert_eq!(of("/faults").await, json!([]), "Twilio's");
    let unknown = control(&world, Method::GET, "/faults?platform=pigeon", Value::Null).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn without_the_token_no_string_is_pulled() {
    let settings = Settings {
        control_token: Some("s3cret".into()),
        ..Settings::default()
    };
    let service = Service::start(settings).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path) in [
        (Method::POST, "/media?name=a"),
        (Method::GET, "/calls?platform=slack"),
        (Method::GET, "/messages?platform=slack"),
        (Method::DELETE, "/faults?platform=slack"),
    ] {
        let url = format!("{}/_simulator{path}", service.url());

        let refused = http.request(method.clone(), &url).send().await.unwrap();
        let allowed = http
            .request(method, &url)
            .bearer_auth("s3cret")
            .send()
            .await
            .unwrap();

        assert_eq!(refused.status(), 401, "{path}");
        assert!(allowed.status().is_success(), "{path}");
    }
}
