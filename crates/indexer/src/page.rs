//! One page of a site: fetched, read and settled.

use crate::{
    Indexer, cut,
    fetch::{FetchError, Fetched, Known},
    scope::Scope,
    site, work,
};
use extract::Document;
use queue::workspace_news::{self, WorkspaceNews};
use std::{collections::HashSet, time::Duration};
use store::{
    StoreError,
    pages::{self, Outcome, PageClaim, Read},
};
use url::Url;

/// Links that are kept of one page.
const MOST_LINKS: usize = 1_000;
/// A page that is mostly made by scripts.
const NO_TEXT: &str =
    "there is no text in it; what scripts write into a page after it has loaded cannot be read";

/// What becomes of a claimed page now.
enum Settled {
    Commit(Outcome),
    /// To be fetched again after a while, because of this.
    Later(String, Option<Duration>),
}

/// Fetches and settles a claimed page.
#[tracing::instrument(skip_all, fields(source.id = %claim.source, chatbot.id = %claim.chatbot, attempt = claim.attempts))]
pub(crate) async fn index(indexer: &Indexer, claim: PageClaim) {
    let started = tokio::time::Instant::now();
    let lease = indexer.limits.lease;
    let extend = || pages::extend(&indexer.db, &claim, lease);
    let settled = work::held(lease, extend, settle(indexer, &claim)).await;
    let outcome = match settled {
        Settled::Later(reason, after)
            if claim.attempts < i32::try_from(indexer.limits.attempts).unwrap_or(i32::MAX) =>
        {
            tracing::debug!(reason, "the page will be fetched again");
            let pause = after.unwrap_or_else(|| indexer.limits.pause_after(claim.attempts));
            told(pages::release(&indexer.db, &claim, pause).await);
            return;
        }
        Settled::Later(reason, _) => Outcome::Failed { reason },
        Settled::Commit(outcome) => outcome,
    };
    process::crash_point!("site.before_page_commit");
    let committed = match pages::commit(&indexer.db, &claim, &outcome).await {
        Ok(committed) => committed,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the page was not settled, it will be fetched again"
            );
            told(pages::release(&indexer.db, &claim, indexer.limits.retry).await);
            return;
        }
    };
    process::crash_point!("site.after_page_commit");
    metrics::histogram!("botsmith_page_seconds").record(started.elapsed().as_secs_f64());
    if committed.changed || committed.site_done {
        work::tell(&indexer.queue, claim.workspace, claim.chatbot);
    } else {
        // How many pages are read is progress too.
        let news = WorkspaceNews::Sources {
            chatbot: claim.chatbot,
        };
        workspace_news::tell(&indexer.queue, claim.workspace, &news);
    }
    // What it links to is due.
    indexer.news.notify_one();
}

/// If it was not given back, the claim runs out by itself.
fn told(given_back: Result<(), StoreError>) {
    if let Err(error) = given_back {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the page was not given back"
        );
    }
}

async fn settle(indexer: &Indexer, claim: &PageClaim) -> Settled {
    let left_out = |reason: &str| {
        Settled::Commit(Outcome::LeftOut {
            reason: reason.to_owned(),
            links: Vec::new(),
        })
    };
    let (Some(scope), Ok(url)) = (Scope::of(&claim.site), Url::parse(&claim.url)) else {
        return left_out("it is not an address");
    };
    let mut pause = indexer.page_pause;
    if claim.site.whole_site {
        let robots = match site::robots(indexer, &url).await {
            Ok(robots) => robots,
            Err(reason) => return Settled::Later(reason, None),
        };
        let path = &url[url::Position::BeforePath..];
        if !robots.allows(path) {
            return left_out("the site's robots.txt asks that it is not read");
        }
        pause = robots.delay.unwrap_or(pause);
    }
    indexer.pace.wait(&url, pause).await;

    let known = Known {
        etag: claim.etag.clone().filter(|_| claim.has_document),
        last_modified: claim.last_modified.clone().filter(|_| claim.has_document),
    };
    // The owner named a single page: wherever it went, it is that page.
    let follow = |_: &Url| !claim.site.whole_site;
    match indexer.fetcher.get(&url, &known, follow).await {
        Ok(fetched) => read(indexer, claim, &scope, fetched).await,
        Err(FetchError::Unchanged) => Settled::Commit(Outcome::Unchanged),
        Err(FetchError::Absent(reason)) => left_out(&reason),
        Err(FetchError::Moved { to }) => {
            let links: Vec<String> = scope.link(&url, to.as_str()).into_iter().collect();
            let reason = format!(
                "it has moved to {}",
                links.first().map_or("another site", String::as_str)
            );
            Settled::Commit(Outcome::LeftOut { reason, links })
        }
        Err(FetchError::Later { reason, after }) => Settled::Later(reason, after),
    }
}

