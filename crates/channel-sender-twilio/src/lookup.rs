//! Finds a message whose sending had an unknown outcome in Twilio's own list.
//!
//! Invariant: a message that was there before the first attempt is not taken for ours, or a reply would be lost. The
//! other mistake, a second copy, is the lesser one; so clocks are trusted to be right within two seconds.

use crate::{
    Twilio, api,
    credentials::Credentials,
    errors,
    outbound::{segments, sender},
    sms,
};
use channel::{OutboundPart, SendError, Sent};
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde::Deserialize;

/// How far Twilio's clock may be behind ours. Its dates are whole seconds.
const SKEW: TimeDelta = TimeDelta::seconds(2);
/// The newest come first, and all are to one person.
const PAGE: &str = "200";

#[derive(Deserialize)]
struct List {
    messages: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    sid: String,
    body: Option<String>,
    direction: Option<String>,
    from: Option<String>,
    to: Option<String>,
    date_created: Option<String>,
    messaging_service_sid: Option<String>,
    num_media: Option<String>,
    num_segments: Option<String>,
}

/// The messages that may be this part, the newest first.
pub(crate) async fn find(
    twilio: &Twilio,
    part: &OutboundPart,
    first_attempt: DateTime<Utc>,
    credentials: &Credentials,
) -> Result<Vec<Sent>, SendError> {
    let since = first_attempt - SKEW;
    // A message that still waits at Twilio has no date of sending yet, and whether the filter by that date leaves it
    // out is not documented: what is not found with it is looked for without it.
    for filter in [Some(since.format("%Y-%m-%d").to_string()), None] {
        let mut found: Vec<_> = list(twilio, part, filter, credentials)
            .await?
            .into_iter()
            .filter_map(|message| Some((message.created()?, message)))
            .filter(|(created, message)| *created >= since && message.is(part, credentials))
            .collect();
        if !found.is_empty() {
            found.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
            return Ok(found
                .into_iter()
                .map(|(_, message)| message.into_sent())
                .collect());
        }
    }
    Ok(Vec::new())
}

async fn list(
    twilio: &Twilio,
    part: &OutboundPart,
    sent_since: Option<String>,
    credentials: &Credentials,
) -> Result<Vec<Listed>, SendError> {
    let mut query = vec![("To", part.contact.as_str()), ("PageSize", PAGE)];
    query.extend(sender(part, credentials).map(|number| ("From", number)));
    query.extend(sent_since.as_deref().map(|date| ("DateSent>", date)));
    let url = api::of_account(twilio.addresses.api(credentials)?, credentials, "Messages.json");
    // With the auth token: an API key may be allowed to send and not to read.
    let request = api::request(&twilio.client, Method::GET, url, credentials.owner()).query(&query);
    let unknown = |reason| SendError::Retry {
        after: None,
        rate_limited: false,
        reason,
    };
    // Asking changes nothing, so it can always be done again.
    let answer = api::call(request)
        .await
        .map_err(|error| unknown(error.to_string()))?;
    if !answer.status.is_success() {
        return Err(match errors::refused(&answer) {
            SendError::Ambiguous { reason } => unknown(reason),
            error => error,
        });
    }
    let list: Option<List> = answer.read();
    Ok(list
        .ok_or_else(|| unknown("Twilio's list of messages cannot be read".to_owned()))?
        .messages)
}

impl Listed {
    fn into_sent(self) -> Sent {
        Sent {
            segments: segments(self.num_segments.as_deref()),
            platform_message_id: self.sid,
        }
    }

    fn created(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc2822(self.date_created.as_deref()?)
            .ok()
            .map(|at| at.to_utc())
    }

    fn is(&self, part: &OutboundPart, credentials: &Credentials) -> bool {
        let same_sender = match sender(part, credentials) {
            Some(number) => self.from.as_deref() == Some(number),
            None => self
                .messaging_service_sid
                .as_deref()
                .is_none_or(|service| Some(service) == credentials.messaging_service_sid.as_deref()),
        };
        let media = self
            .num_media
            .as_deref()
            .and_then(|count| count.parse().ok())
            .unwrap_or(0);
        same_sender
            && self.direction.as_deref() == Some("outbound-api")
            && self.to.as_deref() == Some(part.contact.as_str())
            && media == part.content.media.len()
            && written(self.body.as_deref().unwrap_or_default()) == written(&part.content.text)
    }
}

