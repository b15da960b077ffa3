//! A look at a site begins: robots.txt, its sitemaps, its start.

use crate::{
    Indexer,
    fetch::{FetchError, Known},
    robots::{self, Robots},
    scope::Scope,
    work::Unread,
};
use std::{collections::HashSet, sync::Arc};
use store::{
    pages,
    sources::{Claimed, Site},
};
use url::Url;

/// Sitemaps that are read of one site, those that other sitemaps name included.
const MOST_SITEMAPS: usize = 50;

/// Begins it. `false`: the claim of the source was lost.
pub(crate) async fn begin(indexer: &Indexer, claimed: &Claimed, site: &Site) -> Result<bool, Unread> {
    let scope = Scope::of(site).ok_or_else(|| Unread::Owner("its start is not an address".to_owned()))?;
    let mut seeds = vec![scope.start().to_string()];
    if site.whole_site {
        let robots = robots(indexer, scope.start()).await.map_err(Unread::Later)?;
        let most = usize::try_from(site.most_pages).unwrap_or_default();
        let mut known: HashSet<String> = seeds.iter().cloned().collect();
        for page in in_sitemaps(indexer, &scope, &robots, most).await {
            if known.insert(page.clone()) {
                seeds.push(page);
            }
        }
    }
    process::crash_point!("site.before_begin");
    Ok(pages::begin(&indexer.db, claimed, &seeds, site.most_pages).await?)
}

/// A site's robots.txt, asked for once an hour. An error: it cannot be told now what the site allows.
pub(crate) async fn robots(indexer: &Indexer, page: &Url) -> Result<Arc<Robots>, String> {
    let origin = page.origin().ascii_serialization();
    indexer
        .robots
        .try_get_with(origin, async {
            let address = page.join("/robots.txt").map_err(|error| error.to_string())?;
            // RFC 9309, 2.3.1: without one all is allowed; while the server fails, nothing is.
            match indexer.fetcher.get(&address, &Known::default(), |_| true).await {
                Ok(fetched) => {
                    let start = &fetched.body[..fetched.body.len().min(robots::MOST_BYTES)];
                    Ok(Arc::new(Robots::read(&String::from_utf8_lossy(start))))
                }
                Err(FetchError::Absent(_) | FetchError::Unchanged | FetchError::Moved { .. }) => {
                    Ok(Arc::new(Robots::default()))
                }
                Err(FetchError::Later { reason, .. }) => {
                    Err(format!("its robots.txt cannot be read: {reason}"))
                }
            }
        })
        .await
        .map_err(|reason: Arc<String>| reason.to_string())
}

/// The pages of this site that its sitemaps name, `most` at most. <https://www.sitemaps.org/protocol.html>
async fn in_sitemaps(indexer: &Indexer, scope: &Scope<'_>, robots: &Robots, most: usize) -> Vec<String> {
    let start = scope.start();
    let mut waiting: Vec<Url> = robots
        .sitemaps
        .iter()
        .filter_map(|map| start.join(map).ok())
        .collect();
    if waiting.is_empty() {
        waiting.extend(start.join("/sitemap.xml"));
    }
    let mut asked = HashSet::new();
    let mut pages = Vec::new();
    while let Some(map) = waiting.pop() {
        if asked.len() >= MOST_SITEMAPS || pages.len() >= most || !asked.insert(map.clone()) {
            continue;
        }
        // One that cannot be read names nothing; the site's links are followed all the same.
        let Ok(fetched) = indexer.fetcher.get(&map, &Known::default(), |_| true).await else {
            continue;
        };
        let named = named(&String::from_utf8_lossy(&fetched.body));
        waiting.extend(named.sitemaps.iter().filter_map(|map| start.join(map).ok()));
        pages.extend(named.pages.iter().filter_map(|page| scope.link(start, page)));
    }
    pages.truncate(most);
    pages
}

#[derive(Debug, Default, PartialEq)]
struct Named {
    sitemaps: Vec<String>,
    pages: Vec<String>,
}

/// What a sitemap names. One that is broken in the middle names what comes before.
fn named(xml: &str) -> Named {
    use quick_xml::{Reader, events::Event};
    let mut named = Named::default();
    let mut reader = Reader::from_str(xml);
    let (mut of_sitemaps, mut location): (bool, Option<String>) = (false, None);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(start) => match start.local_name().as_ref() {
                "sitemapindex" => of_sitemaps = true,
                "loc" => location = Some(String::new()),
                _ => {}
            },
            Event::Text(text) => location
                .iter_mut()
                .for_each(|at| at.push_str(&text.xml10_content())),
            Event::CData(text) => location
                .iter_mut()
                .for_each(|at| at.push_str(&text.xml10_content())),
            Event::GeneralRef(reference) if &*reference == "amp" => {
                location.iter_mut().for_each(|at| at.push('&'))
            }
            Event::End(end) if end.local_name().as_ref() == "loc" => {
                if let Some(at) = location
                    .take()
                    .map(|at| at.trim().to_owned())
                    .filter(|at| !at.is_empty())
                {
                    if of_sitemaps {
                        named.sitemaps.push(at);
                    } else {
                        named.pages.push(at);
                    }
                }
            }
            _ => {}
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sitemap_names_pages_and_an_index_sitemaps() {
        let pages = named(
            "<?xml version='1.0'?><urlset><url><loc> https://a.example/?a=1&amp;b=2 </loc></url><url><loc><![CDATA[/x]]></loc></url><url><loc>/cut",
        );
        let index =
            named("<sitemapindex><sitemap><loc>https://a.example/1.xml</loc></sitemap></sitemapindex>");

        assert_eq!(pages.pages, ["https://a.example/?a=1&b=2", "/x"]);
        assert_eq!(index.sitemaps, ["https://a.example/1.xml"]);
        assert!(index.pages.is_empty());
    }
}
