//! What is promised still holds when connections are cut, refused or silent. Through a proxy, so that nobody else's are.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use queue::{Delivery, LiveEvent, PublishError, QueueName};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use support::{LONG, Process, World, message, next, nothing, proxy::Proxy, text};
use tokio::time::timeout;

/// How soon after its return the broker is used again.
const RECOVERY: Duration = Duration::from_secs(5);

/// The publisher's own time limit, and what a busy machine adds.
const LIMIT: Duration = Duration::from_millis(2_500);

macro_rules! both_transports {
    ($($promise:ident),* $(,)?) => {
        mod amqp {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let world = super::World::amqp();
                    super::$promise(&world).await;
                    world.end().await;
                }
            )*
        }

        mod postgres {
            $(
                #[sqlx::test(migrations = "../store/migrations")]
                async fn $promise(pool: sqlx::PgPool) {
                    let world = super::World::postgres(&pool);
                    super::$promise(&world).await;
                    world.end().await;
                }
            )*
        }
    };
}

both_transports!(
    cut_connections_lose_nothing_that_was_accepted,
    while_the_broker_is_away_publishing_is_refused_in_time_and_everything_comes_back_with_it,
    a_broker_that_says_nothing_is_not_waited_for_longer_than_the_limit,
    what_is_in_hand_when_the_connection_is_cut_is_not_lost,
);

/// The world, seen through a proxy.
async fn behind_a_proxy(world: &World) -> (World, Proxy) {
    use secrecy::ExposeSecret;
    let through = |address: &str, proxy: &Proxy| {
        let mut url: url::Url = address.parse().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(proxy.address.port())).unwrap();
        url.to_string()
    };
    let target = |address: &str, port| {
        let url: url::Url = address.parse().unwrap();
        format!(
            "{}:{}",
            url.host_str().unwrap_or("127.0.0.1"),
            url.port().unwrap_or(port)
        )
    };
    let url = world.settings.url.expose_secret().to_owned();
    if world.is_amqp() {
        let proxy = Proxy::to(&target(&url, 5672)).await;
        (
            world.through(through(&url, &proxy), world.database.clone()),
            proxy,
        )
    } else {
        let proxy = Proxy::to(&target(&world.database, 5432)).await;
        (world.through(url, through(&world.database, &proxy)), proxy)
    }
}

/// How long it takes until a message is accepted.
async fn until_accepted(process: &Process, name: &str) -> Duration {
    let started = Instant::now();
    process.publish_at_last(&QueueName::Index, name).await;
    started.elapsed()
}

