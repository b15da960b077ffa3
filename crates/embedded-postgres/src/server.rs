//! The server itself: made, started, looked at, stopped.

use crate::{PostgresError, account::Account, configuration, installation::Installation, socket};
use rustix::process::{Pid, test_kill_process};
use secrecy::SecretString;
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncWriteExt, net::UnixStream};

/// The owner of everything in it.
const SUPERUSER: &str = "botsmith";

/// The only database.
const DATABASE: &str = "botsmith";

/// How long it may take to come up, which after a crash includes reading back what was not yet in the tables.
const START_SECONDS: u32 = 120;

/// How long it may take to go down in order; after that it is cut, which costs time at the next start and nothing else.
const STOP_SECONDS: u32 = 4;

/// How long it may take to become reachable when a postmaster is there already.
const ADOPT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Server {
    installation: Installation,
    account: Account,
    /// Contains the cluster, and is where every program runs, so that paths in its arguments are short and plain.
    home: PathBuf,
    socket_directory: PathBuf,
}

impl Server {
    /// Makes sure that a cluster is there.
    pub(crate) async fn prepare(data_dir: &Path) -> Result<Self, PostgresError> {
        let home = data_dir.join("postgres");
        let installation = Installation::find(&home.join("data"))?;
        let account = Account::choose()?;
        account.make_private_directory(&home)?;
        account.reach(&home).await?;
        let socket_directory = socket::directory(&home, &account)?;
        let server = Self {
            installation,
            account,
            home,
            socket_directory,
        };
        if !server.data().join("PG_VERSION").exists() {
            server.initialise().await?;
        }
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.socket_directory.join(socket::name())
    }

    pub(crate) fn url(&self) -> SecretString {
        url(&self.socket_directory)
    }

