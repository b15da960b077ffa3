//! How listening ends, and what the owner hears.

use super::*;

#[tokio::test]
async fn a_dead_token_and_a_wrong_set_up_end_it_in_words() {
    for (code, is_unauthorized) in [
        (4004, true),
        (4010, false),
        (4011, false),
        (4012, false),
        (4013, false),
    ] {
        let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

        let ended = until_it_ends(&gateway, None, &ear, async {
            let mut peer = gateway.peer(HOUR).await;
            peer.hear(2).await;
            peer.close(code).await;
        })
        .await;

        let reason = match ended {
            ListenError::Unauthorized { reason } if is_unauthorized => reason,
            ListenError::Misconfigured { reason } if !is_unauthorized => reason,
            other => panic!("{code} gave {other:?}"),
        };
        assert!(
            reason.contains(&code.to_string()) && reason.contains("because"),
            "{reason}"
        );
        assert!(!reason.contains("canary"), "{reason}");
    }
}

#[tokio::test]
async fn a_bot_that_may_not_read_content_listens_without_it_and_says_so() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    while_listening(&gateway, None, &ear, async {
        let mut peer = gateway.peer(HOUR).await;
        peer.hear(2).await;
        let ((), mut peer) = tokio::join!(peer.close(4014), gateway.peer(HOUR));
        assert_eq!(peer.hear(2).await["intents"], 1 << 9 | 1 << 12);
        gateway.ready(&mut peer).await;
        ear.until(Heard::Remembered(vec![Some(1)])).await;
        peer.event("MESSAGE_CREATE", 2, direct(5, "hello")).await;
        ear.until(Heard::Remembered(vec![Some(2)])).await;
    })
    .await;
    let said = |ear: &Ear| {
        ear.all()
            .iter()
            .any(|heard| matches!(heard, Heard::Connected(words) if words.contains("turn Message Content Intent on")))
    };
    assert!(said(&ear), "{:?}", ear.all());

    let (remembered, restarted) = (ear.resume.lock().unwrap().clone(), Ear::default());
    while_listening(&gateway, remembered, &restarted, async {
        let mut peer = gateway.peer(HOUR).await;
        peer.hear(6).await;
        peer.event("RESUMED", 3, json!({})).await;
        while !said(&restarted) {
            restarted.news.notified().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_may_not_read_messages_at_all_is_told_to_its_owner() {
    let (gateway, ear) = (Gateway::start(1, 1000).await, Ear::default());

    let ended = until_it_ends(&gateway, None, &ear, async {
        for _ in 0..2 {
            let mut peer = gateway.peer(HOUR).await;
            peer.hear(2).await;
            peer.close(4014).await;
        }
    })
    .await;

    assert!(matches!(ended, ListenError::Misconfigured { .. }), "{ended:?}");
}

#[tokio::test]
async fn no_session_is_begun_where_discord_allows_none() {
    let (gateway, ear) = (Gateway::start(1, 0).await, Ear::default());

    let ended = gateway.listen(None, &ear).await;

    let ListenError::Lost { after, .. } = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(14_400)));
    assert_eq!(ear.all(), []);

    // One that goes on costs none.
    let session = json!({"id": "old", "seq": 7, "url": gateway.url(), "bot": BOT, "content": true});
    while_listening(&gateway, Some(json!({"sessions": [session]})), &ear, async {
        let mut peer = gateway.peer(HOUR).await;
        assert_eq!(peer.hear(6).await["session_id"], "old");
    })
    .await;
}

#[tokio::test]
async fn the_token_is_told_to_discords_hosts_only() {
    let rest = FakeDiscord::start().await;
    let body = json!({"url": "wss://gateway.evil.example", "shards": 1,
                      "session_start_limit": {"total": 1000, "remaining": 9, "reset_after": 1, "max_concurrency": 1}});
    rest.answers("GET", "gateway/bot", body).await;

    let ended = listen_with(
        quick(),
        &rest.discord(),
        &fake::credentials(),
        None,
        &Ear::default(),
    )
    .await
    .unwrap_err();

    assert!(
        matches!(&ended, ListenError::Misconfigured { reason } if reason.contains("gateway.evil.example")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_gateway_that_cannot_be_reached_is_left_to_be_tried_again() {
    let away = refuse_connections().replace("http", "ws");
    let rest = FakeDiscord::start().await;
    let mut body = json!({"url": away, "shards": 1,
                      "session_start_limit": {"total": 1000, "remaining": 9, "reset_after": 1, "max_concurrency": 1}});
    rest.answers("GET", "gateway/bot", body.clone()).await;
    let (silent, deaf) = (
        FakeDiscord::start().await,
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    body["url"] = json!(format!("wss://{}", deaf.local_addr().unwrap()));
    silent.answers("GET", "gateway/bot", body).await;
    tokio::spawn(async move { while deaf.accept().await.is_ok() {} });
    let refused = FakeDiscord::start().await;
    refused
        .refuses("GET", "gateway/bot", 401, 0, "401: Unauthorized")
        .await;
    let busy = FakeDiscord::start().await;
    busy.answers_with(
        "GET",
        "gateway/bot",
        429,
        json!({"message": "x", "retry_after": 9.0}),
    )
    .await;
    let ended = async |fake: &FakeDiscord| {
        listen_with(
            quick(),
            &fake.discord(),
            &fake::credentials(),
            None,
            &Ear::default(),
        )
        .await
        .unwrap_err()
    };

    assert!(matches!(
        ended(&rest).await,
        ListenError::Lost { after: Some(_), .. }
    ));
    assert!(matches!(
        ended(&silent).await,
        ListenError::Lost { after: Some(_), .. }
    ));
    assert!(matches!(ended(&refused).await, ListenError::Unauthorized { .. }));
    let busy = ended(&busy).await;
    assert!(
        matches!(busy, ListenError::Lost { after: Some(wait), .. } if wait == Duration::from_secs(9)),
        "{busy:?}"
    );
}