async fn cut_connections_lose_nothing_that_was_accepted(world: &World) {
    let (shaky, proxy) = behind_a_proxy(world).await;
    let process = Arc::new(shaky.process().await);
    let accepted = Arc::new(Mutex::new(BTreeSet::new()));
    let publishing = Arc::new(AtomicBool::new(true));
    let publishers: Vec<_> = (0..8)
        .map(|publisher| {
            let (process, accepted, publishing) = (process.clone(), accepted.clone(), publishing.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    if !publishing.load(Ordering::SeqCst) {
                        return;
                    }
                    let name = format!("{publisher}-{number}");
                    match process.queue.publish(&QueueName::Index, message(&name)).await {
                        Ok(()) => drop(accepted.lock().unwrap().insert(name)),
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        })
        .collect();
    let received = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let mut consumer = process.queue.consume(&QueueName::Index, 50).await;
    let consuming = tokio::spawn({
        let received = received.clone();
        async move {
            while let Some(delivery) = consumer.next().await {
                let mut batch = vec![delivery];
                batch.extend(std::iter::from_fn(|| consumer.try_next()).take(20));
                for delivery in &batch {
                    *received.lock().unwrap().entry(text(delivery)).or_default() += 1;
                }
                Delivery::ack_all(batch).await;
            }
        }
    });

    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        proxy.cut();
        let took = until_accepted(&process, "probe").await;
        assert!(took < RECOVERY, "publishing came back after {took:?}");
    }
    publishing.store(false, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let accepted = accepted.lock().unwrap().clone();
    let all_received = async {
        while accepted
            .iter()
            .any(|name| !received.lock().unwrap().contains_key(name))
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let complete = timeout(LONG, all_received).await;

    let received = received.lock().unwrap().clone();
    let lost: Vec<_> = accepted
        .iter()
        .filter(|name| !received.contains_key(*name))
        .collect();
    let repeated: u32 = received.values().map(|times| times - 1).sum();
    println!(
        "accepted {}, lost {}, repeats {repeated}",
        accepted.len(),
        lost.len()
    );
    assert!(complete.is_ok() && lost.is_empty(), "lost: {lost:?}");
    assert!(
        accepted.len() > 100,
        "only {} messages were accepted",
        accepted.len()
    );
    process.stop.cancel();
    consuming.await.unwrap();
    shaky.end().await;
}

async fn while_the_broker_is_away_publishing_is_refused_in_time_and_everything_comes_back_with_it(
    world: &World,
) {
    let (shaky, proxy) = behind_a_proxy(world).await;
    let process = shaky.process().await;
    let mut consumer = process.queue.consume(&QueueName::Index, 5).await;
    let mut live = process.queue.live().subscribe();
    process.publish(&QueueName::Index, "before").await;
    next(&mut consumer).await.ack().await;
    assert_eq!(timeout(LONG, live.next()).await.unwrap(), Some(LiveEvent::Resync));
    assert!(process.queue.is_ready());

    proxy.shut();
    let mut refusals = 0;
    let away = Instant::now();
    while away.elapsed() < Duration::from_secs(4) {
        let started = Instant::now();
        let published = process.queue.publish(&QueueName::Index, message("away")).await;
        assert!(
            matches!(published, Err(PublishError::Unavailable { retry_after }) if retry_after > Duration::ZERO),
            "{published:?}"
        );
        assert!(
            started.elapsed() < LIMIT,
            "it took {:?} to refuse",
            started.elapsed()
        );
        assert!(!process.queue.is_ready());
        refusals += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        refusals > 5,
        "once it is known to be away it should refuse at once: {refusals} refusals in 4 s"
    );
    proxy.open();
    let took = until_accepted(&process, "after").await;

    assert!(took < RECOVERY, "publishing came back after {took:?}");
    assert!(process.queue.is_ready());
    let mut delivery = next(&mut consumer).await;
    if text(&delivery) == "before" {
        // Its acknowledgement may still have been on its way when the broker went.
        delivery.ack().await;
        delivery = next(&mut consumer).await;
    }
    assert_eq!(text(&delivery), "after");
    delivery.ack().await;
    assert_eq!(timeout(LONG, live.next()).await.unwrap(), Some(LiveEvent::Resync));
    nothing(&mut consumer).await;
    shaky.end().await;
}

async fn a_broker_that_says_nothing_is_not_waited_for_longer_than_the_limit(world: &World) {
    let (shaky, proxy) = behind_a_proxy(world).await;
    let process = Arc::new(shaky.process().await);
    process.publish(&QueueName::Index, "before").await;

    proxy.stall(true);
    let started = Instant::now();
    let waiting: Vec<_> = (0..50)
        .map(|number| {
            let process = process.clone();
            tokio::spawn(async move {
                process
                    .queue
                    .publish(&QueueName::Index, message(&number.to_string()))
                    .await
            })
        })
        .collect();
    for published in waiting {
        let published = published.await.unwrap();
        assert!(
            matches!(published, Err(PublishError::Unavailable { .. })),
            "{published:?}"
        );
    }
    assert!(
        started.elapsed() < LIMIT,
        "it took {:?} to refuse",
        started.elapsed()
    );
    proxy.stall(false);

    let took = until_accepted(&process, "after").await;
    assert!(took < RECOVERY, "publishing came back after {took:?}");
    shaky.end().await;
}

async fn what_is_in_hand_when_the_connection_is_cut_is_not_lost(world: &World) {
    let (shaky, proxy) = behind_a_proxy(world).await;
    let process = shaky.process().await;
    let mut consumer = process.queue.consume(&QueueName::Inbound, 5).await;
    for number in 0..3 {
        process.publish(&QueueName::Inbound, &number.to_string()).await;
    }
    let in_hand = next(&mut consumer).await;
    assert_eq!(text(&in_hand), "0");

    proxy.cut();
    until_accepted(&process, "probe").await;
    let settled = timeout(LONG, in_hand.ack()).await;

    assert!(settled.is_ok(), "an acknowledgement must not hang");
    // Whether it was acknowledged or comes again depends on who was faster; then the order is kept all the same.
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "2") {
        let delivery = next(&mut consumer).await;
        seen.push(text(&delivery));
        delivery.ack().await;
    }
    let expected: Vec<&str> = if seen.len() == 3 {
        vec!["0", "1", "2"]
    } else {
        vec!["1", "2"]
    };
    assert_eq!(seen, expected);
    shaky.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_deleted_by_hand_comes_back_and_nothing_accepted_after_it_is_lost() {
    use secrecy::ExposeSecret;
    let world = World::amqp();
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Index, 5).await;
    process.publish(&QueueName::Index, "before").await;
    next(&mut consumer).await.ack().await;
    let by_hand = lapin::Connection::connect(
        world.settings.url.expose_secret(),
        lapin::ConnectionProperties::default(),
    )
    .await
    .unwrap();
    let channel = by_hand.create_channel().await.unwrap();
    let name = format!("{}.{}", world.settings.namespace, QueueName::Index);

    for round in 0..3 {
        channel
            .queue_delete(
                name.as_str().into(),
                lapin::options::QueueDeleteOptions::default(),
            )
            .await
            .unwrap();
        let published = (0..20).map(|number| {
            let process = &process;
            async move {
                process
                    .publish(&QueueName::Index, &format!("{round}-{number}"))
                    .await
            }
        });
        let started = Instant::now();
        futures_util::future::join_all(published).await;
        assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());

        let mut missing: BTreeSet<String> = (0..20).map(|number| format!("{round}-{number}")).collect();
        while !missing.is_empty() {
            let delivery = next(&mut consumer).await;
            missing.remove(&text(&delivery));
            delivery.ack().await;
        }
    }
    // Without anybody publishing, the consumer has to notice by itself.
    channel
        .queue_delete(
            name.as_str().into(),
            lapin::options::QueueDeleteOptions::default(),
        )
        .await
        .unwrap();
    let declared = async {
        let passive = lapin::options::QueueDeclareOptions {
            passive: true,
            durable: true,
            ..Default::default()
        };
        while by_hand
            .create_channel()
            .await
            .unwrap()
            .queue_declare(name.as_str().into(), passive, lapin::types::FieldTable::default())
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, declared)
        .await
        .expect("the consumer should declare it again");
    let _ = by_hand.close(200, "done".into()).await;
    world.end().await;
}
