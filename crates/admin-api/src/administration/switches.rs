//! What administrators allow in the installation, the limits that hold in it, and what they tell everybody.

use super::{note, noted};
use crate::{
    AdminApi,
    caller::{Facts, Person},
    difference,
    input::{self, Input},
    problem::{Kind, Problem},
    settings::{usual_body, usual_upload},
};
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use store::{StoreError, SystemTx, TenantTx, switches};
use utoipa::ToSchema;

/// More chatbots than any workspace has.
const MOST_CHATBOTS: i64 = 100_000;
/// A notice is read in passing.
const LONGEST_NOTICE: usize = 500;

/// What is allowed, and the limits that hold.
#[derive(Serialize, ToSchema)]
pub(crate) struct SwitchesView {
    /// Whether everybody who is signed in may make workspaces, or administrators alone.
    everybody_makes_workspaces: bool,
    /// Whether chatbots may call their owners' HTTP tools.
    tools: bool,
    /// Whether chatbots may call tools of MCP servers.
    mcp_servers: bool,
    /// How many chatbots in use a workspace may have; `null`: any number.
    chatbots_per_workspace: Option<i64>,
    /// Limits of the configuration file.
    limits: Vec<LimitView>,
}

/// A limit of the configuration file.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitView {
    /// The setting.
    #[schema(example = "admin_api.max_upload_bytes")]
    setting: &'static str,
    /// How many bytes.
    bytes: usize,
    /// Whether it is what it is without being set.
    is_default: bool,
}

/// What shall be allowed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchesInput {
    /// Whether everybody who is signed in may make workspaces, or administrators alone.
    everybody_makes_workspaces: bool,
    /// Whether chatbots may call their owners' HTTP tools.
    tools: bool,
    /// Whether chatbots may call tools of MCP servers.
    mcp_servers: bool,
    /// How many chatbots in use a workspace may have; `null`: any number.
    chatbots_per_workspace: Option<i64>,
}

/// What everybody who is signed in reads above every page.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeView {
    /// In English; empty: there is none.
    text_en: String,
    /// In German; empty: the English text is shown.
    text_de: String,
    /// From then on.
    from: Option<DateTime<Utc>>,
    /// Until then.
    until: Option<DateTime<Utc>>,
}

/// What everybody who is signed in shall read above every page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticeInput {
    /// In English; empty: nothing is shown.
    text_en: String,
    /// In German; empty: the English text is shown.
    #[serde(default)]
    text_de: String,
    /// From then on; at once when left out.
    from: Option<DateTime<Utc>>,
    /// Until then; until it is taken away when left out.
    until: Option<DateTime<Utc>>,
}

impl From<Option<switches::Notice>> for NoticeView {
    fn from(notice: Option<switches::Notice>) -> Self {
        let notice = notice.unwrap_or_else(|| switches::Notice {
            en: String::new(),
            de: String::new(),
            from: None,
            until: None,
        });
        Self {
            text_en: notice.en,
            text_de: notice.de,
            from: notice.from,
            until: notice.until,
        }
    }
}

fn shown(api: &AdminApi, set: switches::Switches) -> SwitchesView {
    let settings = api.settings();
    let limit = |setting, bytes, usual| LimitView {
        setting,
        bytes,
        is_default: bytes == usual,
    };
    SwitchesView {
        everybody_makes_workspaces: set.everybody_makes_workspaces,
        tools: set.tools,
        mcp_servers: set.mcp_servers,
        chatbots_per_workspace: set.chatbots_per_workspace,
        limits: vec![
            limit(
                "admin_api.max_upload_bytes",
                settings.max_upload_bytes,
                usual_upload(),
            ),
            limit("admin_api.max_body_bytes", settings.max_body_bytes, usual_body()),
        ],
    }
}

/// What is allowed in the installation.
#[utoipa::path(get, path = "/api/administration/switches", responses((status = 200, body = SwitchesView)))]
pub(crate) async fn switches(api: Data<AdminApi>, _person: Person) -> Result<Json<SwitchesView>, Problem> {
    Ok(Json(shown(&api, switches::get(api.db()).await?)))
}

