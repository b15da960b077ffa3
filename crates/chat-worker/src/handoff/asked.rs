//! Whether somebody asks for a human, and does not only speak of one.
//!
//! Wanting and talking to must meet: "I want to talk to a human" asks for one, "is a human heart big?" does not. Where a
//! sentence has nothing else, the bare word asks too.

use regex::Regex;
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

/// The usual ways of one language, on texts as `words::plain` gives them.
struct Ways {
    /// Found anywhere in a sentence.
    phrases: Vec<Regex>,
    /// Words for a human that ask by themselves, where nothing but `fillers` stands beside them.
    humans: Vec<&'static str>,
    fillers: Vec<&'static str>,
}

/// The language in which it is asked.
pub(super) fn for_a_human(said: &str, languages: &[String]) -> Option<Language> {
    let listens = |code: &str| languages.iter().any(|language| language == code);
    if listens("en") && ENGLISH.ask(said) {
        return Some(Language::English);
    }
    (listens("de") && GERMAN.ask(said)).then_some(Language::German)
}

/// Whether a sentence is this word and nothing else but greetings and the like.
pub(super) fn stands_alone(said: &str, word: &str) -> bool {
    said.lines().any(|line| {
        line.split(' ').any(|one| one == word)
            && line
                .split(' ')
                .all(|one| one == word || ENGLISH.fillers.contains(&one) || GERMAN.fillers.contains(&one))
    })
}

impl Ways {
    fn ask(&self, said: &str) -> bool {
        said.lines().any(|line| {
            self.phrases.iter().any(|phrase| phrase.is_match(line))
                || self.is_bare(line, !said.contains('\n'))
        })
    }

    /// A sentence that is a human and fillers. One word alone asks only where it is the whole message: "Mensch!" is also
    /// what one says in anger.
    fn is_bare(&self, line: &str, whole: bool) -> bool {
        let padded = format!(" {line} ");
        let Some(human) = self
            .humans
            .iter()
            .find(|human| padded.contains(&format!(" {human} ")))
        else {
            return false;
        };
        let rest = padded.replacen(&format!(" {human} "), " ", 1);
        let mut rest = rest.split_whitespace().peekable();
        (whole || rest.peek().is_some()) && rest.all(|word| self.fillers.contains(&word))
    }
}

fn phrases(patterns: &[String]) -> Vec<Regex> {
    // A pattern that does not compile fails the test below; it never takes a running worker down.
    patterns
        .iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
}

