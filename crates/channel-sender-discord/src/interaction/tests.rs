//! What an interaction says.

use super::*;
use crate::fake::APPLICATION;

const ID: &str = "1200000000000000001";

fn interaction(kind: u64, data: Value) -> Value {
    json!({
        "id": ID, "application_id": APPLICATION, "type": kind, "token": "aW50ZXI-_x", "version": 1, "locale": "en-US",
        "guild_id": "1000000000000000001", "channel_id": "1000000000000000002", "context": 0,
        "channel": {"id": "1000000000000000002", "type": 0},
        "member": {"user": {"id": "900000000000000001", "username": "ann", "global_name": "Ann"}, "permissions": "0"},
        "data": data,
    })
}

fn message(json: &Value) -> InboundMessage {
    let read = read(json, APPLICATION).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(
        read.response,
        Some(json!({"type": 5})),
        "the person sees that an answer comes"
    );
    read.message.unwrap()
}

#[test]
fn a_commands_question_is_the_text() {
    let message = message(&interaction(
        2,
        json!({"id": "1", "name": "ask", "type": 1, "options": [{"name": "question", "type": 3, "value": "Opening hours?"}]}),
    ));

    assert_eq!(message.text, "Opening hours?");
    assert_eq!(message.choice, None);
    assert_eq!(message.dedupe_key, ID);
    assert_eq!(
        (message.contact.as_str(), message.contact_name.as_deref()),
        ("900000000000000001", Some("Ann"))
    );
    assert_eq!(message.conversation.0, "1000000000000000002/900000000000000001");
    assert_eq!(message.order_key, Some(1_200_000_000_000_000_001));
    assert_eq!(
        message.reply_to,
        Some(json!({"interaction": {"id": ID, "token": "aW50ZXI-_x", "application_id": APPLICATION}}))
    );
}

#[test]
fn a_command_says_the_first_text_it_has_or_else_its_name() {
    let nested = json!({"name": "ask", "options": [
        {"name": "about", "type": 1, "options": [{"name": "n", "type": 4, "value": 7}, {"name": "q", "type": 3, "value": "Prices?"}]},
    ]});
    let of_a_message = json!({"name": "Explain", "type": 3, "target_id": "5", "resolved": {"messages": {"5": {"content": "E = mc²"}}}});
    let with_a_file = json!({"name": "ask", "options": [{"name": "file", "type": 11, "value": "7"}],
        "resolved": {"attachments": {"7": {"url": "https://cdn.discordapp.com/a.png", "filename": "a.png", "content_type": "image/png"}}}});

    assert_eq!(message(&interaction(2, nested)).text, "Prices?");
    assert_eq!(message(&interaction(2, json!({"name": "hours"}))).text, "hours");
    assert_eq!(message(&interaction(2, of_a_message)).text, "E = mc²");
    assert_eq!(
        message(&interaction(2, with_a_file)).media[0].content_type,
        "image/png"
    );
}

#[test]
fn a_pressed_button_is_a_choice_and_its_label_the_text() {
    let mut pressed = interaction(
        3,
        json!({"component_type": 2, "custom_id": custom_id(1, "order:no")}),
    );
    pressed["message"] = json!({"id": "5", "content": "Sure?", "components": [
        {"type": 1, "components": [{"type": 2, "label": "Yes", "custom_id": custom_id(0, "yes")}]},
        {"type": 17, "components": [{"type": 1, "components": [{"type": 2, "label": "No, thanks", "custom_id": custom_id(1, "order:no")}]}]},
    ]});

    let no = message(&pressed);
    pressed["message"] = json!({"id": "5", "components": []});
    let unlabelled = message(&pressed);

    assert_eq!(
        (no.text.as_str(), no.choice.as_deref()),
        ("No, thanks", Some("order:no"))
    );
    assert_eq!(
        (unlabelled.text.as_str(), unlabelled.choice.as_deref()),
        ("order:no", Some("order:no"))
    );
}

#[test]
fn buttons_and_menus_that_another_program_made_are_read_too() {
    let foreign = message(&interaction(
        3,
        json!({"component_type": 2, "custom_id": "buy:7"}),
    ));
    let mut menu = interaction(
        3,
        json!({"component_type": 3, "custom_id": "size", "values": ["m"]}),
    );
    menu["message"] = json!({"id": "5", "components": [{"type": 1, "components": [
        {"type": 3, "custom_id": "size", "options": [{"label": "Small", "value": "s"}, {"label": "Medium", "value": "m"}]},
    ]}]});

    assert_eq!(foreign.choice.as_deref(), Some("buy:7"));
    let chosen = message(&menu);
    assert_eq!(
        (chosen.text.as_str(), chosen.choice.as_deref()),
        ("Medium", Some("m"))
    );
}

