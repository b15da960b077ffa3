//! Cuts replies into messages, and hands them to Twilio.

use crate::{Twilio, api, credentials::Credentials, errors, reach, sms};
use channel::{OutboundContent, OutboundPart, Preview, Reply, SendError, Sent, text};
use dialect::Plain;
use domain::PhoneNumber;
use http::Method;
use serde::Deserialize;

/// UTF-16 code units that one message's text may have.
pub(crate) const MAX_TEXT: usize = 1600;
/// Media that one message may carry.
pub(crate) const MAX_MEDIA: usize = 10;

/// The messages that a reply becomes. The first carries the media. SMS has no buttons: they are a numbered list.
pub(crate) fn compose(reply: &Reply) -> Vec<OutboundContent> {
    let titles = reply.buttons.iter().map(|button| &button.title);
    let markdown = dialect::numbered(&reply.text, titles);
    let mut texts = dialect::compose(&markdown, &Plain, MAX_TEXT, text::utf16)
        .into_iter()
        .map(economical);
    let mut media = reply.media.chunks(MAX_MEDIA).map(<[String]>::to_vec);
    let mut parts = Vec::new();
    loop {
        match (texts.next(), media.next()) {
            (None, None) => return parts,
            (text, media) => {
                parts.push(OutboundContent {
                    text: text.unwrap_or_default(),
                    media: media.unwrap_or_default(),
                    ..OutboundContent::default()
                });
            }
        }
    }
}

/// Written plainly where that is cheaper; an ellipsis becomes three characters, so it may not fit any more.
fn economical(text: String) -> String {
    let plainly = sms::economical(&text);
    if text::utf16(&plainly) <= MAX_TEXT {
        plainly.into_owned()
    } else {
        text
    }
}

/// What a text will become, and what it will cost.
pub(crate) fn preview(text: &str) -> Preview {
    let parts = compose(&Reply {
        text: text.to_owned(),
        ..Reply::default()
    });
    let messages: Vec<String> = parts.into_iter().map(|part| part.text).collect();
    let lengths: Vec<sms::Length> = messages.iter().map(|message| sms::length(message)).collect();
    let wide = lengths
        .iter()
        .any(|length| length.encoding == sms::Encoding::Ucs2);
    let encoding = if wide {
        sms::Encoding::Ucs2
    } else {
        sms::Encoding::Gsm7
    };
    Preview {
        messages,
        segments: lengths.iter().map(|length| length.segments).sum(),
        encoding: encoding.as_str().to_owned(),
    }
}

/// The number a part is sent from: the one that the person wrote to, or else the integration's. `None`: a Messaging
/// Service chooses.
pub(crate) fn sender<'a>(part: &'a OutboundPart, credentials: &'a Credentials) -> Option<&'a str> {
    if credentials.messaging_service_sid.is_some() {
        return None;
    }
    let written_to = part
        .reply_to
        .as_ref()
        .and_then(|reply_to| reply_to["from"].as_str());
    written_to
        .filter(|number| PhoneNumber::try_from(*number).is_ok())
        .or(credentials.phone_number.as_deref())
}

/// A message as Twilio created it.
#[derive(Deserialize)]
struct Created {
    sid: String,
    status: Option<String>,
    num_segments: Option<String>,
    error_code: Option<u32>,
}

pub(crate) async fn send(
    twilio: &Twilio,
    part: &OutboundPart,
    credentials: &Credentials,
) -> Result<Sent, SendError> {
    let base = twilio.addresses.api(credentials)?;
    let mut form: Vec<(&str, &str)> = vec![("To", &part.contact)];
    form.extend(sender(part, credentials).map(|number| ("From", number)));
    form.extend(
        credentials
            .messaging_service_sid
            .as_deref()
            .map(|service| ("MessagingServiceSid", service)),
    );
    if !part.content.text.is_empty() {
        form.push(("Body", &part.content.text));
    }
    form.extend(part.content.media.iter().map(|url| ("MediaUrl", url.as_str())));
    // Twilio refuses the whole message for a callback that it cannot reach.
    let callback = part
        .status_callback
        .as_ref()
        .filter(|url| credentials.is_simulated() || reach::is_public(url));
    form.extend(callback.map(|url| ("StatusCallback", url.as_str())));

    let url = api::of_account(base, credentials, "Messages.json");
    let request = api::request(&twilio.client, Method::POST, url, credentials.caller()).form(&form);
    let answer = api::call(request).await?;
    if !answer.status.is_success() {
        return Err(errors::refused(&answer));
    }
    let created: Created = answer.read().ok_or_else(|| SendError::Ambiguous {
        reason: format!(
            "Twilio answered {}, and what it created cannot be read",
            answer.status
        ),
    })?;
    match created.status.as_deref() {
        Some("failed" | "undelivered" | "canceled") => Err(errors::failed(created.error_code)),
        _ => Ok(Sent {
            platform_message_id: created.sid,
            segments: segments(created.num_segments.as_deref()),
        }),
    }
}

