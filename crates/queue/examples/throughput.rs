//! How many messages a second: raw client against this crate, publishing and consuming.
//!
//! `cargo run --release -p queue --example throughput -- [seconds] [in flight]`, with `AMQP_URL` and `DATABASE_URL` (a
//! migrated database) set to what is to be measured. Quote ratios of one run: the disk decides the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement may panic")]

use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use queue::{Delivery, Outgoing, Queue, QueueName, Settings};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const BYTES: usize = 1_024;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(5, |text| text.parse().expect("seconds"));
    let in_flight = arguments
        .next()
        .map_or(256, |text| text.parse().expect("a number of messages in flight"));
    let time = Duration::from_secs(seconds);
    let amqp = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672".to_owned());

    let raw = raw(&amqp, time, in_flight).await;
    println!("raw lapin, quorum queue, {in_flight} in flight:  {raw:>8.0} confirmed/s");
    measure("this crate over AMQP", amqp, time, in_flight, Some(raw)).await;
    measure("this crate in PostgreSQL", String::new(), time, in_flight, None).await;
}

/// As many tasks, one channel, nothing but the client.
async fn raw(url: &str, time: Duration, in_flight: usize) -> f64 {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let name = format!("throughput-{}", uuid::Uuid::new_v4().simple());
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel
        .queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), arguments)
        .await
        .unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let (published, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let publishers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (channel, published, name) = (channel.clone(), published.clone(), name.clone());
            tokio::spawn(async move {
                let payload = vec![b'x'; BYTES];
                while started.elapsed() < time {
                    let options = BasicPublishOptions {
                        mandatory: true,
                        ..BasicPublishOptions::default()
                    };
                    let properties = BasicProperties::default().with_delivery_mode(2);
                    let key = name.as_str().into();
                    channel
                        .basic_publish("".into(), key, options, &payload, properties)
                        .await
                        .unwrap()
                        .await
                        .unwrap();
                    published.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let rate = published.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    channel
        .queue_delete(name.as_str().into(), QueueDeleteOptions::default())
        .await
        .unwrap();
    connection.close(200, "done".into()).await.unwrap();
    rate
}

async fn measure(what: &str, url: String, time: Duration, in_flight: usize, raw: Option<f64>) {
    let db = store::Db::open(&store::Settings {
        url: std::env::var("DATABASE_URL").unwrap_or_default().into(),
        max_connections: 4,
        acquire_timeout_seconds: 5,
    })
    .expect("DATABASE_URL");
    let namespace = format!("throughput-{}", uuid::Uuid::new_v4().simple());
    let settings = Settings {
        url: url.into(),
        namespace,
        ..Settings::default()
    };
    let queue = Queue::open(&settings, &db, CancellationToken::new())
        .await
        .unwrap();

    let (published, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let publishers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (queue, published) = (queue.clone(), published.clone());
            tokio::spawn(async move {
                while started.elapsed() < time {
                    let message = Outgoing {
                        payload: vec![b'x'; BYTES],
                        traceparent: None,
                    };
                    queue.publish(&QueueName::Index, message).await.unwrap();
                    published.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let messages = published.load(Ordering::Relaxed);
    let rate = messages as f64 / started.elapsed().as_secs_f64();
    let share = raw.map_or_else(String::new, |raw| format!(", {:.0} % of raw", rate / raw * 100.0));
    println!("{what}, {in_flight} publishers: {rate:>8.0} confirmed/s{share}");

    for batched in [false, true] {
        let started = Instant::now();
        let mut consumer = queue.consume(&QueueName::Index, 200).await;
        let mut consumed = 0;
        while consumed < messages / 2 {
            let first = consumer.next().await.unwrap();
            if batched {
                let mut batch = vec![first];
                batch.extend(std::iter::from_fn(|| consumer.try_next()));
                consumed += batch.len() as u64;
                Delivery::ack_all(batch).await;
            } else {
                consumed += 1;
                first.ack().await;
            }
        }
        let rate = consumed as f64 / started.elapsed().as_secs_f64();
        let how = if batched { "in batches" } else { "one by one" };
        println!("{what}, consumed and acknowledged {how}: {rate:>8.0}/s");
        drop(consumer);
    }
    queue.delete_namespace().await.unwrap();
    queue.close().await;
}
