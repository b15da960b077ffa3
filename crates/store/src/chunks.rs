//! Passages: the record from which every searchable copy is made.
//!
//! Invariant: a chunk never changes under the same pair of id and `since_version`. A copy that holds the pairs of
//! [`revisions`] holds exactly the chatbot's knowledge of at least the version that came with them.

use crate::{Db, StoreError, SystemTx, TenantTx, meanings, retrieval::Retrieval, sources::Place};
use domain::{ChatbotId, ChunkId, DocumentId, WorkspaceId};
use std::{collections::HashMap, fmt};
use uuid::Uuid;

/// A passage to be stored.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NewChunk {
    /// Headings above it, outermost first, joined by " > ".
    pub heading: String,
    /// Of a question-and-answer pair: the question.
    pub question: Option<String>,
    /// What it says; of a pair, the answer.
    pub text: String,
}

/// A passage, with what citations need.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The passage.
    pub id: ChunkId,
    /// The document it was cut from.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
    /// Of a page: its address.
    pub url: Option<String>,
    /// Headings above it, outermost first, joined by " > ".
    pub heading: String,
    /// Of a question-and-answer pair: the question.
    pub question: Option<String>,
    /// What it says; of a pair, the answer.
    pub text: String,
    /// The knowledge version that brought it, or last gave it its title.
    pub since_version: i64,
}

/// Which passages a chatbot's knowledge consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Revisions {
    /// At least this version.
    pub knowledge_version: i64,
    /// The model whose vectors questions are compared with.
    pub serving: Option<String>,
    /// How they are to be searched.
    pub retrieval: Retrieval,
    /// The passages.
    pub chunks: Vec<Revision>,
}

/// One passage, as far as a copy has to know it to tell whether it is up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// The passage.
    pub id: ChunkId,
    /// The knowledge version that brought it, or last gave it its title.
    pub since_version: i64,
    /// It has a vector of the model that serves.
    pub has_vector: bool,
}

/// A passage with its vector.
pub struct WithVector {
    /// The passage.
    pub chunk: Chunk,
    /// Of the model that was asked for, where there is one.
    pub vector: Option<Vec<f32>>,
}

/// Nothing of its text.
impl fmt::Debug for NewChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewChunk of {} bytes", self.text.len())
    }
}

/// Nothing of its text.
impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("id", &self.id)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

/// A document's passages from `from_position` on, as its owner sees them.
pub async fn list(
    tx: &mut TenantTx,
    document: DocumentId,
    from_position: i32,
    limit: i64,
) -> Result<Vec<Chunk>, StoreError> {
    let rows = sqlx::query!(
        "select c.id, c.document_id, d.title, d.url, c.heading, c.question, c.text, c.since_version
         from chunks c join documents d on d.id = c.document_id
         where c.document_id = $1 and c.workspace_id = $2 and c.position >= $3
         order by c.position
         limit $4",
        document.as_uuid(),
        tx.workspace().as_uuid(),
        from_position,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Chunk {
            id: row.id.into(),
            document: row.document_id.into(),
            title: row.title,
            url: row.url,
            heading: row.heading,
            question: row.question,
            text: row.text,
            since_version: row.since_version,
        })
        .collect())
}

/// The pairs of a chatbot's knowledge as it is now. `None`: the workspace has no such chatbot.
pub async fn revisions(
    db: &Db,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
) -> Result<Option<Revisions>, StoreError> {
    // One statement, so one snapshot: the version and the passages belong together.
    let rows = sqlx::query!(
        r#"select b.knowledge_version, m.serving, r.top_k as "top_k?", r.threshold as "threshold?",
                  r.dense_weight as "dense_weight?", c.id as "id?", c.since_version as "since_version?",
                  v.chunk_id is not null as "has_vector!"
           from chatbots b
                left join meanings m on m.chatbot_id = b.id
                left join retrieval_settings r on r.chatbot_id = b.id
                left join chunks c on c.chatbot_id = b.id and c.workspace_id = b.workspace_id
                left join chunk_vectors v on v.chunk_id = c.id and v.model = m.serving
           where b.id = $1 and b.workspace_id = $2"#,
        chatbot.as_uuid(),
        workspace.as_uuid(),
    )
    .fetch_all(db.system_pool())
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(Revisions {
        knowledge_version: first.knowledge_version,
        serving: first.serving.clone(),
        retrieval: Retrieval {
            top_k: first.top_k,
            threshold: first.threshold,
            dense_weight: first.dense_weight,
        },
        chunks: rows
            .iter()
            .filter_map(|row| {
                Some(Revision {
                    id: row.id?.into(),
                    since_version: row.since_version?,
                    has_vector: row.has_vector,
                })
            })
            .collect(),
    }))
}

