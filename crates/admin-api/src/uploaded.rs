//! Files to be sent: brought first, then named in a message.
//!
//! Invariant: a file's kind is what its bytes say. A message can name files of its own chatbot only.

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Upload},
    path::ChatbotPath,
    problem::{Kind, Problem},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use channel::{ChannelHandle, OutboundContent, media};
use domain::{BlobId, ChatbotId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use store::TenantTx;
use uploads::{Addresses, LIFETIME, Reference};
use url::Url;
use utoipa::{IntoParams, ToSchema};

const MOST: usize = 10;

/// What a file is called.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileQuery {
    /// The file's name, as the person who gets it sees it.
    #[param(example = "price list.pdf")]
    name: String,
}

/// A file that can be sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadedFile {
    /// Its id: name it in a message as `{"file": "…"}`.
    #[schema(value_type = Uuid, example = "0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55")]
    id: BlobId,
    /// Its name, with the ending of its kind.
    #[schema(example = "price list.pdf")]
    name: String,
    /// What it is, as its bytes say.
    #[schema(example = "application/pdf")]
    content_type: String,
    /// Its length.
    #[schema(example = 48_213)]
    bytes: usize,
}

/// A picture or file that goes with a message: `{"file": "…"}` names one that was uploaded, `{"url": "…"}` one that lies at
/// a public address. The address alone, as a text, means the same as `url`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum MediaInput {
    /// A public address.
    Address(String),
    /// A file that was uploaded.
    File(FileInput),
    /// A public address.
    Url(UrlInput),
}

/// A file that was uploaded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"file": "0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55"}))]
pub(crate) struct FileInput {
    /// Its id.
    #[schema(value_type = Uuid)]
    file: BlobId,
}

/// A picture or file at a public address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://example.com/menu.png"}))]
pub(crate) struct UrlInput {
    /// The address; it begins with `https://`.
    url: String,
}

/// What goes with a message, before it is known whether its files are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Medium {
    /// A public address.
    Url(String),
    /// A file that was uploaded.
    File(BlobId),
}

/// Upload a file to be sent.
///
/// The body is the file itself: a picture (PNG, JPEG, GIF, WebP, HEIC), a sound (MP3, M4A, OGG, WAV), a film (MP4, WebM), a
/// PDF, or a text. Its kind is told by its bytes. Send it with `"media": [{"file": "<id>"}]` within a day; a file that goes
/// with no message is forgotten after that. The platform it is sent on may take less: the answer to the message says so.
///
/// `curl -H "Authorization: Bearer bsk_…" --data-binary @prices.pdf "…/api/chatbots/{chatbot_id}/files?name=prices.pdf"`
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/files", params(ChatbotPath, FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes."),
    responses((
        status = 201, body = UploadedFile,
        example = json!({
            "id": "0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55", "name": "prices.pdf", "content_type": "application/pdf", "bytes": 48213
        })
    ))
)]
pub(crate) async fn upload(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    query: Query<FileQuery>,
    file: Upload,
) -> Result<HttpResponse, Problem> {
    let name = input::line("name", &query.name, 255)?;
    let content_type = uploads::kind::kind(&file.0).ok_or_else(|| {
        Problem::new(
            Kind::UnsupportedMediaType,
            "this kind of file is not sent; a picture (PNG, JPEG, GIF, WebP, HEIC), a sound (MP3, M4A, OGG, WAV), a film (MP4, \
             WebM), a PDF or a text is",
        )
    })?;
    let name = uploads::called(&name, content_type);
    let mut tx = seat.begin(&api).await?;
    let kept = store::outbound_files::keep(&mut tx, path.chatbot_id, &name, content_type, &file.0, api.now());
    let id = kept.await?.ok_or_else(Problem::not_found)?;
    let details = serde_json::json!({
        "chatbot": path.chatbot_id, "content_type": content_type, "bytes": file.0.len()
    });
    seat.did(&api, &mut tx, "file.upload", id, details).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(UploadedFile {
        id,
        name,
        content_type: content_type.to_owned(),
        bytes: file.0.len(),
    }))
}

/// What was given, each by itself in order.
pub(crate) fn media(given: Vec<MediaInput>) -> Result<Vec<Medium>, Problem> {
    if given.len() > MOST {
        return Err(Problem::invalid(
            "media",
            format!("media may have {MOST} items at most"),
        ));
    }
    given
        .into_iter()
        .map(|medium| match medium {
            MediaInput::File(FileInput { file }) => Ok(Medium::File(file)),
            MediaInput::Url(UrlInput { url }) | MediaInput::Address(url) => public(&url).map(Medium::Url),
        })
        .collect()
}

