//! Keeps a log line one line: what people and platforms send us can end up in an error's text, and must not be able to
//! forge a line or drive a terminal.

use std::{
    fmt::Write as _,
    io::{self, Write},
};
use tracing_subscriber::fmt::MakeWriter;

/// Writes events to what `make` makes, escaped; with colours of our own if asked for.
pub fn to<M>(make: M, colours: bool) -> Escaping<M> {
    Escaping { make, colours }
}

/// Makes escaping writers.
pub struct Escaping<M> {
    make: M,
    colours: bool,
}

/// Escapes control characters. The formatter hands over an event whole, with one line feed at its end.
pub struct EscapingWriter<W> {
    to: W,
    colour: Option<&'static str>,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Escaping<M> {
    type Writer = EscapingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapingWriter {
            to: self.make.make_writer(),
            colour: None,
        }
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        let colour = self.colours.then(|| colour_of(*meta.level()));
        EscapingWriter {
            to: self.make.make_writer_for(meta),
            colour: colour.flatten(),
        }
    }
}

/// Only what should catch the eye.
const fn colour_of(level: tracing::Level) -> Option<&'static str> {
    match level {
        tracing::Level::ERROR => Some("\x1b[31m"),
        tracing::Level::WARN => Some("\x1b[33m"),
        tracing::Level::DEBUG | tracing::Level::TRACE => Some("\x1b[2m"),
        tracing::Level::INFO => None,
    }
}

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = escaped(&String::from_utf8_lossy(event));
        match self.colour {
            Some(colour) => {
                let (text, end) = line
                    .strip_suffix('\n')
                    .map_or((line.as_str(), ""), |text| (text, "\n"));
                self.to
                    .write_all(format!("{colour}{text}\x1b[0m{end}").as_bytes())?;
            }
            None => self.to.write_all(line.as_bytes())?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The same text with every control character but a final line feed spelt out, and likewise the Unicode characters that
/// end a line or turn the direction of writing.
fn escaped(event: &str) -> String {
    let (text, end) = event.strip_suffix('\n').map_or((event, ""), |text| (text, "\n"));
    let mut line = String::with_capacity(event.len());
    for character in text.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(character));
            }
            c if c.is_control() => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line.push_str(end);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool) -> String {
        let sink = Sink::default();
        let made = sink.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(to(move || made.clone(), false));
        let hostile = "hi\r\n2026-01-01 ERROR forged\x1b[2J\u{9b}31m\u{202e}";
        if json {
            let subscriber = tracing_subscriber::registry().with(layer.json());
            tracing::subscriber::with_default(subscriber, || tracing::info!(reason = hostile, "{hostile}"));
        } else {
            let subscriber = tracing_subscriber::registry().with(layer);
            tracing::subscriber::with_default(subscriber, || tracing::info!(reason = %hostile, "{hostile}"));
        }
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn nothing_that_is_logged_can_forge_a_line_or_drive_a_terminal() {
        for json in [false, true] {
            let output = logged(json);

            let line = output.strip_suffix('\n').unwrap();
            assert!(line.contains("forged"), "{line}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(!line.contains('\u{202e}'), "{line:?}");
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(escaped("Grüße, 世界 🙂\n"), "Grüße, 世界 🙂\n");
    }
}
