//! What a source is made of, as it was sent.

use super::{QuestionAndAnswer, SiteRules};
use crate::{input, problem::Problem};
use egress::{Guard, UrlError};
use store::sources::{Content, Pair, Site};
use url::Url;

const MOST_TEXT: usize = 1_000_000;
const MOST_PAIRS: usize = 5_000;
pub(crate) const MOST_QUESTION: usize = 2_000;
pub(crate) const MOST_ANSWER: usize = 10_000;
const MOST_PATTERNS: usize = 100;
const MOST_PATTERN: usize = 200;
const MOST_PAGES: i32 = 10_000;
const USUAL_PAGES: i32 = 500;
const MOST_DEPTH: i32 = 50;
const USUAL_DEPTH: i32 = 10;
/// A year.
const LONGEST_REFRESH: i32 = 8_760;

/// `None`: nothing was sent.
pub(super) fn content(
    text: Option<String>,
    pairs: Option<Vec<QuestionAndAnswer>>,
    url: Option<String>,
    rules: Option<SiteRules>,
) -> Result<Option<Content>, Problem> {
    if rules.is_some() && url.is_none() {
        return Err(Problem::invalid(
            "site",
            "site goes with url, where reading begins",
        ));
    }
    match (text, pairs, url) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Ok(Some(Content::Text(input::filled_block(
            "text", &text, MOST_TEXT,
        )?))),
        (None, Some(given), None) => Ok(Some(Content::Qa(self::pairs(&given)?))),
        (None, None, Some(url)) => Ok(Some(Content::Site(site(&url, rules)?))),
        _ => Err(Problem::invalid(
            "text",
            "a source has one of text, pairs and url",
        )),
    }
}

fn pairs(given: &[QuestionAndAnswer]) -> Result<Vec<Pair>, Problem> {
    input::number("pairs", given.len(), 1, MOST_PAIRS)?;
    given
        .iter()
        .map(|pair| {
            Ok(Pair {
                question: input::filled_block("question", &pair.question, MOST_QUESTION)?,
                answer: input::filled_block("answer", &pair.answer, MOST_ANSWER)?,
            })
        })
        .collect()
}

fn site(url: &str, rules: Option<SiteRules>) -> Result<Site, Problem> {
    // Whether a private address may be read is the indexer's to say: the operator may have allowed it there.
    let start = match Guard::open().check(url) {
        Ok(checked) => checked.as_str().to_owned(),
        Err(
            error @ (UrlError::Unreadable(_)
            | UrlError::Scheme(_)
            | UrlError::Credentials
            | UrlError::Refused { .. }),
        ) => {
            return Err(Problem::invalid("url", error.to_string()));
        }
    };
    let whole_site = rules.is_some();
    let rules = rules.unwrap_or(SiteRules {
        include: Vec::new(),
        exclude: Vec::new(),
        most_pages: Some(1),
        most_depth: Some(0),
    });
    Ok(Site {
        start,
        whole_site,
        include: patterns("site.include", rules.include)?,
        exclude: patterns("site.exclude", rules.exclude)?,
        most_pages: input::number(
            "site.most_pages",
            rules.most_pages.unwrap_or(USUAL_PAGES),
            1,
            MOST_PAGES,
        )?,
        most_depth: input::number(
            "site.most_depth",
            rules.most_depth.unwrap_or(USUAL_DEPTH),
            0,
            MOST_DEPTH,
        )?,
    })
}

fn patterns(field: &'static str, given: Vec<String>) -> Result<Vec<String>, Problem> {
    input::number(field, given.len(), 0, MOST_PATTERNS)?;
    given
        .iter()
        .map(|pattern| {
            let pattern = input::line(field, pattern, MOST_PATTERN)?;
            if pattern.starts_with(['/', '*']) {
                Ok(pattern)
            } else {
                Err(Problem::invalid(
                    field,
                    format!("{field} has paths, which begin with / or *: /help/*"),
                ))
            }
        })
        .collect()
}

/// Only what lies elsewhere can have changed there.
pub(super) fn refresh_hours(given: Option<i32>, content: &Content) -> Result<Option<i32>, Problem> {
    let Some(hours) = given else {
        return Ok(None);
    };
    if !matches!(content, Content::Site(_)) {
        return Err(Problem::invalid(
            "refresh_hours",
            "only pages and sites can be read again by the clock",
        ));
    }
    input::number("refresh_hours", hours, 1, LONGEST_REFRESH).map(Some)
}

/// The name of a site that was given none.
pub(super) fn host(site: &Site) -> String {
    Url::parse(&site.start)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| site.start.clone())
}
