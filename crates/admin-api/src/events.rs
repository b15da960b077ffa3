//! What happens in a workspace, told to the pages of its members while they are open.
//!
//! Invariants:
//! - Only what is published under the workspace's own topic is told, and that is ids and kinds: what they stand for is read
//!   by the ordinary requests, which ask again who may.
//! - The stream begins with `sync`, and whenever something may have been missed `sync` is told again: whoever then reads
//!   everything anew has missed nothing.
//! - Whoever may not be told any more is told nothing more: their stream ends when their session or membership does.

use crate::{
    AdminApi,
    caller::{Caller, Seat},
    path::WorkspacePath,
    problem::{Kind, Problem},
    sessions,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use domain::Role;
use process::sse::{self, Events, Gone};
use queue::{
    LiveEvent, LiveEvents,
    workspace_news::{self, WorkspaceNews},
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use store::StoreError;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// How many streams one caller may have open in this process: tabs of browsers, and what forgot to hang up.
const MOST_STREAMS: usize = 30;

/// How many streams each caller has open.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<Uuid, usize>>>);

/// One of them.
struct Stream {
    streams: Streams,
    caller: Uuid,
}

impl Streams {
    fn open(&self, caller: Uuid) -> Option<Stream> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(caller).or_default();
        if *count >= MOST_STREAMS {
            return None;
        }
        *count += 1;
        Some(Stream {
            streams: self.clone(),
            caller,
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

/// What happens in a workspace, as it happens.
///
/// Server-sent events. `sync`: read everything again; it comes first, and whenever something may have been missed.
/// `messages`, `conversations` and `hand_off` name `conversations`; `sources` names a `chatbot`; `trial` names a `chatbot`
/// and a `run`. The stream ends with the session.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/events", params(WorkspacePath),
    responses((status = 200, body = serde_json::Value, content_type = "text/event-stream",
               example = json!("event: messages\ndata: {\"conversations\":[\"0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55\"]}\n\n")))
)]
pub(crate) async fn follow(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
) -> Result<HttpResponse, Problem> {
    let stream = api.streams().open(seat.caller.id()).ok_or_else(|| {
        let detail = format!("{MOST_STREAMS} of your pages follow what happens already: close some");
        Problem::new(Kind::TooManyTries, detail)
    })?;
    // From here on nothing is missed; what was before is read after the first `sync`.
    let live = api.queue().live().subscribe();
    let api = api.as_ref().clone();
    Ok(sse::respond(move |events| async move {
        let _counted = stream;
        Following {
            api,
            seat,
            live,
            events,
        }
        .run()
        .await
    }))
}

struct Following {
    api: AdminApi,
    seat: Seat,
    live: LiveEvents,
    events: Events,
}

impl Following {
    async fn run(mut self) -> Result<(), Gone> {
        let topic = workspace_news::topic(self.seat.workspace);
        let access = self.seat.user().map(workspace_news::access_topic);
        self.sync().await?;
        let mut look_at = Instant::now() + sse::ALIVE_EVERY;
        loop {
            let event = tokio::select! {
                event = self.live.next() => event,
                () = self.events.gone() => return Err(Gone),
                () = sleep_until(look_at) => {
                    look_at = Instant::now() + sse::ALIVE_EVERY;
                    if !self.may_be_told().await {
                        return Ok(());
                    }
                    self.events.alive().await?;
                    continue;
                }
            };
            match event {
                None => return Ok(()),
                Some(LiveEvent::Resync) => {
                    if !self.may_be_told().await {
                        return Ok(());
                    }
                    self.sync().await?;
                }
                Some(LiveEvent::Event { topic, .. }) if Some(&topic) == access.as_ref() => {
                    if !self.may_be_told().await {
                        return Ok(());
                    }
                }
                Some(event) => {
                    if let Some(news) = workspace_news::read(&event, &topic) {
                        self.tell(&news).await?;
                    }
                }
            }
        }
    }

    async fn sync(&self) -> Result<(), Gone> {
        self.events.send("sync", None, &json!({})).await
    }

    async fn tell(&self, news: &WorkspaceNews) -> Result<(), Gone> {
        let (event, data) = match news {
            WorkspaceNews::Messages { conversations } => {
                ("messages", json!({ "conversations": conversations }))
            }
            WorkspaceNews::Conversations { conversations } => {
                ("conversations", json!({ "conversations": conversations }))
            }
            WorkspaceNews::HandOff { conversations } => {
                ("hand_off", json!({ "conversations": conversations }))
            }
            WorkspaceNews::Sources { chatbot } => ("sources", json!({ "chatbot": chatbot })),
            WorkspaceNews::Trial { chatbot, run } => ("trial", json!({ "chatbot": chatbot, "run": run })),
        };
        self.events.send(event, None, &data).await
    }

    /// While the database is away nobody can be asked, and nobody is told.
    async fn may_be_told(&self) -> bool {
        match self.is_seated().await {
            Ok(is_seated) => is_seated,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "whether a member may still follow the workspace cannot be asked: their stream ends"
                );
                false
            }
        }
    }

    async fn is_seated(&self) -> Result<bool, StoreError> {
        let db = self.api.db();
        match &self.seat.caller {
            Caller::Person(person) => {
                let alive =
                    store::sessions::is_alive(db, person.session, sessions::IDLE, self.api.now()).await?;
                let role = store::memberships::role_in(db, self.seat.workspace, person.user).await?;
                Ok(alive && role.is_some_and(|role| role >= Role::Viewer))
            }
            Caller::Key { id, .. } => store::api_keys::is_valid(db, *id).await,
        }
    }
}
