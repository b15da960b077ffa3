//! The API as a service of its own.

use crate::{AdminApi, dashboard};
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use process::health::{self, Readiness};
use std::net::{SocketAddr, TcpListener};
use tokio_util::sync::CancellationToken;

/// How long requests that are under way may take when the process stops.
const GOODBYE_SECONDS: u64 = 20;

/// The API, listening.
pub struct Service {
    api: AdminApi,
    readiness: Readiness,
    listener: TcpListener,
    address: SocketAddr,
}

impl Service {
    /// Takes the port; requests are answered from [`run`](Self::run) on.
    pub async fn start(api: AdminApi, readiness: Readiness) -> anyhow::Result<Self> {
        let listen = api.settings().listen;
        let listener =
            TcpListener::bind(listen).with_context(|| format!("listening on {listen} for the admin API"))?;
        let address = listener
            .local_addr()
            .context("reading the admin API's own address")?;
        readiness.check("database", {
            let db = api.db().clone();
            move || {
                let db = db.clone();
                async move {
                    db.ping()
                        .await
                        .map_err(|error| format!("{} at {}", error, db.address()))
                }
            }
        });
        readiness.check("queue", {
            let queue = api.queue().clone();
            move || {
                let ready = queue.is_ready();
                async move {
                    if ready {
                        Ok(())
                    } else {
                        Err("nothing can be published".to_owned())
                    }
                }
            }
        });
        Ok(Self {
            api,
            readiness,
            listener,
            address,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until told to stop, then finishes what is under way.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (api, readiness) = (self.api, self.readiness);
        let workers = api.settings().workers.max(1);
        let server = HttpServer::new(move || {
            App::new()
                .configure(|config| api.configure(config))
                .configure(|config| health::routes(config, readiness.clone()))
                .default_service(web::to(dashboard::otherwise))
        })
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(GOODBYE_SECONDS)
        .listen(self.listener)
        .context("listening for the admin API")?
        .run();
        let handle = server.handle();
        let mut serving = std::pin::pin!(server);
        tokio::select! {
            ended = &mut serving => return ended.context("serving the admin API"),
            () = stop.cancelled() => {}
        }
        let (_, ended) = tokio::join!(handle.stop(true), serving);
        ended.context("stopping the admin API")
    }
}
