//! Who wrote what, and what became of it, seen from outside: what the webhook was told and what the platform received.

use simulator::{model::tokens, twilio::Message};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::{Duration, Instant},
};

/// One message as the load generator knows it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its token.
    pub token: String,
    /// Who wrote it.
    pub contact: String,
    /// When the webhook was first called for it.
    pub offered: Instant,
    /// When the webhook said 2xx.
    pub accepted: Option<Instant>,
}

/// The account of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    by_token: HashMap<String, usize>,
    answers: HashMap<String, Vec<Answer>>,
    newest: HashMap<String, usize>,
    replies: u64,
    unexpected: Vec<String>,
    reordered: HashSet<String>,
    changed: u64,
}

#[derive(Debug)]
struct Answer {
    at: Instant,
    body: String,
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// Messages that the webhook took.
    pub accepted: usize,
    /// Accepted messages that a reply on the platform answers.
    pub answered: usize,
    /// Accepted messages that none does.
    pub lost: usize,
    /// Answers beyond the first.
    pub duplicated: usize,
    /// Answers that came after the answer to a later message of the same conversation.
    pub reordered: usize,
    /// Replies that answer nothing, or somebody else.
    pub unexpected: usize,
    /// Duplicates whose text differs.
    pub changed: u64,
    /// Replies on the platform.
    pub replies: u64,
}

impl Balance {
    /// Duplicates per accepted message.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn duplicated_share(&self) -> f64 {
        if self.accepted == 0 {
            0.0
        } else {
            self.duplicated as f64 / self.accepted as f64
        }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accepted {} / answered {} / lost {} / duplicated {} / reordered {}",
            self.accepted, self.answered, self.lost, self.duplicated, self.reordered
        )?;
        if self.unexpected > 0 || self.changed > 0 {
            write!(
                f,
                " / unexpected {} / duplicates with another text {}",
                self.unexpected, self.changed
            )?;
        }
        Ok(())
    }
}

impl Ledger {
    /// A message is about to be offered to the webhook. Messages of a contact are entered in their order.
    pub fn offer(&mut self, token: &str, contact: &str) {
        self.by_token.insert(token.to_owned(), self.entries.len());
        let entry = Entry {
            token: token.to_owned(),
            contact: contact.to_owned(),
            offered: Instant::now(),
            accepted: None,
        };
        self.entries.push(entry);
    }

    /// The webhook took it.
    pub fn accept(&mut self, token: &str) {
        if let Some(entry) = self
            .by_token
            .get(token)
            .and_then(|index| self.entries.get_mut(*index))
        {
            entry.accepted.get_or_insert_with(Instant::now);
        }
    }

    /// The platform received a reply.
    pub fn reply(&mut self, message: &Message) {
        self.replies += 1;
        let mut named: Vec<&str> = tokens(&message.body).collect();
        named.sort_unstable();
        named.dedup();
        if named.is_empty() {
            self.unexpected
                .push(format!("without a token: {:.80}", message.body));
        }
        let mut highest = None;
        for token in named {
            let Some(&index) = self.by_token.get(token) else {
                self.unexpected.push(format!("unknown token {token}"));
                continue;
            };
            if self.entries[index].contact != message.to {
                self.unexpected
                    .push(format!("{token} was answered to somebody else"));
                continue;
            }
            if self.newest.get(&message.to).is_some_and(|newest| *newest > index) {
                self.reordered.insert(token.to_owned());
            }
            highest = highest.max(Some(index));
            let answers = self.answers.entry(token.to_owned()).or_default();
            if answers.first().is_some_and(|first| first.body != message.body) {
                self.changed += 1;
            }
            answers.push(Answer {
                at: Instant::now(),
                body: message.body.clone(),
            });
        }
        if let Some(highest) = highest {
            let newest = self.newest.entry(message.to.clone()).or_default();
            *newest = highest.max(*newest);
        }
    }

    /// Whether everything that was accepted has been answered.
    pub fn is_settled(&self) -> bool {
        self.outstanding() == 0
    }

