//! A chatbot's passages, ready to be searched: BM25 (k1 1.2, b 0.75) over stemmed words.
//!
//! A copy of what the database holds, in memory, and never changed: a newer version is another snapshot that shares with
//! this one what stayed the same. Place is left beside the words for vectors: a passage's embedding comes with its chunk.

use crate::{analyze::Analyzer, error::KnowledgeError, language::Language, question::Question, reading};
use domain::{ChunkId, Passage};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use store::chunks::{Chunk, Revisions};
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term,
    collector::TopDocs,
    directory::RamDirectory,
    query::{BooleanQuery, Occur, Query, TermQuery},
    schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::TokenizerManager,
};

/// The least that tantivy changes an index with; it takes pages of it as it needs them.
const WRITER_BYTES: usize = 15_000_000;
/// What an index is made with at first.
const SMALLEST_BUILD: usize = 200_000;
const LARGEST_BUILD: usize = 64_000_000;
/// Below this many passages everything is read anew rather than changed.
const SMALL: usize = 200;
/// What a passage costs besides its text: its place in the tables.
const CHUNK_OVERHEAD: usize = 260;
/// What an open index costs besides its files.
const SNAPSHOT_OVERHEAD: usize = 48_000;
/// How many passages are looked at for each one that is asked for: some of them say the same.
const CANDIDATES: usize = 2;

/// A chatbot's passages, ready to be searched.
pub struct Snapshot {
    version: i64,
    analyzer: Analyzer,
    index: Index,
    directory: RamDirectory,
    reader: IndexReader,
    fields: Fields,
    /// By the number under which the index knows them.
    chunks: HashMap<u64, Arc<Chunk>>,
    /// The number of each, and its revision.
    known: HashMap<ChunkId, (u64, i64)>,
    next: u64,
    bytes: usize,
    average_terms: f32,
}

#[derive(Clone, Copy)]
struct Fields {
    number: Field,
    body: Field,
}

impl Fields {
    fn document(self, number: u64, chunk: &Chunk) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_u64(self.number, number);
        document.add_text(self.body, reading::searchable(chunk));
        document
    }
}

/// Sees the index as it is now, until told to look again.
fn reader(index: &Index) -> Result<IndexReader, TantivyError> {
    index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(1)
        .try_into()
}

/// What a snapshot lacks, and has too much.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub gone: Vec<ChunkId>,
    pub missing: Vec<ChunkId>,
}

impl Snapshot {
    /// A snapshot of these passages. Takes processor time in proportion to them.
    pub fn build(version: i64, chunks: Vec<Chunk>) -> Result<Self, KnowledgeError> {
        Self::of(version, chunks.into_iter().map(Arc::new).collect())
    }

    fn of(version: i64, chunks: Vec<Arc<Chunk>>) -> Result<Self, KnowledgeError> {
        let analyzer = Analyzer::new(Language::of(chunks.iter().map(|chunk| chunk.text.as_str())));
        let mut schema = Schema::builder();
        let words = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let fields = Fields {
            number: schema.add_u64_field("number", INDEXED | FAST),
            body: schema.add_text_field("body", TextOptions::default().set_indexing_options(words)),
        };
        let directory = RamDirectory::create();
        let tokenizers = TokenizerManager::new();
        for name in [TOKENIZER, "default"] {
            // Every field looks for its tokenizer, numbers too; theirs is called default.
            tokenizers.register(name, analyzer.pipeline());
        }
        let builder = Index::builder()
            .schema(schema.build())
            .tokenizers(tokenizers.clone());
        let numbered = (0u64..).zip(&chunks);
        let mut index = if chunks.is_empty() {
            builder.open_or_create(directory.clone())?
        } else {
            // Starts no thread and takes no more than it needs: most chatbots are small.
            let texts: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();
            let budget = (4 * texts).clamp(SMALLEST_BUILD, LARGEST_BUILD);
            let mut writer = builder.single_segment_index_writer(directory.clone(), budget)?;
            for (number, chunk) in numbered.clone() {
                writer.add_document(fields.document(number, chunk))?;
            }
            writer.finalize()?
        };
        index.set_tokenizers(tokenizers);
        let reader = reader(&index)?;
        let mut snapshot = Self {
            version,
            analyzer,
            index,
            directory,
            reader,
            fields,
            known: numbered
                .map(|(number, chunk)| (chunk.id, (number, chunk.since_version)))
                .collect(),
            next: chunks.len() as u64,
            chunks: (0u64..).zip(chunks).collect(),
            bytes: 0,
            average_terms: 0.0,
        };
        snapshot.weigh()?;
        Ok(snapshot)
    }

