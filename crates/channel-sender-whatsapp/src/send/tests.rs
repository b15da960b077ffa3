//! What WhatsApp hears, and what comes of what it says.

use super::*;
use crate::fake::{self, FakeWhatsApp, NUMBER, part};
use channel::Button;
use channel_testkit::{refuse_connections, speak_once};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{header, method, path},
};

fn taken(id: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": "16505551234", "wa_id": "16505551234"}],
        "messages": [{"id": id, "message_status": "accepted"}],
    }))
}

async fn taking() -> FakeWhatsApp {
    let fake = FakeWhatsApp::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/v25.0/{NUMBER}/messages")))
        .and(header("authorization", "Bearer canary-token"))
        .respond_with(taken("wamid.1"))
        .mount(&fake.server)
        .await;
    fake
}

/// What is heard of this content, which the specification allows.
async fn heard(part: &OutboundPart) -> Value {
    let fake = taking().await;
    let sent = send(&fake.whatsapp(), part, &fake::credentials()).await.unwrap();
    assert_eq!(sent.platform_message_id, "wamid.1");
    fake.check_requests().await;
    fake.bodies().await.remove(0)
}

fn with(content: OutboundContent) -> OutboundPart {
    OutboundPart { content, ..part("") }
}

fn buttons(count: usize) -> Vec<Button> {
    (0..count)
        .map(|at| Button {
            title: format!("Colour {at}"),
            value: format!("c{at}"),
        })
        .collect()
}

#[tokio::test]
async fn a_text_goes_to_the_number_with_our_id_of_the_part() {
    let part = part("We open at *nine* & close at 5 € 👋");

    let heard = heard(&part).await;

    assert_eq!(
        heard,
        json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "16505551234", "type": "text",
            "text": {"body": "We open at *nine* & close at 5 € 👋"},
            "biz_opaque_callback_data": part.id.to_string()})
    );
}

#[tokio::test]
async fn somebody_whose_number_is_hidden_and_a_group_are_addressed_by_their_ids() {
    let mut hidden = part("hi");
    hidden.contact = "US.13491208655302741918".to_owned();
    let mut group = part("hi");
    group.conversation = format!("{NUMBER}/group:Y2FwaV9n");

    let (hidden, group) = (heard(&hidden).await, heard(&group).await);

    assert_eq!(hidden["recipient"], "US.13491208655302741918");
    assert!(hidden.get("to").is_none());
    assert_eq!(
        (&group["recipient_type"], &group["to"]),
        (&json!("group"), &json!("Y2FwaV9n"))
    );
}

#[tokio::test]
async fn buttons_and_lists_carry_titles_and_values() {
    let few = heard(&with(OutboundContent {
        text: "Which?".to_owned(),
        buttons: buttons(2),
        ..OutboundContent::default()
    }))
    .await;
    let many = heard(&with(OutboundContent {
        text: "Which?".to_owned(),
        buttons: buttons(10),
        ..OutboundContent::default()
    }))
    .await;

    assert_eq!(few["interactive"]["type"], "button");
    assert_eq!(
        few["interactive"]["action"]["buttons"][1],
        json!({"type": "reply", "reply": {"id": "c1", "title": "Colour 1"}})
    );
    assert_eq!(many["interactive"]["type"], "list");
    assert_eq!(
        many["interactive"]["action"]["sections"][0]["rows"][9],
        json!({"id": "c9", "title": "Colour 9"})
    );
}

#[tokio::test]
async fn media_go_by_their_address_with_caption_and_name() {
    let media = |address: &str, text: &str| {
        with(OutboundContent {
            text: text.to_owned(),
            media: vec![address.to_owned()],
            ..OutboundContent::default()
        })
    };

    let picture = heard(&media("https://acme.com/a.png", "Look!")).await;
    let list = heard(&media("https://acme.com/Price%20list.pdf", "")).await;

    assert_eq!(
        picture["image"],
        json!({"link": "https://acme.com/a.png", "caption": "Look!"})
    );
    assert_eq!(
        list["document"],
        json!({"link": "https://acme.com/Price%20list.pdf", "filename": "Price list.pdf"})
    );
    heard(&media("https://acme.com/a.mp4", "")).await;
    heard(&media("https://acme.com/a.mp3", "")).await;
}

