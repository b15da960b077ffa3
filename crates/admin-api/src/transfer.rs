//! A chatbot out of an installation and into another, as one file that can be kept beside other sources.
//!
//! Invariant: no key and no other secret is in the file, and none is read from it.

mod file;

use crate::{
    AdminApi,
    caller::Seat,
    chatbots::{self, ChatbotChange, NewChatbot, change},
    conduct,
    golden::{MOST, room},
    input::Upload,
    path::{ChatbotPath, WorkspacePath},
    problem::Problem,
    revenue::limits::make_room,
    sources::{self, NewSource},
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, Path},
};
use domain::{ChatbotId, SourceId};
use file::{BotFile, ChatbotFile, FORM};
use serde::Serialize;
use store::{TenantTx, golden, sources as stored, usage::Limit, versions, widgets};
use utoipa::ToSchema;

/// A file does not describe more; sites and files are the way for more knowledge.
const MOST_SOURCES: usize = 500;
/// A file may come from anybody: that it is brought makes us read no address that it names.
const UNREAD: &str = "It came with a file: nothing is read from this address before you have it tried again.";

/// What was made of a file.
#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Whether it is new; otherwise the file is its draft now.
    new: bool,
    /// How many golden questions the file has.
    golden_questions: usize,
    /// How many sources were added. Web pages among them are read when they are tried again, not before.
    sources: usize,
    /// Whether a model of it still needs a key: none is in a file.
    needs_key: bool,
}