/// These passages of a chatbot, those that still exist, with their vectors of this model.
pub async fn by_ids(
    db: &Db,
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    ids: &[ChunkId],
    model: Option<&str>,
) -> Result<Vec<WithVector>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(ChunkId::as_uuid).collect();
    let rows = sqlx::query!(
        r#"select c.id, c.document_id, d.title, d.url, c.heading, c.question, c.text, c.since_version,
                  v.vector as "vector?"
           from chunks c
                join documents d on d.id = c.document_id
                left join chunk_vectors v on v.chunk_id = c.id and v.model = $4
           where c.id = any($1) and c.chatbot_id = $2 and c.workspace_id = $3"#,
        &ids,
        chatbot.as_uuid(),
        workspace.as_uuid(),
        model,
    )
    .fetch_all(db.system_pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WithVector {
            chunk: Chunk {
                id: row.id.into(),
                document: row.document_id.into(),
                title: row.title,
                url: row.url,
                heading: row.heading,
                question: row.question,
                text: row.text,
                since_version: row.since_version,
            },
            vector: row.vector.as_deref().map(meanings::from_bytes),
        })
        .collect())
}

/// Passages that stay, by column.
#[derive(Default)]
struct Kept {
    ids: Vec<Uuid>,
    positions: Vec<i32>,
}

/// Passages that come, by column.
#[derive(Default)]
struct New {
    ids: Vec<Uuid>,
    positions: Vec<i32>,
    headings: Vec<String>,
    questions: Vec<Option<String>>,
    texts: Vec<String>,
}

/// Makes a document's passages these. One that says what an old one said keeps its id; `renamed`: their document has a
/// new title, so that every copy of them is out of date.
pub(crate) async fn replace(
    tx: &mut SystemTx,
    place: &Place,
    document: DocumentId,
    chunks: &[NewChunk],
    renamed: bool,
    knowledge_version: i64,
) -> Result<(), StoreError> {
    let old = sqlx::query!(
        "select id, heading, question, text from chunks where document_id = $1 order by position",
        document.as_uuid()
    )
    .fetch_all(&mut **tx)
    .await?;
    // The same words may stand in a document twice, so each old passage is given away once.
    let mut unused: HashMap<NewChunk, Vec<Uuid>> = HashMap::new();
    for row in old.into_iter().rev() {
        unused
            .entry(NewChunk {
                heading: row.heading,
                question: row.question,
                text: row.text,
            })
            .or_default()
            .push(row.id);
    }

    let mut kept = Kept::default();
    let mut new = New::default();
    for (position, chunk) in (0i32..).zip(chunks) {
        match unused.get_mut(chunk).and_then(Vec::pop) {
            Some(id) => {
                kept.ids.push(id);
                kept.positions.push(position);
            }
            None => {
                new.ids.push(ChunkId::new().as_uuid());
                new.positions.push(position);
                new.headings.push(chunk.heading.clone());
                new.questions.push(chunk.question.clone());
                new.texts.push(chunk.text.clone());
            }
        }
    }

    let gone: Vec<Uuid> = unused.into_values().flatten().collect();
    sqlx::query!("delete from chunks where id = any($1)", &gone)
        .execute(&mut **tx)
        .await?;
    if renamed {
        // The title is part of what a vector is made of.
        sqlx::query!("delete from chunk_vectors where chunk_id = any($1)", &kept.ids)
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query!(
        "update chunks set position = kept.position,
             since_version = case when $3 then $4 else since_version end
         from unnest($1::uuid[], $2::int[]) as kept (id, position)
         where chunks.id = kept.id and (chunks.position <> kept.position or $3)",
        &kept.ids,
        &kept.positions,
        renamed,
        knowledge_version,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into chunks (id, workspace_id, chatbot_id, document_id, position, heading, question, text, since_version)
         select id, $6, $7, $8, position, heading, question, text, $9
         from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[])
             as new (id, position, heading, question, text)",
        &new.ids,
        &new.positions,
        &new.headings,
        &new.questions as &[Option<String>],
        &new.texts,
        place.workspace.as_uuid(),
        place.chatbot.as_uuid(),
        document.as_uuid(),
        knowledge_version,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
