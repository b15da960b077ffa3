//! A message as the Gateway and the API give it, and what it says in our words.
//!
//! Source: <https://docs.discord.com/developers/resources/message#message-object>

use crate::{
    place::{Kind, Place},
    snowflake,
};
use channel::{InboundMessage, MediaRef, text};
use serde::Deserialize;
use serde_json::json;

/// Types of messages that people write: DEFAULT and REPLY.
const WRITTEN: [u64; 2] = [0, 19];
/// Flags of messages that only one person sees, and of those that are not there yet: EPHEMERAL and LOADING.
const PASSING: u64 = 1 << 6 | LOADING;
/// The bot is "thinking".
pub(crate) const LOADING: u64 = 1 << 7;

#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    channel_id: String,
    pub(crate) author: User,
    #[serde(default)]
    pub(crate) content: String,
    #[serde(default)]
    r#type: u64,
    #[serde(default)]
    pub(crate) flags: u64,
    webhook_id: Option<String>,
    /// Absent from the API's lists.
    pub(crate) guild_id: Option<String>,
    pub(crate) channel_type: Option<u64>,
    member: Option<Member>,
    #[serde(default)]
    mentions: Vec<User>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    sticker_items: Vec<Sticker>,
    poll: Option<Poll>,
    #[serde(default)]
    message_snapshots: Vec<Snapshot>,
    referenced_message: Option<Referenced>,
    pub(crate) interaction_metadata: Option<Metadata>,
    pub(crate) nonce: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    username: Option<String>,
    global_name: Option<String>,
    #[serde(default)]
    bot: bool,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
