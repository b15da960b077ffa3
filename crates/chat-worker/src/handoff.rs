//! Handing a conversation over to a human: when, and with which words.

mod asked;

use crate::words::{contains, plain};
use asked::Language;
use domain::HandoffReason;
use store::{conduct::HandoffRules, turns::Handoff};

const USUAL_ENGLISH: &str = "I am passing this on to a colleague, who will answer you here.";
const USUAL_GERMAN: &str =
    "Ich gebe das an eine Kollegin oder einen Kollegen weiter. Die Antwort kommt hier.";

/// A hand-over, and what the bot says with it.
pub(crate) struct HandingOver {
    pub handoff: Handoff,
    pub text: String,
}

/// Whether the person asks for a human, or writes one of the owner's words.
pub(crate) fn wanted(rules: &HandoffRules, said: &str) -> Option<HandingOver> {
    let said = plain(said);
    let keyword = rules
        .keywords
        .iter()
        .find(|word| contains(&said, &one_line(word)));
    if let Some(keyword) = keyword {
        return Some(handing_over(
            rules,
            HandoffReason::Keyword,
            Some(keyword.clone()),
            None,
        ));
    }
    if !rules.on_request {
        return None;
    }
    let own = rules.request_phrases.iter().find(|phrase| {
        let phrase = one_line(phrase);
        if phrase.contains(' ') {
            contains(&said, &phrase)
        } else {
            asked::stands_alone(&said, &phrase)
        }
    });
    if let Some(own) = own {
        return Some(handing_over(
            rules,
            HandoffReason::Requested,
            Some(own.clone()),
            None,
        ));
    }
    let language = asked::for_a_human(&said, &rules.languages)?;
    Some(handing_over(
        rules,
        HandoffReason::Requested,
        None,
        Some(language),
    ))
}

/// What the bot does instead of saying once more that it does not know; `before`: how often it has said so in a row.
pub(crate) fn given_up(rules: &HandoffRules, before: i64) -> Option<HandingOver> {
    let enough = i64::from(rules.after_unanswered?);
    (before + 1 >= enough).then(|| handing_over(rules, HandoffReason::Unanswered, None, None))
}

fn handing_over(
    rules: &HandoffRules,
    reason: HandoffReason,
    detail: Option<String>,
    language: Option<Language>,
) -> HandingOver {
    let usual = match language {
        Some(Language::German) => USUAL_GERMAN,
        Some(Language::English) | None => USUAL_ENGLISH,
    };
    HandingOver {
        handoff: Handoff { reason, detail },
        text: rules.text.clone().unwrap_or_else(|| usual.to_owned()),
    }
}

fn one_line(phrase: &str) -> String {
    plain(phrase).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(rules: &HandoffRules, said: &str) -> Option<(HandoffReason, Option<String>)> {
        wanted(rules, said).map(|handing| (handing.handoff.reason, handing.handoff.detail))
    }

    #[test]
    fn the_owners_words_hand_over_wherever_they_stand() {
        let rules = HandoffRules {
            keywords: vec!["Kündigung".to_owned(), "legal action".to_owned()],
            ..HandoffRules::default()
        };

        let found = |word: &str| Some((HandoffReason::Keyword, Some(word.to_owned())));
        assert_eq!(
            reason(&rules, "Wo schicke ich die KUENDIGUNG hin?"),
            found("Kündigung")
        );
        assert_eq!(
            reason(&rules, "I will take legal  action!"),
            found("legal action")
        );
        assert_eq!(reason(&rules, "Kündigungsfrist?"), None);
        assert_eq!(reason(&rules, "Is it legal? Action!"), None);
    }

    #[test]
    fn the_owners_ways_to_ask_count_alone_or_as_several_words() {
        let rules = HandoffRules {
            languages: Vec::new(),
            request_phrases: vec!["humain".to_owned(), "parler à quelqu'un".to_owned()],
            ..HandoffRules::default()
        };
        let asked = |said| reason(&rules, said).is_some();

        assert!(asked("Humain !") && asked("Je veux parler à quelqu’un."));
        assert!(!asked("Le cœur humain a quatre cavités") && !asked("I want to talk to a human"));
        let off = HandoffRules {
            on_request: false,
            ..rules.clone()
        };
        assert_eq!(reason(&off, "humain"), None);
    }

    #[test]
    fn the_usual_words_are_in_the_language_of_the_question_and_the_owners_always() {
        let text = |rules: &HandoffRules, said| wanted(rules, said).unwrap().text;
        let rules = HandoffRules::default();

        assert_eq!(
            text(&rules, "Ich möchte mit einem Menschen sprechen"),
            USUAL_GERMAN
        );
        assert_eq!(text(&rules, "agent please"), USUAL_ENGLISH);
        let own = HandoffRules {
            text: Some("One moment.".to_owned()),
            ..rules
        };
        assert_eq!(text(&own, "Ich will einen Menschen"), "One moment.");
    }

    #[test]
    fn the_bot_gives_up_at_the_owners_count() {
        let rules = HandoffRules {
            after_unanswered: Some(3),
            ..HandoffRules::default()
        };

        assert!(given_up(&rules, 1).is_none());
        assert_eq!(
            given_up(&rules, 2).unwrap().handoff.reason,
            HandoffReason::Unanswered
        );
        assert!(given_up(&HandoffRules::default(), 100).is_none());
    }
}