async fn read(indexer: &Indexer, claim: &PageClaim, scope: &Scope<'_>, fetched: Fetched) -> Settled {
    let name = name(&fetched);
    let extraction = match indexer.extractor.read(&name, &fetched.body).await {
        Ok(extraction) => extraction,
        Err(error) if error.is_transient() => return Settled::Later(error.to_string(), None),
        // A page that has only links is a page to go on from, but links come with text.
        Err(error) => {
            let reason = match error {
                extract::ExtractError::NoText => NO_TEXT.to_owned(),
                other => other.to_string(),
            };
            return Settled::Commit(Outcome::LeftOut {
                reason,
                links: Vec::new(),
            });
        }
    };
    let Some(document) = extraction.documents.into_iter().next() else {
        return Settled::Commit(Outcome::LeftOut {
            reason: NO_TEXT.to_owned(),
            links: Vec::new(),
        });
    };
    let links = if claim.site.whole_site {
        links(scope, &fetched.url, &document)
    } else {
        Vec::new()
    };
    if claim.site.whole_site {
        if document.no_index {
            return Settled::Commit(Outcome::LeftOut {
                reason: "the page asks not to be kept (noindex)".to_owned(),
                links,
            });
        }
        let canonical = document
            .canonical
            .as_deref()
            .and_then(|at| scope.link(&fetched.url, at));
        if let Some(canonical) = canonical.filter(|canonical| *canonical != claim.url) {
            return Settled::Commit(Outcome::LeftOut {
                reason: format!("it says that it is the same as {canonical}"),
                links: std::iter::once(canonical).chain(links).collect(),
            });
        }
    }
    let title = document
        .title
        .clone()
        .unwrap_or_else(|| address_as_title(&fetched.url));
    let cut = tokio::task::spawn_blocking(move || cut::one(&title, &document)).await;
    match cut {
        Ok(Some(document)) => Settled::Commit(Outcome::Read(Box::new(Read {
            document: store::sources::NewDocument {
                url: Some(fetched.url.to_string()),
                ..document
            },
            links,
            etag: fetched.etag,
            last_modified: fetched.last_modified,
        }))),
        Ok(None) => Settled::Commit(Outcome::LeftOut {
            reason: NO_TEXT.to_owned(),
            links,
        }),
        Err(error) => Settled::Later(format!("cutting the page ended badly: {error}"), None),
    }
}

/// What the reader tells the kind of file by, where the content does not say it.
fn name(fetched: &Fetched) -> String {
    let essence = fetched.content_type.split(';').next().unwrap_or_default().trim();
    match essence {
        "text/html" | "application/xhtml+xml" => "page.html".to_owned(),
        "text/csv" => "page.csv".to_owned(),
        "text/markdown" => "page.md".to_owned(),
        _ => fetched
            .url
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn links(scope: &Scope<'_>, page: &Url, document: &Document) -> Vec<String> {
    if document.no_follow {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    document
        .links
        .iter()
        .filter_map(|link| scope.link(page, link))
        .filter(|link| seen.insert(link.clone()))
        .take(MOST_LINKS)
        .collect()
}

/// `https://a.example/docs/first-steps.html` is "first steps".
fn address_as_title(url: &Url) -> String {
    let last = url
        .path_segments()
        .and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()))
        .map(|segment| {
            segment
                .split('.')
                .next()
                .unwrap_or(segment)
                .replace(['-', '_'], " ")
        });
    last.filter(|title| !title.is_empty())
        .unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned())
}
