//! What Teams' errors mean for us: what to do next, and words for the owner.
//! <https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability#status-code-responses>

use crate::api::{Refusal, refusal};
use channel::SendError;
use http::StatusCode;
use platform_api::Answer;

/// Codes that we have advice about.
const ADVICE: &[(&str, &str)] = &[
    (
        "BotNotRegistered",
        "make an Azure Bot for this app's id, and add the Teams channel to it",
    ),
    (
        "BotDisabledByAdmin",
        "the tenant's administrator has to allow the app in the Teams admin center",
    ),
    (
        "BotNotInConversationRoster",
        "the app has to be installed in this chat or team again",
    ),
    ("ConversationBlockedByUser", "the person has blocked the bot"),
    (
        "ForbiddenOperationException",
        "the person has to install the app for themselves",
    ),
    (
        "NotEnoughPermissions",
        "the app lacks a permission that its manifest has to ask for",
    ),
    (
        "InvalidBotApiHost",
        "the bot belongs to another cloud: see `platforms.teams_government_service_url`",
    ),
    (
        "MessageWritesBlocked",
        "the person has blocked or uninstalled the bot",
    ),
    (
        "ConversationNotFound",
        "the chat, team or thread does not exist any more",
    ),
    (
        "ActivityNotFoundInConversation",
        "the message does not exist any more",
    ),
    ("MessageSizeTooBig", "the message is larger than Teams takes"),
];

/// What to do about an answer other than success.
pub(crate) fn refused(answer: &Answer) -> SendError {
    let refusal = refusal(answer);
    let reason = reason(&refusal);
    let retry = |rate_limited| SendError::Retry {
        after: answer.retry_after(),
        rate_limited,
        reason: reason.clone(),
    };
    match answer.status {
        StatusCode::UNAUTHORIZED => SendError::Unauthorized { reason },
        StatusCode::TOO_MANY_REQUESTS => retry(true),
        StatusCode::PRECONDITION_FAILED | StatusCode::REQUEST_TIMEOUT => retry(false),
        // Teams' documentation says of this one not to try again.
        StatusCode::INTERNAL_SERVER_ERROR if refusal.code.as_deref() == Some("ServiceError") => {
            SendError::Rejected {
                code: refusal.code,
                reason,
            }
        }
        status if status.is_server_error() => retry(false),
        status => SendError::Rejected {
            code: Some(refusal.code.unwrap_or_else(|| status.as_str().to_owned())),
            reason,
        },
    }
}

fn reason(refusal: &Refusal) -> String {
    let advice = ADVICE
        .iter()
        .find(|(code, _)| refusal.code.as_deref() == Some(code))
        .map(|(_, advice)| format!(" ({advice})"));
    format!("{refusal}{}", advice.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn answered(status: u16, body: &str) -> SendError {
        refused(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            complete: true,
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn a_refusal_without_words_is_told_by_its_status() {
        match answered(403, "<html>") {
            SendError::Rejected { code, reason } => {
                assert_eq!(
                    (code.as_deref(), reason.as_str()),
                    (Some("403"), "Teams answered 403 Forbidden")
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_code_that_we_know_comes_with_advice() {
        let error = answered(
            403,
            r#"{"error": {"code": "BotDisabledByAdmin", "message": "no"}}"#,
        )
        .to_string();

        assert!(
            error.contains("BotDisabledByAdmin: no (the tenant's administrator"),
            "{error}"
        );
    }

    #[test]
    fn an_error_of_another_shape_is_an_error_all_the_same() {
        for body in ["", "null", "[]", r#"{"error": "x"}"#, r#"{"error": {"code": 7}}"#] {
            assert!(
                matches!(answered(400, body), SendError::Rejected { .. }),
                "{body}"
            );
        }
    }
}