pub(crate) struct Member {
    nick: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Attachment {
    url: String,
    filename: Option<String>,
    content_type: Option<String>,
}

#[derive(Deserialize)]
struct Sticker {
    name: String,
}

#[derive(Deserialize)]
struct Poll {
    question: PollText,
    #[serde(default)]
    answers: Vec<PollAnswer>,
}

#[derive(Deserialize)]
struct PollAnswer {
    poll_media: PollText,
}

#[derive(Deserialize)]
struct PollText {
    text: Option<String>,
}

/// A message that was forwarded.
#[derive(Deserialize)]
struct Snapshot {
    message: Forwarded,
}

#[derive(Deserialize)]
struct Forwarded {
    #[serde(default)]
    content: String,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Referenced {
    author: User,
}

#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) id: String,
}

impl User {
    /// What the person is called where they wrote.
    pub(crate) fn name(&self, member: Option<&Member>) -> Option<String> {
        let nick = member.and_then(|member| member.nick.as_deref());
        nick.or(self.global_name.as_deref())
            .or(self.username.as_deref())
            .map(text::without_nul)
            .filter(|name| !name.is_empty())
    }
}

impl From<Attachment> for MediaRef {
    fn from(attachment: Attachment) -> Self {
        Self {
            url: attachment.url,
            content_type: attachment
                .content_type
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            name: attachment.filename.map(|name| text::without_nul(&name)),
        }
    }
}

impl Message {
    /// What somebody wrote to the bot. `None`: it is the bot's own or another program's, no message that a person wrote,
    /// or in a channel of many and not to the bot, neither by mention nor as an answer.
    pub(crate) fn into_inbound(self, kind: Kind, account: &str, bot: &str) -> Option<InboundMessage> {
        let is_a_persons =
            !self.author.bot && !self.author.system && self.webhook_id.is_none() && self.author.id != bot;
        let is_written = WRITTEN.contains(&self.r#type) && self.flags & PASSING == 0;
        if !is_a_persons || !is_written || !(kind == Kind::Direct || self.is_to(bot)) {
            return None;
        }
        let text = self.words(bot);
        let Self {
            id,
            channel_id,
            author,
            member,
            attachments,
            message_snapshots,
            ..
        } = self;
        let forwarded = message_snapshots
            .into_iter()
            .flat_map(|one| one.message.attachments);
        let media: Vec<MediaRef> = attachments.into_iter().chain(forwarded).map(Into::into).collect();
        if text.is_empty() && media.is_empty() {
            return None;
        }
        Some(InboundMessage {
            account: account.to_owned(),
            conversation: Place::new(&channel_id, kind, &author.id).conversation(),
            contact_name: author.name(member.as_ref()),
            contact: author.id,
            text,
            choice: None,
            media,
            order_key: snowflake::order(&id),
            sent_at: snowflake::time(&id),
            // Where several people read, the answer says whom it answers.
            reply_to: (kind != Kind::Direct).then(|| json!({ "message": id })),
            dedupe_key: id,
            consent: None,
        })
    }

    fn is_to(&self, bot: &str) -> bool {
        self.mentions.iter().any(|user| user.id == bot)
            || self
                .referenced_message
                .as_ref()
                .is_some_and(|answered| answered.author.id == bot)
    }

    /// What was written, and in words what else was sent.
    fn words(&self, bot: &str) -> String {
        let mut parts = vec![self.readable(bot)];
        let forwarded = self.message_snapshots.iter();
        parts.extend(forwarded.map(|one| one.message.content.trim().to_owned()));
        parts.extend(
            self.sticker_items
                .iter()
                .map(|sticker| format!("[sticker: {}]", sticker.name)),
        );
        if let Some(poll) = &self.poll {
            let answers = poll
                .answers
                .iter()
                .filter_map(|answer| answer.poll_media.text.as_deref());
            let lines: Vec<String> = std::iter::once(format!(
                "📊 {}",
                poll.question.text.as_deref().unwrap_or_default()
            ))
            .chain(answers.map(|answer| format!("- {answer}")))
            .collect();
            parts.push(lines.join("\n"));
        }
        parts.retain(|part| !part.is_empty());
        text::without_nul(&parts.join("\n"))
    }

    /// The text without the mentions of the bot, and with the names of others who are mentioned.
    fn readable(&self, bot: &str) -> String {
        let mut content = self.content.clone();
        for mention in [format!("<@{bot}>"), format!("<@!{bot}>")] {
            content = without(&content, &mention);
        }
        for user in self.mentions.iter().filter(|user| user.id != bot) {
            if let Some(name) = user.name(None) {
                for mention in [format!("<@{}>", user.id), format!("<@!{}>", user.id)] {
                    content = content.replace(&mention, &format!("@{name}"));
                }
            }
        }
        content.trim().to_owned()
    }
}

/// The text without these words, and without one of the two spaces that stood around them.
fn without(text: &str, words: &str) -> String {
    let mut rest = String::with_capacity(text.len());
    for (at, piece) in text.split(words).enumerate() {
        let is_doubled = at > 0 && rest.ends_with(' ') && piece.starts_with(' ');
        rest.push_str(if is_doubled { &piece[1..] } else { piece });
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{APPLICATION, BOT};
    use serde_json::Value;

    const ID: &str = "1200000000000000001";

    fn read(changes: &Value, kind: Kind) -> Option<InboundMessage> {
        let mut message = json!({
            "id": ID, "channel_id": "1000000000000000002", "type": 0, "content": "Opening hours?", "flags": 0, "tts": false,
            "author": {"id": "900000000000000001", "username": "ann", "global_name": "Ann"},
            "mentions": [], "attachments": [], "embeds": [],
        });
        message
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let message: Message = serde_json::from_value(message).unwrap();
        message.into_inbound(kind, APPLICATION, BOT)
    }

    #[test]
    fn a_direct_message_is_a_conversation_of_its_channel() {
        let message = read(&json!({}), Kind::Direct).unwrap();

        assert_eq!(message.text, "Opening hours?");
        assert_eq!(message.conversation.0, "1000000000000000002");
        assert_eq!(
            (message.contact.as_str(), message.contact_name.as_deref()),
            ("900000000000000001", Some("Ann"))
        );
        assert_eq!(
            (message.dedupe_key.as_str(), message.account.as_str()),
            (ID, APPLICATION)
        );
        assert_eq!(message.order_key, Some(1_200_000_000_000_000_001));
        assert_eq!(message.sent_at, snowflake::time(ID));
        assert_eq!(message.reply_to, None);
    }

    #[test]
    fn in_a_server_only_what_is_to_the_bot_is_read() {
        let mention = json!({"content": format!("<@{BOT}> Opening hours?"), "mentions": [{"id": BOT, "username": "acme", "bot": true}]});
        let answer = json!({"type": 19, "referenced_message": {"id": "1", "author": {"id": BOT}}});
        let to_another = json!({"type": 19, "referenced_message": {"id": "1", "author": {"id": "8"}}, "mentions": [{"id": "8"}]});

        for kind in [Kind::Shared, Kind::Thread] {
            for to_the_bot in [&mention, &answer] {
                let message = read(to_the_bot, kind).unwrap();

                assert_eq!(message.text, "Opening hours?");
                assert_eq!(message.reply_to, Some(json!({"message": ID})));
            }
            assert_eq!(read(&json!({}), kind), None);
            assert_eq!(read(&to_another, kind), None);
        }
        let key = |kind| read(&mention, kind).unwrap().conversation.0;
        assert_eq!(key(Kind::Shared), "1000000000000000002/900000000000000001");
        assert_eq!(key(Kind::Thread), "1000000000000000002");
    }

    #[test]
    fn the_mention_of_the_bot_is_taken_out_and_others_have_their_names() {
        let mentions = json!([{"id": BOT, "username": "acme", "bot": true}, {"id": "8", "username": "bob", "global_name": "Bob B"}]);
        for (content, expected) in [
            (format!("<@{BOT}> when?"), "when?"),
            (format!("<@!{BOT}>when?"), "when?"),
            (format!("Hey <@{BOT}> when?"), "Hey when?"),
            (format!("when? <@{BOT}>"), "when?"),
            (format!("<@{BOT}> ask <@8> and <@7>"), "ask @Bob B and <@7>"),
            (format!("<@{BOT}> a\u{0}b"), "ab"),
        ] {
            let message = read(&json!({"content": content, "mentions": mentions}), Kind::Shared).unwrap();

            assert_eq!(message.text, expected);
        }
        let nothing_else = json!({"content": format!("<@{BOT}>"), "mentions": mentions});
        assert_eq!(read(&nothing_else, Kind::Shared), None);
    }

    #[test]
    fn what_nobody_wrote_is_not_answered() {
        for changes in [
            json!({"author": {"id": "8", "bot": true}}),
            json!({"author": {"id": BOT}}),
            json!({"author": {"id": "8", "system": true}}),
            json!({"webhook_id": "5"}),
            json!({"type": 7}),
            json!({"type": 20}),
            json!({"type": 2000}),
            json!({"flags": 64}),
            json!({"flags": 128}),
            json!({"content": "  "}),
        ] {
            assert_eq!(read(&changes, Kind::Direct), None, "{changes}");
        }
    }

    #[test]
    fn files_and_what_is_not_text_are_read_too() {
        let message = read(
            &json!({
                "content": "",
                "attachments": [
                    {"id": "1", "filename": "a.png", "content_type": "image/png", "size": 5, "url": "https://cdn.discordapp.com/a.png?ex=1"},
                    {"id": "2", "filename": "b", "url": "https://cdn.discordapp.com/b"},
                ],
                "sticker_items": [{"id": "3", "name": "Wave", "format_type": 1}],
                "poll": {"question": {"text": "When?"}, "answers": [{"answer_id": 1, "poll_media": {"text": "Now"}}]},
                "message_snapshots": [{"message": {"content": "forwarded", "attachments": [{"url": "https://cdn.discordapp.com/c"}]}}],
            }),
            Kind::Direct,
        )
        .unwrap();

        assert_eq!(message.text, "forwarded\n[sticker: Wave]\n📊 When?\n- Now");
        let media: Vec<_> = message
            .media
            .iter()
            .map(|media| (media.content_type.as_str(), media.name.as_deref()))
            .collect();
        assert_eq!(
            media,
            [
                ("image/png", Some("a.png")),
                ("application/octet-stream", Some("b")),
                ("application/octet-stream", None)
            ]
        );
    }

    #[test]
    fn a_name_in_the_server_counts_more_than_one_elsewhere() {
        let named = |changes| read(&changes, Kind::Direct).unwrap().contact_name;

        assert_eq!(
            named(json!({"member": {"nick": "Annie"}})).as_deref(),
            Some("Annie")
        );
        assert_eq!(
            named(json!({"author": {"id": "8", "username": "bob"}})).as_deref(),
            Some("bob")
        );
        assert_eq!(named(json!({"author": {"id": "8"}})), None);
    }
}
