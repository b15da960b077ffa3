//! The simulated Twilio behaves like the real one, as far as its documentation tells.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::Value;
use simulator::{
    Service, Settings,
    twilio::{Account, Callbacks, Fault, FaultRule, Inbound, Retries, WebhookSender, sign},
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "correct horse";
const OURS: &str = "+15005550006";
const THEIRS: &str = "+14155550123";

struct World {
    service: Service,
    http: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        let service = Service::start(Settings::default()).await.unwrap();
        service
            .twilio()
            .add_account(Account::new(SID, TOKEN).with_number(OURS));
        service.twilio().set_callbacks(Callbacks::none());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { service, http }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/2010-04-01/Accounts/{SID}{path}", self.service.url())
    }

    async fn send(&self, form: &[(&str, &str)]) -> Result<(u16, Value), reqwest::Error> {
        let answer = self
            .http
            .post(self.url("/Messages.json"))
            .basic_auth(SID, Some(TOKEN))
            .form(form)
            .send()
            .await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await?))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self
            .http
            .get(self.url(path))
            .basic_auth(SID, Some(TOKEN))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    }
}

fn text<'a>(to: &'a str, body: &'a str) -> [(&'a str, &'a str); 3] {
    [("To", to), ("From", OURS), ("Body", body)]
}

#[tokio::test]
async fn a_message_is_accepted_in_twilios_words() {
    let world = World::start().await;

    let (status, message) = world.send(&text(THEIRS, "Hello")).await.unwrap();

    assert_eq!(status, 201);
    assert_eq!(message["status"], "queued");
    assert_eq!(message["num_segments"], "1");
    assert_eq!(message["direction"], "outbound-api");
    assert!(
        message["sid"]
            .as_str()
            .is_some_and(|sid| sid.len() == 34 && sid.starts_with("SM"))
    );
    chrono::DateTime::parse_from_rfc2822(message["date_created"].as_str().unwrap()).unwrap();
    assert_eq!(message["date_sent"], Value::Null);
    assert_eq!(world.service.twilio().sent()[0].body, "Hello");
}

#[tokio::test]
async fn what_twilio_refuses_is_refused_with_its_code() {
    let world = World::start().await;
    world.service.twilio().opt_out(OURS, "+14155550199");
    let long = "a".repeat(1601);
    let cases: &[(&[(&str, &str)], u64)] = &[
        (&[("From", OURS), ("Body", "x")], 21604),
        (&[("To", THEIRS), ("Body", "x")], 21603),
        (&[("To", THEIRS), ("From", OURS)], 21602),
        (&[("To", "415"), ("From", OURS), ("Body", "x")], 21211),
        (&[("To", THEIRS), ("From", "+14155550000"), ("Body", "x")], 21606),
        (&[("To", THEIRS), ("From", OURS), ("Body", &long)], 21617),
        (&[("To", "+14155550199"), ("From", OURS), ("Body", "x")], 21610),
    ];
    for (form, code) in cases {
        let (status, error) = world.send(form).await.unwrap();

        assert_eq!((status, error["code"].as_u64()), (400, Some(*code)), "{error}");
        assert_eq!(error["status"], 400);
    }
    assert_eq!(world.service.twilio().sent().len(), 0);
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_a_key_may_send_but_not_read_the_account() {
    let world = World::start().await;
    let mut account = Account::new(SID, TOKEN);
    account.api_keys.insert("SK1".to_owned(), "key secret".into());
    world.service.twilio().add_account(account);

    let status = async |user: &str, password: &str, path: &str| {
        let request = world.http.get(world.url(path)).basic_auth(user, Some(password));
        request.send().await.unwrap().status().as_u16()
    };

    assert_eq!(status(SID, TOKEN, ".json").await, 200);
    assert_eq!(status(SID, "wrong", ".json").await, 401);
    assert_eq!(status("SK1", "key secret", "/Messages.json").await, 200);
    assert_eq!(status("SK1", "key secret", ".json").await, 401);
}

#[tokio::test]
async fn a_cut_after_accepting_leaves_the_message_with_twilio_and_a_cut_before_does_not() {
    let world = World::start().await;
    let twilio = world.service.twilio();
    twilio.add_fault(FaultRule::always(Fault::CutBefore).times(1));
    twilio.add_fault(FaultRule::always(Fault::CutAfter).times(1).to(THEIRS));

    world.send(&text(THEIRS, "lost")).await.unwrap_err();
    world.send(&text(THEIRS, "kept")).await.unwrap_err();
    let (status, _) = world.send(&text(THEIRS, "heard")).await.unwrap();

    assert_eq!(status, 201);
    let bodies: Vec<_> = twilio.sent().into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["kept", "heard"]);
    let outcomes: Vec<_> = twilio.calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["cut", "201 cut", "201"]);
    assert_eq!(twilio.counts().unheard, 1);
}

