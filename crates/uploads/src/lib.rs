//! Files that are uploaded to be sent: what they are, how they are named, and where platforms fetch them.
//!
//! Invariants:
//! - A file's kind is what its bytes say, whatever its name and its sender say.
//! - What is stored of a file in a message is a [`Reference`]. An [address](Addresses::of) is made when it is needed and is
//!   never stored, so it never goes stale in a queue.
//! - An address opens one file of one workspace, for a while, and nothing can be made of it that opens another.

mod address;
pub mod kind;
mod name;
mod reference;

pub use address::{Addresses, LIFETIME, Unreachable};
pub use name::{called, tidy};
pub use reference::Reference;
