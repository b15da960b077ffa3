//! The Gateway: a WebSocket over which everything that happens is told.
//! <https://docs.discord.com/developers/events/gateway>

use super::{
    Discord, interaction, message,
    session::{Happening, Refusal, STARTS},
};
use crate::played::{
    Answer, Ending, Heard, Held, Open, Order, Orders, Outgoing, Person, Play, Played, Socket, next_number,
};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, sleep};

/// How often Discord wants to hear a heartbeat.
const HEARTBEAT: Duration = Duration::from_millis(41_250);
/// What a client may say within a minute.
const SAYINGS: usize = 120;
const MINUTE: Duration = Duration::from_secs(60);
/// The most that it may say at once, in bytes.
const LARGEST: usize = 4_096;
/// How long after RECONNECT the connection is closed.
const LEAVE: Duration = Duration::from_secs(2);

impl Held for Discord {
    /// Who is not connected and has no session to go on with is not told: Discord keeps messages for its lists only.
    fn tell(&self, played: &Played, person: &Person) -> anyhow::Result<()> {
        anyhow::ensure!(
            super::is_snowflake(&person.from),
            "{:?} is nobody on Discord: people's ids are numbers",
            person.from
        );
        let happening = if person.choice.is_some() {
            anyhow::ensure!(
                !super::api::has_endpoint(played),
                "the application has an Interactions Endpoint URL: what is pressed goes there"
            );
            Happening {
                name: "INTERACTION_CREATE",
                body: interaction::interaction(person),
                intents: 0,
            }
        } else {
            played.set_note(self, message::note(&Discord.message_id(person)), true.into());
            message::written(person, &played.base(self))
        };
        if played.lines().discord.tell(&happening) {
            played.set_told(self, person);
        }
        Ok(())
    }

    fn end(&self, played: &Played, ending: Ending) {
        for orders in played.lines().discord.lines(ending == Ending::Forgotten) {
            // Whoever has gone needs no order.
            let say = |payload: Value| drop(orders.send(Order::Say(payload.to_string())));
            match ending {
                Ending::Cut => drop(orders.send(Order::Cut)),
                Ending::Asked => say(json!({"op": 7, "d": null})),
                Ending::Forgotten => say(json!({"op": 9, "d": false})),
            }
            if ending == Ending::Asked {
                tokio::spawn(async move {
                    sleep(LEAVE).await;
                    drop(orders.send(Order::Close(4000, "Unknown error.")));
                });
            }
        }
    }
}

/// The bot hears itself, too.
pub(super) fn sent(played: &Played, outgoing: &Outgoing, shown: Value) {
    let own = played.known(&Discord, &outgoing.conversation);
    let direct = own.is_none_or(|known| known.person.conversation.is_none());
    played.lines().discord.tell(&message::own(shown, direct));
}

/// `GET /gateway/bot`
pub(super) fn recommended(played: &Played) -> Answer {
    let url = format!("{}/gateway/", played.base(&Discord).replacen("http", "ws", 1));
    let limit = json!({
        "total": STARTS, "remaining": played.lines().discord.left(), "reset_after": 86_400_000, "max_concurrency": 1,
    });
    Answer::json(
        200,
        json!({"url": url, "shards": 1, "session_start_limit": limit}),
    )
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    v: Option<String>,
    encoding: Option<String>,
}

pub(super) async fn open(
    request: HttpRequest,
    payload: web::Payload,
    played: web::Data<Played>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse, Error> {
    let (response, socket, orders) = Socket::accept(&request, payload)?;
    let fits = wanted.v.as_deref() == Some("10") && wanted.encoding.as_deref() == Some("json");
    let client = Client {
        played: played.get_ref().clone(),
        line: next_number(),
        orders,
        session: None,
        open: None,
        said: VecDeque::new(),
    };
    actix_web::rt::spawn(client.hold(socket, fits));
    Ok(response)
}

/// What is to be said or done about something that a client said.
type Verdict = Result<Option<Value>, (u16, &'static str)>;

/// Whoever is connected.
struct Client {
    played: Played,
    line: u64,
    orders: Orders,
    session: Option<String>,
    /// With a session it counts as a connection: before, nothing can be told over it.
    open: Option<Open>,
    /// When something was said, within the last minute.
    said: VecDeque<Instant>,
}

impl Client {
    async fn hold(mut self, mut socket: Socket, fits: bool) {
        if fits {
            self.say(
                &json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": HEARTBEAT.as_millis()}}),
            );
        } else {
            self.close(4012, "Invalid API version.");
        }
        let code = loop {
            // With a heartbeat missed, somebody has gone.
            match socket.next(HEARTBEAT + HEARTBEAT / 2).await {
                Heard::Text(text) => match self.hear(&text) {
                    Ok(Some(answer)) => self.say(&answer),
                    Ok(None) => {}
                    Err((code, words)) => self.close(code, words),
                },
                Heard::Silence => self.close(4009, "Session timed out."),
                Heard::Closed(code) => break code,
            }
        };
        if let Some(session) = &self.session {
            self.played.lines().discord.leave(session, self.line, code);
        }
    }

    /// The socket takes orders until it is over, and then they do not matter.
    fn say(&self, payload: &Value) {
        drop(self.orders.send(Order::Say(payload.to_string())));
    }

    fn close(&self, code: u16, words: &'static str) {
        drop(self.orders.send(Order::Close(code, words)));
    }

    fn hear(&mut self, text: &str) -> Verdict {
        let now = Instant::now();
        self.said.push_back(now);
        while self
            .said
            .front()
            .is_some_and(|at| now.duration_since(*at) > MINUTE)
        {
            self.said.pop_front();
        }
        if self.said.len() > SAYINGS {
            return Err((4008, "You are being rate limited."));
        }
        let payload: Value = serde_json::from_str(text).unwrap_or_default();
        let d = &payload["d"];
        let session = self.session.as_deref();
        match (
            payload["op"].as_u64(),
            session.filter(|id| self.played.lines().discord.knows(id)),
        ) {
            _ if text.len() > LARGEST => Err((4002, "Error while decoding payload.")),
            (None, _) => Err((4002, "Error while decoding payload.")),
            (Some(1), _) => Ok(Some(json!({"op": 11}))),
            (Some(2 | 6), Some(_)) => Err((4005, "Already authenticated.")),
            (Some(op @ (2 | 6)), None) => {
                let sessions = &self.played.lines().discord;
                let outcome = if op == 2 {
                    sessions.begin(&self.played, d, self.line, &self.orders)
                } else {
                    sessions.resume(d, self.line, &self.orders)
                };
                match outcome {
                    Ok(session) => {
                        self.session = Some(session);
                        if self.open.is_none() {
                            self.open = Some(Open::new(&self.played, &Discord));
                        }
                    }
                    Err(Refusal::Invalid) => return Ok(Some(json!({"op": 9, "d": false}))),
                    Err(Refusal::Close(code, words)) => return Err((code, words)),
                }
                if op == 6 {
                    self.played.lines().count(&Discord, |all| all.resumed += 1);
                }
                Ok(None)
            }
            (Some(3 | 4 | 8 | 31), None) => Err((4003, "Not authenticated.")),
            (Some(3 | 4 | 8 | 31), Some(_)) => Ok(None),
            (Some(_), _) => Err((4001, "Unknown opcode.")),
        }
    }
}
