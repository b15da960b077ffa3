//! A zip that is read with care: what it unpacks to is counted while it is unpacked, not believed.

use crate::error::ExtractError;
use std::io::{Cursor, Read};
use zip::{ZipArchive, result::ZipError};

/// A zip in memory.
pub(crate) struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    limit: u64,
    left: u64,
}

impl<'a> Package<'a> {
    /// `limit`: bytes that all files read from it may unpack to.
    pub(crate) fn open(bytes: &'a [u8], limit: u64) -> Result<Self, ExtractError> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
        Ok(Self {
            zip,
            limit,
            left: limit,
        })
    }

    /// Whether it has such a file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// Whether it has such a file, with these bytes at its beginning.
    pub(crate) fn begins(mut self, name: &str, start: &[u8]) -> bool {
        let Ok(file) = self.zip.by_name(name) else {
            return false;
        };
        let mut found = Vec::new();
        file.take(start.len() as u64).read_to_end(&mut found).is_ok() && found == start
    }

    /// The names of its files, in order. Folders and links are none, nor is what would lie outside of it.
    pub(crate) fn names(&mut self) -> Vec<String> {
        let mut names: Vec<String> = (0..self.zip.len())
            .filter_map(|i| {
                let file = self.zip.by_index_raw(i).ok()?;
                let inside = file.enclosed_name().is_some() && !file.is_dir() && !file.is_symlink();
                inside
                    .then(|| file.name().ok().map(std::borrow::Cow::into_owned))
                    .flatten()
            })
            .collect();
        names.sort();
        names
    }

    /// A file's content.
    pub(crate) fn file(&mut self, name: &str) -> Result<Vec<u8>, ExtractError> {
        let file = self.zip.by_name(name).map_err(|error| damaged(&error))?;
        if file.encrypted() {
            return Err(ExtractError::Encrypted);
        }
        let mut content = Vec::new();
        file.take(self.left.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| ExtractError::Damaged(format!("{name} in it cannot be unpacked ({error})")))?;
        let length = content.len() as u64;
        if length > self.left {
            return Err(ExtractError::TooLarge { limit: self.limit });
        }
        self.left -= length;
        Ok(content)
    }

    /// A file's content, `None` when there is no such file.
    pub(crate) fn optional(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        self.has(name).then(|| self.file(name)).transpose()
    }
}

fn damaged(error: &ZipError) -> ExtractError {
    match error {
        ZipError::UnsupportedArchive(reason) if reason.to_ascii_lowercase().contains("password") => {
            ExtractError::Encrypted
        }
        other => ExtractError::Damaged(format!("it cannot be unpacked ({other})")),
    }
}
