//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use actix_web::{HttpResponse, http::header, web::Bytes};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::sync::mpsc;
use tracing::Instrument;

/// How often a silent connection says that it lives: proxies close those that do not.
pub const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// Events that wait for a slow reader.
const WAITING: usize = 32;

/// Where events are written.
pub struct Events(mpsc::Sender<Bytes>);

/// Nobody reads any more.
#[derive(Debug)]
pub struct Gone;

impl Events {
    /// An event with data.
    pub async fn send(&self, event: &str, id: Option<&str>, data: &impl Serialize) -> Result<(), Gone> {
        let data = serde_json::to_string(data).map_err(|_| Gone)?;
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.write(format!("event: {event}\n{id}data: {data}\n\n")).await
    }

    /// Data alone, as it is: on one line.
    pub async fn data(&self, data: &str) -> Result<(), Gone> {
        self.write(format!("data: {data}\n\n")).await
    }

    /// A sign of life, which is no event.
    pub async fn alive(&self) -> Result<(), Gone> {
        self.write(": alive\n\n".to_owned()).await
    }

    async fn write(&self, text: String) -> Result<(), Gone> {
        self.0.send(text.into()).await.map_err(|_| Gone)
    }

    /// Returns when nobody reads any more.
    pub async fn gone(&self) {
        self.0.closed().await;
    }
}

/// An answer whose events `work` writes; it ends with `work`, and `work` with its reader.
pub fn respond<W, F>(work: W) -> HttpResponse
where
    W: FnOnce(Events) -> F,
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let work = work(Events(sender));
    tokio::spawn(async move { work.await.unwrap_or(()) }.in_current_span());
    let body = futures_util::stream::poll_fn(move |context| {
        receiver
            .poll_recv(context)
            .map(|piece| piece.map(Ok::<_, Infallible>))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        // nginx would keep events back until there are many.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body)
}