/// With a Messaging Service Twilio says 0 until it has chosen a sender, which is to say that it does not know.
pub(crate) fn segments(given: Option<&str>) -> Option<i32> {
    given?.parse().ok().filter(|&segments| segments > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTwilio, part};
    use channel::Button;
    use channel_testkit::{refuse_connections, speak_once};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::time::Duration;
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{basic_auth, body_string_contains, method, path},
    };

    fn texts(text: &str) -> Vec<String> {
        compose(&Reply {
            text: text.to_owned(),
            ..Reply::default()
        })
        .into_iter()
        .map(|part| part.text)
        .collect()
    }

    #[test]
    fn a_long_reply_ends_its_messages_between_words() {
        let parts = texts(&"lorem ipsum ".repeat(300));

        assert_eq!(parts.len(), 3);
        assert!(
            parts
                .iter()
                .all(|part| part.len() <= MAX_TEXT && part.ends_with(['m'])),
            "{parts:?}"
        );
    }

    #[test]
    fn media_go_with_the_first_message_ten_at_a_time() {
        let media: Vec<String> = (0..12).map(|at| format!("https://acme.com/{at}.png")).collect();

        let parts = compose(&Reply {
            text: "Look!".to_owned(),
            media,
            ..Reply::default()
        });

        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].text.as_str(), parts[0].media.len()), ("Look!", 10));
        assert_eq!((parts[1].text.as_str(), parts[1].media.len()), ("", 2));
    }

    #[test]
    fn buttons_are_a_numbered_list_below_the_text() {
        let button = |title: &str| Button {
            title: title.to_owned(),
            value: "x".to_owned(),
        };

        let parts = compose(&Reply {
            text: "**Which day?**".to_owned(),
            buttons: vec![button("Monday"), button("Not *this* week")],
            ..Reply::default()
        });

        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].text, "Which day?\n\n1. Monday\n2. Not *this* week");
        assert!(parts[0].buttons.is_empty());
    }

    #[test]
    fn a_text_that_would_grow_over_the_limit_when_written_plainly_stays_as_it_is() {
        let full = "…".repeat(MAX_TEXT);

        assert_eq!(texts(&full), [full]);
        assert_eq!(texts("one…"), ["one..."]);
    }

    #[test]
    fn a_preview_counts_what_will_be_billed() {
        let preview = preview("**Open** until “nine”");

        assert_eq!(preview.messages, ["Open until \"nine\""]);
        assert_eq!((preview.segments, preview.encoding.as_str()), (1, "GSM-7"));
        assert_eq!(super::preview(&"я".repeat(71)).segments, 2);
        assert_eq!(super::preview("👋").encoding, "UCS-2");
        assert_eq!(super::preview("").segments, 0);
    }

    proptest! {
        #[test]
        fn every_message_is_within_the_limit(text in "(\\PC|\n){0,3000}") {
            for part in texts(&text) {
                prop_assert!(!part.is_empty() && text::utf16(&part) <= MAX_TEXT);
            }
        }
    }

    fn created(sid: &str) -> ResponseTemplate {
        ResponseTemplate::new(201)
            .set_body_json(json!({"sid": sid, "status": "queued", "num_segments": "2", "error_code": null}))
    }

    #[tokio::test]
    async fn a_part_is_sent_from_the_number_that_was_written_to() {
        let fake = FakeTwilio::start().await;
        Mock::given(method("POST"))
            .and(path(format!(
                "/2010-04-01/Accounts/{}/Messages.json",
                fake::ACCOUNT
            )))
            .and(basic_auth(fake::ACCOUNT, "canary-auth-token"))
            .and(body_string_contains("From=%2B14155550177"))
            .respond_with(created("SM1"))
            .mount(&fake.server)
            .await;
        let part = OutboundPart {
            reply_to: Some(json!({"from": "+14155550177"})),
            ..part("We open at nine & close at 5 €")
        };

        let sent = send(&fake.twilio(), &part, &fake::credentials()).await.unwrap();

        assert_eq!(
            sent,
            Sent {
                platform_message_id: "SM1".to_owned(),
                segments: Some(2)
            }
        );
        let form = fake.forms().await.remove(0);
        assert_eq!(form["To"], "+14155550123");
        assert_eq!(form["Body"], "We open at nine & close at 5 €");
        assert_eq!(form["StatusCallback"], part.status_callback.unwrap().as_str());
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_messaging_service_chooses_the_sender_and_an_api_key_calls() {
        let fake = FakeTwilio::start().await;
        let key = "SK0123456789abcdef0123456789abcdef";
        Mock::given(basic_auth(key, "canary-key"))
            .respond_with(created("SM1"))
            .mount(&fake.server)
            .await;
        let service = "MG00000000000000000000000000000001";
        let credentials = fake::credentials_with(json!({
            "phone_number": null, "messaging_service_sid": service, "api_key_sid": key, "api_key_secret": "canary-key",
        }));

        send(&fake.twilio(), &part("hi"), &credentials).await.unwrap();

        let form = fake.forms().await.remove(0);
        assert_eq!(form["MessagingServiceSid"], service);
        assert!(!form.contains_key("From"));
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn media_need_no_text() {
        let fake = FakeTwilio::start().await;
        Mock::given(method("POST"))
            .respond_with(created("MM1"))
            .mount(&fake.server)
            .await;
        let mut part = part("");
        part.content.media = vec![
            "https://acme.com/1.png".to_owned(),
            "https://acme.com/2.png".to_owned(),
        ];

        send(&fake.twilio(), &part, &fake::credentials()).await.unwrap();

        let body = fake.bodies().await.remove(0);
        assert!(!body.contains("Body="), "{body}");
        assert_eq!(body.matches("MediaUrl=").count(), 2);
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_status_callback_that_twilio_cannot_reach_is_left_out() {
        let fake = FakeTwilio::start().await;
        Mock::given(method("POST"))
            .respond_with(created("SM1"))
            .mount(&fake.server)
            .await;
        let part = OutboundPart {
            status_callback: "http://localhost:8080/api/twilio/status/1/2".parse().ok(),
            ..part("hi")
        };

        send(&fake.twilio(), &part, &fake::credentials()).await.unwrap();

        assert!(!fake.forms().await[0].contains_key("StatusCallback"));
    }

    #[tokio::test]
    async fn the_simulated_account_goes_to_the_simulator_and_never_to_twilio() {
        let (fake, simulator) = (FakeTwilio::start().await, FakeTwilio::start().await);
        Mock::given(method("POST"))
            .respond_with(created("SM1"))
            .mount(&simulator.server)
            .await;
        let credentials = fake::credentials_with(json!({"account_sid": crate::SIMULATED_ACCOUNT}));
        let mut twilio = fake.twilio();

        let without = send(&twilio, &part("hi"), &credentials).await.unwrap_err();
        twilio.addresses.simulator = simulator.server.uri().parse().ok();
        send(&twilio, &part("hi"), &credentials).await.unwrap();

        assert!(matches!(without, SendError::BadCredentials(_)), "{without:?}");
        assert!(fake.bodies().await.is_empty(), "Twilio was asked");
        simulator.check_requests().await;
    }

    async fn error_for(status: u16, body: Value) -> SendError {
        let fake = FakeTwilio::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&fake.server)
            .await;
        let error = send(&fake.twilio(), &part("hi"), &fake::credentials())
            .await
            .unwrap_err();
        fake.check_requests().await;
        error
    }

    #[tokio::test]
    async fn every_error_says_what_to_do_next() {
        #[derive(Debug, PartialEq)]
        enum Next {
            Retry,
            SlowDown,
            Reconnect,
            GiveUp,
        }
        for (status, code, expected) in [
            (400, 21211, Next::GiveUp),
            (400, 21212, Next::GiveUp),
            (403, 21408, Next::GiveUp),
            (400, 21602, Next::GiveUp),
            (400, 21606, Next::GiveUp),
            (400, 21608, Next::GiveUp),
            (400, 21610, Next::GiveUp),
            (400, 21612, Next::GiveUp),
            (400, 21614, Next::GiveUp),
            (400, 21617, Next::GiveUp),
            (400, 21635, Next::GiveUp),
            (400, 63007, Next::GiveUp),
            (404, 20404, Next::GiveUp),
            (401, 20003, Next::Reconnect),
            (401, 70051, Next::Reconnect),
            (403, 20403, Next::Reconnect),
            (403, 99999, Next::Reconnect),
            (400, 30002, Next::Reconnect),
            (429, 20429, Next::SlowDown),
            (429, 21610, Next::SlowDown),
            (400, 21611, Next::SlowDown),
            (400, 30001, Next::SlowDown),
            (400, 30022, Next::SlowDown),
            (400, 30023, Next::SlowDown),
            (408, 0, Next::Retry),
            (500, 20500, Next::Retry),
            (503, 20503, Next::Retry),
            (302, 0, Next::Retry),
        ] {
            let error = error_for(status, json!({"code": code, "message": "no", "status": status})).await;

            let next = match &error {
                SendError::Retry {
                    rate_limited: false, ..
                } => Next::Retry,
                SendError::Retry {
                    rate_limited: true, ..
                } => Next::SlowDown,
                SendError::Unauthorized { .. } => Next::Reconnect,
                SendError::Rejected { code: given, .. } => {
                    assert_eq!(given.as_deref(), Some(code.to_string().as_str()));
                    Next::GiveUp
                }
                other => panic!("{status} {code} gave {other:?}"),
            };
            assert_eq!(next, expected, "{status} {code}: {error}");
        }
    }

    #[tokio::test]
    async fn an_opted_out_contact_is_refused_with_what_to_do() {
        let body =
            json!({"code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400});

        let error = error_for(400, body).await.to_string();

        assert!(
            error.contains("21610") && error.contains("by writing START"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_error_in_the_newer_form_is_read_too() {
        let body = json!({"type": "x", "title": "Bad Request", "status": 400, "code": 21211, "detail": "The number +15005550001 is invalid"});

        let error = error_for(400, body).await.to_string();

        assert!(error.contains("21211: The number …0001 is invalid"), "{error}");
    }

    #[tokio::test]
    async fn too_many_requests_waits_as_long_as_twilio_asks() {
        let fake = FakeTwilio::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "17"))
            .mount(&fake.server)
            .await;

        let error = send(&fake.twilio(), &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert!(
            matches!(error, SendError::Retry { after: Some(wait), rate_limited: true, .. } if wait == Duration::from_secs(17))
        );
    }

    #[tokio::test]
    async fn a_message_that_failed_at_once_is_refused() {
        let error = error_for(
            201,
            json!({"sid": "SM1", "status": "failed", "error_code": 30006}),
        )
        .await;

        assert!(
            matches!(&error, SendError::Rejected { code: Some(code), .. } if code == "30006"),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_success_that_cannot_be_read_may_have_been_accepted() {
        for body in [json!("what?"), json!({"status": "queued"})] {
            assert!(matches!(error_for(201, body).await, SendError::Ambiguous { .. }));
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_worth_another_try() {
        let twilio = fake::twilio_at(&refuse_connections());

        let error = send(&twilio, &part("hi"), &fake::credentials())
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
            "HTTP/1.1 201 Cr",
            "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"sid\": \"SM",
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n<html>",
        ] {
            let twilio = fake::twilio_at(&speak_once(answer).await);

            let error = send(&twilio, &part("hi"), &fake::credentials())
                .await
                .unwrap_err();

            assert!(
                matches!(error, SendError::Ambiguous { .. }),
                "{answer:?} gave {error:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_refusal_that_was_cut_short_is_still_a_refusal() {
        let twilio =
            fake::twilio_at(&speak_once("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n{").await);

        let error = send(&twilio, &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert!(matches!(error, SendError::Unauthorized { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn no_answer_in_time_may_have_been_accepted() {
        let fake = FakeTwilio::start().await;
        Mock::given(method("POST"))
            .respond_with(created("SM1").set_delay(Duration::from_secs(30)))
            .mount(&fake.server)
            .await;
        let mut twilio = fake.twilio();
        twilio.client = reqwest::Client::builder()
            .timeout(Duration::from_millis(200))
            .build()
            .unwrap();

        let error = send(&twilio, &part("hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert!(
            matches!(&error, SendError::Ambiguous { reason } if reason.contains("too long")),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn no_error_carries_a_secret_a_number_or_the_text() {
        let twilio = fake::twilio_at(&refuse_connections());
        let cut = fake::twilio_at(&speak_once("").await);

        for twilio in [twilio, cut] {
            let error = send(&twilio, &part("canary-text"), &fake::credentials())
                .await
                .unwrap_err();

            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("canary") && !shown.contains("5550123") && !shown.contains("http"),
                "{shown}"
            );
        }
    }
}
