//! Fetches files that people sent, from where Discord keeps them. Their addresses carry what lets one read them, and the
//! bot token is never told there.

use crate::{
    Discord,
    api::{AGENT, is_at},
    credentials::Credentials,
};
use channel::{Fetched, MediaError, MediaRef};
use http::header::USER_AGENT;
use url::Url;

pub(crate) async fn fetch(
    discord: &Discord,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let addresses = &discord.addresses;
    let base = addresses
        .base(credentials)
        .map_err(|error| MediaError::Refused(error.to_string()))?;
    let url = Url::parse(&media.url).map_err(|_| MediaError::Refused("its address is not one".to_owned()))?;
    if !matches!(url.scheme(), "https" | "http") || !is_at(&url, &addresses.media_hosts, base) {
        return Err(MediaError::Refused(
            "its address is at none of Discord's hosts for files (`platforms.discord_media_hosts`)"
                .to_owned(),
        ));
    }
    let request = discord.client.get(url).header(USER_AGENT, AGENT);
    platform_api::download("Discord", request, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeDiscord};
    use wiremock::{Mock, ResponseTemplate, matchers::path};

    fn at(url: &str) -> MediaRef {
        MediaRef {
            url: url.to_owned(),
            content_type: "image/png".to_owned(),
            name: None,
        }
    }

    async fn answered(answer: ResponseTemplate) -> Result<Fetched, MediaError> {
        let fake = FakeDiscord::start().await;
        Mock::given(path("/attachments/1/2/a.png"))
            .respond_with(answer)
            .mount(&fake.server)
            .await;
        let media = at(&format!("{}/attachments/1/2/a.png?ex=1&hm=2", fake.server.uri()));
        let fetched = fetch(&fake.discord(), &media, 1_000, &fake::credentials()).await;
        let asked = fake.server.received_requests().await.unwrap();
        assert!(
            !asked[0].headers.contains_key("authorization"),
            "the token was told"
        );
        assert_eq!(asked[0].url.query(), Some("ex=1&hm=2"));
        fetched
    }

    #[tokio::test]
    async fn a_file_is_fetched_without_the_token() {
        let fetched = answered(ResponseTemplate::new(200).set_body_raw(b"\x89PNG".to_vec(), "image/png"))
            .await
            .unwrap();

        assert_eq!(
            (fetched.content_type.as_str(), fetched.bytes.as_ref()),
            ("image/png", b"\x89PNG".as_slice())
        );
    }

    #[tokio::test]
    async fn what_is_too_large_gone_or_elsewhere_is_refused_and_what_may_come_is_not() {
        for (answer, again) in [
            (ResponseTemplate::new(200).set_body_bytes(vec![0; 1_001]), false),
            (ResponseTemplate::new(404), false),
            (
                ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/"),
                false,
            ),
            (ResponseTemplate::new(429), true),
            (ResponseTemplate::new(503), true),
        ] {
            let error = answered(answer).await.unwrap_err();

            assert_eq!(matches!(error, MediaError::Retry(_)), again, "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_address_elsewhere_is_never_asked() {
        let fake = FakeDiscord::start().await;
        let mut discord = fake.discord();
        discord.addresses.api = "https://discord.com/api/v10".parse().unwrap();
        for url in [
            format!("{}/attachments/1", fake.server.uri()),
            "https://cdn.discordapp.com.evil.example/a".to_owned(),
            "http://cdn.discordapp.com/a".to_owned(),
            "https://u:p@cdn.discordapp.com/a".to_owned(),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "file:///etc/passwd".to_owned(),
            "wss://cdn.discordapp.com/a".to_owned(),
            "nonsense".to_owned(),
        ] {
            let error = fetch(&discord, &at(&url), 1_000, &fake::credentials())
                .await
                .unwrap_err();

            assert!(matches!(error, MediaError::Refused(_)), "{url} gave {error:?}");
        }
        assert!(fake.server.received_requests().await.unwrap().is_empty());
    }
}
