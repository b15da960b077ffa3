//! What an error of a platform means for the part: the one place that decides.

use channel::SendError;
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;
use std::time::Duration;
use store::parts::{Claim, Outcome};

/// Seconds before each further attempt. After the last one the part is dead.
const SCHEDULE: [i64; 7] = [5, 30, 120, 600, 1_800, 3_600, 10_800];
/// How long a platform gets to finish what it may have accepted, before it is asked.
const BEFORE_ASKING: TimeDelta = TimeDelta::seconds(5);
/// A platform that asks for more patience than this is taken at its word, but no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// How long an integration pauses whose platform says "too fast" and not for how long.
const PAUSE: Duration = Duration::from_secs(60);

/// Name of the attempt's outcome, and what becomes of the part. `jitter` is from -1 to 1.
pub fn settle(
    claim: &Claim,
    resent: bool,
    error: &SendError,
    now: DateTime<Utc>,
    jitter: f64,
) -> (&'static str, Outcome) {
    let reason = error.to_string();
    match error {
        SendError::Retry {
            after, rate_limited, ..
        } => match next(claim.attempts, *after, now, jitter) {
            Some(due_at) => {
                let pause_until = rate_limited.then(|| (now + pause(*after)).min(due_at));
                (
                    "retry",
                    Outcome::Retry {
                        due_at,
                        pause_until,
                        reason,
                    },
                )
            }
            None => ("retry", exhausted(&reason, false)),
        },
        SendError::Unauthorized { .. } => ("unauthorized", Outcome::Park { reason }),
        SendError::BadCredentials(_) => ("unauthorized", Outcome::Park { reason }),
        SendError::Rejected { code, .. } => (
            "rejected",
            Outcome::Dead {
                code: code.clone(),
                reason,
                may_have_arrived: false,
            },
        ),
        SendError::Ambiguous { .. } if claim.resent => (
            "unknown",
            Outcome::Dead {
                code: None,
                reason: format!("{reason}; it was sent twice and may have arrived"),
                may_have_arrived: true,
            },
        ),
        SendError::Ambiguous { .. } if claim.attempts as usize >= SCHEDULE.len() => {
            ("unknown", exhausted(&reason, true))
        }
        SendError::Ambiguous { .. } => (
            "unknown",
            Outcome::Ask {
                due_at: now + BEFORE_ASKING,
                resent,
                reason,
            },
        ),
    }
}

/// What becomes of a part whose platform could not be asked whether it has it.
pub fn could_not_ask(
    claim: &Claim,
    error: &SendError,
    now: DateTime<Utc>,
    jitter: f64,
) -> (&'static str, Outcome) {
    let reason = format!("whether it arrived could not be asked: {error}");
    match error {
        SendError::Unauthorized { .. } | SendError::BadCredentials(_) => {
            ("not_asked", Outcome::Park { reason })
        }
        SendError::Retry { .. } | SendError::Ambiguous { .. } | SendError::Rejected { .. } => {
            let after = match error {
                SendError::Retry { after, .. } => *after,
                _ => None,
            };
            match next(claim.attempts, after, now, jitter) {
                Some(due_at) => (
                    "not_asked",
                    Outcome::Ask {
                        due_at,
                        resent: false,
                        reason,
                    },
                ),
                None => ("not_asked", exhausted(&reason, true)),
            }
        }
    }
}

/// From -1 to 1, evenly.
pub fn jitter() -> f64 {
    rand::rng().random_range(-1.0..=1.0)
}

fn exhausted(reason: &str, may_have_arrived: bool) -> Outcome {
    let reason = format!("{} attempts failed; the last: {reason}", SCHEDULE.len() + 1);
    Outcome::Dead {
        code: None,
        reason,
        may_have_arrived,
    }
}

/// When to try again after `attempts` earlier calls and one more: the schedule, ±20 %, and never sooner than the platform
/// asked. `None`: not any more.
fn next(attempts: i32, after: Option<Duration>, now: DateTime<Utc>, jitter: f64) -> Option<DateTime<Utc>> {
    let seconds = *SCHEDULE.get(usize::try_from(attempts).ok()?)?;
    let planned = TimeDelta::milliseconds((seconds as f64 * 1_000.0 * (1.0 + 0.2 * jitter)) as i64);
    Some(now + after.map_or(planned, |after| at_most_longest(after).max(planned)))
}

/// How long nothing at all goes out through an integration that was too fast. Not as long as the part waits: its own late
/// retries must not hold up all others.
fn pause(after: Option<Duration>) -> TimeDelta {
    at_most_longest(after.unwrap_or(PAUSE))
}

