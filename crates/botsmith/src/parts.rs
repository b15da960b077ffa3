//! Puts each service together from its settings and what all of them share: one function a service, for a process of its
//! own and for `botsmith all` alike.

use crate::{settings::Settings, shared::Shared};
use admin_api::AdminApi;
use anyhow::Context;
use domain::Platform;
use egress::Guard;
use models::Models;
use tools::Tools;

/// Every platform of this installation.
pub fn platforms(shared: &Shared) -> Vec<Platform> {
    shared
        .accounts
        .channels()
        .iter()
        .map(channel::ChannelHandle::platform)
        .collect()
}

/// The API.
pub fn admin_api(settings: &Settings, shared: &Shared) -> anyhow::Result<AdminApi> {
    let Shared {
        db,
        queue,
        keyring,
        accounts,
        clock,
        retriever,
        ..
    } = shared.clone();
    let tools = Tools::open(&settings.tools).context("preparing the tools")?;
    let settings_of_api = settings.admin_api.clone();
    let api = AdminApi::new(settings_of_api, db, queue, keyring, accounts, tools, clock)
        .context("preparing the API")?;
    let models = Models::open(&settings.models).context("preparing the language models")?;
    Ok(api
        .with_retriever(retriever, settings.chat_worker.passages)
        .with_models(models))
}

/// Intake and answers.
pub fn chat_worker(settings: &Settings, shared: &Shared) -> anyhow::Result<chat_worker::Service> {
    let Shared {
        db,
        queue,
        keyring,
        accounts,
        clock,
        embedders,
        retriever,
        ..
    } = shared.clone();
    // Read now, so that no question waits for it.
    tokio::spawn(async move { embedders.wanted().await.is_ok() });
    let models = Models::open(&settings.models).context("preparing the language models")?;
    let tools = Tools::open(&settings.tools).context("preparing the tools")?;
    let settings = settings.chat_worker.clone();
    Ok(chat_worker::Service::start(
        settings, db, queue, accounts, keyring, retriever, models, tools, clock,
    ))
}

/// One platform's delivery.
pub fn sender(
    settings: &Settings,
    shared: &Shared,
    platform: Platform,
) -> anyhow::Result<channel_sender::Service> {
    let Shared {
        db,
        queue,
        accounts,
        clock,
        ..
    } = shared.clone();
    channel_sender::Service::start(settings.sender.clone(), platform, db, queue, accounts, clock)
}

/// Knowledge, as it is made. Files are read by this same program, as `botsmith read-file`.
pub fn indexer(settings: &Settings, shared: &Shared) -> anyhow::Result<indexer::Service> {
    let Shared {
        db, queue, embedders, ..
    } = shared.clone();
    let program =
        std::env::current_exe().context("finding this program, which reads files as a process of its own")?;
    let reader = ["read-file"];
    indexer::Service::start(settings.indexer.clone(), db, queue, program, &reader, embedders)
}

/// Housekeeping.
pub fn scheduler(settings: &Settings, shared: &Shared) -> anyhow::Result<scheduler::Service> {
    let Shared {
        db,
        queue,
        keyring,
        accounts,
        clock,
        ..
    } = shared.clone();
    let guard = Guard::new(&settings.tools.allowed_private_cidrs);
    let settings = settings.scheduler.clone();
    scheduler::Service::start(settings, db, queue, keyring, accounts, &guard, clock)
}

/// The platforms that can be read over a connection.
pub fn listening_platforms(shared: &Shared) -> Vec<Platform> {
    shared
        .accounts
        .channels()
        .iter()
        .filter(|channel| channel.listens())
        .map(channel::ChannelHandle::platform)
        .collect()
}

/// One platform's connections.
pub fn listener(settings: &Settings, shared: &Shared, platform: Platform) -> channel_listener::Service {
    let Shared {
        db,
        queue,
        accounts,
        clock,
        ..
    } = shared.clone();
    channel_listener::Service::start(settings.listener.clone(), platform, db, queue, accounts, clock)
}
