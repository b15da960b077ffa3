//! A made-up platform, which the product has never heard of: its crate (`tests/pager`), one line of registration, and a
//! message goes all the way through the real gateway, worker and sender.

use crate::shared::PATIENCE;
use accounts::Accounts;
use actix_web::{App, HttpResponse, HttpServer, web};
use channel::{ChannelHandle, Registry};
use channel_sender_pager::Pager;
use hmac::{Hmac, KeyInit, Mac};
use process::{clock::Clock, health::Readiness};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::model::token;
use std::net::TcpListener;
use store::Db;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;
use vault::{Keyring, MasterKeys};
use whole_product::{
    alone,
    load::QUESTION,
    product::{Mode, Options, Product, phone_number},
};

const DEFAULTS: &str = include_str!("../../crates/botsmith/settings.default.toml");
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PERSON: &str = "77";

/// Of the product's settings, those of the services that know platforms.
#[derive(Deserialize)]
struct Settings {
    gateway: gateway::Settings,
    chat_worker: chat_worker::Settings,
    sender: channel_sender::Settings,
    admin_api: admin_api::Settings,
    knowledge: knowledge::Settings,
    models: models::Settings,
    platforms: platforms::Settings,
    store: store::Settings,
    tools: tools::Settings,
    queue: queue::Settings,
    vault: vault::Settings,
}

/// Every platform there is, and this one.
fn registry(settings: &platforms::Settings, pager: Url) -> Registry {
    let client = platforms::client().unwrap();
    let known = platforms::registry(settings, client.clone()).unwrap();
    Registry::new(known.iter().cloned().chain([
        ChannelHandle::new(Pager::new(client, pager)), // the one line
    ]))
    .unwrap()
}

/// The services that know platforms, in this process.
struct Services {
    gateway: String,
    api: String,
    running: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Services {
    async fn start(product: &Product, pager: Url) -> anyhow::Result<Self> {
        let mut environment = product.environment().to_vec();
        for name in ["GATEWAY", "ADMIN_API"] {
            environment.push((format!("BOTSMITH__{name}__LISTEN"), "127.0.0.1:0".to_owned()));
        }
        let settings: Settings = process::settings::load(DEFAULTS, None, environment)?;
        let stop = CancellationToken::new();
        let db = Db::open(&settings.store)?;
        let queue = queue::Queue::open(&settings.queue, &db, stop.child_token()).await?;
        let keyring = Keyring::new(db.clone(), MasterKeys::load(&settings.vault)?);
        let channels = registry(&settings.platforms, pager);
        let accounts = Accounts::new(db.clone(), keyring.clone(), channels);
        let (clock, readiness) = (Clock::system(), Readiness::new());
        let mut running = JoinSet::new();

        let gateway = gateway::Service::start(
            settings.gateway,
            db.clone(),
            queue.clone(),
            accounts.clone(),
            readiness.clone(),
        )
        .await?;
        let tools = tools::Tools::open(&settings.tools)?;
        let api = admin_api::AdminApi::new(
            settings.admin_api,
            db.clone(),
            queue.clone(),
            keyring.clone(),
            accounts.clone(),
            tools.clone(),
            clock.clone(),
        )?;
        let api = admin_api::Service::start(api, readiness).await?;
        let addresses = (gateway.address(), api.address());
        running.spawn(gateway.run(stop.clone()));
        running.spawn(api.run(stop.clone()));
        let worker = chat_worker::Service::start(
            settings.chat_worker,
            db.clone(),
            queue.clone(),
            accounts.clone(),
            keyring,
            knowledge::Retriever::new(db.clone(), settings.knowledge),
            models::Models::open(&settings.models)?,
            tools,
            clock.clone(),
        );
        running.spawn(worker.run(stop.clone()));
        let sender =
            channel_sender::Service::start(settings.sender, "pager".try_into()?, db, queue, accounts, clock)?;
        running.spawn(sender.run(stop.clone()));
        Ok(Self {
            gateway: format!("http://{}", addresses.0),
            api: format!("http://{}", addresses.1),
            running,
            stop,
        })
    }

    async fn finish(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}

/// Pager itself: what it is told to page, and where.
fn played() -> (Url, mpsc::UnboundedReceiver<Value>) {
    let (sender, pages) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        let sender = sender.clone();
        App::new().route(
            "/pages",
            web::post().to(move |page: web::Json<Value>| {
                let _ = sender.send(page.into_inner());
                async { HttpResponse::Created().json(json!({"id": uuid::Uuid::new_v4()})) }
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
    (address.parse().unwrap(), pages)
}

/// Somebody writes; what we answer to the webhook.
async fn write(address: &str, id: &str, text: &str, secret: &str) -> u16 {
    let page = json!({"id": id, "from": PERSON, "text": text, "at": chrono::Utc::now().timestamp()});
    let body = json!({"pager": "4711", "pages": [page]}).to_string();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(&body).finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(address);
    let request = request.header("X-Pager-Signature", hex).body(body);
    request.send().await.unwrap().status().as_u16()
}

#[test]
fn a_platform_is_its_crate_and_one_line() {
    alone(async {
        // Services that know platforms are in this process: they know one more.
        let product = Product::start_without_bots(Options {
            mode: Mode::Split {
                gateways: 1,
                workers: 0,
            },
            ..Options::default()
        })
        .await
        .unwrap();
        let bot = product.api().new_bot("Bot", &phone_number(0)).await.unwrap();
        product.api().add_opening_hours(&bot).await.unwrap();
        product.api().indexed(&bot, PATIENCE).await.unwrap();
        let (pager, mut pages) = played();
        let services = Services::start(&product, pager).await.unwrap();

        // The owner's form is drawn from what the platform says of itself, and what they type in is checked by it.
        let api = product.api().at(&services.api);
        let known = api.get("/api/platforms").await.unwrap().to_string();
        assert!(known.contains("The pager's number."), "{known}");
        let integrations = format!("/api/integrations/{}", bot.chatbot_id);
        let mut integration =
            json!({"platform": "pager", "credentials": {"pager": "", "token": "t", "secret": SECRET}});
        let problem = api
            .post(&integrations, &integration)
            .await
            .unwrap_err()
            .to_string();
        assert!(problem.contains("pager"), "{problem}");
        integration["credentials"]["pager"] = "4711".into();
        api.post(&integrations, &integration).await.unwrap();

        let webhook = format!("{}/api/pager/webhook/{}", services.gateway, bot.chatbot_id);
        let question = |number| format!("{QUESTION} {}", token(number));
        assert_eq!(write(&webhook, "p1", &question(1), SECRET).await, 200);
        let page = tokio::time::timeout(PATIENCE, pages.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            page,
            json!({"to": PERSON, "text": format!("Heard {}.", token(1))})
        );
        // Delivered again it is known, and somebody else's proves nothing.
        assert_eq!(write(&webhook, "p1", &question(1), SECRET).await, 200);
        assert_eq!(write(&webhook, "p2", &question(2), "another").await, 401);
        assert_eq!(write(&webhook, "p3", &question(3), SECRET).await, 200);
        let page = tokio::time::timeout(PATIENCE, pages.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page["text"], format!("Heard {}.", token(3)));
        assert!(pages.try_recv().is_err(), "something was paged twice");

        services.finish().await;
        product.finish().await.unwrap();
    });
}
