//! Which messages are taken for a part.

use super::*;
use crate::fake::{self, BOT, CHANNEL, FakeDiscord, part};
use serde_json::{Value, json};

fn now() -> DateTime<Utc> {
    Utc::now()
}

fn written(ago: TimeDelta, by: &str, content: &str, changes: Value) -> Value {
    let mut message = json!({"id": snowflake::at(now() - ago).to_string(), "channel_id": CHANNEL, "type": 0, "flags": 0,
                             "content": content, "author": {"id": by, "bot": by == BOT}});
    message
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    message
}

async fn found_among(part: &OutboundPart, messages: Value) -> Vec<Sent> {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", "users/@me", json!({"id": BOT})).await;
    fake.answers("GET", &format!("channels/{CHANNEL}/messages"), messages)
        .await;
    let found = find(
        &fake.discord(),
        part,
        now() - TimeDelta::minutes(1),
        &fake::credentials(),
    )
    .await
    .unwrap();
    fake.check_requests().await;
    found
}

#[tokio::test]
async fn what_the_bot_wrote_since_with_the_same_words_may_be_the_part() {
    let second = written(TimeDelta::seconds(5), BOT, "We open at nine", json!({}));
    let first = written(TimeDelta::seconds(20), BOT, "We open at nine ", json!({}));
    let messages = json!([
        second,
        written(TimeDelta::seconds(10), BOT, "We open at ten", json!({})),
        first,
        written(TimeDelta::seconds(30), "9", "We open at nine", json!({})),
        written(
            TimeDelta::seconds(40),
            "8",
            "We open at nine",
            json!({"author": {"id": "8", "bot": true}})
        ),
        written(TimeDelta::minutes(3), BOT, "We open at nine", json!({})),
        written(
            TimeDelta::seconds(50),
            BOT,
            "We open at nine",
            json!({"flags": 128})
        ),
    ]);

    let found = found_among(&part("We open at nine"), messages).await;

    let ids: Vec<_> = found
        .iter()
        .map(|sent| sent.platform_message_id.as_str())
        .collect();
    assert_eq!(
        ids,
        [second["id"].as_str().unwrap(), first["id"].as_str().unwrap()]
    );
}

#[tokio::test]
async fn a_nonce_proves_which_it_is() {
    let part = part("We open at nine");
    let ours = written(
        TimeDelta::seconds(20),
        BOT,
        "We open at nine",
        json!({"nonce": nonce(&part)}),
    );
    let messages = json!([
        written(
            TimeDelta::seconds(5),
            BOT,
            "We open at nine",
            json!({"nonce": "x"})
        ),
        ours
    ]);

    let found = found_among(&part, messages).await;

    assert_eq!(found, [sent(ours["id"].as_str().unwrap().to_owned())]);
}

#[tokio::test]
async fn what_took_the_place_of_thinking_is_as_old_as_the_interaction() {
    let part = fake::answer_to_interaction("We open at nine", true);
    let interaction = part.reply_to.as_ref().unwrap()["interaction"]["id"].clone();
    let ours = json!({"interaction_metadata": {"id": interaction}});
    let anothers = json!({"interaction_metadata": {"id": "5"}});
    let answered = written(TimeDelta::seconds(100), BOT, "We open at nine", ours.clone());
    let messages = json!([
        written(TimeDelta::seconds(110), BOT, "We open at nine", anothers),
        written(TimeDelta::seconds(115), BOT, "We open at nine", json!({})),
        answered,
    ]);

    let found = found_among(&part, messages).await;

    assert_eq!(found, [sent(answered["id"].as_str().unwrap().to_owned())]);
}

#[tokio::test]
async fn a_channel_that_cannot_be_read_has_nothing_and_the_nonce_has_to_do() {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", "users/@me", json!({"id": BOT})).await;
    fake.refuses(
        "GET",
        &format!("channels/{CHANNEL}/messages"),
        403,
        50001,
        "Missing Access",
    )
    .await;

    let found = find(&fake.discord(), &part("hi"), now(), &fake::credentials())
        .await
        .unwrap();

    assert_eq!(found, []);
}

#[tokio::test]
async fn a_discord_that_cannot_be_asked_is_asked_again() {
    let fake = FakeDiscord::start().await;
    fake.answers("GET", "users/@me", json!({"id": BOT})).await;
    fake.answers_with("GET", &format!("channels/{CHANNEL}/messages"), 504, json!({}))
        .await;

    let error = find(&fake.discord(), &part("hi"), now(), &fake::credentials())
        .await
        .unwrap_err();

    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
}
