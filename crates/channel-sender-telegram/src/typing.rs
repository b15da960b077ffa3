//! Shows that the bot is typing, and takes the spinner off a button that was pressed.

use crate::{Telegram, api::Bot, credentials::Credentials, errors, place::Place};
use channel::{SendError, Target};
use serde_json::{Value, json};
use std::time::Duration;

/// sendChatAction: "5 seconds or less".
pub(crate) const LASTS: Duration = Duration::from_secs(5);
/// A spinner is not worth more.
const SHORTLY: Duration = Duration::from_secs(3);

pub(crate) async fn show(
    telegram: &Telegram,
    to: &Target,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let mut parameters = Place::of(&to.conversation)?.parameters();
    parameters["action"] = json!("typing");
    let bot = Bot::new(telegram, credentials);
    answer_button(&bot, to.reply_to.as_ref()).await;
    let _: bool = bot
        .call("sendChatAction", &parameters)
        .await
        .map_err(errors::repeatable)?;
    Ok(())
}

/// Tells Telegram that the press of a button arrived. That it was told already, or too late, is of no consequence.
pub(crate) async fn answer_button(bot: &Bot<'_>, reply_to: Option<&Value>) {
    if let Some(id) = reply_to.and_then(|reply_to| reply_to["callback_query_id"].as_str()) {
        let parameters = json!({"callback_query_id": id});
        let _: Result<bool, _> = bot.call_within(SHORTLY, "answerCallbackQuery", &parameters).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTelegram};

    fn target(reply_to: Option<Value>) -> Target {
        Target {
            contact: "5550001".to_owned(),
            conversation: "-1001234567890/7".to_owned(),
            reply_to,
        }
    }

    #[tokio::test]
    async fn typing_is_shown_where_the_person_wrote() {
        let fake = FakeTelegram::start().await;
        fake.answers("sendChatAction", json!(true)).await;

        show(&fake.telegram(), &target(None), &fake::credentials())
            .await
            .unwrap();

        let expected = json!({"chat_id": -1_001_234_567_890_i64, "message_thread_id": 7, "action": "typing"});
        assert_eq!(fake.calls().await, [("sendChatAction".to_owned(), expected)]);
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_pressed_button_is_answered_first_and_its_failure_is_of_no_consequence() {
        let fake = FakeTelegram::start().await;
        fake.refuses(
            "answerCallbackQuery",
            400,
            "Bad Request: query is too old",
            json!({}),
        )
        .await;
        fake.answers("sendChatAction", json!(true)).await;
        let reply_to = Some(json!({"callback_query_id": "77"}));

        show(&fake.telegram(), &target(reply_to), &fake::credentials())
            .await
            .unwrap();

        let calls = fake.calls().await;
        assert_eq!(
            calls[0],
            (
                "answerCallbackQuery".to_owned(),
                json!({"callback_query_id": "77"})
            )
        );
        assert_eq!(calls[1].0, "sendChatAction");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_failure_to_show_it_is_told() {
        let fake = FakeTelegram::start().await;
        fake.refuses(
            "sendChatAction",
            429,
            "Too Many Requests: retry after 9",
            json!({"retry_after": 9}),
        )
        .await;

        let error = show(&fake.telegram(), &target(None), &fake::credentials())
            .await
            .unwrap_err();

        let SendError::Retry {
            after,
            rate_limited: true,
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(after, Some(Duration::from_secs(9)));
    }
}
