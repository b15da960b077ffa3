//! News of messages that were sent, posted to the webhook of their conversation.

use super::{Outgoing, Play, Played};
use std::time::Duration;

/// What is reported of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `sent`, `delivered`, `read` or `failed`.
    pub status: String,
    /// The platform's code, where it failed.
    pub code: Option<u32>,
}

/// Reports everything there is to report of a message, without holding up its answer longer than it was told to.
pub(super) async fn begin(played: &Played, play: &'static dyn Play, message: Outgoing, failed: Option<u32>) {
    let reports = played.reports(play);
    let failed = failed.or(reports.fail_with);
    let mut statuses = reports.statuses.into_iter();
    let mut all: Vec<Report> = Vec::new();
    for status in statuses.by_ref() {
        match failed {
            // After `sent` comes the end, whatever else was planned.
            Some(code) if status != "sent" => {
                all.push(Report {
                    status: "failed".to_owned(),
                    code: Some(code),
                });
                break;
            }
            _ => all.push(Report { status, code: None }),
        }
    }
    let mut all = all.into_iter();
    if reports.before_the_answer
        && let Some(first) = all.next()
    {
        report(played, play, &message, &first).await;
    }
    let (played, rest) = (played.clone(), all);
    tokio::spawn(async move {
        for one in rest {
            tokio::time::sleep(Duration::from_millis(reports.every_ms)).await;
            for _ in 0..=usize::from(reports.twice) {
                report(&played, play, &message, &one).await;
            }
        }
    });
}

async fn report(played: &Played, play: &'static dyn Play, message: &Outgoing, report: &Report) {
    let known = played
        .known(play, &message.conversation)
        .and_then(|known| known.hook);
    let Some(hook) = known.or_else(|| played.hook(play.name())) else {
        return;
    };
    let Some(signed) = play.report(message, report, &played.signing(play, &hook, 0)) else {
        return;
    };
    let slots = played.slots();
    let Ok(_slot) = slots.acquire().await else { return };
    let mut taken = false;
    // Once more where nothing was heard, as all of them do and more.
    for _ in 0..2 {
        let delivered = played.post(&hook.url, &signed).await;
        taken = delivered.accepted();
        if delivered.status.is_some() {
            break;
        }
    }
    played.count(play, |counts| {
        if taken {
            counts.reports += 1;
        } else {
            counts.reports_failed += 1;
        }
    });
}
