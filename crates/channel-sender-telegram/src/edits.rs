//! Changes what was sent, and takes it back: an answer that is shown while it is being written.

use crate::{
    Telegram,
    api::{Bot, Failed},
    credentials::Credentials,
    errors, outbound,
};
use channel::{OutboundContent, OutboundPart, SendError, Sent};
use serde_json::{Value, json};
use std::time::Duration;

/// About one call a second to one chat: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>.
pub(crate) const PACE: Duration = Duration::from_secs(1);

pub(crate) async fn edit(
    telegram: &Telegram,
    part: &OutboundPart,
    sent: &Sent,
    content: &OutboundContent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let (chat, message) = ids(sent)?;
    // What was sent with media keeps them; only the text below them changes.
    let content = OutboundContent {
        media: part.content.media.clone(),
        ..content.clone()
    };
    let mut parameters = outbound::content(&content).parameters;
    let method = if content.media.is_empty() {
        "editMessageText"
    } else {
        parameters.retain(|name, _| matches!(name.as_str(), "caption" | "caption_entities" | "reply_markup"));
        "editMessageCaption"
    };
    parameters.insert("chat_id".to_owned(), json!(chat));
    parameters.insert("message_id".to_owned(), json!(message));
    let edited: Result<Value, Failed> = Bot::new(telegram, credentials)
        .call(method, &Value::Object(parameters))
        .await;
    match edited {
        Ok(_) => Ok(()),
        Err(Failed::Refused(refusal)) if refusal.says("message is not modified") => Ok(()),
        Err(failed) => Err(errors::repeatable(failed)),
    }
}

/// A bot may delete what it wrote within the last 48 hours: <https://core.telegram.org/bots/api#deletemessage>.
pub(crate) async fn withdraw(
    telegram: &Telegram,
    sent: &Sent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let (chat, message) = ids(sent)?;
    let parameters = json!({"chat_id": chat, "message_id": message});
    let deleted: Result<Value, Failed> = Bot::new(telegram, credentials)
        .call("deleteMessage", &parameters)
        .await;
    match deleted {
        Ok(_) => Ok(()),
        Err(Failed::Refused(refusal)) if refusal.says("message to delete not found") => Ok(()),
        Err(failed) => Err(errors::repeatable(failed)),
    }
}

/// A message's number is its own in its chat only.
fn ids(sent: &Sent) -> Result<(i64, i64), SendError> {
    sent.platform_message_id
        .split_once('/')
        .and_then(|(chat, message)| Some((chat.parse().ok()?, message.parse().ok()?)))
        .ok_or_else(|| SendError::Rejected {
            code: None,
            reason: "the message's id is not one of Telegram's".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTelegram, part};
    use channel::{Button, Reply};
    use channel_testkit::speak_once;

    fn sent(id: &str) -> Sent {
        Sent {
            platform_message_id: id.to_owned(),
            segments: None,
        }
    }

    fn composed(markdown: &str) -> OutboundContent {
        let reply = Reply {
            text: markdown.to_owned(),
            buttons: vec![Button {
                title: "Yes".to_owned(),
                value: "y".to_owned(),
            }],
            ..Reply::default()
        };
        outbound::compose(&reply).remove(0)
    }

    #[tokio::test]
    async fn the_text_and_how_it_looks_are_replaced() {
        let fake = FakeTelegram::start().await;
        fake.answers("editMessageText", json!({"message_id": 42, "chat": {"id": -5}}))
            .await;

        edit(
            &fake.telegram(),
            &part("We"),
            &sent("-5/42"),
            &composed("We **open**"),
            &fake::credentials(),
        )
        .await
        .unwrap();

        let expected = json!({
            "chat_id": -5, "message_id": 42, "text": "We open",
            "entities": [{"type": "bold", "offset": 3, "length": 4}],
            "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]},
        });
        assert_eq!(fake.calls().await, [("editMessageText".to_owned(), expected)]);
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn below_a_picture_the_caption_is_replaced() {
        let fake = FakeTelegram::start().await;
        fake.answers("editMessageCaption", json!(true)).await;
        let mut part = part("We");
        part.content.media = vec!["https://acme.com/a.png".to_owned()];

        edit(
            &fake.telegram(),
            &part,
            &sent("5550001/42"),
            &composed("Open"),
            &fake::credentials(),
        )
        .await
        .unwrap();

        let (method, parameters) = fake.calls().await.remove(0);
        assert_eq!(
            (method.as_str(), &parameters["caption"]),
            ("editMessageCaption", &json!("Open"))
        );
        assert!(
            parameters.get("photo").is_none() && parameters.get("text").is_none(),
            "{parameters}"
        );
    }

    #[tokio::test]
    async fn a_change_that_changes_nothing_is_done() {
        let fake = FakeTelegram::start().await;
        let words = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same";
        fake.refuses("editMessageText", 400, words, json!({})).await;

        edit(
            &fake.telegram(),
            &part("We"),
            &sent("5/42"),
            &composed("We"),
            &fake::credentials(),
        )
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_change_can_always_be_made_again_and_a_refusal_cannot() {
        let cut = fake::telegram_at(&speak_once("").await);
        let error = edit(
            &cut,
            &part("We"),
            &sent("5/42"),
            &composed("We"),
            &fake::credentials(),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{error:?}");

        let fake = FakeTelegram::start().await;
        fake.refuses(
            "editMessageText",
            400,
            "Bad Request: message to edit not found",
            json!({}),
        )
        .await;
        let error = edit(
            &fake.telegram(),
            &part("We"),
            &sent("5/42"),
            &composed("We"),
            &fake::credentials(),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn an_id_that_is_not_telegrams_is_not_asked_for() {
        let fake = FakeTelegram::start().await;
        for id in ["42", "a/b", ""] {
            let error = edit(
                &fake.telegram(),
                &part("We"),
                &sent(id),
                &composed("We"),
                &fake::credentials(),
            )
            .await
            .unwrap_err();

            assert!(matches!(error, SendError::Rejected { .. }), "{id} gave {error:?}");
        }
        assert!(fake.calls().await.is_empty());
    }

    #[tokio::test]
    async fn a_message_is_taken_back_and_one_that_is_gone_is() {
        let fake = FakeTelegram::start().await;
        fake.answers("deleteMessage", json!(true)).await;

        withdraw(&fake.telegram(), &sent("-5/42"), &fake::credentials())
            .await
            .unwrap();

        let expected = json!({"chat_id": -5, "message_id": 42});
        assert_eq!(fake.calls().await, [("deleteMessage".to_owned(), expected)]);
        for (words, gone) in [
            ("Bad Request: message to delete not found", true),
            ("Bad Request: message can't be deleted", false),
        ] {
            let fake = FakeTelegram::start().await;
            fake.refuses("deleteMessage", 400, words, json!({})).await;
            let withdrawn = withdraw(&fake.telegram(), &sent("-5/42"), &fake::credentials()).await;
            assert_eq!(withdrawn.is_ok(), gone, "{words}: {withdrawn:?}");
        }
    }
}
