//! The command line.

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use std::{convert::Infallible, net::SocketAddr, path::PathBuf};
use url::Url;
use uuid::Uuid;

/// A chatbot platform of your own.
///
/// Without a command, everything runs in this one process.
#[derive(Debug, Parser)]
#[command(name = "botsmith", version, max_term_width = 100)]
pub struct Cli {
    /// A file of settings (TOML); see settings.default.toml
    #[arg(long, global = true, env = "BOTSMITH_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where BotSmith keeps its data, and with it the demo's credentials [default: /var/lib/botsmith for root, else
    /// ~/.local/share/botsmith]
    #[arg(long, global = true, env = "BOTSMITH_DATA_DIR", value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every role in one process, on a private PostgreSQL unless DATABASE_URL says otherwise
    All(All),
    /// Webhooks of the platforms
    Gateway,
    /// Takes in what people wrote, and answers it
    ChatWorker(Health),
    /// Delivers replies on one platform, or on all
    Sender(Which),
    /// Reads one platform, or all, over connections that it opens: no public address is needed
    Listener(Which),
    /// Turns what owners add into searchable knowledge
    Indexer(Health),
    /// Wakes what is due, and keeps house
    Scheduler(Health),
    /// The API for the dashboard and for operators
    AdminApi,
    /// Brings the database's schema up to date
    Migrate,
    /// Checks settings, database, broker, disk and clock, and says what to do
    Doctor,
    /// The key under which credentials are sealed
    #[command(subcommand)]
    Keys(Keys),
    /// For the operator who is locked out
    #[command(subcommand)]
    Admin(Admin),
    /// Whether the activity log is as it was written
    #[command(subcommand)]
    Audit(Audit),
    /// Makes the demo bot where the roles are processes of their own, and says how to try it
    Demo,
    /// Writes a chatbot of a running installation into a YAML file, without its keys
    Export(Export),
    /// Makes a chatbot of a YAML file in a running installation, or the draft of one that is there
    Import(Import),
    /// Asks a chatbot of a running installation its golden questions, and says how it did
    Eval(Eval),
    /// Prints the description of the API, as /api/openapi.json has it
    Openapi,
    /// Prints a new link that makes whoever opens it the administrator, while there is none
    SetupLink,
    /// Reads one file from the standard input, within limits: the indexer starts it
    #[command(hide = true)]
    ReadFile,
    /// Plays a platform, to try a chatbot without an account there
    Simulate(Box<simulator::cli::Simulate>),
}

/// Options of `botsmith all`.
#[derive(Debug, Default, Args)]
pub struct All {
    /// Make no demo bot at the first start
    #[arg(long, env = "BOTSMITH_NO_DEMO")]
    pub no_demo: bool,
}

/// Where a role without HTTP of its own answers /healthz, /readyz and /metrics.
#[derive(Debug, Default, Args)]
pub struct Health {
    /// Answer /healthz, /readyz and /metrics here, instead of where the setting health.listen says
    #[arg(long, value_name = "ADDRESS")]
    pub health_listen: Option<SocketAddr>,
}

/// Which platforms `botsmith sender` and `botsmith listener` work for.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Which {
    /// The platform, as `twilio`
    #[arg(group = "which")]
    pub platform: Option<String>,
    /// All platforms
    #[arg(long, group = "which")]
    pub all: bool,
    #[command(flatten)]
    pub health: Health,
}

/// The running installation, and who asks.
#[derive(Debug, Args)]
pub struct Remote {
    /// Where the installation's API is
    #[arg(long, env = "BOTSMITH_URL", value_name = "URL")]
    pub url: Url,
    /// An API key of the workspace with the role admin; better given in the environment
    #[arg(long, env = "BOTSMITH_API_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub api_key: SecretString,
}

fn secret(given: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(given))
}

/// `botsmith export`
#[derive(Debug, Args)]
pub struct Export {
    /// The chatbot
    pub chatbot: Uuid,
    /// The file to write; the standard output when left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub remote: Remote,
}

/// `botsmith import`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("into").required(true))]
pub struct Import {
    /// The file
    pub file: PathBuf,
    /// Make a new chatbot in this workspace
    #[arg(long, group = "into", value_name = "WORKSPACE")]
    pub workspace: Option<Uuid>,
    /// Make the draft of this chatbot
    #[arg(long, group = "into", value_name = "CHATBOT")]
    pub chatbot: Option<Uuid>,
    /// Publish the draft, and wait until its golden questions let it go live; an error if they do not
    #[arg(long, conflicts_with = "workspace")]
    pub publish: bool,
    /// Publish it whatever the golden questions say, and why
    #[arg(long, requires = "publish", value_name = "REASON")]
    pub override_reason: Option<String>,
    #[command(flatten)]
    pub remote: Remote,
}

