//! Moving a chatbot to another workspace.
//!
//! Invariants:
//! - What moves, moves together; what stands against it is said before anything is changed.
//! - Both workspaces find in their activity where the chatbot was and where it is.
//! - A secret that cannot be opened is not left behind unreadable: nothing moves then.

use super::{note, noted};
use crate::{
    AdminApi,
    administration::switches::room_for_chatbot_in,
    caller::{Facts, Person},
    difference,
    input::{self, Input},
    path::ChatbotPath,
    problem::{Kind, Problem},
    revenue::limits::make_room_in,
};
use actix_web::{
    ResponseError,
    http::StatusCode,
    web::{Data, Json, Path, Query},
};
use domain::{ChatbotId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use store::{
    StoreError, SystemTx,
    moves::{self, Contents, Found, Held, Home, Obstacle},
    usage::Limit,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vault::{Place, VaultError};

/// What is under way when a chatbot has just been stopped ends in moments: so often is it looked again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Where to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferQuery {
    /// The workspace that it would come to.
    workspace_id: Uuid,
}

/// Where to, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferInput {
    /// The workspace that it comes to.
    workspace_id: Uuid,
    /// For both workspaces, which see it in their activity.
    #[schema(example = "the department has become a company of its own")]
    reason: String,
}

/// What moves with a chatbot, what does not, and what stands against it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transfer {
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Its name.
    name: String,
    /// Where it is, or was.
    from: TransferPlace,
    /// Where it comes to.
    to: TransferPlace,
    /// What moves.
    moves: TransferContents,
    /// Secrets that were sealed anew for the other workspace; `null` before the move.
    #[schema(example = 3)]
    resealed: Option<i64>,
    /// What stays behind by design.
    stays: Vec<TransferStay>,
    /// What stands against it; empty: nothing.
    obstacles: Vec<TransferObstacle>,
}

/// A workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransferPlace {
    /// Its id.
    #[schema(value_type = Uuid)]
    workspace_id: WorkspaceId,
    /// Its name.
    #[schema(example = "Fern & Kettle")]
    workspace_name: String,
}

/// What moves, counted.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransferContents {
    /// Integrations, with their credentials and logs.
    integrations: i64,
    /// Sources of knowledge.
    sources: i64,
    /// Texts that were read from them.
    documents: i64,
    /// HTTP tools and MCP servers, with their secrets.
    tools: i64,
    /// Versions.
    versions: i64,
    /// Golden questions.
    golden_questions: i64,
    /// Conversations, with notes and answers.
    conversations: i64,
    /// Messages in them.
    messages: i64,
    /// Those of people that wait: they are answered in the other workspace.
    waiting: i64,
    /// Parts of messages that wait to be sent: they are sent from the other workspace.
    unsent: i64,
    /// People who wrote.
    contacts: i64,
    /// Leads that move.
    leads: i64,
    /// Leads that stay because other chatbots or the workspace itself know them, and are copied.
    copied_leads: i64,
    /// Labels that stay on because the other workspace has one of the same name.
    kept_labels: i64,
    /// Names of labels that are taken off because it has none.
    lost_labels: Vec<String>,
    /// Conversations whose assignee belongs to the other workspace too and keeps them.
    kept_assignments: i64,
    /// Conversations that lose their assignee, who does not belong to it.
    lost_assignments: i64,
}

/// Something that stays behind.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransferStay {
    /// A stable word.
    #[schema(example = "costs")]
    what: &'static str,
    /// Why, in words.
    why: &'static str,
}

/// Something that stands against the move.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransferObstacle {
    /// A stable word: `running`, `deleting`, `answering`, `sending`, `withdrawing`, `reading`, `fetching`, `trying`,
    /// `data_jobs`, `limit`.
    #[schema(example = "running")]
    what: &'static str,
    /// How many.
    #[schema(example = 1)]
    count: i64,
    /// What to do about it.
    #[schema(example = "the chatbot is running: pause it first")]
    detail: String,
}

const STAYS: &[TransferStay] = &[
    TransferStay {
        what: "costs",
        why: "invoices, subscriptions, credits and the month's count of messages stay with the workspace that paid for them",
    },
    TransferStay {
        what: "people",
        why: "members, invitations and API keys belong to the workspace; nobody follows the chatbot into the other one",
    },
    TransferStay {
        what: "labels",
        why: "labels belong to the workspace: those of the same name stay on conversations, the others are taken off",
    },
    TransferStay {
        what: "stages",
        why: "stages of leads belong to the workspace: a lead goes to the stage of the same name, or to the first",
    },
    TransferStay {
        what: "replies",
        why: "canned replies and the workspace's own budget are for all its chatbots",
    },
    TransferStay {
        what: "webhooks",
        why: "event webhooks belong to the workspace: what happened up to now is told to its programs, what happens from now \
              on to the other's",
    },
    TransferStay {
        what: "records",
        why: "past activity and receipts of exports and erasures tell what was done in the workspace",
    },
];

