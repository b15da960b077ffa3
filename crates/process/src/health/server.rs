//! The three addresses, and a small HTTP server for roles that have none.

use super::Readiness;
use crate::telemetry;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::header,
    web::{self, ServiceConfig},
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};
use tokio_util::sync::CancellationToken;

/// How long a reader may take to finish when the process stops.
const GOODBYE_SECONDS: u64 = 2;

/// Mounts `/healthz`, `/readyz` and `/metrics`.
pub fn routes(config: &mut ServiceConfig, readiness: Readiness) {
    config
        .route("/healthz", web::get().to(alive))
        .route("/readyz", web::get().to(move || ready(readiness.clone())))
        .route("/metrics", web::get().to(metrics));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({"alive": true}))
}

async fn ready(readiness: Readiness) -> HttpResponse {
    let report = readiness.report().await;
    let mut answer = if report.ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(report)
}

async fn metrics(request: HttpRequest) -> HttpResponse {
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if !telemetry::metrics_allowed(authorization) {
        return HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, "Bearer"))
            .finish();
    }
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(telemetry::render())
}

/// Answers the three addresses and nothing else.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    readiness: Readiness,
}

impl Server {
    /// Takes the port; questions are answered from [`run`](Self::run) on.
    pub fn start(listen: SocketAddr, readiness: Readiness) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            readiness,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until told to stop.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let readiness = self.readiness;
        let server =
            HttpServer::new(move || App::new().configure(|config| routes(config, readiness.clone())))
                .workers(1)
                .disable_signals()
                .shutdown_timeout(GOODBYE_SECONDS)
                .listen(self.listener)?
                .run();
        let handle = server.handle();
        let mut serving = std::pin::pin!(server);
        tokio::select! {
            ended = &mut serving => return ended,
            () = stop.cancelled() => {}
        }
        let (_, ended) = tokio::join!(handle.stop(true), serving);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{
        http::StatusCode,
        test::{TestRequest, call_service, init_service, read_body_json},
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[actix_web::test]
    async fn a_process_that_is_not_ready_answers_503_and_says_which_check_failed() {
        let readiness = Readiness::new();
        let flag = readiness.flag("database", "127.0.0.1:5432 cannot be reached");
        let app = init_service(App::new().configure(|config| routes(config, readiness))).await;

        let refused = call_service(&app, TestRequest::get().uri("/readyz").to_request()).await;
        let status = refused.status();
        let body: serde_json::Value = read_body_json(refused).await;
        flag.set_ready();
        let accepted = call_service(&app, TestRequest::get().uri("/readyz").to_request()).await;
        let alive = call_service(&app, TestRequest::get().uri("/healthz").to_request()).await;

        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["checks"]["database"], "127.0.0.1:5432 cannot be reached");
        assert_eq!(accepted.status(), StatusCode::OK);
        assert_eq!(alive.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn the_small_server_answers_until_it_is_told_to_stop() {
        let stop = CancellationToken::new();
        let server = Server::start(SocketAddr::from(([127, 0, 0, 1], 0)), Readiness::new()).unwrap();
        let address = server.address();
        let running = tokio::spawn(server.run(stop.clone()));

        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        stop.cancel();
        running.await.unwrap().unwrap();

        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(r#""ready":true"#), "{answer}");
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}
