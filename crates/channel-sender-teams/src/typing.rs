//! Shows that an answer is being written.

use crate::{Teams, api, credentials::Credentials, errors};
use channel::{SendError, Target};
use http::Method;
use serde_json::json;
use std::time::Duration;

/// How long Teams shows it.
pub(crate) const LASTS: Duration = Duration::from_secs(3);

pub(crate) async fn show(teams: &Teams, to: &Target, credentials: &Credentials) -> Result<(), SendError> {
    let place = api::Place::of(to.reply_to.as_ref(), &to.conversation)?;
    let mut body = json!({"type": "typing"});
    place.address(&mut body);
    let answer = api::call(teams, credentials, Method::POST, &place, &place.path(None), &body).await?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(errors::refused(&answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeTeams, credentials, part};
    use wiremock::ResponseTemplate;

    fn target(service: &str) -> Target {
        let part = part("", service);
        Target {
            contact: part.contact,
            conversation: part.conversation,
            reply_to: part.reply_to,
        }
    }

    #[tokio::test]
    async fn typing_is_shown_in_the_thread() {
        let fake = FakeTeams::start().await;
        fake.activities(ResponseTemplate::new(202)).await;

        show(&fake.teams(), &target(&fake.service()), &credentials())
            .await
            .unwrap();

        let (path, body) = fake.only_activity().await;
        assert!(
            path.ends_with("%3Bmessageid%3D1763799000000/activities"),
            "{path}"
        );
        assert_eq!(body["type"], "typing");
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn that_it_cannot_be_shown_is_told() {
        let fake = FakeTeams::start().await;
        fake.activities(ResponseTemplate::new(403)).await;

        let error = show(&fake.teams(), &target(&fake.service()), &credentials())
            .await
            .unwrap_err();

        assert!(matches!(error, SendError::Rejected { .. }), "{error:?}");
    }
}
