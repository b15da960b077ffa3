//! What an answer rests on: in the answer's own text, beside it, and in the record of how it came to be.

use domain::{Citation, Passage};
use models::{Answer, Model};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Pages that are named below an answer.
const MOST_LINKS: usize = 3;

/// A text message has no footnotes: the markers go. What was quoted names its source, and pages can be followed.
pub(crate) fn with_sources(answer: &Answer, cited: &[&Passage]) -> String {
    let text = models::without_markers(&answer.text);
    let sources = if answer.model == Model::Extractive.name() {
        cited
            .first()
            .and_then(|passage| source(passage))
            .into_iter()
            .collect()
    } else {
        links(cited)
    };
    if sources.is_empty() {
        return text;
    }
    format!("{text}\n\n({})", sources.join(", "))
}

/// The source of a quote.
fn source(passage: &Passage) -> Option<String> {
    let title = passage.title.trim();
    match &passage.url {
        Some(url) => Some(link(title, url)),
        None if title.is_empty() => None,
        None => Some(title.to_owned()),
    }
}

/// The pages that were cited, each once: files and texts are the owner's own.
fn links(cited: &[&Passage]) -> Vec<String> {
    let mut seen = HashSet::new();
    cited
        .iter()
        .filter_map(|passage| Some((passage.title.trim(), passage.url.as_deref()?)))
        .filter(|(_, url)| seen.insert(*url))
        .take(MOST_LINKS)
        .map(|(title, url)| link(title, url))
        .collect()
}

/// In CommonMark: each platform's dialect makes of it what it can show.
fn link(title: &str, url: &str) -> String {
    let mut escaped = String::with_capacity(title.len());
    for c in title.chars() {
        if matches!(c, '[' | ']' | '\\' | '`' | '*' | '_' | '<' | '!') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    let shown = if escaped.is_empty() { url } else { &escaped };
    // What ends the address within it.
    let address = url
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace(char::is_whitespace, "%20");
    format!("[{shown}](<{address}>)")
}

/// What readers beside the platforms are told.
pub(crate) fn citations(cited: &[&Passage]) -> Vec<Citation> {
    cited
        .iter()
        .map(|passage| Citation {
            chunk: passage.chunk,
            document: passage.document,
            title: passage.title.clone(),
            url: passage.url.clone(),
        })
        .collect()
}

/// What was considered, with what the search saw of it.
pub(crate) fn considered(passages: &[Passage]) -> Value {
    let all = passages.iter().map(|passage| {
        let signals = &passage.signals;
        json!({
            "chunk": passage.chunk, "document": passage.document, "title": passage.title, "url": passage.url,
            "score": passage.score, "text": passage.text,
            "signals": {
                "bm25": signals.bm25, "cosine": signals.cosine, "quote_cosine": signals.quote_cosine,
                "coverage": signals.coverage,
            },
        })
    });
    Value::Array(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ChunkId, DocumentId, PassageSignals};

    fn passage(title: &str, url: Option<&str>) -> Passage {
        Passage {
            chunk: ChunkId::new(),
            document: DocumentId::new(),
            title: title.to_owned(),
            url: url.map(str::to_owned),
            heading: String::new(),
            text: "It takes two days.".to_owned(),
            question: None,
            score: 1.0,
            signals: PassageSignals::default(),
            quote: 0..18,
            quote_score: 1.0,
        }
    }

    fn said(model: &str, cited: &[&Passage]) -> String {
        let answer = Answer {
            calls: Vec::new(),
            text: "It takes two days. [1]".to_owned(),
            citations: vec![0],
            model: model.to_owned(),
            tokens_in: None,
            tokens_out: None,
            fallback: None,
        };
        with_sources(&answer, cited)
    }

    #[test]
    fn a_quote_names_its_source_and_a_page_can_be_followed() {
        let file = passage("Terms", None);
        let page = passage("Help [beta]", Some("https://a.example/help?x=(1)"));

        assert_eq!(
            said("extractive", &[&file, &page]),
            "It takes two days.\n\n(Terms)"
        );
        assert_eq!(
            said("extractive", &[&page]),
            "It takes two days.\n\n([Help \\[beta\\]](<https://a.example/help?x=(1)>))"
        );
        assert_eq!(said("extractive", &[&passage("", None)]), "It takes two days.");
    }

    #[test]
    fn a_model_s_answer_ends_with_the_pages_it_cites_each_once_and_no_files() {
        let (file, page) = (
            passage("Terms", None),
            passage("Help", Some("https://a.example/help")),
        );

        assert_eq!(
            said("gpt", &[&file, &page, &page]),
            "It takes two days.\n\n([Help](<https://a.example/help>))"
        );
        assert_eq!(said("gpt", &[&file]), "It takes two days.");
    }
}
