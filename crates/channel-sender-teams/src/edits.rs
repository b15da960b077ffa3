//! Changes what was sent, and takes it back.
//! <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/update-and-delete-bot-messages>

use crate::{Teams, api, credentials::Credentials, errors, outbound};
use channel::{OutboundContent, OutboundPart, SendError, Sent};
use http::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Teams takes 60 activities in 30 seconds for a conversation, messages and changes together.
pub(crate) const PACE: Duration = Duration::from_secs(1);

pub(crate) async fn edit(
    teams: &Teams,
    part: &OutboundPart,
    sent: &Sent,
    content: &OutboundContent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let place = api::Place::of(part.reply_to.as_ref(), &part.conversation)?;
    let mut body = outbound::activity(content);
    place.address(&mut body);
    body["id"] = sent.platform_message_id.as_str().into();
    let path = place.path(Some(&sent.platform_message_id));
    let answer = api::call(teams, credentials, Method::PUT, &place, &path, &body).await?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(errors::refused(&answer))
    }
}

pub(crate) async fn withdraw(
    teams: &Teams,
    part: &OutboundPart,
    sent: &Sent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let place = api::Place::of(part.reply_to.as_ref(), &part.conversation)?;
    let path = place.path(Some(&sent.platform_message_id));
    let answer = api::call(teams, credentials, Method::DELETE, &place, &path, &Value::Null).await?;
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        Ok(())
    } else {
        Err(errors::refused(&answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeTeams, credentials, part};
    use serde_json::json;
    use wiremock::ResponseTemplate;

    fn sent() -> Sent {
        Sent {
            platform_message_id: "1763800001234".to_owned(),
            segments: None,
        }
    }

    #[tokio::test]
    async fn a_message_is_replaced_where_it_stands() {
        let fake = FakeTeams::start().await;
        fake.activities(ResponseTemplate::new(200).set_body_json(json!({"id": "1763800001234"})))
            .await;
        let part = part("Hi", &fake.service());
        let longer = OutboundContent {
            text: "Hi, Ann".to_owned(),
            ..OutboundContent::default()
        };

        edit(&fake.teams(), &part, &sent(), &longer, &credentials())
            .await
            .unwrap();

        let (path, body) = fake.only_activity().await;
        assert!(path.ends_with("/activities/1763800001234"), "{path}");
        assert_eq!(
            (&body["text"], &body["id"]),
            (&json!("Hi, Ann"), &json!("1763800001234"))
        );
        assert!(body.get("replyToId").is_none());
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_message_that_is_gone_is_not_changed() {
        let fake = FakeTeams::start().await;
        fake.activities(ResponseTemplate::new(404)).await;
        let part = part("Hi", &fake.service());

        let error = edit(&fake.teams(), &part, &sent(), &part.content, &credentials())
            .await
            .unwrap_err();

        assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_message_is_taken_back_and_one_that_is_gone_is() {
        for (status, done) in [(200, true), (404, true), (403, false)] {
            let fake = FakeTeams::start().await;
            fake.activities(ResponseTemplate::new(status)).await;
            let part = part("Hi", &fake.service());

            let withdrawn = withdraw(&fake.teams(), &part, &sent(), &credentials()).await;

            assert_eq!(withdrawn.is_ok(), done, "{status}: {withdrawn:?}");
            let (path, _) = fake.only_activity().await;
            assert!(path.ends_with("/activities/1763800001234"), "{path}");
        }
    }
}
