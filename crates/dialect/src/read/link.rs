//! Links and pictures: one atom each, whatever their text.

use super::Reader;
use crate::{Style, atom::Run};
use pulldown_cmark::LinkType;
use std::{borrow::Cow, rc::Rc};

/// A link whose text is being read.
pub(super) struct Link {
    url: String,
    /// The styles outside of it.
    outer: usize,
    runs: Vec<Run>,
}

impl Reader {
    pub(super) fn begin_link(&mut self, url: &str, kind: LinkType) {
        self.links += 1;
        if self.links == 1 {
            let scheme = if kind == LinkType::Email { "mailto:" } else { "" };
            self.link = Some(Link {
                url: format!("{scheme}{}", address(url)),
                outer: self.styles.len(),
                runs: Vec::new(),
            });
        }
    }

    pub(super) fn end_link(&mut self) {
        self.links = self.links.saturating_sub(1);
        if self.links > 0 {
            return;
        }
        let Some(link) = self.link.take() else { return };
        if link.url.is_empty() {
            for run in link.runs {
                let styles = std::mem::replace(&mut self.shared, run.styles);
                self.text(&run.text);
                self.shared = styles;
            }
            return;
        }
        let (begins, ends) = (link.begins_with_space(), link.ends_with_space());
        if begins {
            self.space_between();
        }
        let runs = link.into_runs(&self.styles);
        self.push(runs);
        if ends {
            self.space.push(' ');
        }
    }
}

impl Link {
    pub(super) fn push(&mut self, text: &str, styles: &Rc<[Style]>) {
        match self.runs.last_mut() {
            Some(run) if Rc::ptr_eq(&run.styles, styles) => run.text.push_str(text),
            _ => self.runs.push(Run {
                styles: styles.clone(),
                text: text.to_owned(),
            }),
        }
    }

    fn is_blank(&self) -> bool {
        self.runs.iter().all(|run| run.text.trim().is_empty())
    }

    fn begins_with_space(&self) -> bool {
        let first = self.runs.first();
        !self.is_blank() && first.is_some_and(|run| run.text.starts_with(char::is_whitespace))
    }

    fn ends_with_space(&self) -> bool {
        let last = self.runs.last();
        !self.is_blank() && last.is_some_and(|run| run.text.ends_with(char::is_whitespace))
    }

    /// The link's text, in the link's style. A link without text shows its address.
    fn into_runs(mut self, outer: &[Style]) -> Vec<Run> {
        let shown = shown(&self.url).to_owned();
        if self.is_blank() {
            self.runs = vec![Run {
                styles: outer.into(),
                text: shown.clone(),
            }];
        }
        let text: String = self.runs.iter().map(|run| run.text.as_str()).collect();
        let text = text.trim();
        let style = Style::Link {
            same: text == shown || text == self.url,
            url: self.url,
        };
        let last = self.runs.len() - 1;
        for (at, run) in self.runs.iter_mut().enumerate() {
            if at == 0 {
                run.text = run.text.trim_start().to_owned();
            }
            if at == last {
                run.text.truncate(run.text.trim_end().len());
            }
            let mut styles = run.styles.to_vec();
            styles.insert(self.outer.min(styles.len()), style.clone());
            run.styles = styles.into();
        }
        self.runs.retain(|run| !run.text.is_empty());
        self.runs
    }
}

/// An address as a reader should see it.
pub(crate) fn shown(url: &str) -> &str {
    ["mailto:", "tel:"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .unwrap_or(url)
}

/// An address without what no address can have, and what would end a line or a mark.
fn address(url: &str) -> Cow<'_, str> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if !url.contains(bad) {
        return Cow::Borrowed(url);
    }
    let mut address = String::with_capacity(url.len() + 16);
    for c in url.trim().chars() {
        if bad(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                address.push_str(&format!("%{byte:02X}"));
            }
        } else {
            address.push(c);
        }
    }
    Cow::Owned(address)
}
