//! What the queue promises, the same over AMQP and in PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use queue::{Delivery, LiveError, LiveEvent, LiveEvents, Outgoing, PublishError, QueueName};
use std::{
    collections::BTreeSet,
    process::Stdio,
    time::{Duration, Instant},
};
use support::{LONG, QUIET, World, message, next, nothing, outbound, text};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

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
    a_message_arrives_as_it_was_sent_and_is_gone_when_acknowledged,
    many_publishes_are_confirmed_together,
    what_is_too_large_is_refused_and_what_is_just_not_is_kept,
    a_queue_of_wake_ups_takes_no_messages,
    messages_of_one_publisher_keep_their_order,
    an_ordered_queue_has_one_consumer_and_a_standby_takes_over_where_it_stopped,
    a_shared_queue_is_shared,
    a_consumer_holds_no_more_than_its_prefetch,
    a_batch_is_what_is_here_and_no_more_than_was_asked_for,
    a_requeued_message_comes_again_before_later_ones,
    what_is_requeued_in_an_ordered_queue_takes_its_old_place,
    a_delivery_that_is_dropped_comes_again,
    acknowledging_a_batch_leaves_out_what_is_not_in_it,
    what_is_dead_is_kept_with_its_reason,
    what_comes_back_too_often_is_put_among_the_dead,
    a_dead_letter_stays_until_it_is_acknowledged,
    a_killed_process_loses_nothing_and_its_messages_are_free_at_once,
    stopping_lets_what_is_in_hand_be_finished_and_gives_the_rest_back,
    a_wake_up_reaches_another_process,
    wake_ups_that_nobody_takes_do_not_pile_up,
    a_live_event_reaches_every_process_once,
    a_live_event_that_is_too_large_is_refused,
    depth_counts_what_waits,
);

async fn a_message_arrives_as_it_was_sent_and_is_gone_when_acknowledged(world: &World) {
    let process = world.process().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let payload: Vec<u8> = (0..=255).collect();
    let mut consumer = process.queue.consume(&QueueName::Inbound, 10).await;

    let outgoing = Outgoing {
        payload: payload.clone(),
        traceparent: Some(trace.to_owned()),
    };
    process
        .queue
        .publish(&QueueName::Inbound, outgoing)
        .await
        .unwrap();
    let delivery = next(&mut consumer).await;

    assert_eq!(delivery.payload, payload);
    assert_eq!(delivery.traceparent.as_deref(), Some(trace));
    assert_eq!((delivery.redelivered, delivery.attempts), (false, 1));
    let age = chrono::Utc::now() - delivery.published_at.unwrap();
    assert!(age.num_seconds().abs() <= 5, "published {age} ago");
    assert!(delivery.death.is_none());
    delivery.ack().await;
    drop(consumer);
    let mut other = world.process().await.queue.consume(&QueueName::Inbound, 10).await;
    nothing(&mut other).await;
}

async fn many_publishes_are_confirmed_together(world: &World) {
    const ONE_BY_ONE: u32 = 50;
    const TOGETHER: u32 = 1_000;
    let process = world.process().await;
    let started = Instant::now();
    for number in 0..ONE_BY_ONE {
        process
            .publish(&QueueName::Index, &format!("first {number}"))
            .await;
    }
    let each = started.elapsed() / ONE_BY_ONE;

    let started = Instant::now();
    let all: Vec<_> = (0..TOGETHER)
        .map(|number| {
            let queue = process.queue.clone();
            tokio::spawn(async move {
                queue
                    .publish(&QueueName::Index, message(&number.to_string()))
                    .await
            })
        })
        .collect();
    for published in all {
        published.await.unwrap().unwrap();
    }
    let together = started.elapsed();

    assert!(
        together < each * TOGETHER / 2,
        "{TOGETHER} took {together:?} together, one alone {each:?}"
    );
    let mut missing: BTreeSet<String> = (0..TOGETHER).map(|number| number.to_string()).collect();
    let mut consumer = process.queue.consume(&QueueName::Index, 200).await;
    while !missing.is_empty() {
        let mut batch = vec![next(&mut consumer).await];
        batch.extend(std::iter::from_fn(|| consumer.try_next()));
        for delivery in &batch {
            missing.remove(&text(delivery));
        }
        Delivery::ack_all(batch).await;
    }
}

