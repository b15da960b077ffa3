//! `getUpdates`: updates are kept until somebody asks for what comes after them, and a question waits for one.
//! <https://core.telegram.org/bots/api#getupdates>

use super::{Telegram, hook, refusal, send::ok, update};
use crate::{
    connection,
    played::{Answer, Done, Ending, Held, Open, Params, Person, Play, Played, next_number},
};
use actix_web::HttpRequest;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// Updates in one answer, at most and unless told otherwise.
const MOST: usize = 100;
/// How long Telegram's server waits at most, in seconds, whatever it is asked.
const LONGEST: u64 = 50;

/// What waits to be asked for.
#[derive(Default)]
pub(crate) struct Updates(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    updates: BTreeMap<u64, (Value, Person)>,
    /// Kinds that were asked for last. `None`: all.
    wanted: Option<Vec<Value>>,
    /// Questions so far. The last is the only one that is answered.
    questions: u64,
    /// How the question that waits is to end.
    ending: Option<Ending>,
}

/// What becomes of a question now.
enum Look {
    Wait,
    Updates(Vec<(Value, Person)>),
    /// Another was asked meanwhile.
    Displaced,
    End(Ending),
}

impl Updates {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question: it forgets what comes before its offset. Its number.
    fn ask(&self, offset: Option<i64>, wanted: Option<Value>) -> u64 {
        let mut queue = self.queue();
        match offset {
            Some(offset) if offset < 0 => {
                // So many from the end.
                let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                while queue.updates.len() > keep {
                    queue.updates.pop_first();
                }
            }
            Some(offset) => queue.updates = queue.updates.split_off(&offset.unsigned_abs()),
            None => {}
        }
        if let Some(Value::Array(kinds)) = wanted {
            queue.wanted = Some(kinds).filter(|kinds| !kinds.is_empty());
        }
        queue.ending = None;
        queue.questions += 1;
        queue.questions
    }

    fn look(&self, question: u64, limit: usize) -> Look {
        let mut queue = self.queue();
        if queue.questions != question {
            return Look::Displaced;
        }
        if let Some(ending) = queue.ending.take() {
            return Look::End(ending);
        }
        let ready: Vec<_> = queue.updates.values().take(limit).cloned().collect();
        if ready.is_empty() {
            Look::Wait
        } else {
            Look::Updates(ready)
        }
    }
}

impl Held for Telegram {
    fn tell(&self, played: &Played, person: &Person) -> anyhow::Result<()> {
        let mut update = update::update(person)?;
        let kind = if update["message"].is_null() {
            "callback_query"
        } else {
            "message"
        };
        let mut queue = played.lines().telegram.queue();
        let is_wanted = |kinds: &Vec<Value>| kinds.iter().any(|wanted| wanted == kind);
        if queue.wanted.as_ref().is_none_or(is_wanted) {
            // In the order in which they come, whatever order they were written in.
            let number = next_number();
            update["update_id"] = number.into();
            queue.updates.insert(number, (update, person.clone()));
        }
        drop(queue);
        played.lines().announce();
        Ok(())
    }

    fn end(&self, played: &Played, ending: Ending) {
        played.lines().telegram.queue().ending = Some(ending);
        played.lines().announce();
    }
}

pub(super) async fn answer(played: &Played, request: &HttpRequest, params: &Params) -> Result<Done, Answer> {
    hook::without(played)?;
    let number = |name: &str| params.text(name).and_then(|text| text.parse::<i64>().ok());
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.filter(|limit| (1..=MOST).contains(limit)).unwrap_or(MOST);
    let wait = number("timeout").and_then(|seconds| u64::try_from(seconds).ok());
    let until = Instant::now() + Duration::from_secs(wait.unwrap_or_default().min(LONGEST));
    let updates = &played.lines().telegram;
    let question = updates.ask(number("offset"), params.value("allowed_updates"));
    let mut news = played.lines().news();
    let _open = Open::new(played, &Telegram);
    loop {
        news.borrow_and_update();
        match updates.look(question, limit) {
            Look::Wait => {}
            Look::Updates(ready) => {
                for (_, person) in &ready {
                    played.set_told(&Telegram, person);
                }
                let ready: Vec<Value> = ready.into_iter().map(|(update, _)| update).collect();
                return Ok(ok(ready.into()).into());
            }
            Look::Displaced => {
                played
                    .lines()
                    .count(&Telegram as &dyn Play, |all| all.displaced += 1);
                return Err(refusal(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                ));
            }
            Look::End(Ending::Cut) => {
                connection::cut(request);
                return Err(Answer::empty(500));
            }
            Look::End(_) => return Err(refusal(500, "Internal Server Error: restart")),
        }
        if hook::without(played).is_err() {
            return Err(refusal(409, "Conflict: terminated by setWebhook request"));
        }
        if !matches!(timeout_at(until, news.changed()).await, Ok(Ok(()))) {
            return Ok(ok(Vec::<Value>::new().into()).into());
        }
    }
}
