//! Whether a person says yes to what they were asked.
//!
//! Invariant: only a yes that leaves no doubt is one. A tap on a button that asked about something else is none.

use crate::words::plain;
use channel::Button;
use domain::ToolCallId;
use store::turns::Waiting;

const YES: &[&str] = &[
    "yes",
    "y",
    "yes please",
    "yeah",
    "yep",
    "yup",
    "ok",
    "okay",
    "sure",
    "confirm",
    "confirmed",
    "i confirm",
    "correct",
    "do it",
    "please do",
    "go ahead",
    "yes do it",
    "yes go ahead",
    "ja",
    "j",
    "ja bitte",
    "jawohl",
    "jo",
    "klar",
    "gerne",
    "ja gerne",
    "mach das",
    "bitte machen",
    "in ordnung",
    "einverstanden",
    "bestaetigen",
    "ich bestaetige",
    "passt",
    "oui",
    "si",
    "да",
    "是",
];
const NO: &[&str] = &[
    "no",
    "n",
    "no thanks",
    "no thank you",
    "nope",
    "nah",
    "dont",
    "do not",
    "stop",
    "cancel",
    "never mind",
    "nevermind",
    "abort",
    "nein",
    "nein danke",
    "ne",
    "nee",
    "nicht",
    "lieber nicht",
    "doch nicht",
    "abbrechen",
    "abbruch",
    "non",
    "нет",
    "不",
];

/// What was said to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Yes,
    No,
    /// Something else: the question is not answered.
    Other,
}

/// The buttons under a question about this call.
pub(crate) fn buttons(call: ToolCallId, yes: &str, no: &str) -> Vec<Button> {
    let button = |title: &str, word: &str| Button {
        title: title.to_owned(),
        value: format!("{word}:{call}"),
    };
    vec![button(yes, "yes"), button(no, "no")]
}

/// What the waiting messages say to the question about this call, whose buttons were called so.
pub(crate) fn said(waiting: &[Waiting], call: ToolCallId, yes: &str, no: &str) -> Said {
    let chosen: Vec<&str> = waiting
        .iter()
        .filter_map(|message| message.choice.as_deref())
        .collect();
    let written: Vec<String> = waiting
        .iter()
        .filter(|message| message.choice.is_none())
        .map(|message| plain(&message.text).replace('\n', " "))
        .filter(|text| !text.is_empty())
        .collect();
    let is = |text: &str, words: &[&str], label: &str| {
        words.contains(&text) || text == plain(label).replace('\n', " ")
    };
    let all = |word: &str, words: &[&str], label: &str| {
        chosen.iter().all(|choice| *choice == format!("{word}:{call}"))
            && written.iter().all(|text| is(text, words, label))
    };
    if chosen.is_empty() && written.is_empty() {
        Said::Other
    } else if all("yes", YES, yes) {
        Said::Yes
    } else if all("no", NO, no) {
        Said::No
    } else {
        Said::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::MessageId;

    fn message(text: &str, choice: Option<String>) -> Waiting {
        Waiting {
            id: MessageId::new(),
            text: text.to_owned(),
            choice,
            order_key: None,
            attempts: 1,
            accepted_at: chrono::DateTime::UNIX_EPOCH,
            traceparent: None,
            has_reply_to: false,
        }
    }

    #[test]
    fn only_a_yes_without_doubt_is_one() {
        let call = ToolCallId::new();
        let typed = |texts: &[&str]| {
            let waiting: Vec<_> = texts.iter().map(|text| message(text, None)).collect();
            said(&waiting, call, "Book it", "Leave it")
        };

        for yes in ["Yes", "yes!", "OK.", "Ja, bitte", "book it", "Do it!"] {
            assert_eq!(typed(&[yes]), Said::Yes, "{yes}");
        }
        for no in ["No", "nein danke", "leave it", "Don't!"] {
            assert_eq!(typed(&[no]), Said::No, "{no}");
        }
        for other in [
            "yes, but for Friday",
            "is that free?",
            "",
            "not yes",
            "yes no",
            "jaguar",
        ] {
            assert_eq!(typed(&[other]), Said::Other, "{other}");
        }
        assert_eq!(typed(&["yes", "ok"]), Said::Yes);
        assert_eq!(typed(&["yes", "no"]), Said::Other);
    }

    #[test]
    fn a_button_of_another_question_is_no_yes() {
        let (call, earlier) = (ToolCallId::new(), ToolCallId::new());
        let tapped = |call, at: usize| Some(buttons(call, "Yes", "No")[at].value.clone());
        let said = |choice| said(&[message("Yes", choice)], call, "Yes", "No");

        assert_eq!(said(tapped(call, 0)), Said::Yes);
        assert_eq!(said(tapped(earlier, 0)), Said::Other);
        assert_eq!(
            super::said(&[message("No", tapped(call, 1))], call, "Yes", "No"),
            Said::No
        );
    }
}
