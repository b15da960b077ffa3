use super::*;
use crate::fake::{self, FakeTeams, credentials, credentials_with, part};
use channel_testkit::{refuse_connections, speak_once};
use std::time::Duration;
use wiremock::ResponseTemplate;

fn reply(text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        ..Reply::default()
    }
}

fn buttons(titles: &[&str]) -> Vec<Button> {
    let button = |title: &&str| Button {
        title: (*title).to_owned(),
        value: format!("value of {title}"),
    };
    titles.iter().map(button).collect()
}

#[test]
fn a_short_question_stands_on_the_card_of_its_buttons() {
    let parts = compose(&Reply {
        buttons: buttons(&["Yes", "No"]),
        ..reply("Are you **sure**?")
    });

    assert_eq!(parts.len(), 1);
    assert_eq!(
        (parts[0].text.as_str(), parts[0].buttons.len()),
        ("Are you **sure**?", 2)
    );
    let activity = activity(&parts[0]);
    assert!(
        activity.get("text").is_none(),
        "text and card in one activity lose their id"
    );
    assert_eq!(
        activity["attachments"][0]["content"]["actions"][1]["data"]["choice"],
        "value of No"
    );
}

#[test]
fn what_does_not_read_well_on_a_card_stands_above_it() {
    for text in ["Run `ls`".to_owned(), "> quoted".to_owned(), "word ".repeat(400)] {
        let parts = compose(&Reply {
            buttons: buttons(&["Yes"]),
            ..reply(&text)
        });

        assert_eq!(parts.len(), 2, "{text}");
        assert!(parts[0].buttons.is_empty());
        assert_eq!((parts[1].text.as_str(), parts[1].buttons.len()), (ABOVE, 1));
    }
}

#[test]
fn more_buttons_than_a_card_bears_or_longer_ones_are_a_numbered_list() {
    let long = "x".repeat(MAX_TITLE + 1);
    let many: Vec<String> = (1..=7).map(|at| format!("Choice {at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for titles in [many.as_slice(), &[&long], &[" "]] {
        let parts = compose(&Reply {
            buttons: buttons(titles),
            ..reply("Choose:")
        });

        assert!(parts.iter().all(|part| part.buttons.is_empty()));
        assert!(parts[0].text.starts_with("Choose:\n\n"), "{}", parts[0].text);
        assert!(parts[0].text.contains("1."), "{}", parts[0].text);
    }
}

#[test]
fn media_stand_alone_between_the_text_and_the_buttons() {
    let parts = compose(&Reply {
        media: vec![
            "https://acme.com/a.png".to_owned(),
            "https://acme.com/b.pdf".to_owned(),
        ],
        buttons: buttons(&["Yes"]),
        ..reply("`look`")
    });

    let shapes: Vec<_> = parts
        .iter()
        .map(|part| (!part.text.is_empty(), part.media.len(), part.buttons.len()))
        .collect();
    assert_eq!(shapes, [(true, 0, 0), (false, 1, 0), (false, 1, 0), (true, 0, 1)]);
}

#[test]
fn a_picture_is_attached_and_another_file_is_a_link() {
    let of = |url: &str| {
        activity(&OutboundContent {
            media: vec![url.to_owned()],
            ..OutboundContent::default()
        })
    };

    let picture = of("https://acme.com/a.PNG?x=1");
    assert_eq!(picture["attachments"][0]["contentType"], "image/png");
    assert_eq!(
        picture["attachments"][0]["contentUrl"],
        "https://acme.com/a.PNG?x=1"
    );
    assert!(picture.get("text").is_none());
    let file = of("https://acme.com/price_list.pdf");
    assert_eq!(
        file["text"],
        r"[price\_list.pdf](https://acme.com/price_list.pdf)"
    );
    assert!(file.get("attachments").is_none());
    assert_eq!(of("https://acme.com/")["text"], "https://acme.com/");
    assert_eq!(of("not an address")["text"], "not an address");
}

async fn sent(answer: ResponseTemplate) -> Result<Sent, SendError> {
    let fake = FakeTeams::start().await;
    fake.activities(answer).await;
    let outcome = send(&fake.teams(), &part("Hi", &fake.service()), &credentials()).await;
    fake.check_requests().await;
    outcome
}

fn made() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"id": "1763800001234"}))
}

