//! Shows that the bot is typing.
//!
//! Source: <https://docs.discord.com/developers/resources/channel#trigger-typing-indicator>

use crate::{
    Discord,
    api::{self, App},
    credentials::Credentials,
    errors::repeatable,
    interaction::Pending,
    place::Place,
};
use channel::{SendError, Target};
use chrono::Utc;
use http::Method;
use std::time::Duration;

/// "expires after 10 seconds"
pub(crate) const LASTS: Duration = Duration::from_secs(10);

pub(crate) async fn show(discord: &Discord, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
    let place = Place::of(&to.conversation)?;
    if Pending::of(to.reply_to.as_ref(), &credentials.application_id, Utc::now()).is_some() {
        // The person sees that the bot is "thinking" already.
        return Ok(());
    }
    let app = App::new(discord, credentials);
    let path = format!("channels/{}/typing", place.channel);
    match api::perform(app.as_bot(Method::POST, &path)?).await {
        Ok(_) => Ok(()),
        Err(failed) => Err(repeatable(failed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeDiscord};
    use wiremock::{Mock, ResponseTemplate, matchers::method};

    fn target(reply_to: Option<serde_json::Value>) -> Target {
        Target {
            contact: fake::PERSON.to_owned(),
            conversation: format!("{}/{}", fake::CHANNEL, fake::PERSON),
            reply_to,
        }
    }

    #[tokio::test]
    async fn typing_is_shown_in_the_channel() {
        let fake = FakeDiscord::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(204))
            .mount(&fake.server)
            .await;

        show(&fake.discord(), &target(None), &fake::credentials())
            .await
            .unwrap();

        assert_eq!(
            fake.calls().await[0].path,
            format!("channels/{}/typing", fake::CHANNEL)
        );
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn an_interaction_shows_it_by_itself() {
        let fake = FakeDiscord::start().await;
        let reply_to = fake::answer_to_interaction("", true).reply_to;

        show(&fake.discord(), &target(reply_to), &fake::credentials())
            .await
            .unwrap();

        assert!(fake.calls().await.is_empty());
    }

    #[tokio::test]
    async fn a_failure_to_show_it_is_told() {
        let fake = FakeDiscord::start().await;
        let path = format!("channels/{}/typing", fake::CHANNEL);
        fake.refuses("POST", &path, 403, 50001, "Missing Access").await;

        let error = show(&fake.discord(), &target(None), &fake::credentials())
            .await
            .unwrap_err();

        assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    }
}
