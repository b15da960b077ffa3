//! Server-sent events, as far as model endpoints use them: the data of each event (HTML standard, section 9.2.6).

/// Puts events together from pieces that may end anywhere, inside a character too.
#[derive(Default)]
pub(crate) struct Events {
    /// Bytes of a line that has not ended yet.
    line: Vec<u8>,
    /// The data lines of the event so far.
    data: Option<String>,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_cr: bool,
}

/// A line or event is longer than any that a model sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

const LONGEST: usize = 1024 * 1024;

impl Events {
    /// Takes the next piece in and gives the data of every event that it ends.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut ended = Vec::new();
        for &byte in piece {
            let was_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if was_cr => {}
                b'\n' | b'\r' => self.end_line(&mut ended)?,
                _ if self.line.len() >= LONGEST => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(ended)
    }

    fn end_line(&mut self, ended: &mut Vec<String>) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            ended.extend(self.data.take());
        } else if let Some(value) = line.strip_prefix("data") {
            let value = value.strip_prefix(':').unwrap_or(value);
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) if data.len() + value.len() > LONGEST => return Err(TooLong),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            }
        }
        // Comments and other fields say nothing to us.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_may_end_anywhere() {
        let stream =
            ": hello\r\nevent: x\r\ndata: {\"a\":\r\ndata: \"häß 文\"}\r\n\r\ndata:[DONE]\n\n".as_bytes();

        for cut in 1..stream.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for piece in stream.chunks(cut) {
                found.extend(events.push(piece).unwrap());
            }
            assert_eq!(found, ["{\"a\":\n\"häß 文\"}", "[DONE]"], "cut every {cut} bytes");
        }
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let mut events = Events::default();

        let piece = vec![b'x'; LONGEST];
        assert_eq!(events.push(&piece), Ok(vec![]));
        assert_eq!(events.push(b"x"), Err(TooLong));
    }
}
