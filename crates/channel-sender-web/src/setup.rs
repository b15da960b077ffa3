//! What an owner reads and types in to let visitors write.

use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep};
use std::time::Duration;

/// Nobody is called: only so that parts of many conversations take turns.
const SENDS_PER_SECOND: f64 = 500.0;

/// More are of no use to anybody.
const MAX_BUTTONS: usize = 25;

pub(crate) fn setup() -> Setup {
    Setup {
        title: "Web chat",
        fields: fields(),
        steps: steps(),
        limits: Limits {
            sends_per_second: SENDS_PER_SECOND,
            conversation_gap: Duration::ZERO,
            reply_window: None,
            settle: Duration::ZERO,
            media: &[],
        },
        features: Features {
            media_in: true,
            media_out: true,
            buttons: MAX_BUTTONS,
            typing: true,
            streaming: true,
            ..Features::default()
        },
    }
}

fn fields() -> Vec<Field> {
    vec![
        Field {
            name: "allowed_origins",
            label: "Allowed origins",
            help: "The sites whose pages may speak to this chatbot, separated by commas, for example \
                   https://www.shop.example, https://shop.example. Scheme and host exactly as the browser's address bar has \
                   them.",
            kind: FieldKind::Text,
            optional: true,
            generated: false,
        },
        Field {
            name: "identity_secret",
            label: "Identity secret",
            help: "Your server signs with it who a visitor is (a JWT with HS256, or an HMAC-SHA256 of the user's id). 32 \
                   characters or more. Left empty, one is made up and shown once. Changing it ends every visitor's session.",
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
            "Say where visitors write from",
            "Enter the origins of your sites. Pages of all others are refused.",
        ),
        step(
            "Save the integration and connect it",
            "Connecting shows the line to put into your pages.",
        ),
        step(
            "Try it",
            "Open one of the pages and write. The answer and its journey appear under Conversations.",
        ),
    ]
}
