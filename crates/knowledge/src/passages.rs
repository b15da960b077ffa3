//! The passages of a snapshot, packed: of many the text takes a third of what it would. A search unpacks the few that it
//! reads.
//!
//! Passages are too short to be packed each for itself, so what a chatbot's texts have in common is learned once, as a
//! dictionary (Zstandard, RFC 8878 section 5).

use crate::error::KnowledgeError;
use domain::{ChunkId, DocumentId};
use std::{
    collections::{HashMap, HashSet},
    io,
    sync::Arc,
};
use store::chunks::Chunk;
use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, from_continuous},
};

/// The fastest: the next ones take twice as long for a few bytes.
const LEVEL: i32 = 1;
/// Below so much text, in bytes, a dictionary costs more than it saves.
const WORTH_A_DICTIONARY: usize = 512 * 1024;
/// A dictionary's size, in bytes, for a text that is large enough for it.
const DICTIONARY: usize = 64 * 1024;
/// A dictionary is learned from so many times its size, or from all there is.
const SAMPLE: usize = 24;
/// What the allocator and the counts of a shared slice take.
const ALLOCATION: usize = 32;
/// PostgreSQL's texts have no such character.
const BETWEEN: char = '\0';

/// A snapshot's passages by the numbers under which its index knows them.
#[derive(Clone)]
pub(crate) struct Passages {
    dictionary: Option<Arc<Dictionary>>,
    /// By ascending number.
    rows: Vec<Row>,
}

/// What the texts have in common.
struct Dictionary {
    bytes: Vec<u8>,
    decoder: DecoderDictionary<'static>,
}

#[derive(Clone)]
struct Row {
    number: u64,
    id: ChunkId,
    since_version: i64,
    origin: Arc<Origin>,
    packed: Arc<[u8]>,
}

/// What all passages of a document share.
#[derive(PartialEq, Eq, Hash)]
struct Origin {
    document: DocumentId,
    title: Box<str>,
    url: Option<Box<str>>,
}

/// A passage without its text.
pub(crate) struct Known {
    pub number: u64,
    pub since_version: i64,
}

impl Passages {
    /// Numbers them from 0, in their order.
    pub(crate) fn pack(chunks: &[Chunk]) -> Result<Self, KnowledgeError> {
        let mut passages = Self {
            dictionary: Dictionary::learn(chunks)?.map(Arc::new),
            rows: Vec::with_capacity(chunks.len()),
        };
        passages.push((0..).zip(chunks))?;
        Ok(passages)
    }

    /// Adds some whose numbers are higher than all before and ascend.
    pub(crate) fn push<'a>(
        &mut self,
        added: impl Iterator<Item = (u64, &'a Chunk)>,
    ) -> Result<(), KnowledgeError> {
        let mut packer = match &self.dictionary {
            Some(dictionary) => Compressor::with_dictionary(LEVEL, &dictionary.bytes),
            None => Compressor::new(LEVEL),
        }
        .map_err(failed)?;
        packer.include_dictid(false).map_err(failed)?;
        packer.include_checksum(false).map_err(failed)?;
        let mut origins: HashMap<(DocumentId, &str), Arc<Origin>> = HashMap::new();
        for (number, chunk) in added {
            let origin = origins
                .entry((chunk.document, chunk.title.as_str()))
                .or_insert_with(|| Arc::new(Origin::of(chunk)));
            self.rows.push(Row {
                number,
                id: chunk.id,
                since_version: chunk.since_version,
                origin: origin.clone(),
                packed: packer.compress(plain(chunk).as_bytes()).map_err(failed)?.into(),
            });
        }
        Ok(())
    }

    /// Takes out those of these numbers.
    pub(crate) fn remove(&mut self, gone: &HashSet<u64>) {
        self.rows.retain(|row| !gone.contains(&row.number));
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Which there are.
    pub(crate) fn known(&self) -> HashMap<ChunkId, Known> {
        let known = |row: &Row| Known {
            number: row.number,
            since_version: row.since_version,
        };
        self.rows.iter().map(|row| (row.id, known(row))).collect()
    }

    /// To read some of them.
    pub(crate) fn reader(&self) -> Result<Reader<'_>, KnowledgeError> {
        let unpacker = match &self.dictionary {
            Some(dictionary) => Decompressor::with_prepared_dictionary(&dictionary.decoder),
            None => Decompressor::new(),
        };
        Ok(Reader {
            passages: self,
            unpacker: unpacker.map_err(failed)?,
        })
    }

    /// How much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        let origins: HashMap<*const Origin, usize> = self
            .rows
            .iter()
            .map(|row| (Arc::as_ptr(&row.origin), row.origin.bytes()))
            .collect();
        let packed: usize = self.rows.iter().map(|row| row.packed.len() + ALLOCATION).sum();
        let dictionary = self
            .dictionary
            .as_ref()
            .map_or(0, |dictionary| 2 * dictionary.bytes.len());
        self.rows.capacity() * size_of::<Row>() + packed + origins.values().sum::<usize>() + dictionary
    }
}

/// Reads passages.
pub(crate) struct Reader<'a> {
    passages: &'a Passages,
    unpacker: Decompressor<'a>,
}

