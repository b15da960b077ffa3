//! The chat API through the whole product: several gateways, workers and senders as processes, over the real queue.

use crate::shared::PATIENCE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::model::Behaviour;
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OnceCell, mpsc};
use whole_product::{
    alone,
    load::QUESTION,
    product::{Mode, Options, PUBLIC_URL, Product, phone_number},
    wait,
};

const ANSWER: &str = "We are open from nine to five on every day but Sunday [1].";
/// What of it is shown: a text message has no footnotes.
const SHOWN: &str = "We are open from nine to five on every day but Sunday.";
const SITE: &str = "https://shop.example";
const BOTS: usize = 8;

static SHARED: OnceCell<Product> = OnceCell::const_new();
static NEXT: AtomicUsize = AtomicUsize::new(0);

async fn product() -> anyhow::Result<&'static Product> {
    SHARED
        .get_or_try_init(async || {
            let model = Behaviour {
                word_ms: 40,
                ..Behaviour::fixed(ANSWER)
            };
            let options = Options {
                mode: Mode::Split {
                    gateways: 2,
                    workers: 2,
                },
                model: Some(model),
                bots: BOTS,
                environment: vec![(
                    "BOTSMITH__PLATFORMS__REST_ALLOWED_PRIVATE_CIDRS".to_owned(),
                    "127.0.0.0/8".to_owned(),
                )],
                ..Options::default()
            };
            Product::start_without_bots(options)
                .await
                .and_then(Product::forget_logs)
        })
        .await
}

/// A chatbot on both of our platforms, and whoever speaks to it.
struct Chat {
    product: &'static Product,
    http: Client,
    chatbot: String,
    key: String,
    /// What pushed answers are signed with.
    signing_secret: String,
}

impl Chat {
    async fn new(rest: Value) -> anyhow::Result<Self> {
        let product = product().await?;
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(index < BOTS, "too few numbers");
        let api = product.api();
        let bot = api.new_bot(&format!("Bot {index}"), &phone_number(index)).await?;
        api.add_opening_hours(&bot).await?;
        api.indexed(&bot, PATIENCE).await?;
        let integrations = format!("/api/integrations/{}", bot.chatbot_id);
        let rest = json!({"platform": "rest", "credentials": rest});
        let made = api.post(&integrations, &rest).await?;
        let web = json!({"platform": "web", "credentials": {"allowed_origins": SITE}});
        api.post(&integrations, &web).await?;
        let keys = format!("/api/workspaces/{}/api-keys", bot.workspace_id);
        let key = api
            .post(&keys, &json!({"name": "program", "role": "agent"}))
            .await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Self {
            product,
            http: Client::builder().no_proxy().build()?,
            chatbot: bot.chatbot_id,
            key: text(&key["key"]),
            signing_secret: text(&made["made_up"]["signing_secret"]),
        })
    }

    /// At one of the gateways.
    fn at(&self, gateway: usize, method: Method, path: &str, token: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.product.gateways()[gateway]);
        self.http.request(method, url).bearer_auth(token)
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/chat/{}/{rest}", self.chatbot)
    }

    async fn write(&self, gateway: usize, token: &str, body: Value) -> anyhow::Result<(u16, Value)> {
        let request = self.at(gateway, Method::POST, &self.path("messages"), token);
        answer(request.json(&body)).await
    }

    async fn visitor(&self) -> anyhow::Result<String> {
        let url = format!("{}{}", self.product.gateways()[0], self.path("sessions"));
        let request = self.http.post(url).header("origin", SITE).json(&json!({}));
        let (status, session) = answer(request).await?;
        anyhow::ensure!(status == 201, "{status} {session}");
        Ok(session["token"].as_str().unwrap_or_default().to_owned())
    }
}

async fn answer(request: RequestBuilder) -> anyhow::Result<(u16, Value)> {
    let response = request.timeout(PATIENCE).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

/// Events until `enough` of them have come, or the stream ends: kind, id and data.
async fn events(
    request: RequestBuilder,
    enough: impl Fn(&[(String, String, Value)]) -> bool,
) -> anyhow::Result<Vec<(String, String, Value)>> {
    let response = request.send().await?.error_for_status()?;
    let mut pieces = response.bytes_stream();
    let (mut text, mut heard) = (String::new(), Vec::new());
    while !enough(&heard) {
        let Some(piece) = tokio::time::timeout(PATIENCE, pieces.next()).await? else {
            break;
        };
        text.push_str(std::str::from_utf8(&piece?)?);
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().to_owned()
            };
            let data = field("data: ");
            if !data.is_empty() {
                let json = serde_json::from_str(&data).unwrap_or(Value::String(data));
                heard.push((field("event: "), field("id: "), json));
            }
            text = rest.to_owned();
        }
    }
    Ok(heard)
}

