//! What an owner reads and types in to connect a Discord application.

use crate::outbound::MAX_BUTTONS;
use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep};
use std::time::Duration;

/// <https://docs.discord.com/developers/topics/rate-limits#global-rate-limit>: 50 a second in all, with everything else.
const SENDS_PER_SECOND: f64 = 40.0;
/// Five in five seconds to one channel, as its limits say in practice; they are nowhere promised, and 429 paces the rest.
const CONVERSATION_GAP: Duration = Duration::from_secs(1);

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Discord",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            conversation_gap: CONVERSATION_GAP,
            reply_window: None,
            settle: Duration::from_secs(1),
            media: &[],
        },
        features: Features {
            media_in: true,
            media_out: true,
            buttons: MAX_BUTTONS,
            typing: true,
            connection: true,
            streaming: true,
            webhook: true,
            ..Features::default()
        },
    }
}

fn fields() -> Vec<Field> {
    let field = |name, label, kind, help| Field {
        name,
        label,
        help,
        kind,
        optional: false,
        generated: false,
    };
    vec![
        field(
            "application_id",
            "Application ID",
            FieldKind::Text,
            "Digits; under General Information in the Developer Portal.",
        ),
        field(
            "public_key",
            "Public key",
            FieldKind::Text,
            "64 hexadecimal digits below the application's id. It proves that commands and buttons come from Discord.",
        ),
        field(
            "bot_token",
            "Bot token",
            FieldKind::Secret,
            "Under Bot, Reset Token shows it once. Whoever has it can read and write as the bot.",
        ),
    ]
}

fn steps() -> Vec<SetupStep> {
    let step = |title, detail, paste| SetupStep { title, detail, paste };
    vec![
        step(
            "Make an application",
            "Open discord.com/developers/applications, New Application, and give it the bot's name. For one that exists already, \
             open it.",
            None,
        ),
        step(
            "Copy its values",
            "Under General Information: Application ID and Public Key. Under Bot: Reset Token, which shows the token once.",
            None,
        ),
        step(
            "Decide what the bot reads",
            "Under Bot, turn Message Content Intent on, so that in servers the bot also reads answers to it that do not mention \
             it. Without it the bot reads direct messages and mentions.",
            None,
        ),
        step(
            "Add the bot to a server",
            "Under OAuth2, URL Generator: scopes bot and applications.commands; permissions View Channels, Send Messages, Send \
             Messages in Threads, Embed Links and Read Message History. Or open this address with the application's id in it.",
            Some(
                "https://discord.com/oauth2/authorize?client_id=APPLICATION_ID&scope=bot+applications.commands&permissions=274877991936",
            ),
        ),
        step(
            "Save the integration and connect it",
            "Enter the values here. Connecting sets Interactions Endpoint URL to {webhook_url} and makes the command /ask; messages \
             and mentions are read over a connection that this installation opens.",
            None,
        ),
        step(
            "Try it",
            "Write a direct message to the bot, mention it in a channel, or use /ask. The answer and its journey appear under \
             Conversations.",
            None,
        ),
    ]
}
