//! Puts words and blocks together to a text.

/// Invariant: between two blocks there is one empty line, and none at the beginning or the end.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
    line: String,
    /// What stands before the line's first word: `## `, `- `.
    mark: String,
}

impl Writer {
    /// Words within a line; white space of any length is one space.
    pub(crate) fn words(&mut self, text: &str) {
        let spaced = |c: Option<char>| c.is_some_and(char::is_whitespace);
        if spaced(text.chars().next()) {
            self.space();
        }
        let mut first = true;
        for word in text.split_whitespace() {
            if !first {
                self.space();
            }
            self.line.push_str(word);
            first = false;
        }
        if !first && spaced(text.chars().last()) {
            self.space();
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    /// The line ends; within its block another follows.
    pub(crate) fn line_end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str(&std::mem::take(&mut self.mark));
        self.out.push_str(line);
    }

    /// The block ends.
    pub(crate) fn block_end(&mut self) {
        self.line_end();
        self.mark.clear();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.truncate(self.out.trim_end_matches('\n').len());
            self.out.push_str("\n\n");
        }
    }

    /// What stands before the next line.
    pub(crate) fn mark(&mut self, mark: &str) {
        mark.clone_into(&mut self.mark);
    }

    /// A block as it is.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.block_end();
        let text = text.trim_matches('\n').trim_end();
        if !text.trim().is_empty() {
            self.out.push_str(text);
            self.block_end();
        }
    }

    /// The text.
    pub(crate) fn end(mut self) -> String {
        self.block_end();
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}
