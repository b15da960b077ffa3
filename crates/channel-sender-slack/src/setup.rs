//! What an owner reads and types in to connect Slack.

use crate::blocks::MAX_BUTTONS;
use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep};
use std::time::Duration;

/// Slack takes some hundred messages a minute of a workspace, and about one a second in a channel.
/// <https://docs.slack.dev/apis/web-api/rate-limits>
const SENDS_PER_SECOND: f64 = 5.0;

/// <https://docs.slack.dev/reference/app-manifest>
const MANIFEST: &str = include_str!("manifest.json");

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Slack",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            conversation_gap: Duration::from_secs(1),
            reply_window: None,
            settle: Duration::from_secs(1),
            media: &[],
        },
        features: Features {
            media_in: true,
            media_out: true,
            buttons: MAX_BUTTONS,
            connection: true,
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
            "team_id",
            "Workspace ID",
            FieldKind::Text,
            false,
            "Begins with T. Open Slack in a browser: it is the first part after /client/ in the address, https://app.slack.com/client/T…/.",
        ),
        field(
            "bot_token",
            "Bot token",
            FieldKind::Secret,
            false,
            "Begins with xoxb-. Bot User OAuth Token, under OAuth & Permissions of the app, once it is installed.",
        ),
        field(
            "signing_secret",
            "Signing secret",
            FieldKind::Secret,
            false,
            "Under Basic Information of the app, App Credentials. It proves that messages come from Slack.",
        ),
        field(
            "app_token",
            "App-level token",
            FieldKind::Secret,
            true,
            "Begins with xapp-. Only to read messages over Socket Mode, without a public address: under Basic Information, App-Level Tokens, with the scope connections:write.",
        ),
        field(
            "app_id",
            "App ID",
            FieldKind::Text,
            true,
            "Begins with A. Under Basic Information of the app; only for links to its settings.",
        ),
    ]
}

fn steps() -> Vec<SetupStep> {
    let step = |title, detail, paste| SetupStep { title, detail, paste };
    vec![
        step(
            "Make the app",
            "Open https://api.slack.com/apps, Create New App, From a manifest, choose the workspace, and paste this as JSON. Slack cannot verify the addresses in it before the integration is saved here; that comes below.",
            Some(MANIFEST),
        ),
        step(
            "Install it and copy its values",
            "Under Install App, install it in the workspace. Copy the Bot User OAuth Token from OAuth & Permissions, the signing secret from Basic Information, and the workspace's ID from the address of Slack in a browser. Enter them here and save.",
            None,
        ),
        step(
            "Let Slack verify the address",
            "Under Event Subscriptions, the Request URL is {webhook_url}: press Retry until it shows Verified, and save. The same address belongs under Interactivity & Shortcuts, and to each slash command.",
            None,
        ),
        step(
            "Or use Socket Mode",
            "Without a public address: make an app-level token with the scope connections:write under Basic Information, turn Socket Mode on under Socket Mode, and enter the token here. The addresses are not needed then.",
            None,
        ),
        step(
            "Invite it",
            "In a channel write /invite and the bot's name. It answers mentions in threads. A slash command, if you add one, is answered in the direct message with whoever wrote it.",
            None,
        ),
        step(
            "Let people go on without a mention",
            "Only if you want it: add the bot events message.channels, message.groups or message.mpim. Then the bot also answers whatever is written in a thread of its channels and mentions nobody else. It still leaves alone what is written in the channel itself.",
            None,
        ),
        step(
            "Try it",
            "Write to the bot under Apps, or mention it in a channel. The answer and its journey appear under Conversations.",
            None,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_manifest_is_json_once_it_is_filled_in() {
        let webhook = "https://bot.acme.com/api/slack/webhook/1";
        let paste = setup().steps[0].paste.unwrap();

        let filled = paste
            .replace("{webhook_url}", webhook)
            .replace("{bot_name}", "Acme's help & more");

        let manifest: Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(manifest["display_information"]["name"], "Acme's help & more");
        assert_eq!(
            manifest["settings"]["event_subscriptions"]["request_url"],
            webhook
        );
        assert_eq!(
            manifest["settings"]["interactivity"],
            json!({"is_enabled": true, "request_url": webhook})
        );
        assert_eq!(manifest["settings"]["token_rotation_enabled"], false);
        assert_eq!(manifest["features"]["app_home"]["messages_tab_enabled"], true);
        assert!(!filled.contains("{bot") && !filled.contains("{webhook"));
    }

    #[test]
    fn the_manifest_asks_for_the_scopes_that_its_events_and_our_calls_need() {
        let manifest: Value = serde_json::from_str(MANIFEST).unwrap();
        let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().unwrap();
        let events = manifest["settings"]["event_subscriptions"]["bot_events"]
            .as_array()
            .unwrap();

        for scope in crate::account::NEEDED
            .iter()
            .map(|(scope, _)| *scope)
            .chain(["chat:write", "mpim:history"])
        {
            assert!(scopes.contains(&json!(scope)), "{scope}");
        }
        assert_eq!(scopes.len(), crate::account::NEEDED.len() + 2);
        for event in ["app_mention", "message.im", "app_uninstalled", "tokens_revoked"] {
            assert!(events.contains(&json!(event)), "{event}");
        }
    }
}