    /// This snapshot, changed. The old one goes on answering as before.
    pub(crate) fn changed(
        &self,
        version: i64,
        gone: &[ChunkId],
        added: Vec<Chunk>,
    ) -> Result<Self, KnowledgeError> {
        let gone_or_replaced: HashSet<ChunkId> =
            gone.iter().copied().chain(added.iter().map(|c| c.id)).collect();
        let few = (gone.len() + added.len()) * 4 < self.chunks.len();
        let added: Vec<Arc<Chunk>> = added.into_iter().map(Arc::new).collect();
        if self.chunks.len() < SMALL || !few {
            let kept = self
                .chunks
                .values()
                .filter(|chunk| !gone_or_replaced.contains(&chunk.id))
                .cloned();
            let mut all: Vec<_> = kept.chain(added).collect();
            all.sort_by_key(|chunk| chunk.id);
            return Self::of(version, all);
        }
        let mut next = Self {
            version,
            analyzer: self.analyzer.clone(),
            index: self.index.clone(),
            directory: self.directory.clone(),
            reader: reader(&self.index)?,
            fields: self.fields,
            chunks: self.chunks.clone(),
            known: self.known.clone(),
            next: self.next,
            bytes: 0,
            average_terms: 0.0,
        };
        let numbers: Vec<u64> = gone_or_replaced
            .iter()
            .filter_map(|id| next.known.remove(id))
            .map(|(number, _)| number)
            .collect();
        next.write(&numbers, added)?;
        Ok(next)
    }

    fn write(&mut self, gone: &[u64], added: Vec<Arc<Chunk>>) -> Result<(), TantivyError> {
        // One thread, and it ends with the writer: a thousand small chatbots cost no thousand threads.
        let mut writer: IndexWriter = self.index.writer_with_num_threads(1, WRITER_BYTES)?;
        for number in gone {
            self.chunks.remove(number);
            writer.delete_term(Term::from_field_u64(self.fields.number, *number));
        }
        for chunk in added {
            let number = self.next;
            self.next += 1;
            writer.add_document(self.fields.document(number, &chunk))?;
            self.known.insert(chunk.id, (number, chunk.since_version));
            self.chunks.insert(number, chunk);
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        self.reader.reload()?;
        self.weigh()
    }

    fn weigh(&mut self) -> Result<(), TantivyError> {
        let texts: usize = self
            .chunks
            .values()
            .map(|c| c.text.len() + c.heading.len() + c.title.len() + CHUNK_OVERHEAD)
            .sum();
        self.bytes = SNAPSHOT_OVERHEAD + texts + self.directory.total_mem_usage();
        let searcher = self.reader.searcher();
        let mut terms = 0;
        for segment in searcher.segment_readers() {
            terms += segment.inverted_index(self.fields.body)?.total_num_tokens();
        }
        self.average_terms = terms as f32 / searcher.num_docs().max(1) as f32;
        Ok(())
    }

    /// The knowledge version of which it holds at least everything.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// About how much memory it takes.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many passages it has.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn difference(&self, now: &Revisions) -> Difference {
        let mut difference = Difference::default();
        let mut there = HashSet::with_capacity(now.chunks.len());
        for (id, since) in &now.chunks {
            there.insert(*id);
            if self.known.get(id).is_none_or(|(_, known)| known != since) {
                difference.missing.push(*id);
            }
        }
        difference.gone = self
            .known
            .keys()
            .filter(|id| !there.contains(*id))
            .copied()
            .collect();
        difference
    }

