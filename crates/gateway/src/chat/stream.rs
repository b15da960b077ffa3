//! `GET /api/chat/{chatbot_id}/stream`: a conversation as it goes on.
//!
//! Invariant: a `message` is told once, in the order of the numbers, and bears its number as its id. What else is told is
//! true now and may be missed.

use super::{
    Chat,
    caller::Caller,
    chatbot_of,
    draft::Draft,
    error::ChatError,
    hub::Follower,
    input,
    item::Item,
    messages::{Which, named_none},
    origin,
    place::Place,
};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::{Direction, InboundState, MessageId, Role};
use process::sse::{self, Events, Gone};
use queue::news::News;
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use store::{StoreError, chat};
use tokio::time::{Instant, sleep_until};

/// Entries that are read at once; of a conversation that is read from its beginning the newest.
const AT_ONCE: i64 = 200;
/// The newest messages whose progress is told.
const PROGRESS: i64 = 10;
/// How long a database that is away is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// `GET /api/chat/{chatbot_id}/stream`
pub async fn listen(chat: web::Data<Chat>, path: web::Path<String>, request: HttpRequest) -> HttpResponse {
    origin::answered(&chat, &path, &request, async |origin| {
        let chatbot = chatbot_of(&path)?;
        let caller = Caller::of(&chat, chatbot, &request, &origin, Role::Viewer).await?;
        let which: Which = input::query(&request)?;
        // What the browser saw last counts more than what its page said at first.
        let resumed = request
            .headers()
            .get("last-event-id")
            .and_then(|id| id.to_str().ok())
            .filter(|id| !id.is_empty());
        let after = match resumed {
            Some(id) => Some(input::cursor(id)?),
            None => which.after()?,
        };
        let (place, _) = caller.place(which.named(), named_none)?;
        let follower = chat.hub.follow(place.topic()).ok_or(ChatError::TooFast {
            what: "connections to one conversation",
            after: Duration::from_secs(10),
        })?;
        let chat = chat.as_ref().clone();
        Ok(sse::respond(move |events| {
            Listening {
                chat,
                place,
                follower,
                events,
                cursor: after,
                progress: HashMap::new(),
                draft: Draft::default(),
            }
            .run()
        }))
    })
    .await
}

struct Listening {
    chat: Chat,
    place: Place,
    follower: Follower,
    events: Events,
    /// The last number that was told.
    cursor: Option<i64>,
    progress: HashMap<MessageId, InboundState>,
    draft: Draft,
}

impl Listening {
    async fn run(mut self) -> Result<(), Gone> {
        self.events.alive().await?;
        loop {
            let look_at = match self.read().await {
                Ok(told) => {
                    told?;
                    Instant::now() + sse::ALIVE_EVERY
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a conversation cannot be read now"
                    );
                    Instant::now() + PAUSE
                }
            };
            if self.hear_until(look_at).await? == Heard::Stopping {
                return Ok(());
            }
        }
    }

    /// Tells what comes live, until there is something to read.
    async fn hear_until(&mut self, look_at: Instant) -> Result<Heard, Gone> {
        loop {
            let news = tokio::select! {
                news = self.follower.next() => news,
                () = self.events.gone() => return Err(Gone),
                () = sleep_until(look_at) => {
                    self.events.alive().await?;
                    return Ok(Heard::LookAgain);
                }
            };
            match news {
                None => return Ok(Heard::Stopping),
                Some(News::Changed) => return Ok(Heard::LookAgain),
                Some(News::Typing) => self.events.send("typing", None, &json!({"on": true})).await?,
                Some(News::Draft {
                    turn,
                    sequence,
                    from,
                    text,
                }) => {
                    if let Some(text) = self.draft.hear(&turn, sequence, from, &text) {
                        let draft = json!({"turn": turn, "text": text});
                        self.events.send("draft", None, &draft).await?;
                    }
                }
            }
        }
    }

    /// Tells what can be read by now.
    async fn read(&mut self) -> Result<Result<(), Gone>, StoreError> {
        let (db, integration, key) = (
            self.chat.db.clone(),
            self.place.account.integration,
            self.place.key(),
        );
        loop {
            let entries = chat::entries(&db, integration, &key, self.cursor, AT_ONCE).await?;
            let is_all = (entries.len() as i64) < AT_ONCE || self.cursor.is_none();
            // Before the first message everything is after it.
            self.cursor.get_or_insert(0);
            for entry in entries {
                let number = entry.number;
                if let Some(state) = entry.state {
                    self.progress.insert(entry.message, state);
                }
                let item = Item::of(entry, &self.place, &self.chat.addresses);
                if item.direction == Direction::Outbound {
                    self.draft.end();
                }
                if self
                    .events
                    .send("message", Some(&item.cursor), &item)
                    .await
                    .is_err()
                {
                    return Ok(Err(Gone));
                }
                self.cursor = Some(number);
            }
            if is_all {
                break;
            }
        }
        let progress = chat::progress(&db, integration, &key, PROGRESS).await?;
        for reached in &progress {
            if self.progress.get(&reached.message) == Some(&reached.state) {
                continue;
            }
            let state =
                json!({"message_id": reached.message, "state": reached.state, "reason": reached.reason});
            if self.events.send("state", None, &state).await.is_err() {
                return Ok(Err(Gone));
            }
        }
        self.progress = progress
            .into_iter()
            .map(|reached| (reached.message, reached.state))
            .collect();
        Ok(Ok(()))
    }
}

#[derive(PartialEq, Eq)]
enum Heard {
    LookAgain,
    Stopping,
}
