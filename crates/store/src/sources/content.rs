//! What a source says, or where it is to be read.

use crate::StoreError;
use domain::BlobId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a source says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// One text; lines that begin with `#` are headings.
    Text(String),
    /// Questions with their answers.
    Qa(Vec<Pair>),
    /// A file that was brought.
    File(File),
    /// A web page, or a site of them.
    Site(Site),
}

/// A question with its answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// As a visitor may ask it.
    pub question: String,
    /// As the chatbot is to answer it.
    pub answer: String,
}

/// A file that was brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub blob: BlobId,
    /// As it was called.
    pub name: String,
    /// Its length.
    pub bytes: i64,
}

/// Which pages are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Where the look begins.
    pub start: String,
    /// Also what its sitemap names and its pages link to, on the same host; otherwise this one page.
    pub whole_site: bool,
    /// Paths that are read, with `*` for anything; all when empty.
    #[serde(default)]
    pub include: Vec<String>,
    /// Paths that are not.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// So many pages at most.
    pub most_pages: i32,
    /// So many links away from the start at most.
    pub most_depth: i32,
}

impl Content {
    /// As in the column `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Qa(_) => "qa",
            Self::File(_) => "file",
            Self::Site(_) => "site",
        }
    }

    /// How many characters it has, as far as it is here.
    pub fn characters(&self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::Qa(pairs) => pairs
                .iter()
                .map(|p| p.question.chars().count() + p.answer.chars().count())
                .sum(),
            Self::File(_) | Self::Site(_) => 0,
        }
    }

    /// The column `blob_id`.
    pub(super) const fn blob(&self) -> Option<BlobId> {
        match self {
            Self::File(file) => Some(file.blob),
            Self::Text(_) | Self::Qa(_) | Self::Site(_) => None,
        }
    }

    pub(super) fn to_json(&self) -> Result<serde_json::Value, StoreError> {
        Ok(match self {
            Self::Text(text) => serde_json::json!({ "text": without_nul(text) }),
            Self::Qa(pairs) => serde_json::json!({ "pairs": pairs.iter().map(|pair| {
                serde_json::json!({ "question": without_nul(&pair.question), "answer": without_nul(&pair.answer) })
            }).collect::<Vec<_>>() }),
            Self::File(file) => serde_json::json!({ "name": without_nul(&file.name), "bytes": file.bytes }),
            Self::Site(site) => serde_json::to_value(site)?,
        })
    }

    pub(crate) fn from_row(
        kind: &str,
        json: serde_json::Value,
        blob: Option<uuid::Uuid>,
    ) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Text {
            text: String,
        }
        #[derive(Deserialize)]
        struct Qa {
            pairs: Vec<Pair>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
            bytes: i64,
        }
        match kind {
            "text" => Ok(Self::Text(serde_json::from_value::<Text>(json)?.text)),
            "qa" => Ok(Self::Qa(serde_json::from_value::<Qa>(json)?.pairs)),
            "file" => {
                let Named { name, bytes } = serde_json::from_value(json)?;
                let blob =
                    blob.ok_or_else(|| StoreError::Unreadable("a file without its bytes".to_owned()))?;
                Ok(Self::File(File {
                    blob: blob.into(),
                    name,
                    bytes,
                }))
            }
            "site" => Ok(Self::Site(serde_json::from_value(json)?)),
            other => Err(StoreError::Unreadable(format!("a source of kind {other:?}"))),
        }
    }
}

/// Only its size: knowledge is the owner's, and logs are not the place for it.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} characters", self.kind(), self.characters())
    }
}

/// Nothing of its text.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// PostgreSQL keeps no U+0000; nobody can see that it is gone.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}
