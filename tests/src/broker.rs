//! A RabbitMQ node of our own: own name, ports, data, cookie and port mapper, on the loopback only.

use crate::{ports, reaper, wait};
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Where distributions put the program that starts a node without asking who we are.
const PROGRAMS: &[&str] = &[
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
    "/opt/rabbitmq/sbin/rabbitmq-server",
];

/// Data at rest is what survives a kill; nothing else does.
pub struct Broker {
    folder: TempDir,
    program: PathBuf,
    name: String,
    port: u16,
    mapper_port: u16,
    distribution_port: u16,
    mapper: Child,
    node: Option<Child>,
}

impl Broker {
    /// A fresh node, ready.
    pub async fn start() -> anyhow::Result<Self> {
        let program = PROGRAMS.iter().map(PathBuf::from).find(|path| path.is_file());
        let program =
            program.context("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)")?;
        let folder = tempfile::Builder::new().prefix("botsmith-rabbitmq-").tempdir()?;
        reaper::watch_folder(folder.path())?;
        let [port, mapper_port, distribution_port] = ports::free()?;
        fs::write(
            folder.path().join("rabbitmq.conf"),
            format!(
                "listeners.tcp.1 = 127.0.0.1:{port}\n\
                 raft.wal_max_size_bytes = 64000000\n\
                 log.file.level = warning\n\
                 vm_memory_high_watermark.absolute = 2GB\n"
            ),
        )?;
        fs::write(folder.path().join("enabled_plugins"), "[].\n")?;
        let mapper = Command::new("epmd")
            .args(["-port", &mapper_port.to_string(), "-address", "127.0.0.1"])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("Erlang's epmd does not run")?;
        reaper::watch(mapper.id())?;
        let name = format!("botsmith-test-{port}@localhost");
        let mut broker = Self {
            folder,
            program,
            name,
            port,
            mapper_port,
            distribution_port,
            mapper,
            node: None,
        };
        broker.start_again().await?;
        Ok(broker)
    }

    /// How to connect.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where its data and logs are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Resident memory of the node, in bytes.
    pub fn resident_bytes(&self) -> Option<u64> {
        crate::role::resident_bytes(self.node.as_ref()?.id())
    }

    /// Raises the memory alarm, as a node does that has too much in memory, or takes it back: while it stands nobody can
    /// publish, and consumers go on.
    pub fn alarm(&self, raised: bool) -> anyhow::Result<()> {
        let watermark = if raised { "1000" } else { "2000000000" };
        let status = Command::new(self.program.with_file_name("rabbitmqctl"))
            .args([
                "-n",
                &self.name,
                "set_vm_memory_high_watermark",
                "absolute",
                watermark,
            ])
            .env("HOME", self.folder.path())
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("rabbitmqctl does not run")?;
        anyhow::ensure!(status.success(), "rabbitmqctl ended with {status}");
        Ok(())
    }

    /// Kills the node as a power cut would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut node) = self.node.take() else {
            return Ok(());
        };
        kill_group(node.id());
        node.wait()?;
        reaper::forget(node.id());
        Ok(())
    }

    /// Starts it over the same data; returns when the port is open.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        if self.node.is_some() {
            return Ok(());
        }
        self.spawn()?;
        let port = self.port;
        let opened = wait::until("RabbitMQ's port", Duration::from_secs(90), async || {
            if let Some(status) = self.node.as_mut().and_then(|node| node.try_wait().transpose()) {
                return Ok(Some(Err(status?)));
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| Ok(())))
        });
        if let Err(status) = opened.await? {
            let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
            bail!("RabbitMQ ended with {status}: {}", said.trim());
        }
        Ok(())
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let node = Command::new(&self.program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            // The cookie is made there.
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder)
            .env("RABBITMQ_MNESIA_DIR", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder)
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("generated"))
            .env("RABBITMQ_FEATURE_FLAGS_FILE", folder.join("feature_flags"))
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // The script then becomes the node instead of watching over it.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .process_group(0)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("stdout"))?)
            .stderr(File::create(folder.join("stderr"))?)
            .spawn()
            .with_context(|| format!("{} does not run", self.program.display()))?;
        reaper::watch(node.id())?;
        self.node = Some(node);
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("RabbitMQ could not be stopped: {error}");
        }
        kill_group(self.mapper.id());
        drop(self.mapper.wait());
        reaper::forget(self.mapper.id());
    }
}

fn kill_group(leader: u32) {
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // Who has ended already need not be killed.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
