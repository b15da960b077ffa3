//! Faults under load. Each of these breaks something while people write, and returns the ledger once it has settled.
//!
//! What is left to chance is decided by a seed, which is printed: the same seed breaks the same things in the same order.

use crate::{
    load::{Load, Report, Run},
    product::{Mode, Options, Product},
    role::Role,
    wait,
};
use anyhow::Context;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Between a fault and the next.
pub const KILL_EVERY: Duration = Duration::from_secs(2);
/// How long the backlog may take to drain after the last fault.
pub const DRAIN: Duration = Duration::from_secs(60);
/// After the last answer, for duplicates that are still on their way: longer than a lease lasts.
const AFTERWARDS: Duration = Duration::from_secs(35);
/// The gateway never keeps a platform waiting longer, with some air for a busy machine.
const WEBHOOK_LIMIT: Duration = Duration::from_millis(2_500);
/// Publishing works again so soon after the broker's port opens.
const PUBLISHING_AGAIN: Duration = Duration::from_secs(5);
/// A role that is asked to stop has stopped by then.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Messages in all.
    pub messages: u64,
    /// Messages a second.
    pub rate: f64,
    /// People who write.
    pub conversations: u64,
    /// Decides what is left to chance.
    pub seed: u64,
    /// How long to look for late duplicates.
    pub afterwards: Duration,
    /// Whether to spare the roles that a message does not pass.
    pub spare_bystanders: bool,
}

impl Scale {
    /// As promised: 3,000 messages at 100 a second from 200 people.
    pub const fn full(seed: u64) -> Self {
        Self {
            messages: 3000,
            rate: 100.0,
            conversations: 200,
            seed,
            afterwards: AFTERWARDS,
            spare_bystanders: false,
        }
    }

    /// What every test run can afford.
    pub const fn short(seed: u64) -> Self {
        Self {
            messages: 300,
            rate: 40.0,
            conversations: 40,
            seed,
            afterwards: Duration::from_secs(2),
            spare_bystanders: true,
        }
    }

    fn load(&self) -> Load {
        Load::new(self.messages, self.rate, self.conversations)
    }

    fn duration(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
        Duration::from_secs_f64(self.messages as f64 / self.rate)
    }
}

/// What was done and what came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The ledger and how the webhooks fared.
    pub report: Report,
    /// What was broken, in order.
    pub faults: Vec<String>,
}

impl Outcome {
    /// For people.
    pub fn print(&self, title: &str, seed: u64) {
        println!(
            "{title} (seed {seed}; {})\n{}",
            summary(&self.faults),
            self.report
        );
    }
}