impl From<Contents> for TransferContents {
    fn from(contents: Contents) -> Self {
        Self {
            integrations: contents.integrations,
            sources: contents.sources,
            documents: contents.documents,
            tools: contents.tools,
            versions: contents.versions,
            golden_questions: contents.golden_questions,
            conversations: contents.conversations,
            messages: contents.messages,
            waiting: contents.waiting,
            unsent: contents.unsent,
            contacts: contents.contacts,
            leads: contents.leads,
            copied_leads: contents.copied_leads,
            kept_labels: contents.kept_labels,
            lost_labels: contents.lost_labels,
            kept_assignments: contents.kept_assignments,
            lost_assignments: contents.lost_assignments,
        }
    }
}

impl From<&Home> for TransferPlace {
    fn from(home: &Home) -> Self {
        Self {
            workspace_id: home.id,
            workspace_name: home.name.clone(),
        }
    }
}

impl From<Obstacle> for TransferObstacle {
    fn from(obstacle: Obstacle) -> Self {
        let count = obstacle.count();
        let (what, detail) = match obstacle {
            Obstacle::Running => (
                "running",
                "the chatbot is running: pause it first, and let it go on after the move".to_owned(),
            ),
            Obstacle::Deleting => ("deleting", "the chatbot is being deleted".to_owned()),
            Obstacle::Answering(_) => (
                "answering",
                format!("conversations that are being answered: {count}; try again in a minute"),
            ),
            Obstacle::Sending(_) => (
                "sending",
                format!("messages that are being sent: {count}; try again in a minute"),
            ),
            Obstacle::Withdrawing(_) => (
                "withdrawing",
                format!("unfinished answers that are being taken back: {count}; try again in a minute"),
            ),
            Obstacle::Reading(_) => (
                "reading",
                format!("sources and pages that are being read: {count}; try again in a minute"),
            ),
            Obstacle::Fetching(_) => (
                "fetching",
                format!("files of messages that are being fetched: {count}; try again in a minute"),
            ),
            Obstacle::Trying(_) => (
                "trying",
                format!(
                    "sets of golden questions that are being asked: {count}; wait for their end, or cancel them"
                ),
            ),
            Obstacle::DataJobs(_) => (
                "data_jobs",
                format!("exports and erasures that are under way: {count}; wait for their end"),
            ),
        };
        Self { what, count, detail }
    }
}

/// What moving a chatbot would do, and what stands against it.
///
/// Nothing is changed.
#[utoipa::path(
    get, path = "/api/administration/chatbots/{chatbot_id}/transfer", params(ChatbotPath, TransferQuery),
    responses((status = 200, body = Transfer))
)]
pub(crate) async fn preview(
    api: Data<AdminApi>,
    _person: Person,
    path: Path<ChatbotPath>,
    query: Query<TransferQuery>,
) -> Result<Json<Transfer>, Problem> {
    // Whoever asks for room locks: everything is let go with the transaction, which changes nothing.
    let mut tx = api.db().system().await?;
    let held = here(moves::find(&mut tx, path.chatbot_id, query.workspace_id.into()).await?)?;
    let contents = moves::contents(&mut tx, &held).await?;
    let mut obstacles: Vec<TransferObstacle> = moves::obstacles(&mut tx, held.chatbot, api.now())
        .await?
        .into_iter()
        .map(Into::into)
        .collect();
    match make_room(&api, &mut tx, &held, &contents).await {
        Ok(()) => {}
        Err(problem) if problem.status_code().is_client_error() => obstacles.push(TransferObstacle {
            what: "limit",
            count: 1,
            detail: problem.detail().into_owned(),
        }),
        Err(problem) => return Err(problem),
    }
    tx.rollback().await.map_err(StoreError::from)?;
    Ok(Json(shown(&held, contents, None, obstacles)))
}

/// Move a chatbot to another workspace.
///
/// It has to be paused or archived first. Everything that is its own moves: what it does and knows, integrations with their
/// credentials, conversations, contacts and leads. What people write meanwhile is kept, and answered in the other workspace
/// when the chatbot goes on. What stays behind by design is in the answer.
#[utoipa::path(
    post, path = "/api/administration/chatbots/{chatbot_id}/transfer", params(ChatbotPath), request_body = TransferInput,
    responses((status = 200, body = Transfer))
)]
pub(crate) async fn transfer(
    api: Data<AdminApi>,
    person: Person,
    facts: Facts,
    path: Path<ChatbotPath>,
    input: Input<TransferInput>,
) -> Result<Json<Transfer>, Problem> {
    let reason = input::line("reason", &input.0.reason, 300)?;
    let (chatbot, to) = (path.chatbot_id, input.0.workspace_id.into());
    let mut tries = 1;
    let (held, done) = loop {
        match attempt(&api, &person, &facts, chatbot, to, &reason).await? {
            Attempt::Done(held, done) => break (held, *done),
            Attempt::Again(_) if tries < TRIES => tries += 1,
            Attempt::Again(problem) => return Err(problem),
        }
        tokio::time::sleep(PAUSE).await;
    };
    api.chatbot_changed(chatbot);
    for platform in &held.platforms {
        api.integration_changed(platform, chatbot);
    }
    api.wake_workers();
    Ok(Json(done))
}

