//! Fetches pictures and files that people sent.
//!
//! A webhook names the address, and whoever has an integration's auth token can sign a webhook. So an address is only
//! fetched if it is this account's at Twilio's API; the password goes there and nowhere else; and where Twilio
//! redirects to must be one of its storage hosts.

use crate::{Twilio, credentials::Credentials};
use bytes::{Bytes, BytesMut};
use channel::{Fetched, MediaError, MediaRef};
use http::{
    StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use platform_api::words_of;
use reqwest::Response;
use secrecy::ExposeSecret;
use url::Url;

/// Redirects followed.
const MAX_REDIRECTS: usize = 5;
/// Kinds beside pictures, sound and film.
const KINDS: [&str; 14] = [
    "application/pdf",
    "application/rtf",
    "application/msword",
    "application/vcard",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/calendar",
    "text/csv",
    "text/plain",
    "text/vcard",
    "text/x-vcard",
];

pub(crate) async fn fetch(
    twilio: &Twilio,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let base = twilio
        .addresses
        .api(credentials)
        .map_err(|error| MediaError::Refused(error.to_string()))?;
    let mut url = Url::parse(&media.url).map_err(|_| refused("its address is not one"))?;
    if !is_this_accounts(&url, base, credentials) {
        return Err(refused(
            "its address is not at Twilio's API under this integration's account",
        ));
    }
    // An API key may be allowed to send and not to read.
    let (user, password) = credentials.owner();
    let mut request = twilio
        .client
        .get(url.clone())
        .basic_auth(user, Some(password.expose_secret()));
    for _ in 0..=MAX_REDIRECTS {
        let response = request
            .send()
            .await
            .map_err(|error| MediaError::Retry(words_of(error)))?;
        if !response.status().is_redirection() {
            return read(response, media, limit).await;
        }
        url = next(&url, &response).filter(|next| is_storage(next, base, &twilio.addresses.media_hosts)).ok_or_else(
            || refused("it is redirected to an address that is none of Twilio's (`platforms.twilio_media_hosts`)"),
        )?;
        request = twilio.client.get(url.clone());
    }
    Err(refused("it is redirected too often"))
}

fn refused(reason: impl Into<String>) -> MediaError {
    MediaError::Refused(reason.into())
}

fn is_this_accounts(url: &Url, base: &Url, credentials: &Credentials) -> bool {
    let below = format!(
        "{}/2010-04-01/Accounts/{}/Messages/",
        base.path().trim_end_matches('/'),
        credentials.account_sid
    );
    url.origin() == base.origin() && has_no_user(url) && url.path().starts_with(&below)
}

/// The simulator and a regional API may keep media themselves.
fn is_storage(url: &Url, base: &Url, hosts: &[String]) -> bool {
    let listed = url.host_str().is_some_and(|host| {
        hosts.iter().any(|listed| {
            host.strip_suffix(listed.as_str())
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    });
    let encrypted = url.scheme() == "https" || (url.scheme() == "http" && base.scheme() == "http");
    has_no_user(url) && (url.origin() == base.origin() || (listed && encrypted))
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn next(from: &Url, response: &Response) -> Option<Url> {
    from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

async fn read(mut response: Response, media: &MediaRef, limit: usize) -> Result<Fetched, MediaError> {
    match response.status() {
        StatusCode::OK => (),
        StatusCode::GONE => return Err(refused("it is deleted at Twilio")),
        // Right after the message Twilio may not have it yet; and credentials can be mended.
        status @ (StatusCode::NOT_FOUND
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS) => {
            return Err(MediaError::Retry(format!("Twilio answered {status}")));
        }
        status if status.is_server_error() => {
            return Err(MediaError::Retry(format!("Twilio answered {status}")));
        }
        status => return Err(refused(format!("Twilio answered {status}"))),
    }
    let declared = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(essence);
    // Storage that knows no kind says that it is bytes.
    let content_type = match declared.as_deref() {
        None | Some("application/octet-stream" | "binary/octet-stream") => essence(&media.content_type),
        Some(declared) => declared.to_owned(),
    };
    if !is_allowed(&content_type) {
        return Err(refused(format!(
            "{} is a kind that is not taken",
            content_type.escape_debug()
        )));
    }
    let too_large = || refused(format!("it is larger than {limit} bytes"));
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| MediaError::Retry(words_of(error)))?
    {
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched {
        content_type,
        bytes: Bytes::from(bytes),
    })
}

/// A MIME type without its parameters.
fn essence(content_type: &str) -> String {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// SVG is a program as much as a picture.
fn is_allowed(content_type: &str) -> bool {
    let kind = content_type.split_once('/');
    KINDS.contains(&content_type)
        || (kind.is_some_and(|(kind, sub)| matches!(kind, "image" | "audio" | "video") && !sub.is_empty())
            && content_type != "image/svg+xml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTwilio};
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{basic_auth, method, path},
    };

    fn media_path() -> String {
        format!("/2010-04-01/Accounts/{}/Messages/MM1/Media/ME1", fake::ACCOUNT)
    }

    fn at(fake: &FakeTwilio) -> MediaRef {
        MediaRef {
            url: format!("{}{}", fake.server.uri(), media_path()),
            content_type: "image/png".to_owned(),
            name: None,
        }
    }

    fn picture() -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_raw(b"\x89PNG".to_vec(), "image/png")
    }

    async fn answered(answer: ResponseTemplate) -> Result<Fetched, MediaError> {
        let fake = FakeTwilio::start().await;
        Mock::given(method("GET"))
            .respond_with(answer)
            .mount(&fake.server)
            .await;
        fetch(&fake.twilio(), &at(&fake), 1_000, &fake::credentials()).await
    }

    #[tokio::test]
    async fn the_password_goes_to_twilios_api_and_not_where_it_redirects_to() {
        let (fake, storage) = (FakeTwilio::start().await, MockServer::start().await);
        Mock::given(path(media_path()))
            .and(basic_auth(fake::ACCOUNT, "canary-auth-token"))
            .respond_with(
                ResponseTemplate::new(307).insert_header("location", format!("{}/signed?x=1", storage.uri())),
            )
            .mount(&fake.server)
            .await;
        Mock::given(path("/signed"))
            .respond_with(picture())
            .mount(&storage)
            .await;

        let fetched = fetch(&fake.twilio(), &at(&fake), 1_000, &fake::credentials())
            .await
            .unwrap();

        assert_eq!(
            (fetched.content_type.as_str(), fetched.bytes.as_ref()),
            ("image/png", b"\x89PNG".as_slice())
        );
        let asked = storage.received_requests().await.unwrap();
        assert!(
            !asked[0].headers.contains_key("authorization"),
            "the password was given to the storage"
        );
    }

    #[tokio::test]
    async fn an_address_elsewhere_is_never_asked() {
        let (fake, elsewhere) = (FakeTwilio::start().await, MockServer::start().await);
        for url in [
            format!("{}{}", elsewhere.uri(), media_path()),
            format!(
                "{}/2010-04-01/Accounts/AC00000000000000000000000000000009/Messages/MM1/Media/ME1",
                fake.server.uri()
            ),
            format!(
                "{}/2010-04-01/Accounts/{}/Messages/../../secret",
                fake.server.uri(),
                fake::ACCOUNT
            ),
            format!(
                "{}/2010-04-01/Accounts/{}/Messages.json",
                fake.server.uri(),
                fake::ACCOUNT
            ),
            fake.server.uri().replace("http://", "http://user:pw@") + &media_path(),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "file:///etc/passwd".to_owned(),
            "nonsense".to_owned(),
        ] {
            let media = MediaRef {
                url: url.clone(),
                content_type: "image/png".to_owned(),
                name: None,
            };

            let error = fetch(&fake.twilio(), &media, 1_000, &fake::credentials())
                .await
                .unwrap_err();

            assert!(matches!(error, MediaError::Refused(_)), "{url} gave {error:?}");
        }
        assert!(elsewhere.received_requests().await.unwrap().is_empty());
        assert!(fake.server.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_redirect_to_a_host_that_is_not_twilios_is_not_followed() {
        for location in [
            "http://localhost:1/x",
            "https://twiliocdn.com.evil.example/x",
            "file:///etc/passwd",
            "https://eviltwilio.com/",
        ] {
            let error = answered(ResponseTemplate::new(302).insert_header("location", location))
                .await
                .unwrap_err();

            assert!(
                error.to_string().contains("none of Twilio's"),
                "{location} gave {error}"
            );
        }
    }

    #[test]
    fn twilios_storage_hosts_are_recognised_with_all_below_them() {
        let base: Url = "https://api.twilio.com".parse().unwrap();
        let hosts = ["twiliocdn.com".to_owned(), "amazonaws.com".to_owned()];
        for (url, expected) in [
            ("https://mms.twiliocdn.com/x", true),
            ("https://twiliocdn.com/x", true),
            ("https://s3-external-1.amazonaws.com/media.twiliocdn.com/x", true),
            ("https://api.twilio.com/y", true),
            ("http://mms.twiliocdn.com/x", false),
            ("https://nottwiliocdn.com/x", false),
            ("https://u@mms.twiliocdn.com/x", false),
        ] {
            assert_eq!(
                is_storage(&url.parse().unwrap(), &base, &hosts),
                expected,
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn redirects_end() {
        let fake = FakeTwilio::start().await;
        let here = ResponseTemplate::new(302).insert_header("location", media_path());
        Mock::given(method("GET"))
            .respond_with(here)
            .expect(6)
            .mount(&fake.server)
            .await;

        let error = fetch(&fake.twilio(), &at(&fake), 1_000, &fake::credentials())
            .await
            .unwrap_err();

        assert!(error.to_string().contains("too often"), "{error}");
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_whether_it_says_so_or_not() {
        let honest = answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_001], "image/png"))
            .await
            .unwrap_err();
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            1_001,
            "x".repeat(1_001)
        );
        let base = channel_testkit::speak_once(&chunked).await;
        let media = MediaRef {
            url: format!("{base}{}", media_path()),
            content_type: String::new(),
            name: None,
        };
        let silent = fetch(&fake::twilio_at(&base), &media, 1_000, &fake::credentials())
            .await
            .unwrap_err();

        for error in [honest, silent] {
            assert!(
                matches!(&error, MediaError::Refused(reason) if reason.contains("larger than 1000")),
                "{error:?}"
            );
        }
        assert!(
            answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_000], "image/png"))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn only_known_kinds_are_taken() {
        for (kind, taken) in [
            ("image/jpeg", true),
            ("Audio/AMR; codecs=x", true),
            ("video/mp4", true),
            ("application/pdf", true),
            ("text/x-vcard", true),
            ("text/html", false),
            ("image/svg+xml", false),
            ("image/", false),
            ("application/x-sh", false),
            // The storage does not know: what the webhook said counts.
            ("binary/octet-stream", true),
        ] {
            let fetched = answered(ResponseTemplate::new(200).set_body_raw(b"x".to_vec(), kind)).await;

            assert_eq!(fetched.is_ok(), taken, "{kind}");
        }
    }

    #[tokio::test]
    async fn what_may_come_is_told_from_what_will_not() {
        for (status, again) in [
            (404, true),
            (401, true),
            (403, true),
            (429, true),
            (500, true),
            (503, true),
            (410, false),
            (400, false),
        ] {
            let error = answered(ResponseTemplate::new(status)).await.unwrap_err();

            assert_eq!(
                matches!(error, MediaError::Retry(_)),
                again,
                "{status} gave {error:?}"
            );
        }
    }
}
