//! Newline-delimited JSON: one object a line.

use crate::sse::TooLong;

const LONGEST: usize = 1024 * 1024;

/// Puts lines together from pieces that may end anywhere, inside a character too.
#[derive(Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes the next piece in and gives every line that it ends.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut ended = Vec::new();
        for &byte in piece {
            if byte == b'\n' {
                ended.extend(self.end());
            } else if self.line.len() >= LONGEST {
                return Err(TooLong);
            } else {
                self.line.push(byte);
            }
        }
        Ok(ended)
    }

    /// The line that is there, if it says anything: the last one may end with the stream.
    pub(crate) fn end(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_may_end_anywhere_and_the_last_line_with_the_stream() {
        let stream = "{\"a\":\"häß\"}\r\n\n{\"b\":\"文\"}".as_bytes();

        for cut in 1..=stream.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in stream.chunks(cut) {
                found.extend(lines.push(piece).unwrap());
            }
            found.extend(lines.end());
            assert_eq!(
                found,
                ["{\"a\":\"häß\"}", "{\"b\":\"文\"}"],
                "cut every {cut} bytes"
            );
        }
    }
}
