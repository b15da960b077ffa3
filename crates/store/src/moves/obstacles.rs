//! What stands against a move: whatever somebody has in hand just now.

use crate::{StoreError, SystemTx};
use chrono::{DateTime, Utc};
use domain::ChatbotId;

/// What stands against moving a chatbot, and how many of it there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It may begin to answer at any moment: it is neither stopped nor put away.
    Running,
    /// It is being deleted.
    Deleting,
    /// Conversations that are being answered.
    Answering(i64),
    /// Parts of messages that are being sent.
    Sending(i64),
    /// Answers shown while they were written that are being taken back.
    Withdrawing(i64),
    /// Sources and pages that are being read.
    Reading(i64),
    /// Files of messages that are being fetched.
    Fetching(i64),
    /// Sets of questions that are being asked, or wait for it.
    Trying(i64),
    /// Exports and erasures that are under way.
    DataJobs(i64),
}

impl Obstacle {
    /// How many.
    pub const fn count(self) -> i64 {
        match self {
            Self::Running | Self::Deleting => 1,
            Self::Answering(count)
            | Self::Sending(count)
            | Self::Withdrawing(count)
            | Self::Reading(count)
            | Self::Fetching(count)
            | Self::Trying(count)
            | Self::DataJobs(count) => count,
        }
    }

    /// Whether it is gone in moments once the chatbot is stopped, so that waiting is worth while.
    pub const fn passes(self) -> bool {
        match self {
            Self::Running | Self::Deleting | Self::Trying(_) | Self::DataJobs(_) => false,
            Self::Answering(_)
            | Self::Sending(_)
            | Self::Withdrawing(_)
            | Self::Reading(_)
            | Self::Fetching(_) => true,
        }
    }
}

/// What stands against moving a chatbot at this moment; nothing of it changes while the chatbot is held.
pub async fn obstacles(
    tx: &mut SystemTx,
    chatbot: ChatbotId,
    now: DateTime<Utc>,
) -> Result<Vec<Obstacle>, StoreError> {
    let row = sqlx::query!(
        r#"select
               (select paused_at is null and archived_at is null from chatbots where id = $1) as running,
               (select deleting_at is not null from chatbots where id = $1) as deleting,
               (select count(*) from conversations where chatbot_id = $1 and lease_token is not null) as "answering!",
               (select count(*) from parts p join integrations i on i.id = p.integration_id
                where i.chatbot_id = $1 and p.state = 'sending') as "sending!",
               (select count(*) from drafts d join integrations i on i.id = d.integration_id
                where i.chatbot_id = $1 and d.state = 'withdrawing' and d.lease_until > $2) as "withdrawing!",
               (select count(*) from sources where chatbot_id = $1 and lease_until > now())
                   + (select count(*) from pages where chatbot_id = $1 and lease_until > now())
                   + (select count(*) from meanings where chatbot_id = $1 and lease_until > now()) as "reading!",
               (select count(*) from attachments a join integrations i on i.id = a.integration_id
                where i.chatbot_id = $1 and a.state = 'pending' and a.lease_until > $2) as "fetching!",
               (select count(*) from trial_runs where chatbot_id = $1 and state in ('due', 'running')) as "trying!",
               (select count(*) from data_jobs j
                where j.state in ('due', 'running')
                  and (j.chatbot_id = $1
                       or exists (select from contacts k join integrations i on i.id = k.integration_id
                                  where i.chatbot_id = $1 and (k.id = j.contact_id or k.lead_id = j.lead_id))
                       or exists (select from leads l where l.id = j.lead_id and l.chatbot_id = $1))) as "data_jobs!""#,
        chatbot.as_uuid(),
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    let mut found = Vec::new();
    if row.running == Some(true) {
        found.push(Obstacle::Running);
    }
    if row.deleting == Some(true) {
        found.push(Obstacle::Deleting);
    }
    let counted = [
        Obstacle::Answering(row.answering),
        Obstacle::Sending(row.sending),
        Obstacle::Withdrawing(row.withdrawing),
        Obstacle::Reading(row.reading),
        Obstacle::Fetching(row.fetching),
        Obstacle::Trying(row.trying),
        Obstacle::DataJobs(row.data_jobs),
    ];
    found.extend(counted.into_iter().filter(|obstacle| obstacle.count() > 0));
    Ok(found)
}