    /// Makes the cluster beside its place and moves it there when it is whole, so that one made half is never used.
    async fn initialise(&self) -> Result<(), PostgresError> {
        tracing::info!(
            "creating a private PostgreSQL in {} as the user {}",
            self.home.display(),
            self.account.name()
        );
        let new = self.home.join("data.new");
        let fresh = || match std::fs::remove_dir_all(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(PostgresError::io("remove", &new, error))
            }
            _ => Ok(()),
        };
        fresh()?;
        if self.initdb("C.UTF-8").await.is_err() {
            // Not every system has that locale; every system has this one, and it sorts the same.
            fresh()?;
            self.initdb("C").await?;
        }
        self.create_database().await?;
        let settings = new.join("postgresql.conf");
        let include = || -> io::Result<()> {
            let own = std::fs::read_to_string(&settings)?;
            std::fs::write(&settings, format!("{own}\n{}", configuration::INCLUDE))?;
            std::fs::rename(&new, self.data())?;
            std::fs::File::open(&self.home)?.sync_all()
        };
        include().map_err(|error| PostgresError::io("finish", &new, error))
    }

    async fn initdb(&self, locale: &str) -> Result<(), PostgresError> {
        let mut command = self.command("initdb");
        command.args([
            "--pgdata=data.new",
            "--encoding=UTF8",
            "--auth=trust",
            "--data-checksums",
            "--no-instructions",
        ]);
        command
            .arg(format!("--locale={locale}"))
            .arg(format!("--username={SUPERUSER}"));
        finish("initdb", command.output().await).map(drop)
    }

    /// Without a running server, so that the cluster is whole before anything can connect to it.
    async fn create_database(&self) -> Result<(), PostgresError> {
        let mut command = self.command("postgres");
        command.args(["--single", "-D", "data.new", "postgres"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let statement = format!("create database {DATABASE}\n");
        let attempt = async {
            let mut child = command.spawn()?;
            if let Some(mut input) = child.stdin.take() {
                input.write_all(statement.as_bytes()).await?;
            }
            child.wait_with_output().await
        };
        let output = finish("postgres --single", attempt.await)?;
        // It reports a failed statement and still leaves in peace.
        if output.contains("ERROR:") || output.contains("FATAL:") {
            return Err(PostgresError::Failed {
                program: "create database".to_owned(),
                output,
            });
        }
        Ok(())
    }

    /// Starts the server unless it runs.
    pub(crate) async fn start(&self) -> Result<(), PostgresError> {
        if self.is_running() && self.adopt().await {
            tracing::info!("the private PostgreSQL was still running");
            return Ok(());
        }
        configuration::write(&self.data(), &self.socket_directory, &self.account)?;
        let mut command = self.command("pg_ctl");
        command.args(["start", "--pgdata=data", "--log=start.log", "--silent", "--wait"]);
        command.arg(format!("--timeout={START_SECONDS}"));
        // The server would inherit a pipe and keep it open, and reading it would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(PostgresError::Failed {
                program: "pg_ctl start".to_owned(),
                output: self.last_words(),
            }),
            Err(error) => Err(PostgresError::io(
                "run",
                &self.installation.program("pg_ctl"),
                error,
            )),
        }
    }

    /// Whether the server of this cluster answers on our socket. One that is still recovering does, too: who connects
    /// hears it, and tries again.
    async fn adopt(&self) -> bool {
        let socket = self.socket();
        let answered = async {
            while UnixStream::connect(&socket).await.is_err() {
                if !self.is_running() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            true
        };
        tokio::time::timeout(ADOPT, answered).await.unwrap_or(false)
    }

    /// Whether its postmaster lives. Its number may have passed to another process meanwhile; starting then finds out.
    pub(crate) fn is_running(&self) -> bool {
        is_running(&self.home)
    }

    pub(crate) async fn stop(&self) -> Result<(), PostgresError> {
        if !self.is_running() {
            return Ok(());
        }
        let mut outcome = Ok(());
        for mode in ["fast", "immediate"] {
            let mut command = self.command("pg_ctl");
            command.args(["stop", "--pgdata=data", "--silent", "--wait"]);
            command
                .arg(format!("--mode={mode}"))
                .arg(format!("--timeout={STOP_SECONDS}"));
            outcome = finish("pg_ctl stop", command.output().await).map(drop);
            if outcome.is_ok() || !self.is_running() {
                return Ok(());
            }
            tracing::warn!("the private PostgreSQL does not stop in order: cutting it off");
        }
        outcome
    }

    fn command(&self, program: &str) -> tokio::process::Command {
        let mut command = self
            .account
            .command(&self.installation.program(program), &self.home);
        // Ctrl-C in a terminal goes to the whole group of processes: it is ours to handle, not the server's.
        command.process_group(0);
        command
    }

    /// Why it did not start, in its own words.
    fn last_words(&self) -> String {
        let newest_log = std::fs::read_dir(self.data().join("log"))
            .into_iter()
            .flatten()
            .flatten()
            .max_by_key(|entry| entry.metadata().and_then(|found| found.modified()).ok());
        // What keeps it from starting comes before it opens its own log.
        let logs = [
            newest_log.map(|entry| entry.path()),
            Some(self.home.join("start.log")),
        ];
        let text: Vec<String> = logs
            .into_iter()
            .flatten()
            .filter_map(|log| std::fs::read_to_string(log).ok())
            .collect();
        let complaints: Vec<&str> = text
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| line.contains("FATAL:") || line.contains("PANIC:") || line.contains("HINT:"))
            .collect();
        let last = complaints
            .iter()
            .rev()
            .take(3)
            .rev()
            .copied()
            .collect::<Vec<_>>()
            .join("; ");
        if last.is_empty() {
            format!("see {}", self.home.join("start.log").display())
        } else {
            last
        }
    }
}

/// How to connect to the server of this data directory if it runs, whoever started it.
pub(crate) fn url_if_running(data_dir: &Path) -> Option<SecretString> {
    let home = data_dir.join("postgres");
    is_running(&home).then(|| url(&socket::place_of(&home)))
}

fn url(socket_directory: &Path) -> SecretString {
    let host: String =
        form_urlencoded::byte_serialize(socket_directory.as_os_str().as_encoded_bytes()).collect();
    format!(
        "postgres://{SUPERUSER}@localhost:{}/{DATABASE}?host={host}",
        socket::PORT
    )
    .into()
}

fn is_running(home: &Path) -> bool {
    let Ok(file) = std::fs::read_to_string(home.join("data/postmaster.pid")) else {
        return false;
    };
    let number = file
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .and_then(Pid::from_raw);
    number.is_some_and(|number| test_kill_process(number).is_ok() && !is_zombie(number))
}

/// A process that has ended and was not collected yet counts as ended.
fn is_zombie(number: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", number.as_raw_nonzero())).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

fn finish(program: &str, outcome: io::Result<std::process::Output>) -> Result<String, PostgresError> {
    let output = outcome.map_err(|error| PostgresError::io("run", Path::new(program), error))?;
    let said = [output.stderr, output.stdout]
        .map(|text| String::from_utf8_lossy(&text).trim().to_owned())
        .join("\n");
    let said = said.trim().to_owned();
    if output.status.success() {
        return Ok(said);
    }
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let output = lines
        .iter()
        .rev()
        .take(4)
        .rev()
        .copied()
        .collect::<Vec<_>>()
        .join("; ");
    Err(PostgresError::Failed {
        program: program.to_owned(),
        output,
    })
}