    /// The `k` passages that fit the question best, the best first, no two of them the same.
    pub fn search(&self, question: &str, k: usize) -> Result<Vec<Passage>, KnowledgeError> {
        let searcher = self.reader.searcher();
        let body = self.fields.body;
        let question = Question::new(question, &self.analyzer, searcher.num_docs(), |term| {
            searcher.doc_freq(&Term::from_field_text(body, term))
        })?;
        if question.words.iter().all(|word| !word.known) || k == 0 {
            return Ok(Vec::new());
        }
        let clauses: Vec<(Occur, Box<dyn Query>)> = question
            .words
            .iter()
            .filter(|word| word.known)
            .map(|word| {
                let term = Term::from_field_text(body, &word.term);
                let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                (Occur::Should, query)
            })
            .collect();
        let top = TopDocs::with_limit(k * CANDIDATES).order_by_score();
        let found = searcher.search(&BooleanQuery::new(clauses), &top)?;

        let mut passages = Vec::with_capacity(k);
        let mut said = HashSet::new();
        let best = found.first().map_or(0.0, |(score, _)| *score);
        for (score, address) in found {
            if passages.len() == k {
                break;
            }
            let segment = searcher.segment_reader(address.segment_ord);
            let number = segment.fast_fields().u64("number")?.first(address.doc_id);
            let Some(chunk) = number.and_then(|number| self.chunks.get(&number)) else {
                continue;
            };
            if !said.insert((&chunk.question, &chunk.text)) {
                continue;
            }
            passages.push(reading::read(
                chunk,
                score,
                best,
                &question,
                &self.analyzer,
                self.average_terms,
            ));
        }
        Ok(passages)
    }
}

const TOKENIZER: &str = "words";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{confidence::confidence, split};
    use domain::DocumentId;

    fn chunks(title: &str, pieces: Vec<split::Piece>) -> Vec<Chunk> {
        let document = DocumentId::new();
        pieces
            .into_iter()
            .map(|piece| Chunk {
                id: ChunkId::new(),
                document,
                title: title.to_owned(),
                heading: piece.heading,
                question: piece.question,
                text: piece.text,
                since_version: 1,
            })
            .collect()
    }

    const ENGLISH: &str = "# Shipping
We hand every parcel to the post on the day it is ordered. Parcels within the country take two working days to arrive. \
Shipping to islands takes a week. We do not ship to Antarctica.

# Returns
Anything can be sent back within 45 days. The money is on your account three days after the parcel reached us.

# Company
Acme was founded by Ada Miller in 1987 and still belongs to her family. The workshop is in Bristol.";

    const GERMAN: &str = "# Versand
Wir übergeben jedes Paket am Tag der Bestellung der Post. Pakete im Inland sind zwei Werktage unterwegs. Der Versand auf \
Inseln dauert eine Woche.

# Rückgabe
Innerhalb von 45 Tagen kann alles zurückgeschickt werden. Das Geld ist drei Tage nach Eingang des Pakets auf Ihrem Konto.

# Firma
Die Firma wurde 1987 von Ada Müller gegründet und gehört bis heute ihrer Familie. Die Werkstatt liegt in Bremen.";

    const CHINESE: &str = "# 配送
所有包裹都在下单当天交给邮局。国内包裹需要两个工作日送达。寄往海岛的包裹需要一周。

# 退货
商品在四十五天之内可以退回。我们收到包裹三天后退款。