fn words(list: &'static str) -> Vec<&'static str> {
    list.split_whitespace().collect()
}

const ENGLISH_HUMANS: &str = r"(?:human(?: being)?|person|agent|representative|rep|operator|employee|advisor|adviser|consultant|colleague|staff|staff member|member of staff|someone|somebody)";
const GERMAN_HUMANS: &str = r"(?:mensch(?:en)?|person|mitarbeiter(?:in|s|n)?|kolleg(?:e|en|in)|(?:kunden|service)?berater(?:in|n)?|sachbearbeiter(?:in)?|servicemitarbeiter(?:in)?|ansprechpartner(?:in)?|jemand(?:en|em)?|kundenservice|kundendienst|operator|agenten?)";

fn english() -> Vec<String> {
    let human = ENGLISH_HUMANS;
    let wish = r"(?:i|we) (?:really |just |only )?(?:want|wanna|need|wish|prefer)|(?:id|wed|i would|we would) (?:really |much )?(?:like|love|prefer|rather)|let me|let us|(?:can|could|may) (?:i|we)|how (?:can|do) i|possible|please|able";
    let talk = r"(?:talk|speak|chat|get in touch|connect|connected|put through|transferred|talking|speaking)";
    vec![
        format!(r"\b(?:{wish})(?: \w+){{0,4}} {talk}(?: \w+)?? (?:to|with)(?: \w+){{0,3}} {human}\b"),
        format!(r"^(?:\w+ ){{0,2}}?(?:talk|speak) (?:to|with) (?:a|an|another|some|any|your)(?: \w+)? {human}\b"),
        format!(
            r"\b(?:connect|transfer|forward|put|pass|hand|redirect|switch) (?:me|us)(?: \w+){{0,2}} (?:to|with)(?: \w+){{0,3}} {human}\b"
        ),
        r"\b(?:get|give|bring|find) me (?:a|an|your|some)(?: real| live| actual)? (?:human(?: being)?|agent|representative|operator|person)$".to_owned(),
    ]
}

fn german() -> Vec<String> {
    let human = GERMAN_HUMANS;
    let wish = r"(?:ich|wir) (?:\w+ )?(?:moechten?|moecht|will|wollen|wuerden?|muss|wuensche)|(?:moechte|will|wuerde|kann|koennte|darf|duerfte|muss|koennen|duerfen) (?:ich|wir|man)|bitte|lass(?:en sie)? (?:mich|uns)|wie";
    let talk = r"(?:sprechen|reden|schreiben|chatten|telefonieren|verbunden|verbinden|unterhalten|weitergeleitet|kommunizieren)";
    vec![
        format!(r"\b(?:{wish})(?: \w+){{0,4}} (?:mit|an)(?: \w+){{0,4}}? {human}(?: \w+){{0,6}}? {talk}\b"),
        format!(r"\b(?:{wish})(?: \w+){{0,3}} (?:sprechen|reden) mit(?: \w+){{0,3}}? {human}\b"),
        format!(r"^(?:\w+ ){{0,2}}?mit (?:einem|einer|jemand|jemandem|dem)(?: \w+)??(?: {human})? (?:sprechen|reden|verbinden)(?: bitte)?$"),
        format!(r"\b(?:verbinden?|leiten?|stellen?)(?: sie)? (?:mich|uns)(?: \w+){{0,3}}? (?:mit|an|zu)(?: \w+){{0,3}}? {human}\b"),
        r"\b(?:gib|geben sie|gebt|holen? sie|hol) (?:mir|uns)? ?(?:bitte )?(?:einen?|den|die|eine[nr]?)(?: echten?)? (?:menschen|mitarbeiter(?:in)?|kundenberater(?:in)?|person)$".to_owned(),
    ]
}

static ENGLISH: LazyLock<Ways> = LazyLock::new(|| Ways {
    phrases: phrases(&english()),
    humans: vec![
        "human being",
        "human agent",
        "live agent",
        "real human",
        "real person",
        "actual person",
        "live person",
        "human support",
        "live support",
        "live chat",
        "customer service",
        "customer support",
        "human",
        "agent",
        "representative",
        "operator",
    ],
    fillers: words(
        "hi hello hey please pls plz now asap immediately a an the any some i we want wanna need just only to talk speak \
         chat with would like id give me get let can could is there thanks thank you not bot no robot actual",
    ),
});

static GERMAN: LazyLock<Ways> = LazyLock::new(|| Ways {
    phrases: phrases(&german()),
    humans: vec![
        "echten menschen",
        "echter mensch",
        "richtigen menschen",
        "echte person",
        "echten person",
        "menschen",
        "mensch",
        "mitarbeiter",
        "mitarbeiterin",
        "kundenberater",
        "kundenberaterin",
        "ansprechpartner",
        "ansprechpartnerin",
        "kundenservice",
        "kundendienst",
    ],
    fillers: words(
        "hallo hi hey moin bitte ich wir will moechte moechten brauche brauchen haette haetten gern gerne einen ein eine einem \
         einer mit dem den der die das jetzt sofort nur mal sprechen reden danke kein keinen keine bot roboter an zu zum",
    ),
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::plain;

    fn asked(said: &str) -> Option<Language> {
        for_a_human(&plain(said), &["en".to_owned(), "de".to_owned()])
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(
            (ENGLISH.phrases.len(), GERMAN.phrases.len()),
            (english().len(), german().len())
        );
    }

    #[test]
    fn who_asks_for_a_human_in_english_is_heard() {
        for said in [
            "I want to talk to a human",
            "I'd like to speak with a real person, please.",
            "Can I speak to someone about my bill?",
            "could i please be connected to an agent",
            "Let me talk to a human!!",
            "I need to speak to a representative",
            "How can I talk to a real human being?",
            "Is it possible to chat with a live agent?",
            "Please connect me with an operator",
            "Transfer me to a person",
            "talk to a human",
            "Speak to an agent about my order",
            "This is useless. I want a human.",
            "human",
            "Agent, please",
            "real person",
            "I need a human",
            "Is there a real person?",
            "no bot, human please",
            "get me a human",
            "customer service",
        ] {
            assert_eq!(asked(said), Some(Language::English), "{said}");
        }
    }

    #[test]
    fn who_asks_for_a_human_in_german_is_heard() {
        for said in [
            "Ich möchte mit einem Menschen sprechen",
            "Kann ich bitte mit jemandem reden?",
            "ich will mit einem echten menschen über meine Rechnung sprechen",
            "Koennte ich mit einem Mitarbeiter verbunden werden?",
            "Verbinden Sie mich bitte mit einem Kundenberater",
            "Ich würde gerne mit einer Person sprechen.",
            "Mitarbeiter bitte",
            "Ich will einen Menschen",
            "Mensch",
            "echter Mensch bitte!",
            "Mit einem Menschen sprechen",
            "Wie kann ich mit dem Kundenservice sprechen?",
            "Ich brauche einen Ansprechpartner",
        ] {
            assert_eq!(asked(said), Some(Language::German), "{said}");
        }
    }

    #[test]
    fn who_only_speaks_of_humans_is_answered_by_the_bot() {
        for said in [
            "Is a human heart bigger than a pig's?",
            "I need a human heart model for school",
            "Are you a human?",
            "Are you a real person or a bot?",
            "Do I need to be there in person?",
            "How many persons fit into the car?",
            "Do you sell human hair?",
            "What does an insurance agent earn?",
            "Is the cleaning agent safe for pets?",
            "Can I bring another person?",
            "I want to talk about human rights",
            "Which human resources software do you support?",
            "The agent told me to wait. When is my flight?",
            "Can I talk to my dog in the car?",
            "I'd like to book for one person",
            "Mensch, das ist aber teuer",
            "Mensch! Wann kommt mein Paket?",
            "Wie viele Menschen arbeiten bei euch?",
            "Was kostet es pro Person?",
            "Bist du ein Mensch?",
            "Kann ich mit einer Person mehr kommen?",
            "Ist das menschliche Herz groß?",
            "Rabatt für Mitarbeiter?",
            "Wie erreiche ich die Mitarbeiter der Filiale?",
            "",
        ] {
            assert_eq!(asked(said), None, "{said}");
        }
    }

    #[test]
    fn a_language_that_is_not_listened_for_is_not_heard() {
        let german = ["de".to_owned()];

        assert_eq!(for_a_human(&plain("I want to talk to a human"), &german), None);
        assert!(for_a_human(&plain("Mitarbeiter bitte"), &german).is_some());
    }
}
