//! Named places where a fault test may kill the process: before and after every commit, publish, acknowledgement and
//! platform call.
//!
//! `BOTSMITH_CRASH_AT=gateway.before_publish` aborts at the first pass, `gateway.before_publish:3` at the third. Only
//! debug builds and builds with the feature `crash-points` have them; in others the macro is nothing at all.

/// Aborts the process here if a fault test asked for it.
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash_point::reached($name)
    };
}

/// Dies if this is the crash point that was asked for. Called by [`crash_point!`](crate::crash_point!).
#[cfg(any(debug_assertions, feature = "crash-points"))]
pub fn reached(name: &'static str) {
    use std::sync::OnceLock;
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        std::env::var("BOTSMITH_CRASH_AT")
            .ok()
            .as_deref()
            .and_then(Plan::parse)
    });
    if let Some(plan) = plan
        && plan.is_due(name)
    {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "crash point {name}");
        std::process::abort();
    }
}

/// Nothing: this build has no crash points.
#[cfg(not(any(debug_assertions, feature = "crash-points")))]
#[inline(always)]
pub const fn reached(_name: &'static str) {}

/// Whether this build has crash points at all.
pub const COMPILED_IN: bool = cfg!(any(debug_assertions, feature = "crash-points"));

#[cfg(any(debug_assertions, feature = "crash-points"))]
struct Plan {
    name: String,
    passes_left: std::sync::atomic::AtomicU64,
}

#[cfg(any(debug_assertions, feature = "crash-points"))]
impl Plan {
    fn parse(text: &str) -> Option<Self> {
        let (name, pass) = match text.rsplit_once(':') {
            Some((name, pass)) => (name, pass.parse().ok()?),
            None => (text, 1),
        };
        (!name.is_empty() && pass > 0).then(|| Self {
            name: name.to_owned(),
            passes_left: std::sync::atomic::AtomicU64::new(pass),
        })
    }

    fn is_due(&self, name: &str) -> bool {
        self.name == name
            && self
                .passes_left
                .fetch_sub(1, std::sync::atomic::Ordering::Relaxed)
                == 1
    }
}

#[cfg(all(test, any(debug_assertions, feature = "crash-points")))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_the_pass_that_was_asked_for_is_due() {
        let third = Plan::parse("queue.before_ack:3").unwrap();

        assert!(!third.is_due("queue.before_ack"));
        assert!(!third.is_due("queue.after_ack"));
        assert!(!third.is_due("queue.before_ack"));
        assert!(third.is_due("queue.before_ack"));
        assert!(
            !third.is_due("queue.before_ack"),
            "the process is dead by now, but it would not die twice"
        );
    }

    #[test]
    fn a_plan_that_says_nothing_is_no_plan() {
        assert!(Plan::parse("").is_none());
        assert!(Plan::parse(":2").is_none());
        assert!(Plan::parse("name:0").is_none());
        assert!(Plan::parse("name:soon").is_none());
    }

    #[test]
    fn a_crash_point_that_was_asked_for_aborts_the_process_and_says_where() {
        const DYING: &str = "BOTSMITH_TEST_DIES_HERE";
        if std::env::var_os(DYING).is_some() {
            crate::crash_point!("test.somewhere_else");
            crate::crash_point!("test.here");
            return;
        }

        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("crash_point::tests::a_crash_point_that_was_asked_for_aborts_the_process_and_says_where")
            .env(DYING, "1")
            .env("BOTSMITH_CRASH_AT", "test.here")
            .output()
            .unwrap();

        use std::os::unix::process::ExitStatusExt;
        assert_eq!(output.status.signal(), Some(6), "it has to abort");
        assert!(String::from_utf8_lossy(&output.stderr).contains("crash point test.here"));
    }
}
