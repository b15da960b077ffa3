//! Seals and opens for the whole process, and remembers the data keys it has unwrapped.

use crate::{
    MasterKeys, VaultError,
    sealed::{SealingKey, Unopened, random_key},
};
use domain::WorkspaceId;
use moka::future::Cache;
use secrecy::SecretString;
use std::{fmt, sync::Arc, time::Duration};
use store::{Db, data_keys};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Workspaces whose data keys are kept at once; each takes about a kilobyte.
const REMEMBERED: u64 = 100_000;
/// How long the data key of a workspace that does nothing is kept.
const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// Where a sealed value lies. One that was moved does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The row's id.
    pub row: Uuid,
    /// The table and column, e.g. `integrations.credentials`.
    pub column: &'static str,
}

/// Stands for the installation among the workspaces: no workspace has this id.
fn installation() -> WorkspaceId {
    Uuid::nil().into()
}

/// Seals and opens values of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    db: Db,
    masters: MasterKeys,
    data_keys: Cache<WorkspaceId, Arc<SealingKey>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({:?})", self.masters)
    }
}

impl Keyring {
    /// Fetches nothing yet.
    pub fn new(db: Db, masters: MasterKeys) -> Self {
        let data_keys = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_idle(REMEMBERED_FOR)
            .build();
        Self {
            db,
            masters,
            data_keys,
        }
    }

    /// Seals a value for its place, making the workspace's data key if it has none yet.
    pub async fn seal(
        &self,
        workspace: WorkspaceId,
        place: Place,
        plain: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.data_key(workspace, self.find_or_make(workspace)).await?;
        key.seal(&place.bound_to(workspace), plain)
            .map_err(|_| VaultError::Sealing)
    }

    /// Opens a value that was sealed for this workspace and place.
    pub async fn open(
        &self,
        workspace: WorkspaceId,
        place: Place,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let bound_to = place.bound_to(workspace);
        let mut key = self.data_key(workspace, self.find(workspace)).await?;
        let mut opened = key.open(&bound_to, sealed);
        if matches!(opened, Err(Unopened::OtherKey(_))) {
            // A database restored beneath a running process may hold another data key than the one remembered.
            let stored = self.find(workspace).await?;
            if stored.id() != key.id() {
                self.data_keys.insert(workspace, stored.clone()).await;
                opened = stored.open(&bound_to, sealed);
                key = stored;
            }
        }
        let Place { row, column } = place;
        opened.map_err(|error| match error {
            Unopened::Format(problem) => VaultError::UnknownFormat { row, column, problem },
            Unopened::OtherKey(sealed_by) => VaultError::OtherKey {
                row,
                column,
                sealed_by,
                ours: key.id(),
            },
            Unopened::Refused => VaultError::Refused { row, column },
        })
    }

    /// Seals a secret of the installation itself, which no workspace can open.
    pub async fn seal_for_installation(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.seal(installation(), place, plain).await
    }

    /// Opens a secret of the installation that is text.
    pub async fn open_for_installation(
        &self,
        place: Place,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        self.open_text(installation(), place, sealed).await
    }

    /// Opens a value that is text.
    pub async fn open_text(
        &self,
        workspace: WorkspaceId,
        place: Place,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let plain = self.open(workspace, place, sealed).await?;
        std::str::from_utf8(&plain)
            .map(SecretString::from)
            .map_err(|_| VaultError::UnknownFormat {
                row: place.row,
                column: place.column,
                problem: "it is not text".to_owned(),
            })
    }

    /// The master keys in use.
    pub const fn masters(&self) -> &MasterKeys {
        &self.masters
    }

    /// Remembered, or else fetched once however many ask at the same time.
    async fn data_key(
        &self,
        workspace: WorkspaceId,
        fetch: impl Future<Output = Result<Arc<SealingKey>, VaultError>>,
    ) -> Result<Arc<SealingKey>, VaultError> {
        self.data_keys
            .try_get_with(workspace, fetch)
            .await
            .map_err(|error| (*error).clone())
    }

    async fn find(&self, workspace: WorkspaceId) -> Result<Arc<SealingKey>, VaultError> {
        let stored = data_keys::find(&self.db, workspace)
            .await?
            .ok_or(VaultError::NoDataKey(workspace))?;
        Ok(Arc::new(SealingKey::new(&*self.masters.unwrap(&stored)?)))
    }

    async fn find_or_make(&self, workspace: WorkspaceId) -> Result<Arc<SealingKey>, VaultError> {
        let stored = match data_keys::find(&self.db, workspace).await? {
            Some(stored) => stored,
            None => {
                let fresh = random_key().map_err(|_| VaultError::Sealing)?;
                let wrapped = self.masters.wrap(workspace, &fresh)?;
                data_keys::insert_if_absent(&self.db, &wrapped)
                    .await?
                    .ok_or(VaultError::UnknownWorkspace(workspace))?
            }
        };
        Ok(Arc::new(SealingKey::new(&*self.masters.unwrap(&stored)?)))
    }
}

