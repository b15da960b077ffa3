//! Putting together what is told of an answer that is being written.

use std::collections::HashSet;

/// The draft of one conversation.
#[derive(Default)]
pub struct Draft {
    turn: String,
    sequence: u32,
    text: String,
    /// Drafts that have become answers, or will not.
    over: HashSet<String>,
}

impl Draft {
    /// Takes a piece in. The draft as it is now, where it has changed and is whole.
    pub fn hear(&mut self, turn: &str, sequence: u32, from: usize, text: &str) -> Option<&str> {
        if self.over.contains(turn) {
            return None;
        }
        if self.turn != turn {
            *self = Self {
                turn: turn.to_owned(),
                over: std::mem::take(&mut self.over),
                ..Self::default()
            };
        }
        // A piece whose beginning was lost says nothing; the next one that tells all of it does.
        if sequence <= self.sequence || from > self.text.len() || !self.text.is_char_boundary(from) {
            return None;
        }
        self.sequence = sequence;
        self.text.truncate(from);
        self.text.push_str(text);
        Some(&self.text)
    }

    /// What was written is an answer now, and stands in the database.
    pub fn end(&mut self) {
        if !self.turn.is_empty() {
            let turn = std::mem::take(&mut self.turn);
            self.over.insert(turn);
            self.text.clear();
            self.sequence = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_and_a_lost_one_is_waited_for() {
        let mut draft = Draft::default();

        assert_eq!(draft.hear("a", 1, 0, "Two"), Some("Two"));
        assert_eq!(draft.hear("a", 3, 9, " more"), None);
        assert_eq!(draft.hear("a", 4, 0, "Two days"), Some("Two days"));
        assert_eq!(draft.hear("a", 5, 8, " at most"), Some("Two days at most"));
        assert_eq!(draft.hear("a", 4, 0, "Two"), None);
        assert_eq!(draft.hear("b", 1, 0, "No"), Some("No"));
        draft.end();
        assert_eq!(draft.hear("b", 2, 0, "No, three"), None);
        assert_eq!(draft.hear("c", 1, 0, "Yes"), Some("Yes"));
    }
}