fn at_most_longest(wait: Duration) -> TimeDelta {
    TimeDelta::milliseconds(wait.min(LONGEST_WAIT).as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ChatbotId, IntegrationId, LeaseToken, MessageId, PartId, Sender, WorkspaceId};

    fn claim(attempts: i32, resent: bool) -> Claim {
        Claim {
            id: PartId::new(),
            lease: LeaseToken::new(),
            workspace: WorkspaceId::new(),
            chatbot: ChatbotId::new(),
            integration: IntegrationId::new(),
            integration_version: 1,
            conversation: domain::ConversationId::new(),
            message: MessageId::new(),
            sender: Sender::Bot,
            contact_key: String::new(),
            conversation_key: String::new(),
            content: serde_json::Value::Null,
            reply_to: None,
            uncertain: false,
            resent,
            attempts,
            first_attempt_at: None,
            expires_at: None,
            opted_out: false,
            human: false,
            last_inbound_at: None,
            traceparent: None,
        }
    }

    fn unavailable(after: Option<u64>) -> SendError {
        SendError::Retry {
            after: after.map(Duration::from_secs),
            rate_limited: after.is_some(),
            reason: "503".to_owned(),
        }
    }

    #[test]
    fn the_waits_are_the_schedule_give_or_take_a_fifth() {
        let now = Utc::now();
        for (attempts, seconds) in (0..).zip(SCHEDULE) {
            for (jitter, share) in [(0.0, 1.0), (-1.0, 0.8), (1.0, 1.2)] {
                let (_, outcome) = settle(&claim(attempts, false), false, &unavailable(None), now, jitter);

                let Outcome::Retry {
                    due_at,
                    pause_until: None,
                    ..
                } = outcome
                else {
                    panic!("{outcome:?}")
                };
                assert_eq!(
                    (due_at - now).num_milliseconds(),
                    (seconds as f64 * 1000.0 * share) as i64
                );
            }
        }
    }

    #[test]
    fn after_the_last_attempt_the_part_is_dead_and_did_not_arrive() {
        let (_, outcome) = settle(&claim(7, false), false, &unavailable(None), Utc::now(), 0.0);

        assert!(
            matches!(
                outcome,
                Outcome::Dead {
                    may_have_arrived: false,
                    ..
                }
            ),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_rate_limit_pauses_the_integration_for_as_long_as_the_platform_asks() {
        let now = Utc::now();

        let (_, outcome) = settle(&claim(0, false), false, &unavailable(Some(60)), now, -1.0);

        let Outcome::Retry {
            due_at, pause_until, ..
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!((due_at - now).num_seconds(), 60);
        assert_eq!(pause_until, Some(due_at));
    }

    #[test]
    fn a_parts_own_late_retry_does_not_pause_the_integration() {
        let now = Utc::now();
        for (attempts, after, due, pause) in [
            (6, Some(5), 10_800, 5),
            (6, None, 10_800, 60),
            (0, None, 5, 5),
            (0, Some(600), 600, 600),
        ] {
            let too_fast = SendError::Retry {
                after: after.map(Duration::from_secs),
                rate_limited: true,
                reason: "429".to_owned(),
            };

            let (_, outcome) = settle(&claim(attempts, false), false, &too_fast, now, 0.0);

            let Outcome::Retry {
                due_at,
                pause_until: Some(pause_until),
                ..
            } = outcome
            else {
                panic!("{outcome:?}")
            };
            assert_eq!((due_at - now).num_seconds(), due, "{attempts} {after:?}");
            assert_eq!((pause_until - now).num_seconds(), pause, "{attempts} {after:?}");
        }
    }

    #[test]
    fn an_unknown_outcome_is_asked_about_and_a_second_one_after_a_resend_is_dead() {
        let cut = SendError::Ambiguous {
            reason: "cut".to_owned(),
        };

        let (_, first) = settle(&claim(0, false), false, &cut, Utc::now(), 0.0);
        let (_, second) = settle(&claim(1, true), true, &cut, Utc::now(), 0.0);

        assert!(matches!(first, Outcome::Ask { resent: false, .. }), "{first:?}");
        assert!(
            matches!(
                second,
                Outcome::Dead {
                    may_have_arrived: true,
                    ..
                }
            ),
            "{second:?}"
        );
    }

    #[test]
    fn a_refused_part_is_dead_at_once() {
        let refused = SendError::Rejected {
            code: Some("21610".to_owned()),
            reason: "opted out".to_owned(),
        };

        let (_, outcome) = settle(&claim(0, false), false, &refused, Utc::now(), 0.0);

        assert!(
            matches!(outcome, Outcome::Dead { code: Some(code), may_have_arrived: false, .. } if code == "21610")
        );
    }
}
