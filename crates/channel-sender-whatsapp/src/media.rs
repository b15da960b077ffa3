//! Fetches pictures and files that people sent.
//!
//! A message names a file by an id. The API gives an address for it, good for five minutes, which wants the access token
//! as well. See "WhatsApp Cloud API, Media".

use crate::{WhatsApp, content::MEDIA, credentials::Credentials};
use channel::{CheckError, Fetched, MediaError, MediaRef};
use meta_graph::media::Storage;
use serde::Deserialize;

/// What the API says of a file.
#[derive(Deserialize)]
struct File {
    url: String,
    #[serde(default, deserialize_with = "meta_graph::batch::number")]
    file_size: Option<i64>,
}

pub(crate) async fn fetch(
    whatsapp: &WhatsApp,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let id = media
        .url
        .strip_prefix(MEDIA)
        .filter(|id| {
            !id.is_empty()
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
        .ok_or_else(|| MediaError::Refused("it is not named as WhatsApp names files".to_owned()))?;
    let refused = |error: &dyn ToString| MediaError::Refused(error.to_string());
    let base = whatsapp.base(credentials).map_err(|error| refused(&error))?;
    let graph = whatsapp.graph(credentials).map_err(|error| refused(&error))?;
    let request = graph.get(id, &[("phone_number_id", &credentials.phone_number_id)]);
    let file: File = graph.ask(request).await.map_err(|error| match error {
        CheckError::Misconfigured(reason) => {
            MediaError::Refused(format!("{reason}; WhatsApp keeps files for some days only"))
        }
        // Credentials can be mended.
        CheckError::Unauthorized(_) | CheckError::Unreachable(_) => MediaError::Retry(error.to_string()),
        CheckError::BadCredentials(_) => refused(&error),
    })?;
    if file
        .file_size
        .is_some_and(|size| usize::try_from(size).is_ok_and(|size| size > limit))
    {
        return Err(MediaError::Refused(format!("it is larger than {limit} bytes")));
    }
    let storage = Storage {
        client: &whatsapp.client,
        api: base,
        hosts: &whatsapp.addresses.media_hosts,
        setting: "platforms.meta_media_hosts",
    };
    let mut fetched = storage
        .fetch(&file.url, Some(&credentials.access_token), limit)
        .await?;
    // The storage does not always know; the message did.
    if fetched.content_type.ends_with("/octet-stream") && !media.content_type.is_empty() {
        fetched.content_type.clone_from(&media.content_type);
    }
    Ok(fetched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeWhatsApp, NUMBER};
    use serde_json::json;
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{header, path, query_param},
    };

    fn media(url: &str) -> MediaRef {
        MediaRef {
            url: url.to_owned(),
            content_type: "audio/ogg; codecs=opus".to_owned(),
            name: None,
        }
    }

    async fn lies_at(fake: &FakeWhatsApp, address: &str, size: usize) {
        Mock::given(path("/v25.0/1234567"))
            .and(query_param("phone_number_id", NUMBER))
            .and(header("authorization", "Bearer canary-token"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "messaging_product": "whatsapp", "id": "1234567", "url": address, "mime_type": "audio/ogg",
                "sha256": "x", "file_size": size,
            })))
            .mount(&fake.server)
            .await;
    }

    async fn fetched(fake: &FakeWhatsApp, url: &str) -> Result<Fetched, MediaError> {
        fetch(&fake.whatsapp(), &media(url), 1_000, &fake::credentials()).await
    }

    #[tokio::test]
    async fn a_file_is_asked_for_by_its_id_and_fetched_with_the_token() {
        let fake = FakeWhatsApp::start().await;
        lies_at(&fake, &format!("{}/attachments/?mid=1", fake.server.uri()), 3).await;
        Mock::given(path("/attachments/"))
            .and(header("authorization", "Bearer canary-token"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(b"ogg".to_vec(), "binary/octet-stream"))
            .mount(&fake.server)
            .await;

        let fetched = fetched(&fake, "whatsapp-media:1234567").await.unwrap();

        assert_eq!(&fetched.bytes[..], b"ogg");
        assert_eq!(fetched.content_type, "audio/ogg; codecs=opus");
        fake.check_request(0).await;
    }

    #[tokio::test]
    async fn the_token_does_not_go_to_another_host() {
        let fake = FakeWhatsApp::start().await;
        lies_at(&fake, "https://evil.example/attachments", 3).await;

        let error = fetched(&fake, "whatsapp-media:1234567").await.unwrap_err();

        assert!(
            matches!(&error, MediaError::Refused(reason) if reason.contains("evil.example")),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_fetched_at_all() {
        let fake = FakeWhatsApp::start().await;
        lies_at(&fake, &format!("{}/attachments", fake.server.uri()), 1_001).await;

        let error = fetched(&fake, "whatsapp-media:1234567").await.unwrap_err();

        assert!(
            matches!(&error, MediaError::Refused(reason) if reason.contains("larger than 1000")),
            "{error:?}"
        );
        assert_eq!(fake.server.received_requests().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_no_id_is_never_asked_for() {
        let fake = FakeWhatsApp::start().await;

        for url in [
            "https://lookaside.fbsbx.com/x",
            "whatsapp-media:",
            "whatsapp-media:../me",
            "whatsapp-media:1?fields=x",
        ] {
            let error = fetched(&fake, url).await.unwrap_err();

            assert!(matches!(error, MediaError::Refused(_)), "{url} gave {error:?}");
        }
        assert!(fake.server.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_may_come_is_told_from_what_is_gone() {
        for (code, again) in [(100, false), (190, true), (131000, true), (4, true)] {
            let fake = FakeWhatsApp::start().await;
            Mock::given(path("/v25.0/1234567"))
                .respond_with(
                    ResponseTemplate::new(400)
                        .set_body_json(json!({"error": {"message": "no", "type": "x", "code": code}})),
                )
                .mount(&fake.server)
                .await;

            let error = fetched(&fake, "whatsapp-media:1234567").await.unwrap_err();

            assert_eq!(
                matches!(error, MediaError::Retry(_)),
                again,
                "{code} gave {error:?}"
            );
        }
    }
}
