//! The server, with the three verbs that every service has.

use crate::{
    connection, control,
    model::Model,
    played::{self, Played},
    twilio::Twilio,
};
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use secrecy::SecretString;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A form or prompt larger than this is no honest request.
const BODY_LIMIT: usize = 8 << 20;

/// How to play.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// How many messages and calls to remember; the oldest are forgotten.
    pub keep: usize,
    /// What `/_simulator` asks for as a bearer token; without it everyone who reaches the port may pull the strings.
    pub control_token: Option<SecretString>,
    /// Where status callbacks really go when the address that was signed is not reachable from here.
    pub callback_origin: Option<String>,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keep: 100_000,
            control_token: None,
            callback_origin: None,
            seed: 1,
        }
    }
}

/// The simulated world, listening.
pub struct Service {
    address: SocketAddr,
    twilio: Twilio,
    model: Model,
    played: Played,
    handle: actix_web::dev::ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl Service {
    /// Listens, and answers from now on.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(settings.listen)
            .with_context(|| format!("the simulator cannot listen on {}", settings.listen))?;
        let address = listener.local_addr()?;
        let twilio = Twilio::new(&settings, &format!("http://{address}"))?;
        let model = Model::new(settings.keep, settings.seed);
        let played = Played::new(&settings, &format!("http://{address}"))?;
        let token = settings.control_token;

        let parts = (twilio.clone(), model.clone(), played.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(parts.0.clone()))
                .app_data(web::Data::new(parts.1.clone()))
                .app_data(web::Data::new(parts.2.clone()))
                .app_data(web::PayloadConfig::new(BODY_LIMIT))
                .app_data(web::JsonConfig::default().limit(BODY_LIMIT))
                .configure(|routes| control::routes(routes, token.clone()))
                .configure(crate::model::routes)
                .configure(crate::twilio::routes)
                .configure(|routes| played::ALL.iter().for_each(|play| play.routes(routes)))
        })
        .workers(1)
        .backlog(4096)
        .keep_alive(Duration::from_secs(75))
        .on_connect(connection::remember)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
        Ok(Self {
            address,
            twilio,
            model,
            played,
            handle: server.handle(),
            server: tokio::spawn(server),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address, without a slash at its end, as `platforms.twilio_simulator_url` and a model's base want it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Twilio.
    pub const fn twilio(&self) -> &Twilio {
        &self.twilio
    }

    /// The language model.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// All platforms but Twilio.
    pub const fn played(&self) -> &Played {
        &self.played
    }

    /// Answers until told to stop.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut server = self.server;
        tokio::select! {
            () = stop.cancelled() => {
                self.handle.stop(true).await;
                server.await??;
            }
            ended = &mut server => ended??,
        }
        Ok(())
    }
}
