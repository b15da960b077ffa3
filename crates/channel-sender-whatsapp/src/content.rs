//! What a message holds, by its type.

use channel::{MalformedPart, MediaRef};
use meta_graph::batch;
use serde::Deserialize;
use serde_json::Value;

/// Before the id of a file at WhatsApp, which has no address that lasts.
pub(crate) const MEDIA: &str = "whatsapp-media:";

/// What a person said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) choice: Option<String>,
    pub(crate) media: Vec<MediaRef>,
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

#[derive(Deserialize)]
struct File {
    id: String,
    mime_type: Option<String>,
    caption: Option<String>,
    filename: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    latitude: Value,
    longitude: Value,
    name: Option<String>,
    address: Option<String>,
}

#[derive(Deserialize)]
struct Card {
    name: Option<Name>,
    #[serde(default)]
    phones: Vec<Phone>,
    #[serde(default)]
    emails: Vec<Email>,
    org: Option<Organisation>,
}

#[derive(Deserialize)]
struct Name {
    formatted_name: Option<String>,
}

#[derive(Deserialize)]
struct Phone {
    phone: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: Option<String>,
}

#[derive(Deserialize)]
struct Organisation {
    company: Option<String>,
}

/// A button of a template.
#[derive(Deserialize)]
struct TemplateButton {
    text: String,
    payload: Option<String>,
}

/// A button or a row of a list that we sent, or a form.
#[derive(Deserialize)]
struct Interactive {
    #[serde(alias = "list_reply")]
    button_reply: Option<Tapped>,
    nfm_reply: Option<Form>,
}

#[derive(Deserialize)]
struct Tapped {
    id: String,
    title: String,
}

#[derive(Deserialize)]
struct Form {
    body: Option<String>,
    response_json: Option<String>,
}

#[derive(Deserialize)]
struct Order {
    text: Option<String>,
    #[serde(default)]
    product_items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    product_retailer_id: String,
    quantity: Value,
    item_price: Option<Value>,
    currency: Option<String>,
}

impl Content {
    fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// `None`: it cannot be read, and is reported; or it is of a type that needs no answer: reactions, edits, what was taken
/// back, news of a person's number, and types that are not known.
pub(crate) fn read(
    kind: &str,
    content: &Value,
    position: &str,
    malformed: &mut Vec<MalformedPart>,
) -> Option<Content> {
    let position = format!("{position}.{kind}");
    let content = match kind {
        "text" => Content::of(batch::read::<Text>(content, &position, malformed)?.body),
        "image" | "audio" | "video" | "document" => file(batch::read(content, &position, malformed)?, ""),
        "sticker" => file(batch::read(content, &position, malformed)?, "[sticker]"),
        "location" => Content::of(location(&batch::read(content, &position, malformed)?)),
        "contacts" => {
            let cards: Vec<Card> = batch::read(content, &position, malformed)?;
            Content::of(cards.iter().map(card).collect::<Vec<_>>().join("\n"))
        }
        "button" => {
            let button: TemplateButton = batch::read(content, &position, malformed)?;
            Content {
                choice: button.payload,
                ..Content::of(button.text)
            }
        }
        "interactive" => interactive(batch::read(content, &position, malformed)?)?,
        "order" => Content::of(order(&batch::read(content, &position, malformed)?)),
        _ => return None,
    };
    Some(content).filter(|content| !content.text.is_empty() || !content.media.is_empty())
}

fn file(file: File, otherwise: &str) -> Content {
    Content {
        media: vec![MediaRef {
            url: format!("{MEDIA}{}", file.id),
            content_type: file
                .mime_type
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            name: file.filename.filter(|name| !name.is_empty()),
        }],
        ..Content::of(file.caption.unwrap_or_else(|| otherwise.to_owned()))
    }
}

/// Numbers come as numbers, and now and then as texts.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn location(location: &Location) -> String {
    let place = format!("📍 {}, {}", plain(&location.latitude), plain(&location.longitude));
    let said: Vec<&str> = [&location.name, &location.address]
        .into_iter()
        .filter_map(|said| said.as_deref().filter(|said| !said.is_empty()))
        .collect();
    if said.is_empty() {
        place
    } else {
        format!("{place} ({})", said.join(", "))
    }
}

fn card(card: &Card) -> String {
    let said: Vec<&str> = [card.name.as_ref().and_then(|name| name.formatted_name.as_deref())]
        .into_iter()
        .chain([card.org.as_ref().and_then(|org| org.company.as_deref())])
        .chain(card.phones.iter().map(|phone| phone.phone.as_deref()))
        .chain(card.emails.iter().map(|email| email.email.as_deref()))
        .flatten()
        .filter(|said| !said.is_empty())
        .collect();
    format!("👤 {}", said.join(", "))
}

