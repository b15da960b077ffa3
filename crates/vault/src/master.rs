//! The master keys: one that wraps, and those that wrapped before and are still accepted.

use crate::{
    KeyError, VaultError,
    sealed::{KEY_BYTES, SealingKey, random_key},
    signing::SigningKey,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::WorkspaceId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::data_keys::DataKey;
use zeroize::Zeroizing;

/// Where the master keys are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The master key: 32 random bytes in base64. Empty: it is in `master_key_file`.
    #[serde(default)]
    pub master_key: SecretString,
    /// A file that holds the master key in base64.
    #[serde(default)]
    pub master_key_file: Option<PathBuf>,
    /// Master keys that may still wrap something. Nothing new is wrapped by them.
    #[serde(default)]
    pub previous_master_keys: Vec<SecretString>,
}

/// The master keys. Cheap to clone.
#[derive(Clone)]
pub struct MasterKeys(Arc<Keys>);

struct Keys {
    current: Master,
    previous: Vec<Master>,
}

/// One master key: what it seals with, and what it signs with.
struct Master {
    sealing: SealingKey,
    signing: SigningKey,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeys({})", self.names())
    }
}

impl MasterKeys {
    /// Reads the master keys from where the settings say.
    pub fn load(settings: &Settings) -> Result<Self, KeyError> {
        let inline = Some(&settings.master_key).filter(|key| !key.expose_secret().trim().is_empty());
        let current = match (inline, &settings.master_key_file) {
            (Some(_), Some(_)) => return Err(KeyError::Two),
            (Some(key), None) => decode(key.expose_secret(), || "`vault.master_key`".to_owned())?,
            (None, Some(path)) => read(path)?,
            (None, None) => return Err(KeyError::None),
        };
        let previous = settings
            .previous_master_keys
            .iter()
            .enumerate()
            .filter(|(_, key)| !key.expose_secret().trim().is_empty())
            .map(|(at, key)| {
                decode(key.expose_secret(), || {
                    format!("`vault.previous_master_keys[{at}]`")
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Keys { current, previous })))
    }

    /// The id of the master key that wraps what is new: safe to show, and different for every key.
    pub fn current_id(&self) -> String {
        self.0.current.sealing.id().to_string()
    }

    /// Whether a key with this id can unwrap.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// Wraps a data key with the current master key.
    pub(crate) fn wrap(&self, workspace: WorkspaceId, key: &[u8; KEY_BYTES]) -> Result<DataKey, VaultError> {
        let wrapped = self
            .0
            .current
            .sealing
            .seal(&bound_to(workspace), key)
            .map_err(|_| VaultError::Sealing)?;
        Ok(DataKey {
            workspace,
            master_key_id: self.current_id(),
            wrapped,
        })
    }

    /// Unwraps a data key with the master key that wrapped it.
    pub(crate) fn unwrap(&self, key: &DataKey) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        let master = self
            .find(&key.master_key_id)
            .ok_or_else(|| VaultError::UnknownMasterKey {
                workspace: key.workspace,
                wanted: key.master_key_id.clone(),
                configured: self.names(),
            })?;
        let damaged = || VaultError::DamagedDataKey {
            workspace: key.workspace,
            master: key.master_key_id.clone(),
        };
        let plain = master
            .open(&bound_to(key.workspace), &key.wrapped)
            .map_err(|_| damaged())?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if plain.len() != KEY_BYTES {
            return Err(damaged());
        }
        bytes.copy_from_slice(&plain);
        Ok(bytes)
    }

    fn find(&self, id: &str) -> Option<&SealingKey> {
        self.all().find(|key| key.id().to_string() == id)
    }

    fn all(&self) -> impl Iterator<Item = &SealingKey> {
        self.masters().map(|master| &master.sealing)
    }

    fn masters(&self) -> impl Iterator<Item = &Master> {
        std::iter::once(&self.0.current).chain(&self.0.previous)
    }

    /// Proves that this installation says something, for one purpose: what is signed for another does not prove it.
    /// For what is public and short-lived; nothing secret can be read from it.
    pub fn sign(&self, purpose: &str, said: &[u8]) -> [u8; 32] {
        self.0.current.signing.sign(purpose, said)
    }

    /// Whether this installation said it, with this master key or one of before. In constant time.
    pub fn is_signed(&self, purpose: &str, said: &[u8], proof: &[u8]) -> bool {
        self.masters()
            .any(|master| master.signing.is_signed(purpose, said, proof))
    }

    fn names(&self) -> String {
        self.all()
            .map(|key| key.id().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A wrapped key moved to another workspace's row must not open.
fn bound_to(workspace: WorkspaceId) -> Vec<u8> {
    [b"data key\0".as_slice(), workspace.as_uuid().as_bytes()].concat()
}

fn read(path: &Path) -> Result<Master, KeyError> {
    let bytes = fs::read(path)
        .map(Zeroizing::new)
        .map_err(|source| KeyError::File {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
    let place = || format!("the content of {}", path.display());
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::Malformed {
        place: place(),
        problem: "it is not text".to_owned(),
    })?;
    decode(text, place)
}

fn decode(text: &str, place: impl Fn() -> String) -> Result<Master, KeyError> {
    let malformed = |problem: String| KeyError::Malformed {
        place: place(),
        problem,
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(malformed("it is empty".to_owned()));
    }
    let bytes = BASE64_STANDARD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| malformed(format!("its {} characters are not base64", text.chars().count())))?;
    let key: &[u8; KEY_BYTES] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| malformed(format!("it holds {} bytes, not {KEY_BYTES}", bytes.len())))?;
    Ok(Master {
        sealing: SealingKey::new(key),
        signing: SigningKey::new(key),
    })
}

/// Makes a new master key and keeps it in a file that only this user can read. `false`: the file is there already, and
/// nothing was changed. Losing the file means losing every sealed value.
pub fn create_master_key_file(path: &Path) -> Result<bool, KeyError> {
    if path.exists() {
        return Ok(false);
    }
    let key = random_key().map_err(|_| KeyError::Randomness)?;
    let text = Zeroizing::new(format!("{}\n", BASE64_STANDARD.encode(key.as_slice())));
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        action: "created",
        source,
    };
    // Written whole beside its place and linked there, so that a crash leaves no half key and two processes that start
    // at once agree on the first.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", uuid::Uuid::now_v7()));
    let beside = PathBuf::from(beside);
    let linked = write_private(&beside, text.as_bytes()).and_then(|()| fs::hard_link(&beside, path));
    let removed = fs::remove_file(&beside);
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        linked => linked.and(removed).map_err(failed)?,
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(true)
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretString {
        BASE64_STANDARD.encode([byte; KEY_BYTES]).into()
    }

    fn in_file(content: &[u8]) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        fs::write(&path, content).unwrap();
        (
            folder,
            Settings {
                master_key_file: Some(path),
                ..Settings::default()
            },
        )
    }

