//! Changes what was sent, and takes it back. <https://docs.slack.dev/reference/methods/chat.update>,
//! <https://docs.slack.dev/reference/methods/chat.delete>

use crate::{Slack, api, blocks::blocks, credentials::Credentials, errors, outbound::fallback};
use channel::{OutboundContent, SendError, Sent};
use serde_json::Value;
use std::time::Duration;

/// Slack takes about one change a second in a channel.
pub(crate) const PACE: Duration = Duration::from_secs(1);

/// Its metadata, by which it is found, stays.
pub(crate) async fn edit(
    slack: &Slack,
    sent: &Sent,
    content: &OutboundContent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let (channel, ts) = ids(sent)?;
    // Blocks that are not given stay as they were.
    let blocks = blocks(content)
        .unwrap_or_else(|| Value::Array(Vec::new()))
        .to_string();
    let text = fallback(content);
    let form = [
        ("channel", channel),
        ("ts", ts),
        ("text", text.as_str()),
        ("blocks", blocks.as_str()),
    ];
    let _: Value = api::call(slack, credentials, "chat.update", &form)
        .await
        .map_err(errors::sending)?;
    Ok(())
}

pub(crate) async fn withdraw(slack: &Slack, sent: &Sent, credentials: &Credentials) -> Result<(), SendError> {
    let (channel, ts) = ids(sent)?;
    let form = [("channel", channel), ("ts", ts)];
    match api::call::<Value>(slack, credentials, "chat.delete", &form).await {
        Ok(_) => Ok(()),
        Err(failed) if failed.is("message_not_found") => Ok(()),
        Err(failed) => Err(errors::sending(failed)),
    }
}

/// The channel and the message's time stamp in it.
fn ids(sent: &Sent) -> Result<(&str, &str), SendError> {
    sent.platform_message_id
        .split_once(':')
        .ok_or_else(|| SendError::Rejected {
            code: None,
            reason: "the message's id is not Slack's: a channel and a time stamp".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeSlack};
    use channel::Button;
    use serde_json::json;

    fn sent(id: &str) -> Sent {
        Sent {
            platform_message_id: id.to_owned(),
            segments: None,
        }
    }

    fn text(text: &str) -> OutboundContent {
        OutboundContent {
            text: text.to_owned(),
            ..OutboundContent::default()
        }
    }

    #[tokio::test]
    async fn a_message_is_replaced_where_it_stands_with_its_buttons_or_without() {
        let fake = FakeSlack::start().await;
        fake.answers("chat.update", json!({"ts": "1763800001.000200"}))
            .await;
        let with_buttons = OutboundContent {
            buttons: vec![Button {
                title: "Yes".to_owned(),
                value: "yes".to_owned(),
            }],
            ..text("Sure?")
        };

        for content in [text("Hi, Ann"), with_buttons] {
            edit(
                &fake.slack(),
                &sent("D0001:1763800001.000200"),
                &content,
                &fake::credentials(),
            )
            .await
            .unwrap();
        }

        let calls = fake.forms("chat.update").await;
        assert_eq!(
            (calls[0]["channel"].as_str(), calls[0]["ts"].as_str()),
            ("D0001", "1763800001.000200")
        );
        assert_eq!(
            (calls[0]["text"].as_str(), calls[0]["blocks"].as_str()),
            ("Hi, Ann", "[]")
        );
        assert!(calls[1]["blocks"].contains("\"yes\""));
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_message_that_is_not_slacks_is_not_asked_about() {
        let slack = fake::slack_at("http://127.0.0.1:1");

        let error = edit(&slack, &sent("42"), &text("Hi"), &fake::credentials())
            .await
            .unwrap_err();

        assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_message_is_taken_back_and_one_that_is_gone_is() {
        let fake = FakeSlack::start().await;
        fake.answers("chat.delete", json!({"ts": "1763800001.000200"}))
            .await;
        let sent = sent("D0001:1763800001.000200");

        withdraw(&fake.slack(), &sent, &fake::credentials())
            .await
            .unwrap();

        let calls = fake.forms("chat.delete").await;
        assert_eq!(
            (calls[0]["channel"].as_str(), calls[0]["ts"].as_str()),
            ("D0001", "1763800001.000200")
        );
        let gone = FakeSlack::start().await;
        gone.refuses("chat.delete", "message_not_found").await;
        withdraw(&gone.slack(), &sent, &fake::credentials())
            .await
            .unwrap();
        let refused = FakeSlack::start().await;
        refused.refuses("chat.delete", "cant_delete_message").await;
        let error = withdraw(&refused.slack(), &sent, &fake::credentials())
            .await
            .unwrap_err();
        assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    }
}
