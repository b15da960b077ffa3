//! What an owner reads and types in to connect a Telegram bot.

use crate::outbound::MAX_BUTTONS;
use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep, media::MediaRule};
use std::time::Duration;

/// <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>: 30 a second in all, one a second to
/// one chat.
const SENDS_PER_SECOND: f64 = 30.0;
const CONVERSATION_GAP: Duration = Duration::from_secs(1);

/// <https://core.telegram.org/bots/api#sending-files>: what Telegram fetches by itself.
const MEDIA: &[MediaRule] = &[MediaRule::mib("image/", 5), MediaRule::mib("", 20)];

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Telegram",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            conversation_gap: CONVERSATION_GAP,
            reply_window: None,
            settle: Duration::from_secs(1),
            media: MEDIA,
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
    vec![
        Field {
            name: "bot_token",
            label: "Bot token",
            help: "What @BotFather answers when the bot is made: its number, a colon and 35 characters.",
            kind: FieldKind::Secret,
            optional: false,
            generated: false,
        },
        Field {
            name: "webhook_secret",
            label: "Webhook secret",
            help: "Telegram repeats it with every message, which proves that the message comes from Telegram. Up to 256 \
                   letters, digits, _ and -. Left empty, one is made up.",
            kind: FieldKind::Secret,
            optional: true,
            generated: true,
        },
    ]
}

fn steps() -> Vec<SetupStep> {
    let step = |title, detail| SetupStep {
        title,
        detail,
        paste: None,
    };
    vec![
        step(
            "Make a bot",
            "In Telegram, write /newbot to @BotFather, and give the bot a name and a user name that ends with bot. For a bot \
             that exists already, write /token.",
        ),
        step(
            "Copy its token",
            "@BotFather answers with the token, for example 123456789:AAF… Whoever has it can read and write as the bot.",
        ),
        step(
            "Save the integration and connect it",
            "Enter the token here. Connecting tells Telegram to send the bot's messages to {webhook_url}; nothing has to be \
             set by hand. A bot has one such address: what else uses the bot's token stops hearing from it.",
        ),
        step(
            "For groups, decide what the bot hears",
            "By default a bot in a group hears commands, mentions and replies to it. To let it hear everything, write \
             /setprivacy to @BotFather, then add the bot to the group again.",
        ),
        step(
            "Try it",
            "Open the bot in Telegram, press Start and write to it. The answer and its journey appear under Conversations.",
        ),
    ]
}