#[tokio::test]
async fn a_template_is_filled_in() {
    let template = |parameters: &[&str]| {
        with(OutboundContent {
            template: Some(TemplateUse {
                name: "order_ready".to_owned(),
                language: "en_US".to_owned(),
                parameters: parameters.iter().map(|value| (*value).to_owned()).collect(),
            }),
            ..OutboundContent::default()
        })
    };

    let filled = heard(&template(&["Ann", "17"])).await;
    let plain = heard(&template(&[])).await;

    assert_eq!(filled["type"], "template");
    assert_eq!(filled["template"]["language"]["code"], "en_US");
    assert_eq!(
        filled["template"]["components"],
        json!([{"type": "body", "parameters": [{"type": "text", "text": "Ann"}, {"type": "text", "text": "17"}]}])
    );
    assert!(plain["template"].get("components").is_none());
}

#[tokio::test]
async fn writing_is_shown_below_the_message_that_is_answered() {
    let fake = FakeWhatsApp::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"success": true})))
        .mount(&fake.server)
        .await;
    let target = |reply_to| Target {
        contact: "16505551234".to_owned(),
        conversation: format!("{NUMBER}/16505551234"),
        reply_to,
    };

    show_typing(
        &fake.whatsapp(),
        &target(Some(json!({"message_id": "wamid.5"}))),
        &fake::credentials(),
    )
    .await
    .unwrap();
    show_typing(&fake.whatsapp(), &target(None), &fake::credentials())
        .await
        .unwrap();

    assert_eq!(
        fake.bodies().await,
        [
            json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.5",
            "typing_indicator": {"type": "text"}})
        ]
    );
    fake.check_requests().await;
}

#[tokio::test]
async fn the_simulated_account_goes_to_the_simulator_and_never_to_meta() {
    let (fake, simulator) = (FakeWhatsApp::start().await, FakeWhatsApp::start().await);
    Mock::given(method("POST"))
        .respond_with(taken("wamid.1"))
        .mount(&simulator.server)
        .await;
    let credentials = fake::credentials_with(json!({"phone_number_id": crate::SIMULATED_ACCOUNT}));
    let mut whatsapp = fake.whatsapp();

    let without = send(&whatsapp, &part("hi"), &credentials).await.unwrap_err();
    whatsapp.addresses.simulator = simulator.server.uri().parse().ok();
    send(&whatsapp, &part("hi"), &credentials).await.unwrap();

    assert!(matches!(without, SendError::BadCredentials(_)), "{without:?}");
    assert!(fake.bodies().await.is_empty(), "Meta was asked");
    simulator.check_requests().await;
}

async fn error_for(status: u16, body: Value) -> SendError {
    let fake = FakeWhatsApp::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&fake.server)
        .await;
    let error = send(&fake.whatsapp(), &part("hi"), &fake::credentials())
        .await
        .unwrap_err();
    fake.check_requests().await;
    error
}

