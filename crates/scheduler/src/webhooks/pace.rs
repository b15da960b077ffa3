//! When an event is sent again: soon at first, then ever more rarely, for about a day.

use super::post::Answer;
use chrono::{DateTime, TimeDelta, Utc};
use store::webhooks::After;

/// The pauses after the first try, the second, …; 27 hours together, which sees a receiver through a night and a morning.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
    TimeDelta::hours(2),
    TimeDelta::hours(4),
    TimeDelta::hours(8),
    TimeDelta::hours(11),
];

/// The longest pause that a receiver may ask for.
const LONGEST: TimeDelta = TimeDelta::hours(12);

/// What comes after this answer to the try that `attempts` others went before.
pub(super) fn after(answer: &Answer, attempts: i32, now: DateTime<Utc>) -> After {
    match answer {
        Answer::Taken => After::Delivered,
        Answer::Gone => After::Gone,
        Answer::Refused { retry_after } => {
            let pause = usize::try_from(attempts).ok().and_then(|n| PAUSES.get(n));
            let Some(pause) = pause else {
                return After::GivenUp;
            };
            let asked = retry_after.and_then(|seconds| TimeDelta::try_seconds(i64::from(seconds)));
            // Those who failed together do not come back together.
            let spread = pause.num_milliseconds() / 10;
            let later = TimeDelta::milliseconds(rand::random_range(0..=spread));
            After::Again(now + (*pause + later).max(asked.unwrap_or_default().min(LONGEST)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_over_about_a_day_and_then_it_is_given_up() {
        let now = Utc::now();
        let mut at = now;
        let mut last = TimeDelta::zero();

        let mut tries = 1;
        while let After::Again(next) = after(&Answer::Refused { retry_after: None }, tries - 1, at) {
            assert!(next - at > last, "the pauses do not grow");
            last = next - at;
            at = next;
            tries += 1;
        }

        assert_eq!(tries, 10);
        let whole = (at - now).num_hours();
        assert!((24..32).contains(&whole), "{whole} hours");
    }

    #[test]
    fn a_receiver_that_asks_for_a_pause_is_given_it_within_reason() {
        let now = Utc::now();
        let again = |seconds| {
            after(
                &Answer::Refused {
                    retry_after: Some(seconds),
                },
                0,
                now,
            )
        };

        assert_eq!(again(90), After::Again(now + TimeDelta::seconds(90)));
        assert_eq!(again(u32::MAX), After::Again(now + LONGEST));
    }
}
