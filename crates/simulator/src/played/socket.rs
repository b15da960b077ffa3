//! A WebSocket, from the platform's side.

use crate::connection;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_ws::{CloseReason, Message, MessageStream, Session};
use std::time::Duration;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep_until},
};

/// What is to be done with a connection.
#[derive(Debug)]
pub(crate) enum Order {
    Say(String),
    /// With this code and these words.
    Close(u16, &'static str),
    /// As a network does that fails.
    Cut,
}

/// Whoever holds it may give orders.
pub(crate) type Orders = UnboundedSender<Order>;

/// What came of listening.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    /// Nothing for so long.
    Silence,
    /// It is over, with the code that was given, if one was.
    Closed(Option<u16>),
}

/// A connection.
pub(crate) struct Socket {
    session: Session,
    stream: MessageStream,
    orders: UnboundedReceiver<Order>,
    scissors: Box<dyn FnOnce()>,
}

impl Socket {
    /// Switches from HTTP. The response is to be returned.
    pub fn accept(
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<(HttpResponse, Self, Orders), Error> {
        let (response, session, stream) = actix_ws::handle(request, payload)?;
        let (sender, orders) = unbounded_channel();
        let socket = Self {
            session,
            stream,
            orders,
            scissors: Box::new(connection::scissors(request)),
        };
        Ok((response, socket, sender))
    }

    /// Does as ordered until something is heard, or nothing for so long.
    pub async fn next(&mut self, silence: Duration) -> Heard {
        let until = Instant::now() + silence;
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Say(text)) => {
                        if self.session.text(text).await.is_err() {
                            return Heard::Closed(None);
                        }
                    }
                    Some(Order::Close(code, words)) => {
                        let reason = CloseReason::from((code.into(), words));
                        drop(self.session.clone().close(Some(reason)).await);
                        return Heard::Closed(Some(code));
                    }
                    Some(Order::Cut) | None => {
                        std::mem::replace(&mut self.scissors, Box::new(|| ()))();
                        return Heard::Closed(None);
                    }
                },
                heard = self.stream.recv() => match heard {
                    Some(Ok(Message::Text(text))) => return Heard::Text(text.to_string()),
                    Some(Ok(Message::Ping(bytes))) => {
                        if self.session.pong(&bytes).await.is_err() {
                            return Heard::Closed(None);
                        }
                    }
                    Some(Ok(Message::Close(reason))) => {
                        drop(self.session.clone().close(None).await);
                        return Heard::Closed(reason.map(|reason| reason.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Heard::Closed(None),
                },
                () = sleep_until(until) => return Heard::Silence,
            }
        }
    }

    /// Asks whether somebody is still there.
    pub async fn ping(&mut self) {
        // That nobody is will be heard.
        drop(self.session.ping(b"simulated").await);
    }
}
