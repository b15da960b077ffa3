//! Messages over connections that we open: long polling at Telegram, Socket Mode at Slack, the Gateway at Discord, each
//! played by the simulator. What is promised: one listener holds a connection, and whatever becomes of listeners and
//! connections, each message is answered once.

use crate::shared::PATIENCE;
use serde_json::json;
use simulator::{
    model::token,
    played::{Ending, Kind, Outgoing, Person, find},
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use whole_product::{
    alone,
    load::QUESTION,
    product::{Options, Product},
};

const PLATFORMS: [&str; 3] = ["telegram", "slack", "discord"];
/// A lease runs out after 30 s, and what it held is due at once.
const LEASE: Duration = Duration::from_secs(30);

/// A question of somebody new, in their own chat with the bot.
struct Asked {
    platform: &'static str,
    conversation: String,
    token: String,
    person: Person,
}

struct Stage {
    product: Product,
    asked: Vec<Asked>,
}

/// Nobody asks twice, so that no answer waits for its turn in a conversation.
fn somebody(platform: &str, number: u64) -> String {
    match platform {
        "telegram" => format!("{}", 5_560_000 + number),
        "slack" => format!("U000P{number:04}"),
        _ => format!("{}", 900_000_000_000_100_000 + number),
    }
}

impl Stage {
    /// A bot that is read over connections on all three, by nobody yet.
    async fn set(environment: &[(&str, &str)]) -> Self {
        let product = Product::start(Options {
            environment: environment
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..Options::default()
        })
        .await
        .unwrap();
        let bot = product.bot().unwrap();
        for platform in PLATFORMS {
            let credentials = find(platform)
                .unwrap()
                .credentials("0123456789abcdef0123456789abcdef");
            let body = json!({"platform": platform, "mode": "connection", "credentials": credentials});
            let path = format!("/api/integrations/{}", bot.chatbot_id);
            product.api().post(&path, &body).await.unwrap();
        }
        Self {
            product,
            asked: Vec::new(),
        }
    }

    /// Returns when every platform has a connection, opened after so many.
    async fn connected(&self, since: [u64; 3], patience: Duration) {
        for (platform, since) in PLATFORMS.iter().zip(since) {
            let open = self
                .product
                .played()
                .connections_when(platform, patience, |all| all.open > 0 && all.opened > since)
                .await;
            assert!(
                open.is_some(),
                "no connection to {platform}: {:?}",
                self.product.played().connections(platform)
            );
        }
    }

    /// How many connections there were up to now.
    fn opened(&self) -> [u64; 3] {
        PLATFORMS.map(|platform| self.product.played().connections(platform).opened)
    }

    fn ask(&mut self, platform: &'static str) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let token = token(number);
        let person = Person::new(somebody(platform, number), format!("{QUESTION} {token}"));
        self.write(platform, token, person);
    }

    fn write(&mut self, platform: &'static str, token: String, person: Person) {
        self.product.played().write(platform, &person).unwrap();
        self.asked.push(Asked {
            platform,
            conversation: find(platform).unwrap().conversation(&person),
            token,
            person,
        });
    }

    fn ask_everywhere(&mut self, times: usize) {
        for _ in 0..times {
            PLATFORMS.into_iter().for_each(|platform| self.ask(platform));
        }
    }

    /// Returns when everything that was asked so far is answered.
    async fn answered(&self, patience: Duration) {
        for asked in &self.asked {
            let fits = |one: &Outgoing| is_to(one, asked) && one.text.contains(&asked.token);
            let answer = self.product.played().outbox().next(0, patience, fits).await;
            assert!(
                answer.is_some(),
                "{} {} was not answered. Told: {}. {:?}\n{}",
                asked.platform,
                asked.token,
                self.product
                    .played()
                    .is_told(asked.platform, &asked.person, Duration::ZERO)
                    .await,
                self.product.played().connections(asked.platform),
                self.logs(),
            );
        }
    }

    /// The same, once each and nothing else. Asks once more first: what would come twice has come by the time that this is
    /// answered.
    async fn answered_once(&mut self) {
        self.answered(PATIENCE).await;
        self.ask_everywhere(1);
        self.answered(PATIENCE).await;
        let sent = self.product.played().outbox().after(0);
        let sent: Vec<_> = sent.iter().filter(|one| one.kind == Kind::Sent).collect();
        for asked in &self.asked {
            let of_it = sent
                .iter()
                .filter(|one| is_to(one, asked) && one.text.contains(&asked.token));
            assert_eq!(of_it.count(), 1, "{} {}", asked.platform, asked.token);
        }
        let known: BTreeSet<_> = self
            .asked
            .iter()
            .map(|asked| (asked.platform, asked.token.as_str()))
            .collect();
        assert_eq!(sent.len(), known.len(), "somebody was answered who has not asked");
    }

    fn logs(&self) -> String {
        let listeners = self.product.roles().iter();
        let listeners = listeners.filter(|role| role.name().starts_with("listener"));
        listeners
            .map(|role| {
                format!(
                    "{}:\n{}",
                    role.name(),
                    whole_product::chaos::last_lines(&role.stderr())
                )
            })
            .collect()
    }

    /// Two connections at once were never open, and none pushed another away.
    fn one_at_a_time(&self) {
        for platform in PLATFORMS {
            let connections = self.product.played().connections(platform);
            assert_eq!(
                (connections.most, connections.displaced),
                (1, 0),
                "{platform}: {connections:?}"
            );
        }
    }
}

fn is_to(one: &Outgoing, asked: &Asked) -> bool {
    one.kind == Kind::Sent && one.platform == asked.platform && one.conversation == asked.conversation
}

#[test]
fn of_two_listeners_one_holds_each_connection_and_the_other_goes_on_after_a_stop_and_after_a_kill() {
    alone(async {
        let mut stage = Stage::set(&[]).await;
        let first = stage
            .product
            .add_role("listener-1", &["listener", "--all"])
            .await
            .unwrap();
        stage.connected([0; 3], PATIENCE).await;
        let second = stage
            .product
            .add_role("listener-2", &["listener", "--all"])
            .await
            .unwrap();
        stage.ask_everywhere(5);
        stage.answered_once().await;
        stage.one_at_a_time();

        // An orderly stop hands over at once, and nobody waits for a lease to run out.
        let opened = stage.opened();
        stage.ask_everywhere(5);
        let began = Instant::now();
        let stopped = first.stop(PATIENCE).await.unwrap();
        assert_eq!(stopped.status.code(), Some(0), "{}", first.stderr());
        stage.ask_everywhere(5);
        stage.connected(opened, LEASE / 2).await;
        assert!(began.elapsed() < LEASE / 2, "it took {:?}", began.elapsed());
        stage.answered_once().await;
        stage.one_at_a_time();
        let resumed = stage.product.played().connections("discord").resumed;
        assert_eq!(resumed, 1, "the other began a session of its own");

        // Killed in the middle of things, it hands over nothing: the other waits until its lease has run out.
        first.resume().unwrap();
        stage.product.ready(PATIENCE).await.unwrap();
        let opened = stage.opened();
        stage.ask_everywhere(10);
        second.kill_for_good().await.unwrap();
        stage.ask_everywhere(10);
        stage.connected(opened, LEASE * 2).await;
        stage.answered_once().await;
        assert_eq!(stage.product.played().connections("discord").resumed, 2);
        stage.product.finish().await.unwrap();
    });
}

#[test]
fn whatever_a_platform_does_to_a_connection_reading_goes_on_and_each_message_is_answered_once() {
    alone(async {
        let mut stage = Stage::set(&[
            ("BOTSMITH__SCHEDULER__CARE_SECONDS", "1"),
            ("BOTSMITH__SCHEDULER__BACKFILL_GRACE_SECONDS", "1"),
        ])
        .await;
        stage
            .product
            .add_role("listener", &["listener", "--all"])
            .await
            .unwrap();
        stage.connected([0; 3], PATIENCE).await;
        stage.ask_everywhere(1);
        stage.answered(PATIENCE).await;

        for (ending, resumed) in [(Ending::Cut, 1), (Ending::Asked, 2), (Ending::Forgotten, 2)] {
            let opened = stage.opened();
            for platform in PLATFORMS {
                stage.ask(platform);
                stage.product.played().end_connections(platform, ending).unwrap();
                // Discord tells a new session nothing of what was before it.
                if (platform, ending) != ("discord", Ending::Forgotten) {
                    stage.ask(platform);
                }
            }
            stage.connected(opened, PATIENCE).await;
            stage.answered_once().await;

            let discord = stage.product.played().connections("discord");
            assert_eq!(discord.resumed, resumed, "{ending:?}: {discord:?}");
        }

        // What Discord told nobody stands in its channels, and is fetched from there.
        let known = stage
            .asked
            .iter()
            .find(|asked| asked.platform == "discord")
            .unwrap();
        let (token, from) = (token(9_999), known.person.from.clone());
        let missed = Person::new(from, format!("{QUESTION} {token}"));
        let opened = stage.opened();
        stage
            .product
            .played()
            .end_connections("discord", Ending::Forgotten)
            .unwrap();
        stage.write("discord", token, missed.clone());
        assert!(
            !stage
                .product
                .played()
                .is_told("discord", &missed, Duration::ZERO)
                .await,
            "there was a session"
        );
        stage.connected([0, 0, opened[2]], PATIENCE).await;
        stage.answered_once().await;
        stage.product.finish().await.unwrap();
    });
}
