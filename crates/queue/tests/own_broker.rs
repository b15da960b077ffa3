//! What only a broker of one's own can show: alarms, and sudden death. Starts RabbitMQ from the machine's own
//! installation, so it is run when asked for: `cargo test -p queue --test own_broker -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use queue::{Delivery, PublishError, QueueName};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use support::{LONG, World, message, next, text};
use tokio::{net::TcpStream, time::timeout};

/// Debian's place; the scripts in the path change the user.
const SERVER: &str = "/usr/lib/rabbitmq/bin";

struct Broker {
    name: String,
    port: u16,
    directory: PathBuf,
    child: Child,
}

impl Broker {
    fn start(port: u16) -> Self {
        let directory = std::env::temp_dir().join(format!("botsmith-queue-{port}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let name = format!("botsmith{port}@localhost");
        let child = Self::spawn(&name, port, &directory);
        Self {
            name,
            port,
            directory,
            child,
        }
    }

    fn spawn(name: &str, port: u16, directory: &Path) -> Child {
        Command::new(format!("{SERVER}/rabbitmq-server"))
            .envs(Self::environment(name, port, directory))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rabbitmq-server has to be installed")
    }

    fn environment(name: &str, port: u16, directory: &Path) -> Vec<(&'static str, String)> {
        let at = |what: &str| directory.join(what).display().to_string();
        vec![
            ("HOME", directory.display().to_string()),
            ("RABBITMQ_NODENAME", name.to_owned()),
            ("RABBITMQ_NODE_PORT", port.to_string()),
            ("RABBITMQ_DIST_PORT", (port + 1).to_string()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_MNESIA_BASE", at("data")),
            ("RABBITMQ_LOG_BASE", at("log")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins")),
            ("RABBITMQ_CONFIG_FILE", at("none")),
        ]
    }

    async fn ready(&self) {
        let ready = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(90), ready)
            .await
            .expect("the broker should start");
    }

    fn control(&self, arguments: &[&str]) {
        let done = Command::new(format!("{SERVER}/rabbitmqctl"))
            .envs(Self::environment(&self.name, self.port, &self.directory))
            .args(["-n", &self.name])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn kill(&mut self) {
        // The server is a child of the script's shell, and dies with its own pid file.
        let pid = self.directory.join("data").join(format!("{}.pid", self.name));
        let pid = std::fs::read_to_string(pid).unwrap();
        assert!(
            Command::new("kill")
                .args(["-9", pid.trim()])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.child = Self::spawn(&self.name, self.port, &self.directory);
    }

    fn world(&self) -> World {
        let url = format!("amqp://guest:guest@127.0.0.1:{}", self.port);
        World::new(url, "postgres://nobody@127.0.0.1:1/nothing".to_owned())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let pid = self.directory.join("data").join(format!("{}.pid", self.name));
        if let Ok(pid) = std::fs::read_to_string(pid) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts a broker of its own"]
async fn an_alarm_refuses_publishing_in_time_and_stops_no_consumer() {
    let broker = Broker::start(25_691);
    broker.ready().await;
    let world = broker.world();
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Index, 1).await;
    process.publish_at_last(&QueueName::Index, "0").await;
    process.publish_at_last(&QueueName::Index, "1").await;
    let first = next(&mut consumer).await;

    broker.control(&["set_disk_free_limit", "100000GB"]);
    let raised = Instant::now();
    while process.queue.is_ready() {
        let started = Instant::now();
        let _ = process.queue.publish(&QueueName::Index, message("alarm")).await;
        assert!(
            started.elapsed() < Duration::from_millis(2_500),
            "{:?}",
            started.elapsed()
        );
        assert!(raised.elapsed() < LONG, "the block was not seen");
    }
    let started = Instant::now();
    let refused = process.queue.publish(&QueueName::Index, message("blocked")).await;
    assert!(
        matches!(refused, Err(PublishError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(
        started.elapsed() < Duration::from_millis(100),
        "a known block is no reason to wait"
    );
    first.ack().await;
    assert_eq!(text(&next(&mut consumer).await), "1", "consuming has to go on");

    broker.control(&["set_disk_free_limit", "1MB"]);
    let cleared = Instant::now();
    process.publish_at_last(&QueueName::Index, "after").await;
    assert!(
        cleared.elapsed() < Duration::from_secs(5),
        "{:?}",
        cleared.elapsed()
    );
    assert!(process.queue.is_ready());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts a broker of its own"]
async fn a_broker_that_is_killed_loses_nothing_that_was_accepted() {
    let mut broker = Broker::start(25_681);
    broker.ready().await;
    let world = broker.world();
    let process = Arc::new(world.process().await);
    process.publish_at_last(&QueueName::Index, "connected").await;
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let publishing = Arc::new(AtomicBool::new(true));
    let publishers: Vec<_> = (0..20)
        .map(|publisher| {
            let (process, accepted, publishing) = (process.clone(), accepted.clone(), publishing.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    if !publishing.load(Ordering::SeqCst) {
                        return;
                    }
                    let name = format!("{publisher}-{number}");
                    let started = Instant::now();
                    match process.queue.publish(&QueueName::Index, message(&name)).await {
                        Ok(()) => accepted.lock().unwrap().push(name),
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                    assert!(
                        started.elapsed() < Duration::from_secs(3),
                        "{:?}",
                        started.elapsed()
                    );
                }
            })
        })
        .collect();
    let received = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let mut consumer = process.queue.consume(&QueueName::Index, 100).await;
    tokio::spawn({
        let received = received.clone();
        async move {
            while let Some(first) = consumer.next().await {
                let mut batch = vec![first];
                batch.extend(std::iter::from_fn(|| consumer.try_next()));
                for delivery in &batch {
                    *received.lock().unwrap().entry(text(delivery)).or_default() += 1;
                }
                Delivery::ack_all(batch).await;
            }
        }
    });

    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        broker.kill();
        tokio::time::sleep(Duration::from_secs(1)).await;
        broker.start_again();
        broker.ready().await;
        let open = Instant::now();
        process.publish_at_last(&QueueName::Index, "probe").await;
        println!("publishing {:?} after the port opened", open.elapsed());
        assert!(open.elapsed() < Duration::from_secs(5), "{:?}", open.elapsed());
    }
    publishing.store(false, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let accepted = accepted.lock().unwrap().clone();
    let complete = async {
        while accepted
            .iter()
            .any(|name| !received.lock().unwrap().contains_key(name))
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let complete = timeout(Duration::from_secs(60), complete).await;

    let received = received.lock().unwrap().clone();
    let lost = accepted
        .iter()
        .filter(|name| !received.contains_key(*name))
        .count();
    let repeats: u32 = received.values().map(|times| times - 1).sum();
    println!("accepted {}, lost {lost}, repeats {repeats}", accepted.len());
    assert!(
        complete.is_ok(),
        "{lost} of {} accepted messages are lost",
        accepted.len()
    );
    world.end().await;
}