# 公司
公司由王小明于1987年创立，至今仍属于他的家族。工厂位于杭州。";

    /// What is quoted for a question, and how sure one may be of it.
    fn quoted(snapshot: &Snapshot, question: &str) -> (String, f32) {
        let passages = snapshot.search(question, 6).unwrap();
        let best = passages
            .iter()
            .max_by(|a, b| a.quote_score.total_cmp(&b.quote_score));
        (
            best.map(|p| p.quoted().to_owned()).unwrap_or_default(),
            confidence(&passages).value,
        )
    }

    #[test]
    fn the_sentence_that_answers_is_quoted_in_each_language() {
        for (text, cases) in [
            (
                ENGLISH,
                [
                    ("How long do parcels within the country take?", "two working days"),
                    ("when do I get my money back", "three days after"),
                    ("Who founded Acme?", "Ada Miller"),
                ],
            ),
            (
                GERMAN,
                [
                    ("Wie lange sind Pakete im Inland unterwegs?", "zwei Werktage"),
                    ("Wann habe ich mein Geld auf dem Konto?", "drei Tage"),
                    ("Wer hat die Firma gegründet?", "Ada Müller"),
                ],
            ),
            (
                CHINESE,
                [
                    ("国内包裹多久送达？", "两个工作日"),
                    ("多少天之内可以退回商品？", "四十五天"),
                    ("公司是谁创立的？", "王小明"),
                ],
            ),
        ] {
            let snapshot = Snapshot::build(1, chunks("Terms", split::text(text))).unwrap();
            for (question, answer) in cases {
                let (quote, sure) = quoted(&snapshot, question);

                assert!(quote.contains(answer), "{question} was answered {quote}");
                assert!(quote.len() < text.len() / 3, "{quote} is a dumped passage");
                assert!(sure >= crate::DEFAULT_THRESHOLD, "{question} was refused: {sure}");
            }
        }
    }

    #[test]
    fn what_the_knowledge_does_not_say_is_not_answered() {
        for (text, questions) in [
            (
                ENGLISH,
                [
                    "What is the capital of Mongolia?",
                    "Do you repair bicycles?",
                    "Can I pay with Bitcoin?",
                    "hello",
                ],
            ),
            (
                GERMAN,
                [
                    "Wie heißt die Hauptstadt der Mongolei?",
                    "Reparieren Sie Fahrräder?",
                    "Kann ich mit Bitcoin zahlen?",
                    "hallo",
                ],
            ),
            (
                CHINESE,
                [
                    "蒙古的首都是哪里？",
                    "你们修理自行车吗？",
                    "可以用比特币付款吗？",
                    "你好",
                ],
            ),
        ] {
            let snapshot = Snapshot::build(1, chunks("Terms", split::text(text))).unwrap();
            for question in questions {
                let (quote, sure) = quoted(&snapshot, question);

                assert!(
                    sure < crate::DEFAULT_THRESHOLD,
                    "{question} was answered {quote}: {sure}"
                );
            }
        }
    }

    #[test]
    fn a_pair_that_matches_gives_its_whole_answer() {
        let pairs = [
            (
                "How do I reset my password?",
                "Open the settings. Choose Security. Then follow the link that we mail to you.",
            ),
            (
                "How do I delete my account?",
                "Write to us. We delete it within a day.",
            ),
            ("Who are you?", "I am the helper of Acme."),
        ];
        let pieces = pairs
            .iter()
            .filter_map(|(question, answer)| split::pair(question, answer))
            .collect();
        let mut all = chunks("Questions", pieces);
        all.extend(chunks("Terms", split::text(ENGLISH)));
        let snapshot = Snapshot::build(1, all).unwrap();

        for (question, answer) in [
            ("how can i reset the password", pairs[0].1),
            ("I want to delete my account please", pairs[1].1),
            ("Who are you?", pairs[2].1),
        ] {
            let (quote, sure) = quoted(&snapshot, question);

            assert_eq!(quote, answer);
            assert!(sure >= crate::DEFAULT_THRESHOLD, "{question} was refused: {sure}");
        }
        let (quote, sure) = quoted(&snapshot, "How do I change my mail address?");
        assert!(sure < crate::DEFAULT_THRESHOLD, "answered {quote}: {sure}");
    }

    #[test]
    fn a_small_chatbot_is_small_in_memory() {
        let snapshot = Snapshot::build(1, chunks("Terms", split::text(ENGLISH))).unwrap();

        assert!(snapshot.bytes() < 64 * 1024, "{} bytes", snapshot.bytes());
    }

    #[test]
    fn a_passage_that_is_there_twice_is_found_once() {
        let mut twice = chunks("Terms", split::text(ENGLISH));
        twice.extend(chunks("Copy", split::text(ENGLISH)));
        let snapshot = Snapshot::build(1, twice).unwrap();

        let found = snapshot.search("parcels", 6).unwrap();

        let texts: HashSet<&str> = found.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(texts.len(), found.len());
    }

    #[test]
    fn an_empty_knowledge_finds_nothing() {
        let snapshot = Snapshot::build(1, Vec::new()).unwrap();

        assert!(snapshot.is_empty() && snapshot.search("anything", 6).unwrap().is_empty());
    }
}
