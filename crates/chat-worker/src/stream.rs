//! Showing an answer while it is being written, to whoever follows its conversation over the chat API.
//!
//! Invariant: a draft is no answer. Nothing rests on it, it may be lost, and a turn that is run again writes another one;
//! what was said is in the database, once, when the turn has committed.

use crate::written::is_written_on;
use queue::{
    Queue,
    news::{self, News},
};
use std::time::Duration;
use store::{Db, StoreError, turns, turns::Claim};
use tokio::{sync::watch, time::Instant};

/// Nobody reads faster than this.
const PACE: Duration = Duration::from_millis(50);
/// A draft longer than this, in bytes, is told in pieces: an event carries only so much, and in JSON a byte may take six.
const PIECE: usize = 1_200;

/// A conversation that may be followed.
#[derive(Clone)]
pub struct Followed {
    queue: Queue,
    topic: String,
}

impl Followed {
    /// `None`: its platform has what we write sent, and nobody reads it here.
    pub async fn of(db: &Db, queue: &Queue, claim: &Claim) -> Result<Option<Self>, StoreError> {
        if !claim.platform.is_own() {
            return Ok(None);
        }
        let found = turns::correspondent(db, claim.conversation).await?;
        Ok(found.map(|found| Self {
            queue: queue.clone(),
            topic: news::topic(claim.integration, &found.conversation_key),
        }))
    }

    /// Tells whoever follows it.
    pub fn tell(&self, news: &News) {
        news::tell(&self.queue, &self.topic, news);
    }

    /// Tells of an answer while it is being written, until no more will be.
    pub async fn show(&self, written: watch::Receiver<String>) {
        Draft::begin().follow(written, |news| self.tell(&news)).await;
    }
}

/// An answer that is being written.
struct Draft {
    turn: String,
    sequence: u32,
    /// Up to here, in bytes, all is told and is not told again.
    from: usize,
    told: String,
}

impl Draft {
    fn begin() -> Self {
        Self {
            turn: uuid::Uuid::new_v4().simple().to_string(),
            sequence: 0,
            from: 0,
            told: String::new(),
        }
    }

    /// The newest text at every step of the pace. A text that comes too soon after another waits for its moment: a model
    /// that then pauses leaves nothing untold.
    async fn follow(mut self, mut written: watch::Receiver<String>, mut tell: impl FnMut(News)) {
        while written.changed().await.is_ok() {
            let text = written.borrow_and_update().clone();
            self.say(&text, &mut tell);
            if !is_written_on(&written, Instant::now() + PACE).await {
                return;
            }
        }
    }

    fn say(&mut self, text: &str, tell: &mut impl FnMut(News)) {
        if text.is_empty() || text == self.told {
            return;
        }
        for (from, end) in pieces(&self.told, text, &mut self.from) {
            self.sequence += 1;
            tell(News::Draft {
                turn: self.turn.clone(),
                sequence: self.sequence,
                from,
                text: text[from..end].to_owned(),
            });
        }
        text.clone_into(&mut self.told);
    }
}

/// The pieces in which a text is told whose beginning was told before. `from` is where the next piece begins.
fn pieces(told: &str, text: &str, from: &mut usize) -> Vec<(usize, usize)> {
    if !text.starts_with(&told[..*from]) {
        *from = 0;
    }
    let mut pieces = Vec::new();
    while text.len() - *from > PIECE {
        let end = (*from + 1..=*from + PIECE)
            .rev()
            .find(|&end| text.is_char_boundary(end))
            .unwrap_or(text.len());
        pieces.push((*from, end));
        *from = end;
    }
    pieces.push((*from, text.len()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::written::written;

    #[test]
    fn a_draft_of_any_length_is_told_in_pieces_from_which_it_can_be_put_together() {
        let whole = "Grüße an alle 👋 ".repeat(400);
        let mut from = 0;
        let mut told = String::new();
        let mut heard = String::new();

        for end in (1..=whole.len())
            .filter(|&end| whole.is_char_boundary(end))
            .step_by(7)
        {
            let text = &whole[..end];
            for (start, end) in pieces(&told, text, &mut from) {
                assert!(end - start <= PIECE && start <= heard.len());
                heard.truncate(start);
                heard.push_str(&text[start..end]);
            }
            assert_eq!(heard, text);
            text.clone_into(&mut told);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_just_before_a_pause_of_the_model_is_told_and_what_lies_between_is_not() {
        let (sink, written) = written();
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let following = Draft::begin().follow(written, move |news| {
            let News::Draft { text, .. } = news else { return };
            said.send(text).unwrap();
        });
        let writing = async move {
            sink.say("We are open");
            assert_eq!(heard.recv().await.unwrap(), "We are open");
            sink.say("We are open from");
            sink.say("We are open from 9");
            // The model pauses.
            assert_eq!(heard.recv().await.unwrap(), "We are open from 9");
            drop(sink);
            assert_eq!(heard.recv().await, None);
        };

        tokio::join!(following, writing);
    }

    #[test]
    fn a_draft_that_begins_anew_is_told_from_its_beginning() {
        let (first, second) = ("a".repeat(PIECE * 2), "b".repeat(10));
        let mut from = 0;
        pieces("", &first, &mut from);

        assert_eq!(pieces(&first, &second, &mut from), [(0, 10)]);
    }
}
