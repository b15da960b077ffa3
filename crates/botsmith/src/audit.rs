//! `botsmith audit …`: whether the activity log is as it was written.

use anyhow::{Context, bail};
use store::{
    Db,
    activity_log::{self, Fault, Link},
};

/// Entries that are looked at in one go.
const STEP: i64 = 5_000;

/// After so many more entries it says how far it is.
const PROGRESS: u64 = 100_000;

/// Faults that are shown one by one.
const SHOWN: usize = 50;

/// Walks the chain to its end; an error where it is broken.
pub async fn verify(db: &Db) -> anyhow::Result<()> {
    let (mut link, mut entries, mut faults) = (Link::default(), 0, Vec::new());
    loop {
        let walked = activity_log::walk(db, &link, STEP)
            .await
            .with_context(|| format!("reading the activity log after entry {}", link.position))?;
        link = walked.link;
        entries += walked.entries;
        faults.extend(walked.faults);
        if walked.entries < STEP.unsigned_abs() {
            break;
        }
        if entries % PROGRESS == 0 {
            eprintln!("{entries} entries so far …");
        }
    }
    let head = activity_log::head(db)
        .await
        .context("reading the end of the chain")?;
    faults.extend(head.faults);
    print!("{}", told(entries, &faults, &head.hash));
    if !faults.is_empty() {
        bail!("the activity log is not as it was written");
    }
    Ok(())
}

fn told(entries: u64, faults: &[Fault], hash: &str) -> String {
    if faults.is_empty() {
        return format!(
            "{entries} entries, chain intact.\nThe newest entry's hash is {hash}\n\
             Noted elsewhere, it shows whether somebody has written all of the log anew.\n"
        );
    }
    let mut told: String = faults
        .iter()
        .take(SHOWN)
        .map(|fault| format!("{fault}\n"))
        .collect();
    if faults.len() > SHOWN {
        told.push_str(&format!("and {} more\n", faults.len() - SHOWN));
    }
    told.push_str(&format!("{entries} entries, chain broken.\n"));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_chain_is_told_with_its_newest_hash_and_a_broken_one_with_every_fault() {
        let whole = told(7, &[], "c0ffee");
        let broken = told(6, &[Fault::Removed { from: 3, to: 4 }, Fault::Head], "c0ffee");

        assert!(whole.starts_with("7 entries, chain intact.\n") && whole.contains("c0ffee"));
        assert!(broken.starts_with("entries 3 to 4 were removed\n"));
        assert!(broken.ends_with("6 entries, chain broken.\n"));
    }

    #[test]
    fn of_very_many_faults_the_first_are_named_and_the_rest_counted() {
        let told = told(0, &vec![Fault::Head; SHOWN + 3], "");

        assert!(told.contains("and 3 more\n"), "{told}");
    }
}