fn interactive(interactive: Interactive) -> Option<Content> {
    match interactive {
        Interactive {
            button_reply: Some(tapped),
            ..
        } => Some(Content {
            choice: Some(tapped.id),
            ..Content::of(tapped.title)
        }),
        Interactive {
            nfm_reply: Some(form),
            ..
        } => {
            let said: Vec<String> = [form.body, form.response_json].into_iter().flatten().collect();
            Some(Content::of(said.join("\n")))
        }
        Interactive { .. } => None,
    }
}

fn order(order: &Order) -> String {
    let items = order.product_items.iter().map(|item| {
        let price = match (&item.item_price, &item.currency) {
            (Some(price), Some(currency)) => format!(" at {} {currency}", plain(price)),
            _ => String::new(),
        };
        format!(
            "🛒 {} × {}{price}",
            plain(&item.quantity),
            item.product_retailer_id
        )
    });
    let words = order.text.iter().filter(|text| !text.is_empty()).cloned();
    items.chain(words).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn content(kind: &str, content: Value) -> Content {
        let mut malformed = Vec::new();
        let content = read(kind, &content, "messages[0]", &mut malformed);
        assert_eq!(malformed, []);
        content.unwrap()
    }

    #[test]
    fn files_are_named_by_their_id_and_their_caption_is_the_text() {
        let document = content(
            "document",
            json!({"id": "123", "mime_type": "application/pdf", "sha256": "x", "filename": "List.pdf", "caption": "Here"}),
        );
        assert_eq!(document.text, "Here");
        assert_eq!(
            document.media,
            [MediaRef {
                url: "whatsapp-media:123".to_owned(),
                content_type: "application/pdf".to_owned(),
                name: Some("List.pdf".to_owned())
            }]
        );
        for kind in ["image", "audio", "video"] {
            let content = content(
                kind,
                json!({"id": "1", "mime_type": "audio/ogg; codecs=opus", "voice": true}),
            );

            assert_eq!((content.text.as_str(), content.media.len()), ("", 1), "{kind}");
        }
        let sticker = content(
            "sticker",
            json!({"id": "1", "mime_type": "image/webp", "animated": false}),
        );
        assert_eq!((sticker.text.as_str(), sticker.media.len()), ("[sticker]", 1));
    }

    #[test]
    fn taps_are_a_title_and_a_value() {
        for (kind, given) in [
            (
                "interactive",
                json!({"type": "button_reply", "button_reply": {"id": "r", "title": "Red"}}),
            ),
            (
                "interactive",
                json!({"type": "list_reply", "list_reply": {"id": "r", "title": "Red", "description": "A colour"}}),
            ),
            ("button", json!({"payload": "r", "text": "Red"})),
        ] {
            let content = content(kind, given);

            assert_eq!(
                (content.text.as_str(), content.choice.as_deref()),
                ("Red", Some("r"))
            );
        }
    }

    #[test]
    fn places_people_orders_and_forms_are_told_in_words() {
        for (kind, given, expected) in [
            (
                "location",
                json!({"latitude": 52.52, "longitude": 13.405, "name": "Acme", "address": "Main Street 1"}),
                "📍 52.52, 13.405 (Acme, Main Street 1)",
            ),
            (
                "location",
                json!({"latitude": "52.5", "longitude": "13.4"}),
                "📍 52.5, 13.4",
            ),
            (
                "contacts",
                json!([{"name": {"formatted_name": "Ann Smith", "first_name": "Ann"}, "phones": [{"phone": "+1 650"}],
                    "org": {"company": "Acme"}}, {"emails": [{"email": "b@acme.com"}]}]),
                "👤 Ann Smith, Acme, +1 650\n👤 b@acme.com",
            ),
            (
                "order",
                json!({"catalog_id": "1", "text": "Quick!", "product_items": [{"product_retailer_id": "sku-1", "quantity": 2,
                    "item_price": 9.5, "currency": "USD"}]}),
                "🛒 2 × sku-1 at 9.5 USD\nQuick!",
            ),
            (
                "interactive",
                json!({"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"day\":\"Mon\"}"}}),
                "Sent\n{\"day\":\"Mon\"}",
            ),
        ] {
            assert_eq!(content(kind, given).text, expected);
        }
    }

    #[test]
    fn what_is_empty_or_not_known_needs_no_answer_and_what_is_wrong_is_reported() {
        let mut malformed = Vec::new();
        for (kind, given) in [
            ("text", json!({"body": ""})),
            ("interactive", json!({"type": "call_permission_reply"})),
            ("reaction", json!({"emoji": "x"})),
            ("hologram", json!(17)),
        ] {
            assert_eq!(read(kind, &given, "messages[0]", &mut malformed), None, "{kind}");
        }
        assert_eq!(malformed, []);

        for (kind, given) in [
            ("text", json!(null)),
            ("image", json!({})),
            ("contacts", json!({})),
        ] {
            assert_eq!(read(kind, &given, "messages[0]", &mut malformed), None, "{kind}");
        }
        let positions: Vec<&str> = malformed.iter().map(|part| part.position.as_str()).collect();
        assert_eq!(
            positions,
            ["messages[0].text", "messages[0].image", "messages[0].contacts"]
        );
    }
}