impl Reader<'_> {
    /// The passage with this number. `None`: there is none.
    pub(crate) fn read(&mut self, number: u64) -> Result<Option<Chunk>, KnowledgeError> {
        let rows = &self.passages.rows;
        match rows.binary_search_by_key(&number, |row| row.number) {
            Ok(at) => self.unpack(&rows[at]).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// All of them, by ascending number.
    pub(crate) fn all(mut self) -> impl Iterator<Item = Result<Chunk, KnowledgeError>> {
        self.passages.rows.iter().map(move |row| self.unpack(row))
    }

    fn unpack(&mut self, row: &Row) -> Result<Chunk, KnowledgeError> {
        let length = zstd::zstd_safe::get_frame_content_size(&row.packed)
            .ok()
            .flatten();
        let length = length.and_then(|length| usize::try_from(length).ok());
        let plain = self
            .unpacker
            .decompress(&row.packed, length.unwrap_or_default())
            .map_err(failed)?;
        let plain = String::from_utf8(plain).map_err(|error| failed(io::Error::other(error)))?;
        let mut parts = plain.splitn(3, BETWEEN);
        let (first, second, third) = (parts.next(), parts.next(), parts.next());
        let (question, text) = match third {
            Some(text) => (second.map(str::to_owned), text),
            None => (None, second.unwrap_or_default()),
        };
        Ok(Chunk {
            id: row.id,
            document: row.origin.document,
            title: row.origin.title.to_string(),
            url: row.origin.url.as_deref().map(str::to_owned),
            heading: first.unwrap_or_default().to_owned(),
            question,
            text: text.to_owned(),
            since_version: row.since_version,
        })
    }
}

impl Dictionary {
    /// `None`: there is too little text for one.
    fn learn(chunks: &[Chunk]) -> Result<Option<Self>, KnowledgeError> {
        let all: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();
        if all < WORTH_A_DICTIONARY {
            return Ok(None);
        }
        // From everywhere in the knowledge: every so-manieth passage.
        let every = (all / (SAMPLE * DICTIONARY)).max(1);
        let (mut samples, mut sizes) = (Vec::new(), Vec::new());
        for chunk in chunks.iter().step_by(every) {
            let plain = plain(chunk);
            samples.extend_from_slice(plain.as_bytes());
            sizes.push(plain.len());
        }
        let size = (samples.len() / 8).min(DICTIONARY);
        // Texts that have nothing in common, or are all the same, make none.
        let Ok(bytes) = from_continuous(&samples, &sizes, size) else {
            return Ok(None);
        };
        let decoder = DecoderDictionary::copy(&bytes);
        Ok(Some(Self { bytes, decoder }))
    }
}

impl Origin {
    fn of(chunk: &Chunk) -> Self {
        Self {
            document: chunk.document,
            title: chunk.title.as_str().into(),
            url: chunk.url.as_deref().map(Into::into),
        }
    }

    fn bytes(&self) -> usize {
        let url = self.url.as_ref().map_or(0, |url| url.len() + ALLOCATION);
        size_of::<Self>() + ALLOCATION + self.title.len() + ALLOCATION + url
    }
}

fn plain(chunk: &Chunk) -> String {
    let Chunk {
        heading,
        question,
        text,
        ..
    } = chunk;
    match question {
        Some(question) => format!("{heading}{BETWEEN}{question}{BETWEEN}{text}"),
        None => format!("{heading}{BETWEEN}{text}"),
    }
}

fn failed(error: io::Error) -> KnowledgeError {
    KnowledgeError::Packing(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(i: usize) -> Chunk {
        Chunk {
            id: ChunkId::new(),
            document: DocumentId::new(),
            title: format!("Manual {i}"),
            url: i.is_multiple_of(3).then(|| format!("https://example.org/{i}")),
            heading: if i.is_multiple_of(5) {
                String::new()
            } else {
                format!("Part {i} > Grüße")
            },
            question: i.is_multiple_of(4).then(|| format!("What about {i}?")),
            text: format!("The hammer number {i} is kept in drawer {}. 你好 👋 ", i * 7).repeat(9),
            since_version: i as i64,
        }
    }

    #[test]
    fn every_passage_comes_out_as_it_went_in_with_and_without_a_dictionary() {
        for count in [0, 7, 2_000] {
            let chunks: Vec<Chunk> = (0..count).map(chunk).collect();
            let mut passages = Passages::pack(&chunks).unwrap();
            assert_eq!(passages.dictionary.is_some(), count == 2_000);
            let later: Vec<Chunk> = (count..count + 3).map(chunk).collect();
            passages.push((count as u64 + 10..).zip(&later)).unwrap();
            passages.remove(&HashSet::from([1, count as u64 + 11]));

            let mut reader = passages.reader().unwrap();
            assert_eq!(reader.read(1).unwrap(), None);
            for (number, expected) in (0..).zip(&chunks).chain((count as u64 + 10..).zip(&later)) {
                let gone = number == 1 || number == count as u64 + 11;
                assert_eq!(reader.read(number).unwrap().as_ref(), (!gone).then_some(expected));
            }
            let all: Vec<Chunk> = passages.reader().unwrap().all().map(Result::unwrap).collect();
            assert_eq!(all.len(), passages.len());
        }
    }

    #[test]
    fn a_large_knowledge_takes_less_than_half_of_its_text() {
        let document = DocumentId::new();
        let of_one = |i| Chunk {
            document,
            title: "Manual".to_owned(),
            ..chunk(i)
        };
        let chunks: Vec<Chunk> = (0..3_000).map(of_one).collect();
        let texts: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();

        let passages = Passages::pack(&chunks).unwrap();

        assert!(passages.bytes() < texts / 2, "{} of {texts}", passages.bytes());
    }
}
