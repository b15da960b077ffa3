//! What people say of the answers of some time, by an index of its own table.

use super::{Counts, Row, Wanted};
use crate::{StoreError, TenantTx};
use domain::{ChatbotId, Platform};
use std::collections::HashMap;

/// Adds what was said to what was counted. An answer counts for when it was written, whenever it was rated.
pub(super) async fn add(tx: &mut TenantTx, wanted: &Wanted, rows: &mut Vec<Row>) -> Result<(), StoreError> {
    let rated = sqlx::query!(
        r#"select date_trunc($6, made_at(f.message_id), $7) as "at!", f.chatbot_id, b.name, f.platform,
                  count(*) filter (where f.rating = 'good') as "good!", count(*) filter (where f.rating = 'bad') as "bad!"
           from message_feedback f
           join chatbots b on b.id = f.chatbot_id
           where f.workspace_id = $1 and f.message_id >= first_id($2) and f.message_id < first_id($3)
             and ($4::uuid is null or f.chatbot_id = $4) and ($5::text is null or f.platform = $5)
           group by 1, 2, 3, 4"#,
        tx.workspace().as_uuid(),
        wanted.from,
        wanted.to,
        wanted.chatbot.map(|id| id.as_uuid()),
        wanted.platform.as_ref().map(Platform::as_str),
        wanted.step.as_str(),
        wanted.zone,
    )
    .fetch_all(tx.connection())
    .await?;
    if rated.is_empty() {
        return Ok(());
    }
    let places: HashMap<_, _> = (0..)
        .zip(rows.iter())
        .map(|(place, row)| ((row.at, row.chatbot, row.platform.clone()), place))
        .collect();
    for found in rated {
        let chatbot: ChatbotId = found.chatbot_id.into();
        let key = (found.at, chatbot, found.platform);
        let counted = places.get(&key).and_then(|&place: &usize| rows.get_mut(place));
        match counted {
            Some(row) => (row.counts.rated_good, row.counts.rated_bad) = (found.good, found.bad),
            // Its hour has not been counted yet.
            None => rows.push(Row {
                at: key.0,
                chatbot,
                name: found.name,
                platform: key.2,
                counts: Counts {
                    rated_good: found.good,
                    rated_bad: found.bad,
                    ..Counts::default()
                },
            }),
        }
    }
    rows.sort_by(|one, other| {
        let of = |row: &Row| (row.at, row.chatbot.as_uuid());
        of(one)
            .cmp(&of(other))
            .then_with(|| one.platform.cmp(&other.platform))
    });
    Ok(())
}