    /// Accepted and not answered yet.
    pub fn outstanding(&self) -> usize {
        self.accepted()
            .filter(|entry| !self.answers.contains_key(&entry.token))
            .count()
    }

    fn accepted(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.accepted.is_some())
    }

    /// The tokens of what was lost.
    pub fn lost(&self) -> Vec<String> {
        let lost = self
            .accepted()
            .filter(|entry| !self.answers.contains_key(&entry.token));
        lost.map(|entry| entry.token.clone()).collect()
    }

    /// Replies that answer nothing.
    pub fn unexpected(&self) -> &[String] {
        &self.unexpected
    }

    /// From the webhook's first call to the reply's arrival at the platform, of every answered message in turn.
    pub fn durations(&self) -> Vec<Duration> {
        let first = |entry: &Entry| self.answers.get(&entry.token).and_then(|answers| answers.first());
        self.accepted()
            .filter_map(|entry| Some(first(entry)?.at.duration_since(entry.offered)))
            .collect()
    }

    /// When the last first answer came.
    pub fn last_answer(&self) -> Option<Instant> {
        self.answers
            .values()
            .filter_map(|answers| answers.first())
            .map(|answer| answer.at)
            .max()
    }

    /// What it comes to.
    pub fn balance(&self) -> Balance {
        let accepted = self.accepted().count();
        let answered = self
            .accepted()
            .filter(|entry| self.answers.contains_key(&entry.token))
            .count();
        Balance {
            accepted,
            answered,
            lost: accepted - answered,
            duplicated: self.answers.values().map(|answers| answers.len() - 1).sum(),
            reordered: self.reordered.len(),
            unexpected: self.unexpected.len(),
            changed: self.changed,
            replies: self.replies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulator::twilio::Direction;

    fn reply(to: &str, body: &str) -> Message {
        Message {
            seq: 1,
            sid: "SM".into(),
            account_sid: "AC".into(),
            from: None,
            to: to.into(),
            body: body.into(),
            media: Vec::new(),
            direction: Direction::Outbound,
            status: "queued".into(),
            messaging_service_sid: None,
            status_callback: None,
            num_segments: 1,
            error_code: None,
            created_at: chrono::Utc::now(),
        }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for (number, contact) in [(1, "+1"), (2, "+1"), (3, "+2"), (4, "+2")] {
            let token = simulator::model::token(number);
            ledger.offer(&token, contact);
            ledger.accept(&token);
        }
        ledger
    }

    #[test]
    fn an_answer_to_two_messages_answers_both_and_the_rest_is_lost() {
        let mut ledger = ledger();

        ledger.reply(&reply("+1", "Heard zq0000000001 zq0000000002."));
        ledger.reply(&reply("+2", "Heard zq0000000003."));

        assert_eq!(
            ledger.balance().to_string(),
            "accepted 4 / answered 3 / lost 1 / duplicated 0 / reordered 0"
        );
        assert_eq!(ledger.lost(), ["zq0000000004"]);
    }

    #[test]
    fn a_second_answer_is_a_duplicate_and_a_late_one_out_of_order() {
        let mut ledger = ledger();

        for body in ["zq0000000002", "zq0000000001", "zq0000000002"] {
            ledger.reply(&reply("+1", body));
        }

        let balance = ledger.balance();
        assert_eq!(
            (balance.duplicated, balance.reordered, balance.changed),
            (1, 1, 0)
        );
    }

    #[test]
    fn an_answer_to_the_wrong_person_answers_nobody() {
        let mut ledger = ledger();

        ledger.reply(&reply("+2", "zq0000000001"));
        ledger.reply(&reply("+2", "I do not know."));

        assert_eq!((ledger.balance().answered, ledger.balance().unexpected), (0, 2));
    }

    #[test]
    fn what_was_refused_is_not_owed_an_answer() {
        let mut ledger = Ledger::default();
        ledger.offer("zq0000000001", "+1");

        assert!(ledger.is_settled());
        assert_eq!(ledger.balance().accepted, 0);
    }
}
