//! Everything of a person as a ZIP file: `person.json`, a file for each conversation, and the files that came in them.

use super::{JobError, Keeper};
use std::io::{Cursor, Write};
use store::{
    StoreError, blobs,
    data_jobs::{Claimed, Counts},
    erasure::export,
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Files are left out, and named, once those before have so many bytes.
const MOST_BYTES: i64 = 200 * 1024 * 1024;

impl Keeper {
    pub(super) async fn export(&self, job: &Claimed) -> Result<(), JobError> {
        let person = self.person(job).await?;
        let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
        let mut counts = Counts::new();
        let (mut written, mut left_out) = (0, Vec::new());
        for id in &person.conversations {
            let Some(talk) = export::conversation(&self.db, *id).await? else {
                continue;
            };
            *counts.entry("conversations".to_owned()).or_default() += 1;
            let messages = talk["messages"].as_array().map_or(0, Vec::len);
            *counts.entry("messages".to_owned()).or_default() += i64::try_from(messages).unwrap_or(i64::MAX);
            entries.push((format!("conversations/{id}.json"), pretty(&talk)?));
            for file in export::files(&self.db, *id).await? {
                let name = format!("files/{}-{}", file.blob, harmless(file.name.as_deref()));
                if written + file.bytes > MOST_BYTES {
                    left_out.push(name);
                    continue;
                }
                written += file.bytes;
                let mut tx = self.db.tenant(job.workspace).await?;
                let mut bytes = Vec::new();
                let mut position = 0;
                while let Some(piece) = blobs::piece(&mut tx, file.blob, position).await? {
                    bytes.extend_from_slice(&piece);
                    position += 1;
                }
                entries.push((name, bytes));
                *counts.entry("files".to_owned()).or_default() += 1;
            }
        }
        let mut known = export::known(&self.db, &person).await?;
        known["files_left_out"] = left_out.into();
        entries.push(("person.json".to_owned(), pretty(&known)?));
        let contacts = i64::try_from(person.contacts.len()).unwrap_or(i64::MAX);
        counts.insert("contacts".to_owned(), contacts);
        let file = tokio::task::spawn_blocking(move || zipped(&entries))
            .await
            .map_err(unwritten)??;
        let mut tx = self.db.system().await?;
        self.advance(&mut tx, job, &counts).await?;
        let blob = blobs::insert(&mut tx, job.workspace, "application/zip", &file).await?;
        self.finish(tx, job, Some(blob)).await
    }
}

fn zipped(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>, JobError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), SimpleFileOptions::default())
            .map_err(unwritten)?;
        zip.write_all(bytes).map_err(unwritten)?;
    }
    Ok(zip.finish().map_err(unwritten)?.into_inner())
}

fn unwritten(error: impl std::fmt::Display) -> JobError {
    JobError::File(error.to_string())
}

fn pretty(value: &serde_json::Value) -> Result<Vec<u8>, JobError> {
    serde_json::to_vec_pretty(value).map_err(|error| StoreError::from(error).into())
}

/// A name that stays in its folder, whatever somebody called it.
fn harmless(name: Option<&str>) -> String {
    name.unwrap_or("file")
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect()
}
