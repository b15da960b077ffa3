//! Gateway and API on one listener.

use actix_web::{App, HttpServer, web};
use admin_api::AdminApi;
use anyhow::Context;
use gateway::Gateway;
use process::health::Readiness;
use std::{net::TcpListener, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long requests under way may take to end.
const GRACE_SECONDS: u64 = 12;

/// How long a client may take to send its request's head.
const HEAD: Duration = Duration::from_secs(10);

/// Answers until told to stop, then lets requests under way end.
pub async fn serve(
    listener: TcpListener,
    threads: usize,
    gateway: Gateway,
    api: AdminApi,
    readiness: Readiness,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let server = HttpServer::new(move || {
        let readiness = readiness.clone();
        App::new()
            .configure(|config| gateway.configure(config))
            .configure(move |config| process::health::routes(config, readiness))
            .configure(|config| api.configure(config))
            .default_service(web::to(admin_api::otherwise))
    })
    .workers(threads.max(1))
    .client_request_timeout(HEAD)
    .disable_signals()
    .shutdown_timeout(GRACE_SECONDS)
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(async move {
        stop.cancelled().await;
        handle.stop(true).await;
    });
    server.await.context("the HTTP server has ended")
}
