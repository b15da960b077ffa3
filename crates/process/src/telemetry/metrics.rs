//! Prometheus metrics: recorded through the `metrics` macros anywhere, read at `/metrics`.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::{OnceLock, mpsc},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use subtle::ConstantTimeEq;

/// Seconds, for everything named `…_seconds`: from a millisecond, which the gateway takes, to the minutes a model may.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// How often what was recorded is folded into its buckets, so that it does not pile up while nobody reads.
const UPKEEP: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<Installed> = OnceLock::new();

struct Installed {
    handle: PrometheusHandle,
    token: SecretString,
}

/// Ends the upkeep when dropped.
pub struct Upkeep(#[expect(dead_code, reason = "its drop is the message")] mpsc::Sender<()>);

/// Becomes the process's recorder.
pub fn install(token: SecretString) -> Result<Upkeep, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    ::metrics::describe_gauge!(
        "process_resident_memory_bytes",
        "Resident memory of this process."
    );
    ::metrics::describe_gauge!(
        "process_start_time_seconds",
        "When this process started, in seconds since 1970."
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ::metrics::gauge!("process_start_time_seconds").set(now.as_secs_f64());
    let (ends, ended) = mpsc::channel();
    let kept = handle.clone();
    let _ = INSTALLED.set(Installed { handle, token });
    std::thread::spawn(move || {
        while ended.recv_timeout(UPKEEP) == Err(mpsc::RecvTimeoutError::Timeout) {
            kept.run_upkeep();
        }
    });
    Ok(Upkeep(ends))
}

/// Everything recorded so far, as Prometheus reads it. Empty before [`init`](super::init).
pub fn render() -> String {
    let Some(installed) = INSTALLED.get() else {
        return String::new();
    };
    if let Some(bytes) = resident_bytes() {
        #[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 bytes of memory")]
        ::metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    installed.handle.render()
}

/// Whether a reader who shows this `Authorization` header may read the metrics.
pub fn is_allowed(authorization: Option<&str>) -> bool {
    let Some(Installed { token, .. }) = INSTALLED.get() else {
        return true;
    };
    matches_token(token, authorization)
}

fn matches_token(token: &SecretString, authorization: Option<&str>) -> bool {
    let token = token.expose_secret();
    if token.is_empty() {
        return true;
    }
    let given = authorization
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    given.as_bytes().ct_eq(token.as_bytes()).into()
}

/// The kernel's own count; pages are 4 KiB on every platform that we build for but some arm64 kernels, so it is read in
/// the form that names its unit.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_shown_only_to_who_shows_the_token() {
        let token = SecretString::from("t0ken");

        assert!(matches_token(&token, Some("Bearer t0ken")));
        assert!(!matches_token(&token, Some("Bearer t0ke")));
        assert!(!matches_token(&token, Some("t0ken")));
        assert!(!matches_token(&token, None));
        assert!(matches_token(&SecretString::default(), None));
    }

    #[test]
    fn memory_and_what_was_recorded_are_rendered() {
        let _upkeep = install(SecretString::default()).unwrap();

        ::metrics::histogram!("answer_seconds").record(0.3);

        let text = render();
        assert!(text.contains("answer_seconds_bucket{le=\"0.5\"} 1"), "{text}");
        assert!(text.contains("answer_seconds_bucket{le=\"0.25\"} 0"), "{text}");
        let memory = text
            .lines()
            .find_map(|line| line.strip_prefix("process_resident_memory_bytes "))
            .unwrap();
        assert!(memory.parse::<f64>().unwrap() > 1e6, "{memory}");
    }
}
