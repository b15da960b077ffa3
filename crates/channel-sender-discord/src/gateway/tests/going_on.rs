//! Sessions that go on, and those that cannot.

use super::*;

#[tokio::test]
async fn after_a_cut_and_after_a_restart_the_session_goes_on_where_it_was() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    let after_cut = while_listening(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(HOUR).await;
        peer.event("MESSAGE_CREATE", 2, direct(5, "one")).await;
        ear.until(Heard::Remembered(vec![Some(2)])).await;
        drop(peer);
        let mut peer = gateway.peer(HOUR).await;
        let resume = peer.hear(6).await;
        peer.event("MESSAGE_CREATE", 3, direct(6, "two")).await;
        peer.event("RESUMED", 4, json!({})).await;
        ear.until(Heard::Remembered(vec![Some(3)])).await;
        resume
    })
    .await;
    let remembered = ear.resume.lock().unwrap().clone();
    let restarted = Ear::default();
    let after_restart = while_listening(&gateway, remembered, &restarted, async {
        let mut peer = gateway.peer(HOUR).await;
        let resume = peer.hear(6).await;
        peer.event("RESUMED", 4, json!({})).await;
        restarted.until(words()).await;
        resume
    })
    .await;

    let at = |seq: u64| json!({"token": "canary.bot.token", "session_id": "s1", "seq": seq});
    assert_eq!(after_cut, at(2));
    assert_eq!(after_restart, at(3));
    let connected = ear.all().into_iter().filter(|heard| *heard == words()).count();
    assert_eq!(connected, 1, "it is told once");
}

#[tokio::test]
async fn a_heart_beats_with_the_last_number_and_at_once_where_it_is_asked_to() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    while_listening(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(HOUR).await;
        peer.event("TYPING_START", 9, json!({})).await;
        peer.say(json!({"op": 1, "d": null})).await;
        assert_eq!(peer.hear(1).await, 9);
        // What brought no message is remembered with the heartbeat.
        peer.say(json!({"op": 11})).await;
        ear.until(Heard::Remembered(vec![Some(9)])).await;
    })
    .await;
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());
    while_listening(&gateway, None, &ear, async {
        let mut peer = gateway.peer(50).await;
        peer.hear(2).await;
        assert_eq!(peer.hear(1).await, Value::Null);
        peer.say(json!({"op": 11})).await;
        assert_eq!(peer.hear(1).await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_discord_that_does_not_answer_heartbeats_is_left_and_the_session_goes_on() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    while_listening(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(30).await;
        let code = peer.closed().await;
        assert!(code != 1000 && code != 1001, "that would end the session");
        let mut peer = gateway.peer(HOUR).await;
        assert_eq!(peer.hear(6).await["session_id"], "s1");
    })
    .await;
}

#[tokio::test]
async fn when_discord_asks_to_connect_again_the_session_goes_on() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    while_listening(&gateway, None, &ear, async {
        let (mut peer, _) = gateway.begun(HOUR).await;
        peer.say(json!({"op": 7, "d": null})).await;
        assert_eq!(peer.closed().await, 4000);
        let mut peer = gateway.peer(HOUR).await;
        assert_eq!(peer.hear(6).await["seq"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_discord_does_not_know_any_more_is_begun_anew_unless_it_says_otherwise() {
    for (can_go_on, expected) in [(true, 6), (false, 2)] {
        let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());
        let session = json!({"id": "old", "seq": 7, "url": gateway.url(), "bot": BOT, "content": true});
        let resume = Some(json!({"sessions": [session]}));

        while_listening(&gateway, resume, &ear, async {
            let mut peer = gateway.peer(HOUR).await;
            peer.hear(6).await;
            peer.say(json!({"op": 9, "d": can_go_on})).await;
            let mut peer = gateway.peer(HOUR).await;
            peer.hear(expected).await;
        })
        .await;
    }
}

#[tokio::test]
async fn codes_that_end_the_session_and_codes_that_do_not_are_told_apart() {
    for (code, expected) in [(4000, 6), (4008, 6), (1001, 6), (4003, 2), (4007, 2), (4009, 2)] {
        let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

        while_listening(&gateway, None, &ear, async {
            let (peer, _) = gateway.begun(HOUR).await;
            ear.until(words()).await;
            let ((), mut next) = tokio::join!(peer.close(code), gateway.peer(HOUR));
            next.hear(expected).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_goes_on_where_discord_said_and_elsewhere_only_if_nobody_answers_there() {
    let (gateway, other, ear) = (
        Gateway::start(1, 1000).await,
        Gateway::start(1, 1000).await,
        Ear::default(),
    );
    let at = |url: String| {
        Some(json!({"sessions": [{"id": "s1", "seq": 7, "url": url, "bot": BOT, "content": true}]}))
    };

    while_listening(&gateway, at(other.url()), &ear, async {
        assert_eq!(other.peer(HOUR).await.hear(6).await["seq"], 7);
    })
    .await;
    let nowhere = refuse_connections().replace("http", "ws");
    while_listening(&gateway, at(nowhere), &ear, async {
        assert_eq!(gateway.peer(HOUR).await.hear(6).await["seq"], 7);
    })
    .await;
}

#[tokio::test]
async fn a_session_without_content_is_begun_anew_once_the_owner_allows_it() {
    for (flags, expected) in [(0, 6), (1 << 18, 2)] {
        let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());
        let application = json!({"id": APPLICATION, "flags": flags});
        gateway.rest.answers("GET", "applications/@me", application).await;
        let session = json!({"id": "s1", "seq": 7, "url": gateway.url(), "bot": BOT, "content": false});

        let said = while_listening(&gateway, Some(json!({"sessions": [session]})), &ear, async {
            gateway.peer(HOUR).await.hear(expected).await
        })
        .await;

        if expected == 2 {
            assert_eq!(said["intents"], 1 << 9 | 1 << 12 | 1 << 15);
        }
    }
}
