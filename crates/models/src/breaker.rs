//! Endpoints that fail again and again are left alone for a while, so that nobody waits for what will not come.
//!
//! Invariants: one caller at a time tries whether an endpoint is back; a caller that is given up in the middle of that
//! lets the next one try. What one tenant does to an endpoint is nothing to another: the key is a part of what is kept.

use crate::error::ModelError;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// As many failures in a row are no accident.
const PATIENCE: u32 = 3;
/// The first rest; each further one is twice as long.
const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(300);
/// More endpoints than any installation has; those that are well are not kept at all.
const MOST_KEPT: usize = 10_000;

/// What is known of all endpoints of a process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Breakers {
    ill: Arc<Mutex<HashMap<u64, Illness>>>,
}

struct Illness {
    failures: u32,
    rests: u32,
    /// Until when nobody asks; `None`: it has not failed often enough.
    until: Option<Instant>,
    /// Somebody tries whether it is back.
    tried: bool,
}

/// Leave to ask an endpoint once.
pub(crate) struct Pass {
    breakers: Breakers,
    endpoint: u64,
    tries: bool,
}

impl Breakers {
    fn ill(&self) -> MutexGuard<'_, HashMap<u64, Illness>> {
        self.ill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave to ask; or for how long not to.
    pub(crate) fn pass(&self, endpoint: u64) -> Result<Pass, Duration> {
        let mut ill = self.ill();
        let mut tries = false;
        if let Some(illness) = ill.get_mut(&endpoint)
            && let Some(until) = illness.until
        {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() || illness.tried {
                return Err(left);
            }
            illness.tried = true;
            tries = true;
        }
        drop(ill);
        Ok(Pass {
            breakers: self.clone(),
            endpoint,
            tries,
        })
    }
}

impl Pass {
    /// The endpoint answered.
    pub(crate) fn answered(self) {
        self.breakers.ill().remove(&self.endpoint);
    }

    /// The endpoint did not answer.
    pub(crate) fn failed(self, error: &ModelError) {
        self.rest(error, false);
    }

    /// The endpoint did not answer, and that is for the key that was shown: there are others, so this one rests at once.
    pub(crate) fn key_failed(self, error: &ModelError) {
        self.rest(error, true);
    }

    fn rest(self, error: &ModelError, at_once: bool) {
        if !tells_of_the_endpoint(error) {
            return;
        }
        let mut ill = self.breakers.ill();
        if ill.len() >= MOST_KEPT {
            let now = Instant::now();
            ill.retain(|_, illness| illness.until.is_some_and(|until| until > now));
        }
        let illness = ill.entry(self.endpoint).or_insert(Illness {
            failures: 0,
            rests: 0,
            until: None,
            tried: false,
        });
        illness.failures += 1;
        // Calls that were under way when the rest began make it no longer.
        if illness.until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        let asked_for = error.retry_after();
        if at_once || self.tries || illness.failures >= PATIENCE || asked_for.is_some() {
            let usual = FIRST_REST * 2_u32.saturating_pow(illness.rests.min(8));
            let rest = asked_for.unwrap_or(usual).min(LONGEST_REST);
            illness.until = Some(Instant::now() + rest);
            illness.rests += 1;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.tries
            && let Some(illness) = self.breakers.ill().get_mut(&self.endpoint)
        {
            illness.tried = false;
        }
    }
}

/// Whether the next question would fare the same.
const fn tells_of_the_endpoint(error: &ModelError) -> bool {
    match error {
        ModelError::Unauthorized
        | ModelError::RateLimited { .. }
        | ModelError::Overloaded { .. }
        | ModelError::Silent(_)
        | ModelError::Timeout(_)
        | ModelError::Unavailable
        | ModelError::CutOff
        | ModelError::Refused(_) => true,
        ModelError::Blocked(_) | ModelError::TooLong | ModelError::BadResponse { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breakers: &Breakers, times: u32) {
        for _ in 0..times {
            breakers.pass(1).ok().unwrap().failed(&ModelError::Unavailable);
        }
    }

    async fn later(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_failed_three_times_rests_and_then_one_caller_tries_it() {
        let breakers = Breakers::default();
        fail(&breakers, 3);

        assert!(breakers.pass(1).is_err());
        assert!(breakers.pass(2).is_ok(), "another endpoint rests with it");
        later(31).await;
        let trial = breakers.pass(1).ok().unwrap();
        assert!(breakers.pass(1).is_err(), "two try at once");

        trial.answered();
        assert!(breakers.pass(1).is_ok());
        fail(&breakers, 2);
        assert!(breakers.pass(1).is_ok(), "old failures were not forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_fails_makes_the_rest_longer_and_one_given_up_lets_another_try() {
        let breakers = Breakers::default();
        fail(&breakers, 3);
        later(31).await;

        fail(&breakers, 1);
        later(31).await;
        assert!(
            breakers.pass(1).is_err(),
            "the second rest is as short as the first"
        );
        later(30).await;
        drop(breakers.pass(1).ok().unwrap());
        assert!(breakers.pass(1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_fail_at_once_make_one_rest_of_it() {
        let breakers = Breakers::default();
        let at_once: Vec<_> = (0..20).map(|_| breakers.pass(1).ok().unwrap()).collect();
        for pass in at_once {
            pass.failed(&ModelError::Unavailable);
        }

        later(31).await;
        assert!(breakers.pass(1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_rests_for_as_long_as_it_asks() {
        let breakers = Breakers::default();
        let after = Some(Duration::from_secs(7));
        breakers
            .pass(1)
            .ok()
            .unwrap()
            .failed(&ModelError::RateLimited { after });

        assert!(breakers.pass(1).is_err());
        later(8).await;
        assert!(breakers.pass(1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_cannot_be_answered_says_nothing_of_the_endpoint() {
        let breakers = Breakers::default();
        for _ in 0..5 {
            breakers.pass(1).ok().unwrap().failed(&ModelError::TooLong);
        }

        assert!(breakers.pass(1).is_ok());
    }
}
