//! Conversations over the chat API, as their people and programs read them.
//!
//! Invariants:
//! - What is written on a platform of our own can be read in the moment in which it is committed. Its parts go through the
//!   senders' hands all the same, who push them to where an owner wants that; nobody who reads waits for it.
//! - Entries are numbered under the conversation's lock, in the transaction that makes them readable. Whoever has read up
//!   to a number has read everything with a smaller one, and nothing with a smaller one comes later.

use crate::{Db, StoreError, attachments, blobs, feedback::Feedback, moves};
use chrono::{DateTime, Utc};
use domain::{
    BlobId, ChatbotId, ContactId, ConversationId, Direction, InboundState, IntegrationId, MessageId, PartId,
    Platform, Sender, WorkspaceId,
};
use sqlx::PgConnection;
use std::fmt;

/// How the address of an uploaded file begins, where a message names it; the rest is the file's id.
pub const FILE_SCHEME: &str = "blob:";

/// Something that can be read of a conversation.
#[derive(Clone)]
pub struct Entry {
    /// Its place.
    pub number: i64,
    /// The message.
    pub message: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// Who wrote it, where we did.
    pub sender: Option<Sender>,
    /// What was written.
    pub text: String,
    /// What was handed to the platform, where we wrote it.
    pub content: Option<serde_json::Value>,
    /// The name that its writer gave it.
    pub dedupe_key: Option<String>,
    /// What has become of it, where a person or program wrote it.
    pub state: Option<InboundState>,
    /// What an answer rests on: `[{chunk, document, title}]`.
    pub citations: Option<serde_json::Value>,
    /// What came with it: `[{content_type, name}]`.
    pub files: Option<serde_json::Value>,
    /// What its reader said of it, where we wrote it.
    pub feedback: Option<Feedback>,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// It is somebody's words.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("number", &self.number)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

struct EntryRow {
    number: i64,
    message_id: uuid::Uuid,
    direction: String,
    sender: Option<String>,
    text: String,
    content: Option<serde_json::Value>,
    dedupe_key: Option<String>,
    state: Option<String>,
    citations: Option<serde_json::Value>,
    files: Option<serde_json::Value>,
    rating: Option<String>,
    comment: Option<String>,
    at: DateTime<Utc>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.number,
            message: row.message_id.into(),
            direction: row.direction.parse()?,
            sender: row.sender.as_deref().map(str::parse).transpose()?,
            text: row.text,
            content: row.content,
            dedupe_key: row.dedupe_key,
            state: row.state.as_deref().map(str::parse).transpose()?,
            citations: row.citations,
            files: row.files,
            feedback: Feedback::read(row.rating, row.comment)?,
            at: row.at,
        })
    }
}

