//! Accounts, as administrators see them.

use crate::{Db, StoreError, users::Seat};
use chrono::{DateTime, Utc};
use domain::{Role, UserId, WorkspaceId};
use serde::Deserialize;

/// Which accounts to list. Every given condition must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<UserId>,
    /// Whose address or name contains this.
    pub text: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Administrators of the installation, or everybody else.
    pub is_administrator: Option<bool>,
    /// Members of this workspace.
    pub workspace: Option<WorkspaceId>,
}

/// Whether somebody can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They can.
    Active,
    /// They have chosen no password yet.
    Invited,
    /// They may not.
    Disabled,
}

impl State {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Disabled => "disabled",
        }
    }
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Whether they can sign in.
    pub state: State,
    /// Whether they administer the installation.
    pub is_administrator: bool,
    /// Whether they have to choose another password before anything else.
    pub must_change_password: bool,
    /// Since when it is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// From where.
    pub last_sign_in_ip: Option<String>,
    /// In how many browsers they are signed in.
    pub sessions: i64,
    /// Since when a code is asked for when they sign in.
    pub second_factor_since: Option<DateTime<Utc>>,
    /// The workspaces they belong to, in the order of their making.
    pub seats: Vec<Seat>,
}

/// A seat, as the query writes it.
#[derive(Deserialize)]
struct SeatRow {
    id: WorkspaceId,
    name: String,
    role: Role,
    created_at: DateTime<Utc>,
}

/// Accounts in the order of their making. A session counts that was used after `used_after`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    used_after: DateTime<Utc>,
    now: DateTime<Utc>,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query!(
        r#"select u.id, u.email, u.name, u.is_administrator, u.must_change_password, u.disabled_at, u.created_at,
                  u.last_sign_in_at, u.last_sign_in_ip, u.password_hash is not null as "has_password!",
                  (select count(*) from sessions s
                   where s.user_id = u.id and s.impersonation_id is null
                     and s.expires_at > $9 and s.last_used_at > $8) as "sessions!",
                  (select f.confirmed_at from second_factors f where f.user_id = u.id) as second_factor_since,
                  coalesce((select jsonb_agg(jsonb_build_object('id', w.id, 'name', w.name, 'role', m.role,
                                                                'created_at', w.created_at) order by w.id)
                            from memberships m join workspaces w on w.id = m.workspace_id
                            where m.user_id = u.id), '[]') as "seats!"
           from users u
           where ($1::uuid is null or u.id > $1)
             and ($2::uuid is null or u.id = $2)
             and ($3::text is null or position(lower($3) in lower(u.email)) > 0
                  or position(lower($3) in lower(u.name)) > 0)
             and ($4::text is null or $4 = case when u.disabled_at is not null then 'disabled'
                                                when u.password_hash is null then 'invited' else 'active' end)
             and ($5::bool is null or u.is_administrator = $5)
             and ($6::uuid is null or exists (select from memberships m
                                              where m.workspace_id = $6 and m.user_id = u.id))
           order by u.id limit $7"#,
        after.map(|id| id.as_uuid()),
        filter.id.map(|id| id.as_uuid()),
        filter.text,
        filter.state.map(State::as_str),
        filter.is_administrator,
        filter.workspace.map(|id| id.as_uuid()),
        limit,
        used_after,
        now,
    )
    .fetch_all(db.system_pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let seats: Vec<SeatRow> = serde_json::from_value(row.seats)?;
            Ok(Account {
                id: row.id.into(),
                email: row.email,
                name: row.name,
                state: match (row.disabled_at, row.has_password) {
                    (Some(_), _) => State::Disabled,
                    (None, false) => State::Invited,
                    (None, true) => State::Active,
                },
                is_administrator: row.is_administrator,
                must_change_password: row.must_change_password,
                disabled_at: row.disabled_at,
                created_at: row.created_at,
                last_sign_in_at: row.last_sign_in_at,
                last_sign_in_ip: row.last_sign_in_ip,
                sessions: row.sessions,
                second_factor_since: row.second_factor_since,
                seats: seats
                    .into_iter()
                    .map(|seat| Seat {
                        workspace: seat.id,
                        name: seat.name,
                        role: seat.role,
                        created_at: seat.created_at,
                    })
                    .collect(),
            })
        })
        .collect()
}
