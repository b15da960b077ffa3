//! Reads webhooks that are proven: messages from people, and news of what we sent.
//!
//! Twilio adds parameters without notice, so what we do not know is ignored. The answer is always empty TwiML: a plain
//! text would be sent to the person as an SMS.

use crate::{credentials::Credentials, errors, form::Form, signature};
use bytes::Bytes;
use channel::{
    Consent, ConversationKey, InboundMessage, MediaRef, ReceiveError, Received, StatusReport, WebhookKind,
    WebhookRequest, WebhookResponse,
};
use domain::{PartId, PartState};
use http::{Method, StatusCode};
use serde_json::json;

/// Twilio attaches at most ten.
const MAX_MEDIA: usize = 10;

/// The parameters, wherever they are.
pub(crate) fn form(request: &WebhookRequest) -> Result<Form, ReceiveError> {
    if signature::is_json(request) {
        Form::of_json(&request.body)
    } else if request.method == Method::GET {
        Ok(Form::parse(request.query().as_bytes()))
    } else {
        Ok(Form::parse(&request.body))
    }
}

/// Reads a request that [`signature::verify`] has proven.
pub(crate) fn read(request: &WebhookRequest, credentials: &Credentials) -> Result<Received, ReceiveError> {
    let form = form(request)?;
    let account = form.required("AccountSid")?;
    if account != credentials.account_sid {
        return Err(ReceiveError::ForeignAccount {
            given: account.chars().take(40).collect(),
        });
    }
    let mut received = nothing();
    match (request.kind, form.some("MessageStatus")?) {
        (WebhookKind::Status { part }, Some(status)) => {
            received.statuses.extend(report(&form, &status, Some(part))?)
        }
        (WebhookKind::Status { part }, None) => {
            let status = form.required("SmsStatus")?;
            received.statuses.extend(report(&form, &status, Some(part))?);
        }
        // News of a message, sent to the address for messages: a Messaging Service can be set so.
        (WebhookKind::Inbound | WebhookKind::Shared, Some(status))
            if status != "received" && status != "receiving" =>
        {
            received.statuses.extend(report(&form, &status, None)?);
        }
        (WebhookKind::Inbound | WebhookKind::Shared, _) => {
            received.messages.push(message(&form, account, credentials)?)
        }
    }
    Ok(received)
}

fn nothing() -> Received {
    Received::nothing(WebhookResponse {
        status: StatusCode::OK,
        content_type: "text/xml",
        body: Bytes::from_static(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"),
    })
}

fn sid(form: &Form) -> Result<String, ReceiveError> {
    // The second and third are the names of old.
    for name in ["MessageSid", "SmsMessageSid", "SmsSid"] {
        if let Some(sid) = form.some(name)? {
            return Ok(sid);
        }
    }
    form.required("MessageSid")
}

fn message(form: &Form, account: String, credentials: &Credentials) -> Result<InboundMessage, ReceiveError> {
    let contact = form.required("From")?;
    let written_to = form.required("To")?;
    let text = form.text("Body")?.unwrap_or_default();
    let consent = consent(form.some("OptOutType")?.as_deref(), &text);
    Ok(InboundMessage {
        account,
        dedupe_key: sid(form)?,
        conversation: conversation(credentials.our_side(&written_to), &contact),
        contact,
        contact_name: None,
        text,
        choice: None,
        media: media(form)?,
        order_key: None,
        sent_at: None,
        reply_to: Some(json!({ "from": written_to })),
        consent,
    })
}

/// SMS has no threads: a conversation is a pair of numbers, or a Messaging Service and a number.
pub(crate) fn conversation(our_side: &str, contact: &str) -> ConversationKey {
    ConversationKey(format!("{our_side}/{contact}"))
}

fn media(form: &Form) -> Result<Vec<MediaRef>, ReceiveError> {
    let mut media = Vec::new();
    for at in 0..MAX_MEDIA {
        let Some(url) = form.some(&format!("MediaUrl{at}"))? else {
            break;
        };
        let content_type = form.some(&format!("MediaContentType{at}"))?.unwrap_or_default();
        media.push(MediaRef {
            url,
            content_type,
            name: None,
        });
    }
    Ok(media)
}

/// What Twilio says of the message where Advanced Opt-Out is on; else what its words are by default. Only a message
/// that is nothing but the word counts.
pub(crate) fn consent(opt_out_type: Option<&str>, text: &str) -> Option<Consent> {
    match opt_out_type {
        Some("STOP") => return Some(Consent::OptOut),
        Some("START") => return Some(Consent::OptIn),
        Some("HELP") => return Some(Consent::Help),
        _ => (),
    }
    let word = text.trim().trim_end_matches(['.', '!']).to_ascii_uppercase();
    match word.as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
            Some(Consent::OptOut)
        }
        "START" | "UNSTOP" | "YES" => Some(Consent::OptIn),
        "HELP" | "INFO" => Some(Consent::Help),
        _ => None,
    }
}

