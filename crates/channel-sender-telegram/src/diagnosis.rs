//! Why a webhook is not proven. For its owner's eyes: nothing that is found here is accepted.

use crate::{credentials::Credentials, token};
use channel::{Cause, Diagnosis, WebhookRequest};
use serde::Deserialize;
use serde_json::Value;

/// Never: what people write names no bot, and it need not be kept here, because Telegram keeps it for 24 hours itself and
/// delivers it again and again until it is taken.
/// <https://github.com/tdlib/telegram-bot-api> (`WebhookActor`)
pub(crate) const fn names_account() -> bool {
    false
}

pub(crate) fn diagnose(request: &WebhookRequest, credentials: &Credentials) -> Diagnosis {
    let secret = match credentials.webhook_secret() {
        Ok(secret) => secret,
        Err(error) => {
            return Diagnosis {
                cause: Cause::WrongSecret,
                words: error.to_string(),
            };
        }
    };
    let ours = credentials.bot_id();
    match (token::judge(request, secret), bot(&request.body)) {
        (
            Err(Diagnosis {
                cause: Cause::WrongSecret,
                ..
            }),
            Some(other),
        ) if other != ours => Diagnosis {
            cause: Cause::OtherAccount,
            words: format!(
                "it is about the bot {other}, and this integration's is {ours}: enter that bot's token here, or call \
                 deleteWebhook with it, so that it does not call this address"
            ),
        },
        (Err(refusal), _) => refusal,
        (Ok(()), _) => Diagnosis {
            cause: Cause::Unproven,
            words: "the secret is right by now: wait for Telegram to deliver it again".to_owned(),
        },
    }
}

#[derive(Deserialize)]
struct User {
    id: i64,
    is_bot: bool,
}

/// The bot that an update is for, where it says so: a button belongs to a message of the bot's, and a bot hears of its
/// own membership.
/// <https://core.telegram.org/bots/api#callbackquery>, <https://core.telegram.org/bots/api#chatmemberupdated>
fn bot(body: &[u8]) -> Option<String> {
    let update: Value = serde_json::from_slice(body).ok()?;
    [
        "/callback_query/message/from",
        "/my_chat_member/new_chat_member/user",
    ]
    .into_iter()
    .filter_map(|pointer| User::deserialize(update.pointer(pointer)?).ok())
    .find(|user| user.is_bot)
    .map(|user| user.id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake,
        token::{
            HEADER,
            tests::{request, with_token},
        },
    };
    use http::Method;
    use proptest::prelude::*;
    use serde_json::json;

    fn credentials() -> Credentials {
        fake::credentials_with(json!({"webhook_secret": "canary_secret"}))
    }

    fn found(request: &WebhookRequest) -> (&'static str, String) {
        let diagnosis = diagnose(request, &credentials());
        (diagnosis.cause.as_str(), diagnosis.words)
    }

    /// Somebody pressed a button of this bot's.
    fn pressed(bot: &str) -> Vec<u8> {
        let bot: i64 = bot.parse().unwrap();
        json!({"update_id": 1, "callback_query": {"id": "1", "from": {"id": 5_550_001, "is_bot": false}, "data": "canary",
            "message": {"message_id": 1, "from": {"id": bot, "is_bot": true}}}})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn what_is_wrong_with_a_proof_is_told_apart() {
        let right = with_token(request(b"{}"), "canary_secret");
        let mut twice = right.clone();
        twice.headers.append(HEADER, "x".parse().unwrap());
        let mut unreadable = right.clone();
        unreadable
            .headers
            .insert(HEADER, http::HeaderValue::from_bytes(b"\xff").unwrap());
        let mut got = right;
        got.method = Method::GET;
        for (webhook, cause, words) in [
            (request(b"{}"), "missing_proof", "is missing"),
            (twice, "missing_proof", "there are 2"),
            (unreadable, "missing_proof", "not readable text"),
            (
                with_token(request(b"{}"), "canary_other"),
                "wrong_secret",
                "Telegram delivers again for 24 hours what was refused: connect the integration again",
            ),
            (got, "unreadable", "with POST only"),
        ] {
            let (found, said) = found(&webhook);

            assert_eq!(found, cause, "{said}");
            assert!(said.contains(words) && !said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn another_bots_update_is_named_where_it_names_the_bot() {
        let joined = json!({"my_chat_member": {"from": {"id": 5, "is_bot": false},
            "new_chat_member": {"user": {"id": 77_000_001, "is_bot": true}, "status": "member"}}});
        for body in [pressed("77000001"), joined.to_string().into_bytes()] {
            let (cause, words) = found(&with_token(request(&body), "x"));

            assert_eq!(cause, "other_account");
            assert!(
                words.starts_with("it is about the bot 77000001, and this integration's is"),
                "{words}"
            );
            assert!(
                words.contains(fake::BOT_ID) && !words.contains("canary"),
                "{words}"
            );
        }
    }

    #[test]
    fn our_own_bots_update_with_another_secret_has_a_wrong_secret() {
        let update = request(&pressed(fake::BOT_ID));

        assert_eq!(found(&with_token(update.clone(), "x")).0, "wrong_secret");
        assert_eq!(found(&update).0, "missing_proof");
    }

    #[test]
    fn a_person_is_no_bot() {
        for from in [json!({"id": 77, "is_bot": false}), json!({"id": 77}), json!(77)] {
            let body = json!({"callback_query": {"message": {"from": from}}, "message": {"from": {"id": 78, "is_bot": true}}});

            assert_eq!(bot(body.to_string().as_bytes()), None);
        }
    }

    #[test]
    fn a_secret_that_was_mended_meanwhile_is_said_to_be_right() {
        let (cause, words) = found(&with_token(request(b"{}"), "canary_secret"));

        assert_eq!(cause, "unproven");
        assert!(words.contains("is right by now"), "{words}");
    }

    proptest! {
        #[test]
        fn anything_can_be_diagnosed(method in "GET|POST|PUT", body: Vec<u8>, token in "[ -~]{0,40}") {
            let mut request = with_token(request(&body), &token);
            request.method = method.parse().unwrap();

            let (cause, words) = found(&request);

            prop_assert_eq!(cause, "wrong_secret");
            prop_assert!(!words.contains("canary"));
        }
    }
}
