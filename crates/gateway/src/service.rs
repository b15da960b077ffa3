//! The gateway as a service.

use crate::{
    Settings,
    chat::Chat,
    doctor::{self, Doctor},
    integration_log::{self, IntegrationLog},
    shared, uploaded, webhook,
};
use accounts::Accounts;
use actix_web::{App, HttpServer, dev::Server, web};
use anyhow::Context;
use process::health::Readiness;
use queue::Queue;
use std::{net::SocketAddr, time::Duration};
use store::Db;
use tokio_util::sync::CancellationToken;
use uploads::Addresses;

/// How long requests under way may take to end when told to stop.
const GRACE_SECONDS: u64 = 15;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) accounts: Accounts,
    pub(crate) queue: Queue,
    pub(crate) log: IntegrationLog,
    pub(crate) doctor: Doctor,
    pub(crate) db: Db,
    pub(crate) addresses: Addresses,
    chat: Chat,
}

impl Gateway {
    /// Ready to be mounted by [`Gateway::configure`]. Its background work ends with `stop`.
    pub fn new(
        settings: Settings,
        db: Db,
        queue: Queue,
        accounts: Accounts,
        stop: &CancellationToken,
    ) -> Self {
        let (log, lines) = IntegrationLog::new();
        let (doctor, cases) = Doctor::new();
        let seen = CancellationToken::new();
        tokio::spawn(integration_log::write(db.clone(), lines, seen.clone()));
        let chat = Chat::new(
            settings.clone(),
            db.clone(),
            queue.clone(),
            accounts.clone(),
            stop,
        );
        let addresses = Addresses::new(accounts.masters().clone(), settings.public_url.clone());
        let practice = doctor::practise(db.clone(), accounts.clone(), log.clone(), cases, stop.clone());
        tokio::spawn(async move {
            // The log is open until the doctor has written the last line.
            let _seen = seen.drop_guard();
            practice.await;
        });
        tokio::spawn(accounts.clone().follow(queue.clone(), stop.clone()));
        Self {
            settings,
            accounts,
            queue,
            log,
            doctor,
            db,
            addresses,
            chat,
        }
    }

    /// Mounts the platforms' addresses, and the chat API's.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::new(self.clone()));
        self.chat.configure(config);
        config.service(
            web::resource("/files/{workspace}/{file}/{token}/{name}")
                .route(web::get().to(uploaded::file))
                .route(web::head().to(uploaded::file)),
        );
        config.service(
            web::resource("/api/{platform}/webhook/{chatbot_id}")
                .route(web::get().to(webhook::inbound))
                .route(web::post().to(webhook::inbound)),
        );
        config.service(
            web::resource("/api/{platform}/webhook")
                .route(web::get().to(shared::inbound))
                .route(web::post().to(shared::inbound)),
        );
        config.service(
            web::resource("/api/{platform}/status/{chatbot_id}/{part_id}")
                .route(web::get().to(webhook::status))
                .route(web::post().to(webhook::status)),
        );
    }
}

/// The gateway on a listener of its own.
pub struct Service {
    address: SocketAddr,
    server: Server,
    background: CancellationToken,
}

impl Service {
    /// Listens.
    pub async fn start(
        settings: Settings,
        db: Db,
        queue: Queue,
        accounts: Accounts,
        readiness: Readiness,
    ) -> anyhow::Result<Self> {
        let background = CancellationToken::new();
        let listen = settings.listen;
        let threads = settings.threads.max(1);
        let gateway = Gateway::new(settings, db, queue, accounts, &background);
        let server = HttpServer::new(move || {
            let readiness = readiness.clone();
            App::new()
                .configure(|config| gateway.configure(config))
                .configure(move |config| process::health::routes(config, readiness))
        })
        .workers(threads)
        .disable_signals()
        .shutdown_timeout(GRACE_SECONDS)
        .client_request_timeout(Duration::from_secs(10))
        .bind(listen)
        .with_context(|| format!("the gateway cannot listen on {listen}"))?;
        let address = *server.addrs().first().context("the gateway listens nowhere")?;
        tracing::info!(%address, "the gateway listens");
        Ok(Self {
            address,
            server: server.run(),
            background,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets requests under way end.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let handle = self.server.handle();
        tokio::spawn(async move {
            stop.cancelled().await;
            handle.stop(true).await;
        });
        self.server.await.context("the gateway's server ended")?;
        self.background.cancel();
        Ok(())
    }
}