async fn what_is_too_large_is_refused_and_what_is_just_not_is_kept(world: &World) {
    let process = world.process().await;
    let of = |bytes: usize| Outgoing {
        payload: vec![7; bytes],
        traceparent: None,
    };

    let refused = process
        .queue
        .publish(&QueueName::Inbound, of(queue::MAX_BYTES + 1))
        .await;
    process
        .queue
        .publish(&QueueName::Inbound, of(queue::MAX_BYTES))
        .await
        .unwrap();
    process.queue.publish(&QueueName::Inbound, of(0)).await.unwrap();

    assert!(matches!(refused, Err(PublishError::TooLarge { bytes }) if bytes == queue::MAX_BYTES + 1));
    let mut consumer = process.queue.consume(&QueueName::Inbound, 10).await;
    for bytes in [queue::MAX_BYTES, 0] {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.payload.len(), bytes);
        delivery.ack().await;
    }
}

async fn a_queue_of_wake_ups_takes_no_messages(world: &World) {
    let process = world.process().await;

    let refused = process
        .queue
        .publish(&QueueName::Turns, message("lost otherwise"))
        .await;

    assert!(matches!(refused, Err(PublishError::TokensOnly { .. })));
}

async fn messages_of_one_publisher_keep_their_order(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Inbound, 16).await;
    let publisher = process.queue.clone();
    tokio::spawn(async move {
        for number in 0..200 {
            publisher
                .publish(&QueueName::Inbound, message(&number.to_string()))
                .await
                .unwrap();
        }
    });

    for number in 0..200 {
        let delivery = next(&mut consumer).await;
        assert_eq!(text(&delivery), number.to_string());
        delivery.ack().await;
    }
}

async fn an_ordered_queue_has_one_consumer_and_a_standby_takes_over_where_it_stopped(world: &World) {
    let first = world.process().await;
    let mut active = first.queue.consume(&QueueName::Inbound, 4).await;
    first.publish(&QueueName::Inbound, "0").await;
    next(&mut active).await.ack().await;
    let second = world.process().await;
    let mut standby = second.queue.consume(&QueueName::Inbound, 4).await;

    for number in 1..10 {
        second.publish(&QueueName::Inbound, &number.to_string()).await;
    }
    for expected in ["1", "2"] {
        let delivery = next(&mut active).await;
        assert_eq!(text(&delivery), expected);
        delivery.ack().await;
    }
    nothing(&mut standby).await;
    let in_hand = next(&mut active).await;
    assert_eq!(text(&in_hand), "3");
    drop((active, in_hand));

    for number in 3..10 {
        let delivery = next(&mut standby).await;
        assert_eq!(
            text(&delivery),
            number.to_string(),
            "the standby has to begin where the other stopped"
        );
        delivery.ack().await;
    }
}

async fn a_shared_queue_is_shared(world: &World) {
    let (first, second) = (world.process().await, world.process().await);
    let mut one = first.queue.consume(&QueueName::Index, 1).await;
    let mut other = second.queue.consume(&QueueName::Index, 1).await;

    first.publish(&QueueName::Index, "a").await;
    first.publish(&QueueName::Index, "b").await;
    let (a, b) = tokio::join!(next(&mut one), next(&mut other));

    assert_eq!(
        BTreeSet::from([text(&a), text(&b)]),
        BTreeSet::from(["a".to_owned(), "b".to_owned()])
    );
    Delivery::ack_all([a, b]).await;
}

async fn a_consumer_holds_no_more_than_its_prefetch(world: &World) {
    let process = world.process().await;
    for number in 0..6 {
        process.publish(&QueueName::Index, &number.to_string()).await;
    }
    let mut consumer = process.queue.consume(&QueueName::Index, 3).await;

    let mut in_hand = vec![
        next(&mut consumer).await,
        next(&mut consumer).await,
        next(&mut consumer).await,
    ];
    nothing(&mut consumer).await;
    in_hand.remove(0).ack().await;

    assert_eq!(text(&next(&mut consumer).await), "3");
}