#[test]
fn the_fields_of_a_form_are_lines() {
    let form = json!({"custom_id": "f", "components": [
        {"type": 1, "components": [{"type": 4, "custom_id": "a", "value": "Ann"}]},
        {"type": 18, "component": {"type": 4, "custom_id": "b", "value": "Table for two"}},
        {"type": 18, "component": {"type": 4, "custom_id": "c", "value": ""}},
    ]});

    assert_eq!(message(&interaction(5, form)).text, "Ann\nTable for two");
}

#[test]
fn a_direct_message_and_a_thread_are_conversations_of_their_own() {
    let mut direct = interaction(2, json!({"name": "ask"}));
    for absent in ["guild_id", "member"] {
        direct.as_object_mut().unwrap().remove(absent);
    }
    direct["channel"]["type"] = json!(1);
    direct["user"] = json!({"id": "900000000000000001", "username": "ann"});
    let mut thread = interaction(2, json!({"name": "ask"}));
    thread["channel"]["type"] = json!(11);
    let mut group = direct.clone();
    group["channel"]["type"] = json!(3);

    assert_eq!(message(&direct).conversation.0, "1000000000000000002");
    assert_eq!(message(&thread).conversation.0, "1000000000000000002");
    assert_eq!(
        message(&group).conversation.0,
        "1000000000000000002/900000000000000001"
    );
}

#[test]
fn what_brings_no_message_is_answered_as_discord_expects() {
    for (kind, expected) in [
        (1, Some(json!({"type": 1}))),
        (4, Some(json!({"type": 8, "data": {"choices": []}}))),
        (99, None),
    ] {
        let read = read(&interaction(kind, json!({"name": "ask"})), APPLICATION)
            .unwrap_or_else(|error| panic!("{error:?}"));

        assert_eq!((read.response, read.message), (expected, None), "{kind}");
    }
}

#[test]
fn another_applications_interaction_is_refused_whatever_it_is() {
    for kind in 1..=6 {
        let mut foreign = interaction(kind, json!({"name": "ask"}));
        foreign["application_id"] = json!("1100000000000000009");

        let outcome = read(&foreign, APPLICATION);

        assert!(
            matches!(outcome, Err(Unread::Foreign(given)) if given == "1100000000000000009"),
            "{kind}"
        );
    }
}

#[test]
fn what_is_missing_or_broken_is_named() {
    for (name, broken, expected) in [
        ("type", json!("x"), "invalid type"),
        ("application_id", json!(null), "application_id is missing"),
        ("channel_id", json!(null), "channel_id is missing"),
        ("channel_id", json!("../1"), "channel_id is no id"),
        ("id", json!("x"), "id is no id"),
        ("member", json!(null), "user is missing"),
        ("token", json!(7), "invalid type"),
    ] {
        let mut json = interaction(2, json!({"name": "ask"}));
        json[name] = broken;

        match read(&json, APPLICATION) {
            Err(Unread::Malformed(problem)) => assert!(problem.contains(expected), "{name}: {problem}"),
            _ => panic!("{name} passes"),
        }
    }
    let no_button = read(&interaction(3, json!({})), APPLICATION);
    assert!(matches!(no_button, Err(Unread::Malformed(_))));
}

#[test]
fn a_token_is_used_for_fifteen_minutes_and_only_for_its_own_application() {
    let now = Utc::now();
    let made = |ago: TimeDelta| json!({"interaction": {"id": snowflake::at(now - ago).to_string(), "token": "abc", "application_id": APPLICATION}});
    let of = |reply_to: &Value, application| {
        Pending::of(Some(reply_to), application, now).map(|pending| pending.webhook())
    };

    let fresh = made(TimeDelta::minutes(14));
    assert_eq!(
        of(&fresh, APPLICATION),
        Some(format!("webhooks/{APPLICATION}/abc"))
    );
    assert_eq!(of(&fresh, "1100000000000000009"), None);
    assert_eq!(of(&made(TimeDelta::minutes(15)), APPLICATION), None);
    assert_eq!(of(&json!({"message": "5"}), APPLICATION), None);
    for token in ["", "..", "a/b", "a?b", "a b"] {
        let mut hostile = fresh.clone();
        hostile["interaction"]["token"] = json!(token);

        assert_eq!(of(&hostile, APPLICATION), None, "{token}");
    }
}
