//! Threads for work that nobody waits for: they get what processor time the others leave.

use std::sync::OnceLock;

/// How much nicer than everything else of this process. Linux keeps a niceness for each thread.
const NICER: i32 = 15;

/// Runs the work, and what it does in parallel, on the patient threads. Without them, because the system gives no more
/// threads, right here.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static THREADS: OnceLock<Option<rayon::ThreadPool>> = OnceLock::new();
    let threads = THREADS.get_or_init(|| {
        rayon::ThreadPoolBuilder::new()
            .thread_name(|i| format!("embedding-{i}"))
            // One that may not be nice works all the same.
            .start_handler(|_| {
                let _ = rustix::process::nice(NICER);
            })
            .build()
            .ok()
    });
    match threads {
        Some(threads) => threads.install(work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patient_work_leaves_the_processor_to_others_and_its_caller_as_it_is() {
        let nice = || rustix::process::nice(0).unwrap();
        let before = nice();

        let patient = run(nice);

        assert!(
            patient > before || patient == 19,
            "{patient} is no nicer than {before}"
        );
        assert_eq!(nice(), before);
    }
}
