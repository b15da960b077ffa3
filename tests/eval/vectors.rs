//! Vectors of texts, each computed once and kept on disk: a corpus takes minutes.

use anyhow::{Context, Result};
use embedder::Embedder;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
    time::{Duration, Instant},
};

/// Begins the hash of a text.
type Key = [u8; 16];

/// An embedder with a memory.
pub struct Vectors {
    embedder: Embedder,
    known: HashMap<Key, Vec<f32>>,
    file: File,
}

/// So many texts are computed before they are written down.
const PORTION: usize = 512;
/// So often it is told how far that is.
const TELLS: Duration = Duration::from_secs(15);

fn key(text: &str) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&Sha256::digest(text)[..16]);
    key
}

impl Vectors {
    /// `folder`: where what was computed is kept, a file for each model.
    pub fn open(embedder: Embedder, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let name: String = embedder
            .identity()
            .chars()
            .map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' })
            .collect();
        let path = folder.join(format!("{name}.vectors"));
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .with_context(|| path.display().to_string())?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut known = HashMap::new();
        let mut rest = bytes.as_slice();
        // Each: the key, the number of dimensions, the numbers. A last one that is incomplete is computed again.
        while let Some((head, after)) = rest.split_at_checked(20) {
            let length = 4 * u32::from_le_bytes(head[16..].try_into()?) as usize;
            let Some((numbers, after)) = after.split_at_checked(length) else {
                break;
            };
            let numbers = numbers.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            known.insert(head[..16].try_into()?, numbers.collect());
            rest = after;
        }
        if !rest.is_empty() {
            file.set_len((bytes.len() - rest.len()) as u64)?;
        }
        Ok(Self {
            embedder,
            known,
            file,
        })
    }

    /// Computes what is not known yet.
    pub async fn learn(&mut self, what: &str, texts: impl IntoIterator<Item = &str>) -> Result<()> {
        let mut seen = HashSet::new();
        let mut missing: Vec<&str> = texts
            .into_iter()
            .filter(|text| !self.known.contains_key(&key(text)) && seen.insert(key(text)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_by_key(|text| text.len());
        let (all, started) = (missing.len(), Instant::now());
        let mut told = started;
        for (done, portion) in missing.chunks(PORTION).enumerate() {
            if told.elapsed() > TELLS {
                told = Instant::now();
                println!("embedding {what}: {} of {all} texts", done * PORTION);
            }
            let vectors = self.embedder.embed(portion).await?;
            let mut bytes = Vec::new();
            for (text, vector) in portion.iter().zip(vectors) {
                bytes.extend(key(text));
                bytes.extend(u32::try_from(vector.len())?.to_le_bytes());
                vector.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
                self.known.insert(key(text), vector);
            }
            self.file.write_all(&bytes)?;
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "embedded {all} texts of {what} in {seconds:.0} s ({:.0} a second)",
            all as f64 / seconds
        );
        Ok(())
    }

    /// The vector of a text that was learned.
    pub fn of(&self, text: &str) -> Option<&[f32]> {
        self.known.get(&key(text)).map(Vec::as_slice)
    }

    /// Whether the model learned from English alone.
    pub fn english_only(&self) -> bool {
        self.embedder.languages() == embedder::Languages::English
    }
}