#[tokio::test]
async fn faults_come_with_status_code_retry_after_and_delay() {
    let world = World::start().await;
    let twilio = world.service.twilio();
    twilio.add_fault(
        FaultRule::always(Fault::TooMany {
            retry_after: Some(17),
        })
        .times(1),
    );
    let busy = world
        .http
        .post(world.url("/Messages.json"))
        .basic_auth(SID, Some(TOKEN))
        .form(&text(THEIRS, "x"));
    let busy = busy.send().await.unwrap();
    assert_eq!(busy.status(), 429);
    assert_eq!(busy.headers()["Retry-After"], "17");

    twilio.add_fault(
        FaultRule::always(Fault::Status { status: 502 })
            .times(1)
            .after(Duration::from_millis(200)),
    );
    let began = Instant::now();
    let broken = world
        .http
        .post(world.url("/Messages.json"))
        .basic_auth(SID, Some(TOKEN))
        .form(&text(THEIRS, "x"));
    assert_eq!(broken.send().await.unwrap().status(), 502);
    assert!(began.elapsed() >= Duration::from_millis(200));

    let code = Fault::Code {
        status: 400,
        code: 21408,
        message: "not enabled".to_owned(),
    };
    twilio.add_fault(FaultRule::always(code).times(1));
    assert_eq!(world.send(&text(THEIRS, "x")).await.unwrap().1["code"], 21408);
    assert_eq!(world.send(&text(THEIRS, "x")).await.unwrap().0, 201);
}

