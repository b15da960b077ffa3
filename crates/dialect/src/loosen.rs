//! What becomes of an atom that is larger than a message, before its words are cut.

use crate::{
    Style,
    atom::{Atom, Cut, Gap, Place, Run},
    words::{self, Piece},
};
use std::rc::Rc;

/// The same in smaller atoms; `None` if only its text can be cut.
pub(crate) fn loosen(atom: &Atom) -> Option<Vec<Atom>> {
    if atom.place.block.is_some() {
        return None;
    }
    let link = atom.runs.first().and_then(|run| link_of(&run.styles));
    let mut words = words_of(atom);
    match link {
        Some((_, true)) => words.iter_mut().for_each(unlink),
        Some((url, false)) => {
            // The address is given once: behind the last word, or where that is too much, as a word of its own.
            let last = words.pop()?;
            words.iter_mut().for_each(unlink);
            if words.is_empty() {
                let mut last = last;
                unlink(&mut last);
                words.extend([last, word_of_its_own(url, atom)]);
            } else {
                words.push(last);
            }
        }
        None if words.len() < 2 => return None,
        None => (),
    }
    Some(words)
}

/// For atoms of one run, which are all that is not loosened.
impl Atom {
    pub fn text(&self) -> &str {
        self.runs.first().map_or("", |run| run.text.as_str())
    }

    /// It with the first bytes of its text.
    pub fn head(&self, end: usize) -> Self {
        let runs = self.runs.iter().map(|run| Run {
            styles: run.styles.clone(),
            text: run.text[..end].to_owned(),
        });
        Self {
            gap: self.gap.clone(),
            place: self.place.clone(),
            runs: runs.collect(),
            torn: self.torn,
        }
    }

    /// It without the first bytes of its text.
    pub fn tail(mut self, start: usize) -> Self {
        self.place = self.place.onward();
        self.gap = Gap {
            lines: u8::from(self.place.block.is_some()),
            ..Gap::default()
        };
        for run in &mut self.runs {
            run.text.drain(..start);
        }
        self
    }

    /// There is something about it beside its text.
    pub fn is_marked(&self) -> bool {
        let place = &self.place;
        place.quote > 0
            || place.depth > 0
            || place.marker.is_some()
            || place.block.is_some()
            || self.runs.iter().any(|run| !run.styles.is_empty())
    }

    /// Its text alone.
    pub fn without_marks(self) -> Self {
        let runs = self.runs.into_iter().map(|run| Run {
            styles: Rc::default(),
            ..run
        });
        Self {
            place: Place::default(),
            runs: runs.collect(),
            ..self
        }
    }
}

fn link_of(styles: &[Style]) -> Option<(&str, bool)> {
    styles.iter().find_map(|style| match style {
        Style::Link { url, same } => Some((url.as_str(), *same)),
        _ => None,
    })
}

fn unlink(atom: &mut Atom) {
    for run in &mut atom.runs {
        let styles = run.styles.iter();
        run.styles = styles
            .filter(|style| !matches!(style, Style::Link { .. }))
            .cloned()
            .collect();
    }
}

fn words_of(atom: &Atom) -> Vec<Atom> {
    let mut words: Vec<Atom> = Vec::new();
    let mut gap = atom.gap.clone();
    let mut place = atom.place.clone();
    for run in &atom.runs {
        for piece in words::pieces(&run.text) {
            match piece {
                Piece::Word(word) => {
                    words.push(Atom {
                        gap: std::mem::take(&mut gap),
                        place: std::mem::replace(&mut place, atom.place.onward()),
                        runs: vec![Run {
                            styles: run.styles.clone(),
                            text: word.to_owned(),
                        }],
                        torn: false,
                    });
                }
                Piece::Space(space) => {
                    gap.space.push_str(space);
                    gap.cut = gap.cut.max(Cut::Word);
                }
                Piece::Lines(_) | Piece::Seam => gap.cut = gap.cut.max(Cut::Word),
            }
        }
    }
    words
}

fn word_of_its_own(text: &str, after: &Atom) -> Atom {
    Atom {
        gap: Gap {
            space: " ".to_owned(),
            cut: Cut::Word,
            ..Gap::default()
        },
        place: after.place.onward(),
        runs: vec![Run {
            styles: Rc::default(),
            text: text.to_owned(),
        }],
        torn: false,
    }
}
