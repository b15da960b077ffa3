//! One call of a platform's API, from its beginning to its end: noted down, hindered by faults, done, reported.

use super::{Answer, Done, Kind, Operation, Outgoing, Play, Played, fault::Refusal, report};
use crate::connection;
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// What a call is about.
pub(crate) struct About {
    pub operation: Operation,
    /// The platform's name of the operation.
    pub name: String,
    pub conversation: Option<String>,
}

impl About {
    pub fn new(operation: Operation, name: impl Into<String>, conversation: Option<String>) -> Self {
        Self {
            operation,
            name: name.into(),
            conversation,
        }
    }
}

/// Does a call. `refused`: who calls may not, and hears this.
pub(crate) async fn serve(
    played: &Played,
    play: &'static dyn Play,
    request: &HttpRequest,
    about: About,
    refused: Option<Answer>,
    act: impl Future<Output = Result<Done, Answer>>,
) -> HttpResponse {
    let seq = played.call_begins(play, &about);
    let refuse = |answer: Answer| {
        played.call_ends(seq, answer.status.to_string());
        played.count(play, |counts| counts.refused += 1);
        answer.response()
    };
    if let Some(answer) = refused {
        return refuse(answer);
    }
    let effect = played.decide(play, &about);
    if effect.delay > Duration::ZERO {
        tokio::time::sleep(effect.delay).await;
    }
    match effect.refusal {
        Some(Refusal::TooMany(retry_after)) => return refuse(play.too_many(retry_after)),
        Some(Refusal::Answer(answer)) => return refuse(answer),
        Some(Refusal::Cut) => {
            played.call_ends(seq, "cut".to_owned());
            played.count(play, |counts| counts.refused += 1);
            connection::cut(request);
            return HttpResponse::InternalServerError().finish();
        }
        None => {}
    }
    let Done {
        answer,
        message,
        failed,
    } = match act.await {
        Ok(done) => done,
        Err(answer) => return refuse(answer),
    };
    if let Some(message) = message {
        report::begin(played, play, message, failed.or(effect.failed)).await;
    }
    if effect.cut_after {
        played.call_ends(seq, format!("{} cut", answer.status));
        played.count(play, |counts| counts.unheard += 1);
        connection::cut(request);
        return HttpResponse::InternalServerError().finish();
    }
    played.call_ends(seq, answer.status.to_string());
    answer.response()
}

impl Played {
    /// Puts something into the outbox.
    pub(crate) fn accept(&self, play: &dyn Play, outgoing: Outgoing) -> Outgoing {
        self.count(play, |counts| match outgoing.kind {
            Kind::Sent => counts.sent += 1,
            Kind::Edited => counts.edited += 1,
            Kind::Deleted => counts.deleted += 1,
            Kind::Typing => counts.typing += 1,
        });
        self.outbox().put(outgoing)
    }
}

impl Outgoing {
    /// Something of a platform's only account, with nothing in it yet.
    pub(crate) fn new(play: &dyn Play, kind: Kind, conversation: &str, id: impl Into<String>) -> Self {
        Self {
            position: 0,
            platform: play.name().to_owned(),
            account: play.account().to_owned(),
            conversation: conversation.to_owned(),
            thread: None,
            kind,
            id: id.into(),
            text: String::new(),
            buttons: Vec::new(),
            media: Vec::new(),
            reply_to: None,
            raw: serde_json::Value::Null,
            at: chrono::Utc::now(),
        }
    }
}
