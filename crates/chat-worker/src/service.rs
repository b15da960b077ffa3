//! The chat-worker as a service.

use crate::{
    Settings, actions::Hands, answer::Answerer, bots::Bots, intake, media, status, trials, turn::Worker,
    turns,
};
use accounts::Accounts;
use knowledge::Retriever;
use models::Models;
use process::clock::Clock;
use queue::Queue;
use std::sync::Arc;
use store::{Db, turns::Caps};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tools::Tools;
use vault::Keyring;

/// Intake, statuses, media, turns and trials.
pub struct Service {
    settings: Settings,
    db: Db,
    queue: Queue,
    clock: Clock,
    accounts: Accounts,
    bots: Bots,
    answerer: Answerer,
}

impl Service {
    /// Puts everything together. Nothing is taken from the queue before [`Service::run`].
    #[expect(
        clippy::too_many_arguments,
        reason = "what the program opens once, each of its own kind"
    )]
    pub fn start(
        settings: Settings,
        db: Db,
        queue: Queue,
        accounts: Accounts,
        keyring: Keyring,
        retriever: Retriever,
        models: Models,
        tools: Tools,
        clock: Clock,
    ) -> Self {
        let bots = Bots::new(db.clone());
        let hands = Hands {
            db: db.clone(),
            keyring,
            tools,
        };
        let answerer = Answerer::new(
            hands,
            retriever,
            models,
            settings.passages,
            settings.history,
            clock.clone(),
        );
        Self {
            settings,
            db,
            queue,
            clock,
            accounts,
            bots,
            answerer,
        }
    }

    /// Works until `stop`, then lets turns under way end.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let caps = Caps {
            per_workspace: self.settings.turns_per_workspace,
            total: self.settings.turns_in_total,
        };
        let hands = self.settings.concurrent_turns;
        let max_media = self.settings.max_media_bytes;
        let (db, queue, clock) = (self.db.clone(), self.queue.clone(), self.clock.clone());
        let worker = Arc::new(Worker {
            settings: self.settings,
            db: self.db,
            queue: self.queue,
            clock: self.clock,
            accounts: self.accounts.clone(),
            bots: self.bots.clone(),
            answerer: self.answerer,
            give_up: CancellationToken::new(),
        });
        let mut running = JoinSet::new();
        running.spawn(intake::run(
            db.clone(),
            queue.clone(),
            clock.clone(),
            self.accounts.clone(),
            stop.clone(),
        ));
        running.spawn(status::run(
            db.clone(),
            queue.clone(),
            clock.clone(),
            stop.clone(),
        ));
        running.spawn(media::run(
            db,
            self.accounts.clone(),
            clock,
            max_media,
            stop.clone(),
        ));
        running.spawn(self.bots.follow(queue.clone(), stop.clone()));
        running.spawn(self.accounts.follow(queue, stop.clone()));
        running.spawn(trials::run(worker.clone(), stop.clone()));
        running.spawn(turns::run(worker, caps, hands, stop.clone()));
        while let Some(ended) = running.join_next().await {
            ended?;
            anyhow::ensure!(
                stop.is_cancelled(),
                "a part of the chat-worker ended although nobody told it to"
            );
        }
        Ok(())
    }
}