fn messages(heard: &[(String, String, Value)]) -> Vec<(&str, &str)> {
    heard
        .iter()
        .filter(|(kind, ..)| kind == "message")
        .map(|(_, id, data)| (id.as_str(), data["text"].as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn a_program_waits_for_the_answer_reads_it_later_or_hears_it_word_by_word() {
    alone(async {
        let chat = Chat::new(json!({})).await.unwrap();

        let (status, waited) = chat.write(0, &chat.key, json!({"text": QUESTION})).await.unwrap();
        assert_eq!(
            (status, &waited["reply"]["text"]),
            (200, &json!(SHOWN)),
            "{waited}"
        );
        assert_eq!(waited["reply"]["citations"], json!([{"title": "Questions"}]));

        let later = json!({"text": QUESTION, "wait": "none", "user": "ada", "id": "1"});
        let (status, accepted) = chat.write(0, &chat.key, later).await.unwrap();
        assert_eq!(status, 202, "{accepted}");
        let poll = accepted["poll"].as_str().unwrap();
        let found = wait::until("the answer to be there", PATIENCE, async || {
            let (_, list) = answer(chat.at(1, Method::GET, poll, &chat.key)).await?;
            let answered = list["items"].as_array().is_some_and(|items| {
                items
                    .iter()
                    .any(|item| item["direction"] == "outbound" && item["text"] == SHOWN)
            });
            Ok(answered.then_some(list))
        });
        found.await.unwrap();

        let aloud = json!({"text": QUESTION, "wait": "stream"});
        let request = chat.at(1, Method::POST, &chat.path("messages"), &chat.key);
        let heard = events(request.json(&aloud), |_| false).await.unwrap();
        let drafts: Vec<&str> = heard
            .iter()
            .filter(|(kind, ..)| kind == "draft")
            .filter_map(|(.., data)| data["text"].as_str())
            .collect();
        assert!(drafts.len() >= 3, "{drafts:?}");
        assert!(drafts.iter().all(|draft| SHOWN.starts_with(draft)), "{drafts:?}");
        assert!(
            drafts.windows(2).all(|pair| pair[0].len() < pair[1].len()),
            "{drafts:?}"
        );
        assert_eq!(messages(&heard).len(), 1);
        assert_eq!(messages(&heard)[0].1, SHOWN);
    });
}

#[test]
fn a_visitor_who_was_cut_off_hears_the_rest_once_from_another_gateway() {
    alone(async {
        let chat = Chat::new(json!({})).await.unwrap();
        let token = chat.visitor().await.unwrap();
        chat.write(0, &token, json!({"text": "one"})).await.unwrap();

        let listening = chat.at(0, Method::GET, &chat.path("stream"), &token);
        let heard = events(listening, |heard| messages(heard).len() == 2)
            .await
            .unwrap();
        let last = messages(&heard)[1].0.to_owned();
        // Nobody listens now.
        chat.write(1, &token, json!({"text": "two"})).await.unwrap();
        let again = chat
            .at(1, Method::GET, &chat.path("stream"), &token)
            .header("last-event-id", &last);
        let (rest, _) = tokio::join!(events(again, |heard| messages(heard).len() >= 4), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            chat.write(0, &token, json!({"text": "three"})).await.unwrap();
        });

        let rest = rest.unwrap();
        let all: Vec<_> = messages(&heard).into_iter().chain(messages(&rest)).collect();
        let expected = [
            ("1", "one"),
            ("2", SHOWN),
            ("3", "two"),
            ("4", SHOWN),
            ("5", "three"),
            ("6", SHOWN),
        ];
        assert_eq!(all, expected);
        assert!(
            rest.iter().any(|(kind, ..)| kind == "draft"),
            "the third answer was heard while it was written"
        );
    });
}

#[test]
fn s17_another_visitor_reads_nothing_and_pages_of_other_sites_are_refused() {
    alone(async {
        let (chat, other) = (
            Chat::new(json!({})).await.unwrap(),
            Chat::new(json!({})).await.unwrap(),
        );
        let (ada, eve) = (chat.visitor().await.unwrap(), chat.visitor().await.unwrap());
        let (_, said) = chat.write(0, &ada, json!({"text": "My secret"})).await.unwrap();
        let conversation = said["conversation"].as_str().unwrap();

        let list = chat.path("messages");
        let (status, nothing) = answer(chat.at(0, Method::GET, &list, &eve)).await.unwrap();
        assert_eq!((status, &nothing["items"]), (200, &json!([])));
        let named = format!("{list}?conversation={conversation}");
        let (status, _) = answer(chat.at(0, Method::GET, &named, &eve)).await.unwrap();
        assert_eq!(status, 404);
        let (status, _) = answer(chat.at(0, Method::GET, &other.path("messages"), &ada))
            .await
            .unwrap();
        assert_eq!(status, 401, "a token of another chatbot");
        for origin in ["https://evil.example", "null"] {
            for path in ["messages", "stream"] {
                let request = chat
                    .at(1, Method::GET, &chat.path(path), &ada)
                    .header("origin", origin);
                let response = request.send().await.unwrap();
                assert_eq!(response.status(), 403, "{origin} {path}");
                assert!(!response.headers().contains_key("access-control-allow-origin"));
            }
        }
        for origin in [SITE, PUBLIC_URL] {
            let request = chat.at(1, Method::GET, &list, &ada).header("origin", origin);
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["access-control-allow-origin"], origin);
        }
    });
}

/// A webhook, as its receiver got it: id, timestamp, signature and body.
type Pushed = (String, String, String, Vec<u8>);

/// Receives webhooks, and refuses the first so many.
fn receiver(refuse: usize) -> (String, mpsc::UnboundedReceiver<Pushed>) {
    let (sender, pushed) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let server = HttpServer::new(move || {
        let (sender, seen) = (sender.clone(), seen.clone());
        App::new().route(
            "/hook",
            web::post().to(move |request: HttpRequest, body: web::Bytes| {
                let header = |name: &str| {
                    let value = request.headers().get(name);
                    value
                        .and_then(|value| value.to_str().ok())
                        .unwrap_or_default()
                        .to_owned()
                };
                let got = (
                    header("webhook-id"),
                    header("webhook-timestamp"),
                    header("webhook-signature"),
                    body.to_vec(),
                );
                let _ = sender.send(got);
                let refused = seen.fetch_add(1, Ordering::Relaxed) < refuse;
                async move {
                    if refused {
                        HttpResponse::ServiceUnavailable().finish()
                    } else {
                        HttpResponse::NoContent().finish()
                    }
                }
            }),
        )
    });
    tokio::spawn(
        server
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run(),
    );
    (address, pushed)
}

#[test]
fn an_answer_is_pushed_signed_and_once_more_under_the_same_id_when_it_was_refused() {
    alone(async {
        let (address, mut pushed) = receiver(1);
        let chat = Chat::new(json!({"reply_url": address})).await.unwrap();

        let question = json!({"text": QUESTION, "user": "ada", "conversation": "c1"});
        let (status, heard) = chat.write(0, &chat.key, question).await.unwrap();
        // Whoever waits hears it, however it goes with the webhook.
        assert_eq!((status, &heard["reply"]["text"]), (200, &json!(SHOWN)));
        let first = tokio::time::timeout(PATIENCE, pushed.recv())
            .await
            .unwrap()
            .unwrap();
        let second = tokio::time::timeout(PATIENCE, pushed.recv())
            .await
            .unwrap()
            .unwrap();

        assert_eq!(first.0, second.0, "another id for the same answer");
        for (id, timestamp, signature, body) in [&first, &second] {
            let key = BASE64_STANDARD
                .decode(chat.signing_secret.strip_prefix("whsec_").unwrap())
                .unwrap();
            let signed = [format!("{id}.{timestamp}.").into_bytes(), body.clone()].concat();
            let given = BASE64_STANDARD
                .decode(signature.strip_prefix("v1,").unwrap())
                .unwrap();
            Hmac::<Sha256>::new_from_slice(&key)
                .unwrap()
                .chain_update(&signed)
                .verify_slice(&given)
                .unwrap();
            let body: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(body["type"], "message.created");
            assert_eq!(body["data"]["text"], SHOWN);
            assert_eq!(
                (&body["data"]["user"], &body["data"]["conversation"]),
                (&json!("ada"), &json!("c1"))
            );
        }
        let list = format!("{}?user=ada&conversation=c1", chat.path("messages"));
        wait::until("the pushed answer to be readable too", PATIENCE, async || {
            let (_, list) = answer(chat.at(1, Method::GET, &list, &chat.key)).await?;
            Ok((list["items"].as_array().map(Vec::len) == Some(2)).then_some(()))
        })
        .await
        .unwrap();
    });
}

#[test]
fn an_openai_client_sees_a_model() {
    alone(async {
        let chat = Chat::new(json!({})).await.unwrap();
        let ask = |stream: bool| {
            let body = json!({
                "model": chat.chatbot, "messages": [{"role": "user", "content": QUESTION}], "stream": stream,
                "stream_options": stream.then_some(json!({"include_usage": true})),
            });
            chat.at(1, Method::POST, "/v1/chat/completions", &chat.key)
                .json(&body)
        };

        let (_, models) = answer(chat.at(0, Method::GET, "/v1/models", &chat.key))
            .await
            .unwrap();
        let (status, whole) = answer(ask(false)).await.unwrap();
        let pieces = events(ask(true), |_| false).await.unwrap();

        assert_eq!(models["data"][0]["id"], chat.chatbot);
        assert_eq!(
            (status, &whole["choices"][0]["message"]["content"]),
            (200, &json!(SHOWN))
        );
        assert!(whole["usage"]["total_tokens"].as_i64().unwrap() > 0);
        let deltas: Vec<&str> = pieces
            .iter()
            .filter_map(|(.., data)| data["choices"][0]["delta"]["content"].as_str())
            .filter(|delta| !delta.is_empty())
            .collect();
        assert_eq!(deltas.concat(), SHOWN);
        assert!(deltas.len() >= 3, "{deltas:?}");
        assert_eq!(pieces.last().unwrap().2, "[DONE]");
    });
}
