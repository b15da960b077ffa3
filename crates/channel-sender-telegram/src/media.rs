//! Fetches pictures and files that people sent.
//!
//! Telegram names a file by an id; getFile says where it lies for the next hour, and that address carries the token. So a
//! reference holds only the id, which cannot lead anywhere else, and the address is made and forgotten here.

use crate::{Telegram, api::Bot, credentials::Credentials};
use channel::{Fetched, MediaError, MediaRef};
use platform_api::download;
use serde::Deserialize;
use serde_json::json;

/// What a reference begins with; the file's id follows.
const SCHEME: &str = "telegram-file:";
/// No id is longer.
const MAX_ID: usize = 1024;

/// A file of Telegram's, by its id.
pub(crate) fn reference(file_id: &str, content_type: &str, name: Option<String>) -> MediaRef {
    MediaRef {
        url: format!("{SCHEME}{file_id}"),
        content_type: content_type.to_owned(),
        name,
    }
}

#[derive(Deserialize)]
struct File {
    file_path: Option<String>,
    file_size: Option<u64>,
}

pub(crate) async fn fetch(
    telegram: &Telegram,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let file_id = media
        .url
        .strip_prefix(SCHEME)
        .filter(|id| is_id(id))
        .ok_or_else(|| refused("its reference is not a Telegram file's"))?;
    let bot = Bot::new(telegram, credentials);
    let file: File = bot.call("getFile", &json!({"file_id": file_id})).await?;
    if file.file_size.is_some_and(|size| size > limit as u64) {
        return Err(refused(format!("it is larger than {limit} bytes")));
    }
    let path = file
        .file_path
        .ok_or_else(|| MediaError::Retry("Telegram does not say where the file lies".to_owned()))?;
    if !is_below(&path) {
        return Err(refused("Telegram names a place for it that is not below its own"));
    }
    let request = bot
        .file(&path)
        .map_err(|error| MediaError::Retry(error.to_string()))?;
    let fetched = download("Telegram", request, limit).await?;
    Ok(Fetched {
        content_type: kind(&fetched.content_type, &media.content_type),
        bytes: fetched.bytes,
    })
}

