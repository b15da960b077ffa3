//! What goes wrong, on whose calls and how often.

use super::error::ApiError;
use crate::turns::Active;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// One thing that goes wrong when a message is created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// 429 with code 20429.
    TooMany {
        /// Seconds, as `Retry-After`.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// No more than so many a second; 429 above that.
    Limit {
        /// Messages accepted in any one second.
        per_second: u32,
        /// Seconds, as `Retry-After`.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// A 5xx without a word of Twilio's, as from a proxy in between.
    Status {
        /// 500 to 599.
        status: u16,
    },
    /// One of Twilio's errors.
    Code {
        /// HTTP status.
        status: u16,
        /// Twilio's code.
        code: u32,
        /// Its words.
        #[serde(default)]
        message: String,
    },
    /// The connection ends and nothing was accepted.
    CutBefore,
    /// The message is accepted and the connection ends before the answer: its outcome is unknown to the sender.
    CutAfter,
    /// Nothing goes wrong but the time that it takes.
    Slow,
    /// It is accepted, and reported as undelivered with this code.
    Undelivered {
        /// Twilio's code, as 30003.
        code: u32,
    },
}

/// Whose calls go wrong, and how often. What is left out is every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only this account's.
    #[serde(default)]
    pub account: Option<String>,
    /// Only to this number.
    #[serde(default)]
    pub to: Option<String>,
    /// Only from this number.
    #[serde(default)]
    pub from: Option<String>,
    /// Only this share of them, by chance.
    #[serde(default = "all")]
    pub share: f64,
    /// Only so many, then never again.
    #[serde(default)]
    pub times: Option<u64>,
    /// How long the call takes before anything happens, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
}

const fn all() -> f64 {
    1.0
}

impl FaultRule {
    /// Every call goes wrong.
    pub const fn always(fault: Fault) -> Self {
        Self {
            fault,
            account: None,
            to: None,
            from: None,
            share: 1.0,
            times: None,
            delay_ms: 0,
        }
    }

    /// The next so many.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Only calls to this number.
    #[must_use]
    pub fn to(mut self, number: impl Into<String>) -> Self {
        self.to = Some(number.into());
        self
    }

    /// Only this account's calls.
    #[must_use]
    pub fn account(mut self, sid: impl Into<String>) -> Self {
        self.account = Some(sid.into());
        self
    }

    /// Only this share, by chance.
    #[must_use]
    pub const fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// The call takes this long before anything happens.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Effect {
    pub delay: Duration,
    pub refusal: Option<Refusal>,
    pub cut_after: bool,
    pub undelivered: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    Error(ApiError),
    Status(u16),
    Cut,
}

/// The rules in force.
pub(crate) struct Faults {
    rules: Vec<Active<FaultRule>>,
    chance: StdRng,
}

impl Faults {
    pub const fn new(chance: StdRng) -> Self {
        Self {
            rules: Vec::new(),
            chance,
        }
    }

    pub fn add(&mut self, rule: FaultRule) {
        self.rules.push(Active::new(rule));
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    pub fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|active| active.rule.clone()).collect()
    }

    /// Every rule that fits adds its delay; the first that refuses decides.
    pub fn decide(&mut self, account: &str, from: &str, to: &str, now: Instant) -> Effect {
        let mut effect = Effect::default();
        for active in &mut self.rules {
            let rule = active.rule.clone();
            let fits =
                |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
            if !(fits(&rule.account, account)
                && fits(&rule.to, to)
                && fits(&rule.from, from)
                && active.strikes(rule.times, rule.share, &mut self.chance))
            {
                continue;
            }
            effect.delay += Duration::from_millis(rule.delay_ms);
            match &rule.fault {
                Fault::TooMany { retry_after } => effect.refusal = Some(too_many(*retry_after)),
                Fault::Limit {
                    per_second,
                    retry_after,
                } => {
                    if active.is_above(*per_second, now) {
                        effect.refusal = Some(too_many(*retry_after));
                    }
                }
                Fault::Status { status } => effect.refusal = Some(Refusal::Status(*status)),
                Fault::Code {
                    status,
                    code,
                    message,
                } => {
                    effect.refusal = Some(Refusal::Error(ApiError::new(*status, *code, message.clone())));
                }
                Fault::CutBefore => effect.refusal = Some(Refusal::Cut),
                Fault::CutAfter => effect.cut_after = true,
                Fault::Slow => {}
                Fault::Undelivered { code } => effect.undelivered = Some(*code),
            }
            if effect.refusal.is_some() {
                break;
            }
        }
        effect
    }
}

fn too_many(retry_after: Option<u64>) -> Refusal {
    let mut error = ApiError::new(429, 20429, "Too Many Requests");
    error.retry_after = retry_after;
    Refusal::Error(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_rule_for_two_calls_to_one_number_leaves_every_other_call_alone() {
        let mut faults = Faults::new(StdRng::seed_from_u64(1));
        faults.add(FaultRule::always(Fault::CutAfter).to("+1").times(2));
        let now = Instant::now();

        let hit = [("+2", false), ("+1", true), ("+1", true), ("+1", false)];

        for (to, expected) in hit {
            assert_eq!(faults.decide("AC", "+9", to, now).cut_after, expected);
        }
    }

    #[test]
    fn a_limit_refuses_what_is_above_it_until_the_second_is_over() {
        let mut faults = Faults::new(StdRng::seed_from_u64(1));
        faults.add(FaultRule::always(Fault::Limit {
            per_second: 2,
            retry_after: Some(5),
        }));
        let now = Instant::now();

        let refused = |faults: &mut Faults, at| faults.decide("AC", "+9", "+1", at).refusal.is_some();

        assert!(!refused(&mut faults, now));
        assert!(!refused(&mut faults, now));
        assert!(refused(&mut faults, now));
        assert!(!refused(&mut faults, now + Duration::from_secs(1)));
    }

    #[test]
    fn a_share_is_met_and_a_seed_repeats_it() {
        let run = |seed| {
            let mut faults = Faults::new(StdRng::seed_from_u64(seed));
            faults.add(FaultRule::always(Fault::CutBefore).share(0.1));
            (0..1000)
                .map(|_| faults.decide("AC", "+9", "+1", Instant::now()).refusal.is_some())
                .collect::<Vec<_>>()
        };

        let first = run(7);

        assert!((60..140).contains(&first.iter().filter(|hit| **hit).count()));
        assert_eq!(first, run(7));
        assert_ne!(first, run(8));
    }
}
