//! Fetches pictures and files that people sent: from Meta's storage, by addresses that need no token and expire.

use crate::{Messenger, credentials::Credentials};
use channel::{Fetched, MediaError, MediaRef};
use meta_graph::media::Storage;

pub(crate) async fn fetch(
    messenger: &Messenger,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let api = messenger
        .base(credentials)
        .map_err(|error| MediaError::Refused(error.to_string()))?;
    let storage = Storage {
        client: &messenger.client,
        api,
        hosts: &messenger.addresses.media_hosts,
        setting: "platforms.meta_media_hosts",
    };
    storage.fetch(&media.url, None, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeMessenger};
    use wiremock::{Mock, ResponseTemplate, matchers::path};

    async fn fetched(fake: &FakeMessenger, url: String) -> Result<Fetched, MediaError> {
        let media = MediaRef {
            url,
            content_type: String::new(),
            name: None,
        };
        fetch(&fake.messenger(), &media, 1_000, &fake::credentials()).await
    }

    #[tokio::test]
    async fn a_picture_is_fetched_without_the_token_and_only_from_listed_hosts() {
        let fake = FakeMessenger::start().await;
        Mock::given(path("/v/a.png"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(b"png".to_vec(), "image/png"))
            .mount(&fake.server)
            .await;

        let picture = fetched(&fake, format!("{}/v/a.png?oh=1", fake.server.uri()))
            .await
            .unwrap();
        let elsewhere = fetched(&fake, "https://evil.example/a.png".to_owned()).await;

        assert_eq!(&picture.bytes[..], b"png");
        assert!(matches!(elsewhere, Err(MediaError::Refused(_))), "{elsewhere:?}");
        let requests = fake.server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        assert!(!requests[0].headers.contains_key("authorization"));
    }
}
