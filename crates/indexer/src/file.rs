//! Files that owners brought.

use crate::{Indexer, cut, work::Unread};
use store::{
    StoreError, blobs,
    sources::{Claimed, File, NewDocument},
};

/// A file's documents.
pub(crate) async fn documents(
    indexer: &Indexer,
    claimed: &Claimed,
    file: &File,
) -> Result<Vec<NewDocument>, Unread> {
    let bytes = bytes(indexer, claimed, file).await?;
    let read = indexer
        .extractor
        .read(&file.name, &bytes)
        .await
        .map_err(|error| {
            if error.is_transient() {
                Unread::Later(error.to_string())
            } else {
                Unread::Owner(error.to_string())
            }
        })?;
    let title = claimed.title.clone();
    let documents = tokio::task::spawn_blocking(move || cut::extraction(&title, read))
        .await
        .map_err(|error| Unread::Later(format!("cutting the file ended badly: {error}")))?;
    // Of one file alone, or of an archive in which nothing is to be found, that is the source's state.
    if documents.iter().all(|document| document.chunks.is_empty()) {
        let reason = documents.into_iter().find_map(|document| document.error);
        return Err(Unread::Owner(reason.unwrap_or_else(|| cut::NO_TEXT.to_owned())));
    }
    Ok(documents)
}

async fn bytes(indexer: &Indexer, claimed: &Claimed, file: &File) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::with_capacity(usize::try_from(file.bytes).unwrap_or_default());
    let mut tx = indexer.db.tenant(claimed.workspace).await?;
    for position in 0.. {
        match blobs::piece(&mut tx, file.blob, position).await? {
            Some(piece) => bytes.extend(piece),
            None => break,
        }
    }
    if i64::try_from(bytes.len()).unwrap_or(i64::MAX) != file.bytes {
        return Err(StoreError::Unreadable("a file's bytes are not all there".to_owned()).into());
    }
    Ok(bytes)
}