/// Entries of a conversation, as its platform names it, in their order: the `limit` after a number, or the newest.
pub async fn entries(
    db: &Db,
    integration: IntegrationId,
    key: &str,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        EntryRow,
        r#"
        with chosen as (
            select e.number, e.message_id, e.part_id
            from conversations v join chat_entries e on e.conversation_id = v.id
            where v.integration_id = $1 and v.key = $2 and e.number > coalesce($3::bigint, v.entries - $4)
            order by e.number limit $4
        )
        select c.number as "number!", m.id as "message_id!", m.direction as "direction!", m.sender, m.text as "text!",
               p.content as "content?", m.dedupe_key, m.state, a.citations as "citations?",
               (select jsonb_agg(jsonb_build_object('content_type', t.content_type, 'name', t.name) order by t.position)
                from attachments t where t.message_id = m.id) as files,
               f.rating as "rating?", f.comment as "comment?", m.accepted_at as "at!"
        from chosen c
        join messages m on m.id = c.message_id
        left join parts p on p.id = c.part_id
        left join answers a on a.id = m.answer_id and m.direction = 'outbound'
        left join message_feedback f on f.message_id = m.id
        order by c.number
        "#,
        integration.as_uuid(),
        key,
        after,
        limit,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Makes parts readable that were just stored, in the same transaction.
pub(crate) async fn enter_parts(
    tx: &mut PgConnection,
    conversation: ConversationId,
    message: MessageId,
    parts: &[PartId],
) -> Result<(), StoreError> {
    let ids: Vec<_> = parts.iter().map(PartId::as_uuid).collect();
    sqlx::query!(
        "with numbered as (
             update conversations set entries = entries + $3 where id = $1
             returning id, workspace_id, entries - $3 as before
         )
         insert into chat_entries (conversation_id, number, workspace_id, message_id, part_id)
         select n.id, n.before + p.ordinal, n.workspace_id, $2, p.id
         from numbered n, unnest($4::uuid[]) with ordinality as p (id, ordinal)",
        conversation.as_uuid(),
        message.as_uuid(),
        ids.len() as i64,
        &ids,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes a message readable that was just stored, in the same transaction.
pub(crate) async fn enter(
    tx: &mut PgConnection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with numbered as (
             update conversations set entries = entries + 1 where id = $1 returning id, entries, workspace_id
         )
         insert into chat_entries (conversation_id, number, workspace_id, message_id)
         select id, entries, workspace_id, $2 from numbered",
        conversation.as_uuid(),
        message.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What has become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The message, under the id by which it was first accepted.
    pub message: MessageId,
    /// Its own entry.
    pub number: Option<i64>,
    /// How far it is.
    pub state: InboundState,
    /// Why it was not answered.
    pub reason: Option<String>,
    /// The entries of its answer.
    pub answer: Vec<i64>,
    /// Tokens of the prompt and of the answer, where the model counted them.
    pub tokens: (Option<i32>, Option<i32>),
}

impl Outcome {
    /// Whether nothing more will come of it.
    pub const fn is_final(&self) -> bool {
        !matches!(self.state, InboundState::Waiting | InboundState::Answering)
    }
}

/// See [`Outcome`]. `None`: it is not stored yet.
pub async fn outcome(
    db: &Db,
    integration: IntegrationId,
    key: &str,
    dedupe_key: &str,
) -> Result<Option<Outcome>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select m.id, m.state as "state!", m.error, own.number as "own?", e.number as "number?",
               a.tokens_in as "tokens_in?", a.tokens_out as "tokens_out?"
        from conversations v
        join messages m on m.conversation_id = v.id and m.direction = 'inbound' and m.dedupe_key = $3
        left join chat_entries own on own.message_id = m.id
        left join messages r on r.answer_id = m.answer_id and r.direction = 'outbound' and r.conversation_id = v.id
        left join chat_entries e on e.message_id = r.id
        left join answers a on a.id = m.answer_id
        where v.integration_id = $1 and v.key = $2
        order by e.number
        "#,
        integration.as_uuid(),
        key,
        dedupe_key,
    )
    .fetch_all(db.system_pool())
    .await?;
    let mut found: Option<Outcome> = None;
    for row in rows {
        let outcome = match &mut found {
            Some(outcome) => outcome,
            None => found.insert(Outcome {
                message: row.id.into(),
                number: row.own,
                state: row.state.parse()?,
                reason: row.error,
                answer: Vec::new(),
                tokens: (row.tokens_in, row.tokens_out),
            }),
        };
        outcome.answer.extend(row.number);
    }
    Ok(found)
}

/// How far a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The message.
    pub message: MessageId,
    /// How far it is.
    pub state: InboundState,
    /// Why it was not answered.
    pub reason: Option<String>,
}

/// How far the newest messages are that a person or program wrote into a conversation, oldest first.
pub async fn progress(
    db: &Db,
    integration: IntegrationId,
    key: &str,
    newest: i64,
) -> Result<Vec<Progress>, StoreError> {
    let rows = sqlx::query!(
        r#"select m.id, m.state as "state!", m.error
           from conversations v join messages m on m.conversation_id = v.id
           where v.integration_id = $1 and v.key = $2 and m.direction = 'inbound' and m.dedupe_key is not null
           order by m.id desc limit $3"#,
        integration.as_uuid(),
        key,
        newest,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .rev()
        .map(|row| {
            Ok(Progress {
                message: row.id.into(),
                state: row.state.parse()?,
                reason: row.error,
            })
        })
        .collect()
}

/// Something that was said before, elsewhere.
#[derive(Clone)]
pub struct Past {
    /// Which way it went.
    pub direction: Direction,
    /// What was said.
    pub text: String,
}

impl fmt::Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Past({}, {} chars)", self.direction, self.text.chars().count())
    }
}

/// Whose conversation begins, and with what.
#[derive(Debug, Clone)]
pub struct Beginning<'a> {
    /// The bot.
    pub chatbot: ChatbotId,
    /// The integration.
    pub integration: IntegrationId,
    /// The person, as the platform names them.
    pub contact_key: &'a str,
    /// The conversation, as the platform names it.
    pub conversation_key: &'a str,
    /// What was said in it already, oldest first: neither to be answered nor to be sent.
    pub past: &'a [Past],
}

