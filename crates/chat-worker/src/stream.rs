//! Showing an answer while it is being written, to whoever follows its conversation over the chat API.
//!
//! Invariant: a draft is no answer. Nothing rests on it, it may be lost, and a turn that is run again writes another one;
//! what was said is in the database, once, when the turn has committed.

use queue::{
    Queue,
    news::{self, News},
};
use std::time::Duration;
use store::{Db, StoreError, turns, turns::Claim};
use tokio::time::Instant;

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

    /// An answer that is about to be written.
    pub fn draft(&self) -> Draft {
        Draft {
            followed: self.clone(),
            turn: uuid::Uuid::new_v4().simple().to_string(),
            sequence: 0,
            from: 0,
            told: String::new(),
            told_at: None,
        }
    }
}

/// An answer that is being written.
pub struct Draft {
    followed: Followed,
    turn: String,
    sequence: u32,
    /// Up to here, in bytes, all is told and is not told again.
    from: usize,
    told: String,
    told_at: Option<Instant>,
}

impl Draft {
    /// Tells what there is of it so far, unless it was told a moment ago.
    pub fn say(&mut self, text: &str) {
        let soon = self.told_at.is_some_and(|at| at.elapsed() < PACE);
        if soon || text.is_empty() || text == self.told {
            return;
        }
        for (from, end) in pieces(&self.told, text, &mut self.from) {
            self.sequence += 1;
            self.followed.tell(&News::Draft {
                turn: self.turn.clone(),
                sequence: self.sequence,
                from,
                text: text[from..end].to_owned(),
            });
        }
        text.clone_into(&mut self.told);
        self.told_at = Some(Instant::now());
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

    #[test]
    fn a_draft_that_begins_anew_is_told_from_its_beginning() {
        let (first, second) = ("a".repeat(PIECE * 2), "b".repeat(10));
        let mut from = 0;
        pieces("", &first, &mut from);

        assert_eq!(pieces(&first, &second, &mut from), [(0, 10)]);
    }
}
