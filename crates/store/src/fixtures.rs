//! A bot with an integration, for tests.

use crate::{
    Db, StoreError,
    intake::{NewInbound, TakenIn, take_in},
    parts,
    turns::{self, AnswerRecord, BotReply, Caps, Claim},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{ChatbotId, IntegrationId, MessageId, Platform, WorkspaceId};
use serde_json::json;
use sqlx::PgPool;

pub const TWILIO: Platform = Platform::from_static("twilio");
pub const CAPS: Caps = Caps {
    per_workspace: 100,
    total: 1_000,
};

#[derive(Clone, Copy)]
pub struct Bot {
    pub workspace: WorkspaceId,
    pub chatbot: ChatbotId,
    pub integration: IntegrationId,
}

/// A time to count from: whole microseconds, as the database keeps them.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub async fn bot(pool: &PgPool) -> Bot {
    let bot = Bot {
        workspace: WorkspaceId::new(),
        chatbot: ChatbotId::new(),
        integration: IntegrationId::new(),
    };
    sqlx::query!(
        "insert into workspaces (id, name) values ($1, 'w')",
        bot.workspace.as_uuid()
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query!(
        "insert into chatbots (id, workspace_id, name, fallback_text) values ($1, $2, 'b', 'I do not know.')",
        bot.chatbot.as_uuid(),
        bot.workspace.as_uuid(),
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query!(
        "insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown,
                                   sends_per_second, tokens, tokens_at)
         values ($1, $2, $3, 'twilio', 'AC1', ''::bytea, '{}', 100, 100, $4)",
        bot.integration.as_uuid(),
        bot.workspace.as_uuid(),
        bot.chatbot.as_uuid(),
        noon(),
    )
    .execute(pool)
    .await
    .unwrap();
    bot
}

pub fn inbound(bot: Bot, contact: &str, text: &str) -> NewInbound {
    let message = MessageId::new();
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(message.as_uuid().as_bytes());
    NewInbound {
        message,
        chatbot: bot.chatbot,
        integration: bot.integration,
        platform: TWILIO,
        hash,
        dedupe_key: message.to_string(),
        conversation_key: contact.to_owned(),
        contact_key: contact.to_owned(),
        contact_name: None,
        text: text.to_owned(),
        choice: None,
        media: Vec::new(),
        order_key: None,
        accepted_at: noon(),
        sent_at: None,
        reply_to: None,
        sealed_for: bot.workspace,
        consent: None,
        settle: TimeDelta::zero(),
        traceparent: None,
    }
}

pub async fn write(db: &Db, bot: Bot, contact: &str, text: &str) -> TakenIn {
    take_in(db, &[inbound(bot, contact, text)])
        .await
        .unwrap()
        .remove(0)
}

pub async fn claim_turns(db: &Db, limit: i64) -> Vec<Claim> {
    turns::claim(db, noon(), TimeDelta::seconds(30), limit, CAPS)
        .await
        .unwrap()
}

pub fn reply(texts: &[&str]) -> BotReply {
    BotReply {
        text: texts.concat(),
        contents: texts.iter().map(|text| json!({"text": text})).collect(),
        expires_at: noon() + TimeDelta::hours(1),
        traceparent: None,
        record: AnswerRecord {
            question: "q".to_owned(),
            searched_for: None,
            passages: json!([]),
            citations: json!([]),
            model: "extractive".to_owned(),
            fallback: None,
            prompt_version: 1,
            tokens_in: None,
            tokens_out: None,
            stages: json!({}),
            error: None,
            unanswered: false,
            calls: json!([]),
            removed_links: Vec::new(),
            path: json!([]),
            cost_micros: None,
        },
        handoff: None,
        buttons: None,
        calls: Default::default(),
    }
}

/// Answers everything that is due.
pub async fn answer(db: &Db, texts: &[&str]) {
    for claim in claim_turns(db, 100).await {
        let waiting = turns::take_up(db, &claim).await.unwrap();
        turns::commit(db, &claim, &waiting, &reply(texts), false, noon())
            .await
            .unwrap();
    }
}

pub async fn claim_parts(db: &Db, now: DateTime<Utc>) -> Result<Vec<parts::Claim>, StoreError> {
    parts::claim(db, &TWILIO, now, TimeDelta::seconds(30), 100, 100).await
}

pub async fn part_states(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar!("select state from parts order by position, id")
        .fetch_all(pool)
        .await
        .unwrap()
}

pub async fn message_states(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar!(r#"select state as "state!" from messages where direction = 'inbound' order by id"#)
        .fetch_all(pool)
        .await
        .unwrap()
}
