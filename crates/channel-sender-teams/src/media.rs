//! Fetches pictures and files that people sent.
//!
//! Pictures lie at the service and need the bot's token, which goes there and nowhere else. Files lie in SharePoint at
//! addresses that are keys themselves. Who has once held a token of Microsoft's can forge a body, so an address is only
//! fetched at the hosts that the operator lists.
//! <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4>

use crate::{Teams, activity::Attachment, credentials::Credentials};
use channel::{Fetched, MediaError, MediaRef};
use secrecy::ExposeSecret;
use url::Url;

/// What says where a file lies.
const FILE: &str = "application/vnd.microsoft.teams.file.download.info";
/// What may be anything.
const BYTES: &str = "application/octet-stream";
/// Kinds that are a program as much as a picture or a text.
const PROGRAMS: [&str; 5] = [
    "image/svg+xml",
    "text/html",
    "application/xhtml+xml",
    "text/javascript",
    "application/javascript",
];
/// Kinds of files by the ends of their names; Teams tells nothing else of them.
const KINDS: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("gif", "image/gif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
];

/// What an attachment refers to. `None`: it is a card, a copy of the text or something else that is no file.
pub(crate) fn reference(attachment: Attachment) -> Option<MediaRef> {
    let name = attachment.name.filter(|name| !name.is_empty());
    if attachment.content_type == FILE {
        let end = attachment.content["fileType"]
            .as_str()
            .or_else(|| Some(name.as_deref()?.rsplit_once('.')?.1))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let kind = KINDS.iter().find(|(known, _)| *known == end);
        return Some(MediaRef {
            url: attachment.content["downloadUrl"].as_str()?.to_owned(),
            content_type: kind.map_or(BYTES, |(_, kind)| kind).to_owned(),
            name,
        });
    }
    let is_media = ["image/", "audio/", "video/"]
        .iter()
        .any(|kind| attachment.content_type.starts_with(kind));
    is_media.then_some(MediaRef {
        url: attachment.content_url?,
        content_type: attachment.content_type,
        name,
    })
}

pub(crate) async fn fetch(
    teams: &Teams,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let refused = |reason: &str| MediaError::Refused(reason.to_owned());
    let url = Url::parse(&media.url).map_err(|_| refused("its address is not one"))?;
    let request = if teams.addresses.service(&media.url, credentials).is_some() {
        let token = teams.access.get(teams, credentials).await?;
        teams.client.get(url).bearer_auth(token.expose_secret())
    } else if teams.addresses.has_files(&url) && !credentials.is_simulated() {
        teams.client.get(url)
    } else {
        return Err(refused(
            "its address is at a host that is not listed (`platforms.teams_service_hosts`, `platforms.teams_file_hosts`)",
        ));
    };
    let fetched = platform_api::download("Teams", request, limit).await?;
    let content_type = kind(&fetched.content_type, &media.content_type);
    if PROGRAMS.contains(&content_type.as_str()) {
        return Err(refused("it is a program as much as a picture"));
    }
    Ok(Fetched {
        content_type,
        ..fetched
    })
}

