//! A chatbot's passages, ready to be searched: BM25 (k1 1.2, b 0.75) over stemmed words, and by meaning where there are
//! vectors.
//!
//! A copy of what the database holds, in memory, and never changed: a newer version is another snapshot that shares with
//! this one what stayed the same.

use crate::{
    alike::Said,
    analyze::Analyzer,
    error::KnowledgeError,
    found::Found,
    fusion::{self, Fusion},
    language::Language,
    passages::{Known, Passages},
    question::Question,
    reading::{self, Hit},
    vectors::{Nearness, Vectors},
};
use domain::{ChunkId, Passage};
use std::collections::{HashMap, HashSet};
use store::chunks::{Chunk, Revisions};
use tantivy::{
    DocId, DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyDocument,
    TantivyError, Term,
    collector::TopDocs,
    directory::RamDirectory,
    indexer::merge_indices,
    query::{BooleanQuery, EnableScoring, Occur, Query, TermQuery},
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
/// From this many on, two threads read the words, and what they read is brought together.
const LARGE: usize = 10_000;
/// So much of them is read in the time in which the other thread packs the texts and reads what is left.
const TENTHS: usize = 7;
/// What an open index costs besides its files.
const SNAPSHOT_OVERHEAD: usize = 48_000;
/// How many passages are looked at for each one that is asked for: some of them say the same.
const CANDIDATES: usize = 2;
/// So many are fetched by words and so many by meaning before both are brought together.
const POOL: usize = 100;

/// The vectors of passages, all of one model.
#[derive(Debug, Clone, Default)]
pub struct Embeddings {
    /// Whether the model learned from English alone.
    pub english_only: bool,
    /// A passage that is not among them is found by its words.
    pub vectors: HashMap<ChunkId, Vec<f32>>,
}

/// How a question is asked of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// So many passages at most.
    pub k: usize,
    /// How much meaning counts against words, from 0 to 1; as the language and the model allow when `None`.
    pub dense_weight: Option<f32>,
}