/// `12 faults: gateway-1 ×3, sender ×9`
fn summary(faults: &[String]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for fault in faults {
        match counts.iter_mut().find(|(name, _)| *name == fault) {
            Some((_, count)) => *count += 1,
            None => counts.push((fault, 1)),
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} ×{count}"))
        .collect();
    format!("{} faults: {}", faults.len(), counts.join(", "))
}

fn is_over(run: &Run, scale: &Scale) -> bool {
    run.accepted() as u64 >= scale.messages
}

/// Roles that no message passes.
const BYSTANDERS: &[&str] = &["admin-api", "indexer"];

/// kill -9 of a role chosen by chance, every two seconds; each starts again a second later. Nobody is hit twice before
/// everybody was hit once.
pub async fn kill_roles(scale: Scale) -> anyhow::Result<Outcome> {
    let options = Options {
        mode: Mode::Split {
            gateways: 2,
            workers: 2,
        },
        ..Options::default()
    };
    let product = Product::start(options).await?;
    let mut chance = StdRng::seed_from_u64(scale.seed);
    let run = product.run(&scale.load())?;
    let mut faults = Vec::new();
    let mut doomed: Vec<Arc<Role>> = Vec::new();
    loop {
        tokio::time::sleep(KILL_EVERY).await;
        if is_over(&run, &scale) {
            break;
        }
        if doomed.is_empty() {
            doomed = product.roles().to_vec();
            doomed.retain(|role| !(scale.spare_bystanders && BYSTANDERS.contains(&role.name().as_str())));
        }
        let victim = doomed.swap_remove(chance.random_range(0..doomed.len()));
        if victim.pid().is_none() {
            continue;
        }
        victim.kill()?;
        faults.push(victim.name());
    }
    let report = run.settle(DRAIN, scale.afterwards).await;
    product.finish().await?;
    Ok(Outcome { report, faults })
}

/// The same with every role in one process on its private PostgreSQL: the process is killed two seconds after it has
/// come back each time, and once the database with it.
pub async fn kill_all_in_one(scale: Scale) -> anyhow::Result<Outcome> {
    let product = Product::start(Options {
        mode: Mode::AllInOne,
        ..Options::default()
    })
    .await?;
    let run = product.run(&scale.load())?;
    let began = Instant::now();
    let mut faults = Vec::new();
    let mut database_killed = false;
    loop {
        tokio::time::sleep(KILL_EVERY).await;
        if is_over(&run, &scale) {
            break;
        }
        let role = product.role("all")?;
        if !database_killed && began.elapsed() > scale.duration() / 2 {
            product.kill_embedded_database()?;
            database_killed = true;
            faults.push("PostgreSQL".to_owned());
            continue;
        }
        let starts = role.starts();
        role.kill()?;
        faults.push(role.name());
        role.started_again(starts, Duration::from_secs(10)).await?;
        product.ready(Duration::from_secs(30)).await?;
    }
    let report = run.settle(DRAIN, scale.afterwards).await;
    product.finish().await?;
    Ok(Outcome { report, faults })
}

/// Every webhook comes three times at once, to two gateways.
pub async fn every_webhook_thrice(scale: Scale) -> anyhow::Result<Outcome> {
    let options = Options {
        mode: Mode::Split {
            gateways: 2,
            workers: 2,
        },
        ..Options::default()
    };
    let product = Product::start(options).await?;
    let run = product.run(&Load {
        deliveries: 3,
        ..scale.load()
    })?;
    let report = run.settle(scale.duration() + DRAIN, scale.afterwards).await;
    product.finish().await?;
    Ok(Outcome {
        report,
        faults: Vec::new(),
    })
}

/// How long it took to be of use again after the broker's port opened, and the ledger.
#[derive(Debug)]
pub struct BrokerOutcome {
    /// The ledger, and what was broken.
    pub outcome: Outcome,
    /// From the open port to the next accepted webhook, for each time that the broker was killed.
    pub recovered: Vec<Duration>,
}

impl BrokerOutcome {
    /// Fails unless webhooks were answered in time throughout, honestly refused meanwhile, and taken again soon.
    pub fn ensure_recovered(&self) -> anyhow::Result<()> {
        let report = &self.outcome.report;
        anyhow::ensure!(
            report.unavailable > 0,
            "nobody was told 503 while the broker was away\n{report}"
        );
        anyhow::ensure!(
            report.slowest <= WEBHOOK_LIMIT,
            "a webhook took {:?}\n{report}",
            report.slowest
        );
        let slowest = self
            .recovered
            .iter()
            .max()
            .context("the broker was never killed")?;
        anyhow::ensure!(
            *slowest <= PUBLISHING_AGAIN,
            "published again {slowest:?} after the port opened\n{report}"
        );
        Ok(())
    }
}

/// kill -9 of RabbitMQ under load, and its start over the same data.
pub async fn kill_broker(scale: Scale, times: usize) -> anyhow::Result<BrokerOutcome> {
    let options = Options {
        mode: Mode::Split {
            gateways: 1,
            workers: 2,
        },
        own_broker: true,
        ..Options::default()
    };
    // A broker takes its time to start: people go on writing through every kill.
    let scale = Scale {
        messages: scale.messages * times as u64,
        ..scale
    };
    let mut product = Product::start(options).await?;
    let run = product.run(&scale.load())?;
    let mut faults = Vec::new();
    let mut recovered = Vec::new();
    #[expect(clippy::cast_possible_truncation, reason = "a handful")]
    let pause = scale.duration() / (times as u32 + 1);
    for _ in 0..times {
        tokio::time::sleep(pause.min(Duration::from_secs(5))).await;
        if run.accepted() as u64 >= scale.messages {
            // Nobody would notice any more.
            break;
        }
        let broker = product.own_broker()?;
        broker.kill()?;
        faults.push("RabbitMQ".to_owned());
        // Long enough that webhooks meet a broker that is away.
        tokio::time::sleep(Duration::from_secs(2)).await;
        broker.start_again().await?;
        let opened = Instant::now();
        let accepted = run.accepted();
        wait::until(
            "a webhook to be taken again",
            Duration::from_secs(60),
            async || Ok((run.accepted() > accepted).then_some(())),
        )
        .await?;
        recovered.push(opened.elapsed());
    }
    let report = run.settle(scale.duration() + DRAIN, scale.afterwards).await;
    product.finish().await?;
    Ok(BrokerOutcome {
        outcome: Outcome { report, faults },
        recovered,
    })
}

/// kill -9 of PostgreSQL under load; it comes back by itself a second later.
pub async fn kill_database(scale: Scale, times: usize) -> anyhow::Result<Outcome> {
    let options = Options {
        mode: Mode::Split {
            gateways: 1,
            workers: 2,
        },
        private_database: true,
        ..Options::default()
    };
    let product = Product::start(options).await?;
    let run = product.run(&scale.load())?;
    let mut faults = Vec::new();
    #[expect(clippy::cast_possible_truncation, reason = "a handful")]
    let pause = scale.duration() / (times as u32 + 1);
    for _ in 0..times {
        tokio::time::sleep(pause).await;
        product.database()?.kill()?;
        faults.push("PostgreSQL".to_owned());
    }
    let report = run.settle(scale.duration() + DRAIN, scale.afterwards).await;
    product.finish().await?;
    Ok(Outcome { report, faults })
}

/// SIGTERM of each role in turn under load, as an upgrade does it: stopped in order, started again, and on to the next.
pub async fn restart_in_turn(scale: Scale, rounds: usize) -> anyhow::Result<Outcome> {
    let options = Options {
        mode: Mode::Split {
            gateways: 2,
            workers: 2,
        },
        ..Options::default()
    };
    // A role takes its time to stop and to start: people go on writing through several restarts.
    let scale = Scale {
        messages: scale.messages * 4,
        ..scale
    };
    let product = Product::start(options).await?;
    let run = product.run(&scale.load())?;
    let mut faults = Vec::new();
    'rounds: for _ in 0..rounds {
        for role in product.roles() {
            if is_over(&run, &scale) {
                break 'rounds;
            }
            let stopped = role.stop(STOP_LIMIT + Duration::from_secs(10)).await?;
            anyhow::ensure!(
                stopped.status.code() == Some(0),
                "{} ended with {}:\n{}",
                role.name(),
                stopped.status,
                last_lines(&role.stderr())
            );
            anyhow::ensure!(
                stopped.took <= STOP_LIMIT,
                "{} took {:?} to stop",
                role.name(),
                stopped.took
            );
            role.resume()?;
            product.ready(Duration::from_secs(30)).await?;
            faults.push(role.name());
        }
    }
    let report = run.settle(scale.duration() + DRAIN, scale.afterwards).await;
    product.finish().await?;
    Ok(Outcome { report, faults })
}

/// The end of a log, for a message.
pub fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(15).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