enum Attempt {
    Done(Held, Box<Transfer>),
    /// What stands against it may be gone in a moment.
    Again(Problem),
}

async fn attempt(
    api: &AdminApi,
    person: &Person,
    facts: &Facts,
    chatbot: ChatbotId,
    to: WorkspaceId,
    reason: &str,
) -> Result<Attempt, Problem> {
    match try_once(api, person, facts, chatbot, to, reason).await {
        // Two transactions stood in each other's way.
        Err(problem) if problem.status_code() == StatusCode::SERVICE_UNAVAILABLE => {
            Ok(Attempt::Again(problem))
        }
        outcome => outcome,
    }
}

async fn try_once(
    api: &AdminApi,
    person: &Person,
    facts: &Facts,
    chatbot: ChatbotId,
    to: WorkspaceId,
    reason: &str,
) -> Result<Attempt, Problem> {
    let mut tx = api.db().system().await?;
    let held = here(moves::hold(&mut tx, chatbot, to).await?)?;
    let obstacles = moves::obstacles(&mut tx, chatbot, api.now()).await?;
    if !obstacles.is_empty() {
        let passes = obstacles.iter().all(|obstacle| obstacle.passes());
        let words: Vec<_> = obstacles
            .into_iter()
            .map(|obstacle| TransferObstacle::from(obstacle).detail)
            .collect();
        let problem = Problem::new(Kind::Conflict, words.join("; "));
        return if passes {
            Ok(Attempt::Again(problem))
        } else {
            Err(problem)
        };
    }
    let contents = moves::contents(&mut tx, &held).await?;
    make_room(api, &mut tx, &held, &contents).await?;
    let resealed = reseal(api, &mut tx, &held).await?;
    moves::shift(&mut tx, &held).await?;
    let done = shown(&held, contents, Some(resealed), Vec::new());
    let mut details = difference::between(&done.from, &done.to);
    if let Some(details) = details.as_object_mut() {
        details.insert("reason".to_owned(), json!(reason));
        details.insert("chatbot".to_owned(), json!(held.name));
        details.insert("conversations".to_owned(), json!(done.moves.conversations));
        details.insert("messages".to_owned(), json!(done.moves.messages));
    }
    let activity = noted(person, facts, "chatbot.transfer", chatbot, details);
    for workspace in [held.from.id, held.to.id] {
        note(api, &mut tx, Some(workspace), &activity).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Attempt::Done(held, Box::new(done)))
}

fn here(found: Found) -> Result<Held, Problem> {
    match found {
        Found::Here(held) => Ok(held),
        Found::NoChatbot => Err(Problem::not_found()),
        Found::NoWorkspace => Err(Problem::new(
            Kind::NotFound,
            "there is no workspace of this id to move the chatbot to",
        )),
        Found::There => Err(Problem::new(
            Kind::Conflict,
            "the chatbot is in this workspace already",
        )),
    }
}

/// Whether the other workspace has room, as it must have for a chatbot that is made there.
async fn make_room(
    api: &AdminApi,
    tx: &mut SystemTx,
    held: &Held,
    contents: &Contents,
) -> Result<(), Problem> {
    let to = held.to.id;
    if !held.is_archived {
        make_room_in(api, tx, to, Limit::Chatbots, 1).await?;
        room_for_chatbot_in(api, tx, to).await?;
    }
    if contents.sources > 0 {
        make_room_in(api, tx, to, Limit::Documents, contents.sources).await?;
    }
    Ok(())
}

/// Opens every secret of the chatbot and seals it for the other workspace. How many.
async fn reseal(api: &AdminApi, tx: &mut SystemTx, held: &Held) -> Result<i64, Problem> {
    let keyring = api.keyring();
    let (from, to) = (held.from.id, held.to.id);
    let sealed = moves::reseal(tx, held.chatbot, async |row, column, sealed: Vec<u8>| {
        let place = Place { row, column };
        let plain = keyring.open(from, place, &sealed).await?;
        keyring.seal(to, place, &plain).await
    })
    .await;
    sealed.map_err(|error| match error {
        VaultError::Store(_) => error.into(),
        error => Problem::new(
            Kind::Conflict,
            format!("nothing was moved, because a secret of the chatbot cannot be opened: {error}"),
        ),
    })
}

fn shown(
    held: &Held,
    contents: Contents,
    resealed: Option<i64>,
    obstacles: Vec<TransferObstacle>,
) -> Transfer {
    Transfer {
        chatbot_id: held.chatbot,
        name: held.name.clone(),
        from: (&held.from).into(),
        to: (&held.to).into(),
        moves: contents.into(),
        resealed,
        stays: STAYS.iter().map(|stay| TransferStay { ..*stay }).collect(),
        obstacles,
    }
}
