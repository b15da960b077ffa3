//! Turns text into the terms that are searched: words, stemmed, without case and accents; pairs of characters in scripts
//! that put no spaces between words.

use crate::{language::Language, script, stop_words};
use foldhash::fast::RandomState;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ops::Range,
};
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
};
use unicode_segmentation::UnicodeSegmentation;
use whatlang::Lang;

/// A longer word is no word.
const LONGEST_WORD: usize = 64;

/// One term, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub text: String,
    pub range: Range<usize>,
}

/// The way from text to terms in one language. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Analyzer {
    pipeline: TextAnalyzer,
    /// From a word as it is written to its term.
    form: TextAnalyzer,
    words: Words,
    language: Language,
}

impl Analyzer {
    pub(crate) fn new(language: Language) -> Self {
        let elides = matches!(language.lang(), Lang::Fra | Lang::Ita);
        let words = Words { elides };
        Self {
            pipeline: formed(words, language),
            form: formed(RawTokenizer::default(), language),
            words,
            language,
        }
    }

    pub(crate) const fn language(&self) -> Language {
        self.language
    }

    /// For the index: the same terms, quicker where many texts are read one after another.
    pub(crate) fn pipeline(&self) -> TextAnalyzer {
        TextAnalyzer::from(Remembering {
            words: self.words,
            form: self.form.clone(),
            forms: HashMap::default(),
        })
    }

    /// All terms of a text, in its order.
    pub(crate) fn terms(&self, text: &str) -> Vec<Term> {
        let mut pipeline = self.pipeline.clone();
        let mut stream = pipeline.token_stream(text);
        let mut terms = Vec::new();
        while let Some(token) = stream.next() {
            terms.push(Term {
                text: token.text.clone(),
                range: token.offset_from..token.offset_to,
            });
        }
        terms
    }

    /// The terms of a question that say what it is about. All of them when it has no other.
    pub(crate) fn question_terms(&self, question: &str) -> Vec<Term> {
        let stop: HashSet<&str> = stop_words::stop_words(self.language.lang())
            .iter()
            .copied()
            .collect();
        let mut subject = question.to_owned();
        for asking in stop_words::asking_characters(self.language.lang()) {
            // As many spaces as it had bytes, so that every other term stays where it was.
            subject = subject.replace(asking, &" ".repeat(asking.len()));
        }
        let all = self.terms(&subject);
        let content: Vec<Term> = all
            .iter()
            .filter(|term| {
                !stop.contains(
                    question[term.range.clone()]
                        .to_lowercase()
                        .replace('’', "'")
                        .as_str(),
                )
            })
            .cloned()
            .collect();
        if !content.is_empty() {
            content
        } else if !all.is_empty() {
            all
        } else {
            self.terms(question)
        }
    }

    /// Whether this word is in questions of any subject.
    pub(crate) fn is_light(&self, word: &str) -> bool {
        stop_words::light_words(self.language.lang()).contains(&word.to_lowercase().as_str())
    }
}

/// These words without case and accents, stemmed where the language has stems.
fn formed<T: Tokenizer>(words: T, language: Language) -> TextAnalyzer {
    let words = TextAnalyzer::builder(words).filter(LowerCaser);
    match language.stemming() {
        Some(stemming) => words
            .filter(Stemmer::new(stemming))
            .filter(AsciiFoldingFilter)
            .build(),
        None => words.filter(AsciiFoldingFilter).build(),
    }
}

/// The whole way from text to terms, which goes it once only for each of the first words that it meets: texts repeat theirs.
struct Remembering {
    words: Words,
    form: TextAnalyzer,
    forms: HashMap<String, String, RandomState>,
}

/// So many words are remembered: a language's common ones are met first.
const REMEMBERED: usize = 50_000;

/// Whoever gets a copy remembers for themselves.
impl Clone for Remembering {
    fn clone(&self) -> Self {
        Self {
            words: self.words,
            form: self.form.clone(),
            forms: HashMap::default(),
        }
    }
}

impl Tokenizer for Remembering {
    type TokenStream<'a> = Forms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Forms<'a> {
        Forms {
            found: Found::of(text, self.words.find(text)),
            form: &mut self.form,
            forms: &mut self.forms,
        }
    }
}

/// The words of a text, each in the form that is searched.
struct Forms<'a> {
    found: Found<'a>,
    form: &'a mut TextAnalyzer,
    forms: &'a mut HashMap<String, String, RandomState>,
}

impl TokenStream for Forms<'_> {
    fn advance(&mut self) -> bool {
        let Some(written) = self.found.step() else {
            return false;
        };
        let text = &mut self.found.current.text;
        if let Some(form) = self.forms.get(written.as_ref()) {
            text.clone_from(form);
            return true;
        }
        let mut stream = self.form.token_stream(&written);
        text.clear();
        text.push_str(if stream.advance() {
            &stream.token().text
        } else {
            &written
        });
        drop(stream);
        if self.forms.len() < REMEMBERED {
            self.forms.insert(written.into_owned(), text.clone());
        }
        true
    }

    fn token(&self) -> &Token {
        &self.found.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.found.current
    }
}

/// Words by Unicode's rules (UAX 29), and pairs of characters.
#[derive(Clone, Copy)]
struct Words {
    /// Whether what stands before an apostrophe is a word of its own: l'homme.
    elides: bool,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Found<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Found<'a> {
        Found::of(text, self.find(text))
    }
}

