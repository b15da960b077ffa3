//! What goes wrong on the platforms, on whose calls and how often.

use super::answer::Answer;
use crate::turns::Active;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::{Duration, Instant};

/// One thing that goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The platform's own way of saying that there are too many calls.
    TooMany {
        /// Seconds after which to come again, where the platform tells.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// No more than so many a second; [`Fault::TooMany`] above that.
    Limit {
        /// Calls accepted in any one second.
        per_second: u32,
        /// Seconds after which to come again, where the platform tells.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// This answer. A text is sent as HTML, as from a proxy in between; everything else as JSON.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: Value,
    },
    /// The connection ends and nothing was accepted.
    CutBefore,
    /// It is done and the connection ends before the answer: its outcome is unknown to the caller.
    CutAfter,
    /// Nothing goes wrong but the time that it takes.
    Slow,
    /// It is accepted, and reported as failed with this code, where the platform reports.
    Failed {
        /// The platform's code.
        code: u32,
    },
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// To send a message.
    Send,
    /// To change one.
    Edit,
    /// To show that an answer is being written, or that a message was read.
    Typing,
    /// Everything else: who am I, where does the webhook point, media.
    Other,
}

/// Which calls go wrong, and how often. What is left out is every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only this platform's.
    #[serde(default)]
    pub platform: Option<String>,
    /// Only calls for this.
    #[serde(default = "sending")]
    pub on: Operation,
    /// Only to this conversation.
    #[serde(default)]
    pub conversation: Option<String>,
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

const fn sending() -> Operation {
    Operation::Send
}

const fn all() -> f64 {
    1.0
}

impl FaultRule {
    /// Every call that sends a message on this platform goes wrong.
    pub fn always(platform: &str, fault: Fault) -> Self {
        Self {
            fault,
            platform: Some(platform.to_owned()),
            on: Operation::Send,
            conversation: None,
            share: 1.0,
            times: None,
            delay_ms: 0,
        }
    }

    /// Calls for something else than sending.
    #[must_use]
    pub const fn on(mut self, operation: Operation) -> Self {
        self.on = operation;
        self
    }

    /// The next so many.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Only calls to this conversation.
    #[must_use]
    pub fn to(mut self, conversation: impl Into<String>) -> Self {
        self.conversation = Some(conversation.into());
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
#[derive(Debug, Default)]
pub(super) struct Effect {
    pub delay: Duration,
    pub refusal: Option<Refusal>,
    pub cut_after: bool,
    pub failed: Option<u32>,
}

#[derive(Debug)]
pub(super) enum Refusal {
    TooMany(Option<u64>),
    Answer(Answer),
    Cut,
}

/// The rules in force.
pub(super) struct Faults {
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

    /// Removes all rules, or only those of one platform.
    pub fn clear(&mut self, platform: Option<&str>) {
        self.rules
            .retain(|active| platform.is_some() && active.rule.platform.as_deref() != platform);
    }

    pub fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|active| active.rule.clone()).collect()
    }

    /// Every rule that fits adds its delay; the first that refuses decides.
    pub fn decide(
        &mut self,
        platform: &str,
        operation: Operation,
        conversation: Option<&str>,
        now: Instant,
    ) -> Effect {
        let mut effect = Effect::default();
        for active in &mut self.rules {
            let rule = active.rule.clone();
            let elsewhere = rule.platform.is_some_and(|wanted| wanted != platform)
                || rule.on != operation
                || rule
                    .conversation
                    .is_some_and(|wanted| Some(wanted.as_str()) != conversation);
            if elsewhere || !active.strikes(rule.times, rule.share, &mut self.chance) {
                continue;
            }
            effect.delay += Duration::from_millis(rule.delay_ms);
            match rule.fault {
                Fault::TooMany { retry_after } => effect.refusal = Some(Refusal::TooMany(retry_after)),
                Fault::Limit {
                    per_second,
                    retry_after,
                } => {
                    if active.is_above(per_second, now) {
                        effect.refusal = Some(Refusal::TooMany(retry_after));
                    }
                }
                Fault::Answer { status, body } => {
                    effect.refusal = Some(Refusal::Answer(match body {
                        Value::String(page) => Answer::bytes(status, "text/html", page),
                        body => Answer::json(status, body),
                    }));
                }
                Fault::CutBefore => effect.refusal = Some(Refusal::Cut),
                Fault::CutAfter => effect.cut_after = true,
                Fault::Slow => {}
                Fault::Failed { code } => effect.failed = Some(code),
            }
            if effect.refusal.is_some() {
                break;
            }
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_rule_strikes_its_platform_its_operation_and_its_conversation_as_often_as_it_says() {
        let mut faults = Faults::new(StdRng::seed_from_u64(1));
        faults.add(FaultRule::always("slack", Fault::CutAfter).to("C1").times(1));
        let cases = [
            ("telegram", Operation::Send, "C1", false),
            ("slack", Operation::Typing, "C1", false),
            ("slack", Operation::Send, "C2", false),
            ("slack", Operation::Send, "C1", true),
            ("slack", Operation::Send, "C1", false),
        ];

        for (platform, operation, conversation, expected) in cases {
            let effect = faults.decide(platform, operation, Some(conversation), Instant::now());

            assert_eq!(
                effect.cut_after, expected,
                "{platform} {operation:?} {conversation}"
            );
        }
    }

    #[test]
    fn one_platforms_rules_are_removed_alone() {
        let mut faults = Faults::new(StdRng::seed_from_u64(1));
        faults.add(FaultRule::always("slack", Fault::CutAfter));
        faults.add(FaultRule::always("telegram", Fault::CutAfter));

        faults.clear(Some("slack"));

        assert_eq!(faults.rules()[0].platform.as_deref(), Some("telegram"));
        assert_eq!(faults.rules().len(), 1);
        faults.clear(None);
        assert!(faults.rules().is_empty());
    }
}
