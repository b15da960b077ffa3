//! Renews tokens of Instagram login, which run out after sixty days. See "Instagram API with Instagram Login, Refresh
//! Access Token".

use crate::{
    Instagram,
    credentials::{Credentials, Login},
};
use channel::CheckError;
use platform_api::under;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;

/// A token must be a day old to be renewed; asked for each day, a fortnight of failures does no harm.
pub(crate) const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Deserialize)]
struct Renewed {
    access_token: SecretString,
}

pub(crate) async fn refresh(
    instagram: &Instagram,
    credentials: &Credentials,
) -> Result<Option<SecretString>, CheckError> {
    // A Page's token does not run out.
    if credentials.login()? == Login::Facebook {
        return Ok(None);
    }
    let graph = instagram.graph(credentials)?;
    // This one has no version, and takes the token as a parameter.
    let request = instagram
        .client
        .get(under(instagram.base(credentials)?, "refresh_access_token"))
        .query(&[
            ("grant_type", "ig_refresh_token"),
            ("access_token", credentials.access_token.expose_secret()),
        ]);
    let renewed: Renewed = graph.ask(request).await?;
    if renewed.access_token.expose_secret().is_empty() {
        return Err(CheckError::Unreachable(
            "Instagram's answer has no new access token".to_owned(),
        ));
    }
    Ok(Some(credentials.with_token(&renewed.access_token)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeInstagram};
    use channel::ChannelHandle;
    use serde_json::json;
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{method, path, query_param},
    };

    #[tokio::test]
    async fn a_token_of_instagram_login_is_renewed_and_comes_with_everything_else() {
        let fake = FakeInstagram::start().await;
        Mock::given(method("GET"))
            .and(path("/refresh_access_token"))
            .and(query_param("grant_type", "ig_refresh_token"))
            .and(query_param("access_token", "canary-token"))
            .respond_with(ResponseTemplate::new(200).set_body_json(
                json!({"access_token": "renewed-token", "token_type": "bearer", "expires_in": 5183944, "permissions": "x"}),
            ))
            .mount(&fake.server)
            .await;

        let renewed = refresh(&fake.instagram(), &fake::credentials())
            .await
            .unwrap()
            .unwrap();

        let handle = ChannelHandle::new(fake.instagram());
        let opened = handle.open(&renewed).unwrap();
        assert_eq!(handle.account(&opened).unwrap(), fake::ACCOUNT);
        assert!(renewed.expose_secret().contains("renewed-token"));
        assert!(!renewed.expose_secret().contains("canary-token"));
        assert_eq!(handle.refresh_every(), Some(EVERY));
    }

    #[tokio::test]
    async fn a_pages_token_is_not() {
        let fake = FakeInstagram::start().await;

        let renewed = refresh(&fake.instagram(), &fake::with_page()).await.unwrap();

        assert!(renewed.is_none());
        assert!(fake.server.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_token_that_has_run_out_is_told_from_an_unreachable_meta() {
        let fake = FakeInstagram::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(400).set_body_json(
                json!({"error": {"message": "Error validating access token: Session has expired", "type": "OAuthException",
                    "code": 190}}),
            ))
            .mount(&fake.server)
            .await;
        let away = fake::instagram_at(&channel_testkit::refuse_connections());

        let expired = refresh(&fake.instagram(), &fake::credentials())
            .await
            .unwrap_err();
        let unreachable = refresh(&away, &fake::credentials()).await.unwrap_err();

        assert!(matches!(expired, CheckError::Unauthorized(_)), "{expired:?}");
        assert!(
            matches!(unreachable, CheckError::Unreachable(_)),
            "{unreachable:?}"
        );
        for error in [expired, unreachable] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary") && !shown.contains("http"), "{shown}");
        }
    }
}