/// A chatbot's passages, ready to be searched.
pub struct Snapshot {
    version: i64,
    analyzer: Analyzer,
    index: Index,
    directory: RamDirectory,
    reader: IndexReader,
    fields: Fields,
    /// By the number under which the index knows them.
    passages: Passages,
    next: u64,
    bytes: usize,
    average_terms: f32,
    english_only: bool,
    vectors: Vectors,
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

/// The vectors of these passages, numbered from 0 in their order: new ones, or `old` ones of those that were known.
fn vectors_of(
    chunks: &[Chunk],
    embeddings: &Embeddings,
    known: &HashMap<ChunkId, Known>,
    old: &Vectors,
) -> Vectors {
    let mut vectors = Vectors::default();
    for (number, chunk) in (0..).zip(chunks) {
        if let Some(vector) = embeddings.vectors.get(&chunk.id) {
            vectors.push(number, vector);
        } else if let Some(known) = known.get(&chunk.id) {
            vectors.push_copy(number, old, known.number);
        }
    }
    vectors
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
    /// A snapshot of these passages, to be searched by words. Takes processor time in proportion to them.
    pub fn build(version: i64, chunks: Vec<Chunk>) -> Result<Self, KnowledgeError> {
        Self::with_embeddings(version, chunks, &Embeddings::default())
    }

    /// The same, to be searched by meaning too.
    pub fn with_embeddings(
        version: i64,
        chunks: Vec<Chunk>,
        embeddings: &Embeddings,
    ) -> Result<Self, KnowledgeError> {
        let vectors = || vectors_of(&chunks, embeddings, &HashMap::new(), &Vectors::default());
        Self::of(version, &chunks, embeddings.english_only, vectors)
    }

    /// Of many passages the words are read while the texts are packed and the vectors put together.
    fn of(
        version: i64,
        chunks: &[Chunk],
        english_only: bool,
        vectors: impl FnOnce() -> Vectors + Send,
    ) -> Result<Self, KnowledgeError> {
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
        let schema = schema.build();
        let write = |chunks: &[Chunk], first: u64, directory: RamDirectory| {
            let builder = Index::builder()
                .schema(schema.clone())
                .tokenizers(tokenizers.clone());
            if chunks.is_empty() {
                return builder.open_or_create(directory);
            }
            // Starts no thread and takes no more than it needs: most chatbots are small.
            let texts: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();
            let budget = (4 * texts).clamp(SMALLEST_BUILD, LARGEST_BUILD);
            let mut writer = builder.single_segment_index_writer(directory, budget)?;
            for (number, chunk) in (first..).zip(chunks) {
                writer.add_document(fields.document(number, chunk))?;
            }
            writer.finalize()
        };
        let rest = || Ok((Passages::pack(chunks)?, vectors()));
        let (index, rest): (Result<Index, TantivyError>, _) = if chunks.len() < SMALL {
            (write(chunks, 0, directory.clone()), rest())
        } else if chunks.len() < LARGE {
            std::thread::scope(|scope| {
                let rest = scope.spawn(rest);
                let index = write(chunks, 0, directory.clone());
                (index, rest.join().unwrap_or(Err(KnowledgeError::Interrupted)))
            })
        } else {
            let (here, there) = chunks.split_at(chunks.len() / 10 * TENTHS);
            std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let rest = rest();
                    (rest, write(there, here.len() as u64, RamDirectory::create()))
                });
                let first = write(here, 0, RamDirectory::create());
                match other.join() {
                    Ok((rest, second)) => {
                        let both = first.and_then(|first| Ok([first, second?]));
                        (
                            both.and_then(|both| merge_indices(&both, directory.clone())),
                            rest,
                        )
                    }
                    Err(_) => (first, Err(KnowledgeError::Interrupted)),
                }
            })
        };
        let mut index = index?;
        let (passages, vectors) = rest?;
        index.set_tokenizers(tokenizers);
        let reader = reader(&index)?;
        let mut snapshot = Self {
            version,
            analyzer,
            index,
            directory,
            reader,
            fields,
            passages,
            next: chunks.len() as u64,
            bytes: 0,
            average_terms: 0.0,
            english_only,
            vectors,
        };
        snapshot.weigh()?;
        Ok(snapshot)
    }

    /// This snapshot, changed. The old one goes on answering as before. `embeddings`: of what was added, by the same
    /// model as before.
    pub(crate) fn changed(
        &self,
        version: i64,
        gone: &[ChunkId],
        added: Vec<Chunk>,
        embeddings: &Embeddings,
    ) -> Result<Self, KnowledgeError> {
        let gone_or_replaced: HashSet<ChunkId> =
            gone.iter().copied().chain(added.iter().map(|c| c.id)).collect();
        let known = self.passages.known();
        let english_only = self.english_only || (self.vectors.is_empty() && embeddings.english_only);
        let few = (gone.len() + added.len()) * 4 < self.passages.len();
        if self.passages.len() < SMALL || !few {
            let mut all = added;
            for chunk in self.passages.reader()?.all() {
                let chunk = chunk?;
                if !gone_or_replaced.contains(&chunk.id) {
                    all.push(chunk);
                }
            }
            all.sort_by_key(|chunk| chunk.id);
            let vectors = || vectors_of(&all, embeddings, &known, &self.vectors);
            return Self::of(version, &all, english_only, vectors);
        }
        let mut next = Self {
            version,
            analyzer: self.analyzer.clone(),
            index: self.index.clone(),
            directory: self.directory.clone(),
            reader: reader(&self.index)?,
            fields: self.fields,
            passages: self.passages.clone(),
            next: self.next,
            bytes: 0,
            average_terms: 0.0,
            english_only,
            vectors: self.vectors.clone(),
        };
        let numbers = gone_or_replaced
            .iter()
            .filter_map(|id| known.get(id))
            .map(|known| known.number)
            .collect();
        next.write(&numbers, &added, embeddings)?;
        Ok(next)
    }

    fn write(
        &mut self,
        gone: &HashSet<u64>,
        added: &[Chunk],
        embeddings: &Embeddings,
    ) -> Result<(), KnowledgeError> {
        // One thread, and it ends with the writer: a thousand small chatbots cost no thousand threads.
        let mut writer: IndexWriter = self.index.writer_with_num_threads(1, WRITER_BYTES)?;
        self.vectors.remove(gone);
        self.passages.remove(gone);
        for number in gone {
            writer.delete_term(Term::from_field_u64(self.fields.number, *number));
        }
        self.passages.push((self.next..).zip(added))?;
        for (number, chunk) in (self.next..).zip(added) {
            writer.add_document(self.fields.document(number, chunk))?;
            if let Some(vector) = embeddings.vectors.get(&chunk.id) {
                self.vectors.push(number, vector);
            }
        }
        self.next += added.len() as u64;
        writer.commit()?;
        writer.wait_merging_threads()?;
        self.reader.reload()?;
        Ok(self.weigh()?)
    }

    fn weigh(&mut self) -> Result<(), TantivyError> {
        self.bytes = SNAPSHOT_OVERHEAD
            + self.passages.bytes()
            + self.directory.total_mem_usage()
            + self.vectors.bytes();
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
        self.passages.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.passages.is_empty()
    }

    pub(crate) fn difference(&self, now: &Revisions) -> Difference {
        let mut difference = Difference::default();
        let known = self.passages.known();
        let mut there = HashSet::with_capacity(now.chunks.len());
        for chunk in &now.chunks {
            there.insert(chunk.id);
            let up_to_date = known.get(&chunk.id).is_some_and(|known| {
                known.since_version == chunk.since_version
                    && (!chunk.has_vector || self.vectors.has(known.number))
            });
            if !up_to_date {
                difference.missing.push(chunk.id);
            }
        }
        difference.gone = known.into_keys().filter(|id| !there.contains(id)).collect();
        difference
    }

    /// The `k` passages whose words fit the question best, the best first, no two of them the same.
    pub fn search(&self, question: &str, k: usize) -> Result<Vec<Passage>, KnowledgeError> {
        Ok(self.find(question, None, k)?.passages)
    }

    /// Whether meanings are compared here: there are vectors, of a model that knows something of the language.
    pub fn knows_meanings(&self) -> bool {
        self.compares_meanings(None)
    }

    /// The same where meaning is to count so much.
    pub(crate) fn compares_meanings(&self, dense_weight: Option<f32>) -> bool {
        !self.vectors.is_empty() && self.dense_weight(dense_weight) > 0.0
    }

    /// How much meaning counts here.
    pub fn dense_weight(&self, wanted: Option<f32>) -> f32 {
        wanted.unwrap_or_else(|| fusion::dense_weight(self.analyzer.language(), self.english_only))
    }

    /// How many of its passages have a vector.
    pub fn with_vectors(&self) -> usize {
        self.vectors.len()
    }

    /// The `k` passages that fit the question best by words and, where its vector is given, by meaning. `vector`: of the
    /// model that made the passages' vectors.
    pub fn find(&self, question: &str, vector: Option<&[f32]>, k: usize) -> Result<Found, KnowledgeError> {
        let wanted = Wanted {
            k,
            dense_weight: None,
        };
        self.find_as(question, vector, wanted)
    }

    /// The same, as an owner wants it.
    pub fn find_as(
        &self,
        question: &str,
        vector: Option<&[f32]>,
        wanted: Wanted,
    ) -> Result<Found, KnowledgeError> {
        let Wanted { k, dense_weight } = wanted;
        let searcher = self.reader.searcher();
        let body = self.fields.body;
        let question = Question::new(question, &self.analyzer, searcher.num_docs(), |term| {
            searcher.doc_freq(&Term::from_field_text(body, term))
        })?;
        let nearness = vector
            .filter(|_| self.compares_meanings(dense_weight))
            .and_then(|vector| self.vectors.nearness(vector));
        let mut found = Found::default();
        if k == 0 {
            return Ok(found);
        }
        let hits = self.hits(
            &searcher,
            &question,
            nearness.as_ref(),
            self.dense_weight(dense_weight),
            k * CANDIDATES,
        )?;
        let best = hits.first().map_or(0.0, |(_, hit)| hit.score);
        let mut reader = self.passages.reader()?;
        let mut said: Vec<Said> = Vec::new();
        for (number, mut hit) in hits {
            if found.passages.len() == k {
                break;
            }
            let Some(chunk) = reader.read(number)? else {
                continue;
            };
            let says = Said::of(chunk, &question, &self.analyzer);
            if let Some(earlier) = said.iter().find(|earlier| says.is_said_by(earlier)) {
                found.drop_for(says.chunk(), hit.score, earlier.chunk());
                continue;
            }
            hit.share_of_best = if best > 0.0 { hit.score / best } else { 0.0 };
            found.push(reading::read(
                says.chunk(),
                hit,
                &question,
                &self.analyzer,
                self.average_terms,
            ));
            said.push(says);
        }
        Ok(found)
    }

    /// Passages by their numbers, the best first. By words alone the score is BM25 itself.
    fn hits(
        &self,
        searcher: &Searcher,
        question: &Question<'_>,
        nearness: Option<&Nearness<'_>>,
        dense_weight: f32,
        count: usize,
    ) -> Result<Vec<(u64, Hit)>, KnowledgeError> {
        let pool = if nearness.is_some() {
            count.max(POOL)
        } else {
            count
        };
        let mut bm25 = self.by_words(searcher, question, pool)?;
        let best_bm25 = bm25.values().copied().fold(0.0f32, f32::max);
        let mut hits: Vec<(u64, Hit)> = match nearness {
            None => bm25
                .into_iter()
                .map(|(number, bm25)| {
                    let hit = Hit {
                        score: bm25,
                        share_of_best: 0.0,
                        bm25,
                        cosine: None,
                    };
                    (number, hit)
                })
                .collect(),
            Some(nearness) => {
                let near: Vec<u64> = nearness
                    .nearest(pool)
                    .into_iter()
                    .filter(|number| !bm25.contains_key(number))
                    .collect();
                bm25.extend(self.words_of(searcher, question, &near)?);
                let fusion = Fusion {
                    weight: dense_weight,
                    best_bm25,
                    cosines: nearness.range,
                };
                bm25.into_iter()
                    .map(|(number, bm25)| {
                        let cosine = nearness.of(number);
                        let hit = Hit {
                            score: fusion.score(bm25, cosine),
                            share_of_best: 0.0,
                            bm25,
                            cosine,
                        };
                        (number, hit)
                    })
                    .collect()
            }
        };
        // Of equals the older: the same question finds the same.
        hits.sort_by(|(a, x), (b, y)| y.score.total_cmp(&x.score).then(a.cmp(b)));
        Ok(hits)
    }

    /// The passages with the highest BM25, by their numbers.
    fn by_words(
        &self,
        searcher: &Searcher,
        question: &Question<'_>,
        count: usize,
    ) -> Result<HashMap<u64, f32>, KnowledgeError> {
        let clauses: Vec<(Occur, Box<dyn Query>)> = self
            .queries(question)
            .map(|query| (Occur::Should, Box::new(query) as Box<dyn Query>))
            .collect();
        if clauses.is_empty() {
            return Ok(HashMap::new());
        }
        let top = TopDocs::with_limit(count).order_by_score();
        let found = searcher.search(&BooleanQuery::new(clauses), &top)?;
        let numbers = searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().u64("number"))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(found
            .into_iter()
            .filter_map(|(score, at)| {
                let number = numbers.get(at.segment_ord as usize)?.first(at.doc_id)?;
                Some((number, score))
            })
            .collect())
    }

    /// The BM25 of given passages, 0 for those that have none of the words.
    fn words_of(
        &self,
        searcher: &Searcher,
        question: &Question<'_>,
        numbers: &[u64],
    ) -> Result<HashMap<u64, f32>, KnowledgeError> {
        let mut scores: HashMap<u64, f32> = numbers.iter().map(|number| (*number, 0.0)).collect();
        let weights = self
            .queries(question)
            .map(|query| query.weight(EnableScoring::enabled_from_searcher(searcher)))
            .collect::<Result<Vec<_>, _>>()?;
        for segment in searcher.segment_readers() {
            let mut here: Vec<(DocId, u64)> = Vec::new();
            let index = segment.inverted_index(self.fields.number)?;
            for &number in numbers {
                let term = Term::from_field_u64(self.fields.number, number);
                if let Some(postings) = index
                    .read_postings(&term, IndexRecordOption::Basic)
                    .map_err(TantivyError::from)?
                    && postings.doc() != TERMINATED
                    && segment
                        .alive_bitset()
                        .is_none_or(|alive| alive.is_alive(postings.doc()))
                {
                    here.push((postings.doc(), number));
                }
            }
            here.sort_unstable();
            for weight in &weights {
                let mut scorer = weight.scorer(segment, 1.0)?;
                for &(doc, number) in &here {
                    if scorer.doc() < doc {
                        scorer.seek(doc);
                    }
                    if scorer.doc() == doc {
                        *scores.entry(number).or_default() += scorer.score();
                    }
                }
            }
        }
        Ok(scores)
    }

    /// One for each word of the question that stands anywhere.
    fn queries(&self, question: &Question<'_>) -> impl Iterator<Item = TermQuery> {
        let body = self.fields.body;
        question.words.iter().filter(|word| word.known).map(move |word| {
            let term = Term::from_field_text(body, &word.term);
            TermQuery::new(term, IndexRecordOption::WithFreqs)
        })
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
                url: None,
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

    /// Vectors of one direction each, for passages in their order.
    fn embeddings(english_only: bool, chunks: &[Chunk], vectors: &[[f32; 4]]) -> Embeddings {
        let of = chunks.iter().map(|chunk| chunk.id);
        Embeddings {
            english_only,
            vectors: of.zip(vectors.iter().map(|vector| vector.to_vec())).collect(),
        }
    }

    fn lines(lines: &[&str]) -> Vec<Chunk> {
        lines
            .iter()
            .flat_map(|line| chunks("Terms", split::text(line)))
            .collect()
    }

    const SHOP: [&str; 3] = [
        "Parcels arrive after two working days.",
        "The workshop is in Bristol.",
        "Anything can be sent back within 45 days.",
    ];

    #[test]
    fn what_means_the_same_is_found_without_a_common_word_and_says_why() {
        let chunks = lines(&SHOP);
        let all = embeddings(
            true,
            &chunks,
            &[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
        );
        let snapshot = Snapshot::with_embeddings(1, chunks, &all).unwrap();

        let found = snapshot
            .find("refund policy", Some(&[0.1, 0.0, 0.9, 0.0]), 3)
            .unwrap();

        let best = &found.passages[0];
        assert_eq!(best.text, SHOP[2]);
        assert!(best.signals.cosine.unwrap() > 0.98 && best.signals.bm25 == 0.0);
        assert!(snapshot.search("refund policy", 3).unwrap().is_empty());
    }

    #[test]
    fn a_language_that_the_model_does_not_know_is_searched_by_words_alone() {
        let chunks = chunks("Terms", split::text(CHINESE));
        let misleading = vec![[1.0, 0.0, 0.0, 0.0]; chunks.len()];
        let english =
            Snapshot::with_embeddings(1, chunks.clone(), &embeddings(true, &chunks, &misleading)).unwrap();
        let many =
            Snapshot::with_embeddings(1, chunks.clone(), &embeddings(false, &chunks, &misleading)).unwrap();
        let question = "公司是谁创立的？";

        let found = english.find(question, Some(&[1.0, 0.0, 0.0, 0.0]), 3).unwrap();

        assert_eq!(found.passages, english.search(question, 3).unwrap());
        assert!(!english.knows_meanings() && many.knows_meanings());
    }

    #[test]
    fn a_passage_that_is_near_keeps_the_score_of_its_words_however_far_down_they_put_it() {
        // Its words are many, so that by them it comes after more passages than are fetched.
        let far = format!(
            "The parcel. {}",
            "Something else is said here, at length. ".repeat(18)
        );
        let mut texts: Vec<String> = (0..300).map(|i| format!("Parcel {i} arrived.")).collect();
        texts.push(far);
        let chunks = lines(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let vectors: Vec<[f32; 4]> = (0..chunks.len())
            .map(|i| {
                if i == 300 {
                    [0.0, 1.0, 0.0, 0.0]
                } else {
                    [1.0, 0.0, 0.0, 0.0]
                }
            })
            .collect();
        let snapshot =
            Snapshot::with_embeddings(1, chunks.clone(), &embeddings(true, &chunks, &vectors)).unwrap();
        let by_words = snapshot.search("parcel", 400).unwrap();
        let place = by_words
            .iter()
            .position(|passage| passage.chunk == chunks[300].id)
            .unwrap();
        assert!(place > POOL);

        let found = snapshot.find("parcel", Some(&[0.0, 1.0, 0.0, 0.0]), 400).unwrap();

        let near = found
            .passages
            .iter()
            .find(|passage| passage.chunk == chunks[300].id)
            .unwrap();
        assert!((near.signals.bm25 - by_words[place].score).abs() < 1e-4);
    }

    #[test]
    fn vectors_stay_with_their_passages_when_knowledge_changes() {
        for count in [3, 2 * SMALL] {
            let texts: Vec<String> = (0..count)
                .map(|i| format!("Rule number {i} of the house."))
                .collect();
            let chunks = lines(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let mut vectors = vec![[1.0, 0.0, 0.0, 0.0]; count];
            vectors[2] = [0.0, 1.0, 0.0, 0.0];
            let old =
                Snapshot::with_embeddings(1, chunks.clone(), &embeddings(true, &chunks, &vectors)).unwrap();
            let added = lines(&["Dogs are welcome."]);
            let new_vectors = embeddings(true, &added, &[[0.0, 0.0, 1.0, 0.0]]);

            let new = old.changed(2, &[chunks[0].id], added, &new_vectors).unwrap();

            let nearest = |vector: &[f32]| new.find("xyz", Some(vector), 1).unwrap().passages[0].text.clone();
            assert_eq!(nearest(&[0.0, 1.0, 0.0, 0.0]), texts[2], "of {count}");
            assert_eq!(nearest(&[0.0, 0.0, 1.0, 0.0]), "Dogs are welcome.", "of {count}");
            assert!(new.bytes() >= new.len() * 16);
        }
    }

    #[test]
    fn a_large_knowledge_is_read_in_two_parts_and_nothing_of_it_is_missing() {
        let texts: Vec<String> = (0..LARGE).map(|i| format!("Drawer d{i}x holds nails.")).collect();
        let chunks = lines(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let seam = LARGE / 10 * TENTHS;
        let mut vectors = vec![[1.0, 0.0, 0.0, 0.0]; LARGE];
        vectors[seam] = [0.0, 1.0, 0.0, 0.0];
        let old = Snapshot::with_embeddings(1, chunks.clone(), &embeddings(true, &chunks, &vectors)).unwrap();

        let new = old
            .changed(2, &[chunks[seam].id], Vec::new(), &Embeddings::default())
            .unwrap();

        let found = |snapshot: &Snapshot, i: usize| -> Vec<ChunkId> {
            let passages = snapshot.search(&format!("d{i}x"), 3).unwrap();
            passages.iter().map(|passage| passage.chunk).collect()
        };
        for i in [0, seam - 1, seam, seam + 1, LARGE - 1] {
            assert_eq!(found(&old, i), [chunks[i].id]);
            let expected: &[ChunkId] = if i == seam { &[] } else { &[chunks[i].id] };
            assert_eq!(found(&new, i), expected);
        }
        let nearest = old.find("xyz", Some(&[0.0, 1.0, 0.0, 0.0]), 1).unwrap();
        assert_eq!(nearest.passages[0].chunk, chunks[seam].id);
        assert_eq!(
            (old.len(), old.with_vectors(), new.len()),
            (LARGE, LARGE, LARGE - 1)
        );
    }

    #[test]
    fn the_sentence_that_means_what_is_asked_is_quoted() {
        let chunks = lines(&[
            "Parcels are handed to the post in the evening. They arrive after two working days, as a rule.",
        ]);
        let all = embeddings(true, &chunks, &[[1.0, 0.0, 0.0, 0.0]]);
        let snapshot = Snapshot::with_embeddings(1, chunks, &all).unwrap();
        let question = [1.0, 0.0, 0.0, 0.0];
        let mut found = snapshot
            .find("How long do parcels need?", Some(&question), 3)
            .unwrap();
        let texts = found.to_look_at(12);
        let vectors: Vec<Vec<f32>> = texts
            .iter()
            .map(|text| {
                if text.contains("two") {
                    vec![1.0, 0.0, 0.0, 0.0]
                } else {
                    vec![0.0, 1.0, 0.0, 0.0]
                }
            })
            .collect();

        found.look_closer(&question, &vectors);

        let best = &found.passages[0];
        assert!(best.quoted().starts_with("They arrive"), "{}", best.quoted());
        assert_eq!(best.signals.quote_cosine, Some(1.0));
    }

    #[test]
    fn an_empty_knowledge_finds_nothing() {
        let snapshot = Snapshot::build(1, Vec::new()).unwrap();

        assert!(snapshot.is_empty() && snapshot.search("anything", 6).unwrap().is_empty());
    }
}
