//! Promises about what comes in.

use crate::{Expected, FOREIGN_SECRET, Recording, SECRET};
use bytes::Bytes;
use channel::{Channel, InboundMessage, ReceiveError, Received, WebhookRequest};
use http::HeaderValue;
use proptest::{
    prelude::{any, prop},
    test_runner::TestRunner,
};

async fn receive<R: Recording>(
    recording: &R,
    request: &WebhookRequest,
    secret: &str,
) -> Result<Received, ReceiveError> {
    recording
        .channel()
        .receive(request, &recording.credentials(secret))
        .await
}

async fn only_message<R: Recording>(recording: &R, request: WebhookRequest) -> InboundMessage {
    let request = recording.sign(request, SECRET);
    let mut received = receive(recording, &request, SECRET)
        .await
        .expect("a genuine request is read");
    assert_eq!(received.messages.len(), 1, "the recording has one message");
    assert!(
        received.response.status.is_success(),
        "the platform hears {}",
        received.response.status
    );
    received.messages.remove(0)
}

/// A webhook that the platform signed is read, and means what was recorded.
pub async fn reads_a_genuine_message<R: Recording>(recording: &R) {
    let InboundMessage {
        account,
        dedupe_key,
        contact,
        text,
        ..
    } = only_message(recording, recording.request()).await;

    assert_eq!(
        Expected {
            account,
            dedupe_key,
            contact,
            text
        },
        recording.expected()
    );
}

/// Unsigned, or signed by somebody else, it is refused.
pub async fn refuses_what_it_cannot_prove<R: Recording>(recording: &R) {
    let mut unsigned = recording.sign(recording.request(), SECRET);
    unsigned.headers.remove(recording.proof());
    let mut empty = recording.sign(recording.request(), SECRET);
    empty
        .headers
        .insert(recording.proof(), HeaderValue::from_static(""));
    let mut unreadable = recording.sign(recording.request(), SECRET);
    unreadable
        .headers
        .insert(recording.proof(), HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    let foreign = recording.sign(recording.request(), FOREIGN_SECRET);

    for (what, request) in [
        ("unsigned", unsigned),
        ("signed with nothing", empty),
        ("unreadable", unreadable),
        ("foreign", foreign),
    ] {
        let outcome = receive(recording, &request, SECRET).await;

        assert!(
            matches!(outcome, Err(ReceiveError::BadSignature { .. })),
            "{what} gave {outcome:?}"
        );
    }
}

/// Two proofs are no proof, even if one of them is good: a proxy in front of us may have looked at the other.
pub async fn refuses_a_repeated_proof<R: Recording>(recording: &R) {
    let genuine = recording.sign(recording.request(), SECRET);
    let proof = genuine.headers[recording.proof()].clone();
    let mut twice = genuine.clone();
    twice.headers.append(recording.proof(), proof.clone());
    let mut with_another = genuine;
    with_another
        .headers
        .insert(recording.proof(), HeaderValue::from_static("x"));
    with_another.headers.append(recording.proof(), proof);

    for request in [twice, with_another] {
        let outcome = receive(recording, &request, SECRET).await;

        assert!(
            matches!(outcome, Err(ReceiveError::BadSignature { .. })),
            "it gave {outcome:?}"
        );
    }
}

/// Credentials without a secret are not accepted, and prove nothing: neither what is unsigned, nor what is signed with
/// an empty secret, nor what is genuine.
pub async fn refuses_without_a_secret<R: Recording>(recording: &R) {
    let mut unsigned = recording.request();
    unsigned.headers.remove(recording.proof());
    let with_nothing = recording.sign(recording.request(), "");
    let genuine = recording.sign(recording.request(), SECRET);

    assert!(
        recording.channel().validate(&recording.credentials("")).is_err(),
        "such credentials are registered"
    );
    for request in [unsigned, with_nothing, genuine] {
        let outcome = receive(recording, &request, "").await;

        assert!(outcome.is_err(), "it gave {outcome:?}");
    }
}

/// The platform delivers again what it thinks did not arrive; it has to be recognised.
pub async fn names_a_redelivery_the_same<R: Recording>(recording: &R) {
    let first = only_message(recording, recording.request()).await;
    let again = only_message(recording, recording.request()).await;

    assert_eq!(
        (first.account, first.dedupe_key),
        (again.account, again.dedupe_key)
    );
    assert_eq!(first.conversation, again.conversation);
}

/// Platforms add fields without notice.
pub async fn ignores_fields_it_does_not_know<R: Recording>(recording: &R) {
    let plain = only_message(recording, recording.request()).await;
    let richer = only_message(recording, recording.with_unknown_field(recording.request())).await;

    assert!(plain == richer, "an unknown field changed what was read");
}

/// What the platform invents tomorrow is acknowledged, so that it is not sent for ever, and answered by nobody.
pub async fn acknowledges_what_it_does_not_know<R: Recording>(recording: &R) {
    let request = recording.sign(recording.unknown_event(), SECRET);

    let received = receive(recording, &request, SECRET)
        .await
        .expect("an unknown event is no error");

    assert!(
        received.response.status.is_success(),
        "it is sent again and again"
    );
    assert!(received.messages.is_empty(), "it was taken for a message");
}

/// One part that cannot be read is reported by its position, and fails none of the others.
pub async fn reads_the_rest_of_a_batch<R: Recording>(recording: &R) {
    let Some(batch) = recording.batch_with_a_bad_part() else {
        return;
    };
    let request = recording.sign(batch, SECRET);

    let received = receive(recording, &request, SECRET)
        .await
        .expect("a batch with a bad part is read");

    assert!(
        received.response.status.is_success(),
        "the batch is sent again and again"
    );
    let texts: Vec<&str> = received
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, [recording.expected().text]);
    assert!(
        received
            .malformed
            .iter()
            .all(|part| !part.position.is_empty() && !part.problem.is_empty())
            && !received.malformed.is_empty(),
        "nobody hears of the bad part"
    );
}

/// A refusal is written to a log that people read.
pub async fn shows_no_secret<R: Recording>(recording: &R) {
    let foreign = recording.sign(recording.request(), FOREIGN_SECRET);

    let error = receive(recording, &foreign, SECRET)
        .await
        .expect_err("it is signed by somebody else");

    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains(SECRET) && !shown.contains(FOREIGN_SECRET),
        "a refusal shows a secret: {shown}"
    );
}

/// Whatever comes, nothing panics, and nothing is taken for genuine.
pub fn survives_garbage<R: Recording>(recording: &R) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (channel, credentials) = (recording.channel(), recording.credentials(SECRET));
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
            } else {
                request.headers.remove(recording.proof());
            }
            let outcome = runtime.block_on(channel.receive(&request, &credentials));
            assert!(outcome.is_err(), "garbage was taken for genuine");
            Ok(())
        })
        .unwrap();
}
