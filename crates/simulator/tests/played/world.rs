//! What the tests share: a simulator, and a webhook that remembers.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use simulator::{
    Delivered, Retries, Service, Settings,
    played::{Hook, Outgoing, Person, Played},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// An answer: status, headers, JSON.
pub struct Answered {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub json: Value,
}

pub struct World {
    pub service: Service,
    pub http: reqwest::Client,
    base: &'static str,
}

impl World {
    /// `base`: below which path the platform is.
    pub async fn start(base: &'static str) -> Self {
        let service = Service::start(Settings::default()).await.unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { service, http, base }
    }

    pub fn played(&self) -> &Played {
        self.service.played()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{}{path}", self.service.url(), self.base))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answered {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Answered {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// A person writes; the webhook is not posted.
    pub fn hear(&self, platform: &str, person: &Person) {
        self.played()
            .hear(platform, person, &Hook::new("http://127.0.0.1:9/"))
            .unwrap();
    }

    pub async fn say(&self, platform: &str, person: &Person, receiver: &Receiver) -> Delivered {
        let hook = Hook::new(&receiver.url);
        self.played()
            .say(platform, person, &hook, Retries::NONE)
            .await
            .unwrap()
    }

    pub fn sent(&self, platform: &str) -> Vec<Outgoing> {
        self.played().outbox().sent(platform, 0)
    }
}

/// A request that a webhook got.
#[derive(Debug, Clone)]
pub struct Got {
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Answers = dyn Fn(&Got) -> (u16, String) + Send + Sync;

/// A webhook: what it got, and what it answers.
pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
    news: watch::Receiver<usize>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::answering(|_| (200, String::new())).await
    }

    pub async fn answering(answers: impl Fn(&Got) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (sender, news) = watch::channel(0);
        let (answers, sender): (Arc<Answers>, _) = (Arc::new(answers), Arc::new(sender));
        let shared = got.clone();
        let server = HttpServer::new(move || {
            let (got, answers, sender) = (shared.clone(), answers.clone(), sender.clone());
            App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                let (got, answers, sender) = (got.clone(), answers.clone(), sender.clone());
                async move {
                    let headers = request.headers().iter();
                    let one = Got {
                        uri: request.uri().to_string(),
                        headers: headers
                            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                            .collect(),
                        body: body.to_vec(),
                    };
                    let (status, text) = answers(&one);
                    let count = {
                        let mut got = got.lock().unwrap();
                        got.push(one);
                        got.len()
                    };
                    sender.send_replace(count);
                    HttpResponse::build(StatusCode::from_u16(status).unwrap())
                        .content_type("application/json")
                        .body(text)
                }
            }))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        tokio::spawn(server);
        Self { url, got, news }
    }

    /// What it got, once it was called so often.
    pub async fn called(&self, times: usize) -> Vec<Got> {
        let mut news = self.news.clone();
        let enough = tokio::time::timeout(PATIENCE, news.wait_for(|count| *count >= times)).await;
        let got = self.got.lock().unwrap().clone();
        assert!(enough.is_ok(), "not called {times} times: {got:?}");
        got
    }
}
