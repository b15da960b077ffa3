//! Calls as they come from a model: in pieces or whole, with an id or without.

use crate::tools::{Signature, ToolCall};
use serde_json::Value;

/// Calls that come in pieces, put together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct CallPieces(Vec<CallPiece>);

/// A piece of a call, or all of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct CallPiece {
    /// Which of the calls of this answer.
    pub index: Option<usize>,
    pub id: String,
    pub name: String,
    /// A piece of JSON.
    pub arguments: String,
    /// See [`Signature`].
    pub signature: String,
    /// All of a call: it goes with no other piece.
    pub whole: bool,
}

impl CallPieces {
    /// The next pieces. A piece with an id of its own begins a call, whatever its index: some endpoints count none.
    pub fn add(&mut self, pieces: Vec<CallPiece>) {
        for piece in pieces {
            let known = self.0.iter_mut().rev().filter(|_| !piece.whole).find(|known| {
                let same_place = piece.index.is_none() || known.index == piece.index;
                let same_call = piece.id.is_empty() || known.id == piece.id;
                same_place && same_call
            });
            match known {
                Some(known) => {
                    if known.name != piece.name {
                        known.name.push_str(&piece.name);
                    }
                    known.arguments.push_str(&piece.arguments);
                    known.signature.push_str(&piece.signature);
                }
                None => self.0.push(piece),
            }
        }
    }

    /// How much has come.
    pub fn bytes(&self) -> usize {
        let bytes = |piece: &CallPiece| {
            size_of::<CallPiece>()
                + piece.id.len()
                + piece.name.len()
                + piece.arguments.len()
                + piece.signature.len()
        };
        self.0.iter().map(bytes).sum()
    }

    /// The calls, each with an id. `round`: how many there were before; `signer`: see [`Signature`].
    pub fn whole(self, round: usize, signer: u64) -> Vec<ToolCall> {
        self.0
            .into_iter()
            .filter(|piece| !piece.name.is_empty())
            .enumerate()
            .map(|(place, piece)| ToolCall {
                id: if piece.id.is_empty() {
                    id(round, place)
                } else {
                    piece.id
                },
                name: piece.name,
                arguments: match piece.arguments.trim() {
                    "" => Value::Object(serde_json::Map::new()),
                    text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
                },
                signature: (!piece.signature.is_empty()).then_some(Signature {
                    signer,
                    text: piece.signature,
                }),
            })
            .collect()
    }
}

/// For a call without one: no other of the same question has it, and nobody refuses it. Mistral takes nine letters and
/// digits and nothing else.
pub(crate) fn id(round: usize, place: usize) -> String {
    format!("call{round:02}{place:03}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn piece(index: Option<usize>, id: &str, name: &str, arguments: &str) -> CallPiece {
        CallPiece {
            index,
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            ..CallPiece::default()
        }
    }

    #[test]
    fn calls_are_put_together_by_place_or_by_id() {
        let mut pieces = CallPieces::default();
        pieces.add(vec![piece(Some(0), "a", "find", "")]);
        pieces.add(vec![
            piece(Some(0), "", "", "{\"q\""),
            piece(Some(1), "b", "order", "{}"),
        ]);
        pieces.add(vec![piece(Some(0), "", "", ": 1}")]);
        // Some count no places, or count all as the first.
        pieces.add(vec![piece(Some(0), "c", "stop", "no json")]);

        let calls = pieces.whole(0, 0);

        let calls: Vec<_> = calls
            .iter()
            .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone()))
            .collect();
        assert_eq!(
            calls,
            [
                ("a", "find", json!({"q": 1})),
                ("b", "order", json!({})),
                ("c", "stop", json!("no json"))
            ]
        );
    }

    #[test]
    fn whole_calls_stay_apart_and_get_ids_that_no_other_round_has() {
        let whole = |name: &str| CallPiece {
            whole: true,
            signature: "thoughts".to_owned(),
            ..piece(None, "", name, "{}")
        };
        let mut pieces = CallPieces::default();
        pieces.add(vec![whole("find"), whole("find")]);
        pieces.add(vec![whole("order")]);

        let calls = pieces.whole(2, 7);

        let ids: Vec<_> = calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call02000", "call02001", "call02002"]);
        assert!(ids.iter().all(|id| id.len() == 9));
        let signature = calls[2].signature.as_ref().unwrap();
        assert_eq!((signature.signer, signature.text.as_str()), (7, "thoughts"));
    }
}