#[tokio::test]
async fn the_list_finds_by_numbers_and_time_and_turns_pages() {
    let world = World::start().await;
    for number in 0..5 {
        world.send(&text(THEIRS, &format!("{number}"))).await.unwrap();
    }
    world.send(&text("+14155550124", "other")).await.unwrap();

    let first = world
        .get("/Messages.json?To=%2B14155550123&From=%2B15005550006&PageSize=3")
        .await;
    let bodies = |page: &Value| {
        let messages = page["messages"].as_array().unwrap().clone();
        messages
            .iter()
            .map(|message| message["body"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies(&first), ["4", "3", "2"]);
    let next = first["next_page_uri"].as_str().unwrap();
    let second = world
        .get(next.strip_prefix(&format!("/2010-04-01/Accounts/{SID}")).unwrap())
        .await;
    assert_eq!(bodies(&second), ["1", "0"]);
    assert_eq!(second["next_page_uri"], Value::Null);

    let today = chrono::Utc::now().format("%Y-%m-%d");
    assert_eq!(
        bodies(&world.get(&format!("/Messages.json?DateSent%3E={today}")).await).len(),
        6
    );
    assert_eq!(
        bodies(&world.get("/Messages.json?DateSent%3E=2100-01-01").await).len(),
        0
    );
}

#[tokio::test]
async fn a_number_is_found_and_pointed_at_a_webhook() {
    let world = World::start().await;

    let found = world
        .get("/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550006")
        .await;
    let sid = found["incoming_phone_numbers"][0]["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let form = [
        ("SmsUrl", "https://bots.example/api/twilio/webhook/1"),
        ("SmsApplicationSid", ""),
    ];
    let update = world
        .http
        .post(world.url(&format!("/IncomingPhoneNumbers/{sid}.json")));
    let updated: Value = update
        .basic_auth(SID, Some(TOKEN))
        .form(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();

    assert_eq!(updated["sms_url"], form[0].1);
    let account = world.service.twilio().account(SID).unwrap();
    assert_eq!(account.numbers[0].settings["SmsUrl"], form[0].1);
}

#[tokio::test]
async fn media_asks_for_credentials_and_its_storage_refuses_them() {
    let world = World::start().await;
    let url = world.service.twilio().add_media(SID, "image/png", vec![1, 2, 3]);

    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    let redirect = world
        .http
        .get(&url)
        .basic_auth(SID, Some(TOKEN))
        .send()
        .await
        .unwrap();
    assert_eq!(redirect.status(), 307);
    let storage = redirect.headers()["Location"].to_str().unwrap();
    assert_eq!(
        world
            .http
            .get(storage)
            .basic_auth(SID, Some(TOKEN))
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    let bytes = world
        .http
        .get(storage)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(bytes.as_ref(), [1, 2, 3]);
}

/// A webhook receiver: what it was posted, and which answers it gives.
struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Receiver {
    async fn start(answers: Vec<u16>) -> Self {
        use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<(String, String, String)>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers));
        let shared = seen.clone();
        let server = HttpServer::new(move || {
            let (seen, answers) = (shared.clone(), answers.clone());
            App::new().default_service(web::to(move |request: HttpRequest, body: String| {
                let (seen, answers) = (seen.clone(), answers.clone());
                async move {
                    let signature = request
                        .headers()
                        .get("X-Twilio-Signature")
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned();
                    seen.lock()
                        .unwrap()
                        .push((request.uri().to_string(), signature, body));
                    let status = answers.lock().unwrap().pop().unwrap_or(200);
                    HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
                }
            }))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        tokio::spawn(server);
        Self { url, seen }
    }

    /// Waits until it was called so often.
    async fn called(&self, times: usize) -> Vec<(String, String, String)> {
        for _ in 0..500 {
            let seen = self.seen.lock().unwrap().clone();
            if seen.len() >= times {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not called {times} times: {:?}", self.seen.lock().unwrap());
    }
}

fn form(body: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn news_of_a_message_is_signed_and_comes_in_the_order_it_was_told() {
    let world = World::start().await;
    let receiver = Receiver::start(Vec::new()).await;
    let twilio = world.service.twilio();
    twilio.set_callbacks(Callbacks::in_order(&["delivered", "sent"]));
    let callback = format!("{}/status?part=1", receiver.url);

    world
        .send(&[
            ("To", THEIRS),
            ("From", OURS),
            ("Body", "x"),
            ("StatusCallback", &callback),
        ])
        .await
        .unwrap();

    let seen = receiver.called(2).await;
    let statuses: Vec<_> = seen
        .iter()
        .map(|(_, signature, body)| {
            assert_eq!(*signature, sign(TOKEN, &callback, &form(body)));
            form(body)
                .into_iter()
                .find(|(key, _)| key == "MessageStatus")
                .unwrap()
                .1
        })
        .collect();
    assert_eq!(statuses, ["delivered", "sent"]);
}

#[tokio::test]
async fn an_undelivered_message_comes_with_its_code_and_before_the_answer_if_told() {
    let world = World::start().await;
    let receiver = Receiver::start(Vec::new()).await;
    let twilio = world.service.twilio();
    let early = Callbacks {
        before_the_answer: true,
        twice: true,
        ..Callbacks::in_order(&["sent", "delivered"])
    };
    twilio.set_callbacks(Callbacks {
        fail_with: Some(30003),
        ..early
    });
    let callback = format!("{}/status", receiver.url);

    world
        .send(&[
            ("To", THEIRS),
            ("From", OURS),
            ("Body", "x"),
            ("StatusCallback", &callback),
        ])
        .await
        .unwrap();

    assert_eq!(
        receiver.seen.lock().unwrap().len(),
        1,
        "the first was to overtake the answer"
    );
    let seen = receiver.called(3).await;
    assert!(seen[0].2.contains("MessageStatus=sent"));
    assert!(seen[1].2.contains("MessageStatus=undelivered") && seen[1].2.contains("ErrorCode=30003"));
    assert_eq!(seen[1].2, seen[2].2);
    assert_eq!(twilio.sent()[0].error_code, Some(30003));
}

#[tokio::test]
async fn a_webhook_is_signed_and_tried_again_with_the_same_message_until_it_is_taken() {
    let receiver = Receiver::start(vec![200, 503, 500]).await;
    let sender = WebhookSender::new(TOKEN, "https://bots.example", &receiver.url).unwrap();
    let inbound =
        Inbound::sms(SID, THEIRS, OURS, "Where is my order?").with_media("https://m/1", "image/png");

    let retries = Retries {
        pause: Duration::from_millis(1),
        ..Retries::PATIENT
    };
    let delivered = sender.deliver("bot-1", &inbound, retries).await;

    assert!(delivered.accepted());
    assert_eq!((delivered.tries, delivered.unavailable), (3, 1));
    let seen = receiver.called(3).await;
    assert!(seen.iter().all(|call| call.2 == seen[0].2), "a retry differs");
    let form = form(&seen[0].2);
    assert_eq!(
        seen[0].1,
        sign(TOKEN, "https://bots.example/api/twilio/webhook/bot-1", &form)
    );
    assert!(form.contains(&("Body".to_owned(), "Where is my order?".to_owned())));
    assert!(form.contains(&("NumMedia".to_owned(), "1".to_owned())));
}

#[tokio::test]
async fn twilio_itself_does_not_try_again_what_was_answered() {
    let receiver = Receiver::start(vec![503]).await;
    let sender = WebhookSender::new(TOKEN, &receiver.url, &receiver.url).unwrap();

    let delivered = sender
        .deliver("1", &Inbound::sms(SID, THEIRS, OURS, "x"), Retries::TWILIO)
        .await;

    assert_eq!((delivered.status, delivered.tries), (Some(503), 1));
}

#[tokio::test]
async fn another_process_can_wait_for_a_reply_and_pull_the_strings() {
    let settings = Settings {
        control_token: Some("strings".into()),
        ..Settings::default()
    };
    let service = Service::start(settings).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let control = |path: &str| format!("{}/_simulator{path}", service.url());
    assert_eq!(http.get(control("/counts")).send().await.unwrap().status(), 401);

    let account = serde_json::json!({"sid": SID, "auth_token": TOKEN});
    let made = http
        .post(control("/accounts"))
        .bearer_auth("strings")
        .json(&account)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 204);
    let fault = serde_json::json!({"fault": {"kind": "too_many"}, "times": 1});
    http.post(control("/faults"))
        .bearer_auth("strings")
        .json(&fault)
        .send()
        .await
        .unwrap();

    let url = format!("{}/2010-04-01/Accounts/{SID}/Messages.json", service.url());
    let send = async || {
        let request = http
            .post(&url)
            .basic_auth(SID, Some(TOKEN))
            .form(&text(THEIRS, "Hi"));
        request.send().await.unwrap().status().as_u16()
    };
    let reply = http
        .get(control("/reply?to=%2B14155550123&after=0&wait_ms=5000"))
        .bearer_auth("strings")
        .send();
    let (refused, reply) = tokio::join!(
        async {
            let refused = send().await;
            assert_eq!(send().await, 201);
            refused
        },
        reply
    );

    assert_eq!(refused, 429);
    let reply: Value = reply.unwrap().json().await.unwrap();
    assert_eq!(reply["body"], "Hi");
    let after = http
        .get(control("/reply?to=%2B14155550123&after=1&wait_ms=10"))
        .bearer_auth("strings");
    assert_eq!(after.send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn only_the_newest_messages_are_kept() {
    let service = Service::start(Settings {
        keep: 3,
        ..Settings::default()
    })
    .await
    .unwrap();
    service.twilio().add_account(Account::new(SID, TOKEN));
    let world = World {
        service,
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    let mut listener = world.service.twilio().listen();
    let mut sids = Vec::new();
    for number in 0..5 {
        sids.push(
            world.send(&text(THEIRS, &format!("{number}"))).await.unwrap().1["sid"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }

    let twilio = world.service.twilio();
    let bodies: Vec<_> = twilio.sent().into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["2", "3", "4"]);
    assert!(twilio.message(&sids[1]).is_none());
    assert_eq!(twilio.message(&sids[3]).unwrap().body, "3");
    assert_eq!(twilio.counts().accepted, 5);
    for number in 0..5 {
        assert_eq!(listener.recv().await.unwrap().body, format!("{number}"));
    }
}

/// Recorded and computed signatures of several sources.
#[test]
fn every_recorded_signature_comes_out_the_same() {
    let shared = std::env::var("BOTSMITH_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let Ok(text) = std::fs::read_to_string(format!("{shared}/channels/vectors.json")) else {
        println!("skipped: no recorded signatures in {shared} (set BOTSMITH_SHARED)");
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for vector in vectors["twilio"].as_array().unwrap() {
        // Only what Twilio itself would send: genuine forms.
        let (Some(true), Some(params)) = (vector["expect"].as_bool(), vector["params"].as_array()) else {
            continue;
        };
        let pairs: Vec<_> = params
            .iter()
            .map(|pair| {
                (
                    pair[0].as_str().unwrap().to_owned(),
                    pair[1].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        // An optional one is an artefact of one SDK, which Twilio does not share.
        if vector["optional"] == true {
            continue;
        }
        let url = vector["signed_url"]
            .as_str()
            .unwrap_or_else(|| vector["url"].as_str().unwrap());
        let made = sign(vector["auth_token"].as_str().unwrap(), url, &pairs);
        if vector["signature"] != made {
            // Twilio signs with or without the port, and receivers try both.
            let id = &vector["id"];
            assert!(
                id.as_str().unwrap().contains("port"),
                "{id}: {made} instead of {}",
                vector["signature"]
            );
            continue;
        }
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} signatures were checked");
}
