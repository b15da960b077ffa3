//! What there is of an answer while it is being written. Whoever shows it takes the newest text whenever it is ready for
//! one: a slow reader skips texts and never slows the model, and the last text before a pause of the model is not missed.

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Where a turn writes what there is of its answer.
pub struct Written(watch::Sender<String>);

impl Written {
    /// This is all that there is now.
    pub fn say(&self, text: &str) {
        self.0.send_replace(text.to_owned());
    }
}

/// What there is of an answer, for whoever shows it. Ends when [`Written`] is dropped.
pub fn written() -> (Written, watch::Receiver<String>) {
    let (sender, receiver) = watch::channel(String::new());
    (Written(sender), receiver)
}

/// Waits, not for a moment longer than the answer takes: `false` when no more will be written.
pub async fn is_written_on(written: &watch::Receiver<String>, until: Instant) -> bool {
    let mut watched = written.clone();
    let ended = async { while watched.changed().await.is_ok() {} };
    tokio::select! {
        () = sleep_until(until) => true,
        () = ended => false,
    }
}
