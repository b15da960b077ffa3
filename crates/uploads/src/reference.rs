//! How a message names a file of ours.

use crate::name::in_address;
use domain::BlobId;
use std::fmt;

/// The scheme of the address of a file that is ours.
const SCHEME: &str = "blob:";

/// A file of ours in a message's media: `blob:{id}/{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its bytes.
    pub blob: BlobId,
    /// Its name, as it stands in its address.
    name: String,
}

impl Reference {
    /// To this file; the name as [`crate::called`] makes it.
    pub fn new(blob: BlobId, name: &str) -> Self {
        Self {
            blob,
            name: in_address(name),
        }
    }

    /// Of what stands in a message's media. `None`: it is an address of somebody else's.
    pub fn of(media: &str) -> Option<Self> {
        let (blob, name) = media.strip_prefix(SCHEME)?.split_once('/')?;
        Some(Self::new(blob.parse().ok()?, name))
    }

    /// Its name, as it stands in its address.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.blob, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_and_nothing_else_is_one() {
        let reference = Reference::new(BlobId::new(), "Plan für Ada.pdf");

        assert_eq!(Reference::of(&reference.to_string()), Some(reference));
        for other in [
            "https://example.com/a.png",
            "blob:",
            "blob:x/y.png",
            "blob:/a",
            "",
        ] {
            assert_eq!(Reference::of(other), None, "{other}");
        }
    }
}
