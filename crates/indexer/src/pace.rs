//! Sites are read slowly: no more than one request of ours within a while, whichever worker sends it.

use std::{collections::HashMap, sync::Mutex, time::Duration};
use tokio::time::{Instant, sleep_until};
use url::Url;

/// Hosts whose turn is longer ago than this are forgotten.
const FORGET: Duration = Duration::from_secs(60);

/// When each host may be asked next.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// Waits for this host's turn.
    pub(crate) async fn wait(&self, url: &Url, pause: Duration) {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let now = Instant::now();
            turns.retain(|_, turn| *turn + FORGET > now);
            let host = url.host_str().unwrap_or_default().to_owned();
            let turn = turns.get(&host).copied().unwrap_or(now).max(now);
            turns.insert(host, turn + pause);
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_host_is_asked_one_time_after_the_other_and_another_at_once() {
        let pace = Pace::default();
        let [a, b] = ["https://a.example/1", "https://b.example/1"].map(|url| Url::parse(url).unwrap());
        let start = Instant::now();
        let pause = Duration::from_secs(2);

        pace.wait(&a, pause).await;
        pace.wait(&b, pause).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.wait(&a, pause).await;
        pace.wait(&a, pause).await;

        assert_eq!(start.elapsed(), pause * 2);
    }
}
