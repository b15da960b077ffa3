//! `botsmith`: every role of the system in one program.

mod all;
mod audit;
mod banner;
mod cli;
mod data_dir;
mod demo;
mod doctor;
mod eval;
mod heartbeat;
mod http;
mod keys;
mod operator;
mod parts;
mod remote;
mod role;
mod running;
mod settings;
mod shared;
mod transfer;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};
use settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        // A process that reads a stranger's file has nothing beyond what reading needs.
        Some(Command::ReadFile) => extract::serve().context("reading a file"),
        _ => start(cli),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("botsmith: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()
        .context("starting the runtime")?
        .block_on(run(cli))
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let data_dir = cli.data_dir.unwrap_or_else(process::data_dir::default_path);
    let command = cli.command.unwrap_or_else(|| Command::All(cli::All::default()));
    match command {
        Command::Simulate(simulate) => return simulate.run(&data_dir).await,
        Command::Keys(cli::Keys::Generate { file }) => return keys::generate(&file),
        Command::Export(export) => return transfer::export(export).await,
        Command::Import(import) => return transfer::import(import).await,
        Command::Eval(eval) => return eval::eval(eval).await,
        Command::Openapi => return operator::openapi(),
        Command::Doctor => return doctor::run(cli.config.as_deref(), &data_dir).await,
        _ => {}
    }
    let settings = Settings::load(cli.config.as_deref())?;
    let _telemetry = process::telemetry::init(command.role(), &settings.telemetry)?;
    let stop = process::shutdown::on_signal()?;
    running::end_in_time(stop.clone());

    match command {
        Command::All(options) => all::run(settings, &options, &data_dir, stop).await,
        Command::Gateway => role::gateway(settings, stop).await,
        Command::ChatWorker(health) => role::chat_worker(settings, health, stop).await,
        Command::Sender(which) => role::sender(settings, which, stop).await,
        Command::Listener(which) => role::listener(settings, which, stop).await,
        Command::Indexer(health) => role::indexer(settings, health, stop).await,
        Command::Scheduler(health) => role::scheduler(settings, health, stop).await,
        Command::AdminApi => role::admin_api(settings, stop).await,
        Command::Migrate => operator::migrate(settings, &data_dir).await,
        Command::Keys(keys) => keys::run(settings, keys, &data_dir).await,
        Command::Admin(admin) => operator::admin(settings, admin, &data_dir).await,
        Command::Audit(audit) => operator::audit(settings, audit, &data_dir).await,
        Command::Demo => demo::run(settings, &data_dir, stop).await,
        Command::SetupLink => operator::setup_link(settings, &data_dir).await,
        Command::Simulate(_)
        | Command::Doctor
        | Command::Openapi
        | Command::Export(_)
        | Command::Import(_)
        | Command::Eval(_)
        | Command::ReadFile => Ok(()),
    }
}
