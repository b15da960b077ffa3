//! How long the disk takes to say that something is on it: every confirm and every commit waits for that.

use crate::table::ms;
use std::{
    io::Write,
    time::{Duration, Instant},
};
use whole_product::load::quantile;

/// fdatasync after a write of 4 KiB: median and p99 of 200.
pub fn fdatasync() -> anyhow::Result<(Duration, Duration)> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::with_capacity(200);
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok((quantile(&times, 0.5), quantile(&times, 0.99)))
}

/// Prints it.
pub fn print(when: &str) -> anyhow::Result<()> {
    let (median, p99) = fdatasync()?;
    println!("fdatasync {when}: median {} ms, p99 {} ms\n", ms(median), ms(p99));
    Ok(())
}
