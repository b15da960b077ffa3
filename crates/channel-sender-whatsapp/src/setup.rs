//! What an owner reads and types in to connect WhatsApp.

use crate::outbound::MAX_BUTTONS;
use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep, media::MediaRule};
use std::time::Duration;

/// What a number may send by default; Meta raises it for large senders.
const SENDS_PER_SECOND: f64 = 80.0;
/// Messages to one person that follow each other at once may arrive in another order.
const GAP: Duration = Duration::from_millis(500);
/// How long after a person's last message they may be written to freely.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types>
const MEDIA: &[MediaRule] = &[
    MediaRule::mib("image/jpeg", 5),
    MediaRule::mib("image/png", 5),
    MediaRule::mib("video/mp4", 16),
    MediaRule::mib("audio/mpeg", 16),
    MediaRule::mib("audio/mp4", 16),
    MediaRule::mib("audio/ogg", 16),
    MediaRule::mib("application/pdf", 100),
    MediaRule::mib("text/plain", 100),
];

pub(crate) fn setup() -> Setup {
    Setup {
        title: "WhatsApp",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            conversation_gap: GAP,
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
            templates: true,
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
            "access_token",
            "Access token",
            FieldKind::Secret,
            false,
            "Of a system user, with the permissions whatsapp_business_messaging and whatsapp_business_management. The one on \
             the page API Setup ends after a day.",
        ),
        field(
            "app_secret",
            "App secret",
            FieldKind::Secret,
            false,
            "At developers.facebook.com under the app's settings, Basic. It proves that messages come from WhatsApp.",
        ),
        field(
            "phone_number_id",
            "Phone number ID",
            FieldKind::Text,
            false,
            "On the app's page WhatsApp, API Setup. Not the phone number.",
        ),
        field(
            "waba_id",
            "WhatsApp Business Account ID",
            FieldKind::Text,
            false,
            "On the same page.",
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
            "At the top of the app's page at developers.facebook.com. With it the token's permissions and end are checked too.",
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
            "Make an app with WhatsApp",
            "At developers.facebook.com make an app, add the product WhatsApp, and choose or make a WhatsApp Business account. \
             Its page API Setup shows the number's and the account's IDs.",
        ),
        step(
            "Make a token that lasts",
            "At business.facebook.com, Settings, System users: add one, assign it the app and the WhatsApp account with full \
             control, and generate a token with whatsapp_business_messaging and whatsapp_business_management.",
        ),
        step(
            "Save the integration and connect it",
            "Enter the values here. Connecting points the account's webhook at this chatbot, for all of the account's numbers.",
        ),
        step(
            "Or set the webhook by hand",
            "On the app's page WhatsApp, Configuration: callback URL {webhook_url}, the verify token from here, then subscribe \
             to the field messages.",
        ),
        step(
            "Try it",
            "Write to the number with WhatsApp. A test number only answers people who are listed on the page API Setup.",
        ),
    ]
}