/// `None` for a status that says nothing of a message we sent.
fn report(form: &Form, status: &str, part: Option<PartId>) -> Result<Option<StatusReport>, ReceiveError> {
    let Some(state) = state(status) else {
        return Ok(None);
    };
    let error = match (state, form.some("ErrorCode")?) {
        (PartState::Failed, Some(code)) => Some(errors::delivery(&code)),
        (PartState::Failed, None) => Some(format!("Twilio says {status} and gives no reason")),
        _ => None,
    };
    Ok(Some(StatusReport {
        part,
        platform_message_id: sid(form)?,
        state,
        error,
    }))
}

fn state(status: &str) -> Option<PartState> {
    Some(match status {
        "accepted" | "scheduled" | "queued" | "sending" => PartState::Queued,
        "sent" => PartState::Sent,
        "delivered" | "partially_delivered" => PartState::Delivered,
        "read" => PartState::Read,
        "undelivered" | "failed" | "canceled" => PartState::Failed,
        // `receiving` and `received` are about what people wrote; others are not known yet.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::{request, with_token};

    const ACCOUNT: &str = "AC00000000000000000000000000000001";

    fn received(body: &str) -> Result<Received, ReceiveError> {
        let body = format!("AccountSid={ACCOUNT}&{body}");
        read(
            &request(Method::POST, "https://a.example/w", body.as_bytes(), &[]),
            &with_token("12345"),
        )
    }

    fn only_message(body: &str) -> InboundMessage {
        let body = format!("MessageSid=SM1&From=%2B14155550123&To=%2B14155550100&{body}");
        let mut received = received(&body).unwrap();
        assert_eq!(received.messages.len(), 1);
        received.messages.remove(0)
    }

    fn status(body: &str) -> Received {
        let part = PartId::new();
        let body = format!("AccountSid={ACCOUNT}&MessageSid=SM2&{body}");
        let mut request = request(Method::POST, "https://a.example/s", body.as_bytes(), &[]);
        request.kind = WebhookKind::Status { part };
        let received = read(&request, &with_token("12345")).unwrap();
        assert!(received.messages.is_empty());
        assert!(received.statuses.iter().all(|status| status.part == Some(part)));
        received
    }

    #[test]
    fn a_text_message_is_read() {
        let message = only_message("Body=Where+is+my+order%3F&NumMedia=0&FromCity=&SomethingNew=1");

        assert_eq!(message.account, ACCOUNT);
        assert_eq!(message.dedupe_key, "SM1");
        assert_eq!(message.contact, "+14155550123");
        assert_eq!(
            message.conversation,
            ConversationKey("+14155550100/+14155550123".to_owned())
        );
        assert_eq!(message.text, "Where is my order?");
        assert_eq!((message.consent, message.media.len()), (None, 0));
        assert_eq!(message.reply_to, Some(json!({"from": "+14155550100"})));
    }

    #[test]
    fn pictures_come_as_a_list_and_need_no_text() {
        let message = only_message(
            "Body=&NumMedia=2&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2F0&MediaContentType0=image%2Fjpeg\
             &MediaUrl1=https%3A%2F%2Fapi.twilio.com%2F1&MediaContentType1=video%2Fmp4",
        );

        assert_eq!(message.text, "");
        assert_eq!(message.media[0].url, "https://api.twilio.com/0");
        assert_eq!(message.media[1].content_type, "video/mp4");
        assert_eq!(message.media.len(), 2);
    }

    #[test]
    fn a_message_to_any_number_of_a_messaging_service_is_the_same_conversation() {
        let credentials: Credentials = serde_json::from_value(json!({
            "account_sid": ACCOUNT, "auth_token": "12345", "messaging_service_sid": "MG00000000000000000000000000000001",
        }))
        .unwrap();
        let conversation_of = |to: &str| {
            let body = format!("AccountSid={ACCOUNT}&MessageSid=SM1&From=%2B14155550123&To={to}&Body=hi");
            let request = request(Method::POST, "https://a.example/w", body.as_bytes(), &[]);
            read(&request, &credentials)
                .unwrap()
                .messages
                .remove(0)
                .conversation
        };

        assert_eq!(
            conversation_of("%2B14155550100"),
            conversation_of("%2B14155550199")
        );
    }

    #[test]
    fn the_words_that_regulate_consent_are_recognised_alone_and_only_alone() {
        for (body, expected) in [
            ("STOP", Some(Consent::OptOut)),
            ("+stop%0A", Some(Consent::OptOut)),
            ("Stop.", Some(Consent::OptOut)),
            ("optout", Some(Consent::OptOut)),
            ("revoke", Some(Consent::OptOut)),
            ("Start", Some(Consent::OptIn)),
            ("unstop", Some(Consent::OptIn)),
            ("yes", Some(Consent::OptIn)),
            ("help", Some(Consent::Help)),
            ("INFO", Some(Consent::Help)),
            ("please+stop+the+music", None),
            ("when+do+you+start%3F", None),
        ] {
            assert_eq!(only_message(&format!("Body={body}")).consent, expected, "{body}");
        }
    }

    #[test]
    fn what_twilio_says_of_consent_counts_more_than_the_words() {
        assert_eq!(
            only_message("Body=basta&OptOutType=STOP").consent,
            Some(Consent::OptOut)
        );
        assert_eq!(
            only_message("Body=vamos&OptOutType=START").consent,
            Some(Consent::OptIn)
        );
        assert_eq!(
            only_message("Body=ayuda&OptOutType=HELP").consent,
            Some(Consent::Help)
        );
    }

    #[test]
    fn the_answer_is_empty_twiml_and_never_plain_text() {
        let response = received("MessageSid=SM1&From=%2B1&To=%2B2&Body=hi")
            .unwrap()
            .response;

        assert_eq!(
            (response.status, response.content_type),
            (StatusCode::OK, "text/xml")
        );
        assert_eq!(
            response.body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"
        );
    }

    #[test]
    fn another_accounts_message_is_refused() {
        let body = "AccountSid=AC00000000000000000000000000000009&MessageSid=SM1&From=%2B1&To=%2B2";
        let request = request(Method::POST, "https://a.example/w", body.as_bytes(), &[]);

        let error = read(&request, &with_token("12345")).unwrap_err();

        assert!(
            matches!(error, ReceiveError::ForeignAccount { given } if given == "AC00000000000000000000000000000009")
        );
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        for (body, problem) in [
            ("From=%2B1&To=%2B2&Body=hi", "MessageSid is missing"),
            ("MessageSid=SM1&To=%2B2&Body=hi", "From is missing"),
            ("MessageSid=SM1&From=%2B1&Body=hi", "To is missing"),
            ("MessageSid=SM1&From=%2B1&To=%2B2&Body=%FF", "Body is not UTF-8"),
            (
                "MessageSid=SM1&From=%2B1&To=%2B2&Body=100%",
                "Body is not form-encoded",
            ),
        ] {
            match received(body) {
                Err(ReceiveError::Malformed(words)) => assert!(words.contains(problem), "{words}"),
                other => panic!("{body} gave {other:?}"),
            }
        }
    }

    #[test]
    fn a_get_webhook_is_read_from_its_address() {
        let url =
            format!("https://a.example/w?AccountSid={ACCOUNT}&MessageSid=SM1&From=%2B1&To=%2B2&Body=hi");

        let received = read(&request(Method::GET, &url, b"", &[]), &with_token("12345")).unwrap();

        assert_eq!(received.messages[0].text, "hi");
    }

    #[test]
    fn every_status_of_twilio_has_its_meaning() {
        for (given, expected) in [
            ("accepted", Some(PartState::Queued)),
            ("scheduled", Some(PartState::Queued)),
            ("queued", Some(PartState::Queued)),
            ("sending", Some(PartState::Queued)),
            ("sent", Some(PartState::Sent)),
            ("delivered", Some(PartState::Delivered)),
            ("partially_delivered", Some(PartState::Delivered)),
            ("read", Some(PartState::Read)),
            ("undelivered", Some(PartState::Failed)),
            ("failed", Some(PartState::Failed)),
            ("canceled", Some(PartState::Failed)),
            ("receiving", None),
            ("something_new", None),
        ] {
            let received = status(&format!("MessageStatus={given}&SmsStatus={given}"));

            assert_eq!(
                received.statuses.first().map(|status| status.state),
                expected,
                "{given}"
            );
            assert_eq!(received.response.status, StatusCode::OK);
        }
    }

    #[test]
    fn a_failure_carries_its_code_and_what_it_means() {
        let received = status("MessageStatus=undelivered&ErrorCode=30003");

        let error = received.statuses[0].error.as_deref().unwrap();
        assert!(error.starts_with("30003: "), "{error}");
        assert_eq!(received.statuses[0].platform_message_id, "SM2");
    }

    #[test]
    fn news_sent_to_the_address_for_messages_is_no_message() {
        let received = received("MessageSid=SM2&MessageStatus=delivered&From=%2B1&To=%2B2").unwrap();

        assert!(received.messages.is_empty());
        assert_eq!(received.statuses[0].state, PartState::Delivered);
    }
}
