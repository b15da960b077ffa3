//! How the installation sends mail, if it does.

use crate::{Db, StoreError, SystemTx};
use chrono::{DateTime, Utc};

/// Where the password is sealed for: the installation, under the nil id.
pub const PASSWORD_COLUMN: &str = "mail_settings.password";

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting in clear; no mail is sent where the server offers none.
    StartTls,
    /// None.
    None,
}

impl Security {
    /// As the API and the database have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tls, Self::StartTls, Self::None]
            .into_iter()
            .find(|security| security.as_str() == text)
    }
}

/// How mail is sent.
#[derive(Clone)]
pub struct MailSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who signs in there, where it wants that.
    pub username: Option<String>,
    /// With which password, sealed.
    pub password: Option<Vec<u8>>,
    /// Who mails are from: `name <address@example.com>`, or an address alone.
    pub sender: String,
    /// When they were last changed.
    pub updated_at: DateTime<Utc>,
}

/// The settings. `None`: no mail is sent.
pub async fn get(db: &Db) -> Result<Option<MailSettings>, StoreError> {
    let row = sqlx::query!(
        "select host, port, security, username, password, sender, updated_at from mail_settings"
    )
    .fetch_optional(db.system_pool())
    .await?;
    row.map(|row| {
        Ok(MailSettings {
            host: row.host,
            port: u16::try_from(row.port).map_err(|error| StoreError::Unreadable(error.to_string()))?,
            security: Security::parse(&row.security)
                .ok_or_else(|| StoreError::Unreadable(format!("mail security {}", row.security)))?,
            username: row.username,
            password: row.password,
            sender: row.sender,
            updated_at: row.updated_at,
        })
    })
    .transpose()
}

/// Whether mail is sent at all.
pub async fn exist(db: &Db) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"select exists (select from mail_settings) as "exists!""#)
            .fetch_one(db.system_pool())
            .await?,
    )
}

/// Keeps these settings in place of the present ones.
pub async fn put(tx: &mut SystemTx, settings: &MailSettings) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into mail_settings (host, port, security, username, password, sender, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (only_one) do update set
             host = excluded.host, port = excluded.port, security = excluded.security, username = excluded.username,
             password = excluded.password, sender = excluded.sender, updated_at = excluded.updated_at",
        settings.host,
        i32::from(settings.port),
        settings.security.as_str(),
        settings.username,
        settings.password,
        settings.sender,
        settings.updated_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// From now on no mail is sent. `false`: none was.
pub async fn delete(tx: &mut SystemTx) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from mail_settings")
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