/// An address that the platform fetches from, not we.
fn public(address: &str) -> Result<String, Problem> {
    let refused = || {
        Problem::invalid(
            "media",
            "each of media must be {\"file\": the id of an uploaded file} or {\"url\": a public address that begins with \
             https://}",
        )
    };
    let url = Url::parse(address.trim()).map_err(|_| refused())?;
    let public = url.scheme() == "https" && url.domain().is_some() && url.password().is_none();
    if public && address.len() <= 2_000 {
        Ok(url.to_string())
    } else {
        Err(refused())
    }
}

/// The files of a message, taken along: what is measured by the addresses that they will be sent under is stored with
/// references in their place.
pub(crate) struct TakenAlong {
    /// What goes with the message, as it will be sent.
    pub media: Vec<String>,
    references: HashMap<String, String>,
}

impl TakenAlong {
    /// Refuses what this chatbot does not have, and what the platform does not take or cannot fetch.
    pub(crate) async fn of(
        api: &AdminApi,
        tx: &mut TenantTx,
        chatbot: ChatbotId,
        channel: &ChannelHandle,
        media: Vec<Medium>,
    ) -> Result<Self, Problem> {
        let ids: Vec<BlobId> = media
            .iter()
            .filter_map(|medium| match medium {
                Medium::File(id) => Some(*id),
                Medium::Url(_) => None,
            })
            .collect();
        let mut taken = Self {
            media: Vec::with_capacity(media.len()),
            references: HashMap::new(),
        };
        let addresses = Addresses::new(api.keyring().masters().clone(), api.settings().public_url.clone());
        let files = if ids.is_empty() {
            Vec::new()
        } else {
            if !channel.platform().is_own() {
                addresses
                    .reachable()
                    .map_err(|error| Problem::new(Kind::NotSupported, error.to_string()))?;
            }
            store::outbound_files::take_along(tx, chatbot, &ids, api.now()).await?
        };
        let setup = channel.setup();
        for medium in media {
            let id = match medium {
                Medium::Url(url) => {
                    taken.media.push(url);
                    continue;
                }
                Medium::File(id) => id,
            };
            let file = files.iter().find(|file| file.id == id).ok_or_else(|| {
                Problem::invalid(
                    "media",
                    format!(
                        "{id} is no file of this chatbot; upload it with POST /api/chatbots/{chatbot}/files"
                    ),
                )
            })?;
            let bytes = u64::try_from(file.bytes).unwrap_or(u64::MAX);
            if let Some(why) = media::why_not(setup.limits.media, &file.content_type, bytes) {
                return Err(Problem::invalid(
                    "media",
                    format!("{}: {} {why}", file.name, setup.title),
                ));
            }
            let reference = Reference::new(id, &file.name);
            let address = addresses.of(tx.workspace(), &reference, api.now() + LIFETIME);
            taken.references.insert(address.clone(), reference.to_string());
            taken.media.push(address);
        }
        Ok(taken)
    }

    /// What is stored of what the platform made of the message: no address of ours, for each ends.
    pub(crate) fn stored(&self, content: &OutboundContent) -> OutboundContent {
        let mut content = content.clone();
        for medium in &mut content.media {
            if let Some(reference) = self.references.get(medium) {
                medium.clone_from(reference);
            }
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(addresses: &[&str]) -> Result<Vec<Medium>, Problem> {
        media(
            addresses
                .iter()
                .map(|&address| MediaInput::Address(address.to_owned()))
                .collect(),
        )
    }

    #[test]
    fn media_must_lie_at_a_public_address() {
        assert!(urls(&["https://example.com/a.png"]).is_ok());
        for bad in [
            "http://example.com/a",
            "https://127.0.0.1/a",
            "file:///etc/passwd",
            "blob:0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55/a.png",
            "https://u:p@example.com/a",
            "a",
        ] {
            assert!(urls(&[bad]).is_err(), "{bad}");
        }
        assert!(urls(&["https://example.com/a"; 11]).is_err());
    }

    #[test]
    fn a_file_an_address_and_a_bare_address_can_be_given() {
        let id = BlobId::new();
        let given =
            serde_json::json!([{ "file": id }, {"url": "https://example.com/a"}, "https://example.com/b"]);

        let media = media(serde_json::from_value(given).unwrap()).unwrap();

        assert_eq!(
            media,
            [
                Medium::File(id),
                Medium::Url("https://example.com/a".to_owned()),
                Medium::Url("https://example.com/b".to_owned())
            ]
        );
        for bad in [
            serde_json::json!({ "file": "x" }),
            serde_json::json!({ "file": id, "url": "https://example.com/a" }),
            serde_json::json!({}),
        ] {
            assert!(
                serde_json::from_value::<MediaInput>(bad.clone()).is_err(),
                "{bad}"
            );
        }
    }
}