async fn a_batch_is_what_is_here_and_no_more_than_was_asked_for(world: &World) {
    let process = world.process().await;
    for number in 0..5 {
        process.publish(&QueueName::Inbound, &number.to_string()).await;
    }
    let mut consumer = process.queue.consume(&QueueName::Inbound, 10).await;

    let mut taken = Vec::new();
    while taken.len() < 5 {
        let batch = timeout(LONG, consumer.next_batch(2)).await.unwrap();
        assert!((1..=2).contains(&batch.len()), "{} at once", batch.len());
        taken.extend(batch.iter().map(text));
        Delivery::ack_all(batch).await;
    }
    process.stop.cancel();

    assert_eq!(taken, ["0", "1", "2", "3", "4"]);
    assert!(
        consumer.next_batch(2).await.is_empty(),
        "told to stop, it goes on"
    );
}

async fn a_requeued_message_comes_again_before_later_ones(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Inbound, 1).await;
    for text in ["a", "b", "c"] {
        process.publish(&QueueName::Inbound, text).await;
    }

    let first = next(&mut consumer).await;
    assert_eq!(text(&first), "a");
    first.requeue().await;

    let again = next(&mut consumer).await;
    assert_eq!(
        (text(&again).as_str(), again.redelivered, again.attempts),
        ("a", true, 2)
    );
    again.ack().await;
    for expected in ["b", "c"] {
        let delivery = next(&mut consumer).await;
        assert_eq!(text(&delivery), expected);
        delivery.ack().await;
    }
}

async fn what_is_requeued_in_an_ordered_queue_takes_its_old_place(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Inbound, 8).await;
    for number in 0..20 {
        process.publish(&QueueName::Inbound, &number.to_string()).await;
    }

    let mut batch = Vec::new();
    for _ in 0..4 {
        batch.push(next(&mut consumer).await);
    }
    batch.remove(0).ack().await;
    batch.remove(0).requeue().await;
    drop(batch);

    for number in 1..20 {
        let delivery = next(&mut consumer).await;
        assert_eq!(
            (text(&delivery), delivery.attempts),
            (number.to_string(), if number < 4 { 2 } else { 1 })
        );
        delivery.ack().await;
    }
}

async fn a_delivery_that_is_dropped_comes_again(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Index, 5).await;
    process.publish(&QueueName::Index, "a").await;

    drop(next(&mut consumer).await);

    let again = next(&mut consumer).await;
    assert_eq!((text(&again).as_str(), again.redelivered), ("a", true));
    again.ack().await;
}

async fn acknowledging_a_batch_leaves_out_what_is_not_in_it(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Index, 20).await;
    for number in 0..10 {
        process.publish(&QueueName::Index, &number.to_string()).await;
    }
    let mut batch = Vec::new();
    while batch.len() < 10 {
        batch.push(next(&mut consumer).await);
    }

    let kept = batch.remove(4);
    let alone = batch.remove(0);
    tokio::join!(Delivery::ack_all(batch), alone.ack());
    drop((kept, consumer));

    let mut other = world.process().await.queue.consume(&QueueName::Index, 20).await;
    let again = next(&mut other).await;
    assert_eq!(text(&again), "4");
    again.ack().await;
    nothing(&mut other).await;
}

async fn what_is_dead_is_kept_with_its_reason(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Inbound, 5).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let outgoing = Outgoing {
        payload: b"poison".to_vec(),
        traceparent: Some(trace.to_owned()),
    };
    process
        .queue
        .publish(&QueueName::Inbound, outgoing)
        .await
        .unwrap();

    next(&mut consumer).await.dead("schema 9, newer than 1").await;

    let mut dead = process.queue.consume(&QueueName::Inbound.dead(), 5).await;
    let letter = next(&mut dead).await;
    let death = letter.death.clone().expect("it has died");
    assert_eq!(text(&letter), "poison");
    assert_eq!(letter.traceparent.as_deref(), Some(trace));
    assert_eq!(death.reason, "schema 9, newer than 1");
    assert!(death.queue.ends_with("chat.inbound"), "{}", death.queue);
    assert!((chrono::Utc::now() - death.at.unwrap()).num_seconds().abs() <= 5);
    assert!(letter.published_at.is_some());
    letter.ack().await;
    nothing(&mut consumer).await;
}

