//! What is done with what is heard.

use super::{
    Listener, dispatch,
    line::{self, End, Line, Payload, Stop, Stream, op},
    lost,
    sessions::Session,
};
use channel::ListenError;
use serde_json::Value;
use std::{sync::atomic::Ordering, time::Duration};

/// The reading side.
pub(super) struct Reader<'a, 'b> {
    pub(super) listener: &'a Listener<'b>,
    pub(super) shard: u32,
    pub(super) line: &'a Line,
    pub(super) session: &'a mut Option<Session>,
    pub(super) was_connected: &'a mut bool,
    /// Where the session is now is remembered.
    pub(super) is_remembered: bool,
}

impl Reader<'_, '_> {
    pub(super) async fn read(&mut self, stream: &mut Stream) -> Stop {
        loop {
            let heard = match line::next(self.listener, stream).await {
                Ok(payload) => self.hear(payload).await,
                Err(stop) => Err(stop),
            };
            if let Err(stop) = heard {
                return stop;
            }
        }
    }

    async fn hear(&mut self, payload: Payload) -> Result<(), Stop> {
        match payload.op {
            op::DISPATCH => self.event(payload).await,
            op::HEARTBEAT => self.line.beat().await,
            op::HEARTBEAT_ACK => {
                self.line.is_answered.store(true, Ordering::Relaxed);
                self.remember().await
            }
            op::RECONNECT => Err(Stop::Ended(End::go_on("Discord asked to connect again"))),
            op::INVALID_SESSION => {
                let wait = rand::random_range(self.listener.times.after_invalid.clone());
                Err(Stop::Ended(End {
                    reason: "Discord does not know the session any more".to_owned(),
                    is_session_over: payload.d != true,
                    pause: Duration::from_millis(wait),
                }))
            }
            _ => Ok(()),
        }
    }

    async fn event(&mut self, payload: Payload) -> Result<(), Stop> {
        let seq = payload
            .s
            .ok_or_else(|| lost("an event of Discord's Gateway has no number"))?;
        self.line.heard.store(seq, Ordering::Relaxed);
        let name = payload.t.as_deref().unwrap_or_default();
        match name {
            "READY" => {
                *self.session = Some(begun(&payload.d, seq, self.listener.wants_content())?);
                self.is_remembered = false;
                self.remember().await?;
                self.is_connected().await;
                return Ok(());
            }
            "RESUMED" => self.is_connected().await,
            _ => (),
        }
        let Some(session) = self.session else {
            return Ok(());
        };
        let was_queued = dispatch::take(self.listener, name, payload.d, &session.bot).await?;
        session.seq = seq;
        self.is_remembered = false;
        if was_queued {
            self.remember().await?;
        }
        Ok(())
    }

    /// What brings no message is remembered with the next that does, or with the next heartbeat: to read it again does no
    /// harm.
    async fn remember(&mut self) -> Result<(), Stop> {
        if let (Some(session), false) = (&self.session, self.is_remembered) {
            self.listener.sessions.remember(self.shard, session).await?;
            self.is_remembered = true;
        }
        Ok(())
    }

    async fn is_connected(&mut self) {
        if !std::mem::replace(self.was_connected, true) {
            self.listener.is_connected().await;
        }
    }
}

fn begun(ready: &Value, seq: u64, content: bool) -> Result<Session, ListenError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let session = || {
        Some(Session {
            id: text(&ready["session_id"])?,
            seq,
            url: text(&ready["resume_gateway_url"])?,
            bot: text(&ready["user"]["id"])?,
            content,
        })
    };
    session().ok_or_else(|| lost("what Discord's Gateway says of the session cannot be read"))
}