/// A chatbot as one YAML file.
///
/// What it does, how its knowledge is searched, hand-off, links, widget, golden questions, and the sources that are texts,
/// questions with answers, pages or sites. Keys are not in it, and neither are integrations, files, the logo and
/// conversations.
#[utoipa::path(
    get, path = "/api/chatbots/{chatbot_id}/export", params(ChatbotPath),
    responses((status = 200, description = "The file.", content_type = "application/yaml", body = String))
)]
pub(crate) async fn export(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<HttpResponse, Problem> {
    let chatbot = path.chatbot_id;
    let mut tx = seat.begin(&api).await?;
    let live = versions::live(&mut tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?
        .behaviour;
    let conduct = store::conduct::get(&mut tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?;
    let widget = widgets::get(&mut tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?;
    let golden = golden::list(&mut tx, chatbot, None, 2_000).await?;
    let file = BotFile {
        botsmith: FORM,
        chatbot: ChatbotFile {
            name: live.name,
            instructions: live.instructions,
            fallback_text: Some(live.fallback_text),
            max_answer_age_seconds: Some(live.max_answer_age_seconds),
            model: live.model.map(Into::into),
        },
        retrieval: Some(live.retrieval.into()),
        handoff: Some(conduct.handoff.into()),
        links: Some(conduct.link_hosts),
        widget: Some(widget.settings),
        golden_questions: golden.into_iter().map(Into::into).collect(),
        sources: sources_of(&mut tx, chatbot).await?,
    };
    Ok(HttpResponse::Ok()
        .content_type("application/yaml")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"chatbot.yaml\"",
        ))
        .body(file::write(&file)?))
}

async fn sources_of(tx: &mut TenantTx, chatbot: ChatbotId) -> Result<Vec<NewSource>, Problem> {
    let (mut found, mut after): (Vec<NewSource>, Option<SourceId>) = (Vec::new(), None);
    loop {
        let rows = stored::list(tx, chatbot, after, 200).await?;
        let Some(last) = rows.last() else {
            return Ok(found);
        };
        after = Some(last.id);
        for row in rows {
            let content = stored::content(tx, chatbot, row.id).await?;
            found.extend(content.and_then(|content| NewSource::again(row.title, row.refresh_hours, content)));
        }
    }
}

/// Make a chatbot of a file.
///
/// All of it or nothing. It is live at once; models need their keys first.
#[utoipa::path(
    post, path = "/api/workspaces/{workspace_id}/chatbots/import", params(WorkspacePath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file, as `…/export` gives it."),
    responses((status = 201, body = Imported))
)]
pub(crate) async fn import_new(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let file = file::read(&body.0)?;
    let id = ChatbotId::new();
    let given = file.chatbot;
    let new = NewChatbot {
        name: given.name,
        instructions: given.instructions,
        fallback_text: given.fallback_text,
        model: given.model.map(|model| model.input(None)),
        max_answer_age_seconds: given.max_answer_age_seconds,
    };
    let settings = chatbots::settings(&api, &seat, id, new)
        .await
        .map_err(|problem| problem.within("chatbot"))?;
    let rules = file.handoff.map(store::conduct::HandoffRules::from);
    if let Some(rules) = &rules {
        rules
            .check()
            .map_err(|unfit| conduct::refused(unfit).within("handoff"))?;
    }
    let hosts = file.links.map(|hosts| store::conduct::hosts(&hosts)).transpose();
    let hosts = hosts.map_err(|unfit| conduct::refused(unfit).within("links"))?;
    if let Some(widget) = &file.widget {
        widget
            .check()
            .map_err(|unfit| Problem::invalid(unfit.field.clone(), unfit.to_string()).within("widget"))?;
    }
    if file.sources.len() > MOST_SOURCES {
        let detail = format!("a file has {MOST_SOURCES} sources at most");
        return Err(Problem::invalid("sources", detail));
    }

    let mut tx = seat.begin(&api).await?;
    make_room(&api, &mut tx, Limit::Chatbots, 1).await?;
    make_room(&api, &mut tx, Limit::Documents, file.sources.len()).await?;
    let now = api.now();
    store::chatbots::insert(&mut tx, id, &settings, now).await?;
    if let Some(retrieval) = file.retrieval {
        let retrieval = retrieval
            .checked()
            .map_err(|problem| problem.within("retrieval"))?;
        store::retrieval::set(&mut tx, id, &retrieval).await?;
    }
    versions::first(&mut tx, id, seat.author()).await?;
    if let Some(rules) = &rules {
        store::conduct::save_handoff(&mut tx, id, rules, now).await?;
    }
    if let Some(hosts) = &hosts {
        store::conduct::save_link_hosts(&mut tx, id, hosts, now).await?;
    }
    if let Some(widget) = &file.widget {
        widgets::save(&mut tx, id, widget, now).await?;
    }
    let golden_questions = ask(&api, &mut tx, id, &file.golden_questions).await?;
    let mut added = Vec::new();
    for (at, source) in file.sources.into_iter().enumerate() {
        let new = source
            .checked(id)
            .map_err(|problem| problem.within(&format!("sources.{at}")))?;
        let Some(source) = stored::insert(&mut tx, &new).await? else {
            continue;
        };
        if matches!(new.content, stored::Content::Site(_)) {
            stored::hold_back(&mut tx, source.id, UNREAD).await?;
        }
        added.push(source);
    }
    let details = serde_json::json!({ "name": settings.name, "imported": true });
    seat.did(&api, &mut tx, "chatbot.create", id, details).await?;
    tx.commit().await?;
    for source in &added {
        sources::index(&api, &seat, source.id).await;
    }
    Ok(HttpResponse::Created().json(Imported {
        chatbot_id: id,
        new: true,
        golden_questions,
        sources: added.len(),
        needs_key: settings.model.is_some(),
    }))
}

/// Make the draft of a chatbot of a file.
///
/// What the file says of the chatbot's behaviour and of the search becomes its draft, whatever the draft was before, and
/// the file's golden questions are written. Hand-off, links, widget and sources, which have no draft, stay as they are. Keys
/// of models stay where the address does.
#[utoipa::path(
    post, path = "/api/chatbots/{chatbot_id}/import", params(ChatbotPath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file, as `…/export` gives it."),
    responses((status = 200, body = Imported))
)]
pub(crate) async fn import_draft(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    body: Upload,
) -> Result<Json<Imported>, Problem> {
    let (file, chatbot) = (file::read(&body.0)?, path.chatbot_id);
    let mut tx = seat.begin(&api).await?;
    let mut candidate = versions::live(&mut tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?;
    let given = file.chatbot;
    let model = given
        .model
        .map(|model| model.input(candidate.behaviour.model.as_ref()));
    let change = ChatbotChange {
        name: Some(given.name),
        instructions: Some(given.instructions),
        fallback_text: given.fallback_text,
        model: Some(model),
        max_answer_age_seconds: given.max_answer_age_seconds,
    };
    change::apply(&api, &seat, chatbot, &mut candidate, change)
        .await
        .map_err(|problem| problem.within("chatbot"))?;
    if let Some(retrieval) = file.retrieval {
        candidate.behaviour.retrieval = retrieval
            .checked()
            .map_err(|problem| problem.within("retrieval"))?;
    }
    versions::save_draft(&mut tx, chatbot, &candidate, seat.author(), api.now()).await?;
    let golden_questions = ask(&api, &mut tx, chatbot, &file.golden_questions).await?;
    let details = serde_json::json!({ "imported": true });
    seat.did(&api, &mut tx, "draft.update", chatbot, details).await?;
    tx.commit().await?;
    let model = candidate.behaviour.model.as_ref();
    Ok(Json(Imported {
        chatbot_id: chatbot,
        new: false,
        golden_questions,
        sources: 0,
        needs_key: model.is_some_and(|model| model.key_shown.is_none()),
    }))
}

/// Writes the file's golden questions; how many.
async fn ask(
    api: &AdminApi,
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    given: &[crate::golden::GoldenInput],
) -> Result<usize, Problem> {
    if given.len() > MOST as usize {
        let detail = format!(
            "the file has {} golden questions, and a chatbot {MOST} at most",
            given.len()
        );
        return Err(Problem::invalid("golden_questions", detail));
    }
    for (at, golden) in given.iter().enumerate() {
        let (question, expected) = golden
            .checked()
            .map_err(|problem| problem.within(&format!("golden_questions.{at}")))?;
        let written = golden::write(tx, chatbot, &question, &expected, None, api.now()).await?;
        written.ok_or_else(Problem::not_found)?;
    }
    room(tx, chatbot).await?;
    Ok(given.len())
}
