//! What an owner reads and types in to connect Messenger.

use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep, media::MediaRule};
use meta_graph::messaging::MAX_BUTTONS;
use std::time::Duration;

/// Below the 300 texts a second that Meta lets a Page send.
const SENDS_PER_SECOND: f64 = 200.0;
/// How long after a person's last message they may be written to.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// <https://developers.facebook.com/docs/messenger-platform/send-messages#sending_attachments>
const MEDIA: &[MediaRule] = &[MediaRule::mib("image/", 8), MediaRule::mib("", 25)];

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Facebook Messenger",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            conversation_gap: Duration::ZERO,
            reply_window: Some(WINDOW),
            settle: Duration::from_secs(1),
            media: MEDIA,
        },
        features: Features {
            media_in: true,
            media_out: true,
            buttons: MAX_BUTTONS,
            typing: true,
            delivered: true,
            read: true,
            templates: false,
            streaming: false,
            connection: false,
            webhook: true,
        },
    }
}

fn fields() -> Vec<Field> {
    let field = |name, label, kind, optional, help| Field {
        name,
        label,
        help,
        kind,
        optional,
        generated: false,
    };
    vec![
        field(
            "page_access_token",
            "Page access token",
            FieldKind::Secret,
            false,
            "On the app's page Messenger, Messenger API settings, under Generate access tokens. It is the Page's, not a person's.",
        ),
        field(
            "app_secret",
            "App secret",
            FieldKind::Secret,
            false,
            "At developers.facebook.com under the app's settings, Basic. It proves that messages come from Messenger.",
        ),
        field(
            "page_id",
            "Page ID",
            FieldKind::Text,
            false,
            "The number beside the Page's name where the token is generated.",
        ),
        Field {
            generated: true,
            ..field(
                "verify_token",
                "Verify token",
                FieldKind::Secret,
                true,
                "What Meta says when it first calls the webhook. Leave it empty and one is made up.",
            )
        },
        field(
            "app_id",
            "App ID",
            FieldKind::Text,
            true,
            "At the top of the app's page at developers.facebook.com. With it the webhook is set for you, and the token checked.",
        ),
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
            "Make an app with Messenger",
            "At developers.facebook.com make an app and add the product Messenger.",
        ),
        step(
            "Add the Page and generate its token",
            "On the app's page Messenger, Messenger API settings, under Generate access tokens: add the Page with the \
             permissions pages_messaging and pages_manage_metadata, and generate a token.",
        ),
        step(
            "Save the integration and connect it",
            "Enter the values here. Connecting subscribes the app to the Page and, with the app's ID, sets its webhook.",
        ),
        step(
            "Or set the webhook by hand",
            "On the same page, under Configure webhooks: callback URL {webhook_url}, the verify token from here, and the fields \
             messages, messaging_postbacks, message_deliveries, message_reads and message_echoes.",
        ),
        step(
            "Try it, then ask for review",
            "Write to the Page. While the app is in development only people with a role in it are answered; for everybody ask for \
             pages_messaging in App Review.",
        ),
    ]
}
