//! An activity as Microsoft sends it. Whatever is in it that we do not use may have any shape.

use channel::{ReceiveError, text};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// One activity, of any type.
pub(crate) struct Activity(Value);

/// What somebody wrote is nobody's business in a log.
impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activity({:?})", self.kind())
    }
}

/// Somebody, or a bot.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    /// The person's id in Microsoft Entra, the same for all bots.
    pub(crate) aad_object_id: Option<String>,
}

/// Something said of a stretch of the text.
#[derive(Deserialize)]
struct Entity {
    r#type: String,
    mentioned: Option<Account>,
    text: Option<String>,
}

/// Something that came with the text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attachment {
    pub(crate) content_type: String,
    pub(crate) content_url: Option<String>,
    #[serde(default)]
    pub(crate) content: Value,
    pub(crate) name: Option<String>,
}

impl Activity {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ReceiveError> {
        match serde_json::from_slice(body) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(_) => Err(ReceiveError::Malformed(
                "the body is not a JSON object".to_owned(),
            )),
            Err(error) => Err(ReceiveError::Malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// A text at a JSON pointer. `None`: it is absent, empty or something else.
    pub(crate) fn text_at(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// The text at a JSON pointer, or that it is missing.
    pub(crate) fn required(&self, pointer: &str) -> Result<&str, ReceiveError> {
        self.text_at(pointer)
            .ok_or_else(|| ReceiveError::Malformed(format!("{} is missing", pointer[1..].replace('/', "."))))
    }

    pub(crate) fn kind(&self) -> &str {
        self.text_at("/type").unwrap_or_default()
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0["value"]
    }

    /// Who wrote.
    pub(crate) fn from(&self) -> Account {
        Account::deserialize(&self.0["from"]).unwrap_or_default()
    }

    fn list<'a, T: Deserialize<'a>>(&'a self, name: &str) -> impl Iterator<Item = T> + 'a {
        let list = self.0[name].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|item| T::deserialize(item).ok())
    }

    pub(crate) fn attachments(&self) -> impl Iterator<Item = Attachment> {
        self.list("attachments")
    }

    /// What the person wrote, without the mark that this bot is meant, and with other people's names as plain words.
    pub(crate) fn words(&self) -> String {
        let mut words = self.text_at("/text").unwrap_or_default().replace("&nbsp;", " ");
        let bot = self.text_at("/recipient/id");
        for entity in self.list::<Entity>("entities") {
            let Some(mark) = entity
                .text
                .filter(|mark| entity.r#type == "mention" && !mark.is_empty())
            else {
                continue;
            };
            let mentioned = entity.mentioned.unwrap_or_default();
            if mentioned.id.as_deref() == bot {
                words = words.replace(&mark, "");
            } else {
                let name = mentioned.name.unwrap_or_else(|| without_tags(&mark));
                words = words.replace(&mark, &format!("@{name}"));
            }
        }
        if self.text_at("/textFormat") == Some("xml") {
            words = without_tags(&words);
        }
        text::without_nul(words.trim())
    }

    /// What the person wrote as HTML, which Teams sends beside the text: the words in it.
    pub(crate) fn words_of_html(&self) -> String {
        let html: Vec<String> = self
            .attachments()
            .filter(|attachment| attachment.content_type == "text/html")
            .filter_map(|attachment| attachment.content.as_str().map(without_tags))
            .collect();
        text::without_nul(html.join("\n").trim())
    }
}

/// The words of a piece of HTML or XML.
fn without_tags(marked: &str) -> String {
    let mut words = String::new();
    let mut rest = marked;
    while let Some((before, tag)) = rest.split_once('<') {
        words.push_str(before);
        let Some((tag, after)) = tag.split_once('>') else {
            rest = "";
            break;
        };
        if matches!(
            tag.trim_end_matches([' ', '/']),
            "br" | "p" | "/p" | "/div" | "/li"
        ) && !words.is_empty()
        {
            words.push('\n');
        }
        rest = after;
    }
    words.push_str(rest);
    // The ampersand last, so that nothing is read twice.
    for (entity, written) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        words = words.replace(entity, written);
    }
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(activity: Value) -> String {
        let mut all = json!({"recipient": {"id": "28:bot"}});
        all.as_object_mut()
            .unwrap()
            .extend(activity.as_object().unwrap().clone());
        Activity(all).words()
    }

    fn mention(id: &str, name: &str) -> Value {
        json!({"type": "mention", "mentioned": {"id": id, "name": name}, "text": format!("<at>{name}</at>")})
    }

    #[test]
    fn the_mark_that_the_bot_is_meant_is_taken_off_wherever_it_stands() {
        for text in [
            "<at>Bot</at> opening hours?",
            "<at>Bot</at>&nbsp;opening hours?",
            "opening hours? <at>Bot</at>",
            " <at>Bot</at> opening hours? <at>Bot</at>\r\n",
        ] {
            assert_eq!(
                words(json!({"text": text, "entities": [mention("28:bot", "Bot")]})),
                "opening hours?"
            );
        }
    }

    #[test]
    fn somebody_else_who_is_mentioned_stays_by_name() {
        let entities = json!([{"type": "clientInfo", "locale": "en"}, 7, mention("28:bot", "Bot"), mention("29:1", "Ann")]);

        let words = words(json!({"text": "<at>Bot</at> ask <at>Ann</at>", "entities": entities}));

        assert_eq!(words, "ask @Ann");
    }

    #[test]
    fn a_mark_without_an_entity_is_what_somebody_typed() {
        assert_eq!(
            words(json!({"text": "<at>Bot</at> hi", "textFormat": "plain"})),
            "<at>Bot</at> hi"
        );
    }

    #[test]
    fn xml_loses_its_tags() {
        assert_eq!(
            words(json!({"text": "<b>a</b> &lt; b<br/>c &amp;amp;", "textFormat": "xml"})),
            "a < b\nc &amp;"
        );
        assert_eq!(words(json!({"text": "a <b", "textFormat": "xml"})), "a");
    }

    #[test]
    fn whatever_is_of_another_shape_is_absent() {
        let activity = Activity(json!({
            "text": 7, "entities": "x", "attachments": {"a": 1}, "from": [], "recipient": null,
        }));

        assert_eq!((activity.words(), activity.kind()), (String::new(), ""));
        assert_eq!(activity.attachments().count(), 0);
        assert!(activity.from().id.is_none());
        assert!(
            activity
                .required("/conversation/id")
                .unwrap_err()
                .to_string()
                .contains("conversation.id is missing")
        );
    }
}
