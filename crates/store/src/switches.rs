//! What administrators allow in an installation, and what they tell everybody.

use crate::{Db, StoreError, SystemTx, TenantTx, installation};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::PgConnection;

/// What is allowed. What was never set is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Switches {
    /// Whether everybody who is signed in may make workspaces, or administrators alone.
    pub everybody_makes_workspaces: bool,
    /// Whether chatbots may call their owners' HTTP tools.
    pub tools: bool,
    /// Whether chatbots may call tools of MCP servers.
    pub mcp_servers: bool,
    /// How many chatbots in use a workspace may have; `None`: any number.
    pub chatbots_per_workspace: Option<i64>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            everybody_makes_workspaces: true,
            tools: true,
            mcp_servers: true,
            chatbots_per_workspace: None,
        }
    }
}

/// What everybody who is signed in reads above every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// In English.
    pub en: String,
    /// In German; empty: the English text is shown.
    pub de: String,
    /// From then on.
    pub from: Option<DateTime<Utc>>,
    /// Until then.
    pub until: Option<DateTime<Utc>>,
}

impl Notice {
    /// Whether it is shown at this time.
    pub fn is_shown(&self, now: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

const SWITCHES: &str = "switches";
const NOTICE: &str = "notice";

/// What is allowed now.
pub async fn get(db: &Db) -> Result<Switches, StoreError> {
    Ok(read(db, SWITCHES).await?.unwrap_or_default())
}

/// What everybody is told, now or at another time; `None`: nothing.
pub async fn notice(db: &Db) -> Result<Option<Notice>, StoreError> {
    Ok(read::<Option<Notice>>(db, NOTICE).await?.flatten())
}

/// What another version wrote and this one cannot read counts as not set.
async fn read<T: DeserializeOwned>(db: &Db, key: &str) -> Result<Option<T>, StoreError> {
    let value = installation::get(db, key).await?;
    Ok(value.and_then(|value| {
        serde_json::from_value(value)
            .inspect_err(|error| tracing::warn!(%error, key, "a setting of the installation cannot be read"))
            .ok()
    }))
}

/// Sets what is allowed.
pub async fn set(tx: &mut SystemTx, switches: &Switches) -> Result<(), StoreError> {
    installation::put_in(tx, SWITCHES, &serde_json::json!(switches)).await
}

/// Sets what everybody is told.
pub async fn set_notice(tx: &mut SystemTx, notice: Option<&Notice>) -> Result<(), StoreError> {
    installation::put_in(tx, NOTICE, &serde_json::json!(notice)).await
}

/// How many chatbots the workspace has in use. Whoever asks at the same time waits until this transaction ends, so that
/// two of them never take the last place both.
pub async fn chatbots_in_use(tx: &mut TenantTx) -> Result<i64, StoreError> {
    let workspace = tx.workspace();
    in_use(tx.connection(), workspace).await
}

/// The same of any workspace.
pub async fn chatbots_in_use_of(tx: &mut SystemTx, workspace: WorkspaceId) -> Result<i64, StoreError> {
    in_use(tx, workspace).await
}

async fn in_use(connection: &mut PgConnection, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let workspace = workspace.as_uuid();
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('chatbots of ' || $1::text, 0))",
        workspace.to_string(),
    )
    .fetch_one(&mut *connection)
    .await?;
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from chatbots where workspace_id = $1 and archived_at is null"#,
        workspace,
    )
    .fetch_one(connection)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::PgPool;

    #[sqlx::test]
    async fn what_was_never_set_is_allowed_and_what_cannot_be_read_too(pool: PgPool) {
        let db = Db::of_pool(&pool);
        assert_eq!(get(&db).await.unwrap(), Switches::default());

        installation::put(&db, SWITCHES, &serde_json::json!({"tools": "maybe"}))
            .await
            .unwrap();

        assert_eq!(get(&db).await.unwrap(), Switches::default());
    }

    #[test]
    fn a_notice_is_shown_from_its_beginning_until_its_end() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let notice = Notice {
            en: "e".to_owned(),
            de: String::new(),
            from: Some(at("2026-07-01T10:00:00Z")),
            until: Some(at("2026-07-01T12:00:00Z")),
        };

        assert!(!notice.is_shown(at("2026-07-01T09:59:59Z")));
        assert!(notice.is_shown(at("2026-07-01T10:00:00Z")));
        assert!(notice.is_shown(at("2026-07-01T11:59:59Z")));
        assert!(!notice.is_shown(at("2026-07-01T12:00:00Z")));
    }
}
