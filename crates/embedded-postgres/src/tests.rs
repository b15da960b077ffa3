//! With a real server, as root in most places where they run: then it runs as an unprivileged user.

use super::*;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use std::{
    fs::Permissions,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

/// A data directory that the server's user can get to; others cannot enter a temporary directory as it is made.
fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
    dir
}

fn postmaster(data_dir: &Path) -> Option<i32> {
    let file = std::fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).ok()?;
    file.lines().next()?.trim().parse().ok()
}

fn kill(number: i32) {
    kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
}

/// Asks the server, through its own client.
fn query(postgres: &Postgres, sql: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
            postgres.url().expose_secret(),
        ])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test]
async fn it_starts_on_a_private_socket_keeps_what_it_was_told_and_stops() {
    let dir = data_dir();
    let postgres = Postgres::start(dir.path()).await.unwrap();

    let setup = query(
        &postgres,
        "select current_setting('listen_addresses'), current_setting('fsync'), current_setting('jit'),
            current_setting('shared_buffers'), pg_encoding_to_char(encoding), current_database(), current_user
         from pg_database where datname = current_database()",
    );
    query(
        &postgres,
        "create table kept (n int); insert into kept values (7)",
    )
    .unwrap();
    let socket = std::fs::metadata(dir.path().join("postgres/socket")).unwrap();
    postgres.stop().await.unwrap();
    let stopped = postmaster(dir.path());
    let again = Postgres::start(dir.path()).await.unwrap();
    let kept = query(&again, "select n from kept");
    again.stop().await.unwrap();

    assert_eq!(setup.unwrap(), "|on|off|64MB|UTF8|botsmith|botsmith");
    assert_eq!(socket.mode() & 0o777, 0o700);
    if rustix::process::geteuid().is_root() {
        assert_ne!(socket.uid(), 0, "the server must not run as root");
    }
    assert_eq!(stopped, None);
    assert_eq!(kept.unwrap(), "7");
}

#[tokio::test]
async fn a_killed_server_is_started_again_with_everything_it_had_committed() {
    let dir = data_dir();
    let postgres = Postgres::start(dir.path()).await.unwrap();
    query(
        &postgres,
        "create table kept (n int); insert into kept values (7)",
    )
    .unwrap();
    let first = postmaster(dir.path()).unwrap();
    let stop = CancellationToken::new();
    let url = postgres.url();
    let running = tokio::spawn(postgres.run(stop.clone()));

    kill(first);
    let answer = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let asked = Command::new("psql")
                .args(["-XAtqc", "select n from kept", url.expose_secret()])
                .output()
                .unwrap();
            if asked.status.success() && postmaster(dir.path()) != Some(first) {
                break String::from_utf8_lossy(&asked.stdout).trim().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    stop.cancel();
    running.await.unwrap().unwrap();

    assert_eq!(answer.expect("it has to come back"), "7");
    assert_eq!(postmaster(dir.path()), None, "it is stopped with us");
}

#[tokio::test]
async fn a_server_left_running_is_adopted() {
    let dir = data_dir();
    let killed = Postgres::start(dir.path()).await.unwrap();
    let before = postmaster(dir.path());
    drop(killed);
    let url = Postgres::url_if_running(dir.path()).map(|url| url.expose_secret().to_owned());

    let next = Postgres::start(dir.path()).await.unwrap();
    assert_eq!(url.as_deref(), Some(next.url().expose_secret()));
    let after = postmaster(dir.path());
    let answer = query(&next, "select 1");
    next.stop().await.unwrap();

    assert!(before.is_some());
    assert!(Postgres::url_if_running(dir.path()).is_none(), "it was stopped");
    assert_eq!(before, after);
    assert_eq!(answer.unwrap(), "1");
}

#[tokio::test]
async fn a_server_that_was_killed_together_with_us_recovers() {
    let dir = data_dir();
    let killed = Postgres::start(dir.path()).await.unwrap();
    query(&killed, "create table kept (n int); insert into kept values (7)").unwrap();
    kill(postmaster(dir.path()).unwrap());
    drop(killed);

    let next = Postgres::start(dir.path()).await.unwrap();
    let kept = query(&next, "select n from kept");
    next.stop().await.unwrap();

    assert_eq!(kept.unwrap(), "7");
}

#[tokio::test]
async fn a_second_botsmith_is_refused_and_told_which_process_is_the_first() {
    let dir = data_dir();
    let _first = Lock::take(dir.path()).unwrap();

    let refused = Postgres::start(dir.path()).await.unwrap_err();

    let text = refused.to_string();
    assert!(matches!(refused, PostgresError::InUse { .. }), "{text}");
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    assert!(text.contains("--data-dir"), "{text}");
}

#[tokio::test]
async fn a_directory_that_the_servers_user_may_not_enter_is_named() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root runs the server as somebody else");
        return;
    }
    let closed = tempfile::tempdir().unwrap();
    std::fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();

    let refused = Postgres::start(&closed.path().join("data"))
        .await
        .unwrap_err()
        .to_string();

    assert!(
        refused.contains(&format!("chmod o+x {}", closed.path().display())),
        "{refused}"
    );
}

#[tokio::test]
async fn a_cluster_that_was_made_half_is_made_again() {
    let dir = data_dir();
    lock::make_data_dir(dir.path()).unwrap();
    std::fs::create_dir_all(dir.path().join("postgres/data.new/base")).unwrap();

    let postgres = Postgres::start(dir.path()).await.unwrap();
    let answer = query(&postgres, "select 1");
    postgres.stop().await.unwrap();

    assert_eq!(answer.unwrap(), "1");
    assert!(!dir.path().join("postgres/data.new").exists());
}
