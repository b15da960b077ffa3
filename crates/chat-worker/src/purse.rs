//! What a turn may spend on models.

use chrono::TimeDelta;
use models::{Quote, Used};
use process::clock::Clock;
use std::sync::{Mutex, PoisonError};
use store::{
    Db, StoreError,
    budgets::{self, Amount, AtLimit, Budget, Period, Reserved, Scope, Spender},
    prices::{self, Price},
};
use uuid::Uuid;

/// No call takes as long; what is not settled by then never will be.
const LONGEST_CALL: TimeDelta = TimeDelta::minutes(10);

/// Reserves and settles for one turn.
pub struct Purse<'a> {
    db: &'a Db,
    clock: &'a Clock,
    spender: Spender,
    /// What the first budget wants said that did not have enough.
    at_limit: Mutex<Option<AtLimit>>,
}

/// A call that was let pass.
pub struct Held {
    /// `None`: no budget limits it.
    reservation: Option<Uuid>,
    price: Option<Price>,
}

impl<'a> Purse<'a> {
    pub const fn new(db: &'a Db, clock: &'a Clock, spender: Spender) -> Self {
        Self {
            db,
            clock,
            spender,
            at_limit: Mutex::new(None),
        }
    }

    /// What is to be said, when a budget did not have enough.
    pub fn at_limit(&self) -> Option<AtLimit> {
        *self.at_limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, budget: Budget) {
        let mut at_limit = self.at_limit.lock().unwrap_or_else(PoisonError::into_inner);
        at_limit.get_or_insert(budget.at_limit);
        metrics::counter!("botsmith_budget_refusals_total", "scope" => budget.scope.as_str()).increment(1);
    }
}

impl models::Purse for Purse<'_> {
    type Held = Held;
    type Error = StoreError;

    async fn reserve(&self, quote: Quote<'_>) -> Result<Result<Held, String>, StoreError> {
        let now = self.clock.now();
        let price = prices::price(self.db, quote.provider.name(), quote.model, now).await?;
        let most = amount(price.as_ref(), quote.tokens_in, quote.tokens_out);
        let reserved = budgets::reserve(self.db, self.spender, most, now, now + LONGEST_CALL).await?;
        let reservation = match reserved {
            Reserved::Unlimited => None,
            Reserved::Held(id) => Some(id),
            Reserved::UsedUp { budget, until } => {
                self.refuse(budget);
                let until = until.format("%Y-%m-%d %H:%M UTC");
                return Ok(Err(format!(
                    "{} has not as much left as this answer may take, until {until}",
                    in_words(budget)
                )));
            }
            Reserved::Unpriced { budget } => {
                self.refuse(budget);
                return Ok(Err(format!(
                    "{} limits the cost, and the price list has nothing for {} {}",
                    in_words(budget),
                    quote.provider,
                    quote.model
                )));
            }
        };
        process::crash_point!("turn.after_reserve");
        Ok(Ok(Held { reservation, price }))
    }

    async fn settle(&self, held: Held, used: Used) -> Option<i64> {
        let spent = amount(held.price.as_ref(), used.tokens_in, used.tokens_out);
        if let Some(reservation) = held.reservation {
            match budgets::settle(self.db, reservation, spent).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!("a call took so long that its reservation had expired"),
                // It expires, and counts in full.
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what a call took was not settled"
                ),
            }
        }
        spent.micros
    }
}

fn amount(price: Option<&Price>, tokens_in: u32, tokens_out: u32) -> Amount {
    let (tokens_in, tokens_out) = (i64::from(tokens_in), i64::from(tokens_out));
    Amount {
        tokens: tokens_in + tokens_out,
        micros: price.map(|price| price.of(tokens_in, tokens_out)),
    }
}

/// `the chatbot's budget of 5000 tokens and $1.50 a day`.
fn in_words(budget: Budget) -> String {
    let whose = match budget.scope {
        Scope::Installation => "the installation's",
        Scope::Workspace => "the workspace's",
        Scope::Chatbot => "the chatbot's",
        Scope::Visitor => "the visitor's",
    };
    let period = match budget.period {
        Period::Day => "a day",
        Period::Month => "a month",
    };
    let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
    let cost = budget
        .cost_micros
        .map(|micros| format!("${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000));
    let limits: Vec<String> = tokens.into_iter().chain(cost).collect();
    format!("{whose} budget of {} {period}", limits.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_in_words_says_whose_and_how_much() {
        let budget = Budget {
            scope: Scope::Chatbot,
            period: Period::Day,
            tokens: Some(5_000),
            cost_micros: Some(1_500_000),
            at_limit: AtLimit::Quote,
        };

        assert_eq!(
            in_words(budget),
            "the chatbot's budget of 5000 tokens and $1.50 a day"
        );
    }
}
