//! What an owner reads and types in to connect Teams.

use crate::card::MAX_BUTTONS;
use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep};
use std::time::Duration;

/// Teams estimates 30 to 50 a second for an app in a tenant.
/// <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit>
const SENDS_PER_SECOND: f64 = 25.0;

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Microsoft Teams",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            // Teams takes 60 in 30 seconds for a conversation, and 1,800 an hour.
            conversation_gap: Duration::from_secs(1),
            reply_window: None,
            settle: Duration::from_secs(1),
            media: &[],
        },
        features: Features {
            media_in: true,
            media_out: true,
            buttons: MAX_BUTTONS,
            typing: true,
            streaming: true,
            webhook: true,
            ..Features::default()
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
            "app_id",
            "App id",
            FieldKind::Text,
            false,
            "The Microsoft App ID on the Azure Bot's Configuration page, a GUID. Elsewhere it is called application or client id.",
        ),
        field(
            "app_secret",
            "App secret",
            FieldKind::Secret,
            false,
            "The value of a client secret of the app, shown once when it is made; not the secret's id.",
        ),
        field(
            "tenant_id",
            "Tenant id",
            FieldKind::Text,
            true,
            "The App Tenant ID on the same page, a GUID. Leave it empty only if the bot's type is Multi Tenant. Where it is given, \
             messages from other tenants are refused.",
        ),
    ]
}

fn steps() -> Vec<SetupStep> {
    vec![
        SetupStep {
            title: "Make an Azure Bot",
            detail: "In portal.azure.com choose Create a resource, Azure Bot, with type of app Single Tenant and creation type Create new Microsoft App ID.",
            paste: None,
        },
        SetupStep {
            title: "Make a client secret",
            detail: "On the bot's Configuration page choose Manage Password, New client secret, and copy its value at once. Copy the App ID and the App Tenant ID from the Configuration page.",
            paste: None,
        },
        SetupStep {
            title: "Save the integration",
            detail: "Enter the three values here. They are tried with Microsoft before they are kept.",
            paste: None,
        },
        SetupStep {
            title: "Set the messaging endpoint",
            detail: "On the bot's Configuration page, under Messaging endpoint, enter {webhook_url} and choose Apply.",
            paste: Some("{webhook_url}"),
        },
        SetupStep {
            title: "Add the Teams channel",
            detail: "On the bot's Channels page choose Microsoft Teams, accept the terms and choose Apply.",
            paste: None,
        },
        SetupStep {
            title: "Make an app of it in Teams",
            detail: "In dev.teams.microsoft.com choose Apps, New app. Under App features, Bot, enter the App ID and choose the scopes Personal, Team and Group chat, and that it can upload and download files. Then Publish, or Preview in Teams.",
            paste: None,
        },
        SetupStep {
            title: "Try it",
            detail: "Write to the bot, or in a channel @mention it: there it sees only messages that do. The answer and its journey appear under Conversations.",
            paste: None,
        },
    ]
}
