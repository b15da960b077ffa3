//! The pages of sites that are sources: found, fetched one by one, and read into documents.
//!
//! Invariants: a page's row says whether it is due, and whoever fetches it holds a lease token that is new at every claim. A
//! page's document, its passages and what it links to are committed together, once; a look at a site (its *crawl*) is over
//! when none of its pages is due, and only then what it did not find again goes. Killed at any point, a look goes on where
//! it was.

use crate::{
    Db, StoreError, SystemTx, TenantTx,
    sources::{Claimed, Content, NewDocument, Place, Site, next_version, set_version, without_nul},
};
use chrono::{DateTime, Utc};
use domain::{ChatbotId, DocumentId, LeaseToken, SourceId, WorkspaceId};
use std::{collections::HashSet, time::Duration};
use uuid::Uuid;

/// A page, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its id.
    pub id: Uuid,
    /// Its address.
    pub url: String,
    /// `due`, `ready`, `left_out` or `failed`.
    pub state: String,
    /// Why it was left out, or could not be fetched.
    pub reason: Option<String>,
    /// Links away from the start.
    pub depth: i32,
    /// When it was last fetched.
    pub fetched_at: Option<DateTime<Utc>>,
    /// What it was read into.
    pub document: Option<DocumentId>,
}

/// A page that one indexer has in hand.
#[derive(Debug, Clone)]
pub struct PageClaim {
    /// The page.
    pub id: Uuid,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Whose knowledge it becomes.
    pub chatbot: ChatbotId,
    /// The site.
    pub source: SourceId,
    /// What of the site is read.
    pub site: Site,
    /// Its address.
    pub url: String,
    /// Links away from the start.
    pub depth: i32,
    /// What the server said of the version that was read last.
    pub etag: Option<String>,
    /// The same.
    pub last_modified: Option<String>,
    /// It was read before, and is still there.
    pub has_document: bool,
    /// How often it was claimed in this look, this time included.
    pub attempts: i32,
    /// Proves the claim.
    pub lease: LeaseToken,
}

/// What became of a page.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is as it was.
    Unchanged,
    /// It was read.
    Read(Box<Read>),
    /// Nothing of it is kept: it is gone, asks not to be, or holds no text.
    LeftOut {
        /// Why, for the owner.
        reason: String,
        /// Where it leads all the same.
        links: Vec<String>,
    },
    /// It could not be fetched; what was read before stays.
    Failed {
        /// Why, for the owner.
        reason: String,
    },
}

/// A page that was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its text.
    pub document: NewDocument,
    /// Addresses of this site that it leads to.
    pub links: Vec<String>,
    /// To ask with next time.
    pub etag: Option<String>,
    /// The same.
    pub last_modified: Option<String>,
}

/// What came of a page's commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// The claim held.
    pub held: bool,
    /// Something that can be found has changed.
    pub changed: bool,
    /// It was the last page of this look.
    pub site_done: bool,
}