/// Makes a conversation in which something has been said before. `false`: there is one of this name, and it stays as it
/// is.
pub async fn begin(db: &Db, beginning: &Beginning<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut tx = db.system().await?;
    moves::accepting(&mut tx, [beginning.chatbot]).await?;
    let conversation = sqlx::query!(
        r#"
        with known as (
            select id, workspace_id, chatbot_id from integrations where id = $1 and chatbot_id = $2
        ), contact as (
            insert into contacts (id, workspace_id, integration_id, key)
            select $3, workspace_id, id, $4 from known
            on conflict (integration_id, key) do update set last_seen_at = $7
            returning id
        )
        insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
        select $5, k.workspace_id, k.chatbot_id, k.id, c.id, $6 from known k, contact c
        on conflict (integration_id, key) do nothing
        returning id, workspace_id
        "#,
        beginning.integration.as_uuid(),
        beginning.chatbot.as_uuid(),
        ContactId::new().as_uuid(),
        beginning.contact_key,
        ConversationId::new().as_uuid(),
        beginning.conversation_key,
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(conversation) = conversation else {
        return Ok(false);
    };
    let ids: Vec<_> = beginning
        .past
        .iter()
        .map(|_| MessageId::new().as_uuid())
        .collect();
    let directions: Vec<_> = beginning
        .past
        .iter()
        .map(|past| past.direction.as_str().to_owned())
        .collect();
    let texts: Vec<_> = beginning.past.iter().map(|past| past.text.clone()).collect();
    sqlx::query!(
        "insert into messages (id, workspace_id, conversation_id, direction, sender, state, text, accepted_at)
         select p.id, $1, $2, p.direction, case when p.direction = 'outbound' then 'api' end,
                case when p.direction = 'inbound' then 'answered' end, p.text, $3
         from unnest($4::uuid[], $5::text[], $6::text[]) as p (id, direction, text)",
        conversation.workspace_id,
        conversation.id,
        now,
        &ids,
        &directions,
        &texts,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// A chatbot that can be asked over the chat API.
#[derive(Debug, Clone)]
pub struct Askable {
    /// The chatbot.
    pub chatbot: ChatbotId,
    /// What its owner calls it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The chatbots of a workspace that are connected to a platform and switched on, oldest first; a thousand at most.
pub async fn askable(
    db: &Db,
    workspace: WorkspaceId,
    platform: &Platform,
) -> Result<Vec<Askable>, StoreError> {
    let rows = sqlx::query!(
        "select c.id, c.name, c.created_at
         from chatbots c join integrations i on i.chatbot_id = c.id and i.platform = $2
         where c.workspace_id = $1 and c.archived_at is null and i.enabled
         order by c.id limit 1000",
        workspace.as_uuid(),
        platform.as_str(),
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Askable {
            chatbot: row.id.into(),
            name: row.name,
            created_at: row.created_at,
        })
        .collect())
}

/// A file to be kept until a message takes it along.
#[derive(Debug, Clone)]
pub struct NewFile<'a> {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The integration over which it came.
    pub integration: IntegrationId,
    /// Who uploaded it, as the platform names them.
    pub contact_key: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// Its MIME type, as its bytes say.
    pub content_type: &'a str,
}

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its id.
    pub id: BlobId,
    /// Its name.
    pub name: String,
    /// Its MIME type.
    pub content_type: String,
}

/// Keeps a file.
pub async fn keep_file(db: &Db, file: &NewFile<'_>, bytes: &[u8]) -> Result<BlobId, StoreError> {
    let mut tx = db.system().await?;
    let id = blobs::insert(&mut tx, file.workspace, file.content_type, bytes).await?;
    sqlx::query!(
        "insert into chat_files (blob_id, workspace_id, integration_id, contact_key, name) values ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        file.workspace.as_uuid(),
        file.integration.as_uuid(),
        file.contact_key,
        file.name,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(id)
}

/// Bytes that somebody has uploaded since a time.
pub async fn uploaded_since(
    db: &Db,
    integration: IntegrationId,
    contact_key: &str,
    since: DateTime<Utc>,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(b.bytes), 0)::bigint as "bytes!"
           from chat_files f join blobs b on b.id = f.blob_id
           where f.integration_id = $1 and f.contact_key = $2 and f.created_at >= $3"#,
        integration.as_uuid(),
        contact_key,
        since,
    )
    .fetch_one(db.system_pool())
    .await?)
}

