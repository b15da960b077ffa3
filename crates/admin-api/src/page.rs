//! Lists, a page at a time: `?after=` takes the `next` of the page before.

use crate::{
    input,
    problem::{Kind, Problem},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it as `after` for the next page; `null` on the last.
    pub next: Option<Uuid>,
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The `next` of the page before.
    pub after: Option<Uuid>,
    /// How many items at most: 1 to 200, 50 by default.
    pub limit: Option<i64>,
}

/// How many items a page has when the caller does not say.
const USUAL: i64 = 50;
const MOST: i64 = 200;

/// How many items the caller wants.
pub(crate) fn limit(given: Option<i64>) -> Result<i64, Problem> {
    input::number("limit", given.unwrap_or(USUAL), 1, MOST)
}

impl<T> Page<T> {
    /// A page of rows that were asked for with one more than `limit`, which tells whether there are more.
    pub(crate) fn of<R>(
        mut rows: Vec<R>,
        limit: i64,
        id: impl Fn(&R) -> Uuid,
        view: impl Fn(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(id) } else { None };
        Self {
            items: rows.into_iter().map(view).collect(),
            next,
        }
    }

    /// A list that is always given whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// What a query string that cannot be read is answered with.
pub(crate) fn unreadable_query(error: &impl std::fmt::Display) -> Problem {
    Problem::new(
        Kind::Malformed,
        format!("the query string cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next() {
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();

        let first = Page::of(ids.clone(), 2, |id| *id, |id| id);
        let last = Page::of(ids[2..].to_vec(), 2, |id| *id, |id| id);

        assert_eq!((first.items.len(), first.next), (2, Some(ids[1])));
        assert_eq!((last.items.len(), last.next), (1, None));
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
    }
}
