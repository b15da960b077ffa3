//! One BotSmith, running: in one process or in many, with a chatbot that is connected to the simulated Twilio.

use crate::{
    api::{Api, Bot},
    binary,
    broker::Broker,
    database::{Database, kill_postmaster},
    load::{Load, Run, Target},
    ports, reaper,
    role::{Plan, Role},
    wait,
};
use anyhow::{Context, bail};
use secrecy::SecretString;
use simulator::{
    Service,
    model::Behaviour,
    twilio::{Account, Callbacks, WebhookSender},
};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// How the platform knows us; nobody listens there, so nothing works that does not use what was configured.
pub const PUBLIC_URL: &str = "https://bots.example";
/// The simulated account's token.
pub const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// How the roles are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each in a process of its own, over RabbitMQ.
    Split {
        /// Gateways.
        gateways: usize,
        /// Chat-workers.
        workers: usize,
    },
    /// All in one process, with a private PostgreSQL and its queue.
    AllInOne,
    /// All in one process, over RabbitMQ and the database that there is.
    AllInOneOnBroker,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the roles are run.
    pub mode: Mode,
    /// Whether RabbitMQ is to be a node that can be killed; else one node serves all tests of this process.
    pub own_broker: bool,
    /// Whether PostgreSQL is to be a server that can be killed.
    pub private_database: bool,
    /// How the model behaves. `None`: there is no model, and answers are quoted from the knowledge.
    pub model: Option<Behaviour>,
    /// Whether there is an embedding model, so that knowledge is found by meaning too.
    pub meaning: bool,
    /// What the platform reports of each message.
    pub callbacks: Callbacks,
    /// Chatbots, each in a workspace of its own, with a number of its own.
    pub bots: usize,
    /// Settings that differ from the defaults, as environment variables.
    pub environment: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Split {
                gateways: 1,
                workers: 2,
            },
            own_broker: false,
            private_database: false,
            model: Some(Behaviour::echo(Duration::from_millis(20))),
            meaning: false,
            callbacks: Callbacks::default(),
            bots: 1,
            environment: Vec::new(),
        }
    }
}

/// One BotSmith. [`Product::finish`] ends it in order; dropped without that, its logs are kept.
pub struct Product {
    mode: Mode,
    simulator: Service,
    own_broker: Option<Broker>,
    database: Option<Database>,
    roles: Vec<Arc<Role>>,
    /// Where each process says whether it is ready.
    health: Vec<String>,
    gateways: Vec<String>,
    api: Api,
    bots: Vec<Bot>,
    folder: Option<TempDir>,
    /// What processes that are started later are started with.
    common: Option<Common>,
    http: reqwest::Client,
}

/// The node that serves all tests of this process that do not kill it. It dies with the process.
async fn shared_broker() -> anyhow::Result<&'static Broker> {
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    SHARED.get_or_try_init(Broker::start).await
}

