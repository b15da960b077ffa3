//! How much of everything a file may take.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits of one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of the process that reads, in bytes.
    pub memory: u64,
    /// Processor time and time on the clock, in seconds.
    pub seconds: u64,
    /// Characters of one document.
    pub characters: usize,
    /// Bytes of everything that is packed in one file, unpacked.
    pub unpacked: u64,
    /// Files in an archive.
    pub files: usize,
    /// Pages of a PDF, slides of a presentation.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            seconds: 10,
            characters: 5_000_000,
            unpacked: 64 << 20,
            files: 1_000,
            pages: 3_000,
        }
    }
}

impl Limits {
    /// As a span of time.
    pub const fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
