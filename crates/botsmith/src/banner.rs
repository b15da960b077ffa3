//! What a person sees when `botsmith all` is ready.

use simulator::demo::Demo;
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
};
use url::Url;

/// One that the demo's knowledge answers, and one that nothing in it does.
const QUESTIONS: [&str; 2] = ["Are you open on Sundays?", "Can you repair my bicycle?"];

/// Where things are and what to try.
#[derive(Default)]
pub struct Banner<'a> {
    /// Where people and platforms reach us, if all of it is up.
    pub address: Option<&'a Url>,
    /// Whether everything works.
    pub ready: bool,
    /// The link that makes whoever opens it the administrator, while there is none.
    pub set_up: Option<&'a str>,
    /// The demo bot.
    pub demo: Option<&'a Demo>,
    /// The data directory, if it is not the usual one.
    pub data_dir: Option<&'a Path>,
}

impl Banner<'_> {
    /// On standard output. That nobody reads it is no reason to stop.
    pub fn print(&self) {
        let program = std::env::args().next().unwrap_or_else(|| "botsmith".to_owned());
        let mut output = io::stdout().lock();
        let _ = writeln!(output, "{}", self.text(&quoted(&program))).and_then(|()| output.flush());
    }

    /// As text, for a program that was called by this name.
    fn text(&self, program: &str) -> String {
        let mut text = String::new();
        if let Some(address) = self.address {
            let state = if self.ready {
                "is ready"
            } else {
                "runs, and is not ready yet: /readyz says why"
            };
            let _ = writeln!(text, "\nBotSmith {state}.\n\n  Address   {address}");
        }
        if let Some(link) = self.set_up {
            let _ = writeln!(
                text,
                "  Set up    {link}\n            (once: it makes you the administrator)"
            );
        }
        if let Some(demo) = self.demo {
            let _ = writeln!(
                text,
                "\n  Try the demo bot, a made-up shop, by text message, without an account at Twilio:\n"
            );
            let place = self
                .data_dir
                .map(|path| format!(" --data-dir {}", quoted(&path.display().to_string())));
            for question in QUESTIONS {
                let _ = writeln!(
                    text,
                    "    {program} simulate twilio{} --bot {} --from +14155550123 {}",
                    place.as_deref().unwrap_or_default(),
                    demo.chatbot_id,
                    quoted(question)
                );
            }
        }
        text
    }
}

/// So that a shell takes it as one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace(['"', '$', '`', '\\'], ""))
    }
}
