//! Pictures and files that people sent.
//!
//! A webhook names the address, and whoever has an integration's signing secret can sign a webhook. So the bot's token
//! goes only to the hosts that keep Slack's files (`Addresses::media_hosts`), and nowhere that they redirect to.
//! <https://docs.slack.dev/reference/objects/file-object>

use crate::{Slack, api, credentials::Credentials, credentials::is_id, errors};
use channel::{Fetched, MediaError, MediaRef};
use platform_api::download;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

/// What a reference to a file begins with whose address is not known yet; its id follows.
const BY_ID: &str = "slack-file:";
/// A page is never taken, so one that comes in place of a file is not mistaken for it.
const PAGE: &str = "text/html";
/// Kinds beside pictures, sound and film.
const KINDS: [&str; 14] = [
    "application/json",
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/calendar",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/vcard",
];

/// A file as Slack describes it with a message.
#[derive(Deserialize)]
pub(crate) struct File {
    id: Option<String>,
    name: Option<String>,
    title: Option<String>,
    mimetype: Option<String>,
    url_private: Option<String>,
    mode: Option<String>,
    #[serde(default)]
    is_external: bool,
    file_access: Option<String>,
}

/// References to what Slack keeps. What lies elsewhere is added to the text as a link.
pub(crate) fn of_files(files: Vec<File>, text: &mut String) -> Vec<MediaRef> {
    files
        .into_iter()
        .filter_map(|file| file.reference(text))
        .collect()
}

impl File {
    /// `None`: there is nothing to fetch.
    fn reference(self, text: &mut String) -> Option<MediaRef> {
        // Deleted, or older than a free workspace keeps.
        if matches!(self.mode.as_deref(), Some("tombstone" | "hidden_by_limit")) {
            return None;
        }
        if self.is_external {
            let name = self.title.or(self.name).unwrap_or_default();
            let line = format!("📎 {name} {}", self.url_private?);
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&channel::text::without_nul(&line));
            return None;
        }
        // A file of another workspace has to be asked for.
        let url = match self.url_private {
            Some(url) if self.file_access.as_deref() != Some("check_file_info") => url,
            _ => format!("{BY_ID}{}", self.id?),
        };
        Some(MediaRef {
            url,
            content_type: self
                .mimetype
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            name: self.name,
        })
    }
}

#[derive(Deserialize)]
struct Info {
    file: File,
}

pub(crate) async fn fetch(
    slack: &Slack,
    media: &MediaRef,
    limit: usize,
    credentials: &Credentials,
) -> Result<Fetched, MediaError> {
    let (address, expected) = match media.url.strip_prefix(BY_ID) {
        None => (media.url.clone(), media.content_type.clone()),
        Some(id) => {
            let file = info(slack, id, credentials).await?;
            let address = file
                .url_private
                .filter(|_| !file.is_external)
                .ok_or_else(|| refused("Slack does not keep it, or does not show it to the bot"))?;
            (
                address,
                file.mimetype.unwrap_or_else(|| media.content_type.clone()),
            )
        }
    };
    if essence(&expected) == PAGE {
        return Err(not_taken(PAGE));
    }
    let url = Url::parse(&address).map_err(|_| refused("its address is not one"))?;
    let base = slack
        .addresses
        .base(credentials)
        .map_err(|error| refused(error.to_string()))?;
    let is_known = if credentials.is_simulated() {
        has_no_user(&url) && url.origin() == base.origin()
    } else {
        is_kept_by_slack(&url, base, &slack.addresses.media_hosts)
    };
    if !is_known {
        return Err(refused(
            "its address is at none of the hosts that keep Slack's files (`platforms.slack_media_hosts`)",
        ));
    }
    let request = slack
        .client
        .get(url)
        .bearer_auth(credentials.bot_token.expose_secret());
    let fetched = match download("Slack", request, limit).await {
        // To the page where people sign in.
        Err(MediaError::Refused(words)) if words.contains("answered 30") => return Err(without_scope()),
        outcome => outcome?,
    };
    let content_type = kind(&fetched.content_type, &expected);
    // The same page, with 200, in place of the file.
    if content_type == PAGE {
        return Err(without_scope());
    }
    if !is_allowed(&content_type) {
        return Err(not_taken(&content_type));
    }
    Ok(Fetched {
        content_type,
        bytes: fetched.bytes,
    })
}

async fn info(slack: &Slack, id: &str, credentials: &Credentials) -> Result<File, MediaError> {
    if !is_id(id, "F") {
        return Err(refused("its reference is not a Slack file's"));
    }
    let info: Info = api::call(slack, credentials, "files.info", &[("file", id)])
        .await
        .map_err(errors::fetching)?;
    Ok(info.file)
}

fn refused(reason: impl Into<String>) -> MediaError {
    MediaError::Refused(reason.into())
}

fn not_taken(kind: &str) -> MediaError {
    refused(format!("{} is a kind that is not taken", kind.escape_debug()))
}

fn without_scope() -> MediaError {
    refused(
        "Slack asked to sign in, in place of the file: the bot's scope files:read is missing. Add it under OAuth & \
         Permissions, install the app again and enter its token",
    )
}

fn is_kept_by_slack(url: &Url, base: &Url, hosts: &[String]) -> bool {
    let listed = url.host_str().is_some_and(|host| {
        hosts.iter().any(|listed| {
            host.strip_suffix(listed.as_str())
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    });
    // An API without encryption is a test's.
    let encrypted = url.scheme() == "https" || (url.scheme() == "http" && base.scheme() == "http");
    has_no_user(url) && listed && encrypted
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
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

/// Storage that knows no kind says that it is bytes.
fn kind(declared: &str, expected: &str) -> String {
    match essence(declared).as_str() {
        "" | "application/octet-stream" | "binary/octet-stream" => essence(expected),
        declared => declared.to_owned(),
    }
}

/// SVG is a program as much as a picture.
fn is_allowed(content_type: &str) -> bool {
    let kind = content_type.split_once('/');
    KINDS.contains(&content_type)
        || (kind.is_some_and(|(kind, sub)| matches!(kind, "image" | "audio" | "video") && !sub.is_empty())
            && content_type != "image/svg+xml")
}

#[cfg(test)]
mod tests;
