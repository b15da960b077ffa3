//! Commands: `/help`, `/help@acme_bot now`, `/start from_our_page`.

/// A message that begins with a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command<'a> {
    name: &'a str,
    /// The bot it is for, where it names one.
    pub(crate) bot: Option<&'a str>,
    rest: &'a str,
}

/// The command that a text begins with.
pub(crate) fn parse(text: &str) -> Option<Command<'_>> {
    let after = text.strip_prefix('/')?;
    let end = after.find(char::is_whitespace).unwrap_or(after.len());
    let (word, rest) = after.split_at(end);
    let (name, bot) = match word.split_once('@') {
        Some((name, bot)) => (name, Some(bot)),
        None => (word, None),
    };
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_word(name) && bot.is_none_or(is_word)).then_some(Command {
        name,
        bot,
        rest: rest.trim(),
    })
}

impl Command<'_> {
    /// What the person says with it. `/start` is how everybody begins; what comes behind it is what counts.
    pub(crate) fn words(&self) -> String {
        match (self.name, self.rest) {
            ("start", rest) if !rest.is_empty() => rest.to_owned(),
            (name, "") => format!("/{name}"),
            (name, rest) => format!("/{name} {rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_with_the_bot_it_is_for() {
        for (text, bot, words) in [
            ("/start", None, "/start"),
            ("/start hi there", None, "hi there"),
            ("/start@acme_bot  ref_1 ", Some("acme_bot"), "ref_1"),
            ("/help@acme_bot", Some("acme_bot"), "/help"),
            ("/help\nplease", None, "/help please"),
        ] {
            let command = parse(text).unwrap();

            assert_eq!((command.bot, command.words().as_str()), (bot, words), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_command_is_none() {
        for text in [
            "start",
            "/",
            "/ start",
            "/usr/bin",
            "/a@b.example",
            "/@acme",
            " /start",
            "//",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