impl Product {
    /// Starts everything, sets up an administrator and the chatbots, and waits until all of it is ready.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let mut product = Self::start_without_bots(options.clone()).await?;
        for number in 0..options.bots {
            let bot = product
                .api
                .new_bot(&format!("Bot {number}"), &phone_number(number))
                .await?;
            product.bots.push(bot);
        }
        for bot in &product.bots {
            product.api.add_opening_hours(bot).await?;
        }
        for bot in &product.bots {
            product.api.indexed(bot, Duration::from_secs(30)).await?;
        }
        Ok(product)
    }

    /// The same without chatbots.
    pub async fn start_without_bots(options: Options) -> anyhow::Result<Self> {
        let program = binary::botsmith()?;
        let folder = tempfile::Builder::new().prefix("botsmith-test-").tempdir()?;
        let [api_port, gateway_1, gateway_2, gateway_3] = ports::free()?;
        let gateway_ports = match options.mode {
            Mode::Split { gateways, .. } => &[gateway_1, gateway_2, gateway_3][..gateways],
            Mode::AllInOne | Mode::AllInOneOnBroker => &[gateway_1][..],
        };
        let gateways: Vec<String> = gateway_ports
            .iter()
            .map(|port| format!("http://127.0.0.1:{port}"))
            .collect();
        let simulator = Service::start(simulator::Settings {
            callback_origin: gateways.first().cloned(),
            ..simulator::Settings::default()
        })
        .await?;
        let account = Account::new(simulator::demo::ACCOUNT_SID, AUTH_TOKEN);
        let account = (0..options.bots.max(1)).fold(account, |account, number| {
            account.with_number(phone_number(number))
        });
        simulator.twilio().add_account(account);
        simulator.twilio().set_callbacks(options.callbacks);

        let (broker_url, own_broker) = match options.mode {
            Mode::AllInOne => (None, None),
            _ if options.own_broker => {
                let broker = Broker::start().await?;
                (Some(broker.url()), Some(broker))
            }
            _ => (Some(shared_broker().await?.url()), None),
        };
        let database = match options.mode {
            Mode::AllInOne => None,
            _ if options.private_database => Some(Database::private().await?),
            _ => Some(Database::shared().await?),
        };
        let mut common = Common {
            program: program.to_owned(),
            folder: folder.path().to_owned(),
            environment: vec![
                ("BOTSMITH__GATEWAY__PUBLIC_URL".to_owned(), PUBLIC_URL.to_owned()),
                (
                    "BOTSMITH__PLATFORMS__TWILIO_SIMULATOR_URL".to_owned(),
                    simulator.url(),
                ),
                ("BOTSMITH__TELEMETRY__FILTER".to_owned(), "info".to_owned()),
                // Ten processes, other tests beside us, and a server that by default takes 100 connections.
                ("BOTSMITH__STORE__MAX_CONNECTIONS".to_owned(), "6".to_owned()),
            ],
        };
        for play in simulator::played::ALL {
            common.set(
                &format!(
                    "BOTSMITH__PLATFORMS__{}_SIMULATOR_URL",
                    play.name().to_uppercase()
                ),
                &simulator.played().base(*play),
            );
        }
        if let Some(behaviour) = options.model {
            simulator.model().behave(behaviour);
            common.set("BOTSMITH__MODELS__BASE_URL", &format!("{}/v1", simulator.url()));
            common.set("BOTSMITH__MODELS__MODEL", "simulated");
        }
        if options.meaning {
            common.set(
                "BOTSMITH__EMBEDDINGS__BASE_URL",
                &format!("{}/v1", simulator.url()),
            );
            common.set("BOTSMITH__EMBEDDINGS__MODEL", "simulated");
        }
        if let Some(url) = broker_url {
            common.set("BOTSMITH__QUEUE__URL", &url);
            common.set(
                "BOTSMITH__QUEUE__NAMESPACE",
                &format!("t{}.", Uuid::new_v4().simple()),
            );
        }
        if let Some(database) = &database {
            common.set("BOTSMITH__STORE__URL", &database.url());
        }
        common.environment.extend(options.environment);

        let mut product = Self {
            mode: options.mode,
            simulator,
            own_broker,
            database,
            roles: Vec::new(),
            health: Vec::new(),
            api: Api::new(&format!("http://127.0.0.1:{api_port}"))?,
            gateways,
            bots: Vec::new(),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(5))
                .build()?,
            folder: Some(folder),
            common: None,
        };
        product.start_roles(common, gateway_ports, api_port).await?;
        Ok(product)
    }

    async fn start_roles(
        &mut self,
        mut common: Common,
        gateway_ports: &[u16],
        api_port: u16,
    ) -> anyhow::Result<()> {
        let Mode::Split { workers, .. } = self.mode else {
            let url = self.gateways.first().context("no gateway")?.clone();
            let listen = url.trim_start_matches("http://").to_owned();
            common.set("BOTSMITH__GATEWAY__LISTEN", &listen);
            let data = common.folder.join("data");
            reaper::watch_postgres(&data.join("postgres/data"))?;
            let data_dir = data.display().to_string();
            let role = Role::start(common.plan("all", &["--data-dir", &data_dir, "all", "--no-demo"]))?;
            self.roles.push(role);
            self.health.push(url.clone());
            self.api = Api::new(&url)?;
            self.ready(Duration::from_secs(60)).await?;
            let link = common.output(&["--data-dir", &data_dir, "setup-link"]).await?;
            return self.api.set_up(&link).await;
        };
        common.output(&["keys", "generate", "master.key"]).await?;
        let key_file = common.folder.join("master.key").display().to_string();
        common.set("BOTSMITH__VAULT__MASTER_KEY_FILE", &key_file);
        common.output(&["migrate"]).await?;
        for (index, port) in gateway_ports.iter().enumerate() {
            let listen = format!("127.0.0.1:{port}");
            let mut plan = common.plan(&format!("gateway-{}", index + 1), &["gateway"]);
            plan.environment
                .push(("BOTSMITH__GATEWAY__LISTEN".to_owned(), listen.clone()));
            self.roles.push(Role::start(plan)?);
            self.health.push(format!("http://{listen}"));
        }
        let listen = format!("127.0.0.1:{api_port}");
        let mut plan = common.plan("admin-api", &["admin-api"]);
        plan.environment
            .push(("BOTSMITH__ADMIN_API__LISTEN".to_owned(), listen.clone()));
        self.roles.push(Role::start(plan)?);
        self.health.push(format!("http://{listen}"));
        let names = (1..=workers).map(|number| (format!("chat-worker-{number}"), vec!["chat-worker"]));
        let others = [
            ("sender".to_owned(), vec!["sender", "--all"]),
            ("scheduler".to_owned(), vec!["scheduler"]),
            ("indexer".to_owned(), vec!["indexer"]),
        ];
        for (name, mut arguments) in names.chain(others) {
            let [port] = ports::free()?;
            let listen = format!("127.0.0.1:{port}");
            arguments.extend(["--health-listen", &listen]);
            self.roles.push(Role::start(common.plan(&name, &arguments))?);
            self.health.push(format!("http://{listen}"));
        }
        self.ready(Duration::from_secs(60)).await?;
        let link = common.output(&["setup-link"]).await?;
        self.common = Some(common);
        self.api.set_up(&link).await
    }

    /// Starts one more process of a role without HTTP of its own, and waits until it is ready.
    pub async fn add_role(&mut self, name: &str, arguments: &[&str]) -> anyhow::Result<Arc<Role>> {
        let [port] = ports::free()?;
        let listen = format!("127.0.0.1:{port}");
        let common = self
            .common
            .as_ref()
            .context("its roles are no processes of their own")?;
        let role = Role::start(common.plan(name, &[arguments, &["--health-listen", &listen]].concat()))?;
        self.roles.push(role.clone());
        self.health.push(format!("http://{listen}"));
        self.ready(Duration::from_secs(60)).await?;
        Ok(role)
    }

    /// Waits until every process says that it can do its work.
    pub async fn ready(&self, patience: Duration) -> anyhow::Result<()> {
        for (url, role) in self.health.iter().zip(&self.roles) {
            let what = format!("{} to be ready", role.name());
            let ready = wait::until(&what, patience, async || {
                let answer = self.http.get(format!("{url}/readyz")).send().await?;
                let status = answer.status();
                anyhow::ensure!(status.is_success(), "{status}: {}", answer.text().await?);
                Ok(Some(()))
            });
            ready.await.with_context(|| {
                format!(
                    "the end of its log:\n{}",
                    crate::chaos::last_lines(&role.stderr())
                )
            })?;
        }
        Ok(())
    }

    /// What its processes are started with, where they are processes of their own.
    pub fn environment(&self) -> &[(String, String)] {
        self.common.as_ref().map_or(&[], |common| &common.environment)
    }

    /// Every process.
    pub fn roles(&self) -> &[Arc<Role>] {
        &self.roles
    }

    /// The process of this name.
    pub fn role(&self, name: &str) -> anyhow::Result<&Arc<Role>> {
        self.roles
            .iter()
            .find(|role| role.name() == name)
            .with_context(|| format!("there is no role {name}"))
    }

    /// Gateways' addresses.
    pub fn gateways(&self) -> &[String] {
        &self.gateways
    }

    /// The API, signed in as the administrator.
    pub const fn api(&self) -> &Api {
        &self.api
    }

    /// The chatbots.
    pub fn bots(&self) -> &[Bot] {
        &self.bots
    }

    /// The first chatbot.
    pub fn bot(&self) -> anyhow::Result<&Bot> {
        self.bots.first().context("there is no chatbot")
    }

    /// The platform.
    pub const fn twilio(&self) -> &simulator::twilio::Twilio {
        self.simulator.twilio()
    }

    /// The model.
    pub const fn model(&self) -> &simulator::model::Model {
        self.simulator.model()
    }

    /// The simulator's address.
    pub fn simulator_url(&self) -> String {
        self.simulator.url()
    }

    /// All platforms but Twilio.
    pub fn played(&self) -> &simulator::played::Played {
        self.simulator.played()
    }

    /// Its database, when it is not the private one of `botsmith all`.
    pub fn database(&self) -> anyhow::Result<&Database> {
        self.database
            .as_ref()
            .context("the database is the private one of `botsmith all`")
    }

    /// The broker, when it is its own.
    pub fn own_broker(&mut self) -> anyhow::Result<&mut Broker> {
        self.own_broker.as_mut().context("the broker is shared")
    }

    /// kill -9 of the private PostgreSQL of `botsmith all`.
    pub fn kill_embedded_database(&self) -> anyhow::Result<()> {
        kill_postmaster(&self.folder().join("data/postgres/data"))
    }

    /// Where it runs, with the logs of its processes.
    pub fn folder(&self) -> &Path {
        self.folder
            .as_ref()
            .map_or(Path::new("/nonexistent"), TempDir::path)
    }

    /// Signs webhooks and posts them to all gateways in turn.
    pub fn sender(&self) -> anyhow::Result<WebhookSender> {
        let gateways: Vec<&str> = self.gateways.iter().map(String::as_str).collect();
        WebhookSender::to_several(SecretString::from(AUTH_TOKEN), PUBLIC_URL, &gateways)
    }

    /// A chatbot as a target of messages.
    pub fn target(&self, bot: &Bot) -> anyhow::Result<Target> {
        Ok(Target {
            sender: self.sender()?,
            chatbot: bot.chatbot_id.clone(),
            account_sid: simulator::demo::ACCOUNT_SID.to_owned(),
            number: bot.number.clone(),
        })
    }

    /// Begins to write to all chatbots.
    pub fn run(&self, load: &Load) -> anyhow::Result<Run> {
        let targets: Vec<Target> = self
            .bots
            .iter()
            .map(|bot| self.target(bot))
            .collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(!targets.is_empty(), "there is no chatbot to write to");
        Ok(Run::start(load, &targets, self.twilio().listen()))
    }

    /// For one that is never dropped: its folder goes with this process, unless `BOTSMITH_TEST_LOGS` is set.
    pub fn forget_logs(self) -> anyhow::Result<Self> {
        if std::env::var_os("BOTSMITH_TEST_LOGS").is_none() {
            reaper::watch_folder(self.folder())?;
        }
        Ok(self)
    }

    /// Ends every process at once, and removes what was made for them.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        for role in &self.roles {
            // `botsmith all` has a PostgreSQL to stop as well.
            if role.name() == "all" {
                role.stop(Duration::from_secs(30)).await?;
            } else {
                role.kill_for_good().await?;
            }
        }
        self.roles.clear();
        if let Some(mut database) = self.database.take() {
            database.remove().await?;
        }
        if let Some(folder) = self.folder.take() {
            folder.close()?;
        }
        Ok(())
    }
}

/// Left in the middle: something is wrong, and the logs say what.
impl Drop for Product {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            eprintln!("the logs of this run are kept in {}", folder.keep().display());
        }
    }
}

/// The number of the chatbot with this index.
pub fn phone_number(index: usize) -> String {
    format!("+1500555{:04}", 6000 + index)
}

/// What all processes are started with.
struct Common {
    program: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Common {
    fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    fn plan(&self, name: &str, arguments: &[&str]) -> Plan {
        Plan {
            name: name.to_owned(),
            program: self.program.clone(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: self.environment.clone(),
            folder: self.folder.clone(),
        }
    }

    /// Runs a command to its end; what it printed.
    async fn output(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = tokio::process::Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "botsmith {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