fn refused(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"code": code, "message": "Said by Teams."}}))
}

#[tokio::test]
async fn an_answer_goes_to_the_message_that_it_answers_in_its_thread() {
    let fake = FakeTeams::start().await;
    fake.activities(made()).await;

    let sent = send(&fake.teams(), &part("Hi", &fake.service()), &credentials())
        .await
        .unwrap();

    assert_eq!(sent.platform_message_id, "1763800001234");
    let (path, body) = fake.only_activity().await;
    assert_eq!(
        path,
        "/emea/v3/conversations/19%3Aabc%40thread.tacv2%3Bmessageid%3D1763799000000/activities/1763800000123"
    );
    assert_eq!(
        body,
        json!({
            "type": "message", "text": "Hi", "textFormat": "markdown", "replyToId": "1763800000123",
            "from": {"id": format!("28:{}", fake::APP)}, "recipient": {"id": "29:1XJK"},
            "conversation": {"id": "19:abc@thread.tacv2;messageid=1763799000000", "tenantId": fake::TENANT},
        })
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn where_the_message_was_deleted_the_answer_stands_without_it() {
    let fake = FakeTeams::start().await;
    fake.at("/1763800000123", refused(404, "ActivityNotFoundInConversation"))
        .await;
    fake.at("/activities", made()).await;

    let sent = send(&fake.teams(), &part("Hi", &fake.service()), &credentials())
        .await
        .unwrap();

    assert_eq!(sent.platform_message_id, "1763800001234");
    let activities = fake.sent_activities().await;
    assert_eq!(activities.len(), 2);
    assert!(activities[1].1.get("replyToId").is_none());
    fake.check_requests().await;
}

#[tokio::test]
async fn cards_and_pictures_are_as_the_connector_describes_them() {
    let fake = FakeTeams::start().await;
    fake.activities(made()).await;
    let reply = Reply {
        media: vec!["https://acme.com/a.png".to_owned()],
        buttons: buttons(&["Yes"]),
        ..reply("Sure?")
    };

    for content in compose(&reply) {
        let part = OutboundPart {
            content,
            ..part("", &fake.service())
        };
        send(&fake.teams(), &part, &credentials()).await.unwrap();
    }

    fake.check_requests().await;
}

#[tokio::test]
async fn teams_may_not_say_under_which_id_it_has_it() {
    for answer in [
        ResponseTemplate::new(201).set_body_json(json!({})),
        ResponseTemplate::new(202),
        ResponseTemplate::new(200).set_body_string("<html>"),
    ] {
        assert!(
            sent(answer)
                .await
                .unwrap()
                .platform_message_id
                .starts_with("unnamed-")
        );
    }
}

#[tokio::test]
async fn every_refusal_says_what_to_do_next() {
    for (status, code) in [
        (400, "BadArgument"),
        (403, "BotDisabledByAdmin"),
        (403, "BotNotInConversationRoster"),
        (403, "ConversationBlockedByUser"),
        (403, "ForbiddenOperationException"),
        (403, "NotEnoughPermissions"),
        (403, "MessageWritesBlocked"),
        (404, "ConversationNotFound"),
        (413, "MessageSizeTooBig"),
        (500, "ServiceError"),
        (403, "SomethingNew"),
    ] {
        match sent(refused(status, code)).await {
            Err(SendError::Rejected { code: given, reason }) => {
                assert_eq!(given.as_deref(), Some(code));
                assert!(reason.contains("Said by Teams."), "{reason}");
            }
            other => panic!("{status} {code} gave {other:?}"),
        }
    }
    for (status, code) in [
        (412, "PreconditionFailed"),
        (500, "Other"),
        (502, "x"),
        (503, "x"),
        (504, "x"),
    ] {
        match sent(refused(status, code)).await {
            Err(SendError::Retry {
                rate_limited: false, ..
            }) => (),
            other => panic!("{status} {code} gave {other:?}"),
        }
    }
}

#[tokio::test]
async fn too_many_requests_waits_as_long_as_teams_asks() {
    let answer = refused(429, "Throttled").insert_header("retry-after", "17");

    match sent(answer).await {
        Err(SendError::Retry {
            after: Some(after),
            rate_limited: true,
            ..
        }) => assert_eq!(after, Duration::from_secs(17)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_that_has_lost_its_force_is_renewed_once() {
    let fake = FakeTeams::start().await;
    fake.once("/1763800000123", refused(401, "Unauthorized")).await;
    fake.activities(made()).await;
    let teams = fake.teams();

    send(&teams, &part("Hi", &fake.service()), &credentials())
        .await
        .unwrap();
    send(&teams, &part("Hi", &fake.service()), &credentials())
        .await
        .unwrap();

    assert_eq!(fake.tokens_asked().await, 2);
}

#[tokio::test]
async fn a_bot_that_is_not_registered_needs_its_owner() {
    match sent(refused(401, "BotNotRegistered")).await {
        Err(SendError::Unauthorized { reason }) => {
            assert!(reason.contains("BotNotRegistered"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_bot_of_the_governments_cloud_is_sent_to_its_host_once() {
    let (fake, government) = (FakeTeams::start().await, FakeTeams::start().await);
    fake.activities(refused(403, "InvalidBotApiHost")).await;
    government.activities(made()).await;

    let sent = send(
        &fake.teams_with_government(&government),
        &part("Hi", &fake.service()),
        &credentials(),
    )
    .await
    .unwrap();

    assert_eq!(sent.platform_message_id, "1763800001234");
    let (there, here) = (government.only_activity().await, fake.only_activity().await);
    assert_eq!(there, here);
    match send(
        &fake.teams_with_government(&fake),
        &part("Hi", &fake.service()),
        &credentials(),
    )
    .await
    {
        Err(SendError::Rejected { code, .. }) => assert_eq!(code.as_deref(), Some("InvalidBotApiHost")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_the_connection_is_not_made_it_is_sent_again_and_where_it_is_cut_nobody_knows() {
    let fake = FakeTeams::start().await;
    let refused = refuse_connections();
    let cut = speak_once("").await;
    let teams = fake.teams_trusting(&[&refused, &cut]);

    let outcome = send(&teams, &part("Hi", &refused), &credentials()).await;
    assert!(matches!(outcome, Err(SendError::Retry { .. })), "{outcome:?}");
    let outcome = send(&teams, &part("Hi", &cut), &credentials()).await;
    assert!(matches!(outcome, Err(SendError::Ambiguous { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_token_leaves_for_no_host_that_is_not_listed() {
    let (fake, stranger) = (FakeTeams::start().await, FakeTeams::start().await);
    stranger.activities(made()).await;

    let outcome = send(&fake.teams(), &part("Hi", &stranger.service()), &credentials()).await;

    assert!(matches!(outcome, Err(SendError::Rejected { .. })), "{outcome:?}");
    assert_eq!(stranger.requests().await.len() + fake.requests().await.len(), 0);
}

#[tokio::test]
async fn nobody_can_be_written_to_before_they_have_written() {
    let fake = FakeTeams::start().await;
    let mut part = part("Hi", &fake.service());
    part.reply_to = None;

    match send(&fake.teams(), &part, &credentials()).await {
        Err(SendError::Rejected { reason, .. }) => {
            assert!(reason.contains("has not written"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_simulated_app_is_answered_at_the_simulator() {
    let fake = FakeTeams::start().await;
    fake.activities(made()).await;
    let simulated = credentials_with(json!({"app_id": crate::SIMULATED_ACCOUNT}));
    let teams = fake.teams_as_simulator();

    send(&teams, &part("Hi", &fake.service()), &simulated)
        .await
        .unwrap();
    let real = send(&teams, &part("Hi", &fake.service()), &credentials()).await;

    assert!(matches!(real, Err(SendError::Rejected { .. })), "{real:?}");
    assert_eq!(fake.sent_activities().await.len(), 1);
}
