//! What an owner reads and types in to connect Instagram.

use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep, media::MediaRule};
use meta_graph::messaging::MAX_BUTTONS;
use std::time::Duration;

/// Below the 100 texts a second that Meta lets an account send.
const SENDS_PER_SECOND: f64 = 80.0;
/// How long after a person's last message they may be written to.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// <https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api>
const MEDIA: &[MediaRule] = &[
    MediaRule::mib("image/png", 8),
    MediaRule::mib("image/jpeg", 8),
    MediaRule::mib("image/gif", 8),
    MediaRule::mib("audio/mp4", 25),
    MediaRule::mib("audio/wav", 25),
    MediaRule::mib("video/", 25),
    MediaRule::mib("application/pdf", 25),
];

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Instagram",
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
            // Instagram does not tell.
            delivered: false,
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
            "access_token",
            "Access token",
            FieldKind::Secret,
            false,
            "Of the account, from the app's page Instagram, API setup with Instagram login; it is renewed for you. With login \
             facebook: the token of the Page.",
        ),
        field(
            "app_secret",
            "App secret",
            FieldKind::Secret,
            false,
            "The Instagram app secret on the same page. With login facebook: the app secret under the app's settings, Basic. It \
             proves that messages come from Instagram.",
        ),
        field(
            "account_id",
            "Account ID",
            FieldKind::Text,
            false,
            "The number beside the account's name where its token is generated; it often begins with 17841.",
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
            "login",
            "Login",
            FieldKind::Text,
            true,
            "instagram, or facebook for an account that is reached through its Page. Empty means instagram.",
        ),
        field(
            "page_id",
            "Page ID",
            FieldKind::Text,
            true,
            "With login facebook only: the number of the Page that the account is linked to.",
        ),
        field(
            "app_id",
            "App ID",
            FieldKind::Text,
            true,
            "With login facebook only: at the top of the app's page. With it the webhook is set for you, and the token checked.",
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
            "Make the account professional, and let apps see its messages",
            "In the Instagram app: Settings, Account type, switch to a professional account. Then Settings, Messages and story \
             replies, Message controls, Connected tools: allow access to messages.",
        ),
        step(
            "Make an app with Instagram",
            "At developers.facebook.com make an app and add the product Instagram. On its page API setup with Instagram login \
             add the account and generate its token.",
        ),
        step(
            "Save the integration and connect it",
            "Enter the values here. Connecting lets the account send its messages to the app.",
        ),
        step(
            "Set the webhook",
            "On the same page, under Configure webhooks: callback URL {webhook_url}, the verify token from here, and the fields \
             messages, messaging_postbacks and messaging_seen. With login facebook and the app's ID this is done for you.",
        ),
        step(
            "Try it, then ask for review",
            "Write to the account from another one. While the app is in development only people with a role in it are answered; \
             for everybody ask for instagram_business_manage_messages in App Review.",
        ),
    ]
}