async fn what_comes_back_too_often_is_put_among_the_dead(world: &World) {
    let process = world.process().await;
    for queue in [QueueName::Inbound, QueueName::Index] {
        let mut consumer = process.queue.consume(&queue, 8).await;
        let mut dead = process.queue.consume(&queue.dead(), 1).await;
        process.publish(&queue, "poison").await;
        for number in 0..5 {
            process.publish(&queue, &format!("healthy {number}")).await;
        }

        let (mut times, mut healthy) = (0, 0);
        let mut letter = None;
        while healthy < 5 || letter.is_none() {
            tokio::select! {
                delivery = next(&mut consumer) => if text(&delivery) == "poison" {
                    times += 1;
                    assert!(times <= 30, "it has come back for ever");
                    delivery.requeue().await;
                } else {
                    assert!(times >= 20 || queue == QueueName::Index, "an ordered queue begins with the first");
                    assert!(!delivery.redelivered || queue == QueueName::Inbound, "only the poison came back");
                    healthy += 1;
                    delivery.ack().await;
                },
                died = next(&mut dead) => letter = Some(died),
            }
        }
        let letter = letter.unwrap();

        assert_eq!(text(&letter), "poison");
        assert!(
            letter.death.clone().unwrap().reason.contains("20 times"),
            "{:?}",
            letter.death
        );
        assert!(letter.death.clone().unwrap().at.is_some());
        assert!((20..=21).contains(&times), "it came {times} times");
        letter.ack().await;
        nothing(&mut dead).await;
    }
}

async fn a_dead_letter_stays_until_it_is_acknowledged(world: &World) {
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Index, 5).await;
    process.publish(&QueueName::Index, "poison").await;
    next(&mut consumer).await.dead("because").await;
    let mut dead = process.queue.consume(&QueueName::Index.dead(), 5).await;

    for _ in 0..25 {
        next(&mut dead).await.requeue().await;
    }
    next(&mut dead).await.dead("it cannot die again").await;

    let letter = next(&mut dead).await;
    assert_eq!(letter.death.clone().unwrap().reason, "because");
    letter.ack().await;
}

const CHILD: &str = "QUEUE_TEST_CHILD";

/// Not a test of its own: what the killed process does.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Ok(plan) = std::env::var(CHILD) else { return };
    let (namespace, rest) = plan.split_once('|').unwrap();
    let (database, url) = rest.split_once('|').unwrap();
    let mut world = World::new(url.to_owned(), database.to_owned());
    world.settings.namespace = namespace.to_owned();
    let process = world.process().await;
    let mut consumer = process.queue.consume(&QueueName::Inbound, 5).await;
    let in_hand = next(&mut consumer).await;
    println!("\nholding {}", text(&in_hand));
    std::future::pending::<()>().await;
}

async fn a_killed_process_loses_nothing_and_its_messages_are_free_at_once(world: &World) {
    use secrecy::ExposeSecret;
    let survivor = world.process().await;
    for number in 0..10 {
        survivor.publish(&QueueName::Inbound, &number.to_string()).await;
    }
    let plan = format!(
        "{}|{}|{}",
        world.settings.namespace,
        world.database,
        world.settings.url.expose_secret()
    );
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_killed", "--nocapture"])
        .env(CHILD, plan)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let holds = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "holding 0" {
                return;
            }
        }
        panic!("the child has ended");
    };
    timeout(LONG, holds)
        .await
        .expect("the child should hold the first message");
    let mut consumer = survivor.queue.consume(&QueueName::Inbound, 5).await;
    nothing(&mut consumer).await;

    child.kill().await.unwrap();
    let killed = Instant::now();

    let first = next(&mut consumer).await;
    assert_eq!((text(&first).as_str(), first.redelivered), ("0", true));
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        killed.elapsed()
    );
    first.ack().await;
    for number in 1..10 {
        let delivery = next(&mut consumer).await;
        assert_eq!(text(&delivery), number.to_string());
        delivery.ack().await;
    }
}

async fn stopping_lets_what_is_in_hand_be_finished_and_gives_the_rest_back(world: &World) {
    let (stopping, staying) = (world.process().await, world.process().await);
    let mut consumer = stopping.queue.consume(&QueueName::Inbound, 5).await;
    for number in 0..8 {
        stopping.publish(&QueueName::Inbound, &number.to_string()).await;
    }
    let in_hand = vec![next(&mut consumer).await, next(&mut consumer).await];
    let mut standby = staying.queue.consume(&QueueName::Inbound, 5).await;

    stopping.stop.cancel();

    assert!(consumer.next().await.is_none());
    assert!(consumer.try_next().is_none());
    nothing(&mut standby).await;
    let closing = tokio::spawn({
        let queue = stopping.queue.clone();
        async move { queue.close().await }
    });
    Delivery::ack_all(in_hand).await;
    timeout(LONG, closing)
        .await
        .expect("it should close when all is settled")
        .unwrap();
    for number in 2..8 {
        let delivery = next(&mut standby).await;
        assert_eq!(text(&delivery), number.to_string());
        delivery.ack().await;
    }
    nothing(&mut standby).await;
    let closed = stopping
        .queue
        .publish(&QueueName::Inbound, message("too late"))
        .await;
    assert!(matches!(closed, Err(PublishError::Unavailable { .. })));
}

