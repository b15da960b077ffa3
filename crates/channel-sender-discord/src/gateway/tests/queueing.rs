//! What is read is queued, then remembered.

use super::*;

#[tokio::test]
async fn a_session_is_begun_and_what_is_read_is_queued_then_remembered() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    let identify = while_listening(&gateway, None, &ear, async {
        let (mut peer, identify) = gateway.begun(HOUR).await;
        peer.event("MESSAGE_CREATE", 2, direct(5, "hello")).await;
        ear.until(Heard::Remembered(vec![Some(2)])).await;
        identify
    })
    .await;

    assert_eq!(identify["token"], "canary.bot.token");
    assert_eq!(identify["intents"], 1 << 9 | 1 << 12 | 1 << 15);
    assert_eq!(identify["shard"], json!([0, 1]));
    let expected = [
        Heard::Remembered(vec![Some(1)]),
        words(),
        accepted("hello"),
        Heard::Remembered(vec![Some(2)]),
    ];
    assert_eq!(ear.all(), expected);
    let resume = ear.resume.lock().unwrap().clone().unwrap();
    assert!(!resume.to_string().contains("canary"), "{resume}");
    gateway.rest.check_requests().await;
}

#[tokio::test]
async fn what_could_not_be_queued_is_not_remembered() {
    let gateway = Gateway::start(1, 1000).await;
    let ear = Ear {
        deaf: true,
        ..Ear::default()
    };

    let ended = until_it_ends(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(HOUR).await;
        peer.event("MESSAGE_CREATE", 2, direct(5, "hello")).await;
        assert_eq!(peer.closed().await, 4000, "the session goes on");
    })
    .await;

    assert!(matches!(ended, ListenError::Inlet(_)), "{ended:?}");
    assert_eq!(ear.all(), [Heard::Remembered(vec![Some(1)]), words()]);
}

#[tokio::test]
async fn shards_begin_one_after_the_other_and_remember_side_by_side() {
    let (gateway, ear) = (Gateway::start(2, 1000).await, Ear::default());

    while_listening(&gateway, None, &ear, async {
        let (mut first, one) = gateway.begun(HOUR).await;
        assert!(
            !ear.all().iter().any(|heard| matches!(heard, Heard::Connected(_))),
            "one of two is not all"
        );
        let (mut second, two) = gateway.begun(HOUR).await;
        let shards = [one["shard"].clone(), two["shard"].clone()];
        assert!(
            shards.contains(&json!([0, 2])) && shards.contains(&json!([1, 2])),
            "{shards:?}"
        );
        ear.until(Heard::Connected(
            "Discord's Gateway sends messages over 2 connections".to_owned(),
        ))
        .await;
        let (of_first, of_second) = match shards[0] == json!([0, 2]) {
            true => ([Some(2), Some(1)], [Some(2), Some(3)]),
            false => ([Some(1), Some(2)], [Some(3), Some(2)]),
        };
        first.event("MESSAGE_CREATE", 2, direct(5, "one")).await;
        ear.until(Heard::Remembered(of_first.to_vec())).await;
        second.event("MESSAGE_CREATE", 3, direct(6, "two")).await;
        ear.until(Heard::Remembered(of_second.to_vec())).await;
    })
    .await;

    // Sessions of another number of shards are of no use.
    let remembered = ear.resume.lock().unwrap().clone();
    let three = Gateway::start(3, 1000).await;
    while_listening(&three, remembered, &Ear::default(), async {
        three.begun(HOUR).await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_fails_no_other_and_others_are_passed_over() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());
    let mention = |content: &str| {
        json!({"id": "9", "channel_id": "8", "guild_id": "1", "type": 0, "content": content, "channel_type": 0,
               "author": {"id": PERSON, "username": "ann"}, "mentions": [{"id": BOT, "bot": true}]})
    };

    while_listening(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(HOUR).await;
        peer.event("MESSAGE_CREATE", 2, json!({"id": 5})).await;
        peer.event("MESSAGE_UPDATE", 3, direct(5, "edited")).await;
        let mut among_others = direct(6, "to others");
        among_others["guild_id"] = json!("1");
        peer.event("MESSAGE_CREATE", 4, among_others).await;
        peer.event("SOMETHING_NEW", 5, json!([1])).await;
        peer.event("MESSAGE_CREATE", 6, mention(&format!("<@{BOT}> hours?")))
            .await;
        ear.until(Heard::Remembered(vec![Some(6)])).await;
    })
    .await;

    let expected = [
        Heard::Malformed("MESSAGE_CREATE".to_owned()),
        Heard::Remembered(vec![Some(2)]),
        accepted("hours?"),
        Heard::Remembered(vec![Some(6)]),
    ];
    assert_eq!(ear.all()[2..], expected);
}

#[tokio::test]
async fn an_interaction_over_the_gateway_is_queued_and_then_answered_with_thinking() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());
    let callback = format!("interactions/1200000000000000001/{TOKEN_OF_INTERACTION}/callback");
    gateway.rest.answers_with("POST", &callback, 204, json!({})).await;
    let interaction = |kind: u8| {
        json!({
            "id": "1200000000000000001", "application_id": APPLICATION, "type": kind, "token": TOKEN_OF_INTERACTION,
            "channel_id": "7", "user": {"id": PERSON, "username": "ann"},
            "data": {"name": "ask", "options": [{"name": "question", "type": 3, "value": "hours?"}]},
        })
    };

    while_listening(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(HOUR).await;
        peer.event("INTERACTION_CREATE", 2, interaction(2)).await;
        peer.event("INTERACTION_CREATE", 3, interaction(4)).await;
        peer.event("MESSAGE_CREATE", 4, direct(5, "and?")).await;
        ear.until(Heard::Remembered(vec![Some(4)])).await;
    })
    .await;

    assert!(ear.all().contains(&accepted("hours?")));
    let answers: Vec<Value> = gateway
        .rest
        .calls()
        .await
        .into_iter()
        .skip(1)
        .map(|call| call.body)
        .collect();
    assert_eq!(
        answers,
        [json!({"type": 5}), json!({"type": 8, "data": {"choices": []}})]
    );
    gateway.rest.check_requests().await;
}