/// Storage that knows no kind says that it is bytes, and then what the message said is better; but a message may say
/// `image/*`.
fn kind(stored: &str, said: &str) -> String {
    let essence = |kind: &str| {
        kind.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    let (stored, said) = (essence(stored), essence(said));
    let is_bytes = stored.is_empty() || stored == BYTES;
    if is_bytes && !said.is_empty() && !said.contains('*') {
        said
    } else {
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{ACCESS_TOKEN, FakeTeams, credentials, teams_at};
    use serde_json::{Value, json};
    use wiremock::ResponseTemplate;

    fn picture(url: String) -> MediaRef {
        MediaRef {
            url,
            content_type: "image/*".to_owned(),
            name: None,
        }
    }

    fn png() -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_raw(b"\x89PNG".to_vec(), "image/png")
    }

    async fn answered(answer: ResponseTemplate, limit: usize) -> Result<Fetched, MediaError> {
        let fake = FakeTeams::start().await;
        fake.at("/views/original", answer).await;
        let url = format!("{}v3/attachments/a1/views/original", fake.service());
        let outcome = fetch(&fake.teams(), &picture(url), limit, &credentials()).await;
        fake.check_requests().await;
        outcome
    }

    #[tokio::test]
    async fn a_picture_is_fetched_with_the_bots_token() {
        let fake = FakeTeams::start().await;
        fake.at("/views/original", png()).await;
        let url = format!("{}v3/attachments/a1/views/original", fake.service());

        let fetched = fetch(&fake.teams(), &picture(url), 1_000, &credentials())
            .await
            .unwrap();

        assert_eq!(
            (fetched.content_type.as_str(), &fetched.bytes[..]),
            ("image/png", &b"\x89PNG"[..])
        );
        let requests = fake.requests().await;
        let fetched = requests.iter().find(|request| request.method == "GET").unwrap();
        assert_eq!(fetched.headers["authorization"], format!("Bearer {ACCESS_TOKEN}"));
    }

    #[tokio::test]
    async fn nothing_is_fetched_from_a_host_that_is_not_listed() {
        let (fake, stranger) = (FakeTeams::start().await, FakeTeams::start().await);

        for url in [
            format!("{}v3/attachments/a1/views/original", stranger.service()),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "http://acme.sharepoint.com/x".to_owned(),
            "file:///etc/passwd".to_owned(),
            "no address".to_owned(),
        ] {
            let outcome = fetch(&fake.teams(), &picture(url.clone()), 1_000, &credentials()).await;

            assert!(
                matches!(outcome, Err(MediaError::Refused(_))),
                "{url} gave {outcome:?}"
            );
        }
        assert_eq!(fake.requests().await.len() + stranger.requests().await.len(), 0);
    }

    #[tokio::test]
    async fn a_file_is_fetched_without_a_token() {
        let teams = teams_at("http://127.0.0.1:1");
        let file = picture("https://localhost.sharepoint.com.invalid/x".to_owned());
        let listed = Teams {
            addresses: crate::Addresses {
                file_hosts: vec!["sharepoint.com.invalid".to_owned()],
                ..teams.addresses.clone()
            },
            ..teams
        };

        let outcome = fetch(&listed, &file, 1_000, &credentials()).await;

        // A token would have had to be asked for where nobody listens, and that would be told.
        match outcome {
            Err(MediaError::Retry(reason)) => assert!(reason.starts_with("Teams: "), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_too_large_or_a_program_or_gone_is_refused_and_what_may_come_back_is_tried_again() {
        let svg = ResponseTemplate::new(200).set_body_raw(b"<svg/>".to_vec(), "image/svg+xml; charset=utf-8");
        for (answer, limit) in [
            (png(), 3),
            (svg, 1_000),
            (ResponseTemplate::new(404), 1_000),
            (ResponseTemplate::new(302), 1_000),
        ] {
            assert!(matches!(
                answered(answer, limit).await,
                Err(MediaError::Refused(_))
            ));
        }
        for status in [429, 500, 503] {
            let outcome = answered(ResponseTemplate::new(status), 1_000).await;
            assert!(
                matches!(outcome, Err(MediaError::Retry(_))),
                "{status} gave {outcome:?}"
            );
        }
    }

    #[test]
    fn what_storage_does_not_know_the_message_says() {
        assert_eq!(
            kind("application/octet-stream", "application/pdf"),
            "application/pdf"
        );
        assert_eq!(
            kind("application/octet-stream", "image/*"),
            "application/octet-stream"
        );
        assert_eq!(kind("image/png; x=y", "image/*"), "image/png");
    }

    #[test]
    fn a_file_is_known_by_its_type_or_its_name() {
        let of = |content: Value, name: Value| {
            let attachment = json!({"contentType": FILE, "content": content, "name": name});
            reference(serde_json::from_value(attachment).unwrap()).map(|media| media.content_type)
        };

        let url = "https://acme.sharepoint.com/x";
        assert_eq!(
            of(json!({"downloadUrl": url, "fileType": "PNG"}), json!("a")).as_deref(),
            Some("image/png")
        );
        assert_eq!(
            of(json!({"downloadUrl": url}), json!("a.b.pdf")).as_deref(),
            Some("application/pdf")
        );
        assert_eq!(
            of(json!({"downloadUrl": url}), json!(null)).as_deref(),
            Some(BYTES)
        );
        assert_eq!(of(json!({}), json!("a.pdf")), None);
    }
}
