//! CommonMark taken apart into atoms.

mod link;
mod verbatim;

pub(crate) use link::shown;

use crate::{
    Style,
    atom::{Atom, Cut, Gap, Place, Run},
    words::{self, Piece},
};
use link::Link;
use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use std::rc::Rc;

/// Deeper ones look like this one: nobody reads ten quotation marks before every line.
const DEEPEST_QUOTE: u8 = 5;
/// Deeper lists are indented like this one.
const DEEPEST_LIST: u8 = 8;
pub(crate) fn read(markdown: &str) -> Vec<Atom> {
    let markdown = markdown.replace('\0', "");
    let mut reader = Reader::default();
    for event in Parser::new_ext(&markdown, OPTIONS) {
        reader.read(event);
    }
    reader.atoms
}

/// What models write beside CommonMark.
pub(crate) const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);

#[derive(Default)]
struct Reader {
    atoms: Vec<Atom>,
    /// What will stand before the next atom.
    lines: u8,
    space: String,
    seam: bool,
    /// The open quotations, and the fewest since the last atom.
    quotes: usize,
    fewest_quotes: usize,
    /// The open lists, each with the number of its next item if it has numbers.
    lists: Vec<Option<u64>>,
    /// The item that the next atom begins.
    marker: Option<Option<u64>>,
    /// The open styles, without those that are open twice.
    styles: Vec<Style>,
    /// The same, for atoms to share.
    shared: Rc<[Style]>,
    /// For every emphasis that is open: whether it is in `styles`.
    emphases: Vec<bool>,
    link: Option<Link>,
    /// Links and images that are open, one in another.
    links: usize,
    /// The text of the code block or the HTML that is open.
    verbatim: Option<String>,
    language: Option<String>,
    first_cell: bool,
    /// Bars between cells of a row that were not written yet.
    bars: usize,
}

