//! What an owner reads and types in to let programs ask a chatbot.

use channel::{Features, Field, FieldKind, Limits, Setup, SetupStep};
use std::time::Duration;

/// So that an address of somebody's is not flooded.
const SENDS_PER_SECOND: f64 = 100.0;

/// More are of no use to anybody.
const MAX_BUTTONS: usize = 25;

pub(crate) fn setup() -> Setup {
    Setup {
        title: "REST API",
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
            ..Features::default()
        },
    }
}

fn fields() -> Vec<Field> {
    vec![
        Field {
            name: "identity_secret",
            label: "Identity secret",
            help: "Your server signs with it who a person is (a JWT with HS256, or an HMAC-SHA256 of the user's id). 32 \
                   characters or more. Left empty, one is made up and shown once.",
            kind: FieldKind::Secret,
            optional: true,
            generated: true,
        },
        Field {
            name: "reply_url",
            label: "Reply address",
            help: "Where answers are pushed as signed webhooks (Standard Webhooks), for example \
                   https://shop.example/hooks/botsmith. Leave it empty to read answers over the API.",
            kind: FieldKind::Text,
            optional: true,
            generated: false,
        },
        Field {
            name: "signing_secret",
            label: "Signing secret",
            help: "What pushed answers are signed with: whsec_ and base64. Left empty, one is made up and shown once.",
            kind: FieldKind::SigningSecret,
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
            "Save the integration",
            "Secrets that you leave empty are made up, and shown in the answer this once: keep them where your program \
             finds them.",
        ),
        step(
            "Make an API key",
            "Under API keys, with the role agent. Programs send it as Authorization: Bearer bsk_…",
        ),
        step(
            "Ask",
            "POST {\"text\": \"What are your opening hours?\"} to /api/chat/<chatbot id>/messages and read reply.text. With \
             \"wait\": \"stream\" the answer comes word by word; with \"wait\": \"none\" it is read later, or pushed to the \
             reply address.",
        ),
        step(
            "Or use an OpenAI client",
            "With this installation's address and /v1 as base URL, the API key, and the chatbot's id or name as model.",
        ),
    ]
}