/// Set what is allowed in the installation.
///
/// Chatbots go on without tools that are turned off; nothing of them is lost.
#[utoipa::path(
    put, path = "/api/administration/switches", request_body = SwitchesInput,
    responses((status = 200, body = SwitchesView))
)]
pub(crate) async fn set_switches(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<SwitchesInput>,
) -> Result<Json<SwitchesView>, Problem> {
    let input = input.0;
    if let Some(most) = input.chatbots_per_workspace {
        input::number("chatbots_per_workspace", most, 0, MOST_CHATBOTS)?;
    }
    let before = switches::get(api.db()).await?;
    let after = switches::Switches {
        everybody_makes_workspaces: input.everybody_makes_workspaces,
        tools: input.tools,
        mcp_servers: input.mcp_servers,
        chatbots_per_workspace: input.chatbots_per_workspace,
    };
    let mut tx = api.db().system().await?;
    switches::set(&mut tx, &after).await?;
    let details = difference::between(&before, &after);
    let activity = noted(&person, &facts, "installation.switches", "installation", details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    api.installation_changed();
    Ok(Json(shown(&api, after)))
}

/// What everybody is told, now or at another time.
#[utoipa::path(get, path = "/api/administration/notice", responses((status = 200, body = NoticeView)))]
pub(crate) async fn planned(api: Data<AdminApi>, _person: Person) -> Result<Json<NoticeView>, Problem> {
    Ok(Json(switches::notice(api.db()).await?.into()))
}

/// Tell everybody something.
#[utoipa::path(
    put, path = "/api/administration/notice", request_body = NoticeInput,
    responses((status = 200, body = NoticeView))
)]
pub(crate) async fn set_notice(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    input: Input<NoticeInput>,
) -> Result<Json<NoticeView>, Problem> {
    let input = input.0;
    if let (Some(from), Some(until)) = (input.from, input.until)
        && until <= from
    {
        return Err(Problem::invalid("until", "until must be later than from"));
    }
    let en = input::block("text_en", input.text_en.trim(), LONGEST_NOTICE)?;
    let de = input::block("text_de", input.text_de.trim(), LONGEST_NOTICE)?;
    if en.is_empty() && !de.is_empty() {
        return Err(Problem::invalid(
            "text_en",
            "text_en is what is read where there is no other text; it must not be empty",
        ));
    }
    let notice = (!en.is_empty()).then_some(switches::Notice {
        en,
        de,
        from: input.from,
        until: input.until,
    });
    let before = switches::notice(api.db()).await?;
    let mut tx = api.db().system().await?;
    switches::set_notice(&mut tx, notice.as_ref()).await?;
    let details = difference::between(&before, &notice);
    let activity = noted(&person, &facts, "installation.notice", "installation", details);
    note(&api, &mut tx, None, &activity).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(notice.into()))
}

/// What you should know now.
///
/// Empty texts: nothing.
#[utoipa::path(get, path = "/api/notice", responses((status = 200, body = NoticeView)))]
pub(crate) async fn notice(api: Data<AdminApi>, _person: Person) -> Result<Json<NoticeView>, Problem> {
    let now = api.now();
    let notice = switches::notice(api.db()).await?;
    Ok(Json(notice.filter(|notice| notice.is_shown(now)).into()))
}

/// Whether this person may make a workspace.
pub(crate) async fn may_make_workspaces(api: &AdminApi, person: &Person) -> Result<(), Problem> {
    if person.is_administrator || switches::get(api.db()).await?.everybody_makes_workspaces {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Forbidden,
        "only administrators of this installation make workspaces; ask one of them",
    ))
}

/// Whether the workspace has room for one more chatbot in use.
pub(crate) async fn room_for_chatbot(api: &AdminApi, tx: &mut TenantTx) -> Result<(), Problem> {
    let Some(most) = switches::get(api.db()).await?.chatbots_per_workspace else {
        return Ok(());
    };
    enough(switches::chatbots_in_use(tx).await?, most)
}

/// Whether a workspace has room for one more chatbot that comes from another.
pub(crate) async fn room_for_chatbot_in(
    api: &AdminApi,
    tx: &mut SystemTx,
    workspace: WorkspaceId,
) -> Result<(), Problem> {
    match switches::get(api.db()).await?.chatbots_per_workspace {
        None => Ok(()),
        Some(most) => enough(switches::chatbots_in_use_of(tx, workspace).await?, most),
    }
}

fn enough(in_use: i64, most: i64) -> Result<(), Problem> {
    if in_use < most {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Conflict,
        format!(
            "a workspace of this installation has {most} chatbots at most; archive one, or ask an administrator"
        ),
    ))
}