    #[test]
    fn a_key_file_of_the_wrong_length_says_how_long_it_is_and_nothing_of_what_is_in_it() {
        let short = BASE64_STANDARD.encode([0xAB; 31]);
        let (_folder, settings) = in_file(short.as_bytes());

        let error = MasterKeys::load(&settings).unwrap_err().to_string();

        assert!(
            error.contains("master.key") && error.contains("it holds 31 bytes, not 32"),
            "{error}"
        );
        assert!(!error.contains(&short) && !error.contains("q6ur"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_is_wrong() {
        for (content, problem) in [
            (b"".as_slice(), "it is empty"),
            (b"\n", "it is empty"),
            (
                b"correct horse battery staple",
                "its 28 characters are not base64",
            ),
            (&[0xFF; 32], "it is not text"),
        ] {
            let (_folder, settings) = in_file(content);

            let error = MasterKeys::load(&settings).unwrap_err().to_string();

            assert!(
                error.contains(problem) && error.contains("openssl rand -base64 32"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let settings = Settings {
            master_key_file: Some("/nowhere/master.key".into()),
            ..Settings::default()
        };

        let error = MasterKeys::load(&settings).unwrap_err().to_string();

        assert_eq!(error, "the master key file /nowhere/master.key cannot be read");
    }

    #[test]
    fn no_key_and_two_keys_are_refused() {
        let (_folder, both) = in_file(b"");
        let both = Settings {
            master_key: key(1),
            ..both
        };

        assert!(matches!(
            MasterKeys::load(&Settings::default()),
            Err(KeyError::None)
        ));
        assert!(matches!(MasterKeys::load(&both), Err(KeyError::Two)));
    }

    #[test]
    fn a_broken_previous_key_is_named_by_its_place() {
        let settings = Settings {
            master_key: key(1),
            previous_master_keys: vec![key(2), "x".into()],
            ..Settings::default()
        };

        let error = MasterKeys::load(&settings).unwrap_err().to_string();

        assert!(
            error.starts_with("`vault.previous_master_keys[1]` is not a master key"),
            "{error}"
        );
    }

    #[test]
    fn a_debug_print_shows_ids_only() {
        let settings = Settings {
            master_key: key(0xAB),
            previous_master_keys: vec![key(0xCD)],
            ..Settings::default()
        };
        let keys = MasterKeys::load(&settings).unwrap();

        for shown in [format!("{settings:?}"), format!("{keys:?}")] {
            assert!(
                !shown.contains("q6ur") && !shown.contains("zc3N") && !shown.contains("171"),
                "{shown}"
            );
        }
        assert!(format!("{keys:?}").contains(&keys.current_id()));
    }

    #[test]
    fn a_new_key_file_is_private_loads_and_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");

        assert!(create_master_key_file(&path).unwrap());
        let first = fs::read(&path).unwrap();
        assert!(!create_master_key_file(&path).unwrap());

        assert_eq!(fs::read(&path).unwrap(), first);
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "something was left beside the key"
        );
        MasterKeys::load(&Settings {
            master_key_file: Some(path.clone()),
            ..Settings::default()
        })
        .unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_wrapped_key_moved_to_another_workspace_does_not_unwrap() {
        let keys = MasterKeys::load(&Settings {
            master_key: key(1),
            ..Settings::default()
        })
        .unwrap();
        let wrapped = keys.wrap(WorkspaceId::new(), &[9; KEY_BYTES]).unwrap();
        let moved = DataKey {
            workspace: WorkspaceId::new(),
            ..wrapped.clone()
        };

        assert_eq!(*keys.unwrap(&wrapped).unwrap(), [9; KEY_BYTES]);
        assert!(matches!(
            keys.unwrap(&moved),
            Err(VaultError::DamagedDataKey { .. })
        ));
    }

    #[test]
    fn a_missing_master_key_is_named_by_its_id() {
        let old = MasterKeys::load(&Settings {
            master_key: key(1),
            ..Settings::default()
        })
        .unwrap();
        let new = MasterKeys::load(&Settings {
            master_key: key(2),
            ..Settings::default()
        })
        .unwrap();
        let wrapped = old.wrap(WorkspaceId::new(), &[9; KEY_BYTES]).unwrap();

        let error = new.unwrap(&wrapped).unwrap_err().to_string();

        assert!(
            error.contains(&old.current_id()) && error.contains(&new.current_id()),
            "{error}"
        );
        assert!(error.contains("vault.previous_master_keys"), "{error}");
    }
}
