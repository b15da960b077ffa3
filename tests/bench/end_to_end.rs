//! From the webhook to the reply: times at steady rates, and the highest rate that holds.

use crate::{
    Effort, disk,
    table::{Table, ms},
};
use simulator::{model::Behaviour, twilio::Callbacks};
use std::time::{Duration, Instant};
use whole_product::{
    load::{Load, Report},
    product::{Mode, Options, Product},
    role::processor_seconds,
};

/// The model's time in the runs that have one.
const MODEL: Duration = Duration::from_millis(500);
/// The highest p99 of the overhead at 50 messages a second.
const OVERHEAD_GOAL_MS: u64 = 50;
/// The lowest highest rate.
const RATE_GOAL: f64 = 400.0;
/// After the last message a rate that holds has answered everything within this much more than the model takes.
const BACKLOG: Duration = Duration::from_secs(2);

fn options(mode: Mode, model: Duration) -> Options {
    Options {
        mode,
        // A kept prompt costs the simulator memory, and a callback the gateway a webhook: peers were measured without.
        callbacks: Callbacks::none(),
        model: Some(Behaviour::echo(model)),
        bots: 4,
        environment: [
            // One tenant's bench has the machine for itself.
            ("BOTSMITH__CHAT_WORKER__CONCURRENT_TURNS", "1024"),
            ("BOTSMITH__CHAT_WORKER__TURNS_PER_WORKSPACE", "1024"),
            ("BOTSMITH__TELEMETRY__FILTER", "warn"),
            ("BOTSMITH__STORE__MAX_CONNECTIONS", "16"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..Options::default()
    }
}

fn messages(rate: f64, duration: Duration) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of messages"
    )]
    let count = (rate * duration.as_secs_f64()) as u64;
    count.max(20)
}

async fn run(product: &Product, rate: f64, duration: Duration, first: u64) -> anyhow::Result<Report> {
    let load = Load {
        first,
        ..Load::new(messages(rate, duration), rate, 800)
    };
    Ok(product
        .run(&load)?
        .settle(Duration::from_secs(60), Duration::ZERO)
        .await)
}

/// Times at 20, 50 and 100 messages a second, with and without a model.
pub async fn times(effort: Effort) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        "roles",
        "messages/s",
        "model ms",
        "p50 ms",
        "p99 ms",
        "overhead p50 ms",
        "overhead p99 ms",
        "fdatasync ms",
    ]);
    let mut first = 1;
    let split = Mode::Split {
        gateways: 1,
        workers: 1,
    };
    for (name, mode) in [
        ("split, RabbitMQ", split),
        ("one process, PostgreSQL", Mode::AllInOne),
    ] {
        for model in [Duration::ZERO, MODEL] {
            let product = Product::start(options(mode, model)).await?;
            run(&product, 20.0, effort.warm_up, first).await?;
            first += 1_000_000;
            for rate in [20.0, 50.0, 100.0] {
                let report = run(&product, rate, effort.measure, first).await?;
                report.ensure_kept(0.0)?;
                first += 1_000_000;
                let over = |share| ms(report.quantile(share).saturating_sub(model));
                let (fdatasync, _) = disk::fdatasync()?;
                table.row(vec![
                    name.to_owned(),
                    format!("{rate:.0}"),
                    model.as_millis().to_string(),
                    ms(report.quantile(0.5)),
                    ms(report.quantile(0.99)),
                    over(0.5),
                    over(0.99),
                    ms(fdatasync),
                ]);
            }
            product.finish().await?;
        }
    }
    table.print("End to end, from webhook to reply at the platform");
    println!("goal: overhead p99 of {OVERHEAD_GOAL_MS} ms or less at 50 messages/s\n");
    Ok(())
}

/// Ramps up until the backlog grows.
pub async fn sustained(effort: Effort) -> anyhow::Result<()> {
    for (name, mode) in [
        (
            "split, RabbitMQ, one chat-worker",
            Mode::Split {
                gateways: 1,
                workers: 1,
            },
        ),
        ("one process, PostgreSQL", Mode::AllInOne),
    ] {
        let mut table = Table::new(&[
            "offered/s",
            "answered/s",
            "p50 ms",
            "p99 ms",
            "last answer after s",
            "busiest",
            "holds",
        ]);
        let product = Product::start(options(mode, MODEL)).await?;
        run(&product, 50.0, effort.warm_up, 1).await?;
        let mut highest = 0.0;
        let mut first = 1_000_000;
        for rate in [100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1000.0] {
            let before = processors(&product);
            let began = Instant::now();
            let report = run(&product, rate, effort.measure, first).await?;
            let took = began.elapsed();
            first += 1_000_000;
            let holds = report.balance.lost == 0
                && report.refused.is_empty()
                && report.unavailable == 0
                && report.drained <= MODEL + BACKLOG;
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let answered = report.balance.answered as f64 / took.as_secs_f64();
            table.row(vec![
                format!("{rate:.0}"),
                format!("{answered:.0}"),
                ms(report.quantile(0.5)),
                ms(report.quantile(0.99)),
                format!("{:.1}", report.drained.as_secs_f64()),
                busiest(&before, &processors(&product), took),
                if holds { "yes" } else { "no" }.to_owned(),
            ]);
            if !holds {
                break;
            }
            highest = rate;
        }
        table.print(&format!(
            "Highest sustained rate: {name}, model {} ms",
            MODEL.as_millis()
        ));
        println!("sustained {highest:.0}/s (goal {RATE_GOAL:.0}/s)\n");
        product.finish().await?;
    }
    Ok(())
}

/// Processor time by program, of everything that runs on this machine.
fn processors(product: &Product) -> Vec<(String, f64)> {
    let mut used: Vec<(String, f64)> = Vec::new();
    let ours: Vec<(u32, String)> = product
        .roles()
        .iter()
        .filter_map(|role| Some((role.pid()?, role.name())))
        .collect();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Some(seconds) = processor_seconds(pid) else {
            continue;
        };
        let name = match ours.iter().find(|(ours, _)| *ours == pid) {
            Some((_, name)) => name.clone(),
            None => std::fs::read_to_string(entry.path().join("comm"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
        };
        let name = if name == "beam.smp" {
            "rabbitmq".to_owned()
        } else {
            name
        };
        match used.iter_mut().find(|(is, _)| *is == name) {
            Some((_, sum)) => *sum += seconds,
            None => used.push((name, seconds)),
        }
    }
    used
}

/// Who used the processors most between the two: `postgres 64 %, rabbitmq 31 %`, of one processor each.
fn busiest(before: &[(String, f64)], after: &[(String, f64)], took: Duration) -> String {
    let mut used: Vec<(&str, f64)> = after
        .iter()
        .map(|(name, seconds)| {
            let earlier = before
                .iter()
                .find(|(is, _)| is == name)
                .map_or(0.0, |(_, seconds)| *seconds);
            (name.as_str(), (seconds - earlier).max(0.0) / took.as_secs_f64())
        })
        .collect();
    used.sort_by(|a, b| b.1.total_cmp(&a.1));
    let top = used.iter().take(5).filter(|(_, share)| *share >= 0.02);
    top.map(|(name, share)| format!("{name} {:.0} %", share * 100.0))
        .collect::<Vec<_>>()
        .join(", ")
}
