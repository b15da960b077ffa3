//! A zip of files: each is read as if it had been brought alone.

use crate::{
    document::{Extraction, Refused},
    error::ExtractError,
    kind::Kind,
    limits::Limits,
    office::package::Package,
    one,
};

/// Reads all files of an archive. One that cannot be read costs only itself.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Extraction, ExtractError> {
    let mut package = Package::open(bytes, limits.unpacked)?;
    let names = package.names();
    if names.len() > limits.files {
        return Err(ExtractError::TooManyFiles { limit: limits.files });
    }
    let mut extraction = Extraction::default();
    let mut characters = 0;
    for name in names.into_iter().filter(|name| !is_litter(name)) {
        let read = package.file(&name).and_then(|bytes| {
            let kind = Kind::of(&name, &bytes)?;
            one(kind, &name, &bytes, limits)
        });
        match read {
            Ok(document) => {
                characters += document.text.chars().count();
                extraction.documents.push(document);
            }
            // It is the archive that is too large then, whatever file it shows at.
            Err(error @ ExtractError::TooLarge { .. }) => return Err(error),
            Err(error) => extraction.refused.push(Refused {
                name,
                reason: error.to_string(),
            }),
        }
        if characters > limits.characters {
            return Err(ExtractError::TooMuchText {
                limit: limits.characters,
            });
        }
    }
    if extraction.documents.is_empty() {
        return Err(match extraction.refused.first() {
            Some(first) => ExtractError::Damaged(format!(
                "nothing in the archive can be read; {}: {}",
                first.name, first.reason
            )),
            None => ExtractError::NoText,
        });
    }
    Ok(extraction)
}

/// What operating systems add, and files that are meant not to be seen.
fn is_litter(name: &str) -> bool {
    name.starts_with("__MACOSX/")
        || name
            .rsplit('/')
            .next()
            .is_some_and(|file| file.starts_with('.') || file == "Thumbs.db")
}
