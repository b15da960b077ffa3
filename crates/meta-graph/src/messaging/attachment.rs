//! What comes with a message, or instead of words.

use crate::media::{extension, file_name};
use channel::MediaRef;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// Messenger's thumb, in its three sizes.
const THUMBS: [i64; 3] = [369239263222822, 369239343222814, 369239383222810];

/// One attachment. Everything in it is optional: Meta adds kinds without notice.
#[derive(Deserialize)]
pub(super) struct Attachment<'v> {
    #[serde(borrow)]
    r#type: Option<Cow<'v, str>>,
    title: Option<String>,
    url: Option<String>,
    payload: Option<Value>,
}

impl Attachment<'_> {
    /// Adds it to the message's words or to its media.
    pub(super) fn take(self, words: &mut Vec<String>, media: &mut Vec<MediaRef>) {
        let payload = self.payload.unwrap_or_default();
        let url = payload["url"].as_str().or(self.url.as_deref());
        let title = payload["title"]
            .as_str()
            .or(self.title.as_deref())
            .map(str::trim)
            .filter(|title| !title.is_empty());
        let kind = self.r#type.as_deref().unwrap_or("attachment");
        let sticker = payload["sticker_id"].as_i64();
        match (kind, url) {
            _ if sticker.is_some_and(|sticker| THUMBS.contains(&sticker)) => words.push("👍".to_owned()),
            ("image" | "audio" | "video" | "file", Some(url)) => {
                media.push(MediaRef {
                    url: url.to_owned(),
                    content_type: content_type(kind, url).to_owned(),
                    name: (kind == "file").then(|| file_name(url)).flatten(),
                });
                if sticker.is_some() {
                    words.push("[sticker]".to_owned());
                }
            }
            ("sticker", url) => {
                words.push("[sticker]".to_owned());
                media.extend(url.map(|url| MediaRef {
                    url: url.to_owned(),
                    content_type: content_type("image", url).to_owned(),
                    name: None,
                }));
            }
            ("location", _) => words.push(location(&payload, title)),
            // A link with what the page says of itself.
            ("fallback", url) => {
                let said: Vec<&str> = title.into_iter().chain(url).collect();
                words.push(if said.is_empty() {
                    "[link]".to_owned()
                } else {
                    said.join(" ")
                });
            }
            ("ephemeral", _) => words.push("[a picture or video that can be seen once]".to_owned()),
            ("story_mention", _) => words.push("[mentioned you in a story]".to_owned()),
            (kind, _) => {
                let kind: String = kind.chars().take(40).filter(|c| !c.is_control()).collect();
                words.push(match title {
                    Some(title) => format!("[{kind}: {title}]"),
                    None => format!("[{kind}]"),
                });
            }
        }
    }
}

fn location(payload: &Value, title: Option<&str>) -> String {
    let coordinates = &payload["coordinates"];
    let place = match (coordinates["lat"].as_f64(), coordinates["long"].as_f64()) {
        (Some(latitude), Some(longitude)) => format!("📍 {latitude}, {longitude}"),
        _ => "📍".to_owned(),
    };
    match title {
        Some(title) => format!("{place} ({title})"),
        None => place,
    }
}

/// Neither platform tells it; the address's ending may.
fn content_type(kind: &str, url: &str) -> &'static str {
    match (kind, extension(url).as_str()) {
        (_, "png") => "image/png",
        (_, "gif") => "image/gif",
        (_, "webp") => "image/webp",
        (_, "pdf") => "application/pdf",
        (_, "mp3") => "audio/mpeg",
        (_, "ogg") if kind != "video" => "audio/ogg",
        (_, "wav") => "audio/wav",
        ("image", _) => "image/jpeg",
        ("audio", _) => "audio/mp4",
        ("video", _) => "video/mp4",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(attachment: Value) -> (Vec<String>, Vec<MediaRef>) {
        let (mut words, mut media) = (Vec::new(), Vec::new());
        Attachment::deserialize(&attachment)
            .unwrap()
            .take(&mut words, &mut media);
        (words, media)
    }

    #[test]
    fn files_are_media_with_what_can_be_told_of_them() {
        let cdn = "https://cdn.fbsbx.com/v/t59/Price%20list.pdf?_nc_cat=1";
        for (kind, url, content_type, name) in [
            (
                "image",
                "https://scontent.xx.fbcdn.net/a.png?x",
                "image/png",
                None,
            ),
            (
                "image",
                "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1",
                "image/jpeg",
                None,
            ),
            ("audio", "https://cdn.fbsbx.com/a.mp4", "audio/mp4", None),
            ("video", "https://video.xx.fbcdn.net/a.mp4", "video/mp4", None),
            ("file", cdn, "application/pdf", Some("Price list.pdf")),
        ] {
            let (words, media) = taken(json!({"type": kind, "payload": {"url": url}}));

            assert!(words.is_empty(), "{kind}: {words:?}");
            assert_eq!(
                media,
                [MediaRef {
                    url: url.to_owned(),
                    content_type: content_type.to_owned(),
                    name: name.map(str::to_owned)
                }]
            );
        }
    }

    #[test]
    fn what_is_no_file_is_told_in_words() {
        for (attachment, expected) in [
            (
                json!({"type": "location", "title": "Ann's place", "payload": {"coordinates": {"lat": 52.52, "long": 13.4}}}),
                "📍 52.52, 13.4 (Ann's place)",
            ),
            (
                json!({"type": "fallback", "title": "Acme", "url": "https://acme.com/", "payload": null}),
                "Acme https://acme.com/",
            ),
            (
                json!({"type": "image", "payload": {"url": "https://x.fbcdn.net/t.png", "sticker_id": 369239263222822_i64}}),
                "👍",
            ),
            (
                json!({"type": "ephemeral"}),
                "[a picture or video that can be seen once]",
            ),
            (
                json!({"type": "story_mention", "payload": {"url": "https://x"}}),
                "[mentioned you in a story]",
            ),
            (
                json!({"type": "ig_reel", "payload": {"url": "https://x", "title": "Cats"}}),
                "[ig_reel: Cats]",
            ),
            (
                json!({"type": "share", "payload": {"url": "https://x"}}),
                "[share]",
            ),
            (json!({"type": "hologram", "payload": 17}), "[hologram]"),
            (json!({"type": "image"}), "[image]"),
            (json!({}), "[attachment]"),
        ] {
            let (words, media) = taken(attachment.clone());

            assert_eq!(words, [expected], "{attachment}");
            assert!(media.is_empty(), "{attachment}");
        }
    }

    #[test]
    fn a_sticker_is_a_picture_that_says_so() {
        for attachment in [
            json!({"type": "sticker", "payload": {"url": "https://x.fbcdn.net/s.webp", "sticker_id": 5}}),
            json!({"type": "image", "payload": {"url": "https://x.fbcdn.net/s.webp", "sticker_id": 5}}),
        ] {
            let (words, media) = taken(attachment);

            assert_eq!(words, ["[sticker]"]);
            assert_eq!(media[0].content_type, "image/webp");
        }
    }
}
