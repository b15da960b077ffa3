//! What all forms share.

mod tools;

use super::*;

fn message(role: &'static str, content: &str) -> Message {
    Message {
        role,
        content: content.to_owned(),
    }
}

#[test]
fn turns_begin_with_the_user_and_take_turns() {
    let messages = [
        message("system", "Be brief."),
        message("assistant", "Welcome!"),
        message("user", "one"),
        message("user", "two"),
        message("assistant", " "),
        message("assistant", "Yes."),
        message("user", "three"),
    ];

    let (system, turns) = turns(&messages);

    let turns: Vec<_> = turns
        .iter()
        .map(|turn| (turn.role, turn.content.as_str()))
        .collect();
    assert_eq!(system, "Be brief.");
    assert_eq!(
        turns,
        [("user", "one\n\ntwo"), ("assistant", "Yes."), ("user", "three")]
    );
}

#[test]
fn a_key_is_in_the_providers_header_and_not_in_a_debug_print() {
    let key = SecretString::from("sk-very-secret");
    for (provider, name) in [
        (Provider::OpenAi, "authorization"),
        (Provider::Anthropic, "x-api-key"),
        (Provider::Gemini, "x-goog-api-key"),
        (Provider::Ollama, "authorization"),
    ] {
        let headers = headers(provider, Some(&key)).unwrap();

        assert!(headers[name].to_str().unwrap().ends_with("sk-very-secret"));
        assert!(!format!("{headers:?}").contains("very-secret"), "{provider}");
    }
}
