//! Atoms packed into messages.

use crate::{
    Dialect,
    atom::{Atom, Cut},
    loosen::loosen,
    render::render,
};
use std::slice;
use unicode_segmentation::UnicodeSegmentation;

pub(crate) fn pack(
    mut atoms: Vec<Atom>,
    dialect: &impl Dialect,
    limit: usize,
    measure: &impl Fn(&str) -> usize,
) -> Vec<String> {
    atoms.reverse();
    let mut packer = Packer {
        dialect,
        limit,
        measure,
        rest: atoms,
        messages: Vec::new(),
    };
    while !packer.rest.is_empty() {
        let most = most(packer.rest.len(), |count| packer.fits(packer.first(count)));
        if most == 0 {
            packer.take_a_piece();
        } else {
            let best = packer.best_cut(most);
            let count = if packer.fits(packer.first(best)) {
                best
            } else {
                most
            };
            packer.take(count);
        }
    }
    packer.messages
}

struct Packer<'a, D, M> {
    dialect: &'a D,
    limit: usize,
    measure: &'a M,
    /// What is in no message yet, the last of it first.
    rest: Vec<Atom>,
    messages: Vec<String>,
}

impl<D: Dialect, M: Fn(&str) -> usize> Packer<'_, D, M> {
    /// The atoms that come next, the last of them first.
    fn first(&self, count: usize) -> &[Atom] {
        &self.rest[self.rest.len() - count..]
    }

    fn fits(&self, reversed: &[Atom]) -> bool {
        (self.measure)(&render(reversed.iter().rev(), self.dialect)) <= self.limit
    }

    fn take(&mut self, count: usize) {
        let atoms = self.rest.split_off(self.rest.len() - count);
        self.send(&atoms);
    }

    fn send(&mut self, reversed: &[Atom]) {
        if reversed.iter().any(Atom::is_visible) {
            self.messages.push(render(reversed.iter().rev(), self.dialect));
        }
    }

    /// How many atoms, of the `most` that fit, make the message that ends best.
    fn best_cut(&self, most: usize) -> usize {
        if most == self.rest.len() {
            return most;
        }
        let whole: usize = self.first(most).iter().map(Atom::weight).sum();
        let (mut best, mut found, mut weight) = (most, Cut::Glued, 0);
        for (at, atom) in self.first(most + 1).iter().rev().enumerate() {
            // A message of less than half the size looks worse than one that ends within a sentence.
            let good_enough = atom.gap.cut <= Cut::Word || weight * 2 >= whole;
            if at > 0 && good_enough && atom.gap.cut >= found {
                (best, found) = (at, atom.gap.cut);
            }
            weight += atom.weight();
        }
        best
    }

    /// The next atom is larger than a message: as much of it as fits becomes one, and so on.
    fn take_a_piece(&mut self) {
        let Some(mut atom) = self.rest.pop() else {
            return;
        };
        if let Some(parts) = loosen(&atom) {
            self.rest.extend(parts.into_iter().rev());
            return;
        }
        loop {
            let text = atom.text();
            let fits = |end: usize| self.fits(slice::from_ref(&atom.head(end)));
            let end = if atom.torn {
                longest(text.char_indices().map(|(at, c)| at + c.len_utf8()), fits)
            } else {
                longest(
                    text.grapheme_indices(true).map(|(at, seen)| at + seen.len()),
                    fits,
                )
            };
            if end == 0 {
                return self.tear(atom);
            }
            if end == text.len() {
                return self.rest.push(atom);
            }
            let end = if atom.place.block.is_some() {
                after_last_space(text, end)
            } else {
                end
            };
            self.send(slice::from_ref(&atom.head(end)));
            atom = atom.tail(end);
        }
    }

    /// Not even the beginning of the atom fits.
    fn tear(&mut self, atom: Atom) {
        let text = atom.text();
        let char = text.chars().next().map_or(0, char::len_utf8);
        if char == 0 || !self.fits(slice::from_ref(&atom.head(char))) {
            // The marks alone are too much. What does not fit without any fits nowhere.
            if atom.is_marked() {
                self.rest.push(atom.without_marks());
            } else if char < text.len() {
                self.rest.push(atom.tail(char));
            }
            return;
        }
        // Only what a reader sees as one character is too large; what comes after it is whole again.
        let grapheme = text.graphemes(true).next().map_or(0, str::len);
        let piece = atom.head(grapheme);
        if grapheme < text.len() {
            self.rest.push(atom.tail(grapheme));
        }
        let bare = piece.clone().without_marks();
        self.rest.push(if self.fits(slice::from_ref(&bare)) {
            bare
        } else {
            Atom { torn: true, ..piece }
        });
    }
}

/// The end of the last white space in the latter half of the first `end` bytes, or else `end`.
fn after_last_space(text: &str, end: usize) -> usize {
    text[..end]
        .char_indices()
        .rev()
        .take_while(|(at, _)| at * 2 >= end)
        .find(|(_, c)| c.is_whitespace())
        .map_or(end, |(at, c)| at + c.len_utf8())
}

/// The last of these ends that fits; 0 if none does. Few of them are looked at.
fn longest(ends: impl Iterator<Item = usize>, fits: impl Fn(usize) -> bool) -> usize {
    let mut ends = ends.fuse();
    let mut known: Vec<usize> = Vec::new();
    let mut wanted = 64;
    loop {
        known.extend(ends.by_ref().take(wanted - known.len()));
        if known.len() < wanted || !fits(known[wanted - 1]) {
            break;
        }
        wanted *= 2;
    }
    match most(known.len(), |count| fits(known[count - 1])) {
        0 => 0,
        count => known[count - 1],
    }
}

/// The largest count up to `all` that fits, if what is more than one that does not fit does not fit either.
fn most(all: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, 1);
    while high <= all && fits(high) {
        (low, high) = (high, high * 2);
    }
    high = high.min(all + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
