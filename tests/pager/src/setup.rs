//! What an owner reads and types in to connect a pager.

use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep};
use std::time::Duration;

pub(crate) fn setup() -> Setup {
    let field = |name, label, kind, help| Field {
        name,
        label,
        help,
        kind,
        optional: false,
        generated: false,
    };
    Setup {
        title: "Pager",
        fields: vec![
            field("pager", "Pager", FieldKind::Text, "The pager's number."),
            field("token", "Token", FieldKind::Secret, "For Pager's API."),
            field("secret", "Secret", FieldKind::Secret, "Proves webhooks."),
        ],
        steps: vec![SetupStep {
            title: "Point it here",
            detail: "Enter {webhook_url} in Pager's settings.",
            paste: None,
        }],
        limits: Limits {
            sends_per_second: 10.0,
            conversation_gap: Duration::ZERO,
            reply_window: None,
            settle: Duration::from_secs(1),
            media: &[],
        },
        features: Features {
            webhook: true,
            ..Features::default()
        },
    }
}
