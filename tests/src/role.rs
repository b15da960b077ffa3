//! One role as a process: started, killed, started again a second later, stopped in order.

use crate::reaper;
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, OpenOptions},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    process::{Child, Command},
    sync::watch,
};

/// How long after its death a role is started again.
pub const RESTART_AFTER: Duration = Duration::from_secs(1);

/// What a role is started with.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For messages and file names: `gateway-1`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, and nothing else of ours but `PATH` and `HOME`.
    pub environment: Vec<(String, String)>,
    /// Where it runs; its standard output and error are kept here.
    pub folder: PathBuf,
}

/// How a stop went.
#[derive(Debug)]
pub struct Stopped {
    /// What it ended with.
    pub status: ExitStatus,
    /// How long it took.
    pub took: Duration,
}

/// A role. Dropping it kills it.
pub struct Role {
    plan: Mutex<Plan>,
    state: Arc<Mutex<State>>,
    /// The process's number while it runs, 0 while it does not.
    running: watch::Sender<u32>,
    starts: AtomicU64,
}

struct State {
    /// Whether it is to be started again when it ends.
    wanted: bool,
    last_exit: Option<ExitStatus>,
    exits: Vec<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Role {
    /// Starts it, and starts it again whenever it ends, until it is told to stop.
    pub fn start(plan: Plan) -> anyhow::Result<Arc<Self>> {
        let state = State {
            wanted: true,
            last_exit: None,
            exits: Vec::new(),
        };
        let role = Arc::new(Self {
            plan: Mutex::new(plan),
            state: Arc::new(Mutex::new(state)),
            running: watch::Sender::new(0),
            starts: AtomicU64::new(0),
        });
        role.spawn()?;
        Ok(role)
    }

    /// Its name.
    pub fn name(&self) -> String {
        locked(&self.plan).name.clone()
    }

    /// The process's number, if it runs.
    pub fn pid(&self) -> Option<u32> {
        Some(*self.running.borrow()).filter(|pid| *pid != 0)
    }

    /// How often it was started.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// How it ended, each time that it did.
    pub fn exits(&self) -> Vec<String> {
        locked(&self.state).exits.clone()
    }

    /// Sets a variable for its next start; `None` removes it.
    pub fn set(&self, name: &str, value: Option<&str>) {
        let mut plan = locked(&self.plan);
        plan.environment.retain(|(is, _)| is != name);
        if let Some(value) = value {
            plan.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    fn spawn(self: &Arc<Self>) -> anyhow::Result<()> {
        let plan = locked(&self.plan).clone();
        let file = |end: &str| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(plan.folder.join(format!("{}.{end}", plan.name)))
        };
        let mut command = Command::new(&plan.program);
        command
            .args(&plan.arguments)
            .env_clear()
            .current_dir(&plan.folder);
        for name in ["PATH", "HOME", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(plan.environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(file("out")?)
            .stderr(file("err")?)
            .process_group(0)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .with_context(|| format!("{} does not start", plan.name))?;
        let pid = child.id().context("it ended before it began")?;
        reaper::watch(pid)?;
        self.starts.fetch_add(1, Ordering::Relaxed);
        self.running.send_replace(pid);
        tokio::spawn(Self::watch(
            Arc::downgrade(self),
            child,
            pid,
            self.running.subscribe(),
        ));
        Ok(())
    }

    /// Waits for its end; and then starts it again, if that is still wanted a second later.
    async fn watch(
        role: std::sync::Weak<Self>,
        mut child: Child,
        pid: u32,
        mut dropped: watch::Receiver<u32>,
    ) {
        let status = tokio::select! {
            status = child.wait() => status,
            // The sender is gone: nobody wants it any more, and dropping the child kills it.
            () = async { while dropped.changed().await.is_ok() {} } => {
                drop(child.kill().await);
                reaper::forget(pid);
                return;
            }
        };
        reaper::forget(pid);
        let Some(this) = role.upgrade() else { return };
        let again = {
            let mut state = locked(&this.state);
            if let Ok(status) = status {
                state.last_exit = Some(status);
                state.exits.push(describe(status));
            }
            state.wanted
        };
        this.running.send_replace(0);
        drop(this);
        if !again {
            return;
        }
        tokio::time::sleep(RESTART_AFTER).await;
        if let Some(this) = role.upgrade()
            && locked(&this.state).wanted
            && let Err(error) = this.spawn()
        {
            eprintln!("{} could not be started again: {error:#}", this.name());
        }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self
            .pid()
            .with_context(|| format!("{} does not run", self.name()))?;
        let pid = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .context("no such number")?;
        kill_process(pid, signal).with_context(|| format!("signal to {}", self.name()))
    }

    /// kill -9. It is started again a second later.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)
    }

    /// Waits until it has ended.
    pub async fn ended(&self, patience: Duration) -> anyhow::Result<()> {
        let mut running = self.running.subscribe();
        let ended = tokio::time::timeout(patience, running.wait_for(|pid| *pid == 0)).await;
        ended.with_context(|| format!("{} still runs after {patience:?}", self.name()))??;
        Ok(())
    }

    /// Waits until it has ended and runs again.
    pub async fn started_again(&self, since: u64, patience: Duration) -> anyhow::Result<()> {
        crate::wait::until(&format!("{} to run again", self.name()), patience, async || {
            Ok((self.starts() > since && self.pid().is_some()).then_some(()))
        })
        .await
    }

    /// Asks it to stop, and waits until it has. It stays down until [`Role::resume`].
    pub async fn stop(&self, patience: Duration) -> anyhow::Result<Stopped> {
        locked(&self.state).wanted = false;
        let began = Instant::now();
        if self.pid().is_some() {
            self.signal(Signal::TERM)?;
            self.ended(patience).await?;
        }
        let status = locked(&self.state).last_exit;
        match status {
            Some(status) => Ok(Stopped {
                status,
                took: began.elapsed(),
            }),
            None => bail!("{} has not ended", self.name()),
        }
    }

    /// kill -9, and it stays down.
    pub async fn kill_for_good(&self) -> anyhow::Result<()> {
        locked(&self.state).wanted = false;
        if self.pid().is_some() {
            self.kill()?;
            self.ended(Duration::from_secs(10)).await?;
        }
        Ok(())
    }

    /// It is not started again when it ends by itself.
    pub fn let_it_end(&self) {
        locked(&self.state).wanted = false;
    }

    /// Starts it again after a stop.
    pub fn resume(self: &Arc<Self>) -> anyhow::Result<()> {
        locked(&self.state).wanted = true;
        if self.pid().is_none() {
            self.spawn()
        } else {
            Ok(())
        }
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> String {
        let plan = locked(&self.plan);
        fs::read_to_string(plan.folder.join(format!("{}.err", plan.name))).unwrap_or_default()
    }

    /// What it wrote to standard output.
    pub fn stdout(&self) -> String {
        let plan = locked(&self.plan);
        fs::read_to_string(plan.folder.join(format!("{}.out", plan.name))).unwrap_or_default()
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> Option<u64> {
        resident_bytes(self.pid()?)
    }
}

/// `exit 0`, `signal 9`.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    }
}

/// Resident memory of a process, in bytes.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

/// Processor time that a process has used, in seconds.
pub fn processor_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // Linux counts in hundredths on every architecture that matters (USER_HZ).
    #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds of a test")]
    Some(ticks as f64 / 100.0)
}
