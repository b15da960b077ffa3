//! What the other tests stand on.

use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use whole_product::{
    broker::Broker,
    database::Database,
    role::{Plan, Role},
    wait,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_our_own_listens_on_the_loopback_only_and_comes_back_after_a_kill() {
    let mut broker = Broker::start().await.unwrap();
    let connection = async |port| TcpStream::connect(("127.0.0.1", port)).await;
    assert!(connection(broker.port()).await.is_ok());
    let listening = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let hex = format!(":{:04X} ", broker.port());
    assert!(
        listening
            .lines()
            .any(|line| line.contains(&format!("0100007F{hex}"))),
        "not on the loopback"
    );
    assert!(
        !listening
            .lines()
            .any(|line| line.contains(&format!("00000000{hex}"))),
        "open to the world"
    );

    broker.kill().unwrap();
    assert!(connection(broker.port()).await.is_err());

    broker.start_again().await.unwrap();
    assert!(connection(broker.port()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_dies_is_started_again_a_second_later_and_one_that_is_stopped_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let role = Role::start(Plan {
        name: "sleeper".into(),
        program: "/bin/sh".into(),
        arguments: vec![
            "-c".into(),
            "trap 'exit 0' TERM; while :; do sleep 0.1; done".into(),
        ],
        environment: Vec::new(),
        folder: folder.path().to_owned(),
    })
    .unwrap();
    // The shell needs a moment to set its trap.
    tokio::time::sleep(Duration::from_millis(200)).await;

    let began = Instant::now();
    role.kill().unwrap();
    role.started_again(1, Duration::from_secs(5)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(900));
    tokio::time::sleep(Duration::from_millis(200)).await;

    let stopped = role.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(stopped.status.code(), Some(0));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((role.pid(), role.starts()), (None, 2));
    assert_eq!(role.exits(), ["signal 9", "exit 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_database_comes_back_after_a_kill() {
    let mut database = Database::private().await.unwrap();
    assert!(database.answers().await);

    database.kill().unwrap();
    assert!(!database.answers().await, "it was not killed");

    wait::until("the database to be back", Duration::from_secs(30), async || {
        Ok(database.answers().await.then_some(()))
    })
    .await
    .unwrap();
    database.remove().await.unwrap();
    assert!(!database.answers().await, "it was not stopped");
}