impl Place {
    /// The lengths of the first two are fixed, so no two places have the same bytes.
    fn bound_to(&self, workspace: WorkspaceId) -> Vec<u8> {
        [
            workspace.as_uuid().as_bytes().as_slice(),
            self.row.as_bytes(),
            self.column.as_bytes(),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, master_status, rotate_master};
    use sqlx::PgPool;

    const TOKEN: &[u8] = b"{\"auth_token\":\"canary\"}";

    fn masters(current: u8, previous: &[u8]) -> MasterKeys {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let text = |byte: &u8| SecretString::from(BASE64_STANDARD.encode([*byte; 32]));
        MasterKeys::load(&Settings {
            master_key: text(&current),
            previous_master_keys: previous.iter().map(text).collect(),
            ..Settings::default()
        })
        .unwrap()
    }

    async fn workspace(pool: &PgPool) -> WorkspaceId {
        let workspace = WorkspaceId::new();
        sqlx::query("insert into workspaces (id, name) values ($1, 'Acme')")
            .bind(workspace.as_uuid())
            .execute(pool)
            .await
            .unwrap();
        workspace
    }

    fn place() -> Place {
        Place {
            row: Uuid::now_v7(),
            column: "integrations.credentials",
        }
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_value_moved_to_another_row_column_or_workspace_is_refused(pool: PgPool) {
        let keyring = Keyring::new(Db::of_pool(&pool), masters(1, &[]));
        let (ours, theirs) = (workspace(&pool).await, workspace(&pool).await);
        let here = place();
        let sealed = keyring.seal(ours, here, TOKEN).await.unwrap();
        keyring
            .seal(theirs, place(), b"they have a data key too")
            .await
            .unwrap();

        let other_row = keyring
            .open(
                ours,
                Place {
                    row: Uuid::now_v7(),
                    ..here
                },
                &sealed,
            )
            .await;
        let other_column = keyring
            .open(
                ours,
                Place {
                    column: "quarantine.body",
                    ..here
                },
                &sealed,
            )
            .await;
        let other_workspace = keyring.open(theirs, here, &sealed).await;

        assert!(matches!(other_row, Err(VaultError::Refused { .. })));
        assert!(matches!(other_column, Err(VaultError::Refused { .. })));
        assert!(matches!(other_workspace, Err(VaultError::OtherKey { .. })));
        assert_eq!(keyring.open(ours, here, &sealed).await.unwrap().as_slice(), TOKEN);
        assert!(
            !sealed.windows(6).any(|window| window == b"canary"),
            "the sealed value shows its content"
        );
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn processes_that_seal_first_at_the_same_time_agree_on_one_data_key(pool: PgPool) {
        let workspace = workspace(&pool).await;
        let here = place();
        let keyrings: Vec<_> = (0..4)
            .map(|_| Keyring::new(Db::of_pool(&pool), masters(1, &[])))
            .collect();

        let mut sealing = tokio::task::JoinSet::new();
        for keyring in keyrings.clone() {
            sealing.spawn(async move { keyring.seal(workspace, here, TOKEN).await.unwrap() });
        }
        let sealed = sealing.join_all().await;

        for keyring in keyrings {
            for sealed in &sealed {
                assert_eq!(
                    keyring.open(workspace, here, sealed).await.unwrap().as_slice(),
                    TOKEN
                );
            }
        }
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn what_was_opened_once_opens_while_the_database_is_away(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let keyring = Keyring::new(db.clone(), masters(1, &[]));
        let (known, unknown) = (workspace(&pool).await, workspace(&pool).await);
        let here = place();
        let sealed = keyring.seal(known, here, TOKEN).await.unwrap();

        db.close().await;

        assert_eq!(
            keyring.open(known, here, &sealed).await.unwrap().as_slice(),
            TOKEN
        );
        keyring
            .seal(known, here, b"and new values are sealed")
            .await
            .unwrap();
        assert!(
            keyring
                .seal(unknown, here, TOKEN)
                .await
                .unwrap_err()
                .is_transient()
        );
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn after_a_rotation_the_old_master_key_is_not_needed_any_more(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let before = Keyring::new(db.clone(), masters(1, &[]));
        let mut sealed = Vec::new();
        for _ in 0..3 {
            let (workspace, here) = (workspace(&pool).await, place());
            sealed.push((
                workspace,
                here,
                before.seal(workspace, here, TOKEN).await.unwrap(),
            ));
        }

        let both = masters(2, &[1]);
        let during = Keyring::new(db.clone(), both.clone());
        for (workspace, here, sealed) in &sealed {
            assert_eq!(
                during.open(*workspace, *here, sealed).await.unwrap().as_slice(),
                TOKEN
            );
        }
        assert_eq!(master_status(&db, &both).await.unwrap().remaining(), 3);
        let rotation = rotate_master(&db, &both).await.unwrap();

        assert_eq!((rotation.rewrapped, rotation.status.remaining()), (3, 0));
        assert_eq!(
            rotate_master(&db, &both).await.unwrap().rewrapped,
            0,
            "there was nothing left to do"
        );
        let after = Keyring::new(db, masters(2, &[]));
        for (workspace, here, sealed) in &sealed {
            assert_eq!(
                after.open(*workspace, *here, sealed).await.unwrap().as_slice(),
                TOKEN
            );
        }
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_wrong_master_key_is_named_and_a_rotation_leaves_what_it_cannot_open(pool: PgPool) {
        let db = Db::of_pool(&pool);
        let old = masters(1, &[]);
        let (workspace, here) = (workspace(&pool).await, place());
        let sealed = Keyring::new(db.clone(), old.clone())
            .seal(workspace, here, TOKEN)
            .await
            .unwrap();

        let wrong = masters(2, &[]);
        let error = Keyring::new(db.clone(), wrong.clone())
            .open(workspace, here, &sealed)
            .await
            .unwrap_err();
        let rotation = rotate_master(&db, &wrong).await.unwrap();

        assert!(error.to_string().contains(&old.current_id()), "{error}");
        assert_eq!((rotation.rewrapped, rotation.status.remaining()), (0, 1));
        assert_eq!(rotation.refused.len(), 1);
        assert!(!rotation.status.wrapped_by[0].configured);
        Keyring::new(db, old)
            .open(workspace, here, &sealed)
            .await
            .unwrap();
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_workspace_that_does_not_exist_gets_no_data_key(pool: PgPool) {
        let keyring = Keyring::new(Db::of_pool(&pool), masters(1, &[]));
        let nobody = WorkspaceId::new();

        assert!(matches!(
            keyring.seal(nobody, place(), TOKEN).await,
            Err(VaultError::UnknownWorkspace(_))
        ));
        assert!(matches!(
            keyring.open(nobody, place(), TOKEN).await,
            Err(VaultError::NoDataKey(_))
        ));
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_database_restored_beneath_a_running_process_is_noticed(pool: PgPool) {
        let running = Keyring::new(Db::of_pool(&pool), masters(1, &[]));
        let (workspace, here) = (workspace(&pool).await, place());
        running.seal(workspace, here, TOKEN).await.unwrap();

        sqlx::query("delete from data_keys").execute(&pool).await.unwrap();
        let restored = Keyring::new(Db::of_pool(&pool), masters(1, &[]));
        let sealed = restored.seal(workspace, here, TOKEN).await.unwrap();

        assert_eq!(
            running.open(workspace, here, &sealed).await.unwrap().as_slice(),
            TOKEN
        );
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn a_backup_of_the_database_does_not_hold_what_was_sealed(pool: PgPool) {
        let keyring = Keyring::new(Db::of_pool(&pool), masters(1, &[]));
        let workspace = workspace(&pool).await;
        keyring.seal(workspace, place(), TOKEN).await.unwrap();

        let stored: (String, Vec<u8>) = sqlx::query_as("select master_key_id, wrapped from data_keys")
            .fetch_one(&pool)
            .await
            .unwrap();

        // version, key id, nonce, 32 bytes of key and the tag: nothing in clear, and nothing else.
        assert_eq!(stored.1.len(), 1 + 8 + 12 + 32 + 16);
        assert_eq!(stored.0, keyring.masters().current_id());
        assert!(
            !format!("{keyring:?}").contains("AQEB"),
            "a debug print leaked the master key"
        );
    }

    #[sqlx::test(migrations = "../store/migrations")]
    async fn ten_thousand_data_keys_are_rewrapped_in_one_call(pool: PgPool) {
        let db = Db::of_pool(&pool);
        sqlx::query(
            "insert into workspaces (id, name) select gen_random_uuid(), 'w' || i from generate_series(1, 10000) i",
        )
        .execute(&pool)
        .await
        .unwrap();
        let workspaces: Vec<Uuid> = sqlx::query_scalar("select id from workspaces")
            .fetch_all(&pool)
            .await
            .unwrap();
        let old = masters(1, &[]);
        let (mut ids, mut wrapped) = (Vec::new(), Vec::new());
        for id in workspaces {
            ids.push(id);
            wrapped.push(old.wrap(id.into(), &random_key().unwrap()).unwrap().wrapped);
        }
        sqlx::query("insert into data_keys select w, $2, k, now(), null from unnest($1::uuid[], $3::bytea[]) as n (w, k)")
            .bind(&ids)
            .bind(old.current_id())
            .bind(&wrapped)
            .execute(&pool)
            .await
            .unwrap();

        let rotation = rotate_master(&db, &masters(2, &[1])).await.unwrap();

        assert_eq!((rotation.rewrapped, rotation.status.remaining()), (10_000, 0));
    }
}
