//! The source in which answers to visitors' questions gather.

use super::{Change, Content, NewSource, Pair, Source, insert, update};
use crate::{StoreError, TenantTx};
use domain::{ChatbotId, SourceId};

/// A source has no more pairs; the next ones go into another.
const MOST_PAIRS: i32 = 5_000;

/// Adds a pair to the chatbot's source of this title, which is made where there is none. A question that is there already
/// gets the new answer. `None`: the workspace has no such chatbot.
pub async fn add_answer(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    title: &str,
    pair: Pair,
) -> Result<Option<Source>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    // The chatbot's row first: of two that add something at the same time neither makes a second source.
    sqlx::query!(
        "select id from chatbots where id = $1 and workspace_id = $2 for update",
        chatbot.as_uuid(),
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    let found = sqlx::query!(
        "select id, kind, content from sources
         where chatbot_id = $1 and workspace_id = $2 and kind = 'qa' and title = $3
           and jsonb_array_length(content -> 'pairs') < $4
         order by id desc
         limit 1
         for update",
        chatbot.as_uuid(),
        workspace,
        title,
        MOST_PAIRS,
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(found) = found else {
        let new = NewSource {
            id: SourceId::new(),
            chatbot,
            title: title.to_owned(),
            content: Content::Qa(vec![pair]),
            refresh_hours: None,
        };
        return insert(tx, &new).await;
    };
    let Content::Qa(mut pairs) = Content::from_row(&found.kind, found.content, None)? else {
        return Err(StoreError::Unreadable(
            "a source of pairs without pairs".to_owned(),
        ));
    };
    pairs.retain(|known| known.question != pair.question);
    pairs.push(pair);
    let change = Change {
        content: Some(Content::Qa(pairs)),
        ..Change::default()
    };
    update(tx, chatbot, found.id.into(), &change).await
}