async fn a_wake_up_reaches_another_process(world: &World) {
    let (worker, waking) = (world.process().await, world.process().await);
    for queue in [QueueName::Turns, outbound()] {
        let mut consumer = worker.queue.consume(&queue, 10).await;

        // A lost wake-up is allowed, above all before everybody is connected.
        let token = async {
            loop {
                waking.queue.wake(&queue, b"conversation 7".to_vec());
                if let Ok(token) = timeout(QUIET, consumer.next()).await {
                    return token.unwrap();
                }
            }
        };
        let token = timeout(LONG, token).await.expect("a wake-up should come");

        assert_eq!(text(&token), "conversation 7");
        token.ack().await;
    }
}

async fn wake_ups_that_nobody_takes_do_not_pile_up(world: &World) {
    let process = world.process().await;
    process.publish(&QueueName::Index, "connected").await;

    for number in 0..30_000u32 {
        process
            .queue
            .wake(&QueueName::Turns, number.to_be_bytes().to_vec());
        if number.is_multiple_of(1_000) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    process.queue.close().await;

    let depth = world
        .process()
        .await
        .queue
        .depth(&QueueName::Turns)
        .await
        .unwrap();
    assert!(depth <= 10_000, "{depth} wake-ups are kept");
}

async fn connected(events: &mut LiveEvents) {
    let first = timeout(LONG, events.next()).await.expect("it should connect");
    assert_eq!(first, Some(LiveEvent::Resync));
}

async fn a_live_event_reaches_every_process_once(world: &World) {
    let (here, there) = (world.process().await, world.process().await);
    let (mut at_home, mut abroad) = (here.queue.live().subscribe(), there.queue.live().subscribe());
    connected(&mut at_home).await;
    connected(&mut abroad).await;
    // The sender's connection may still be on its way.
    here.publish(&QueueName::Index, "connected").await;

    let sent = [&b"{\"text\":\"a b\"}"[..], b"same", b"same", b"\0\xff"];
    for payload in sent {
        here.queue.live().publish("turn.7", payload.to_vec()).unwrap();
    }

    for events in [&mut at_home, &mut abroad] {
        for payload in sent {
            let event = timeout(LONG, events.next())
                .await
                .expect("an event should come")
                .unwrap();
            let expected = LiveEvent::Event {
                topic: "turn.7".to_owned(),
                payload: payload.to_vec().into(),
            };
            assert_eq!(event, expected);
        }
        assert!(
            timeout(QUIET, events.next()).await.is_err(),
            "nothing comes twice"
        );
    }
    here.stop.cancel();
    assert_eq!(at_home.next().await, None);
}

async fn a_live_event_that_is_too_large_is_refused(world: &World) {
    let process = world.process().await;
    let live = process.queue.live();

    let large = live.publish("topic", vec![b'x'; 8_000]);
    let spaced = live.publish("two words", Vec::new());

    assert!(matches!(large, Err(LiveError::TooLarge { bytes }) if bytes > 8_000));
    assert!(matches!(spaced, Err(LiveError::Topic(_))));
}

async fn depth_counts_what_waits(world: &World) {
    let process = world.process().await;
    for number in 0..5 {
        process.publish(&QueueName::Index, &number.to_string()).await;
    }

    let reached = async {
        while process.queue.depth(&QueueName::Index).await.unwrap() != 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, reached).await.expect("five should wait");

    assert_eq!(process.queue.depth(&outbound()).await.unwrap(), 0);
    match process.queue.oldest(&QueueName::Index).await.unwrap() {
        Some(age) => assert!(!world.is_amqp() && age < LONG, "{age:?}"),
        None => assert!(world.is_amqp()),
    }
}
