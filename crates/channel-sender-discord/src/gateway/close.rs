//! What Discord means when it closes a connection.

use super::{Listener, line::End};
use channel::ListenError;
use std::{sync::atomic::Ordering, time::Duration};

/// "disallowed intent": the owner has not turned on what was asked for.
const DISALLOWED: u16 = 4014;

/// What to do after a connection was closed with this code.
pub(super) fn meaning(listener: &Listener<'_>, code: Option<u16>, words: &str) -> Result<End, ListenError> {
    let reason = match code {
        Some(code) => format!(
            "Discord closed the connection with {code}: {}",
            platform_api::tidy(words)
        ),
        None => "Discord ended the connection".to_owned(),
    };
    let misconfigured = |advice: &str| {
        Err(ListenError::Misconfigured {
            reason: format!("{reason}: {advice}"),
        })
    };
    let again = |is_session_over| {
        Ok(End {
            reason: reason.clone(),
            is_session_over,
            pause: Duration::ZERO,
        })
    };
    match code {
        Some(4004) => Err(ListenError::Unauthorized {
            reason: format!(
                "{reason}: enter the bot's current token (Reset Token under Bot in the Developer Portal)"
            ),
        }),
        Some(4010 | 4011) => {
            misconfigured("Discord wants the bot's servers spread over connections in another way")
        }
        Some(4012) => misconfigured(
            "Discord does not speak version 10 of the Gateway any more: update this installation",
        ),
        Some(4013) => misconfigured("Discord does not know what was asked for: update this installation"),
        Some(DISALLOWED) if listener.wants_content.swap(false, Ordering::Relaxed) => again(true),
        Some(DISALLOWED) => {
            misconfigured("Discord does not let the bot read messages: see Bot in the Developer Portal")
        }
        // Not authenticated, a sequence that it does not know, a session that is too old.
        Some(4003 | 4007 | 4009) => again(true),
        _ => again(false),
    }
}
