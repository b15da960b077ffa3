//! Promises about what an owner is told of a webhook that is not proven.

use crate::{CredentialsOf, FOREIGN_SECRET, Recording, SECRET};
use bytes::Bytes;
use channel::{Channel, Diagnoses, Diagnosis, Hints, WebhookRequest};
use http::HeaderValue;
use proptest::{
    prelude::{any, prop},
    test_runner::TestRunner,
};
use std::sync::Arc;

/// What an owner, or whoever runs the proxy, can do: a diagnosis ends with one of these and of what.
const TO_DO: [&str; 9] = [
    "ask", "check", "compare", "connect", "copy", "enter", "let", "set", "wait",
];

type Doctor<R> = Arc<dyn Diagnoses<CredentialsOf<R>>>;

/// `None`: the platform's code cannot tell.
fn doctor<R: Recording>(recording: &R) -> Option<Doctor<R>> {
    Arc::new(recording.channel()).capabilities().diagnoses
}

/// What is told of a request, which must be nothing that is secret or was written by a person.
fn told<R: Recording>(recording: &R, doctor: &Doctor<R>, request: &WebhookRequest) -> Diagnosis {
    let credentials = recording.credentials(SECRET);
    let diagnosis = doctor.diagnose(request, &Hints::of(request), &credentials);
    let words = &diagnosis.words;
    assert!(!words.is_empty(), "the owner is told nothing");
    assert!(
        !words.contains(SECRET) && !words.contains(FOREIGN_SECRET),
        "a diagnosis shows a secret: {words}"
    );
    assert!(
        !words.contains(&recording.expected().text),
        "a diagnosis shows what was written: {words}"
    );
    diagnosis
}

/// What is signed with somebody else's secret, and what is not signed at all, is called that, and its owner is told what
/// to do.
pub fn says_why_it_refuses<R: Recording>(recording: &R) {
    let Some(doctor) = doctor(recording) else {
        return;
    };
    let foreign = recording.sign(recording.request(), FOREIGN_SECRET);
    let mut unsigned = recording.sign(recording.request(), SECRET);
    unsigned.headers.remove(recording.proof());

    for (what, request, causes) in [
        ("foreign", foreign, &["wrong_secret", "unproven"][..]),
        ("unsigned", unsigned, &["missing_proof"][..]),
    ] {
        let Diagnosis { cause, words } = told(recording, &doctor, &request);

        assert!(
            causes.contains(&cause.as_str()),
            "{what} is called {}: {words}",
            cause.as_str()
        );
        assert!(
            ends_with_what_to_do(&words),
            "{what} does not end with what to do: {words}"
        );
    }
}

/// Whether the last of its sentences and half-sentences is an instruction.
fn ends_with_what_to_do(words: &str) -> bool {
    let last = words
        .rsplit([':', ';', '.'])
        .find(|part| part.starts_with(' '))
        .unwrap_or_default();
    let verb = last.split_whitespace().next().unwrap_or_default();
    TO_DO.contains(&verb.to_lowercase().as_str())
}

/// A webhook that is about nobody, or cannot be read, is not taken for the integration's, whoever signed it.
pub fn keeps_nothing_of_nobody<R: Recording>(recording: &R) {
    let Some(doctor) = doctor(recording) else {
        return;
    };
    let credentials = recording.credentials(SECRET);
    for body in ["", "{}", "[]", "null", "{", "a=b", "\u{0}"] {
        let mut request = recording.request();
        request.body = Bytes::from_static(body.as_bytes());
        for request in [recording.sign(request.clone(), SECRET), request] {
            assert!(
                !doctor.names_account(&request, &credentials),
                "{body:?} is taken for this account's"
            );
        }
    }
}

/// Whatever comes, nothing panics, and no secret is shown.
pub fn diagnoses_garbage<R: Recording>(recording: &R) {
    let Some(doctor) = doctor(recording) else {
        return;
    };
    let credentials = recording.credentials(SECRET);
    let garbage = (
        any::<Vec<u8>>(),
        prop::collection::vec(1u8.., 0..80),
        "\\PC{0,80}",
        any::<bool>(),
    );
    TestRunner::default()
        .run(&garbage, |(body, proof, query, keep_body)| {
            let mut request = recording.sign(recording.request(), SECRET);
            if !keep_body {
                request.body = Bytes::from(body);
            }
            request.url = format!("{}?{query}", request.url);
            if let Ok(proof) = HeaderValue::from_bytes(&proof) {
                request.headers.insert(recording.proof(), proof);
            }
            told(recording, &doctor, &request);
            doctor.names_account(&request, &credentials);
            Ok(())
        })
        .unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_at_the_end_is_told_from_an_explanation() {
        for (words, instructs) in [
            ("it is missing: let the proxy pass it on", true),
            (
                "it is signed for a.example: set https://a.example:8443/w on Twilio",
                true,
            ),
            ("it is old. Compare the clocks", true),
            (
                "a proxy removed it; connect the integration again, so that it is told",
                true,
            ),
            ("let it be: a proxy removed it", false),
            ("the header is missing", false),
            ("", false),
        ] {
            assert_eq!(ends_with_what_to_do(words), instructs, "{words}");
        }
    }
}