impl Words {
    /// Where they stand.
    fn find(self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut rest = 0;
        while rest < text.len() {
            let without_words = text[rest..].starts_with(script::has_no_words);
            let same = |c: char| script::has_no_words(c) == without_words;
            let end = text[rest..]
                .find(|c| !same(c))
                .map_or(text.len(), |length| rest + length);
            if without_words {
                pairs(text, rest..end, &mut found);
            } else {
                self.words(text, rest..end, &mut found);
            }
            rest = end;
        }
        found
    }

    fn words(self, text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
        for (at, word) in text[range.clone()].unicode_word_indices() {
            let mut start = range.start + at;
            let end = start + word.len();
            if self.elides
                && let Some((before, _)) = word.split_once(['\'', '’'])
            {
                found.push(start..start + before.len());
                start += before.len() + word[before.len()..].chars().next().map_or(0, char::len_utf8);
            }
            if start < end {
                found.push(start..end);
            }
        }
    }
}

fn pairs(text: &str, run: Range<usize>, found: &mut Vec<Range<usize>>) {
    let ends: Vec<usize> = text[run.clone()]
        .char_indices()
        .map(|(at, c)| run.start + at + c.len_utf8())
        .collect();
    if let [only] = ends[..] {
        found.push(run.start..only);
    }
    let mut start = run.start;
    for two in ends.windows(2) {
        found.push(start..two[1]);
        start = two[0];
    }
}

/// A word as it is compared: of a text of a million words each is looked at, and few are changed.
fn compared(word: &str) -> Cow<'_, str> {
    match word.char_indices().nth(LONGEST_WORD) {
        Some((end, _)) => Cow::Borrowed(&word[..end]),
        // 1,000 is 1000.
        None if word.contains(',') && word.bytes().all(|b| b.is_ascii_digit() || b == b',') => {
            Cow::Owned(word.replace(',', ""))
        }
        None if word.contains('’') => Cow::Owned(word.replace('’', "'")),
        None => Cow::Borrowed(word),
    }
}

/// The words of a text, one after the other in the same place.
struct Found<'a> {
    text: &'a str,
    words: std::vec::IntoIter<Range<usize>>,
    current: Token,
}

impl<'a> Found<'a> {
    fn of(text: &'a str, words: Vec<Range<usize>>) -> Self {
        Self {
            text,
            words: words.into_iter(),
            current: Token::default(),
        }
    }

    /// Goes to the next word, but for its text, which it returns.
    fn step(&mut self) -> Option<Cow<'a, str>> {
        let range = self.words.next()?;
        self.current.offset_from = range.start;
        self.current.offset_to = range.end;
        self.current.position = self.current.position.wrapping_add(1);
        Some(compared(&self.text[range]))
    }
}

impl TokenStream for Found<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.step() else {
            return false;
        };
        self.current.text.clear();
        self.current.text.push_str(&word);
        true
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(terms: Vec<Term>) -> Vec<String> {
        terms.into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn words_are_stemmed_and_folded() {
        let english = Analyzer::new(Language::ENGLISH);
        let german = Analyzer::new(Language::GERMAN);

        assert_eq!(
            texts(english.terms("Shipping the café's 1,000 orders")),
            ["ship", "the", "cafe", "1000", "order"]
        );
        assert_eq!(
            texts(german.terms("Größere Lieferungen")),
            texts(german.terms("grösserer LIEFERUNG"))
        );
    }

    #[test]
    fn the_index_has_the_terms_that_are_asked_for() {
        let text = "Größere Lieferungen, größere Cafés: 1,000 Lieferungen … l’homme d'or 免费配送iPhone";
        for language in [Language::ENGLISH, Language::GERMAN, Language::CHINESE] {
            let analyzer = Analyzer::new(language);
            let mut pipeline = analyzer.pipeline();
            for _ in 0..2 {
                let mut indexed = Vec::new();
                pipeline
                    .token_stream(text)
                    .process(&mut |token| indexed.push(token.text.clone()));
                assert_eq!(indexed, texts(analyzer.terms(text)));
            }
        }
    }

    #[test]
    fn chinese_becomes_pairs_and_keeps_its_latin_words() {
        let chinese = Analyzer::new(Language::CHINESE);

        assert_eq!(
            texts(chinese.terms("免费配送iPhone 15，好")),
            ["免费", "费配", "配送", "iphone", "15", "好"]
        );
    }

    #[test]
    fn a_question_is_left_with_what_it_is_about() {
        let english = Analyzer::new(Language::ENGLISH);
        let chinese = Analyzer::new(Language::CHINESE);

        assert_eq!(
            texts(english.question_terms("How long does the delivery take?")),
            ["long", "deliveri", "take"]
        );
        assert_eq!(
            texts(english.question_terms("Who are you?")),
            ["who", "are", "you"]
        );
        assert_eq!(texts(chinese.question_terms("什么时候发货？")), ["发货"]);
    }

    proptest! {
        #[test]
        fn every_term_stands_where_it_says(text in ".{0,300}") {
            for language in [Language::ENGLISH, Language::CHINESE] {
                for term in Analyzer::new(language).terms(&text) {
                    prop_assert!(text.get(term.range.clone()).is_some_and(|word| !word.is_empty()));
                }
                let _ = Analyzer::new(language).question_terms(&text);
            }
        }
    }
}
