//! Socket Mode: a WebSocket with a ticket from `apps.connections.open`, and envelopes that want to be acknowledged.
//! <https://docs.slack.dev/apis/events-api/using-socket-mode>
//!
//! Slack itself tries again after a minute, and after five more, where there was no connection. Here an event waits for
//! one, so that nobody waits so long.

use super::{
    APP, Slack,
    api::{ok, refusal},
    event,
};
use crate::played::{
    Answer, Done, Ending, Heard, Held, Open, Order, Orders, Person, Played, Socket, next_number,
};
use actix_web::{Error, HttpRequest, HttpResponse, error::ErrorForbidden, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Connections that one app may have.
const MOST: usize = 10;
/// How long a ticket is good.
const TICKET: Duration = Duration::from_secs(30);
/// How long an envelope may stay unacknowledged.
const PATIENCE: Duration = Duration::from_secs(3);
/// Tries after the first.
const RETRIES: u32 = 3;
/// How long after a `disconnect` the connection is closed.
const LEAVE: Duration = Duration::from_secs(2);
/// Seconds of silence after which somebody is asked whether they are there.
const SILENCE: u32 = 10;

/// The connections of the app, and what is told over them.
#[derive(Default)]
pub(crate) struct Sockets(Mutex<State>);

#[derive(Default)]
struct State {
    tickets: Vec<(String, Instant)>,
    /// By number, in the order in which their turn comes.
    lines: VecDeque<(u64, Orders)>,
    waiting: VecDeque<Event>,
    /// By envelope.
    told: HashMap<String, (Event, u64, Instant)>,
}

struct Event {
    kind: &'static str,
    payload: Value,
    person: Person,
    attempt: u32,
}

impl Sockets {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, ticket: &str) -> bool {
        self.tickets.retain(|(_, until)| *until > Instant::now());
        let before = self.tickets.len();
        self.tickets.retain(|(known, _)| known != ticket);
        self.tickets.len() < before
    }

    /// Tells what waits, each over the connection whose turn it is. Who was told of.
    fn tell(&mut self) -> Vec<Person> {
        let mut of = Vec::new();
        while let Some(event) = self.waiting.pop_front() {
            let Some((line, orders)) = self.lines.pop_front() else {
                self.waiting.push_front(event);
                break;
            };
            let id = Uuid::new_v4().to_string();
            let reason = if event.attempt > 0 { "timeout" } else { "" };
            let envelope = json!({
                "envelope_id": id, "type": event.kind, "accepts_response_payload": event.kind == "interactive",
                "retry_attempt": event.attempt, "retry_reason": reason, "payload": event.payload,
            });
            if orders.send(Order::Say(envelope.to_string())).is_err() {
                // It has ended, and is not in its place again.
                self.waiting.push_front(event);
                continue;
            }
            self.lines.push_back((line, orders));
            of.push(event.person.clone());
            self.told.insert(id, (event, line, Instant::now() + PATIENCE));
        }
        of
    }

    /// What was told and not acknowledged is to be told again: all of a connection that is gone, and what is overdue.
    fn take_back(&mut self, gone: Option<u64>) {
        let now = Instant::now();
        let again = |(_, line, until): &(Event, u64, Instant)| gone == Some(*line) || *until <= now;
        let ids: Vec<String> = self
            .told
            .iter()
            .filter(|(_, told)| again(told))
            .map(|(id, _)| id.clone())
            .collect();
        let mut events: Vec<Event> = Vec::new();
        for (mut event, line, _) in ids.iter().filter_map(|id| self.told.remove(id)) {
            if gone != Some(line) {
                event.attempt += 1;
            }
            if event.attempt <= RETRIES {
                events.push(event);
            }
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.person.number));
        for event in events {
            self.waiting.push_front(event);
        }
    }
}

fn tell(played: &Played) {
    let of = played.lines().slack.state().tell();
    for person in of {
        played.set_told(&Slack, &person);
    }
}

impl Held for Slack {
    fn tell(&self, played: &Played, person: &Person) -> anyhow::Result<()> {
        let (kind, payload) = event::payload(person, &played.base(self))?;
        let event = Event {
            kind,
            payload,
            person: person.clone(),
            attempt: 0,
        };
        played.lines().slack.state().waiting.push_back(event);
        tell(played);
        Ok(())
    }

    fn end(&self, played: &Played, ending: Ending) {
        let lines: Vec<_> = played.lines().slack.state().lines.drain(..).collect();
        for (_, orders) in lines {
            // Whoever has gone needs no order.
            if ending == Ending::Cut {
                drop(orders.send(Order::Cut));
                continue;
            }
            let goodbye = json!({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "simulated"}});
            drop(orders.send(Order::Say(goodbye.to_string())));
            tokio::spawn(async move {
                sleep(LEAVE).await;
                drop(orders.send(Order::Close(1000, "")));
            });
        }
    }
}

/// `apps.connections.open`
pub(super) fn ticket(played: &Played) -> Result<Done, Answer> {
    let mut state = played.lines().slack.state();
    if state.lines.len() >= MOST {
        return Err(refusal("too_many_websockets"));
    }
    let ticket = Uuid::new_v4().to_string();
    state.tickets.push((ticket.clone(), Instant::now() + TICKET));
    let base = played.base(&Slack).replacen("http", "ws", 1);
    Ok(ok(
        json!({"url": format!("{base}/link/?ticket={ticket}&app_id={APP}")}),
    ))
}

#[derive(Deserialize)]
pub(super) struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// The connection that a ticket is for.
pub(super) async fn open(
    request: HttpRequest,
    payload: web::Payload,
    played: web::Data<Played>,
    ticket: web::Query<Ticket>,
) -> Result<HttpResponse, Error> {
    if !played.lines().slack.state().admit(&ticket.ticket) {
        return Err(ErrorForbidden("the ticket is used up, too old or unknown"));
    }
    let (response, socket, orders) = Socket::accept(&request, payload)?;
    actix_web::rt::spawn(hold(played.get_ref().clone(), socket, orders));
    Ok(response)
}

async fn hold(played: Played, mut socket: Socket, orders: Orders) {
    let _open = Open::new(&played, &Slack);
    let line = next_number();
    let connections = played.lines().slack.state().lines.len() + 1;
    let hello = json!({
        "type": "hello", "num_connections": connections, "connection_info": {"app_id": APP},
        "debug_info": {"host": "simulated", "build_number": 1, "approximate_connection_time": 18_060},
    });
    // The socket takes it: it has not ended yet.
    drop(orders.send(Order::Say(hello.to_string())));
    played.lines().slack.state().lines.push_back((line, orders));
    tell(&played);
    let mut silent = 0;
    loop {
        match socket.next(Duration::from_secs(1)).await {
            Heard::Text(text) => {
                silent = 0;
                let ack: Value = serde_json::from_str(&text).unwrap_or_default();
                let id = ack["envelope_id"].as_str().unwrap_or_default();
                played.lines().slack.state().told.remove(id);
            }
            Heard::Silence => {
                silent += 1;
                if silent % SILENCE == 0 {
                    socket.ping().await;
                }
                played.lines().slack.state().take_back(None);
                tell(&played);
            }
            Heard::Closed(_) => break,
        }
    }
    let mut state = played.lines().slack.state();
    state.lines.retain(|(known, _)| *known != line);
    state.take_back(Some(line));
    drop(state);
    tell(&played);
}