/// Twilio itself may write a text more plainly (Smart Encoding).
fn written(text: &str) -> String {
    sms::economical(text.trim()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTwilio, part};
    use serde_json::{Value, json};
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{method, query_param, query_param_is_missing},
    };

    fn at(second: u32) -> DateTime<Utc> {
        format!("2026-11-23T10:00:{second:02}Z").parse().unwrap()
    }

    fn listed(sid: &str, second: u32) -> Value {
        json!({
            "sid": sid, "body": "We open at nine", "direction": "outbound-api", "from": "+14155550100",
            "to": "+14155550123", "date_created": at(second).to_rfc2822(), "date_sent": null, "num_media": "0",
            "num_segments": "1", "messaging_service_sid": null, "status": "queued",
        })
    }

    async fn find_in(messages: Value) -> Result<Vec<Sent>, SendError> {
        let fake = FakeTwilio::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"messages": messages})))
            .mount(&fake.server)
            .await;
        let found = find(
            &fake.twilio(),
            &part("We open at nine"),
            at(30),
            &fake::credentials(),
        )
        .await;
        fake.check_requests().await;
        found
    }

    #[tokio::test]
    async fn a_message_that_arrived_is_found() {
        let found = find_in(json!([listed("SM1", 31)])).await.unwrap();

        assert_eq!(
            found,
            [Sent {
                platform_message_id: "SM1".to_owned(),
                segments: Some(1)
            }]
        );
    }

    #[tokio::test]
    async fn the_same_words_of_a_minute_ago_are_not_taken_for_it() {
        assert!(find_in(json!([listed("SM1", 27)])).await.unwrap().is_empty());
        assert_eq!(
            find_in(json!([listed("SM1", 28)])).await.unwrap().len(),
            1,
            "clocks differ a little"
        );
    }

    #[tokio::test]
    async fn of_several_the_newest_comes_first() {
        let found = find_in(json!([listed("SM1", 31), listed("SM3", 33), listed("SM2", 32)]))
            .await
            .unwrap();

        let sids: Vec<_> = found.into_iter().map(|sent| sent.platform_message_id).collect();
        assert_eq!(sids, ["SM3", "SM2", "SM1"]);
    }

    #[tokio::test]
    async fn what_differs_in_anything_is_not_taken_for_it() {
        for (field, value) in [
            ("body", json!("We open at ten")),
            ("body", json!(null)),
            ("direction", json!("inbound")),
            ("from", json!("+14155550199")),
            ("to", json!("+14155550124")),
            ("num_media", json!("1")),
            ("date_created", json!(null)),
        ] {
            let mut message = listed("SM1", 31);
            message[field] = value;

            assert!(find_in(json!([message])).await.unwrap().is_empty(), "{field}");
        }
    }

    #[tokio::test]
    async fn a_message_that_still_waits_at_twilio_is_found_too() {
        let fake = FakeTwilio::start().await;
        Mock::given(query_param("DateSent>", "2026-11-23"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"messages": []})))
            .expect(1)
            .mount(&fake.server)
            .await;
        Mock::given(query_param_is_missing("DateSent>"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"messages": [listed("SM1", 31)]})))
            .mount(&fake.server)
            .await;

        let found = find(
            &fake.twilio(),
            &part("We open at nine"),
            at(30),
            &fake::credentials(),
        )
        .await
        .unwrap();

        assert_eq!(found[0].platform_message_id, "SM1");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn with_a_messaging_service_the_sender_is_not_known() {
        let fake = FakeTwilio::start().await;
        let service = "MG00000000000000000000000000000001";
        let mut message = listed("SM1", 31);
        message["from"] = json!("+14155550155");
        message["messaging_service_sid"] = json!(service);
        Mock::given(query_param_is_missing("From"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"messages": [message]})))
            .mount(&fake.server)
            .await;
        let credentials = fake::credentials_with(json!({"messaging_service_sid": service}));

        let found = find(&fake.twilio(), &part("We open at nine"), at(30), &credentials)
            .await
            .unwrap();

        assert_eq!(found[0].platform_message_id, "SM1");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn not_knowing_is_never_taken_for_not_sent() {
        for answer in [
            ResponseTemplate::new(500),
            ResponseTemplate::new(429),
            ResponseTemplate::new(200).set_body_string("?"),
        ] {
            let fake = FakeTwilio::start().await;
            Mock::given(method("GET"))
                .respond_with(answer)
                .mount(&fake.server)
                .await;

            let error = find(&fake.twilio(), &part("hi"), at(30), &fake::credentials())
                .await
                .unwrap_err();

            assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
        }
        let cut = fake::twilio_at(&channel_testkit::speak_once("").await);
        let error = find(&cut, &part("hi"), at(30), &fake::credentials())
            .await
            .unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
    }
}