/// `botsmith eval`
#[derive(Debug, Args)]
pub struct Eval {
    /// The chatbot
    pub chatbot: Uuid,
    /// Questions to add first: JSON, or CSV with the columns `question`, `source`, `document`, `passage`, `words`, `refused`
    #[arg(long, value_name = "FILE")]
    pub questions: Option<PathBuf>,
    /// Ask this version instead of what is live
    #[arg(long, value_name = "NUMBER")]
    pub version: Option<i64>,
    /// Ask the draft: another model, other instructions, another way to search
    #[arg(long, conflicts_with = "version")]
    pub draft: bool,
    /// The share that has to be answered as expected, from 0 to 1; an error if it is less
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    pub at_least: f64,
    #[command(flatten)]
    pub remote: Remote,
}

/// `botsmith keys …`
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Makes a new master key in a file that only you can read
    Generate {
        /// The file; it must not be there yet
        file: PathBuf,
    },
    /// Shows which master keys are in use
    Status,
    /// Wraps every workspace's data key with the current master key
    Rotate,
}

/// `botsmith admin …`
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Prints a link with which a person can choose a new password
    ResetPassword {
        /// Whose; the administrator's when left out
        #[arg(long)]
        email: Option<String>,
    },
    /// Takes the second factor away from a person who lost the device and the recovery codes
    ResetSecondFactor {
        /// Whose; the administrator's when left out
        #[arg(long)]
        email: Option<String>,
    },
}

/// `botsmith audit …`
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Walks the chain of all entries; an error if one was changed, removed or inserted
    Verify,
}

impl Command {
    /// The name of the role, for telemetry.
    pub const fn role(&self) -> &'static str {
        match self {
            Self::All(_) => "all",
            Self::Gateway => "gateway",
            Self::ChatWorker(_) => "chat-worker",
            Self::Sender(_) => "sender",
            Self::Listener(_) => "listener",
            Self::Indexer(_) => "indexer",
            Self::Scheduler(_) => "scheduler",
            Self::AdminApi => "admin-api",
            Self::Migrate => "migrate",
            Self::Doctor => "doctor",
            Self::Keys(_) => "keys",
            Self::Admin(_) => "admin",
            Self::Audit(_) => "audit",
            Self::Demo => "demo",
            Self::Export(_) => "export",
            Self::Import(_) => "import",
            Self::Eval(_) => "eval",
            Self::Openapi => "openapi",
            Self::SetupLink => "setup-link",
            Self::ReadFile => "read-file",
            Self::Simulate(_) => "simulate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_in_one_process_is_what_happens_without_a_command() {
        let cli = Cli::parse_from(["botsmith", "--data-dir", "/somewhere"]);

        assert!(cli.command.is_none());
        assert_eq!(cli.data_dir.unwrap(), PathBuf::from("/somewhere"));
    }

    #[test]
    fn a_file_is_imported_into_a_workspace_or_a_chatbot_and_only_a_draft_is_published() {
        let id = "0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55";
        let import = |rest: &[&str]| {
            let given = [
                "botsmith",
                "import",
                "bot.yaml",
                "--url",
                "http://a.example",
                "--api-key",
                "bsk_secret",
            ];
            Cli::try_parse_from(given.iter().chain(rest))
        };

        let parsed = import(&["--chatbot", id, "--publish"]).unwrap();

        assert!(!format!("{parsed:?}").contains("bsk_secret"));
        assert!(import(&["--workspace", id]).is_ok());
        assert!(import(&[]).is_err() && import(&["--workspace", id, "--chatbot", id]).is_err());
        assert!(import(&["--workspace", id, "--publish"]).is_err());
    }

    #[test]
    fn a_sender_is_told_which_platform_or_all() {
        assert!(Cli::try_parse_from(["botsmith", "sender"]).is_err());
        assert!(Cli::try_parse_from(["botsmith", "sender", "twilio", "--all"]).is_err());
        assert!(Cli::try_parse_from(["botsmith", "sender", "twilio"]).is_ok());
        assert!(Cli::try_parse_from(["botsmith", "sender", "--all"]).is_ok());
    }
}