/// Those of the files that this contact has uploaded.
pub async fn files(
    db: &Db,
    integration: IntegrationId,
    contact_key: &str,
    ids: &[BlobId],
) -> Result<Vec<File>, StoreError> {
    let ids: Vec<_> = ids.iter().map(BlobId::as_uuid).collect();
    let rows = sqlx::query!(
        "select f.blob_id, f.name, b.content_type
         from chat_files f join blobs b on b.id = f.blob_id
         where f.integration_id = $1 and f.contact_key = $2 and f.blob_id = any($3)",
        integration.as_uuid(),
        contact_key,
        &ids,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| File {
            id: row.blob_id.into(),
            name: row.name,
            content_type: row.content_type,
        })
        .collect())
}

/// Settles an attachment whose bytes are an uploaded file. `false`: its integration has no such file any more.
pub async fn attach(db: &Db, claim: &attachments::Claim, file: BlobId) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        "update attachments a
         set state = 'stored', blob_id = b.id, content_type = b.content_type, error = null,
             lease_token = null, lease_until = null
         from chat_files f join blobs b on b.id = f.blob_id
         where a.id = $1 and a.lease_token = $2 and f.blob_id = $3 and f.integration_id = a.integration_id",
        claim.id.as_uuid(),
        claim.lease.as_uuid(),
        file.as_uuid(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(updated.rows_affected() > 0)
}

