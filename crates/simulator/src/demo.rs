//! The demo that `botsmith all` sets up: where it is and how to speak to it. Written by `all`, read by `simulate`.
//!
//! Invariant: the file holds credentials of the demo only, and only its owner can read it.

use anyhow::Context;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The simulated account: nobody's at Twilio, and its sends go to the simulator whatever else is set.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";

/// How to speak to the demo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Demo {
    /// The gateway (and in one process the API too), as reached from this machine: `http://127.0.0.1:8080`.
    pub url: String,
    /// The address that platforms are told, and sign. The same unless a reverse proxy stands before it.
    pub public_url: String,
    /// The API, as reached from this machine. The same as `url` in one process.
    pub api_url: String,
    /// The demo bot.
    pub chatbot_id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// The demo bot's number.
    pub number: String,
    /// The account, as its webhooks name it: [`ACCOUNT_SID`].
    pub account_sid: String,
    /// What its webhooks are signed with.
    #[serde(serialize_with = "reveal")]
    pub auth_token: SecretString,
    /// A key of the API that may read the demo's workspace, and ask its bot.
    #[serde(serialize_with = "reveal")]
    pub api_key: SecretString,
    /// Where the simulator plays Twilio.
    pub simulator_url: String,
    /// What `/_simulator` asks for.
    #[serde(serialize_with = "reveal")]
    pub simulator_token: SecretString,
}

fn reveal<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secrecy::ExposeSecret::expose_secret(secret))
}

impl Demo {
    /// Where it lies in a data directory.
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("demo.json")
    }

    /// Reads it; `None` if there is no demo.
    pub fn read(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::path(data_dir);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("{} is not a demo's file", path.display()))
    }

    /// Writes it so that a reader sees the old one or the new one, and nobody but the owner sees either.
    pub fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let path = Self::path(data_dir);
        let fresh = path.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&fresh)?;
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_only_its_owner_may_read_it() {
        let directory = std::env::temp_dir().join(format!("demo-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        let demo = Demo {
            url: "http://127.0.0.1:8080".into(),
            public_url: "http://127.0.0.1:8080".into(),
            api_url: "http://127.0.0.1:8080".into(),
            chatbot_id: "b".into(),
            workspace_id: "w".into(),
            number: "+15005550006".into(),
            account_sid: ACCOUNT_SID.into(),
            auth_token: "t0ken".into(),
            api_key: "k".into(),
            simulator_url: "http://127.0.0.1:9".into(),
            simulator_token: "s".into(),
        };

        demo.write(&directory).unwrap();
        let read = Demo::read(&directory).unwrap().unwrap();

        assert_eq!(secrecy::ExposeSecret::expose_secret(&read.auth_token), "t0ken");
        assert_eq!(
            fs::metadata(Demo::path(&directory)).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(
            !format!("{demo:?}").contains("t0ken"),
            "a debug print shows the token"
        );
        fs::remove_dir_all(directory).unwrap();
    }
}