#[tokio::test]
async fn every_error_says_what_to_do_next() {
    #[derive(Debug, PartialEq)]
    enum Next {
        Retry(u64),
        SlowDown,
        Reconnect,
        GiveUp,
    }
    let give_up = [
        131026, 131047, 131051, 131052, 131053, 131008, 131009, 100, 131021, 131030, 131037, 131042, 131050,
        131062, 131063, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 137000, 130472,
        130497, 999999,
    ];
    let reconnect = [0, 3, 10, 190, 200, 299, 368, 131005, 131031, 131045, 133010];
    let slow_down = [4, 17, 80007, 130429, 131048, 131064, 133016];
    let retry = [
        (1, 0),
        (2, 0),
        (131000, 0),
        (131016, 0),
        (131057, 0),
        (131056, 6),
        (131049, 24 * 60 * 60),
    ];
    let expected = give_up
        .map(|code| (code, Next::GiveUp))
        .into_iter()
        .chain(reconnect.map(|code| (code, Next::Reconnect)))
        .chain(slow_down.map(|code| (code, Next::SlowDown)))
        .chain(retry.map(|(code, wait)| (code, Next::Retry(wait))));
    for (code, expected) in expected {
        let error = error_for(
            400,
            json!({"error": {"message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "x"}}),
        )
        .await;

        let next = match &error {
            SendError::Retry {
                after,
                rate_limited: false,
                ..
            } => Next::Retry(after.unwrap_or_default().as_secs()),
            SendError::Retry {
                rate_limited: true, ..
            } => Next::SlowDown,
            SendError::Unauthorized { .. } => Next::Reconnect,
            SendError::Rejected { code: given, .. } => {
                assert_eq!(given.as_deref(), Some(code.to_string().as_str()));
                Next::GiveUp
            }
            other => panic!("{code} gave {other:?}"),
        };
        assert_eq!(next, expected, "{code}: {error}");
    }
}

#[tokio::test]
async fn a_closed_window_is_refused_with_what_to_do() {
    let error = error_for(
        400,
        json!({"error": {"message": "(#131047) Re-engagement message", "type": "OAuthException", "code": 131047,
            "error_data": {"messaging_product": "whatsapp", "details": "More than 24 hours"}}}),
    )
    .await
    .to_string();

    assert!(
        error.contains("131047: Re-engagement message (More than 24 hours)")
            && error.ends_with("the 24-hour window is closed: send an approved template"),
        "{error}"
    );
}

#[tokio::test]
async fn a_success_that_names_no_message_may_have_been_accepted() {
    for body in [
        json!("what?"),
        json!({"messages": []}),
        json!({"messages": [{}]}),
        json!({}),
    ] {
        let error = error_for(200, body.clone()).await;

        assert!(
            matches!(error, SendError::Ambiguous { .. }),
            "{body} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_connection_is_worth_another_try() {
    let whatsapp = fake::whatsapp_at(&refuse_connections());

    let error = send(&whatsapp, &part("hi"), &fake::credentials())
        .await
        .unwrap_err();

    assert!(
        matches!(
            error,
            SendError::Retry {
                rate_limited: false,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_connection_cut_after_the_request_may_have_been_accepted() {
    for answer in [
        "",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"messages\": [{\"id\": \"wam",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n<html>",
    ] {
        let whatsapp = fake::whatsapp_at(&speak_once(answer).await);

        let error = send(&whatsapp, &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert!(
            matches!(error, SendError::Ambiguous { .. }),
            "{answer:?} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn no_answer_in_time_may_have_been_accepted() {
    let fake = FakeWhatsApp::start().await;
    Mock::given(method("POST"))
        .respond_with(taken("wamid.1").set_delay(Duration::from_secs(30)))
        .mount(&fake.server)
        .await;
    let mut whatsapp = fake.whatsapp();
    whatsapp.client = reqwest::Client::builder()
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();

    let error = send(&whatsapp, &part("hi"), &fake::credentials())
        .await
        .unwrap_err();

    assert!(
        matches!(&error, SendError::Ambiguous { reason } if reason.contains("too long")),
        "{error:?}"
    );
}

#[tokio::test]
async fn no_error_carries_a_secret_a_number_or_the_text() {
    for whatsapp in [
        fake::whatsapp_at(&refuse_connections()),
        fake::whatsapp_at(&speak_once("").await),
    ] {
        let error = send(&whatsapp, &part("canary-text"), &fake::credentials())
            .await
            .unwrap_err();

        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("5551234") && !shown.contains("http"),
            "{shown}"
        );
    }
}