/// Forgets uploaded files that went with no message. How many.
pub async fn forget_files(db: &Db, before: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "delete from blobs b using chat_files f
         where f.blob_id = b.id and f.created_at < $1
           and not exists (select from attachments a where a.blob_id = b.id)",
        before,
    )
    .execute(db.system_pool())
    .await?
    .rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{Bot, answer, bot, inbound, noon},
        intake::{NewInbound, NewMedia, take_in},
        outbound::{NewOutbound, enqueue},
    };
    use chrono::TimeDelta;
    use sqlx::PgPool;

    const WEB: Platform = Platform::WEB;

    async fn web_bot(pool: &PgPool) -> Bot {
        let bot = bot(pool).await;
        sqlx::query!(
            "update integrations set platform = 'web' where id = $1",
            bot.integration.as_uuid()
        )
        .execute(pool)
        .await
        .unwrap();
        bot
    }

    async fn ask(db: &Db, bot: Bot, key: &str, name: &str) {
        let message = NewInbound {
            platform: WEB,
            dedupe_key: name.to_owned(),
            ..inbound(bot, key, name)
        };
        take_in(db, &[message]).await.unwrap();
    }

    async fn read(db: &Db, bot: Bot, key: &str, after: Option<i64>) -> Vec<(i64, String)> {
        let found = entries(db, bot.integration, key, after, 100).await.unwrap();
        found
            .into_iter()
            .map(|entry| {
                let sent = entry
                    .content
                    .as_ref()
                    .and_then(|content| content["text"].as_str());
                (entry.number, sent.map_or(entry.text.clone(), str::to_owned))
            })
            .collect()
    }

    #[sqlx::test]
    async fn what_can_be_read_is_numbered_once_in_the_order_in_which_it_could_be(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), web_bot(&pool).await);

        ask(&db, bot, "v/1", "one").await;
        ask(&db, bot, "v/1", "two").await;
        answer(&db, &["first", "second"]).await;
        let mut tx = db.tenant(bot.workspace).await.unwrap();
        let from_an_agent = NewOutbound {
            chatbot: bot.chatbot,
            integration: bot.integration,
            platform: WEB,
            contact_key: "v/1".to_owned(),
            conversation_key: "v/1".to_owned(),
            sender: Sender::Agent,
            author: None,
            text: "third".to_owned(),
            buttons: None,
            contents: vec![serde_json::json!({"text": "third"})],
            expires_at: None,
            traceparent: None,
        };
        enqueue(&mut tx, from_an_agent).await.unwrap();
        tx.commit().await.unwrap();
        ask(&db, bot, "v/1", "three").await;

        let expected = ["one", "two", "first", "second", "third", "three"];
        let all: Vec<_> = (1..).zip(expected.map(str::to_owned)).collect();
        assert_eq!(read(&db, bot, "v/1", None).await, all);
        assert_eq!(read(&db, bot, "v/1", Some(4)).await, all[4..]);
        assert!(read(&db, bot, "v/2", None).await.is_empty());
    }

    #[sqlx::test]
    async fn a_message_of_another_platform_has_no_entry(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), bot(&pool).await);

        crate::fixtures::write(&db, bot, "+1", "hello").await;

        assert!(read(&db, bot, "+1", None).await.is_empty());
    }

    #[sqlx::test]
    async fn a_message_is_followed_from_its_arrival_to_the_answer_that_can_be_read(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), web_bot(&pool).await);
        let look = async || outcome(&db, bot.integration, "v/1", "one").await.unwrap();
        assert_eq!(look().await, None);

        ask(&db, bot, "v/1", "one").await;
        let stored = look().await.unwrap();
        answer(&db, &["first"]).await;
        let answered = look().await.unwrap();

        assert_eq!((stored.state, stored.number), (InboundState::Waiting, Some(1)));
        assert_eq!(
            (answered.state, answered.answer.as_slice()),
            (InboundState::Answered, &[2][..])
        );
        assert!(!stored.is_final() && answered.is_final());
        let progress = progress(&db, bot.integration, "v/1", 10).await.unwrap();
        assert_eq!(progress[0].state, InboundState::Answered);
    }

    #[sqlx::test]
    async fn what_was_said_elsewhere_is_history_and_neither_answered_nor_sent(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), web_bot(&pool).await);
        let past = |direction, text: &str| Past {
            direction,
            text: text.to_owned(),
        };
        let past = [
            past(Direction::Inbound, "I am Ada"),
            past(Direction::Outbound, "Hello Ada"),
        ];
        let beginning = Beginning {
            chatbot: bot.chatbot,
            integration: bot.integration,
            contact_key: "v",
            conversation_key: "v/1",
            past: &past,
        };

        let first = begin(&db, &beginning, noon()).await.unwrap();
        let again = begin(&db, &beginning, noon()).await.unwrap();
        ask(&db, bot, "v/1", "who am I?").await;

        assert!(first && !again);
        let claims = crate::fixtures::claim_turns(&db, 10).await;
        let waiting = crate::turns::take_up(&db, &claims[0]).await.unwrap();
        assert_eq!(waiting.len(), 1);
        let history = crate::turns::history(&db, claims[0].conversation, 10)
            .await
            .unwrap();
        let texts: Vec<_> = history.iter().map(|earlier| earlier.text.as_str()).collect();
        assert_eq!(texts, ["I am Ada", "Hello Ada"]);
        assert_eq!(read(&db, bot, "v/1", None).await, [(1, "who am I?".to_owned())]);
    }

    #[sqlx::test]
    async fn a_file_goes_with_a_message_of_who_uploaded_it_and_is_forgotten_otherwise(pool: PgPool) {
        let (db, bot) = (Db::of_pool(&pool), web_bot(&pool).await);
        let file = NewFile {
            workspace: bot.workspace,
            integration: bot.integration,
            contact_key: "ada",
            name: "plan.pdf",
            content_type: "application/pdf",
        };
        let (sent, left) = (
            keep_file(&db, &file, b"%PDF-1").await.unwrap(),
            keep_file(&db, &file, b"%PDF-2").await.unwrap(),
        );
        let of = async |contact| files(&db, bot.integration, contact, &[sent]).await.unwrap().len();
        assert_eq!((of("ada").await, of("eve").await), (1, 0));
        assert_eq!(
            uploaded_since(&db, bot.integration, "ada", noon() - TimeDelta::days(3650))
                .await
                .unwrap(),
            12
        );

        let message = NewInbound {
            platform: WEB,
            media: vec![NewMedia {
                url: format!("{FILE_SCHEME}{sent}"),
                content_type: "application/pdf".to_owned(),
                name: Some("plan.pdf".to_owned()),
            }],
            ..inbound(bot, "v/1", "see this")
        };
        take_in(&db, &[message]).await.unwrap();
        let claims = attachments::claim(&db, noon(), TimeDelta::seconds(30), 10)
            .await
            .unwrap();
        let attached = attach(&db, &claims[0], sent).await.unwrap();
        let forgotten = forget_files(&db, Utc::now() + TimeDelta::days(1)).await.unwrap();

        assert!(attached);
        assert_eq!(forgotten, 1);
        let kept = sqlx::query_scalar!("select blob_id from chat_files")
            .fetch_all(&pool)
            .await
            .unwrap();
        assert_eq!(kept, [sent.as_uuid()]);
        assert_ne!(kept, [left.as_uuid()]);
        let entry = &entries(&db, bot.integration, "v/1", None, 10).await.unwrap()[0];
        assert_eq!(entry.files.as_ref().unwrap()[0]["name"], "plan.pdf");
    }
}
