//! Atoms written in a dialect.

use crate::{
    Dialect, Style,
    atom::{Atom, Block, Gap, Place, Run},
};
use std::rc::Rc;

/// A message of these atoms, in which everything that was opened is closed.
pub(crate) fn render<'a>(atoms: impl Iterator<Item = &'a Atom>, dialect: &impl Dialect) -> String {
    let mut writer = Writer {
        dialect,
        out: String::new(),
        pending: String::new(),
        open: Rc::default(),
        block: None,
        quote: 0,
    };
    let mut last: Option<&Place> = None;
    for atom in atoms {
        match last {
            None => writer.begin_line(&atom.place, ""),
            Some(last) if atom.gap.lines > 0 => writer.end_line(&atom.gap, last, &atom.place),
            Some(_) => writer.join(atom),
        }
        last = Some(&atom.place);
        for run in &atom.runs {
            writer.run(run);
        }
    }
    writer.restyle(&Rc::default());
    writer.close_block();
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

struct Writer<'a, D> {
    dialect: &'a D,
    out: String,
    /// Text in the open styles that was not written yet: a dialect sees as much of it at once as there is.
    pending: String,
    open: Rc<[Style]>,
    block: Option<Rc<Block>>,
    /// The quotations that the line is in.
    quote: u8,
}

impl<D: Dialect> Writer<'_, D> {
    /// What a dialect writes. A line that it breaks goes on in the quotation.
    fn dialect(&mut self, write: impl FnOnce(&D, &mut String)) {
        let start = self.out.len();
        write(self.dialect, &mut self.out);
        if self.quote == 0 || !self.out.get(start..).is_some_and(|added| added.contains('\n')) {
            return;
        }
        let added = self.out.split_off(start);
        for (at, line) in added.split('\n').enumerate() {
            if at > 0 {
                self.out.push('\n');
                self.prefix();
            }
            self.out.push_str(line);
        }
    }

    fn prefix(&mut self) {
        for _ in 0..self.quote {
            self.out.push_str(self.dialect.quote());
        }
    }

    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let is_code = self.block.is_some() || self.open.contains(&Style::Code);
        self.dialect(|dialect, out| {
            if is_code {
                dialect.code(&pending, out);
            } else {
                dialect.text(&pending, out);
            }
        });
    }

    /// Closes what is not among `styles`, from the innermost, and opens what is new.
    fn restyle(&mut self, styles: &Rc<[Style]>) {
        if Rc::ptr_eq(&self.open, styles) {
            return;
        }
        let common = self.close_to(styles, |_| true);
        for style in &styles[common..] {
            self.dialect(|dialect, out| dialect.open(style, out));
        }
        self.open = styles.clone();
    }

    /// Closes what is not among `styles` or cannot go on; how many stay open.
    fn close_to(&mut self, styles: &[Style], can_go_on: impl Fn(&Style) -> bool) -> usize {
        let common = self
            .open
            .iter()
            .zip(styles)
            .take_while(|(open, style)| open == style && can_go_on(open))
            .count();
        if common < self.open.len() || common < styles.len() {
            self.flush();
        }
        let open = self.open.clone();
        for style in open[common..].iter().rev() {
            self.dialect(|dialect, out| dialect.close(style, out));
        }
        if common < open.len() {
            self.open = open[..common].into();
        }
        common
    }

    fn run(&mut self, run: &Run) {
        self.restyle(&run.styles);
        self.pending.push_str(&run.text);
    }

    /// White space stands outside of what ends before it or begins after it: most dialects know no style with white
    /// space at its edge. Two links are two, even to the same address, and so are two runs of code.
    fn join(&mut self, atom: &Atom) {
        if let Some(next) = atom.runs.first()
            && !Rc::ptr_eq(&self.open, &next.styles)
        {
            self.close_to(&next.styles, |style| {
                !matches!(style, Style::Code | Style::Link { .. })
            });
        }
        self.pending.push_str(&atom.gap.space);
    }

    fn end_line(&mut self, gap: &Gap, last: &Place, next: &Place) {
        self.restyle(&Rc::default());
        self.flush();
        if self.block.is_some() && last.is_same_block(next) {
            self.out.push('\n');
            self.prefix();
            return;
        }
        self.close_block();
        self.out.truncate(self.out.trim_end_matches(' ').len());
        for _ in 1..gap.lines {
            self.out.push_str(self.dialect.line_break());
            self.quote = gap.quote.min(last.quote).min(next.quote);
            self.prefix();
            self.out.truncate(self.out.trim_end_matches(' ').len());
        }
        self.out.push_str(self.dialect.line_break());
        self.begin_line(next, &gap.space);
    }

    fn begin_line(&mut self, place: &Place, space: &str) {
        self.quote = place.quote;
        self.prefix();
        if let Some(block) = &place.block {
            self.dialect(|dialect, out| dialect.open_block(block.language.as_deref(), out));
            self.block = Some(block.clone());
            return;
        }
        for _ in 0..place.depth {
            self.out.push_str("  ");
        }
        if let Some(number) = place.marker {
            let item = self.dialect.item(number);
            self.out.push_str(&item);
        }
        self.pending.push_str(space);
    }

    fn close_block(&mut self) {
        self.flush();
        if self.block.take().is_some() {
            self.dialect(|dialect, out| dialect.close_block(out));
        }
    }
}
