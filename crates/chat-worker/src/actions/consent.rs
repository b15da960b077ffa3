//! Whether a person says yes to what they were asked.
//!
//! Invariant: only a yes that leaves no doubt is one. A tap on a button that asked about something else is none, and
//! neither is what was written before the question was asked.

use crate::words::plain;
use channel::Button;
use domain::ToolCallId;
use store::{tool_calls::OpenCall, turns::Waiting};

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
///
/// What was written before the question answers nothing, but may contradict: "do it", and then yes to the question, is a
/// yes; "no, 18", and then yes to the question about 17, is none. Nothing but such messages is something else, after which
/// the question is no longer open, as after any other text: what the bot says to them stands below the question then, and
/// a yes would be one to that.
pub(crate) fn said(waiting: &[Waiting], open: &OpenCall, yes: &str, no: &str) -> Said {
    let call = open.id;
    let is_answered = waiting.iter().any(|message| message.accepted_at > open.asked_at);
    if !is_answered {
        return Said::Other;
    }
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
    use chrono::{DateTime, TimeDelta};
    use domain::MessageId;

    fn open(id: ToolCallId) -> OpenCall {
        OpenCall {
            id,
            tool: "book".to_owned(),
            arguments: serde_json::json!({}),
            running: false,
            outcome: None,
            asked_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + store::tool_calls::PATIENCE,
        }
    }

    fn message(text: &str, choice: Option<String>) -> Waiting {
        Waiting {
            id: MessageId::new(),
            text: text.to_owned(),
            choice,
            order_key: None,
            attempts: 1,
            accepted_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(2),
            traceparent: None,
            has_reply_to: false,
        }
    }

    #[test]
    fn only_a_yes_without_doubt_is_one() {
        let call = ToolCallId::new();
        let typed = |texts: &[&str]| {
            let waiting: Vec<_> = texts.iter().map(|text| message(text, None)).collect();
            said(&waiting, &open(call), "Book it", "Leave it")
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
    fn what_was_written_before_the_question_is_no_answer_to_it() {
        let call = ToolCallId::new();
        let early = |text: &str, choice| Waiting {
            accepted_at: DateTime::UNIX_EPOCH,
            ..message(text, choice)
        };
        let said = |waiting: &[Waiting]| said(waiting, &open(call), "Yes", "No");
        let first_button = Some(buttons(call, "Yes", "No")[0].value.clone());

        assert_eq!(said(&[early("do it", None)]), Said::Other);
        // A number that was typed before there was a button to go with it.
        assert_eq!(said(&[early("1", first_button)]), Said::Other);
        assert_eq!(said(&[early("no", None)]), Said::Other);
        assert_eq!(said(&[early("do it", None), message("yes", None)]), Said::Yes);
        assert_eq!(said(&[early("no, 18", None), message("yes", None)]), Said::Other);
    }

    #[test]
    fn a_button_of_another_question_is_no_yes() {
        let (call, earlier) = (ToolCallId::new(), ToolCallId::new());
        let tapped = |call, at: usize| Some(buttons(call, "Yes", "No")[at].value.clone());
        let said = |choice| said(&[message("Yes", choice)], &open(call), "Yes", "No");

        assert_eq!(said(tapped(call, 0)), Said::Yes);
        assert_eq!(said(tapped(earlier, 0)), Said::Other);
        assert_eq!(
            super::said(&[message("No", tapped(call, 1))], &open(call), "Yes", "No"),
            Said::No
        );
    }
}
