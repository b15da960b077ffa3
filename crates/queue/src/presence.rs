//! Whether something is there that comes and goes, and how long to wait for it.

use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// Says when it comes and goes.
pub(crate) struct Presence<T>(watch::Sender<State<T>>);

/// Waits for it.
pub(crate) struct Watch<T>(watch::Receiver<State<T>>);

impl<T> Clone for Watch<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct State<T> {
    here: Option<T>,
    since: Instant,
}

impl<T: Clone> Presence<T> {
    /// Away at first, since now.
    pub(crate) fn new() -> (Self, Watch<T>) {
        let (sender, receiver) = watch::channel(State {
            here: None,
            since: Instant::now(),
        });
        (Self(sender), Watch(receiver))
    }

    pub(crate) fn come(&self, here: T) {
        self.0.send_replace(State {
            here: Some(here),
            since: Instant::now(),
        });
    }

    /// Since when it is away counts from the first time.
    pub(crate) fn go(&self) {
        self.0.send_if_modified(|state| {
            let came = state.here.take().is_some();
            if came {
                state.since = Instant::now();
            }
            came
        });
    }
}

impl<T: Clone> Watch<T> {
    pub(crate) fn now(&self) -> Option<T> {
        self.0.borrow().here.clone()
    }

    /// Waits until `deadline` for it to come back, but only if it went no longer than `patience` ago: what has been away
    /// for long is not waited for by every single caller.
    pub(crate) async fn soon(&self, patience: Duration, deadline: Instant) -> Option<T> {
        let mut changes = self.0.clone();
        loop {
            {
                let state = changes.borrow_and_update();
                if let Some(here) = &state.here {
                    return Some(here.clone());
                }
                if state.since.elapsed() >= patience {
                    return None;
                }
            }
            tokio::time::timeout_at(deadline, changes.changed())
                .await
                .ok()?
                .ok()?;
        }
    }

    /// Waits for it, until it is not wanted any more.
    pub(crate) async fn sometime(&self, unwanted: &CancellationToken) -> Option<T> {
        let mut changes = self.0.clone();
        tokio::select! {
            biased;
            () = unwanted.cancelled() => None,
            here = changes.wait_for(|state| state.here.is_some()) => here.ok()?.here.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_just_gone_is_waited_for_and_what_is_long_gone_is_not() {
        let patience = Duration::from_millis(500);
        let (presence, watch) = Presence::new();

        let came = tokio::join!(watch.soon(patience, Instant::now() + patience), async {
            presence.come(7)
        });
        presence.go();
        let not_yet =
            tokio::time::timeout(patience / 10, watch.soon(patience, Instant::now() + patience)).await;
        let started = Instant::now();
        let never = watch.soon(Duration::ZERO, started + patience).await;

        assert_eq!(came.0, Some(7));
        assert!(not_yet.is_err(), "it should have been waited for");
        assert_eq!(never, None);
        assert!(
            started.elapsed() < patience,
            "it should have been refused at once"
        );
    }
}
