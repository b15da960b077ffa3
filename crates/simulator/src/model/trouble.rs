//! What a provider can do instead of answering.

use serde::{Deserialize, Serialize};

/// In each provider's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Too many requests; asks to be left alone for seven seconds.
    RateLimited,
    /// It has more to do than it can.
    Overloaded,
    /// The prompt does not fit.
    TooLong,
    /// Its safety rules forbid an answer.
    Blocked,
    /// A success that is no answer of an API: a page, say.
    Garbage,
    /// A success without a word.
    Nothing,
    /// A streamed answer that ends in its middle, in good order; a whole one that is half a body.
    Half,
    /// An error in the middle of a streamed answer.
    Broken,
    /// The head of a response, and then nothing.
    Hanging,
}
