//! What people wrote while we were away: Twilio does not deliver again what was answered with an error, but lists it.
//!
//! Source: <https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources>

use crate::{Twilio, api, credentials::Credentials, errors, inbound};
use channel::{CheckError, InboundMessage, MediaRef};
use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

/// The most that Twilio lists at once. Of more, the newest: an outage in which more came is not mended by answers.
const PAGE: &str = "1000";

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
}

#[derive(Deserialize)]
struct MediaList {
    media_list: Vec<Medium>,
}

#[derive(Deserialize)]
struct Medium {
    sid: String,
    content_type: Option<String>,
}

/// What was written from `since` to `until`, oldest first.
pub(crate) async fn missed(
    twilio: &Twilio,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    credentials: &Credentials,
) -> Result<Vec<InboundMessage>, CheckError> {
    let from = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut query = vec![("PageSize", PAGE), ("DateSent>", from.as_str())];
    if credentials.messaging_service_sid.is_none() {
        query.extend(credentials.phone_number.as_deref().map(|number| ("To", number)));
    }
    let list: List = ask(twilio, "Messages.json", &query, credentials).await?;
    let mut messages = Vec::new();
    for listed in list.messages {
        if let Some(message) = listed.read(twilio, since, until, credentials).await? {
            messages.push(message);
        }
    }
    messages.sort_by(|a, b| (a.sent_at, &a.dedupe_key).cmp(&(b.sent_at, &b.dedupe_key)));
    Ok(messages)
}

async fn ask<T: DeserializeOwned>(
    twilio: &Twilio,
    path: &str,
    query: &[(&str, &str)],
    credentials: &Credentials,
) -> Result<T, CheckError> {
    let url = api::of_account(twilio.addresses.api(credentials)?, credentials, path);
    // With the auth token: an API key may be allowed to send and not to read.
    let request = api::request(&twilio.client, Method::GET, url, credentials.owner()).query(query);
    let answer = api::call(request)
        .await
        .map_err(|error| CheckError::Unreachable(error.to_string()))?;
    if !answer.status.is_success() {
        return Err(errors::check_refused(&answer));
    }
    answer
        .read()
        .ok_or_else(|| CheckError::Unreachable("Twilio's list cannot be read".to_owned()))
}

impl Listed {
    /// As its webhook would have been read. `None`: it is none of ours, or of another time.
    async fn read(
        self,
        twilio: &Twilio,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        credentials: &Credentials,
    ) -> Result<Option<InboundMessage>, CheckError> {
        let service = self.messaging_service_sid.as_deref();
        let ours = credentials
            .messaging_service_sid
            .as_deref()
            .is_none_or(|sid| Some(sid) == service);
        let created = self
            .date_created
            .as_deref()
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.to_utc())
            .filter(|created| (since..=until).contains(created));
        let (Some(created), Some(from), Some(to), Some("inbound"), true) =
            (created, self.from, self.to, self.direction.as_deref(), ours)
        else {
            return Ok(None);
        };
        let text = self.body.unwrap_or_default();
        let has_media = self.num_media.as_deref().is_some_and(|count| count != "0");
        let media = if has_media {
            media(twilio, &self.sid, credentials).await?
        } else {
            Vec::new()
        };
        Ok(Some(InboundMessage {
            account: credentials.account_sid.clone(),
            dedupe_key: self.sid,
            conversation: inbound::conversation(credentials.our_side(&to), &from),
            contact: from,
            contact_name: None,
            consent: inbound::consent(None, &text),
            text,
            choice: None,
            media,
            order_key: None,
            sent_at: Some(created),
            reply_to: Some(json!({ "from": to })),
        }))
    }
}

async fn media(
    twilio: &Twilio,
    message: &str,
    credentials: &Credentials,
) -> Result<Vec<MediaRef>, CheckError> {
    let path = format!("Messages/{message}/Media");
    let list: MediaList = ask(twilio, &format!("{path}.json"), &[], credentials).await?;
    let base = twilio.addresses.api(credentials)?;
    Ok(list
        .media_list
        .into_iter()
        .map(|medium| MediaRef {
            url: api::of_account(base, credentials, &format!("{path}/{}", medium.sid)).into(),
            content_type: medium.content_type.unwrap_or_default(),
            name: None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTwilio};
    use serde_json::Value;
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{method, path_regex},
    };

    const SID: &str = "SM00000000000000000000000000000001";

    fn at(minute: u32) -> DateTime<Utc> {
        format!("2026-11-23T10:{minute:02}:00Z").parse().unwrap()
    }

    fn listed(changes: Value) -> Value {
        let mut listed = json!({
            "sid": SID, "body": "Are you open?", "direction": "inbound", "from": "+14155550123",
            "to": "+14155550100", "date_created": at(10).to_rfc2822(), "num_media": "0", "messaging_service_sid": null,
        });
        for (name, value) in changes.as_object().unwrap() {
            listed[name] = value.clone();
        }
        listed
    }

    async fn missed_of(messages: Value) -> Vec<InboundMessage> {
        let fake = FakeTwilio::start().await;
        Mock::given(method("GET"))
            .and(path_regex("/Messages.json$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "messages": messages })))
            .mount(&fake.server)
            .await;
        Mock::given(method("GET"))
            .and(path_regex("/Media.json$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(
                json!({ "media_list": [{ "sid": "ME00000000000000000000000000000001", "content_type": "image/png" }] }),
            ))
            .mount(&fake.server)
            .await;
        let found = missed(&fake.twilio(), at(5), at(20), &fake::credentials())
            .await
            .unwrap();
        fake.check_requests().await;
        found
    }

    #[tokio::test]
    async fn what_was_missed_reads_as_its_webhook_would_have() {
        let missed = missed_of(json!([listed(json!({}))])).await;

        let message = &missed[0];
        assert_eq!(message.dedupe_key, SID);
        assert_eq!(message.conversation.0, "+14155550100/+14155550123");
        assert_eq!(message.text, "Are you open?");
        assert_eq!(message.reply_to, Some(json!({"from": "+14155550100"})));
    }

    #[tokio::test]
    async fn what_we_sent_and_what_is_of_another_time_is_not_missed() {
        let others = json!([
            listed(json!({"direction": "outbound-api"})),
            listed(json!({"date_created": at(4).to_rfc2822()})),
            listed(json!({"date_created": at(21).to_rfc2822()})),
            listed(json!({"date_created": null})),
        ]);

        assert!(missed_of(others).await.is_empty());
    }

    #[tokio::test]
    async fn pictures_are_missed_too_and_stop_is_heard() {
        let missed = missed_of(json!([listed(json!({"body": "STOP", "num_media": "1"}))])).await;

        assert!(
            missed[0].media[0]
                .url
                .ends_with("/Media/ME00000000000000000000000000000001")
        );
        assert_eq!(missed[0].consent, Some(channel::Consent::OptOut));
    }

    #[tokio::test]
    async fn the_oldest_comes_first() {
        let newest_first = json!([
            listed(json!({"sid": "SM2", "date_created": at(12).to_rfc2822()})),
            listed(json!({"sid": "SM1", "date_created": at(11).to_rfc2822()})),
        ]);

        let missed = missed_of(newest_first).await;

        assert_eq!(
            missed.iter().map(|m| m.dedupe_key.as_str()).collect::<Vec<_>>(),
            ["SM1", "SM2"]
        );
    }
}