/// Begins a look at a site: these addresses are due, and what they lead to will be. The source is claimed no more until
/// the look is over. `false`: the claim of the source was lost.
pub async fn begin(db: &Db, claimed: &Claimed, seeds: &[String], most: i32) -> Result<bool, StoreError> {
    let mut tx = db.system().await?;
    let crawl = sqlx::query_scalar!(
        "update sources set state = 'indexing', crawl = crawl + 1, due_at = 'infinity', attempts = 0,
             lease_token = null, lease_until = null
         where id = $1 and lease_token = $2 and version = $3
         returning crawl",
        claimed.id.as_uuid(),
        claimed.lease.as_uuid(),
        claimed.version,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(crawl) = crawl else {
        return Ok(false);
    };
    let place = Place {
        workspace: claimed.workspace,
        chatbot: claimed.chatbot,
        source: claimed.id,
    };
    find(&mut tx, &place, crawl, 0, seeds, most).await?;
    tx.commit().await?;
    Ok(true)
}

/// Pages that a look has found: new ones, and known ones that it has not seen yet, are due. No more than `most` in all.
async fn find(
    tx: &mut SystemTx,
    place: &Place,
    crawl: i64,
    depth: i32,
    urls: &[String],
    most: i32,
) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    let urls: Vec<String> = urls
        .iter()
        .filter(|url| seen.insert(url.as_str()))
        .cloned()
        .collect();
    let ids: Vec<Uuid> = urls.iter().map(|_| Uuid::now_v7()).collect();
    sqlx::query!(
        "insert into pages (id, workspace_id, chatbot_id, source_id, url, depth, crawl)
         select id, $3, $4, $5, url, $6, $7
         from unnest($1::uuid[], $2::text[]) with ordinality as found (id, url, place)
         where not exists (select from pages p where p.source_id = $5 and p.url = found.url and p.crawl >= $7)
         order by place
         limit greatest(0, $8::int - (select count(*)::int from pages p where p.source_id = $5 and p.crawl >= $7))
         on conflict (source_id, url) do update
             set state = 'due', reason = null, depth = excluded.depth, crawl = excluded.crawl, attempts = 0,
                 due_at = now(), lease_token = null, lease_until = null
             where pages.crawl < excluded.crawl",
        &ids,
        &urls,
        place.workspace.as_uuid(),
        place.chatbot.as_uuid(),
        place.source.as_uuid(),
        depth,
        crawl,
        most,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the page that has been due longest, of a site of which fewer than `at_once` are in hand. `None`: none is due.
pub async fn claim(db: &Db, lease: Duration, at_once: i64) -> Result<Option<PageClaim>, StoreError> {
    let token = LeaseToken::new();
    let row = sqlx::query!(
        r#"with busy as materialized (
               select source_id from pages where state = 'due' and lease_until > now()
               group by source_id having count(*) >= $3
           )
           update pages set attempts = pages.attempts + 1, lease_token = $1,
               lease_until = now() + make_interval(secs => $2)
           from sources s
           where s.id = pages.source_id and pages.id = (
               select p.id from pages p
               where p.state = 'due' and p.due_at <= now() and (p.lease_until is null or p.lease_until <= now())
                 and not exists (select from busy where busy.source_id = p.source_id)
               order by p.due_at, p.id
               limit 1
               for update skip locked
           )
           returning pages.id, pages.workspace_id, pages.chatbot_id, pages.source_id, pages.url, pages.depth, pages.etag,
                     pages.last_modified, pages.document_id is not null as "has_document!", pages.attempts,
                     s.kind, s.content"#,
        token.as_uuid(),
        lease.as_secs_f64(),
        at_once,
    )
    .fetch_optional(db.system_pool())
    .await?;
    row.map(|row| {
        let Content::Site(site) = Content::from_row(&row.kind, row.content, None)? else {
            return Err(StoreError::Unreadable(
                "a page of a source that is no site".to_owned(),
            ));
        };
        Ok(PageClaim {
            id: row.id,
            workspace: row.workspace_id.into(),
            chatbot: row.chatbot_id.into(),
            source: row.source_id.into(),
            site,
            url: row.url,
            depth: row.depth,
            etag: row.etag,
            last_modified: row.last_modified,
            has_document: row.has_document,
            attempts: row.attempts,
            lease: token,
        })
    })
    .transpose()
}

/// Keeps a claim for longer. `false`: it is lost.
pub async fn extend(db: &Db, claim: &PageClaim, lease: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update pages set lease_until = now() + make_interval(secs => $3) where id = $1 and lease_token = $2",
        claim.id,
        claim.lease.as_uuid(),
        lease.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a page back, to be fetched again after `delay`.
pub async fn release(db: &Db, claim: &PageClaim, delay: Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "update pages set lease_token = null, lease_until = null, due_at = now() + make_interval(secs => $3)
         where id = $1 and lease_token = $2",
        claim.id,
        claim.lease.as_uuid(),
        delay.as_secs_f64(),
    )
    .execute(db.system_pool())
    .await?;
    Ok(())
}

/// Settles a page: its document, what it links to and its state, together; after the last page also the site.
pub async fn commit(db: &Db, claim: &PageClaim, outcome: &Outcome) -> Result<Committed, StoreError> {
    let mut tx = db.system().await?;
    let place = Place {
        workspace: claim.workspace,
        chatbot: claim.chatbot,
        source: claim.source,
    };
    // The chatbot's row first, then the source's, as everybody does who changes knowledge.
    let Some(version) = next_version(&mut tx, &place).await? else {
        return Ok(Committed::default());
    };
    let crawl = sqlx::query_scalar!(
        "select crawl from sources where id = $1 for update",
        claim.source.as_uuid()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let page = sqlx::query!(
        "select document_id, links, crawl from pages where id = $1 and lease_token = $2 for update",
        claim.id,
        claim.lease.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let (Some(crawl), Some(page)) = (crawl, page) else {
        return Ok(Committed::default());
    };
    let document: Option<DocumentId> = page.document_id.map(Into::into);

    let mut committed = Committed {
        held: true,
        ..Committed::default()
    };
    let links: Vec<String> = match outcome {
        Outcome::Unchanged => {
            settle(&mut tx, claim, "ready", None, document, None).await?;
            serde_json::from_value(page.links)?
        }
        Outcome::Read(read) => {
            let (document, changed) = write(&mut tx, &place, document, &read.document, version).await?;
            committed.changed = changed;
            settle(&mut tx, claim, "ready", None, Some(document), Some(read)).await?;
            read.links.clone()
        }
        Outcome::LeftOut { reason, links } => {
            if let Some(document) = document {
                committed.changed = true;
                crate::documents::delete(&mut tx, document).await?;
            }
            settle(&mut tx, claim, "left_out", Some(reason), None, None).await?;
            links.clone()
        }
        Outcome::Failed { reason } => {
            settle(&mut tx, claim, "failed", Some(reason), document, None).await?;
            serde_json::from_value(page.links)?
        }
    };
    // A look that began meanwhile finds its own.
    if page.crawl == crawl && claim.depth < claim.site.most_depth {
        find(
            &mut tx,
            &place,
            crawl,
            claim.depth + 1,
            &links,
            claim.site.most_pages,
        )
        .await?;
    }
    if finish(&mut tx, &place, crawl).await? {
        committed.site_done = true;
        committed.changed |= drop_lost(&mut tx, &place, crawl).await?;
    }
    if !committed.changed {
        set_version(&mut tx, &place, version - 1).await?;
    }
    tx.commit().await?;
    Ok(committed)
}

async fn settle(
    tx: &mut SystemTx,
    claim: &PageClaim,
    state: &str,
    reason: Option<&String>,
    document: Option<DocumentId>,
    read: Option<&Read>,
) -> Result<(), StoreError> {
    let links = read.map(|read| serde_json::to_value(&read.links)).transpose()?;
    sqlx::query!(
        "update pages set state = $2, reason = $3, document_id = $4, lease_token = null, lease_until = null, fetched_at = now(),
             etag = case when $5 then $6 else etag end,
             last_modified = case when $5 then $7 else last_modified end,
             links = coalesce($8, links)
         where id = $1",
        claim.id,
        state,
        reason.map(|reason| without_nul(reason)),
        document.map(|id| id.as_uuid()),
        read.is_some() || document.is_none(),
        read.and_then(|read| read.etag.clone()),
        read.and_then(|read| read.last_modified.clone()),
        links,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The page's document and whether anything that can be found has changed.
async fn write(
    tx: &mut SystemTx,
    place: &Place,
    before: Option<DocumentId>,
    document: &NewDocument,
    version: i64,
) -> Result<(DocumentId, bool), StoreError> {
    let before = match before {
        Some(id) => crate::documents::before(tx, id).await?,
        None => None,
    };
    match before {
        Some(before) if before.content_hash == document.content_hash && before.title == document.title => {
            Ok((before.id, false))
        }
        Some(before) => {
            crate::documents::update(tx, before.id, document).await?;
            let renamed = before.title != document.title;
            crate::chunks::replace(tx, place, before.id, &document.chunks, renamed, version).await?;
            Ok((before.id, true))
        }
        None => {
            let id = DocumentId::new();
            crate::documents::insert(tx, place, id, document).await?;
            crate::chunks::replace(tx, place, id, &document.chunks, false, version).await?;
            Ok((id, true))
        }
    }
}

/// Ends the look when no page is due. A site of which nothing could be read has failed, for its first page's reason.
async fn finish(tx: &mut SystemTx, place: &Place, crawl: i64) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update sources set
             state = case when seen.ready then 'ready' else 'failed' end,
             error = case when seen.ready then null else seen.reason end,
             indexed_version = case when seen.ready then version else indexed_version end,
             refresh_due_at = now() + make_interval(hours => refresh_hours)
         from (select bool_or(p.document_id is not null) as ready,
                      (array_agg(p.url || ': ' || coalesce(p.reason, '') order by p.depth, p.id))[1] as reason,
                      bool_or(p.state = 'due') as due
               from pages p where p.source_id = $1 and p.crawl = $2) seen
         where id = $1 and crawl = $2 and state = 'indexing' and not seen.due",
        place.source.as_uuid(),
        crawl,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Drops the pages that the look that is over has not found. Whether any of them could be found by a question.
async fn drop_lost(tx: &mut SystemTx, place: &Place, crawl: i64) -> Result<bool, StoreError> {
    let documents = sqlx::query!(
        "delete from documents where id in (select document_id from pages where source_id = $1 and crawl < $2)",
        place.source.as_uuid(),
        crawl,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "delete from pages where source_id = $1 and crawl < $2",
        place.source.as_uuid(),
        crawl,
    )
    .execute(&mut **tx)
    .await?;
    // Those that were read when the source was a text or a file belong to no page.
    let others = sqlx::query!(
        "delete from documents d where d.source_id = $1
             and not exists (select from pages p where p.document_id = d.id and p.source_id = $1)",
        place.source.as_uuid(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(documents.rows_affected() + others.rows_affected() > 0)
}

/// A site's pages after `after`, in the order in which they were found; `state`: only those.
pub async fn list(
    tx: &mut TenantTx,
    source: SourceId,
    state: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Page>, StoreError> {
    let workspace = tx.workspace().as_uuid();
    let rows = sqlx::query!(
        "select id, url, state, reason, depth, fetched_at, document_id from pages
         where source_id = $1 and workspace_id = $2 and ($3::text is null or state = $3) and ($4::uuid is null or id > $4)
         order by id limit $5",
        source.as_uuid(),
        workspace,
        state,
        after,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Page {
            id: row.id,
            url: row.url,
            state: row.state,
            reason: row.reason,
            depth: row.depth,
            fetched_at: row.fetched_at,
            document: row.document_id.map(Into::into),
        })
        .collect())
}

#[cfg(test)]
mod tests;
