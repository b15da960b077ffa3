//! `make bench`: what BotSmith does on this machine, with the limit of the same machine beside it in the same run.
//!
//! Method. Everything (broker, database, every role, load generator, simulated platform and model) shares this machine's
//! processors. RabbitMQ is a node of its own with an empty data folder; PostgreSQL is the server of `DATABASE_URL`, with
//! durable commits. Rates are offered whatever the system does (open loop). Times are measured from the first byte of the
//! webhook to the arrival of the reply at the simulated platform; "overhead" is that less the model's time. Disks differ
//! and change, so compare only figures of one run, and look at the time of an fdatasync beside them.

mod bare;
mod disk;
mod end_to_end;
mod gateway;
mod generator;
mod lists;
mod memory;
mod retrieval;
mod table;

use clap::{Parser, Subcommand};
use std::time::Duration;

/// Measures BotSmith.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Shorter runs, for a first look
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Webhooks a second, and what a handler can do that only verifies and publishes
    Gateway,
    /// Times from webhook to reply
    EndToEnd,
    /// The highest rate that holds
    Sustained,
    /// Resident memory, idle and loaded, and start-up time
    Memory,
    /// Searching knowledge and embedding
    Retrieval,
    /// Lists, searches and charts over 100,000 conversations
    Lists,
    /// The bare handler (started by the gateway part)
    #[command(hide = true)]
    Bare(bare::Arguments),
}

/// How long each measurement takes.
#[derive(Debug, Clone, Copy)]
struct Effort {
    warm_up: Duration,
    measure: Duration,
    rounds: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick {
        Effort {
            warm_up: Duration::from_secs(1),
            measure: Duration::from_secs(4),
            rounds: 1,
        }
    } else {
        Effort {
            warm_up: Duration::from_secs(3),
            measure: Duration::from_secs(15),
            rounds: 3,
        }
    };
    if let Some(Part::Bare(arguments)) = arguments.part {
        return bare::run(arguments).await;
    }
    let wants = |part: fn(&Part) -> bool| arguments.part.as_ref().is_none_or(part);
    println!("{}\n", machine());
    if cfg!(debug_assertions) {
        println!("This is a debug build: its figures say nothing. Use `make bench`.\n");
    }
    disk::print("before")?;
    if wants(|part| matches!(part, Part::Gateway)) {
        gateway::run(effort).await?;
    }
    if wants(|part| matches!(part, Part::Memory)) {
        memory::run(effort).await?;
    }
    if wants(|part| matches!(part, Part::Retrieval)) {
        retrieval::run(effort).await?;
    }
    if wants(|part| matches!(part, Part::Lists)) {
        lists::run(effort).await?;
    }
    if wants(|part| matches!(part, Part::EndToEnd)) {
        end_to_end::times(effort).await?;
    }
    if wants(|part| matches!(part, Part::Sustained)) {
        end_to_end::sustained(effort).await?;
    }
    disk::print("after")?;
    Ok(())
}

/// Processors and memory.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let memory = read("/proc/meminfo");
    let kilobytes = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .unwrap_or_default()
        .trim();
    format!(
        "{processors} processors ({}), memory {kilobytes}",
        model.trim_start_matches([' ', '\t', ':'])
    )
}