fn refused(reason: impl Into<String>) -> MediaError {
    MediaError::Refused(reason.into())
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn is_below(path: &str) -> bool {
    !path.contains(['\\', '%', '?', '#'])
        && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Telegram stores everything as bytes, and says of what kind it is with the message.
fn kind(stored: &str, said: &str) -> String {
    let stored = stored.split(';').next().unwrap_or_default().trim();
    match stored {
        "" | "application/octet-stream" => said,
        known => known,
    }
    .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, BOT_ID, FakeTelegram, TOKEN};
    use channel_testkit::refuse_connections;
    use serde_json::Value;
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{body_json, method, path},
    };

    fn photo() -> MediaRef {
        reference("AgACAgIAAx-1_2", "image/jpeg", None)
    }

    async fn fetched(file: Value, content: ResponseTemplate) -> (FakeTelegram, Result<Fetched, MediaError>) {
        let fake = FakeTelegram::start().await;
        fake.answers("getFile", file).await;
        Mock::given(method("GET"))
            .and(path(format!("/file/bot{TOKEN}/photos/file_1.jpg")))
            .respond_with(content)
            .mount(&fake.server)
            .await;
        let outcome = fetch(&fake.telegram(), &photo(), 1_000, &fake::credentials()).await;
        (fake, outcome)
    }

    fn file() -> Value {
        json!({"file_id": "AgACAgIAAx-1_2", "file_unique_id": "u", "file_size": 4, "file_path": "photos/file_1.jpg"})
    }

    fn bytes(length: usize) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_raw(vec![7; length], "application/octet-stream")
    }

    #[tokio::test]
    async fn a_file_is_asked_for_and_fetched_and_is_of_the_kind_that_the_message_said() {
        let (fake, outcome) = fetched(file(), bytes(4)).await;

        let fetched = outcome.unwrap();
        assert_eq!(
            (fetched.content_type.as_str(), fetched.bytes.as_ref()),
            ("image/jpeg", &[7; 4][..])
        );
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn the_simulated_bots_files_lie_at_the_simulator() {
        let simulator = FakeTelegram::start().await;
        let token = crate::SIMULATED_TOKEN;
        Mock::given(path(format!("/bot{token}/getFile")))
            .and(body_json(json!({"file_id": "AgACAgIAAx-1_2"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": true, "result": file()})))
            .mount(&simulator.server)
            .await;
        Mock::given(path(format!("/file/bot{token}/photos/file_1.jpg")))
            .respond_with(bytes(4))
            .mount(&simulator.server)
            .await;
        let mut telegram = fake::telegram_at(&refuse_connections());
        telegram.addresses.simulator = simulator.server.uri().parse().ok();
        let credentials = fake::credentials_with(json!({"bot_token": token}));

        fetch(&telegram, &photo(), 1_000, &credentials).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_whether_it_says_so_or_not() {
        let mut large = file();
        large["file_size"] = json!(1_001);
        let honest = fetched(large, bytes(4)).await.1.unwrap_err();
        let silent = fetched(file(), bytes(1_001)).await.1.unwrap_err();

        for error in [honest, silent] {
            assert!(
                matches!(&error, MediaError::Refused(reason) if reason.contains("larger than 1000")),
                "{error:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_reference_that_is_no_files_id_is_never_asked_for() {
        let fake = FakeTelegram::start().await;
        for url in [
            "https://evil.example/x",
            "telegram-file:",
            "telegram-file:../../sendMessage",
            "telegram-file:a?b",
            "AgACAgIAAx",
        ] {
            let media = MediaRef {
                url: url.to_owned(),
                content_type: "image/png".to_owned(),
                name: None,
            };

            let error = fetch(&fake.telegram(), &media, 1_000, &fake::credentials())
                .await
                .unwrap_err();

            assert!(matches!(error, MediaError::Refused(_)), "{url} gave {error:?}");
        }
        assert!(fake.calls().await.is_empty());
    }

    #[tokio::test]
    async fn a_place_that_leads_out_of_the_bots_files_is_not_asked() {
        for place in [
            "../../bot1:x/getMe",
            "/etc/passwd",
            "a//b",
            "a/%2e%2e/b",
            "a?b",
            "",
        ] {
            let (fake, outcome) = fetched(json!({"file_path": place}), bytes(4)).await;

            assert!(
                matches!(outcome, Err(MediaError::Refused(_))),
                "{place} gave {outcome:?}"
            );
            assert_eq!(fake.calls().await.len(), 1, "{place} was asked");
        }
    }

    #[tokio::test]
    async fn what_may_come_is_told_from_what_will_not_and_the_token_is_not_shown() {
        for (status, words, again) in [
            (400, "Bad Request: file is too big", false),
            (
                400,
                "Bad Request: wrong file_id or the file is temporarily unavailable",
                true,
            ),
            (401, "Unauthorized", true),
            (429, "Too Many Requests: retry after 3", true),
            (500, "Internal Server Error", true),
        ] {
            let fake = FakeTelegram::start().await;
            fake.refuses("getFile", status, words, json!({})).await;

            let error = fetch(&fake.telegram(), &photo(), 1_000, &fake::credentials())
                .await
                .unwrap_err();

            assert_eq!(
                matches!(error, MediaError::Retry(_)),
                again,
                "{words} gave {error:?}"
            );
        }
        let unreached = fetch(
            &fake::telegram_at(&refuse_connections()),
            &photo(),
            1_000,
            &fake::credentials(),
        )
        .await
        .unwrap_err();
        let gone = fetched(file(), ResponseTemplate::new(404)).await.1.unwrap_err();
        for error in [unreached, gone] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(BOT_ID), "{shown}");
        }
    }
}
