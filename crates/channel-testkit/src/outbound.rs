//! Promises about what goes out, and about how a platform presents itself.

use crate::Recording;
use channel::{Channel, FieldKind, Reply};
use proptest::{
    prelude::{Just, Strategy, any, prop},
    prop_oneof,
    test_runner::TestRunner,
};
use std::collections::BTreeSet;

/// A reply longer than the platform takes at once becomes several parts that each fit, with every word in its order.
pub fn cuts_a_long_reply_to_measure<R: Recording>(recording: &R) {
    let words: Vec<String> = (0..4_000).map(|at| format!("word{at}")).collect();

    let parts = recording.channel().compose(&Reply {
        text: words.join(" "),
        media: Vec::new(),
    });

    assert!(parts.len() > 1, "the reply was not cut");
    assert!(
        parts.iter().all(|part| recording.fits(part)),
        "a part is larger than the platform takes"
    );
    let sent: Vec<&str> = parts
        .iter()
        .flat_map(|part| part.text.split_whitespace())
        .collect();
    assert_eq!(sent, words, "words were lost, torn or moved");
}

/// Whatever a model writes becomes parts that fit, none of them empty.
pub fn composes_anything<R: Recording>(recording: &R) {
    let channel = recording.channel();
    let text = prop_oneof![
        any::<String>(),
        "(\\PC|\n){0,2000}",
        // Much of the same, as a model that has lost its way writes.
        (
            prop_oneof![
                Just("👨‍👩‍👧‍👦"),
                Just("*"),
                Just("[x]("),
                Just("> "),
                Just("| a "),
                Just("a\u{301}")
            ],
            0..3_000usize
        )
            .prop_map(|(text, times)| text.repeat(times)),
    ];
    let media = prop::collection::vec(Just("https://acme.com/a.png".to_owned()), 0..25);
    TestRunner::default()
        .run(&(text, media), |(text, media)| {
            let carried = media.len();
            let parts = channel.compose(&Reply { text, media });
            assert!(
                parts.iter().all(|part| recording.fits(part)),
                "a part is larger than the platform takes"
            );
            assert!(
                parts
                    .iter()
                    .all(|part| !part.text.is_empty() || !part.media.is_empty()),
                "a part is empty"
            );
            assert_eq!(
                parts.iter().map(|part| part.media.len()).sum::<usize>(),
                carried,
                "media were lost"
            );
            Ok(())
        })
        .unwrap();
}

/// The dashboard can draw the platform's form from what it says of itself.
pub fn describes_itself(channel: &impl Channel) {
    let (platform, setup) = (channel.platform(), channel.setup());

    assert!(
        can_stand_in_a_url(platform.as_str()),
        "{platform} cannot stand in a URL"
    );
    assert!(
        !setup.title.is_empty() && !setup.steps.is_empty(),
        "{platform} says nothing of itself"
    );
    let names: BTreeSet<_> = setup.fields.iter().map(|field| field.name).collect();
    assert_eq!(
        names.len(),
        setup.fields.len(),
        "{platform} has two fields of one name"
    );
    assert!(
        setup
            .fields
            .iter()
            .all(|field| !field.label.is_empty() && !field.help.is_empty()),
        "a field says nothing"
    );
    assert!(
        setup.fields.iter().any(|field| field.kind == FieldKind::Secret),
        "{platform} needs no secret"
    );
    assert!(
        setup
            .steps
            .iter()
            .any(|step| step.detail.contains("{webhook_url}")),
        "no step says where to put the webhook"
    );
    assert!(setup.limits.sends_per_second > 0.0, "{platform} can never send");
}

fn can_stand_in_a_url(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
