//! A database of our own: in the server that `DATABASE_URL` names, or in a private server that can be killed.

use crate::reaper;
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

/// A database for one product, dropped with it.
pub enum Database {
    /// In a server that others use too.
    Shared {
        /// That server, as someone who may create databases.
        server: Url,
        /// Ours.
        name: String,
    },
    /// In a server of its own.
    Private(Private),
}

/// A server of its own, watched over as `botsmith all` watches over its own.
pub struct Private {
    url: String,
    data: PathBuf,
    stop: CancellationToken,
    watch: Option<tokio::task::JoinHandle<()>>,
    _folder: TempDir,
}

impl Database {
    /// A new database in the server of `DATABASE_URL`.
    pub async fn shared() -> anyhow::Result<Self> {
        let server = std::env::var("DATABASE_URL")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1/postgres".to_owned());
        let server = Url::parse(&server).context("DATABASE_URL is not an address")?;
        let name = format!("botsmith_test_{}", Uuid::new_v4().simple());
        reaper::watch_database(&psql(), server.as_str(), &name)?;
        sql(&server, &format!("create database {name}")).await?;
        Ok(Self::Shared { server, name })
    }

    /// A new server, with nothing in it.
    pub async fn private() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("botsmith-postgres-").tempdir()?;
        let postgres = embedded_postgres::Postgres::start(folder.path()).await?;
        let url = postgres.url().expose_secret().to_owned();
        let data = folder.path().join("postgres/data");
        reaper::watch_postgres(&data)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let watch = tokio::spawn(async move {
            if let Err(error) = postgres.run(stopped).await {
                eprintln!("the private PostgreSQL: {error}");
            }
        });
        Ok(Self::Private(Private {
            url,
            data,
            stop,
            watch: Some(watch),
            _folder: folder,
        }))
    }

    /// How to connect.
    pub fn url(&self) -> String {
        match self {
            Self::Shared { server, name } => {
                let mut url = server.clone();
                url.set_path(name);
                url.into()
            }
            Self::Private(private) => private.url.clone(),
        }
    }

    /// Whether it answers a question.
    pub async fn answers(&self) -> bool {
        match Url::parse(&self.url()) {
            Ok(url) => sql(&url, "select 1").await.is_ok(),
            Err(_) => false,
        }
    }

    /// Writes down what was committed without waiting for the disk, as claims are: a kill after this loses none of it.
    pub async fn checkpoint(&self) -> anyhow::Result<()> {
        self.run("checkpoint").await
    }

    /// Does something in it that would take too long to wait for.
    pub async fn run(&self, statement: &str) -> anyhow::Result<()> {
        sql(&Url::parse(&self.url())?, statement).await.map(drop)
    }

    /// What a query finds: the values of each row.
    pub async fn rows(&self, query: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let printed = sql(&Url::parse(&self.url())?, query).await?;
        let values = |row: &str| row.split('\t').map(str::to_owned).collect();
        Ok(printed.lines().map(values).collect())
    }

    /// Kills a private server as a power cut would. It is started again by itself.
    pub fn kill(&self) -> anyhow::Result<()> {
        match self {
            Self::Shared { .. } => bail!("this server is not ours to kill"),
            Self::Private(private) => kill_postmaster(&private.data),
        }
    }

    /// Removes it.
    pub async fn remove(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Shared { server, name } => {
                let drop = format!("drop database if exists {name} with (force)");
                sql(server, &drop).await.map(|_| ())
            }
            Self::Private(private) => {
                private.stop.cancel();
                if let Some(watch) = private.watch.take() {
                    tokio::time::timeout(Duration::from_secs(30), watch).await??;
                }
                Ok(())
            }
        }
    }
}

/// Kills the server that has its data here: the postmaster at once, and its children notice.
pub fn kill_postmaster(data: &Path) -> anyhow::Result<()> {
    let file = data.join("postmaster.pid");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("no server runs in {}", data.display()))?;
    let number = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .and_then(rustix::process::Pid::from_raw);
    let number = number.with_context(|| format!("{} names no process", file.display()))?;
    rustix::process::kill_process(number, rustix::process::Signal::KILL)
        .context("the server could not be killed")
}

/// One statement, through PostgreSQL's own client, and what it prints, with tabs between values: only `store` speaks SQL,
/// and it has no reason to make databases.
async fn sql(server: &Url, statement: &str) -> anyhow::Result<String> {
    let output = Command::new(psql())
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--field-separator=\t",
            "--set=ON_ERROR_STOP=1",
            "--command",
            statement,
        ])
        .arg(server.as_str())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("psql does not run (Debian: apt-get install postgresql-client)")?;
    anyhow::ensure!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn psql() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let installed = versions
        .map(|version| version.path().join("bin/psql"))
        .find(|path| path.is_file());
    installed.unwrap_or_else(|| "psql".into())
}