impl Reader {
    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.code(&text),
            // A line that HTML has broken is not broken again.
            Event::SoftBreak if self.lines > 0 && self.link.is_none() => (),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => self.leave(),
            Event::Html(html) => self.text(&html),
            Event::InlineHtml(html) => self.html(&html),
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => (), // not asked for in the options
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Table(_) => self.leave(),
            Tag::Heading { level, .. } => {
                self.leave();
                self.open(Style::Heading(level as u8));
            }
            Tag::BlockQuote(_) => {
                self.leave();
                self.quotes += 1;
            }
            Tag::HtmlBlock => {
                self.leave();
                self.verbatim = Some(String::new());
            }
            Tag::CodeBlock(kind) => {
                self.leave();
                self.item_without_text();
                self.leave();
                self.verbatim = Some(String::new());
                self.language = match kind {
                    CodeBlockKind::Fenced(info) => verbatim::language(&info),
                    CodeBlockKind::Indented => None,
                };
            }
            Tag::TableHead | Tag::TableRow => {
                self.lines = self.lines.max(1);
                self.first_cell = true;
                self.bars = 0;
            }
            Tag::TableCell => {
                let first = std::mem::take(&mut self.first_cell);
                self.bars += usize::from(!first);
            }
            Tag::List(start) => {
                self.leave();
                self.item_without_text();
                self.lists.push(start);
            }
            Tag::Item => {
                self.lines = self.lines.max(1);
                let number = self.lists.last_mut().and_then(|number| {
                    let this = *number;
                    *number = this.map(|this| this.saturating_add(1));
                    this
                });
                self.marker = Some(number);
            }
            Tag::Emphasis => self.open(Style::Emphasis),
            Tag::Strong => self.open(Style::Strong),
            Tag::Strikethrough => self.open(Style::Struck),
            Tag::Link {
                link_type, dest_url, ..
            } => self.begin_link(&dest_url, link_type),
            Tag::Image { dest_url, .. } => self.begin_link(&dest_url, LinkType::Inline),
            // Extensions that were not asked for.
            _ => (),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Table => self.leave(),
            TagEnd::Heading(_) => {
                self.close();
                self.leave();
            }
            TagEnd::HtmlBlock => {
                let html = self.verbatim.take().unwrap_or_default();
                self.html(&html);
                self.leave();
            }
            TagEnd::BlockQuote(_) => {
                self.quotes = self.quotes.saturating_sub(1);
                self.fewest_quotes = self.fewest_quotes.min(self.quotes);
                self.leave();
            }
            TagEnd::CodeBlock => {
                self.code_block();
                self.leave();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.leave();
            }
            TagEnd::Item => {
                self.item_without_text();
                self.lines = self.lines.max(1);
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.close(),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => (),
        }
    }

    /// A block begins or ends. Within a list everything stands close together.
    fn leave(&mut self) {
        let lines = if self.lists.is_empty() { 2 } else { 1 };
        self.lines = self.lines.max(lines);
    }

    fn open(&mut self, style: Style) {
        // A heading is strong already.
        let already = self
            .styles
            .iter()
            .any(|open| *open == style || (style == Style::Strong && matches!(open, Style::Heading(_))));
        self.emphases.push(!already);
        if !already {
            self.styles.push(style);
            self.shared = self.styles.as_slice().into();
        }
    }

    fn close(&mut self) {
        if self.emphases.pop() == Some(true) {
            self.styles.pop();
            self.shared = self.styles.as_slice().into();
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(verbatim) = &mut self.verbatim {
            verbatim.push_str(text);
            return;
        }
        if let Some(link) = &mut self.link {
            link.push(&text.replace(['\n', '\r'], " "), &self.shared);
            return;
        }
        let heading = self.styles.iter().any(|style| matches!(style, Style::Heading(_)));
        for piece in words::pieces(text) {
            match piece {
                Piece::Word(word) => self.word(word),
                Piece::Space(space) => self.space.push_str(space),
                Piece::Lines(_) if heading => self.space.push(' '),
                Piece::Lines(lines) => {
                    self.lines = self.lines.saturating_add(u8::try_from(lines).unwrap_or(2)).min(2);
                    self.space.clear();
                }
                Piece::Seam => self.seam = true,
            }
        }
    }

    fn word(&mut self, word: &str) {
        // What no reader can see is no word of its own: it would be a message of its own, too.
        if word.trim().is_empty() {
            self.space.push_str(word);
            return;
        }
        let joins = self.lines == 0 && self.space.is_empty() && !self.seam && self.bars == 0;
        if joins
            && let Some(Atom { runs, .. }) = self.atoms.last_mut()
            && let [run] = runs.as_mut_slice()
            && Rc::ptr_eq(&run.styles, &self.shared)
        {
            run.text.push_str(word);
            return;
        }
        self.push(vec![Run {
            styles: self.shared.clone(),
            text: word.to_owned(),
        }]);
    }

    fn code(&mut self, text: &str) {
        let mut styles = self.styles.clone();
        styles.push(Style::Code);
        let styles: Rc<[Style]> = styles.into();
        let text = text.replace(['\n', '\r'], " ");
        match &mut self.link {
            Some(link) => link.push(&text, &styles),
            None => self.push(vec![Run { styles, text }]),
        }
    }

    /// An atom, with everything that was pending before it.
    fn push(&mut self, runs: Vec<Run>) {
        for _ in 0..std::mem::take(&mut self.bars) {
            self.space_between();
            self.place(vec![Run {
                styles: Rc::default(),
                text: "|".to_owned(),
            }]);
            self.space_between();
        }
        self.place(runs);
    }

    fn space_between(&mut self) {
        if self.lines == 0 && self.space.is_empty() {
            self.space.push(' ');
        }
    }

    fn place(&mut self, runs: Vec<Run>) {
        let place = Place {
            quote: capped(self.quotes, DEEPEST_QUOTE),
            depth: capped(self.lists.len().saturating_sub(1), DEEPEST_LIST),
            marker: self.marker.take(),
            block: None,
        };
        self.put(place, runs);
    }

    fn put(&mut self, place: Place, runs: Vec<Run>) {
        let gap = Gap {
            cut: self.cut(),
            lines: std::mem::take(&mut self.lines),
            space: std::mem::take(&mut self.space),
            quote: capped(self.fewest_quotes, DEEPEST_QUOTE),
        };
        self.seam = false;
        self.fewest_quotes = self.quotes;
        self.atoms.push(Atom {
            gap,
            place,
            runs,
            torn: false,
        });
    }

    /// How well a message ends here.
    fn cut(&self) -> Cut {
        let last = self.atoms.last().and_then(|atom| atom.runs.last());
        let after_heading =
            last.is_some_and(|run| run.styles.iter().any(|style| matches!(style, Style::Heading(_))));
        match self.lines {
            // A heading stays with what it is about.
            1.. if after_heading => Cut::Word,
            2.. => Cut::Block,
            1 => Cut::Line,
            0 if self.space.is_empty() && !self.seam => Cut::Glued,
            0 if last.is_some_and(|run| words::ends_sentence(&run.text)) => Cut::Sentence,
            0 => Cut::Word,
        }
    }

    /// An item whose first line has no text of its own.
    fn item_without_text(&mut self) {
        if self.marker.is_some() {
            self.space.clear();
            self.place(Vec::new());
            self.lines = 1;
        }
    }
}

fn capped(count: usize, most: u8) -> u8 {
    u8::try_from(count).unwrap_or(most).min(most)
}
