//! What an owner reads and types in to connect Twilio.

use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep, media::MediaRule};
use std::time::Duration;

/// Twilio queues by itself what a number sends too fast, and refuses (429) only too many calls at once; that refusal is
/// what paces us. So this is no more than a brake on runaways.
const SENDS_PER_SECOND: f64 = 1000.0;

/// <https://www.twilio.com/docs/messaging/guides/accepted-mime-types>: 5 MB of pictures, and less of the rest, which carriers make
/// smaller or drop.
const MEDIA: &[MediaRule] = &[
    MediaRule::mib("image/jpeg", 5),
    MediaRule::mib("image/png", 5),
    MediaRule::mib("image/gif", 5),
    MediaRule::mib("", 1),
];

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Twilio SMS",
        fields: fields(),
        steps: steps(),
        limits: limits(),
        features: Features {
            media_in: true,
            media_out: true,
            delivered: true,
            read: true,
            webhook: true,
            ..Features::default()
        },
    }
}

const fn limits() -> Limits {
    Limits {
        sends_per_second: SENDS_PER_SECOND,
        conversation_gap: Duration::ZERO,
        reply_window: None,
        // Twilio itself joins the segments of a long message.
        settle: Duration::ZERO,
        media: MEDIA,
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
            "account_sid",
            "Account SID",
            FieldKind::Text,
            false,
            "Begins with AC; on the first page of the Twilio console. For a sub-account's number, the sub-account's.",
        ),
        field(
            "auth_token",
            "Auth token",
            FieldKind::Secret,
            false,
            "The primary auth token beside the account SID. It proves that messages come from Twilio.",
        ),
        field(
            "phone_number",
            "Phone number",
            FieldKind::Phone,
            true,
            "The Twilio number that sends, for example +14155550123. Not needed with a Messaging Service.",
        ),
        field(
            "messaging_service_sid",
            "Messaging Service SID",
            FieldKind::Text,
            true,
            "Begins with MG. Sends from the service's numbers instead of one number.",
        ),
        field(
            "api_key_sid",
            "API key SID",
            FieldKind::Text,
            true,
            "Begins with SK. Calls Twilio with this key instead of the auth token.",
        ),
        field(
            "api_key_secret",
            "API key secret",
            FieldKind::Secret,
            true,
            "The key's secret, shown once when it was made.",
        ),
        field(
            "secondary_auth_token",
            "Secondary auth token",
            FieldKind::Secret,
            true,
            "Only while you change the auth token: messages signed with either are accepted.",
        ),
    ]
}

fn steps() -> Vec<SetupStep> {
    vec![
        SetupStep {
            title: "Find the account's SID and auth token",
            detail: "Open console.twilio.com. Both are under Account Info on the first page; for a sub-account, switch to it first.",
            paste: None,
        },
        SetupStep {
            title: "Choose a number",
            detail: "Under Phone Numbers, Manage, Active numbers: one with the SMS capability. For the United States it must be registered (A2P 10DLC).",
            paste: None,
        },
        SetupStep {
            title: "Save the integration and connect it",
            detail: "Enter the values here. Connecting sets the number's or Messaging Service's webhook for you.",
            paste: None,
        },
        SetupStep {
            title: "Or set the webhook by hand",
            detail: "In the number's Messaging configuration, under \"A message comes in\": Webhook, {webhook_url}, HTTP POST. In a Messaging Service: Integration, Send a webhook.",
            paste: None,
        },
        SetupStep {
            title: "Try it",
            detail: "Write an SMS to the number. The answer and its journey appear under Conversations.",
            paste: None,
        },
    ]
}
