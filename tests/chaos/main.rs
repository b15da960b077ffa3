//! `make chaos`: faults under load at full size, with the ledger of each. Ends with an error if a promise was broken.

use clap::Parser;
use whole_product::chaos::{self, Scale};

/// Breaks things while people write, and counts what was lost, doubled or out of order.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these: kill-roles, kill-all-in-one, thrice, kill-broker, kill-database, restart
    only: Vec<String>,
    /// Decides what is left to chance; by the clock when left out
    #[arg(long)]
    seed: Option<u64>,
    /// Messages in each run
    #[arg(long, default_value_t = 3000)]
    messages: u64,
    /// Messages a second
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// People who write
    #[arg(long, default_value_t = 200)]
    conversations: u64,
}

/// Where a send's outcome was unknown there may be duplicates: so many of a thousand.
const DUPLICATES: f64 = 5.0;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let by_clock = || chrono::Utc::now().timestamp_millis().unsigned_abs() % 1_000_000;
    let seed = arguments.seed.unwrap_or_else(by_clock);
    let scale = Scale {
        messages: arguments.messages,
        rate: arguments.rate,
        conversations: arguments.conversations,
        ..Scale::full(seed)
    };
    println!(
        "{} messages at {}/s from {} people; repeat with --seed {seed}",
        scale.messages, scale.rate, scale.conversations
    );
    let mut broken = Vec::new();
    for (name, title) in [
        ("kill-roles", "kill -9 of a random role every 2 s"),
        (
            "kill-all-in-one",
            "kill -9 of everything in one process every 2 s, and of PostgreSQL once",
        ),
        ("thrice", "every webhook three times, to two gateways"),
        ("kill-broker", "kill -9 of RabbitMQ"),
        ("kill-database", "kill -9 of PostgreSQL"),
        ("restart", "SIGTERM of each role in turn"),
    ] {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        println!();
        if let Err(error) = one(name, title, scale).await {
            println!("BROKEN: {title}: {error:#}");
            broken.push(name);
        }
    }
    anyhow::ensure!(broken.is_empty(), "broken: {}", broken.join(", "));
    Ok(())
}

async fn one(name: &str, title: &str, scale: Scale) -> anyhow::Result<()> {
    let (outcome, duplicates) = match name {
        "kill-roles" => (chaos::kill_roles(scale).await?, DUPLICATES),
        "kill-all-in-one" => (chaos::kill_all_in_one(scale).await?, DUPLICATES),
        "thrice" => (chaos::every_webhook_thrice(scale).await?, 0.0),
        "kill-database" => (chaos::kill_database(scale, 3).await?, DUPLICATES),
        "kill-broker" => {
            let run = chaos::kill_broker(scale, 3).await?;
            let recovered: Vec<_> = run
                .recovered
                .iter()
                .map(|took| format!("{:.1} s", took.as_secs_f64()))
                .collect();
            run.outcome.print(title, scale.seed);
            println!("  taken again after the port opened: {}", recovered.join(", "));
            run.ensure_recovered()?;
            return run.outcome.report.ensure_kept(0.0);
        }
        _ => (chaos::restart_in_turn(scale, 3).await?, 0.0),
    };
    outcome.print(title, scale.seed);
    outcome.report.ensure_kept(duplicates)
}
