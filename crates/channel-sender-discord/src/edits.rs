//! Changes what was sent, and takes it back: an answer that is shown while it is being written.

use crate::{
    Discord,
    api::{self, App},
    credentials::Credentials,
    deferred,
    errors::repeatable,
    interaction::Pending,
    outbound::body,
    place::Place,
    snowflake,
};
use channel::{OutboundContent, OutboundPart, SendError, Sent};
use http::Method;
use std::time::Duration;

/// Five calls in five seconds go to one channel, and sending needs them too.
pub(crate) const PACE: Duration = Duration::from_secs(1);

pub(crate) async fn edit(
    discord: &Discord,
    part: &OutboundPart,
    sent: &Sent,
    content: &OutboundContent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let (place, id) = (Place::of(&part.conversation)?, id(sent)?);
    let app = App::new(discord, credentials);
    // What was sent with media keeps them: their addresses stand in the text.
    let content = OutboundContent {
        media: part.content.media.clone(),
        ..content.clone()
    };
    let body = body(&content);
    // Where the bot is not itself in the channel, only the interaction's token lets it change its answer.
    if let Some(pending) = Pending::of_part(part, &credentials.application_id) {
        let path = format!("{}/messages/{id}", pending.webhook());
        match api::perform(app.as_nobody(Method::PATCH, &path)?.json(&body)).await {
            Ok(_) => return Ok(()),
            Err(failed) if deferred::is_over(&failed) => (),
            Err(failed) => return Err(repeatable(failed)),
        }
    }
    let path = format!("channels/{}/messages/{id}", place.channel);
    match api::perform(app.as_bot(Method::PATCH, &path)?.json(&body)).await {
        Ok(_) => Ok(()),
        Err(failed) => Err(repeatable(failed)),
    }
}

/// "Unknown Message": somebody has deleted it.
const GONE: &[u32] = &[10008];

pub(crate) async fn withdraw(
    discord: &Discord,
    part: &OutboundPart,
    sent: &Sent,
    credentials: &Credentials,
) -> Result<(), SendError> {
    let (place, id) = (Place::of(&part.conversation)?, id(sent)?);
    let app = App::new(discord, credentials);
    if let Some(pending) = Pending::of_part(part, &credentials.application_id) {
        let path = format!("{}/messages/{id}", pending.webhook());
        match api::perform(app.as_nobody(Method::DELETE, &path)?).await {
            Ok(_) => return Ok(()),
            Err(failed) if deferred::is_over(&failed) => (),
            Err(failed) => return Err(repeatable(failed)),
        }
    }
    let path = format!("channels/{}/messages/{id}", place.channel);
    match api::perform(app.as_bot(Method::DELETE, &path)?).await {
        Ok(_) => Ok(()),
        Err(failed) if failed.is(GONE) => Ok(()),
        Err(failed) => Err(repeatable(failed)),
    }
}

fn id(sent: &Sent) -> Result<&str, SendError> {
    let id = sent.platform_message_id.as_str();
    if snowflake::is_one(id) {
        return Ok(id);
    }
    Err(SendError::Rejected {
        code: None,
        reason: "the message's id is not one of Discord's".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeDiscord, part};
    use channel::{Button, Reply};
    use channel_testkit::speak_once;
    use serde_json::json;

    const ID: &str = "1300000000000000001";

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
        crate::outbound::compose(&reply).remove(0)
    }

    #[tokio::test]
    async fn the_text_and_the_buttons_are_replaced_and_media_stay() {
        let fake = FakeDiscord::start().await;
        let path = format!("channels/{}/messages/{ID}", fake::CHANNEL);
        fake.answers("PATCH", &path, fake::message(ID, "We **open**"))
            .await;
        let mut part = part("We");
        part.content.media = vec!["https://acme.com/a.png".to_owned()];

        edit(
            &fake.discord(),
            &part,
            &sent(ID),
            &composed("We **open**"),
            &fake::credentials(),
        )
        .await
        .unwrap();

        let call = fake.calls().await.remove(0);
        assert_eq!(call.body["content"], "We **open**\nhttps://acme.com/a.png");
        assert_eq!(call.body["components"][0]["components"][0]["label"], "Yes");
        assert_eq!(call.body["allowed_mentions"]["parse"], json!([]));
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn the_answer_to_an_interaction_is_changed_by_its_token_and_later_in_the_channel() {
        let fake = FakeDiscord::start().await;
        let part = fake::answer_to_interaction("We", true);
        let path = format!(
            "webhooks/{}/{}/messages/{ID}",
            fake::APPLICATION,
            fake::TOKEN_OF_INTERACTION
        );
        fake.answers_once("PATCH", &path, fake::message(ID, "We")).await;
        fake.refuses("PATCH", &path, 404, 10008, "Unknown Message").await;
        fake.answers(
            "PATCH",
            &format!("channels/{}/messages/{ID}", fake::CHANNEL),
            fake::message(ID, "We"),
        )
        .await;

        for _ in 0..2 {
            edit(
                &fake.discord(),
                &part,
                &sent(ID),
                &composed("We open"),
                &fake::credentials(),
            )
            .await
            .unwrap();
        }

        let paths: Vec<String> = fake.calls().await.into_iter().map(|call| call.path).collect();
        assert_eq!(
            paths,
            [
                path.clone(),
                path,
                format!("channels/{}/messages/{ID}", fake::CHANNEL)
            ]
        );
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_change_can_always_be_made_again_and_a_refusal_cannot() {
        let cut = fake::discord_at(&speak_once("").await);
        let error = edit(
            &cut,
            &part("We"),
            &sent(ID),
            &composed("We"),
            &fake::credentials(),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{error:?}");

        let fake = FakeDiscord::start().await;
        let path = format!("channels/{}/messages/{ID}", fake::CHANNEL);
        fake.refuses("PATCH", &path, 404, 10008, "Unknown Message").await;
        for id in [ID, "../../users/@me", ""] {
            let error = edit(
                &fake.discord(),
                &part("We"),
                &sent(id),
                &composed("We"),
                &fake::credentials(),
            )
            .await
            .unwrap_err();

            assert!(matches!(error, SendError::Rejected { .. }), "{id} gave {error:?}");
        }
        assert_eq!(fake.calls().await.len(), 1, "what is no id was asked for");
    }

    #[tokio::test]
    async fn a_message_is_taken_back_and_one_that_is_gone_is() {
        let fake = FakeDiscord::start().await;
        let path = format!("channels/{}/messages/{ID}", fake::CHANNEL);
        fake.answers_once("DELETE", &path, json!({})).await;
        fake.refuses("DELETE", &path, 404, 10008, "Unknown Message").await;
        for _ in 0..2 {
            withdraw(&fake.discord(), &part("We"), &sent(ID), &fake::credentials())
                .await
                .unwrap();
        }
        assert_eq!(fake.calls().await.len(), 2);

        let other = FakeDiscord::start().await;
        other
            .refuses("DELETE", &path, 403, 50013, "Missing Permissions")
            .await;
        for id in [ID, "../../users/@me"] {
            let error = withdraw(&other.discord(), &part("We"), &sent(id), &fake::credentials())
                .await
                .unwrap_err();
            assert!(matches!(error, SendError::Rejected { .. }), "{id} gave {error:?}");
        }
        assert_eq!(other.calls().await.len(), 1, "what is no id was asked for");
    }
}
